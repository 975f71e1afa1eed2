"""A flood of denials, with kills in between: what the callers counted, the log and `notaus status --json` are equal, save at most one call
per killed thread: flood_test.py [--seconds N] [--rate N] [--latency]
"""

import argparse
import collections
import json
import os
import random
import struct
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from script import Failure  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402

PROCESSES, THREADS = 2, 4


class Flooder:
    """One process of guards.cc, and what it counted in a file that outlives it."""

    def __init__(self, world, rate, number):
        self.counts = Path(world.directory) / f"counts-{number}"
        self.process = subprocess.Popen([world.build / "guards", "flood", str(THREADS), str(rate // PROCESSES), self.counts, world.state],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=world.environment())
        if not self.process.stdout.readline().startswith("ready"):
            raise Failure(f"it ended with {self.process.wait()}")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def asks(self):
        if sum(begun for begun, _ in self.asked()) <= 10:
            raise Failure("it does not ask")

    def asked(self):
        """(begun, answered) of each thread."""
        return list(struct.iter_unpack("QQ", self.counts.read_bytes()))


class Operator:
    def __init__(self, world):
        self.world = world

    def types(self, *words, exits=(0,)):
        done = subprocess.run([str(self.world.build / "notaus"), *words], env=self.world.environment(), capture_output=True, text=True,
                              timeout=4 * PATIENCE_S)
        if done.returncode not in exits:
            raise Failure(f"notaus {' '.join(words)}: exit {done.returncode}\n{done.stderr}")
        return done.stdout

    def stop_ms(self):
        """How long a stop takes until it is confirmed, by its own clock."""
        times = [json.loads(self.types("stop", "--tenant", f"t{n}", "--json", exits=(0, 3, 8)))["elapsed_ms"]["confirmed"] for n in range(9)]
        return sorted(times)[len(times) // 2]

    def status(self):
        return json.loads(self.types("status", "--json"))


def equal(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: {found}, expected {wanted}")


def flood(world, operator, seconds, rate):
    """Runs it; all flooders, and the median of stops in the middle of it."""
    flooders = [Flooder(world, rate, n) for n in range(PROCESSES)]
    living, random_ = list(flooders), random.Random(seconds)
    middle = None
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(random_.uniform(0.1, 0.5))   # no condition to wait for: it decides when a kill falls, and nothing else
        victim = living.pop(random_.randrange(len(living)))
        victim.kill()
        living.append(Flooder(world, rate, len(flooders)))
        flooders.append(living[-1])
        if middle is None and time.monotonic() > end - seconds / 2:
            middle = operator.stop_ms()
    for one in living:
        one.kill()
    return flooders, middle


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--seconds", type=int, default=4)
    arguments.add_argument("--rate", type=int, default=100_000)
    arguments.add_argument("--latency", action="store_true", help="fail if a stop takes more than twice as long as at rest")
    given = arguments.parse_args()
    with World(os.environ.get("NOTAUS_BUILD", "build/dev"), "flood") as world:
        world.tools = {"email.send": "write"}
        world.write_config()
        operator = Operator(world)
        operator.types("init")
        flooder = Flooder(world, 100, "control")   # nothing is stopped: nothing is denied
        until(PATIENCE_S, flooder.asks)
        equal(sum(answered for _, answered in flooder.asked()), 0, "denied before the stop")
        flooder.kill()
        operator.types("status")
        for record in records(operator):
            equal(record["kind"] in ("blocked", "blocked_agg"), False, "a denial before the stop")
        rest = operator.stop_ms()
        operator.types("stop", "--tenant", "acme", "--reason", "flood", "--json", exits=(0, 8))
        before = log_bytes(world)
        began = time.monotonic()
        flooders, middle = flood(world, operator, given.seconds, given.rate)
        took = time.monotonic() - began
        operator.types("status")
        compare(operator, flooders)
        growth = log_bytes(world) - before
        # Ten in full and one count a second and kind, whatever the rate; the rest are stops, and what a kill leaves.
        allowed = int((took + 2) * PROCESSES * 12 + len(flooders) * (THREADS + 13) + 200) * 1024
        if growth > allowed:
            raise Failure(f"the log grew by {growth} bytes, more than {allowed}")
        asked = sum(answered for one in flooders for _, answered in one.asked())
        print(f"{asked} denials in {took:.1f} s ({asked / took:.0f} a second), {len(flooders)} processes killed; the log grew by {growth >> 10} KiB; "
              f"a stop took {rest:.1f} ms at rest, {middle:.1f} ms in the flood")
        if given.latency and middle > 2 * rest:
            raise Failure("a stop took more than twice as long as at rest")


def log_bytes(world):
    return sum(file.stat().st_size for file in (Path(world.state) / "log").rglob("entries/**/*") if file.is_file())


def records(operator):
    return [json.loads(line) for line in operator.types("audit", "list", "--json").splitlines()]


def compare(operator, flooders):
    told, named, undecided = collections.Counter(), collections.Counter(), collections.Counter()
    for record in records(operator):
        point = record.get("point", "")
        if record["kind"] == "blocked" or record["kind"] == "blocked_agg" or (record["kind"] == "gap" and record["what"] == "denials"):
            told[point] += record.get("count", 1)
        if record["kind"] == "unclean_start":
            named[point] += 1
            undecided[point] += record["what"] == "undecided"   # the others may be in a count, too: their threads were killed while they counted
    status = operator.status()
    equal(status["denied"] + status["lost_denials"], sum(told.values()), "status, and the sum over the log")
    equal(status["in_doubt"], sum(named.values()), "calls in doubt by status, and named in the log")
    by_pid = {point.split("-")[-2]: point for point in {*told, *named}}
    for one in flooders:
        begun, answered = (sum(each) for each in zip(*one.asked()))
        point = by_pid.get(str(one.process.pid), "none")
        open_ = begun - answered
        if not answered <= told[point] <= begun or told[point] - answered + undecided[point] > open_ or named[point] > open_:
            raise Failure(f"{point}: {answered} denials were answered, {begun} begun; the log has {told[point]} and names {named[point]}, "
                          f"{undecided[point]} of them undecided")
        if begun - answered > THREADS:
            raise Failure(f"{point}: more than one call of a thread was under way")


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"flood: {failure}")
