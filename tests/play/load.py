"""Agents that call flat out, and what their tool servers saw: shared by flips.py and its control."""

import json
import sys
import threading

from client import Client
from script import Failure
from world import HERE, PATIENCE_S

WRITES, READS = ("email.send", "ticket.create"), ("crm.find",)
TOOLS = WRITES + READS
WINDOW = 4   # calls an agent has open at once


class Agent:
    """One wrapper with a counting tool server behind it, and a thread that never stops calling."""

    def __init__(self, world, tenant, name, pace):
        self.tenant, self.name = tenant, name
        self.directory = world.directory / "tools" / name
        command = [str(world.build / "notaus"), "mcp", "--state", str(world.state), "--tenant", tenant, "--agent", name, "--",
                   sys.executable, str(HERE / "fake_tool_server.py"), str(self.directory), "--fast", *pace]
        with open(world.directory / f"stderr.{name}", "ab") as stderr:
            self.client = Client(command, stderr, env=world.environment(), cwd=world.directory)
        world.wrappers[name] = self.client
        if not self.client.greet(PATIENCE_S):
            raise Failure(f"wrapper {name} did not come up")
        self.rounds = 0
        self.trouble = None
        self.leave = threading.Event()
        self.seen, self.events = 0, []
        self.thread = threading.Thread(target=self.work, daemon=True)
        self.thread.start()

    def work(self):
        while not self.leave.is_set():
            asked = [self.client.call(TOOLS[each % len(TOOLS)], {}) for each in range(WINDOW)]
            for number in asked:
                answer = self.client.wait(number, PATIENCE_S)
                if answer is None or "result" not in answer:
                    self.trouble = f"{self.name}: {answer}"
                    return
                self.forget(number)
            self.rounds += 1

    def forget(self, number):
        with self.client.lock:
            del self.client.answers[json.dumps(number)], self.client.waiting[json.dumps(number)]

    def executions(self):
        """All so far, as (when it arrived, tool)."""
        with open(self.directory / "ran", "rb") as file:
            file.seek(self.seen)
            news = file.read()
        whole = news[:news.rfind(b"\n") + 1]
        self.seen += len(whole)
        self.events += [(event["at"], event["tool"]) for event in map(json.loads, whole.splitlines())]
        return self.events

    def finish(self):
        self.leave.set()
        self.thread.join(PATIENCE_S)


def covers(selector, mode, tenant, agent, tool):
    if selector.get("tenant", tenant) != tenant or selector.get("agent", agent) != agent:
        return False
    if "tool" in selector:
        return selector["tool"] == tool or (selector["tool"].endswith(".*") and tool.startswith(selector["tool"][:-1]))
    return mode == "stop_all" or tool in WRITES
