# SPDX-License-Identifier: Apache-2.0
"""User ids for tests whose limits count per user."""

import os
import random

# Above what distributions give to services and people, below what a user namespace of 65,536 ids ends with.
CANDIDATES = range(20_000, 60_000)


def ids_in_use(proc="/proc"):
    """The user ids (real, effective, saved and of files) of all processes that can be seen."""
    used = set()
    for name in os.listdir(proc):
        if not name.isdigit():
            continue
        try:
            with open(os.path.join(proc, name, "status"), encoding="ascii", errors="replace") as source:
                lines = source.readlines()
        except OSError:
            continue  # it has ended
        for line in lines:
            if line.startswith("Uid:"):
                used.update(int(number) for number in line.split()[1:])
    return used


def unused_id(choose=random.choice, proc="/proc"):
    """A user id without a process, so that RLIMIT_NPROC counts those of the test alone. Random: tests that run at the same
    time take different ones."""
    used = ids_in_use(proc)
    return choose([number for number in CANDIDATES if number not in used])


def as_unused_user():
    """The beginning of a command that runs the rest as a user of its own; empty without root's rights."""
    if os.geteuid() != 0:
        return []
    number = unused_id()
    return ["setpriv", "--reuid=%d" % number, "--regid=%d" % number, "--clear-groups"]
