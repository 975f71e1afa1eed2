"""kill -9 of the gate under load: killed_test.py [--kills N] [--seed N]

Agents write through it without end, over each of its ways: a route, an MCP server behind HTTP, one that is a command. It is killed at any
moment and started again, and then serves. Each agent gets an answer or sees that there is none; each call that ran is in the log, as done or unknown,
and none ran twice; what a stop covers does not run after the restart. How long a restart takes is printed, and decides nothing.
"""

import argparse
import http.client
import json
import os
import random
import sys
import threading
import time
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from client import MODERN  # noqa: E402
from script import Failure  # noqa: E402
from world import HERE, PATIENCE_S, World, until  # noqa: E402

LONGEST_S = 0.5   # between a start and its kill
CONFIG = """
listen: { gate: "127.0.0.1:0" }
anonymous: default
tools: { email.send: write }
routes:
  - { path: /email/*, tool: email.send, url: "$mail" }
servers:
  behind: { url: "$crm/mcp" }
  command: { command: ["$python", "$fake", "$DIR/tools/command"] }
"""


class Agent(threading.Thread):
    """One write after another, each with a name of its own; counts how they ended for it."""

    def __init__(self, place, way, number):
        super().__init__(daemon=True)
        self.place, self.way, self.number = place, way, number
        self.sent, self.seen = 0, {"answered": 0, "told": 0, "cut off": 0, "denied": 0}

    def run(self):
        while not self.place.over.is_set():
            if not self.place.may_go.wait(0.05):
                continue
            self.sent += 1
            try:
                self.seen[self.write(f"{self.way}{self.number}x{self.sent}")] += 1
            except (OSError, http.client.HTTPException):
                self.seen["cut off"] += 1

    def write(self, name):
        connection = http.client.HTTPConnection(self.place.world.saved["GATE"], timeout=PATIENCE_S)
        try:
            if self.way == "email":
                connection.request("POST", f"/email/{name}", "{}")
            else:
                message = {"jsonrpc": "2.0", "id": self.sent, "method": "tools/call", "params": {"name": name, "arguments": {}, "_meta": MODERN}}
                connection.request("POST", f"/mcp/{self.way}", json.dumps(message), {
                    "Content-Type": "application/json", "Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2026-07-28",
                    "Mcp-Method": "tools/call", "Mcp-Name": name})
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if "killed: " in text:
            return "denied"
        return "answered" if answer.status == 200 else "told"


class Place:
    def __init__(self, options):
        self.world = World(options.build, "killed")
        self.over, self.may_go = threading.Event(), threading.Event()
        self.served = 0   # first calls after a restart
        self.world.start_upstream("mail")
        self.world.start_upstream("crm", speaks="mcp")
        self.world.saved |= {"python": sys.executable, "fake": str(HERE / "fake_tool_server.py"), "DIR": str(self.world.directory)}
        self.world.config = CONFIG.splitlines()
        self.world.write_config()
        self.operator("init")

    def operator(self, words):
        done = self.world.shell(f"notaus {words}")
        if done.returncode != 0:
            raise Failure(f"notaus {words}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def ran(self):
        lines = [line for file in self.world.directory.glob("tools/*/ran") for line in file.read_text().splitlines()]
        return [event["tool"] for event in map(json.loads, lines) if event["event"] == "ran"]

    def written(self):
        records = [json.loads(line) for line in self.operator("audit list --json").splitlines()]
        # denials of that many names at once are only counted
        if gaps := [record for record in records if record["kind"] == "gap" and record["what"] != "denials"]:
            raise Failure(f"the log has gaps: {gaps}")
        return [record for record in records if record["kind"] == "admitted_write"]


def play(place, options):
    random_ = random.Random(options.seed)
    agents = [Agent(place, way, number) for way in ("email", "behind", "command") for number in range(3)]
    for agent in agents:
        agent.start()
    restarts_ms = []
    for _ in range(options.kills):
        began = len(place.ran())
        start = time.monotonic()
        place.world.start_up()
        serves(place)
        restarts_ms.append((time.monotonic() - start) * 1000)
        place.may_go.set()
        until(PATIENCE_S, lambda: more_than(began + 1, len(place.ran())))
        place.over.wait(random_.random() * LONGEST_S)
        place.world.signal("up", "", 9)
        place.may_go.clear()
    place.world.start_up()
    place.may_go.set()
    place.operator("stop --global --wait 30s --reason over")
    denied = sum(agent.seen["denied"] for agent in agents)
    until(PATIENCE_S, lambda: more_than(denied + 9, sum(agent.seen["denied"] for agent in agents)))
    place.over.set()
    for agent in agents:
        agent.join(PATIENCE_S)
        if agent.is_alive():
            raise Failure(f"{agent.way}: a call has neither an answer nor an end")
    return f"{judge(place, agents, options)}; a restart serves after {median(restarts_ms):.0f} ms, at most {max(restarts_ms):.0f}"


def serves(place):
    """Nobody else asks yet: the first call after the restart."""
    place.served += 1
    seen = Agent(place, "email", 0).write(f"first{place.served}")
    if seen != "answered":
        raise Failure(f"the first call after a restart is {seen}")


def judge(place, agents, options):
    seen = {how: sum(agent.seen[how] for agent in agents) for how in agents[0].seen}
    ran = place.ran()
    if twice := {name for name in ran if ran.count(name) > 1}:
        raise Failure(f"ran twice: {twice}")

    def recorded():
        of = {outcome: sum(1 for record in place.written() if record["outcome"] == outcome) for outcome in ("done", "unknown", "not_sent")}
        if not of["done"] <= len(ran) <= of["done"] + of["unknown"]:
            raise Failure(f"{len(ran)} ran, and the log has {of}")
        return of
    of = until(PATIENCE_S, recorded)
    if seen["answered"] + place.served > of["done"] or seen["cut off"] == 0:
        raise Failure(f"agents saw {seen}, and the log has {of}")
    for way in ("email", "behind", "command"):
        if not sum(agent.seen["answered"] for agent in agents if agent.way == way):
            raise Failure(f"nothing ever went over {way}")
    return f"{options.kills} kills: {len(ran)} ran; agents saw {seen}; the log has {of}; seed {options.seed}"


def more_than(least, seen):
    if seen <= least:
        raise Failure(f"no more than {seen}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--kills", type=int, default=12)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    place, failed = Place(options), None
    try:
        print(play(place, options))
    except Failure as failure:
        failed = failure
    finally:
        place.over.set()
        place.world.close(keep=failed is not None)
    if failed:
        print(f"{failed}\nseed {options.seed}, kept: {place.world.directory}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
