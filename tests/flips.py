"""After `notaus stop` exits 0, nothing in its scope starts but what it listed: flips.py [--flips N] [--seed N]

Eight real wrappers call flat out, half of them slow tools, for which calls wait in the pipe. Stops and resumes of every kind fall into
that, in random order. A tool server writes down the moment it receives each call, on the clock the stop's end is taken from. What began
after a stop's exit, in its scope and before its resume, must be among the calls it listed. Meanwhile everything out of scope must get on;
and the same checker, run over flips in which no stop was issued, must find violations every time.
"""

import argparse
import collections
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "play"))
from load import TOOLS, Agent, covers  # noqa: E402
from script import Failure  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402

TENANTS = ["acme", "globex", "initech"]
AGENTS = 8
STANDING = 3     # stops at once, at most
CONTROL = 10     # rounds without a stop


class Flip:
    """One stop: what it said it covers, what it listed, and when it was over."""

    def __init__(self, selector, mode, report, exited):
        self.selector, self.mode, self.exited = selector, mode, exited
        self.id = report["record"]["id"]
        self.late = 0   # how many calls it listed began after it was over
        self.listed = collections.Counter((call["tenant"], call["agent"], call["tool"]) for call in report["in_flight"])

    def covers(self, agent, tool):
        return covers(self.selector, self.mode, agent.tenant, agent.name, tool)


def now():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


def any_scope(random_):
    """A selector and a mode, as operators would choose them."""
    tenant, agent = random_.choice(TENANTS), f"agent{random_.randrange(AGENTS)}"
    selector = random_.choice([{"tenant": tenant}, {"tenant": tenant}, {"agent": agent}, {"tool": random_.choice(TOOLS)}, {"tool": "email.*"},
                               {"tenant": tenant, "tool": "ticket.create"}, {}])
    mode = "disable_tool" if "tool" in selector else random_.choice(["disable_writes", "stop_all"])
    return selector, mode


def arguments_of(selector, mode):
    words = [word for name, value in selector.items() for word in (f"--{name}", value)] or ["--global"]
    return words + ([] if "tool" in selector else ["--mode", mode])


def notaus(world, *words):
    return subprocess.run([str(world.build / "notaus"), *words], env=world.environment(), capture_output=True, text=True)


def stop(world, selector, mode):
    done = notaus(world, "stop", *arguments_of(selector, mode), "--reason", "flip", "--wait", "30s", "--json")
    exited = now()
    if done.returncode != 0:
        raise Failure(f"stop {selector} {mode}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return Flip(selector, mode, json.loads(done.stdout), exited)


def no_stop(world, selector, mode):
    """The control: everything as with a stop, only that there is none."""
    notaus(world, "status", "--json")
    return Flip(selector, mode, {"record": {"id": ""}, "in_flight": []}, now())


def resume(world, flip):
    """When it began: what starts later may be its doing."""
    began = now()
    done = notaus(world, "resume", flip.id, "--reason", "flip over", "--json")
    if done.returncode != 0:
        raise Failure(f"resume {flip.id}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return began


def began_late(agents, flip, until_ns):
    """Executions in scope that began while the stop stood."""
    return collections.Counter((agent.tenant, agent.name, tool) for agent in agents for at, tool in agent.executions()
                               if flip.exited < at < until_ns and flip.covers(agent, tool))


def violations(agents, flip, until_ns):
    """Those of them that the stop did not list."""
    late = began_late(agents, flip, until_ns)
    flip.late = late.total()
    return [f"{who}: {count} began after the exit, {flip.listed[who]} were listed" for who, count in late.items() if count > flip.listed[who]]


def let_them_try(agents, rounds=2):
    """Every agent has had each of its tools answered, allowed or not, since now."""
    goals = [(agent, agent.rounds + rounds) for agent in agents]

    def tried():
        for agent, goal in goals:
            if agent.trouble:
                raise RuntimeError(agent.trouble)
            if agent.rounds < goal:
                raise Failure(f"{agent.name} got no answers in {PATIENCE_S} s")

    until(PATIENCE_S, tried)


def must_get_on(agents, standing):
    """The negative control of every flip: what no standing stop covers still runs."""
    since = now()
    free = {(agent.name, tool) for agent in agents for tool in TOOLS if not any(flip.covers(agent, tool) for flip in standing)}

    def ran():
        started = {(agent.name, tool) for agent in agents for at, tool in agent.executions() if at > since}
        if free - started:
            raise Failure(f"out of scope and yet still: {sorted(free - started)}")

    until(PATIENCE_S, ran)
    return len(free)


def round_of_flips(world, agents, random_, flips):
    """All flips; (violations, how often something out of scope was seen to run, how many calls were listed and began late)."""
    standing, wrong, freedoms, late = [], [], 0, 0
    for _ in range(flips):
        flip = stop(world, *any_scope(random_))
        standing = [each for each in standing if each.id != flip.id] + [flip]  # asserted again: its scope is the same
        let_them_try(agents)
        freedoms += must_get_on(agents, standing)
        while standing and (len(standing) == STANDING or random_.random() < 0.7):
            lifted = standing.pop(random_.randrange(len(standing)))
            wrong += violations(agents, lifted, resume(world, lifted))
            late += lifted.late
    let_them_try(agents)
    for flip in standing:
        wrong += violations(agents, flip, now())
        late += flip.late
        resume(world, flip)
    return wrong, freedoms, late


def control_rounds(world, agents, random_):
    """In how many rounds without a stop the checker finds that something ran."""
    found = 0
    for _ in range(CONTROL):
        flip = no_stop(world, *any_scope(random_))
        let_them_try(agents)
        found += bool(violations(agents, flip, now()))
    return found


def measure(world, options):
    for line in ("email.send: write", "ticket.create: write", "crm.find: read"):
        world.tools[line.split(":")[0]] = line.split()[1]
    world.write_config()
    if notaus(world, "init").returncode != 0:
        raise Failure("notaus init failed")
    agents = [Agent(world, TENANTS[each % len(TENANTS)], f"agent{each}", ["--slow"] if each % 2 else []) for each in range(AGENTS)]
    random_ = random.Random(options.seed)
    let_them_try(agents)
    wrong, freedoms, late = round_of_flips(world, agents, random_, options.flips)
    found = control_rounds(world, agents, random_)
    for agent in agents:
        agent.finish()
    ran = sum(len(agent.executions()) for agent in agents)
    print("\n".join(wrong[:20]))
    print(f"{options.flips} flips, seed {options.seed}: {ran} executions, {len(wrong)} violations, "
          f"{late} calls that were listed began after the exit; {freedoms} times something out of scope was seen to get on")
    print(f"control without a stop: violations in {found} of {CONTROL} rounds")
    if not late:
        print("no call was ever between its admission and its tool: the lists were not tested")
    return not wrong and late > 0 and found == CONTROL


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--flips", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    world, good = World(options.build, "flips"), False
    try:
        good = measure(world, options)
    except Failure as failure:
        print(f"{failure}\nseed {options.seed}")
    finally:
        world.close(keep=not good)
    if not good:
        print(f"kept: {world.directory}")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
