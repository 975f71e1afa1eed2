"""Messages that HTTP and JSON stacks read differently, against four of them: stacks_test.py SCRATCH

Each is sent to the server directly, which shows that it has teeth there, and through the gate with email.send stopped, where it must run nothing. Stacks whose language is not installed are named and left out; two are the least.
"""

import gzip
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import urllib.request
from contextlib import ExitStack
from pathlib import Path

HERE = Path(__file__).resolve().parent
GSON = Path("/usr/share/java/gson.jar")
CALL = '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"email.send"}}'
HARMLESS = '{"jsonrpc":"2.0","id":7,"method":"ping"}'


def with_params(params):
    return '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":' + params + "}"


BODIES = {
    "as it is": CALL,
    "name twice, last wins": with_params('{"name":"crm.find","name":"email.send"}'),
    "name twice, first wins": with_params('{"name":"email.send","name":"crm.find"}'),
    "name twice, escaped": with_params('{"name":"crm.find","n\\u0061me":"email.send"}'),
    "Name behind name": with_params('{"name":"crm.find","Name":"email.send"}'),
    "NAME before name": with_params('{"NAME":"email.send","name":"crm.find"}'),
    "only Name": with_params('{"Name":"email.send"}'),
    "long s": '{"jsonrpc":"2.0","id":7,"method":"tools/call","param\\u017f":{"name":"email.send"}}',
    "params twice": '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"crm.find"},"params":{"name":"email.send"}}',
    "Params": '{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"crm.find"},"Params":{"name":"email.send"}}',
    "method twice": '{"jsonrpc":"2.0","id":7,"method":"ping","method":"tools/call","params":{"name":"email.send"}}',
    "Method": '{"jsonrpc":"2.0","id":7,"method":"ping","Method":"tools/call","params":{"name":"email.send"}}',
    "escaped values": '{"jsonrpc":"2.0","id":7,"method":"tools\\u002fcall","params":{"name":"\\u0065mail.send"}}',
    "a batch": f"[{CALL}]",
    "a batch behind a ping": f"[{HARMLESS},{CALL}]",
    "two messages": HARMLESS + CALL,
    "two lines": HARMLESS + "\n" + CALL,
    "behind the call": CALL + HARMLESS,
    "a BOM": "\ufeff" + CALL,
    "no id": CALL.replace('"id":7,', ""),
    "id null": CALL.replace("7", "null"),
    "comments": CALL.replace('"id"', '/* a */ "id"'),
    "single quotes": CALL.replace('"', "'"),
    "NaN": with_params('{"name":"email.send","arguments":{"x":NaN}}'),
    "a comma too many": CALL[:-1] + ",}",
    "deep": with_params('{"name":"email.send","arguments":' + "[" * 300 + "]" * 300 + "}"),
    "a lone surrogate": with_params('{"name":"email.send","x":"\\ud800"}'),
    "NUL behind the name": with_params('{"name":"email.send\\u0000"}'),
}


def head(*lines, length=None, kind="application/json"):
    framing = [f"Content-Length: {length}"] if length is not None else []
    return "\r\n".join(["POST PATH HTTP/1.1", "Host: localhost", f"Content-Type: {kind}", *framing, *lines, "", ""]).encode()


def plain(body, **options):
    data = body if isinstance(body, bytes) else body.encode("utf-8", "surrogatepass")
    return head(length=len(data), **options) + data


def chunked(body, extension="", trailer=""):
    return head("Transfer-Encoding: chunked") + f"{len(body):x}{extension}\r\n{body}\r\n0\r\n{trailer}\r\n".encode()


def corpus():
    for name, body in BODIES.items():
        yield name, plain(body)
        yield name + ", in chunks", chunked(body)
    squeezed = gzip.compress(CALL.encode())
    yield "gzip", head("Content-Encoding: gzip", length=len(squeezed)) + squeezed
    yield "utf-16", plain(CALL.encode("utf-16"), kind="application/json; charset=utf-16")
    yield "another type", plain(CALL, kind="text/plain")
    yield "capital type", plain(CALL, kind="Application/JSON")
    yield "invalid UTF-8", plain(CALL.encode().replace(b"send", b"send\xff"))
    inner = head(length=len(CALL)) + CALL.encode()
    yield "CL and TE", head("Transfer-Encoding: chunked", length=4) + b"0\r\n\r\n" + inner
    yield "TE and CL", head("Transfer-Encoding: chunked", length=len(b"0\r\n\r\n" + inner)) + b"0\r\n\r\n" + inner
    yield "CL twice", head(f"Content-Length: {len(inner)}", length=0) + inner
    yield "TE spelled otherwise", head("Transfer-Encoding: xchunked") + b"0\r\n\r\n" + inner
    yield "TE with a space", head("Transfer-Encoding : chunked") + chunked(CALL).split(b"\r\n\r\n", 1)[1]
    yield "a chunk extension", chunked(CALL, extension=";a=b")
    yield "a trailer", chunked(CALL, trailer="X: y\r\n")
    yield "bare LF", plain(CALL).replace(b"\r\n", b"\n")
    yield "a folded line", head("X: a\r\n b", length=len(CALL)) + CALL.encode()
    yield "behind a ping", plain(HARMLESS) + plain(CALL)
    yield "behind an error", plain("{") + plain(CALL)
    yield "an absolute target", plain(CALL).replace(b"PATH", b"http://localhostPATH", 1)
    yield "another name for it", head("Mcp-Name: crm.find", length=len(CALL)) + CALL.encode()
    yield "a query", plain(CALL).replace(b"PATH", b"PATH?x=y", 1)


def say(port, path, data):
    """What comes back does not matter here; only what ran."""
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.settimeout(5)
        try:
            peer.sendall(data.replace(b"PATH", path.encode(), 1).replace(b"PATH", path.encode()))
            peer.shutdown(socket.SHUT_WR)
            while peer.recv(65536):
                pass
        except OSError:
            pass


class Stack:
    def __init__(self, name, command):
        self.name = name
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.port = int(self.process.stdout.readline())

    def ran(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/count") as answer:
            return json.load(answer).get("email.send", 0)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def commands(scratch):
    yield "python", [sys.executable, str(HERE / "believer.py")]
    if shutil.which("node"):
        yield "node", ["node", str(HERE / "believer.mjs")]
    if shutil.which("go"):
        program = scratch / "believer"
        subprocess.run(["go", "build", "-o", str(program), str(HERE / "believer.go")], check=True, env=os.environ | {"GOCACHE": str(scratch / "go"), "GO111MODULE": "off"})
        yield "go", [str(program)]
    if shutil.which("javac") and GSON.exists():
        subprocess.run(["javac", "-cp", str(GSON), "-d", str(scratch), str(HERE / "Believer.java")], check=True)
        yield "java", ["java", "-cp", f"{GSON}:{scratch}", "Believer"]


class Gate:
    def __init__(self, directory, stacks):
        self.notaus = str(Path(os.environ["NOTAUS_BUILD"]).resolve() / "notaus")
        self.environment = os.environ | {"NOTAUS_STATE": str(directory / "state"), "NOTAUS_CONFIG": str(directory / "notaus.yaml")}
        servers = "".join(f'  {stack.name}: {{ url: "http://127.0.0.1:{stack.port}/mcp" }}\n' for stack in stacks)
        (directory / "notaus.yaml").write_text('listen: { gate: "127.0.0.1:0" }\nanonymous: default\nservers:\n' + servers)
        self.operator("init")
        self.process = subprocess.Popen([self.notaus, "up"], env=self.environment, stderr=subprocess.PIPE, text=True)
        said = next(line for line in self.process.stderr if " gate=" in line)
        self.port = int(said.split(" gate=")[1].split()[0].rsplit(":", 1)[1])

    def operator(self, *words):
        subprocess.run([self.notaus, *words], env=self.environment, check=True, capture_output=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()


def through(gate, stack):
    """How many messages ran the tool that the stack was sent directly, and what is wrong."""
    path, wrong, teeth = f"/mcp/{stack.name}", [], 0
    for name, data in corpus():
        before = stack.ran()
        say(stack.port, "/mcp", data)
        teeth += stack.ran() > before
    before = stack.ran()
    say(gate.port, path, plain(CALL))
    if stack.ran() != before + 1:
        wrong.append("a call that nobody stopped did not run")
    gate.operator("stop", "--tool", "email.send", "--reason", "stacks")
    for name, data in corpus():
        before = stack.ran()
        say(gate.port, path, data)
        if stack.ran() != before:
            wrong.append(name)
    gate.operator("resume", "--tool", "email.send", "--reason", "stacks")
    return teeth, wrong


def main(scratch):
    scratch = Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory() as directory, ExitStack() as open_ones:
        stacks = [open_ones.enter_context(Stack(*each)) for each in commands(scratch)]
        gate = open_ones.enter_context(Gate(Path(directory), stacks))
        for stack in stacks:
            teeth, wrong = through(gate, stack)
            print(f"{stack.name}: {teeth} of {sum(1 for _ in corpus())} ran directly; behind the gate, stopped: {wrong or 'none'}", flush=True)
            failed |= bool(wrong) or teeth < 10
        print("left out: " + (", ".join({"python", "node", "go", "java"} - {stack.name for stack in stacks}) or "none"))
        return failed or len(stacks) < 2


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
