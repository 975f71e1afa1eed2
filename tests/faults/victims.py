"""Who is frozen, and what must hold of it: each of these plays one round and tells whether boundary `n` was there."""

import fcntl
import json
import os
import select
import struct
import subprocess
import sys
import termios
from pathlib import Path

import world as places
from client import Client
from fleet import Stop, denied
from frozen import Frozen
from script import Failure

CALLS_LONGEST = 14


def typed_and_frozen(fleet, n, whom, words):
    """(how it froze, its process); no process: it has ended, and has no such boundary."""
    frozen = Frozen(fleet.world.build, n, whom)
    victim = frozen.start([str(fleet.world.build / "notaus"), *words], env=fleet.world.environment(), stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    frozen.settled(places.PATIENCE_S)
    if frozen.where is not None:
        return frozen, victim
    victim.wait(places.PATIENCE_S)
    frozen.wake()
    return frozen, None


def frozen_command(words, exits, before=("--tenant", "acme"), later=("--tenant", "acme")):
    def round_(fleet, n):
        stands = fleet.types("stop", *before, "--reason", "before", "--json", "--wait", "10s") if "ID" in words else None
        typed = [json.loads(stands)["record"]["id"] if word == "ID" else word for word in words]
        frozen, victim = typed_and_frozen(fleet, n, "family", typed)
        if victim is None:
            return frozen, None
        try:
            stop = Stop(fleet, *later)
            stop.takes_effect(fleet.acme)
            stop.ends()
        finally:
            frozen.wake()
        if victim.wait(places.PATIENCE_S) not in exits:
            raise Failure(f"what was frozen ({frozen.where}) ended with {victim.returncode}")
        if not came_later(fleet, typed, victim, stop):
            still_stands(fleet, stop)
        return frozen, stop
    return round_


def frozen_recovery(fleet, n):
    """What it leaves is another ledger, and whoever ran on the old one stays denied until it is started again."""
    try:
        return frozen_command(["init", "--recover"], (0,))(fleet, n)
    finally:
        fleet.start_wrappers()


def came_later(fleet, typed, victim, stop):
    """A resume that was frozen before it looked at the state lifts what it then sees, also a stop that was repeated meanwhile."""
    if typed[0] != "resume" or victim.returncode != 0 or stop.report["record"]["id"] != typed[1]:
        return False
    records = map(json.loads, fleet.types("audit", "list", "--json").splitlines())
    seen = [record["seen"] for record in records if record["kind"] == "resume" and record["id"] == typed[1] and "seen" in record]
    return stop.report["stored"] and seen[-1] >= stop.report["revision"]


def still_stands(fleet, stop):
    covered = [fleet.acme] + ([fleet.other] if not stop.report["record"]["selector"] else [])
    if not all(map(denied, covered)):
        raise Failure("what woke up has loosened the page")
    standing = [each["id"] for each in fleet.status()["stops"]]
    if not any(each.split("~")[0] == stop.report["record"]["id"] for each in standing):
        raise Failure(f"the stop {stop.report['record']['id']} does not stand any more, only {standing}")
    if not all(map(denied, covered)):
        raise Failure("looking at the state has loosened it")


def frozen_start(fleet, n):
    """A wrapper that is frozen while it starts."""
    frozen = Frozen(fleet.world.build, n, "alone")
    tool = fleet.world.directory / "tools" / "starting"
    command = [str(fleet.world.build / "notaus"), "mcp", "--state", str(fleet.world.state), "--tenant", "acme", "--agent", "s", "--",
               sys.executable, str(places.HERE / "fake_tool_server.py"), str(tool), "--fast"]
    client = Client([*frozen.words, *command], subprocess.DEVNULL, pass_fds=(frozen.tell,), env=fleet.world.environment())
    frozen.begin()
    try:
        number = client.call("email.send", {})
        while not frozen.settled(0.02):
            if client.wait(number, 0) is not None:   # it runs: there is no such boundary
                return frozen, None
        if frozen.where is None:
            raise Failure("the wrapper ended by itself")
        if client.wait(number, 0) is not None:   # frozen in a later round of its loop
            return frozen, None
        stop = Stop(fleet, "--tenant", "acme")
        stop.takes_effect(fleet.acme)
        stop.ends()
        ran = fleet.world.events("ran", "email.send", "starting")
        frozen.wake()
        answer = client.wait(number, places.PATIENCE_S)
        if not answer or not answer.get("result", {}).get("isError"):
            sent_before = any(call["agent"] == "s" for call in stop.report["in_flight"]) or ran
            if not sent_before:
                raise Failure(f"a wrapper that was frozen while it started lets a call through: {answer}")
        still_stands(fleet, stop)
        return frozen, stop
    finally:
        frozen.wake()
        client.close()
        (tool / "ran").unlink(missing_ok=True)


def frozen_call(fleet, n):
    """A wrapper that is frozen on a call's way to its tool; the tool is asleep, so that the pipe tells what was sent."""
    world, client = fleet.world, fleet.acme
    tool = int((world.directory / "tools" / "acme" / "pid").read_text())
    before = world.events("ran", "email.send", "acme")
    second = world.wrappers.get("second") or world.start_wrapper("second", tenant="acme", agent="c")
    os.kill(tool, 19)
    frozen = Frozen(world.build, n, "pid")
    frozen.attach(client.process.pid)
    try:
        number = client.call("email.send", {})
        while frozen.where is None and not frozen.settled(0.02):
            if unread(tool) and not frozen.settled(0.1):
                return frozen, None   # it was sent, and then there was nothing more to do
        sent = unread(tool)
        stop = Stop(fleet, "--tenant", "acme")
        stop.takes_effect(second)
        stop.ends()
        listed = any(call["agent"] == "a" for call in stop.report["in_flight"])
        if sent and not listed:
            raise Failure("the call was sent before the stop, and the stop does not list it")
        frozen.wake()
        if not sent:
            places.until(places.PATIENCE_S, lambda: answered_or_sent(client, number, tool))
        # Between the last look and the write that follows it, at once, nobody can look again: the stop lists such a call.
        if unread(tool) and not sent and not (frozen.where == "entering 1" and listed):
            raise Failure("the wrapper woke up and sent on an old answer")
    finally:
        frozen.wake()
        os.kill(tool, 18)
    answer = client.wait(number, places.PATIENCE_S)
    if not answer or "result" not in answer:
        raise Failure(f"the wrapper answers {answer}")
    ran = world.events("ran", "email.send", "acme") - before
    if ran != (0 if answer["result"].get("isError") else 1) or (ran and not listed):
        raise Failure(f"it ran {ran} times, was{'' if listed else ' not'} listed, and the answer is {answer}")
    still_stands(fleet, stop)
    return frozen, stop


def frozen_guard(fleet, n):
    """A process with a guard of its own, frozen on a call's way to what it sends to: us."""
    process = fleet.start_guarded()
    frozen = Frozen(fleet.world.build, n, "pid")
    frozen.attach(process.pid)
    said = lambda: bool(select.select([process.stdout], [], [], 0)[0])  # noqa: E731
    try:
        process.stdin.write(b"\n")
        process.stdin.flush()
        while frozen.where is None and not frozen.settled(0.02):
            if said() and not frozen.settled(0.1):
                process.stdout.readline()
                return frozen, None   # there was nothing more to do
        sent = said()
        stop = Stop(fleet, "--tenant", "acme")
        stop.takes_effect(fleet.acme)
        stop.ends()
    finally:
        frozen.wake()
    word = process.stdout.readline()
    listed = any(call["agent"] == "sends" for call in stop.report["in_flight"])
    if word == b"sent\n" and not sent and not (frozen.where == "entering 1" and listed):
        raise Failure(f"the process woke up ({frozen.where}) and sent on an old answer")
    still_stands(fleet, stop)
    return frozen, stop


def frozen_run(fleet, n):
    """`notaus run`, frozen on its worker's way to being started."""
    worked = fleet.world.directory / "worked"
    worked.unlink(missing_ok=True)
    frozen, victim = typed_and_frozen(fleet, n, "alone", ["run", "--tenant", "acme", "--tool", "jobs.night", "--", "touch", str(worked)])
    if victim is None:
        return frozen, None
    try:
        places.until(places.PATIENCE_S, lambda: waits_or_works(victim.pid))
        began = works(victim.pid) or worked.exists()
        stop = Stop(fleet, "--tenant", "acme")
        stop.takes_effect(fleet.acme)
        stop.ends()
    finally:
        frozen.wake()
    status = victim.wait(places.PATIENCE_S)
    listed = any(call["tool"] == "jobs.night" for call in stop.report["in_flight"])
    if status != (0 if worked.exists() else 6):
        raise Failure(f"it ended with {status}, and its worker {'worked' if worked.exists() else 'did nothing'}")
    if worked.exists() and not began and not (frozen.where == "entering 1" and listed):
        raise Failure(f"it woke up ({frozen.where}) and started its worker on an old answer")
    still_stands(fleet, stop)
    return frozen, stop


def children(pid):
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def works(pid):
    """Has its child become something else than a copy of itself?"""
    return any(not same_program(pid, child) for child in children(pid))


def same_program(pid, child):
    try:
        return os.readlink(f"/proc/{pid}/exe") == os.readlink(f"/proc/{child}/exe")
    except OSError:   # a zombie
        return False


def waits_or_works(pid):
    """Its child, if there is one, waits for the word to begin, or has begun."""
    for child in children(pid):
        if same_program(pid, child) and Path(f"/proc/{child}/syscall").read_text().split()[0] != "0":
            raise Failure("its child is still on its way")


def answered_or_sent(client, number, tool):
    if client.wait(number, 0) is None and not unread(tool):
        raise Failure("the wrapper neither answers nor sends")


def unread(pid):
    """How many bytes wait in a process's standard input."""
    with open(f"/proc/{pid}/fd/0", "rb", buffering=0, opener=lambda path, _: os.open(path, os.O_RDONLY | os.O_NONBLOCK)) as pipe:
        return struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, b"\0\0\0\0"))[0]


VICTIMS = {
    "call": frozen_call,
    "guard": frozen_guard,
    "stop": frozen_command(["stop", "--tenant", "globex", "--reason", "x"], (0, 3, 5)),
    "resume": frozen_command(["resume", "ID", "--reason", "x"], (0, 1, 3), before=("--tenant", "globex"), later=("--global",)),
    "resume of a stop that is repeated": frozen_command(["resume", "ID", "--reason", "x"], (0, 1, 3)),
    "status": frozen_command(["status"], (0, 1)),
    "init --recover": frozen_recovery,
    "mcp": frozen_start,
    "run": frozen_run,
}
