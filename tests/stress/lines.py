"""Every line of the code that decides and admits, made wrong in every small way (edits.py), judged by the unit tests and for decide() by
the enumeration: lines.py BUILD_DIRECTORY [--file NAME]… [--one-in N]

A mutant that nothing kills is a hole in the tests, or stands in survivors.txt with the reason why it does no harm. What stands there and
is no line of the code any more fails too; what stands there and is killed is only named, since some live or die by the clock. Edits that
do not compile are not counted. --one-in N takes the same part of them every time; it is what `make test` does.
"""

import argparse
import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parents[1] / "oracle")]
import mutation  # noqa: E402
from edits import Edit, edits  # noqa: E402

FILES = {name: f"src/{room}/{name}" for room, names in {
    "core": ["decide.cc", "snapshot.cc"],
    "page": ["attachment.cc", "slots.h", "slots.cc", "publisher.cc", "live_page.cc", "guard.cc", "tallies.cc", "scan.cc", "point.cc"],
}.items() for name in names}
UNITS = {"slots.h": ("src/page/attachment.cc", "src/page/slots_test.cc")}  # a header is compiled with whoever uses most of it
SURVIVORS = Path(__file__).with_name("survivors.txt")
SHARDS = 6  # of page_test, which mostly waits


class Line(mutation.Mutant):
    def __init__(self, name, edit, text):
        super().__init__(FILES[name], f"{edit.how}: {edit.line}", [], units=UNITS.get(name, ()))
        self.key, self.text = (name, edit.how, edit.line), edit.apply(text)

    def source(self):
        return self.text

    def chosen(self, one_in):
        return zlib.crc32("".join(self.key).encode()) % one_in == 0


def enumeration_agrees(program):
    import enumeration
    try:
        return not any(compared()[1] for compared in [lambda: enumeration.selectors(program), *(lambda board=board: enumeration.compare(program, board) for board in enumeration.BOARDS)])
    except subprocess.CalledProcessError:
        return False


def survives(builder, line):
    """None if it does not compile or link."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        where = Path(name)
        core = line.file.startswith("src/core/")
        try:
            builder.compile(where, line)
            tests, *enumeration = [builder.link_with(where, each) for each in (["core_test", "decide_enum"] if core else ["page_test"])]
        except RuntimeError:
            return None
        return mutation.tests_pass(tests, 1 if core else SHARDS) and all(map(enumeration_agrees, enumeration))


def explained():
    """{(file, how, line): reason}; in the file a reason stands above the mutants it is for."""
    out, reason = {}, ""
    for row in SURVIVORS.read_text().splitlines():
        if row.startswith("  "):
            out[tuple(part.strip() for part in row.split(": ", 2))] = reason
        elif row and not row.startswith("#"):
            reason = row
    return out


def verdicts(builder, lines):
    def judged(line):
        alive = survives(builder, line)
        if alive:
            print("survived:", ": ".join(line.key), flush=True)
        return line.key, alive
    with ThreadPoolExecutor(min(2, os.cpu_count() or 1)) as pool:
        return dict(pool.map(judged, lines))


def lines_of(names=()):
    texts = {name: (mutation.ROOT / file).read_text() for name, file in FILES.items() if not names or name in names}
    return [Line(name, edit, text) for name, text in texts.items() for edit in edits(text)]


def unchanged(name):
    return Line(name, Edit("", "nothing", 0, 0, ""), (mutation.ROOT / FILES[name]).read_text())


def misplaced_entries():
    there = {line.key for line in lines_of()}
    return [f"survivors.txt: {': '.join(key)}: DOES NOT APPLY" for key in explained() if key not in there]


def give_way():
    """Whoever works on this machine goes first. Sessions share it before anybody's nice is looked at, so we need one of our own; since that
    one hears no Ctrl-C, it ends with whoever began it."""
    os.nice(15)
    try:
        os.setsid()
        Path("/proc/self/autogroup").write_text("15")
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG
    except OSError:  # begun at a prompt, or a kernel without autogroups
        pass


def main():
    wanted = argparse.ArgumentParser()
    wanted.add_argument("build")
    wanted.add_argument("--file", action="append", choices=FILES, metavar="NAME")
    wanted.add_argument("--one-in", type=int, default=1)
    args = wanted.parse_args()
    give_way()
    lines = [line for line in lines_of(args.file) if line.chosen(args.one_in)]
    with tempfile.TemporaryDirectory() as where:
        builder = mutation.QuickBuilder(args.build, Path(where), FILES.values(), "-O0")
        if blamed := [name for name in {line.key[0] for line in lines} if not survives(builder, unchanged(name))]:
            print(f"killed as they are: {', '.join(blamed)}")  # by tests that fail whatever they are shown
            return 1
        found = verdicts(builder, lines)
    known = explained()
    survivors = [key for key, alive in found.items() if alive]
    wrong = [f"SURVIVED: {': '.join(key)}" for key in survivors if key not in known] + misplaced_entries()
    notes = [f"explained, but killed: {': '.join(key)}" for key in known if found.get(key) is False]
    total = sum(alive is not None for alive in found.values())
    print("\n".join([*notes, *wrong, f"{total - len(survivors)} of {total} mutants killed, {len(survivors)} survive, {sum(key in known for key in survivors)} of them explained"]))
    return 1 if wrong or not total else 0


if __name__ == "__main__":
    sys.exit(main())
