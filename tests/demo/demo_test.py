"""demo_test.py NOTAUS passes|can_fail|text|leaves_nothing: runs `notaus demo` as a stranger would."""
import glob
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

notaus, what = sys.argv[1], sys.argv[2]


class Place:
    """A home and a temporary directory of the demo's own; `mark` is in the environment of all that it starts."""

    def __init__(self, directory):
        self.home, self.tmp, self.foreign = (os.path.join(directory, n) for n in ("home", "tmp", "foreign"))
        os.mkdir(self.home)
        os.mkdir(self.tmp)
        self.mark = f"NOTAUS_DEMO_TEST={os.getpid()}.{time.monotonic_ns()}"
        name, value = self.mark.split("=")
        self.env = dict(os.environ, HOME=self.home, TMPDIR=self.tmp, NOTAUS_STATE=self.foreign, **{name: value})

    def start(self, *flags):
        return subprocess.Popen([notaus, "demo", *flags], env=self.env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def processes(self):
        found = []
        for path in glob.glob("/proc/[0-9]*/environ"):
            try:
                with open(path, "rb") as environ:
                    if self.mark.encode() in environ.read():
                        found.append(path.split("/")[2])
            except OSError:
                pass
        return found

    def wait_for(self, condition, seconds, name):
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"not within {seconds} s: {name}; processes {self.processes()}"
            time.sleep(0.02)

    def nothing_is_left(self):
        self.wait_for(lambda: not self.processes(), 5, "every process has ended")
        for directory in (self.home, self.tmp):
            assert os.listdir(directory) == [], os.listdir(directory)
        assert not os.path.exists(self.foreign), "the user's own state was touched"


def run(place, *flags):
    began = time.monotonic()
    demo = place.start(*flags)
    out, err = demo.communicate(timeout=90)
    place.nothing_is_left()
    assert time.monotonic() - began < 60
    assert err == "", err
    return demo.returncode, out


def passes(place):
    code, out = run(place, "--json")
    answer = json.loads(out)
    assert code == 0 and answer["schema"] == 1 and answer["passed"] is True and answer["failed"] == [], answer
    without, act = answer["without"], answer["with"]
    assert without["mails"] == 117 and without["mails_before_toggle"] >= 32 and without["repeated"] > 0, without
    assert without["mails_after_toggle"] == 117 - without["mails_before_toggle"] > 60, without
    assert act["stop_exit"] == 0 and act["mails_after_stop_unlisted"] == 0, act
    assert 1 <= act["mails_after_stop_listed"] <= act["in_flight_listed"] <= 4 and act["in_flight_outcome"] == "done", act
    assert act["denied_after_stop"] >= 60 and act["reads_after_stop"] >= 60 and act["other_tenant_mails_after_stop"] >= 10, act
    assert act["report"]["done"] == act["sink_at_report"]["mails"] == act["mails_before_stop_ended"] + act["mails_after_stop_listed"], act
    assert act["report"]["repeated"] == act["sink_at_report"]["repeated"] > 0, act
    assert act["resume_exit"] == 0 and act["mails_after_resume"] >= 16, act


def can_fail(place):
    code, out = run(place, "--json", "--sabotage")
    answer = json.loads(out)
    assert code == 1 and answer["passed"] is False, answer
    assert answer["with"]["stop_exit"] == 0 and answer["with"]["mails_after_stop_unlisted"] >= 60, answer  # only the mail server tells
    assert any("taken after the stop" in why for why in answer["failed"]), answer
    assert answer["without"]["mails"] == 117, answer


def text(place):
    code, out = run(place)
    assert code == 0, out
    for said in ("WITHOUT NOTAUS", "WITH NOTAUS", '$ notaus stop --tenant acme --reason "duplicate mails"', "| stopped tenant=acme", "running  email.send  acme/mailer-1",
                 "killed: writes_disabled:email.send", "$ notaus audit report --stop ", "$ notaus resume ", "  0 mails after the stop was confirmed"):
        assert said in out, (said, out)
    assert "FAILED" not in out and "\033" not in out, out
    assert os.path.dirname(notaus) not in out, out
    assert max(map(len, out.splitlines())) <= 100, [line for line in out.splitlines() if len(line) > 100]
    hidden = subprocess.run([notaus, "--help"], capture_output=True, text=True).stdout + subprocess.run([notaus, "demo", "--help"], capture_output=True, text=True).stdout
    assert "  demo  " in hidden and not re.search("demo-mailer|demo-agent|sabotage", hidden), hidden


def leaves_nothing(place):
    first = 'acme\'s first mail goes out'
    for how, acts in ((signal.SIGINT, 1), (signal.SIGTERM, 2), (signal.SIGKILL, 2)):
        demo = place.start()
        seen = 0
        while seen < acts:
            line = demo.stdout.readline()
            assert line, demo.stderr.read()
            seen += first in line
        place.wait_for(lambda: len(place.processes()) >= 11, 20, "five agents and five mailers have begun")
        demo.send_signal(how)
        demo.communicate(timeout=20)
        if how == signal.SIGKILL:
            assert demo.returncode == -signal.SIGKILL
            place.wait_for(lambda: not place.processes(), 5, "every process has ended")  # its files it could not remove
        else:
            assert demo.returncode == 130, demo.returncode
            place.nothing_is_left()


with tempfile.TemporaryDirectory() as directory:
    {"passes": passes, "can_fail": can_fail, "text": text, "leaves_nothing": leaves_nothing}[what](Place(directory))
