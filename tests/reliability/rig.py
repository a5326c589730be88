# SPDX-License-Identifier: Apache-2.0
"""What the rows of the reliability matrix share: seeds, trials, replay, and the proof that a row can fail.

A row is a class with `name`, `quick` and `long` (numbers of trials), `trial(number, random, folder)` that answers a list of problems,
and `planted(folder)` that puts a fault in from outside and answers what the row says about it: nothing said means that the row is
blind, and it fails.
"""

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.checker.check_volume import Volume, check  # noqa: E402,F401
from tests.support import canaries  # noqa: E402
from tests.support.adapter import Adapter  # noqa: E402
from tests.support.certificates import make_certificates  # noqa: E402
from tests.support.faults import random_seed  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402
from tests.support.remotes import Remote  # noqa: E402


class Row:
    """Base of a row; one object runs all trials of one run, several at a time."""

    name = ""
    title = ""
    quick = 1
    long = 1
    jobs = 3

    @classmethod
    def missing(cls):
        """What this machine lacks for the row to run at all; None when it can run. Asked before anything is made."""
        return None

    def __init__(self):
        self.skipped = []  # parts that this machine cannot run, each with its reason
        self.folder = tempfile.mkdtemp(prefix="adapter-%s-" % self.name.lower())
        self.certificates = make_certificates(os.path.join(self.folder, "certificates"))
        self.root = os.path.join(self.folder, "remotes")
        os.makedirs(self.root)
        self.server = GitServer(self.root, self.certificates.good).start()
        self.canary = canaries.make_canary()
        self.needles = canaries.encodings(self.canary)
        self.password_file = os.path.join(self.folder, "password")
        with open(self.password_file, "w", encoding="utf-8") as out:
            out.write(self.canary + "\n")

    def close(self):
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def numbers(self, count):
        """The trials of a run; a row with a fixed list answers all of it."""
        return range(count)

    def remote(self, name, files=None):
        remote = Remote(self.root, name)
        if files is not None:
            remote.commit(files)
        return remote

    def entry(self, remote, name="docs", url=None, **keys):
        return {"name": name, "url": url or self.server.url(remote.name), "ca_file": self.certificates.ca, **keys}

    def adapter(self, folder, *entries, every="100ms", level="info", wrap=(), **top):
        """A program in a folder of its own. Each one carries the canary as its password."""
        credentials = [{"url": entry["url"], "username": "bot", "password_file": self.password_file} for entry in entries
                       if entry["url"].startswith("https")]  # fmt: skip
        config = {"defaults": {"every": every, "jitter": "0%"}, "credentials": credentials, **top}
        return Adapter(folder, {**config, "repositories": list(entries)}, level=level, wrap=wrap)

    def trial(self, number, source, folder):
        raise NotImplementedError

    def planted(self, folder):
        raise NotImplementedError

    # ---- one run

    def run_trial(self, seed, number, keep=False):
        folder = os.path.join(self.folder, "trial-%s" % number)
        os.makedirs(folder)
        try:
            problems = self.trial(number, random.Random("%s/%s" % (seed, number)), folder)
            hits = canaries.scan(self.needles, folder)
            problems += ["the canary secret is in %s" % path for path, _ in hits]
        except Exception:  # a rig that breaks is a failed trial, with its trace
            problems = [traceback.format_exc()]
        if keep:
            print("kept: %s" % folder)
        else:
            shutil.rmtree(folder, ignore_errors=True)
        return number, problems

    def is_awake(self):
        """Whether the row notices a fault put in on purpose."""
        folder = os.path.join(self.folder, "planted")
        os.makedirs(folder)
        try:
            said = self.planted(folder)
        except Exception:
            print(traceback.format_exc())
            said = []
        shutil.rmtree(folder, ignore_errors=True)
        return said


def run(row_class, trials, seed=None, only=None, jobs=None, keep=False):
    """(trials that passed, trials that failed, parts that were skipped) of one row; prints as it goes."""
    reason = row_class.missing()
    if reason:
        print("%s: skipped: %s" % (row_class.name, reason), flush=True)
        return 0, 0, 1
    row = row_class()
    seed = random_seed() if seed is None else seed
    began = time.monotonic()
    failed = 0
    try:
        said = row.is_awake()
        if not said:
            print("%s: a fault put in on purpose was not noticed: the row is worth nothing" % row.name, flush=True)
            failed += 1
        numbers = [only] if only is not None else list(row.numbers(trials))
        print("%s: %s; %d trials, seed %s; catches: %s" % (row.name, row.title, len(numbers), seed, (said or ["-"])[0][:100].strip()),
              flush=True)  # fmt: skip
        with ThreadPoolExecutor(jobs or row.jobs) as pool:
            for number, problems in pool.map(lambda each: row.run_trial(seed, each, keep), numbers):
                if problems:
                    failed += 1
                    print("%s: trial %s failed; replay: %s --seed %s --trial %s" % (row.name, number, sys.modules[row_class.__module__].__file__, seed, number))  # fmt: skip
                    print("\n".join("    " + line for problem in problems[:10] for line in problem.splitlines()), flush=True)
        passed = len(numbers) - failed
        for part in row.skipped:
            print("%s: skipped: %s" % (row.name, part), flush=True)
        print("%s: %d passed, %d failed in %.0f s" % (row.name, passed, failed, time.monotonic() - began), flush=True)
        return passed, failed, len(row.skipped)
    finally:
        if keep:
            print("kept: %s" % row.folder)
        else:
            row.close()


def main(row_class):
    parser = argparse.ArgumentParser(description=row_class.__doc__)
    parser.add_argument("--trials", type=int, help="default: %d" % row_class.quick)
    parser.add_argument("--long", action="store_true", help="%d trials" % row_class.long)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--trial", type=int, help="only this one")
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--program")
    options = parser.parse_args()
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    trials = options.trials or (row_class.long if options.long else row_class.quick)
    _, failed, _ = run(row_class, trials, options.seed, options.trial, options.jobs, options.keep)
    sys.exit(1 if failed else 0)


def check_at_rest(adapter, name, remote, allowed, seconds=5, **arguments):
    """check() of a running daemon that is given a moment to sweep up behind a publish; a stop at once leaves that to the next start."""
    deadline = time.monotonic() + seconds
    while True:
        problems = check(adapter.data, name, remote.directory, allowed, **arguments)
        if not problems or time.monotonic() > deadline:
            return problems
        time.sleep(0.1)


def wait_for_commits(adapter, commits, when, seconds):
    """What is wrong when not each repository shows its commit in time; `commits`: name → commit."""
    began = time.monotonic()
    for name, commit in commits.items():
        while adapter.published(name) != commit:
            if not adapter.alive():
                return ["%s it ended with %s\n%s" % (when, adapter.process.poll(), adapter.tail(5))]
            if time.monotonic() - began > seconds:
                return ["%s \"%s\" is not published after %.0f s\n%s" % (when, name, seconds, adapter.tail(5))]
            time.sleep(0.02)
    return []


# ---- faults from outside, that a row must notice


def corrupt_published_tree(adapter, name="docs"):
    """What a publish that is not atomic would leave: the link leads to a tree with half a file."""
    tree = os.path.realpath(adapter.link(name))
    for here, _, names in os.walk(tree):
        for each in sorted(names):
            path = os.path.join(here, each)
            if os.path.getsize(path) > 0 and not os.path.islink(path):
                os.truncate(path, os.path.getsize(path) // 2)
                return path
    raise RuntimeError("nothing to damage in %s" % tree)
