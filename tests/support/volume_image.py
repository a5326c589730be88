# SPDX-License-Identifier: Apache-2.0
"""File systems in image files, mounted where only this program sees them, and cut off as a power cut would do it."""

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
import time

_LIBC = ctypes.CDLL(None, use_errno=True)
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 1 << 14, 1 << 18
# _IOR('X', 125, __u32), of ext4, XFS, Btrfs and F2FS.
_FS_IOC_SHUTDOWN = 0x8004587D

# What reached the journal so far is all there is; or: the journal is written out first, data pages are not.
WITHOUT_JOURNAL, WITH_JOURNAL = 2, 1

# Without ext4's own help for programs that forget a sync, and with no commit of its journal by time. XFS: several copies of one image at a time.
_OPTIONS = {"ext4": "loop,noauto_da_alloc,commit=300", "xfs": "loop,nouuid"}
_MAKE = {
    "ext4": ("mkfs.ext4", "-q", "-F", "-J", "size=4", "-E", "lazy_itable_init=1,lazy_journal_init=1"),
    "xfs": ("mkfs.xfs", "-q", "-f"),
}
_MEBIBYTES = {"ext4": 64, "xfs": 320}


def find_tool(name):
    """A program, also where only root looks; None when it is not installed."""
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def make_mounts_private():
    """From now on mounts of this thread, and of threads and programs it starts, are seen by no other. Raises OSError."""
    if _LIBC.unshare(_CLONE_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    if _LIBC.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) != 0:
        raise OSError(ctypes.get_errno(), "mount")


def cut_off(directory, flags):
    """Ends the file system that `directory` lies on: nothing is written to its device from here on."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.ioctl(descriptor, _FS_IOC_SHUTDOWN, struct.pack("I", flags))
    finally:
        os.close(descriptor)


class VolumeImage:
    """One file system in the file `path`, mounted at `place`. `kind`: a key of KINDS."""

    def __init__(self, path, place, kind):
        self.path = path
        self.place = place
        self.kind = kind

    def make(self):
        with open(self.path, "wb") as out:
            out.truncate(_MEBIBYTES[self.kind] << 20)
        name, *arguments = _MAKE[self.kind]
        _run(find_tool(name), *arguments, self.path)
        return self

    def copy_to(self, path, place):
        """A second one with the same content; this one is not mounted."""
        _run("cp", "--sparse=always", self.path, path)
        return VolumeImage(path, place, self.kind)

    def mount(self):
        """Replays the journal where there is something in it."""
        os.makedirs(self.place, exist_ok=True)
        _run("mount", "-t", self.kind, "-o", _OPTIONS[self.kind], self.path, self.place)
        os.chmod(self.place, 0o755)
        return self

    def cut_off(self, flags):
        cut_off(self.place, flags)

    def unmount(self):
        deadline = time.monotonic() + 20
        while subprocess.run(["umount", self.place], capture_output=True, check=False).returncode != 0:
            if not os.path.ismount(self.place):
                return
            if time.monotonic() > deadline:
                raise AssertionError("%s is still in use" % self.place)
            time.sleep(0.05)

    def remove(self):
        """Whatever state it is in."""
        if os.path.ismount(self.place):
            subprocess.run(["umount", "-l", self.place], capture_output=True, check=False)
        if os.path.exists(self.path):
            os.unlink(self.path)


KINDS = tuple(_MAKE)


def _run(*command):
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    if done.returncode != 0:
        raise OSError("%s: %s" % (" ".join(command[:1]), (done.stderr or done.stdout).strip()))


def build_preload(folder, source):
    """Compiles C functions to put before the C library's, for LD_PRELOAD; the path of the library."""
    compiler = find_tool("cc") or find_tool("gcc") or find_tool("clang-19")
    path = os.path.join(folder, "preload.so")
    text = os.path.join(folder, "preload.c")
    with open(text, "w", encoding="ascii") as out:
        out.write(source)
    _run(compiler, "-shared", "-fPIC", "-O1", "-o", path, text)
    return path
