# SPDX-License-Identifier: Apache-2.0
"""Makes a failing sequence short: delta debugging, then each operation alone, within a time."""

import time


def shrink(operations, fails, seconds, tries=1):
    """The shortest sequence found for which `fails(sequence)` is true. A sequence counts as good after `tries` good runs; what
    depends on moments does not fail each time."""
    deadline = time.monotonic() + seconds

    def still_fails(candidate):
        return any(time.monotonic() < deadline and fails(candidate) for _ in range(tries))

    parts = 2
    while len(operations) >= 2 and time.monotonic() < deadline:
        size = -(-len(operations) // parts)
        for at in range(0, len(operations), size):
            candidate = operations[:at] + operations[at + size :]
            if candidate and still_fails(candidate):
                operations, parts = candidate, max(parts - 1, 2)
                break
        else:
            if size == 1:
                break
            parts = min(parts * 2, len(operations))
    return _with_shorter_lists(operations, still_fails)


def _with_shorter_lists(operations, still_fails):
    """Drops single changes of an edit and single accidents of a stop."""
    for place, operation in enumerate(operations):
        if not isinstance(operation[-1], list) or not operation[-1] or not isinstance(operation[-1][0], list):
            continue
        for at in range(len(operation[-1]) - 1, -1, -1):
            inner = operations[place][-1]
            shorter = [*operation[:-1], inner[:at] + inner[at + 1 :]]
            candidate = [*operations[:place], shorter, *operations[place + 1 :]]
            if len(inner) > 1 and still_fails(candidate):
                operations = candidate
    return operations
