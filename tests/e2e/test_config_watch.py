#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A configuration that changes is loaded again without a signal."""

import os
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.adapter import clean_environment, program, to_yaml  # noqa: E402

# Looked at once a second, and believed when two looks see the same.
NOTICED_SECONDS = 5


class ConfigWatch(AdapterTest):
    def text(self, adapter, *entries, **top):
        return to_yaml({"data_dir": adapter.data, **self.config(*entries, every="1h", **top)})

    def write(self, path, text):
        """In place, as `cat > config.yaml` does."""
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)

    def entries(self, *names):
        for name in names:
            if not os.path.exists(os.path.join(self.root, name + ".git")):
                self.remote(name + ".git", files={"a": name})
        return [self.entry(self.server.url(name + ".git"), name) for name in names]

    def test_the_swap_of_a_mounted_config_map(self):
        adapter = self.adapter(None)
        mount = os.path.join(adapter.folder, "mount")
        self.write(os.path.join(mount, "..first", "config.yaml"), self.text(adapter, *self.entries("docs")))
        os.symlink("..first", os.path.join(mount, "..data"))
        os.symlink("..data/config.yaml", os.path.join(mount, "config.yaml"))
        adapter.config_file = os.path.join(mount, "config.yaml")
        adapter.start()
        adapter.wait_event("published", "docs")
        self.write(os.path.join(mount, "..second", "config.yaml"), self.text(adapter, *self.entries("docs", "more")))
        os.symlink("..second", os.path.join(mount, "..data_tmp"))
        os.rename(os.path.join(mount, "..data_tmp"), os.path.join(mount, "..data"))
        os.unlink(os.path.join(mount, "..first", "config.yaml"))
        os.rmdir(os.path.join(mount, "..first"))
        adapter.wait_event("configuration_changed", seconds=NOTICED_SECONDS)
        event = adapter.wait_event("reloaded")
        self.assertEqual((event["added"], event["removed"], event["changed"]), (1, 0, 0))
        adapter.wait_event("published", "more")

    def test_an_edit_in_place_and_files_that_come_and_go(self):
        adapter = self.adapter(None)
        folder = os.path.join(adapter.folder, "conf.d")
        os.mkdir(folder)
        one = self.text(adapter, *self.entries("docs"), include=["conf.d/*.yaml"])
        self.write(adapter.config_file, one)
        adapter.start()
        adapter.wait_event("published", "docs")
        for number, change in enumerate((
            lambda: self.write(os.path.join(folder, "more.yaml"), to_yaml({"repositories": self.entries("more")})),
            lambda: self.write(adapter.config_file, one.replace("1h", "2h")),
            lambda: os.unlink(os.path.join(folder, "more.yaml")),
        )):  # fmt: skip
            since = len(adapter.events)
            change()
            event = adapter.wait_event("reloaded", since=since, seconds=NOTICED_SECONDS)
            self.assertEqual(event["repositories"], (2, 2, 1)[number])

    def test_a_bad_file_is_told_once_and_changes_nothing(self):
        adapter = self.adapter(None)
        good = self.text(adapter, *self.entries("docs"))
        self.write(adapter.config_file, good)
        adapter.start()
        adapter.wait_event("published", "docs")
        self.write(adapter.config_file, good + "nonsense: 1\n")
        adapter.wait_event("reload_failed", seconds=NOTICED_SECONDS)
        time.sleep(3)
        self.assertEqual(len(adapter.found("reload_failed")), 1)
        os.unlink(adapter.config_file)
        adapter.wait_for(lambda: len(adapter.found("reload_failed")) == 2, NOTICED_SECONDS, "a file that is gone is told")
        self.write(adapter.config_file, good.replace("1h", "2h"))
        adapter.wait_event("reloaded", seconds=NOTICED_SECONDS)
        self.assertEqual(self.read(adapter, "a"), b"docs")

    def test_a_file_that_is_emptied_changes_nothing(self):
        adapter = self.adapter(None)
        good = self.text(adapter, *self.entries("docs"), prune={"after": "100ms"})
        self.write(adapter.config_file, good)
        adapter.start()
        adapter.wait_event("published", "docs")
        self.write(adapter.config_file, "")
        adapter.wait_event("reload_failed", seconds=NOTICED_SECONDS)
        self.assertEqual(adapter.found(("reloaded", "repository_removed")), [])
        self.assertEqual(self.read(adapter, "a"), b"docs")

    def test_files_that_are_gone_for_a_moment_are_not_pruned(self):
        adapter = self.adapter(None)
        folder = os.path.join(adapter.folder, "conf.d")
        self.write(os.path.join(folder, "docs.yaml"), to_yaml({"repositories": self.entries("docs")}))
        prune = {"after": "8s"}
        self.write(adapter.config_file, self.text(adapter, *self.entries("more"), include=["conf.d/*.yaml"], prune=prune))
        adapter.start()
        adapter.wait_event("published", "docs")
        os.rename(folder, folder + ".old")
        self.assertEqual(adapter.wait_event("reloaded", seconds=NOTICED_SECONDS)["removed"], 1)
        time.sleep(1)
        os.rename(folder + ".old", folder)
        adapter.wait_for(lambda: len(adapter.found("reloaded")) == 2, NOTICED_SECONDS, "they are back")
        self.assertEqual(self.read(adapter, "a"), b"docs")
        os.rename(folder, folder + ".old")
        adapter.wait_event("pruned", "docs", seconds=20)
        # The directory is renamed first and deleted a moment later.
        own = os.path.join(adapter.data, ".adapter")
        adapter.wait_for(lambda: sorted(os.listdir(own)) == [".lock", ".owner", "more"], what="nothing else")

    def test_another_log_format_is_announced_in_the_old_one(self):
        file = os.path.join(self.folder, "config.yaml")
        base = {"data_dir": os.path.join(self.folder, "data"), "repositories": []}
        self.write(file, to_yaml({**base, "log": {"format": "text"}}))
        process = subprocess.Popen(
            [program(), "run", "--config", file], stderr=subprocess.PIPE, text=True, env=clean_environment()
        )  # fmt: skip
        try:
            lines = iter(process.stderr.readline, "")
            self.assertTrue(any("event=started" in line for line in lines))
            self.write(file, to_yaml(base))
            before = ""
            for line in lines:
                if line.startswith("{"):
                    break
                before = line
            self.assertIn("log_format_changed", before)
            self.assertIn("JSON", before)
        finally:
            process.terminate()
            process.communicate(timeout=20)

    def test_pushes_of_a_signal_do_not_keep_it_from_looking(self):
        adapter = self.adapter(self.config(*self.entries("docs"), every="1h")).start()
        adapter.wait_event("published", "docs")
        adapter.write_config(self.config(*self.entries("docs"), every="2h"))
        deadline = time.monotonic() + 2 * NOTICED_SECONDS
        while not adapter.found("reloaded") and time.monotonic() < deadline:
            adapter.signal(signal.SIGUSR1)
            time.sleep(0.1)
        self.assertTrue(adapter.found("reloaded"), adapter.tail())

    def test_nothing_happens_while_nothing_changes(self):
        adapter = self.adapter(self.config(*self.entries("docs"), every="1h")).start()
        adapter.wait_event("published", "docs")
        time.sleep(4)
        self.assertEqual(adapter.found(("configuration_changed", "reloaded", "reload_failed")), [])

    def test_a_file_that_is_still_being_written_is_left_alone(self):
        adapter = self.adapter(None)
        good = self.text(adapter, *self.entries("docs"))
        self.write(adapter.config_file, good)
        adapter.start()
        adapter.wait_event("published", "docs")
        for number in range(16):
            self.write(adapter.config_file, good + "nonsense: %d\n" % number)
            time.sleep(0.25)
        self.assertEqual(adapter.found("configuration_changed"), [])
        self.write(adapter.config_file, good.replace("1h", "2h"))
        adapter.wait_event("reloaded", seconds=NOTICED_SECONDS)
        self.assertEqual(adapter.found("reload_failed"), [])


if __name__ == "__main__":
    main()
