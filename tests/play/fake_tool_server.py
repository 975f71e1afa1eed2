"""An MCP stdio server that counts what really ran: fake_tool_server.py DIRECTORY [--fast] [--slow]

DIRECTORY/ran       one JSON line per execution, fsynced before the answer leaves: the only proof that a tool ran, or did not.
DIRECTORY/received  every line this server was sent, byte for byte.
DIRECTORY/pid       of this process.
DIRECTORY/../../hold/TOOL  while this file exists, TOOL starts and does not end.
DIRECTORY/../../hints      if there, its lines `TOOL read|write` are what it calls its tools from now on.

It believes its client: what reaches it and names a tool is run, duplicate keys and all. Both eras of the protocol are spoken: what is
asked with `_meta` on the request is answered with `resultType`. A tool that was asked to cancel runs to its end, as real servers do. An argument `answer_mib` makes the answer that long.
--fast: no fsync, for load. --slow: every tool works for WORK_S, one at a time, so calls wait for it in the pipe.
"""

import json
import os
import sys
import threading
import time
from pathlib import Path

MODERN = "io.modelcontextprotocol/protocolVersion"
WORK_S = 0.03
TOOLS = {  # name: is it a read
    "email.send": False, "email.draft": False, "ticket.create": False, "crm.find": True, "crm.search": True,
    "browser.click": False, "browser.open": False, "report.build": False, "unlisted": False,
}


class Server:
    def __init__(self, directory, fast, slow):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.fast, self.slow = fast, slow
        self.out = threading.Lock()
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.ran = os.open(self.directory / "ran", append, 0o644)
        self.received = os.open(self.directory / "received", append, 0o644)
        (self.directory / "pid").write_text(str(os.getpid()))

    def serve(self):
        for line in sys.stdin.buffer:
            at = time.clock_gettime_ns(time.CLOCK_BOOTTIME)  # at once: what is compared with the end of a stop
            if not self.fast:
                os.write(self.received, line)
            try:
                message = json.loads(line.decode("utf-8-sig", "replace"))
            except ValueError:
                continue
            if isinstance(message, dict):
                self.take(message, at)
            elif isinstance(message, list):
                for each in message:
                    self.take(each, at)

    def take(self, message, at):
        params = message.get("params") or {}
        if message.get("method") == "tools/call":
            self.start(message, params, at)
        elif message.get("method") == "notifications/cancelled":
            self.note("asked_to_cancel", str(params.get("requestId")), at)
        elif "id" in message and "method" in message:
            self.answer(message, self.about(message["method"], params))

    def about(self, method, params):
        if method == "initialize":
            return {"protocolVersion": params.get("protocolVersion", "2025-11-25"), "capabilities": {"tools": {}, "prompts": {}},
                    "serverInfo": {"name": "fake", "version": "1"}}
        if method == "tools/list":
            return {"tools": [{"name": name, "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": read}}
                              for name, read in self.hints().items()]}
        if method == "server/discover":
            return {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {}}, "serverInfo": {"name": "fake", "version": "1"}}
        if method == "ping":
            return {}
        self.note("ran", method, time.clock_gettime_ns(time.CLOCK_BOOTTIME))  # any other method has effects too
        return {"method": method}

    def hints(self):
        said = self.directory.parent.parent / "hints"
        if not said.exists():
            return TOOLS
        return TOOLS | {name: effect == "read" for name, effect in map(str.split, said.read_text().splitlines())}

    def start(self, message, params, at):
        name = str(params.get("name"))
        self.note("ran", name, at)
        if self.slow:
            time.sleep(WORK_S)
        held = self.directory.parent.parent / "hold" / name
        if not self.fast and held.exists():
            threading.Thread(target=self.finish_later, args=(message, name, held), daemon=True).start()
        else:
            self.finish(message, name)

    def finish_later(self, message, name, held):
        while held.exists():
            time.sleep(0.005)
        self.finish(message, name)

    def finish(self, message, name):
        arguments = (message.get("params") or {}).get("arguments")
        if "id" in message:
            text = f"{name} {json.dumps(arguments)}" + "x" * ((arguments or {}).get("answer_mib", 0) << 20)
            self.answer(message, {"content": [{"type": "text", "text": text}]})

    def note(self, event, name, at):
        os.write(self.ran, json.dumps({"event": event, "tool": name, "at": at}).encode() + b"\n")
        if not self.fast:
            os.fsync(self.ran)

    def answer(self, message, result):
        if MODERN in ((message.get("params") or {}).get("_meta") or {}):
            result = {"resultType": "complete", **result}
        line = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}).encode() + b"\n"
        with self.out:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()


if __name__ == "__main__":
    Server(sys.argv[1], "--fast" in sys.argv, "--slow" in sys.argv).serve()
