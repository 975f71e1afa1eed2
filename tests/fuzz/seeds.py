"""Writes the seeds of the corpora: the hostile messages of tests/stacks, and what servers say: seeds.py DIRECTORY"""

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "stacks"))

import stacks_test  # noqa: E402

META = '"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}'
MESSAGES = [
    *stacks_test.BODIES.values(),
    '{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"x"}}',
    '{"jsonrpc":"2.0","id":"a","result":{"content":[]}}',
    '{"jsonrpc":"2.0","id":1.0,"error":{"code":-1,"message":"x"}}',
    '{"jsonrpc":"2.0","id":"7","method":"tools/call","params":{"name":"a","arguments":{"n":1e3},"task":{},' + META + "}}",
    '{"jsonrpc":"2.0","id":8,"method":"tasks/update","params":{"taskId":"t","inputResponses":{}}}',
    '{"jsonrpc":"2.0","id":9,"method":"resources/read","params":{"uri":"file:///a"}}',
]
REQUESTS = [
    b"GET /crm/a?x=%2F HTTP/1.1\r\nHost: localhost\r\n\r\n",
    b"HEAD / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    b"DELETE /mcp/a HTTP/1.1\r\nHost: a\r\nMcp-Session-Id: s\r\nConnection: close, X-A\r\nX-A: b\r\n\r\n",
    b"PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    b"POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nContent-Length: 1\r\n\r\na",
    b"POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 00002\r\nNotaus-Tenant: a\r\nX_Notaus_Agent: b\r\n\r\n{}",
    b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
]
ANSWER = '{"jsonrpc":"2.0","id":1,"result":{"resultType":"task","task":{"taskId":"t","status":"working"}}}'
STREAMS = [
    f"event: message\nid: 1\ndata: {ANSWER}\n\n",
    "\ufeff: a comment\r\n\r\nretry: 500\r\ndata: \r\n\r\n",
    'data: {"jsonrpc":"2.0",\ndata: "id":5,"method":"sampling/createMessage"}\n\ndata:{"method":"ping","id":"x"}\r\r',
    "event: endpoint\ndata: /messages?session=1\n\n",
    'data\ndata: {"id":1,"error":{}}\n\nid\n\n',
    '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"p"}}\n[1]\n\nstarting up\r\n' + ANSWER + "\n",
    '{"Method":"roots/list","ID":3,"params":{"_meta":{"io.modelcontextprotocol/subscriptionId":4}}}\n',
]


def write(directory, inputs):
    directory.mkdir(parents=True, exist_ok=True)
    for data in inputs:
        data = data if isinstance(data, bytes) else data.encode("utf-8", "surrogatepass")
        (directory / hashlib.sha1(data).hexdigest()[:16]).write_bytes(data)


def main(directory):
    hostile = [data.replace(b"PATH", b"/mcp/a") for _, data in stacks_test.corpus()]
    write(directory / "http_request", hostile + REQUESTS)
    write(directory / "mcp_message", MESSAGES)
    write(directory / "server_events", STREAMS)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
