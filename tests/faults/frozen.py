"""A process stopped at a chosen boundary of a system call, by freeze_at, until it is woken."""

import ctypes
import os
import select
import signal
import subprocess

PR_SET_CHILD_SUBREAPER = 36


def adopt_orphans():
    """Tracers are nobody's children; they become ours, that nobody is left as a zombie."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


class Frozen:
    """Tells of one process under freeze_at: `frozen` if it got that far, else how many boundaries there were."""

    def __init__(self, build, boundary, whom):
        self.told, tell = os.pipe()
        self.whom = whom
        self.words = [str(build / "freeze_at"), str(tell), str(boundary), whom]
        self.tell, self.buffer = tell, b""
        self.tracer, self.where, self.count = None, None, None

    def start(self, command, **options):
        """The command's own process, as Popen has it."""
        process = subprocess.Popen([*self.words, *command], pass_fds=(self.tell,), **options)
        self.begin()
        return process

    def attach(self, pid):
        self.watcher = subprocess.Popen([*self.words, str(pid)], pass_fds=(self.tell,))
        self.begin()

    def begin(self):
        os.close(self.tell)
        self.tracer = int(self.line(30).split()[1])

    def line(self, timeout):
        """The next line, or nothing: not in time, or there will be none."""
        while b"\n" not in self.buffer:
            if not select.select([self.told], [], [], timeout)[0]:
                return None
            read = os.read(self.told, 4096)
            if not read:
                return None
            self.buffer += read
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line.decode()

    def settled(self, timeout):
        """True if it has been frozen or has ended."""
        line = self.line(timeout)
        if line is None:
            return False
        word, *rest = line.split()
        if word == "frozen":
            self.where = " ".join(rest)
        else:
            self.count = int(rest[0])
        return True

    def wake(self):
        """Again does nothing."""
        if self.tracer is None:
            return
        os.kill(self.tracer, signal.SIGKILL)   # not reaped yet, so the number is still its own
        if self.whom == "pid":
            self.watcher.wait()
        else:
            os.waitpid(self.tracer, 0)
        os.close(self.told)
        self.tracer = None
