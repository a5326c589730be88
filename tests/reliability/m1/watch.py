#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads links over and over, as a process of its own, and writes a line whenever one differs from the look before.

    watch.py DATA_DIR PATH…

Each line is JSON: [round, time, path, target, resolves]. `time` is of the monotonic clock; the target is null when nothing or a folder
is there, which may be on the way to other links, and "!" when something else is; `resolves` says whether a folder is found through the
link. A byte on standard input is answered, after one more full round, by a line "null"; its end ends the process.
"""

import errno
import json
import os
import select
import stat
import sys
import time

_PAUSE_SECONDS = 0.0003


def _read(path):
    """The target; None and "!" as the module says."""
    while True:
        try:
            return os.readlink(path)
        except OSError as failure:
            if failure.errno != errno.EINVAL:
                return None
        try:
            mode = os.lstat(path).st_mode
        except OSError:
            return None
        if not stat.S_ISLNK(mode):  # else it came between the two looks
            return None if stat.S_ISDIR(mode) else "!"


def look(path):
    target = _read(path)
    while target not in (None, "!"):
        try:
            return target, stat.S_ISDIR(os.stat(path).st_mode)
        except OSError:
            before, target = target, _read(path)
            if target == before:
                return target, False
    return target, False


def changes(paths, seen):
    """[(name, target, resolves)…] of what differs from `seen`, which is brought up to date. After a link that went, all are read once
    more: its daemon may have made another one just before, at a path that had been read already."""
    found = []
    for _ in range(2):
        vanished = False
        for name, path in paths:
            now = look(path)
            if now != seen[name]:
                seen[name] = now
                found.append((name, *now))
                vanished = vanished or now[0] is None
        if not vanished:
            break
    return found


def main():
    data, names = sys.argv[1], sys.argv[2:]
    paths = [(name, os.path.join(data, name)) for name in names]
    seen = {name: (None, False) for name in names}
    number = 0
    poll = select.poll()
    poll.register(0, select.POLLIN | select.POLLHUP)
    while True:
        asked = 0
        if poll.poll(0):
            asked = len(os.read(0, 64))
            if not asked:
                return
        number += 1
        lines = "".join(json.dumps([number, time.monotonic(), *each]) + "\n" for each in changes(paths, seen))
        lines += "null\n" * asked
        if lines:
            os.write(1, lines.encode())
        time.sleep(_PAUSE_SECONDS)


if __name__ == "__main__":
    main()
