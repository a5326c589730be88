#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a link may show before the remote was asked, and what is never taken away while something else needs it."""

import json
import os
import shutil
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import SYMLINK, AdapterTest, main, run_command  # noqa: E402


class LinkReader:
    """Looks at links without a pause and notes every look that finds one missing."""

    def __init__(self, *links):
        self.links = links
        self.missing = []
        self.looks = 0
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ending:
            self.looks += 1
            for link in self.links:
                try:
                    os.stat(link)
                except OSError as error:
                    self.missing.append((os.path.basename(link), str(error)))

    def stop(self):
        self._ending = True
        self._thread.join(10)


class Source(AdapterTest):
    def assert_nothing_of_the_old_source(self, **keys):
        """`url` (or `ref`) and `link` change in one reload while the new remote is down."""
        private = self.remote("private.git", files={"secret": "private"})
        public = self.remote("public.git", files={"page": "public"})
        private.commit({"secret": "release"}, branch="release", parent=None)
        adapter = self.adapter(self.config(self.entry(private, "site", link="internal"))).start()
        adapter.wait_event("published", "site")
        old = private.resolve("main")
        fault = self.server.faults.add(path=keys.pop("down"), status=503)
        adapter.reload(self.config(self.entry(keys.pop("remote", public), "site", link="www", **keys)))
        adapter.wait_event("check_failed", "site")
        for _ in range(2):
            self.assertFalse(os.path.lexists(adapter.link("www")), "something appeared at the new link")
            self.assertEqual(adapter.published("internal"), old)
            with open(os.path.join(adapter.link("internal"), "secret"), encoding="ascii") as source:
                self.assertEqual(source.read(), "private")
            since = len(adapter.events)
            adapter.stop()
            adapter.start()
            adapter.wait_event("check_failed", "site", since=since)
        self.server.faults.remove(fault)
        return adapter, private, public

    def test_a_new_url_and_link_show_nothing_until_the_new_remote_answered(self):
        adapter, _, public = self.assert_nothing_of_the_old_source(down="public.git")
        adapter.wait_published("www", public.resolve("main"), seconds=40)
        adapter.wait_for(lambda: not os.path.lexists(adapter.link("internal")), what="the end of the former link")

    def test_a_new_ref_and_link_show_nothing_until_the_remote_answered(self):
        remote = self.server.url("private.git")
        adapter, private, _ = self.assert_nothing_of_the_old_source(down="private.git", remote=remote, ref="release")
        adapter.wait_published("www", private.resolve("release"), seconds=40)
        adapter.wait_for(lambda: not os.path.lexists(adapter.link("internal")), what="the end of the former link")

    def test_a_publish_that_did_not_tell_its_end_is_told_by_the_next_start(self):
        remote = self.remote("docs.git", files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_event("published", "docs")
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        adapter.wait_for(lambda: adapter.found("published", "docs", commit=commit), what="its event")
        adapter.stop()
        notes = os.path.join(adapter.data, ".adapter", "docs", "state.json")
        with open(notes, encoding="utf-8") as source:
            state = json.load(source)
        # As a kill between the flip of the link and the note about it leaves it.
        begun = {"url": state["url"], "followed": state["followed"], **state["published"]}
        state["published"] = {**state["published"], "commit": remote.resolve("main~1"), "tip": remote.resolve("main~1")}
        state["pending"] = begun
        with open(notes, "w", encoding="utf-8") as out:
            json.dump(state, out)
        since = len(adapter.events)
        adapter.start()
        told = adapter.wait_event("published", "docs", since=since)
        self.assertEqual((told["commit"], told["previous"]), (commit, remote.resolve("main~1")))
        adapter.stop()
        since = len(adapter.events)
        adapter.start()
        adapter.wait_event("unchanged", "docs", since=since)
        self.assertEqual(adapter.found("published", "docs", since=since), [], "it was told once")

    def test_a_tree_that_another_repository_shows_stays_when_the_notes_are_lost(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"b": "1"})
        adapter = self.adapter(self.config(self.entry(one, "one", link="site"))).start()
        adapter.wait_event("published", "one")
        first = one.resolve("main")
        adapter.stop()
        os.unlink(os.path.join(adapter.data, ".adapter", "one", "state.json"))
        self.server.faults.add(path="two.git", status=503)
        adapter.write_config(self.config(self.entry(one, "one", link="moved"), self.entry(two, "two", link="site")))
        adapter.start()
        adapter.wait_event("check_failed", "two")
        adapter.wait_published("moved", first)
        for text in "2345":
            adapter.wait_published("moved", one.commit({"a": text}))
        self.assertEqual(adapter.published("site"), first)
        with open(os.path.join(adapter.link("site"), "a"), encoding="ascii") as source:
            self.assertEqual(source.read(), "1")

    def test_what_is_published_is_rebuilt_whatever_was_refused_since(self):
        remote = self.remote("docs.git", files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote, symlinks="refuse"))).start()
        adapter.wait_event("published", "docs")
        good = remote.resolve("main")
        packs = os.path.join(adapter.data, ".adapter", "docs", "repo.git", "objects", "pack")
        most = merged = 0
        for number in range(12):
            since = len(adapter.events)
            remote.commit({"l": (SYMLINK, "a"), "b": os.urandom(20_000)})
            adapter.wait_event("check_failed", "docs", since=since, **{"class": "policy"})
            adapter.wait_event("check_failed", "docs", since=len(adapter.events), seconds=20)
            count = sum(name.endswith(".pack") for name in os.listdir(packs))
            merged = merged or count < most
            most = max(most, count)
        self.assertTrue(merged, "no packs were merged")
        adapter.stop()
        shutil.rmtree(os.path.join(adapter.data, ".adapter", "docs", "trees", good))
        self.server.faults.add(path="docs.git", status=503)
        adapter.start()
        adapter.wait_event("tree_rebuilt", "docs")
        self.assertEqual(adapter.published("docs"), good)
        self.assertEqual(self.read(adapter, "a"), b"1")

    def test_a_new_url_at_the_same_link_keeps_the_old_tree_and_does_not_claim_it(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        admin = {"listen": "127.0.0.1:0"}
        adapter = self.adapter(self.config(self.entry(one), admin=admin)).start()
        adapter.wait_event("published", "docs")
        fault = self.server.faults.add(path="two.git", status=503)
        adapter.reload(self.config(self.entry(two), admin=admin))
        adapter.wait_event("check_failed", "docs")
        self.assertEqual(self.read(adapter, "a"), b"1")
        self.assertIsNone(adapter.repository()["commit"])
        self.assertEqual(adapter.ask("GET", "/readyz").status, 503)
        self.server.faults.remove(fault)
        adapter.wait_published("docs", two.resolve("main"), seconds=40)
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready")

    def test_a_new_link_of_the_same_source_appears_while_the_remote_is_down(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        self.server.faults.add(status=503)
        adapter.reload(self.config(self.entry(remote, link="www")))
        adapter.wait_published("www", remote.resolve("main"))
        adapter.wait_for(lambda: not os.path.lexists(adapter.link("docs")), what="the end of the former link")
        self.assertEqual(adapter.found("tree_damaged"), [], "the change was planned")

    def test_a_withdrawn_commit_does_not_come_back(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        first = remote.resolve("main")
        second = remote.commit({"a": "2"})
        adapter.wait_published("docs", second)
        remote.set_ref("refs/heads/main", first)
        adapter.wait_published("docs", first)
        adapter.wait_for(lambda: len(adapter.found("published")) == 3, what="the note of it")
        adapter.stop()
        os.unlink(adapter.link("docs"))
        self.server.faults.add(status=503)
        adapter.start()
        adapter.wait_published("docs", first)

    def test_without_its_notes_a_lost_link_shows_what_the_ref_had_last(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        first = remote.resolve("main")
        remote.commit({"a": "2"})
        adapter.wait_published("docs", remote.resolve("main"))
        remote.set_ref("refs/heads/main", first)
        adapter.wait_published("docs", first)
        adapter.stop()
        self.server.faults.add(status=503)
        for other, expected in ((None, first), ("other.git", None)):
            with self.subTest(other):
                since = len(adapter.events)
                os.unlink(adapter.link("docs"))
                os.unlink(os.path.join(adapter.data, ".adapter/docs/state.json"))
                if other:
                    adapter.write_config(self.config(self.entry(self.server.url(other))))
                adapter.start()
                adapter.wait_event("check_failed", "docs", since=since)
                self.assertEqual(adapter.published("docs"), expected)
                adapter.stop()

    def test_an_old_commit_that_is_refused_now_does_not_hold_up_the_new_one(self):
        remote = self.remote(files={"a": "1", "link": (SYMLINK, "a")})
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_event("published", "docs")
        old = remote.resolve("main")
        adapter.stop()
        with open(os.path.join(adapter.data, ".adapter/docs/trees", old, "a"), "w", encoding="ascii") as out:
            out.write("edited")
        good = remote.commit({"a": "2"}, delete=["link"])
        adapter.write_config(self.config(self.entry(remote, symlinks="refuse")))
        adapter.start()
        event = adapter.wait_event("not_rebuilt", "docs")
        self.assertEqual((event["class"], event["commit"]), ("policy", old))
        adapter.wait_published("docs", good)


class Links(AdapterTest):
    def test_two_repositories_that_exchange_their_links_are_never_without(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        adapter = self.adapter(self.config(self.entry(one, "one", link="a"), self.entry(two, "two", link="b"))).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        reader = LinkReader(adapter.link("a"), adapter.link("b"))
        links = ("a", "b")
        for _ in range(5):
            links = links[::-1]
            adapter.reload(self.config(self.entry(one, "one", link=links[0]), self.entry(two, "two", link=links[1])))
            adapter.wait_published(links[0], one.resolve("main"))
            adapter.wait_published(links[1], two.resolve("main"))
        reader.stop()
        self.assertEqual(adapter.found("tree_damaged"), [], "the changes were planned")
        self.assertEqual(reader.missing, [])
        self.assertGreater(reader.looks, 100)
        adapter.stop()
        self.assertEqual(sorted(os.listdir(adapter.data)), [".adapter", "a", "b"])

    def test_a_claimed_link_stays_with_the_last_good_tree_until_it_is_replaced(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        adapter = self.adapter(self.config(self.entry(one, "one", link="a"), self.entry(two, "two", link="b"))).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        first = one.resolve("main")
        fault = self.server.faults.add(path="new.git", status=503)
        new = self.remote("new.git", files={"a": "3"})
        adapter.reload(self.config(self.entry(one, "one", link="c"), self.entry(new, "two", link="a")))
        for number in range(4):
            adapter.wait_published("c", one.commit({"a": "more %d" % number}))
            self.assertEqual(adapter.published("a"), first)
            with open(os.path.join(adapter.link("a"), "a"), encoding="ascii") as source:
                self.assertEqual(source.read(), "1")
        self.server.faults.remove(fault)
        adapter.wait_published("a", new.resolve("main"), seconds=40)


class Prune(AdapterTest):
    def test_a_renamed_repository_keeps_its_link_throughout(self):
        remote = self.remote(files={"a": "1"})
        config = self.config(self.entry(remote, "docs", link="site"), prune={"after": "1s"})
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "docs")
        reader = LinkReader(adapter.link("site"))
        fault = self.server.faults.add(status=503)
        adapter.reload(self.config(self.entry(remote, "handbook", link="site"), prune={"after": "1s"}))
        adapter.wait_event("prune_failed", "docs")
        self.assertEqual(self.read(adapter, "a", "site"), b"1")
        self.server.faults.remove(fault)
        adapter.wait_event("published", "handbook", seconds=40)
        reader.stop()
        self.assertEqual(reader.missing, [])

    def test_nothing_goes_before_the_delay_and_a_start_begins_anew(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        both = self.config(self.entry(one, "one"), self.entry(two, "two"), prune={"after": "3s"})
        adapter = self.adapter(both).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        adapter.reload(self.config(self.entry(one, "one"), prune={"after": "3s"}))
        adapter.wait_event("prune_planned", "two")
        time.sleep(1.5)
        adapter.stop()
        since = len(adapter.events)
        began = time.monotonic()
        adapter.start()
        adapter.wait_event("pruned", "two", since=since)
        self.assertGreater(time.monotonic() - began, 2.9)
        self.assertEqual(sorted(os.listdir(adapter.data)), [".adapter", "one"])

    def test_nothing_goes_while_no_repository_is_configured(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), prune={"after": "1s"})).start()
        adapter.wait_event("published", "docs")
        adapter.reload(self.config(prune={"after": "1s"}))
        time.sleep(2.5)
        adapter.stop()
        adapter.start()
        time.sleep(2)
        self.assertEqual(self.read(adapter, "a"), b"1")
        self.assertEqual(adapter.found("pruned"), [])


class PruneCommand(AdapterTest):
    def left_behind(self, **top):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        adapter = self.adapter(self.config(self.entry(one, "one"), self.entry(two, "two", link="b/two"), **top)).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        adapter.reload(self.config(self.entry(one, "one"), **top))
        return adapter

    def prune(self, adapter, *options, text=None):
        return run_command("prune", "--config", adapter.config_file, *options, text=text)

    def test_a_running_daemon_is_asked_and_lists_first(self):
        adapter = self.left_behind(admin={"listen": "127.0.0.1:0"})
        options = ("--admin", adapter.admin)
        code, out, err = self.prune(adapter, *options)
        self.assertEqual(code, 0, err)
        self.assertIn("two: %s/.adapter/two, link b/two; it stays until it is pruned by this command" % adapter.data, out)
        self.assertEqual(err, "")
        code, out, err = self.prune(adapter, "--yes", *options)
        self.assertEqual((code, err), (0, "adapter: nothing was deleted: --yes only answers the question of --now; add --now\n"), out)
        code, out, err = self.prune(adapter, "--now", *options)
        self.assertEqual(code, 2, out)
        self.assertIn("--yes", err)
        self.assertTrue(os.path.exists(adapter.link("b/two")))
        code, out, err = self.prune(adapter, "--now", "--yes", *options)
        self.assertEqual((code, out.splitlines()[-1]), (0, "two: removed"), err)
        self.assertEqual(sorted(os.listdir(adapter.data)), [".adapter", "one"])
        answer = adapter.ask("POST", "/api/v1/prune?names=one,two").json()
        self.assertEqual([each["error"]["class"] for each in answer["repositories"]], ["config", "config"])
        self.assertEqual(self.read(adapter, "a", "one"), b"1")

    def test_all_is_kept_while_no_repository_is_configured(self):
        adapter = self.left_behind(admin={"listen": "127.0.0.1:0"})
        adapter.reload(self.config(admin={"listen": "127.0.0.1:0"}))
        removed = adapter.wait_event("repository_removed", "one")
        self.assertIn("while no repository is configured", removed["message"])
        for options in (("--admin", adapter.admin), ()):
            if not options:
                adapter.stop()
            for command in ((), ("--now", "--yes")):
                with self.subTest(options=options, command=command):
                    code, out, err = self.prune(adapter, *command, *options)
                    self.assertEqual(code, 0, err)
                    self.assertIn("two: %s/.adapter/two, link b/two; kept: no repository is configured" % adapter.data, out)
                    self.assertNotIn("until it is pruned", out)
        self.assertEqual(self.read(adapter, "a", "one"), b"1")

    def test_without_an_admin_port_it_works_alone_or_not_at_all(self):
        adapter = self.left_behind()
        code, _, err = self.prune(adapter, "--now", "--yes")
        self.assertEqual(code, 75, err)
        adapter.stop()
        code, out, err = self.prune(adapter, "--now", "--yes")
        self.assertEqual((code, out.splitlines()[-1]), (0, "two: removed"), err)
        self.assertEqual(sorted(os.listdir(adapter.data)), [".adapter", "one"])
        self.assertEqual(self.prune(adapter)[:2], (0, "nothing to prune\n"))


class Volume(AdapterTest):
    def test_own_directories_that_were_removed_come_back(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        for path in (".adapter/docs", ".adapter/docs/trees", ".adapter/docs/repo.git", ".adapter/docs/incoming", ".adapter"):
            with self.subTest(path):
                # In one step: a daemon that makes it again meanwhile is not met in the middle.
                os.rename(os.path.join(adapter.data, path), os.path.join(adapter.folder, "removed"))
                shutil.rmtree(os.path.join(adapter.folder, "removed"))
                commit = remote.commit({"a": path})
                adapter.wait_published("docs", commit, seconds=40)
                adapter.wait_for(lambda path=path: self.read(adapter, "a") == path.encode(), what="the new tree")

    def test_a_replaced_data_directory_ends_the_program(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        os.rename(adapter.data, adapter.data + ".old")
        os.mkdir(adapter.data)
        self.assertEqual(adapter.wait_exit(30), 1)
        adapter.wait_event("data_directory_replaced")
        adapter.start()
        adapter.wait_published("docs", remote.resolve("main"))
        self.assert_good(adapter, remote)


if __name__ == "__main__":
    main()
