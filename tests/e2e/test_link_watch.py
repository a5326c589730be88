#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What happens to a link between two checks that are an hour apart."""

import os
import shutil
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402


class LinkWatch(AdapterTest):
    def test_a_link_that_leads_nowhere_is_seen_and_healed_between_two_checks(self):
        remote = self.remote(files={"a": "1"})
        config = self.config(self.entry(remote), every="1h", admin={"listen": "127.0.0.1:0"})
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "docs")
        os.unlink(adapter.link("docs"))
        adapter.wait_published("docs", remote.resolve("main"), seconds=10)
        self.assertEqual(len(self.server.seen("fetch")), 1)
        self.server.faults.add(status=503)
        os.rename(os.path.join(adapter.data, ".adapter", "docs"), os.path.join(adapter.folder, "removed"))
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 503, 10, "not ready")
        self.server.faults.clear()
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, 40, "ready again")
        self.assert_good(adapter, remote)

    def with_a_former_tree(self):
        """A daemon that has published two commits and checks once an hour: (adapter, remote, the link's first target, commit)."""
        remote = self.remote(files={"a": "1"})
        config = self.config(self.entry(remote), every="1h", admin={"listen": "127.0.0.1:0"})
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "docs")
        former = os.readlink(adapter.link("docs"))
        commit = remote.commit({"a": "2"})
        adapter.signal(signal.SIGUSR1)
        adapter.wait_event("published", "docs", commit=commit)  # noted, not only shown
        return adapter, remote, former, commit

    def test_a_link_that_is_moved_to_the_former_tree_is_seen_and_healed(self):
        adapter, remote, former, commit = self.with_a_former_tree()
        since = len(adapter.events)
        os.unlink(adapter.link("docs"))
        os.symlink(former, adapter.link("docs"))
        adapter.wait_event("link_lost", "docs", 10, since)
        adapter.wait_published("docs", commit, seconds=10)
        self.assert_good(adapter, remote)

    def check_it_is_healed_during(self, step, byte_delay, change):
        """While a request of an attempt is answered as slowly as no limit ends it."""
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_event("published", "docs")
        commit = remote.resolve("main")
        fault = self.server.faults.add(step=step, byte_delay=byte_delay)
        if change:
            remote.commit(change)
        adapter.wait_for(lambda: fault.met >= 1, 20, "a slow answer")
        since = len(adapter.events)
        os.unlink(adapter.link("docs"))
        adapter.wait_event("link_restored", "docs", 10, since)
        self.assertEqual(adapter.published("docs"), commit)
        self.assertEqual(fault.met, 1, "the request goes on")
        adapter.kill()

    def test_a_link_is_healed_while_a_check_drips(self):
        self.check_it_is_healed_during("ls_refs", 0.9, None)

    def test_a_link_is_healed_while_a_transfer_drips(self):
        self.check_it_is_healed_during("fetch", 0.0005, {"big": os.urandom(3_000_000)})

    def dripping(self):
        """A daemon that has published, and whose next transfer is as slow as no limit ends it."""
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), admin={"listen": "127.0.0.1:0"})).start()
        adapter.wait_event("published", "docs")
        commit = remote.resolve("main")
        fault = self.server.faults.add(step="fetch", byte_delay=0.0005)
        remote.commit({"big": os.urandom(3_000_000)})
        adapter.wait_for(lambda: fault.met >= 1, 20, "a slow answer")
        return adapter, commit, fault

    def test_a_link_that_cannot_be_made_at_first_is_tried_again_while_a_transfer_drips(self):
        adapter, commit, fault = self.dripping()
        link = adapter.link("docs")
        since = len(adapter.events)
        os.unlink(link)
        os.mkdir(link)
        adapter.wait_event("not_rebuilt", "docs", 10, since)
        time.sleep(3)  # two more tries
        self.assertEqual(len(adapter.found("not_rebuilt")), 1, "told once")
        os.rmdir(link)
        adapter.wait_published("docs", commit, seconds=10)
        self.assertEqual(fault.met, 1, "the request goes on")
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, 5, "ready again")
        adapter.kill()

    def test_a_tree_that_is_lost_while_a_transfer_drips_is_made_again_from_the_packs(self):
        adapter, commit, _ = self.dripping()
        since = len(adapter.events)
        shutil.rmtree(os.path.join(adapter.data, ".adapter", "docs", "trees"))
        adapter.wait_event("tree_rebuilt", "docs", 10, since)
        self.assertEqual(adapter.published("docs"), commit)
        adapter.kill()

    def check_it_moves_back_without_the_remote(self, restarts):
        """A link that is moved to an older tree of its repository, which no note names any more."""
        adapter, _, former, commit = self.with_a_former_tree()
        self.server.faults.add(status=503)
        if restarts:
            adapter.kill()
        os.unlink(adapter.link("docs"))
        os.symlink(former, adapter.link("docs"))
        if restarts:
            adapter.start()
        adapter.wait_published("docs", commit, seconds=10)
        adapter.wait_for(lambda: adapter.repository("docs")["commit"] == commit, 5, "the status says so")
        self.assertEqual(adapter.found("tree_damaged"), [], "the tree was whole")
        self.assertEqual(len(adapter.found("link_lost")), 1)
        adapter.kill()

    def test_a_link_that_is_moved_to_the_former_tree_moves_back_without_the_remote(self):
        self.check_it_moves_back_without_the_remote(restarts=False)

    def test_a_link_that_was_moved_to_the_former_tree_moves_back_at_a_start_without_the_remote(self):
        self.check_it_moves_back_without_the_remote(restarts=True)

    def test_a_link_that_could_not_be_healed_asks_the_remote_no_more_often(self):
        remote = self.remote(files={"a": "1"})
        config = self.config(self.entry(remote, cron="0 3 1 1 *"), admin={"listen": "127.0.0.1:0"})
        del config["defaults"]["every"]
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "docs")
        link, asked, since = adapter.link("docs"), len(self.server.seen("ls_refs")), len(adapter.events)
        os.unlink(link)
        os.mkdir(link)
        adapter.wait_event("check_failed", "docs", 10, since)
        os.rmdir(link)
        adapter.wait_event("recovered", "docs", 20, since)
        self.assertEqual(len(self.server.seen("ls_refs")), asked)
        adapter.kill()

    def test_a_stranger_in_place_of_the_link_is_seen_between_two_checks(self):
        remote = self.remote(files={"a": "1"})
        config = self.config(self.entry(remote), every="1h", admin={"listen": "127.0.0.1:0"})
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "docs")
        link = adapter.link("docs")
        for make, remove in ((os.mkdir, os.rmdir), (lambda path: os.symlink("/etc", path), os.unlink)):
            os.unlink(link)
            make(link)
            adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 503, 10, "not ready")
            self.assertEqual(adapter.repository("docs")["health"], "stale")
            remove(link)
            adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, 40, "ready again")
            self.assert_good(adapter, remote)


if __name__ == "__main__":
    main()
