"""The models of admission and publishing, explored whole by Spin; broken in the ways listed below, each must fail: run.py [--large]

Of the large settings a run without --large explores the broken ones only, which end as soon as they fail.
Spin is Debian's; its verifier is compiled once for each setting, and asks the environment's BROKEN which way to break it.
"""

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
SETTINGS = [  # model, its size, and the ways to break it that must be found there
    ("admission", "-DGUARDS=1 -DCALLS=2 -DOTHERS=2", [1, 3, 6, 8, 9, 10, 11]),
    ("admission", "-DGUARDS=1 -DCALLS=2 -DOTHERS=2 -DHANDLE", [2, 14]),
    ("admission", "-DGUARDS=1 -DCALLS=2 -DOTHERS=1 -DLATCH", [4, 5, 7, 12]),
    ("admission", "-DGUARDS=1 -DCALLS=2 -DOTHERS=1 -DLATCH -DHANDLE", [13]),
    ("ended", "-DGUARDS=2 -DRING=2 -DOLDER=2 -DLATE=1", [1, 2, 3, 4, 5, 6, 7, 8]),
    ("ended", "-DGUARDS=3 -DRING=2 -DOLDER=2 -DLATE=1", [9, 10, 11, 12]),
    ("fork", "", [1, 2, 3, 4]),
    ("publishing", "", [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ("publishing", "-DTELL -DDEATHS -DSTOPS=1", [1, 2, 3, 4, 5, 6, 10]),
    ("publishing", "-DTELL -DGUARD -DSTOPS=1", [11]),
    ("latch", "-DSTOPPERS=2", [1, 2, 3, 4, 5, 6, 7]),
    ("latch", "-DSTOPPERS=1 -DRECOVER", [8, 9]),
    ("latch", "-DSTOPPERS=2 -DRECOVER", [8]),
]
LARGE = [("ended", "-DGUARDS=3 -DRING=2 -DOLDER=2 -DLATE=1"), ("latch", "-DSTOPPERS=2 -DRECOVER")]  # 60 million states, 2 minutes each


def verifier(where, model, size):
    for file in HERE.glob("*.pml"):
        (where / file.name).write_text(file.read_text())
    subprocess.run(["spin", "-a", *size.split(), f"{model}.pml"], cwd=where, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["clang++-19", "-x", "c", "-w", "-O2", "-DSAFETY", "-DVECTORSZ=2048", "-o", "pan", "pan.c"], cwd=where, check=True)
    return where / "pan"


def explore(pan, broken):
    """What it found wrong, or None after it has seen every state."""
    done = subprocess.run([pan, "-m1000000", "-n"], cwd=pan.parent, capture_output=True, text=True, env={**os.environ, "BROKEN": str(broken)})
    found = re.search(r"^pan:1: (.*)", done.stdout, re.M)
    if found:
        return found[1]
    if "errors: 0" not in done.stdout or "too small" in done.stdout or "max search depth" in done.stdout:
        raise SystemExit(f"the search did not end:\n{done.stdout}{done.stderr}")
    return None


def play(setting):
    """Complaints."""
    model, size, ways = setting
    with tempfile.TemporaryDirectory() as where:
        pan = verifier(Path(where), model, size)
        wrong = explore(pan, 0) if (model, size) not in LARGE or "--large" in sys.argv else None
        out = [f"{model} {size}: {wrong}"] if wrong else []
        return out + [f"{model} {size}: broken in way {way}, and it holds" for way in ways if not explore(pan, way)]


def main():
    with ThreadPoolExecutor(2) as pool:
        wrong = [line for lines in pool.map(play, SETTINGS) for line in lines]
    print("\n".join([*wrong, f"{len(SETTINGS)} models explored whole, {sum(len(ways) for _, _, ways in SETTINGS)} broken ones; {len(wrong)} wrong"]))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
