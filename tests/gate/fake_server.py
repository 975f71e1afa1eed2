#!/usr/bin/env python3
"""A tiny MCP server on stdio. argv[1] is a file that gets one line per tool that really ran; the rest of argv are habits.

ignore-term   SIGTERM does nothing
ignore-eof    the end of stdin does nothing
deaf=FILE     does not read its stdin until FILE exists
orphan        leaves a grandchild that holds stdout open
exit=N        exits with N at the end of stdin
noise         writes log lines to stdout
"""
import json
import os
import signal
import subprocess
import sys
import time

ran, habits = sys.argv[1], sys.argv[2:]


def send(message):
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


def call(message):
    name = message["params"]["name"]
    with open(ran, "a") as log:
        log.write(name + "\n")
    if name == "silent":
        return
    if name == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "ask":
        send({"jsonrpc": "2.0", "id": 1, "method": "sampling/createMessage", "params": {}})
    if name == "big":
        send({"result": {"content": [{"type": "text", "text": "x" * (5 << 20)}]}, "jsonrpc": "2.0", "id": message["id"]})
        return
    send({"jsonrpc": "2.0", "id": message["id"], "result": {"content": [{"type": "text", "text": "ran " + name}]}})


if "ignore-term" in habits:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if "orphan" in habits:
    orphan = subprocess.Popen(["sleep", "60"], stdin=subprocess.DEVNULL)
    with open(ran, "a") as log:
        log.write("orphan %d\n" % orphan.pid)
if "noise" in habits:
    sys.stdout.write("[INFO] up\n\xe9 noise {\n")
    sys.stdout.flush()
with open(ran, "a") as log:
    log.write("up %d\n" % os.getpid())
for habit in habits:
    while habit.startswith("deaf=") and not os.path.exists(habit[5:]):
        time.sleep(0.005)
for line in sys.stdin:
    message = json.loads(line)
    if message.get("method") == "tools/call":
        call(message)
    elif "method" not in message:
        with open(ran, "a") as log:
            log.write("heard %s\n" % json.dumps(message.get("error", {}).get("data", {}).get("reason", "an answer")))
    elif "id" in message:
        send({"jsonrpc": "2.0", "id": message["id"], "result": {}})
while "ignore-eof" in habits:
    time.sleep(1)
sys.exit(next((int(habit[5:]) for habit in habits if habit.startswith("exit=")), 0))
