#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers that drip: who else is served meanwhile."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402

DRIP = {"5 bytes in 10 s": 2.0, "2 KiB a second": 0.0005}
CONCURRENCY = {"syncs": 4, "connections_per_host": 4}


class SlowTransfers(AdapterTest):
    def drip(self, server, delay):
        """A program with four repositories of a host that drips; it has begun to receive as many as it may."""
        fault = server.faults.add(path="drip", step="fetch", byte_delay=delay)
        for number in range(4):
            self.remote("drip-%d.git" % number, files={"a": os.urandom(200_000)})
        entries = [self.entry(server.url("drip-%d.git" % number), "drip-%d" % number) for number in range(4)]
        adapter = self.adapter(self.config(*entries, concurrency=CONCURRENCY)).start()
        adapter.wait_for(lambda: fault.met >= 3, what="transfers that drip")
        time.sleep(0.5)
        return adapter, entries

    def test_another_host_is_not_held_up(self):
        for name, delay in DRIP.items():
            with self.subTest(name), GitServer(self.root, self.certificates.good) as bad:
                adapter, entries = self.drip(bad, delay)
                fifth = self.remote("fifth.git", files={"a": "1"})
                since = len(adapter.events)
                adapter.reload(self.config(*entries, self.entry(fifth, "fifth"), concurrency=CONCURRENCY))
                adapter.wait_published("fifth", fifth.resolve("main"), seconds=5)
                self.assertEqual(adapter.found("check_failed", since=since), [])
                adapter.stop()

    def test_the_same_host_has_its_turn_and_no_check_fails(self):
        for name, delay in DRIP.items():
            with self.subTest(name):
                adapter, entries = self.drip(self.server, delay)
                fifth = self.remote("fifth.git", files={"a": "1"})
                adapter.reload(self.config(*entries, self.entry(fifth, "fifth"), concurrency=CONCURRENCY))
                adapter.wait_published("fifth", fifth.resolve("main"), seconds=30)
                self.assertEqual(adapter.found("check_failed", "fifth"), [])
                for event in adapter.found("check_failed"):
                    self.assertEqual(event["class"], "timeout", event)
                    self.assertIn("another repository waited", event["message"])
                # From now on it need not wait for the ten seconds in which a transfer is judged.
                commit = fifth.commit({"a": "2"})
                adapter.wait_published("fifth", commit, seconds=20)
                adapter.stop()
                self.server.faults.clear()

    def test_one_that_is_not_slow_is_not_ended_for_one_that_waits(self):
        large = self.remote("large.git", files={"a": os.urandom(3 << 20)})
        small = self.remote("small.git", files={"a": "1"})
        fault = self.server.faults.add(path="large", step="fetch", part_delay=0.3)  # 213 KiB/s, for 14 s
        entries = [self.entry(large, "large")]
        concurrency = {"syncs": 4, "connections_per_host": 2}  # one for a transfer, one for checks
        adapter = self.adapter(self.config(*entries, concurrency=concurrency)).start()
        adapter.wait_for(lambda: fault.met >= 1, what="the transfer")
        adapter.reload(self.config(*entries, self.entry(small, "small"), concurrency=concurrency))
        adapter.wait_published("small", small.resolve("main"), seconds=60)
        adapter.wait_event("published", "large", seconds=60)
        self.assertEqual(adapter.found("check_failed"), [])


if __name__ == "__main__":
    main()
