#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Remotes that are gone, refuse, lie or dawdle: the class of the error, the last good tree, and the way back."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.faults import LIES  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402

HTML = b"<!DOCTYPE html><html><body>Please sign in</body></html>"


class Faults(AdapterTest):
    def assert_survives(self, error_class, says="", **fault):
        """Published, then the fault: the class, the tree; then no fault: the next commit."""
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        planted = self.server.faults.add(**fault)
        second = remote.commit({"a": "2"})
        classes = (error_class,) if isinstance(error_class, str) else error_class
        event = adapter.wait_event("check_failed", "docs")
        self.assertIn(event["class"], classes, event)
        self.assertIn(says.lower(), event["message"].lower())
        self.assertGreaterEqual(event["retry_in_ms"], 0)
        self.assert_good(adapter, remote, commit=first, settled=False)
        self.server.faults.remove(planted)
        adapter.signal(signal.SIGUSR1)
        adapter.wait_published("docs", second, seconds=30)
        adapter.wait_event("recovered", "docs")
        adapter.stop()
        self.assert_good(adapter, remote, commit=second)
        return event

    def test_not_found(self):
        self.assert_survives("not_found", status=404, body=b"no such repository")

    def test_gone(self):
        self.assert_survives("not_found", status=410)

    def test_forbidden(self):
        self.assert_survives("auth", status=403)

    def test_unauthorized(self):
        self.assert_survives("auth", status=401, headers=[["WWW-Authenticate", 'Basic realm="x"']])

    def test_server_errors(self):
        self.assert_survives("network", status=500, body=HTML)

    def test_bad_gateway(self):
        self.assert_survives("network", status=502, body=HTML)

    def test_request_timeout(self):
        self.assert_survives(("timeout", "network"), status=408)

    def test_too_many_requests_waits_as_long_as_asked(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        fault = self.server.faults.add(status=429, headers=[["Retry-After", "3"]], count=1)
        adapter.wait_for(lambda: fault.met, what="the fault")
        since = len(self.server.requests)
        began = time.monotonic()
        event = self.assert_failed(adapter, "rate_limited")
        self.assertGreaterEqual(event["retry_in_ms"], 2500)
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit, seconds=15)
        self.assertGreater(time.monotonic() - began, 2.5)
        self.assertLess(len(self.server.requests) - since, 6, "the remote was asked while it wanted rest")

    def test_a_wait_that_a_host_asks_for_holds_for_its_other_repositories(self):
        throttled, other = self.remote(files={"a": "1"}), self.remote("other.git", files={"a": "1"})
        with GitServer(self.root, self.certificates.good) as elsewhere:
            entries = [self.entry(throttled), self.entry(other, "other")]
            entries.append(self.entry(elsewhere.url("docs.git"), "elsewhere"))
            adapter = self.adapter(self.config(*entries)).start()
            for name in ("docs", "other", "elsewhere"):
                adapter.wait_event("published", name)
            self.server.faults.add(path="docs", status=429, headers=[["Retry-After", "6"]], count=1)
            self.assert_failed(adapter, "rate_limited")
            time.sleep(0.5)  # for a question that is on its way
            since, since_elsewhere = len(self.server.requests), len(elsewhere.requests)
            commit = other.commit({"a": "2"})
            adapter.signal(signal.SIGUSR1)  # to sync everything now
            time.sleep(5)
            self.assertEqual(self.server.requests[since:], [], "the host was asked while it wanted rest")
            self.assertGreater(len(elsewhere.requests) - since_elsewhere, 5)
            adapter.wait_published("other", commit, seconds=15)
            self.assertEqual(adapter.found("check_failed", "other"), [])

    def test_a_reload_does_not_ask_a_host_that_wants_rest(self):
        remote, other = self.remote(files={"a": "1"}), self.remote("other.git", files={"a": "1"})
        adapter = self.follow(remote)
        self.server.faults.add(status=429, headers=[["Retry-After", "600"]])
        self.assert_failed(adapter, "rate_limited")
        since = len(self.server.requests)
        changed = self.entry(remote, timeout="7m")
        adapter.reload(self.config(changed))
        adapter.wait_event("host_wait", "docs")
        adapter.reload(self.config(changed, self.entry(other, "other")))  # of the same host
        adapter.wait_event("host_wait", "other")
        time.sleep(2)
        self.assertEqual(self.server.requests[since:], [])

    def test_a_link_is_made_whole_while_a_host_wants_rest(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        self.server.faults.add(status=429, headers=[["Retry-After", "3600"]])
        self.assert_failed(adapter, "rate_limited")
        since = len(self.server.requests)
        os.unlink(adapter.link("docs"))
        adapter.wait_for(lambda: os.path.exists(os.path.join(adapter.link("docs"), "a")), seconds=10, what="the link")
        os.unlink(adapter.link("docs"))
        os.mkdir(adapter.link("docs"))
        event = adapter.wait_event("check_failed", "docs", **{"class": "storage"})
        self.assertLess(event["retry_in_ms"], 60_000)
        os.rmdir(adapter.link("docs"))
        adapter.wait_for(lambda: os.path.exists(os.path.join(adapter.link("docs"), "a")), seconds=20, what="the link again")
        self.assertEqual(self.server.requests[since:], [], "the remote was asked while it wanted rest")

    def test_unavailable_with_retry_after(self):
        self.assert_survives("rate_limited", status=503, headers=[["Retry-After", "1"]])

    def test_html_with_200(self):
        self.assert_survives("protocol", status=200, body=HTML)

    def test_html_with_200_at_the_hand_shake(self):
        remote = self.remote(files={"a": "1"})
        self.server.faults.add(step="capabilities", status=200, body=HTML)
        adapter = self.adapter(self.config(self.entry(remote))).start()
        self.assert_failed(adapter, "protocol", says="html")
        self.server.faults.clear()
        adapter.wait_published("docs", remote.resolve("main"), seconds=30)

    def test_an_answer_that_is_not_http(self):
        self.assert_survives("protocol", raw=b"SSH-2.0-OpenSSH_9.2\r\n")

    def test_a_connection_that_resets(self):
        self.assert_survives("network", accept_reset=True)

    def test_a_truncated_answer_with_a_length(self):
        self.assert_survives(("network", "protocol"), step="ls_refs", truncate_at=20, framing="length")

    def test_a_truncated_pack_chunked(self):
        self.assert_survives(("network", "corrupt"), step="fetch", truncate_at=90, framing="chunked")

    def test_a_truncated_pack_with_a_length(self):
        self.assert_survives(("network", "corrupt"), step="fetch", truncate_at=90, framing="length")

    def test_a_truncated_pack_that_ends_with_the_connection(self):
        self.assert_survives(("network", "corrupt", "protocol"), step="fetch", truncate_at=90, framing="close")

    def test_a_flipped_bit_in_a_pack(self):
        self.assert_survives(("corrupt", "protocol"), step="fetch", flip_bit=8 * 40, flip_scope="pack")

    def test_framings_that_lie(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        for lie in LIES:
            with self.subTest(lie):
                since = len(adapter.events)
                fault = self.server.faults.add(framing=lie, count=1)
                adapter.signal(signal.SIGUSR1)
                adapter.wait_for(lambda fault=fault: fault.met, what="the lie")
                event = adapter.wait_event("check_failed", "docs", since=since)
                self.assertIn(event["class"], ("protocol", "network", "limit"), event)
                adapter.signal(signal.SIGUSR1)
                adapter.wait_event("recovered", "docs", since=since)
        self.assert_good(adapter, remote, commit=first)

    def test_floods_of_header_fields(self):
        for flood in ({"flood_fields": 150}, {"flood_bytes": 80_000}):
            with self.subTest(str(flood)):
                self.assert_survives(("limit", "protocol"), **flood)
                self.tearDown()
                self.setUp()

    def test_a_v0_server_is_named(self):
        remote = self.remote(files={"a": "1"})
        self.server.faults.add(drop_protocol=True)
        adapter = self.adapter(self.config(self.entry(remote))).start()
        self.assert_failed(adapter, "protocol", says="version")
        self.server.faults.clear()
        adapter.wait_published("docs", remote.resolve("main"), seconds=30)

    def test_the_server_is_gone_and_comes_back(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        port = self.server.port
        self.server.stop()
        self.assert_failed(adapter, "network")
        second = remote.commit({"a": "2"})
        time.sleep(1)
        self.assert_good(adapter, remote, commit=first)
        self.server.start(port)
        adapter.wait_published("docs", second, seconds=30)
        adapter.wait_event("recovered", "docs")
        self.assert_good(adapter, remote)

    def test_a_server_that_restarts_between_checks_is_not_an_error(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), every="1s")).start()
        adapter.wait_event("published")
        self.server.drop_connections()
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        self.assertEqual(adapter.found("check_failed"), [])

    def test_a_server_that_dawdles_does_not_stop_the_clean_end(self):
        remote = self.remote(files={"a": "1"})
        self.server.faults.add(byte_delay=1.0)
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_for(lambda: self.server.requests, what="a request")
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 10)

    def test_the_timeout_of_a_sync(self):
        remote = self.remote(files={"a": "1"})
        self.server.faults.add(step="fetch", byte_delay=0.05)
        adapter = self.adapter(self.config(self.entry(remote, timeout="2s"))).start()
        self.assert_failed(adapter, "timeout", seconds=10, says="the whole sync took longer than 2s (timeout) while")
        self.server.faults.clear()
        adapter.wait_published("docs", remote.resolve("main"), seconds=30)


class Redirects(AdapterTest):
    def test_same_origin_is_followed_and_remembered(self):
        remote = self.remote("new.git", files={"a": "1"})
        target = "/new.git/info/refs?service=git-upload-pack"
        self.server.faults.add(path="^/old.git", step="capabilities", redirect=target, status=301)
        adapter = self.adapter(self.config(self.entry(self.server.url("old.git")))).start()
        adapter.wait_published("docs", remote.resolve("main"))
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        self.assertEqual(len(self.server.seen(repository="old.git")), 1)

    def test_another_origin_is_an_error_that_names_both(self):
        remote = self.remote(files={"a": "1"})
        with GitServer(self.root, self.certificates.good) as other:
            self.server.faults.add(redirect=other.url("")[:-1] + "{path}")
            adapter = self.adapter(self.config(self.entry(remote))).start()
            event = adapter.wait_event("check_failed", "docs")
            self.assertIn(str(self.server.port), event["message"])
            self.assertIn(str(other.port), event["message"])
            self.assertEqual(other.connections, 0, "an origin was contacted that nobody configured")
            self.assertNotIn("service=", event["message"], "a query string in an error")

    def test_plain_http_is_an_error(self):
        remote = self.remote(files={"a": "1"})
        with GitServer(self.root) as other:
            self.server.faults.add(redirect=other.url("")[:-1] + "{path}")
            adapter = self.adapter(self.config(self.entry(remote))).start()
            adapter.wait_event("check_failed", "docs")
            self.assertEqual(other.connections, 0)

    def test_a_loop_ends(self):
        remote = self.remote(files={"a": "1"})
        self.server.faults.add(redirect="/docs.git/info/refs?service=git-upload-pack")
        adapter = self.adapter(self.config(self.entry(remote), every="1h")).start()
        adapter.wait_event("check_failed", "docs")
        self.assertLessEqual(len(self.server.requests), 12)

    def test_a_redirected_post_is_not_followed(self):
        remote = self.remote(files={"a": "1"})
        self.server.faults.add(step="ls_refs", redirect="/docs.git/git-upload-pack", status=307)
        adapter = self.adapter(self.config(self.entry(remote), every="1h")).start()
        adapter.wait_event("check_failed", "docs")
        self.assertLessEqual(len(self.server.seen("ls_refs")), 2)


if __name__ == "__main__":
    main()
