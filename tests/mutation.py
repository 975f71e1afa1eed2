"""Small wrong edits of the product, each compiled alone and linked in front of the room's library into a program that must notice.

mutation.py LIST…: which entries of these lists (mutants.py, lines.py) are not to be found in the code any more? Builds nothing.
"""

import functools
import json
import os
import re
import runpy
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
HANGS_S = 60


@dataclass
class Mutant:
    file: str   # src/page/slots.cc
    loss: str   # what an operator would lose
    edits: list  # (right, wrong): each `right` stands exactly once
    judge: object = field(default=None, repr=False)  # program -> who noticed, or None
    units: tuple = ()  # of a header: the files that are compiled with it

    def source(self):
        """The wrong source; ValueError if the code has changed and the list must follow."""
        text = (ROOT / self.file).read_text()
        for right, wrong in self.edits:
            if text.count(right) != 1:
                raise ValueError(f"{text.count(right)} places for {right!r}")
            text = text.replace(right, wrong)
        return text


class Builder:
    """Compiles one changed file as the build did, and links a target as the build did, with that file in front of everything else."""

    def __init__(self, build):
        self.build = Path(build).resolve()
        entries = json.loads((self.build / "compile_commands.json").read_text())
        # Some are compiled once more, for the fuzzers: after their room, which is what counts.
        self.compiles = {str(Path(entry["file"]).relative_to(ROOT)): shlex.split(entry["command"]) for entry in reversed(entries)}

    def build_mutant(self, where, target, mutant):
        """The program `target` with the mutant in the place of its file; of a header, in those `units` that include it."""
        self.compile(where, mutant)
        return self.link_with(where, target)

    def compile(self, where, mutant):
        changed = where / Path(mutant.file).relative_to("src")
        changed.parent.mkdir()
        changed.write_text(mutant.source())
        for unit in mutant.units or (mutant.file,):
            compile_ = self.into(self.compiles[unit], where / f"{Path(unit).name}.o")
            compile_[compile_.index("-c") + 1] = str(ROOT / unit if mutant.units else changed)
            first = next(at for at, word in enumerate(compile_) if word.startswith("-I"))
            compile_.insert(first, f"-I{where}")
            run([*self.flags(compile_), "-Wno-everything"], cwd=self.build)

    def flags(self, compile_):
        return compile_

    def link_with(self, where, target, *more):
        program = where / target
        changed = {made.name: str(made) for made in where.glob("*.o")}
        # One of the program's own files takes the place of that, one of a library comes before it.
        link = [changed.pop(Path(word).name, word) for word in [*self.into(self.link(target), program), *more]]
        first = next(at for at, word in enumerate(link) if word.endswith(".o"))
        run([*link[:first], *changed.values(), *link[first:]], cwd=self.build)
        return program

    @functools.cache
    def link(self, target):
        last = run(["ninja", "-C", str(self.build), "-t", "commands", target]).splitlines()[-1]
        return [word for word in shlex.split(last) if word not in (":", "&&")]

    @staticmethod
    def into(command, out):
        command = list(command)
        command[command.index("-o") + 1] = str(out)
        return command


class QuickBuilder(Builder):
    """Headers that no mutant changes are read once, and nothing is written for a debugger: a third of the time. `level` is how much to
    optimize; nothing: as the build does."""

    def __init__(self, build, where, files, level=""):
        super().__init__(build)
        headers = {line for file in files for line in re.findall(r"^#include (?:<[a-z_]+>|<fmt/.*>)$", (ROOT / file).read_text(), re.M)}
        header = where / f"all{level}.h"
        header.write_text("\n".join([*sorted(headers), '#include "core/snapshot.h"', '#include "base/fd.h"', ""]))
        self.level, self.headers = level, []
        compile_ = self.into(self.compiles["src/page/slots.cc"], header.with_suffix(".pch"))
        compile_[compile_.index("-c"):] = ["-x", "c++-header", str(header)]
        run(self.flags(compile_), cwd=self.build)
        self.headers = ["-include-pch", str(header.with_suffix(".pch"))]

    def flags(self, compile_):
        kept = [word for word in compile_ if not re.fullmatch(r"-O\w|-g\d?" if self.level else r"-g\d?", word) and not word.endswith("ccache")]
        headers = [] if "-fPIE" in kept else self.headers  # of a program's own file, which is compiled otherwise
        return [kept[0], *filter(None, [self.level]), *headers, *kept[1:]]

    def link_with(self, where, target):
        return super().link_with(where, target, "-Wl,--strip-debug")


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def tests_pass(program, shards=1, only="*"):
    """Do all tests of a unit test's program pass, or of these? With shards, so many at a time, since they mostly wait."""
    def start(number):
        return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program, "--gtest_brief=1", "--gtest_fail_fast", f"--gtest_filter={only}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, process_group=0,
                                env={**os.environ, "TMPDIR": str(program.parent), "GTEST_TOTAL_SHARDS": str(shards), "GTEST_SHARD_INDEX": str(number)})
    return all_end_well([start(number) for number in range(shards)])


def all_end_well(programs):
    """Do all of them end with 0? Each is a process group of its own: a test that fails may leave a forked child behind."""
    running, until = list(programs), time.monotonic() + HANGS_S
    try:
        while running:
            for program in running:   # asked once: what ends between two looks is not lost
                program.poll()
            if any(program.returncode for program in running) or time.monotonic() > until:
                return False  # a mutant that never ends is noticed, too
            running = [program for program in running if program.returncode is None]
            time.sleep(0.01)
        return True
    finally:
        for program in programs:
            try:
                os.killpg(program.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            program.wait()


def misplaced(mutant):
    """None if it applies to the code as it is, else why it does not."""
    try:
        mutant.source()
    except ValueError as error:
        return f"{mutant.file}: {mutant.loss}: DOES NOT APPLY ({error})"


def judge(builder, target, mutant):
    """None if it was killed, else why it was not."""
    if gone := misplaced(mutant):
        return gone
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as where:
        try:
            program = builder.build_mutant(Path(where), target, mutant)
        except RuntimeError as error:
            return f"{mutant.file}: {mutant.loss}: DOES NOT COMPILE\n{error}"
        return None if mutant.judge(program) else f"{mutant.file}: {mutant.loss}: SURVIVED"


def judge_all(builder, target, mutants, at_once=min(2, os.cpu_count() or 1)):
    with ThreadPoolExecutor(at_once) as pool:
        return [failure for failure in pool.map(lambda mutant: judge(builder, target, mutant), mutants) if failure]


def report(total, failures):
    print("\n".join([*failures, f"{total - len(failures)} of {total} mutants killed"]))
    return 1 if failures else 0


def main(*lists):
    gone = []
    for path in lists:
        sys.path.insert(0, str(Path(path).resolve().parent))
        gone += runpy.run_path(path)["misplaced_entries"]()
    print("\n".join([*gone, f"{len(gone)} entries do not apply"]))
    return 1 if gone or not lists else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
