"""What npm's filesystem server says of its own tools, approved with one command: catalogue.py SCRATCH_DIRECTORY

Before it, a read-only degrade stops its reads, too; after it they go on, and its writes do not. The file on the disk is the proof.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from run import install

BUILD = Path(os.environ["NOTAUS_BUILD"]).resolve()


class Session:
    """One client of the wrapped server."""

    def __init__(self, command, environment):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.asked = 0
        self.ask("initialize", {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}})
        self.send({"jsonrpc": "2.0", "method": "notifications/initialized"})

    def send(self, message):
        self.process.stdin.write(json.dumps(message) + "\n")
        self.process.stdin.flush()

    def ask(self, method, params):
        self.asked += 1
        self.send({"jsonrpc": "2.0", "id": self.asked, "method": method, "params": params})
        for line in self.process.stdout:
            answer = json.loads(line)
            if answer.get("id") == self.asked and "method" not in answer:
                return answer["result"]
        raise AssertionError(f"no answer to {method}")

    def call(self, tool, **arguments):
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})
        return result["content"][0]["text"].splitlines()[0] if result.get("isError") else "ok"


def main(scratch):
    scratch = Path(scratch).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    install(scratch)
    directory = Path(tempfile.mkdtemp(prefix="notaus-catalogue-")).resolve()
    environment = {"PATH": f"{BUILD}:{os.environ['PATH']}", "HOME": str(directory), "NOTAUS_STATE": str(directory / "state")}
    (directory / "files").mkdir()
    note = directory / "files/note"
    note.write_text("before")
    server = ["node", str(scratch / "node_modules/@modelcontextprotocol/server-filesystem/dist/index.js"), str(directory / "files")]

    def notaus(*words, expect=0):
        done = subprocess.run(["notaus", *words], env=environment, capture_output=True, text=True)
        assert done.returncode == expect, f"{words}: exit {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    notaus("init")
    session = Session(["notaus", "mcp", "--tenant", "acme", "--", *server], environment)
    assert session.call("write_file", path=str(note), content="written") == "ok" and note.read_text() == "written"
    stop = json.loads(notaus("stop", "--tenant", "acme", "--reason", "x", "--json"))["record"]["id"]
    assert session.call("read_text_file", path=str(note)) == "killed: writes_disabled:read_text_file"
    notaus("resume", stop, "--reason", "over")

    said = notaus("tools", "approve", "--server", "files", "--", *server).splitlines()
    catalogue = json.loads(notaus("tools", "list", "--json"))["tools"]
    assert said[-1].startswith(f"approved {len(said) - 2} tool(s): {len(catalogue)} become read, 0 become write"), said
    assert catalogue["read_text_file"] == "read" and not {"write_file", "edit_file", "move_file", "create_directory"} & set(catalogue)

    notaus("stop", "--tenant", "acme", "--reason", "y")
    assert session.call("read_text_file", path=str(note)) == "ok"
    assert session.call("list_directory", path=str(note.parent)) == "ok"
    assert session.call("write_file", path=str(note), content="after") == "killed: writes_disabled:write_file"
    assert note.read_text() == "written"
    session.process.stdin.close()
    session.process.wait(30)
    shutil.rmtree(directory)
    print(said[-1])


if __name__ == "__main__":
    main(sys.argv[1])
