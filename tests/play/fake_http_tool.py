"""A tool behind plain HTTP that counts what really ran: fake_http_tool.py DIRECTORY

DIRECTORY/ran       one JSON line per execution, fsynced before the answer leaves; /email/send is the tool email.send.
DIRECTORY/received  every head and body this server was sent.
DIRECTORY/port      where it listens. DIRECTORY/pid: of this process.
DIRECTORY/../../hold/TOOL  while this file exists, TOOL starts and does not end.

What is asked decides how it answers: ?stream=N sends N events, of which the last waits while its tool is held; ?reset closes in the middle of its answer; ?mute never answers and closes; ?status=N answers with that status.
"""

import json
import os
import socket
import struct
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit


class Tool(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def handle_any(self):
        body = self.read_body()
        if len(body) < int(self.headers.get("Content-Length", 0)):  # it ended in the middle
            self.close_connection = True
            return
        parts = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(parts.query, keep_blank_values=True).items()}
        name = parts.path.strip("/").replace("/", ".")
        self.server.note(name)
        self.server.keep(f"{self.command} {self.path}\n{self.headers}".encode() + body)
        held = self.server.directory.parent.parent / "hold" / name
        if "stream" in asked:
            return self.stream(int(asked["stream"]), held)
        while held.exists():
            time.sleep(0.005)
        if "mute" in asked:
            return self.reset()
        text = json.dumps({"tool": name, "body": body.decode(errors="replace")}).encode()
        self.send_response(int(asked.get("status", 200)))
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        if "reset" in asked:
            self.wfile.write(text[:3])
            return self.reset()
        if self.command != "HEAD":
            self.wfile.write(text)

    def read_body(self):
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = bytearray()
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return bytes(body)

    def stream(self, events, held):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        try:
            for number in range(events):
                event = f"data: {number}\n\n".encode()
                self.wfile.write(b"%x\r\n%b\r\n" % (len(event), event))
                while held.exists() and number == events - 2:
                    time.sleep(0.005)
                    if self.client_left():
                        raise BrokenPipeError
            self.wfile.write(b"0\r\n\r\n")
        except OSError:
            self.server.note("left")
            self.close_connection = True

    def client_left(self):
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def reset(self):
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
        self.close_connection = True

    do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = do_PATCH = handle_any

    def log_message(self, *arguments):
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, directory):
        super().__init__(("127.0.0.1", 0), Tool)
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        append = os.O_WRONLY | os.O_CREAT | os.O_APPEND
        self.ran = os.open(self.directory / "ran", append, 0o644)
        self.received = os.open(self.directory / "received", append, 0o644)
        (self.directory / "pid").write_text(str(os.getpid()))
        (self.directory / "port.new").write_text(str(self.server_address[1]))
        (self.directory / "port.new").rename(self.directory / "port")

    def note(self, name):
        os.write(self.ran, json.dumps({"event": "ran", "tool": name, "at": time.clock_gettime_ns(time.CLOCK_BOOTTIME)}).encode() + b"\n")
        os.fsync(self.ran)

    def keep(self, message):
        os.write(self.received, message + b"\n")

    def handle_error(self, request, client_address):
        pass


if __name__ == "__main__":
    Server(sys.argv[1]).serve_forever()
