# SPDX-License-Identifier: Apache-2.0
"""A volume some of whose sectors cannot be read: reading them is EIO, and a mapping of them is a SIGBUS."""

import os
import shutil
import subprocess

from tests.support.stopped_volume import StoppedVolume

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_sectors.cpp")
SECTOR = 4096


def missing():
    """What this machine lacks for such a volume; None when it lacks nothing."""
    if shutil.which("bindfs") is None:
        return "bindfs is not installed"
    if _compiler() is None:
        return "there is no C++ compiler"
    return None


def _compiler():
    return shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")


class BadSectorsVolume(StoppedVolume):
    """`store` is shown at `path`. spoil() and heal() take effect for files that are opened after them: what the kernel has read of an
    open file it may keep."""

    def __init__(self, path, store, folder):
        library = os.path.join(folder, "bad_sectors.so")
        self._parts = os.path.join(folder, "bad-sectors")
        self._store = store
        self._kept = []  # a number of a file that goes would be the next file's
        subprocess.run([_compiler(), "-std=c++20", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
        super().__init__(path, store, {"LD_PRELOAD": library, "BAD_SECTORS": self._parts})

    def spoil(self, name, place, size=SECTOR):
        """From now on `size` bytes at `place` of the file at `name`, a path below the volume, cannot be read. Whole pages are lost."""
        self._kept.append(os.open(os.path.join(self._store, name), os.O_RDONLY))
        inode = os.fstat(self._kept[-1]).st_ino
        with open(self._parts, "a", encoding="ascii") as parts:
            parts.write("%d %d %d\n" % (inode, place, place + size))

    def heal(self):
        if os.path.exists(self._parts):
            os.unlink(self._parts)
        while self._kept:
            os.close(self._kept.pop())
