#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""V1: something that the daemon depends on hangs (tests/reliability/v1/parts.py). Everything else goes on, a signal ends it in time, and it
recovers when the cause ends."""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.reliability.v1.parts import PARTS, RECOVERY, SLOWEST_ANSWER, HookSecret, LogReader  # noqa: E402
from tests.support.stopped_volume import StoppedVolume  # noqa: E402

SLOWEST_PUBLISH = 5.0

COMMANDS = ["run", "once"]
STOP_AT_START = 12.0


def served(adapter, remotes, seconds=SLOWEST_PUBLISH, publishes=True):
    """What is wrong with the admin port and with publishing."""
    problems = []
    for target in ("/healthz", "/metrics", "/api/v1/repositories", "/healthz"):
        began = time.monotonic()
        try:
            status = adapter.ask("GET", target, seconds=10).status
        except OSError as error:
            status = error
        took = time.monotonic() - began
        if status != 200 or took > SLOWEST_ANSWER:
            problems.append("%s answered %s after %.1f s" % (target, status, took))
    if not publishes:
        return problems
    commits = {name: remote.commit({"file": "%s at %s" % (name, time.monotonic())}) for name, remote in remotes.items()}
    deadline = time.monotonic() + seconds
    for name, commit in commits.items():
        while adapter.published(name) != commit and time.monotonic() < deadline:
            time.sleep(0.02)
        if adapter.published(name) != commit:
            problems.append("%s was not published within %.0f s" % (name, seconds))
    return problems


def is_held_by_the_kernel(adapter):
    """A thread waits for an answer to a request that FUSE's server had taken: no signal ends that, SIGKILL neither."""
    tasks = "/proc/%d/task" % adapter.process.pid
    for task in os.listdir(tasks):
        try:
            with open(os.path.join(tasks, task, "stat"), encoding="ascii") as stat:
                if stat.read().rsplit(")", 1)[1].split()[0] == "D":
                    return True
        except OSError:
            continue
    return False


def ended(adapter, part):
    """What is wrong with how SIGTERM ends it."""
    seconds, since = part.stop_seconds, len(adapter.events)
    began = time.monotonic()
    adapter.signal(signal.SIGTERM)
    while adapter.alive() and time.monotonic() - began < seconds + 15:
        if not part.publishes and adapter.found("stopped", since=since) and is_held_by_the_kernel(adapter):
            time.sleep(0.5)  # for the last words and the exit behind them
            break
        time.sleep(0.02)
    took = time.monotonic() - began
    if adapter.alive() and is_held_by_the_kernel(adapter) and adapter.found("stopped", since=since) and took < seconds + 1:
        part.end()  # the process has left: the kernel lets it go when the volume answers
        while adapter.alive() and time.monotonic() - began < seconds + 15:
            time.sleep(0.02)
        took = min(took, seconds)
    if adapter.alive():
        return ["SIGTERM did not end it within %.1f s\n%s" % (took, adapter.tail())]
    code = adapter.process.returncode
    return [] if code == 0 and took <= seconds else ["SIGTERM ended it after %.1f s with exit code %s" % (took, code)]


class Hangs(rig.Row):
    """Something that the daemon depends on hangs."""

    name = "V1"
    title = "a log's reader, the volume, a link's directory, a secret, a CA file, the configuration, or a file that the start reads, hangs"
    quick = len(PARTS) + len(COMMANDS)
    long = 10 * len(PARTS) + len(COMMANDS)
    jobs = 2

    def running(self, folder, number, part=LogReader):
        """(a daemon that is not started, its remotes by name)"""
        remotes = {"r%d" % n: self.remote("v1-%s-%d.git" % (number, n), {"file": "first"}) for n in range(4)}
        hooks = {name: {"webhook": part.webhook(folder, name)} for name in remotes if part is HookSecret}
        links = {name: {"link": link} for name, link in part.links.items()}
        entries = [self.entry(remote, name, **hooks.get(name, {}), **links.get(name, {})) for name, remote in remotes.items()]
        adapter = self.adapter(folder, *entries, level="debug", admin={"listen": "127.0.0.1:0"})
        adapter.links = part.links
        return adapter, remotes

    def started(self, adapter, remotes):
        adapter.start()
        for name, remote in remotes.items():
            adapter.wait_published(name, remote.resolve("main"))
        adapter.ask("GET", "/healthz")

    def start_hangs(self, command, folder):
        """A password is on a mount whose server is gone, and SIGTERM comes."""
        remote = self.remote("v1-start-%s.git" % command, {"file": "first"})
        volume = StoppedVolume(os.path.join(folder, "secrets"), os.path.join(folder, "secrets.store"))
        password = os.path.join(volume.path, "password")
        with open(password, "w", encoding="utf-8") as out:
            out.write("never read\n")
        entry = self.entry(remote)
        credentials = [{"url": entry["url"], "username": "bot", "password_file": password}]
        adapter = self.adapter(folder, entry, credentials=credentials)
        volume.stop()
        time.sleep(2)  # what the kernel knows of the file is forgotten by then
        try:
            adapter.start(command=command)
            time.sleep(2)
            if not adapter.alive():
                return ["%s did not hang" % command]
            began = time.monotonic()
            adapter.signal(signal.SIGTERM)
            while adapter.alive() and time.monotonic() - began < STOP_AT_START:
                time.sleep(0.02)
            return ["%s goes on %.0f s after SIGTERM" % (command, STOP_AT_START)] if adapter.alive() else []
        finally:
            volume.go_on()
            adapter.kill()
            volume.unmount()

    def trial(self, number, source, folder):
        if number < len(COMMANDS):
            return self.start_hangs(COMMANDS[number], folder)
        kind = PARTS[number % len(PARTS)]
        adapter, remotes = self.running(folder, number, kind)
        part = kind(adapter, self)
        part.prepare()
        try:
            self.started(adapter, remotes)
            part.begin()
            time.sleep(source.random())
            others = {name: remote for name, remote in remotes.items() if name not in part.held}
            found = served(adapter, others, publishes=part.publishes) + part.also_served()
            if part.held:
                found += served(adapter, others)
            if not part.publishes:
                time.sleep(1)  # by now every thread that looks at it hangs
                found += served(adapter, remotes, publishes=False)
            problems = ["while %s hangs: %s" % (part.name, problem) for problem in found]
            part.end()
            since = len(adapter.events)
            problems += ["afterwards: %s" % problem for problem in served(adapter, remotes, RECOVERY) + part.recovered()]
            adapter.wait_event("published", "r0", since=since, seconds=RECOVERY)
            part.begin()
            time.sleep(source.random())
            problems += ["while %s hangs: %s" % (part.name, problem) for problem in ended(adapter, part)]
        finally:
            part.end()
            adapter.kill()
            part.close()
        for name, remote in remotes.items():
            problems += rig.check(adapter.data, name, remote.directory, remote.advertised, link=adapter.links.get(name, name), settled=False)
        return problems

    def planted(self, folder):
        """The process stands still, as one would that waits for its log's reader."""
        adapter, remotes = self.running(folder, "planted")
        self.started(adapter, remotes)
        adapter.signal(signal.SIGSTOP)
        try:
            return served(adapter, {"r0": remotes["r0"]}, 1)
        finally:
            adapter.signal(signal.SIGCONT)
            adapter.kill()


if __name__ == "__main__":
    rig.main(Hangs)
