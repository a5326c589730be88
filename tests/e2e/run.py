#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the end-to-end suite, some modules at a time, and ends with one line of counts.

    tests/e2e/run.py [--program FILE] [--jobs N] [--keep] [--loop-guard] [MODULE…]      a module is test_refs, refs, …
"""

import argparse
import glob
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))

from tests.support import loop_guard  # noqa: E402
from tests.support.adapter import program  # noqa: E402

# The longest first, so that the end is not one module alone.
_ORDER = ["test_refs", "test_history", "test_differential", "test_content", "test_faults", "test_signals"]
# Before the others: it writes to a path that all share.
_ALONE = "test_no_configuration"
_MODULE_SECONDS = 400


def modules():
    found = {os.path.basename(path)[:-3]: path for path in glob.glob(os.path.join(HERE, "test_*.py"))}
    found["test_checker"] = os.path.join(os.path.dirname(HERE), "checker", "test_checker.py")
    found["test_support"] = os.path.join(os.path.dirname(HERE), "support", "test_support.py")
    order = {name: number for number, name in enumerate(_ORDER)}
    return dict(sorted(found.items(), key=lambda item: (order.get(item[0], 99), item[0])))


def run_module(name, path, environment):
    """(name, tests, failures, skipped, seconds, output)."""
    began = time.monotonic()
    try:
        done = subprocess.run(
            [sys.executable, path, "-v"], capture_output=True, text=True, env=environment,
            timeout=_MODULE_SECONDS, check=False, errors="replace",
        )  # fmt: skip
        output, code = done.stdout + done.stderr, done.returncode
    except subprocess.TimeoutExpired as error:
        output = "".join(part.decode("utf-8", "replace") for part in (error.stdout, error.stderr) if part)
        output, code = output + "\nthe module took more than %d s\n" % _MODULE_SECONDS, 1
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    tests = int(ran.group(1)) if ran else 0
    bad = sum(int(number) for number in re.findall(r"(?:failures|errors)=(\d+)", output.rsplit("\nRan ", 1)[-1]))
    skipped = sum(int(number) for number in re.findall(r"skipped=(\d+)", output.rsplit("\nRan ", 1)[-1]))
    if code != 0 and bad == 0:
        bad, tests = 1, max(tests, 1)
    return name, tests, min(bad, tests), skipped, time.monotonic() - began, output


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("--jobs", type=int, default=4, help="modules at a time; most of them wait most of the time (default: %(default)s)")
    parser.add_argument("--keep", action="store_true", help="keep the folders of the tests")
    parser.add_argument("--loop-guard", action="store_true", help="fail each test whose daemon touches a file on its event loop")
    parser.add_argument("modules", nargs="*")
    options = parser.parse_args()

    known = modules()
    wanted = [name if name.startswith("test_") else "test_" + name for name in options.modules] or list(known)
    unknown = [name for name in wanted if name not in known]
    if unknown:
        parser.error("no such module: %s" % ", ".join(unknown))
    environment = dict(os.environ)
    if options.program:
        environment["ADAPTER_PROGRAM"] = os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    folder = tempfile.mkdtemp(prefix="adapter-e2e-run-")
    environment["E2E_FOLDER"] = folder
    if options.keep:
        environment["E2E_KEEP"] = "1"
        print("folders stay in %s" % folder)
    if options.loop_guard:
        environment[loop_guard.VARIABLE] = loop_guard.build()
    print("program: %s" % program(), flush=True)

    began = time.monotonic()
    tests = failed = skipped = 0
    with ThreadPoolExecutor(options.jobs) as pool:
        jobs = []
        if _ALONE in wanted:
            wanted.remove(_ALONE)
            jobs.append(pool.submit(run_module, _ALONE, known[_ALONE], environment))
            jobs[0].result()
        jobs += [pool.submit(run_module, name, known[name], environment) for name in wanted]
        for job in as_completed(jobs):
            name, count, bad, passed_over, seconds, output = job.result()
            tests, failed, skipped = tests + count, failed + bad, skipped + passed_over
            print("%-20s %3d tests, %d failed, %.0f s" % (name, count, bad, seconds), flush=True)
            if bad:
                print(output, flush=True)
    if options.loop_guard:
        shutil.rmtree(os.path.dirname(environment[loop_guard.VARIABLE]))
    if not options.keep:
        shutil.rmtree(folder, ignore_errors=True)
    print("end to end took %.0f s" % (time.monotonic() - began))
    print("e2e: %d passed, %d failed, %d skipped" % (tests - failed - skipped, failed, skipped), flush=True)
    return 1 if failed or not tests else 0


if __name__ == "__main__":
    sys.exit(main())
