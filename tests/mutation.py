"""Small wrong edits of the product, each compiled alone and linked in front of the room's library into a program that must notice."""

import json
import os
import shlex
import subprocess
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


@dataclass
class Mutant:
    file: str   # src/page/slots.cc
    loss: str   # what an operator would lose
    edits: list  # (right, wrong): each `right` stands exactly once
    judge: object = field(default=None, repr=False)  # program -> who noticed, or None
    unit: str = ""  # of a header: the file that is compiled with it

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
        self.compiles = {str(Path(entry["file"]).relative_to(ROOT)): shlex.split(entry["command"]) for entry in entries}

    def build_mutant(self, where, target, mutant):
        """The program `target` with the mutant in the place of its file; of a header, in the one file `unit` that includes it."""
        changed, program = where / Path(mutant.file).relative_to("src"), where / target
        changed.parent.mkdir()
        changed.write_text(mutant.source())
        compile_ = self.into(self.compiles[mutant.unit or mutant.file], where / "changed.o")
        compile_[compile_.index("-c") + 1] = str(ROOT / mutant.unit if mutant.unit else changed)
        first = next(at for at, word in enumerate(compile_) if word.startswith("-I"))
        compile_.insert(first, f"-I{where}")
        run([*compile_, "-Wno-everything"], cwd=self.build)
        link = self.into(self.link(target), program)
        first = next(at for at, word in enumerate(link) if word.endswith(".o"))
        link.insert(first, str(where / "changed.o"))
        run(link, cwd=self.build)
        return program

    def link(self, target):
        last = run(["ninja", "-C", str(self.build), "-t", "commands", target]).splitlines()[-1]
        return [word for word in shlex.split(last) if word not in (":", "&&")]

    @staticmethod
    def into(command, out):
        command = list(command)
        command[command.index("-o") + 1] = str(out)
        return command


def run(command, **options):
    done = subprocess.run(command, capture_output=True, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def judge(builder, target, mutant):
    """None if it was killed, else why it was not."""
    try:
        mutant.source()
    except ValueError as error:
        return f"{mutant.file}: {mutant.loss}: DOES NOT APPLY ({error})"
    with tempfile.TemporaryDirectory() as where:
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
