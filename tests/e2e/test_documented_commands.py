#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Command blocks of the documentation, run as they stand there but for addresses and paths."""

import os
import re
import subprocess
import sys
import urllib.parse

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.adapter import PROJECT  # noqa: E402


def blocks(page, language):
    """The fenced blocks of a page of docs/, as texts."""
    with open(os.path.join(PROJECT, "docs", page), encoding="utf-8") as source:
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


if __name__ == "__main__":
    main()
