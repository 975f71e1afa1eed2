"""What Tab does in real shells: shells_test.py SOURCE_DIR BUILD_DIR

Each shell gets a line and a Tab on a terminal of its own; then the line is run with `printf` in front, which tells what words it had
become. A name that a stranger chose must come out as one word that runs nothing.
"""

import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PATIENCE_S = 60
HOSTILE = "evil;touch pwned $(touch pwned)"
CONFIG = f"""
tools: {{ crm.find: read, email.send: write }}
agents:
  - {{ token_sha256: "{'0' * 64}", tenant: acme, agent: mailer }}
  - {{ token_sha256: "{'1' * 64}", tenant: "eu:globex", agent: mailer }}
  - {{ token_sha256: "{'2' * 64}", tenant: "{HOSTILE}", agent: mailer }}
servers:
  mail: {{ command: ["true"] }}
"""

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source {completions}/notaus.bash"),
    "zsh": (["zsh", "-f", "-i"], "fpath=({completions} $fpath); autoload -U compinit; compinit -u -D"),
    "fish": (["fish", "--no-config", "-i"], "source {completions}/notaus.fish"),
}


class Terminal:
    def __init__(self, shell, completions, environment, directory):
        command, setup = SHELLS[shell]
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(command[0], command, environment)
        self.said = ""
        self.run(setup.format(completions=completions))

    def send(self, text):
        os.write(self.fd, text.encode())

    def until(self, pattern):
        deadline = time.monotonic() + PATIENCE_S
        while not (found := re.search(pattern, self.said, re.S)):
            ready, _, _ = select.select([self.fd], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise AssertionError(f"no {pattern!r} in {self.said!r}")
            self.said += os.read(self.fd, 1 << 16).decode(errors="replace")
            if "\x1b[c" in self.said or "\x1b[0c" in self.said:   # fish asks what terminal this is
                self.said = self.said.replace("\x1b[c", "").replace("\x1b[0c", "")
                self.send("\x1b[?6c")
        return found

    def run(self, line):
        self.said = ""
        self.send(line + "; printf '<%s>' re''ady\r")
        self.until("<ready>")

    def completed(self, line):
        """The words that LINE has become after a Tab."""
        self.said = ""
        self.send(line + "\t\x01printf '[%s]' BEGIN \x05 END\r")
        return re.findall(r"\[(.*?)\]", self.until(r"\[BEGIN\](.*?)\[END\]")[1], re.S)

    def close(self):
        os.kill(self.pid, 9)
        os.waitpid(self.pid, 0)
        os.close(self.fd)


def cases(stop):
    return [
        ("notaus res", ["notaus", "resume"]),
        ("notaus tools app", ["notaus", "tools", "approve"]),
        ("notaus stop --ten", ["notaus", "stop", "--tenant"]),
        ("notaus resume ", ["notaus", "resume", stop]),
        ("notaus audit list --stop ", ["notaus", "audit", "list", "--stop", stop]),
        ("notaus stop --tenant ac", ["notaus", "stop", "--tenant", "acme"]),
        ("notaus stop --tenant=ac", ["notaus", "stop", "--tenant=acme"]),
        ("notaus stop --tenant eu:gl", ["notaus", "stop", "--tenant", "eu:globex"]),
        ("notaus stop --tenant ev", ["notaus", "stop", "--tenant", HOSTILE]),
        ("notaus stop --tool crm", ["notaus", "stop", "--tool", "crm.find"]),
        ("notaus check --effect w", ["notaus", "check", "--effect", "write"]),
        ("notaus mcp --server ", ["notaus", "mcp", "--server", "mail"]),
        ("notaus mcp install clie", ["notaus", "mcp", "install", "client.json"]),
        ("notaus demo-", ["notaus", "demo-"]),                              # what nobody types is not offered
        ("notaus resume --state nowhere ", ["notaus", "resume", "--state", "nowhere", "--"]),  # and nothing is made there
    ]


def main(source, build):
    directory = Path(tempfile.mkdtemp(prefix="notaus-completions-"))
    (directory / "client.json").write_text("{}")
    (directory / "notaus.yaml").write_text(CONFIG)
    environment = {"PATH": f"{Path(build).resolve()}:/usr/bin:/bin", "HOME": str(directory), "TERM": "xterm", "LANG": "C.UTF-8", "PS1": "$ ",
                   "NOTAUS_STATE": str(directory / "state"), "NOTAUS_CONFIG": str(directory / "notaus.yaml")}
    subprocess.run(["notaus", "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["notaus", "stop", "--tenant", "acme", "--reason", "it's; $(touch pwned)"], env=environment, stdout=subprocess.DEVNULL)
    status = subprocess.run(["notaus", "status", "--json"], env=environment, check=True, capture_output=True, text=True).stdout
    stop = re.search(r'"id":"([^"]+)"', status)[1]
    wrong = []
    for shell in SHELLS:
        terminal = Terminal(shell, Path(source).resolve() / "packaging/completions", environment, directory)
        for line, wanted in cases(stop):
            got = terminal.completed(line)
            if got != wanted:
                wrong.append(f"{shell}: {line!r} became {got}, expected {wanted}")
        terminal.close()
    for made in ("pwned", "nowhere"):
        if (directory / made).exists():
            wrong.append(f"something made {made}")
    print("\n".join(wrong) or f"{len(SHELLS)} shells, {len(cases(stop))} lines each")
    shutil.rmtree(directory)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
