#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""H5: bombs, with the program under a memory limit of 1 GiB: small on the wire, enormous when unfolded."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.reliability.h6_packs import cpu_seconds  # noqa: E402
from tests.support.remotes import git  # noqa: E402

GIB = 1 << 30
CPU = 30.0  # seconds that the program may use for one bomb; the clock would judge the machine's other load
_FILE, _FOLDER, _LINK = "100644", "40000", "120000"


def exponential_tree(remote):
    """Ten folders of ten of ten…: 40 objects that stand for 10^13 files."""
    tree = remote.raw_tree([(_FILE, "f%d" % index, remote.blob("x")) for index in range(10)])
    for _ in range(12):
        tree = remote.raw_tree([(_FOLDER, "d%d" % index, tree) for index in range(10)])
    return remote.raw_commit(tree)


def deep_tree(remote, levels=5000):
    """Deeper than any path may be."""
    tree = remote.raw_tree([(_FILE, "f", remote.blob("x"))])
    for _ in range(levels):
        tree = remote.raw_tree([(_FOLDER, "d", tree)])
    return remote.raw_commit(tree)


def somewhat_deep_tree(remote):
    return deep_tree(remote, 200)


def long_paths(remote):
    """Fewer folders than the limit, and a path longer than 4,095 bytes."""
    tree = remote.raw_tree([(_FILE, "f", remote.blob("x"))])
    for _ in range(40):
        tree = remote.raw_tree([(_FOLDER, "n" * 200, tree)])
    return remote.raw_commit(tree)


def large_blob(remote):
    """400 MB of nothing, over the limit of one object."""
    blob = remote.blob(bytes(400 << 20))
    return remote.raw_commit(remote.raw_tree([(_FILE, "zeros", blob)]))


def many_large_blobs(remote):
    """Thirty times the same 200 MB under one roof: each is allowed, the sum of 6 GB is not."""
    blob = remote.blob(bytes(200 << 20))
    return remote.raw_commit(remote.raw_tree([(_FILE, "zeros-%02d" % index, blob) for index in range(30)]))


def delta_bomb(remote):
    """Forty versions of 30 MB, each a few bytes as a delta of the one before; the tree names them all."""
    entries = []
    for index in range(40):
        content = b"%d" % index + bytes(30 << 20)
        entries.append((_FILE, "v%03d" % index, remote.blob(content)))
    commit = remote.raw_commit(remote.raw_tree(entries))
    git(remote.directory, "-c", "pack.window=2", "-c", "core.bigFileThreshold=1g", "repack", "-adfq", "--depth=50")
    return commit


def huge_tree(remote):
    """One folder with more entries than a published tree may have."""
    blob = remote.blob("x")
    return remote.raw_commit(remote.raw_tree([(_FILE, "%07d" % index, blob) for index in range(1_000_100)]))


def long_commit(remote):
    """A message of 3 MB."""
    return remote.raw_commit(remote.raw_tree([(_FILE, "a", remote.blob("x"))]), extra=b"\n" + b"m" * (3 << 20))


def large_link(remote):
    """A symbolic link whose target is 50 MB."""
    return remote.raw_commit(remote.raw_tree([(_LINK, "link", remote.blob(b"a/" * (25 << 20)))]))


def many_links(remote):
    """20,000 links, each through all the others."""
    tree = remote.raw_tree([(_LINK, "%06d" % index, remote.blob("%06d/../%06d" % (index + 1, index + 1))) for index in range(20_000)])
    return remote.raw_commit(tree)


def many_refs(remote):
    """As many refs under the prefix as are kept, and the right one among them."""
    commit = remote.commit({"a": "among many"})
    remote.many_refs(99_000, commit, prefix="refs/heads/main-")
    return commit


# name → (maker, classes of the refusal; empty: it may as well be published)
BOMBS = {
    "exponential tree": (exponential_tree, {"limit"}),
    "deep tree": (deep_tree, {"limit", "policy"}),
    "somewhat deep tree": (somewhat_deep_tree, {"limit", "policy"}),
    "long paths": (long_paths, {"limit", "policy"}),
    "large blob": (large_blob, {"limit"}),
    "many large blobs": (many_large_blobs, {"limit"}),
    "delta bomb": (delta_bomb, {"limit"}),
    "huge tree": (huge_tree, {"limit"}),
    "long commit": (long_commit, {"limit"}),
    "large link": (large_link, {"limit", "policy"}),
    "many links": (many_links, set()),
    "many refs": (many_refs, set()),
}


class Bombs(rig.Row):
    """Bombs under a memory limit."""

    name = "H5"
    title = "bombs under a memory limit of 1 GiB"
    quick = len(BOMBS)
    long = quick
    jobs = 2

    def numbers(self, count):
        return range(self.quick)

    def trial(self, number, source, folder):
        what = sorted(BOMBS)[number]
        maker, classes = BOMBS[what]
        remote = self.remote("h5-%d.git" % number, {"a": "good"})
        first = remote.resolve("main")
        # Private memory, not addresses: mapped files and reserved arenas cost nothing.
        wrap = ["prlimit", "--data=%d" % GIB, "--core=0"]
        entry = self.entry(remote, ref="main", limits={"max_tree_bytes": "1GiB"})
        adapter = self.adapter(folder, entry, wrap=wrap).start()
        try:
            adapter.wait_published("docs", first, seconds=30)
            commit = maker(remote)
            before = cpu_seconds(adapter)
            event = self.outcome(adapter, commit)
            problems = self.judge(adapter, remote, event, classes, first, cpu_seconds(adapter) - before)
            better = remote.commit({"a": "better"}, parent=first)
            adapter.wait_published("docs", better, seconds=180)
            problems += self.memory(adapter)
            problems += rig.check_at_rest(adapter, "docs", remote, {better})
            adapter.stop()
        finally:
            adapter.kill()
        return ["%s: %s" % (what, each) for each in problems]

    @staticmethod
    def outcome(adapter, commit, seconds=180):
        def ended():
            found = adapter.found("check_failed", "docs") + adapter.found("published", "docs", commit=commit)
            return found[0] if found else None

        return adapter.wait_for(ended, seconds, "a refusal or a publish")

    @staticmethod
    def judge(adapter, remote, event, classes, first, seconds):
        problems = []
        if classes and event.get("class") not in classes:
            problems.append("ended with %s" % event)
        if event["event"] == "check_failed" and event["class"] not in (classes or {"limit", "policy"}):
            problems.append("ended with %s" % event)
        if event["event"] == "check_failed":
            problems += rig.check(adapter.data, "docs", remote.directory, {first}, settled=False)
        if seconds > CPU:
            problems.append("it took %.0f s of CPU to say no" % seconds)
        return problems

    @staticmethod
    def memory(adapter):
        with open("/proc/%d/status" % adapter.process.pid, encoding="ascii") as status:
            peak = [int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM")][0]
        return ["%d MiB of memory at the most" % (peak >> 20)] if peak >= GIB else []

    def planted(self, folder):
        # A commit that is no bomb is published, which the row must not take for a refusal.
        remote = self.remote("planted.git", {"a": "good"})
        first = remote.resolve("main")
        adapter = self.adapter(folder, self.entry(remote)).start()
        adapter.wait_published("docs", first)
        commit = remote.commit({"a": "no bomb"})
        event = self.outcome(adapter, commit)
        adapter.stop()
        return self.judge(adapter, remote, event, {"limit"}, first, 0)


if __name__ == "__main__":
    rig.main(Bombs)
