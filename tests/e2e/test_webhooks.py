# SPDX-License-Identifier: Apache-2.0
"""Push webhooks: from a delivery to a published commit, and what a delivery cannot do."""

import hashlib
import hmac
import json
import os
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest  # noqa: E402

SECRET = "It's a Secret to Everybody"


class WebhookTest(AdapterTest):
    def secret_file(self, text=SECRET, name="hook-secret"):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as out:
            out.write(text + "\n")
        os.rename(path + ".new", path)
        return path

    def hooked(self, remote, **keys):
        return self.entry(remote, **{"webhook": {"secret_file": self.secret_file()}, "every": "1h", **keys})

    def deliver(self, adapter, target, payload, secret=SECRET, delivery=None, event="push"):
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        fields = {
            "X-GitHub-Event": event, "X-GitHub-Delivery": delivery or "id-%d" % time.monotonic_ns(), "Content-Type": "application/json",
            "X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
        }  # fmt: skip
        return adapter.ask("POST", target, body=body, fields=fields)

    @staticmethod
    def push(commit, ref="refs/heads/main", **repository):
        return {"ref": ref, "after": commit, "repository": repository}

    def running(self, *entries, **top):
        adapter = self.adapter(self.config(*entries, admin={"listen": "127.0.0.1:0"}, **top)).start()
        for entry in entries:
            adapter.wait_event("published", entry["name"])
        return adapter

    def test_a_push_is_published_within_a_second(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        slowest = 0.0
        for number in range(5):
            commit = remote.commit({"f": "push %d" % number})
            began = time.monotonic()
            answer = self.deliver(adapter, "/hooks/docs", self.push(commit))
            self.assertEqual((answer.status, answer.json()), (202, {"accepted": ["docs"]}))
            adapter.wait_published("docs", commit, seconds=5)
            slowest = max(slowest, time.monotonic() - began)
            time.sleep(1.1)  # deliveries ask for one look a second
        self.assertLess(slowest, 1.0)

    def test_a_commit_that_is_not_yet_visible_is_looked_for_again(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        self.deliver(adapter, "/hooks/docs", self.push("f" * 40))
        time.sleep(2.5)
        commit = remote.commit({"f": "late"})
        adapter.wait_published("docs", commit, seconds=9)

    def test_one_that_arrives_during_a_sync_is_not_lost(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        slow = self.server.faults.add(path="^/" + remote.name, step="fetch", body_delay=2.0)
        first = remote.commit({"f": "2"})
        self.deliver(adapter, "/hooks/docs", self.push(first))
        adapter.wait_for(lambda: slow.met, what="a sync that takes its time")
        second = remote.commit({"f": "3"})
        self.deliver(adapter, "/hooks/docs", self.push(second))
        self.server.faults.remove(slow)
        adapter.wait_published("docs", second, seconds=10)

    def test_the_common_route_chooses_by_address_among_those_that_have_the_secret(self):
        one, two, other = (self.remote(name, {"f": name}) for name in ("one", "two", "other"))
        stranger = self.secret_file("another secret", "other-secret")
        adapter = self.running(
            self.hooked(one, name="one"), self.hooked(two, name="two"), self.entry(other, name="other", every="1h", webhook={"secret_file": stranger})
        )  # fmt: skip
        answer = self.deliver(adapter, "/hooks", self.push("1" * 40, clone_url=self.server.url(two.name)))
        self.assertEqual((answer.status, answer.json()), (202, {"accepted": ["two"]}))
        answer = self.deliver(adapter, "/hooks", self.push("1" * 40, clone_url=self.server.url(other.name)))
        self.assertEqual((answer.status, answer.json()), (200, {"accepted": []}), "its secret is not the other's")
        answer = self.deliver(adapter, "/hooks", self.push("1" * 40, clone_url="https://elsewhere.example/two.git"))
        self.assertEqual((answer.status, answer.json()), (200, {"accepted": []}))

    def test_a_delivery_that_comes_again_asks_for_nothing(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        tip = remote.resolve("main")
        self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push(tip), delivery="same").status, 202)
        adapter.wait_for(lambda: adapter.repository()["attempts"]["ended"] >= 3, what="the look that was asked for")
        begun = adapter.repository()["attempts"]["begun"]
        for _ in range(50):
            answer = self.deliver(adapter, "/hooks/docs", self.push(tip), delivery="same")
            self.assertEqual((answer.status, answer.json()), (200, {"duplicate": True}))
        time.sleep(1.5)
        self.assertEqual(adapter.repository()["attempts"]["begun"], begun)

    def test_a_storm_of_good_deliveries_costs_a_look_a_second(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        before = adapter.repository()["attempts"]["begun"]
        began = time.monotonic()
        for _ in range(200):
            self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push(remote.resolve("main"))).status, 202)
        time.sleep(1.2)
        self.assertLessEqual(adapter.repository()["attempts"]["begun"] - before, time.monotonic() - began + 2)

    def test_deliveries_do_not_hurry_a_start_that_fails(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        adapter.stop()
        os.unlink(adapter.link("docs"))
        os.mkdir(adapter.link("docs"))
        since = len(adapter.events)
        adapter.start()
        adapter.wait_event("check_failed", "docs", since=since)
        for _ in range(40):
            self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push("0" * 39 + "1")).status, 202)
            time.sleep(0.05)
        self.assertLessEqual(len(adapter.found("check_failed", "docs", since)), 4)  # at 0, 1 and 3 seconds, or so
        os.rmdir(adapter.link("docs"))
        adapter.signal(signal.SIGUSR1)
        adapter.wait_published("docs", remote.resolve("main"), seconds=5)

    def test_a_ping_is_answered(self):
        adapter = self.running(self.hooked(self.remote("a", {"f": "1"})))
        answer = self.deliver(adapter, "/hooks/docs", {"zen": "Keep it logically awesome."}, event="ping")
        self.assertEqual((answer.status, answer.json()), (200, {"ping": True}))
        self.assertEqual(self.deliver(adapter, "/hooks", {"zen": "x"}, event="ping").status, 200)

    def test_what_is_not_signed_is_refused_whatever_it_is(self):
        adapter = self.running(self.hooked(self.remote("a", {"f": "1"})), self.entry(self.remote("b", {"f": "1"}), name="plain"))
        for kind in ("application/json", "text/plain", "multipart/form-data; boundary=x", "", "application/x-www-form-urlencoded"):
            for target in ("/hooks/docs", "/hooks"):
                for body in (b"", b"{}", b"payload=%7B%7D", b"--x\r\n"):
                    answer = adapter.ask("POST", target, body=body, fields={"Content-Type": kind})
                    self.assertEqual(answer.status, 401, (kind, target, body))
        self.assertEqual(self.deliver(adapter, "/hooks/docs", {}, secret="wrong").status, 401)
        self.assertEqual(self.deliver(adapter, "/hooks/plain", {}).status, 404, "no secret, no route")
        self.assertEqual(self.deliver(adapter, "/hooks/nobody", {}).status, 404)

    def test_forged_bodies_that_trickle_do_not_keep_the_right_ones_out(self):
        adapter = self.running(self.hooked(self.remote("a", {"f": "1"})))
        address = ("127.0.0.1", int(adapter.admin.rsplit(":", 1)[1]))
        head = b"POST /hooks/docs HTTP/1.1\r\nHost: localhost\r\nX-Hub-Signature-256: sha256=" + b"0" * 64 + b"\r\nContent-Length: 999999\r\n\r\nx"
        forged = []
        for _ in range(100):
            forged.append(socket.create_connection(address))
            forged[-1].sendall(head)
        time.sleep(0.3)
        began = time.monotonic()
        self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push("f" * 40)).status, 202)
        self.assertLess(time.monotonic() - began, 1.0)
        for client in forged:
            client.close()

    def test_a_large_body_works_by_name_only(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote))
        commit = remote.commit({"f": "2"})
        large = b" " * (24 << 20) + json.dumps(self.push(commit)).encode()
        self.assertEqual(self.deliver(adapter, "/hooks", large).status, 413)
        self.assertEqual(self.deliver(adapter, "/hooks/docs", large).status, 202)
        adapter.wait_published("docs", commit, seconds=5)
        answer = adapter.ask("POST", "/hooks/docs", body=b"", fields={"Content-Length": str((25 << 20) + 1)})
        self.assertEqual(answer.status, 413)

    def test_a_secret_is_rotated_without_a_gap(self):
        remote = self.remote("a", {"f": "1"})
        old, new = self.secret_file("old"), self.secret_file("new", "new-secret")
        adapter = self.running(self.entry(remote, every="1h", webhook={"secret_files": [old, new]}))
        for secret, status in (("old", 202), ("new", 202), ("older", 401)):
            self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push("1" * 40), secret=secret).status, status, secret)
        self.secret_file("older")  # the first file again, with other bytes
        for secret, status in (("old", 401), ("new", 202), ("older", 202)):
            self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push("1" * 40), secret=secret).status, status, secret)

    def test_a_secret_that_cannot_be_read_is_not_the_senders_fault(self):
        remote = self.remote("a", {"f": "1"})
        file = self.secret_file("right")
        adapter = self.running(self.entry(remote, every="1h", webhook={"secret_file": file}))
        for count, (content, cause) in enumerate(((b"a\nb\n", "one line"), (b"", "empty"), (None, "ENOENT")), 1):
            if content is None:
                os.unlink(file)
            else:
                with open(file, "wb") as secret:
                    secret.write(content)
            for _ in range(2):
                answer = self.deliver(adapter, "/hooks/docs", self.push("1" * 40), secret="right")
                self.assertEqual(answer.status, 503)
                self.assertIn("the adapter cannot read the secret", answer.json()["detail"])
                self.assertNotIn(os.path.basename(file), answer.json()["detail"])
            adapter.wait_for(lambda: len(adapter.found("hook_secret_unreadable")) >= count, 5, "a line of the log")
            told = adapter.found("hook_secret_unreadable")
            self.assertEqual(len(told), count, told)
            self.assertIn(cause, told[-1]["message"])
        self.secret_file("right")
        self.assertEqual(self.deliver(adapter, "/hooks/docs", self.push("1" * 40), secret="right").status, 202)
        other = {"X-Gitlab-Event": "Push Hook", "X-Gitlab-Token": "wrong"}
        answer = adapter.ask("POST", "/hooks/docs", body=b"{}", fields=other)
        self.assertEqual(answer.status, 401)
        self.assertIn("X-Gitlab-Token is not the secret", answer.json()["detail"])

    def test_polling_relaxes_and_comes_back(self):
        remote = self.remote("a", {"f": "1"})
        adapter = self.running(self.hooked(remote, every="500ms", every_when_hooked="3s"))
        commit = remote.commit({"f": "2"})
        self.deliver(adapter, "/hooks/docs", self.push(commit))
        adapter.wait_published("docs", commit)
        adapter.wait_for(lambda: adapter.repository()["hooked"], what="relaxed polling")
        time.sleep(1)
        begun = adapter.repository()["attempts"]["begun"]
        time.sleep(1.5)
        self.assertLessEqual(adapter.repository()["attempts"]["begun"] - begun, 1)
        unannounced = remote.commit({"f": "3"})
        adapter.wait_published("docs", unannounced)
        self.assertTrue(adapter.found("hook_missed"))
        self.assertFalse(adapter.repository()["hooked"])

    def test_without_any_webhook_there_is_no_route(self):
        adapter = self.running(self.entry(self.remote("a", {"f": "1"})))
        self.assertEqual(self.deliver(adapter, "/hooks", {}).status, 404)
        self.assertEqual(self.deliver(adapter, "/hooks/docs", {}).status, 404)


if __name__ == "__main__":
    unittest.main()
