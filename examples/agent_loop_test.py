"""agent_loop_test.py AGENT_LOOP NOTAUS: the loop ends with max_steps when nothing is stopped, and as killed by a stop in mid-loop."""

import os
import subprocess
import sys
import tempfile

AGENT, NOTAUS = sys.argv[1:3]
MANY = 1_000_000   # more than the pipe holds: on a busy machine, too, it runs until it is stopped


def notaus(state, *words):
    subprocess.run([NOTAUS, *words, "--state", state], check=True, stdout=subprocess.DEVNULL)


def start(state, steps):
    command = [AGENT, "--state", state, "--tenant", "acme", "--steps", str(steps)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def stopped_by(state, *stop):
    """Lets a loop that would not end by itself run its first ten steps, stops it, and returns what it ran and how it ended."""
    loop = start(state, MANY)
    ran = [loop.stdout.readline() for _ in range(10)]
    notaus(state, "stop", *stop)
    rest = loop.stdout.read().splitlines()
    loop.wait()
    return len(ran) + len(rest) - 1, rest[-1]


with tempfile.TemporaryDirectory() as home:
    state = os.path.join(home, "state")
    notaus(state, "init")
    last = start(state, 50).communicate()[0].splitlines()[-1]
    assert last == "status: done, stop_reason: max_steps, steps: 50", last

    ran, last = stopped_by(state, "--tenant", "acme", "--mode", "stop_all")
    assert last == f"status: stopped, stop_reason: killed, steps: {ran}, reason: killed: stop_all", last
    assert ran < MANY
    notaus(state, "resume", "--tenant", "acme", "--reason", "test")

    ran, last = stopped_by(state, "--tool", "email.send")
    assert last.endswith("reason: killed: tool_disabled:email.send"), last
    notaus(state, "resume", "--tool", "email.send", "--reason", "test")

    last = start(state, 20).communicate()[0].splitlines()[-1]
    assert last == "status: done, stop_reason: max_steps, steps: 20", last
print("agent_loop: ok")
