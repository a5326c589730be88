#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""H1: hostile names and modes. Nothing of such a commit is published, the tree before stays, the next good commit arrives."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402

FILE, FOLDER, LINK = "100644", "40000", "120000"

NAMES = [
    ".git", ".GIT", ".Git", ".git ", ".git.", ".git...", ".git . .", ".git::$INDEX_ALLOCATION", ".git:stream", "git~1", "GIT~1",
    ".g\u200cit", ".gi\u200dt", "\u200e.git", "\u200f.git", ".git\ufeff", ".\u202agit", ".gI\u202eT", ".git\u206a", ".g\u206fit", "..", ".", "", "a/b", "../x", "/etc/passwd",
    "a\\b", "..\\x", "a\nb", "a\rb", "a\tb", "a\x01b", "a\x1bb", "a\x7fb", "x" * 256,
]  # fmt: skip

# (what, entries of a tree: mode, name, kind of object)
TREES = [("the name %r" % name, [(FILE, name, "blob")]) for name in NAMES]
TREES += [("a folder of the name %r" % name, [(FOLDER, name, "tree")]) for name in (".git", "..", "git~1", ".GIT", "")]
TREES += [("a link of the name %r" % name, [(LINK, name, "blob")]) for name in (".git", "..")]
TREES += [
    ("a submodule of the name '.git'", [("160000", ".git", "none")]),
    ("the same name twice", [(FILE, "a", "blob"), (FILE, "a", "blob")]),
    ("a file and a folder of one name", [(FILE, "a", "blob"), (FOLDER, "a", "tree")]),
    ("a link and a folder of one name", [(LINK, "a", "blob"), (FOLDER, "a", "tree")]),
    ("unsorted names", [(FILE, "b", "blob"), (FILE, "a", "blob")]),
    ("setuid", [("104755", "a", "blob")]),
    ("a pipe", [("10644", "a", "blob")]),
    ("a device", [("60644", "a", "blob")]),
    ("mode 0", [("0", "a", "blob")]),
    ("mode 777", [("777", "a", "blob")]),
    ("setgid", [("102755", "a", "blob")]),
    ("a mode of many digits", [("100000000000000000000644", "a", "blob")]),
    ("a mode that is no number", [("10064x", "a", "blob")]),
    ("a folder that is a blob", [(FOLDER, "a", "blob")]),
    ("a file that is a tree", [(FILE, "a", "tree")]),
    ("a link that is a tree", [(LINK, "a", "tree")]),
    ("an empty link", [(LINK, "a", "empty")]),
    ("a link with a NUL", [(LINK, "a", "nul")]),
    ("a link longer than a path", [(LINK, "a", "long")]),
]


class Hostile(rig.Row):
    """Hostile names and modes."""

    name = "H1"
    title = "hostile names and modes"
    quick = len(TREES) * 2
    long = quick
    jobs = 4

    def numbers(self, count):
        return range(self.quick)

    def trial(self, number, source, folder):
        what, entries = TREES[number // 2]
        remote = self.remote("h%d.git" % number, {"a": "good", "d/b": "good"})
        first = remote.resolve("main")
        self.make(remote, entries, nested=number % 2 == 1)
        adapter = self.adapter(folder, self.entry(remote, ref="main"))
        remote_main = remote.resolve("main")
        remote.set_ref("refs/heads/main", first)
        if adapter.once() != 0:
            return ["before: " + adapter.tail(4)]
        with open(os.path.join(remote.directory, "refs/heads/main"), "w", encoding="ascii") as out:
            out.write(remote_main + "\n")
        code = adapter.once()
        problems = self.judge(remote, adapter, code, first)
        good = remote.commit({"a": "better"}, parent=first)
        if adapter.once() != 0 or adapter.published("docs") != good:
            problems.append("the next good commit did not arrive: " + adapter.tail(4))
        outside = set(os.listdir(adapter.data)) - {".adapter", "docs"}
        problems += ["written outside of the tree: %s" % outside] if outside else []
        return ["%s: %s" % (what, each) for each in problems]

    @staticmethod
    def make(remote, entries, nested):
        objects = {
            "blob": remote.blob("evil"), "empty": remote.blob(""), "nul": remote.blob(b"a\0b"), "long": remote.blob(b"x/" * 2500),
            "none": "1" * 40,
        }  # fmt: skip
        objects["tree"] = remote.raw_tree([(FILE, "inside", objects["blob"])])
        tree = remote.raw_tree([(mode, name, objects[kind]) for mode, name, kind in entries])
        if nested:
            tree = remote.raw_tree([(FILE, "first", objects["blob"]), (FOLDER, "folder", tree)])
        return remote.raw_commit(tree)

    @staticmethod
    def judge(remote, adapter, code, first):
        problems = rig.check(adapter.data, "docs", remote.directory, {first})
        failures = {event["class"] for event in adapter.found("check_failed")}
        if code == 0 or not failures:
            problems.append("it was not refused: exit code %d" % code)
        # What the server's own pack-objects cannot read never arrives: then it is the server's error.
        if failures - {"policy", "corrupt", "limit", "protocol", "network"}:
            problems.append("classes %s" % failures)
        return problems

    def planted(self, folder):
        # A commit that is not hostile is not refused, and the row says so.
        remote = self.remote("planted.git", {"a": "good"})
        adapter = self.adapter(folder, self.entry(remote))
        first = remote.resolve("main")
        return self.judge(remote, adapter, adapter.once(), first)


if __name__ == "__main__":
    rig.main(Hostile)
