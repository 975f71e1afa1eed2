"""Every scenario that stops something must fail with a product that stops nothing: placebo_test.py SCENARIO…"""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
CLAIM = "notaus stop"


def main(scenarios):
    claims = [path for path in scenarios if CLAIM in Path(path).read_text()]
    done = subprocess.run([sys.executable, str(HERE / "play.py"), "--build", str(HERE / "placebo"), "--patience", "2", "--discard", *claims],
                          capture_output=True, text=True)
    passed = [line for line in done.stdout.splitlines() if line.startswith("passed ")]
    broken = [line for line in done.stdout.splitlines() if "Traceback" in line]
    print("\n".join([*passed, *(done.stdout.splitlines() if broken else [])]))
    print(f"{len(claims) - len(passed)} of {len(claims)} scenarios notice that nothing is stopped")
    return 1 if passed or broken or not claims else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
