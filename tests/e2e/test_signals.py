#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Signals, reloads, ends: SIGHUP with each kind of difference, SIGTERM and SIGINT in any phase."""

import os
import signal
import socket
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402


class Reload(AdapterTest):
    def test_the_difference_is_applied(self):
        remotes = {name: self.remote(name + ".git", files={"a": name}) for name in ("kept", "changed", "gone", "new")}
        remotes["changed"].commit({"a": "other"}, branch="other")
        entries = {name: self.entry(remote, name) for name, remote in remotes.items()}
        adapter = self.adapter(self.config(entries["kept"], entries["changed"], entries["gone"])).start()
        for name in ("kept", "changed", "gone"):
            adapter.wait_event("published", name)
        inode = os.stat(adapter.link("kept")).st_ino
        event = adapter.reload(self.config(entries["kept"], {**entries["changed"], "ref": "other"}, entries["new"]))
        self.assertEqual(event["event"], "reloaded")
        adapter.wait_published("new", remotes["new"].resolve("main"))
        adapter.wait_published("changed", remotes["changed"].resolve("other"))
        since = len(self.server.requests)
        adapter.wait_for(lambda: len(self.server.seen("ls_refs", "kept.git", since)) > 3, what="the untouched one goes on")
        self.assertEqual(self.server.seen("", "gone.git", since), [], "what left the file is still watched")
        self.assertEqual(os.stat(adapter.link("kept")).st_ino, inode)
        self.assertEqual(len(adapter.found("published", "kept")), 1)
        self.assert_good(adapter, remotes["gone"], "gone", commit=remotes["gone"].resolve("main"))

    def test_prune_removes_what_left_the_file(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        adapter = self.adapter(self.config(self.entry(one, "one"), self.entry(two, "two"), prune={"after": "1s"})).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        adapter.reload(self.config(self.entry(one, "one"), prune={"after": "1s"}))
        adapter.wait_for(lambda: not os.path.lexists(adapter.link("two")), what="the link is removed")
        adapter.wait_for(lambda: not os.path.exists(os.path.join(adapter.data, ".adapter", "two")), what="all is removed")
        self.assert_good(adapter, one, "one")

    def test_a_bad_file_changes_nothing_and_says_so(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        adapter.write_config("repositories:\n  - nam: docs\n")
        event = adapter.reload()
        self.assertEqual(event["event"], "reload_failed")
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        event = adapter.reload(self.config(self.entry(remote)))
        self.assertEqual(event["event"], "reloaded")

    def test_what_cannot_change_while_running_is_named(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        adapter.reload(self.config(self.entry(remote), workers=7))
        adapter.wait_for(
            lambda: [e for e in adapter.events if e["level"] == "warning" and "workers" in str(e)], what="a warning"
        )  # fmt: skip

    def test_a_changed_link_moves(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        adapter.reload(self.config(self.entry(remote, link="elsewhere/site")))
        adapter.wait_for(lambda: os.path.islink(adapter.link("elsewhere/site")), what="the link at its new place")
        adapter.wait_for(lambda: not os.path.lexists(adapter.link("docs")), what="the end of the former link")
        self.assert_good(adapter, remote, link="elsewhere/site")

    def test_suspend_stops_checks_and_keeps_the_tree(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        adapter.reload(self.config(self.entry(remote, suspend=True)))
        time.sleep(0.3)
        since = len(self.server.requests)
        remote.commit({"a": "2"})
        time.sleep(1)
        self.assertEqual(self.server.requests[since:], [])
        self.assertEqual(adapter.published("docs"), first)
        adapter.reload(self.config(self.entry(remote)))
        adapter.wait_published("docs", remote.resolve("main"))

    def test_an_untouched_repository_is_not_begun_anew(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        top = {"every": "1h", "admin": {"listen": "127.0.0.1:0"}}
        adapter = self.adapter(self.config(self.entry(one, "one"), self.entry(two, "two"), **top)).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        ids = []
        for _ in range(2):
            ids.append(adapter.ask("POST", "/api/v1/repositories/two/sync?wait=1").json()["id"])
            event = adapter.reload(self.config(self.entry(one, "one", depth=2), self.entry(two, "two"), **top))
            self.assertEqual(event["event"], "reloaded")
            time.sleep(1)
        self.assertEqual(ids[1], ids[0] + 1, "an attempt began that nobody asked for")


class Stop(AdapterTest):
    """A clean stop, exit code 0, within 10 s, whatever is going on; and a start afterwards that goes on well."""

    def assert_stops(self, number=signal.SIGTERM, until=None, files=None, seconds=5, **fault):
        remote = self.remote(files=files or {"a": "1"})
        planted = self.server.faults.add(**fault) if fault else None
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_for(lambda: until(adapter, planted), what="the phase")
        began = time.monotonic()
        adapter.stop(number)
        self.assertLess(time.monotonic() - began, seconds)
        self.assertTrue(adapter.found("stopped"), adapter.tail())
        self.server.faults.clear()
        since = len(adapter.events)
        adapter.start()
        adapter.wait_event("started", since=since)
        adapter.wait_published("docs", remote.resolve("main"))
        adapter.stop()
        self.assert_good(adapter, remote)

    @staticmethod
    def met(_, fault):
        return fault.met

    def test_while_idle(self):
        self.assert_stops(until=lambda adapter, _: adapter.found("published"))

    def test_by_sigint(self):
        self.assert_stops(signal.SIGINT, until=lambda adapter, _: adapter.found("published"))

    def test_while_a_server_does_not_answer(self):
        self.assert_stops(until=self.met, hang=True)

    def test_while_a_pack_stalls(self):
        self.assert_stops(
            until=lambda adapter, fault: self.met(adapter, fault) and time.sleep(0.3) is None,
            files={"a": os.urandom(300_000)}, step="fetch", stall_at=100_000,
        )  # fmt: skip

    def test_while_a_pack_dribbles(self):
        self.assert_stops(until=self.met, step="fetch", byte_delay=0.2)

    def test_while_backing_off(self):
        self.assert_stops(until=lambda adapter, _: adapter.found("check_failed"), status=500)

    def test_while_it_waits_as_asked(self):
        self.assert_stops(
            until=lambda adapter, _: adapter.found("check_failed"), status=429, headers=[["Retry-After", "3600"]]
        )  # fmt: skip

    def test_while_publishing(self):
        files = {"d%d/f%d" % (index % 50, index): "%d" % index for index in range(8000)}
        remote = self.remote(files=files)
        adapter = self.adapter(self.config(self.entry(remote))).start()
        trees = os.path.join(adapter.data, ".adapter", "docs", "trees")
        adapter.wait_for(lambda: os.path.isdir(trees) and os.listdir(trees), what="a tree is being written")
        adapter.stop()
        self.assertEqual(self.volume(adapter).problems, [])
        adapter.start()
        adapter.wait_published("docs", remote.resolve("main"), seconds=30)
        adapter.stop()
        self.assert_good(adapter, remote)

    def test_while_a_retired_tree_is_removed(self):
        files = {"d%d/f%d" % (index % 50, index): "%d" % index for index in range(8000)}
        remote = self.remote(files=files)
        adapter = self.follow(remote, seconds=60)
        for number in range(2):
            commit = remote.commit({"d0/f0": "change %d" % number})
            adapter.wait_event("published", commit=commit, seconds=60)
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 5)
        since = len(adapter.events)
        adapter.start()
        adapter.wait_event("unchanged", since=since)
        trees = os.path.join(adapter.data, ".adapter", "docs", "trees")
        adapter.wait_for(lambda: not any(name.startswith(".") for name in os.listdir(trees)), 60, "8,000 files to be gone")
        self.assert_good(adapter, remote, commit=commit)

    def test_while_a_hand_shake_hangs(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            entry = {"name": "docs", "url": "https://localhost:%d/x.git" % silent.getsockname()[1]}
            adapter = self.adapter(self.config(entry)).start()
            silent.settimeout(20)
            connection, _ = silent.accept()
            with connection:
                began = time.monotonic()
                adapter.stop()
                self.assertLess(time.monotonic() - began, 5)

    def test_in_the_first_moments(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        for wait in (0.02, 0.04, 0.06, 0.08, 0.1, 0.15):
            adapter.start()
            time.sleep(wait)
            adapter.signal(signal.SIGTERM)
            # Before its handlers are in place a signal ends it as the system does.
            self.assertIn(adapter.wait_exit(10), (0, -signal.SIGTERM))
        since = len(adapter.events)
        adapter.start()
        adapter.wait_event("started", since=since)
        adapter.wait_published("docs", remote.resolve("main"))
        self.assert_good(adapter, remote)


if __name__ == "__main__":
    main()
