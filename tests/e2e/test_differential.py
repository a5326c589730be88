#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Random repositories with random histories: the published tree against git's own, byte for byte and mode for mode.

    DIFFERENTIAL_TRIALS=1000 DIFFERENTIAL_SEED=7 tests/e2e/test_differential.py
"""

import os
import random
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import EXECUTABLE, FILE, SUBMODULE, SYMLINK, AdapterTest, git, main  # noqa: E402
from tests.support.faults import random_seed  # noqa: E402

TRIALS = int(os.environ.get("DIFFERENTIAL_TRIALS", "50"))
WORDS = ["a", "b", "src", "lib", "ü", "日本", "x y", "-f", "long" * 40, "Z", "a.b", "a-b", "a0", "README", ".x"]


class History:
    """A remote whose every step is drawn from one random source."""

    def __init__(self, remote, source):
        self.remote = remote
        self.random = source
        self.paths = {}

    def path(self):
        return "/".join(self.random.choice(WORDS) for _ in range(self.random.randint(1, 5)))

    def content(self):
        kind = self.random.random()
        if kind < 0.1:
            return b""
        if kind < 0.7:
            return ("line %d\n" % self.random.randrange(50)).encode() * self.random.randint(1, 40)
        return self.random.randbytes(self.random.choice((1, 100, 5000, 70_000)))

    def value(self):
        kind = self.random.random()
        if kind < 0.65:
            return (FILE, self.content())
        if kind < 0.85:
            return (EXECUTABLE, self.content())
        if kind < 0.95:
            return (SYMLINK, self.random.choice(("a", "./b", "src", "missing", "lib/a")))
        return (SUBMODULE, "%040x" % self.random.getrandbits(160))

    def conflicts(self, path):
        """What git itself removes when `path` becomes a file."""
        return [
            other for other in self.paths
            if other == path or other.startswith(path + "/") or path.startswith(other + "/")
        ]  # fmt: skip

    def step(self, branch="main"):
        files, delete = {}, []
        for _ in range(self.random.randint(0, 12)):
            path = self.path()
            if any(path.startswith(each + "/") or each.startswith(path + "/") for each in files):
                continue
            for other in self.conflicts(path):
                self.paths.pop(other)
                if other not in files:
                    delete.append(other)
            files[path] = self.value()
            self.paths[path] = files[path]
        for path in self.random.sample(sorted(self.paths), min(len(self.paths), self.random.randint(0, 3))):
            if path not in files:
                delete.append(path)
                self.paths.pop(path)
        parent = "branch"
        if self.random.random() < 0.1:
            parent, delete = None, []
            files = dict(self.paths)
        return self.remote.commit(files, branch, delete=delete, parent=parent)


class Differential(AdapterTest):
    def test_random_repositories(self):
        seed = int(os.environ.get("DIFFERENTIAL_SEED", random_seed()))
        print("differential: seed %d, replay: DIFFERENTIAL_SEED=%d %s" % (seed, seed, __file__), flush=True)
        batch = 10
        for first in range(0, TRIALS, batch):
            numbers = range(first, min(first + batch, TRIALS))
            self.one_batch(seed, numbers)

    def one_batch(self, seed, numbers):
        histories, entries = {}, []
        for number in numbers:
            source = random.Random("%d/%d" % (seed, number))
            remote = self.remote("r%d.git" % number)
            history = History(remote, source)
            for _ in range(source.randint(1, 4)):
                history.step()
            if source.random() < 0.3:
                git(remote.directory, "repack", "-adq")
            depth = source.choice((1, 1, 2, 0))
            entries.append(self.entry(remote, "r%d" % number, depth=depth, symlinks="keep"))
            histories["r%d" % number] = history
        adapter = self.adapter(self.config(*entries, every="100ms"), level="info").start()
        for _ in range(4):
            for name, history in histories.items():
                with self.subTest(name, seed=seed):
                    adapter.wait_published(name, history.remote.resolve("main"), seconds=30)
                    problems = self.volume(adapter, name)
                    problems.check_complete(history.remote.directory, history.remote.advertised, must=True)
                    self.assertEqual(problems.problems, [])
                for _ in range(history.random.randint(1, 3)):
                    history.step()
        for name, history in histories.items():
            adapter.wait_published(name, history.remote.resolve("main"), seconds=30)
        for name, history in histories.items():
            with self.subTest(name, seed=seed):
                self.assert_good(adapter, history.remote, name, commit=history.remote.resolve("main"))
                self.compare_with_a_checkout(adapter, history.remote, name)
        adapter.stop()
        for name in histories:
            shutil.rmtree(os.path.join(adapter.data, ".adapter", name))

    def compare_with_a_checkout(self, adapter, remote, name):
        """Not by ids, but by what git writes."""
        tree = os.path.join(self.folder, "checkout")
        shutil.rmtree(tree, ignore_errors=True)
        git(self.folder, "clone", "--quiet", "--no-local", "--branch", "main", remote.directory, tree)
        shutil.rmtree(os.path.join(tree, ".git"))
        self.assertEqual(listing(os.path.realpath(adapter.link(name))), listing(tree), name)


def listing(folder):
    """path → kind, executable bit, bytes."""
    found = {}
    for here, folders, names in os.walk(folder):
        for each in names + folders:
            path = os.path.join(here, each)
            shown = os.path.relpath(path, folder)
            if os.path.islink(path):
                found[shown] = ("link", os.readlink(path))
            elif os.path.isdir(path):
                found[shown] = ("folder",)
            else:
                with open(path, "rb") as source:
                    found[shown] = ("file", bool(os.stat(path).st_mode & 0o100), source.read())
    return found


if __name__ == "__main__":
    main()
