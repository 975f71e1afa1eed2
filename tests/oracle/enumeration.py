"""Every cell of decide(), compared with the oracle: enumeration.py DECIDE_ENUM

Boards, each the complete product of its alphabet. What a board varies little, another varies completely.
"""

import itertools
import resource
import subprocess
import sys
import tempfile
import time
from functools import lru_cache

from oracle import FENCES, Call, Selector, State, Stop, decide, matches

UNTIL = 1000   # when the permit of a board ends
SHOWN = 10     # differences printed
CPU_S = 30     # of one board; it needs 1, a mutant may never end


def stops_of(tenants, agents, tools):
    """Every stop an operator can make of these names; the id is given by its place."""
    for tenant, agent in itertools.product(tenants, agents):
        for mode in ("disable_writes", "stop_all"):
            yield Selector(tenant, agent), mode
        for tool in tools:
            yield Selector(tenant, agent, tool), "disable_tool"


def calls_of(tenants, agents, tools, effects=("read", "write")):
    return [Call(*each) for each in itertools.product(tenants, agents, tools, effects)]


def placed(*shapes):
    return tuple(Stop(f"s{place}", selector, mode) for place, (selector, mode) in enumerate(shapes))


CATALOGUE = (("x.*", "read"), ("x.y.z", "write"), ("w", "read"), ("*", "read"))
TOOLS = ["", "x", "x.", "x.y", "x.y.z", "x.*", "xy", "w", "*", ".*", ".a"]
PATTERNS = ["x", "x.", "x.*", "x.y", "x.y.*", "x.y*", "w", "*", ".*"]


def pairs():
    """Two stops in either order against everything a call can say about itself."""
    shapes = list(stops_of(["", "acme", "globex"], ["", "a"], PATTERNS))
    calls = [(call, 0) for call in calls_of(["", "acme", "globex"], ["", "a", "b"], TOOLS)]
    for chosen in itertools.chain([()], itertools.product(shapes, repeat=1), itertools.product(shapes, repeat=2)):
        yield State(placed(*chosen), CATALOGUE), calls


def triples():
    """Three stops that overlap: who answers, and whose id it is."""
    shapes = list(stops_of(["", "acme"], ["", "a"], ["x.y", "x.*"]))
    calls = [(call, 0) for call in calls_of(["", "acme", "globex"], ["a", "b"], ["", "x.y", "w"], ["read"])]
    for chosen in itertools.product(shapes, repeat=3):
        yield State(placed(*chosen), CATALOGUE), calls


def catalogues():
    """Every catalogue over nested names: absent, read or write each."""
    names = ["x", "x.", "x.*", "x.y", "x.y.*", "*"]
    calls = [(call, 0) for call in calls_of(["acme"], [""], TOOLS)]
    for effects in itertools.product(("", "read", "write"), repeat=len(names)):
        catalogue = tuple((name, effect) for name, effect in zip(names, effects) if effect)
        for stops in ((), placed((Selector(), "disable_writes"))):
            yield State(stops, catalogue), calls


def fences():
    """No stop or any one, under every fence, before, at and after the end of the permit."""
    shapes = list(stops_of(["", "acme"], ["", "a"], PATTERNS))
    times = [0, UNTIL - 1, UNTIL, UNTIL + 1]
    calls = list(itertools.product(calls_of(["acme", "globex"], ["a"], ["", "x", "x.y", "w", "xy"]), times))
    for chosen in itertools.chain([()], itertools.product(shapes, repeat=1)):
        for fence, on_fence, until in itertools.product(["", *FENCES], ("disable_writes", "stop_all"), (None, 0, UNTIL)):
            yield State(placed(*chosen), CATALOGUE, fence, on_fence, until), calls


def crowds():
    """Every possible stop at once, each in turn the earliest: answers must not depend on how many there are."""
    shapes = list(stops_of(["", "acme", "globex"], ["", "a", "b"], [*PATTERNS, "y.*", "x.y.z.*"]))
    calls = [(call, 0) for call in calls_of(["", "acme", "initech"], ["", "a", "c"], [*TOOLS, "y.y", "v"])]
    for turn in range(len(shapes)):
        alone = [shape for shape in shapes if shape[1] != "stop_all"] if turn % 2 else shapes
        yield State(placed(*alone[turn:], *alone[:turn]), CATALOGUE), calls


def lengths():
    """Names that differ in length or in the last byte only, around the 8 bytes a machine word holds."""
    names = ["abcdefghijklmnopq"[:length] for length in range(1, 18)] + ["abcdefgX", "abcdefghiX", "abcdefgh.*", "abcdefg.*"]
    calls = [(Call(name, name, tool), 0) for name in names for tool in (name, "abcdefgh.x", "abcdefg.x")]
    for name in names:
        for selector, mode in stops_of(["", name], ["", name], [name]):
            yield State(placed((selector, mode)), ((name, "read"),)), calls


def nothing():
    """A page that is not there."""
    yield None, [(call, 0) for call in calls_of(["", "acme"], ["", "a"], TOOLS)]


BOARDS = [nothing, catalogues, lengths, fences, crowds, triples, pairs]


def word(text):
    return text if text != "" else "-"


def state_lines(state):
    if state is None:
        return "missing\n"
    until = "-" if state.permit_until is None else state.permit_until
    lines = [f"state {word(state.fence)} {state.on_fence} {until}"]
    lines += [f"stop {stop.id} {' '.join(map(word, stop.selector))} {stop.mode}" for stop in state.stops]
    lines += [f"tool {name} {effect}" for name, effect in state.catalogue]
    return "\n".join(lines) + "\n"


def call_lines(calls):
    return "".join(call_line(*each) for each in calls)


@lru_cache(None)
def call_line(call, now):
    return f"call {' '.join(map(word, call))} {now}\n"


def expected(state, call, now):
    if state is None:
        return "killed: fenced:page_missing\t\n"
    verdict = decide(state, call, now)
    return f"{verdict.reason}\t{verdict.stop}\n"


def bounded():
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))


def compare(program, board):
    """How many cells, and the first that differ as (state, call, now, expected, got)."""
    with tempfile.TemporaryFile("w+") as cases:
        for state, calls in board():
            cases.write(state_lines(state) + call_lines(calls))
        cases.seek(0)
        with subprocess.Popen([program], stdin=cases, stdout=subprocess.PIPE, text=True, preexec_fn=bounded) as process:
            cells, wrong = answers(process.stdout, board)
            process.kill() if wrong else process.wait()
    if not wrong and process.returncode != 0:
        wrong = [f"{program} ended with {process.returncode}"]
    return cells, wrong


def answers(lines, board):
    cells, wrong = 0, []
    for state, calls in board():
        for call, now in calls:
            want, got = expected(state, call, now), lines.readline()
            cells += 1
            if want != got:
                wrong.append(f"{state}\n  {call} at {now}\n  design:  {want!r}\n  product: {got!r}")
                if len(wrong) == SHOWN:
                    return cells, wrong
    return cells, wrong


def selectors(program):
    """`matches` by itself: what a stop lists as in flight must be what it stops."""
    tools = ["x", "x.", "x.*", "x.y", "x.y.*", "x.y*", "*", ".*"]
    chosen = [Selector(*each) for each in itertools.product(["", "acme"], ["", "a"], ["", *tools])]
    cases = list(itertools.product(chosen, calls_of(["", "acme", "globex"], ["", "a", "b"], TOOLS, ["read"])))
    lines = "".join(f"match {' '.join(map(word, selector + call[:3]))}\n" for selector, call in cases)
    got = subprocess.run([program], input=lines, capture_output=True, text=True, check=True, preexec_fn=bounded).stdout.split()
    want = ["yes" if matches(selector, call) else "no" for selector, call in cases]
    wrong = [f"{selector} {call}: design {w}, product {g}" for (selector, call), w, g in zip(cases, want, got, strict=True) if w != g]
    return len(cases), wrong[:SHOWN]


def main(program):
    total, began = 0, time.monotonic()
    boards = [("selectors", lambda: selectors(program))]
    boards += [(board.__name__, lambda board=board: compare(program, board)) for board in BOARDS]
    for name, compared in boards:
        cells, wrong = compared()
        total += cells
        if wrong:
            print("\n".join(wrong))
            print(f"{name}: differs from the design")
            return 1
        print(f"{name}: {cells} cells")
    print(f"{total} cells equal in {time.monotonic() - began:.1f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
