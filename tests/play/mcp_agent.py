"""An MCP client over streamable HTTP, with the ways of client.py to ask and to wait."""

import http.client
import json
import queue
import socket
import threading

from client import GONE, MODERN
from script import Failure


class McpAgent:
    """Talks to /mcp/SERVER of the gate at `address`; every message on a connection of its own."""

    def __init__(self, address, server, era="old", token=None):
        self.host, port = address.rsplit(":", 1)
        self.port, self.path, self.era, self.token = int(port), f"/mcp/{server}", era, token
        self.session, self.last_id = None, 0
        self.answers, self.waiting, self.open = {}, {}, {}
        self.unasked, self.gone = queue.Queue(), False
        self.declines, self.last_event, self.statuses = False, None, {}
        self.lost_stream = threading.Event()  # one that has ended without its answer, so that resume() has something to ask for

    # --- as client.py has it ---

    def greet(self, timeout):
        if self.era == "new":
            return True
        number = self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": MODERN["io.modelcontextprotocol/clientInfo"]})
        answer = self.wait(number, timeout)
        self.post({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return answer is not None and "result" in answer

    def ask(self, method, params, **message):
        self.last_id += 1
        number = self.last_id
        if self.era == "new":
            params = {**params, "_meta": MODERN}
        self.expect(number)
        whole = {"jsonrpc": "2.0", "id": number, "method": method, "params": params, **message}
        threading.Thread(target=self.post, args=(whole, number), daemon=True).start()
        return number

    def call(self, tool, arguments):
        return self.ask("tools/call", {"name": tool, "arguments": arguments})

    def expect(self, number):
        self.waiting[json.dumps(number)] = threading.Event()

    def wait(self, number, timeout):
        key = json.dumps(number)
        return self.answers.get(key, GONE) if self.waiting[key].wait(timeout) else None

    def send(self, line):
        """A body exactly as given; its answer is that of whatever id it holds, or of no id."""
        threading.Thread(target=self.exchange, args=("POST", line, 77), daemon=True).start()

    def close(self, timeout=10):
        for connection in list(self.open.values()):
            self.hang_up(connection)

    # --- HTTP ---

    def headers_for(self, message):
        headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if self.session:
            headers |= {"Mcp-Session-Id": self.session, "MCP-Protocol-Version": "2025-11-25"}
        if self.era == "new" and "method" in message:
            params = message.get("params") or {}
            name = params.get("name") or params.get("uri") or params.get("taskId")
            headers |= {"MCP-Protocol-Version": "2026-07-28", "Mcp-Method": message["method"]} | ({"Mcp-Name": name} if name else {})
        return headers

    def post(self, message, number=None):
        self.exchange("POST", json.dumps(message).encode(), number, self.headers_for(message))

    def exchange(self, method, body, number, headers=None):
        connection = http.client.HTTPConnection(self.host, self.port)
        self.open[number] = connection
        try:
            connection.request(method, self.path, body, headers or self.headers_for({}))
            self.hear(connection.getresponse(), number)
        except (OSError, http.client.HTTPException, ValueError, AttributeError):
            pass
        finally:
            connection.close()
            self.open.pop(number, None)
        self.ended(number)

    def ended(self, number):
        answered = self.waiting[json.dumps(number)] if number is not None else None
        if answered and answered.is_set():
            self.last_event = None
        elif self.last_event is not None:
            self.lost_stream.set()
        elif answered:
            answered.set()

    def hear(self, response, number):
        self.statuses[number] = response.status
        self.session = response.headers.get("Mcp-Session-Id", self.session)
        if "event-stream" in response.headers.get("Content-Type", ""):
            for line in response:
                if line.startswith(b"id:"):
                    self.last_event = line[3:].strip().decode()
                if line.startswith(b"data: {"):
                    self.take(json.loads(line[5:]))
        else:
            body = response.read()
            self.take(json.loads(body) if body else {"status": response.status}, number)

    def take(self, message, number=None):
        if "method" in message and "id" in message:
            self.unasked.put(message)
            answer = {"error": {"code": -1, "message": "no"}} if self.declines else {"result": {"action": "accept"}}
            return self.post({"jsonrpc": "2.0", "id": message["id"], **answer})
        key = json.dumps(message.get("id", number))
        if "method" in message:
            return self.unasked.put(message)
        key = key if key in self.waiting else json.dumps(number)
        self.answers[key] = message
        if key in self.waiting:
            self.waiting[key].set()

    def resume(self, timeout):
        """Asks for the rest of the stream that has ended."""
        if not self.lost_stream.wait(timeout):
            raise Failure("no stream of its was lost")
        headers = self.headers_for({}) | {"Last-Event-ID": self.last_event}
        self.lost_stream.clear()
        self.last_event = None
        threading.Thread(target=self.exchange, args=("GET", None, None, headers), daemon=True).start()

    def listen(self):
        threading.Thread(target=self.exchange, args=("GET", None, None), daemon=True).start()

    def end(self):
        self.exchange("DELETE", None, None)

    def leave(self, number):
        """Closes the connection on which this request waits."""
        self.hang_up(self.open[number])

    @staticmethod
    def hang_up(connection):
        try:
            connection.sock.shutdown(socket.SHUT_RDWR)
        except (OSError, AttributeError):
            pass
