#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Writes digest_vectors.txt: SHA-1, SHA-256 and HMAC-SHA-256 by Python's hashlib and hmac, an implementation of its own.

A line holds the sizes in bytes of message and key, and the three digests in hexadecimal digits.

    ./make_vectors.py > digest_vectors.txt
    ./make_vectors.py --check digest_vectors.txt
"""

import hashlib
import hmac
import pathlib
import sys

# Each size around the ends of blocks of 64 bytes, and larger ones; keys shorter than, as long as and longer than a block.
SIZES = [*range(0, 4), *range(53, 68), *range(117, 132), 255, 256, 257, 1000, 4096, 65537]
KEYS = [1, 32, 64, 65]


def pattern(size, factor):
    return bytes((factor * at + at // 251) % 256 for at in range(size))


def line(size, key):
    message = pattern(size, 31)
    mac = hmac.new(pattern(key, 17), message, hashlib.sha256).hexdigest()
    return f"{size} {key} {hashlib.sha1(message).hexdigest()} {hashlib.sha256(message).hexdigest()} {mac}\n"


def main():
    text = "".join(line(size, key) for size in SIZES for key in KEYS)
    if len(sys.argv) == 3 and sys.argv[1] == "--check":
        if pathlib.Path(sys.argv[2]).read_text(encoding="utf-8") != text:
            print(f"{sys.argv[2]} is not what make_vectors.py writes", file=sys.stderr)
            return 1
        return 0
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
