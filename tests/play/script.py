"""Reads a scenario: lines of text into steps. What a step means is in verbs.py; the words are explained in tests/scenarios/README.md."""

import re
from dataclasses import dataclass, field

LOOKS = ("exit", "says", "json", "save")  # what may follow a command, beside its output


class Mistake(Exception):
    """The scenario itself is wrong."""


class Failure(Exception):
    """The product is."""


@dataclass
class Step:
    line: int
    verb: str
    rest: str
    text: str
    within: float = 0.0                        # seconds to try for; 0: once
    block: list = field(default_factory=list)  # "| " lines
    looks: list = field(default_factory=list)  # of a command: Steps


def parse(source):
    steps, above = [], None
    for number, text in enumerate(source.splitlines(), 1):
        text = text.strip()
        if not text or text.startswith("#"):
            continue
        if text == "|" or text.startswith("| "):
            if above is None:
                raise Mistake(f"{number}: nothing above this line puts anything out")
            above.block.append(text[2:])
            continue
        step = one(number, text)
        if step.verb in LOOKS:
            if not steps or steps[-1].verb not in ("$", "!"):
                raise Mistake(f"{number}: `{step.verb}` looks at a command, and there is none above it")
            steps[-1].looks.append(step)
        else:
            steps.append(step)
            above = step
    return steps


def one(number, text):
    within, rest = 0.0, text
    if found := re.match(r"within (\d+(?:\.\d+)?)s (.*)", text):
        within, rest = float(found[1]), found[2]
    verb, _, rest = rest.partition(" ")
    return Step(number, verb, rest.strip(), text, within)


def options(words):
    """["tenant=acme", "era=new"] -> {"tenant": "acme", "era": "new"}"""
    for word in words:
        if "=" not in word:
            raise Mistake(f"`{word}` is not name=value")
    return dict(word.split("=", 1) for word in words)


def line_matches(pattern, line):
    """`~` stands for any one field, `...` at the end for the rest."""
    pattern = pattern.rstrip()
    rest = pattern.endswith("...")
    parts = (pattern[:-3] if rest else pattern).split("~")
    expression = r"\S+".join(re.escape(part) for part in parts) + (".*" if rest else "")
    return re.fullmatch(expression, line.rstrip()) is not None


def lines_match(patterns, lines):
    """In order and all of them; a line `...` stands for any number of lines."""
    if not patterns:
        return not lines
    if patterns[0].strip() == "...":
        return any(lines_match(patterns[1:], lines[skipped:]) for skipped in range(len(lines) + 1))
    return bool(lines) and line_matches(patterns[0], lines[0]) and lines_match(patterns[1:], lines[1:])


def walk(value, path):
    """The value at `a.b[0].c`; `[*]` takes all, `#` at the end counts. Absent is None."""
    for part in re.findall(r"[^.\[\]]+|\[\d+\]|\[\*\]", path):
        if part == "#":
            value = len(value)
        elif part == "[*]":
            value = Many(value or [])
        elif part.startswith("["):
            index = int(part[1:-1])
            value = value[index] if isinstance(value, list) and index < len(value) else None
        elif isinstance(value, Many):
            value = Many(each.get(part) for each in value)
        else:
            value = value.get(part) if isinstance(value, dict) else None
    return value


class Many(list):
    """What `[*]` found: a list of which each element is looked at."""


def compare(left, operator, right):
    if operator == "==":
        return left == right
    if operator == "!=":
        return left != right
    if operator == "has":
        if isinstance(left, list):
            return any(right == each or (isinstance(each, str) and str(right) in each) for each in left)
        return left is not None and str(right) in str(left)
    if operator in (">=", "<="):
        return left is not None and (left >= right if operator == ">=" else left <= right)
    raise Mistake(f"`{operator}` is none of == != has >= <=")
