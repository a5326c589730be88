#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""N3: the corpus of URLs that are refused before anything is contacted, and of redirects that are followed or not."""

import json
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support.adapter import run_command  # noqa: E402
from tests.support.faults import Fault  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402

REFUSED = [
    "", "x", "https://", "https:///path", "https:example.com/x", "//example.com/x", "example.com/x", "ftp://example.com/x",
    "file:///etc/passwd", "ssh://git@example.com/x", "git://example.com/x", "ext::sh -c id", "git@example.com:x/y",
    "https://user@example.com/x", "https://user:secret@example.com/x", "https://:@example.com/x", "https://@example.com/x",
    "https://example.com:0/x", "https://example.com:65536/x", "https://example.com:-1/x", "https://example.com:80a/x",
    "https://example.com:443:443/x", "https://exa mple.com/x", "https://example.com/x y", "https://example.com/\tx",
    "https://example.com/x\r\nHost: evil", "https://example.com\x00.evil/x", "https://example.com/%00", "https://example.com/%0a",
    "https://example.com/%0d%0aX: y", "https://example.com/%zz", "https://example.com/%4", "https://example.com/x#fragment",
    "https://example.com\\@evil.com/x", "https://example.com\\evil", "https://[::1/x", "https://::1/x", "https://[fe80::1%eth0]/x",
    "https://[::1]x/y", "https://exämple.com/x", "https://.example.com/x", "https://example..com/x", "https://-/",
    "https://%65xample.com/x", "https://example.com%2f@evil.com/x", "http://example.com/x", "HTTPS//example.com",
]  # fmt: skip

# Addresses that are never a remote, however they are written.
FORBIDDEN = [
    "https://169.254.169.254/x", "https://[fe80::1]/x", "https://[fd00:ec2::254]/x", "https://0.0.0.0/x", "https://[::]/x",
    "https://224.0.0.1/x", "https://[ff02::1]/x", "https://255.255.255.255/x", "https://[::ffff:169.254.169.254]/x",
    "https://[::ffff:a9fe:a9fe]/x", "https://[64:ff9b::a9fe:a9fe]/x",
]  # fmt: skip

# (Location, whether it is the same origin). {own}, {other}, {plain}: host:port of this server, of another one, of one without TLS.
REDIRECTS = [
    ("/new.git/info/refs?service=git-upload-pack", True),
    ("https://{own}/new.git/info/refs?service=git-upload-pack", True),
    ("HTTPS://{OWN}/new.git/info/refs?service=git-upload-pack", True),
    ("//{own}/new.git/info/refs?service=git-upload-pack", True),
    ("../../new.git/info/refs?service=git-upload-pack", True),
    ("https://{other}/new.git/info/refs?service=git-upload-pack", False),
    ("//{other}/new.git/info/refs?service=git-upload-pack", False),
    ("http://{plain}/new.git/info/refs?service=git-upload-pack", False),
    ("http://{own}/new.git/info/refs?service=git-upload-pack", False),
    ("https://127.0.0.1:{other_port}/new.git/info/refs?service=git-upload-pack", False),
    ("https://127.0.0.1:{own_port}/new.git/info/refs?service=git-upload-pack", False),
    ("https://user:pw@{own}/new.git/info/refs?service=git-upload-pack", False),
    ("https://{own}@{other}/new.git/info/refs?service=git-upload-pack", False),
    ("https://{own}\\@{other}/new.git/info/refs?service=git-upload-pack", False),
    ("https:\\\\{other}\\new.git\\info\\refs?service=git-upload-pack", False),
    ("/\\{other}/new.git/info/refs?service=git-upload-pack", False),
    ("file:///etc/passwd", False),
    ("javascript:alert(1)", False),
    ("https://{own}/new.git/info/refs?service=git-receive-pack", False),
    ("https://{own}/", False),
    ("", False),
    ("https://", False),
    ("https://169.254.169.254/info/refs?service=git-upload-pack", False),
    ("/new.git/info/refs?service=git-upload-pack\tx", False),
]


class Urls(rig.Row):
    """URLs and redirects."""

    name = "N3"
    title = "the corpus of URLs and redirects"
    quick = len(REFUSED) + len(FORBIDDEN) + len(REDIRECTS)
    long = quick
    jobs = 3

    def __init__(self):
        super().__init__()
        self.new = self.remote("new.git", {"a": "1"})
        self.other = GitServer(self.root, self.certificates.good).start()
        self.plain = GitServer(self.root).start()

    def close(self):
        self.other.stop()
        self.plain.stop()
        super().close()

    def numbers(self, count):
        return range(self.quick)

    def trial(self, number, source, folder):
        if number < len(REFUSED):
            return self.refused(REFUSED[number], folder)
        number -= len(REFUSED)
        if number < len(FORBIDDEN):
            return self.forbidden(FORBIDDEN[number], folder)
        number -= len(FORBIDDEN)
        return self.redirected("old-%d.git" % number, folder, *REDIRECTS[number])

    @staticmethod
    def refused(url, folder):
        path = os.path.join(folder, "config.yaml")
        with open(path, "w", encoding="utf-8") as out:
            # Not the suite's own writer: escapes as in JSON, so that every byte arrives.
            out.write('repositories:\n  - name: docs\n    url: %s\n' % json.dumps(url))
        code, output, errors = run_command("validate", "--config", path)
        problems = []
        if code != 2:
            problems.append("%r was accepted" % url)
        elif ":3:" not in output and "\x00" not in url:
            problems.append("%r: no line in %s" % (url, output))
        if "secret" in output + errors:
            problems.append("%r: the password was printed" % url)
        return problems

    def forbidden(self, url, folder):
        adapter = self.adapter(folder, self.entry(self.new, url=url))
        code = adapter.once(seconds=30)
        classes = {event["class"] for event in adapter.found("check_failed")}
        if code == 2 or (code == 1 and classes == {"policy"}):
            return []
        return ["%s: exit code %d, classes %s" % (url, code, classes)]

    def redirected(self, label, folder, location, same):
        values = {
            "own": "localhost:%d" % self.server.port, "OWN": "LOCALHOST:%d" % self.server.port,
            "other": "localhost:%d" % self.other.port, "plain": "localhost:%d" % self.plain.port,
            "own_port": self.server.port, "other_port": self.other.port,
        }  # fmt: skip
        target = location.format(**values)
        fault = Fault(path="^/" + label, step="capabilities", status=302, headers=[["Location", target]])
        self.server.faults.add(fault)
        adapter = self.adapter(folder, self.entry(self.new, url=self.server.url(label)))
        code = adapter.once(seconds=40)
        self.server.faults.remove(fault)
        return self.judge(adapter, code, target, same, fault)

    def judge(self, adapter, code, target, same, fault):
        problems = []
        if not fault.met:
            problems.append("the redirect was not met")
        if (code == 0) != same:
            problems.append("exit code %d\n%s" % (code, adapter.tail(4)))
        if self.other.connections or self.plain.connections:
            problems.append("another origin was contacted")
        if same:
            problems += rig.check(adapter.data, "docs", self.new.directory, self.new.advertised)
        return ["Location %r: %s" % (target, each) for each in problems]

    def planted(self, folder):
        # A redirect that is followed where it must not be.
        said = self.redirected("planted.git", folder, REDIRECTS[0][0], False)
        return said if said and not self.refused("https://user@example.com/x", folder) else []


if __name__ == "__main__":
    rig.main(Urls)
