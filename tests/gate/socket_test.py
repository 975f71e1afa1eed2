"""Others' stops: socket_test.py [--build DIR] [STORY …]

A member of the group `notaus` may not write the state. While `notaus up` runs he stops through STATE/live/control, is recorded as who he is, and
lifts nothing; strangers do not get in; whatever is said to the socket, and however busy the gate is, the next stop is heard. Needs root.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "play"))
from script import Failure  # noqa: E402
from stories import equal, options_of, tell  # noqa: E402
from world import PATIENCE_S, World, until  # noqa: E402

MEMBER, OTHER_MEMBER, STRANGER, GROUP = 65534, 65532, 65533, 54242   # numbers; 65534 is Debian's `nobody`
CONFIG = """
listen: { gate: "127.0.0.1:0" }
anonymous: default
routes:
  - { path: /email/send, tool: email.send, url: "$mail" }
"""


class Place:
    def __init__(self, build, name, descriptors=None):
        self.world = World(build, f"socket-{name}")
        if name == "long_path":   # a socket's address has room for 107 bytes
            self.world.state = self.world.directory / ("long" * 50) / "state"
            self.world.state.parent.mkdir()
        self.world.start_upstream("mail")
        self.world.config = CONFIG.splitlines()
        self.world.write_config()
        self.types("init")
        self.descriptors = descriptors
        self.program = self.world.directory / "program"   # which everybody may enter
        self.program.mkdir()
        for each in ("notaus", "notaus-gate"):
            shutil.copy(self.world.build / each, self.program)
        self.start_up()

    def start_up(self):
        """With a group `notaus`, which this machine need not have: in a mount namespace of its own."""
        groups = self.world.directory / "group"
        groups.write_text(Path("/etc/group").read_text() + f"notaus:x:{GROUP}:\n")
        limit = f"ulimit -n {self.descriptors};" if self.descriptors else ""
        self.world.prefix = ["unshare", "--mount", "sh", "-c", f'mount --bind "{groups}" /etc/group; {limit} exec "$@"', "-"]
        self.world.start_up()
        self.world.prefix = []

    def types(self, words, exits=(0,), who=None, groups=()):
        command = [str(self.world.build / "notaus" if who is None else self.program / "notaus"), *words.split()]
        if who is not None:
            member = ["--groups", ",".join(map(str, groups))] if groups else ["--clear-groups"]
            command = ["setpriv", "--reuid", str(who), "--regid", str(who), *member, *command]
        environment = {**self.world.environment(), "HOME": "/nonexistent", "USER": "somebody-else"}
        done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=4 * PATIENCE_S)
        if done.returncode not in exits:
            raise Failure(f"notaus {words} as {who}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def member(self, words, exits=(0,), who=MEMBER):
        return self.types(words, exits, who, (GROUP,))

    def close(self, keep):
        self.world.close(keep=keep)

    def send(self):
        answer = self.world.agent().wait(self.world.agent().ask("POST", "/email/send", b"{}", {}), PATIENCE_S)
        return answer.get("status") if answer else None

    def expect(self, status):
        seen = self.send()
        if seen != status:
            raise Failure(f"the call is answered {seen}, wanted {status}")

    def connect(self):
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(PATIENCE_S)
        peer.connect(str(self.world.state / "live" / "control"))
        return peer

    def stops(self):
        return json.loads(self.types("status --json").stdout)["stops"]


def has(text, part):
    if part not in text:
        raise Failure(f"nothing like {part!r} in: {text}")


def members(place):
    """Stops, looks, gives a reason; who he is comes from the kernel; what was typed and what is printed are those of any other stop."""
    place.expect(200)
    said = json.loads(place.member("stop --tool email.send --wait 30s --json").stdout)
    equal((said["exit"], said["record"]["by"], said["confirmed"]), (0, "nobody", True))
    place.expect(403)
    equal([stop["by"] for stop in place.stops()], ["nobody"])
    place.member(f"note {said['record']['id']} --reason duplicates")
    equal(place.stops()[0]["reason"], "duplicates")
    has(place.member("status").stdout, "STOPPED: 1 stop(s)")
    equal(json.loads(place.member("status --json").stdout)["stops"][0]["id"], said["record"]["id"])
    has(place.member("stop --tool email.send --mode stop_all", exits=(2,)).stderr, "--mode does not go with --tool")
    has(place.member("stop", exits=(2,)).stderr, "There is no default scope")
    refused = place.member(f"resume {said['record']['id']} --reason over", exits=(4,))
    has(refused.stderr, "you may stop through its control socket, and not resume")
    place.member("config reload", exits=(4,))
    place.member("tools approve email.send=read", exits=(1, 4))
    place.expect(403)
    place.types(f"resume {said['record']['id']} --reason over")
    place.expect(200)
    log = [json.loads(line) for line in place.types("audit list --json").stdout.splitlines()]
    equal([record["by"] for record in log if record["kind"] == "stop"], ["nobody"])
    return "stops, looks and notes, and lifts nothing"


def strangers(place):
    """Not of the group: not in."""
    refused = place.types("stop --global --reason x", exits=(4,), who=STRANGER)
    equal(place.stops(), [])
    has(refused.stderr, str(place.world.state))
    place.expect(200)
    place.member("stop --global --wait 30s --reason x")
    place.expect(403)
    return "no entry"


def nobody_at_the_door(place):
    """Without the daemon a member cannot, and is told so; the owner can."""
    place.world.signal("up", "", 9)
    refused = place.member("stop --global --reason x", exits=(4,))
    has(refused.stderr, str(place.world.state))
    equal(place.stops(), [])
    place.types("stop --global --wait 30s --reason x", exits=(0, 8))
    place.start_up()   # in place of the socket that was left behind
    place.expect(403)
    place.member("stop --tool email.send --wait 30s --reason x")
    equal(len(place.stops()), 2)
    return "told so"


def reload(place):
    """By the owner, as by SIGHUP; a bad file changes nothing."""
    place.expect(200)
    good = place.world.config_file().read_text()
    place.world.config_file().write_text(good + "rotes: []\n")
    has(place.types("config reload", exits=(1,)).stderr, "did you mean `routes`")
    place.expect(200)
    place.world.config_file().write_text(good.replace("/email/send", "/email/elsewhere"))
    place.types("config reload")
    until(PATIENCE_S, lambda: place.expect(404))
    place.world.config_file().write_text(good)
    place.types("config reload")
    until(PATIENCE_S, lambda: place.expect(200))
    place.world.signal("up", "", 9)
    has(place.types("config reload", exits=(1,)).stderr, "no `notaus up` runs")
    return "read again"


def hostile(place):
    """Whatever is said: an answer or none, and nothing done; the next one is heard."""
    said = [b"", b"\n", b"{", b"{}\n", b"[]\n", b'{"words":3}\n', b'{"words":[3]}\n', b'{"words":[]}\n', b'{"words":["init"]}\n',
            b'{"words":["resume"]}\n', b'{"words":["run","--","touch","/tmp/x"]}\n', b'{"words":["stop","--global","--state","/x"]}\n',
            b'{"words":["stop","--global","--config=/x"]}\n', b'{"words":["stop","--global","--reason"]}\n', b'{"words":["__on_behalf","1"]}\n',
            b'{"words":["stop\\u0000","--global"]}\n', b"x" * (1 << 20), b"\xff\xfe\n", b"[" * 100_000 + b"\n", b'{"words":["status","--watch"]}\n']
    for each in said:
        with place.connect() as peer:
            try:
                peer.sendall(each)
                peer.shutdown(socket.SHUT_WR)
                answer = peer.recv(1 << 16)
            except OSError:
                continue
        if answer and json.loads(answer)["exit"] == 0:
            raise Failure(f"{each[:60]} was done: {answer}")
    equal(place.stops(), [])
    place.expect(200)
    place.member("stop --global --wait 30s --reason x")
    place.expect(403)
    return f"{len(said)} things said"


def hangs(place):
    """One user who connects and says nothing keeps only himself from being heard."""
    script = f"""
import socket, sys
peers = []
for _ in range(40):
    peer = socket.socket(socket.AF_UNIX)
    peer.connect({str(place.world.state / 'live' / 'control')!r})
    peers.append(peer)
print('there', flush=True)
sys.stdin.read()
"""
    hanger = subprocess.Popen(["setpriv", "--reuid", str(OTHER_MEMBER), "--regid", str(OTHER_MEMBER), "--groups", str(GROUP), sys.executable, "-c", script],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        equal(hanger.stdout.readline(), b"there\n")
        has(place.member("stop --global --reason x", exits=(1,), who=OTHER_MEMBER).stderr, "as many commands as may be")
        place.expect(200)
        place.member("stop --global --wait 30s --reason x")
        place.expect(403)
    finally:
        hanger.kill()
        hanger.wait()
    return "the others are heard"


def long_path(place):
    """What a socket's address has no room for is reached all the same; one that was left behind is replaced."""
    control = place.world.state / "live" / "control"
    equal((len(str(control)) > 200, control.is_socket()), (True, True))
    for _ in range(2):
        place.expect(200)
        said = json.loads(place.member("stop --tool email.send --wait 30s --reason x --json").stdout)
        equal((said["confirmed"], said["record"]["by"]), (True, "nobody"))
        place.expect(403)
        place.types(f"resume {said['record']['id']} --reason over")
        place.world.signal("up", "", 9)
        place.member("stop --global --reason x", exits=(4,))
        place.start_up()
    return f"{len(str(control))} bytes"


def no_descriptors(place):
    """Agents have taken all they get of 256; the stop through the socket is one like any other."""
    host, port = place.world.saved["GATE"].split(":")
    crowd = [socket.create_connection((host, int(port))) for _ in range(400)]
    for each in crowd[:200]:
        try:
            each.sendall(b"POST /email/send HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\n{")
        except OSError:
            pass
    until(PATIENCE_S, lambda: taken(place, 180, 216))
    said = json.loads(place.member("stop --tool email.send --wait 30s --reason x --json").stdout)
    equal(said["confirmed"], True)
    taken(place, 180, 216)
    for each in crowd:
        each.close()
    until(PATIENCE_S, lambda: place.expect(403))
    place.types(f"resume {said['record']['id']} --reason over")
    until(PATIENCE_S, lambda: place.expect(200))
    return "heard"


def taken(place, least, most):
    # of `up`, which is what unshare and sh have become
    seen = len(os.listdir(f"/proc/{place.world.saved['UP_PID']}/fd"))
    if not least <= seen <= most:
        raise Failure(f"{seen} descriptors are taken, wanted {least} to {most}")


STORIES = {each.__name__: each for each in (members, strangers, nobody_at_the_door, reload, hostile, hangs, long_path, no_descriptors)}


def main():
    options = options_of(__doc__, STORIES)
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode != 0:
        sys.exit("socket_test: only root can be several users")
    return tell(STORIES, options, lambda name: Place(options.build, name, descriptors=256 if name == "no_descriptors" else None))


if __name__ == "__main__":
    sys.exit(main())
