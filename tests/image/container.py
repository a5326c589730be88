# SPDX-License-Identifier: Apache-2.0
"""One container as an object: started detached, its log as events, its process as the kernel sees it."""

import json
import re
import socket
import time

from tests.image.built import LIMITS


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Container:
    """`podman run --detach` of an image; remove() in the end. Networks: "host" to reach a server on loopback, "none"."""

    _count = 0

    def __init__(self, engine, image, *options, network="host", name=None, command=(), environment=None):
        Container._count += 1
        self.engine = engine
        self.name = name or "adapter-%d" % Container._count
        self.port = free_port()
        line = ["run", "--detach", "--name", self.name, "--network=" + network, "--log-driver=k8s-file", *LIMITS]
        if network == "host":
            # Several share the machine's loopback.
            environment = {"ADAPTER_ADMIN_LISTEN": "127.0.0.1:%d" % self.port, **(environment or {})}
        for key, value in (environment or {}).items():
            line += ["--env", "%s=%s" % (key, value)]
        self.engine.podman(*line, *options, image, *command)

    # ---- state

    def state(self):
        return self.engine.inspect("container", self.name)["State"]

    def running(self):
        return self.state()["Running"]

    def kernel_status(self):
        """/proc/…/status of its first process, each line a list of words."""
        with open("/proc/%d/status" % self.state()["Pid"], encoding="ascii") as source:
            return {key: value.split() for key, _, value in (line.partition(":") for line in source)}

    def wait_exit(self, seconds=20):
        deadline = time.monotonic() + seconds
        while self.running():
            if time.monotonic() > deadline:
                raise AssertionError("still running after %s s:\n%s" % (seconds, self.tail()))
            time.sleep(0.2)
        return self.state()["ExitCode"]

    def stop(self, seconds=30):
        """SIGTERM as the image names it; (exit code, seconds it took). The engine would kill after `seconds`."""
        began = time.monotonic()
        self.engine.podman("stop", "--time", str(seconds), self.name, seconds=seconds + 30)
        return self.state()["ExitCode"], time.monotonic() - began

    def start(self):
        self.engine.podman("start", self.name)

    def remove(self):
        self.engine.podman("rm", "--force", "--volumes", "--time", "0", self.name, check=False)

    def execute(self, *command, options=()):
        """A command within: (exit code, standard output, standard error)."""
        return self.engine.podman("exec", *options, self.name, *command, check=False)

    # ---- log

    def output(self):
        """What it wrote: (standard output, standard error)."""
        _, out, err = self.engine.podman("logs", self.name, check=False)
        return out, err

    def events(self):
        events = []
        for line in self.output()[1].splitlines():
            try:
                events.append(json.loads(line))
            except ValueError:
                events.append({"event": "", "raw": line})
        return events

    def tail(self, count=15):
        return "\n".join(json.dumps(event)[:500] for event in self.events()[-count:])

    def wait_event(self, name, seconds=20, since=0, **values):
        deadline = time.monotonic() + seconds
        while True:
            for event in self.events()[since:]:
                if event.get("event") == name and all(event.get(key) == value for key, value in values.items()):
                    return event
            if time.monotonic() > deadline or not self.running():
                raise AssertionError("no event %s %s within %s s:\n%s" % (name, values, seconds, self.tail()))
            time.sleep(0.2)

    def message_of_end(self):
        """All it said, for a container that has ended: what a person sees."""
        return re.sub(r"\s+", " ", " ".join(self.output()))
