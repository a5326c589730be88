#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""V1: something that the daemon depends on hangs. Everything else goes on, a signal ends it in time, and it recovers when the cause ends.

Each part is a class: begin() makes the thing hang, end() lets it go on, close() takes away what prepare() built before the start.
`publishes` says whether commits are to be published meanwhile, of all repositories but those in `held`; `stop_seconds` how long a stop
may take. also_served() and recovered() give what is wrong beyond that while it hangs, and after its end.
"""

import hashlib
import hmac
import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support.stopped_volume import StoppedVolume  # noqa: E402

SLOWEST_ANSWER = 1.0
SLOWEST_PUBLISH = 5.0
RECOVERY = 10.0


class Part:
    """What the others have in common: nothing is built, all is published."""

    publishes = True
    held = ()
    stop_seconds = 10.5

    def __init__(self, adapter, row):
        self.adapter = adapter
        self.row = row
        self.folder = os.path.dirname(adapter.data)

    def prepare(self):
        pass

    def also_served(self):
        return []

    def recovered(self):
        return []

    def close(self):
        pass


class LogReader(Part):
    """Standard error is a full pipe: a pager that is paused, a log driver that blocks."""

    name = "the log's reader"
    stop_seconds = 2

    def begin(self):
        self.adapter.hang_log_reader()

    def end(self):
        self.adapter.resume_log_reader()


class Volume(Part):
    """Every call on data_dir hangs in the kernel: a network volume whose server is gone."""

    name = "the volume"
    publishes = False
    volume = None

    def prepare(self):
        self.volume = StoppedVolume(self.adapter.data, self.adapter.data + ".store")

    def begin(self):
        self.volume.stop()

    def end(self):
        self.volume.go_on()

    def close(self):
        self.volume.unmount()
        os.rmdir(self.adapter.data)
        os.rename(self.adapter.data + ".store", self.adapter.data)


class FilePart(Part):
    """A file of the configuration is on a mount of its own, whose server is gone."""

    def __init__(self, adapter, row):
        super().__init__(adapter, row)
        self.volume = None
        self.since = 0

    def mount(self, name, content):
        """The path of a file with this content on such a mount."""
        self.volume = StoppedVolume(self.folder + ".mount", self.folder + ".store")  # beside what is scanned for the secret
        path = os.path.join(self.volume.path, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(content)
        return path

    def begin(self):
        self.since = len(self.adapter.events)
        self.volume.stop()
        time.sleep(2)  # what the kernel knows of the file is forgotten by then

    def end(self):
        self.volume.go_on()

    def close(self):
        self.volume.unmount()

    def found(self, name, seconds, **values):
        """What is wrong unless such an event comes in time."""
        try:
            self.adapter.wait_event(name, since=self.since, seconds=seconds, **values)
            return []
        except AssertionError as error:
            return [str(error)]

    def use_for_r0(self, file):
        """Has the first repository use a copy of this file on the mount."""
        with open(file, encoding="utf-8") as source:
            path = self.mount(os.path.basename(file), source.read())
        with open(self.adapter.config_file, encoding="utf-8") as source:
            self.adapter.write_config(source.read().replace(file, path, 1))


class Password(FilePart):
    """The password of one repository."""

    name = "a password"
    held = ("r0",)

    def prepare(self):
        self.use_for_r0(self.row.password_file)

    def also_served(self):
        return self.found("check_failed", 15, repository="r0", **{"class": "auth"})


class Certificates(FilePart):
    """The CA file of one repository, whose connections end."""

    name = "a CA file"
    held = ("r0",)

    def prepare(self):
        self.use_for_r0(self.row.certificates.ca)

    def begin(self):
        super().begin()
        self.row.server.drop_connections()

    def also_served(self):
        return self.found("check_failed", 15, repository="r0", **{"class": "tls"})


class Configuration(FilePart):
    """The configuration's file, and a reload is asked for."""

    name = "the configuration"

    def prepare(self):
        with open(self.adapter.config_file, encoding="utf-8") as source:
            self.adapter.config_file = self.mount("config.yaml", source.read())

    def begin(self):
        super().begin()
        self.adapter.signal(signal.SIGHUP)

    def also_served(self):
        return self.found("configuration_slow", 10)

    def recovered(self):
        return self.found("reloaded", RECOVERY)


class HookSecret(Part):
    """The secret of one repository's webhook is on a mount whose server is gone, and deliveries for it arrive."""

    name = "a webhook's secret"

    def __init__(self, adapter, row):
        super().__init__(adapter, row)
        self.volume = None
        self.deliveries = []

    @staticmethod
    def webhook(folder, name):
        return {"secret_file": os.path.join(folder, "secrets" if name == "r0" else "local", "hook")}

    def prepare(self):
        local = os.path.join(self.folder, "local")
        os.makedirs(local)
        self.volume = StoppedVolume(os.path.join(self.folder, "secrets"), os.path.join(self.folder, "secrets.store"))
        for folder in (local, self.volume.path):
            with open(os.path.join(folder, "hook"), "w", encoding="ascii") as out:
                out.write("0123456789abcdef")

    def deliver(self, name, seconds):
        """The status that a signed ping gets, or the error."""
        body = b'{"zen":"Keep it logically awesome."}'
        signature = "sha256=" + hmac.new(b"0123456789abcdef", body, hashlib.sha256).hexdigest()
        fields = {"X-GitHub-Event": "ping", "X-Hub-Signature-256": signature, "Content-Type": "application/json"}
        try:
            return self.adapter.ask("POST", "/hooks/" + name, body=body, fields=fields, seconds=seconds).status
        except OSError as error:
            return error

    def begin(self):
        self.volume.stop()
        time.sleep(2)  # what the kernel knows of the file is forgotten by then
        for _ in range(4):
            self.deliveries.append(threading.Thread(target=self.deliver, args=("r0", 60)))
            self.deliveries[-1].start()
        time.sleep(0.2)

    def also_served(self):
        began = time.monotonic()
        status = self.deliver("r1", 10)
        took = time.monotonic() - began
        return [] if status == 200 and took <= SLOWEST_ANSWER else ["/hooks/r1 answered %s after %.1f s" % (status, took)]

    def end(self):
        self.volume.go_on()

    def close(self):
        self.volume.unmount()
        for delivery in self.deliveries:
            delivery.join()


PARTS = [LogReader, Volume, HookSecret, Password, Certificates, Configuration]
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
    title = "a log's reader, the volume, a secret, a CA file, the configuration, or a file that the start reads, hangs"
    quick = 2 * len(PARTS) + len(COMMANDS)
    long = 10 * len(PARTS) + len(COMMANDS)
    jobs = 2

    def running(self, folder, number, part=LogReader):
        """(a daemon that is not started, its remotes by name)"""
        remotes = {"r%d" % n: self.remote("v1-%s-%d.git" % (number, n), {"file": "first"}) for n in range(4)}
        hooks = {name: {"webhook": part.webhook(folder, name)} for name in remotes if part is HookSecret}
        entries = [self.entry(remote, name, **hooks.get(name, {})) for name, remote in remotes.items()]
        return self.adapter(folder, *entries, level="debug", admin={"listen": "127.0.0.1:0"}), remotes

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
            problems += rig.check(adapter.data, name, remote.directory, remote.advertised, settled=False)
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
