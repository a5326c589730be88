#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A volume whose lock does not answer: the log says so, and a stop is obeyed."""

import fcntl
import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.volume_image import build_preload  # noqa: E402

# As a lock on NFS whose lock service is down: no signal ends the call.
_HANGING = """
#include <poll.h>
int flock(int fd, int operation) {
  (void)fd, (void)operation;
  for (;;) poll(0, 0, -1);
}
"""
_REFUSED = """
#include <errno.h>
int flock(int fd, int operation) {
  (void)fd, (void)operation;
  errno = ENOLCK;
  return -1;
}
"""


class Lock(AdapterTest):
    def make(self, source):
        adapter = self.adapter(self.config(self.entry(self.remote("r%d.git" % len(self.adapters), files={"a": "1"}))))
        return adapter, {"LD_PRELOAD": build_preload(adapter.folder, source)}

    def test_one_that_hangs_is_announced_and_a_stop_is_obeyed(self):
        for command, code in (("run", 0), ("once", 1)):
            for number in (signal.SIGTERM, signal.SIGINT):
                with self.subTest(command, signal=number):
                    adapter, environment = self.make(_HANGING)
                    adapter.start(command=command, environment=environment)
                    adapter.wait_event("locking")
                    self.assertIn("NFS", adapter.wait_event("lock_waits")["message"])
                    began = time.monotonic()
                    adapter.signal(number)
                    self.assertEqual(adapter.wait_exit(5), code)
                    self.assertLess(time.monotonic() - began, 5)

    def test_one_that_is_refused_says_what_to_do(self):
        adapter, environment = self.make(_REFUSED)
        self.assertEqual(adapter.once(environment=environment), 1)
        message = adapter.wait_event("start_failed")["message"]
        for word in (adapter.data + "/.adapter/.lock", "ENOLCK", "NFS", "nolock"):
            self.assertIn(word, message)

    def test_one_that_another_process_took_meanwhile_ends_the_program(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), every="1h")).start()
        adapter.wait_event("published", "docs")
        other = os.path.join(adapter.folder, "other")
        os.mkdir(other)
        # Each daemon that could lock .adapter while data_dir is held locks this file too.
        lock = os.open(os.path.join(other, ".lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.rename(os.path.join(adapter.data, ".adapter"), os.path.join(adapter.folder, "removed"))
            os.rename(other, os.path.join(adapter.data, ".adapter"))
            self.assertEqual(adapter.wait_exit(30), 75)
        finally:
            os.close(lock)
        adapter.wait_event("data_directory_busy")

    def test_one_of_a_consumer_keeps_no_daemon_from_starting(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), every="1s")).start()
        adapter.wait_event("published", "docs")
        adapter.stop()
        held = [os.open(adapter.data + where, os.O_RDONLY) for where in ("", "/.adapter")]
        try:
            for lock in held:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            adapter.start()
            adapter.wait_published("docs", remote.commit({"a": "2"}))
            second = self.adapter(None)
            second.config_file = adapter.config_file
            self.assertEqual(second.once(), 75, "a second one is kept out all the same")
            self.assertTrue(adapter.alive())
        finally:
            for lock in held:
                os.close(lock)


if __name__ == "__main__":
    main()
