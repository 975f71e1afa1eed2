"""Customers' processes in every shape, and counts that must be equal: guards_test.py [--crowd N] [--burst N]

guards.cc is the process; what it did by its own count is compared with what `notaus` says, to the last call.
"""

import argparse
import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from frozen import Frozen, adopt_orphans  # noqa: E402
from script import Failure  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402


class Here:
    """A fresh state, an operator, and the process."""

    def __init__(self, build, name):
        self.world = World(build, f"guards-{name}")
        self.world.tools = {"email.send": "write", "crm.find": "read"}
        self.world.write_config()
        self.notaus("init")

    def notaus(self, *words, exits=(0,)):
        done = subprocess.run([str(self.world.build / "notaus"), *words], env=self.world.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=4 * PATIENCE_S)
        if done.returncode not in exits:
            raise Failure(f"notaus {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def status(self):
        return json.loads(self.notaus("status", "--json"))

    def stop(self, *more, exits=(0,)):
        return json.loads(self.notaus("stop", "--tenant", "acme", "--reason", "x", "--json", *more, exits=exits))

    def resume(self):
        self.notaus("resume", "--tenant", "acme", "--reason", "over")

    def log(self):
        return [json.loads(line) for line in self.notaus("audit", "list", "--json").splitlines()]

    def process(self, *words):
        return Process(self.world, *words)


class Process:
    def __init__(self, world, *words):
        self.process = subprocess.Popen([str(world.build / "guards"), *words, str(world.state)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True, env=world.environment())

    def says(self):
        line = self.process.stdout.readline().split()
        if not line:
            raise Failure(f"the process ended with {self.process.wait()}")
        return line[1:] if line[0] == "ready" else line

    def go_on(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def ends(self):
        self.process.stdin.close()
        return self.process.wait(PATIENCE_S)


def equal(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: {found}, expected {wanted}")


def of_kind(log, kind, **fields):
    return [record for record in log if record["kind"] == kind and all(record.get(key) == value for key, value in fields.items())]


def writes_in(log):
    """(in full, lost)"""
    return len(of_kind(log, "admitted_write")), sum(record["count"] for record in of_kind(log, "gap", what="calls"))


def denials_in(log):
    full = len(of_kind(log, "blocked"))
    return full + sum(record["count"] for record in of_kind(log, "blocked_agg")), sum(
        record["count"] for record in of_kind(log, "gap", what="denials"))


# --- the shapes ---

def strict(here, options):
    """Admission makes no system call, so nobody can make it wait; here somebody holds every lock there is."""
    with contextlib.ExitStack() as held:
        for path in ("lock", "log/lock", "stops"):
            file = held.enter_context(open(here.world.state / path, "r+b"))
            fcntl.flock(file, fcntl.LOCK_EX)
        equal(here.process("strict", "0").says(), "reads 0 writes 0 control -31".split(), "ended under a filter of system calls")


def table(here, options):
    """More calls than there are slots: the surplus is denied and counted, a stop lists all the others."""
    process = here.process("table", "0")
    equal(process.says(), ["1024", "476"], "admitted and denied")
    equal(here.status()["in_flight"], 1024, "in flight")
    stop = here.stop("--mode", "stop_all")
    equal((len(stop["in_flight"]), stop["in_flight_complete"]), (1024, True), "listed")
    here.resume()
    process.go_on()
    equal(process.says(), ["admits"], "with free slots, and nothing stopped")
    process.go_on()
    equal(process.ends(), 0, "its end")
    equal(here.status()["in_flight"], 0, "in flight")
    equal(denials_in(here.log()), (476, 0), "denials in the log")


def burst(here, options):
    """More than the ring takes: what is not in the log is counted in it."""
    return counted(here, "burst", options.burst)


def flow(here, options):
    """More than the spool takes, and nobody drains it."""
    return counted(here, "flow", 40_000)


def counted(here, shape, number):
    process = here.process(shape, str(number))
    equal(process.says(), [str(number), "0"], "admitted and denied, nothing stopped")
    here.stop(exits=(0, 3))
    process.go_on()
    equal(process.says(), ["0", str(number)], "admitted and denied, stopped")
    process.go_on()
    equal(process.ends(), 0, "its end")
    log = here.log()
    full, lost = writes_in(log)
    equal(full + lost, number, f"writes in the log ({lost} in gaps)")
    counted, missed = denials_in(log)
    equal(counted + missed, number, f"denials in the log ({missed} in gaps)")
    if not lost:
        raise Failure("nothing was lost, so no gap was tested")
    return f"{full} writes in full, {lost} in gaps"


def workers(here, options):
    """A pre-fork server, in both orders: every worker is a point of its own, and its call is its own."""
    for stops in (False, True):
        process = here.process("workers", "8")
        process.says()
        equal(here.status()["in_flight"], 8, "in flight")
        if stops:
            stop = here.stop()
            equal((len(stop["in_flight"]), stop["hosts"][0]["points"]), (8, 9), "listed, and points")
        process.go_on()
        process.says()
        until(PATIENCE_S, lambda: equal(here.status()["in_flight"], 0, "in flight"))
        process.go_on()
        process.ends()
        log = here.log()
        equal(len(of_kind(log, "admitted_write", outcome="done")), 8, "done")
        equal(len(of_kind(log, "blocked", reason="killed: writes_disabled:email.send")), 8 if stops else 0, "denied at the last look")


def parent(here, options):
    """The parent is killed while its child lives: its call is unknown, once; the child's goes on, and meets the stop."""
    process = here.process("parent", "0")
    os.kill(int(process.says()[0]), signal.SIGKILL)
    process.process.wait(PATIENCE_S)
    stop = here.stop()
    equal(sorted(call["outcome"] for call in stop["in_flight"]), ["running", "unknown"], "listed")
    equal((stop["hosts"][0]["points"], here.status()["in_flight"]), (1, 1), "points, and in flight")
    process.go_on()
    equal(process.says(), ["denied"], "the child's last look")
    until(PATIENCE_S, lambda: equal(here.status()["in_flight"], 0, "in flight"))
    equal(len(of_kind(here.log(), "admitted_write", outcome="unknown")), 1, "unknown")


def exec_(here, options):
    """What becomes another program lets go of its calls: nobody is in flight for ever."""
    process = here.process("exec", "0")
    until(PATIENCE_S, lambda: equal(len(of_kind(here.log(), "admitted_write", outcome="unknown")), 1, "unknown"))
    equal(here.status()["in_flight"], 0, "in flight")
    process.ends()


def crowd(here, options):
    """Many points, each with a call, seen by one stop."""
    number = options.crowd
    process = here.process("crowd", str(number))
    process.says()
    began = time.monotonic()
    stop = here.stop("--mode", "stop_all", "--wait", "20s")
    took = time.monotonic() - began
    equal((stop["hosts"][0]["points"], len(stop["in_flight"]), stop["confirmed"]), (number, number, True), "points, listed, confirmed")
    process.go_on()
    equal(process.ends(), 0, "its end")
    return f"{number} points stopped and listed in {took * 1000:.0f} ms"


def leaves(here, options):
    """One whose last act is its answer to the flip, while the stop has yet to look who is there: the stop was not of nothing, and lists it."""
    def stopped_at(boundary):
        """(had it flipped, its report, its exit) of a stop that was frozen there meanwhile"""
        process = here.process("leaves", "0")
        process.says()
        frozen = Frozen(here.world.build, boundary, "family")
        stop = frozen.start([str(here.world.build / "notaus"), "stop", "--tenant", "acme", "--json"], env=here.world.environment(),
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        frozen.settled(PATIENCE_S)
        flipped = frozen.where is not None and '"allowed":false' in here.notaus("check", "--tenant", "acme", "--agent", "leaves", "--tool",
                                                                                "email.send", "--json", exits=(0, 6)).replace(" ", "")
        process.go_on()
        equal(process.says(), ["denied" if flipped or frozen.where is None else "admitted"], "its second call")
        equal(process.ends(), 0, "its end")
        frozen.wake()
        report = json.loads(stop.communicate(timeout=PATIENCE_S)[0])
        here.resume()
        return flipped, report, frozen.count or 0

    early, late = 1, stopped_at(10**9)[2]
    while late - early > 1:
        middle = (early + late) // 2
        early, late = (early, middle) if stopped_at(middle)[0] else (middle, late)
    flipped, report, _ = stopped_at(early // 2)
    equal((flipped, report["exit"], report["in_flight"]), (False, 8, []), "of one that left before the flip")
    outcomes = []
    for boundary in range(early, early + 24):
        flipped, report, _ = stopped_at(boundary)
        if not flipped:
            continue
        equal((report["exit"], len(report["in_flight"])), (0, 1), f"exit, and calls in flight, when frozen at boundary {boundary}")
        outcomes += [call["outcome"] for call in report["in_flight"]]
    if len(outcomes) < 12 or outcomes[0] != "done" or not set(outcomes) <= {"done", "running"}:   # running: ended after the look
        raise Failure(f"frozen after the flip: {outcomes}")
    return f"listed by {len(outcomes)} stops that were frozen after the flip"


SHAPES = {"strict": strict, "table": table, "burst": burst, "flow": flow, "workers": workers, "parent": parent, "exec": exec_, "leaves": leaves,
          "crowd": crowd}


def play(build, name, options):
    here = Here(build, name)
    try:
        said = SHAPES[name](here, options)
    except Failure as failure:
        here.world.close(keep=True)
        print(f"failed {name}: {failure}\n  kept: {here.world.directory}")
        return False
    here.world.close(keep=False)
    print(f"passed {name}{': ' + said if said else ''}", flush=True)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--crowd", type=int, default=100)
    parser.add_argument("--burst", type=int, default=100_000)
    parser.add_argument("shapes", nargs="*", default=list(SHAPES))
    options = parser.parse_args()
    adopt_orphans()
    return 0 if all([play(options.build, name, options) for name in options.shapes]) else 1


if __name__ == "__main__":
    sys.exit(main())
