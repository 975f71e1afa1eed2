"""Tests that are a row of stories, each told in a place of its own: one that fails keeps the place's directory, and the others go on."""

import argparse
import http.client
import os

from script import Failure


def equal(seen, wanted):
    if seen != wanted:
        raise Failure(f"{str(seen)[:500]}, wanted {str(wanted)[:500]}")


def options_of(doc, stories, **more):
    """Which of the stories are asked for, where the programs are, and whole numbers by these names."""
    parser = argparse.ArgumentParser(description=doc.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    for name, default in more.items():
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("stories", nargs="*", default=list(stories))
    return parser.parse_args()


def tell(stories, options, place_for):
    """Exit code. `place_for(name)` begins a place, which has a `world` and a close(keep=)."""
    failed = 0
    for name in options.stories:
        place, failure = place_for(name), None
        try:
            print(f"passed {name}: {stories[name](place)}", flush=True)
        except (Failure, OSError, http.client.HTTPException) as wrong:
            failure = wrong
            failed += 1
            print(f"FAILED {name}: {wrong!r}\nkept: {place.world.directory}", flush=True)
        place.close(keep=failure is not None)
    return 1 if failed else 0
