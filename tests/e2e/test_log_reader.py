#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Standard error is a full pipe: a pager that is paused, a log driver that blocks. Nothing waits for its reader."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402

QUEUE_BYTES = 1 << 20  # LineWriter::max_queued_bytes


def checks(adapter):
    """How many checks there have been, by its metrics."""
    lines = adapter.ask("GET", "/metrics").body.decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("adapter_checks_total"))


class LogReader(AdapterTest):
    def hanging(self, repositories=1):
        """(a running daemon whose log's reader hangs, its remote)"""
        remote = self.remote(files={"a": "1"})
        entries = [self.entry(remote, "docs")] + [self.entry(remote, "r%02d" % n) for n in range(1, repositories)]
        adapter = self.adapter(self.config(*entries, every="100ms", admin={"listen": "127.0.0.1:0"})).start()
        adapter.wait_published("docs", remote.resolve("main"))
        self.assertTrue(adapter.admin)
        adapter.hang_log_reader()
        return adapter, remote

    def test_health_and_publishing_go_on_and_a_signal_ends_it(self):
        adapter, remote = self.hanging()
        for _ in range(5):
            began = time.monotonic()
            self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
            self.assertLess(time.monotonic() - began, 1)
        adapter.wait_published("docs", remote.commit({"a": "2"}), seconds=5)
        began = time.monotonic()
        adapter.signal(signal.SIGTERM)
        try:
            self.assertEqual(adapter.process.wait(5), 0)
        finally:
            adapter.resume_log_reader()
        self.assertLess(time.monotonic() - began, 2)

    def test_lost_lines_are_counted_when_the_reader_is_back(self):
        adapter, remote = self.hanging(repositories=100)
        # Every repository has its connection and what a check leaves behind.
        warm = checks(adapter) + 5 * 100
        adapter.wait_for(lambda: checks(adapter) > warm, seconds=60, what="some checks of each")
        size = adapter.resident_bytes()
        # Each check logs a line or more of 150 bytes or more.
        done = checks(adapter) + 2 * QUEUE_BYTES // 150
        adapter.wait_for(lambda: checks(adapter) > done, seconds=90, what="more lines than the queue holds")
        self.assertLess(adapter.resident_bytes(), size + QUEUE_BYTES + (3 << 20))
        since = len(adapter.events)
        adapter.resume_log_reader()
        lost = adapter.wait_event("log_lines_lost", since=since)
        self.assertEqual(lost["level"], "warning")
        self.assertGreater(lost["lines"], 100)
        self.assertFalse([event for event in adapter.events if "raw" in event], "a line that is no JSON")
        adapter.wait_published("docs", remote.commit({"a": "2"}))
        adapter.stop()
        self.assertTrue(adapter.found("stopped"))

    def test_a_start_with_a_full_pipe_works(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        adapter.hang_log_reader()
        adapter.start()
        adapter.wait_published("docs", remote.resolve("main"))
        began = time.monotonic()
        adapter.signal(signal.SIGTERM)
        try:
            self.assertEqual(adapter.process.wait(5), 0)
        finally:
            adapter.resume_log_reader()
        self.assertLess(time.monotonic() - began, 2)

    def once(self):
        """(`once` of more repositories than the log's pipe holds lines of, while its reader hangs; the commit)"""
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(*(self.entry(remote, "r%02d" % n) for n in range(30))))
        adapter.hang_log_reader()
        return adapter.start(command="once"), remote.resolve("main")

    def test_a_command_waits_for_a_slow_reader(self):
        adapter, commit = self.once()
        for number in range(30):
            adapter.wait_published("r%02d" % number, commit)
        time.sleep(1)
        self.assertTrue(adapter.alive(), "it did not wait")
        adapter.resume_log_reader()
        self.assertEqual(adapter.wait_exit(10), 0)
        self.assertEqual(len(adapter.found("published")), 30, "lost although their reader was only slow")

    def test_a_command_does_not_wait_for_ever(self):
        adapter, commit = self.once()
        try:
            self.assertEqual(adapter.process.wait(20), 0)
        finally:
            adapter.resume_log_reader()
        self.assertEqual(adapter.published("r29"), commit)


if __name__ == "__main__":
    main()
