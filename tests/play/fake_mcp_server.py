"""An MCP server over streamable HTTP that counts what really ran: fake_mcp_server.py DIRECTORY

The tools, the files and the two eras are those of fake_tool_server.py. It trusts its client as that one does, and looks at nothing in a head but
the session: the body is what it goes by.

Old era: `initialize` gives a session, which every other message needs. tools/call is answered by events, everything else by JSON. New era: no sessions.
  ask.user     asks the client a question on the stream of the call, and ends with its answer. ask.later: only once it is not held.
  report.poll  (old era) closes its stream after a first event with an id; the answer comes to who asks for the rest by Last-Event-ID.
  with `task` in the params, or report.task in the new era: a task, which works while its tool is held and until it is cancelled.
GET opens a stream of news: one event, then silence. ?sse=old: the endpoint event of 2024-11-05. ?gzip answers in that coding.
What is no tool counts, too: client.left (amid a call that was held), call.cancelled, task.cancelled, user.answered, news.listened, session.ended.
"""

import gzip
import json
import socket
import sys
import threading
import time
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from fake_tool_server import MODERN, Server


def era_of(message):
    return "new" if MODERN in ((message.get("params") or {}).get("_meta") or {}) else "old"


class Tools(Server):
    """One process, many sessions. What a request is answered goes to the stream that `streams` knows for it."""

    def __init__(self, directory):
        super().__init__(directory, fast=False, slow=False)
        self.sessions, self.tasks, self.questions, self.polled = set(), {}, {}, {}

    def held(self, name):
        return self.directory.parent.parent / "hold" / name

    def run(self, message, stream):
        params = message.get("params") or {}
        name = str(params.get("name"))
        self.note("ran", name, time.clock_gettime_ns(time.CLOCK_BOOTTIME))
        if "task" in params or (name == "report.task" and era_of(message) == "new"):
            return stream.say(self.result(message, self.begin_task(name, era_of(message))))
        if name == "report.poll":
            self.polled["poll"] = (message, name)
            return stream.event("", number="poll")
        if name == "ask.later":
            self.wait_for(lambda: not self.held(name).exists(), stream)
        if name in ("ask.user", "ask.later"):
            question = str(uuid.uuid4())
            self.questions[question] = threading.Event()
            stream.say({"jsonrpc": "2.0", "id": question, "method": "elicitation/create", "params": {"message": "sure?"}})
            self.wait_for(lambda: self.questions[question].is_set(), stream)
            self.note("ran", "user.answered", 0)
        self.wait_for(lambda: not self.held(name).exists(), stream)
        stream.say(self.finished(message, name))

    def wait_for(self, done, stream):
        while not done():
            time.sleep(0.005)
            if stream.client_left():
                self.note("ran", "client.left", 0)
                raise BrokenPipeError

    def finished(self, message, name):
        arguments = (message.get("params") or {}).get("arguments")
        text = f"{name} {json.dumps(arguments)}" + "x" * ((arguments or {}).get("answer_mib", 0) << 20)
        return self.result(message, {"content": [{"type": "text", "text": text}]})

    def result(self, message, result):
        if era_of(message) == "new":
            result = {"resultType": "complete", **result}
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}

    def begin_task(self, name, era):
        task = str(uuid.uuid4())
        self.tasks[task] = name
        told = {"taskId": task, "status": "working", "ttl": 60000}
        return {"resultType": "task", **told} if era == "new" else {"task": told}

    def about_task(self, method, task):
        name = self.tasks.get(task, "")
        if method == "tasks/cancel":
            self.note("ran", "task.cancelled", 0)
            self.tasks[task] = ""
        return {"taskId": task, "status": "cancelled" if not name else "working" if self.held(name).exists() else "completed"}


class Stream:
    """The response to one request, as events."""

    def __init__(self, handler):
        self.handler, self.open = handler, False

    def say(self, message):
        self.event(json.dumps(message))

    def event(self, data, number=None):
        if not self.open:
            self.handler.begin("text/event-stream", {"Transfer-Encoding": "chunked"})
            self.open = True
        text = (f"id: {number}\n" if number else "") + f"event: message\ndata: {data}\n\n"
        self.handler.chunk(text.encode())

    def client_left(self):
        try:
            return self.handler.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def close(self):
        if self.open:
            self.handler.chunk(b"")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def begin(self, kind, headers):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))

    def json(self, status, message, headers=None):
        data = json.dumps(message).encode()
        if "gzip" in self.path:
            data, headers = gzip.compress(data), {"Content-Encoding": "gzip"}
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def nothing(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def do_POST(self):
        tools, data = self.server.tools, self.body()
        self.server.keep(f"{self.command} {self.path}\n{self.headers}".encode() + data)
        try:
            messages = json.loads(data.decode("utf-8-sig", "replace"))
        except ValueError:
            return self.json(400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "no JSON"}})
        for message in messages if isinstance(messages, list) else [messages]:
            self.take(tools, message)

    def take(self, tools, message):
        method, params, session = message.get("method"), message.get("params") or {}, self.headers.get("Mcp-Session-Id")
        if method == "initialize":
            session = str(uuid.uuid4())
            tools.sessions.add(session)
            return self.json(200, tools.result(message, tools.about(method, params)), {"Mcp-Session-Id": session})
        if era_of(message) == "old" and session not in tools.sessions and method != "server/discover":
            return self.json(404 if session else 400, {"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": "no session"}})
        if method is None:
            tools.questions.get(message.get("id"), threading.Event()).set()
            tools.note("ran", "response.error" if "error" in message else "response", 0)
            return self.nothing(202)
        if "id" not in message:
            if method == "notifications/cancelled":
                tools.note("ran", "call.cancelled", 0)
            return self.nothing(202)
        if method in ("tasks/get", "tasks/cancel"):
            return self.json(200, tools.result(message, tools.about_task(method, params.get("taskId"))))
        if method != "tools/call":
            return self.json(200, tools.result(message, tools.about(method, params)))
        self.call(tools, message)

    def call(self, tools, message):
        stream = Stream(self)
        try:
            tools.run(message, stream)
            stream.close()
        except OSError:
            self.close_connection = True

    def do_GET(self):
        tools, last = self.server.tools, self.headers.get("Last-Event-ID")
        self.server.keep(f"{self.command} {self.path}\n{self.headers}".encode())
        stream = Stream(self)
        try:
            if "sse=old" in self.path:
                self.begin("text/event-stream", {"Transfer-Encoding": "chunked"})
                self.chunk(b"event: endpoint\ndata: /messages\n\n")
            elif last:
                message, name = tools.polled[last]
                tools.wait_for(lambda: not tools.held(name).exists(), stream)
                stream.say(tools.finished(message, name))
                return stream.close()
            else:
                tools.note("ran", "news.listened", 0)
                stream.say({"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "hello"}})
            tools.wait_for(lambda: False, stream)
        except OSError:
            self.close_connection = True

    def do_DELETE(self):
        self.server.keep(f"{self.command} {self.path}\n{self.headers}".encode())
        self.server.tools.sessions.discard(self.headers.get("Mcp-Session-Id"))
        self.server.tools.note("ran", "session.ended", 0)
        self.nothing(200)

    def log_message(self, *arguments):
        pass


class HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), Handler)
        self.tools = Tools(directory)
        self.directory = Path(directory)
        (self.directory / "port.new").write_text(str(self.server_address[1]))
        (self.directory / "port.new").rename(self.directory / "port")

    def keep(self, message):
        with open(self.directory / "received", "ab") as received:
            received.write(message + b"\n")

    def handle_error(self, request, client_address):
        pass


if __name__ == "__main__":
    HttpServer(sys.argv[1]).serve_forever()
