#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Passwords, tokens and certificates: right ones, wrong ones, ones that change."""

import os
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402

CAP_SYS_PTRACE = 19


def may_look_into_processes():
    """Root in a container often may not."""
    with open("/proc/self/status", encoding="ascii") as source:
        capabilities = next(int(line.split()[1], 16) for line in source if line.startswith("CapEff:"))
    return bool(capabilities >> CAP_SYS_PTRACE & 1)


class Credentials(AdapterTest):
    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path + ".new", "w", encoding="utf-8") as out:
            out.write(text)
        os.rename(path + ".new", path)
        return path

    def credential(self, prefix="", **keys):
        return {"url": self.server.url(prefix), **keys}

    def test_the_right_password(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", self.canary)])
        adapter = self.follow(remote)
        self.assert_good(adapter, remote)

    def test_a_wrong_password(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", "another")])
        adapter = self.adapter(self.config(self.entry(remote))).start()
        self.assert_failed(adapter, "auth")
        self.assertIsNone(adapter.published("docs"))

    def test_no_password_where_one_is_needed(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", "x")])
        adapter = self.adapter({**self.config(self.entry(remote)), "credentials": []}).start()
        self.assert_failed(adapter, "auth", says="credential")

    def test_a_rotated_password_is_read_again(self):
        remote = self.remote(files={"a": "1"})
        path = self.write("rotating", "first-secret\n")
        self.server.require("/", [("bot", "first-secret")])
        config = self.config(self.entry(remote), every="300ms")
        config["credentials"] = [self.credential(username="bot", password_file=path)]
        adapter = self.adapter(config).start()
        adapter.wait_event("published")
        self.server.require("/", [("bot", "second-secret")])
        self.assert_failed(adapter, "auth")
        self.write("rotating", "second-secret\n")
        commit = remote.commit({"a": "2"})
        adapter.signal(signal.SIGUSR1)
        adapter.wait_published("docs", commit, seconds=20)
        adapter.wait_event("recovered", "docs")

    def wait_for_a_long_back_off(self, adapter, name, **values):
        adapter.wait_for(
            lambda: any(event["retry_in_ms"] > 8000 for event in adapter.found("check_failed", name, **values)),
            seconds=90, what="a long wait",
        )  # fmt: skip

    def test_a_corrected_secret_ends_the_wait(self):
        remote, other = self.remote(files={"a": "1"}), self.remote("other.git", files={"a": "1"})
        path = self.write("corrected", "wrong\n")
        self.server.require("/docs", [("bot", "right")])
        self.server.require("/other", [("bot", "neither")])
        config = self.config(self.entry(remote), self.entry(other, "other"), every="1h")
        config["credentials"] = [
            self.credential("docs.git", username="bot", password_file=path),
            self.credential("other.git", username="bot", password_file=self.password_file),
        ]
        adapter = self.adapter(config).start()
        self.wait_for_a_long_back_off(adapter, "docs", **{"class": "auth"})
        self.wait_for_a_long_back_off(adapter, "other", **{"class": "auth"})
        self.write("corrected", "right\n")
        adapter.wait_published("docs", remote.resolve("main"), seconds=5)
        self.assertEqual(adapter.found("file_changed", "other"), [], "it does not depend on that file")

    def test_a_corrected_ca_ends_the_wait(self):
        remote = self.remote(files={"a": "1"})
        path = self.write("ca.pem", "no certificate\n")
        config = self.config({**self.entry(remote), "ca_file": path}, every="1h")
        adapter = self.adapter(config).start()
        self.wait_for_a_long_back_off(adapter, "docs", **{"class": "tls"})
        with open(self.certificates.ca, encoding="ascii") as source:
            self.write("ca.pem", source.read())
        adapter.wait_published("docs", remote.resolve("main"), seconds=5)

    def test_a_change_of_a_shared_file_costs_each_repository_one_attempt(self):
        names = [f"r{number}" for number in range(8)]
        remotes = {name: self.remote(f"{name}.git", files={"a": name}) for name in names}
        with open(self.certificates.other_ca, encoding="ascii") as source:
            wrong = source.read()
        path = self.write("ca.pem", wrong)
        entries = [self.entry(remotes[name], name, ca_file=path) for name in names]
        adapter = self.adapter(self.config(*entries, every="1h")).start()

        def attempts_for_a_change():
            return [len(adapter.found("file_changed", name)) for name in names]

        adapter.wait_for(
            lambda: all(adapter.found("check_failed", name, failures=4) for name in names),
            seconds=60, what="four failures of each",
        )  # fmt: skip
        self.assertLessEqual(max(attempts_for_a_change()), 1, "the file was written once, just before the start")
        before = attempts_for_a_change()
        self.write("ca.pem", wrong + wrong)
        adapter.wait_for(lambda: sum(attempts_for_a_change()) >= sum(before) + 8, what="an attempt of each")
        with open(self.certificates.ca, encoding="ascii") as source:
            self.write("ca.pem", source.read())
        for name in names:
            adapter.wait_published(name, remotes[name].resolve("main"), seconds=5)
        self.assertLessEqual(max(attempts_for_a_change()), 3, "the file was written three times")

    def test_a_password_rotated_under_load_costs_nothing(self):
        remote = self.remote(files={"a": "1"})
        path = self.write("rotating", "first-secret\n")
        self.server.require("/", [("bot", "first-secret"), ("bot", "second-secret")])
        config = self.config(self.entry(remote), every="100ms")
        config["credentials"] = [self.credential(username="bot", password_file=path)]
        adapter = self.adapter(config).start()
        adapter.wait_event("published")
        self.write("rotating", "second-secret\n")
        since = len(self.server.requests)
        adapter.wait_for(lambda: len(self.server.requests) > since + 5, what="checks")
        self.server.require("/", [("bot", "second-secret")])
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        self.assertEqual(adapter.found("check_failed"), [])

    def test_a_token_is_sent_as_bearer(self):
        remote = self.remote(files={"a": "1"})
        path = self.write("token", "tok-123456\n")
        self.server.require("/", tokens=["tok-123456"])
        config = {**self.config(self.entry(remote)), "credentials": [self.credential(token_file=path)]}
        adapter = self.adapter(config).start()
        adapter.wait_published("docs", remote.resolve("main"))

    def test_a_password_from_the_environment(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", self.canary)])
        config = self.config(self.entry(remote))
        config["credentials"] = [self.credential(username="bot", password_env="GIT_SECRET")]
        adapter = self.adapter(config).start(environment={"GIT_SECRET": self.canary})
        adapter.wait_published("docs", remote.resolve("main"))

    def test_the_longest_prefix_wins_at_a_slash(self):
        team = self.remote("team/docs.git", files={"a": "team"})
        other = self.remote("team-b/docs.git", files={"a": "other"})
        self.server.require("/team/", [("team", "team-secret")])
        path = self.write("team", "team-secret\n")
        config = self.config(self.entry(team, "one"), self.entry(other, "two"))
        config["credentials"] = [
            self.credential(username="bot", password_file=self.password_file),
            self.credential("team", username="team", password_file=path),
        ]
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "one")
        adapter.wait_event("published", "two")
        sent = {entry["repository"]: entry["authorization"] for entry in self.server.seen("ls_refs")}
        self.assertNotEqual(sent["team/docs.git"], sent["team-b/docs.git"])

    def test_a_missing_password_file_is_an_error_of_its_repository_only(self):
        good, bad = self.remote("good.git", files={"a": "1"}), self.remote("bad.git", files={"a": "1"})
        config = self.config(self.entry(good, "good"), self.entry(bad, "bad"))
        path = os.path.join(self.folder, "absent")
        config["credentials"] = [self.credential("bad.git", username="bot", password_file=path)]
        adapter = self.adapter(config).start()
        adapter.wait_event("published", "good")
        event = adapter.wait_event("check_failed", "bad")
        self.assertIn(event["class"], ("auth", "config"))
        self.write("absent", "there now")
        adapter.signal(signal.SIGUSR1)
        adapter.wait_event("published", "bad", seconds=30)

    def test_a_password_with_a_line_break_inside_is_refused(self):
        remote = self.remote(files={"a": "1"})
        path = self.write("broken", "one\r\nX-Injected: yes")
        config = {**self.config(self.entry(remote)), "credentials": [self.credential(username="b", password_file=path)]}
        adapter = self.adapter(config).start()
        event = adapter.wait_event("check_failed", "docs")
        self.assertIn(event["class"], ("auth", "config"))
        self.assertEqual(self.server.requests, [])

    def test_a_credential_is_never_sent_over_plain_http(self):
        remote = self.remote(files={"a": "1"})
        with GitServer(self.root) as plain:
            entry = {"name": "docs", "url": plain.url(remote.name), "allow_insecure": True}
            config = self.config(entry)
            config["credentials"] = [{"url": plain.url(""), "username": "bot", "password_file": self.password_file}]
            adapter = self.adapter(config).start()
            adapter.wait_for(lambda: adapter.found(("published", "check_failed")) or not adapter.alive())
            self.assertEqual({entry["authorization"] for entry in plain.requests} - {""}, set())

    def test_plain_http_without_a_credential_needs_allow_insecure(self):
        remote = self.remote(files={"a": "1"})
        with GitServer(self.root) as plain:
            adapter = self.adapter({"repositories": [{"name": "docs", "url": plain.url("docs.git"), "allow_insecure": True}]})
            self.assertEqual(adapter.once(), 0, adapter.tail())
            self.assert_good(adapter, remote)
            refused = self.adapter({"repositories": [{"name": "docs", "url": plain.url("docs.git")}]})
            self.assertIn(refused.once(), (1, 2))
            self.assertIn("allow_insecure", open(refused.log_file, encoding="utf-8").read())

    def test_no_secret_in_the_process_table(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", self.canary)])
        adapter = self.follow(remote)
        for name in ("cmdline", "environ"):
            try:
                with open("/proc/%d/%s" % (adapter.process.pid, name), "rb") as source:
                    self.assertNotIn(self.canary.encode(), source.read())
            except PermissionError:
                self.assertFalse(may_look_into_processes(), "the process hides it from others, not from those who may look")


class Certificates(AdapterTest):
    def assert_refused(self, leaf, says):
        remote = self.remote(files={"a": "1"})
        self.server.use_certificate(leaf)
        adapter = self.adapter(self.config(self.entry(remote))).start()
        self.assert_failed(adapter, "tls", says=says)
        self.assertEqual(self.server.requests, [], "a request went to a server that did not prove itself")
        self.server.use_certificate(self.certificates.good)
        adapter.wait_published("docs", remote.resolve("main"), seconds=30)

    def test_expired(self):
        self.assert_refused(self.certificates.expired, "expired")

    def test_not_yet_valid(self):
        self.assert_refused(self.certificates.not_yet, "not yet valid")

    def test_wrong_host(self):
        self.assert_refused(self.certificates.wrong_host, "localhost")

    def test_partial_wildcard(self):
        self.assert_refused(self.certificates.partial_wildcard, "localhost")

    def test_unknown_authority(self):
        self.assert_refused(self.certificates.unknown_ca, "")

    def test_the_system_store_does_not_know_the_authority(self):
        remote = self.remote(files={"a": "1"})
        entry = self.entry(remote)
        del entry["ca_file"]
        adapter = self.adapter(self.config(entry)).start()
        self.assert_failed(adapter, "tls", says="ca_file")

    def test_addresses_as_hosts(self):
        remote = self.remote(files={"a": "1"})
        entry = self.entry(self.server.url("docs.git", host="127.0.0.1"))
        adapter = self.adapter(self.config(entry)).start()
        adapter.wait_published("docs", remote.resolve("main"))

    def test_a_renewed_certificate_and_authority(self):
        remote = self.remote(files={"a": "1"})
        path = os.path.join(self.folder, "ca.pem")
        with open(self.certificates.ca, encoding="ascii") as source, open(path, "w", encoding="ascii") as out:
            out.write(source.read())
        adapter = self.adapter(self.config(self.entry(remote, ca_file=path))).start()
        adapter.wait_event("published")
        self.server.use_certificate(self.certificates.renewed)
        self.server.drop_connections()
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        os.replace(self.certificates.bundle(self.certificates.ca, self.certificates.other_ca), path)
        self.server.use_certificate(self.certificates.unknown_ca)
        self.server.drop_connections()
        commit = remote.commit({"a": "3"})
        adapter.signal(signal.SIGUSR1)
        adapter.wait_published("docs", commit, seconds=30)


if __name__ == "__main__":
    main()
