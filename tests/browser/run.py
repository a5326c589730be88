#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the tests of the status page in a headless Chromium, and ends with one line of counts.

    tests/browser/run.py [--program FILE] [--screenshots DIR] [NAME…]      a name is a class or a module: Button, test_page
"""

import argparse
import os
import sys
import tempfile
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))

from tests.browser.cdp import find_browser  # noqa: E402
from tests.support import suites  # noqa: E402
from tests.support.adapter import program  # noqa: E402


def cases(suite):
    for each in suite:
        if isinstance(each, unittest.TestSuite):
            yield from cases(each)
        else:
            yield each


def wanted(case, names):
    module, name = type(case).__module__.rpartition(".")[2], type(case).__name__
    return not names or module in names or name in names


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("--screenshots", help="a folder for pictures of the page")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    if options.screenshots:
        os.makedirs(options.screenshots, exist_ok=True)
        os.environ["BROWSER_SCREENSHOTS"] = os.path.abspath(options.screenshots)
    print("program: %s\nbrowser: %s" % (program(), find_browser()), flush=True)
    if find_browser() is None:
        print("there is no Chromium: scripts/install-deps ci\ntests: 0 passed, 1 failed, 0 skipped")
        return 1

    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="adapter-browser-run-", ignore_cleanup_errors=True) as folder:
        os.environ["E2E_FOLDER"] = folder
        found = unittest.defaultTestLoader.discover(HERE, top_level_dir=os.path.dirname(os.path.dirname(HERE)))
        chosen = unittest.TestSuite(case for case in cases(found) if wanted(case, options.names))
        counts = suites.run(chosen)
    print("browser tests took %.0f s" % (time.monotonic() - began))
    counts.say()
    return 0 if counts.good and not counts.skipped else 1


if __name__ == "__main__":
    sys.exit(main())
