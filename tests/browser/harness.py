# SPDX-License-Identifier: Apache-2.0
"""What every test of the page stands on: one browser for all, pages that must not complain, the end-to-end suite's servers."""

import atexit
import os
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.browser.cdp import Browser  # noqa: E402
from tests.e2e.harness import AdapterTest  # noqa: E402

LIVE = "document.querySelector('#connection').dataset.state === 'live'"
_ROW = "[...document.querySelectorAll('.entry')].find((each) => each.querySelector('.name').textContent === '%s')"


def _text_of(selector, name):
    where = "document" if name is None else "(%s)" % (_ROW % name)
    return "(((each) => each?.checkVisibility() ? each.innerText : '')(%s?.querySelector(%r)))" % (where, selector)


class Shared:
    _lock = threading.Lock()
    _browser = None

    @classmethod
    def browser(cls):
        with cls._lock:
            if cls._browser is None:
                cls._browser = Browser()
                atexit.register(cls._browser.close)
            return cls._browser


class Pages:
    """Opens pages and closes them; a page that complained fails the test that opened it."""

    def setUp(self):
        self.pages = []
        super().setUp()

    def tearDown(self):
        # Before their servers: a stream that is cut off is a complaint.
        complaints = []
        for page in self.pages:
            page.close()
            if not page.may_complain:
                complaints += page.complaints
        super().tearDown()
        self.assertEqual(complaints, [])

    def open(self, url, ready=LIVE, **arguments):
        page = Shared.browser().page(**arguments)
        page.may_complain = False
        self.pages.append(page)
        page.open(url)
        page.wait(ready)
        return page

    def shot(self, page, name):
        folder = os.environ.get("BROWSER_SCREENSHOTS")
        if folder:
            page.screenshot(os.path.join(folder, name + ".png"))

    def text(self, page, selector, name=None):
        """What stands in the first such element, of a repository's row where one is named; "" when it is not shown."""
        return page.run(_text_of(selector, name))

    def wait_text(self, page, selector, words, name=None, seconds=15):
        what = "%r in %s of %s" % (words, selector, name or "the page")
        page.wait("%s.includes(%r)" % (_text_of(selector, name), words), seconds, what)

    def names(self, page):
        """The repositories in the order in which they are shown."""
        return page.run(
            "[...document.querySelectorAll('.entry:not([hidden]) .name')].map((each) => each.textContent)"
        )  # fmt: skip


class PageTest(Pages, AdapterTest):
    """A test with the program: admin() is a configuration with a port of its own."""

    def admin(self, *entries, listen="127.0.0.1:0", token_file=None, **top):
        admin = {"listen": listen, **({"token_file": token_file} if token_file else {})}
        return self.config(*entries, admin=admin, **top)

    def run_with(self, *entries, **keys):
        return self.adapter(self.admin(*entries, **keys)).start()
