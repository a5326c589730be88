# SPDX-License-Identifier: Apache-2.0
"""What may hang under row V1.

Each part is a class: begin() makes the thing hang, end() lets it go on, close() takes away what prepare() built before the start.
`publishes` says whether commits are to be published meanwhile, of all repositories but those in `held`; `stop_seconds` how long a stop
may take. also_served() and recovered() give what is wrong beyond that while it hangs, and after its end.
"""

import hashlib
import hmac
import os
import shutil
import signal
import threading
import time

from tests.support.stopped_volume import StoppedVolume

SLOWEST_ANSWER = 1.0
RECOVERY = 10.0


class Part:
    """What the others have in common: nothing is built, all is published."""

    publishes = True
    held = ()
    links = {}  # of repositories whose link is not their name
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


class Link(Part):
    """One link's directory: a mount is put over it whose server is gone."""

    name = "a link's directory"
    held = ("r0",)
    links = {"r0": "sub/r0"}
    volume = None

    def begin(self):
        self.volume = StoppedVolume(os.path.join(self.adapter.data, "sub"), self.folder + ".store")
        self.volume.stop()
        time.sleep(2)  # by now each thread that looks at it hangs

    def end(self):
        if self.volume:
            self.volume.unmount()
            shutil.rmtree(self.folder + ".store")
            self.volume = None


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


PARTS = [LogReader, Volume, HookSecret, Password, Certificates, Configuration, Link]
