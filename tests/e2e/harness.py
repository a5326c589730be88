# SPDX-License-Identifier: Apache-2.0
"""What every end-to-end test stands on: a server with throw-away certificates, remotes behind it, the program in front of it.

A test ends with a look for the run's canary secret in everything the program wrote.
"""

import atexit
import os
import shutil
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.checker.check_volume import Volume, check  # noqa: E402
from tests.support import canaries  # noqa: E402
from tests.support.adapter import Adapter, run_command  # noqa: E402,F401
from tests.support.certificates import make_certificates  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402
from tests.support.remotes import EXECUTABLE, FILE, SUBMODULE, SYMLINK, Remote, git  # noqa: E402,F401

FAST = "200ms"


class Shared:
    """Made once a process: certificates and the canary."""

    _lock = threading.Lock()
    _made = None

    def __init__(self):
        base = os.environ.get("E2E_FOLDER") or None
        self.folder = tempfile.mkdtemp(prefix="adapter-e2e-", dir=base)
        self.certificates = make_certificates(os.path.join(self.folder, "certificates"))
        self.canary = canaries.make_canary()
        self.needles = canaries.encodings(self.canary)
        self.password_file = os.path.join(self.folder, "password")
        with open(self.password_file, "w", encoding="utf-8") as out:
            out.write(self.canary + "\n")
        if not os.environ.get("E2E_KEEP"):
            atexit.register(shutil.rmtree, self.folder, ignore_errors=True)

    @classmethod
    def get(cls):
        with cls._lock:
            if cls._made is None:
                cls._made = Shared()
            return cls._made


class AdapterTest(unittest.TestCase):
    """A test with a server of its own (`self.server`), remotes by remote(), programs by adapter()."""

    maxDiff = 4000

    def setUp(self):
        shared = Shared.get()
        self.certificates = shared.certificates
        self.canary = shared.canary
        self.password_file = shared.password_file
        self.folder = tempfile.mkdtemp(prefix=self._testMethodName[:40] + "-", dir=shared.folder)
        self.root = os.path.join(self.folder, "remotes")
        os.makedirs(self.root)
        self.server = GitServer(self.root, self.certificates.good).start()
        self.adapters = []

    def tearDown(self):
        try:
            failures = []
            for adapter in self.adapters:
                try:
                    adapter.stop()
                except AssertionError as error:
                    failures.append(str(error))
            self.server.stop()
            self.assertEqual(failures, [])
            self.assertEqual([each for adapter in self.adapters for each in adapter.loop_findings()], [], "the event loop touched files")
            self.assert_no_canary()
        finally:
            for adapter in self.adapters:
                adapter.kill()
            self.server.stop()
            if not os.environ.get("E2E_KEEP"):
                shutil.rmtree(self.folder, ignore_errors=True)

    def assert_no_canary(self):
        """Row S1, for this test: nothing that the program wrote, and nothing it sent in the clear, holds the secret."""
        needles = Shared.get().needles
        hits = canaries.scan(needles, *(adapter.folder for adapter in self.adapters))
        self.assertEqual(hits, [], "the canary secret was written down")

    # ---- makers

    def remote(self, name="docs.git", files=None, branch="main"):
        remote = Remote(self.root, name, branch)
        if files is not None:
            remote.commit(files, branch)
        return remote

    def entry(self, remote, name="docs", **keys):
        """A repository of the configuration."""
        url = remote if isinstance(remote, str) else self.server.url(remote.name)
        return {"name": name, "url": url, "ca_file": self.certificates.ca, **keys}

    def config(self, *entries, every=FAST, **top):
        """A configuration; the canary is this server's password, so that each request could give it away."""
        defaults = {"every": every, "jitter": "0%", **top.pop("defaults", {})}
        credentials = [{"url": self.server.url(""), "username": "bot", "password_file": self.password_file}]
        return {"defaults": defaults, "credentials": credentials, **top, "repositories": list(entries)}

    def adapter(self, config, label="adapter", **arguments):
        """A program that has not been started; it is stopped, and must stop well, when the test ends."""
        adapter = Adapter(os.path.join(self.folder, "%s-%d" % (label, len(self.adapters))), config, **arguments)
        self.adapters.append(adapter)
        return adapter

    def secret_ref(self, remote):
        """A branch of this name is the token that the server requires."""
        token = "token-0123456789abcdef"
        self.password_file = os.path.join(self.folder, "token")
        with open(self.password_file, "w", encoding="utf-8") as out:
            out.write(token)
        remote.set_ref("refs/heads/" + token, remote.resolve("main"))
        self.server.require("/", [("bot", token)])
        return token

    def follow(self, remote, name="docs", seconds=20, **keys):
        """A running program that has published the remote's main branch."""
        adapter = self.adapter(self.config(self.entry(remote, name, **keys))).start()
        adapter.wait_event("published", name, seconds=seconds)
        return adapter

    # ---- judgements

    def volume(self, adapter, name="docs", **keys):
        return Volume(adapter.data, name, **keys)

    def assert_good(self, adapter, remote, name="docs", commit=None, settled=True, **arguments):
        """The independent checker finds nothing, and the commit is the one given. What a reader sees is judged at once; what lies
        around it when the daemon has had a moment to finish."""
        problems = check(adapter.data, name, remote.directory, remote.advertised, settled=False, **arguments)
        self.assertEqual(problems, [], adapter.tail())
        if settled:
            deadline = time.monotonic() + 5
            while True:
                problems = check(adapter.data, name, remote.directory, remote.advertised, **arguments)
                if not problems or not adapter.alive() or time.monotonic() > deadline:
                    break
                time.sleep(0.1)
            self.assertEqual(problems, [], adapter.tail())
        if commit is not None:
            self.assertEqual(adapter.published(name), commit)

    def read(self, adapter, path, name="docs"):
        with open(os.path.join(adapter.link(name), path), "rb") as source:
            return source.read()

    def assert_failed(self, adapter, error_class, name="docs", since=0, seconds=20, says=""):
        """A check failed with this class; the event."""
        event = adapter.wait_event("check_failed", name, since=since, seconds=seconds, **{"class": error_class})
        if says:
            self.assertIn(says.lower(), event["message"].lower())
        return event


def main():
    unittest.main()
