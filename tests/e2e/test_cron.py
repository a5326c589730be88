#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A schedule by cron: its slots, and what a restart and a changed configuration make of them."""

import json
import os
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402

LISTEN = {"listen": "127.0.0.1:0"}


class Cron(AdapterTest):
    def test_it_fires_on_its_slot(self):
        remote = self.remote(files={"a": "1"})
        entry = self.entry(remote, cron="* * * * *", timezone="Europe/Berlin")
        adapter = self.adapter(self.config(entry)).start()
        adapter.wait_event("published")
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit, seconds=75)
        self.assertLess(time.time() % 60, 10, "not at the minute")

    def test_a_restart_between_two_slots_stays_ready(self):
        remote = self.remote(files={"f": "1"})
        entry = self.entry(remote, cron="0 3 1 1 *")
        no_interval = {"jitter": "0%"}
        config = {**self.config(entry, admin=LISTEN), "defaults": no_interval}
        adapter = self.adapter(config).start()
        adapter.wait_published("docs", remote.resolve("main"))
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready")
        adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")
        before = adapter.repository()["last_success"]
        adapter.stop()
        asked = len(self.server.requests)
        adapter.start()
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready again", seconds=5)
        self.assertEqual(adapter.repository()["last_success"], before)
        self.assertEqual(len(self.server.requests), asked, "nobody was asked")
        adapter.stop()
        adapter.write_config({**self.config(self.entry(remote, cron="0 3 1 1 *", ref="main"), admin=LISTEN), "defaults": no_interval})
        trouble = self.server.faults.add(path="^/" + remote.name, status=500)
        adapter.start()
        adapter.wait_event("check_failed", "docs")
        self.assertEqual(adapter.ask("GET", "/readyz").status, 503, "of another ref nothing is known yet")
        self.server.faults.remove(trouble)
        adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")
        adapter.wait_for(lambda: adapter.repository()["resolved_ref"] == "refs/heads/main", what="another ref")
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready with the other ref", seconds=5)

    def test_a_slot_that_passed_during_a_stop_is_made_up_for(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.adapter(self.config(self.entry(remote, cron="0 3 1 1 *"), admin=LISTEN)).start()
        adapter.wait_for(lambda: adapter.repository()["phase"] == "waiting" and adapter.repository()["last_success"], what="the first sync's end")
        adapter.stop()
        commit = remote.commit({"f": "2"})
        adapter.start()
        adapter.wait_for(lambda: adapter.repository()["phase"] == "waiting", what="recovered")
        time.sleep(1)
        self.assertNotEqual(adapter.published("docs"), commit, "no slot has passed")
        adapter.stop()
        state = os.path.join(adapter.data, ".adapter", "docs", "state.json")
        with open(state, encoding="utf-8") as source:
            facts = json.load(source)
        facts["last_success_ms"] -= 366 * 24 * 3600 * 1000
        with open(state, "w", encoding="utf-8") as out:
            json.dump(facts, out)
        adapter.start()
        adapter.wait_published("docs", commit)
        asked = len(self.server.requests)
        time.sleep(1)
        self.assertEqual(len(self.server.requests), asked, "once")

    def test_what_was_asked_for_and_known_outlives_a_change_of_the_configuration(self):
        """By a cron that fires once a year: nothing but what was asked for makes a check."""
        remote = self.remote(files={"f": "1"})
        yearly = {"cron": "0 0 1 1 *"}
        adapter = self.adapter(self.config(self.entry(remote, **yearly), admin=LISTEN)).start()
        adapter.wait_event("published", "docs")
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready")
        adapter.reload(self.config(self.entry(remote, jitter="1%", **yearly), admin=LISTEN))
        adapter.wait_for(lambda: adapter.repository()["phase"] == "waiting", what="the recovery")
        self.assertEqual(adapter.ask("GET", "/readyz").status, 200, "its last success is not forgotten")
        fault = self.server.faults.add(path="^/" + remote.name, hang=True)
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1").json()))
        waiter.start()
        adapter.wait_for(lambda: fault.met, what="the check, which hangs")
        self.server.faults.remove(fault)
        commit = remote.commit({"f": "2"})
        adapter.reload(self.config(self.entry(remote, jitter="2%", **yearly), admin=LISTEN))
        waiter.join(10)
        self.assertEqual([(answer["result"], answer["commit"]) for answer in answers], [("changed", commit)])


if __name__ == "__main__":
    main()
