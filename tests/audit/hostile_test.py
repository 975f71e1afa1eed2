"""Whatever bytes a tenant, an agent, a tool, a run or a reason has: no output of any command holds an escape sequence, a control character or
a mark that turns the direction of writing, no line of it is two, and no record has become two: hostile_test.py
"""

import html.parser
import json
import os
import pty
import re
import subprocess
import sys
import threading
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from script import Failure  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402

OBEYED = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\U000e0000-\U000e007f]")
REASON = "why\x1b[2J\nnotaus: resumed\r\u202e\x9b31m{\"kind\":\"stop\"}<script>"


PAGE_TAGS = set("html head meta title style body h1 h2 p strong code table thead tbody tr th td svg text line rect".split())


class Page(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = set(), set()

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)

    def handle_data(self, data):
        self.texts.add(data)


def check(data, what):
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise Failure(f"{what}: not UTF-8: {error}") from error
    if found := OBEYED.search(text):
        raise Failure(f"{what}: U+{ord(found[0]):04X} in {text[max(0, found.start() - 60):found.end() + 20]!r}")
    return text


class Operator:
    def __init__(self, world):
        self.world = world

    def types(self, *words, exits=(0,)):
        """What it prints; both streams are checked."""
        done = subprocess.run([str(self.world.build / "notaus"), *words], env=self.world.environment(), stdin=subprocess.DEVNULL,
                              capture_output=True, timeout=4 * PATIENCE_S)
        what = "notaus " + " ".join(words)[:60]
        text = check(done.stdout, what)
        for line in check(done.stderr, what).splitlines():
            if not line.startswith("notaus: ") and not line.startswith("see: "):
                raise Failure(f"{what!r}: a line of its own on stderr: {line!r}")
        if done.returncode not in exits:
            raise Failure(f"{what!r}: exit {done.returncode}\n{done.stderr.decode()}")
        return text

    def asks(self, *words, exits=(0,)):
        """Both as a person and as a program: the program's lines, parsed."""
        self.types(*words, exits=exits)
        return self.objects(*words, exits=exits)

    def objects(self, *words, exits=(0,)):
        lines = self.types(*words, "--json", exits=exits).split("\n")
        if lines.pop() != "":
            raise Failure(f"{words}: the last line does not end")
        return [json.loads(line) for line in lines]

    def bare_stop(self):
        """On a terminal it names the tenants that are active now."""
        master, slave = pty.openpty()
        process = subprocess.Popen([str(self.world.build / "notaus"), "stop"], env=self.world.environment(), stdin=slave, stdout=slave,
                                   stderr=slave)
        os.close(slave)
        said = b""
        while True:
            try:
                said += os.read(master, 4096)
            except OSError:
                break
        process.wait()
        os.close(master)
        return check(said.replace(b"\r\n", b"\n"), "bare notaus stop")


def equal(found, wanted, what):
    if found != wanted:
        raise Failure(f"{what}: {found}, expected {wanted}")


def tail(operator, *more):
    process = subprocess.Popen([str(operator.world.build / "notaus"), "audit", "tail", *more], env=operator.world.environment(),
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    lines = []
    reader = threading.Thread(target=lambda: lines.extend(process.stdout))
    reader.start()
    until(PATIENCE_S, lambda: equal(len(lines) >= 10, True, "the last ten records"))
    process.kill()
    process.wait()
    reader.join()
    for line in lines:
        check(line, "audit tail")
    return lines


def story(world):
    operator = Operator(world)
    world.write_config()
    operator.types("init")
    odd = subprocess.Popen([world.build / "guards", "odd", world.state], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                           env=world.environment())
    equal(odd.stdout.readline().split(), ["ready"], "the process")
    names = operator.bare_stop()
    equal("red" in names and "script" in names, True, "a terminal is told the tenants")   # control: they are there, harmless
    stopped = operator.objects("stop", "--global", "--mode", "stop_all", "--reason", REASON, exits=(0, 3))[0]
    equal(len(stopped["in_flight"]), 20, "calls in flight")
    equal(stopped["record"]["reason"], REASON, "the reason, as a program reads it")
    odd.stdin.write("\n")
    odd.stdin.flush()
    equal(odd.stdout.readline().split(), ["ready", "20", "20"], "denials")
    operator.types("stop", "--tenant", "q\"\u202e", "--reason", REASON, exits=(0, 2, 8))
    unexplained = operator.objects("stop", "--agent", "a", exits=(0, 8))[0]["record"]["id"]
    operator.asks("stop", "--global", "--dry-run", exits=(0, 8))
    operator.types("note", unexplained, "--reason", REASON)
    operator.objects("note", stopped["record"]["id"], "--reason", REASON, exits=(1,))   # it has one already
    operator.asks("status")
    operator.asks("drain", "--timeout", "10ms", exits=(7,))
    operator.asks("doctor", exits=(0, 1))
    operator.asks("check", "--tool", "a\x1b[31m\u202e", "--tenant", "\x9b", exits=(2, 6))
    operator.types("tools", "list")
    for words in (["check", "--tool", "a\x1b[2J", "--effect", REASON], ["resume", REASON, "--reason", REASON], [REASON], ["stop", REASON],
                  ["audit", "prove", REASON], ["audit", "list", "--since", REASON], ["status", "--state", REASON], ["config", "check", REASON]):
        operator.types(*words, exits=(1, 2))
    odd.stdin.close()
    odd.kill()
    odd.wait()
    records = operator.objects("audit", "list")
    lines = operator.types("audit", "list").splitlines()
    equal(len(lines), len(records), "lines of audit list")
    equal(operator.objects("audit", "verify")[0]["size"], len(records), "records of the log")
    equal([record["n"] for record in records], list(range(len(records))), "their numbers")
    kinds = [record["kind"] for record in records]
    listed = sum(record["kind"] == "inflight" and record["id"] == stopped["record"]["id"] for record in records)
    equal((kinds.count("blocked"), listed, kinds.count("admitted_write")), (20, 20, 40), "records of the calls")
    reasons = {record.get("reason") for record in records if record["kind"] in ("stop", "note")}
    equal(REASON in reasons, True, "a reason comes back whole")
    operator.asks("audit", "report")
    operator.asks("audit", "verify")
    page = Page()
    page.feed(operator.types("audit", "report", "--html"))
    equal(page.tags - PAGE_TAGS, set(), "elements that somebody's name has made")
    equal({"<script>alert(1)</script>", "{{#rows}}{{{.}}}"} <= page.texts, True, "names as they are, on the page")
    equal(len(operator.types("audit", "export").splitlines()), len(records), "records exported")
    for line, record in zip(operator.types("audit", "export", "--format", "ocsf").splitlines(), records):
        equal(json.loads(line)["unmapped"], record, "a record in OCSF")
    tail(operator)
    tail(operator, "--json")
    for record in records:
        if record["kind"] == "blocked":
            proof = Path(world.directory) / "proof"
            proof.write_text(operator.types("audit", "prove", str(record["n"])))
            operator.asks("audit", "verify", "--proof", str(proof))
    operator.asks("resume", "--global", "--reason", REASON, exits=(0, 1))
    print(f"{len(records)} records")


def main():
    with World(os.environ.get("NOTAUS_BUILD", "build/dev"), "hostile") as world:
        story(world)


if __name__ == "__main__":
    try:
        main()
    except Failure as failure:
        sys.exit(f"hostile: {failure}")
