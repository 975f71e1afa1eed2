"""What is one caller's and no other's: callers_test.py [--build DIR] [STORY …]

Its session, from the answer that named it on. Its places among the calls in flight over MCP, of which it has so many and leaves the others theirs.
What its server may not ask it under a stop. And a caller without a credential is one of this machine.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from script import Failure  # noqa: E402
from stories import equal, options_of, tell  # noqa: E402
import world  # noqa: E402
from world import World, until  # noqa: E402

CORES = len(os.sched_getaffinity(0))   # a loop of the gate on each
TOKENS = {"t1": "acme", "t2": "globex"}
CONFIG = """
listen: { gate: "$address:0" }
tools: { crm.find: read }
servers:
  behind: { url: "$crm/mcp" }
  command: { command: ["/bin/sh", "-c", "exec $TOOL_SERVER $DIR/tools/command"] }
agents:
""" + "".join(f"  - {{ token_sha256: {hashlib.sha256(token.encode()).hexdigest()}, tenant: {tenant}, agent: mailer }}\n" for token, tenant in TOKENS.items())
LIMITED = f"limits: {{ calls_per_agent: {2 * CORES} }}\n"   # two on each core
ONE_EACH = f"limits: {{ calls_per_agent: {CORES} }}\n"
OPEN = "anonymous: default\n"
FAR_ADDRESS = "192.0.2.1"   # of TEST-NET-1 (RFC 5737): this machine's for as long as the namespace lives


class Place:
    def __init__(self, build, name, more="", address="127.0.0.1", prefix=()):
        self.world = World(build, f"callers-{name}")
        self.world.start_upstream("crm", speaks="mcp")
        self.world.saved |= {"address": address, "DIR": str(self.world.directory)}
        self.world.config = (CONFIG + more).splitlines()
        self.world.write_config()
        self.operator("init")
        self.world.prefix = list(prefix)
        self.world.start_up()
        self.world.prefix = []
        self.agents = 0

    def close(self, keep):
        self.world.close(keep=keep)

    def operator(self, words):
        done = self.world.shell(f"notaus {words}")
        if done.returncode != 0:
            raise Failure(f"notaus {words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def agent(self, token="t1", server="behind", era="new"):
        self.agents += 1
        name = f"agent{self.agents}"
        self.world.start_agent(name, server, era, token)
        return self.world.wrappers[name]


def answer(agent, number):
    said = agent.wait(number, world.PATIENCE_S)
    if said is None:
        raise Failure("no answer")
    return said


def runs(agent, tool):
    said = answer(agent, agent.call(tool, {}))
    if "result" not in said or said["result"].get("isError"):
        raise Failure(f"{tool} is answered {said}")


def first(place):
    """Of a session that its owner has not used yet."""
    owner = place.agent(era="new")   # not greeted
    owner.era = "old"
    asked = owner.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "a", "version": "1"}})
    if "result" not in answer(owner, asked) or not owner.session:
        raise Failure("no session has begun")
    thief = place.agent("t2")
    thief.era, thief.session = "old", owner.session
    equal(answer(thief, thief.call("crm.find", {})).get("status"), 403)
    equal(place.world.events("ran", "crm.find"), 0)
    runs(owner, "crm.find")
    return "its owner's"


def withheld(place):
    """A server that asks its client amid a call: withheld under stop_all, where the server is told so; else it is asked."""
    for stopped, asked in ((False, 1), (True, 0)):
        agent = place.agent(era="old")
        place.world.hold("ask.later")
        call = agent.call("ask.later", {})
        until(world.PATIENCE_S, lambda: equal(place.world.events("ran", "ask.later"), 1 + stopped))
        if stopped:
            place.operator("stop --tenant acme --mode stop_all --reason x")
        place.world.release("ask.later")
        if "result" not in answer(agent, call):
            raise Failure("what is in flight may end")
        equal(agent.unasked.qsize(), asked)
        equal(place.world.events("ran", "response.error"), 1 - asked)
    return "withheld"


def taken(place, server, calls):
    """So many calls at once that do not end: (who asks, those that wait, what the others were told)."""
    place.world.hold("email.send")
    agent = place.agent(server=server)
    asked = [agent.call("email.send", {"number": number}) for number in range(calls)]
    told = {}

    def settled():
        told.update({number: answer(agent, number) for number in asked if agent.waiting[json.dumps(number)].is_set()})
        equal(place.world.events("ran", "email.send") + len(told), calls)
    until(world.PATIENCE_S, settled)
    return agent, [number for number in asked if number not in told], list(told.values())


def all_end(place, agent, waiting):
    place.world.release("email.send")
    for number in waiting:
        if "result" not in answer(agent, number):
            raise Failure("what was let in has ended with no result")


def seats(server):
    """Over MCP all cores share the places, so `calls_per_agent` is what one has on all of them together."""
    def story(place):
        calls = 8 * CORES
        agent, waiting, turned_away = taken(place, server, calls)
        if not 2 <= len(waiting) <= 2 * CORES:
            raise Failure(f"{len(waiting)} of {calls} were let in, where {2 * CORES} are the most")
        if not all(said.get("status") == 503 and "calls_per_agent" in said["detail"] for said in turned_away):
            raise Failure(f"one too many was told: {turned_away[:1]}")
        runs(place.agent("t2", server), "crm.find")
        all_end(place, agent, waiting)
        runs(agent, "email.send")
        equal(place.world.events("ran", "email.send"), len(waiting) + 1)
        return f"{len(waiting)} of {calls}"
    return story


def unlimited(server):
    """The control: without the limit all of them are let in."""
    def story(place):
        agent, waiting, turned_away = taken(place, server, 8 * CORES)
        equal(turned_away, [])
        all_end(place, agent, waiting)
        return f"{len(waiting)} of {8 * CORES}"
    return story


def seatless(place):
    """Whose every place is taken can still answer his server, and listen for news."""
    place.world.hold("ask.later")
    agent = place.agent(era="old")
    asked = agent.call("ask.later", {})
    until(world.PATIENCE_S, lambda: equal(place.world.events("ran", "ask.later"), 1))
    place.world.hold("email.send")
    waiting = []
    while len(waiting) < CORES - 1:   # each goes to whichever core the kernel likes
        number, ran = agent.call("email.send", {}), place.world.events("ran", "email.send")
        until(world.PATIENCE_S, lambda: ran_or_told(place, agent, number, ran))
        if not agent.waiting[json.dumps(number)].is_set():
            waiting.append(number)
    for _ in range(4 * CORES):
        equal(answer(agent, agent.call("crm.find", {})).get("status"), 503)
        if "result" not in answer(agent, agent.ask("subscriptions/listen", {})):
            raise Failure("no news for him")
    place.world.release("ask.later")
    if "result" not in answer(agent, asked):
        raise Failure("its answer did not get through")
    equal(place.world.events("ran", "user.answered"), 1)
    all_end(place, agent, waiting)
    return "answers and listens"


def ran_or_told(place, agent, number, ran):
    if not agent.waiting[json.dumps(number)].is_set():
        equal(place.world.events("ran", "email.send"), ran + 1)


def elsewhere(place):
    """Whose address is none of this machine's loopback has to say who he is; from the loopback nobody has to."""
    port = place.world.saved["GATE"].rsplit(":", 1)[1]

    def status(address, *headers):
        words = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *headers, f"http://{address}:{port}/nowhere"]
        there = ["nsenter", f"--net=/proc/{place.world.saved['UP_PID']}/ns/net", *words]
        return subprocess.run(there, capture_output=True, text=True, timeout=4 * world.PATIENCE_S).stdout
    equal(status("127.0.0.1"), "404")
    equal(status(FAR_ADDRESS), "401")
    equal(status(FAR_ADDRESS, "-H", "Authorization: Bearer t1"), "404")
    return "has to say who he is"


STORIES = {"first": first, "withheld": withheld, "seats": seats("behind"), "seats_command": seats("command"), "unlimited": unlimited("behind"),
           "unlimited_command": unlimited("command"), "seatless": seatless, "elsewhere": elsewhere}
ELSEWHERE = {"more": OPEN, "address": "0.0.0.0", "prefix": ["unshare", "--net", "sh", "-c", f'ip link set lo up; ip address add {FAR_ADDRESS}/32 dev lo; exec "$@"', "-"]}
PLACES = {"seats": {"more": LIMITED}, "seats_command": {"more": LIMITED}, "seatless": {"more": ONE_EACH}, "elsewhere": ELSEWHERE}


def main():
    options = options_of(__doc__, STORIES)
    return tell(STORIES, options, lambda name: Place(options.build, name, **PLACES.get(name, {})))


if __name__ == "__main__":
    sys.exit(main())
