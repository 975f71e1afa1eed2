#!/usr/bin/env python3
"""What the gate costs, beside what else could stand there: http_bench.py BUILD_DIR [--quick]; prints one JSON object a row.

Debian's haproxy and nginx in front of the same origin; npm's mcp-proxy and supergateway, PyPI's mcp-proxy and ContextForge in front of the same MCP
server. Proxies have a CPU of their own, wrk and the origin share the other; for latency all share one, since between two idle ones the wake-up is
most of it. The sides take turns in every round, and a ratio is the median of those of the rounds. CPU is what the kernel counts for all threads of
a side until it has settled, so what is put off, such as the audit log, is in it.
"""
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from threading import Timer

sys.path[:0] = [str(Path(__file__).resolve().parent / "http"), str(Path(__file__).resolve().parent.parent / "tests/real")]
import sides  # noqa: E402
import streams  # noqa: E402
from run import install_npm, install_python, newer_node  # noqa: E402

HERE = Path(__file__).resolve().parent / "http"
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


def one_kib(tool):
    arguments = {"message": ""}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    arguments["message"] = "x" * (1024 - len(json.dumps(call, separators=(",", ":"))))
    return call


def load(side, path, seconds, connections=64, cpu=sides.OTHER_CPU, method="GET", body=None, headers=(), own_ids=False):
    """{"requests", "bad", "p50_us"} of one run of wrk."""
    environment = {**os.environ, "METHOD": method, "HEADERS": "\n".join(f"{name}: {value}" for name, value in dict(headers).items())}
    if body:
        text = json.dumps(body, separators=(",", ":"))
        environment |= {"BODY": text.replace('"id":1', '"id":ID') if own_ids else text} | ({"IDS": "1"} if own_ids else {})
    words = ["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "wrk.lua"), f"http://127.0.0.1:{side.port}{path}"]
    return json.loads(subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def wrk(side, path, seconds, **request):
    """The same; every answer must be a good one."""
    seen = load(side, path, seconds, **request)
    if seen["bad"] or not seen["requests"]:
        raise SystemExit(f"bench: {side.name} {path}: {seen}")
    return seen


def row(name, unit, values):
    values = sorted(values)
    print(json.dumps({"name": name, "unit": unit, "n": len(values), "p50": round(median(values), 3), "p99": round(values[-1], 3), "max": round(values[-1], 3)}), flush=True)


def value(name, unit, number):
    print(json.dumps({"name": name, "unit": unit, "value": round(number, 3)}), flush=True)


def progress(text):
    print(f"bench: http: {text}", file=sys.stderr, flush=True)


def cpu_us(side, path, seconds, **request):
    """It has settled: nobody has asked it since."""
    before = side.cpu_ns()
    seen = wrk(side, path, seconds, **request)
    return (side.settled_cpu_ns() - before) / 1e3 / seen["requests"]


def must_be(side, path, body, headers, wanted):
    _, text = side.post(path, body, headers)
    if wanted not in text:
        raise SystemExit(f"bench: {side.name} {path}: {text[:300]}")


def compare_proxies(scratch, build, seconds, rounds):
    origin = sides.origin(scratch)
    url = f"http://127.0.0.1:{origin.port}"
    gate = sides.notaus(scratch, build, "notaus", f'crm: {{ url: "{url}/mcp" }}',
                        f'{{ path: "/get", tool: file.read, url: "{url}" }}, {{ path: "/post", tool: none, url: "{url}" }}')
    value("notaus up, idle, VmRSS", "KiB", sides.resident_kib(gate.process.pid))
    others = [sides.haproxy(scratch, origin.port), sides.nginx_proxy(scratch, origin.port)]
    everybody = [gate, *others]
    get, post = ("/get", {}), ("/post", {"method": "POST", "body": one_kib("email.send"), "headers": {"Content-Type": "application/json"}})
    for side in everybody:
        must_be(side, "/post", one_kib("email.send"), {}, "xxx")
    for tool in ("file.read", "email.send"):
        must_be(gate, "/mcp/crm", one_kib(tool), MCP, "xxx")
    cases = {"GET, 200 bytes": (everybody, *get), "POST, 1 KiB": (everybody, *post)}
    cases |= {f"tools/call, 1 KiB, a {effect}": ([gate], "/mcp/crm", {"method": "POST", "body": one_kib(tool), "headers": {"Content-Type": "application/json", **MCP}})
              for effect, tool in (("read", "file.read"), ("write", "email.send"))}
    spent = {}
    for side in everybody:
        side.settled_cpu_ns()
    for number in range(rounds):
        progress(f"CPU per request, round {number + 1} of {rounds}")
        for case, (who, path, request) in cases.items():
            for side in who:
                spent.setdefault((case, side.name), []).append(cpu_us(side, path, seconds, **request))
    for (case, name), values in spent.items():
        row(f"CPU per request, {case}, {name}", "us", values)

    def ratio(name, ours, theirs):
        value(name, "x", median(a / b for a, b in zip(spent[ours], spent[theirs])))
    for case in ("GET, 200 bytes", "POST, 1 KiB"):
        for other in ("haproxy", "nginx"):
            ratio(f"CPU, {case}: notaus over {other}", (case, "notaus"), (case, other))
    for effect in ("read", "write"):
        ratio(f"CPU: tools/call, 1 KiB, a {effect} over haproxy's POST", (f"tools/call, 1 KiB, a {effect}", "notaus"), ("POST, 1 KiB", "haproxy"))
    compare_latency(everybody, origin, rounds, post)
    restart(gate, *cases["tools/call, 1 KiB, a write"][1:], rounds)
    for side in [*everybody, origin]:
        side.end()


def compare_latency(everybody, origin, rounds, post):
    for side in [*everybody, origin]:
        side.pin(sides.PROXY_CPU)
    path, request = post
    added = {side.name: [] for side in everybody}
    for number in range(rounds):
        progress(f"one connection, round {number + 1} of {rounds}")
        direct = wrk(origin, path, 1, connections=1, cpu=sides.PROXY_CPU, **request)["p50_us"]
        for side in everybody:
            added[side.name].append(wrk(side, path, 1, connections=1, cpu=sides.PROXY_CPU, **request)["p50_us"] - direct)
    for name, values in added.items():
        row(f"added at one connection, {name}", "us", values)
    value("added at one connection: notaus over haproxy", "x", median(a / b for a, b in zip(added["notaus"], added["haproxy"])))


def restart(gate, path, request, times):
    """Killed amid writes, with the log of all that ran before; what the next one serves first is a write, too."""
    took = []
    for number in range(times):
        progress(f"kill -9, {number + 1} of {times}")
        Timer(0.5, gate.process.kill).start()
        if not load(gate, path, 1, **request)["bad"]:
            raise SystemExit("bench: nobody saw the gate killed")
        gate.process.wait()
        start = time.monotonic()
        gate.start()
        must_be(gate, path, request["body"], MCP, "xxx")
        took.append((time.monotonic() - start) * 1e3)
    row("notaus up after kill -9, first call", "ms", took)


def begin_session(side, path, tool):
    """The headers of a session of the old era."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
             "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}}
    answer, text = side.post(path, hello, MCP)
    if '"serverInfo"' not in text:
        raise SystemExit(f"bench: {side.name}: {text[:300]}")
    headers = {**MCP, "Mcp-Session-Id": answer.getheader("Mcp-Session-Id")}
    side.post(path, {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
    call_once(side, path, tool, headers)
    return headers


def call_once(side, path, tool, headers):
    _, text = side.post(path, {**one_kib(tool), "id": 7}, headers)
    if "xxx" not in text or '"isError":true' in text:
        raise SystemExit(f"bench: {side.name}: {text[:300]}")


def compare_bridges(to, who, seconds, rounds):
    """`who`: the path and the tool of each, notaus first. What counts is what the bridge spends, not the server, which is the same for all."""
    sessions = {side: begin_session(side, *where) for side, where in who.items()}
    spent = {side: [] for side in who}
    for side in who:
        side.settled_cpu_ns()
    for number in range(rounds):
        progress(f"calls to {to}, round {number + 1} of {rounds}")
        for side, (path, tool) in who.items():
            spent[side].append(cpu_us(side, path, seconds, connections=8, method="POST", body=one_kib(tool), own_ids=True,
                                      headers={"Content-Type": "application/json", **sessions[side]}))
            call_once(side, path, tool, sessions[side])  # wrk takes an error of JSON-RPC for a good answer
    for side, values in spent.items():
        row(f"CPU per call to {to}, {side.name}", "us", values)
    gate, *others = who
    for other in others:
        value(f"calls per CPU second of a bridge: notaus over {other.name}", "x", median(b / a for a, b in zip(spent[gate], spent[other])))
    for side in who:
        side.end()


def compare_all_bridges(scratch, build, peers, seconds, rounds):
    """All but ContextForge start a command and speak HTTP for it. ContextForge knows only servers that speak HTTP themselves: there the same server
    does, and notaus stands before it as ContextForge does."""
    os.environ["PATH"] = newer_node(peers, os.environ["PATH"])
    install_npm(peers)
    install_python(peers, "requirements.txt", "python")
    modules, python = peers / "node_modules", peers / "python/bin"
    everything = ["node", str(modules / "@modelcontextprotocol/server-everything/dist/index.js")]
    server = [*everything, "stdio"]

    def bridge(name, command, *rest):
        port = sides.free_port()
        return sides.Side(scratch, name, [*map(str, command), "--port", str(port), *rest], port)
    compare_bridges("a command", {
        sides.notaus(scratch, build, "notaus-bridge", f"every: {{ command: {json.dumps(server)} }}"): ("/mcp/every", "echo"),
        bridge("mcp-proxy", ["node", modules / "mcp-proxy/dist/bin/mcp-proxy.mjs", "--host", "127.0.0.1", "--server", "stream"], "--", *server): ("/mcp", "echo"),
        bridge("supergateway", ["node", modules / "supergateway/dist/index.js", "--stdio", " ".join(server), "--outputTransport", "streamableHttp", "--stateful",
                                "--logLevel", "none"]): ("/mcp", "echo"),
        bridge("PyPI's mcp-proxy", [python / "mcp-proxy", "--log-level", "ERROR"], "--", *server): ("/mcp", "echo")}, seconds, rounds)
    port = sides.free_port()
    behind = sides.Side(scratch, "everything", ["env", f"PORT={port}", *everything, "streamableHttp"], port, cpu=sides.OTHER_CPU)
    url = f"http://127.0.0.1:{port}/mcp"
    compare_bridges("a server", {
        sides.notaus(scratch, build, "notaus-gateway", f'every: {{ url: "{url}" }}'): ("/mcp/every", "echo"),
        sides.contextforge(scratch, python, url): ("/mcp/", "every-echo")}, seconds, rounds)
    behind.end()


def main():
    build, quick = Path(sys.argv[1]).resolve(), "--quick" in sys.argv
    seconds, rounds = (1, 1) if quick else (2, 7)
    peers = build / "bench-peers"
    peers.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc", "requirements.txt"):
        (peers / name).write_bytes((HERE / name).read_bytes())
    with tempfile.TemporaryDirectory(prefix="notaus-bench-") as directory:
        scratch = Path(directory)
        compare_proxies(scratch, build, seconds, rounds)
        streams.measure(scratch, build, 200 if quick else 10_000, value)
        compare_all_bridges(scratch, build, peers, seconds + 1, rounds if quick else 3)


main()
