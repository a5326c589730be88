#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A start without any configuration. A module of its own: while it writes the default path no other may run."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402


class NoConfiguration(AdapterTest):
    def test_it_stays_up_says_so_and_starts_when_the_file_appears(self):
        self.assertFalse(os.path.exists("/etc/adapter/config.yaml"), "this test needs the default path to be free")
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(None)
        made_folder = not os.path.isdir("/etc/adapter")
        adapter.start(with_config=False, environment={"ADAPTER_ADMIN_LISTEN": "127.0.0.1:0"})
        event = adapter.wait_event("waiting_for_configuration")
        self.assertFalse(adapter.ask("GET", "/api/v1/repositories").json()["configured"])
        self.assertIn("ADAPTER_URL", event["message"])
        self.assertIn("/etc/adapter/config.yaml", event["message"])
        time.sleep(0.5)
        self.assertTrue(adapter.alive())
        if not os.access("/etc/adapter" if not made_folder else "/etc", os.W_OK):
            # Without root nothing can appear there.
            adapter.stop()
            return
        adapter.write_config(self.config(self.entry(remote)))
        try:
            os.makedirs("/etc/adapter", exist_ok=True)
            os.rename(adapter.config_file, "/etc/adapter/config.yaml")
            adapter.wait_published("docs", remote.resolve("main"), seconds=30)
            # The port was open before there was a sandbox to be in: none of its threads may be left.
            self.assertEqual(len(adapter.found("admin_listening")), 2)
            for thread in os.listdir("/proc/%d/task" % adapter.process.pid):
                with open("/proc/%d/task/%s/status" % (adapter.process.pid, thread), encoding="ascii") as source:
                    self.assertIn("NoNewPrivs:\t%d" % bool(adapter.found("sandbox_on")), source.read())
            adapter.stop()
        finally:
            if os.path.exists("/etc/adapter/config.yaml"):
                os.unlink("/etc/adapter/config.yaml")
            if made_folder:
                os.rmdir("/etc/adapter")

    def test_a_start_that_fails_ends_although_the_default_port_is_open(self):
        remote = self.remote(files={"a": "1"})
        holder = self.follow(remote)
        adapter = self.adapter(None)
        made_folder = not os.path.isdir("/etc/adapter")
        adapter.start(with_config=False, environment={"ADAPTER_ADMIN_LISTEN": "127.0.0.1:0"})
        self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
        if not os.access("/etc/adapter" if not made_folder else "/etc", os.W_OK):
            return
        adapter.data = holder.data  # taken
        adapter.write_config(self.config(self.entry(remote)))
        try:
            os.makedirs("/etc/adapter", exist_ok=True)
            os.rename(adapter.config_file, "/etc/adapter/config.yaml")
            adapter.wait_event("data_directory_busy")
            self.assertEqual(adapter.wait_exit(5), 75)
        finally:
            if os.path.exists("/etc/adapter/config.yaml"):
                os.unlink("/etc/adapter/config.yaml")
            if made_folder:
                os.rmdir("/etc/adapter")

    def test_a_stop_while_it_waits(self):
        adapter = self.adapter(None)
        adapter.start(with_config=False)
        adapter.wait_event("waiting_for_configuration")
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 5)


if __name__ == "__main__":
    main()
