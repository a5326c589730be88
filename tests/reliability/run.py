#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the rows of the reliability matrix that play against the whole program, and ends with one line of counts.

    tests/reliability/run.py [--quick | --long] [--program FILE] [--seed N] [ROW…]

Rows that drive single rooms (readers during flips, fuzzing, sanitizers) are built and run by Meson.
"""

import argparse
import importlib
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.dirname(os.path.dirname(HERE)))

from tests.reliability import rig  # noqa: E402
from tests.support.adapter import program  # noqa: E402

ROWS = {
    "D1": ("d1_random_kills", "RandomKills"),
    "D2": ("d2_every_syscall", "EverySystemCall"),
    "D3": ("d3_power_cuts", "PowerCuts"),
    "D8": ("d8_litter", "Litter"),
    "D9": ("d9_bad_sectors", "BadSectors"),
    "D10": ("d10_two_daemons", "TwoDaemons"),
    "D11": ("d11_bad_inodes", "BadInodes"),
    "N1": ("n1_proxy", "Proxy"),
    "N2": ("n2_bit_flips", "BitFlips"),
    "N3": ("n3_urls", "Urls"),
    "H1": ("h1_names", "Hostile"),
    "H4": ("h4_symlinks", "Symlinks"),
    "H5": ("h5_bombs", "Bombs"),
    "H6": ("h6_packs", "Packs"),
    "M1": ("m1_model", "RandomModel"),
    "A1": ("a1_smuggling", "Smuggling"),
    "A2": ("a2_slow_clients", "SlowClients"),
    "A3": ("a3_routes", "Routes"),
    "A4": ("a4_webhooks", "Webhooks"),
    "V1": ("v1_hangs", "Hangs"),
    "S1": ("s1_secrets", "Secrets"),
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--quick", action="store_true", help="the numbers of a submission (default)")
    size.add_argument("--long", action="store_true", help="the numbers of a long run")
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("--seed", type=int)
    parser.add_argument("rows", nargs="*", help="default: all of %s" % " ".join(ROWS))
    options = parser.parse_args()
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    unknown = [name for name in options.rows if name.upper() not in ROWS]
    if unknown:
        parser.error("no such row: %s" % ", ".join(unknown))
    print("program: %s" % program(), flush=True)

    began = time.monotonic()
    passed = failed = skipped = 0
    for name in [name.upper() for name in options.rows] or list(ROWS):
        module, kind = ROWS[name]
        row = getattr(importlib.import_module("tests.reliability." + module), kind)
        good, bad, absent = rig.run(row, row.long if options.long else row.quick, options.seed)
        passed, failed, skipped = passed + max(good, 0), failed + bad, skipped + absent
    print("reliability took %.0f s" % (time.monotonic() - began))
    print("reliability: %d passed, %d failed, %d skipped" % (passed, failed, skipped), flush=True)
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
