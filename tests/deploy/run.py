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

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.deploy import test_live, test_static  # noqa: E402
from tests.support import suites  # noqa: E402
from tests.support.adapter import program  # noqa: E402

MODULES = (test_static, test_live)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    print("program: %s" % program(), flush=True)
    counts = suites.run(suites.chosen(MODULES, options.tests))
    counts.say()
    return 0 if counts.good else 1


if __name__ == "__main__":
    sys.exit(main())
