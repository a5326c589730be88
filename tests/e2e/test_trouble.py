# SPDX-License-Identifier: Apache-2.0
"""Trouble that passes, and servers that mean harm: what is afterwards as if nothing had been."""

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import SYMLINK, AdapterTest, run_command  # noqa: E402

LOGIN = "https://login.example/?next=x"
CANARY_TOKEN = "glpat-0123456789CANARY"


def pkt(data):
    return b"%04x" % (len(data) + 4) + data


class Chatterbox:
    """A plain server whose answer to a fetch is progress without end, as fast as it is read."""

    def __init__(self):
        self.sent = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://localhost:%d/evil.git" % self._listener.getsockname()[1]
        self._ending = False
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._ending = True
        self._listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        line = pkt(b"\x02" + b"a\n" * 2000)
        try:
            with connection, connection.makefile("rb") as source:
                while not self._ending:
                    head = b""
                    while not head.endswith(b"\r\n\r\n"):
                        byte = source.readline()
                        if not byte:
                            return
                        head += byte
                    length = [int(field[15:]) for field in head.lower().split(b"\r\n") if field.startswith(b"content-length:")]
                    body = source.read(length[0]) if length else b""
                    if head.startswith(b"GET"):
                        answer = pkt(b"# service=git-upload-pack\n") + b"0000" + pkt(b"version 2\n") + pkt(b"ls-refs=unborn\n")
                        self._answer(connection, "advertisement", answer + pkt(b"fetch=shallow\n") + b"0000")
                    elif b"command=ls-refs" in body:
                        self._answer(connection, "result", pkt(b"1" * 40 + b" HEAD symref-target:refs/heads/main\n") + b"0000")
                    else:
                        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-result\r\n\r\n" + pkt(b"packfile\n"))
                        while not self._ending:
                            connection.sendall(line * 20)
                            self.sent += len(line) * 20
        except OSError:
            pass

    @staticmethod
    def _answer(connection, kind, body):
        head = "HTTP/1.1 200 OK\r\nContent-Type: application/x-git-upload-pack-%s\r\nContent-Length: %d\r\n\r\n" % (kind, len(body))
        connection.sendall(head.encode() + body)


class Trouble(AdapterTest):
    def test_a_server_that_talks_without_end_keeps_nobody_waiting(self):
        chatterbox = Chatterbox()
        self.addCleanup(chatterbox.close)
        remote = self.remote(files={"a": "1"})
        evil = {"name": "evil", "url": chatterbox.url, "allow_insecure": True}
        adapter = self.adapter(self.config(self.entry(remote), evil), level="info").start()
        event = adapter.wait_event("check_failed", "evil", seconds=30)
        self.assertEqual(event["class"], "limit", event)
        self.assertGreater(chatterbox.sent, 1 << 20)
        for number in range(5):
            adapter.wait_published("docs", remote.commit({"a": "%d" % number}), seconds=5)
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, 5)

    def assert_passes(self, **fault):
        """A new commit is published although its first fetch met with this."""
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        faults = [self.server.faults.add(step="fetch", count=1, **fault)]
        if "redirect" in fault:
            faults.append(self.server.faults.add(step="capabilities", count=1, **fault))
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit, seconds=20)
        self.assertTrue(all(fault.met for fault in faults))
        self.assertIn(adapter.wait_event("check_failed", "docs")["class"], ("policy", "limit", "network"))

    def test_a_portal_that_redirects_for_a_moment_refuses_no_commit(self):
        self.assert_passes(redirect=LOGIN)

    def test_a_proxy_whose_page_breaks_a_limit_refuses_no_commit(self):
        self.assert_passes(status=502, flood_fields=150, body=b"x")

    def test_the_first_retry_reaches_the_remote(self):
        remote = self.remote(files={"a": "1"})
        fault = self.server.faults.add(step="ls_refs", status=503, count=1)
        adapter = self.adapter(self.config(self.entry(remote), every="1h")).start()
        adapter.wait_event("published", "docs", seconds=10)
        self.assertTrue(fault.met)
        self.assertEqual(len(adapter.found("check_failed")), 1)

    def test_a_refused_commit_is_not_fetched_again_after_a_good_one(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        bad = remote.commit({"a": "2", "b\\c": "x"})
        adapter.wait_event("check_failed", "docs")
        good = remote.commit({"a": "3"}, parent=remote.resolve("main~1"))
        adapter.wait_published("docs", good)
        fetches, since = len(self.server.seen("fetch")), len(adapter.events)
        remote.set_ref("refs/heads/main", bad)
        adapter.wait_event("check_failed", "docs", since=since)
        self.assertEqual(len(self.server.seen("fetch")), fetches)
        self.assert_good(adapter, remote, commit=good)

    def test_packs_of_refused_commits_do_not_pile_up(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote, symlinks="refuse")
        packs = os.path.join(adapter.data, ".adapter/docs/repo.git/objects/pack")
        for number in range(24):
            since = len(adapter.events)
            remote.commit({"a": str(number), "link": (SYMLINK, "a")})
            adapter.wait_event("check_failed", "docs", since=since)
        adapter.wait_for(lambda: len([name for name in os.listdir(packs) if name.endswith(".pack")]) <= 10, what="few packs")

    def test_an_unborn_head_does_not_hide_a_missing_branch(self):
        remote = self.remote()
        remote.commit({"a": "1"}, branch="dev", parent=None)
        for ref in ("main", "typo", "HEAD"):
            with self.subTest(ref):
                adapter = self.adapter(self.config(self.entry(remote, ref=ref)))
                self.assertEqual(adapter.once(), 1)
                self.assertEqual(adapter.found("check_failed")[0]["class"], "not_found")

    def test_what_a_server_repeats_of_a_token_is_not_printed(self):
        token_file = os.path.join(self.folder, "token")
        with open(token_file, "w", encoding="utf-8") as out:
            out.write(CANARY_TOKEN)
        self.server.faults.add(status=401, body=b"invalid token " + CANARY_TOKEN.encode())
        config = {
            "credentials": [{"url": self.server.url(""), "token_file": token_file, "ca_file": self.certificates.ca}],
            "repositories": [{"name": "docs", "url": self.server.url("docs.git")}],
        }
        adapter = self.adapter(config)
        for command in (("once",), ("ls-remote", self.server.url("docs.git"))):
            line = [*command[:1], "--config", adapter.config_file, *command[1:]]
            code, out, err = run_command(*line)
            self.assertEqual(code, 1)
            self.assertIn("invalid token", out + err)
            self.assertNotIn(CANARY_TOKEN, out + err)


class Configuration(AdapterTest):
    def test_a_folder_of_included_files_that_cannot_be_read_removes_nothing(self):
        if os.geteuid() == 0 and not shutil.which("setpriv"):
            self.skipTest("root reads everything, and there is no setpriv")
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(None, wrap=self.unprivileged())
        folder = os.path.join(adapter.folder, "conf.d")
        os.makedirs(folder)
        config = self.config(prune=True, include=["conf.d/*.yaml"])
        config.pop("credentials")
        adapter.write_config(config)
        with open(os.path.join(folder, "docs.yaml"), "w", encoding="utf-8") as out:
            out.write("repositories: [{name: docs, url: '%s', ca_file: '%s'}]\n" % (self.server.url("docs.git"), self.certificates.ca))
        self.give_away()
        adapter.start()
        adapter.wait_event("published", "docs")
        os.chmod(folder, 0)
        try:
            adapter.signal(signal.SIGHUP)
            adapter.wait_event("reload_failed")
            self.assert_good(adapter, remote)
        finally:
            os.chmod(folder, 0o755)

    def unprivileged(self):
        if os.geteuid() != 0:
            return ()
        return ("setpriv", "--reuid=1000", "--regid=1000", "--clear-groups")

    def give_away(self):
        """Everything of this run to the user it runs as."""
        if os.geteuid() == 0:
            folder = self.folder
            subprocess.run(["chown", "-R", "1000:1000", folder], check=True)
            while folder not in ("/", "/tmp"):
                os.chmod(folder, 0o755)
                folder = os.path.dirname(folder)

    def test_prune_takes_what_lost_its_state_and_what_never_published(self):
        remote = self.remote(files={"a": "1"})
        never = self.entry(self.server.url("nothing.git"), "never")
        adapter = self.adapter(self.config(self.entry(remote), self.entry(remote, "gone"), never))
        adapter.start()
        adapter.wait_event("published", "docs")
        adapter.wait_event("published", "gone")
        adapter.wait_event("check_failed", "never")
        adapter.stop()
        os.remove(os.path.join(adapter.data, ".adapter/gone/state.json"))
        adapter.write_config(self.config(self.entry(remote), prune={"after": "1s"}))
        adapter.start()
        adapter.wait_for(lambda: len(adapter.found("pruned")) == 2, what="two pruned")
        self.assertEqual(sorted(os.listdir(adapter.data)), [".adapter", "docs"])
        self.assertEqual([n for n in os.listdir(os.path.join(adapter.data, ".adapter")) if not n.startswith(".")], ["docs"])

    def test_a_link_moves_to_where_its_folder_has_to_be_and_back(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_event("published", "docs")
        for link in ("docs/v1", "docs/v1/deep", "docs", "team/docs", "team"):
            with self.subTest(link):
                adapter.write_config(self.config(self.entry(remote, link=link)))
                adapter.signal(signal.SIGHUP)
                adapter.wait_for(lambda link=link: os.path.islink(adapter.link(link)), what="the new link")
                with open(os.path.join(adapter.link(link), "a"), encoding="utf-8") as source:
                    self.assertEqual(source.read(), "1")
        adapter.wait_for(lambda: sorted(os.listdir(adapter.data)) == [".adapter", "team"], 5, "only the last link")

    def test_links_that_move_again_before_they_have_settled_leave_nothing_behind(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote))).start()
        adapter.wait_event("published", "docs")
        seed = int(os.environ.get("ADAPTER_TEST_SEED", time.time_ns() % 100000))
        chance = random.Random(seed)
        for _ in range(40):
            link = chance.choice(("docs", "docs/v1", "docs/v1/deep", "team", "team/docs"))
            adapter.write_config(self.config(self.entry(remote, link=link)))
            adapter.signal(signal.SIGHUP)
            time.sleep(chance.choice((0.005, 0.02, 0.03, 0.04, 0.06)))
        adapter.reload(self.config(self.entry(remote, link="team")))
        clean = [".adapter", "team"]
        what = "only the last link; ADAPTER_TEST_SEED=%d" % seed
        adapter.wait_for(lambda: sorted(os.listdir(adapter.data)) == clean and os.path.islink(adapter.link("team")), 10, what)

    def test_ls_remote_trusts_what_the_daemon_trusts(self):
        self.remote(files={"a": "1"})
        other = {"name": "other", "url": "https://example.invalid/other.git"}
        for keys in ({"ca_file": self.certificates.ca}, {"defaults": {"ca_file": self.certificates.ca}}):
            adapter = self.adapter({**keys, "repositories": [other]})
            code, out, err = run_command("ls-remote", "--config", adapter.config_file, self.server.url("docs.git"))
            self.assertEqual(code, 0, err)
            self.assertIn("refs/heads/main", out)

    def test_a_variable_for_a_secret_is_named_and_not_expanded(self):
        for value in ("${GIT_TOKEN}", "ghp_0123456789abcdefABCDEF0123456789abcd"):
            with self.subTest(value):
                config = {
                    "credentials": [{"url": self.server.url(""), "token_env": value}],
                    "repositories": [{"name": "docs", "url": self.server.url("docs.git")}],
                }
                adapter = self.adapter(config)
                code, out, err = run_command(
                    "validate", "--config", adapter.config_file, environment={"GIT_TOKEN": "ghp_canary"}
                )  # fmt: skip
                self.assertEqual(code, 2)
                self.assertIn("is not a variable's name", out + err)
                self.assertNotIn("ghp_", out + err)


if __name__ == "__main__":
    unittest.main(verbosity=2)
