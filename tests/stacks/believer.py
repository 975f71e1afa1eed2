"""A tool server on Python's own HTTP and JSON. It runs whatever they make of a request. GET /count says how often each tool ran."""

import collections
import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ran = collections.Counter()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(ran)

    def do_POST(self):
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            said = json.loads(body)
            for message in said if isinstance(said, list) else [said]:
                if message["method"] == "tools/call":
                    ran[message["params"]["name"]] += 1
        except (ValueError, LookupError, TypeError):
            pass
        self.answer({"jsonrpc": "2.0", "id": 1, "result": {"content": []}})

    def answer(self, value):
        data = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True)
server.serve_forever()
