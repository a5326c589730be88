#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What is shipped for Prometheus and Grafana, against a real Prometheus and the real program; ends with one line of counts.

    tests/prometheus/run.py [--program FILE] [TEST…]      a TEST is RulesTest, ScrapeTest.test_…, …
"""

import argparse
import json
import os
import re
import statistics
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest  # noqa: E402
from tests.prometheus import dashboard  # noqa: E402
from tests.prometheus.prometheus import RULE_TESTS, RULES, SHIPPED, Prometheus, promtool, shipped_rules  # noqa: E402
from tests.support import suites  # noqa: E402
from tests.support.adapter import PROJECT, program  # noqa: E402
from tests.support.faults import Fault  # noqa: E402

REPOSITORIES = 1000
SCRAPE_SECONDS = 0.05


def optimised():
    """Whether the figures of this build are those of a release."""
    options = os.path.join(os.path.dirname(program()), "..", "..", "meson-info", "intro-buildoptions.json")
    try:
        with open(options, encoding="utf-8") as source:
            values = {option["name"]: option["value"] for option in json.load(source)}
    except OSError:
        return True
    return values["optimization"] in ("2", "3") and values["b_sanitize"] == "none"


def names_in(expression):
    """The metrics that a query asks for."""
    return set(re.findall(r"\b(?:adapter|process)_\w+|\bup\b", expression))


def names_exposed(page):
    """The series' names of a page of metrics."""
    names = {"up"}
    for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", page, re.M):
        names |= {name + suffix for suffix in ("_bucket", "_sum", "_count")} if kind == "histogram" else {name}
    return names


def documentation():
    with open(os.path.join(PROJECT, "docs", "operations.md"), encoding="utf-8") as source:
        return source.read()


def documented_metrics():
    return set(re.findall(r"^\| `(adapter_\w+)` \|", documentation(), re.M))


class RulesTest(unittest.TestCase):
    def test_promtool_accepts_rules_and_scrape_configuration(self):
        for arguments in (("check", "rules", RULES),
                          ("check", "config", "--syntax-only", os.path.join(SHIPPED, "scrape.yaml"))):  # fmt: skip
            code, output = promtool(*arguments)
            self.assertEqual(code, 0, output)

    def test_rules_fire_and_resolve_as_their_tests_say(self):
        code, output = promtool("test", "rules", RULE_TESTS)
        self.assertEqual(code, 0, output)

    def test_each_alert_has_a_test_in_which_it_fires(self):
        with open(RULE_TESTS, encoding="utf-8") as source:
            text = source.read()
        for rule in shipped_rules():
            fires = re.search(r"alertname: %s\n\s+eval_time: \w+\n\s+exp_alerts:\n" % rule["alert"], text)
            self.assertTrue(fires, rule["alert"])

    def test_each_alert_says_how_bad_it_is_and_what_to_do(self):
        anchors = {re.sub(r"[^\w -]", "", title).strip().lower().replace(" ", "-")
                   for title in re.findall(r"^#+ (.*)$", documentation(), re.M)}  # fmt: skip
        for rule in shipped_rules():
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"), rule["alert"])
            self.assertEqual(set(rule["annotations"]), {"summary", "description", "runbook"}, rule["alert"])
            page, _, anchor = rule["annotations"]["runbook"].partition("#")
            self.assertEqual(page, "docs/operations.md", rule["alert"])
            classes = re.search(r'class=~?"([^"]+)"', rule["expr"])
            wanted = classes.group(1).split("|") if "{{" in anchor else [anchor]
            self.assertLessEqual(set(wanted), anchors, rule["alert"])


class DashboardTest(unittest.TestCase):
    def test_grafana_would_load_it(self):
        self.assertEqual(dashboard.faults(dashboard.load()), [])

    def test_it_has_its_rows(self):
        rows = [panel["title"] for panel in dashboard.load()["panels"] if panel["type"] == "row"]
        self.assertEqual(rows, ["Overview", "Freshness", "Checks and syncs by result", "Durations", "Network", "Process"])


class LiveTest(AdapterTest):
    """A program with an admin port, behind a token, and a Prometheus that scrapes it."""

    def setUp(self):
        super().setUp()
        self.token = "scrape-%s" % os.urandom(12).hex()
        self.token_file = os.path.join(self.folder, "token")
        with open(self.token_file, "w", encoding="utf-8") as out:
            out.write(self.token + "\n")

    def run_program(self, *entries, **top):
        admin = {"listen": "127.0.0.1:0", "token_file": self.token_file}
        return self.adapter(self.config(*entries, admin=admin, **top), level="info").start()

    def prometheus(self, adapter):
        return Prometheus(os.path.join(self.folder, "prometheus"), adapter.admin.removeprefix("http://"), self.token_file)

    def page(self, adapter):
        answer = adapter.ask("GET", "/metrics", token=self.token)
        self.assertEqual(answer.status, 200, answer)
        return answer.text


class ScrapeTest(LiveTest):
    def test_values_are_right_after_commits(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.run_program(self.entry(remote, every="300ms"))
        adapter.wait_event("published", "docs")
        began = time.time()
        with self.prometheus(adapter) as prometheus:
            prometheus.wait_for(lambda: prometheus.value('up{job="adapter"}') == 1, 30, "the target to be up")
            commit = None
            for number in range(3):
                commit = remote.commit({"a": "more %d" % number})
                adapter.wait_published("docs", commit)
            name = '{repository="docs"}'
            prometheus.wait_for(lambda: prometheus.value("adapter_published_info" + name[:-1] + ',commit="%s"}' % commit) == 1,
                                20, "the last commit to be shown")  # fmt: skip
            self.assertEqual(prometheus.value('adapter_syncs_total{repository="docs",result="changed"}'), 4)
            self.assertEqual(prometheus.value('adapter_checks_total{repository="docs",result="changed"}'), 4)
            self.assertEqual(prometheus.value("adapter_sync_duration_seconds_count"), 4)
            self.assertGreaterEqual(prometheus.value("adapter_last_change_timestamp_seconds" + name), began)
            self.assertEqual(prometheus.value("adapter_consecutive_failures" + name), 0)
            self.assertIsNone(prometheus.value("adapter_failure_info" + name))
            self.assertGreater(prometheus.value("adapter_received_bytes_total" + name), 100)
            served = prometheus.value("adapter_checks_total" + name[:-1] + ',result="unchanged"}')
            prometheus.wait_for(lambda: prometheus.value("adapter_checks_total" + name[:-1] + ',result="unchanged"}') > served,
                                20, "checks to go on")  # fmt: skip
            host = '{host="localhost:%d"' % self.server.port
            self.assertGreater(prometheus.value("adapter_http_requests_total" + host + ',code="200"}'), 4)
            self.assertGreaterEqual(prometheus.value("sum(adapter_connections" + host + "})"), 1)
            self.assertAlmostEqual(prometheus.value("process_start_time_seconds"), began, delta=60)
            self.assertGreater(prometheus.value("process_resident_memory_bytes"), 1e6)

    def test_a_target_with_another_token_is_down(self):
        adapter = self.run_program(self.entry(self.remote(files={"a": "1"})))
        self.assertEqual(adapter.ask("GET", "/metrics").status, 401)
        address = adapter.admin.removeprefix("http://")
        with open(os.path.join(self.folder, "wrong"), "w", encoding="utf-8") as out:
            out.write("wrong")
        with Prometheus(os.path.join(self.folder, "prometheus"), address, os.path.join(self.folder, "wrong")) as prometheus:
            prometheus.wait_for(lambda: prometheus.value('up{job="adapter"}') == 0, 30, "the target to be down")

    def test_every_query_of_rules_and_dashboard_finds_its_metrics(self):
        self.server.faults.add(Fault(path="busy", status=429, headers=[["Retry-After", "5"]]))
        for name in ("docs.git", "busy.git"):
            self.remote(name, {"a": "1"})
        adapter = self.run_program(self.entry(self.server.url("docs.git"), "docs", max_staleness="1s", every="500ms"),
                                   self.entry(self.server.url("busy.git"), "busy"),
                                   self.entry(self.server.url("none.git"), "none"))  # fmt: skip
        adapter.wait_event("published", "docs")
        adapter.wait_event("check_failed", "none")
        adapter.wait_event("check_failed", "busy", **{"class": "rate_limited"})
        page = self.page(adapter)
        exposed = names_exposed(page)
        self.assertEqual(set(re.findall(r"^# TYPE (adapter_\w+)", page, re.M)), documented_metrics())
        with self.prometheus(adapter) as prometheus:
            prometheus.wait_for(lambda: (prometheus.value("count_over_time(up[1m])") or 0) >= 4, 30, "some scrapes")
            for title, query, legend in dashboard.queries(dashboard.load()):
                with self.subTest(panel=title):
                    self.assertLessEqual(names_in(query), exposed)
                    found = prometheus.query(query)
                    self.assertTrue(found, query)
                    for labels, _ in found:
                        self.assertLessEqual(set(legend), set(labels), query)
            for rule in shipped_rules():
                with self.subTest(alert=rule["alert"]):
                    self.assertTrue(names_in(rule["expr"]))
                    self.assertLessEqual(names_in(rule["expr"]), exposed)
            healths = {rule["name"]: rule["health"] for group in prometheus.ask("rules")["groups"] for rule in group["rules"]}
            self.assertEqual(healths, {rule["alert"]: "ok" for rule in shipped_rules()})

    def test_promtool_accepts_the_page_without_a_word(self):
        adapter = self.run_program(self.entry(self.remote(files={"a": "1"})),
                                   self.entry(self.server.url("none.git"), "none"))  # fmt: skip
        adapter.wait_event("published", "docs")
        adapter.wait_event("check_failed", "none")
        page = self.page(adapter)
        self.assertEqual(promtool("check", "metrics", text=page), (0, ""))
        for secret in (self.token, self.canary, adapter.folder, self.password_file):
            self.assertNotIn(secret, page)

    def test_a_fault_in_the_page_would_be_seen(self):
        for bad in ("adapter_checks 1\n", "# TYPE adapter_x counter\nadapter_x 1\n", 'a{b="1} 1\n'):
            self.assertNotEqual(promtool("check", "metrics", text=bad)[0], 0, bad)


class StaleTest(LiveTest):
    def test_the_alert_for_a_stale_repository_fires_within_its_limit_and_resolves(self):
        limit = 3
        remote = self.remote(files={"a": "1"})
        adapter = self.run_program(self.entry(remote, every="500ms", max_staleness="%ds" % limit))
        adapter.wait_event("published", "docs")
        with self.prometheus(adapter) as prometheus:
            def firing():
                return prometheus.firing("AdapterRepositoryStale", repository="docs", severity="critical")

            prometheus.wait_for(lambda: prometheus.value("adapter_max_staleness_seconds") == limit, 30, "a scrape")
            time.sleep(limit + 2)
            self.assertFalse(firing(), "a healthy repository fires")
            self.assertEqual(adapter.ask("GET", "/readyz").status, 200)
            port = self.server.port
            self.server.stop()
            took = prometheus.wait_for(firing, limit + 10, "the alert")
            self.assertEqual(adapter.ask("GET", "/readyz").status, 503)
            print("stale: the alert fired %.1f s after the remote went (limit %d s)" % (took, limit), flush=True)
            # One scrape, one evaluation and one look at it may lie behind the limit.
            self.assertLess(took, limit + 4)
            self.server.start(port)
            took = prometheus.wait_for(lambda: not firing(), 40, "the alert to resolve")
            self.assertEqual(adapter.ask("GET", "/readyz").status, 200)
            print("stale: and resolved %.1f s after it came back" % took, flush=True)


class ManyTest(LiveTest):
    def test_a_scrape_of_a_thousand_repositories_is_quick(self):
        remote = self.remote(files={"a": "1"})
        names = ["repository-%04d" % number for number in range(REPOSITORIES)]
        adapter = self.run_program(*(self.entry(remote, name, every="1h") for name in names), concurrency={"syncs": 16})
        adapter.wait_for(lambda: all(adapter.published(name) for name in names), 300, "all to be published")
        seconds = []
        for _ in range(20):
            began = time.monotonic()
            page = self.page(adapter)
            seconds.append(time.monotonic() - began)
        self.assertEqual(page.count("\nadapter_published_info{"), REPOSITORIES)
        self.assertEqual(promtool("check", "metrics", text=page), (0, ""))
        with self.prometheus(adapter) as prometheus:
            prometheus.wait_for(lambda: (prometheus.value("count_over_time(up[1m])") or 0) >= 5, 60, "some scrapes")
            scrape = prometheus.value("quantile_over_time(0.5, scrape_duration_seconds[1m])")
            samples = prometheus.value("scrape_samples_scraped")
        limit = SCRAPE_SECONDS if optimised() else 10 * SCRAPE_SECONDS
        print("%d repositories: %d KB, %d samples; answered in %.1f ms (median; %.1f to %.1f), scraped in %.1f ms; limit %d ms"
              % (REPOSITORIES, len(page) // 1000, samples, statistics.median(seconds) * 1e3, min(seconds) * 1e3,
                 max(seconds) * 1e3, scrape * 1e3, limit * 1e3), flush=True)  # fmt: skip
        self.assertLess(statistics.median(seconds), limit)
        # Prometheus reads and stores the page within that time; what it needs for it is its own.
        self.assertLess(scrape, 5 * limit)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    print("program: %s" % program(), flush=True)
    counts = suites.run(suites.chosen([sys.modules[__name__]], options.tests))
    counts.say()
    return 0 if counts.good else 1


if __name__ == "__main__":
    sys.exit(main())
