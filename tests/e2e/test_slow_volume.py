#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A job that hangs in the kernel: what a reload and a stop do meanwhile."""

import os
import re
import shutil
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, Shared, main  # noqa: E402
from tests.support.slow_volume import SlowVolume  # noqa: E402


def many(text):
    return {"f%d" % number: "%s %d" % (text, number) for number in range(SlowVolume.FILES)}


class SlowVolumeTest(AdapterTest):
    def setUp(self):
        super().setUp()
        self.volume_of_test = SlowVolume(self.folder)
        self.addCleanup(self.volume_of_test.release)
        self.addCleanup(lambda: [adapter.kill() for adapter in self.adapters])

    def open_to_all(self):
        """Another user than the test's reads the certificates and its own folder."""
        for top in (Shared.get().folder, self.folder):
            above = os.path.dirname(top)
            while above != os.path.dirname(above) and os.stat(above).st_mode & 0o005 != 0o005:
                os.chmod(above, 0o711)
                above = os.path.dirname(above)
            os.chmod(top, 0o755)
            for folder, _, files in os.walk(top):
                os.chmod(folder, 0o755)
                for name in files:
                    os.chmod(os.path.join(folder, name), 0o644)

    def hang(self, *others, **top):
        """A program whose repository "slow" has published one commit and hangs in the syncfs of the next; (program, remote)."""
        remote = self.remote("slow.git", files=many("one"))
        adapter = self.adapter(self.config(self.entry(remote, "slow"), *others, workers=4, **top))
        adapter.start(environment=self.volume_of_test.environment)
        for name in ("slow", *(other["name"] for other in others)):
            adapter.wait_event("published", name)
        self.volume_of_test.hold()
        remote.commit(many("two"))
        adapter.wait_for(self.volume_of_test.hangs, what="the syncfs of the second tree")
        return adapter, remote

    def test_work_on_complete_packs_is_capped(self):
        other = self.remote("other.git", files={"a": "1"})
        entry = self.entry(other, "other")
        admin, concurrency = {"listen": "127.0.0.1:0"}, {"syncs": 1}
        adapter, slow = self.hang(entry, admin=admin, concurrency=concurrency)
        commit = other.commit({"a": "2"})
        adapter.wait_for(lambda: adapter.repository("other")["phase"] == "queued", what="its turn")
        time.sleep(0.5)
        self.assertNotEqual(adapter.published("other"), commit)
        self.volume_of_test.release()
        adapter.wait_published("other", commit)
        adapter.wait_published("slow", slow.resolve("main"))

    def test_a_recovery_takes_no_place_of_a_sync(self):
        other = self.remote("other.git", files={"a": "1"})
        adapter, _ = self.hang(self.entry(other, "other"), admin={"listen": "127.0.0.1:0"}, concurrency={"syncs": 1})
        os.unlink(os.path.join(adapter.data, "other"))
        adapter.wait_for(lambda: os.path.exists(os.path.join(adapter.data, "other", "a")), seconds=10, what="the link")
        self.assertEqual(adapter.repository("slow")["phase"], "publishing")

    def test_a_stop_ends_in_time_and_names_the_job(self):
        adapter, remote = self.hang()
        first = adapter.published("slow")
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 10)
        abandoned = adapter.found("job_abandoned", "slow")
        self.assertEqual(len(abandoned), 1, adapter.tail())
        self.assertEqual(abandoned[0]["step"], "make the tree durable")
        self.assertEqual(adapter.published("slow"), first)
        self.volume_of_test.release()
        adapter.start()
        adapter.wait_published("slow", remote.resolve("main"))
        self.assert_good(adapter, remote, "slow")

    def test_a_second_of_hanging_is_waited_for(self):
        adapter, _ = self.hang()
        adapter.signal(15)
        time.sleep(1)
        self.volume_of_test.release()
        self.assertEqual(adapter.wait_exit(5), 0)
        self.assertEqual(adapter.found("job_abandoned"), [])

    def test_a_tree_that_is_made_again_keeps_no_look_at_others_waiting(self):
        remote, other = self.remote("slow.git", files=many("one")), self.remote("other.git", files={"a": "1"})
        config = self.config(self.entry(remote, "slow"), self.entry(other, "other"), workers=4,
                             concurrency={"syncs": 1}, admin={"listen": "127.0.0.1:0"})  # fmt: skip
        adapter = self.adapter(config)
        adapter.start(environment=self.volume_of_test.environment)
        for name in ("slow", "other"):
            adapter.wait_event("published", name)
        adapter.stop()
        shutil.rmtree(os.path.join(adapter.data, ".adapter", "slow", "trees"))
        self.volume_of_test.hold()
        adapter.start(environment=self.volume_of_test.environment)
        trees = os.path.join(adapter.data, ".adapter", "slow", "trees")
        adapter.wait_for(lambda: os.path.isdir(trees) and os.listdir(trees), what="the tree is being written")
        adapter.wait_for(lambda: adapter.repository("other")["health"] == "ok", seconds=5, what="the look at the other one")
        self.assertEqual(adapter.repository("slow")["phase"], "recovering")
        self.volume_of_test.release()
        adapter.wait_for(lambda: adapter.repository("slow")["health"] == "ok", what="the tree")
        self.assert_good(adapter, remote, "slow")

    def test_a_reload_waits_for_no_job(self):
        quick, new = self.remote("quick.git", files={"a": "1"}), self.remote("new.git", files={"a": "1"})
        adapter, slow = self.hang(self.entry(quick, "quick"), admin={"listen": "127.0.0.1:0"})
        first = adapter.published("slow")
        admin = {"listen": "127.0.0.1:0"}
        began = time.monotonic()
        adapter.reload(
            self.config(self.entry(slow, "slow", depth=2), self.entry(quick, "quick"), self.entry(new, "new"), workers=4, admin=admin)
        )  # fmt: skip
        self.assertLess(time.monotonic() - began, 2, "the reload waited for the job that hangs")
        adapter.wait_published("new", new.resolve("main"), seconds=5)
        commit = quick.commit({"a": "2"})
        adapter.wait_published("quick", commit, seconds=5)
        # What hangs is still there for those who ask, and a check that is asked for is taken.
        status = adapter.repository("slow")
        self.assertEqual(status["commit"], first)
        asked = adapter.ask("POST", "/api/v1/repositories/slow/sync")
        self.assertEqual(asked.status, 202)
        # A second reload during the first: the last one counts; what left the file is gone from the status at once.
        adapter.reload(
            self.config(self.entry(slow, "slow", link="moved"), self.entry(new, "new"), workers=4, admin=admin)
        )  # fmt: skip
        self.assertEqual(adapter.ask("GET", "/api/v1/repositories/quick").status, 404)
        commit = new.commit({"a": "2"})
        adapter.wait_published("new", commit, seconds=5)
        self.assertEqual(adapter.published("slow"), first)
        self.volume_of_test.release()
        adapter.wait_published("moved", slow.resolve("main"))
        adapter.wait_for(lambda: not os.path.lexists(adapter.link("slow")), what="the end of the former link")
        self.assert_good(adapter, slow, "slow", link="moved")

    def test_what_left_the_configuration_ends_in_the_background(self):
        other = self.remote("other.git", files={"a": "1"})
        adapter, slow = self.hang()
        began = time.monotonic()
        adapter.reload(self.config(self.entry(other, "other"), workers=4))
        self.assertLess(time.monotonic() - began, 2)
        adapter.wait_published("other", other.resolve("main"), seconds=5)
        adapter.reload(self.config(self.entry(other, "other"), self.entry(slow, "slow"), workers=4))
        self.volume_of_test.release()
        adapter.wait_published("slow", slow.resolve("main"))
        self.assert_good(adapter, slow, "slow")

    def test_no_check_and_no_publish_waits_for_the_deletion_of_old_trees(self):
        large = {"f%d" % number: str(number) for number in range(2000)}
        remote, other = self.remote("docs.git", files=large), self.remote("other.git", files={"a": "1"})
        entries = [self.entry(remote), self.entry(other, "other")]
        adapter = self.adapter(self.config(*entries, concurrency={"syncs": 1}))
        adapter.start(environment=self.volume_of_test.environment)
        adapter.wait_event("published", "docs")
        adapter.wait_event("published", "other")
        self.volume_of_test.delete_slowly()
        trees = os.path.join(adapter.data, ".adapter", "docs", "trees")
        remote.commit({"g": "1"}, delete=(None,))
        adapter.wait_published("docs", remote.resolve("main"))
        for text in "234":
            commit, theirs = remote.commit({"g": text}), other.commit({"a": text})
            adapter.wait_published("docs", commit, seconds=5)
            adapter.wait_published("other", theirs, seconds=5)
        gone = [name for name in os.listdir(trees) if name.startswith(".gone-")]
        self.assertTrue(gone, "the deletion of 2,000 files was to take 20 s")
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 2)
        self.volume_of_test.release()
        adapter.start()
        adapter.wait_for(lambda: not any(name.startswith(".") for name in os.listdir(trees)), what="the end of the old tree")

    def test_what_cannot_be_removed_stops_no_publish(self):
        """A consumer that runs as root leaves 300 files in each tree, which take three seconds to look at."""
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("another user's files need root and setpriv")
        self.open_to_all()
        remote, other = self.remote("docs.git", files={"pkg/a.py": "1"}), self.remote("other.git", files={"a": "1"})
        config = self.config(self.entry(remote), self.entry(other, "other"), admin={"listen": "127.0.0.1:0"})
        adapter = self.adapter(config, wrap=("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups"))
        os.makedirs(adapter.data, exist_ok=True)
        os.chown(adapter.data, 1000, 1000)
        os.chmod(adapter.folder, 0o755)
        adapter.start(environment=self.volume_of_test.environment)
        adapter.wait_event("published", "docs")
        cache = os.path.join(adapter.link("docs"), "pkg", "__pycache__")
        os.mkdir(cache)
        for number in range(300):
            with open(os.path.join(cache, "m%d.pyc" % number), "w", encoding="ascii"):
                pass
        self.volume_of_test.delete_slowly()
        for text in range(2, 14):
            commit = remote.commit({"pkg/a.py": str(text)})
            adapter.wait_published("docs", commit, seconds=15)
        left = adapter.wait_event("residue_left", "docs", seconds=30)
        self.assertGreater(left["count"], 300)
        self.assertTrue(os.path.exists(left["path"]), left)
        metrics = adapter.ask("GET", "/metrics").body.decode()
        self.assertGreater(int(re.search(r'adapter_residue_entries\{repository="docs"\} (\d+)', metrics).group(1)), 300)
        self.volume_of_test.release()
        trees = os.path.join(adapter.data, ".adapter", "docs", "trees")
        adapter.wait_for(lambda: not any(name.startswith(".") for name in os.listdir(trees)), what="the end of the old trees")
        adapter.wait_published("other", other.commit({"a": "2"}))
        self.assertEqual(len(adapter.found("residue_left", "docs")), 1, "named once, though more came")
        adapter.stop()


if __name__ == "__main__":
    main()
