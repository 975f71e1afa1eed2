"""TLS to agents and to upstreams, with certificates made here by openssl: tls_test.py [--build DIR] [STORY …]

An upstream whose certificate is another's, is over, or is signed by nobody we believe gets no byte of a call, and the answer says which it is. An agent
without the certificate that is wanted gets no answer at all. What is stopped is stopped here too.
"""

import http.client
import http.server
import json
import os
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from script import Failure  # noqa: E402
from stories import equal, options_of, tell  # noqa: E402
from world import PATIENCE_S, World, skewed, until  # noqa: E402


MAILER = "spiffe://acme.test/mailer"


class Certificates:
    """A CA, and what it or another one signs."""

    def __init__(self, directory, build):
        self.directory, self.build = directory, build
        directory.mkdir()
        self.authority("ca")
        self.authority("other")
        self.signed("good", "DNS:localhost,IP:127.0.0.1")
        self.signed("wrong_host", "DNS:elsewhere.test")
        self.signed("expired", "DNS:localhost,IP:127.0.0.1", began="-400d")
        self.signed("unknown_ca", "DNS:localhost,IP:127.0.0.1", by="other")
        self.signed("agent", "DNS:agent")
        self.signed("foreign_agent", "DNS:agent", by="other")
        self.signed("mailer", f"DNS:host.test,URI:{MAILER}")
        self.signed("of_another_kind", f"DNS:{MAILER}")
        zero = MAILER.encode() + b"\0.test"
        self.signed("longer_than_it_looks", "DER:" + bytes([0x30, len(zero) + 2, 0x86, len(zero), *zero]).hex(":"))   # one URI

    def openssl(self, *words, at=None):
        clock = skewed(self.build, at) if at else {}
        done = subprocess.run(["openssl", *words], cwd=self.directory, env={**os.environ, **clock}, capture_output=True, text=True)
        if done.returncode != 0:
            raise Failure(f"openssl {' '.join(words)}: {done.stderr}")

    def authority(self, name):
        self.openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650", "-subj", f"/CN={name}",
                     "-keyout", f"{name}.key", "-out", f"{name}.pem", at="-500d")

    def signed(self, name, names, by="ca", began=None):
        self.openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}", "-keyout", f"{name}.key",
                     "-out", f"{name}.csr")
        (self.directory / f"{name}.ext").write_text(f"subjectAltName={names}\n")
        self.openssl("x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.pem", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "300", "-extfile",
                     f"{name}.ext", "-out", f"{name}.pem", at=began)

    def __getitem__(self, name):
        return str(self.directory / name)


class Tool(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.server.ran.append(self.path)
        self.server.authorized.append(self.headers.get("Authorization"))
        answer = body * 64 if self.path.endswith("/large") else body
        self.send_response(200)
        if self.path.endswith("/events"):
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for number in range(20):
                event = f"data: {number}\n\n".encode()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
            self.wfile.write(b"0\r\n\r\n")
            return
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


class Upstream(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, certificates, name):
        super().__init__(("127.0.0.1", 0), Tool)
        self.ran, self.authorized = [], []
        settings = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        settings.load_cert_chain(certificates[f"{name}.pem"], certificates[f"{name}.key"])
        self.socket = settings.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def handle_error(self, request, client_address):
        pass


class Place:
    def __init__(self, build, name):
        self.world = World(build, f"tls-{name}")
        self.certificates = Certificates(self.world.directory / "certificates", self.world.build)
        self.upstreams = {}

    def close(self, keep):
        for upstream in self.upstreams.values():
            upstream.shutdown()
            upstream.server_close()
        self.world.close(keep=keep)

    def begin(self, names, tls=(), host="localhost", more=(), callers=("anonymous: default",)):
        """A route for each upstream, which shows the certificate of that name."""
        lines = ['listen: { gate: "127.0.0.1:0" }', *callers, "routes:"]
        for name in names:
            self.upstreams[name] = Upstream(self.certificates, name)
            url = f"https://{host}:{self.upstreams[name].server_address[1]}"
            lines.append(f'  - {{ path: "/{name}/*", tool: email.send, url: "{url}" }}')
        lines += [f'  - {{ path: "/{name}/*", tool: email.send, url: "{url}" }}' for name, url in more]
        if tls:
            lines.append("tls: { " + ", ".join(f'{key}: "{self.certificates[file]}"' for key, file in tls) + " }")
        self.world.config = lines
        self.world.write_config()
        done = self.world.shell("notaus config check && notaus init")
        if done.returncode != 0:
            raise Failure(done.stderr)
        self.world.start_up()

    def ask(self, target, body=b"{}", settings=None, headers=()):
        address = self.world.saved["GATE"]
        port = address.rsplit(":", 1)[1]
        if settings:
            connection = http.client.HTTPSConnection(f"localhost:{port}", timeout=PATIENCE_S, context=settings)
        else:
            connection = http.client.HTTPConnection(address, timeout=PATIENCE_S)
        try:
            connection.request("POST", target, body, dict(headers))
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def stop(self, scope="--tool email.send"):
        return json.loads(self.world.shell(f"notaus stop {scope} --wait 30s --reason x --json").stdout)["record"]["id"]


def client_settings(place, certificate=None, ca="ca.pem"):
    settings = ssl.create_default_context(cafile=place.certificates[ca])
    if certificate:
        settings.load_cert_chain(place.certificates[f"{certificate}.pem"], place.certificates[f"{certificate}.key"])
    return settings


def refused(seen, why):
    if seen[0] != 502 or b"not_sent" not in seen[1] or why not in seen[1]:
        raise Failure(f"{seen}, wanted 502, not_sent, {why}")


def upstreams(place):
    names = ["good", "wrong_host", "expired", "unknown_ca"]
    place.begin(names, tls=[("upstream_ca", "ca.pem")])
    equal(place.ask("/good/x", b"hello"), (200, b"hello"))
    refused(place.ask("/wrong_host/x"), b"hostname mismatch")
    refused(place.ask("/expired/x"), b"certificate has expired")
    refused(place.ask("/unknown_ca/x"), b"unable to get local issuer certificate")
    equal([len(place.upstreams[name].ran) for name in names], [1, 0, 0, 0])
    large = os.urandom(700_000)
    equal(place.ask("/good/x", large), (200, large))
    equal(place.ask("/good/large", large[:300_000]), (200, large[:300_000] * 64))
    equal(place.ask("/good/events")[1].count(b"data: "), 20)
    for number in range(50):
        equal(place.ask("/good/x", b"%d" % number), (200, b"%d" % number))   # over kept connections
    ran = len(place.upstreams["good"].ran)
    stop = place.stop()
    equal(place.ask("/good/x")[0], 403)
    equal(len(place.upstreams["good"].ran), ran)
    place.world.shell(f"notaus resume {stop} --reason over")
    until(PATIENCE_S, lambda: equal(place.ask("/good/x", b"again"), (200, b"again")))
    return "one is believed, three are not"


def by_address(place):
    """An address is checked as one; and whom the system believes is not us."""
    place.begin(["good", "wrong_host"], tls=[("upstream_ca", "ca.pem")], host="127.0.0.1")
    equal(place.ask("/good/x", b"hello"), (200, b"hello"))
    refused(place.ask("/wrong_host/x"), b"IP address mismatch")
    return "checked"


def system_believes_nobody_of_ours(place):
    place.begin(["good"])
    refused(place.ask("/good/x"), b"unable to get local issuer certificate")
    equal(place.upstreams["good"].ran, [])
    return "not believed"


def no_tls_there(place):
    """An upstream that speaks plain HTTP on that port, or nothing: said as it is."""
    plain = socket.create_server(("127.0.0.1", 0))

    def serve():
        while True:
            peer = plain.accept()[0]
            peer.recv(65536)
            peer.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            peer.close()
    threading.Thread(target=serve, daemon=True).start()
    place.begin(["good"], tls=[("upstream_ca", "ca.pem")], more=[("plain", f"https://localhost:{plain.getsockname()[1]}"),
                                                                 ("nobody", "https://localhost:1")])
    refused(place.ask("/plain/x"), b"TLS: wrong version number")
    refused(place.ask("/nobody/x"), b"Connection refused")
    equal(place.ask("/good/x", b"hello"), (200, b"hello"))
    return "said"


def agents(place):
    """The gate shows its certificate; with client_ca an agent shows one too. Plain HTTP gets no answer there."""
    place.begin(["good"], tls=[("cert", "good.pem"), ("key", "good.key"), ("client_ca", "ca.pem"), ("upstream_ca", "ca.pem")])
    known = client_settings(place, "agent")
    equal(place.ask("/good/x", b"hello", known), (200, b"hello"))
    large = os.urandom(900_000)
    equal(place.ask("/good/large", large[:400_000], known), (200, large[:400_000] * 64))
    for wrong in (client_settings(place), client_settings(place, "foreign_agent"), client_settings(place, "agent", ca="other.pem"), None):
        try:
            seen = place.ask("/good/x", settings=wrong)
        except (OSError, http.client.HTTPException):
            continue
        raise Failure(f"was answered: {seen}")
    equal(len(place.upstreams["good"].ran), 2)
    stop = place.stop()
    seen = place.ask("/good/x", settings=known)
    equal((seen[0], json.loads(seen[1])["reason"]), (403, "killed: tool_disabled:email.send"))
    place.world.shell(f"notaus resume {stop} --reason over")
    until(PATIENCE_S, lambda: equal(place.ask("/good/x", b"again", known), (200, b"again")))
    # handshakes that never end, or begin as something else, keep nobody from being heard
    host, port = place.world.saved["GATE"].split(":")
    hangers = [socket.create_connection((host, int(port))) for _ in range(200)]
    for number, each in enumerate(hangers):
        each.sendall([b"", b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n", os.urandom(300)][number % 4])
    equal(place.ask("/good/x", b"hello", known), (200, b"hello"))
    for each in hangers:
        each.close()
    return "known by its certificate"


def certified(place):
    """Whom a certificate names is that agent; its Authorization is the tool's. A name of another kind, or one with a zero byte, is nobody's."""
    place.begin(["good"], tls=[("cert", "good.pem"), ("key", "good.key"), ("client_ca", "ca.pem"), ("upstream_ca", "ca.pem")],
                callers=["agents:", f'  - {{ certificate: "URI:{MAILER}", tenant: acme, agent: mailer }}'])
    mailer, ran = client_settings(place, "mailer"), place.upstreams["good"].ran
    equal(place.ask("/good/x", b"hello", mailer, {"Authorization": "Bearer the-tool's"}), (200, b"hello"))
    equal(place.upstreams["good"].authorized, ["Bearer the-tool's"])
    for other in ("agent", "of_another_kind", "longer_than_it_looks"):
        status, answer = place.ask("/good/x", b"hello", client_settings(place, other))
        equal((other, status, b"no name of its certificate" in answer), (other, 401, other != "longer_than_it_looks"))
    equal(len(ran), 1)
    place.stop("--tenant globex")
    equal(place.ask("/good/x", b"hello", mailer), (200, b"hello"))
    stop = place.stop("--tenant acme --agent mailer")
    seen = place.ask("/good/x", b"hello", mailer)
    equal((seen[0], json.loads(seen[1])["reason"], len(ran)), (403, "killed: writes_disabled:email.send", 2))
    place.world.shell(f"notaus resume {stop} --reason over")
    until(PATIENCE_S, lambda: equal(place.ask("/good/x", b"again", mailer), (200, b"again")))
    return "an agent by name, three nobody"


def reloaded(place):
    """A new certificate is shown from the reload on; one that cannot be used changes nothing."""
    place.begin(["good"], tls=[("cert", "good.pem"), ("key", "good.key"), ("upstream_ca", "ca.pem")])
    equal(place.ask("/good/x", b"hello", client_settings(place)), (200, b"hello"))
    text = place.world.config_file().read_text()
    place.world.config_file().write_text(text.replace("good.key", "agent.key"))
    said = place.world.shell("notaus config reload")
    if said.returncode != 1 or "key values mismatch" not in said.stderr:
        raise Failure(f"a key of another certificate: {said}")
    equal(place.ask("/good/x", b"hello", client_settings(place)), (200, b"hello"))
    place.world.config_file().write_text(text.replace("good.pem", "wrong_host.pem").replace("good.key", "wrong_host.key"))
    said = place.world.shell("notaus config reload")
    equal(said.returncode, 0)

    def other():
        try:
            place.ask("/good/x", b"hello", client_settings(place))
        except ssl.SSLCertVerificationError:
            return
        raise Failure("still the old certificate")
    until(PATIENCE_S, other)
    return "shown from then on"


STORIES = {each.__name__: each for each in (upstreams, by_address, system_believes_nobody_of_ours, no_tls_there, agents, certified, reloaded)}


def main():
    options = options_of(__doc__, STORIES)
    return tell(STORIES, options, lambda name: Place(options.build, name))


if __name__ == "__main__":
    sys.exit(main())
