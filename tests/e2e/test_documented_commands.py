#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Command blocks of the documentation, run as they stand there but for addresses and paths."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

import yaml  # noqa: E402

from tests.e2e.harness import AdapterTest, main, run_command  # noqa: E402
from tests.support.adapter import PROJECT, program  # noqa: E402


def blocks(page, language, folder="docs"):
    """The fenced blocks of a page, as texts."""
    with open(os.path.join(PROJECT, folder, page), encoding="utf-8") as source:
        return re.findall(r"^```%s\n(.*?)^```$" % language, source.read(), re.M | re.S)


class DocumentedCommands(AdapterTest):
    def test_the_delivery_of_a_webhook_by_hand_is_accepted(self):
        secret = os.path.join(self.folder, "docs-hook")
        with open(secret, "w", encoding="utf-8") as out:
            out.write(os.urandom(32).hex() + "\n")
        text = blocks("webhooks.md", "yaml")[0]
        remote = self.remote("docs.git", files={"a": "1"})
        for shown, ours in (("127.0.0.1:8080", "127.0.0.1:0"), ("/run/secrets/docs-hook", secret),
                            ("https://git.example.com/team/docs.git", self.server.url(remote.name))):  # fmt: skip
            self.assertIn(shown, text)
            text = text.replace(shown, ours)
        adapter = self.adapter(None)
        credential = self.config()["credentials"][0]
        text += "credentials:\n  - {url: %s, username: bot, password_file: %s}\n" % (credential["url"], credential["password_file"])
        text += "ca_file: %s\ndata_dir: %s\n" % (self.certificates.ca, adapter.data)
        adapter.write_config(text)
        adapter.start()
        adapter.wait_event("published", "docs")
        command = blocks("webhooks.md", "sh")[0]
        port = urllib.parse.urlsplit(adapter.admin).port
        self.assertIn("http://127.0.0.1:8080/", command)
        command = command.replace("127.0.0.1:8080", "127.0.0.1:%d" % port)
        commit = remote.commit({"a": "2"})
        done = subprocess.run(["sh", "-ec", command], cwd=self.folder, capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        adapter.wait_published("docs", commit, seconds=10)

    def test_the_scripts_that_act_on_a_new_commit_name_each_of_them(self):
        token = os.path.join(self.folder, "token")
        with open(token, "w", encoding="utf-8") as out:
            out.write("a-token-of-the-admin-port\n")
        remote = self.remote("docs.git", files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), admin={"listen": "127.0.0.1:0", "token_file": token})).start()
        adapter.wait_event("published", "docs")
        commits = [remote.resolve("main")]
        by_loop, _, by_stream, _ = blocks("events.md", "sh")
        replaced = (("/data/docs", adapter.link("docs")), ("127.0.0.1:8080", urllib.parse.urlsplit(adapter.admin).netloc),
                    ("/run/secrets/admin-token", token))  # fmt: skip
        runs = [self.background("loop", by_loop, replaced[:1]), self.background("stream", by_stream, replaced)]
        self.wait_lines(runs, commits)
        for number in ("2", "3"):
            commits.append(remote.commit({"a": number}))
            self.wait_lines(runs, commits)

    def background(self, label, script, replaced):
        """Runs it until the test ends; the file that its output goes to."""
        for shown, ours in replaced:
            self.assertIn(shown, script)
            script = script.replace(shown, ours)
        path = os.path.join(self.folder, label)
        with open(path, "w", encoding="utf-8") as out:
            process = subprocess.Popen(["sh", "-c", script], stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        self.addCleanup(process.wait)
        self.addCleanup(os.killpg, process.pid, signal.SIGKILL)
        return path

    def wait_lines(self, paths, commits, seconds=20):
        wanted = "".join("docs is at %s\n" % commit for commit in commits)
        deadline = time.monotonic() + seconds
        for path in paths:
            while True:
                with open(path, encoding="utf-8") as source:
                    text = source.read()
                if text == wanted:
                    break
                self.assertLess(time.monotonic(), deadline, "%s: %r, want %r" % (path, text, wanted))
                time.sleep(0.1)

    def test_quickstart(self):
        """The first command of README.md; the second is what runs this test in `.ci/run`."""
        command = blocks("README.md", "sh", folder="")[0].splitlines()[0]
        self.assertTrue(command.startswith("./scripts/quickstart "), command)
        build = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(program()))))
        environment = {**os.environ, "BUILD_DIR": build, "QUICKSTART_SECONDS": "12"}
        done = subprocess.run(["sh", "-ec", command], cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, timeout=300, check=False)  # fmt: skip
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_configurations_of_the_pages_are_valid(self):
        found = [(page, text) for folder, page in (("", "README.md"), ("docs", "configuration.md"), ("docs", "webhooks.md"))
                 for text in blocks(page, "yaml", folder)]  # fmt: skip
        self.assertGreaterEqual(len(found), 6)
        for page, text in found:
            with self.subTest("%s: %s" % (page, text.splitlines()[0])):
                config = yaml.safe_load(text) or {}
                # A part of a file is completed with what every file has.
                config.setdefault("repositories", [{"name": "docs", "url": "https://git.example.com/team/docs.git"}])
                adapter = self.adapter(config)
                adapter.write_config(config)
                code, output, errors = run_command("validate", "--config", adapter.config_file)
                self.assertEqual(code, 0, output + errors)
                self.assertNotIn("error:", output)
                config["repositories"][0]["urll"] = "x"
                adapter.write_config(config)
                self.assertEqual(run_command("validate", "--config", adapter.config_file)[0], 2)


if __name__ == "__main__":
    main()
