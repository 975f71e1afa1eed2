"""failures.py REPORT…: of ctest's JUnit reports, each test that failed and the last lines it printed."""
import sys
import xml.etree.ElementTree as xml

LINES, WIDTH = 5, 200  # of a test: enough for an assertion, little enough for the end of a log

for report in sys.argv[1:]:
    try:
        cases = xml.parse(report).getroot().iter("testcase")
    except (OSError, xml.ParseError) as e:  # a part that did not run, or a test that printed what XML cannot hold
        print(f"  {report}: {e}")
        continue
    for case in cases:
        failure = case.find("failure")
        if failure is None:
            continue
        print(f"  {case.get('name')}, {float(case.get('time', 0)):.0f} s: {failure.get('message')}")
        printed = (case.findtext("system-out") or "").strip().splitlines()
        print("".join(f"    {line[:WIDTH]}\n" for line in printed[-LINES:]), end="")
