#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The status page of a running program, in a browser."""

import base64
import hashlib
import os
import re
import signal
import socket
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.browser.harness import LIVE, PageTest  # noqa: E402


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Policy(PageTest):
    def test_it_names_what_is_in_the_document(self):
        adapter = self.run_with(self.entry(self.remote(files={"a": "1"})))
        answer = adapter.ask("GET", "/")
        self.assertEqual((answer.status, answer.type), (200, "text/html"))
        policy = dict(part.split(" ", 1) for part in answer.fields["Content-Security-Policy"].split("; "))
        self.assertEqual(policy["default-src"], "'none'")
        for directive, tag in (("script-src", "script"), ("style-src", "style")):
            inside = re.findall(r"<%s>(.*?)</%s>" % (tag, tag), answer.text, re.S)
            self.assertEqual(len(inside), 1)
            digest = base64.b64encode(hashlib.sha256(inside[0].encode()).digest()).decode()
            self.assertEqual(policy[directive], "'sha256-%s'" % digest)
        self.assertEqual(re.findall(r"(?:src|href)=\"(?!data:)", answer.text), [])

    def test_the_page_lives_under_it_and_asks_nobody_else(self):
        adapter = self.run_with(self.entry(self.remote(files={"a": "1"})))
        page = self.open(adapter.admin + "/")
        self.wait_text(page, ".state", "Ok", "docs")
        others = [url for url in page.requests if not url.startswith((adapter.admin + "/", "data:"))]
        self.assertEqual(others, [])
        self.assertFalse(page.run("document.querySelectorAll('[style], [onclick]').length"))
        page.may_complain = True
        refused = page.run("(() => { try { document.body.innerHTML = '<p>'; return ''; } catch (error) { return error.message; } })()")
        self.assertIn("TrustedHTML", refused)


class Repositories(PageTest):
    def test_a_failing_and_a_healthy_one(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), self.entry(self.server.url("missing.git"), "missing"))
        adapter.wait_event("check_failed", "missing")
        page = self.open(adapter.admin + "/")
        self.wait_text(page, ".state", "Ok", "docs")
        self.wait_text(page, ".state", "Stale", "missing")
        self.wait_text(page, ".failure b", "not_found", "missing")
        self.assertIn("missing.git", self.text(page, ".failure .text", "missing"))
        self.assertEqual(self.text(page, ".commit", "docs"), remote.resolve("main")[:7])
        self.assertEqual(page.run("document.querySelectorAll('.commit code')[1].title"), remote.resolve("main"))
        self.assertEqual(self.names(page), ["missing", "docs"])
        self.wait_text(page, "#verdict", "1 of 2 repositories not ready")
        page.wait("document.title === '1 not ready – adapter'")
        self.assertRegex(page.run("document.querySelectorAll('.outcomes svg')[1].getAttribute('aria-label')"), "last [0-9]+: ")
        self.shot(page, "program")

    def test_a_commit_appears_without_a_reload(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote))
        page = self.open(adapter.admin + "/")
        self.wait_text(page, ".commit", remote.resolve("main")[:7], "docs")
        page.run("window.kept = true")
        commit = remote.commit({"a": "2"})
        self.wait_text(page, ".commit", commit[:7], "docs")
        self.assertTrue(page.run("window.kept"))

    def test_a_failure_appears_and_ends(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote))
        page = self.open(adapter.admin + "/")
        self.wait_text(page, ".state", "Ok", "docs")
        away = remote.directory + ".away"
        os.rename(remote.directory, away)
        self.wait_text(page, ".state", "Failing", "docs")
        self.wait_text(page, ".failure b", "not_found", "docs")
        self.wait_text(page, "#verdict", "The repository is ready, 1 failing")
        os.rename(away, remote.directory)
        self.wait_text(page, ".state", "Ok", "docs", seconds=30)
        page.wait("document.querySelector('.failure').hidden")

    def test_what_is_added_and_removed_appears_and_goes(self):
        one, two = self.remote("one.git", files={"a": "1"}), self.remote("two.git", files={"a": "2"})
        adapter = self.run_with(self.entry(one, "one"))
        page = self.open(adapter.admin + "/")
        page.may_complain = True  # when it asks for the one that goes in the moment before it hears of it
        self.wait_text(page, ".state", "Ok", "one")
        adapter.write_config(self.admin(self.entry(two, "two")))
        adapter.signal(signal.SIGHUP)
        self.wait_text(page, ".state", "Ok", "two")
        self.assertEqual(self.names(page), ["two"])


class Button(PageTest):
    def test_it_syncs_now(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), every="1h")
        page = self.open(adapter.admin + "/")
        self.wait_text(page, ".commit", remote.resolve("main")[:7], "docs")
        commit = remote.commit({"a": "2"})
        page.click(".entry [data-action=sync]")
        self.wait_text(page, ".commit", commit[:7], "docs")
        self.wait_text(page, "[data-action=sync]", "Updated", "docs")
        self.wait_text(page, "[data-action=sync]", "Sync now", "docs")
        page.click(".entry [data-action=sync]")
        self.wait_text(page, "[data-action=sync]", "Up to date", "docs")
        self.assertEqual(self.text(page, "#announcement"), "docs: Up to date")

    def test_it_says_that_a_sync_failed(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), every="1h")
        page = self.open(adapter.admin + "/")
        self.wait_text(page, ".state", "Ok", "docs")
        os.rename(remote.directory, remote.directory + ".away")
        page.click(".entry [data-action=sync]")
        self.wait_text(page, "[data-action=sync]", "Failed", "docs")
        self.wait_text(page, ".failure b", "not_found", "docs")


class Connection(PageTest):
    def token(self, text):
        """Writes the token's file; its path."""
        path = os.path.join(self.folder, "token")
        with open(path, "w", encoding="utf-8") as out:
            out.write(text + "\n")
        return path

    def test_a_restart_of_the_program_is_survived(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), listen="127.0.0.1:%d" % free_port())
        page = self.open(adapter.admin + "/")
        page.may_complain = True  # the browser itself says that nobody listens
        self.wait_text(page, ".state", "Ok", "docs")
        adapter.stop()
        page.wait("document.querySelector('#connection').dataset.state === 'lost'")
        self.wait_text(page, "#outdated", "What is shown is as of")
        page.click(".entry [data-action=sync]")
        self.wait_text(page, ".note", "Sync was refused: the daemon does not answer", "docs")
        commit = remote.commit({"a": "2"})
        adapter.start()
        page.wait(LIVE, seconds=30)
        self.wait_text(page, ".commit", commit[:7], "docs", seconds=30)
        page.wait("document.querySelector('#outdated').hidden")

    def test_a_token_is_given_as_a_password(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), token_file=self.token("a-token-of-the-browser-test"))
        self.assertEqual(adapter.ask("GET", "/").status, 401)
        page = self.open(adapter.admin + "/", password="a-token-of-the-browser-test")
        page.may_complain = True  # of the 401 that asked for it
        self.wait_text(page, ".state", "Ok", "docs")
        commit = remote.commit({"a": "2"})
        self.wait_text(page, ".commit", commit[:7], "docs")
        page.click(".entry [data-action=sync]")
        page.wait("document.querySelector('#announcement').innerText.startsWith('docs: ')")

    def test_a_token_in_the_address_works_too(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), token_file=self.token("a-token-of-the-browser-test"))
        page = self.open(adapter.admin.replace("http://", "http://any:a-token-of-the-browser-test@") + "/")
        page.may_complain = True
        self.wait_text(page, ".state", "Ok", "docs")

    def test_a_token_that_is_no_longer_the_one(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_with(self.entry(remote), token_file=self.token("the-first-token-of-the-test"))
        page = self.open(adapter.admin + "/", password="the-first-token-of-the-test")
        page.may_complain = True
        self.wait_text(page, ".state", "Ok", "docs")
        self.token("the-second-token-of-the-test")
        adapter.reload()
        page.click(".entry [data-action=sync]")
        self.wait_text(page, "#token", "The token is needed")
        self.assertTrue(page.run("document.querySelector('#board').hidden"))


class Words(PageTest):
    def test_without_a_configuration(self):
        self.assertFalse(os.path.exists("/etc/adapter/config.yaml"), "this test needs the default path to be free")
        adapter = self.adapter(None)
        adapter.start(with_config=False, environment={"ADAPTER_ADMIN_LISTEN": "127.0.0.1:0"})
        page = self.open(adapter.admin + "/")
        words = self.text(page, "#unconfigured")
        for word in ("no configuration", "/etc/adapter/config.yaml", "--config", "ADAPTER_CONFIG", "ADAPTER_URL"):
            self.assertIn(word, words)
        self.shot(page, "unconfigured")

    def test_without_a_repository(self):
        adapter = self.run_with()
        page = self.open(adapter.admin + "/")
        self.assertIn("No repository is configured", self.text(page, "#empty"))

    def test_a_failed_reload_is_told_until_it_is_corrected(self):
        adapter = self.run_with()
        page = self.open(adapter.admin + "/")
        self.wait_text(page, "#empty", "No repository")
        self.assertEqual(self.text(page, "#reload-failed"), "")
        adapter.reload("repositories: [{name: docs, urll: x}]\n")
        self.wait_text(page, "#reload-failed", "urll")
        self.shot(page, "reload-failed")
        adapter.reload(self.config(admin={"listen": "127.0.0.1:0"}))
        page.wait("document.querySelector('#reload-failed').hidden")


if __name__ == "__main__":
    unittest.main()
