"""Runs a fuzzer for so many inputs, beginning with its corpus, and asks Node about the requests it came to: fuzz.py BUILD NAME RUNS

What it finds beside a failure stays in a directory of its own; `--keep` puts the new inputs that reach new code into the corpus.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


def main(build, name, runs, *options):
    build, corpus = Path(build).resolve(), HERE / "corpus" / name
    subprocess.run(["cmake", "--build", str(build), "--target", f"fuzz_{name}"], check=True, stdout=subprocess.DEVNULL)
    with tempfile.TemporaryDirectory() as found:
        fuzzer = [str(build / f"fuzz_{name}"), "-max_len=1024", "-timeout=60", f"-artifact_prefix={build}/"]
        subprocess.run([*fuzzer, f"-runs={runs}", "-print_final_stats=1", found, str(corpus)], check=True)
        if "--keep" in options:
            subprocess.run([*fuzzer, "-merge=1", str(corpus), found], check=True)
        if name == "http_request":
            subprocess.run(["node", str(HERE / "opinions.mjs"), str(build / "fuzz_readings"), found, str(corpus)], check=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
