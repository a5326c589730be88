#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Each kind of ref, and what happens to it."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, git, main  # noqa: E402


class Refs(AdapterTest):
    def follow_ref(self, remote, ref, **keys):
        adapter = self.adapter(self.config(self.entry(remote, ref=ref, **keys)))
        return adapter.start()

    def test_head_is_the_default_and_follows_the_default_branch(self):
        remote = self.remote(files={"a": "main"})
        other = remote.commit({"a": "other"}, branch="other", parent=None)
        adapter = self.follow(remote)
        self.assertEqual(self.read(adapter, "a"), b"main")
        remote.set_head("other")
        adapter.wait_published("docs", other)
        self.assert_good(adapter, remote)
        commit = remote.commit({"a": "other again"}, branch="other")
        adapter.wait_published("docs", commit)

    def test_a_branch_is_followed(self):
        remote = self.remote(files={"a": "main"})
        first = remote.commit({"a": "1"}, branch="team/release")
        adapter = self.follow_ref(remote, "team/release")
        adapter.wait_published("docs", first)
        remote.commit({"a": "not this"})
        second = remote.commit({"a": "2"}, branch="team/release")
        adapter.wait_published("docs", second)
        event = adapter.wait_event("published", "docs", commit=second)
        self.assertEqual(event["previous"], first)
        self.assertEqual(event["ref"], "refs/heads/team/release")
        self.assertGreaterEqual(event["duration_ms"], 0)
        self.assertGreater(event["received_bytes"], 0)
        self.assert_good(adapter, remote)

    def test_a_check_asks_for_its_own_ref_only(self):
        remote = self.remote(files={"a": "main"})
        adapter = self.follow_ref(remote, "main")
        adapter.wait_event("published")
        checks = adapter.wait_for(lambda: self.server.seen("ls_refs"))
        self.assertEqual(checks[-1]["protocol"], "version=2")
        self.assertIn("refs/heads/main", checks[-1]["prefixes"])
        self.assertNotIn("refs/", checks[-1]["prefixes"])
        self.assertNotIn("", checks[-1]["prefixes"])

    def test_a_shortened_name_means_what_it_means_to_git(self):
        remote = self.remote(files={"a": "main"})
        review = remote.commit({"a": "review"}, branch="refs/pull/1/head")
        remote.tag("v1", remote.resolve("main"))
        expected = {"tags/v1": remote.resolve("main"), "heads/main": remote.resolve("main"), "pull/1/head": review}
        entries = [self.entry(remote, ref.replace("/", "-"), ref=ref) for ref in expected]
        adapter = self.adapter(self.config(*entries)).start()
        for ref, commit in expected.items():
            adapter.wait_published(ref.replace("/", "-"), commit)

    def test_a_missing_ref_names_the_nearest_and_asks_for_them_once(self):
        remote = self.remote(files={"a": "main"})
        remote.commit({"a": "2"}, branch="release/2")
        adapter = self.follow_ref(remote, "release/3", every="300ms")
        event = adapter.wait_event("check_failed", "docs")
        self.assertIn('the remote has no ref "release/3"; the nearest there are: release/2, main', event["message"])
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) >= 4, what="more checks")
        broad = [request for request in self.server.seen("ls_refs") if "refs/heads/" in request["prefixes"]]
        self.assertEqual(len(broad), 1)

    def test_a_failure_that_stays_the_same_is_logged_at_doubling_gaps(self):
        remote = self.remote(files={"a": "main"})
        adapter = self.follow_ref(remote, "later", every="100ms")
        adapter.wait_for(lambda: len(adapter.found("check_failed", "docs")) >= 20, what="twenty failures")
        warnings = [event["failures"] for event in adapter.found("check_failed", "docs", level="warning")]
        self.assertEqual(warnings, [1, 2, 4, 8, 16])

    def test_a_remote_that_was_emptied_is_told_once(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow_ref(remote, "main", every="100ms")
        adapter.wait_published("docs", remote.resolve("main"))
        remote.delete_ref("refs/heads/main")
        adapter.wait_for(lambda: len(adapter.found("check_failed", "docs")) >= 10, what="ten failures")
        warnings = adapter.found("check_failed", "docs", level="warning")
        self.assertEqual(len(warnings), 1, warnings)
        self.assertIn("it was emptied or made anew", warnings[0]["message"])

    def test_a_full_ref_outside_of_branches_is_followed(self):
        remote = self.remote(files={"a": "main"})
        commit = remote.commit({"a": "review"}, branch="refs/changes/01/1/1")
        adapter = self.follow_ref(remote, "refs/changes/01/1/1")
        adapter.wait_published("docs", commit)
        self.assert_good(adapter, remote)

    def test_a_lightweight_tag_is_followed_when_it_moves(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        remote.tag("v1", first)
        adapter = self.follow_ref(remote, "v1")
        adapter.wait_published("docs", first)
        second = remote.commit({"a": "2"})
        remote.tag("v1", second)
        adapter.wait_published("docs", second)
        self.assert_good(adapter, remote)

    def test_an_annotated_tag_is_peeled_and_followed_when_it_moves(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        remote.tag("v1", first, annotated=True)
        adapter = self.follow_ref(remote, "refs/tags/v1")
        adapter.wait_published("docs", first)
        second = remote.commit({"a": "2"})
        remote.tag("v1", second, annotated=True)
        adapter.wait_published("docs", second)
        self.assert_good(adapter, remote)

    def test_a_tag_of_a_tag_is_peeled(self):
        remote = self.remote(files={"a": "1"})
        commit = remote.resolve("main")
        remote.tag("inner", commit, annotated=True)
        git(remote.directory, "tag", "--annotate", "--message", "outer", "outer", "inner")
        adapter = self.follow_ref(remote, "outer")
        adapter.wait_published("docs", commit)
        self.assert_good(adapter, remote)

    def test_a_pinned_commit_is_fetched_once_and_not_polled(self):
        remote = self.remote(files={"a": "1"})
        pinned = remote.resolve("main")
        remote.commit({"a": "2"})
        adapter = self.follow_ref(remote, pinned)
        adapter.wait_published("docs", pinned)
        adapter.wait_event("published")
        count = len(self.server.requests)
        time.sleep(1.2)
        self.assertEqual(len(self.server.requests), count, "a pinned commit was asked for again")
        self.assert_good(adapter, remote, commit=pinned)

    def test_a_branch_wins_over_a_tag_of_the_same_name_with_a_warning(self):
        remote = self.remote(files={"a": "1"})
        remote.tag("same", remote.resolve("main"))
        branch = remote.commit({"a": "2"}, branch="same")
        adapter = self.follow_ref(remote, "same")
        adapter.wait_published("docs", branch)
        adapter.wait_for(
            lambda: [e for e in adapter.events if e["level"] == "warning" and "tag" in e["message"]], what="a warning"
        )  # fmt: skip

    def test_a_branch_that_is_deleted_leaves_the_tree_and_is_followed_when_it_is_back(self):
        remote = self.remote(files={"a": "main"})
        first = remote.commit({"a": "1"}, branch="topic")
        adapter = self.follow_ref(remote, "topic")
        adapter.wait_published("docs", first)
        remote.delete_ref("refs/heads/topic")
        checks = len(self.server.seen("ls_refs"))
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > checks + 3, what="checks go on")
        self.assert_good(adapter, remote, commit=first)
        second = remote.commit({"a": "2"}, branch="topic")
        adapter.wait_published("docs", second)
        self.assert_good(adapter, remote)

    def test_a_missing_branch_is_polled_until_it_comes(self):
        remote = self.remote(files={"a": "main"})
        adapter = self.follow_ref(remote, "later")
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > 4, what="polls on schedule")
        self.assertIsNone(adapter.published("docs"))
        commit = remote.commit({"a": "1"}, branch="later")
        adapter.wait_published("docs", commit, seconds=5)

    def test_an_empty_repository_is_a_state_and_its_first_commit_is_published(self):
        remote = self.remote()
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > 4, what="polls on schedule")
        self.assertEqual(adapter.found("check_failed"), [])
        self.assertIsNone(adapter.published("docs"))
        commit = remote.commit({"a": "first"})
        adapter.wait_published("docs", commit, seconds=5)
        self.assert_good(adapter, remote)

    def test_300_refs(self):
        remote = self.remote(files={"a": "1"})
        remote.many_refs(300, remote.resolve("main"))
        adapter = self.follow(remote)
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        self.assertLess(max(entry["bytes"] for entry in self.server.seen("ls_refs")), 1000)

    def test_50000_refs(self):
        remote = self.remote(files={"a": "1"})
        remote.many_refs(50_000, remote.resolve("main"))
        adapter = self.follow_ref(remote, "main")
        adapter.wait_event("published")
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit, seconds=30)
        self.assertLess(max(entry["bytes"] for entry in self.server.seen("ls_refs")), 1000)
        late = self.adapter(self.config(self.entry(remote, ref="refs/heads/many/049999"))).start()
        late.wait_event("published", seconds=30)
        self.assertEqual(adapter.published("docs"), commit)

    def test_sigusr1_looks_at_once(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), every="1h")).start()
        adapter.wait_event("published")
        commit = remote.commit({"a": "2"})
        time.sleep(0.3)
        self.assertNotEqual(adapter.published("docs"), commit)
        adapter.signal(signal.SIGUSR1)
        adapter.wait_published("docs", commit, seconds=10)

    def test_a_ref_that_names_no_commit_is_refused(self):
        remote = self.remote(files={"a": "1"})
        blob = remote.blob("not a commit")
        path = os.path.join(remote.directory, "refs", "tags", "blob")
        with open(path, "w", encoding="ascii") as out:
            out.write(blob + "\n")
        adapter = self.follow_ref(remote, "refs/tags/blob")
        event = adapter.wait_event("check_failed", "docs")
        self.assertIn(event["class"], ("corrupt", "policy", "not_found", "config"))
        self.assertIsNone(adapter.published("docs"))


if __name__ == "__main__":
    main()
