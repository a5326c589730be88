#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Histories: rewritten ones, depths, other URLs, many small steps."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, git, main  # noqa: E402


class History(AdapterTest):
    def commits_kept(self, adapter, name="docs"):
        repository = os.path.join(adapter.data, ".adapter", name, "repo.git")
        return int(git(repository, "rev-list", "--count", adapter.published(name)))

    def test_a_force_push_is_followed(self):
        remote = self.remote(files={"a": "1", "gone": "x"})
        adapter = self.follow(remote)
        remote.commit({"a": "2"})
        rewritten = remote.commit({"a": "rewritten"}, parent=None)
        adapter.wait_published("docs", rewritten)
        self.assertFalse(os.path.exists(os.path.join(adapter.link("docs"), "gone")))
        self.assert_good(adapter, remote)

    def test_back_to_a_commit_whose_tree_is_still_kept(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        inode = os.stat(adapter.link("docs")).st_ino
        second = remote.commit({"a": "2"})
        adapter.wait_published("docs", second)
        fetches = len(self.server.seen("fetch"))
        remote.set_ref("refs/heads/main", first)
        adapter.wait_published("docs", first)
        self.assertEqual(os.stat(adapter.link("docs")).st_ino, inode, "the kept tree was not used")
        self.assertEqual(len(self.server.seen("fetch")), fetches, "what is held was fetched again")
        self.assert_good(adapter, remote)
        remote.set_ref("refs/heads/main", second)
        adapter.wait_published("docs", second)
        self.assert_good(adapter, remote)

    def test_the_tree_before_stays_until_the_next_publish(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        trees = os.path.join(adapter.data, ".adapter", "docs", "trees")
        second = remote.commit({"a": "2"})
        adapter.wait_published("docs", second)
        adapter.wait_event("published", commit=second)
        with open(os.path.join(trees, first, "a"), "rb") as source:
            self.assertEqual(source.read(), b"1")
        third = remote.commit({"a": "3"})
        adapter.wait_event("published", commit=third)
        adapter.wait_for(lambda: sorted(os.listdir(trees)) == sorted([second, third]), what="two trees")

    def test_depths(self):
        remote = self.remote(files={"a": "0"})
        for number in range(1, 10):
            remote.commit({"a": str(number)})
        for depth, kept in ((1, 1), (4, 4), (0, 10)):
            with self.subTest(depth):
                adapter = self.adapter(self.config(self.entry(remote, depth=depth)))
                self.assertEqual(adapter.once(), 0, adapter.tail())
                self.assertEqual(self.commits_kept(adapter), kept)
                self.assert_good(adapter, remote)

    def test_a_change_of_depth_between_runs(self):
        remote = self.remote(files={"a": "0"})
        for number in range(1, 10):
            remote.commit({"a": str(number)})
        adapter = self.adapter(self.config(self.entry(remote, depth=2)))
        self.assertEqual(adapter.once(), 0)
        self.assertEqual(self.commits_kept(adapter), 2)
        for depth in (5, 0, 1):
            remote.commit({"a": "depth %d" % depth})
            total = int(git(remote.directory, "rev-list", "--count", "main"))
            adapter.write_config(self.config(self.entry(remote, depth=depth)))
            self.assertEqual(adapter.once(), 0, adapter.tail())
            self.assert_good(adapter, remote, commit=remote.resolve("main"))
            if depth != 1:
                self.assertGreaterEqual(self.commits_kept(adapter), min(depth or total, total))

    def test_the_same_commit_published_anew_names_itself_as_the_one_before(self):
        remote = self.remote(files={"a": "0"})
        adapter = self.follow(remote)
        commit = remote.commit({"a": "1"})
        adapter.wait_event("published", commit=commit)
        adapter.reload(self.config(self.entry(remote, depth=2)))
        event = adapter.wait_event("published", commit=commit, previous=commit)
        self.assertIn("published anew", event["message"])

    def test_a_change_of_url_between_runs(self):
        first = self.remote("first.git", files={"a": "first"})
        second = self.remote("second.git", files={"b": "second"})
        adapter = self.adapter(self.config(self.entry(first)))
        self.assertEqual(adapter.once(), 0)
        self.assert_good(adapter, first)
        adapter.write_config(self.config(self.entry(second)))
        self.assertEqual(adapter.once(), 0, adapter.tail())
        self.assert_good(adapter, second, commit=second.resolve("main"))

    def test_small_updates_transfer_little(self):
        remote = self.remote(files={"file-%03d" % index: os.urandom(2000) for index in range(300)})
        adapter = self.follow(remote)
        since = len(self.server.requests)
        commit = remote.commit({"file-007": "changed\n"})
        adapter.wait_event("published", commit=commit)
        fetched = [entry for entry in self.server.requests[since:] if entry["step"] == "fetch"]
        self.assertEqual(len(fetched), 1)
        self.assertLess(fetched[0]["bytes"], 30_000, "600 kB were not needed")
        self.assert_good(adapter, remote)


class ManyUpdates(AdapterTest):
    def test_500_small_updates_leave_disk_and_packs_bounded(self):
        files = {"folder-%d/file-%02d" % (index % 5, index): os.urandom(1500) for index in range(60)}
        remote = self.remote(files=files)
        adapter = self.adapter(self.config(self.entry(remote), every="100ms"), level="info").start()
        adapter.wait_event("published")
        most_packs = 0
        for number in range(500):
            commit = remote.commit({"folder-%d/counter" % (number % 5): "%d\n" % number})
            adapter.wait_published("docs", commit)
            if number % 20 == 0:
                most_packs = max(most_packs, len(self.volume(adapter).packs()))
        self.assert_good(adapter, remote, commit=commit)
        adapter.stop()
        fresh = self.adapter(self.config(self.entry(remote)), label="fresh")
        self.assertEqual(fresh.once(), 0)
        used, once = self.volume(adapter).disk_bytes(), self.volume(fresh).disk_bytes()
        self.assertLess(used, 3 * once, "disk after 500 updates against a fresh sync")
        self.assertLess(max(most_packs, len(self.volume(adapter).packs())), 100)


if __name__ == "__main__":
    main()
