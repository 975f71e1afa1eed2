"""An agent over plain HTTP, and the ways to look at what it was answered."""

import http.client
import json
import select
import socket
import threading


class Agent:
    """Requests through the gate at `address`; each on a connection of its own, as answers are waited for in any order."""

    def __init__(self, address):
        self.host, port = address.rsplit(":", 1)
        self.port = int(port)
        self.answers, self.open = [], {}

    def ask(self, method, target, body, headers):
        number = len(self.answers)
        return self.begin(lambda: self.exchange(method, target, body, headers, number))

    def halve(self, method, target, body, headers):
        """Sends the first half of the body; finish() sends the other."""
        connection = http.client.HTTPConnection(self.host, self.port)
        connection.putrequest(method, target)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders()
        connection.send(body[:len(body) // 2])
        other = threading.Event()

        def rest():
            while not other.wait(0.01):  # it may be answered before
                if select.select([connection.sock], [], [], 0)[0]:
                    return self.hear(connection)
            connection.send(body[len(body) // 2:])
            return self.hear(connection)
        number = self.begin(rest)
        self.open[number] = (connection, other)
        return number

    def finish(self, number):
        self.open[number][1].set()

    def leave(self, number):
        """Closes the connection on which this request waits."""
        self.open[number][0].sock.shutdown(socket.SHUT_RDWR)

    def say(self, data):
        """Bytes exactly as given; what comes back until the gate closes."""
        return self.begin(lambda: self.converse(data))

    def begin(self, work):
        answer = {}
        thread = threading.Thread(target=lambda: answer.update(attempt(work)), daemon=True)
        thread.start()
        self.answers.append((thread, answer))
        return len(self.answers) - 1

    def wait(self, number, timeout):
        thread, answer = self.answers[number]
        thread.join(timeout)
        return None if thread.is_alive() else answer

    def exchange(self, method, target, body, headers, number):
        connection = http.client.HTTPConnection(self.host, self.port)
        self.open[number] = (connection, None)
        chunked = headers.get("Transfer-Encoding") == "chunked"
        connection.request(method, target, [body] if chunked else body, headers, encode_chunked=chunked)
        return self.hear(connection)

    def hear(self, connection):
        response = connection.getresponse()
        return {"status": response.status, "headers": {name.lower(): value for name, value in response.getheaders()},
                "body": response.read().decode(errors="replace")}

    def converse(self, data):
        with socket.create_connection((self.host, self.port)) as peer:
            peer.sendall(data)
            peer.shutdown(socket.SHUT_WR)
            said = b""
            while chunk := peer.recv(65536):
                said += chunk
        head, _, body = said.partition(b"\r\n\r\n")
        if not head:
            return {"status": 0, "headers": {}, "body": ""}
        lines = head.decode(errors="replace").split("\r\n")
        return {"status": int(lines[0].split()[1]), "headers": dict(line.lower().split(": ", 1) for line in lines[1:]),
                "body": body.decode(errors="replace")}

    # --- outcomes ---

    def judge(self, answer, word, *rest):
        """What is wrong with this answer; None: nothing."""
        if word == "denied":
            return problem(answer, 403, rest[0], lambda detail: "not executed" in detail and "do not retry" in detail)
        if word == "unknown":
            return problem(answer, 403, rest[0], lambda detail: "outcome unknown" in detail)
        if word == "broken":
            return None if "broken" in answer else "the answer is whole"
        if str(answer.get("status")) != word:
            return f"the status is {answer.get('status')}"
        return next((f"it does not say {text!r}" for text in rest if text.lower() not in answer["body"].lower()), None)


def attempt(work):
    try:
        return work()
    except (OSError, http.client.HTTPException) as broken:
        return {"broken": repr(broken)}


def problem(answer, status, reason, tells):
    """A stop, as RFC 9457 has it, the reason alone on the first line, and nothing that makes a client try again."""
    if answer.get("status") != status:
        return f"the status is {answer.get('status')}"
    if answer["headers"].get("content-type") != "application/problem+json" or "retry-after" in answer["headers"]:
        return "it is no problem+json, or invites a retry"
    if answer["headers"].get("notaus-reason") != reason:
        return f"Notaus-Reason is {answer['headers'].get('notaus-reason')!r}"
    body = json.loads(answer["body"])
    if body["reason"] != reason or body["detail"].split("\n")[0] != reason or body["error"]["message"] != body["detail"]:
        return "the reason is another"
    return None if tells(body["detail"].lower()) else "its text does not say what happened"
