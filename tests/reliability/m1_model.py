#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""M1: random edits of the configuration, states of remotes, accidents of the volume and kills, judged by a model that sees the links.

    tests/reliability/m1_model.py [--long] [--seed N] [--program FILE]      the row: two lanes of random worlds
    tests/reliability/m1_model.py --replay '[["edit", "hup", [["swap", "r0", "r1"]]], ["settle"]]'
    tests/reliability/m1_model.py --corpus [NAME]                            the known sequences alone
    tests/reliability/m1_model.py --shrink '[…]'                             makes a failing sequence short

docs/durability.md says what the model allows; m1/operations.py says how operations are written.
"""

import argparse
import itertools
import json
import math
import os
import random
import shutil
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.reliability.m1 import planted  # noqa: E402
from tests.reliability.m1.operations import generate  # noqa: E402
from tests.reliability.m1.remotes import make_template  # noqa: E402
from tests.reliability.m1.shrink import shrink  # noqa: E402
from tests.reliability.m1.world import World  # noqa: E402
from tests.support.adapter import run_command  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "m1", "corpus.json")
LANES = 2
OPERATIONS = 40
_SHRINK_SECONDS = 90
_ROOM_BYTES = 1 << 28


def corpus():
    """name → operations; one line of JSON each."""
    with open(CORPUS, encoding="utf-8") as source:
        return {case["name"]: case["operations"] for case in json.load(source)}


class RandomModel(rig.Row):
    """Random edits, remotes, accidents and kills against a model."""

    name = "M1"
    title = "random edits, remotes, accidents and kills against a model"
    quick = 60  # seconds, not trials
    long = 600
    jobs = LANES

    def __init__(self):
        in_memory = os.path.isdir("/dev/shm") and os.statvfs("/dev/shm").f_bavail * os.statvfs("/dev/shm").f_frsize > _ROOM_BYTES
        usual, tempfile.tempdir = tempfile.tempdir, "/dev/shm" if in_memory else tempfile.tempdir
        super().__init__()
        tempfile.tempdir = usual
        self.server.stop()
        self.server = GitServer(self.root, self.certificates.good, cache=True).start()
        self.template = os.path.join(self.folder, "template")
        make_template(self.template)
        self.knows_prune_after = self.heals_private = run_command("prune", "--help")[0] == 0
        self._ends = 0.0
        self._worlds = itertools.count(1)
        self.operations = 0

    def numbers(self, count):
        self._ends = time.monotonic() + count
        return range(LANES)

    def play(self, operations, folder, until=math.inf):
        """(problems, how many operations were done) of one world."""
        number = next(self._worlds)
        home = os.path.join(folder, "world-%d" % number)
        world = World(self, home, number)
        problems = world.play(operations, until)
        if not problems:
            shutil.rmtree(home, ignore_errors=True)
        self.operations += world.done
        return problems, world.done

    def trial(self, number, source, folder):
        """One lane: its share of the known sequences, then random ones until the time is over."""
        for name, operations in list(corpus().items())[number::LANES]:
            problems, _ = self.play(operations, folder)
            if problems:
                return ["the known sequence %r" % name, *problems, _command(operations)]
        while time.monotonic() < self._ends:
            seed = source.randrange(1 << 40)
            operations = generate(random.Random(seed), OPERATIONS)
            problems, done = self.play(operations, folder, self._ends)
            if problems:
                return [*problems, *self.shortened(operations[:done], problems, folder, _SHRINK_SECONDS)]
        print("M1: lane %d: %d operations so far" % (number, self.operations), flush=True)
        return []

    def shortened(self, operations, problems, folder, seconds):
        """What to say of a failing sequence: how to replay it, shrunk as far as the time allows."""
        rule = problems[0].split(":")[0]

        def fails(candidate):
            return any(each.split(":")[0] == rule for each in self.play(candidate, folder)[0])

        short = shrink(operations, fails, seconds)
        return ["%d operations, shrunk from %d" % (len(short), len(operations)), _command(short)]

    def planted(self, folder):
        return planted.all_caught(self, folder)


def _command(operations):
    return "replay: python3 -B tests/reliability/m1_model.py --replay '%s'" % json.dumps(operations)


def single(options):
    """Replays, shrinks, or plays the known sequences; the exit code."""
    row = RandomModel()
    failed = 0
    try:
        if options.corpus is not None:
            cases = {name: each for name, each in corpus().items() if name in options.corpus or not options.corpus}
        else:
            cases = {"the sequence given": json.loads(options.replay or options.shrink)}
        for name, operations in cases.items():
            problems, done = row.play(operations, row.folder)
            failed += bool(problems)
            print("%s: %s" % (name, "; ".join(problems) or "good, %d operations" % done), flush=True)
            if problems and options.shrink:
                print("\n".join(row.shortened(operations[:done], problems, row.folder, 600)))
    finally:
        row.close()
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--replay")
    parser.add_argument("--shrink")
    parser.add_argument("--corpus", nargs="*")
    parser.add_argument("--program")
    options, _ = parser.parse_known_args()
    if options.replay or options.shrink or options.corpus is not None:
        if options.program:
            os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
        sys.exit(single(options))
    rig.main(RandomModel)


if __name__ == "__main__":
    main()
