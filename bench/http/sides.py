"""What is measured: each program between a client and a server, alone on a CPU, with its CPU time as the kernel counts it."""

import atexit
import http.client
import json
import os
import secrets
import socket
import subprocess
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
PATIENCE_S = 60
PROXY_CPU, OTHER_CPU = 0, 1
ANSWER = {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "x" * 930}]}}


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as one:
        return one.getsockname()[1]


def until(done):
    end = time.monotonic() + PATIENCE_S
    while not (result := done()):
        if time.monotonic() > end:
            raise SystemExit(f"bench: waited {PATIENCE_S} s in vain")
        time.sleep(0.001)
    return result


def listens(port):
    with socket.socket() as one:
        return one.connect_ex(("127.0.0.1", port)) == 0


def children(pid):
    return [int(child) for task in Path(f"/proc/{pid}/task").iterdir() for child in (task / "children").read_text().split()]


def cpu_ns(pid):
    return sum(int((task / "schedstat").read_text().split()[0]) for task in Path(f"/proc/{pid}/task").iterdir())


def resident_kib(pid):
    return next(int(line.split()[1]) for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS:"))


@atexit.register
def end_all():
    for side in Side.begun:
        side.end()


class Side:
    """A program at `port`. What it starts counts as its own only if `whole`: the server behind it is not."""

    begun = set()

    def __init__(self, scratch, name, command, port, cpu=PROXY_CPU, whole=False):
        self.name, self.port, self.whole = name, port, whole
        self.command = ["taskset", "-c", str(cpu), *command]
        self.scratch, self.log = scratch, scratch / f"{name}.log"
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.scratch)
        Side.begun.add(self)
        until(lambda: self.alive() and listens(self.port))

    def alive(self):
        if self.process.poll() is not None:
            raise SystemExit(f"bench: {self.name} ended with {self.process.returncode}: {self.log.read_text(errors='replace')[-500:]}")
        return True

    def pids(self):
        return [self.process.pid, *(children(self.process.pid) if self.whole else [])]

    def cpu_ns(self):
        return sum(map(cpu_ns, self.pids()))

    def settled_cpu_ns(self):
        """Once it has done what it puts off, such as writing a log."""
        before, now = 0, self.cpu_ns()
        while now - before > 10_000_000:
            time.sleep(1.1)
            before, now = now, self.cpu_ns()
        return now

    def post(self, path, body, headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        connection.request("POST", path, json.dumps(body), {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read().decode()
        if answer.status not in (200, 201, 202):
            raise SystemExit(f"bench: {self.name} {path}: {answer.status} {text[:300]}")
        return answer, text

    def pin(self, cpu):
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                os.sched_setaffinity(int(task.name), {cpu})

    def end(self):
        """Asked to: a master that is killed leaves its workers."""
        if self.process.poll() is None:
            self.process.terminate()
        try:
            self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.process.kill()


def nginx(scratch, name, port, http, **options):
    where = scratch / name
    where.mkdir()
    (where / "nginx.conf").write_text(f"""
daemon off; worker_processes 1; pid {where}/pid; error_log stderr error;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; client_body_buffer_size 64k;
  client_body_temp_path {where}/a; proxy_temp_path {where}/b; fastcgi_temp_path {where}/c; uwsgi_temp_path {where}/d; scgi_temp_path {where}/e;
  {http}
}}""")
    return Side(scratch, name, ["nginx", "-e", "stderr", "-p", str(where), "-c", str(where / "nginx.conf")], port, whole=True, **options)


def origin(scratch):
    """Debian's nginx, which answers by itself: 200 bytes to a GET, a tool's result of 1 KiB to a POST."""
    port = free_port()
    return nginx(scratch, "origin", port, f"""server {{ listen 127.0.0.1:{port} backlog=4096;
    location /get {{ return 200 "{'x' * 200}"; }}
    location / {{ default_type application/json; return 200 '{json.dumps(ANSWER, separators=(",", ":"))}'; }} }}""", cpu=OTHER_CPU)


def nginx_proxy(scratch, upstream):
    port = free_port()
    return nginx(scratch, "nginx", port, f"""upstream origin {{ server 127.0.0.1:{upstream}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection "";
    proxy_set_header X-Forwarded-For $remote_addr; }} }}""")


def haproxy(scratch, upstream):
    port = free_port()
    config = scratch / "haproxy.cfg"
    config.write_text(f"""
global
  nbthread 1
  maxconn 4096
defaults
  mode http
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 600s
frontend agents
  bind 127.0.0.1:{port}
  default_backend origin
backend origin
  server one 127.0.0.1:{upstream}
""")
    return Side(scratch, "haproxy", ["haproxy", "-f", str(config)], port)


def notaus(scratch, build, name, servers="", routes=""):
    """`notaus up`, all of it: gate, audit log, control socket."""
    state, port = scratch / f"{name}.state", free_port()
    subprocess.run([build / "notaus", "init", "--state", state], check=True, stdout=subprocess.DEVNULL)
    (state / "notaus.yaml").write_text(f"""listen: {{ gate: "127.0.0.1:{port}" }}
anonymous: default
tools: {{ "file.read": read }}
servers: {{ {servers} }}
routes: [ {routes} ]
""")
    subprocess.run([build / "notaus", "tools", "approve", "file.read=read", "--state", state], check=True, stdout=subprocess.DEVNULL)
    side = Side(scratch, name, [str(build / "notaus"), "up", "--state", str(state)], port)
    side.state = state
    return side


def contextforge(scratch, python, server):
    """PyPI's mcp-contextforge-gateway as one process at its quickest: no authentication, no limits, and sessions, as without them it would open
    one to the server for each call."""
    port, home = free_port(), scratch / "contextforge"
    home.mkdir()
    secret = {name: secrets.token_urlsafe(48) for name in ("JWT_SECRET_KEY", "AUTH_ENCRYPTION_SECRET", "PLATFORM_ADMIN_PASSWORD")}
    settings = {**secret, "AUTH_REQUIRED": "false", "ALLOW_UNAUTHENTICATED_ADMIN": "true", "RATE_LIMITING_ENABLED": "false", "CACHE_TYPE": "memory",
                "DATABASE_URL": f"sqlite:///{home}/db", "USE_STATEFUL_SESSIONS": "true", "SSRF_ALLOW_LOCALHOST": "true", "TMPDIR": home}
    side = Side(scratch, "contextforge", ["env", *(f"{name}={value}" for name, value in settings.items()),
                                          str(python / "mcpgateway"), "--port", str(port), "--no-access-log"], port)
    side.post("/gateways", {"name": "every", "url": server, "transport": "STREAMABLEHTTP", "visibility": "public"}, {})
    return side
