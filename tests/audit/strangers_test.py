"""A log as the product writes it, judged by a verifier that was not written here: strangers_test.py CHECK-PROGRAM

Stops and resumes of a real state, then: checkpoint, tiles, bundles, the way from an earlier checkpoint, and proofs of records. As controls,
one byte of each of them is changed, and the stranger must see it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
import world as places  # noqa: E402

ROUNDS = 100   # of stop and resume: more than one tile of records


class Log:
    def __init__(self, world, stranger):
        self.world, self.stranger = world, stranger
        self.directory = Path(world.state) / "log"

    def types(self, *words, exits=(0,)):
        done = subprocess.run([str(self.world.build / "notaus"), *words], env=self.world.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode in exits, f"notaus {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def judged(self, *files):
        done = subprocess.run([self.stranger, str(self.directory), *map(str, files)], capture_output=True, text=True, timeout=60)
        return int(done.stdout) if done.returncode == 0 else None

    def stop_and_resume(self):
        answer = json.loads(self.types("stop", "--tenant", "acme", "--reason", "x", "--json", exits=(8,)))
        self.types("resume", answer["record"]["id"], "--reason", "y")
        return answer["checkpoint"]


def changed(path):
    """Writes it back when it is left."""
    class Change:
        def __enter__(self):
            self.before = path.read_bytes()
            middle = len(self.before) // 2
            path.write_bytes(self.before[:middle] + bytes([self.before[middle] ^ 1]) + self.before[middle + 1:])

        def __exit__(self, *_):
            path.write_bytes(self.before)
    return Change()


def play(world, stranger):
    log = Log(world, stranger)
    log.types("init")
    earlier = world.directory / "earlier"
    for round_ in range(ROUNDS):
        checkpoint = log.stop_and_resume()
        if round_ == 2:
            earlier.write_text(checkpoint)
        if round_ in (2, ROUNDS // 2):
            assert log.judged(earlier) is not None, "not accepted"
    size = log.judged(earlier)
    assert size and size > 300, size
    proofs = []
    for number in (0, 1, 255, 256, size - 1):
        proofs.append(world.directory / f"{number}.tlog-proof")
        proofs[-1].write_text(log.types("audit", "prove", str(number)))
    assert log.judged(earlier, *proofs) == size
    for path in [log.directory / "checkpoint", log.directory / "tile/0/000", log.directory / "tile/entries/000", log.directory / "vkey", earlier, *proofs]:
        with changed(path):
            assert log.judged(earlier, *proofs) is None, f"{path} was changed, and accepted"
    assert log.judged(earlier, *proofs) == size
    log.types("audit", "verify", "--since", str(earlier))
    print(f"{size} records, {len(proofs)} proofs and an earlier checkpoint accepted; each with one bit changed refused")


def main():
    world = places.World(os.environ["NOTAUS_BUILD"], "strangers")
    try:
        play(world, sys.argv[1])
    except AssertionError as failed:
        print(f"{failed}\nkept: {world.directory}")
        world.close(keep=True)
        return 1
    world.close(keep=False)
    return 0


if __name__ == "__main__":
    sys.exit(main())
