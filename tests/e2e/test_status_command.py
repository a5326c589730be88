#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""status: the table of a running daemon, once and again and again."""

import fcntl
import json
import os
import pty
import re
import select
import signal
import socket
import struct
import subprocess
import sys
import termios
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.client_harness import ClientTest, free_port, send  # noqa: E402
from tests.e2e.harness import main  # noqa: E402
from tests.support.adapter import clean_environment, program  # noqa: E402

CLEAR = "\x1b[J"


class Status(ClientTest):
    def test_a_table_of_a_healthy_and_a_failing_repository(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.daemon(self.entry(remote), self.entry(self.server.url("absent.git"), "gone"))
        adapter.wait_event("published", "docs")
        adapter.wait_event("check_failed", "gone")
        code, output, errors = self.command("status", "--admin", adapter.admin)
        self.assertEqual((code, errors), (0, ""))
        head, docs, gone, summary = output.splitlines()
        self.assertEqual(head.split(), ["NAME", "HEALTH", "REF", "COMMIT", "AGE", "NEXT", "REASON"])
        self.assertRegex(docs, r"^docs +ok +HEAD +%s +\ds +60m|59m" % remote.resolve("main")[:12])
        self.assertRegex(gone, r"^gone +stale +HEAD +- +- +\S+ +not_found.*: \S")
        self.assertEqual(summary, "2 repositories: 1 ok, 1 stale; not ready; sandbox on")
        self.assertNotIn("\x1b", output)

    def test_json_is_the_answer_of_the_api(self):
        adapter = self.published()
        code, output, errors = self.command("status", "--json", "--admin", adapter.admin)
        self.assertEqual((code, errors), (0, ""))
        shown, asked = json.loads(output), adapter.ask("GET", "/api/v1/repositories").json()
        self.assertEqual(list(shown), list(asked))
        self.assertEqual(shown["repositories"][0]["commit"], asked["repositories"][0]["commit"])
        self.assertEqual(output.count("\n"), 1)

    def test_the_port_comes_from_the_configuration_even_from_one_with_mistakes(self):
        port = free_port()
        adapter = self.published(listen="127.0.0.1:%d" % port)
        code, output, errors = self.command("status", "--config", adapter.config_file)
        self.assertEqual(code, 0, errors)
        self.assertIn("1 ok; ready", output)
        with open(adapter.config_file, "a", encoding="utf-8") as out:
            out.write("evrey: 5s\n")
        code, output, errors = self.command("status", "--config", adapter.config_file)
        self.assertEqual(code, 0, errors)
        self.assertIn("1 ok; ready", output)
        code, output, errors = self.command("health", environment={"ADAPTER_CONFIG": adapter.config_file})
        self.assertEqual((code, output), (0, "ready: 1 repository\n"), errors)

    def test_a_daemon_without_a_configuration_says_so(self):
        listen = "127.0.0.1:%d" % free_port()
        adapter = self.adapter(None)
        folder = os.path.join(self.folder, "empty")
        os.mkdir(folder)
        self.assertFalse(os.path.exists("/etc/adapter/config.yaml"), "this test needs the default path to be free")
        adapter.start(with_config=False, environment={"ADAPTER_ADMIN_LISTEN": listen})
        self.assertTrue(adapter.admin)
        environment = {"ADAPTER_ADMIN_LISTEN": listen}
        code, output, errors = self.command("status", environment=environment)
        self.assertEqual(code, 0, errors)
        self.assertIn("no configuration yet", output)
        self.assertEqual(self.command("health", environment=environment)[:2], (1, "not ready: there is no configuration\n"))

    def test_an_address_below_the_port_is_named(self):
        adapter = self.adapter(self.config(self.entry(self.remote(files={"a": "1"})), admin={"listen": "127.0.0.1:0"})).start()
        code, output, errors = self.command("status", "--admin", adapter.admin + "/x/")
        self.assertEqual((code, output), (1, ""))
        self.assertIn("no admin port is at %s/x/ (status 404: there is nothing here)" % adapter.admin, errors)

    def test_no_daemon_answers(self):
        nobody = "http://127.0.0.1:%d" % free_port()
        for command in (("status",), ("status", "--json"), ("sync", "docs")):
            with self.subTest(command):
                code, output, errors = self.command(*command, "--admin", nobody)
                self.assertEqual((code, output), (3, ""))
                self.assertRegex(errors, r"^adapter: no daemon answers at %s: .*refused.*\n$" % re.escape(nobody))
        code, output, errors = self.command("health", "--admin", nobody)
        self.assertEqual((code, output), (1, ""))
        self.assertIn("no daemon answers", errors)
        self.assertNotIn("admin.listen", errors)
        code, output, errors = self.command("health", environment={"ADAPTER_ADMIN_LISTEN": nobody[len("http://"):]})
        self.assertEqual((code, output), (1, ""))
        self.assertIn("started before a change of that key", errors)

    def test_somebody_else_answers(self):
        pages = {
            "a page": lambda request: send(request, 200, "<h1>It works</h1>", "text/html"),
            "404 of another": lambda request: send(request, 404, "not here", "text/plain"),
            "a redirect": lambda request: send(request, 302, "", "text/plain"),
            "no HTTP": lambda request: request.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n"),
            "an end": lambda request: request.connection.shutdown(socket.SHUT_RDWR),
        }
        for name, answer in pages.items():
            with self.subTest(name):
                code, output, errors = self.command("status", "--admin", self.impostor(answer))
                self.assertEqual((code, output), (3, ""), errors)
                self.assertIn("no daemon answers", errors)

    def test_an_answer_is_cut_off_at_64_mib(self):
        def endless(request):
            request.send_response(200)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(1 << 40))
            request.end_headers()
            while True:
                request.wfile.write(b" " * (1 << 20))

        code, _, errors = self.command("status", "--admin", self.impostor(endless))
        self.assertEqual(code, 3)
        self.assertIn("64 MiB", errors)

    def test_what_comes_from_outside_is_escaped(self):
        def hostile(request):
            repository = {"name": "a\x1b[31mb\nc", "health": "ok\u202e", "ref": "\x07", "phase": "waiting", "commit": "\x1b[2J"}
            body = {"generated_at": "2026-11-23T12:00:00.000Z", "configured": True, "repositories": [repository]}
            send(request, 200, json.dumps(body))

        url = self.impostor(hostile)
        code, output, _ = self.command("status", "--admin", url)
        self.assertEqual(code, 0)
        self.assertIn("a\\x1B[31mb\\x0Ac", output)
        for bad in ("\x1b", "\u202e", "\x07"):
            self.assertNotIn(bad, output)
        url = self.impostor(lambda request: send(request, 500, '{"detail": "\\u001b[31m"}', "application/problem+json"))
        for command in (("status",), ("sync", "docs"), ("health",)):
            code, output, errors = self.command(*command, "--admin", url)
            self.assertEqual(code, 1)
            self.assertNotIn("\x1b", output + errors)

    def test_wrong_use_exits_2(self):
        missing = os.path.join(self.folder, "absent.yaml")
        port = "http://localhost:%d" % free_port()
        for arguments in (
            ("status", "docs"),
            ("sync",),
            ("status", "--admin", "localhost:8080"),
            ("status", "--admin", ""),
            ("status", "--config", missing),
            ("sync", "docs", "--config", missing, "--admin", port),
            ("sync", "docs"),
            ("run", "--admin", port),
        ):
            with self.subTest(arguments):
                code, output, errors = self.command(*arguments)
                self.assertEqual((code, output), (2, ""))
                self.assertNotEqual(errors, "")
        code, _, errors = self.command("status")
        self.assertEqual(code, 2)
        self.assertIn("--admin", errors)
        self.assertIn("admin.listen", errors)


class Watch(ClientTest):
    def watch(self, *arguments, **keys):
        """The running command with its output as a pipe."""
        process = subprocess.Popen(
            [program(), "status", "--watch", *arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=clean_environment(), **keys,
        )  # fmt: skip
        self.addCleanup(process.communicate)
        self.addCleanup(process.kill)
        return process

    def read_until(self, process, words, seconds=20):
        """Lines up to one that holds the words."""
        lines, deadline = [], time.monotonic() + seconds
        while time.monotonic() < deadline:
            line = process.stdout.readline()
            lines.append(line)
            if words in line:
                return lines
            self.assertNotEqual(line, "", "the program ended: %r" % lines)
        raise AssertionError("%r is not in %r" % (words, lines))

    def interrupt(self, process, number=signal.SIGINT):
        process.send_signal(number)
        self.assertEqual(process.wait(5), 0)

    def test_it_prints_the_table_again_after_an_empty_line(self):
        adapter = self.published()
        process = self.watch("--admin", adapter.admin)
        first = self.read_until(process, "1 ok; ready")
        second = self.read_until(process, "1 ok; ready")
        self.assertEqual([len(first), len(second), second[0]], [3, 4, "\n"])
        self.assertTrue(second[1].startswith("NAME"))
        self.interrupt(process)
        process = self.watch("--admin", adapter.admin)
        self.read_until(process, "1 ok; ready")
        self.interrupt(process, signal.SIGTERM)

    def test_it_survives_a_restart_of_the_daemon(self):
        adapter = self.published(listen="127.0.0.1:%d" % free_port())
        process = self.watch("--config", adapter.config_file)
        self.read_until(process, "1 ok; ready")
        adapter.stop()
        self.read_until(process, "no daemon answers at http://127.0.0.1:")
        adapter.start()
        self.read_until(process, "1 ok; ready")
        self.interrupt(process)

    def test_json_is_one_document_a_line(self):
        adapter = self.published()
        process = self.watch("--json", "--admin", adapter.admin)
        for _ in range(2):
            self.assertEqual(json.loads(process.stdout.readline())["repositories"][0]["name"], "docs")
        self.interrupt(process)

    def test_it_ends_when_nobody_reads_it(self):
        adapter = self.published()
        process = self.watch("--admin", adapter.admin)
        self.read_until(process, "1 ok; ready")
        process.stdout.close()
        self.assertEqual(process.wait(10), 1)
        process.stdout = None

    def on_terminal(self, adapter, shows, columns=70, rows=10, environment=None, seconds=20):
        """What it writes to a terminal until `shows` is content with it; it is then interrupted."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        process = subprocess.Popen(
            [program(), "status", "--watch", "--admin", adapter.admin], stdin=theirs, stdout=theirs, stderr=theirs,
            env={**clean_environment(environment), "TERM": "xterm"},
        )  # fmt: skip
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + seconds
        while time.monotonic() < deadline and not shows(shown.decode("utf-8", "replace")):
            if select.select([ours], [], [], 0.1)[0]:
                shown += os.read(ours, 65536)
        self.interrupt(process)
        os.close(ours)
        return shown.decode("utf-8")

    def test_a_terminal_shows_it_in_one_place_and_in_colours(self):
        adapter = self.published()
        shown = self.on_terminal(adapter, lambda text: text.count("1 ok; ready; sandbox on\r\n") == 2)
        first, _, second = shown.partition(CLEAR)
        self.assertIn("\x1b[32mok\x1b[0m", first)
        self.assertTrue(first.endswith("\x1b[3A\r"), repr(first))
        self.assertIn("1 ok; ready", second)

    def test_no_color_is_respected(self):
        adapter = self.published()
        shown = self.on_terminal(adapter, lambda text: text.endswith("ready; sandbox on\r\n"), environment={"NO_COLOR": "1"})
        self.assertIn("1 ok; ready", shown)
        self.assertNotIn("\x1b", shown)

    def test_what_is_shown_fits_the_terminal(self):
        names = ["r%02d" % number for number in range(20)]
        remote = self.remote(files={"a": "1"})
        gone = self.entry(self.server.url("absent.git"), "zz-gone")
        adapter = self.daemon(*[self.entry(remote, name) for name in names], gone)
        adapter.wait_event("check_failed", "zz-gone")
        for name in names:
            adapter.wait_event("published", name)
        shown = self.on_terminal(adapter, lambda text: text.count("\r\n") == 9, 60, 10, {"NO_COLOR": "1"})
        lines = shown.split("\r\n")[:-1]
        self.assertEqual(len(lines), 9)
        for line in lines:
            self.assertLessEqual(len(line), 60)
        self.assertTrue(lines[1].startswith("zz-gone"), lines)
        self.assertIn("(14 more) 21 repositories: 20 ok, 1 stale; not ready", lines[-1])


if __name__ == "__main__":
    main()
