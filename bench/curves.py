"""The curves of one result as one SVG, drawn by gnuplot: how each figure grows with points and with stops in force."""
import re
import subprocess

PANELS = [  # title, what the axes say, and which rows are its curves: a pattern whose group is x, and the figures to draw
    ("a decision, by stops in force", "stops", "ns", [(r"fresh_decide/(\d+)", "best", "best")]),
    ("notaus stop, whole process on disk, by points", "points", "ms",
     [(r"notaus stop, disk, (\d+) points?", "p50", "p50"), (r"notaus stop, disk, (\d+) points?", "p99", "p99"), (r"SQLite UPDATE, disk, (\d+) points?", "p50", "one SQLite UPDATE")]),
    ("notaus stop, 20 points, by stops in force", "stops", "ms",
     [(r"notaus stop, disk, (\d+) stops?, 20 points", "p50", "p50"), (r"notaus stop, disk, (\d+) stops?, 20 points", "p99", "p99")]),
    ("flip to denial in a sleeping process, by points", "points", "us",
     [(r"flip to denial, asleep, (\d+) points", "p50", "p50"), (r"flip to denial, asleep, (\d+) points", "p99", "p99")]),
]


def curve(rows, pattern, figure):
    found = ((re.fullmatch(pattern, name), row) for name, row in rows.items())
    return sorted((int(match[1]), row[figure]) for match, row in found if match and int(match[1]) > 0)


def script(result, to):
    lines = [f"set terminal svg size 1000,700 background 'white'; set output '{to}'", "set multiplot layout 2,2", "set logscale x; set grid; set yrange [0:*]; set key left top"]
    for number, (title, x, y, lots) in enumerate(PANELS):
        drawn = []
        for at, (pattern, figure, name) in enumerate(lots):
            data = "\n".join(f"{px} {py}" for px, py in curve(result["rows"], pattern, figure))
            if data:
                lines.append(f"$d{number}_{at} << EOD\n{data}\nEOD")
                drawn.append(f"$d{number}_{at} with linespoints title '{name}'")
        if drawn:
            lines.append(f"set title '{title}'; set xlabel '{x}'; set ylabel '{y}'; plot {', '.join(drawn)}")
    return "\n".join(lines) + "\n"


def plot(result, to):
    subprocess.run(["gnuplot"], input=script(result, to), text=True, check=True)
