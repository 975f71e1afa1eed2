"""One scenario's world: a fresh directory, the product's processes in it, and everything that can be done to them."""

import json
import os
import pwd
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from client import Client
from script import Failure, Mistake

PATIENCE_S = 30   # for what must come; no test is decided by it
HERE = Path(__file__).resolve().parent


class World:
    def __init__(self, build, name):
        self.build = Path(build).resolve()
        self.directory = Path(tempfile.mkdtemp(prefix=f"notaus-{name}-"))
        self.directory.chmod(0o755)
        self.state = self.directory / "state"
        self.home = self.directory / "home"
        self.home.mkdir()
        (self.directory / "hold").mkdir()
        self.saved, self.tools, self.config = {}, {}, []
        self.wrappers, self.pending = {}, {}
        self.prefix, self.preload = [], {}
        self.mounts = []

    # --- what processes see ---

    def environment(self):
        path = f"{self.build}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        base = {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8", "NO_COLOR": "1", "DIR": str(self.directory),
                "TOOL_SERVER": f"{sys.executable} {HERE / 'fake_tool_server.py'}",
                "USER": pwd.getpwuid(os.getuid()).pw_name, "NOTAUS_STATE": str(self.state),
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", ""), "TSAN_OPTIONS": os.environ.get("TSAN_OPTIONS", "")}
        if self.config_file().exists():
            base["NOTAUS_CONFIG"] = str(self.config_file())
        return {**base, **self.preload, **self.saved}

    def config_file(self):
        return self.directory / "notaus.yaml"

    def write_config(self):
        lines = list(self.config)
        if self.tools:
            lines += ["tools:"] + [f'  "{name}": {effect}' for name, effect in self.tools.items()]
        if lines:
            self.config_file().write_text("\n".join(lines) + "\n")

    def shell(self, command):
        """What an operator types, and what comes back."""
        done = subprocess.run([*self.prefix, "/bin/sh", "-c", command], env=self.environment(), cwd=self.directory,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=4 * PATIENCE_S)
        with open(self.directory / "transcript", "a") as transcript:
            transcript.write(f"$ {command}\n{done.stdout}{done.stderr}[exit {done.returncode}]\n")
        return done

    # --- wrappers and the tools behind them ---

    def start_wrapper(self, name, tenant=None, agent=None, era="old", state=None, greet=True):
        """The real `notaus mcp` around a tool server that counts; nothing in the environment but what an MCP client passes on."""
        command = [*self.prefix, str(self.build / "notaus"), "mcp", "--state", str(self.directory / state if state else self.state)]
        if self.config_file().exists():
            command += ["--config", str(self.config_file())]
        command += ["--tenant", tenant] if tenant else []
        command += ["--agent", agent] if agent else []
        command += ["--", sys.executable, str(HERE / "fake_tool_server.py"), str(self.directory / "tools" / name)]
        environment = {key: value for key, value in self.environment().items() if not key.startswith("NOTAUS_")}
        with open(self.directory / f"stderr.{name}", "ab") as stderr:
            client = Client(command, stderr, era, env=environment, cwd=self.directory)
        self.wrappers[name] = client
        if greet and not client.greet(PATIENCE_S):
            raise Failure(f"wrapper {name} did not come up:\n{self.stderr_of(name)}")
        return client

    def wrapper(self, name):
        if name not in self.wrappers:
            raise Mistake(f"no wrapper `{name}`")
        return self.wrappers[name]

    def stderr_of(self, name):
        return (self.directory / f"stderr.{name}").read_text(errors="replace")

    def events(self, event, tool, wrapper="*"):
        lines = [line for file in self.directory.glob(f"tools/{wrapper}/ran") for line in file.read_text().splitlines()]
        return sum(1 for line in map(json.loads, lines) if line["event"] == event and line["tool"] == tool)

    def received(self, name):
        return (self.directory / "tools" / name / "received").read_bytes().split(b"\n")

    def hold(self, tool):
        (self.directory / "hold" / tool).touch()

    def release(self, tool):
        (self.directory / "hold" / tool).unlink(missing_ok=True)

    # --- faults ---

    def processes(self, name, part):
        """Which process is meant: the wrapper itself, or the tool server behind it."""
        if part in ("", "wrapper"):
            return self.wrapper(name).process.pid
        if part == "tool":
            return int((self.directory / "tools" / name / "pid").read_text())
        raise Mistake(f"`{part}` is neither wrapper nor tool")

    def signal(self, name, part, number):
        os.kill(self.processes(name, part), number)
        if number == signal.SIGKILL and part != "tool":
            self.wrapper(name).process.wait(PATIENCE_S)

    def mount_small(self, size):
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(self.small())], check=True)
        self.mounts.append(self.small())
        self.state = self.small() / "state"

    def small(self):
        path = self.directory / "small"
        path.mkdir(exist_ok=True)
        return path

    def fill(self):
        """Until not one byte more fits."""
        with open(self.small() / "filler", "ab", buffering=0) as filler:
            for size in (1 << 16, 1 << 12, 1):
                try:
                    while True:
                        filler.write(b"x" * size)
                except OSError:
                    pass

    def tamper(self, file, how):
        path = self.state / file
        if not path.exists():
            raise Failure(f"there is no {path}")
        if how == "delete":
            path.unlink()
        elif how == "truncate":
            os.truncate(path, path.stat().st_size // 2)
        elif how in ("garbage", "zeros", "tear"):
            overwrite(path, how)
        else:
            raise Mistake(f"`{how}` is none of delete truncate garbage zeros tear")

    def boot(self):
        """Every process is gone and the kernel calls itself by another name."""
        for name, client in self.wrappers.items():
            if client.process.poll() is None:
                self.signal(name, "wrapper", signal.SIGKILL)
            client.close()
        other = self.directory / "boot_id"
        other.write_text("deadbeef-0000-4000-8000-00000000beef\n")
        script = f'mount --bind {shlex.quote(str(other))} /proc/sys/kernel/random/boot_id && exec "$@"'
        self.prefix = ["unshare", "--mount", "/bin/sh", "-c", script, "sh"]

    def skew(self, by):
        """The wall clock only; the clock that counts since boot goes on."""
        self.preload = {"LD_PRELOAD": str(libfaketime()), "FAKETIME": by, "FAKETIME_DONT_FAKE_MONOTONIC": "1", "FAKETIME_DISABLE_SHM": "1"}

    # --- the end ---

    def close(self, keep):
        for tool in list((self.directory / "hold").iterdir()):
            tool.unlink()
        for client in self.wrappers.values():
            if client.process.poll() is None:
                client.process.send_signal(signal.SIGCONT)
            client.close()
        for pid in self.directory.glob("tools/*/pid"):
            end(int(pid.read_text()), str(self.directory))
        for mount in self.mounts:
            if keep:
                shutil.copytree(mount, f"{mount}.kept", ignore=shutil.ignore_patterns("filler"))
            subprocess.run(["umount", "-l", str(mount)], check=False)
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)


def end(pid, directory):
    """A tool server that outlived its wrapper; the number may be someone else's by now."""
    try:
        if directory.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)
    except (FileNotFoundError, ProcessLookupError):
        pass


def overwrite(path, how):
    """In place, as a bad disk does: the file keeps its length."""
    size = path.stat().st_size
    start, length = (size // 2, min(4096, size - size // 2)) if how == "tear" else (0, size)
    content = bytes(length) if how == "zeros" else os.urandom(length)
    with open(path, "r+b") as file:
        file.seek(start)
        file.write(content)


def libfaketime():
    found = sorted([*Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), *Path("/usr/lib").glob("faketime/libfaketime.so.1")])
    return found[0] if found else None


def until(deadline_s, attempt):
    """Tries again until it succeeds; the last failure if it never does."""
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            return attempt()
        except Failure:
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.02)
