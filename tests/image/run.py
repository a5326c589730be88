#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Builds the container image on a Debian base made here, runs containers of it, and ends with one line of counts.

    tests/image/run.py [--suite bookworm|trixie] [--target STAGE] [--build-arg NAME=VALUE]… [TEST…]

A TEST is Files, Follow.test_health_turns_healthy, … Needs root, and what `scripts/install-deps ci` installs; without them it
says so and runs nothing. --target builds that stage only. The base is kept in build-image/ for a week, everything else is
removed at the end.
"""

import argparse
import os
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.image import base, built, test_build, test_container, test_image  # noqa: E402
from tests.image.engine import Engine, why_not  # noqa: E402
from tests.support import suites  # noqa: E402


MODULES = (test_image, test_build, test_container)


def build(engine, options, log):
    began = time.monotonic()
    engine.import_tree(base.archive(options.suite), built.base())
    print("base: %s, %.0f s; storage: %s" % (built.base(), time.monotonic() - began, engine.driver), flush=True)
    began = time.monotonic()
    built.ARGUMENTS += options.build_arg
    engine.build(built.IMAGE, built.base(), log, built.ARGUMENTS, options.target)
    print("built in %.0f s; log: %s" % (time.monotonic() - began, log), flush=True)


def run(engine, options):
    log = os.path.join(base.CACHE, "build-%s.log" % options.suite)
    if os.path.exists(log):
        os.unlink(log)
    build(engine, options, log)
    if options.target:
        return suites.Counts(0, 0, 0)
    return suites.run(suites.chosen(MODULES, options.tests))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--suite", default=os.environ.get("IMAGE_SUITE", "bookworm"), help="the base: a release of Debian")
    parser.add_argument("--target", help="builds a stage and ends: builder, test")
    parser.add_argument("--build-arg", action="append", default=[], help="for the build, such as WRAPS=cli11")
    parser.add_argument("tests", nargs="*")
    options = parser.parse_args()
    reason = why_not()
    if reason:
        print("no image is built here: %s\ntests: 0 passed, 0 failed, 1 skipped" % reason)
        return 0
    os.environ["IMAGE_SUITE"] = options.suite
    # A signal becomes an exception, so that what runs is ended and removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    os.makedirs(base.CACHE, exist_ok=True)
    began = time.monotonic()
    counts = suites.Counts(0, 1, 0)
    with tempfile.TemporaryDirectory(prefix="run-", dir=base.CACHE, ignore_cleanup_errors=True) as folder:
        engine = Engine(os.path.join(folder, "engine"))
        built.use(engine)
        try:
            counts = run(engine, options)
        except (AssertionError, RuntimeError, OSError) as error:
            print(error, flush=True)
        finally:
            engine.close()
    print("image tests took %.0f s" % (time.monotonic() - began))
    counts.say()
    return 0 if counts.good or (options.target and not counts.failed) else 1


if __name__ == "__main__":
    sys.exit(main())
