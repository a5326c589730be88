#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Checks whose answers drip: when the neighbours at their host are asked."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402

LONGEST_GAP = 30  # seconds between two questions to a neighbour that is asked every second
REFS = 4000  # a list that arrives in two minutes and a half


class SlowChecks(AdapterTest):
    def largest_gap(self, repository, seconds):
        """The longest time without a question about the repository."""
        largest = 0
        count = len(self.server.seen("ls_refs", repository))
        began = last = time.monotonic()
        while time.monotonic() - began < seconds:
            time.sleep(0.05)
            largest = max(largest, time.monotonic() - last)
            if len(self.server.seen("ls_refs", repository)) > count:
                count, last = len(self.server.seen("ls_refs", repository)), time.monotonic()
        return largest

    def test_nine_of_a_host_do_not_keep_its_neighbours_from_their_checks(self):
        good = self.remote("good.git", files={"a": "1"})
        entries = [self.entry(good, "good")]
        for number in range(9):
            slow = self.remote("slow-%d.git" % number, files={"a": "1"})
            slow.many_refs(REFS, slow.resolve("main"), prefix="refs/heads/main-")  # names that the check asks for
            entries.append(self.entry(slow, "slow-%d" % number, ref="main"))
        fault = self.server.faults.add(path="slow", step="ls_refs", byte_delay=0.0005)  # about 1.6 KiB/s
        adapter = self.adapter(self.config(*entries, every="1s")).start()
        adapter.wait_event("published", "good", seconds=LONGEST_GAP)
        adapter.wait_for(lambda: fault.met >= 4, seconds=LONGEST_GAP, what="slow checks")
        self.assertLess(self.largest_gap("good.git", 75), LONGEST_GAP)
        commit = good.commit({"a": "2"})
        adapter.wait_published("good", commit, seconds=LONGEST_GAP)
        self.assertEqual(adapter.found("check_failed", "good"), [])
        failures = adapter.found("check_failed")
        self.assertNotEqual(failures, [])
        for event in failures:
            self.assertEqual(event["class"], "timeout", event)
            self.assertIn("another repository waited for a connection", event["message"])


if __name__ == "__main__":
    main()
