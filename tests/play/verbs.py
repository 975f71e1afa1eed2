"""What each word of a scenario does. One function per verb; all of them take the world and the step."""

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
from pathlib import Path

import world as places
from client import GONE
from http_agent import Agent
from mcp_agent import McpAgent
from script import Failure, Mistake, compare, line_matches, lines_match, options, walk
from world import until

SENT_ID = 77   # the id that a line for `send` carries, if it carries one


# --- setup ---

def can_mount():
    return os.geteuid() == 0 and subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode == 0


def can_loop():
    """A loop device, ext4 on it, and the right to mount that."""
    return can_mount() and os.path.exists("/dev/loop-control") and all(map(shutil.which, ("mkfs.ext4", "fsfreeze")))


NEEDS = {name: lambda name=name: shutil.which(name) is not None for name in ("strace", "nginx", "caddy")} | {
    "root": lambda: os.geteuid() == 0, "tmpfs": can_mount, "loop": can_loop, "boot": lambda: can_mount() and shutil.which("unshare") is not None}


def missing(needs):
    for need in needs.split():
        if need not in NEEDS:
            raise Mistake(f"`{need}` is none of {' '.join(NEEDS)}")
    return [need for need in needs.split() if not NEEDS[need]()]


def tool(world, step):
    name, effect = step.rest.split()
    world.tools[name] = {"write": "write", "writes": "write", "read": "read", "reads": "read"}[effect]


def config(world, step):
    world.config += step.block


def new_world(world, step):
    given = options(step.rest.split())
    if given.get("disk") == "freezable":
        world.mount_loop()
    elif "disk" in given:
        world.mount_small(given["disk"])
    world.write_config()
    if given.get("state") != "none":
        done = world.shell("notaus init")
        if done.returncode != 0:
            raise Failure(f"notaus init: exit {done.returncode}\n{done.stdout}{done.stderr}")
    if given.get("live") == "tmpfs":
        world.live_on_tmpfs()


def wrapper(world, step):
    name, *rest = step.rest.split()
    world.start_wrapper(name, **options(rest))


def wrappers(world, step):
    """Many at once, none waiting for another."""
    name, number, *rest = step.rest.split()
    names = [f"{name}{each}" for each in range(1, int(number) + 1)]
    for each in names:
        world.start_wrapper(each, greet=False, **options(rest))
    for each in names:
        if not world.wrappers[each].greet(places.PATIENCE_S):
            raise Failure(f"wrapper {each} did not come up:\n{world.stderr_of(each)}")


def set_variable(world, step):
    name, value = step.rest.split("=", 1)
    world.saved[name] = expand(world, value)


# --- acts ---

def call(world, step):
    found = re.fullmatch(r"(\S+) +(\S+)(?: +(\{.*\}|\d+k))?(?: +&(\w+)| +-> +(.+))", step.rest)
    if not found:
        raise Mistake("call WRAPPER TOOL {json} -> OUTCOME, or &name")
    name, called, arguments, background, outcome = found.groups()
    client = world.wrapper(name)

    def attempt():
        later(world, client, client.call(expand(world, called), arguments_of(arguments or "{}")), background, outcome)

    until(step.within, attempt)


def arguments_of(text):
    """{json}, or so many KiB of them."""
    return {"text": "x" * (int(text[:-1]) << 10)} if text.endswith("k") else json.loads(text)


def ask(world, step):
    found = re.fullmatch(r"(\S+) +(\S+)(?: +(\{.*\}))?(?: +&(\w+)| +-> +(.+))", step.rest)
    if not found:
        raise Mistake("ask WRAPPER METHOD {params} -> OUTCOME, or &name")
    name, method, params, background, outcome = found.groups()
    client = world.wrapper(name)
    later(world, client, client.ask(method, json.loads(params or "{}")), background, outcome)


def http(world, step):
    """A request to the gate; as= is the token of who asks."""
    found = re.fullmatch(r"([A-Z]+) +(\S+)(?: +(\{.*?\}|\d+k))?((?: +[\w-]+=\S+)*)(?: +&(\w+)| +-> +(.+))", step.rest)
    if not found:
        raise Mistake("http METHOD TARGET {json}|64k Header=value -> STATUS \"text\", or &name")
    method, target, body, given, background, outcome = found.groups()
    headers = dict(word.split("=", 1) for word in expand(world, given).split())
    if "as" in headers:
        headers["Authorization"] = f"Bearer {headers.pop('as')}"
    data = json.dumps(arguments_of(body)).encode() if body else None
    send = world.agent().halve if step.verb == "half" else world.agent().ask

    def attempt():
        later(world, world.agent(), send(method, target, data, headers), background, outcome)

    until(step.within, attempt)


def raw(world, step):
    """Bytes as they stand, with \\r \\n and \\xNN; the last answer before the gate closes is not looked at, the first is."""
    data, _, outcome = step.rest.rpartition(" -> ")
    later(world, world.agent(), world.agent().say(data.encode().decode("unicode_escape").encode("latin-1")), None, outcome)


def up(world, step):
    world.start_up()


def proxy(world, step):
    world.start_proxy(step.rest)


def upstream(world, step):
    name, *rest = step.rest.split()
    world.start_upstream(name, **options(rest))


def agent(world, step):
    name, *rest = step.rest.split()
    world.start_agent(name, **options(rest))


def leave(world, step):
    """The client closes the connection on which this request waits."""
    client, number = world.pending.pop(step.rest.removeprefix("&"))
    client.leave(number)


def rest(world, step):
    """The other half of a body."""
    client, number = world.pending[step.rest.removeprefix("&")]
    client.finish(number)


def borrow(world, step):
    """The first agent says that it is in the session of the second."""
    thief, owner = map(world.wrapper, step.rest.split())
    thief.session = owner.session


def of_agent(act):
    return lambda world, step: getattr(world.wrapper(step.rest), act)()


def later(world, client, number, background, outcome):
    if background:
        world.pending[background] = (client, number)
    else:
        judge(world, client, client.wait(number, places.PATIENCE_S), outcome)


def wait(world, step):
    found = re.fullmatch(r"&(\w+) +-> +(.+)", step.rest)
    if not found or found[1] not in world.pending:
        raise Mistake("wait &name -> OUTCOME, of a call sent to the background before")
    client, number = world.pending.pop(found[1])
    judge(world, client, client.wait(number, places.PATIENCE_S), found[2])


def send(world, step):
    """A line exactly as it stands; \\xNN is a byte. A ping behind it shows that the wrapper has dealt with it."""
    name, rest = step.rest.split(" ", 1)
    line, _, outcome = rest.rpartition(" -> ")
    client = world.wrapper(name)
    for number in (SENT_ID, None):
        client.answers.pop(json.dumps(number), None)
        client.expect(number)
    client.send(re.sub(rb"\\x([0-9a-fA-F]{2})", lambda found: bytes([int(found[1], 16)]), line.strip().encode()))
    client.wait(SENT_ID if isinstance(client, McpAgent) else client.ask("ping", {}), places.PATIENCE_S)
    if outcome == "nothing":
        answers = [client.answers.get(json.dumps(number)) for number in (SENT_ID, None)]
        if client.gone or any(answers):
            raise Failure(f"got {answers}, expected no answer")
        return
    judge(world, client, until(places.PATIENCE_S, lambda: answered(client)), outcome)


def answered(client):
    answer = client.answers.get(json.dumps(SENT_ID)) or client.answers.get(json.dumps(None))
    if answer is None and not client.gone:
        raise Failure("no answer")
    return answer or GONE


def hang_up(world, step):
    """The client closes what it writes to, and goes on listening."""
    world.wrapper(step.rest).process.stdin.close()


def close_wrapper(world, step):
    world.wrapper(step.rest).close()


# --- outcomes of a call ---

def judge(world, client, answer, outcome):
    if answer is None:
        raise Failure(f"no answer in {places.PATIENCE_S} s, expected {outcome}")
    word, *rest = shlex.split(expand(world, outcome))
    if isinstance(client, Agent):
        complaint = client.judge(answer, word, *rest)
    elif word not in OUTCOMES:
        raise Mistake(f"`{word}` is none of {' '.join(OUTCOMES)}")
    else:
        complaint = OUTCOMES[word](client, answer, *rest)
    if complaint:
        raise Failure(f"{complaint}\nexpected {outcome}, got {json.dumps(answer)}")


def is_ok(client, answer):
    return None if "result" in answer and not answer["result"].get("isError") else "it did not run"


def is_denied(client, answer, reason):
    """As a tool's answer a model reads: the reason alone on the first line, then what to do about it."""
    result = answer.get("result", {})
    if result.get("isError") is not True:
        return "it was not denied"
    text = result["content"][0]["text"]
    if not line_matches(reason, text.split("\n")[0]):
        return f"the reason is {text.splitlines()[0]!r}"
    if "not executed" not in text.lower() or "do not retry" not in text.lower():
        return "the text does not say that nothing was executed and that nobody should retry"
    if "structuredContent" in result:
        return "a denial must not look like the tool's own structured answer"
    if client.era == "new" and result.get("resultType") != "complete":
        return "an answer of the new era needs resultType"
    return None


def is_blocked(client, answer, reason):
    """A request that is no tool call: an error whose code is nobody else's."""
    error = answer.get("error")
    if not error:
        return "it was not blocked"
    if -32768 <= error["code"] <= -32000:
        return "the code belongs to the protocol"
    return None if line_matches(reason, (error.get("data") or {}).get("reason", "")) else "data.reason differs"


def is_error(client, answer, *has):
    """Refused as a message, not as a call."""
    if "error" not in answer:
        return "it is no error"
    text = json.dumps(answer["error"])
    return next((f"the error does not say {each!r}" for each in has if each.lower() not in text.lower()), None)


def is_unknown(client, answer):
    text = answer.get("result", {}).get("content", [{}])[0].get("text", "")
    return None if "outcome unknown" in text else "it does not say that the outcome is unknown"


def is_status(client, answer, status):
    """An answer of HTTP without a message in it."""
    return None if answer.get("status") == int(status) else "it is another answer"


def is_gone(client, answer):
    return None if answer == GONE else "the server still answers"


OUTCOMES = {"ok": is_ok, "denied": is_denied, "blocked": is_blocked, "error": is_error, "unknown": is_unknown, "gone": is_gone, "status": is_status}


# --- commands and what they say ---

def expand(world, text):
    return re.sub(r"\$(\w+)", lambda found: world.environment().get(found[1], found[0]), text)


def command(world, step):
    def attempt():
        done = world.shell(step.rest)
        look_at(world, step, done)

    until(step.within, attempt)


def must_fail(world, step):
    if not step.rest.startswith("$ "):
        raise Mistake("! $ COMMAND")
    done = world.shell(step.rest[2:])
    if done.returncode == 0:
        raise Failure(f"it succeeded\n{done.stdout}{done.stderr}")
    look_at(world, step, done, any_exit=True)


def look_at(world, step, done, any_exit=False):
    said = f"exit {done.returncode}\n{done.stdout}{done.stderr}"
    exits = [int(look.rest) for look in step.looks if look.verb == "exit"] or ([] if any_exit else [0])
    if exits and done.returncode != exits[0]:
        raise Failure(f"expected exit {exits[0]}, got {said}")
    if step.block and not lines_match([expand(world, line) for line in step.block], done.stdout.splitlines()):
        raise Failure(f"its output differs: {said}")
    for look in step.looks:
        if look.verb in ("says", "json", "save"):
            {"says": says, "json": json_is, "save": save}[look.verb](world, look, done)


def says(world, look, done):
    if look.rest.startswith("/"):
        if not re.search(look.rest.strip("/"), done.stdout + done.stderr):
            raise Failure(f"line {look.line}: it does not match {look.rest}:\n{done.stdout}{done.stderr}")
        return
    wanted = expand(world, shlex.split(look.rest)[0])
    if wanted.lower() not in (done.stdout + done.stderr).lower():
        raise Failure(f"line {look.line}: it does not say {wanted!r}:\n{done.stdout}{done.stderr}")


def parsed(done):
    try:
        return json.loads(done.stdout)
    except ValueError:
        raise Failure(f"its output is no JSON:\n{done.stdout}{done.stderr}") from None


def json_is(world, look, done):
    path, operator, value = look.rest.split(" ", 2)
    left, right = walk(parsed(done), path), literal(expand(world, value))
    if not compare(left, operator, right):
        raise Failure(f"line {look.line}: {path} is {json.dumps(left)}, not {operator} {json.dumps(right)}:\n{done.stdout}{done.stderr}")


def literal(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def save(world, look, done):
    name, _, path = look.rest.partition(" ")
    value = walk(parsed(done), path)
    if value is None:
        raise Failure(f"line {look.line}: there is no {path}:\n{done.stdout}")
    world.saved[name] = str(value)


# --- looks ---

def ran(world, step):
    words = step.rest.split()
    name, times = expand(world, words[0]), int(words[1])
    where = words[3] if len(words) == 4 and words[2] == "by" else "*"
    count("ran", world, step, name, times, where)


def asked_to_cancel(world, step):
    name, times = step.rest.split()
    found = lambda: sum(1 for line in world.received(name) if b'"notifications/cancelled"' in line)
    until(step.within, lambda: equal(found(), int(times), f"{name} was asked to cancel"))


def count(event, world, step, name, times, where):
    until(step.within, lambda: equal(world.events(event, name, where), times, f"{name} ran"))


def equal(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what} {found} times, expected {wanted}")


def received(world, step):
    """The tool server got this line, byte for byte."""
    name, line = step.rest.split(" ", 1)
    if line.encode() not in world.received(name):
        raise Failure(f"{name} received:\n" + b"\n".join(world.received(name)).decode(errors="replace"))


def ended(world, step):
    """The wrapper's process has ended, by itself, with this status."""
    name, status = step.rest.split()
    process = world.wrapper(name).process
    until(step.within or places.PATIENCE_S, lambda: equal(process.poll(), int(status), f"{name}: exit status,"))


def no_orphans(world, step):
    """Its tool server's process is gone too: nobody is left behind."""
    pid = int((world.directory / "tools" / step.rest / "pid").read_text())
    until(step.within or places.PATIENCE_S, lambda: gone(pid))


def gone(pid):
    try:
        with open(f"/proc/{pid}/stat") as stat:
            if stat.read().rsplit(")", 1)[1].split()[0] not in "ZX":
                raise Failure(f"process {pid} still runs")
    except FileNotFoundError:
        pass


def memory(world, step):
    """The most that the wrapper's process has ever had in memory."""
    name, operator, most = step.rest.split()
    status = Path(f"/proc/{world.wrapper(name).process.pid}/status").read_text()
    peak = int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])
    if operator != "<=" or not most.endswith("m"):
        raise Mistake("memory WRAPPER <= 16m")
    if peak > int(most[:-1]) << 10 and not world.shadowed:
        raise Failure(f"{name} had {peak} KiB in memory")


def blocked(world, step):
    """The wrapper waits for a disk, and not even SIGKILL would reach it."""
    until(step.within or places.PATIENCE_S, lambda: waits_for_disk(world.wrapper(step.rest).process.pid))


def waits_for_disk(pid):
    states = [path.read_text().rsplit(")", 1)[1].split()[0] for path in Path(f"/proc/{pid}/task").glob("*/stat")]
    if "D" not in states:
        raise Failure(f"process {pid} does not wait for a disk: its threads are {states}")


def audit(world, step):
    """The records that matter, in the order of their times; others may stand between them."""
    until(step.within, lambda: audited(world, step))


def audited(world, step):
    done = world.shell("notaus audit list --json")
    records = sorted(map(json.loads, done.stdout.splitlines()), key=lambda record: record.get("at", ""))
    at = 0
    for wanted in step.block:
        kind, *fields = shlex.split(expand(world, wanted))
        at = next((place + 1 for place in range(at, len(records)) if record_is(records[place], kind, options(fields))), None)
        if at is None:
            listed = "\n".join(map(json.dumps, records))
            raise Failure(f"no record `{wanted}` in its place:\n{listed}\n{done.stderr}")


def record_is(record, kind, fields):
    flat = flatten(record)
    return record.get("kind") == kind and all(
        any(line_matches(value, text) for name, text in flat if name == field or name.endswith("." + field)) for field, value in fields.items())


def flatten(value, name=""):
    if isinstance(value, dict):
        return [each for key, inner in value.items() for each in flatten(inner, f"{name}.{key}" if name else key)]
    return [(name, value if isinstance(value, str) else json.dumps(value))]


def says_nowhere(world, step):
    """No file of the state holds this text: arguments are never stored."""
    wanted = shlex.split(step.rest)[0].encode()
    for path in world.state.rglob("*"):
        if path.is_file() and wanted in path.read_bytes():
            raise Failure(f"{path} holds {step.rest}")


# --- faults ---

def to(number):
    def deliver(world, step):
        name, _, part = step.rest.partition(" ")
        world.signal(name, part, number)
    return deliver


def tamper(world, step):
    world.tamper(*step.rest.split())


VERBS = {
    "tool": tool, "config": config, "world": new_world, "wrapper": wrapper, "wrappers": wrappers, "set": set_variable,
    "up": up, "upstream": upstream, "agent": agent, "leave": leave, "borrow": borrow, "resume": lambda world, step: world.wrapper(step.rest).resume(places.PATIENCE_S), "listen": of_agent("listen"), "end": of_agent("end"), "proxy": proxy, "http": http, "raw": raw, "half": http, "rest": rest,
    "call": call, "ask": ask, "wait": wait, "send": send, "close": close_wrapper, "hang_up": hang_up, "$": command, "!": must_fail,
    "hold": lambda world, step: world.hold(step.rest), "release": lambda world, step: world.release(step.rest),
    "ran": ran, "received": received, "asked_to_cancel": asked_to_cancel, "audit": audit, "ended": ended, "no_orphans": no_orphans,
    "blocked": blocked, "memory": memory,
    "nowhere": says_nowhere,
    "crash": to(signal.SIGKILL), "pause": to(signal.SIGSTOP), "unpause": to(signal.SIGCONT), "terminate": to(signal.SIGTERM),
    "fill": lambda world, step: world.fill(), "tamper": tamper, "boot": lambda world, step: world.boot(),
    "freeze": lambda world, step: world.freeze(), "thaw": lambda world, step: world.thaw(),
    "skew": lambda world, step: world.skew(step.rest),
}
