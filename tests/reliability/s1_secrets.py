#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""S1: provokes each kind of failure with a canary as the password, at the most talkative log level, and looks for it everywhere.

Every other row and every end-to-end test looks for its own canary too.
"""

import base64
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support import canaries  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402

PROVOCATIONS = [
    {}, {"status": 401, "headers": [["WWW-Authenticate", "Basic"]]}, {"status": 403, "body": "{echo}"}, {"status": 404, "body": "{echo}"},
    {"status": 500, "body": "{echo}"}, {"status": 200, "body": "<html>{echo}"}, {"raw": "{echo}"}, {"status": 429, "body": "{echo}"},
    {"redirect": "https://localhost:1/{echo}"}, {"redirect": "/{echo}/info/refs?service=git-upload-pack"},
    {"redirect": "https://{echo}@localhost/x"}, {"headers": [["X-Echo", "{echo}"]]}, {"framing": "bad_chunk"},
    {"status": 200, "body": "003fERR {echo}"}, {"step": "fetch", "status": 200, "body": "003eERR {echo}"}, {"accept_reset": True},
]  # fmt: skip


class Secrets(rig.Row):
    """The canary is nowhere."""

    name = "S1"
    title = "a canary password under every provocation"
    quick = len(PROVOCATIONS) * 2
    long = quick
    jobs = 3

    def numbers(self, count):
        return range(self.quick)

    def trial(self, number, source, folder):
        provocation = dict(PROVOCATIONS[number // 2])
        label = "s1-%d.git" % number
        remote = self.remote(label, {"a": "1"})
        self.server.require("/" + label, [("bot", self.canary)])
        # A server that knows the password and says it, plain or as it came.
        echo = base64.b64encode(("bot:" + self.canary).encode()).decode() if number % 2 else self.canary
        fault = None
        if provocation:
            fault = self.server.faults.add(path="^/" + label, **self.filled(provocation, echo))
        adapter = self.adapter(folder, self.entry(remote), level="debug")
        adapter.once(seconds=40)
        adapter.once("--log-format", "text", seconds=40)
        if fault is not None:
            self.server.faults.remove(fault)
        hits = self.elsewhere(remote)
        return hits + ["%s: the canary is in %s" % (provocation, path) for path, _ in canaries.scan(self.needles, folder)]

    @staticmethod
    def filled(value, echo):
        if isinstance(value, str):
            return value.replace("{echo}", echo.replace(" ", "%20") if value.startswith(("http", "/")) else echo)
        if isinstance(value, list):
            return [Secrets.filled(each, echo) for each in value]
        if isinstance(value, dict):
            return {key: Secrets.filled(each, echo) for key, each in value.items()}
        return value

    def elsewhere(self, remote):
        """A redirect to another origin must not carry it there, nor plain HTTP."""
        problems = []
        with GitServer(self.root, self.certificates.good) as other, GitServer(self.root) as plain:
            for target in (other, plain):
                fault = self.server.faults.add(path="^/" + remote.name, redirect=target.url("")[:-1] + "{path}")
                adapter = self.adapter(os.path.join(self.folder, "elsewhere-%s" % target.port), self.entry(remote))
                adapter.once(seconds=40)
                self.server.faults.remove(fault)
                if any(entry["authorization"] for entry in target.requests):
                    problems.append("the credential was sent to another origin")
        return problems

    def planted(self, folder):
        path = os.path.join(folder, "log")
        for form in (self.canary, base64.b64encode(b"xy" + self.canary.encode()).decode()):
            with open(path, "w", encoding="utf-8") as out:
                out.write('{"message": "%s"}\n' % form)
            if not canaries.scan(self.needles, folder):
                return []
        return ["the canary is in " + path]


if __name__ == "__main__":
    rig.main(Secrets)
