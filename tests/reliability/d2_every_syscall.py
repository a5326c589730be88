#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D2: kill -9 before each system call that changes files, of one publish; then of the recovery from such a death."""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support.adapter import clean_environment, program  # noqa: E402
from tests.support.remotes import EXECUTABLE, SYMLINK  # noqa: E402

_TRACER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tracer.py")
_FILES = {"a": "1\n", "run": (EXECUTABLE, "#!/bin/sh\n"), "link": (SYMLINK, "a"), "d/e/f": "deep\n", "d/g": "x" * 5000}
_CHANGE = {"a": "2\n", "d/e/new": "new\n"}
# A publish may take a few calls more or less than the one that was counted.
_SLACK = 8


def traced_once(adapter, kill_at, folder):
    """Runs `once` under the tracer; its report."""
    report = os.path.join(folder, "report.json")
    command = [sys.executable, "-B", _TRACER, "--kill-at", str(kill_at), "--report", report, "--",
               program(), "once", "--config", adapter.config_file, "--log-level", "info", "--log-format", "json"]  # fmt: skip
    with open(adapter.log_file, "ab") as log:
        subprocess.run(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=clean_environment(),
            timeout=120, check=True,
        )  # fmt: skip
    with open(report, encoding="ascii") as source:
        return json.load(source)


class EverySystemCall(rig.Row):
    """kill -9 before each system call."""

    name = "D2"
    title = "kill -9 before each system call of a publish, and of a recovery"
    quick = 1  # repositories
    long = 3
    jobs = 3

    # A trial's number holds what it does: repository, call that the publish dies at, call that the recovery dies at, as decimal
    # places 1,000,000 and 1,000 and 1. 0 for the last: only the publish is killed. 999 for the middle: a first publish.

    def numbers(self, count):
        found = []
        for repository in range(count):
            update = self.calls_of(repository, first=False)
            base = repository * 1_000_000
            found += [base + call * 1000 for call in range(1, len(update) + _SLACK)]
            if count > 1:
                first = self.calls_of(repository, first=True)
                found += [base + 999_000 + call for call in range(1, len(first) + _SLACK)]
            moves = [number + 1 for number, name in enumerate(update) if name.startswith(("rename", "syncfs"))]
            for death in moves if count > 1 else moves[-1:]:
                recovery = self.calls_of_recovery(repository, death)
                found += [base + death * 1000 + call for call in range(1, len(recovery) + _SLACK)]
        return found

    def make(self, repository, label):
        files = dict(_FILES)
        if repository == 1:
            files.update({"many/f%d" % index: "%d" % index for index in range(40)})
        if repository == 2:
            files.update({"large": os.urandom(3_000_000), "sub/x": ("160000", "1" * 40)})
        return self.remote("%s.git" % label, files)

    def prepare(self, repository, label, folder, first):
        """(remote, adapter): the first commit is published and the second is there; with `first` nothing is published yet."""
        remote = self.make(repository, label)
        adapter = self.adapter(folder, self.entry(remote))
        if not first:
            if adapter.once() != 0:
                raise AssertionError(adapter.tail())
            remote.commit(_CHANGE)
        return remote, adapter

    def calls_of(self, repository, first):
        folder = os.path.join(self.folder, "count-%d-%s" % (repository, first))
        _, adapter = self.prepare(repository, "count-%d-%s" % (repository, first), folder, first)
        report = traced_once(adapter, 0, folder)
        if report["code"] != 0:
            raise AssertionError("once under the tracer: %s" % report)
        return report["calls"]

    def calls_of_recovery(self, repository, death):
        label = "recovery-%d-%d" % (repository, death)
        folder = os.path.join(self.folder, label)
        _, adapter = self.prepare(repository, label, folder, False)
        traced_once(adapter, death, folder)
        return traced_once(adapter, 0, folder)["calls"]

    def trial(self, number, source, folder):
        repository, death, recovery = number // 1_000_000, number // 1000 % 1000, number % 1000
        first = death == 999
        if first:
            death, recovery = recovery, 0
        remote, adapter = self.prepare(repository, "trial-%d" % number, folder, first)
        before = adapter.published("docs")
        problems = self.judge(remote, adapter, before, traced_once(adapter, death, folder))
        if recovery:
            before = adapter.published("docs")
            problems += self.judge(remote, adapter, before, traced_once(adapter, recovery, folder))
        if adapter.once() != 0:
            problems.append("the start after the kill failed: " + adapter.tail(5))
        problems += rig.check(adapter.data, "docs", remote.directory, {remote.resolve("main")})
        return problems

    @staticmethod
    def judge(remote, adapter, before, report):
        """I1 and I2 at the moment of the death."""
        volume = rig.Volume(adapter.data, "docs")
        now = volume.check_complete(remote.directory, remote.advertised, must=before is not None)
        problems = volume.problems
        allowed = {before, remote.resolve("main")}
        if now not in allowed:
            problems.append("published is %s, not one of %s" % (now, allowed))
        if not report["killed"] and report["code"] != 0:
            problems.append("it was not killed and ended with %s" % report["code"])
        return ["%s (killed at %d: %s)" % (each, len(report["calls"]), report["calls"][-3:]) for each in problems]

    def planted(self, folder):
        remote, adapter = self.prepare(0, "planted", folder, False)
        before = adapter.published("docs")
        report = traced_once(adapter, 3, folder)
        if not report["killed"] or self.judge(remote, adapter, before, report):
            return []
        # A publish that moved the link before the tree was whole.
        rig.corrupt_published_tree(adapter)
        torn = self.judge(remote, adapter, before, report)
        os.unlink(adapter.link("docs"))
        gone = self.judge(remote, adapter, before, report)
        return torn if torn and gone else []


if __name__ == "__main__":
    rig.main(EverySystemCall)
