"""kill -9 of any command at any point: kills.py [--rounds N] [--seed N]

Commands that change or read the state are killed after a random time. Whatever they left behind: looking at it loosens nothing, what the
guard answers is what the state says, the next stop is confirmed and denies, the next resume is done and the same call runs again.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "play"))
import json  # noqa: E402

import world as places  # noqa: E402
from script import Failure  # noqa: E402

LONGEST_S = 0.04   # a whole stop takes less; later kills hit nothing
CALL = ("check", "--tool", "email.send", "--tenant", "acme")


class Operator:
    def __init__(self, world):
        self.world = world

    def start(self, *words):
        return subprocess.Popen([str(self.world.build / "notaus"), *words], env=self.world.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def types(self, *words, exits=(0,)):
        process = self.start(*words)
        said = process.communicate(timeout=places.PATIENCE_S)[0]
        if process.returncode not in exits:
            raise Failure(f"notaus {' '.join(words)}: exit {process.returncode}\n{said}")
        return process.returncode, said

    def is_killed_at(self, words, after_s):
        """True if it was still at work."""
        process = self.start(*words)
        try:
            process.communicate(timeout=after_s)
            return False
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.communicate()
            return True

    def stops(self):
        said = self.types("status", "--json")[1]
        return [stop["id"] for stop in json.loads(said[said.index("{"):said.rindex("}") + 1])["stops"]]

    def denied(self):
        return self.types(*CALL, exits=(0, 6))[0] == 6


def tried(client, tool="email.send"):
    """Is a real call denied?"""
    answer = client.wait(client.call(tool, {}), places.PATIENCE_S)
    if not answer or "result" not in answer:
        raise Failure(f"the wrapper answers {answer}")
    return bool(answer["result"].get("isError"))


def victims(operator, random_):
    standing = operator.stops()
    words = [("stop", "--tenant", "acme", "--reason", "x"), ("stop", "--global", "--reason", "x"),
             ("status",), ("audit", "list")]
    words += [("resume", stop, "--reason", "x") for stop in standing] * 2
    return random_.choice(words)


def one_round(operator, client, random_):
    """Whether the kill hit, and what it hit."""
    if random_.random() < 0.5:
        operator.types("stop", "--tenant", "acme", "--reason", "before", "--wait", "30s", exits=(0, 8))
    words = victims(operator, random_)
    hit = operator.is_killed_at(words, random_.random() * LONGEST_S)
    before = operator.denied()
    standing = operator.stops()   # brings page and ledger together
    after = operator.denied()
    if before and not after and words[0] != "resume":
        raise Failure(f"after `{' '.join(words)}` was killed, looking at the state loosened it")
    if after != bool(standing) or tried(client) != bool(standing):
        raise Failure(f"after `{' '.join(words)}` was killed, {standing} stand and check says {'denied' if after else 'allowed'}")
    operator.types("stop", "--tenant", "acme", "--reason", "after", "--wait", "30s")
    if not tried(client):
        raise Failure("a confirmed stop denied nothing")
    while standing := operator.stops():  # a stop takes its unstored repeats along
        operator.types("resume", standing[0], "--reason", "over")
    if tried(client):
        raise Failure("nothing stands, and yet the call is denied")
    return hit, words[0]


def play(world, options):
    operator, random_, hits = Operator(world), random.Random(options.seed), []
    operator.types("init")
    client = world.start_wrapper("a", tenant="acme", agent="a")
    for _ in range(options.rounds):
        hit, victim = one_round(operator, client, random_)
        hits += [victim] if hit else []
    ran = world.events("ran", "email.send")
    print(f"{options.rounds} rounds, {len(hits)} commands killed at work ({', '.join(f'{hits.count(each)} {each}' for each in sorted(set(hits)))}), "
          f"{ran} calls ran, seed {options.seed}")
    if len(set(hits)) < 3 or ran < options.rounds:
        raise Failure("too few kills hit to have tested anything")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--rounds", type=int, default=150)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options = parser.parse_args()
    world, failed = places.World(options.build, "kills"), None
    try:
        play(world, options)
    except Failure as failure:
        failed = failure
    finally:
        world.close(keep=failed is not None)
    if failed:
        print(f"{failed}\nseed {options.seed}, kept: {world.directory}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
