# SPDX-License-Identifier: Apache-2.0
"""Packs made entry by entry, for what git would not write, and the answers of a server that sends them as they are."""

import hashlib
import struct
import zlib

_TYPES = {"commit": 1, "tree": 2, "blob": 3}
_OFS_DELTA, _REF_DELTA = 6, 7


def object_id(kind, content):
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content).hexdigest()


def _number(value):
    out = bytearray()
    while True:
        low = value & 0x7F
        value >>= 7
        out.append(low | 0x80 if value else low)
        if not value:
            return bytes(out)


def _distance(value):
    out = [value & 0x7F]
    value >>= 7
    while value:
        value -= 1
        out.insert(0, 0x80 | (value & 0x7F))
        value >>= 7
    return bytes(out)


def literal_delta(base_size, result):
    """A delta that makes `result` and copies nothing."""
    pieces = [result[at : at + 127] for at in range(0, len(result), 127)]
    return _number(base_size) + _number(len(result)) + b"".join(bytes([len(each)]) + each for each in pieces)


def patch_delta(size, patch):
    """A delta that copies a base of `size` bytes but for its first ones, which become `patch`."""
    out = _number(size) + _number(size) + bytes([len(patch)]) + patch
    at = len(patch)
    while at < size:
        count = min(0xFFFFFF, size - at)
        out += bytes([0xFF]) + struct.pack("<I", at) + struct.pack("<I", count)[:3]
        at += count
    return out


class PackWriter:
    """Entries in the order of the calls. Each returns the id of its object, a delta the id that it is given."""

    def __init__(self):
        self._parts = []
        self._offsets = {}  # id → offset
        self._size = 12

    def _entry(self, kind, size, head, content):
        first = kind << 4 | (size & 0x0F)
        size >>= 4
        if size:
            header = bytes([first | 0x80]) + _number(size)
        else:
            header = bytes([first])
        part = header + head + zlib.compress(content, 6)
        self._parts.append(part)
        self._size += len(part)

    def add(self, kind, content):
        name = object_id(kind, content)
        self._offsets[name] = self._size
        self._entry(_TYPES[kind], len(content), b"", content)
        return name

    def add_delta(self, base, delta, name, by_id=True):
        """By distance only after its base."""
        offset = self._size
        head = bytes.fromhex(base) if by_id else _distance(offset - self._offsets[base])
        self._entry(_REF_DELTA if by_id else _OFS_DELTA, len(delta), head, delta)
        self._offsets[name] = offset
        return name

    def add_tree(self, entries):
        """`entries`: (mode, name, id), in the order in which they are to stand there."""
        return self.add("tree", b"".join(b"%s %s\0" % (mode.encode(), name) + bytes.fromhex(target) for mode, name, target in entries))

    def bytes(self):
        pack = b"PACK" + struct.pack(">II", 2, len(self._parts)) + b"".join(self._parts)
        return pack + hashlib.sha1(pack).digest()


def fetch_answer(pack):
    """Headers and body of an answer to `fetch` (protocol v2) that sends this pack."""
    body = bytearray(b"000dpackfile\n")
    for at in range(0, len(pack), 65000):
        piece = pack[at : at + 65000]
        body += b"%04x\x01" % (len(piece) + 5) + piece
    body += b"0000"
    return [["Content-Type", "application/x-git-upload-pack-result"]], bytes(body)
