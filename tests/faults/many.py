"""Many of everything: many.py [--stops N] [--calls N]

Stops by the thousand: the next one, a resume and a status stay what they were, and a page that is full stops more, loudly. Calls by the
hundred thousand through one wrapper: its memory and its descriptors do not grow.
"""

import argparse
import json
import os
import re
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from guards_test import Here, equal  # noqa: E402
from script import Failure  # noqa: E402
from world import PATIENCE_S, until  # noqa: E402

WINDOW = 64
GROWN_KIB, WARM = 512, 0.2   # more than this after a fifth of all calls is growth


def timed(act):
    began = time.monotonic()
    result = act()
    return result, (time.monotonic() - began) * 1000


def stops(here, number):
    """Page, ledger and durable file hold that many: each stop by itself, so that each is a rule of its own."""
    client = here.world.start_wrapper("a", tenant="acme", agent="a")
    free = here.world.start_wrapper("b", tenant="globex", agent="b")
    first = timed(lambda: here.stop())[1]
    here.resume()
    for each in range(number):
        until(PATIENCE_S, lambda each=each: here.notaus("stop", "--tenant", f"tenant{each}", "--reason", "x", "--no-wait", exits=(3, 8)))  # again if the ledger was slow
    equal(len(here.status()["stops"]), number, "stops in force")
    expect(client, denied=False)
    last = timed(lambda: here.stop())[1]
    expect(client, denied=True)
    expect(free, denied=False)
    looked = timed(here.status)[1]
    lifted = timed(here.resume)[1]
    expect(client, denied=False)
    return f"with {number} stops in force: stop {last:.0f} ms (alone {first:.0f}), status {looked:.0f} ms, resume {lifted:.0f} ms"


def full_page(here, number):
    """Long reasons fill it soon; what does not fit stops everything, and says so."""
    client = here.world.start_wrapper("a", tenant="other", agent="a")
    expect(client, denied=False)
    for each in range(number):
        said = json.loads(here.notaus("stop", "--tenant", f"tenant{each}", "--reason", f"{each} " + "y" * 60_000, "--json", exits=(0, 3, 5, 8)))
        full = any("no room" in text and "EVERYTHING" in text for text in said["warnings"])
        expect(client, denied=full)
        if full:
            return f"full after {each} stops, and then everything is stopped"
    raise Failure(f"{number} stops did not fill the page")


def calls(here, number):
    client = here.world.start_wrapper("a", tenant="acme", agent="a", fast=True)
    base = None
    for each in range(0, number, WINDOW):
        asked = [client.call("crm.find", {}) for _ in range(WINDOW)]
        for one in asked:
            answer = client.wait(one, PATIENCE_S)
            if not answer or "result" not in answer or answer["result"].get("isError"):
                raise Failure(f"a call that nothing stops: {answer}")
            forget(client, one)
        if base is None and each >= number * WARM:
            base = resources(client.process.pid)
    now = resources(client.process.pid)
    if now["kib"] - base["kib"] > GROWN_KIB or now["descriptors"] != base["descriptors"]:
        raise Failure(f"it has grown: from {base} to {now}")
    here.stop()
    expect(client, denied=True)
    return f"{number} calls, then {now['kib']} KiB and {now['descriptors']} descriptors"


def forget(client, number):
    with client.lock:
        del client.answers[json.dumps(number)], client.waiting[json.dumps(number)]


def resources(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return {"kib": int(re.search(r"RssAnon:\s+(\d+)", status)[1]), "descriptors": len(os.listdir(f"/proc/{pid}/fd"))}


def expect(client, denied):
    answer = client.wait(client.call("email.send", {}), PATIENCE_S)
    if not answer or "result" not in answer or bool(answer["result"].get("isError")) != denied:
        raise Failure(f"expected {'a denial' if denied else 'an answer'}, got {answer}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("NOTAUS_BUILD", "build/dev"))
    parser.add_argument("--stops", type=int, default=50)
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("parts", nargs="*", default=["calls", "stops", "full_page"])
    options = parser.parse_args()
    passed = True
    for part, number in ((calls, options.calls), (stops, options.stops), (full_page, 100)):
        if part.__name__ not in options.parts:
            continue
        here = Here(options.build, part.__name__)
        try:
            print(f"passed {part.__name__}: {part(here, number)}", flush=True)
            here.world.close(keep=False)
        except Failure as failure:
            passed = False
            here.world.close(keep=True)
            print(f"failed {part.__name__}: {failure}\n  kept: {here.world.directory}", flush=True)
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
