#!/usr/bin/env python3
"""Runs every *_bench of a build and writes bench/results/DATE-COMMIT.{json,md}: figures with the machine and the commit they are of.

usage: bench/run.py BUILD_DIR [--quick]

--quick runs everything once, to see that it runs, and writes nothing. bench/README.md says what is measured and how to read it.
"""
import datetime
import json
import os
import pathlib
import platform
import subprocess
import sys
import time

import curves

ROOT = pathlib.Path(__file__).resolve().parent.parent
UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}

# DESIGN's goals: of what, which figure, and what it must reach: a bound in the row's unit, or a comparison with another row.
GOALS = [
    ("handle_admit_done/read", "best", "at most", 10, None),
    ("handle_admit_done/read", "best", "times quicker than", 200, "sqlite_select"),
    ("handle_admit_done/read", "best", "times quicker than", 1000, "redis_get/real_time"),
    ("handle_admit_done/write", "best", "at most … more than", 2000, "handle_admit_done/read"),
    ("fresh_decide/1", "best", "at most", 300, None),
    ("fresh_decide/10000", "best", "at most", 300, None),
    *((f"flip to denial, {how}", *goal, None) for how in ("asking", "asleep") for goal in (("p50", "at most", 50), ("p99", "at most", 5000))),
    *((f"notaus stop, {where}, {points}", "p50", "at most", most, None)
      for points, most in (("1 point", 10), ("20 points", 10), ("500 points, one process", 60), ("500 points", 60)) for where in ("disk", "tmpfs")),
    ("added by notaus mcp, one CPU", "p50", "at most", 50, None),
    ("added by notaus mcp, any CPU", "p50", "at most", 50, None),
    ("log append, records a second and core", "value", "at least", 200_000, None),
    ("audit verify, 1M records", "value", "at most", 5, None),
    *((f"audit list by {what}, first line", "p50", "at most", 200, None) for what in ("tenant", "tool", "time")),
    ("notaus-gate VmRSS", "value", "at most", 6 * 1024, None),
    *((f"CPU, {case}: notaus over {other}", "value", "at most", 1, None) for case in ("GET, 200 bytes", "POST, 1 KiB") for other in ("haproxy", "nginx")),
    *((f"CPU: tools/call, 1 KiB, a {effect} over haproxy's POST", "value", "at most", 1.15, None) for effect in ("read", "write")),
    ("added at one connection: notaus over haproxy", "value", "at most", 1, None),
    *((f"calls per CPU second of a bridge: notaus over {other}", "value", "at least", 5, None)
      for other in ("mcp-proxy", "supergateway", "PyPI's mcp-proxy", "contextforge")),
    ("notaus up after kill -9, first call", "p50", "at most", 1000, None),
    ("validate_1KiB", "best", "at most", 1500, None),
    ("validate_1KiB", "best", "times quicker than", 6, "nlohmann_1KiB"),
    ("notaus up, idle, VmRSS", "value", "at most", 25 * 1024, None),
    ("an idle stream, VmRSS", "value", "at most", 16, None),
]


def git(*arguments):
    return subprocess.run(["git", "-C", ROOT, *arguments], capture_output=True, text=True).stdout.strip()


def machine():
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo", encoding="utf-8") if line.startswith("model name")), "?")
    load = open("/proc/loadavg", encoding="utf-8").read().split()[0]
    return {"cpu": cpu, "cores": len(os.sched_getaffinity(0)), "kernel": platform.release(), "load_before": float(load)}


def output_of(program, *options):
    run = subprocess.run([program, *options], stdout=subprocess.PIPE, text=True)
    if run.returncode != 0:
        sys.exit(f"bench: {program.name} ended with {run.returncode}")
    return run.stdout


def google_benchmark(program, quick):
    """The best of several interleaved repetitions: what disturbs a measurement only ever makes it slower."""
    effort = ["--benchmark_min_time=0.02"] if quick else ["--benchmark_min_time=0.2", "--benchmark_repetitions=7"]
    rows = {}
    for row in json.loads(output_of(program, "--benchmark_format=json", "--benchmark_enable_random_interleaving=true", *effort))["benchmarks"]:
        if row.get("run_type") == "aggregate":
            continue
        if row.get("error_occurred"):
            sys.exit(f"bench: {row['name']}: {row['error_message']}")
        name = row["run_name"]
        took = row["real_time" if name.endswith("/real_time") else "cpu_time"] * UNITS[row["time_unit"]]
        best = rows.setdefault(name, {"unit": "ns", "best": took})
        best["best"] = round(min(took, best["best"]), 2)
    return dict(sorted(rows.items()))


def lines_of_json(program, quick, *words):
    rows = [json.loads(line) for line in output_of(program, *words, *(["--quick"] if quick else [])).splitlines()]
    return {row.pop("name"): row for row in rows}


def measure(program, quick):
    return google_benchmark(program, quick) if program.name in ("guard_bench", "json_bench") else lines_of_json(program, quick)


def figure(value):
    return f"{value:,.1f}" if value < 1000 else f"{value:,.0f}"


def against_goals(rows):
    for name, which, relation, wanted, other in GOALS:
        if name not in rows:
            yield f"| {name} | {relation} {wanted:,} | not measured | |"
            continue
        reached, unit = rows[name][which], " " + rows[name]["unit"]
        if relation == "times quicker than":
            reached, unit = rows[other][which] / reached, ""
        elif other:
            reached -= rows[other][which]
        good = reached >= wanted if relation in ("times quicker than", "at least") else reached <= wanted
        goal = f"{wanted:,} {relation} {other}" if not unit else relation.replace("…", f"{wanted:,}{unit}") + f" {other}" if other else f"{relation} {wanted:,}{unit}"
        what = name if which in ("best", "value") else f"{name}: {which}"
        yield f"| {what} | {goal} | {figure(reached)}{unit} | {'reached' if good else '**missed**'} |"


def spread(rows, wanted):
    yield from ("| across processes | times | p50 | p99 | max |", "|---|---:|---:|---:|---:|")
    for name, row in rows.items():
        if "p50" in row and wanted(name):
            yield f"| {name} | {row['n']:,} | {figure(row['p50'])} {row['unit']} | {figure(row['p99'])} | {figure(row['max'])} |"


def stops(rows):
    """One line a case, from rows named "WHAT, WHERE, POINTS"."""
    others = [("its elapsed_ms.committed", "committed"), ("its elapsed_ms.confirmed", "confirmed"), ("SQLite UPDATE", "SQLite UPDATE"),
              ("notaus --version", "notaus --version"), ("true", "true")]
    yield f"| `notaus stop`, ms | times | p50 | p99 | {' | '.join(f'{title} p50' for _, title in others)} | drift |"
    yield "|---|" + "---:|" * (4 + len(others))
    for name, row in rows.items():
        what, _, case = name.partition(", ")
        if what != "notaus stop":
            continue
        cells = [row["n"], f"{row['p50']:.2f}", f"{row['p99']:.2f}", *(f"{rows[f'{other}, {case}']['p50']:.2f}" for other, _ in others),
                 f"{rows[f'drift of notaus stop, {case}']['value']:.2f}"]
        yield f"| {case} | {' | '.join(map(str, cells))} |"


def page(result):
    m, rows = result["machine"], result["rows"]
    of_a_stop = {name for name in rows if any(name.endswith(case) for case in (" point", " points", " process")) and not name.startswith("flip")}
    return "\n".join([
        f"# {result['commit']}, {result['date']}", "",
        f"{m['cpu']}, {m['cores']} cores, Linux {m['kernel']}, load {m['load_before']} before. Took {result['seconds']} s.", "",
        "| goal | bound | measured | |", "|---|---|---:|---|", *against_goals(rows), "",
        "| in process | best |", "|---|---:|", *(f"| {name} | {figure(row['best'])} {row['unit']} |" for name, row in rows.items() if "best" in row), "",
        *spread(rows, lambda name: name not in of_a_stop), "", *stops(rows), "",
        "| by itself, or a ratio | |", "|---|---:|", *(f"| {name} | {figure(row['value'])} {row['unit']} |" for name, row in rows.items()
                                                      if "value" in row and row["unit"] != "KiB" and not name.startswith("drift")), "",
        "| memory | |", "|---|---:|", *(f"| {name} | {row['value']:,.0f} {row['unit']} |" for name, row in rows.items() if row["unit"] == "KiB"), ""])


def main():
    quick = "--quick" in sys.argv
    programs = sorted(path for path in pathlib.Path(sys.argv[1]).glob("*_bench") if path.is_file())
    if not any(path.name == "guard_bench" for path in programs):
        sys.exit(f"bench: no guard_bench in {sys.argv[1]}; are libbenchmark-dev and libhiredis-dev there?")
    commit = git("rev-parse", "--short=10", "HEAD") + ("-modified" if git("status", "--porcelain", "--untracked-files=no") else "")
    start = time.monotonic()
    result = {"commit": commit, "date": datetime.date.today().isoformat(), "machine": machine(), "rows": {}}
    for program in programs:
        print(f"bench: {program.name}", file=sys.stderr)
        result["rows"] |= measure(program, quick)
    print("bench: http_bench", file=sys.stderr)
    result["rows"] |= lines_of_json(ROOT / "bench/http_bench.py", quick, sys.argv[1])
    result["seconds"] = round(time.monotonic() - start)
    print(page(result))
    if quick:
        return
    to = ROOT / "bench/results" / f"{result['date']}-{commit}"
    to.parent.mkdir(exist_ok=True)
    to.with_name(to.name + ".json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    curves.plot(result, to.with_name(to.name + ".svg"))
    to.with_name(to.name + ".md").write_text(page(result) + f"\n![curves]({to.name}.svg)\n", encoding="utf-8")
    print(f"bench: {to.relative_to(ROOT)}.md")


main()
