#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What systemd is told, by the protocol of sd_notify(3), at a socket of our own."""

import os
import socket
import sys
import time
import uuid

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402


class ServiceManager(AdapterTest):
    def listen(self, name):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind("\0" + name[1:] if name.startswith("@") else name)
        manager.settimeout(10)
        self.addCleanup(manager.close)
        if name.startswith("/"):
            self.addCleanup(os.unlink, name)
        return manager

    def name(self):
        """Of a socket; those of the test's own folder may be too long."""
        return "/tmp/adapter-notify-" + uuid.uuid4().hex

    def next(self, manager, starts=""):
        """The next message, past those of another kind."""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            message = manager.recv(4096).decode()
            if message.startswith(starts):
                return dict(line.split("=", 1) for line in message.splitlines())
        raise AssertionError("no message %s" % starts)

    def test_ready_reloading_and_stopping_are_told(self):
        for name in (self.name(), "@adapter-" + uuid.uuid4().hex):
            with self.subTest(name[0]):
                manager = self.listen(name)
                remote = self.remote("r%d.git" % len(self.adapters), files={"a": "1"})
                adapter = self.adapter(self.config(self.entry(remote), every="1h"))
                adapter.start(environment={"NOTIFY_SOCKET": name})
                self.assertEqual(self.next(manager), {"READY": "1", "STATUS": "watching 1 repository"})
                adapter.wait_event("published", "docs")
                adapter.reload(self.config(self.entry(remote), self.entry(remote, "two"), every="1h"))
                reloading = self.next(manager, "RELOADING=1")
                now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
                self.assertLess(now - int(reloading["MONOTONIC_USEC"]), 20_000_000)
                self.assertEqual(self.next(manager)["STATUS"], "watching 2 repositories")
                adapter.reload("repositories: 1\n")
                self.next(manager, "RELOADING=1")
                self.assertIn("bad", self.next(manager, "READY=1")["STATUS"])
                adapter.stop()
                self.assertEqual(self.next(manager), {"STOPPING": "1"})

    def test_the_watchdog_is_fed_while_the_loop_turns(self):
        name = self.name()
        manager = self.listen(name)
        adapter = self.adapter(self.config(self.entry(self.remote(files={"a": "1"})), every="1h"))
        adapter.start(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "400000"})
        self.next(manager, "READY=1")
        times = []
        for _ in range(8):
            self.next(manager, "WATCHDOG=1")
            times.append(time.monotonic())
        pauses = [later - earlier for earlier, later in zip(times, times[1:])]
        self.assertLess(sorted(pauses)[len(pauses) // 2], 0.4)
        self.assertGreater(times[-1] - times[0], 7 * 0.2 * 0.8)

    def test_a_manager_that_does_not_read_holds_nothing_up(self):
        name = self.name()
        manager = self.listen(name)
        filler = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(filler.close)
        filler.setblocking(False)
        filler.connect(name)
        with self.assertRaises(BlockingIOError):
            while True:
                filler.send(b"FILLER=1")
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), admin={"listen": "127.0.0.1:0"}))
        adapter.start(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000"})
        adapter.wait_event("published", "docs")
        began = time.monotonic()
        for _ in range(20):
            self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
        self.assertLess(time.monotonic() - began, 2, adapter.tail())
        self.assertEqual(self.next(manager, "READY=1")["STATUS"], "watching 1 repository")
        self.next(manager, "WATCHDOG=1")

    def test_another_process_is_watched(self):
        name = self.name()
        manager = self.listen(name)
        adapter = self.adapter(self.config(self.entry(self.remote(files={"a": "1"})), every="1h"))
        adapter.start(environment={"NOTIFY_SOCKET": name, "WATCHDOG_USEC": "100000", "WATCHDOG_PID": "1"})
        self.next(manager, "READY=1")
        adapter.stop()
        self.assertEqual(self.next(manager), {"STOPPING": "1"})

    def test_a_socket_that_is_not_there_is_one_warning(self):
        adapter = self.adapter(self.config(self.entry(self.remote(files={"a": "1"})), every="1h"))
        adapter.start(environment={"NOTIFY_SOCKET": os.path.join(self.folder, "nobody")})
        adapter.wait_event("published", "docs")
        self.assertEqual(len(adapter.found("service_manager_unreachable")), 1)


if __name__ == "__main__":
    main()
