"""Any command, wrapper, worker, guard or call is frozen at any boundary of a system call: freezes.py [--seconds N | --all] [--seed N]

Whatever is frozen, wherever: another `notaus stop` takes effect within 100 ms of being typed, ends within 1.5 s, and its exit code is the
truth. When the frozen one wakes up it loosens nothing, and one that was frozen on its way to a tool sends nothing on an old answer.
Each round ends with the control: everything is lifted, and the same calls run.
"""

import argparse
import itertools
import os
import random
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "play")]
import world as places  # noqa: E402
from fleet import LATER, Fleet, Stop  # noqa: E402
from frozen import adopt_orphans  # noqa: E402
from script import Failure  # noqa: E402
from victims import CALLS_LONGEST, VICTIMS  # noqa: E402

STRIKES = 3                  # a busy machine is late now and then, a frozen lock holder always
CALLS_TIMES = 50
ENOUGH_MISSED = 5            # threads come in any order, so that the number of boundaries varies a little


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
    if name in ("call", "guard", "mcp"):
        return {"call": CALLS_LONGEST, "guard": CALLS_LONGEST, "mcp": 1500}[name]
    return VICTIMS[name](fleet, 10**9)[0].count


def everything(fleet, tally):
    """Each boundary once; those of a call, of which there are few and two threads' in any order, many times."""
    for name in VICTIMS:
        missed = 0
        calls = name in ("call", "guard")
        for n in itertools.count(1) if not calls else list(range(1, CALLS_LONGEST)) * CALLS_TIMES:
            _, stop = attempt(fleet, name, n)
            missed = missed + 1 if stop is None else 0
            if stop is not None:
                tally.add(name, stop)
            elif not calls and missed == ENOUGH_MISSED:
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
    world, tally, fleet, failed = places.World(options.build, "freezes"), Tally(), None, None
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
        if fleet:
            fleet.end_guarded()
        world.close(keep=failed is not None)
    print(tally)
    if failed:
        print(f"{failed}\nseed {options.seed}, kept: {world.directory}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
