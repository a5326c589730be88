#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`once`: exit codes, names, patience."""

import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main, run_command  # noqa: E402


class Once(AdapterTest):
    def three(self, **bad):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        return self.adapter(
            self.config(
                self.entry(one, "one"),
                self.entry(self.server.url("absent.git"), "bad", **bad),
                self.entry(two, "two"),
            )
        )

    def test_all_in_sync_exits_0(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        self.assertEqual(adapter.once(), 0)
        self.assert_good(adapter, remote)
        commit = remote.commit({"a": "2"})
        self.assertEqual(adapter.once(), 0)
        self.assert_good(adapter, remote, commit=commit)
        self.assertEqual(adapter.once(), 0)

    def test_one_bad_of_three_exits_1_and_the_others_are_published(self):
        adapter = self.three()
        self.assertEqual(adapter.once(), 1)
        self.assertIsNotNone(adapter.published("one"))
        self.assertIsNotNone(adapter.published("two"))
        self.assertIsNone(adapter.published("bad"))
        failed = adapter.wait_event("check_failed", "bad", **{"class": "not_found"})
        self.assertNotIn("retry_in_ms", failed, "it is not tried again")
        self.assertNotIn("commit", failed, "the failure is about none")

    def test_only_the_named_ones(self):
        adapter = self.three()
        self.assertEqual(adapter.once("two"), 0)
        self.assertIsNone(adapter.published("one"))
        self.assertIsNotNone(adapter.published("two"))

    def test_an_unknown_name_is_wrong_use(self):
        adapter = self.three()
        self.assertEqual(adapter.once("nobody"), 2)

    def test_retry_keeps_trying_until_it_works(self):
        adapter = self.three()
        maker = threading.Timer(1.5, lambda: self.remote("absent.git", files={"a": "late"}))
        maker.start()
        self.assertEqual(adapter.once("--retry", "40s", "bad"), 0)
        maker.join()
        self.assertIsNotNone(adapter.published("bad"))

    def test_retry_gives_up_in_time(self):
        adapter = self.three()
        began = time.monotonic()
        self.assertEqual(adapter.once("--retry", "2s"), 1)
        self.assertLess(time.monotonic() - began, 12)
        failed = adapter.found("check_failed", "bad")
        self.assertIn("retry_in_ms", failed[0])
        self.assertNotIn("retry_in_ms", failed[-1], "it is not tried again")

    def test_an_empty_repository_is_in_sync(self):
        remote = self.remote()
        adapter = self.adapter(self.config(self.entry(remote)))
        self.assertEqual(adapter.once(), 0, adapter.tail())
        self.assertIsNone(adapter.published("docs"))
        self.assertNotIn("schedule", adapter.wait_event("remote_empty")["message"], "the program ends")

    def test_retry_waits_for_the_first_commit_of_an_empty_repository(self):
        remote = self.remote()
        adapter = self.adapter(self.config(self.entry(remote), every="1h"))
        maker = threading.Timer(1.5, lambda: remote.commit({"a": "first"}))
        maker.start()
        self.assertEqual(adapter.once("--retry", "40s"), 0, adapter.tail())
        maker.join()
        self.assert_good(adapter, remote)

    def test_retry_fails_when_an_empty_repository_gets_no_commit(self):
        adapter = self.adapter(self.config(self.entry(self.remote())))
        began = time.monotonic()
        code, output, _ = self.once_with_output(adapter, "--retry", "2s")
        self.assertEqual((code, output), (1, "docs: failed (timeout): the remote has no commit yet, and none came in the time for retries\n"))
        self.assertGreater(time.monotonic() - began, 1.9)
        self.assertLess(time.monotonic() - began, 12)

    def test_a_suspended_repository_is_left_out_and_refused_by_name(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        adapter = self.adapter(self.config(self.entry(one, "one"), self.entry(two, "two", suspend=True)))
        code, output, _ = self.once_with_output(adapter)
        self.assertEqual(code, 0)
        self.assertIn("two: left out, suspended by the configuration\n", output)
        code, output, _ = self.once_with_output(adapter, "one", "two")
        self.assertEqual(code, 1)
        self.assertIn("one: %s unchanged\n" % one.resolve("main"), output)
        self.assertIn("two: failed (config): the repository is suspended by the configuration\n", output)
        self.assertIsNone(adapter.published("two"))

    def once_with_output(self, adapter, *arguments):
        return run_command("once", "--config", adapter.config_file, *arguments, folder=self.folder)

    def test_a_remote_that_is_down_keeps_the_tree(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        self.assertEqual(adapter.once(), 0)
        self.server.stop()
        self.assertEqual(adapter.once(), 1)
        self.assert_good(adapter, remote)

    def test_a_secret_in_the_name_of_a_ref_is_hidden(self):
        remote = self.remote(files={"a": "1"})
        token = self.secret_ref(remote)
        code, output, errors = self.once_with_output(self.adapter(self.config(self.entry(remote, ref="missing"))))
        self.assertEqual(code, 1, errors)
        self.assertIn("***", output)
        self.assertNotIn(token, output + errors)

    def test_from_variables_only(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", self.canary)])
        data = os.path.join(self.folder, "data")
        environment = {
            "ADAPTER_URL": self.server.url("docs.git"),
            "ADAPTER_REF": "main",
            "ADAPTER_NAME": "site",
            "ADAPTER_USERNAME": "bot",
            "ADAPTER_PASSWORD_FILE": self.password_file,
            "ADAPTER_CA_FILE": self.certificates.ca,
            "ADAPTER_DATA_DIR": data,
        }
        code, _, errors = run_command("once", environment=environment, folder=self.folder)
        self.assertEqual(code, 0, errors)
        self.assertEqual(os.path.basename(os.readlink(os.path.join(data, "site"))), remote.resolve("main"))
        self.assertNotIn(self.canary, errors)


if __name__ == "__main__":
    main()
