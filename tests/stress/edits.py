"""Every small wrong edit of a C++ source, one place at a time: statements deleted, conditions negated, operators exchanged, answers
replaced. It reads text, not C++: an edit that does not compile is no mutant, and whoever builds them finds out."""

import re
from dataclasses import dataclass

SWAPS = {"&&": "||", "||": "&&", "==": "!=", "!=": "==", "<": "<=", "<=": "<", ">": ">=", ">=": ">", "+": "-", "-": "+", "&": "|", "|": "&"}
OPERATOR = re.compile(r"(?<=\s)(&&|\|\||==|!=|<=|>=|<|>|\+|-|&|\|)(?=\s)")
COMMENT_OR_TEXT = re.compile(r"//[^\n]*|/\*.*?\*/|^[ \t]*#[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])+'", re.S | re.M)
NO_BODY = re.compile(r"^\s*(?:extern\b|template\s*<[^{]*>\s*)?(?:inline\s+)?(namespace|class|struct|union|enum)\b[^()]*$")
DECLARES = re.compile(r"(?:const|constexpr|static|static_assert|auto|struct|using)\b|[\w:<>*&, ]+[\w>&*] \w+(?: = |;|\{)")
PREFIX = re.compile(r"\s*(?:else\b|do\b|case\b[^:]*:(?!:)|default\s*:|\[\[\w+\]\])")
HEAD = re.compile(r"\s*(?:if|for|while|switch)\b\s*(?:constexpr\s*)?\(")
CLOSES = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class Edit:
    line: str  # the text of the line it is made in, which names it when lines have moved
    how: str
    start: int
    end: int
    wrong: str

    def apply(self, text):
        return text[:self.start] + self.wrong + text[self.end:]


def edits(text):
    """All of them, in the order of the text."""
    code = COMMENT_OR_TEXT.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), text)
    pairs = match_pairs(code)
    inside = bodies(code, pairs)
    negated = [(how, start, end, negation(text, code, start, end)) for how, start, end in (*conditions(code, pairs), *choices(code, pairs))]
    alone = {(start, end) for _, start, end, _ in negated if not re.search(r"&&|\|\|", code[start:end])}
    inner = [(how, start, *rest) for how, start, *rest in operators(code)
             if not (how.split()[-1] in ("==", "!=", "!") and any(begin <= start < end for begin, end in alone))]
    stated = [(how, start, end, negation(text, code, start, end) if wrong is None else wrong) for how, start, end, wrong in statements(code, pairs)]
    found = [*stated, *negated, *inner, *words(code)]
    out, seen = [], set()
    for how, start, end, wrong in sorted(found, key=lambda each: (each[1], each[0])):
        if not inside[start] or (start, end, wrong) in seen:
            continue
        seen.add((start, end, wrong))
        line = code[code.rfind("\n", 0, start) + 1:code.find("\n", start)]
        at = text.rfind("\n", 0, start) + 1
        out.append(Edit(text[at:at + len(line.rstrip())].strip(), how, start, end, wrong))
    return numbered(out)


def numbered(found):
    """The second of the same kind in a line is called so."""
    count, out = {}, []
    for edit in found:
        times = count[edit.line, edit.how] = count.get((edit.line, edit.how), 0) + 1
        out.append(edit if times == 1 else Edit(edit.line, f"{edit.how} #{times}", edit.start, edit.end, edit.wrong))
    return out


def match_pairs(code):
    """Where the bracket at a place is closed, and the other way round."""
    pairs, stack = {}, []
    for at, char in enumerate(code):
        if char in "([{":
            stack.append(at)
        elif char in CLOSES and stack:
            opened = stack.pop()
            pairs[opened], pairs[at] = at, opened
    return pairs


def bodies(code, pairs):
    """For each place, whether it lies in the body of a function."""
    inside, depth, ends = [], 0, []
    for at, char in enumerate(code):
        if char == "{" and at in pairs:
            before = code[max(code.rfind(mark, 0, at) for mark in ";{}") + 1:at]
            if not NO_BODY.match(before):
                depth += 1
                ends.append(pairs[at])
        inside.append(depth > 0)
        if ends and at == ends[-1]:
            ends.pop()
            depth -= 1
    return inside


def is_block(code, pairs, closing):
    """Does this brace close a block of statements, not a list of values or a lambda's body?"""
    before = code[:pairs[closing]].rstrip()
    if before.endswith(")"):
        return not code[:pairs[len(before) - 1]].rstrip().endswith("]")
    return before.endswith(("else", "do", "const", "noexcept", "try", ";", "{", "}", ":", "]]"))


def statement_start(code, pairs, end):
    """Of the statement whose semicolon stands at `end`."""
    at = end - 1
    while at >= 0:
        if code[at] in CLOSES and at in pairs:
            if code[at] == "}" and is_block(code, pairs, at):
                break
            at = pairs[at]
        elif code[at] in ";{(":
            break
        at -= 1
    at += 1
    while True:  # behind what it depends on
        if found := HEAD.match(code, at):
            at = pairs[found.end() - 1] + 1
        elif found := PREFIX.match(code, at):
            at = found.end()
        else:
            return at + len(re.match(r"\s*", code[at:])[0])


def statements(code, pairs):
    heads = [(found.end() - 1, pairs[found.end() - 1]) for found in re.finditer(r"\b(?:for|if|while|switch)\s*\(", code)]
    for found in re.finditer(";", code):
        end = found.start()
        if any(opened < end < closed for opened, closed in heads):
            continue
        start = statement_start(code, pairs, end)
        statement = code[start:end]
        if not statement.strip() or DECLARES.match(statement + ";"):
            continue
        answer = re.match(r"return\b\s*", statement)
        if not answer:
            yield "delete", start, end + 1, ";"
            continue
        if not re.match(r"\s*\}", code[end + 1:]):
            yield "delete", start, end + 1, ";"
        value = (start + answer.end(), end)
        if code[value[0]:value[1]] in ("", "{}", "std::nullopt", "true", "false"):
            continue
        if returns_bool(code, pairs, start):
            yield "negate", *value, None
        else:
            yield "return {}", *value, "{}"


def returns_bool(code, pairs, at):
    """Does the function or lambda around this place say that it returns bool?"""
    opened = at
    while opened > 0:
        opened -= 1
        if code[opened] in CLOSES and opened in pairs:
            opened = pairs[opened]
        elif code[opened] == "{":
            head = code[max(code.rfind(mark, 0, opened) for mark in ";{}") + 1:opened]
            if re.search(r"\b(if|for|while|else|switch|do|try|catch)\b", head) and not head.rstrip().endswith("]"):
                continue
            return bool(re.search(r"\bbool\s+[\w:]+\s*\(", head))
    return False


def negation(text, code, start, end):
    named = re.match(r"\s*auto\*? (\w+) = ", code[start:end])  # if (auto x = f())
    if named:
        return f"{text[start:end]}; !{named[1]}"
    return f"!({text[start:start + len(code[start:end].rstrip())]}) "


def conditions(code, pairs):
    for found in re.finditer(r"\b(if|while)\s*\(", code):
        opened = found.end() - 1
        closed = pairs[opened]
        start = opened + 1
        for mark in re.finditer(";", code[start:closed]):
            start = opened + 1 + mark.end()
        condition = code[start:closed]
        if found[1] == "if" or condition.strip() != "true":
            yield "negate", start, closed


def choices(code, pairs):
    """c ? a : b"""
    for found in re.finditer(r"(?<=\s)\?(?=\s)", code):
        at = found.start() - 1
        while at > 0:
            if code[at] in CLOSES and at in pairs:
                at = pairs[at]
            elif code[at] in "(,;{[" or code[at - 1:at + 2] in (" = ", " : ", " ? ") or code[at - 6:at] == "return":
                break
            at -= 1
        start = at + 1 + len(re.match(r"\s*", code[at + 1:])[0])
        yield "negate ?", start, found.start()


def operators(code):
    for found in OPERATOR.finditer(code):
        yield f"{found[0]} to {SWAPS[found[0]]}", found.start(), found.end(), SWAPS[found[0]]
    for found in re.finditer(r"(?<=[\s(])!(?=[\w(*])", code):
        yield "drop !", found.start(), found.end(), ""
    for found in re.finditer(r"(?<=[\w)\]])(?:\+\+|--)", code):
        yield f"drop {found[0]}", found.start(), found.end(), ""
    for found in re.finditer(r"~(?=[\w(])", code):
        yield "drop ~", found.start(), found.end(), ""


def words(code):
    for found in re.finditer(r"\b(true|false)\b", code):
        wrong = {"true": "false", "false": "true"}[found[0]]
        yield f"{found[0]} to {wrong}", found.start(), found.end(), wrong
