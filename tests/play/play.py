"""Plays scenarios against the built product: play.py [--keep] [--build DIR] FILE.nt…

Two files at a time, each in a directory of its own, which stays when it fails. README.md beside the scenarios explains the words.
"""

import argparse
import os
import sys
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import world
from script import Failure, Mistake, parse
from verbs import VERBS, missing

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


def play(path, arguments):
    """(result, what to print)"""
    began = time.monotonic()
    try:
        steps = parse(path.read_text())
        for step in steps:
            step.within = min(step.within, arguments.patience or step.within)
        lacking = [need for step in steps if step.verb == "needs" for need in missing(step.rest)]
    except Mistake as mistake:
        return FAILED, f"{path}: {mistake}"
    if lacking:
        result = SKIPPED if os.environ.get("PLAY_ALLOW_SKIP") == "1" else FAILED
        return result, f"{path}: this machine has no {', '.join(lacking)} (PLAY_ALLOW_SKIP=1 skips it)"
    here = world.World(arguments.build, path.stem)
    complaint = perform(here, path, [step for step in steps if step.verb != "needs"])
    keep = (arguments.keep or complaint is not None) and not arguments.discard
    here.close(keep)
    if complaint:
        if not keep:
            return FAILED, complaint
        again = f"NOTAUS_BUILD={here.build} {sys.executable} {Path(__file__).resolve()} {path.resolve()}"
        return FAILED, f"{complaint}\n  kept:  {here.directory}\n  again: {again}"
    return PASSED, f"{path.name} {time.monotonic() - began:.1f} s" + (f" kept: {here.directory}" if keep else "")


def perform(here, path, steps):
    """Nothing, or the first line that went wrong and how."""
    for step in steps:
        where = f"{path}:{step.line}: {step.text}"
        try:
            if step.verb not in VERBS:
                raise Mistake(f"`{step.verb}` is no verb")
            VERBS[step.verb](here, step)
        except (Failure, Mistake) as complaint:
            return f"{where}\n{indent(complaint)}"
        except Exception:  # a bug here must not end the other scenarios, nor leave processes behind
            return f"{where}\n{indent(traceback.format_exc())}"
    return None


def indent(text):
    return "\n".join(f"    {line}" for line in str(text).splitlines())


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"), help="where notaus lies; else $NOTAUS_BUILD")
    parser.add_argument("--keep", action="store_true", help="keep the directories also of what passed")
    parser.add_argument("--discard", action="store_true", help="keep no directory, not even of what failed")
    parser.add_argument("--patience", type=float, help="at most so many seconds for what must come, whatever `within` says")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("files", nargs="+", type=Path)
    arguments = parser.parse_args()
    world.PATIENCE_S = arguments.patience or world.PATIENCE_S
    results = []
    with ThreadPoolExecutor(arguments.jobs) as pool:
        for result, said in pool.map(lambda path: play(path, arguments), arguments.files):
            results.append(result)
            print(f"{result} {said}", flush=True)
    print(", ".join(f"{results.count(result)} {result}" for result in (PASSED, FAILED, SKIPPED) if results.count(result) or result != SKIPPED))
    return 1 if FAILED in results else 0


if __name__ == "__main__":
    sys.exit(main())
