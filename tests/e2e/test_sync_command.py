#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sync and health, and the token that each command shows to the daemon."""

import contextlib
import os
import socket
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.client_harness import LOOPBACK, ClientTest, free_port, send  # noqa: E402
from tests.e2e.harness import main  # noqa: E402
from tests.support.adapter import clean_environment, program  # noqa: E402


class Token(ClientTest):
    """The canary is the token: whatever is written down of it fails the test."""

    def guarded(self, **keys):
        return self.published(admin={"token_file": self.password_file}, **keys)

    def test_it_comes_from_the_configuration_or_from_a_file_that_is_named(self):
        adapter = self.guarded()
        for named in (("--config", adapter.config_file), ("--admin-token-file", self.password_file)):
            with self.subTest(named):
                for command, shown in ((("status",), "1 ok"), (("sync", "docs"), "unchanged"), (("health",), "ready")):
                    code, output, errors = self.command(*command, "--admin", adapter.admin, *named)
                    self.assertEqual(code, 0, errors)
                    self.assertIn(shown, output)

    def test_a_refused_token_is_named_by_its_file(self):
        adapter = self.guarded()
        wrong = os.path.join(self.folder, "wrong-token")
        with open(wrong, "w", encoding="utf-8") as out:
            out.write("guessed-bytes\n")
        code, output, errors = self.command("status", "--admin", adapter.admin, "--admin-token-file", wrong)
        self.assertEqual((code, output), (1, ""))
        self.assertIn(wrong, errors)
        self.assertNotIn("guessed-bytes", errors)
        code, output, errors = self.command("sync", "docs", "--admin", adapter.admin, "--admin-token-file", wrong)
        self.assertEqual(code, 1)
        self.assertIn("docs: failed (auth): ", output)
        self.assertIn(wrong, output)
        self.assertNotIn("guessed-bytes", output + errors)

    def test_without_one_it_says_why_there_is_none(self):
        adapter = self.guarded()
        code, _, errors = self.command("status", "--admin", adapter.admin)
        self.assertEqual(code, 1)
        self.assertIn("none was sent: there is no configuration", errors)
        self.assertIn("--admin-token-file", errors)
        code, _, errors = self.command("status", "--admin", adapter.admin, "--admin-token-file", self.folder + "/absent")
        self.assertEqual(code, 2)
        self.assertIn("absent", errors)

    def test_health_needs_none(self):
        adapter = self.guarded()
        self.assertEqual(self.command("health", "--admin", adapter.admin)[:2], (0, "ready: 1 repository\n"))
        adapter.stop()
        adapter.write_config(
            self.config(
                self.entry(self.server.url("absent.git"), "secret-name"), every="1h",
                admin={"listen": LOOPBACK, "token_file": self.password_file},
            )
        )  # fmt: skip
        adapter.start()
        adapter.wait_event("check_failed", "secret-name")
        code, output, _ = self.command("health", "--admin", adapter.admin)
        self.assertEqual(code, 1)
        self.assertRegex(output, r"^not ready: 1 of 1 .*\n$")
        self.assertNotIn("secret-name", output)
        code, output, _ = self.command("health", "--admin", adapter.admin, "--config", adapter.config_file)
        self.assertEqual(code, 1)
        self.assertIn("secret-name (", output)

    def test_it_is_not_sent_in_the_clear_to_another_machine(self):
        code, _, errors = self.command(
            "status", "--admin", "http://192.0.2.1:8080", "--admin-token-file", self.password_file, seconds=5
        )  # fmt: skip
        self.assertEqual(code, 2)
        self.assertIn("is not sent to http://192.0.2.1:8080: without TLS", errors)

    def test_a_wildcard_is_asked_on_loopback(self):
        port = free_port()
        adapter = self.guarded(listen="0.0.0.0:%d" % port)
        self.assertEqual(adapter.admin, "http://0.0.0.0:%d" % port)
        code, output, errors = self.command("status", "--config", adapter.config_file)
        self.assertEqual(code, 0, errors)
        self.assertIn("1 ok; ready", output)

    def test_it_goes_over_verified_tls(self):
        seen = []

        def answer(request):
            seen.append((request.path, request.headers.get("Authorization", "").encode("latin-1").decode("utf-8")))
            send(request, 200, '{"generated_at": "2026-11-23T12:00:00.000Z", "configured": true, "repositories": []}')

        url = self.impostor(answer, self.certificates.good)
        arguments = ("status", "--admin", url + "/below", "--admin-token-file", self.password_file)
        code, _, errors = self.command(*arguments)
        self.assertEqual(code, 3)
        self.assertIn("certificate", errors)
        self.assertEqual(seen, [])
        code, output, errors = self.command(*arguments, environment={"ADAPTER_CA_FILE": self.certificates.ca})
        self.assertEqual(code, 0, errors)
        self.assertIn("names no repository", output)
        self.assertEqual(seen, [("/below/api/v1/repositories", "Bearer " + self.canary)])


class Sync(ClientTest):
    def test_each_name_has_its_line(self):
        names = ("docs", "site", "wiki")
        adapter = self.published(names)
        remote = self.remote("site.git")
        commit = remote.commit({"b": "2"})
        self.server.faults.add(path="/wiki.git", status=500)
        code, output, errors = self.command("sync", *names, "docs", "--admin", adapter.admin)
        self.assertEqual((code, errors), (1, ""))
        lines = sorted(output.splitlines())
        self.assertEqual(lines[:2], ["docs: unchanged", "site: %s published" % commit])
        self.assertRegex(lines[2], r"^wiki: failed \(network\): .*500")
        self.assertEqual(len(lines), 3)
        self.assertEqual(adapter.published("site"), commit)

    def test_success_is_0(self):
        adapter = self.published()
        self.assertEqual(self.command("sync", "docs", "--admin", adapter.admin), (0, "docs: unchanged\n", ""))

    def test_a_name_that_the_daemon_does_not_know_fails_alone(self):
        adapter = self.published()
        code, output, _ = self.command("sync", "docs", "dosc", "../docs", "a/b?c", "--admin", adapter.admin)
        self.assertEqual(code, 1)
        lines = sorted(output.splitlines())
        self.assertEqual(lines[2], "docs: unchanged")
        for line, name in zip((lines[0], lines[1], lines[3]), ("../docs", "a/b?c", "dosc")):
            self.assertTrue(line.startswith(name + ": failed (not_found): "), line)
            self.assertIn('"%s"' % name, line)

    def test_a_suspended_repository_says_so(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.daemon(self.entry(remote, suspend=True))
        code, output, _ = self.command("sync", "docs", "--admin", adapter.admin)
        self.assertEqual(code, 1)
        self.assertRegex(output, r"^docs: failed \(config\): .*suspended")

    def test_an_empty_repository_is_no_failure(self):
        adapter = self.daemon(self.entry(self.remote()))
        code, output, _ = self.command("sync", "docs", "--admin", adapter.admin)
        self.assertEqual((code, output), (0, "docs: the remote has no commit yet\n"))

    def test_more_names_than_the_daemon_lets_wait(self):
        names = ["r%02d" % number for number in range(45)]
        remote = self.remote(files={"a": "1"})
        adapter = self.daemon(*[self.entry(remote, name) for name in names])
        code, output, errors = self.command("sync", *names, "--admin", adapter.admin)
        self.assertEqual(code, 0, errors)
        self.assertEqual(sorted(line.split(":")[0] for line in output.splitlines()), names)

    def test_results_are_printed_as_they_come(self):
        adapter = self.published(("quick", "slow"))
        remote = self.remote("slow.git")
        commit = remote.commit({"b": os.urandom(3000)})
        self.server.faults.add(path="/slow.git", step="fetch", delay=4)
        process = subprocess.Popen(
            [program(), "sync", "slow", "quick", "--admin", adapter.admin],
            stdout=subprocess.PIPE, text=True, env=clean_environment(),
        )  # fmt: skip
        with process:
            self.assertEqual(process.stdout.readline(), "quick: unchanged\n")
            self.assertNotEqual(adapter.published("slow"), commit)
            self.assertEqual(process.stdout.read(), "slow: %s published\n" % commit)
            self.assertEqual(process.wait(30), 0)

    def test_a_daemon_that_goes_away_is_3(self):
        adapter = self.published(("docs", "slow"))
        self.remote("slow.git").commit({"b": "2"})
        self.server.faults.add(path="/slow.git", step="fetch", delay=30)
        process = subprocess.Popen(
            [program(), "sync", "slow", "--admin", adapter.admin],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
        )  # fmt: skip
        adapter.wait_for(lambda: adapter.repository("slow")["phase"] == "fetching")
        adapter.kill()
        output, errors = process.communicate(timeout=20)
        self.assertEqual((process.returncode, output), (3, ""))
        self.assertIn("no daemon answers", errors)

    def test_a_daemon_that_restarts_is_asked_again(self):
        adapter = self.published(("docs", "slow"), listen="127.0.0.1:%d" % free_port())
        commit = self.remote("slow.git").commit({"b": "2"})
        trouble = self.server.faults.add(path="/slow.git", step="fetch", delay=30)
        process = subprocess.Popen(
            [program(), "sync", "slow", "--config", adapter.config_file],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(),
        )  # fmt: skip
        adapter.wait_for(lambda: adapter.repository("slow")["phase"] == "fetching")
        adapter.stop()
        self.server.faults.remove(trouble)
        adapter.start()
        output, errors = process.communicate(timeout=30)
        self.assertEqual((process.returncode, errors), (0, ""))
        self.assertRegex(output, "^slow: (unchanged|%s published)\n$" % commit)

    def test_it_comes_again_when_the_daemon_is_busy(self):
        asked = []

        def answer(request):
            asked.append(request.path)
            if len(asked) == 1:
                request.send_response(503)
                request.send_header("Retry-After", "1")
                request.send_header("Content-Type", "application/problem+json")
                request.send_header("Content-Length", "0")
                request.end_headers()
            else:
                send(request, 200, '{"id": 1, "repository": "docs", "result": "unchanged", "commit": "ab", "error": null}')

        code, output, errors = self.command("sync", "docs", "--admin", self.impostor(answer))
        self.assertEqual((code, output), (0, "docs: unchanged\n"), errors)
        self.assertEqual(asked, ["/api/v1/repositories/docs/sync?wait=1"] * 2)


class Health(ClientTest):
    def test_a_repository_that_was_never_published_is_not_ready(self):
        adapter = self.daemon(self.entry(self.server.url("absent.git")))
        adapter.wait_event("check_failed", "docs")
        code, output, errors = self.command("health", "--admin", adapter.admin)
        self.assertEqual((code, errors), (1, ""))
        self.assertRegex(output, r"^not ready: 1 of 1 .*: docs \(stale, not_found\)\n$")

    def test_a_daemon_that_hangs_costs_five_seconds(self):
        with contextlib.closing(socket.create_server(("127.0.0.1", 0))) as silent:
            began = time.monotonic()
            code, _, errors = self.command("health", "--admin", "http://127.0.0.1:%d" % silent.getsockname()[1])
            self.assertEqual(code, 1)
            self.assertIn("longer than 5s", errors)
            self.assertLess(time.monotonic() - began, 8)

    def test_it_never_ends_with_another_code(self):
        for arguments in ((), ("--config", self.folder + "/absent"), ("--admin", "ftp://localhost")):
            with self.subTest(arguments):
                self.assertEqual(self.command("health", *arguments)[0], 1)


if __name__ == "__main__":
    main()
