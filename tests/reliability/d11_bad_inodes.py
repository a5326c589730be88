#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D11: an inode of a published tree cannot be looked up: of its own folder, of a folder or of a file in it. The daemon lives, and writes no
tree again and again that it cannot put in the place of the damaged one; the next commit is published, and its neighbour's too.

The inode has a wrong checksum on a real ext4, for which looking it up is EBADMSG, also for a rename and a removal.
"""

import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support import volume_image  # noqa: E402
from tests.support.volume_image import VolumeImage  # noqa: E402

PLACES = ("", "d1", "d1/f1")  # below the tree
PATIENCE = 60.0  # seconds for a publish
WATCHED = 8.0  # seconds in which the daemon tries what it cannot do
FILES = 200
FILE_BYTES = 20_000


class BadInodes(rig.Row):
    """A part of a published tree that cannot be looked up."""

    name = "D11"
    title = "an inode of a published tree that cannot be looked up"
    quick = 3
    long = 60
    jobs = 3

    @classmethod
    def missing(cls):
        if os.geteuid() != 0:
            return "only root can mount"
        for tool in ("mkfs.ext4", "debugfs"):
            if not volume_image.find_tool(tool):
                return "%s is not installed" % tool
        try:
            volume_image.make_mounts_private()
        except OSError as error:
            return "no private mounts: %s" % error
        with tempfile.TemporaryDirectory() as folder:
            volume = VolumeImage(os.path.join(folder, "image"), os.path.join(folder, "place"), "ext4")
            try:
                volume.make().mount()
            except OSError as error:
                return "no file system on a loop device: %s" % error
            finally:
                volume.remove()
        return None

    def make(self, label, folder):
        """A daemon that has published two repositories on such a file system, and ended."""
        files = {"d%d/f%d" % (each % 10, each): os.urandom(FILE_BYTES) for each in range(FILES)}
        remotes = [self.remote("%s-bad.git" % label, files), self.remote("%s-good.git" % label, {"a": "1"})]
        adapter = self.adapter(folder, *[self.entry(remote, name) for remote, name in zip(remotes, ("bad", "good"))])
        volume = VolumeImage(os.path.join(folder, "image"), adapter.data, "ext4").make().mount()
        adapter.start()
        for remote, name in zip(remotes, ("bad", "good")):
            adapter.wait_published(name, remote.resolve("main"), seconds=PATIENCE)
        adapter.stop()
        return remotes, adapter, volume

    @staticmethod
    def spoil(volume, path):
        inode = os.lstat(path).st_ino
        volume.unmount()
        command = [volume_image.find_tool("debugfs"), "-w", "-R", "sif <%d> checksum 0x12345678" % inode, volume.path]
        subprocess.run(command, capture_output=True, check=True, timeout=60)
        volume.mount()
        try:
            os.lstat(path)
        except OSError:
            return
        raise AssertionError("the inode of %s can still be looked up" % path)

    def trial(self, number, source, folder):
        place = PLACES[number % len(PLACES)]
        remotes, adapter, volume = self.make("d11-%d" % number, folder)
        try:
            self.spoil(volume, os.path.join(os.path.realpath(adapter.link("bad")), place))
            adapter.start()
            problems = rig.wait_for_commits(adapter, {"good": remotes[1].commit({"a": "2"})}, "beside it", PATIENCE)
            problems = problems or self.watch(adapter)
            commits = {name: remote.commit({"new": name}) for remote, name in zip(remotes, ("bad", "good"))}
            problems = problems or rig.wait_for_commits(adapter, commits, "behind it", PATIENCE)
            if not problems:
                adapter.stop()
                adapter.start()
                commits = {name: remote.commit({"newer": name}) for remote, name in zip(remotes, ("bad", "good"))}
                problems = rig.wait_for_commits(adapter, commits, "after the next start", PATIENCE)
            adapter.stop()
            return ["%s: %s" % (place or "the tree itself", each) for each in problems]
        finally:
            adapter.kill()
            volume.remove()

    @staticmethod
    def watch(adapter):
        """What is written while nothing can be mended."""
        time.sleep(1)  # the first try may write a whole tree
        before = written_bytes(adapter)
        time.sleep(WATCHED)
        written = written_bytes(adapter) - before
        if written > 2 * FILES * FILE_BYTES:
            return ["%d MB were written in %.0f s" % (written // 1_000_000, WATCHED)]
        return []

    def planted(self, folder):
        # A daemon that hangs.
        remotes, adapter, volume = self.make("planted", folder)
        try:
            adapter.start()
            adapter.wait_published("bad", remotes[0].resolve("main"), seconds=PATIENCE)
            adapter.signal(19)
            return rig.wait_for_commits(adapter, {"bad": remotes[0].commit({"new": "1"})}, "planted:", 3.0)
        finally:
            adapter.kill()
            volume.remove()


def written_bytes(adapter):
    with open("/proc/%d/io" % adapter.process.pid, encoding="ascii") as source:
        return int([line.split()[1] for line in source if line.startswith("write_bytes:")][0])


if __name__ == "__main__":
    rig.main(BadInodes)
