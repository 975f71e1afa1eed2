"""Servers that go wrong: upstreams_test.py [--build DIR] [STORY …]

A server that breaks off its answer behind each of its bytes, resets, goes silent, vanishes without a word, comes byte by byte, or closes a kept
connection as it is used again: the client is told the truth, and what may have taken effect is not sent a second time. The server
here counts what it was sent.
"""

import http.client
import json
import select
import socket
import struct
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from client import MODERN  # noqa: E402
from script import Failure  # noqa: E402
from stories import equal, options_of, tell  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402

TCP_REPAIR = 19   # linux/tcp.h; a socket in repair is closed without a word to its peer

CONFIG = """
listen: { gate: "127.0.0.1:0" }
anonymous: default
tools: { email.send: write }
routes:
  - { path: /email/*, tool: email.send, url: "$odd" }
servers:
  odd: { url: "$odd/mcp" }
"""

RESULT = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": "sent"}], "resultType": "complete"}})
EVENT = f"event: message\ndata: {RESULT}\n\n"


def answer(text, kind="application/json", chunked=False, more=""):
    if chunked:
        return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{more}Transfer-Encoding: chunked\r\n\r\n{len(text):x}\r\n{text}\r\n0\r\n\r\n".encode()
    return f"HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(text)}\r\n\r\n{text}".encode()


class Odd:
    """Keeps what it was asked, and answers as it is told."""

    def __init__(self, backlog=256):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=backlog)
        self.asked = []
        self.behave = None
        self.takes, self.rests = threading.Event(), threading.Event()
        self.takes.set()
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self):
        return f"http://127.0.0.1:{self.listener.getsockname()[1]}"

    def accept(self):
        while True:
            self.rests.set()
            self.takes.wait()
            self.rests.clear()
            try:
                peer = self.listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def fill(self):
        """Whoever connects from now on waits until it takes connections again, since these wait before him."""
        self.takes.clear()
        before = [socket.create_connection(self.listener.getsockname())]   # which it waits for already
        self.rests.wait(PATIENCE_S)
        while len(before) < 2 or select.select([], before[-1:], [], 0.2)[1]:
            peer = socket.socket()
            peer.setblocking(False)
            peer.connect_ex(self.listener.getsockname())
            before.append(peer)
        return before

    def serve(self, peer):
        try:
            while request := read_request(peer):
                self.asked.append(request)
                if not self.behave(peer):
                    return
        except OSError:
            pass


def read_request(peer):
    said = b""
    while b"\r\n\r\n" not in said:
        piece = peer.recv(65536)
        if not piece:
            return None
        said += piece
    head, _, body = said.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(": ", 1) for line in head.decode().split("\r\n")[1:])
    while len(body) < int(fields.get("content-length", 0)):
        piece = peer.recv(65536)
        if not piece:
            return None
        body += piece
    return head.split()[1].decode() + " " + body.decode()


def cut(whole, at, how):
    def behave(peer):
        peer.sendall(whole[:at])
        if how == "reset":
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        return False
    return behave


def whole(text):
    def behave(peer):
        peer.sendall(text)
        return True
    return behave


class Place:
    def __init__(self, build, name):
        self.world = World(build, f"upstreams-{name}")
        self.odd = Odd(backlog=1 if name.startswith("waits") else 256)
        self.world.saved["odd"] = self.odd.url()
        self.world.config = CONFIG.splitlines()
        self.world.write_config()
        if self.world.shell("notaus init").returncode != 0:
            raise Failure("no state")
        self.world.start_up()

    def close(self, keep):
        self.odd.listener.close()
        self.world.close(keep=keep)

    def ask(self, way, text="{}", patience=PATIENCE_S):
        """What a client sees: the status, and what came of the body, or that it is broken."""
        connection = http.client.HTTPConnection(self.world.saved["GATE"], timeout=patience)
        try:
            if way == "email":
                connection.request("POST", "/email/send", text)
            else:
                message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "email.send", "arguments": {}, "_meta": MODERN}}
                connection.request("POST", "/mcp/odd", json.dumps(message), {
                    "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
                    "Mcp-Method": "tools/call", "Mcp-Name": "email.send"})
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException) as broken:
            return "broken", repr(broken)
        finally:
            connection.close()

    def outcomes(self):
        said = self.world.shell("notaus audit list --json").stdout
        records = [record for record in map(json.loads, said.splitlines()) if record["kind"] == "admitted_write"]
        return {outcome: sum(1 for record in records if record["outcome"] == outcome) for outcome in ("done", "unknown", "not_sent")}

    def records(self, **wanted):
        def look():
            seen = {outcome: count for outcome, count in self.outcomes().items() if count}
            if seen != wanted:
                raise Failure(f"the log has {seen}, wanted {wanted}")
        until(PATIENCE_S, look)


def told_unknown(way, seen):
    return seen[0] == 502 and "outcome" in seen[1] and "unknown" in seen[1]


def cut_everywhere(way, text, is_event=False):
    """Broken off behind each byte: 502 and `unknown` while nothing has gone on to the client, then an answer that can be seen to be half."""
    def story(place):
        place.odd.behave = whole(text)
        full = place.ask(way)
        if full[0] != 200 or "sent" not in full[1]:
            raise Failure(f"the whole answer is seen as {full}")
        done, unknown = 1, 0
        for at in range(len(text)):
            how = "reset" if at % 2 else "close"
            place.odd.behave = cut(text, at, how)
            before = len(place.odd.asked)
            seen = place.ask(way)
            if len(place.odd.asked) != before + 1:
                raise Failure(f"cut at {at} ({how}): asked {len(place.odd.asked) - before} times")
            answered = is_event and seen[0] in (200, "broken") and "sent" in seen[1]
            half = seen[0] == "broken" or (is_event and seen[0] == 200 and "sent" not in seen[1])
            if not (told_unknown(way, seen) or half or answered):
                raise Failure(f"cut at {at} ({how}): the client sees {seen}")
            counts = place.outcomes() if at % 50 == 0 else None
            if counts and counts["not_sent"]:
                raise Failure(f"cut at {at}: said to be not sent")
        counts = place.outcomes()
        place.odd.behave = whole(text)
        if place.ask(way) != full:
            raise Failure("it does not recover")
        if counts["not_sent"] or (counts["done"] > 1 and not is_event and way == "email"):
            raise Failure(f"the log has {counts}")
        return f"{len(text)} cuts, the log has {place.outcomes()}"
    return story


def silent(place):
    """Accepts, reads, and says nothing; the client waits as long as it likes, and others are served."""
    held = threading.Event()
    place.odd.behave = lambda peer: held.wait(PATIENCE_S) and whole(answer("sent"))(peer)
    seen = []
    waiter = threading.Thread(target=lambda: seen.append(place.ask("email")), daemon=True)
    waiter.start()
    until(PATIENCE_S, lambda: equal(len(place.odd.asked), 1))
    place.odd.behave = whole(answer("sent"))
    equal(place.ask("email"), (200, "sent"))
    equal(seen, [])
    held.set()
    waiter.join(PATIENCE_S)
    equal(seen, [(200, "sent")])
    equal(len(place.odd.asked), 2)
    place.records(done=2)
    return "answered when it spoke"


def byte_by_byte(place):
    text = answer("sent", chunked=True)

    def behave(peer):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(len(text)):
            peer.sendall(text[at:at + 1])
        return True
    place.odd.behave = behave
    for _ in range(20):
        equal(place.ask("email"), (200, "sent"))
    equal(len(place.odd.asked), 20)
    place.records(done=20)
    return "20 answers, whole"


def vanishes(place):
    """Without a word, as a host does that loses its power: the kernel finds out, and the client is told."""
    def behave(peer):
        peer.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, 1)
        peer.close()
        return False
    place.odd.behave = behave
    seen = place.ask("email", patience=4 * PATIENCE_S)
    if not told_unknown("email", seen):
        raise Failure(f"the client sees {seen}")
    equal(len(place.odd.asked), 1)
    place.records(unknown=1)
    return "told within the kernel's patience"


def closes_kept(place):
    """A kept connection is closed the moment it is used again: bytes have left, so it is unknown and not tried again; or none have, and the call goes
    over another connection. Either way it runs at most once."""
    def behave(peer):
        peer.sendall(answer("sent"))
        piece = peer.recv(1)   # of the next request
        if piece:
            half.append(piece)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
        return False
    half = []
    place.odd.behave = behave
    seen = [place.ask("email") for _ in range(40)]
    good, unknown = seen.count((200, "sent")), sum(1 for each in seen if told_unknown("email", each))
    equal(good + unknown, 40)
    equal(len(place.odd.asked), good)
    equal(len(half), unknown)
    if not good or not unknown:
        raise Failure("nothing was tried")
    place.records(done=good, unknown=unknown)
    return f"{good} answered, {unknown} unknown"


def waits_for_a_connection(way, text):
    """A call that was admitted and has no connection yet meets the stop that comes meanwhile; without one it goes as soon as it can."""
    def story(place):
        place.odd.behave = lambda peer: peer.sendall(text)   # and closes, so that the next one needs a connection of its own
        for stopped in (False, True):
            before, seen = place.odd.fill(), []
            waiter = threading.Thread(target=lambda: seen.append(place.ask(way)), daemon=True)
            waiter.start()
            until(PATIENCE_S, lambda: equal(json.loads(place.world.shell("notaus status --json").stdout)["in_flight"], 1))
            if stopped:
                equal(place.world.shell("notaus stop --tool email.send --reason x").returncode, 0)
            place.odd.takes.set()
            for peer in before:
                peer.close()
            waiter.join(PATIENCE_S)
            equal(len(place.odd.asked), 1)
            if not seen or ("killed: tool_disabled:email.send" if stopped else "sent") not in seen[0][1]:
                raise Failure(f"the client sees {seen}")
        place.records(done=1)
        return "not sent"
    return story


def says_too_much(place):
    """What stands behind an answer is nobody's, least of all the next caller's."""
    place.odd.behave = lambda peer: peer.sendall(answer("sent") + answer("more")) or True
    for _ in range(3):
        equal(place.ask("email"), (200, "sent"))
    equal(len(place.odd.asked), 3)
    return "dropped"


def no_answer(way):
    def story(place):
        place.odd.behave = cut(b"", 0, "close")
        seen = place.ask(way)
        if not told_unknown(way, seen):
            raise Failure(f"the client sees {seen}")
        place.records(unknown=1)
        return "unknown"
    return story


def nobody(place):
    place.odd.listener.shutdown(socket.SHUT_RDWR)
    place.odd.listener.close()
    seen = place.ask("email")
    if seen[0] != 502 or "not_sent" not in seen[1]:
        raise Failure(f"the client sees {seen}")
    place.records(not_sent=1)
    return "not sent"


STORIES = {
    "cut": cut_everywhere("email", answer("sent")),
    "cut_chunked": cut_everywhere("email", answer("sent", chunked=True)),
    "cut_mcp": cut_everywhere("mcp", answer(RESULT)),
    "cut_mcp_chunked": cut_everywhere("mcp", answer(RESULT, chunked=True)),
    "cut_mcp_events": cut_everywhere("mcp", answer(EVENT, kind="text/event-stream", chunked=True), is_event=True),
    "waits_for_a_connection": waits_for_a_connection("email", answer("sent", more="Connection: close\r\n")),
    "waits_for_a_connection_mcp": waits_for_a_connection("mcp", answer(RESULT, more="Connection: close\r\n")),
    "says_too_much": says_too_much, "no_answer": no_answer("email"), "no_answer_mcp": no_answer("mcp"), "silent": silent, "byte_by_byte": byte_by_byte, "vanishes": vanishes, "closes_kept": closes_kept, "nobody": nobody,
}


def main():
    options = options_of(__doc__, STORIES)
    return tell(STORIES, options, lambda name: Place(options.build, name))


if __name__ == "__main__":
    sys.exit(main())
