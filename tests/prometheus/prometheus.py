# SPDX-License-Identifier: Apache-2.0
"""A real Prometheus on loopback, configured by the files that are shipped."""

import json
import os
import socket
import subprocess
import time
import urllib.parse

import yaml

from tests.support import http_client
from tests.support.adapter import PROJECT

SHIPPED = os.path.join(PROJECT, "deploy", "prometheus")
RULES = os.path.join(SHIPPED, "adapter.rules.yaml")
RULE_TESTS = os.path.join(SHIPPED, "adapter.rules.test.yaml")


def promtool(*arguments, text=None):
    """(exit code, output) of promtool."""
    done = subprocess.run(["promtool", *arguments], input=text, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def shipped_rules():
    """The alerts, as a list of dicts."""
    with open(RULES, encoding="utf-8") as source:
        return [rule for group in yaml.safe_load(source)["groups"] for rule in group["rules"]]


class Prometheus:
    """Scrapes one adapter and evaluates the shipped rules, both each second. A context manager; its data goes with its folder."""

    def __init__(self, folder, target, token_file=None):
        self._folder = folder
        self._process = None
        self.url = ""
        os.makedirs(folder)
        self._write_rules()
        self._write_config(target, token_file)

    def _write_rules(self):
        with open(RULES, encoding="utf-8") as source:
            rules = yaml.safe_load(source)
        for group in rules["groups"]:
            group["interval"] = "1s"
        self._write("adapter.rules.yaml", rules)

    def _write_config(self, target, token_file):
        with open(os.path.join(SHIPPED, "scrape.yaml"), encoding="utf-8") as source:
            config = yaml.safe_load(source)
        job = config["scrape_configs"][0]
        job["scrape_interval"] = "1s"
        job["static_configs"] = [{"targets": [target]}]
        if token_file:
            job["authorization"]["credentials_file"] = token_file
        else:
            del job["authorization"]
        self._write("prometheus.yml", config)

    def _write(self, name, data):
        with open(os.path.join(self._folder, name), "w", encoding="utf-8") as out:
            yaml.safe_dump(data, out, sort_keys=False)

    # ---- life

    def __enter__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.url = "http://127.0.0.1:%d" % port
        with open(os.path.join(self._folder, "log"), "wb") as log:
            self._process = subprocess.Popen(
                ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                 "--web.listen-address=127.0.0.1:%d" % port],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        try:
            self.wait_for(self._ready, 60, "Prometheus to be ready")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _ready(self):
        try:
            return http_client.request("GET", self.url + "/-/ready", seconds=5).status == 200
        except OSError:
            return False

    def tail(self):
        with open(os.path.join(self._folder, "log"), encoding="utf-8", errors="replace") as log:
            return "".join(log.readlines()[-20:])

    # ---- questions

    def ask(self, path, **arguments):
        """`data` of an answer of the API; an AssertionError with the server's words when it refuses."""
        target = self.url + "/api/v1/" + path + ("?" + urllib.parse.urlencode(arguments) if arguments else "")
        answer = json.loads(http_client.request("GET", target).body)
        if answer["status"] != "success":
            raise AssertionError("%s %s: %s" % (path, arguments, answer.get("error")))
        return answer["data"]

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        return [(each["metric"], float(each["value"][1])) for each in self.ask("query", query=expression)["result"]]

    def value(self, expression):
        """Of the only series; None when there is none."""
        found = self.query(expression)
        if len(found) > 1:
            raise AssertionError("%s has %d series" % (expression, len(found)))
        return found[0][1] if found else None

    def firing(self, alert, **labels):
        """Whether the alert fires with these labels."""
        return any(
            each["state"] == "firing" and each["labels"]["alertname"] == alert
            and all(each["labels"].get(key) == value for key, value in labels.items())
            for each in self.ask("alerts")["alerts"]
        )  # fmt: skip

    def wait_for(self, condition, seconds, what):
        """How long it took until the condition held."""
        began = time.monotonic()
        while not condition():
            if time.monotonic() - began > seconds:
                raise AssertionError("waited %s s for %s:\n%s" % (seconds, what, self.tail()))
            if self._process.poll() is not None:
                raise AssertionError("Prometheus ended:\n%s" % self.tail())
            time.sleep(0.1)
        return time.monotonic() - began
