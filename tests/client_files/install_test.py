"""`notaus mcp install` and `uninstall` on the files that clients really have: install_test.py

Each file is installed into, installed into again, and uninstalled: nothing but `command` and `args` may differ, then nothing at all.
What cannot be read changes nothing. A server that was wrapped runs through the wrapper, started as clients start it.
"""

import json
import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
BUILD = Path(os.environ["NOTAUS_BUILD"]).resolve()
NOTAUS = str(BUILD / "notaus")
SERVER = [sys.executable, str(HERE.parent / "play/fake_tool_server.py")]


class Place:
    """A fresh home; nothing is written outside."""

    def __init__(self):
        self.path = Path(tempfile.mkdtemp(prefix="notaus-client-files-")).resolve()
        self.state = self.path / ".local/state/notaus"
        self.environment = {"HOME": str(self.path), "PATH": "/usr/bin:/bin"}

    def notaus(self, *words, expect=0, **more):
        done = subprocess.run([NOTAUS, *map(str, words)], env=self.environment, capture_output=True, text=True, cwd=self.path, timeout=60, **more)
        assert done.returncode == expect, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stderr + done.stdout

    def file(self, name, content):
        path = self.path / name
        path.write_bytes(content)
        return path


def plain(text):
    """JSON, read another way than the product does: comments and last commas away, strings kept."""
    text = re.sub(r'("(?:\\.|[^"\\])*")|//[^\n]*|/\*.*?\*/', lambda found: found[1] or "", text.lstrip("\ufeff"), flags=re.S)
    text = re.sub(r'("(?:\\.|[^"\\])*")|,(?=\s*[}\]])', lambda found: found[1] or "", text)
    return json.loads(text)


def servers(document):
    found = [document.get("mcpServers"), document.get("servers"), (document.get("mcp") or {}).get("servers")]
    found += [project.get("mcpServers") for project in document.get("projects", {}).values()]
    return [(name, entry) for group in found if group for name, entry in group.items()]


def wrapped_as_promised(place, before, after, extra=()):
    """Takes what was put in front off again, and nothing must be left of it."""
    before, after = plain(before), plain(after)
    for (name, old), (_, new) in zip(servers(before), servers(after), strict=True):
        if "command" not in old:
            continue
        assert new["command"] == NOTAUS, new
        named = [f"--server={name}"] if name.startswith("-") else ["--server", name]
        front = ["mcp", "--state", str(place.state), *named, *extra, "--"]
        assert new["args"] == front + [old["command"]] + old.get("args", []), new
        new["command"] = old["command"]
        new.pop("args") if "args" not in old else new.update(args=old["args"])
    assert before == after


def variants():
    for path in sorted((HERE / "files").iterdir()):
        content = path.read_bytes()
        yield path.name, content
        yield "crlf_" + path.name, content.replace(b"\n", b"\r\n")
        yield "bom_" + path.name, b"\xef\xbb\xbf" + content
        yield "tight_" + path.name, content.rstrip()
    huge = plain((HERE / "files/claude_code.json").read_text())
    for number in range(100):
        history = [{"display": f"line {line} \u2028 \U0001f6d1 {{[\"//", "pastedContents": {}} for line in range(100)]
        huge["projects"][f"/home/ana/{number}"] = {"history": history, "mcpServers": {"m": {"command": "npx", "args": ["-y", str(number)]}}}
    yield "huge.json", json.dumps(huge, indent=2, ensure_ascii=False).encode()


def round_trip(place, name, content):
    path = place.file(name, content)
    said = place.notaus("mcp", "install", path)
    wrapped_as_promised(place, content.decode(), path.read_text())
    installed = path.read_bytes()
    assert (place.path / (name + ".before-notaus")).read_bytes() == content
    for server, entry in servers(plain(content.decode())):
        assert "url" not in entry or re.search(rf"NOT COVERED.*{server}", said.splitlines()[-1]), said
    assert "nothing to change" in place.notaus("mcp", "install", path)
    assert path.read_bytes() == installed, f"{name}: a second install changed it"
    place.notaus("mcp", "install", "--tenant", "acme", path)
    wrapped_as_promised(place, content.decode(), path.read_text(), ["--tenant", "acme"])
    place.notaus("mcp", "uninstall", path)
    assert path.read_bytes() == content, f"{name} is not what it was"
    assert not (place.path / (name + ".before-notaus")).exists()
    assert "nothing to take away" in place.notaus("mcp", "uninstall", path)
    assert path.read_bytes() == content


def changed_meanwhile(place):
    """What somebody wrote into it after the install stays."""
    content = (HERE / "files/claude_desktop_config.json").read_bytes()
    path = place.file("changed.json", content)
    place.notaus("mcp", "install", path)
    path.write_bytes(path.read_bytes().replace(b"Cmd+Space", b"Cmd+X"))
    assert "has changed since" in place.notaus("mcp", "uninstall", path)
    left = plain(path.read_text())
    left["mcpServers"]["weather"].pop("args")
    assert left == plain(content.decode().replace("Cmd+Space", "Cmd+X"))
    assert (place.path / "changed.json.before-notaus").read_bytes() == content


def as_it_lay(place):
    """A link stays a link, the mode stays, and the backup, which holds the same secrets, has it too."""
    content = (HERE / "files/cursor_mcp.json").read_bytes()
    (place.path / "dotfiles").mkdir()
    target = place.file("dotfiles/mcp.json", content)
    target.chmod(0o600)
    link = place.path / "link.json"
    link.symlink_to("dotfiles/mcp.json")
    place.notaus("mcp", "install", link)
    assert link.is_symlink() and target.read_bytes() != content
    for path in (target, place.path / "link.json.before-notaus"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path
    assert sorted(os.listdir(place.path / "dotfiles")) == ["mcp.json"]
    place.notaus("mcp", "uninstall", link)
    assert link.is_symlink() and target.read_bytes() == content


def chosen(place):
    """Only the servers that were named; a dry run changes nothing; a wrapper that was written by hand keeps its words."""
    path = place.file("chosen.json", b'{"mcpServers": {"a": {"command": "x"}, "b": {"command": "notaus", "args": ["mcp", "--tenant", "t", "--", "y", "z"]}}}')
    before = path.read_bytes()
    assert "nothing was changed" in place.notaus("mcp", "install", "--dry-run", path)
    assert path.read_bytes() == before and not (place.path / "chosen.json.before-notaus").exists()
    place.notaus("mcp", "install", "--server", "a", path)
    assert plain(path.read_text())["mcpServers"]["b"]["command"] == "notaus"
    place.notaus("mcp", "install", path)
    args = plain(path.read_text())["mcpServers"]["b"]["args"]
    assert args == ["mcp", "--tenant", "t", "--state", str(place.state), "--server", "b", "--", "y", "z"], args
    place.notaus("mcp", "uninstall", path)
    assert path.read_bytes() == before


REFUSED = [   # content, what is said
    (b"", "1:1: expected a value"),
    (b'{"mcpServers": {"a": {"command": "x" "args": []}}}', "1:38: expected a comma"),
    (b'{\n  "mcpServers": {\n    "a": {"command": 7}}}', "3:22: server a: its command is no string"),
    (b'{"mcpServers": {"a": {"command": "x", "args": "y"}}}', "its args are no list"),
    (b'{"mcpServers": {"a": {"command": "x", "args": [1]}}}', "its args are not all strings"),
    (b'{"mcpServers": {"a": {"command": "x", "command": "y"}}}', "1:39: this key stands here twice"),
    (b'{"mcpServers": {"a": {"command": "x", "c\\u006fmmand": "y"}}}', "stands here twice"),
    (b'{"mcpServers": {"a": "x"}}', "server a is no object"),
    (b'{"mcpServers": []}', "mcpServers is no object"),
    (b'{"mcpServers": {}}', "no MCP servers in it"),
    (b'{"other": 1}', "no MCP servers in it"),
    (b"[]", "no MCP servers in it"),
    (b'{"mcpServers": {"a": {"command": "x"}}} x', "1:41: expected the end"),
    (b'{"mcpServers": {"a": {"command": "x"}}', "expected a comma or `}`"),
    (b'{"mcpServers": {"a": {"command": "\xff"}}}', "not a JSON string"),
    (b'{ /* ', "a comment without an end"),
    (b"[" * 100_000, "nested too deeply"),
]


def refused(place):
    good = place.file("good.json", b'{"servers": {"a": {"command": "x"}}}')
    for number, (content, wanted) in enumerate(REFUSED):
        path = place.file(f"refused{number}.json", content)
        said = place.notaus("mcp", "install", good, path, expect=1)
        assert wanted in said and path.name in said and "nothing was changed" in said, f"{content[:60]}: {said}"
        assert path.read_bytes() == content
    assert good.read_bytes() == b'{"servers": {"a": {"command": "x"}}}', "the good file was changed beside a bad one"
    assert "No such file" in place.notaus("mcp", "install", place.path / "missing.json", expect=1)
    assert "no server b in it" in place.notaus("mcp", "install", "--server", "b", good, expect=1)
    place.notaus("mcp", "install", expect=2)
    url = place.file("url.json", b'{"servers": {"a": {"url": "x"}}}')
    assert "NOT COVERED" in place.notaus("mcp", "install", url, expect=1)
    assert not list(place.path.glob("*.before-notaus"))
    assert not place.state.exists(), "a refused install made a state"


def runs(place):
    """As a client starts it: HOME and PATH, from anywhere. The tool that ran is the proof; a stop is the negative control."""
    config = {"mcpServers": {"two words": {"command": SERVER[0], "args": [SERVER[1], str(place.path / "tools/one")], "env": {"A": "b"}}}}
    path = place.file("runs.json", json.dumps(config).encode())
    said = place.notaus("mcp", "install", path)
    entry = json.loads(path.read_text())["mcpServers"]["two words"]
    assert called(place, entry) == 1
    assert json.loads(place.notaus("status", "--json").splitlines()[-1])["revision"] is not None
    place.notaus("stop", "--global", "--reason", "x", expect=8)
    assert called(place, entry) == 1, "it ran although everything is stopped"
    stop = json.loads(place.notaus("status", "--json").splitlines()[-1])["stops"][0]["id"]
    place.notaus("resume", stop, "--reason", "over")
    approve = next(line for line in said.splitlines() if "tools approve" in line).split("    #")[0].strip()
    done = subprocess.run(["bash", "-c", approve], env={**place.environment, "PATH": f"{BUILD}:/usr/bin:/bin"}, capture_output=True, text=True)
    assert "2 become read" in done.stdout, done.stdout + done.stderr


def called(place, entry):
    lines = [{"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}},
             {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "email.send", "arguments": {}}}]
    done = subprocess.run([entry["command"], *entry["args"]], env=place.environment, cwd="/", input="".join(json.dumps(line) + "\n" for line in lines),
                          capture_output=True, text=True, timeout=60)
    assert '"id":2' in done.stdout.replace(" ", ""), done.stdout + done.stderr
    ran = place.path / "tools/one/ran"
    return len(ran.read_text().splitlines()) if ran.exists() else 0


def main():
    place = Place()
    refused(place)
    count = 0
    for name, content in variants():
        round_trip(place, name, content)
        count += 1
    for part in (changed_meanwhile, as_it_lay, chosen, runs):
        part(place)
    shutil.rmtree(place.path)
    print(f"{count} files there and back, {len(REFUSED)} refused")


if __name__ == "__main__":
    main()
