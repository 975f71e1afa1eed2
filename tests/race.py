"""A hundred stops and resumes at once by several actors: race.py [--races N] [--seed N]

Whatever came first, the ledger's state must equal the fold of its actions, every exit must tell what became of its action, and no resume
may have lifted a stop that was asserted after what the resume had seen.
"""

import argparse
import json
import os
import random
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "play"))
from world import World  # noqa: E402

ACTORS, ACTS = 10, 100
SCOPES = [["--tenant", "acme"], ["--tenant", "globex"], ["--tool", "email.send"], ["--agent", "mailer"], ["--global"]]
MODES = {"disable_writes", "disable_tool"}
STOPPED, LIFTED, RESUMED, REFUSED = {0, 8}, {3}, {0}, {1}


def notaus(world, *words):
    done = subprocess.run([str(world.build / "notaus"), *words, "--json"], env=world.environment(), capture_output=True, text=True)
    return done.returncode, json.loads(done.stdout) if done.stdout.strip() else None, done.stderr


def actor(world, seed):
    """Stops and resumes of one person, who looks only once before acting."""
    random_, log = random.Random(seed), []
    for number in range(ACTS // ACTORS):
        code, status, said = notaus(world, "status")
        if status is None:
            log.append(("status", None, code, None, said))
            continue
        standing = [stop["id"] for stop in status["stops"]]
        if standing and random_.random() < 0.5:
            target = random_.choice(standing)
            log.append(("resume", target, *notaus(world, "resume", target, "--reason", f"{seed}.{number}")))
        else:
            log.append(("stop", None, *notaus(world, "stop", *random_.choice(SCOPES), "--wait", "30s", "--reason", f"{seed}.{number}")))
    return log


def actions_of(world):
    with sqlite3.connect(f"file:{world.state}/ledger.db?mode=ro", uri=True) as ledger:
        return [(revision, json.loads(text)) for revision, text in ledger.execute("SELECT revision, json FROM actions ORDER BY revision")]


def fold(actions):
    """Which stops stand after the actions, and what is wrong with them."""
    asserted, wrong = {}, []
    for revision, action in actions:
        if action["act"] == "stop":
            asserted[action["stop"]["id"]] = revision
        elif action["act"] == "resume":
            last = asserted.pop(action["target"], None)
            if last is None:
                wrong.append(f"revision {revision}: a resume of {action['target']}, which did not stand")
            elif last > action["seen"]:
                wrong.append(f"revision {revision}: a resume that had seen {action['seen']} beat the stop asserted at {last}")
    return asserted, wrong


def invented(actions):
    """A stop that nobody typed: read while it was being written, and believed."""
    typed = [{words[0].removeprefix("--"): words[1]} if len(words) == 2 else {} for words in SCOPES]
    return [f"revision {revision}: nobody did this: {json.dumps(action)}" for revision, action in actions if action["act"] == "stop" and
            not (action["by"] and action["stop"]["id"] and action["stop"]["selector"] in typed and action["stop"]["mode"] in MODES)]


def exits_tell(log, actions):
    """Every exit says what the ledger says."""
    by_reason = {action["reason"]: action for _, action in actions}
    lifted = {action["target"] for _, action in actions if action["act"] == "resume"}
    wrong = []
    for seed, acts in log.items():
        for number, (act, target, code, report, stderr) in enumerate(acts):
            action = by_reason.get(f"{seed}.{number}")
            if act == "status":
                wrong.append(f"status: exit {code}\n{stderr}")
                continue
            if act == "resume" and target.startswith("latch@"):  # set by a stop that did not get the lock; of this host, not of the ledger
                expected = RESUMED | REFUSED
            elif act == "stop":  # one that was resumed before it could answer says so
                expected = STOPPED | (LIFTED if action and action["stop"]["id"] in lifted and "resumed it meanwhile" in stderr else set())
            else:
                expected = RESUMED if action else REFUSED
            if code not in expected or (act == "stop" and not action):
                wrong.append(f"{act} {target or ''} {seed}.{number}: exit {code}, in the ledger: {action is not None}\n{stderr}")
    return wrong


def judge(world, log):
    actions = actions_of(world)
    standing, wrong = fold(actions)
    _, status, _ = notaus(world, "status")
    for latch in [stop["id"] for stop in status["stops"] if stop["id"].startswith("latch@")]:  # of a machine too busy for the lock
        notaus(world, "resume", latch, "--reason", "over")
        _, status, _ = notaus(world, "status")
    said = {stop["id"] for stop in status["stops"]}
    if said != set(standing):
        wrong.append(f"status says {sorted(said)}, the actions {sorted(standing)}")
    if status["revision"] != len(actions) or [revision for revision, _ in actions] != list(range(1, len(actions) + 1)):
        wrong.append(f"status is at revision {status['revision']}, the ledger has {len(actions)} actions")
    checked = notaus(world, "check", "--tool", "email.send", "--effect", "write")[1]
    if checked["allowed"] != (not standing):
        wrong.append(f"check says {checked}, while {sorted(standing)} stand")
    wrong += invented(actions) + exits_tell(log, actions)
    acts = [entry for entries in log.values() for entry in entries]
    resumes = [entry for entry in acts if entry[0] == "resume"]
    won, lost = sum(entry[2] == 0 for entry in resumes), sum(entry[2] != 0 for entry in resumes)
    print(f"{len(acts)} acts of {ACTORS} actors: {len(acts) - len(resumes)} stops, {won} resumes, {lost} resumes that lost; {len(standing)} stand")
    return wrong if resumes and won else [*wrong, "no resume succeeded: nothing was tested"]


def checker_can_fail():
    """The fold must see a resume that beats a later stop."""
    stop = {"act": "stop", "stop": {"id": "s"}}
    bad = [(1, stop), (2, stop), (3, {"act": "resume", "target": "s", "seen": 1})]
    good = [(1, stop), (2, stop), (3, {"act": "resume", "target": "s", "seen": 2})]
    return bool(fold(bad)[1]) and not fold(good)[1]


def race(options, seed):
    """One race in a world of its own; what was wrong."""
    world, wrong = World(options.build, "race"), ["it did not come to an end"]
    try:
        world.shell("notaus init").check_returncode()
        seeds = [seed + each for each in range(ACTORS)]
        with ThreadPoolExecutor(ACTORS) as pool:
            log = dict(zip(seeds, pool.map(lambda each: actor(world, each), seeds)))
        wrong = judge(world, log)
    finally:
        world.close(keep=bool(wrong))
    return [*wrong, f"kept: {world.directory}"] if wrong else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--races", type=int, default=10)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    wrong = [] if checker_can_fail() else ["the checker cannot fail"]
    for number in range(options.races):
        wrong = wrong or race(options, options.seed + number * ACTORS)
    print("\n".join([*wrong, f"seed {options.seed}: {'FAILED' if wrong else 'state equals the fold of the actions'}"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
