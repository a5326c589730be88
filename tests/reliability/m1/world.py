# SPDX-License-Identifier: Apache-2.0
"""One world: remotes, a daemon, a watcher and the model, and a sequence of operations that is played in it."""

import json
import math
import os
import select
import shutil
import signal
import subprocess
import sys
import time

from tests.reliability.m1 import settled
from tests.reliability.m1.accidents import Accidents
from tests.reliability.m1.operations import LINKS, edited, first_configuration
from tests.reliability.m1.remotes import Remotes
from tests.reliability.m1.rules import Model, Version
from tests.support.adapter import Adapter

_EVERY = ("100ms", "200ms", "300ms")
_START_SECONDS = 15
_RELOAD_SECONDS = 15
_END_SECONDS = 20
_STORM_SECONDS = 0.02


def _prune(value):
    if value in (None, True):
        return bool(value)
    return {"after": value}


class Watcher:
    """The process that reads the links."""

    def __init__(self, data):
        self._process = subprocess.Popen(
            [sys.executable, "-S", "-B", os.path.join(os.path.dirname(os.path.abspath(__file__)), "watch.py"), data, *LINKS],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self._rest = b""

    def looks(self):
        """All looks until now, at least one full round from now on included."""
        self._process.stdin.write(b"?")
        self._process.stdin.flush()
        lines = []
        while None not in lines:
            if not select.select([self._process.stdout], [], [], 20)[0]:
                raise RuntimeError("the watcher is silent")
            part = os.read(self._process.stdout.fileno(), 1 << 16)
            if not part:
                raise RuntimeError("the watcher ended")
            *whole, self._rest = (self._rest + part).split(b"\n")
            lines += [json.loads(line) for line in whole]
        return [line for line in lines if line is not None]

    def close(self):
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


class World:
    """`row` gives certificates, server and template. play() returns the problems; the first one ends it."""

    sweep_seconds = 8.0  # what nobody needs any more is gone by then

    def __init__(self, row, folder, number):
        self.model = Model(LINKS)
        self.remotes = Remotes(row.template, row.server, "w%s-" % number, self.model)
        self._row = row
        self.configuration = first_configuration()
        self.adapter = Adapter(folder, self.file(self.configuration), level="info")
        os.makedirs(self.adapter.data)
        self.accidents = Accidents(self.adapter.data, self.model)
        self._watcher = Watcher(self.adapter.data)
        self.done = 0
        self.trees_checked = 0
        self.held_back = False  # whether a link is not at its tip for a reason that is no fault

    def play(self, operations, until=math.inf):
        """The problems. `until`, of the monotonic clock: no operation begins after it."""
        try:
            self.begin()
            for operation in operations:
                if time.monotonic() > until:
                    break
                self.done += 1
                self.do(operation)
                if self.model.problems:
                    break
            if not self.model.problems:
                self._end(signal.SIGTERM)
        except (AssertionError, ConnectionError, TimeoutError) as error:  # the program ended, or did not say what it should
            self.model.say("daemon", "%s", error)
        finally:
            self.close()
        return self.model.problems

    def begin(self):
        self._start(self.configuration)

    def do(self, operation):
        getattr(self, "_" + operation[0])(*operation[1:])
        self.look()

    def look(self):
        """Judges what is there now."""
        self.drain()
        settled.check_what_is_shown(self)

    def close(self):
        self.adapter.kill()
        self._watcher.close()
        self.remotes.close()

    # ---- configuration

    def file(self, configuration):
        entries = []
        for number, (name, entry) in enumerate(sorted(configuration["repositories"].items())):
            keys = {key: value for key, value in entry.items() if key != "remote"}
            entries.append({"name": name, "url": self.remotes.url(entry["remote"]), "every": _EVERY[number % len(_EVERY)], **keys})
        return {
            "admin": {"listen": "127.0.0.1:0"},
            "defaults": {"jitter": "0%", "timeout": "30s", "ca_file": self._row.certificates.ca},
            "repositories": entries,
            "prune": _prune(configuration["prune"]),
        }

    def _edit(self, how, changes):
        following = self._after(changes)
        if following == self.configuration:
            return
        if how in ("restart", "kill"):
            self._end(signal.SIGTERM if how == "restart" else signal.SIGKILL)
            self.adapter.write_config(self.file(following))
            self._start(following)
            return
        self.model.may_be_in_force(Version(following, time.monotonic()))
        since = len(self.adapter.events)
        self.adapter.write_config(self.file(following))
        if how != "file":
            self.adapter.signal(signal.SIGHUP)
        if how.startswith("hup+"):
            time.sleep(int(how[4:]) / 1000)
            self._end(signal.SIGKILL)
            self._start(following)
            return
        self._await_reload(since, len(following["repositories"]))
        self.drain()
        self.configuration = following
        self.model.is_in_force(time.monotonic())

    def _storm(self, series):
        """Several configurations in a row without a wait; the admin port answers when the last one is in force."""
        for changes in series:
            following = self._after(changes)
            self.model.may_be_in_force(Version(following, time.monotonic()))
            self.configuration = following
            self.adapter.write_config(self.file(following))
            self.adapter.signal(signal.SIGHUP)
            time.sleep(_STORM_SECONDS)
        answer = self.adapter.ask("POST", "/api/v1/reload", seconds=_RELOAD_SECONDS)
        if answer.status != 200:
            raise AssertionError("the reload was refused: %r" % answer)
        self.drain()
        self.model.is_in_force(time.monotonic())

    def _after(self, changes):
        return edited(self.configuration, [each for each in changes if each[0] != "prune" or self._row.knows_prune_after])

    def _await_reload(self, since, count):
        """The daemon may notice the file beside the signal: an earlier load is told apart by its number of repositories, or is the same."""
        event = self.adapter.wait_event(("reloaded", "reload_failed"), since=since, seconds=_RELOAD_SECONDS)
        if event["event"] == "reload_failed":
            raise AssertionError("a good configuration was refused:\n" + self.adapter.tail(5))
        if event["repositories"] != count:
            self.adapter.wait_event("reloaded", since=since, seconds=_RELOAD_SECONDS, repositories=count)

    def _bad(self, how):
        since = len(self.adapter.events)
        self.adapter.write_config("data_dir: %s\nrepositories: 7\n" % self.adapter.data)
        if how == "hup":
            self.adapter.signal(signal.SIGHUP)
        self.adapter.wait_event("reload_failed", since=since, seconds=_RELOAD_SECONDS)
        since = len(self.adapter.events)
        self.adapter.write_config(self.file(self.configuration))
        self.adapter.signal(signal.SIGHUP)
        self._await_reload(since, len(self.configuration["repositories"]))

    # ---- the daemon

    def _start(self, configuration):
        self.drain()
        self.configuration = configuration
        self.model.started(Version(configuration, time.monotonic()))
        since = len(self.adapter.events)
        self.adapter.start()
        self.adapter.wait_event("started", since=since, seconds=_START_SECONDS)

    def _end(self, number):
        if number == signal.SIGKILL:
            self.adapter.kill()
        else:
            self.adapter.stop()
        self.drain()
        self.model.ended(time.monotonic())

    def restart(self):
        self._end(signal.SIGTERM)
        self._start(self.configuration)

    def _kill(self, ms, accidents):
        time.sleep(ms / 1000)
        self._end(signal.SIGKILL)
        self._meanwhile(accidents)

    def _stop(self, accidents):
        self._end(signal.SIGTERM)
        self._meanwhile(accidents)

    def _meanwhile(self, accidents):
        for accident in accidents:
            self._accident(accident)
        self._start(self.configuration)

    # ---- remotes, time, volume

    def _commit(self, name, branch, count, kind):
        self.remotes.commit(name, branch, count, kind)

    def _withdraw(self, name, branch, back):
        self.remotes.withdraw(name, branch, back)

    def _remote(self, name, state):
        self.remotes.set_state(name, state)

    @staticmethod
    def _wait(ms):
        time.sleep(ms / 1000)

    def _nudge(self):
        self.adapter.signal(signal.SIGUSR1)

    def _accident(self, accident):
        if accident[0] == "remove_private" and self.model.possible and not self._row.heals_private:
            return
        self.drain()
        self.accidents.do(*accident)
        self.drain()
        self.model.accident_is_over()

    def _replace_volume(self):
        """Another directory under the name of data_dir: the daemon ends, and the next one begins anew."""
        if not self._row.heals_private:
            return
        self.drain()
        self.accidents.lose_all()
        os.rename(self.adapter.data, self.adapter.data + ".away")
        os.mkdir(self.adapter.data)
        code = self.adapter.wait_exit(_END_SECONDS)
        self.drain()
        if code <= 0:
            self.model.say("daemon", "it ended with %d when its data_dir was replaced", code)
        self.model.ended(time.monotonic())
        self.model.accident_is_over()
        shutil.rmtree(self.adapter.data + ".away", ignore_errors=True)
        self._start(self.configuration)

    def _settle(self):
        settled.settle(self)

    # ---- what is seen

    def drain(self):
        self.model.see(self._watcher.looks())
