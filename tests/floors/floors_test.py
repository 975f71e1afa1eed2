"""floors.py finds what it is there to find: each case plants one breach in a small copy of the tree and expects its complaint."""
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from floors import check

FLOORS = """# floor room uses
0 base
1 core   base
1 net    base
2 page   core
2 ledger core net
3 gate   page net
4 app    base core net page ledger gate
never gate ledger
never page ledger net
"""
CMAKE = """room(base LIBS fmt::fmt)
room(core USES base)
room(page USES core LIBS b2)
room(gate USES page LIBS b2)
"""


class Tree:
    """A tree without a fault, and one change to it."""

    def __init__(self, test, **changes):
        directory = tempfile.TemporaryDirectory()
        test.addCleanup(directory.cleanup)
        self.root = pathlib.Path(directory.name)
        files = {
            "src/FLOORS": FLOORS,
            "CMakeLists.txt": CMAKE,
            "include/notaus/call.hpp": "#pragma once\n",
            "include/notaus/guard.hpp": "#include <notaus/call.hpp>\n",
            "src/gate/gate.h": '#include "page/page.h"\n#include "base/base.h"\n',
            "src/gate/gate.cc": '#include "gate/gate.h"\n\n#include <vector>\n\n#include <notaus/guard.hpp>\n\n#include "net/net.h"\n',
            "src/app/main.cc": '#include "ledger/ledger.h"\n#include "gate/gate.h"\n',
        }
        for room in ("base", "core", "net", "page", "ledger"):
            files[f"src/{room}/{room}.h"] = "#pragma once\n"
        for room in ("base", "core", "net", "page", "ledger", "gate", "app"):
            files[f"src/{room}/ROOM.md"] = f"# {room}\n\nWhat it is for.\n"
        for name, text in (files | changes).items():
            if text is not None:
                path = self.root / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")

    def complaints(self):
        return list(check(self.root))


class FloorsFindsBreaches(unittest.TestCase):
    def expect(self, complaint, **changes):
        found = Tree(self, **changes).complaints()
        self.assertTrue(any(re.search(complaint, line) for line in found), f"{complaint!r} is not among {found}")

    def test_a_tree_without_fault_passes(self):
        self.assertEqual(Tree(self).complaints(), [])

    def test_the_real_tree_with_one_bad_include(self):
        tree, real = Tree(self), pathlib.Path(__file__).parents[2]
        shutil.rmtree(tree.root / "src")
        for part in ("src", "include"):
            shutil.copytree(real / part, tree.root / part, dirs_exist_ok=True)
        shutil.copy(real / "CMakeLists.txt", tree.root)
        before = tree.complaints()
        with (tree.root / "src/core/decide.cc").open("a", encoding="utf-8") as file:
            file.write('#include "ledger/ledger.h"\n')
        new = set(tree.complaints()) - set(before)
        self.assertEqual(len(new), 1, new)
        self.assertIn("core includes ledger/ledger.h", new.pop())

    def test_includes(self):
        for file, text, complaint in [
            ("src/gate/gate.cc", '#include "gate/gate.h"\n#include "ledger/ledger.h"\n', "gate.cc:2: gate includes ledger/ledger.h"),
            ("src/page/page.h", '#  include "net/net.h"\n', "page.h:1: page includes net/net.h"),
            ("src/core/core.h", "#include <notaus/guard.hpp>\n", "core.h:1: core includes notaus/guard.hpp"),
            ("src/base/base.h", "#include <notaus/call.hpp>\n", "base includes notaus/call.hpp"),
            ("src/core/core.h", '#include "../ledger/ledger.h"\n', "core includes ../ledger"),
            ("src/gate/gate.h", '#include "page.h"\n', 'names no room; write "gate/page.h"'),
            ("include/notaus/call.hpp", "#include <notaus/guard.hpp>\n", "call.hpp:1: core includes notaus/guard.hpp"),
            ("include/notaus/guard.hpp", '#include "ledger/ledger.h"\n', "page includes ledger/ledger.h"),
        ]:
            with self.subTest(complaint):
                self.expect(complaint, **{file: text})

    def test_the_table_itself(self):
        for old, new, complaint in [
            ("1 core   base", "1 core   base page", "core .floor 1. uses page .floor 2.: not below it"),
            ("1 core   base", "1 core   base net", "not below it"),
            ("3 gate   page net", "3 gate   page ledger", "gate never reaches ledger"),
            ("2 page   core", "2 page   core cellar", "cellar, which is no room"),
        ]:
            with self.subTest(complaint):
                self.expect(complaint, **{"src/FLOORS": FLOORS.replace(old, new)})

    def test_cmake_agrees(self):
        self.expect(r"room\(page\) uses net", **{"CMakeLists.txt": CMAKE.replace("USES core LIBS", "USES core net LIBS")})
        self.expect(r"room\(gate\) uses ledger", **{"CMakeLists.txt": CMAKE.replace("USES page LIBS b2", "USES page ledger")})
        self.expect(r"room\(attic\) is not in FLOORS", **{"CMakeLists.txt": CMAKE + "room(attic USES base)\n"})

    def test_shape(self):
        self.expect("src/page: has no ROOM.md", **{"src/page/ROOM.md": None})
        self.expect("about ten lines", **{"src/page/ROOM.md": "x\n" * 30})
        self.expect("src/stray.cc: stands in no room", **{"src/stray.cc": "\n"})
        self.expect("src/attic: is no room", **{"src/attic/a.h": "\n"})
        self.expect("1001 lines", **{"src/core/core.h": "\n" * 1001})
        self.expect("before its own header", **{"src/gate/gate.cc": '#include <vector>\n\n#include "gate/gate.h"\n'})

    def test_symbols(self):
        for code, complaint in [
            ("int sqlite3_open(const char*); int f() { return sqlite3_open(0); }", "libgate.a: contains sqlite3_open"),
            ("void PQfinish(void*); void f() { PQfinish(0); }", "contains PQfinish"),
            ("int f() { return 0; }", None),
        ]:
            with self.subTest(complaint):
                tree = Tree(self)
                (tree.root / "f.c").write_text(code, encoding="utf-8")
                subprocess.run(["clang-19", "-c", "f.c", "-o", "f.o"], cwd=tree.root, check=True)
                subprocess.run(["ar", "rc", "libgate.a", "f.o"], cwd=tree.root, check=True)
                found = list(check(tree.root, tree.root))
                self.assertTrue(found and complaint in found[0] if complaint else not found, found)
        tree = Tree(self)
        (tree.root / "f.cc").write_text(
            "namespace nlohmann { struct json { json(); }; json::json() {} }\n", encoding="utf-8")
        subprocess.run(["clang++-19", "-c", "f.cc", "-o", "libpage.a"], cwd=tree.root, check=True)
        self.assertIn("nlohmann", "".join(check(tree.root, tree.root)))


if __name__ == "__main__":
    unittest.main()
