#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs a command under ptrace, counts the system calls that change files, and kills the whole process before number N.

    tracer.py [--kill-at N [--cut DIRECTORY --flags F [--go-on]]] --report FILE -- COMMAND…

One count over all threads (strace counts for each thread alone), so that N from 1 upwards leaves out nothing. The report is JSON:
{"calls": [names in order], "killed": bool, "code": exit code}. With --cut the file system of DIRECTORY is shut down before that call
(FS_IOC_SHUTDOWN with these flags); with --go-on the process then runs on instead of being killed. Linux on x86-64 and aarch64.
"""

import argparse
import ctypes
import json
import os
import platform
import signal
import struct
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support.volume_image import cut_off  # noqa: E402

_LIBC = ctypes.CDLL(None, use_errno=True)
_LIBC.ptrace.restype = ctypes.c_long
_LIBC.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_TRACEME, _CONT_SYSCALL, _SETOPTIONS, _SYSCALL_INFO = 0, 24, 0x4200, 0x420E
# TRACESYSGOOD, TRACEFORK, TRACEVFORK, TRACECLONE, EXITKILL
_OPTIONS = 0x1 | 0x2 | 0x4 | 0x8 | 0x100000
_ENTRY = 1
_WALL = 0x40000000

_X86_64 = {
    1: "write", 2: "open", 18: "pwrite64", 20: "writev", 26: "msync", 74: "fsync", 75: "fdatasync", 76: "truncate",
    77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 85: "creat", 86: "link", 87: "unlink", 88: "symlink",
    90: "chmod", 91: "fchmod", 162: "sync", 257: "openat", 258: "mkdirat", 263: "unlinkat", 264: "renameat", 265: "linkat",
    266: "symlinkat", 268: "fchmodat", 277: "sync_file_range", 280: "utimensat", 285: "fallocate", 296: "pwritev",
    306: "syncfs", 316: "renameat2", 326: "copy_file_range", 437: "openat2",
}  # fmt: skip
_AARCH64 = {
    64: "write", 68: "pwrite64", 66: "writev", 227: "msync", 82: "fsync", 83: "fdatasync", 45: "truncate", 46: "ftruncate",
    52: "fchmod", 81: "sync", 56: "openat", 34: "mkdirat", 35: "unlinkat", 38: "renameat", 37: "linkat", 36: "symlinkat",
    53: "fchmodat", 84: "sync_file_range", 88: "utimensat", 47: "fallocate", 70: "pwritev", 267: "syncfs", 276: "renameat2",
    285: "copy_file_range", 437: "openat2",
}  # fmt: skip
_CALLS = _AARCH64 if platform.machine() == "aarch64" else _X86_64
_ON_DESCRIPTORS = {"write", "pwrite64", "writev", "pwritev"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def _ptrace(request, pid, address=0, data=0):
    result = _LIBC.ptrace(request, pid, address, data)
    if result < 0:
        raise OSError(ctypes.get_errno(), "ptrace %d of %d" % (request, pid))
    return result


def _entered(pid):
    """(number, arguments) of the system call that a thread is about to make; None at its way out."""
    buffer = ctypes.create_string_buffer(88)
    _ptrace(_SYSCALL_INFO, pid, len(buffer), ctypes.addressof(buffer))
    if buffer.raw[0] != _ENTRY:
        return None
    values = struct.unpack_from("<7Q", buffer.raw, 24)
    return values[0], values[1:]


def _changes_files(pid, name, arguments):
    if name in _ON_DESCRIPTORS:
        try:
            target = os.readlink("/proc/%d/fd/%d" % (pid, arguments[0]))
        except OSError:
            return False
        return target.startswith("/") and not target.startswith("/dev/") and os.path.isfile(target)
    if name == "open":
        return bool(arguments[1] & _WRITING)
    if name == "openat":
        return bool(arguments[2] & _WRITING)
    if name == "openat2":
        try:
            with open("/proc/%d/mem" % pid, "rb") as memory:
                memory.seek(arguments[2])
                return bool(struct.unpack("<Q", memory.read(8))[0] & _WRITING)
        except OSError:
            return True
    return True


def trace(command, kill_at=0, cut=None, flags=0, go_on=False):
    """The report as a dict; "killed" also when the volume was cut off."""
    child = os.fork()
    if child == 0:
        _ptrace(_TRACEME, 0)
        os.kill(os.getpid(), signal.SIGSTOP)
        os.execvp(command[0], command)
    os.waitpid(child, 0)
    _ptrace(_SETOPTIONS, child, 0, _OPTIONS)
    _ptrace(_CONT_SYSCALL, child)
    calls, killed, code = [], False, None
    while True:
        try:
            pid, status = os.waitpid(-1, _WALL)
        except ChildProcessError:
            break
        if os.WIFEXITED(status) or os.WIFSIGNALED(status):
            if pid == child:
                code = os.waitstatus_to_exitcode(status)
                break
            continue
        number, deliver = os.WSTOPSIG(status), 0
        if number == signal.SIGTRAP | 0x80:
            if not killed and _counts(pid, calls) and len(calls) == kill_at:
                killed = True
                if cut:
                    cut_off(cut, flags)
                if not go_on:
                    os.kill(child, signal.SIGKILL)
                    continue
        elif status >> 16 == 0 and number not in (signal.SIGSTOP, signal.SIGTRAP):
            deliver = number
        try:
            _ptrace(_CONT_SYSCALL, pid, 0, deliver)
        except OSError:
            pass  # the thread is gone
    return {"calls": calls, "killed": killed, "code": code}


def _counts(pid, calls):
    try:
        entered = _entered(pid)
    except OSError:
        return False
    if entered is None or entered[0] not in _CALLS:
        return False
    name = _CALLS[entered[0]]
    if not _changes_files(pid, name, entered[1]):
        return False
    calls.append(name)
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--kill-at", type=int, default=0)
    parser.add_argument("--cut")
    parser.add_argument("--flags", type=int, default=0)
    parser.add_argument("--go-on", action="store_true")
    parser.add_argument("--report", required=True)
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    report = trace(options.command, options.kill_at, options.cut, options.flags, options.go_on)
    with open(options.report, "w", encoding="ascii") as out:
        json.dump(report, out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
