# SPDX-License-Identifier: Apache-2.0
"""Holds one thread of a child process, while its others go on: an event loop that does not turn."""

import contextlib
import ctypes
import os

_SEIZE, _INTERRUPT, _DETACH = 0x4206, 0x4207, 17
_WAIT_FOR_ALL = 0x40000000  # __WALL
_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def _ptrace(request, thread):
    if _libc.ptrace(request, thread, None, None) != 0:
        number = ctypes.get_errno()
        raise OSError(number, "ptrace: " + os.strerror(number))


@contextlib.contextmanager
def held_thread(thread):
    """`thread`: its id; a process's own is that of its main thread. Enter and leave it on one thread of ours. PermissionError
    where tracing is forbidden."""
    _ptrace(_SEIZE, thread)
    try:
        _ptrace(_INTERRUPT, thread)
        os.waitpid(thread, _WAIT_FOR_ALL)  # nobody else may take this for the child's end
        yield
    finally:
        _ptrace(_DETACH, thread)
