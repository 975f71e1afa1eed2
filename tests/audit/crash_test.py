"""A kill -9 and a power cut at every step of stop and resume: crash_test.py [--kills N] [--states N]

Kills fall on boundaries of system calls, spread evenly over all of them. For the power cuts, the system calls of a real command are recorded and played back onto a copy of the state before it. A cut after call k keeps what a sync has
made durable before k and, of the rest, any number of calls in their order. What was in memory (live/, spool/, the ledger's -shm) is gone,
and the kernel that starts is another. Then: the log is sound and goes on from the checkpoint of before; an acknowledged stop stands;
what no longer stands was lifted with its record in the log; and an acknowledged resume has both its records.
"""

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
from pathlib import Path

sys.path += [str(Path(__file__).resolve().parent.parent / folder) for folder in ("play", "faults")]
from frozen import Frozen, adopt_orphans  # noqa: E402
from script import Failure  # noqa: E402
from world import PATIENCE_S, World  # noqa: E402

CALLS = "openat,write,pwrite64,ftruncate,fsync,fdatasync,syncfs,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat,linkat,close"
TEXT = re.compile(r'"((?:\\x[0-9a-f]{2})*)"')
FD = re.compile(r"(\d+)<((?:\\x[0-9a-f]{2})*)>")


def plain(hexed):
    return bytes.fromhex(hexed.replace("\\x", ""))


def calls(trace):
    """(name, arguments, result) of each system call, when it returned."""
    begun = {}
    for line in trace.read_text().splitlines():
        pid, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.endswith("<unfinished ...>"):
            begun[pid] = rest.removesuffix("<unfinished ...>")
            continue
        if resumed := re.match(r"<\.\.\. \w+ resumed>", rest):
            rest = begun.pop(pid) + rest[resumed.end():]
        if found := re.match(r"(\w+)\((.*)\)\s+= (-?\d+)", rest):
            yield found[1], found[2].strip(), int(found[3]), rest


class Disk:
    """Files by inode, as directories name them: what one file is called may change while it is written."""

    def __init__(self, root):
        self.names = {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file() and not path.is_symlink()}
        self.modes = {str(path.relative_to(root)): path.stat().st_mode for path in root.rglob("*") if path.is_file()}
        self.folders = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir() and not path.is_symlink()}

    def copy(self):
        out = object.__new__(Disk)
        out.names, out.modes, out.folders = dict(self.names), self.modes, set(self.folders)
        return out

    def apply(self, what, name, *more):
        if what == "write":
            offset, data = more
            old = self.names.get(name, b"")
            self.names[name] = old[:offset].ljust(offset, b"\0") + data + old[offset + len(data):]
        elif what == "size":
            self.names[name] = self.names.get(name, b"")[:more[0]].ljust(more[0], b"\0")
        elif what == "create":
            self.names.setdefault(name, b"")
        elif what == "rename" and name in self.names:
            self.names[more[0]] = self.names.pop(name)
        elif what == "rename":   # a folder
            for old in [each for each in self.names if each.startswith(name + "/")]:
                self.names[more[0] + old[len(name):]] = self.names.pop(old)
            self.folders.add(more[0])
        elif what == "unlink":
            self.names.pop(name, None)
        elif what == "mkdir":
            self.folders.add(name)

    def key(self):
        digest = hashlib.sha256()
        for name in sorted(self.names):
            digest.update(name.encode() + b"\0" + hashlib.sha256(self.names[name]).digest())
        return digest.digest()

    def put(self, root):
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        for folder in sorted(self.folders):
            (root / folder).mkdir(parents=True, exist_ok=True)
        for name, data in self.names.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(data)
            (root / name).chmod(self.modes.get(name, 0o600) & 0o777)


def lost_with_power(name):
    return name.startswith(("live/", "spool/")) or name.endswith("-shm") or name in ("log/lock", "lock")


def operations(trace, root):
    """What changes the disk, in order: (what, name, …), ("sync", name or ""), ("says",) when the answer is printed."""
    inside = str(root).encode() + b"/"
    offsets, linked = {}, {}

    def local(raw):
        path = os.path.normpath(raw)
        return path[len(inside):].decode() if path.startswith(inside) else None

    for name, arguments, result, line in calls(trace):
        if name == "write" and FD.match(arguments) and int(FD.match(arguments)[1]) == 1:
            yield ("says",)
            continue
        if result < 0:
            continue
        paths = [plain(each) for each in TEXT.findall(arguments)]
        fd = FD.match(arguments)
        if name == "openat":
            opened = FD.search(line[line.rindex(" = "):])
            target = local(plain(opened[2])) if opened else None
            if opened:
                offsets[int(opened[1])] = "end" if "O_APPEND" in arguments else 0
            if target and "O_CREAT" in arguments:
                yield ("create", target)
                if "O_TRUNC" in arguments:
                    yield ("size", target, 0)
            continue
        target = local(plain(fd[2])) if fd else None
        if name in ("fsync", "fdatasync", "syncfs"):
            yield ("sync", "" if name == "syncfs" else target or "?")
        elif name in ("write", "pwrite64") and target:
            data = paths[0][:result] if paths else b""
            at = int(re.search(r", (\d+)$", arguments)[1]) if name == "pwrite64" else offsets.get(int(fd[1]), 0)
            yield ("write", target, at, data)
            if name == "write" and at != "end":
                offsets[int(fd[1])] = at + result
        elif name == "ftruncate" and target:
            yield ("size", target, int(arguments.rsplit(", ", 1)[1]))
        elif name.startswith("rename") and len(paths) == 2 and local(paths[0]):
            yield ("rename", local(paths[0]), local(paths[1]))
        elif name.startswith("unlink") and paths and local(paths[-1]):
            yield ("unlink", local(paths[-1]))
        elif name.startswith("mkdir") and paths and local(paths[-1]):
            yield ("mkdir", local(paths[-1]))


def resolved(steps):
    """With appends at the place where the file ended by then, and without what power takes along."""
    ends = {}
    for step in steps:
        what, name = step[0], step[1] if len(step) > 1 else ""
        if lost_with_power(name):
            continue
        if what == "write" and step[2] == "end":
            step = (what, name, ends.get(name, 0), step[3])
        if what == "write":
            ends[name] = max(ends.get(name, 0), step[2] + len(step[3]))
        if what == "rename" and not lost_with_power(step[2]):
            ends[step[2]] = ends.pop(name, 0)
        yield step


def cuts(base, steps, syncs=True):
    """(disk, whether the command had answered): every cut with every prefix of what was not durable, each disk once."""
    seen = set()
    for k in range(len(steps) + 1):
        done = steps[:k]
        answered = ("says",) in done
        durable, loose = base.copy(), []
        for at, step in enumerate(done):
            if step[0] in ("sync", "says"):
                continue
            later = done[at + 1:] if syncs else []
            kept = any(one[0] == "sync" and (one[1] in ("", step[1]) or step[0] in ("create", "rename", "unlink", "mkdir")) for one in later)
            if kept and not loose:
                durable.apply(*step)
            else:
                loose.append((kept, step))
        # What is durable comes first of all, whatever of the rest was before it; then any number of the rest.
        rest = [step for kept, step in loose if not kept]
        for kept, step in loose:
            if kept:
                durable.apply(*step)
        for many in range(len(rest) + 1):
            if many > 0:
                durable.apply(*rest[many - 1])
            if (key := (durable.key(), answered)) not in seen:
                seen.add(key)
                yield durable, answered


class Machine:
    def __init__(self, world, root):
        self.world = world
        self.root = root

    def types(self, *words, exits=(0,)):
        done = subprocess.run([*self.world.prefix, str(self.world.build / "notaus"), *words], capture_output=True, text=True,
                              env={**self.world.environment(), "NOTAUS_STATE": str(self.root)}, timeout=4 * PATIENCE_S)
        if done.returncode not in exits:
            raise Failure(f"after the cut: notaus {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout

    def starts(self, disk):
        disk.put(self.root)
        for folder in ("live/slots", "live/keys", "spool"):
            (self.root / folder).mkdir(parents=True, exist_ok=True)

    def check(self, act, stop, ticket, answered):
        stands = stop in [one["id"] for one in json.loads(self.types("status", "--json"))["stops"]]
        verdict = json.loads(self.types("audit", "verify", "--since", ticket, "--json"))
        if verdict["verdict"] != "sound":
            raise Failure(f"the log is {verdict['verdict']}")
        records = [json.loads(line) for line in self.types("audit", "list", "--stop", stop, "--json").splitlines()]
        lifted = [record.get("phase", "done") for record in records if record["kind"] == "resume"]
        if act == "stop" and answered and not stands:
            raise Failure("an acknowledged stop is lost")
        if act == "stop" and stands and not any(record["kind"] == "stop" for record in records):
            raise Failure("a stop stands without its record")
        if act == "resume" and not stands and "intent" not in lifted:
            raise Failure("it was lifted without its record")
        if act == "resume" and answered and (stands or lifted != ["intent", "done"]):
            raise Failure(f"an acknowledged resume: the stop {'stands' if stands else 'is lifted'}, the log has {lifted}")


def recorded(world, words):
    """The command's answer, and what it did to the disk."""
    trace = Path(world.directory) / "trace"
    done = subprocess.run(["strace", "-f", "-qq", "-xx", "-y", "-s", str(1 << 24), "-e", f"trace={CALLS}", "-o", trace,
                           str(world.build / "notaus"), *words], env=world.environment(), capture_output=True, text=True, timeout=8 * PATIENCE_S)
    if done.returncode not in (0, 8):
        raise Failure(f"notaus {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return json.loads(done.stdout), list(resolved(operations(trace, world.state)))


def survive(world, machine, act, words, stop, most):
    before = Disk(world.state)
    ticket = json.loads(subprocess.run([world.build / "notaus", "audit", "verify", "--json"], env=world.environment(), capture_output=True,
                                       text=True, check=True).stdout)["checkpoint"]
    answer, steps = recorded(world, words)
    stop = stop or answer["record"]["id"]
    if not any(step[0] == "sync" for step in steps) or ("says",) not in steps:
        raise Failure(f"{act}: what was recorded syncs nothing, or says nothing")
    after = before.copy()
    for step in steps:
        if step[0] not in ("sync", "says"):
            after.apply(*step)
    now = Disk(world.state)
    for name in {*after.names, *now.names}:
        if not lost_with_power(name) and after.names.get(name) != now.names.get(name):
            raise Failure(f"{act}: what was recorded does not lead to {name} as it is")
    disks = [(disk.copy(), answered) for disk, answered in cuts(before, steps)]
    chosen = disks if len(disks) <= most else [*random.Random(1).sample(disks[:-1], most - 1), disks[-1]]
    for disk, answered in chosen:
        machine.starts(disk)
        machine.check(act, stop, ticket, answered)
    control(machine, act, stop, ticket, before, steps)
    print(f"{act}: {len(steps)} steps, {len(disks)} different disks after a cut, {len(chosen)} of them tried")
    return stop


def is_killed_at(world, boundary, words):
    """What it had answered by then; nothing at all: it had ended before."""
    frozen = Frozen(world.build, boundary, "family")
    victim = frozen.start([str(world.build / "notaus"), *words, "--json"], env=world.environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        if not frozen.settled(PATIENCE_S):
            raise Failure(f"{words} does not come to boundary {boundary}")
        if frozen.where is not None:
            victim.kill()
    finally:
        frozen.wake()
    said = victim.communicate(timeout=PATIENCE_S)[0]
    return said if frozen.where is not None else None


def kills(world, machine, many):
    """As many of each command as there are boundaries, or so many, at distances that grow no pattern."""
    number = 0

    def told(*words):
        return json.loads(machine.types(*words, "--json", exits=(0, 3, 8)))

    def ticket():
        return told("audit", "verify")["checkpoint"]

    def one(act, boundary):
        nonlocal number
        number += 1
        selector = ["--tenant", f"t{number}"]
        stop = told("stop", *selector, "--wait", "30s")["record"]["id"] if act == "resume" else ""
        before = ticket()
        said = is_killed_at(world, boundary, [act, *selector, "--reason", "x"])
        if said is None:
            return False
        answered = said.endswith(b"\n")
        if act == "stop":   # it may stand without an answer
            standing = [each["id"] for each in told("status")["stops"] if each["selector"].get("tenant") == selector[1]]
            stop = json.loads(said)["record"]["id"] if answered else (standing or ["none"])[0]
        machine.check(act, stop, before, answered)
        return True

    for act in ("stop", "resume"):
        last = 1   # there are about that many boundaries: threads come in any order
        while one(act, 2 * last):
            last *= 2
        boundaries = sorted({1 + (2 * last - 1) * n // many for n in range(many)})
        hit = sum(one(act, boundary) for boundary in boundaries)
        if hit < len(boundaries) // 4:
            raise Failure(f"{act}: too few kills hit")
        print(f"{act}: {hit} killed at boundaries of system calls up to {2 * last}")


def control(machine, act, stop, ticket, before, steps):
    """A disk that forgets what was synced is found out."""
    machine.starts(next(disk for disk, answered in cuts(before, steps, syncs=False) if answered))
    try:
        machine.check(act, stop, ticket, True)
    except Failure:
        return
    raise Failure(f"{act}: the loss of all that it wrote was not noticed")


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--kills", type=int, default=40, help="how many of each command")
    arguments.add_argument("--states", type=int, default=120, help="how many disks to try of each command")
    given = arguments.parse_args()
    with World(os.environ.get("NOTAUS_BUILD", "build/dev"), "crash") as world:
        world.write_config()
        subprocess.run([world.build / "notaus", "init"], env=world.environment(), check=True, stdout=subprocess.DEVNULL)
        subprocess.run([world.build / "notaus", "stop", "--tenant", "other", "--reason", "x"], env=world.environment(), capture_output=True)
        adopt_orphans()
        kills(world, Machine(world, Path(world.state)), given.kills)
        after = Machine(world, Path(world.directory) / "after")
        world.boot()
        stop = survive(world, after, "stop", ["stop", "--tenant", "acme", "--reason", "x", "--json"], "", given.states)
        survive(world, after, "resume", ["resume", stop, "--reason", "over", "--json"], stop, given.states)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"crash: {failure}")
