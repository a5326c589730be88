# SPDX-License-Identifier: Apache-2.0
"""What the runners of several suites share: which tests are chosen, how they are run and counted."""

import sys
import unittest
from typing import NamedTuple


class Counts(NamedTuple):
    """Of tests, not of sub-tests: one that failed twice failed."""

    passed: int
    failed: int
    skipped: int

    @property
    def good(self):
        return self.passed > 0 and self.failed == 0

    def say(self):
        """The line that `.ci/run` adds up."""
        print("tests: %d passed, %d failed, %d skipped" % self, flush=True)


def chosen(modules, names):
    """The tests of these modules; with names (Class or Class.test) those only."""
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for module in modules:
        if not names:
            suite.addTests(loader.loadTestsFromModule(module))
        for name in names:
            if hasattr(module, name.split(".")[0]):
                suite.addTests(loader.loadTestsFromName(name, module))
    return suite


def run(suite):
    """Runs it, telling each test's name and end."""
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(suite)
    # A sub-test's id is its test's and its parameters.
    failed = len({case.id().split(" ")[0] for case, _ in result.failures + result.errors})
    skipped = len({case.id().split(" ")[0] for case, _ in result.skipped})
    return Counts(result.testsRun - failed - skipped, failed, skipped)
