#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D9: a sector of a stored pack, or of its index, cannot be read: EIO for a read and a SIGBUS for a mapping. The daemon lives, its other
repositories are published as ever, and the damaged one fetches again what it lost.

The store's own tests truncate and flip the files at each 64th of them (tests/integration/store_damage_test.cpp), and let single reads
fail. Here it is the program, and a volume that does both.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support import bad_sectors  # noqa: E402

NEIGHBOUR = 20.0  # seconds for a publish beside the damaged repository, on a loaded machine
RECOVERY = 60.0  # seconds for the damaged one


class BadSectors(rig.Row):
    """A pack or an index with a sector that cannot be read."""

    name = "D9"
    title = "a sector of a stored pack or of an index that cannot be read"
    quick = 8
    long = 200
    jobs = 2

    @classmethod
    def missing(cls):
        return bad_sectors.missing()

    def make(self, label, folder):
        """A daemon that has published two repositories on such a volume."""
        files = {"f%02d" % each: os.urandom(60_000) for each in range(20)}
        files.update(("small/%03d" % each, str(each)) for each in range(300))  # for an index of several pages
        remotes = [self.remote("%s-bad.git" % label, files), self.remote("%s-good.git" % label, {"a": "1"})]
        entries = [self.entry(remote, name) for remote, name in zip(remotes, ("bad", "good"))]
        adapter = self.adapter(folder, *entries)
        volume = bad_sectors.BadSectorsVolume(adapter.data, os.path.join(folder, "store"), folder)
        return remotes, adapter, volume

    def trial(self, number, source, folder):
        remotes, adapter, volume = self.make("d9-%d" % number, folder)
        try:
            adapter.start()
            for remote, name in zip(remotes, ("bad", "good")):
                adapter.wait_published(name, remote.resolve("main"), seconds=RECOVERY)
            ending = (".pack", ".idx")[number % 2]
            name, place = self.choose(adapter, source, ending)
            restarts = number % 4 >= 2  # the start meets the damage, or else a commit does
            if restarts:
                adapter.stop()
            volume.spoil(name, place)
            if restarts:
                adapter.start()
            problems = self.go_on(adapter, remotes, "with the bad sector", {"f00": "2", "f01": "new"})
            if not problems and os.path.exists(os.path.join(adapter.data, name)):
                problems = ["%s is still in use" % os.path.basename(name)]
            if not problems:
                adapter.stop()
                adapter.start()
                problems = self.go_on(adapter, remotes, "after the next start", {"f02": "3"})
            if not problems:
                problems = [each for remote, repository in zip(remotes, ("bad", "good"))
                            for each in rig.check_at_rest(adapter, repository, remote, {remote.resolve("main")})]  # fmt: skip
                adapter.stop()
            where = "%s at %d%s" % (ending, place, ", found by a start" if restarts else "")
            return ["%s: %s" % (where, each) for each in problems]
        finally:
            adapter.kill()
            volume.unmount()

    @staticmethod
    def choose(adapter, source, ending):
        """A page that every publish has to read: of an index each one, of a pack one within the files that stay as they are."""
        folder = os.path.join(".adapter", "bad", "repo.git", "objects", "pack")
        name = [each for each in os.listdir(os.path.join(adapter.data, folder)) if each.endswith(ending)][0]
        size = os.path.getsize(os.path.join(adapter.data, folder, name))
        pages = range(size // bad_sectors.SECTOR + 1) if ending == ".idx" else range(size // 4 // 4096, size // 2 // 4096)
        return os.path.join(folder, name), source.choice(pages) * bad_sectors.SECTOR

    @staticmethod
    def go_on(adapter, remotes, when, changes):
        """Each repository gets a commit. The damaged one's is published too, and its neighbour's does not wait for that."""
        commits = [remotes[0].commit(changes), remotes[1].commit({"a": when})]
        problems = rig.wait_for_commits(adapter, {"good": commits[1]}, when, NEIGHBOUR)
        return problems or rig.wait_for_commits(adapter, {"bad": commits[0]}, when, RECOVERY)

    def planted(self, folder):
        # A daemon that something else ends with the signal that a mapping of the sector would be.
        remotes, adapter, volume = self.make("planted", folder)
        try:
            adapter.start()
            adapter.wait_published("bad", remotes[0].resolve("main"), seconds=RECOVERY)
            adapter.signal(7)
            adapter.process.wait()
            return self.go_on(adapter, remotes, "planted:", {"f00": "2"})
        finally:
            adapter.kill()
            volume.unmount()


if __name__ == "__main__":
    rig.main(BadSectors)
