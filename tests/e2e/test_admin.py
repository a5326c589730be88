# SPDX-License-Identifier: Apache-2.0
"""The admin port of the real program: health, readiness, the API, events, and how it opens and closes."""

import base64
import os
import re
import socket
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, run_command  # noqa: E402
from tests.support import http_client  # noqa: E402
from tests.support.own_network import own_network  # noqa: E402

LISTEN = {"listen": "127.0.0.1:0"}


class AdminTest(AdapterTest):
    def serving(self, *entries, admin=None, environment=None, **top):
        return self.adapter(self.config(*entries, admin=admin or LISTEN, **top)).start(environment=environment)

    def published(self, remote, **keys):
        adapter = self.serving(self.entry(remote, **keys))
        adapter.wait_published("docs", remote.resolve("main"))
        return adapter

    # ---- health

    def test_readiness_follows_freshness(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.serving(self.entry(remote, max_staleness="2s"))
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready")
        trouble = self.server.faults.add(path="^/" + remote.name, status=500)
        began = time.monotonic()
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 503, what="stale", seconds=6)
        self.assertGreater(time.monotonic() - began, 1.0, "it stays ready while it is fresh")
        answer = adapter.ask("GET", "/readyz").json()
        behind = answer["not_ready"][0]
        self.assertEqual((behind["name"], behind["health"], behind["class"]), ("docs", "stale", "network"))
        self.assertGreater(behind["age_seconds"], 2.0)
        self.assertRegex(behind["since"], r"^\d{4}-\d\d-\d\dT")
        self.server.faults.remove(trouble)
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="ready again", seconds=30)

    def test_not_ready_before_the_first_publish_nor_without_a_commit(self):
        adapter = self.serving(self.entry(self.remote("empty")), self.entry(self.remote("full", {"f": "1"}), name="full"))
        adapter.wait_event("remote_empty", "docs")
        adapter.wait_event("published", "full")
        answer = adapter.ask("GET", "/readyz")
        self.assertEqual(answer.status, 503)
        self.assertEqual([(each["name"], each["health"]) for each in answer.json()["not_ready"]], [("docs", "empty")])

    def test_suspended_and_pinned_ones(self):
        remote = self.remote("a", {"f": "1"})
        pinned = self.entry(remote, name="pinned", ref=remote.resolve("main"), max_staleness="1s")
        idle = self.entry(self.remote("b", {"f": "1"}), name="idle", suspend=True)
        adapter = self.serving(pinned, idle)
        adapter.wait_event("published", "pinned")
        time.sleep(1.5)
        self.assertEqual(adapter.ask("GET", "/readyz").status, 200)

    # ---- API

    def test_a_repository_tells_all_about_itself(self):
        remote = self.remote(files={"f": "1"})
        first = remote.resolve("main")
        adapter = self.published(remote)
        second = remote.commit({"f": "2"})
        adapter.wait_published("docs", second)
        # The link moves before the sync has ended.
        adapter.wait_for(lambda: adapter.repository()["commit"] == second, what="the sync's end")
        shown = adapter.repository()
        self.assertEqual((shown["commit"], shown["previous"], shown["ref"], shown["resolved_ref"]), (second, first, "HEAD", "refs/heads/main"))
        self.assertEqual(shown["tree_path"], os.path.join(adapter.data, "docs"))
        self.assertEqual((shown["health"], shown["ready"], shown["failure"], shown["webhook"]), ("ok", True, None, False))
        self.assertGreater(shown["received_bytes"], 0)
        self.assertEqual(shown["max_staleness_seconds"], 300)
        self.assertLessEqual(sum(run["count"] for run in shown["outcomes"]), 50)
        self.assertIn("changed", [run["result"] for run in shown["outcomes"]])
        self.assertEqual(adapter.ask("GET", "/api/v1/repositories").json()["repositories"][0]["name"], "docs")
        self.assertEqual(adapter.ask("GET", "/api/v1/repositories/other").status, 404)

    def test_a_failure_has_class_text_and_count(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote)
        self.server.faults.add(path="^/" + remote.name, status=403)
        adapter.wait_for(lambda: (adapter.repository()["failure"] or {}).get("count", 0) >= 2, what="two failures")
        shown = adapter.repository()
        self.assertEqual((shown["health"], shown["failure"]["class"], shown["phase"]), ("failing", "auth", "backing_off"))
        self.assertIn("403", shown["failure"]["text"])
        self.assertIn("auth", shown["waiting_for"])

    def test_a_sync_that_is_asked_for(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote, every="1h")
        answer = adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")
        self.assertEqual((answer.status, answer.json()["result"]), (200, "unchanged"))
        commit = remote.commit({"f": "2"})
        answer = adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")
        self.assertEqual((answer.json()["result"], answer.json()["commit"], answer.json()["error"]), ("changed", commit, None))
        self.assertEqual(adapter.published("docs"), commit)
        self.server.faults.add(path="^/" + remote.name, status=404)
        answer = adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")
        self.assertEqual((answer.json()["result"], answer.json()["error"]["class"]), ("not_found", "not_found"))
        self.assertEqual(answer.json()["commit"], commit, "what is published stays")

    def test_asking_again_while_it_runs_asks_once(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote, every="1h")
        self.server.faults.add(path="^/" + remote.name, delay=1.0)
        first = adapter.ask("POST", "/api/v1/repositories/docs/sync")
        self.assertEqual((first.status, first.fields["Location"]), (202, "/api/v1/repositories/docs"))
        adapter.wait_for(lambda: adapter.repository()["phase"] == "checking", what="the check")
        again = {adapter.ask("POST", "/api/v1/repositories/docs/sync").json()["id"] for _ in range(20)}
        self.assertEqual(again, {first.json()["id"] + 1})
        adapter.wait_for(lambda: adapter.repository()["attempts"]["ended"] > first.json()["id"], what="both checks")
        time.sleep(1.3)
        self.assertEqual(adapter.repository()["attempts"]["begun"], first.json()["id"] + 1)

    def test_nobody_can_ask_for_what_is_not_there_or_suspended(self):
        adapter = self.serving(self.entry(self.remote(files={"f": "1"}), suspend=True))
        adapter.wait_event("started")
        self.assertEqual(adapter.ask("POST", "/api/v1/repositories/docs/sync").status, 409)
        answer = adapter.ask("POST", "/api/v1/repositories/x%0Ay%22/sync")
        self.assertEqual((answer.status, answer.type), (404, "application/problem+json"))
        self.assertIn("title", answer.json())

    def test_one_who_waits_hears_that_the_repository_left(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote, every="1h")
        self.server.faults.add(path="^/" + remote.name, hang=True)
        answers = []
        waiter = threading.Thread(target=lambda: answers.append(adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")))
        waiter.start()
        adapter.wait_for(lambda: adapter.repository()["phase"] == "checking", what="the check")
        other = self.remote("other", {"g": "1"})
        adapter.reload(self.config(self.entry(other, name="other"), admin=LISTEN))
        waiter.join(10)
        self.assertEqual([answer.status for answer in answers], [410])

    def test_a_reload(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote)
        adapter.write_config(self.config(self.entry(remote), self.entry(self.remote("b", {"f": "1"}), name="b"), admin=LISTEN))
        answer = adapter.ask("POST", "/api/v1/reload")
        self.assertEqual((answer.status, answer.json()["applied"], answer.json()["added"]), (200, True, 1))
        adapter.wait_event("published", "b")
        adapter.write_config("repositories: [{name: docs, urll: x}]\n")
        answer = adapter.ask("POST", "/api/v1/reload")
        self.assertEqual((answer.status, answer.type), (422, "application/problem+json"))
        self.assertIn("repositories[0].urll", [finding["key"] for finding in answer.json()["findings"]])
        self.assertTrue(all(finding["line"] for finding in answer.json()["findings"]))
        self.assertEqual(len(adapter.ask("GET", "/api/v1/repositories").json()["repositories"]), 2, "the old one stays")

    def test_a_failed_reload_is_visible_outside_of_the_log(self):
        def metric(name):
            page = adapter.ask("GET", "/metrics").body.decode()
            return float(re.search(r"^adapter_config_last_reload_%s (\S+)$" % name, page, re.M).group(1))

        adapter = self.published(self.remote(files={"f": "1"}))
        good = adapter.ask("GET", "/api/v1/repositories").json()["last_reload"]
        self.assertEqual((good["successful"], good["errors"], good["problem"]), (True, 0, None))
        loaded = metric("success_timestamp_seconds")
        self.assertEqual(metric("successful"), 1)
        with http_client.EventStream(adapter.admin + "/api/v1/events") as stream:
            adapter.reload("repositories: [{name: docs, urll: x}]\n")
            self.assertIn("urll", stream.wait("reload_failed")["data"]["text"])
        adapter.wait_for(lambda: metric("successful") == 0, what="a snapshot that is younger")
        bad = adapter.ask("GET", "/api/v1/repositories").json()["last_reload"]
        self.assertEqual((bad["successful"], bad["success_time"]), (False, good["success_time"]))
        self.assertIn("config.yaml:1:", bad["problem"])
        self.assertEqual((metric("successful"), metric("success_timestamp_seconds")), (0, loaded))
        adapter.reload(self.config(self.entry(self.server.url("docs.git")), admin=LISTEN))
        adapter.wait_for(lambda: metric("successful") == 1, what="a snapshot that is younger")
        self.assertTrue(adapter.ask("GET", "/api/v1/repositories").json()["last_reload"]["successful"])
        self.assertGreater(metric("success_timestamp_seconds"), loaded)

    # ---- events

    def test_events_tell_a_commits_way(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote)
        with http_client.EventStream(adapter.admin + "/api/v1/events") as stream:
            self.assertEqual((stream.status, stream.type), (200, "text/event-stream"))
            stream.wait("checked", repository="docs", result="unchanged")
            self.assertGreater(stream.retry, 0)
            commit = remote.commit({"f": "2"})
            changed = stream.wait("changed", repository="docs")
            self.assertEqual(changed["data"]["commit"], commit)
            published = stream.wait("published", repository="docs")
            self.assertEqual((published["data"]["commit"], published["data"]["ends_attempt"]), (commit, True))
            trouble = self.server.faults.add(path="^/" + remote.name, status=500)
            self.assertEqual(stream.wait("failed")["data"]["class"], "network")
            self.server.faults.remove(trouble)
            self.assertEqual(stream.wait("recovered")["data"]["class"], "network")
            adapter.reload()
            stream.wait("reloaded")

    def test_a_stream_is_resumed_where_it_ended(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote)
        with http_client.EventStream(adapter.admin + "/api/v1/events") as stream:
            last = stream.wait("checked")["id"]
        commit = remote.commit({"f": "2"})
        adapter.wait_published("docs", commit)
        time.sleep(0.3)
        for fields, query in (({"Last-Event-ID": last}, ""), ({}, "?since=" + last)):
            with http_client.EventStream(adapter.admin + "/api/v1/events" + query, fields=fields) as stream:
                self.assertEqual(stream.wait("published", seconds=3)["data"]["commit"], commit)
        with http_client.EventStream(adapter.admin + "/api/v1/events", fields={"Last-Event-ID": "another-1"}) as stream:
            self.assertEqual(stream.next()["event"], "reset")

    # ---- opening and closing

    def test_a_stop_does_not_wait_for_clients(self):
        remote = self.remote(files={"f": "1"})
        adapter = self.published(remote, every="1h")
        address = ("127.0.0.1", int(adapter.admin.rsplit(":", 1)[1]))
        idle = [socket.create_connection(address) for _ in range(20)]
        for client in idle[10:]:
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        self.server.faults.add(path="^/" + remote.name, hang=True)
        waiter = threading.Thread(target=lambda: self.swallow(lambda: adapter.ask("POST", "/api/v1/repositories/docs/sync?wait=1")))
        waiter.start()
        stream = http_client.EventStream(adapter.admin + "/api/v1/events")
        time.sleep(0.5)
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 1.0)
        waiter.join(5)
        self.swallow(stream.next)
        for client in idle:
            client.close()

    def test_a_stop_waits_neither_for_bodies_nor_for_what_the_loop_owes(self):
        """More requests than threads, most of them stuck in their bodies, and others that ask the loop for something all the while."""
        adapter = self.published(self.remote(files={"f": "1"}), every="1h")
        address = ("127.0.0.1", int(adapter.admin.rsplit(":", 1)[1]))
        slow = [socket.create_connection(address) for _ in range(56)]
        for client in slow:
            client.sendall(b"POST /api/v1/reload HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\nx")
        ended = threading.Event()

        def go_on_asking():
            while not ended.is_set():
                self.swallow(lambda: adapter.ask("POST", "/api/v1/repositories/docs/sync"))

        askers = [threading.Thread(target=go_on_asking) for _ in range(24)]
        for asker in askers:
            asker.start()
        time.sleep(1)
        began = time.monotonic()
        adapter.stop()
        took = time.monotonic() - began
        ended.set()
        for asker in askers:
            asker.join(10)
        for client in slow:
            client.close()
        self.assertLess(took, 1.5)

    def test_who_asks_and_does_not_read_keeps_no_thread(self):
        adapter = self.published(self.remote(files={"f": "1"}), every="1h")
        address = ("127.0.0.1", int(adapter.admin.rsplit(":", 1)[1]))
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
            deaf.settimeout(0.5)
            deaf.connect(address)
            self.swallow(lambda: [deaf.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200) for _ in range(500)])
            began = time.monotonic()
            self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
            self.assertLess(time.monotonic() - began, 1.0)

    @staticmethod
    def swallow(act):
        try:
            act()
        except (OSError, http_client.http.client.HTTPException):
            pass

    def test_a_port_that_is_taken_is_fatal_when_the_file_or_the_variable_asks_for_it(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            listen = "127.0.0.1:%d" % taken.getsockname()[1]
            remote = self.remote(files={"f": "1"})
            asked = [
                self.serving(self.entry(remote), admin={"listen": listen}),
                self.adapter(self.config(self.entry(remote))).start(environment={"ADAPTER_ADMIN_LISTEN": listen}),
                self.adapter(None).start(with_config=False, environment={"ADAPTER_ADMIN_LISTEN": listen}),
            ]
            for adapter in asked:
                self.assertEqual(adapter.wait_exit(10), 1)
                self.assertIn(listen, adapter.found("start_failed")[0]["message"])
                self.assertEqual(adapter.found("start_failed")[0]["class"], "config")

    def test_the_default_port_of_the_image_opens_when_it_becomes_free(self):
        listen = "127.0.0.1:8080"
        with own_network():
            with socket.create_server(("127.0.0.1", 8080)):
                adapter = self.adapter(self.config()).start(environment={"ADAPTER_ADMIN_LISTEN": listen})
                self.assertEqual(adapter.wait_event("admin_unavailable")["level"], "warning")
                adapter.wait_event("started")
                adapter.reload()
                adapter.wait_event("reloaded")
            adapter.wait_event("admin_listening", seconds=40, address=listen)
            self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
            broken = self.config()
            broken["evrey"] = "1m"
            adapter.write_config(broken)
            adapter.reload()
            adapter.wait_event("reload_failed")
            self.assertFalse(adapter.ask("GET", "/api/v1/repositories").json()["last_reload"]["successful"])
            adapter.stop()

    def test_two_daemons_do_not_share_a_port(self):
        remote = self.remote(files={"f": "1"})
        first = self.published(remote)
        second = self.serving(self.entry(remote), admin={"listen": first.admin[7:]})
        self.assertEqual(second.wait_exit(10), 1)

    def test_without_a_configuration_it_says_how_to_make_one(self):
        if os.path.exists("/etc/adapter/config.yaml"):
            self.fail("this machine has a configuration of its own")
        adapter = self.adapter(None)
        adapter.start(with_config=False, environment={"ADAPTER_ADMIN_LISTEN": "127.0.0.1:0"})
        self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
        answer = adapter.ask("GET", "/readyz")
        self.assertEqual((answer.status, answer.json()["reason"]), (503, "there is no configuration"))
        self.assertEqual(adapter.ask("GET", "/api/v1/repositories").json()["configured"], False)
        self.assertIn("ADAPTER_URL", adapter.ask("GET", "/").text)
        self.assertEqual(adapter.ask("POST", "/api/v1/reload").status, 422)

    def test_a_token_that_is_replaced_counts_at_once(self):
        path = os.path.join(self.folder, "token")
        for token in ("first", "second"):
            with open(path + ".new", "w", encoding="ascii") as out:
                out.write(token + "\n")
            os.rename(path + ".new", path)
            if token == "first":
                adapter = self.serving(self.entry(self.remote(files={"f": "1"})), admin={**LISTEN, "token_file": path})
            self.assertEqual(adapter.ask("GET", "/metrics", token=token).status, 200)
        self.assertEqual(adapter.ask("GET", "/metrics", token="first").status, 401)
        self.assertEqual(adapter.ask("GET", "/metrics").status, 401)

    def test_a_token_that_cannot_be_read_is_fatal(self):
        adapter = self.serving(self.entry(self.remote(files={"f": "1"})), admin={**LISTEN, "token_file": os.path.join(self.folder, "none")})
        self.assertEqual(adapter.wait_exit(10), 1)
        self.assertIn("admin.token_file", adapter.found("start_failed")[0]["message"])

    def test_neither_secrets_nor_their_places_are_shown(self):
        """The canary is the token and the webhook's secret too: the end of each test looks for it in logs and files."""
        missing = os.path.join(self.folder, "missing-password")
        remote = self.remote(files={"f": "1"})
        config = self.config(
            self.entry(remote, webhook={"secret_file": self.password_file}), self.entry(self.remote("b", {"f": "1"}), name="b"),
            admin={**LISTEN, "token_file": self.password_file},
        )  # fmt: skip
        config["credentials"] = [{"url": self.server.url("b"), "username": "bot", "password_file": missing}]
        adapter = self.adapter(config).start()
        adapter.wait_published("docs", remote.resolve("main"))
        failed = adapter.wait_event("check_failed", "b")
        self.assertIn(missing, failed["message"], "the log has it")
        said = []
        right = {"Authorization": "Basic " + base64.b64encode(("bot:" + self.canary).encode()).decode()}
        with http_client.EventStream(adapter.admin + "/api/v1/events", fields=right) as stream:
            said.append(str(stream.wait("failed", repository="b", seconds=40)))
        for target in ("/", "/healthz", "/readyz", "/metrics", "/api/v1/repositories", "/api/v1/repositories/b"):
            for fields, status in (({}, 401), ({"Authorization": "Bearer wrong"}, 401), (right, 200)):
                answer = adapter.ask("GET", target, fields=fields)
                if not target.endswith("z"):
                    self.assertEqual(answer.status, status)
                said.append(str(answer.fields) + answer.text)
        for target in ("/hooks/docs", "/hooks", "/api/v1/repositories/b/sync?wait=1", "/api/v1/reload"):
            answer = adapter.ask("POST", target, fields={**right, "X-Hub-Signature-256": "sha256=00"}, body=b"{}")
            said.append(str(answer.fields) + answer.text)
        everything = "\n".join(said)
        self.assertIn("/missing-password", everything, "the failure is told, without its folder")
        for secret in (self.canary, missing, self.password_file, self.folder + "/missing"):
            self.assertNotIn(secret, everything)
        with open("/proc/%d/cmdline" % adapter.process.pid, "rb") as source:
            self.assertNotIn(self.canary.encode(), source.read())

    def test_the_library_is_named(self):
        _, out, _ = run_command("info")
        self.assertIn('"cpp-httplib"', out)


if __name__ == "__main__":
    unittest.main()
