"""An MCP client over stdio, as an agent's framework has one."""

import fcntl
import json
import queue
import subprocess
import threading

MODERN = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
          "io.modelcontextprotocol/clientInfo": {"name": "play", "version": "1"},
          "io.modelcontextprotocol/clientCapabilities": {}}
GONE = {"gone": True}  # the answer of a server that is no longer there


class Client:
    def __init__(self, command, stderr, era="old", **options):
        self.era = era
        self.answers, self.waiting, self.lock = {}, {}, threading.Lock()
        self.unasked = queue.Queue()
        self.gone = False
        self.last_id = 0
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stderr, **options)
        fcntl.fcntl(self.process.stdin, fcntl.F_SETPIPE_SZ, 1 << 20)   # what a test says at once must not wait for who hears it
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def greet(self, timeout):
        """What a client of the old era does first. True if the server is there."""
        if self.era == "new":
            return True
        asked = self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": MODERN[
            "io.modelcontextprotocol/clientInfo"]})
        answer = self.wait(asked, timeout)
        self.send(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}))
        return answer is not None and "result" in answer

    def ask(self, method, params, **message):
        self.last_id += 1
        if self.era == "new":
            params = {**params, "_meta": MODERN}
        self.expect(self.last_id)
        self.send(json.dumps({"jsonrpc": "2.0", "id": self.last_id, "method": method, "params": params, **message}))
        return self.last_id

    def call(self, tool, arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def expect(self, number):
        with self.lock:
            self.waiting[json.dumps(number)] = threading.Event()
            if self.gone:
                self.waiting[json.dumps(number)].set()

    def send(self, line):
        """One line, exactly as given."""
        data = line if isinstance(line, bytes) else line.encode()
        try:
            self.process.stdin.write(data + b"\n")
            self.process.stdin.flush()
        except (BrokenPipeError, OSError):
            self.leave()

    def wait(self, number, timeout):
        """The answer; GONE if there will be none; None if it has not come in time."""
        key = json.dumps(number)
        if not self.waiting[key].wait(timeout):
            return None
        return self.answers.get(key, GONE)

    def read(self):
        for line in self.process.stdout:
            try:
                message = json.loads(line)
            except ValueError:
                self.unasked.put(line)
                continue
            key = json.dumps(message.get("id"))
            with self.lock:
                if "method" in message or key not in self.waiting:
                    self.unasked.put(message)
                    continue
                self.answers[key] = message
                self.waiting[key].set()
        self.leave()

    def leave(self):
        with self.lock:
            self.gone = True
            for event in self.waiting.values():
                event.set()

    def close(self, timeout=10):
        """As the SDK does: end of input first, then less politely."""
        try:
            self.process.stdin.close()
        except OSError:
            pass
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.reader.join(timeout)
        self.process.stdout.close()
