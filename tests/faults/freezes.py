"""Any command, wrapper or call is frozen at any boundary of a system call: freezes.py [--seconds N | --all] [--seed N]

Whatever is frozen, wherever: another `notaus stop` takes effect within 100 ms of being typed, ends within 1.5 s, and its exit code is the
truth. When the frozen one wakes up it loosens nothing, and a wrapper that was frozen on its way to a tool sends nothing on an old answer.
Each round ends with the control: everything is lifted, and the same calls run.
"""

import argparse
import fcntl
import itertools
import json
import os
import random
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "play"))
import world as places  # noqa: E402
from client import Client  # noqa: E402
from frozen import Frozen, adopt_orphans  # noqa: E402
from script import Failure  # noqa: E402

EFFECT_S, END_S = 0.1, 1.5   # the contract's
STRIKES = 3                  # a busy machine is late now and then, a frozen lock holder always
CALLS_LONGEST, CALLS_TIMES = 14, 50
ENOUGH_MISSED = 5            # threads come in any order, so that the number of boundaries varies a little
LATER = {0: "confirmed", 3: "not confirmed", 5: "on this host only"}


class Fleet:
    """A state, two wrappers with tools that count, and an operator."""

    def __init__(self, world):
        self.world = world
        self.types("init")
        self.start_wrappers()

    def start_wrappers(self):
        while self.world.wrappers:
            self.world.wrappers.popitem()[1].close()
        self.acme = self.world.start_wrapper("acme", tenant="acme", agent="a")
        self.other = self.world.start_wrapper("globex", tenant="globex", agent="b")

    def starts(self, *words):
        return subprocess.Popen([str(self.world.build / "notaus"), *words], env=self.world.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def types(self, *words, exits=(0,)):
        process = self.starts(*words)
        out, err = process.communicate(timeout=places.PATIENCE_S)
        if process.returncode not in exits:
            raise Failure(f"notaus {' '.join(words)}: exit {process.returncode}\n{out}{err}")
        return out

    def status(self):
        return json.loads(self.types("status", "--json"))

    def lift_everything(self):
        """And show that the same calls run then."""
        for _ in range(3):
            for latch in {word for text in self.status()["warnings"] for word in text.replace("`", " ").split() if word.startswith("latch@")}:
                self.types("resume", latch, "--reason", "over")
            for stop in self.status()["stops"]:
                self.types("resume", stop["id"], "--reason", "over", exits=(0, 1))
        if denied(self.acme) or denied(self.other):
            raise Failure("nothing stands, and yet calls are denied")


def denied(client):
    answer = client.wait(client.call("email.send", {}), places.PATIENCE_S)
    if not answer or "result" not in answer:
        raise Failure(f"the wrapper answers {answer}")
    return bool(answer["result"].get("isError"))


class Stop:
    """`notaus stop` typed now, while something is frozen."""

    def __init__(self, fleet, *scope):
        self.began = time.monotonic()
        self.process = fleet.starts("stop", *scope, "--reason", "later", "--json")

    def takes_effect(self, client):
        while not denied(client):
            if time.monotonic() - self.began > 5:
                raise Failure("the stop takes no effect")
        self.effect_s = time.monotonic() - self.began

    def ends(self):
        out, err = self.process.communicate(timeout=places.PATIENCE_S)
        self.end_s = time.monotonic() - self.began
        if self.process.returncode not in LATER:
            raise Failure(f"the stop: exit {self.process.returncode}\n{out}{err}")
        self.report = json.loads(out)
        self.is_true(err)

    def is_true(self, err):
        said, exit_ = self.report, self.process.returncode
        if (exit_ == 0) != said["confirmed"] or (exit_ == 5) == said["stored"] or (said["confirmed"] and not said["stored"]):
            raise Failure(f"exit {exit_}, and the report says {json.dumps(said)}")
        if exit_ != 0 and not said["warnings"]:
            raise Failure(f"exit {exit_}, and nobody says why\n{err}")

    def in_time(self):
        return self.effect_s <= EFFECT_S and self.end_s <= END_S


# --- what is frozen: each of these plays one round and tells whether boundary `n` was there ---

def frozen_command(words, exits, before=("--tenant", "acme"), later=("--tenant", "acme")):
    def round_(fleet, n):
        stands = fleet.types("stop", *before, "--reason", "before", "--json", "--wait", "10s") if "ID" in words else None
        typed = [json.loads(stands)["record"]["id"] if word == "ID" else word for word in words]
        frozen = Frozen(fleet.world.build, n, "family")
        victim = frozen.start([str(fleet.world.build / "notaus"), *typed], env=fleet.world.environment(), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        frozen.settled(places.PATIENCE_S)
        if frozen.where is None:
            victim.wait(places.PATIENCE_S)
            frozen.wake()
            return frozen, None
        try:
            stop = Stop(fleet, *later)
            stop.takes_effect(fleet.acme)
            stop.ends()
        finally:
            frozen.wake()
        if victim.wait(places.PATIENCE_S) not in exits:
            raise Failure(f"what was frozen ({frozen.where}) ended with {victim.returncode}")
        if not came_later(fleet, typed, victim, stop):
            still_stands(fleet, stop)
        return frozen, stop
    return round_


def frozen_recovery(fleet, n):
    """What it leaves is another ledger, and whoever ran on the old one stays denied until it is started again."""
    try:
        return frozen_command(["init", "--recover"], (0,))(fleet, n)
    finally:
        fleet.start_wrappers()


def came_later(fleet, typed, victim, stop):
    """A resume that was frozen before it looked at the state lifts what it then sees, also a stop that was repeated meanwhile."""
    if typed[0] != "resume" or victim.returncode != 0 or stop.report["record"]["id"] != typed[1]:
        return False
    records = map(json.loads, fleet.types("audit", "list", "--json").splitlines())
    seen = [record["seen"] for record in records if record["kind"] == "resume" and record["id"] == typed[1] and "seen" in record]
    return stop.report["stored"] and seen[-1] >= stop.report["revision"]


def still_stands(fleet, stop):
    covered = [fleet.acme] + ([fleet.other] if not stop.report["record"]["selector"] else [])
    if not all(map(denied, covered)):
        raise Failure("what woke up has loosened the page")
    standing = [each["id"] for each in fleet.status()["stops"]]
    if not any(each.split("~")[0] == stop.report["record"]["id"] for each in standing):
        raise Failure(f"the stop {stop.report['record']['id']} does not stand any more, only {standing}")
    if not all(map(denied, covered)):
        raise Failure("looking at the state has loosened it")


def frozen_start(fleet, n):
    """A wrapper that is frozen while it starts."""
    frozen = Frozen(fleet.world.build, n, "alone")
    tool = fleet.world.directory / "tools" / "starting"
    command = [str(fleet.world.build / "notaus"), "mcp", "--state", str(fleet.world.state), "--tenant", "acme", "--agent", "s", "--",
               sys.executable, str(places.HERE / "fake_tool_server.py"), str(tool), "--fast"]
    client = Client([*frozen.words, *command], subprocess.DEVNULL, pass_fds=(frozen.tell,), env=fleet.world.environment())
    frozen.begin()
    try:
        number = client.call("email.send", {})
        while not frozen.settled(0.02):
            if client.wait(number, 0) is not None:   # it runs: there is no such boundary
                return frozen, None
        if frozen.where is None:
            raise Failure("the wrapper ended by itself")
        if client.wait(number, 0) is not None:   # frozen in a later round of its loop
            return frozen, None
        stop = Stop(fleet, "--tenant", "acme")
        stop.takes_effect(fleet.acme)
        stop.ends()
        ran = fleet.world.events("ran", "email.send", "starting")
        frozen.wake()
        answer = client.wait(number, places.PATIENCE_S)
        if not answer or not answer.get("result", {}).get("isError"):
            sent_before = any(call["agent"] == "s" for call in stop.report["in_flight"]) or ran
            if not sent_before:
                raise Failure(f"a wrapper that was frozen while it started lets a call through: {answer}")
        still_stands(fleet, stop)
        return frozen, stop
    finally:
        frozen.wake()
        client.close()
        (tool / "ran").unlink(missing_ok=True)


def frozen_call(fleet, n):
    """A wrapper that is frozen on a call's way to its tool; the tool is asleep, so that the pipe tells what was sent."""
    world, client = fleet.world, fleet.acme
    tool = int((world.directory / "tools" / "acme" / "pid").read_text())
    before = world.events("ran", "email.send", "acme")
    second = world.wrappers.get("second") or world.start_wrapper("second", tenant="acme", agent="c")
    os.kill(tool, 19)
    frozen = Frozen(world.build, n, "pid")
    frozen.attach(client.process.pid)
    try:
        number = client.call("email.send", {})
        while frozen.where is None and not frozen.settled(0.02):
            if unread(tool) and not frozen.settled(0.1):
                return frozen, None   # it was sent, and then there was nothing more to do
        sent = unread(tool)
        stop = Stop(fleet, "--tenant", "acme")
        stop.takes_effect(second)
        stop.ends()
        listed = any(call["agent"] == "a" for call in stop.report["in_flight"])
        if sent and not listed:
            raise Failure("the call was sent before the stop, and the stop does not list it")
        frozen.wake()
        if not sent:
            places.until(places.PATIENCE_S, lambda: answered_or_sent(client, number, tool))
        # Between the last look and the write that follows it, at once, nobody can look again: the stop lists such a call.
        if unread(tool) and not sent and not (frozen.where == "entering 1" and listed):
            raise Failure("the wrapper woke up and sent on an old answer")
    finally:
        frozen.wake()
        os.kill(tool, 18)
    answer = client.wait(number, places.PATIENCE_S)
    if not answer or "result" not in answer:
        raise Failure(f"the wrapper answers {answer}")
    ran = world.events("ran", "email.send", "acme") - before
    if ran != (0 if answer["result"].get("isError") else 1) or (ran and not listed):
        raise Failure(f"it ran {ran} times, was{'' if listed else ' not'} listed, and the answer is {answer}")
    still_stands(fleet, stop)
    return frozen, stop


def answered_or_sent(client, number, tool):
    if client.wait(number, 0) is None and not unread(tool):
        raise Failure("the wrapper neither answers nor sends")


def unread(pid):
    """How many bytes wait in a process's standard input."""
    with open(f"/proc/{pid}/fd/0", "rb", buffering=0, opener=lambda path, _: os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as pipe:
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0]


VICTIMS = {
    "call": frozen_call,
    "stop": frozen_command(["stop", "--tenant", "globex", "--reason", "x"], (0, 3, 5)),
    "resume": frozen_command(["resume", "ID", "--reason", "x"], (0, 1, 3), before=("--tenant", "globex"), later=("--global",)),
    "resume of a stop that is repeated": frozen_command(["resume", "ID", "--reason", "x"], (0, 1, 3)),
    "status": frozen_command(["status"], (0, 1)),
    "init --recover": frozen_recovery,
    "mcp": frozen_start,
}


def attempt(fleet, name, n):
    """(where it froze or nothing, the later stop)"""
    strikes, since = 0, time.monotonic()
    while True:
        try:
            frozen, stop = VICTIMS[name](fleet, n)
        except Failure as failure:
            raise Failure(f"{name} frozen at boundary {n}: {failure}") from None
        fleet.lift_everything()
        if stop is None:
            return frozen, None
        if stop.in_time():
            return frozen, stop
        strikes += quick_when_nothing_is_frozen(fleet)
        if strikes == STRIKES or time.monotonic() - since > places.PATIENCE_S:
            raise Failure(f"{name} frozen at boundary {n} ({frozen.where}): the other stop took effect after {stop.effect_s * 1000:.0f} ms "
                          f"and ended after {stop.end_s * 1000:.0f} ms, {strikes} times while a stop with nothing frozen was in time")


def quick_when_nothing_is_frozen(fleet):
    """If not, the machine is busy, and being late says nothing about what was frozen."""
    stop = Stop(fleet, "--tenant", "acme")
    stop.takes_effect(fleet.acme)
    stop.ends()
    fleet.lift_everything()
    return stop.in_time()


class Tally:
    def __init__(self):
        self.rounds, self.slowest_effect, self.slowest_end, self.exits = {}, 0, 0, {}

    def add(self, name, stop):
        self.rounds[name] = self.rounds.get(name, 0) + 1
        self.slowest_effect = max(self.slowest_effect, stop.effect_s)
        self.slowest_end = max(self.slowest_end, stop.end_s)
        said = LATER[stop.process.returncode]
        if any("latch" in text for text in stop.report["warnings"]):
            said += " by latch"
        self.exits[said] = self.exits.get(said, 0) + 1

    def __str__(self):
        return (f"frozen: {', '.join(f'{count} {name}' for name, count in self.rounds.items())}; the other stop took effect within "
                f"{self.slowest_effect * 1000:.0f} ms, ended within {self.slowest_end * 1000:.0f} ms: "
                f"{', '.join(f'{count} {said}' for said, count in sorted(self.exits.items()))}")


def boundaries(fleet, name):
    """How many there are, or a little more: what a round finds not there is not asked for again."""
    if name in ("call", "mcp"):
        return {"call": CALLS_LONGEST, "mcp": 1500}[name]
    return VICTIMS[name](fleet, 10**9)[0].count


def everything(fleet, tally):
    """Each boundary once; those of a call, of which there are few and two threads' in any order, many times."""
    for name in VICTIMS:
        missed = 0
        for n in itertools.count(1) if name != "call" else list(range(1, CALLS_LONGEST)) * CALLS_TIMES:
            _, stop = attempt(fleet, name, n)
            missed = missed + 1 if stop is None else 0
            if stop is not None:
                tally.add(name, stop)
            elif name != "call" and missed == ENOUGH_MISSED:
                break


def sample(fleet, tally, seconds, random_):
    give_up = time.monotonic() + seconds
    most = {name: boundaries(fleet, name) for name in VICTIMS}
    fleet.lift_everything()
    while time.monotonic() < give_up:
        for name in VICTIMS:
            n = random_.randint(1, most[name])
            _, stop = attempt(fleet, name, n)
            if stop is None:
                most[name] = max(1, min(most[name], n - 1))
            else:
                tally.add(name, stop)
    if set(tally.rounds) != set(VICTIMS):
        raise Failure(f"too few rounds to have tested anything: {tally}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--seconds", type=float, default=30, help="a sample of boundaries, for so long")
    parser.add_argument("--all", action="store_true", help="every boundary there is")
    parser.add_argument("--only", choices=VICTIMS, help="with --all: of this alone")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    adopt_orphans()
    world, tally, failed = places.World(options.build, "freezes"), Tally(), None
    try:
        fleet = Fleet(world)
        if options.only:
            for name in set(VICTIMS) - {options.only}:
                del VICTIMS[name]
        if options.all:
            everything(fleet, tally)
        else:
            sample(fleet, tally, options.seconds, random.Random(options.seed))
    except Failure as failure:
        failed = failure
    finally:
        world.close(keep=failed is not None)
    print(tally)
    if failed:
        print(f"{failed}\nseed {options.seed}, kept: {world.directory}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
