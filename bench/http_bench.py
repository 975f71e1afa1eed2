#!/usr/bin/env python3
"""What the gate costs, beside what else could stand there: http_bench.py BUILD_DIR [--quick]; prints one JSON object a row.

Debian's haproxy and nginx in front of the same origin; npm's mcp-proxy and supergateway in front of the same MCP server. Proxies have a CPU of
their own, wrk and the origin share the other; for latency all share one, since between two idle ones the wake-up is most of it. The
sides take turns in every round, and a ratio is the median of those of the rounds. CPU is what the kernel counts for all threads of a side
until it has settled, so what is put off, such as the audit log, is in it.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

sys.path[:0] = [str(Path(__file__).resolve().parent / "http"), str(Path(__file__).resolve().parent.parent / "tests/real")]
import sides  # noqa: E402
import streams  # noqa: E402
from run import newer_node  # noqa: E402

HERE = Path(__file__).resolve().parent / "http"
MCP = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}


def one_kib(tool):
    arguments = {"message": ""}
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}
    arguments["message"] = "x" * (1024 - len(json.dumps(call, separators=(",", ":"))))
    return call


def wrk(side, path, seconds, connections=64, cpu=sides.OTHER_CPU, method="GET", body=None, headers=(), own_ids=False):
    """{"requests", "bad", "p50_us"} of one run; every answer must be a good one."""
    environment = {**os.environ, "METHOD": method, "HEADERS": "\n".join(f"{name}: {value}" for name, value in dict(headers).items())}
    if body:
        text = json.dumps(body, separators=(",", ":"))
        environment |= {"BODY": text.replace('"id":1', '"id":ID') if own_ids else text} | ({"IDS": "1"} if own_ids else {})
    words = ["taskset", "-c", str(cpu), "wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", str(HERE / "wrk.lua"), f"http://127.0.0.1:{side.port}{path}"]
    said = subprocess.run(words, env=environment, check=True, capture_output=True, text=True).stdout.splitlines()[-1]
    seen = json.loads(said)
    if seen["bad"] or not seen["requests"]:
        raise SystemExit(f"bench: {side.name} {path}: {said}")
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


def begin_session(side, path):
    """The headers of a session of the old era."""
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize",
             "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}}
    answer, text = side.post(path, hello, MCP)
    if '"serverInfo"' not in text:
        raise SystemExit(f"bench: {side.name}: {text[:300]}")
    headers = {**MCP, "Mcp-Session-Id": answer.getheader("Mcp-Session-Id")}
    side.post(path, {"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
    _, text = side.post(path, {**one_kib("echo"), "id": 7}, headers)
    if "xxx" not in text or '"isError":true' in text:
        raise SystemExit(f"bench: {side.name}: {text[:300]}")
    return headers


def compare_bridges(scratch, build, peers, seconds, rounds):
    """HTTP to one and the same server over stdio. What counts is what the bridge spends, not the server."""
    os.environ["PATH"] = newer_node(peers, os.environ["PATH"])
    subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=peers, check=True, stdout=subprocess.DEVNULL)
    modules = peers / "node_modules"
    server = ["node", str(modules / "@modelcontextprotocol/server-everything/dist/index.js"), "stdio"]
    ports = [sides.free_port() for _ in range(2)]
    gate = sides.notaus(scratch, build, "notaus-bridge", f"every: {{ command: {json.dumps(server)} }}")
    bridges = [gate, sides.Side(scratch, "mcp-proxy", ["node", str(modules / "mcp-proxy/dist/bin/mcp-proxy.mjs"), "--host", "127.0.0.1", "--port", str(ports[0]),
                                                       "--server", "stream", "--", *server], ports[0]),
               sides.Side(scratch, "supergateway", ["node", str(modules / "supergateway/dist/index.js"), "--stdio", " ".join(server), "--outputTransport",
                                                    "streamableHttp", "--stateful", "--port", str(ports[1]), "--logLevel", "none"], ports[1])]
    paths = {side.name: "/mcp/every" if side is gate else "/mcp" for side in bridges}
    sessions = {side.name: begin_session(side, paths[side.name]) for side in bridges}
    spent = {side.name: [] for side in bridges}
    for side in bridges:
        side.settled_cpu_ns()
    for number in range(rounds):
        progress(f"bridges, round {number + 1} of {rounds}")
        for side in bridges:
            spent[side.name].append(cpu_us(side, paths[side.name], seconds, connections=8, method="POST", body=one_kib("echo"), own_ids=True,
                                           headers={"Content-Type": "application/json", **sessions[side.name]}))
    for name, values in spent.items():
        row(f"CPU per call to a command, {name}", "us", values)
    for other in ("mcp-proxy", "supergateway"):
        value(f"calls per CPU second of a bridge: notaus over {other}", "x", median(b / a for a, b in zip(spent["notaus-bridge"], spent[other])))
    for side in bridges:
        side.end()


def main():
    build, quick = Path(sys.argv[1]).resolve(), "--quick" in sys.argv
    seconds, rounds = (1, 1) if quick else (2, 7)
    peers = build / "bench-peers"
    peers.mkdir(exist_ok=True)
    for name in ("package.json", "package-lock.json", ".npmrc"):
        (peers / name).write_bytes((HERE / name).read_bytes())
    with tempfile.TemporaryDirectory(prefix="notaus-bench-") as directory:
        scratch = Path(directory)
        compare_proxies(scratch, build, seconds, rounds)
        streams.measure(scratch, build, 200 if quick else 10_000, value)
        compare_bridges(scratch, build, peers, seconds + 1, rounds if quick else 3)


main()
