#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What the process takes of the machine: next to none while it is idle, little memory for a small pack, and what it does without descriptors."""

import contextlib
import glob
import os
import re
import resource
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import FILE, SYMLINK, AdapterTest, main  # noqa: E402
from tests.support.http_client import EventStream  # noqa: E402

IDLE_SECONDS = 5
IDLE_CPU_SECONDS = 0.15
IDLE_WAKEUPS = 150  # of all threads: a heartbeat a second, a look at the configuration's files, and some more
PEAK_BYTES = 128 << 20


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid, encoding="ascii") as source:
        fields = source.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def wakeups(pid):
    """Voluntary context switches of all threads so far."""
    total = 0
    for name in glob.glob("/proc/%d/task/*/status" % pid):
        with open(name, encoding="ascii") as source:
            total += int(re.search(r"^voluntary_ctxt_switches:\s*(\d+)", source.read(), re.MULTILINE).group(1))
    return total


def peak_bytes(pid):
    """The most memory that the process has had resident so far."""
    with open("/proc/%d/status" % pid, encoding="ascii") as source:
        return int(re.search(r"^VmHWM:\s*(\d+) kB", source.read(), re.MULTILINE).group(1)) << 10


class Idle(AdapterTest):
    def assert_idle(self, adapter):
        pid = adapter.process.pid
        time.sleep(2)  # what follows a publish
        cpu, woken = cpu_seconds(pid), wakeups(pid)
        time.sleep(IDLE_SECONDS)
        cpu, woken = cpu_seconds(pid) - cpu, wakeups(pid) - woken
        self.assertLess(cpu, IDLE_CPU_SECONDS, "CPU seconds of %d idle ones" % IDLE_SECONDS)
        self.assertLess(woken, IDLE_WAKEUPS, "wake-ups in %d s" % IDLE_SECONDS)

    def test_many_repositories_that_are_not_due_cost_nothing(self):
        remote = self.remote(files={"a": "1"})
        names = ["r%03d" % number for number in range(100)]
        entries = [self.entry(remote, name) for name in names]
        adapter = self.adapter(self.config(*entries, every="1h", admin={"listen": "127.0.0.1:0"})).start()
        for name in names:
            adapter.wait_event("published", name, seconds=120)
        self.assertRegex(adapter.ask("GET", "/metrics").text, r'adapter_connections\{host="[^"]*",state="idle"\} [1-9]')
        self.assert_idle(adapter)


class Memory(AdapterTest):
    """What a pack of a few hundred KiB may demand, the whole process counted."""

    def assert_small_peak(self, mode, target, count, name_bytes):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        names = [("%08d" % number).ljust(name_bytes, "n") for number in range(count)]
        blob = remote.blob(target)
        commit = remote.raw_commit(remote.raw_tree([(mode, name, blob) for name in names]))
        adapter.wait_event("published", seconds=120, commit=commit)
        self.assertLessEqual(peak_bytes(adapter.process.pid), PEAK_BYTES)

    def test_of_40000_links_to_one_long_target(self):
        self.assert_small_peak(SYMLINK, "t" * 4095, 40_000, 8)

    def test_of_100000_names_of_250_bytes(self):
        self.assert_small_peak(FILE, "", 100_000, 250)


class Descriptors(AdapterTest):
    def test_the_soft_limit_is_raised_to_the_hard_one(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)), wrap=["sh", "-c", 'ulimit -Sn 100; ulimit -Hn 200; exec "$@"', "sh"])
        adapter.start()
        adapter.wait_event("published", "docs")
        soft, hard = resource.prlimit(adapter.process.pid, resource.RLIMIT_NOFILE)
        self.assertEqual((soft, hard), (200, 200))

    def test_without_descriptors_health_answers_and_work_goes_on_afterwards(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(
            self.config(self.entry(remote), admin={"listen": "127.0.0.1:0"}), wrap=["sh", "-c", 'ulimit -n 32; exec "$@"', "sh"]
        ).start()
        adapter.wait_event("published", "docs")
        with contextlib.ExitStack() as streams:
            refused = 0
            while refused < 10:
                try:
                    stream = streams.enter_context(EventStream(adapter.admin + "/api/v1/events", seconds=5))
                    self.assertEqual(stream.status, 200, "the port's own limit was met first")
                except OSError:
                    refused += 1
            commit = remote.commit({"a": "2"})
            for _ in range(20):
                began = time.monotonic()
                self.assertEqual(adapter.ask("GET", "/healthz").status, 200, adapter.tail())
                self.assertLess(time.monotonic() - began, 1)
        adapter.wait_published("docs", commit, seconds=15)
        self.assertEqual(adapter.ask("GET", "/api/v1/repositories").status, 200)
        self.assert_good(adapter, remote)


if __name__ == "__main__":
    main()
