#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Neighbours, shared checks, and what the daemon never does."""

import os
import re
import shutil
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402
from tests.support.users import as_unused_user  # noqa: E402


class Isolation(AdapterTest):
    def test_a_bad_remote_does_not_delay_its_neighbours(self):
        good = [self.remote("good-%d.git" % number, files={"a": "1"}) for number in range(4)]
        entries = [self.entry(remote, "good-%d" % number) for number, remote in enumerate(good)]
        with GitServer(self.root, self.certificates.good) as bad:
            for number in range(4):
                self.remote("bad-%d.git" % number, files={"a": "1"})
                entries.append(self.entry(bad.url("bad-%d.git" % number), "bad-%d" % number))
            bad.faults.add(path="bad-0", hang=True)
            bad.faults.add(path="bad-1", byte_delay=0.5)
            bad.faults.add(path="bad-2", status=500)
            bad.faults.add(path="bad-3", step="fetch", stall_at=10)
            adapter = self.adapter(self.config(*entries)).start()
            for number in range(4):
                adapter.wait_event("published", "good-%d" % number)
            delays = []
            for _ in range(5):
                for number, remote in enumerate(good):
                    commit = remote.commit({"a": os.urandom(8).hex()})
                    began = time.monotonic()
                    adapter.wait_published("good-%d" % number, commit, seconds=10)
                    delays.append(time.monotonic() - began)
            self.assertLess(statistics.median(delays), 1.0, delays)
            self.assertLess(max(delays), 5.0, delays)
            for number, remote in enumerate(good):
                self.assert_good(adapter, remote, "good-%d" % number, settled=False)

    def test_entries_of_one_url_share_one_check(self):
        remote = self.remote(files={"a": "main"})
        remote.tag("v1", remote.resolve("main"))
        remote.commit({"a": "topic"}, branch="topic")
        entries = [self.entry(remote, name, ref=ref) for name, ref in (("one", "main"), ("two", "topic"), ("three", "v1"))]
        adapter = self.adapter(self.config(*entries, every="1s")).start()
        for name in ("one", "two", "three"):
            adapter.wait_event("published", name)
        time.sleep(1.0)
        since = len(self.server.requests)
        time.sleep(5.0)
        checks = len(self.server.seen("ls_refs", since=since))
        self.assertGreaterEqual(checks, 3)
        self.assertLessEqual(checks, 8, "about one ls-refs a second, not three")
        commit = remote.commit({"a": "main again"})
        adapter.wait_published("one", commit)

    def test_a_check_is_one_request_on_a_connection_that_stays(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        connections, since = self.server.connections, len(self.server.requests)
        adapter.wait_for(lambda: len(self.server.requests) >= since + 8, what="checks")
        self.assertEqual(self.server.connections, connections)
        self.assertEqual({entry["step"] for entry in self.server.requests[since:]}, {"ls_refs"})

    def test_connections_to_one_host_are_capped(self):
        entries = []
        for number in range(12):
            self.remote("r%d.git" % number, files={"a": "1"})
            entries.append(self.entry(self.server.url("r%d.git" % number), "r%d" % number))
        self.server.faults.add(delay=0.1)
        config = self.config(*entries, concurrency={"syncs": 8, "connections_per_host": 3})
        adapter = self.adapter(config).start()
        for number in range(12):
            adapter.wait_event("published", "r%d" % number, seconds=30)
        self.assertLessEqual(self.server.connections, 3)

    def test_transfers_at_a_time_are_capped(self):
        self.server.faults.add(step="fetch", delay=0.3)
        for transfers, together in ((1, False), (6, True)):
            with self.subTest(transfers=transfers):
                names = ["s%d-%d" % (transfers, number) for number in range(6)]
                for name in names:
                    self.remote(name + ".git", files={"a": "1"})
                entries = [self.entry(self.server.url(name + ".git"), name) for name in names]
                since = len(self.server.requests)
                config = self.config(*entries, concurrency={"transfers": transfers, "connections_per_host": 8})
                adapter = self.adapter(config, label="transfers-%d" % transfers).start()
                for name in names:
                    adapter.wait_event("published", name, seconds=30)
                adapter.stop()
                times = sorted(request["time"] for request in self.server.requests[since:] if request["step"] == "fetch")
                self.assertEqual(len(times), 6)
                smallest = min(later - earlier for earlier, later in zip(times, times[1:]))
                if together:
                    self.assertLess(times[-1] - times[0], 5 * 0.3)
                else:
                    self.assertGreater(smallest, 0.25)

    def test_no_program_is_ever_started(self):
        strace = shutil.which("strace")
        self.assertIsNotNone(strace, "strace is needed: scripts/install-deps test")
        trace = os.path.join(self.folder, "trace")
        files = {"a": "1", ".gitattributes": "* filter=evil\n", ".githooks/post-checkout": ("100755", "#!/bin/sh\nexit 1\n")}
        remote = self.remote(files=files)
        wrap = [strace, "-f", "-qq", "-e", "trace=execve,execveat,fork,vfork", "-o", trace]
        adapter = self.adapter(self.config(self.entry(remote)), wrap=wrap).start()
        adapter.wait_event("published", seconds=60)
        for number in range(3):
            commit = remote.commit({"a": "%d" % number})
            adapter.wait_published("docs", commit, seconds=30)
        self.server.faults.add(status=500, count=2)
        adapter.wait_event("check_failed", seconds=30)
        with open("/proc/%d/task/%d/children" % (adapter.process.pid, adapter.process.pid), encoding="ascii") as source:
            traced = [int(pid) for pid in source.read().split()]
        for pid in traced:
            os.kill(pid, 15)
        adapter.wait_exit(20)
        with open(trace, encoding="utf-8", errors="replace") as source:
            started = [line for line in source if "exec" in line or "fork(" in line]
        self.assertEqual(len(started), 1, "only the daemon itself: %s" % started)

    def test_descriptors_and_threads_return_to_where_they_were(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), admin={"listen": "127.0.0.1:0"})).start()
        for number in range(3):
            adapter.wait_published("docs", remote.commit({"a": "warm %d" % number}))
        time.sleep(0.5)

        def descriptors():
            # In /proc they are nobody's business but root's and the process's own.
            lines = adapter.ask("GET", "/metrics").text.splitlines()
            return next(float(line.split()[1]) for line in lines if line.startswith("process_open_fds "))

        def threads():
            with open("/proc/%d/status" % adapter.process.pid, encoding="ascii") as source:
                return next(int(line.split()[1]) for line in source if line.startswith("Threads:"))

        descriptors()
        before = descriptors(), threads()
        for number in range(20):
            adapter.wait_published("docs", remote.commit({"a": "%d" % number}))
            if number % 5 == 0:
                self.server.drop_connections()
        adapter.wait_for(lambda: descriptors() <= before[0] + 1 and threads() <= before[1], what="as before")

    def unprivileged(self, user, *wrap):
        """A program whose limits count, which they do not for root; `user` is as_unused_user()'s."""
        if user:
            way = self.folder
            for _ in range(3):
                os.chmod(way, 0o711)
                way = os.path.dirname(way)
                if os.stat(way).st_mode & 0o001:
                    break
        config = self.config(self.entry(self.remote(files={"a": "1"})), every="1h")
        adapter = self.adapter(config, wrap=[*user, *wrap])
        os.makedirs(adapter.data, exist_ok=True)
        os.chmod(adapter.data, 0o777)
        return adapter

    def test_a_start_without_threads_ends(self):
        adapter = self.unprivileged(as_unused_user(), "prlimit", "--nproc=1").start()
        self.assertEqual(adapter.wait_exit(20), 1)
        self.assertTrue(adapter.found("start_failed"), adapter.tail())

    def test_a_stop_without_threads_to_spare(self):
        user = as_unused_user()
        adapter = self.unprivileged(user).start()
        adapter.wait_event("started")
        time.sleep(1)
        subprocess.run([*user, "prlimit", "--pid", str(adapter.process.pid), "--nproc=1:1"], check=True)
        adapter.stop()
        self.assertTrue(adapter.found("stop_unwatched"), adapter.tail())

    def test_it_writes_below_the_data_directory_only(self):
        strace = shutil.which("strace")
        self.assertIsNotNone(strace, "strace is needed: scripts/install-deps test")
        trace = os.path.join(self.folder, "trace")
        remote = self.remote(files={"a": "1"})
        wrap = [strace, "-f", "-qq", "-y", "-s", "300", "-o", trace, "-e", "trace=open,openat,openat2,mkdir,mkdirat,rename,renameat,renameat2,symlinkat,symlink,unlink,unlinkat,truncate"]  # fmt: skip
        adapter = self.adapter(self.config(self.entry(remote)), wrap=wrap)
        self.assertEqual(adapter.once(), 0)
        outside = []
        with open(trace, encoding="utf-8", errors="replace") as source:
            lines = source.readlines()
            if any(re.search(r"mkdir(at)?\((\d+, )?0x", line) for line in lines):
                self.skipTest("the names in its system calls are shown to those only who may trace anybody")
            for line in lines:
                writes = "O_WRONLY" in line or "O_RDWR" in line or "O_CREAT" in line or "open" not in line
                if not writes or " = -1 " in line or "exited" in line or "SIG" in line:
                    continue
                if adapter.data not in line and "/dev/null" not in line:
                    outside.append(line)
        self.assertEqual(outside, [])


if __name__ == "__main__":
    main()
