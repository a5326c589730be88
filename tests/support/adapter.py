# SPDX-License-Identifier: Apache-2.0
"""The program under test as an object: its configuration, its log as events, its end."""

import glob
import json
import os
import re
import signal
import subprocess
import threading
import time

from tests.support import http_client, loop_guard

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STOP_SECONDS = 10


def program():
    """The binary: $ADAPTER_PROGRAM, else the newest one below a build folder."""
    named = os.environ.get("ADAPTER_PROGRAM")
    if named:
        return os.path.abspath(named)
    found = glob.glob(os.path.join(PROJECT, "build*", "src", "app", "adapter"))
    if not found:
        raise RuntimeError("no program: build it, or name it in ADAPTER_PROGRAM")
    return max(found, key=os.path.getmtime)


def to_yaml(value, indent=0):
    """Dicts, lists and scalars as block YAML, each scalar string quoted only where it has to be."""
    pad = "  " * indent
    if isinstance(value, dict):
        if not value:
            return " {}\n"
        lines = ""
        for key, each in value.items():
            if isinstance(each, (dict, list)) and each:
                lines += "%s%s:\n%s" % (pad, key, to_yaml(each, indent + 1))
            else:
                lines += "%s%s:%s" % (pad, key, to_yaml(each))
        return lines
    if isinstance(value, list):
        if not value:
            return " []\n"
        lines = ""
        for each in value:
            if isinstance(each, dict):
                body = to_yaml(each, indent + 1)
                lines += pad + "- " + body[len(pad) + 2 :]
            else:
                lines += "%s-%s" % (pad, to_yaml(each))
        return lines
    if isinstance(value, bool):
        return " %s\n" % ("true" if value else "false")
    if isinstance(value, int):
        return " %d\n" % value
    text = str(value)
    plain = re.match(r"^[A-Za-z0-9/._-][A-Za-z0-9/._:-]*[A-Za-z0-9/]$", text)
    if plain and not re.match(r"(?i)^([-.0-9x]+|true|false|yes|no|on|off|null)$", text):
        return " %s\n" % text
    return " %s\n" % json.dumps(text)


def clean_environment(extra=None):
    """Ours without what would configure the program."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("ADAPTER_")}
    environment.pop("SSL_CERT_FILE", None)
    environment.update(extra or {})
    return environment


class Adapter:
    """One data directory and the daemon that works on it. Not for several threads.

    `folder` holds config.yaml, data/ and the log of every run. `config` is the configuration as a dict; data_dir is put in.
    """

    def __init__(self, folder, config, level="debug", wrap=()):
        self.folder = folder
        self.data = os.path.join(folder, "data")
        self.links = {}  # of repositories whose link is not their name
        self.config_file = os.path.join(folder, "config.yaml")
        self.log_file = os.path.join(folder, "log.jsonl")
        self.level = level
        self.wrap = list(wrap)  # a command in front of the program's own, e.g. strace
        self.events = []
        self.process = None
        self._loop_guard = loop_guard.LoopGuard(os.environ.get(loop_guard.VARIABLE))
        self._run_begins = 0  # which event is the first of the run that goes on
        self._condition = threading.Condition()
        self._thread = None
        self._log_is_read = threading.Event()  # cleared: the log's reader hangs
        self._log_is_read.set()
        self._log_reader_hangs = threading.Event()
        os.makedirs(folder, exist_ok=True)
        if config is not None:
            self.write_config(config)

    # ---- configuration

    def write_config(self, config):
        """Replaces the file; a running daemon learns of it by reload()."""
        text = config if isinstance(config, str) else to_yaml({"data_dir": self.data, **config})
        with open(self.config_file + ".new", "w", encoding="utf-8") as out:
            out.write(text)
        os.rename(self.config_file + ".new", self.config_file)

    # ---- life

    def start(self, *arguments, environment=None, command="run", with_config=True):
        line = self.wrap + [program(), command]
        if with_config:
            line += ["--config", self.config_file]
        line += ["--log-format", "json", "--log-level", self.level, *arguments]
        self._run_begins = len(self.events)
        self.process = subprocess.Popen(
            line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd=self.folder,
            **self._loop_guard.arguments(clean_environment(environment)),
        )  # fmt: skip
        if not self._log_is_read.is_set():
            self._fill_log_pipe()
        self._thread = threading.Thread(target=self._read, args=(self.process,), daemon=True)
        self._thread.start()
        return self

    def once(self, *arguments, seconds=120, environment=None):
        """Runs `once` to its end; its exit code. Events of earlier runs stay."""
        self.start(*arguments, command="once", environment=environment)
        return self.wait_exit(seconds)

    def wait_exit(self, seconds):
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            self.kill()
            raise AssertionError("still running after %s s:\n%s" % (seconds, self.tail())) from error
        self._thread.join(10)
        return code

    def stop(self, number=signal.SIGTERM):
        """Asks it to end; asserts that it does, in time and well."""
        if self.process is None or self.process.poll() is not None:
            return self.process.returncode if self.process else None
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.wait_exit(STOP_SECONDS)
        if code != 0:
            raise AssertionError("exit code %s after %.1f s:\n%s" % (code, time.monotonic() - began, self.tail()))
        return code

    def kill(self):
        """kill -9."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self._thread is not None:
            self._thread.join(10)

    def resident_bytes(self):
        with open("/proc/%d/statm" % self.process.pid, encoding="ascii") as figures:
            return int(figures.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def signal(self, number):
        self.process.send_signal(number)

    def reload(self, config=None):
        """SIGHUP, with a new file; waits for what it says about it."""
        if config is not None:
            self.write_config(config)
        since = len(self.events)
        self.process.send_signal(signal.SIGHUP)
        return self.wait_event(("reloaded", "reload_failed"), since=since)

    def alive(self):
        return self.process is not None and self.process.poll() is None

    def loop_findings(self):
        """Calls on files by the event loop, where the guard watches it."""
        return self._loop_guard.findings(program())

    # ---- the log

    def hang_log_reader(self):
        """From now on nothing reads the log, of this run and of those that follow, until resume_log_reader(); its pipe is full. A program
        that runs must log something soon, for the reader waits for a line before it looks."""
        self._log_is_read.clear()
        if self.alive():
            if not self._log_reader_hangs.wait(20):
                raise AssertionError("no line came that the log's reader could stop after")
            self._fill_log_pipe()

    def resume_log_reader(self):
        self._log_is_read.set()

    def _fill_log_pipe(self):
        """With blanks, which do no harm before a line of JSON."""
        pipe = os.open("/proc/self/fd/%d" % self.process.stderr.fileno(), os.O_WRONLY | os.O_NONBLOCK)
        try:
            for size in (4096, 1):
                while True:
                    try:
                        os.write(pipe, b" " * size)
                    except BlockingIOError:
                        break
        finally:
            os.close(pipe)

    def _read(self, process):
        with open(self.log_file, "ab") as log, process.stderr:
            while True:
                if not self._log_is_read.is_set():
                    self._log_reader_hangs.set()
                    self._log_is_read.wait()
                    self._log_reader_hangs.clear()
                line = process.stderr.readline()
                if not line:
                    break
                log.write(line)
                log.flush()
                try:
                    event = json.loads(line)
                except ValueError:
                    event = {"event": "", "raw": line.decode("utf-8", "replace")}
                with self._condition:
                    self.events.append(event)
                    self._condition.notify_all()
        with self._condition:
            self._condition.notify_all()

    def tail(self, count=25):
        return "\n".join(json.dumps(event)[:600] for event in self.events[-count:])

    def found(self, name, repository=None, since=0, **values):
        """The events of this name (or one of several) so far."""
        names = (name,) if isinstance(name, str) else name
        return [
            event
            for event in self.events[since:]
            if event.get("event") in names
            and (repository is None or event.get("repository") == repository)
            and all(event.get(key) == value for key, value in values.items())
        ]

    def wait_event(self, name, repository=None, seconds=20, since=0, **values):
        """The first such event from number `since` on."""
        deadline = time.monotonic() + seconds
        with self._condition:
            while True:
                found = self.found(name, repository, since, **values)
                if found:
                    return found[0]
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None and not self._thread.is_alive()
                if left <= 0 or ended:
                    raise AssertionError(
                        "no event %r of %r %r within %s s%s:\n%s"
                        % (name, repository, values, seconds, " (the program ended)" if ended else "", self.tail())
                    )  # fmt: skip
                self._condition.wait(min(left, 0.2))

    # ---- the admin port

    @property
    def admin(self):
        """Where this run's admin port is: http://127.0.0.1:43121. Needs `admin: {listen: "127.0.0.1:0"}` or the like."""
        return "http://" + self.wait_event("admin_listening", since=self._run_begins)["address"]

    def ask(self, method, target, **arguments):
        """One request to the admin port; its answer. Arguments as of http_client.request()."""
        return http_client.request(method, self.admin + target, **arguments)

    def repository(self, name="docs", **arguments):
        """What the API says about one repository."""
        return self.ask("GET", "/api/v1/repositories/" + name, **arguments).json()

    # ---- the volume

    def link(self, name):
        return os.path.join(self.data, self.links.get(name, name))

    def published(self, name):
        """The commit the link names, if it is there."""
        try:
            return os.path.basename(os.readlink(self.link(name)))
        except OSError:
            return None

    def wait_published(self, name, commit, seconds=20):
        self.wait_for(lambda: self.published(name) == commit, seconds, "%s at %s" % (name, commit))

    def wait_for(self, condition, seconds=20, what="the condition"):
        deadline = time.monotonic() + seconds
        while True:
            value = condition()
            if value:
                return value
            if time.monotonic() > deadline or (self.process is not None and self.process.poll() is not None):
                if condition():
                    return True
                raise AssertionError("not within %s s: %s\n%s" % (seconds, what, self.tail()))
            time.sleep(0.02)


def run_command(*arguments, environment=None, seconds=60, text=None, folder=None):
    """One short command of the program: (exit code, standard output, standard error)."""
    done = subprocess.run(
        [program(), *arguments], input=text, capture_output=True, text=True, timeout=seconds, check=False,
        env=clean_environment(environment), cwd=folder,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr
