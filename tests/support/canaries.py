#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Secrets that must never be seen again: made for a test run, and looked for afterwards, in every encoding.

    tests/support/canaries.py SECRET FOLDER…     names the files that hold it
"""

import base64
import json
import mmap
import os
import sys
import urllib.parse


def make_canary(tag="canary"):
    """A password that no encoding leaves as it is."""
    return "%s-%s%%/+=?& ü" % (tag, os.urandom(8).hex())


def encodings(secret, usernames=("bot",)):
    """The byte strings under which a secret could be hiding. Base64 depends on where in the text it stands: three phases, and the
    whole of Basic's user:password for the user names in use."""
    raw = secret.encode()
    found = {raw, urllib.parse.quote(secret, safe="").encode(), urllib.parse.quote(secret).encode()}
    found.add(urllib.parse.quote_plus(secret).encode())
    found.add(urllib.parse.quote(secret, safe="").lower().encode())
    found.add(raw.hex().encode())
    found |= {secret.encode("unicode_escape"), json.dumps(secret)[1:-1].encode()}
    for phase in range(3):
        padded = base64.b64encode(b"\0" * phase + raw)
        # The first and last letters mix with neighbours.
        found.add(padded[(phase * 8 + 5) // 6 :].rstrip(b"=")[:-1])
    for name in usernames:
        found.add(base64.b64encode(name.encode() + b":" + raw))
    found.add(base64.urlsafe_b64encode(raw).rstrip(b"=")[:-1])
    return {each for each in found if len(each) >= 8}


def scan(needles, *folders, skip=()):
    """(path, what) of each file, link target or file name below the folders that holds one of the needles."""
    hits = []
    for folder in folders:
        for here, folders_below, names in os.walk(os.fsencode(folder)):
            folders_below[:] = [each for each in folders_below if os.fsdecode(each) not in skip]
            for name in names + folders_below:
                path = os.path.join(here, name)
                hits += [(os.fsdecode(path), "name") for needle in needles if needle in name]
                if os.path.islink(path):
                    hits += [(os.fsdecode(path), "target") for needle in needles if needle in os.readlink(path)]
                elif os.path.isfile(path) and os.fsdecode(name) not in skip:
                    hits += [(os.fsdecode(path), what) for what in _in_file(path, needles)]
    return hits


def _in_file(path, needles):
    try:
        if os.path.getsize(path) == 0:
            return []
        with open(path, "rb") as source, mmap.mmap(source.fileno(), 0, access=mmap.ACCESS_READ) as content:
            return [needle.decode("latin-1") for needle in needles if content.find(needle) >= 0]
    except (OSError, ValueError):
        return []


if __name__ == "__main__":
    FOUND = scan(encodings(sys.argv[1]), *sys.argv[2:])
    for hit in FOUND:
        print("%s: %s" % hit)
    sys.exit(1 if FOUND else 0)
