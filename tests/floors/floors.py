"""Reads src/FLOORS and checks that the code keeps to it, so that the table cannot lie.

usage: floors.py SOURCE_DIR [BUILD_DIR]     complaints, one a line; exit 1 if there are any

Includes: a room includes its own files, the rooms it uses and what those use. <notaus/…> is core's, but <notaus/guard.hpp> is page's.
CMake:    room(NAME USES …) names no room that FLOORS does not allow.
Shape:    ROOM.md, own header first, at most 1,000 lines, no file outside a room.
Symbols:  with a BUILD_DIR, what the traffic path is built from contains no database and no JSON document library.
"""
import pathlib
import re
import subprocess
import sys

MOST_LINES = 1000
PUBLIC = {"guard.hpp": "page", "notaus.h": "abi"}  # in include/notaus; all others are core's
TRAFFIC_PATH = ["notaus-gate", "libgate.a", "libpage.a", "libabi.a"]
NEVER_IN_TRAFFIC_PATH = re.compile(r"^(sqlite3_|PQ[a-z]|redis[A-Z]|_ZN?K?\d*.*8nlohmann)")


class Floors:
    def __init__(self, text):
        self.floor, self.uses, self.never, self.complaints = {}, {}, {}, []
        for line in text.splitlines():
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "never":
                self.never[words[1]] = set(words[2:])
            else:
                self.floor[words[1]] = int(words[0])
                self.uses[words[1]] = set(words[2:])
        for room, uses in self.uses.items():
            for used in uses:
                if used not in self.floor:
                    self.complaints.append(f"FLOORS: {room} uses {used}, which is no room")
                elif self.floor[used] >= self.floor[room]:
                    self.complaints.append(f"FLOORS: {room} (floor {self.floor[room]}) uses {used} (floor {self.floor[used]}): not below it")
        if not self.complaints:
            for room, never in self.never.items():
                for used in sorted(never & self.reach(room)):
                    self.complaints.append(f"FLOORS: {room} never reaches {used}, but its uses lead there")

    def reach(self, room):
        """The rooms `room` may include: itself, what it uses, and what that uses."""
        seen, todo = set(), [room]
        while todo:
            if (at := todo.pop()) not in seen:
                seen.add(at)
                todo += self.uses.get(at, ())
        return seen


def includes(path):
    """(line, kind, target) of every #include; kind is '"' or '<'."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if found := re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line):
            yield number, found[1], found[2]


def room_of(target, kind):
    """The room an include belongs to; None for the system's and libraries' headers."""
    if target.startswith("notaus/"):
        return PUBLIC.get(target.removeprefix("notaus/"), "core")
    if kind == '"':
        return target.split("/")[0] if "/" in target else ""
    return None


def check_includes(floors, path, room, where):
    for line, kind, target in includes(path):
        used = room_of(target, kind)
        if used == "":
            yield f'{where}:{line}: #include "{target}" names no room; write "{room}/{target}"'
        elif used is not None and used not in floors.reach(room):
            yield f"{where}:{line}: {room} includes {target}, and FLOORS does not let {room} use {used}"


def check_shape(path, where):
    lines = path.read_text(encoding="utf-8").count("\n")
    if lines > MOST_LINES:
        yield f"{where}: {lines} lines; the most is {MOST_LINES}"
    if path.suffix == ".cc":
        header = path.with_suffix(".h")
        first = next(includes(path), None)
        if header.exists() and (first is None or first[2] != f"{path.parent.name}/{header.name}"):
            yield f'{where}: includes something before its own header "{path.parent.name}/{header.name}"'


def check_cmake(floors, source):
    text = (source / "CMakeLists.txt").read_text(encoding="utf-8")
    for name, arguments in re.findall(r"^room\((\w+)([^)]*)\)", text, re.M):
        if name not in floors.floor:
            yield f"CMakeLists.txt: room({name}) is not in FLOORS"
            continue
        uses = re.search(r"USES((?:\s+\w+)*?)(?=\s+LIBS|\s*$)", arguments)
        for used in uses[1].split() if uses else ():
            if used not in floors.reach(name):
                yield f"CMakeLists.txt: room({name}) uses {used}, and FLOORS does not let it"


def check_symbols(build):
    for name in TRAFFIC_PATH:
        if not (path := build / name).exists():
            continue
        for option in ([], ["--dynamic"]) if path.suffix != ".a" else ([],):
            listing = subprocess.run(["nm", "--format=posix", *option, path], capture_output=True, text=True, check=True).stdout
            bad = sorted({line.split()[0] for line in listing.splitlines() if NEVER_IN_TRAFFIC_PATH.match(line)})
            if bad:
                yield f"{name}: contains {bad[0]} and {len(bad) - 1} more of that kind; the traffic path links no database"
        if path.suffix != ".a":
            needed = subprocess.run(["readelf", "--dynamic", "--wide", path], capture_output=True, text=True, check=True).stdout
            for library in re.findall(r"NEEDED.*\[(lib(?:sqlite3|pq|hiredis)\b[^]]*)\]", needed):
                yield f"{name}: needs {library}; the traffic path links no database"


def check(source, build=None):
    source = pathlib.Path(source)
    floors = Floors((source / "src/FLOORS").read_text(encoding="utf-8"))
    yield from floors.complaints
    if floors.complaints:
        return
    yield from check_cmake(floors, source)
    for entry in sorted((source / "src").iterdir()):
        if not entry.is_dir():
            if entry.name != "FLOORS":
                yield f"src/{entry.name}: stands in no room"
            continue
        files = [file for file in sorted(entry.rglob("*")) if file.is_file()]
        if not files:
            continue
        if entry.name not in floors.floor:
            yield f"src/{entry.name}: is no room of FLOORS"
            continue
        if not (entry / "ROOM.md").exists():
            yield f"src/{entry.name}: has no ROOM.md"
        elif not 3 <= len((entry / "ROOM.md").read_text(encoding="utf-8").splitlines()) <= 20:
            yield f"src/{entry.name}/ROOM.md: about ten lines say what a room is for"
        for file in files:
            where = file.relative_to(source)
            if file.suffix in (".h", ".cc"):
                yield from check_includes(floors, file, entry.name, where)
                yield from check_shape(file, where)
    for file in sorted((source / "include/notaus").glob("*.h*")):
        yield from check_includes(floors, file, PUBLIC.get(file.name, "core"), file.relative_to(source))
    if build:
        yield from check_symbols(pathlib.Path(build))


if __name__ == "__main__":
    found = list(check(*sys.argv[1:3]))
    sys.exit("\n".join(found) if found else 0)
