#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a person does with the page: keyboard, filter, telephone, and a thousand repositories. The page is the program's; what it
shows is made up."""

import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.browser.harness import PageTest  # noqa: E402
from tests.browser.synthetic import Synthetic, commit_of, failing, feed, many, repository, stamp  # noqa: E402

FOCUSED = "document.activeElement.innerText || document.activeElement.id"
# The page is watched from its first moment: how long its tasks take and, once asked for, how far its frames are apart. Watching frames
# makes the browser draw sixty a second, which the page itself never asks for: a third of what such a second costs.
PROBE = """
window.tasks = [];
new PerformanceObserver((list) => tasks.push(...list.getEntries().map((each) => each.duration)))
  .observe({type: "longtask", buffered: true});
window.frames = [];
window.watchFrames = () => {
  let last = 0;
  const frame = (now) => { if (last) frames.push(now - last); last = now; requestAnimationFrame(frame); };
  requestAnimationFrame(frame);
};
"""
HOSTILE = "<img src=x onerror=alert(1)>\u202egnp.\u0007"


def a_few():
    return [
        repository("alpha", last_success=stamp(-5), last_change=stamp(-60)),
        repository("bravo", ref="release/2026.11", last_success=stamp(-50), last_change=stamp(-90000)),
        repository("charlie", **failing("auth", "the remote refused the credential (401)", 4980, "stale", 40)),
        repository("delta", **failing("network", "connection to git.example.com:443 was refused", 95, "failing", 3)),
        repository("echo", commit=None, health="pending", ready=False, phase="fetching", last_success=None, last_change=None,
                   next_due=None, outcomes=[], progress={"received_bytes": 9, "received_objects": 45, "total_objects": 100}),
        repository("foxtrot", health="suspended", phase="suspended", next_due=None),
    ]  # fmt: skip


class UseTest(PageTest):
    document = None

    def rig(self, repositories):
        """A made-up daemon that serves the program's page as the program serves it."""
        if UseTest.document is None:
            answer = self.run_with(self.entry(self.remote(files={"a": "1"}))).ask("GET", "/")
            UseTest.document = answer.body, answer.fields["Content-Security-Policy"]
        rig = Synthetic(*UseTest.document, repositories)
        self.addCleanup(rig.stop)
        return rig


class Keyboard(UseTest):
    def test_columns_are_sorted_by_keys(self):
        page = self.open(self.rig(a_few()).url)
        self.assertEqual(self.names(page), ["charlie", "echo", "delta", "alpha", "bravo", "foxtrot"])
        for _ in range(30):
            page.tab()
            if page.run(FOCUSED) == "Repository":
                break
        page.enter()
        self.assertEqual(self.names(page), ["alpha", "bravo", "charlie", "delta", "echo", "foxtrot"])
        header = "document.querySelector('[data-key=name]').getAttribute('aria-sort')"
        self.assertEqual(page.run(header), "ascending")
        page.enter()
        self.assertEqual(self.names(page), ["foxtrot", "echo", "delta", "charlie", "bravo", "alpha"])
        self.assertEqual(page.run(header), "descending")
        self.assertEqual(page.run(FOCUSED), "Repository")
        self.assertEqual(page.run("document.querySelectorAll('[aria-sort]').length"), 1)
        self.assertNotEqual(page.run("getComputedStyle(document.activeElement).outlineStyle"), "none")

    def test_each_column_sorts(self):
        page = self.open(self.rig(a_few()).url)
        firsts = {"state": "foxtrot", "name": "alpha", "ref": "alpha", "changed": "alpha", "success": "echo",
                  "next": "charlie", "outcomes": "charlie"}  # fmt: skip
        for key, first in firsts.items():
            page.run("document.querySelector('[data-key=%s] button').click()" % key)
            self.assertEqual(self.names(page)[0], first, key)

    def test_all_is_reached_with_tab(self):
        page = self.open(self.rig(a_few()[:2]).url)
        reached = []
        for _ in range(25):
            page.tab()
            reached.append(page.run(FOCUSED))
        for wanted in ("All 2", "search", "State", "Last 50", "alpha", "bravo", "Sync now alpha"):
            self.assertIn(wanted, [" ".join(each.split()).rstrip(" ↑↓") for each in reached])

    def test_a_name_opens_what_else_is_known(self):
        page = self.open(self.rig(a_few()).url)
        page.run("document.querySelectorAll('.name button')[0].focus()")
        page.enter()
        self.assertIn("https://git.example.com/team/charlie.git", self.text(page, ".details", "charlie"))
        self.assertIn(commit_of("charlie"), self.text(page, ".details", "charlie"))
        self.shot(page, "details")
        page.enter()
        self.assertEqual(self.text(page, ".details", "charlie"), "")

    def test_rows_are_filtered_by_words_and_by_state(self):
        page = self.open(self.rig(a_few()).url)
        page.run("document.getElementById('search').focus()")
        page.type("refused git.example.com:443")
        self.assertEqual(self.names(page), ["delta"])
        page.key("Escape", 27)
        self.assertEqual(len(self.names(page)), 6)
        page.click("[data-state=unready]")
        self.assertEqual(self.names(page), ["charlie", "echo"])
        self.assertEqual(page.run("document.querySelector('[data-state=unready]').getAttribute('aria-pressed')"), "true")
        page.wait("location.hash === '#state=unready'")
        page.run("document.getElementById('search').focus()")
        page.type("nothing like it")
        self.wait_text(page, "#none", "No repository matches")
        page.click("[data-action=show-all]")
        self.assertEqual(len(self.names(page)), 6)


class Strangers(UseTest):
    def test_what_they_write_is_text(self):
        trouble = failing("network", "no " + HOSTILE * 40, 30, "failing")
        page = self.open(self.rig([repository("docs", ref=HOSTILE, resolved_ref=HOSTILE, **trouble)]).url)
        self.assertEqual(self.text(page, ".ref", "docs"), "<img src=x onerror=alert(1)>\\u{202e}gnp.\\u{7}")
        self.assertIn("<img src=x", self.text(page, ".failure .text", "docs"))
        page.click(".name button")
        self.assertEqual(page.run("document.images.length"), 0)
        self.assertLessEqual(page.run("document.documentElement.scrollWidth"), 1280)


class Telephone(UseTest):
    def test_nothing_is_wider_than_the_window(self):
        rig = self.rig(a_few() + [repository("n" * 63, ref="r" * 200, **failing("tls", "x" * 900, 300, "stale"))])
        page = self.open(rig.url, size=(390, 800))
        self.assertIn("Last success", page.run("getComputedStyle(document.querySelector('.entry .success'), '::before').content"))
        page.run("document.getElementById('order').value = 'name'")
        page.run("document.getElementById('order').dispatchEvent(new Event('change', {bubbles: true}))")
        self.assertEqual(self.names(page)[0], "alpha")
        page.click("[data-action=reverse]")
        self.assertEqual(self.names(page)[-1], "alpha")
        page.run("document.querySelector('.name button').click()")
        beyond = "[...document.querySelectorAll('.entry button')].filter((e) => e.getBoundingClientRect().right > innerWidth).length"
        for width in (320, 390, 640, 760, 761, 1020, 1021, 1200, 1201):
            page.resize(width, 800)
            page.wait("innerWidth === %d" % width)
            self.assertEqual(page.run("document.documentElement.scrollWidth"), width)
            self.assertEqual(page.run(beyond), 0, "at %d" % width)


class Pictures(UseTest):
    def test_light_dark_and_narrow(self):
        rig = self.rig(a_few())
        grounds = set()
        for name, arguments in (("light", {}), ("dark", {"dark": True}), ("narrow", {"size": (390, 844)})):
            page = self.open(rig.url, **arguments)
            self.wait_text(page, ".next", "fetching 45 %", "echo")
            grounds.add(page.run("getComputedStyle(document.body).backgroundColor"))
            self.shot(page, name)
        self.assertEqual(len(grounds), 2)


class Thousand(UseTest):
    RATE = 300
    SECONDS = 5
    # Measured on two cores with compilers on both: tasks under 130 ms, 95 of 100 frames within 33 ms, 27 % of a core. Sorting the rows
    # anew at each event, on purpose, takes twice that.
    TASK = 250
    FRAME = 60
    BUSY = 0.4

    def busy(self, page):
        """Seconds of processor time that the page's thread has used."""
        metrics = page.call("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")

    def feed(self, rig):
        sent = feed(rig, self.RATE, self.SECONDS)
        self.assertGreater(sent, self.RATE * self.SECONDS * 0.9)

    def measure_work(self, rig, page):
        """(the part of a core, the longest task in milliseconds) while events arrive."""
        page.run("tasks.length = 0")
        began, before = time.monotonic(), self.busy(page)
        self.feed(rig)
        busy = (self.busy(page) - before) / (time.monotonic() - began)
        longest = max(page.run("tasks"), default=0)
        print("%.0f %% of a core, longest task %.0f ms" % (100 * busy, longest))
        return busy, longest

    def measure_frames(self, rig, page):
        """The frame that 95 of 100 are shorter than, in milliseconds, while events arrive."""
        page.run("frames.length = 0")
        self.feed(rig)
        frames = sorted(page.run("frames"))
        slow = frames[len(frames) * 95 // 100]
        print("%d frames, p95 %.0f ms" % (len(frames), slow))
        return slow

    def test_it_stays_smooth(self):
        rig = self.rig(many(1000))
        page = self.open(rig.url, ready="document.readyState === 'complete'", probe=PROBE)
        page.call("Performance.enable", timeDomain="threadTicks")
        page.wait("document.querySelectorAll('.entry').length === 1000")
        self.wait_text(page, "#verdict", "5 of 1,000 repositories not ready")
        time.sleep(1)
        # A neighbour may take the machine for a moment, and not twice.
        busy, longest = self.measure_work(rig, page)
        if longest >= self.TASK or busy >= self.BUSY:
            busy, longest = self.measure_work(rig, page)
        page.run("watchFrames()")
        slow = self.measure_frames(rig, page)
        if slow >= self.FRAME:
            slow = self.measure_frames(rig, page)
        self.assertLess(longest, self.TASK)
        self.assertLess(slow, self.FRAME)
        self.assertLess(busy, self.BUSY)
        rig.emit("published", "team-03.service-0003", attempt=9999, ends_attempt=True, result="changed", commit="f" * 40)
        self.wait_text(page, ".commit", "fffffff", "team-03.service-0003")
        self.shot(page, "thousand")


if __name__ == "__main__":
    unittest.main()
