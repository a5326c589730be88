#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D10: two daemons on one directory; the second leaves with 75; the holder is killed and the next one takes over."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402


class TwoDaemons(rig.Row):
    """Two daemons on one directory."""

    name = "D10"
    title = "two daemons on one directory, the holder killed"
    quick = 5
    long = 100
    jobs = 2

    def pair(self, label, folder):
        remote = self.remote(label + ".git", {"a": "1"})
        first = self.adapter(os.path.join(folder, "first"), self.entry(remote))
        second = self.adapter(os.path.join(folder, "second"), self.entry(remote))
        second.data = first.data
        second.config_file = first.config_file
        return remote, first, second

    def trial(self, number, source, folder):
        remote, first, second = self.pair("t%d" % number, folder)
        problems = []
        try:
            # At once in every second trial: both race for the directory.
            first.start()
            if number % 2 == 0:
                first.wait_event("published")
            second.start()
            if number % 2:
                time.sleep(2)
                alive = [each for each in (first, second) if each.alive()]
                if len(alive) != 1:
                    return ["%d of two daemons live" % len(alive)]
                first, second = alive[0], second if alive[0] is first else first
            problems += self.judge(first, second)
            first.wait_event("published")
            time.sleep(source.random() * 0.3)
            first.kill()
            second.start()
            commit = remote.commit({"a": "2"})
            second.wait_published("docs", commit)
            problems += rig.check_at_rest(second, "docs", remote, {commit})
            second.stop()
        finally:
            first.kill()
            second.kill()
        return problems

    @staticmethod
    def judge(first, second):
        code = second.wait_exit(20)
        told = "\n".join(str(event) for event in second.events)
        problems = [] if code == 75 else ["the second ended with %s" % code]
        if str(first.process.pid) not in told:
            problems.append("the second does not name the holder %d: %s" % (first.process.pid, told[-500:]))
        if not first.alive():
            problems.append("the holder ended: " + first.tail(5))
        return problems

    def planted(self, folder):
        # Two directories: the second holds nothing back, and ends otherwise than with 75.
        remote, first, second = self.pair("planted", folder)
        first.start()
        first.wait_event("published")
        alone = self.adapter(os.path.join(folder, "alone"), self.entry(remote))
        alone.start(command="once")
        said = self.judge(first, alone)
        first.stop()
        del second
        return said


if __name__ == "__main__":
    rig.main(TwoDaemons)
