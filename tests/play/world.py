"""One scenario's world: a fresh directory, the product's processes in it, and everything that can be done to them."""

import json
import os
import pwd
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from client import Client
from http_agent import Agent
from mcp_agent import McpAgent
from script import Failure, Mistake

PATIENCE_S = float(os.environ.get("PLAY_PATIENCE_S", 30))   # for what must come; no test is decided by it
HERE = Path(__file__).resolve().parent
STUBBORN = """trap '' TERM; for who in 1 2; do (trap '' TERM; echo $BASHPID >> $0; while :; do sleep 0.1; done) & done; echo $$ >> $0; "$@"; wait"""


class Server:
    """A process that somebody else talks to."""

    def __init__(self, command, stderr, **options):
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stderr, **options)

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


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
        self.wrappers, self.pending, self.agents = {}, {}, {}
        self.prefix, self.preload = [], {}
        self.mounts = []
        self.frozen = None
        self.shadowed = "TSAN_OPTIONS" in os.environ   # much of a process's memory is then ThreadSanitizer's

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
            text = "\n".join(lines) + "\n"
            self.config_file().write_text(re.sub(r"\$(\w+)", lambda found: self.saved.get(found[1], found[0]), text))

    def shell(self, command):
        """What an operator types, and what comes back."""
        done = subprocess.run([*self.prefix, "/bin/sh", "-c", command], env=self.environment(), cwd=self.directory,
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=4 * PATIENCE_S)
        with open(self.directory / "transcript", "a") as transcript:
            transcript.write(f"$ {command}\n{done.stdout}{done.stderr}[exit {done.returncode}]\n")
        return done

    # --- wrappers and the tools behind them ---

    def start_wrapper(self, name, tenant=None, agent=None, era="old", state=None, greet=True, fast=False, stubborn=False):
        """The real `notaus mcp` around a tool server that counts; nothing in the environment but what an MCP client passes on. `stubborn`: the server
        ends neither by the end of its input nor by SIGTERM, nor does what it has started; their numbers are in $DIR/pids."""
        command = [*self.prefix, str(self.build / "notaus"), "mcp", "--state", str(self.directory / state if state else self.state)]
        if self.config_file().exists():
            command += ["--config", str(self.config_file())]
        command += ["--tenant", tenant] if tenant else []
        command += ["--agent", agent] if agent else []
        server = [sys.executable, str(HERE / "fake_tool_server.py"), str(self.directory / "tools" / name)]
        command += ["--", *(["/bin/bash", "-c", STUBBORN, str(self.directory / "pids"), *server] if stubborn else server)]
        command += ["--fast"] if fast else []
        environment = {key: value for key, value in self.environment().items() if not key.startswith("NOTAUS_")}
        with open(self.directory / f"stderr.{name}", "ab") as stderr:
            client = Client(command, stderr, era, env=environment, cwd=self.directory)
        self.wrappers[name] = client
        if greet and not client.greet(PATIENCE_S):
            raise Failure(f"wrapper {name} did not come up:\n{self.stderr_of(name)}")
        return client

    # --- the gate for HTTP and the tools behind it ---

    def start_upstream(self, name, speaks="http"):
        """A tool server that counts; its URL is $NAME from now on."""
        directory = self.directory / "tools" / name
        program = {"http": "fake_http_tool.py", "mcp": "fake_mcp_server.py"}[speaks]
        process = Server([sys.executable, str(HERE / program), str(directory)], subprocess.DEVNULL)
        self.wrappers[name] = process
        until(PATIENCE_S, lambda: exists(directory / "port"))
        self.saved[name] = f"http://127.0.0.1:{(directory / 'port').read_text()}"

    def start_up(self):
        """The real `notaus up`; where it listens is $GATE from now on."""
        stderr = self.directory / "stderr.up"
        began = stderr.stat().st_size if stderr.exists() else 0
        with open(stderr, "ab") as file:
            self.wrappers["up"] = Server([*self.prefix, str(self.build / "notaus"), "up"], file, env=self.environment(), cwd=self.directory)
        said = until(PATIENCE_S, lambda: match(r"up: .*gate=(\S+)", self.stderr_of("up")[began:]))
        self.saved["GATE"], self.saved["UP_PID"] = said[1], str(self.wrappers["up"].process.pid)

    def start_proxy(self, name):
        """Debian's nginx or caddy in front of the first upstream, as examples/forward_auth sets it up; $GATE is its address from now on."""
        with socket.create_server(("127.0.0.1", 0)) as free:
            address = f"127.0.0.1:{free.getsockname()[1]}"
        example = HERE.parent.parent / "examples" / "forward_auth" / {"nginx": "nginx.conf", "caddy": "Caddyfile"}[name]
        self.gate = getattr(self, "gate", self.saved["GATE"])
        tool = next(value for value in self.saved.values() if value.startswith("http://")).removeprefix("http://")
        text = example.read_text()
        for old, new in (("127.0.0.1:8787", self.gate), ("127.0.0.1:9000", tool), ("127.0.0.1:8080", address)):
            text = text.replace(old, new)
        file = self.directory / example.name
        file.write_text(text)
        command = {"nginx": ["nginx", "-e", "stderr", "-p", str(self.directory), "-c", str(file), "-g", f"daemon off; pid {self.directory}/nginx.pid;"],
                   "caddy": ["caddy", "run", "--config", str(file), "--adapter", "caddyfile"]}[name]
        with open(self.directory / f"stderr.{name}", "ab") as stderr:
            self.wrappers[name] = Server(command, stderr, env=self.environment(), cwd=self.directory)
        until(PATIENCE_S, lambda: listens(address))
        self.saved["GATE"] = address

    def start_agent(self, name, server, era="old", token=None):
        """An MCP client of the gate."""
        client = McpAgent(self.saved["GATE"], server, era, token)
        self.wrappers[name] = client
        if not client.greet(PATIENCE_S):
            raise Failure(f"{name} was not greeted: {client.answers}")

    def agent(self):
        if "GATE" not in self.saved:
            raise Mistake("no `up` yet")
        return self.agents.setdefault(self.saved["GATE"], Agent(self.saved["GATE"]))

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

    def mount_loop(self):
        """A file system of its own, which can be frozen: ext4 in a file."""
        image, disk = self.directory / "disk.img", self.directory / "disk"
        disk.mkdir()
        with open(image, "wb") as file:
            file.truncate(32 << 20)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        subprocess.run(["mount", "-o", "loop", str(image), str(disk)], check=True)
        self.mounts.append(disk)
        self.state = disk / "state"

    def live_on_tmpfs(self):
        """As packaging does it for the system's state: `live` is a link into memory. Before anyone uses it."""
        if not (self.state / "live").is_dir():
            raise Failure(f"there is no {self.state}/live")
        memory = self.directory / "memory"
        memory.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(memory)], check=True)
        self.mounts.append(memory)
        shutil.move(self.state / "live", memory / "live")
        (self.state / "live").symlink_to(memory / "live")

    def freeze(self):
        """Every write to the state's disk waits, and whoever waits cannot be killed."""
        subprocess.run(["fsfreeze", "--freeze", str(self.directory / "disk")], check=True)
        self.frozen = self.directory / "disk"

    def thaw(self):
        if self.frozen:
            subprocess.run(["fsfreeze", "--unfreeze", str(self.frozen)], check=True)
        self.frozen = None

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
        self.preload = skewed(self.build, by)

    # --- the end ---

    def __enter__(self):
        return self

    def __exit__(self, failed, *_):
        self.close(keep=failed is not None)

    def close(self, keep):
        self.thaw()
        for tool in list((self.directory / "hold").iterdir()):
            tool.unlink()
        stubborn = self.directory / "pids"
        for pid in stubborn.read_text().split() if stubborn.exists() else []:
            end(int(pid), str(self.directory))
        for client in self.wrappers.values():
            if hasattr(client, "process") and client.process.poll() is None:
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


def listens(address):
    host, port = address.split(":")
    try:
        socket.create_connection((host, int(port))).close()
    except OSError as refused:
        raise Failure(f"nobody listens at {address}: {refused}") from None


def exists(path):
    if not path.exists():
        raise Failure(f"{path} does not appear")


def match(pattern, text):
    found = re.search(pattern, text)
    if not found:
        raise Failure(f"nothing like {pattern} in:\n{text}")
    return found


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


def skewed(build, by):
    """What makes a process believe that it is "-2d" or "+36h" from now."""
    seconds = int(by[:-1]) * {"s": 1, "h": 3600, "d": 86400}[by[-1]]
    return {"LD_PRELOAD": str(build / "libskew.so"), "NOTAUS_SKEW_S": str(seconds)}


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
