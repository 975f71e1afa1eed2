"""The gate under a crowd: crowd_test.py [--connections N] [--build DIR] [STORY …]

slowhttptest (Debian's) hangs thousands of slow clients on it, others take its descriptors, send and ask for a GiB, or hold as many bodies half
sent as they can. Through all of it a stop stops, somebody honest is answered or told why not, and memory keeps its bound. No
time decides.
"""

import functools
import hashlib
import http.client
import http.server
import json
import os
import resource
import select
import shutil
import socket
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from script import Failure  # noqa: E402
from stories import options_of, tell  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402

SLOW = {"headers": ["-H", "-u", "http://{gate}/email/send"],
        "bodies": ["-B", "-s", "8192", "-u", "http://{gate}/email/send"],
        "reading": ["-X", "-k", "3", "-w", "10", "-y", "20", "-n", "5", "-z", "32", "-u", "http://{gate}/large/64"]}
GIB = 1 << 30
MIB = 1 << 20
SPARE_MIB = 24      # above what it holds when nobody is there
EACH_KIB = 24       # of a connection
HELD_MIB = 2 * 128  # net::Limits.held, which a string may double as it grows

CONFIG = """
listen: { gate: "127.0.0.1:0" }
anonymous: default
routes:
  - { path: /email/send, tool: email.send, url: "$mail" }
  - { path: /large/*, tool: file.read, effect: read, url: "$sink" }
"""
SEATS = 4
SLOW_TOKEN = "slow"
ONE_SLOW_AGENT = f"""limits: {{ calls_per_agent: {SEATS} }}
agents: [{{ token_sha256: "{hashlib.sha256(SLOW_TOKEN.encode()).hexdigest()}", tenant: acme, agent: slow }}]
"""


class Sink(http.server.BaseHTTPRequestHandler):
    """GET /large/N answers with N KiB; what is posted to it is counted."""

    protocol_version = "HTTP/1.1"
    piece = b"x" * MIB

    def do_GET(self):
        rest = int(self.path.rsplit("/", 1)[1]) << 10
        self.send_response(200)
        self.send_header("Content-Length", str(rest))
        self.end_headers()
        while rest:
            rest -= self.wfile.write(self.piece[:min(rest, MIB)])

    def do_POST(self):
        seen, rest = 0, int(self.headers.get("Content-Length", 0))
        while seen < rest:
            seen += len(self.rfile.read1(min(rest - seen, MIB)))
        text = str(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *arguments):
        pass


class SinkServer(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 4096

    def handle_error(self, request, client_address):
        pass


class Place:
    """A gate, the tools behind it, an operator and an honest client."""

    def __init__(self, build, name, descriptors=None):
        self.world = World(build, f"crowd-{name}")
        self.world.start_upstream("mail")
        self.sink = SinkServer(("127.0.0.1", 0), Sink)
        threading.Thread(target=self.sink.serve_forever, daemon=True).start()
        self.world.saved["sink"] = f"http://127.0.0.1:{self.sink.server_address[1]}"
        self.world.config = (CONFIG + (ONE_SLOW_AGENT if name == "slow_readers" else "")).splitlines()
        self.world.write_config()
        self.operator("init")
        if descriptors:
            self.world.prefix = ["prlimit", f"--nofile={descriptors}"]
        self.world.start_up()
        self.world.prefix = []
        self.gate = self.world.saved["GATE"]
        self.pid = int(self.world.saved["UP_PID"])
        self.rest_mib = self.most_mib()

    def close(self, keep):
        self.sink.shutdown()
        self.sink.server_close()
        self.world.close(keep=keep)

    def operator(self, words, exits=(0,)):
        done = self.world.shell(f"notaus {words}")
        if done.returncode not in exits:
            raise Failure(f"notaus {words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def connect(self):
        host, port = self.gate.split(":")
        return socket.create_connection((host, int(port)), timeout=PATIENCE_S)

    def ask(self, method="POST", target="/email/send", body=b"{}", token=None):
        """Status and Notaus-Reason; whatever goes on, there is an answer."""
        connection = http.client.HTTPConnection(self.gate, timeout=PATIENCE_S)
        try:
            connection.request(method, target, body, {"Authorization": f"Bearer {token}"} if token else {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, answer.getheader("Notaus-Reason"), text
        except (OSError, http.client.HTTPException) as broken:
            raise Failure(f"{method} {target} has no answer: {broken!r}") from None
        finally:
            connection.close()

    def expect(self, status, reason=None, **request):
        got = self.ask(**request)
        if got[:2] != (status, reason):
            raise Failure(f"wanted {status} {reason}, got {got}")

    def stops_and_resumes(self):
        """The promise: what is stopped does not run, with a call that runs before and after."""
        until(PATIENCE_S, lambda: self.expect(200))
        ran = self.world.events("ran", "email.send")
        said = json.loads(self.operator("stop --tool email.send --wait 30s --reason crowd --json").stdout)
        until(PATIENCE_S, lambda: self.expect(403, "killed: tool_disabled:email.send"))  # it may have no seat at first; if it ran, it is counted
        if self.world.events("ran", "email.send") != ran:
            raise Failure("a stopped tool ran")
        self.operator(f"resume {said['record']['id']} --reason over")
        until(PATIENCE_S, lambda: self.expect(200))

    def connections(self):
        return sum(1 for name in os.listdir(f"/proc/{self.pid}/fd") if link(f"/proc/{self.pid}/fd/{name}").startswith("socket:"))

    def most_mib(self):
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1]) / 1024

    def keeps_bound(self, connections=0, held_mib=0):
        bound = self.rest_mib + SPARE_MIB + connections * EACH_KIB / 1024 + held_mib
        if self.most_mib() > bound:
            raise Failure(f"{self.most_mib():.0f} MiB of memory, where {bound:.0f} are the bound")
        return f"{self.rest_mib:.0f} MiB before, at most {self.most_mib():.0f} of {bound:.0f}"


def link(path):
    try:
        return os.readlink(path)
    except FileNotFoundError:
        return ""


def at_least(wanted, seen):
    if seen() < wanted:
        raise Failure(f"{seen()}, where {wanted} are wanted")


def readable(peers):
    return select.select(peers, [], [], 0)[0]


def heard(peer):
    try:
        return peer.recv(1 << 16)
    except OSError:
        return b""


def at_most(wanted, seen):
    if seen() > wanted:
        raise Failure(f"{seen()}, where {wanted} are the most")


def slow(kind):
    def story(place, options):
        words = [word.format(gate=place.gate) for word in SLOW[kind]]
        crowd = subprocess.Popen(["slowhttptest", "-c", str(options.connections), "-r", "2000", "-l", "120", "-i", "10", "-v", "0", *words],
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            until(4 * PATIENCE_S, lambda: at_least(options.connections, place.connections))
            place.stops_and_resumes()
            at_least(options.connections * 0.9, place.connections)  # they have been there all the while
        finally:
            crowd.kill()
            crowd.wait()
        until(2 * PATIENCE_S, lambda: at_most(options.connections / 10, place.connections))
        place.stops_and_resumes()
        return place.keeps_bound(options.connections)
    return story


def descriptors(place, options):
    """Of 256, which is less than they ask for. 64 are kept back, of which those who have just been told so take some for a moment."""
    idle = [place.connect() for _ in range(200)]
    for one in idle:
        one.sendall(b"GET /large/1 HTTP/1.1\r\nHost: localhost\r\n\r\n")   # half of these take one to the sink, too
    more = [place.connect() for _ in range(200)]
    until(PATIENCE_S, lambda: at_most(192 + 16, lambda: len(os.listdir(f"/proc/{place.pid}/fd"))))
    told = more[-1].recv(1 << 16)
    if not told.startswith(b"HTTP/1.1 503 ") or b"too many connections" not in told:
        raise Failure(f"one too many was told: {told}")
    until(PATIENCE_S, lambda: place.expect(503))
    said = json.loads(place.operator("stop --tool email.send --wait 30s --reason crowd --json").stdout)
    if place.connections() < 100:
        raise Failure("the descriptors were not taken")
    for one in idle + more:
        one.close()
    until(PATIENCE_S, lambda: place.expect(403, "killed: tool_disabled:email.send"))
    place.operator(f"resume {said['record']['id']} --reason over")
    place.stops_and_resumes()
    return place.keeps_bound(400)


def told_by(peer):
    """All of it: head and body of an answer may come apart, and behind a refusal comes a reset."""
    told = b""
    try:
        while piece := peer.recv(1 << 16):
            told += piece
    except ConnectionResetError:
        pass
    return told


def gib_sent(place, options):
    """As one body, in chunks, and to where it is too long; it passes by or is refused, and is never held."""
    def send(head, piece=Sink.piece):
        with place.connect() as peer:
            peer.sendall(head)
            try:
                for _ in range(GIB // MIB):
                    peer.sendall(piece)
                peer.sendall(b"0\r\n\r\n" if piece is not Sink.piece else b"")
            except OSError:
                pass  # refused before the end
            return told_by(peer)
    head = "POST {} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n{}\r\n\r\n"
    whole = send(head.format("/large/0", f"Content-Length: {GIB}").encode())
    if not whole.startswith(b"HTTP/1.1 200 ") or not whole.rstrip().endswith(str(GIB).encode()):
        raise Failure(f"a GiB is answered: {whole}")
    place.stops_and_resumes()
    refused = send(head.format("/mcp/none", f"Content-Length: {GIB}").encode())
    if refused and not refused.startswith((b"HTTP/1.1 413", b"HTTP/1.1 404")):
        raise Failure(f"a GiB for MCP is answered: {refused}")
    chunk = b"%x\r\n%b\r\n" % (MIB, Sink.piece)
    send(head.format("/large/0", "Transfer-Encoding: chunked").encode(), chunk)
    return place.keeps_bound()


def gib_answered(place, options):
    """To somebody who reads it, and to some who do not: hardly anything is held for them."""
    slow_ones = [place.connect() for _ in range(64)]
    for one in slow_ones:
        one.sendall(f"GET /large/{GIB >> 10} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    with place.connect() as peer:
        peer.sendall(f"GET /large/{GIB >> 10} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
        seen = 0
        while piece := peer.recv(MIB):
            seen += len(piece)
    if seen < GIB:
        raise Failure(f"{seen} bytes of a GiB")
    place.stops_and_resumes()
    for one in slow_ones:
        one.close()
    return place.keeps_bound(64)


def bodies_held(place, options):
    """1 MiB each, of which the last byte never comes: more than may wait at once. Who is one too many is told so."""
    peers = []
    for _ in range(400):
        peer = place.connect()
        peers.append(peer)
        peer.sendall(f"POST /email/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MIB}\r\n\r\n".encode())
        try:
            peer.sendall(Sink.piece[1:])
        except OSError:
            pass
    until(PATIENCE_S, lambda: at_least(200, lambda: len(readable(peers))))
    told = max((heard(peer) for peer in readable(peers)), key=len)
    if not told.startswith(b"HTTP/1.1 503 ") or b"wait in memory" not in told:
        raise Failure(f"one too many was told: {told}")
    until(PATIENCE_S, lambda: place.expect(503, body=Sink.piece))
    said = json.loads(place.operator("stop --tool email.send --wait 30s --reason crowd --json").stdout)
    for peer in peers:
        peer.close()
    until(PATIENCE_S, lambda: place.expect(403, "killed: tool_disabled:email.send"))
    place.operator(f"resume {said['record']['id']} --reason over")
    place.stops_and_resumes()
    return place.keeps_bound(400, HELD_MIB)


def slow_readers(place, options):
    """One agent's, of answers that it does not read: it has so many calls under way and no more, and others have theirs."""
    request = f"GET /large/{64 << 10} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {SLOW_TOKEN}\r\n\r\n".encode()
    peers = [place.connect() for _ in range(SEATS * len(os.sched_getaffinity(0)) + 1)]  # more than it may have on all cores
    for peer in peers:
        peer.sendall(request)
    until(PATIENCE_S, lambda: at_least(len(peers), lambda: len(readable(peers))))
    heads = [peer.recv(4096, socket.MSG_PEEK) for peer in peers]
    turned_away = [head for head in heads if head.startswith(b"HTTP/1.1 503 ")]
    if not turned_away or not all(b"calls_per_agent" in head for head in turned_away):
        raise Failure(f"one too many was told: {turned_away}")
    served = len(heads) - len(turned_away)
    if served < SEATS or sum(head.startswith(b"HTTP/1.1 200 ") for head in heads) != served:
        raise Failure(f"{served} of {len(heads)} are served, where each core has {SEATS}")
    place.stops_and_resumes()
    for peer in peers:
        peer.close()
    until(PATIENCE_S, lambda: place.expect(200, method="GET", target="/large/1", token=SLOW_TOKEN))
    return f"{served} of {len(peers)} served, {place.keeps_bound(len(peers))}"


STORIES = {**{f"slow_{kind}": slow(kind) for kind in SLOW}, "descriptors": descriptors, "gib_sent": gib_sent, "gib_answered": gib_answered,
           "bodies_held": bodies_held, "slow_readers": slow_readers}


def main():
    options = options_of(__doc__, STORIES, connections=5000)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    if not shutil.which("slowhttptest"):
        sys.exit("crowd_test: no slowhttptest; packaging/deps.sh test installs it")
    told = {name: functools.partial(story, options=options) for name, story in STORIES.items()}
    return tell(told, options, lambda name: Place(options.build, name, descriptors=256 if name == "descriptors" else None))


if __name__ == "__main__":
    sys.exit(main())
