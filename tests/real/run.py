"""Installs what package-lock.json pins, beside the build and only if it changed, then runs the test: run.py SCRATCH_DIRECTORY"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ["package.json", "package-lock.json", ".npmrc", "recorder.mjs", "real_test.mjs"]
NODE_AT_LEAST = 18


def node_version():
    node = shutil.which("node")
    return int(subprocess.run([node, "--version"], capture_output=True, text=True).stdout[1:].split(".")[0]) if node else 0


def install(scratch):
    lock = (HERE / "package-lock.json").read_bytes()
    done = scratch / "installed"
    fresh = done.exists() and done.read_bytes() == lock
    for name in FILES:
        shutil.copy(HERE / name, scratch / name)
    if not fresh:
        subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=scratch, check=True)
        done.write_bytes(lock)


def main(scratch):
    if node_version() < NODE_AT_LEAST:
        print(f"needs node {NODE_AT_LEAST} or newer")
        return 1
    scratch = Path(scratch)
    scratch.mkdir(parents=True, exist_ok=True)
    install(scratch)
    environment = {**os.environ, "NOTAUS_BUILD": str(Path(os.environ["NOTAUS_BUILD"]).resolve())}
    return subprocess.run(["node", "--test", "--test-reporter=spec", "real_test.mjs"], cwd=scratch, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
