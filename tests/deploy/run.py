#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What stands beside the image: compose.yaml, deploy/kubernetes, deploy/nginx, deploy/systemd; ends with one line of counts.

    tests/deploy/run.py [--program FILE] [TEST…]      a TEST is ManifestsTest, UnitTest.test_…, …

Needs what `scripts/install-deps ci` installs, and npm for Kubernetes' types (without it that test says so and is skipped).
Nothing here needs a cluster, a container engine or systemd as first process.
"""

import argparse
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.deploy import test_live, test_static  # noqa: E402
from tests.support.adapter import program  # noqa: E402

MODULES = (test_static, test_live)


def chosen_tests(names):
    loader = unittest.TestLoader()
    suite = unittest.TestSuite()
    for module in MODULES:
        if not names:
            suite.addTests(loader.loadTestsFromModule(module))
        for name in names:
            if hasattr(module, name.split(".")[0]):
                suite.addTests(loader.loadTestsFromName(name, module))
    return suite


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    print("program: %s" % program(), flush=True)
    result = unittest.TextTestRunner(stream=sys.stdout, verbosity=2).run(chosen_tests(options.tests))
    failed = len({case.id().split(" ")[0] for case, _ in result.failures + result.errors})
    print("tests: %d passed, %d failed, %d skipped"
          % (result.testsRun - failed - len(result.skipped), failed, len(result.skipped)), flush=True)  # fmt: skip
    return 0 if result.wasSuccessful() and result.testsRun else 1


if __name__ == "__main__":
    sys.exit(main())
