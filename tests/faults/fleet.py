"""Two wrappers whose tools count, and an operator whose stops must take effect whatever else is frozen."""

import json
import subprocess
import time

import world as places
from script import Failure

EFFECT_S, END_S = 0.1, 1.5   # the contract's
LATER = {0: "confirmed", 3: "not confirmed", 5: "on this host only"}


class Fleet:
    """A state, two wrappers with tools that count, a process with a guard of its own, and an operator."""

    def __init__(self, world):
        self.world, self.guarded = world, None
        self.types("init")
        self.start_wrappers()

    def start_wrappers(self):
        self.end_guarded()
        while self.world.wrappers:
            self.world.wrappers.popitem()[1].close()
        self.acme = self.world.start_wrapper("acme", tenant="acme", agent="a")
        self.other = self.world.start_wrapper("globex", tenant="globex", agent="b")

    def end_guarded(self):
        if self.guarded:
            self.guarded.communicate()
        self.guarded = None

    def start_guarded(self):
        """A process with a guard of its own; it sends a call at each line that it reads."""
        self.guarded = self.guarded or subprocess.Popen([str(self.world.build / "guards"), "sends", "0", str(self.world.state)],
                                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self.guarded

    def starts(self, *words):
        return subprocess.Popen([str(self.world.build / "notaus"), *words], env=self.world.environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def types(self, *words, exits=(0,)):
        process = self.starts(*words)
        out, err = process.communicate(timeout=places.PATIENCE_S)
        if process.returncode not in exits:
            raise Failure(f"notaus {' '.join(words)}: exit {process.returncode}\n{out}{err}")
        return out

    def status(self):
        return json.loads(self.types("status", "--json"))

    def lift_everything(self):
        """And show that the same calls run then."""
        for _ in range(3):
            for latch in {word for text in self.status()["warnings"] for word in text.replace("`", " ").split() if word.startswith("latch@")}:
                self.types("resume", latch, "--reason", "over")
            for stop in self.status()["stops"]:
                self.types("resume", stop["id"], "--reason", "over", exits=(0, 1))
        if denied(self.acme) or denied(self.other):
            raise Failure("nothing stands, and yet calls are denied")


def denied(client):
    answer = client.wait(client.call("email.send", {}), places.PATIENCE_S)
    if not answer or "result" not in answer:
        raise Failure(f"the wrapper answers {answer}")
    return bool(answer["result"].get("isError"))


class Stop:
    """`notaus stop` typed now, while something is frozen."""

    def __init__(self, fleet, *scope):
        self.began = time.monotonic()
        self.process = fleet.starts("stop", *scope, "--reason", "later", "--json")

    def takes_effect(self, client):
        while not denied(client):
            if time.monotonic() - self.began > 5:
                raise Failure("the stop takes no effect")
        self.effect_s = time.monotonic() - self.began

    def ends(self):
        out, err = self.process.communicate(timeout=places.PATIENCE_S)
        self.end_s = time.monotonic() - self.began
        if self.process.returncode not in LATER:
            raise Failure(f"the stop: exit {self.process.returncode}\n{out}{err}")
        self.report = json.loads(out)
        self.is_true(err)

    def is_true(self, err):
        said, exit_ = self.report, self.process.returncode
        if (exit_ == 0) != said["confirmed"] or (exit_ == 5) == said["stored"] or (said["confirmed"] and not said["stored"]):
            raise Failure(f"exit {exit_}, and the report says {json.dumps(said)}")
        if exit_ != 0 and not said["warnings"]:
            raise Failure(f"exit {exit_}, and nobody says why\n{err}")

    def in_time(self):
        return self.effect_s <= EFFECT_S and self.end_s <= END_S
