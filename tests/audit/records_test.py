"""Every kind of record, made by real commands, and each record against docs/audit.schema.json: records_test.py SCHEMA RECORDS.md"""

import copy
import fcntl
import json
import os
import re
import subprocess
import sys
from pathlib import Path

try:
    import jsonschema
except ImportError:   # Debian's module is there for Debian's Python, and this may be another
    if sys.executable == "/usr/bin/python3":
        raise
    os.execv("/usr/bin/python3", ["/usr/bin/python3", *sys.argv])

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
import world as places  # noqa: E402
from script import Failure  # noqa: E402


class Operator:
    def __init__(self, world):
        self.world = world

    def types(self, *words, exits=(0,)):
        done = subprocess.run([str(self.world.build / "notaus"), *words], env=self.world.environment(), capture_output=True, text=True, timeout=60)
        assert done.returncode in exits, f"notaus {' '.join(words)}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def stop(self, *words, exits=(0, 8)):
        return json.loads(self.types("stop", *words, "--json", exits=exits))["record"]["id"]

    def records(self):
        return [json.loads(line) for line in self.types("audit", "list", "--json").splitlines()]


def newest_segment(world):
    return max((Path(world.state) / "log/wal").iterdir(), key=lambda path: int(re.search(r"\d+", path.name)[0]))


def begun(world):
    if world.events("began", "crm.find") + world.events("ran", "crm.find") == 0:
        raise Failure("the call has not reached its server")


def killed_in_a_call(world, operator):
    """Kills a process that does nothing but ask, until a call of its was under way."""
    def hit():
        flood = subprocess.Popen([world.build / "guards", "flood", "8", "100000000", world.directory / "counts", world.state], stdout=subprocess.PIPE)
        flood.stdout.readline()
        flood.kill()
        flood.wait()
        if not any(record["kind"] == "unclean_start" for record in operator.records()):
            raise Failure("no kill hit a call")

    stop = operator.stop("--tenant", "acme", "--reason", "flood")
    places.until(places.PATIENCE_S, hit)
    operator.types("resume", stop, "--reason", "over")


def happen(world, operator):
    """Everything that leaves a record."""
    world.tools = {"email.send": "write", "crm.find": "read"}
    world.write_config()
    operator.types("init")
    client = world.start_wrapper("a", tenant="acme", agent="mailer")
    call = lambda tool: client.wait(client.call(tool, {"to": "bo"}), places.PATIENCE_S)   # noqa: E731
    call("email.send")
    world.hold("crm.find")
    held = client.call("crm.find", {})
    places.until(places.PATIENCE_S, lambda: begun(world))
    stop = operator.stop("--tenant", "acme", "--mode", "stop_all", "--cancel", "--grace", "60s", "--no-wait", exits=(3,))
    world.release("crm.find")
    client.wait(held, places.PATIENCE_S)
    operator.types("note", stop, "--reason", "duplicate mails")
    for _ in range(40):
        call("email.send")
    client.send("{\"jsonrpc\":")
    operator.types("resume", stop, "--reason", "fixed")
    operator.stop("--tool", "crm.*", "--local", "--reason", "here", exits=(5,))
    operator.types("resume", operator.stop("--tool", "crm.find"), "--reason", "z")
    with open(Path(world.state) / "lock") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        operator.types("stop", "--global", "--reason", "now", "--json", exits=(0, 3, 5, 8))
    latch = next(one["id"] for one in json.loads(operator.types("status", "--json"))["stops"] if one["id"].startswith("latch@"))
    operator.types("resume", latch, "--reason", "over", exits=(0, 3))
    for one in json.loads(operator.types("status", "--json"))["stops"]:
        operator.types("resume", one["id"], "--reason", "over")
    operator.types("tools", "approve", "web.get=read")
    operator.types("tools", "approve", "crm.find=write")
    guards = world.build / "guards"
    flood = subprocess.Popen([guards, "burst", "20000", str(world.state)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(2):
        flood.stdout.readline()
        flood.stdin.write("\n")
        flood.stdin.flush()
    flood.communicate(timeout=60)
    client.close()
    killed_in_a_call(world, operator)
    records = operator.records()
    operator.types("audit", "prune", "--keep", "0s")
    kept = operator.records()
    assert 0 < kept[0]["n"] < len(records) < kept[-1]["n"] + 1, "nothing, or all of it, was pruned"
    records += kept[len(records) - kept[0]["n"]:]
    pruned = kept[0]["n"]
    with open(newest_segment(world), "ab") as segment:
        segment.write(b"cut off")
    operator.types("status")
    records += operator.records()[len(records) - pruned:]
    (Path(world.state) / "log").rename(world.directory / "away")
    operator.types("status")
    return records + operator.records()


def harmed(record):
    yield "a kind it does not know", {**record, "kind": "x"}
    yield "an unknown field", {**record, "surprise": 1}
    yield "no kind", {key: value for key, value in record.items() if key != "kind"}
    yield "no number", {key: value for key, value in record.items() if key != "n"}
    yield "a time that is none", {**record, "at": "yesterday"}
    if "boot" in record:
        yield "a time since no boot", {key: value for key, value in record.items() if key != "boot"}


def complaints(records, schema, written):
    validator = jsonschema.Draft202012Validator(schema)
    known = {branch["$ref"].split("/")[-1] for branch in schema["oneOf"]}
    seen = {record["kind"] for record in records}
    for kind in sorted(known ^ seen):
        yield f"{kind}: {'never seen' if kind in known else 'not in the schema'}"
    for kind in sorted(known ^ written):
        yield f"{kind}: {'not in records.md' if kind in known else 'in records.md alone'}"
    shapes = {(record["kind"], *sorted(record), record.get("outcome")): record for record in records}
    for record in [*shapes.values(), *records[:500]]:
        if not validator.is_valid(record):
            yield f"{record}: {jsonschema.exceptions.best_match(validator.iter_errors(record)).message}"
    for kind in sorted(seen):   # a schema that takes everything proves nothing
        record = next(one for one in records if one["kind"] == kind)
        yield from (f"{kind}: {what} is taken" for what, harm in harmed(copy.deepcopy(record)) if validator.is_valid(harm))


def main():
    schema = json.loads(Path(sys.argv[1]).read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    table = [line.split("|")[1] for line in Path(sys.argv[2]).read_text().splitlines() if line.startswith("| `")]
    world = places.World(os.environ.get("NOTAUS_BUILD", "build/dev"), "records")
    failed = True
    try:
        records = happen(world, Operator(world))
        found = list(complaints(records, schema, set(re.findall(r"`(\w+)`", " ".join(table)))))
        failed = bool(found)
    finally:
        world.close(keep=failed)
    print("\n".join(found) if found else f"{len(records)} records of {len(schema['oneOf'])} kinds")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
