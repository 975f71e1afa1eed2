"""An MCP stdio server that only lists its tools, in one of several ways: listing_server.py HABIT

modern    knows the newer era of the protocol alone, in pages of two
asks      wants answers of its client before it gives any
odd       lists a tool twice with different hints, a name that is a pattern, one with a newline, and hints that are no booleans
endless   every page names a next one
huge      answers in a line of 100 MiB
garbage   answers with what looks like an answer and is no JSON
mute, exit, nameless, empty
"""

import itertools
import json
import sys

MODERN = "io.modelcontextprotocol/protocolVersion"


def send(message):
    print(json.dumps(message), flush=True)


def tool(name, hint):
    return {"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": hint}}


def listing(habit, cursor):
    if habit == "modern":
        pages = {None: (["one.read", "one.write"], "2"), "2": (["two.read"], None)}
        names, more = pages[cursor]
        return {"tools": [tool(name, name.endswith("read")) for name in names], "resultType": "complete", **({"nextCursor": more} if more else {})}
    if habit == "odd":
        return {"tools": [tool("crm.find", True), tool("crm.find", False), tool("email.*", True), tool("a\nb", True), tool("text", "true"),
                          tool("number", 1), {"name": "bare"}, tool("sound", True)]}
    if habit == "endless":
        return {"tools": [], "nextCursor": str(next(COUNTER))}
    return {"tools": [{"annotations": {}}] if habit == "nameless" else [] if habit == "empty" else [tool("x", True)]}


COUNTER = itertools.count()


def answer(habit, message):
    method, params, number = message.get("method"), message.get("params") or {}, message.get("id")
    if habit == "exit":
        sys.exit(3)
    if habit == "mute" or number is None:
        return
    if habit == "garbage":
        print('{"jsonrpc":"2.0","id":1,"result":{"tools":[}', flush=True)
    elif habit == "huge":
        print('{"jsonrpc":"2.0","id":1,"result":{"x":"' + "x" * (100 << 20) + '"}}', flush=True)
    elif habit == "modern" and MODERN not in (params.get("_meta") or {}):
        send({"jsonrpc": "2.0", "id": number, "error": {"code": -32602, "message": "say \x1b[31mwho you are"}})
    elif method == "tools/list":
        send({"jsonrpc": "2.0", "id": number, "result": listing(habit, params.get("cursor"))})
    else:
        send({"jsonrpc": "2.0", "id": number, "result": {"protocolVersion": "2025-11-25", "capabilities": {"tools": {}}}})


def wants_answers():
    print("listening", flush=True)
    send({"jsonrpc": "2.0", "method": "notifications/message", "params": {}})
    for number, method, wanted in ((1, "ping", "result"), ("r", "roots/list", "error")):
        send({"jsonrpc": "2.0", "id": number, "method": method})
        reply = json.loads(sys.stdin.readline())
        assert reply["id"] == number and wanted in reply, reply


def main(habit):
    for line in sys.stdin:
        if habit == "asks" and '"initialize"' in line:
            wants_answers()
        answer(habit, json.loads(line))


if __name__ == "__main__":
    main(sys.argv[1])
