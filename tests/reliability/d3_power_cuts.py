#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D3: power cuts. A kill cannot show a missing flush, for the page cache survives it: here the file system is shut down without one."""

import json
import os
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.reliability.d1_random_kills import Committer  # noqa: E402
from tests.support import volume_image  # noqa: E402
from tests.support.adapter import clean_environment, program  # noqa: E402
from tests.support.remotes import EXECUTABLE, SYMLINK, git  # noqa: E402
from tests.support.volume_image import WITH_JOURNAL, WITHOUT_JOURNAL, VolumeImage  # noqa: E402

_TRACER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tracer.py")
_FILES = {"a": "1\n", "run": (EXECUTABLE, "#!/bin/sh\n"), "link": (SYMLINK, "a"), "d/e/f": "deep\n", "d/g": "x" * 5000}
_CHANGE = {"a": "2\n", "d/e/new": "new\n"}
_MANY = {"many/%d/f%d" % (index % 5, index): "%d\n" % index for index in range(40)}
_CUTS = (WITHOUT_JOURNAL, WITH_JOURNAL)
# A trial's number: at a system call it is this, times one more than the place in `self.series`, plus the call's number.
_SERIES = 1_000_000
# A publish may take a few calls more or less than the one that was counted.
_SLACK = 4
_NO_SYNC = "int fsync(int fd) { (void)fd; return 0; }\nint fdatasync(int fd) { (void)fd; return 0; }\nint syncfs(int fd) { (void)fd; return 0; }\n"


def available_kinds():
    return [kind for kind in volume_image.KINDS if volume_image.find_tool("mkfs." + kind)]


class PowerCuts(rig.Row):
    """The file system is shut down without a flush."""

    name = "D3"
    title = "power cuts: shut down without a flush, at random moments and at each system call of a publish"
    quick = 40
    long = 1000
    jobs = 3

    @classmethod
    def missing(cls):
        """Why no file system can be cut off here; tried with a small one."""
        if os.geteuid() != 0:
            return "only root can mount"
        if not available_kinds():
            return "mkfs.ext4 is not installed"
        try:
            volume_image.make_mounts_private()
        except OSError as error:
            return "no private mounts: %s" % error
        with tempfile.TemporaryDirectory() as folder:
            volume = VolumeImage(os.path.join(folder, "image"), os.path.join(folder, "place"), available_kinds()[0])
            try:
                volume.make().mount().cut_off(WITHOUT_JOURNAL)
                volume.unmount()
                volume.mount()
            except OSError as error:
                return "no file system on a loop device can be shut down: %s" % error
            finally:
                volume.remove()
        return None

    def __init__(self):
        super().__init__()
        self.images = os.path.join(self.folder, "images")  # apart from what is searched for secrets: they are large
        os.makedirs(self.images)
        self.kinds = available_kinds()
        self.skipped = ["%s: mkfs.%s is not installed" % (kind, kind) for kind in volume_image.KINDS if kind not in self.kinds]
        self.empty = {kind: VolumeImage(self.image("empty-" + kind), self.image("place"), kind).make() for kind in self.kinds}
        self.series = [(kind, cut, many) for kind in self.kinds for cut in _CUTS for many in (False, True)]
        self.prepared = {}

    def image(self, label):
        return os.path.join(self.images, label)

    # ---- the numbers: a half is cut at random moments, a half at system calls, spread over all there are

    def numbers(self, count):
        calls = []
        for place, (kind, _, many) in enumerate(self.series):
            calls += [_SERIES * (place + 1) + call for call in range(1, self.calls_of(kind, many) + _SLACK)]
        wanted = min(count - count // 2, len(calls))
        chosen = [calls[index * len(calls) // wanted] for index in range(wanted)]
        return list(range(count - wanted)) + chosen

    def calls_of(self, kind, many):
        """How many calls the traced publish makes; keeps the volume before it, and its remote."""
        if (kind, many) not in self.prepared:
            label = "%s-%s" % (kind, "many" if many else "few")
            folder = os.path.join(self.folder, "prepared-" + label)
            remote = self.remote(label + ".git", {**_FILES, **(_MANY if many else {})})
            volume = self.empty[kind].copy_to(self.image(label), os.path.join(folder, "data")).mount()
            adapter = self.adapter(folder, self.entry(remote))
            if adapter.once() != 0:
                raise AssertionError(adapter.tail())
            remote.commit({**_CHANGE, **({"many/%d/n" % index: "new" for index in range(5)} if many else {})})
            volume.unmount()
            self.prepared[kind, many] = (volume, remote, 0)
            copy = volume.copy_to(self.image(label + "-counted"), volume.place).mount()
            report = self.traced_once(adapter, copy, folder)
            copy.remove()
            if report["code"] != 0:
                raise AssertionError("once under the tracer: %s" % report)
            self.prepared[kind, many] = (volume, remote, len(report["calls"]))
        return self.prepared[kind, many][2]

    @staticmethod
    def traced_once(adapter, volume, folder, cut_at=0, cut=WITHOUT_JOURNAL, goes_on=False):
        report = os.path.join(folder, "report.json")
        command = [sys.executable, "-B", _TRACER, "--kill-at", str(cut_at), "--cut", volume.place, "--flags", str(cut), "--report", report]
        command += ["--go-on"] if goes_on else []
        command += ["--", program(), "once", "--config", adapter.config_file, "--log-level", "info", "--log-format", "json"]
        with open(adapter.log_file, "ab") as log:
            subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, env=clean_environment(),
                           timeout=120, check=True)  # fmt: skip
        with open(report, encoding="ascii") as source:
            return json.load(source)

    # ---- trials

    def trial(self, number, source, folder):
        if number < _SERIES:
            return self.at_random(number, source, folder)
        return self.at_call(number, folder)

    def at_call(self, number, folder):
        """`once` publishes the second commit and the volume is cut off before one system call of it. With odd numbers the power goes
        with it; with even ones the program runs on: what it says then counts as much."""
        kind, cut, many = self.series[number // _SERIES - 1]
        self.calls_of(kind, many)
        prepared, remote, _ = self.prepared[kind, many]
        volume = prepared.copy_to(self.image(str(number)), os.path.join(folder, "data"))
        adapter = self.adapter(folder, self.entry(remote))
        history = history_of(remote)
        try:
            volume.mount()
            report = self.traced_once(adapter, volume, folder, number % _SERIES, cut, number % 2 == 0)
            volume.unmount()
            volume.mount()
            told = [event["commit"] for event in read_events(adapter.log_file) if event.get("event") == "published"]
            problems = self.judge(adapter, remote, history, [history[0], *told])
            if report["code"] == 0 and history[-1] not in told and report["killed"]:
                problems.append("it was cut off and ended well without a publish")
            if adapter.once() != 0:
                problems.append("the start after the cut failed: " + adapter.tail(5))
            problems += rig.check(adapter.data, "docs", remote.directory, {history[-1]})
            return ["%s (%s, flags %d, cut at call %d: %s)" % (each, kind, cut, len(report["calls"]), report["calls"][-3:]) for each in problems]
        finally:
            volume.remove()

    def at_random(self, number, source, folder):
        """The daemon publishes commit after commit and is cut off some times."""
        kind, cut = self.kinds[number % len(self.kinds)], _CUTS[number // len(self.kinds) % 2]
        files = {"d%d/f%d" % (index % 4, index): os.urandom(source.choice((0, 100, 20_000))) for index in range(source.choice((3, 25)))}
        remote = self.remote("t%s.git" % number, files)
        volume = self.empty[kind].copy_to(self.image(str(number)), os.path.join(folder, "data"))
        adapter = self.adapter(folder, self.entry(remote))
        committer = Committer([remote], source)
        problems = []
        try:
            for _ in range(source.randint(1, 2)):
                volume.mount()
                adapter.start()
                time.sleep(source.random() * 1.2)
                volume.cut_off(cut)
                time.sleep(source.choice((0, 0.1)))  # what it says after the cut counts as well
                adapter.kill()
                volume.unmount()
                volume.mount()
                told = [event["commit"] for event in adapter.found("published")]
                problems += self.judge(adapter, remote, committer.history[remote.name], told)
                volume.unmount()
            committer.stop()
            volume.mount()
            adapter.start()
            adapter.wait_published("docs", remote.resolve("main"))
            problems += rig.check_at_rest(adapter, "docs", remote, {remote.resolve("main")})
            adapter.stop()
            return ["%s (%s, flags %d)" % (each, kind, cut) for each in problems]
        finally:
            committer.stop()
            adapter.kill()
            volume.remove()

    @staticmethod
    def judge(adapter, remote, history, told):
        """I1: nothing torn. I2: at least as new as the last publish that was told of."""
        volume = rig.Volume(adapter.data, "docs")
        commit = volume.check_complete(remote.directory, must=bool(told))
        newest = max([history.index(each) for each in told], default=-1)
        now = history.index(commit) if commit in history else -1
        if now < newest:
            volume.problems.append("an acknowledged publish is lost: commit %d of %d" % (now, newest))
        return volume.problems

    def planted(self, folder):
        """A program whose syncs do nothing, on each kind of file system."""
        library = volume_image.build_preload(self.images, _NO_SYNC)
        said = []
        for kind in self.kinds:
            remote = self.remote("planted-%s.git" % kind, {**_FILES, **_MANY})
            here = os.path.join(folder, kind)
            volume = self.empty[kind].copy_to(self.image("planted-" + kind), os.path.join(here, "data"))
            adapter = self.adapter(here, self.entry(remote))
            try:
                volume.mount()
                adapter.start(environment={"LD_PRELOAD": library})
                event = adapter.wait_event("published")
                volume.cut_off(WITHOUT_JOURNAL)
                adapter.kill()
                volume.unmount()
                volume.mount()
                lost = self.judge(adapter, remote, history_of(remote), [event["commit"]])
            finally:
                adapter.kill()
                volume.remove()
            if not lost:
                return []
            said += lost
        return said


def history_of(remote):
    """The commits of the branch, oldest first."""
    return git(remote.directory, "rev-list", "--reverse", "main").split()


def read_events(path):
    events = []
    with open(path, encoding="utf-8", errors="replace") as source:
        for line in source:
            try:
                events.append(json.loads(line))
            except ValueError:
                continue
    return events


if __name__ == "__main__":
    rig.main(PowerCuts)
