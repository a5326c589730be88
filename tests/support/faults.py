# SPDX-License-Identifier: Apache-2.0
"""Faults that the suite's server plays: which request they meet, and what becomes of its answer.

A fault is plain data, so that a test makes it as an object and the command line reads it from a JSON file.
"""

import json
import random
import re
import socket
import struct
import threading
import time
from dataclasses import dataclass, field, fields

STEPS = ("capabilities", "ls_refs", "fetch", "other")


@dataclass
class Fault:
    """Meets requests by path and step; does to them whatever is set, in the order of the fields."""

    # Which requests.
    path: str = ""  # regular expression, searched in the path; empty: all
    step: str = ""  # one of STEPS; empty: all
    skip: int = 0  # requests that pass before the first one is met
    count: int = -1  # requests that are met; -1: all

    # Before the answer.
    accept_reset: bool = False  # the connection is reset when the request is there
    delay: float = 0.0  # seconds before the head
    hang: bool = False  # never answers; ends when the client or the server does
    drop_protocol: bool = False  # the backend does not hear of Git-Protocol: a v0 answer

    # Instead of the answer.
    raw: bytes = b""  # sent as it is, then the connection ends
    status: int = 0  # this status with `headers` and `body`
    body: bytes = b""
    redirect: str = ""  # a Location, with `status` or 302; "{path}" stands for the path and query asked for

    # The answer's head.
    headers: list = field(default_factory=list)  # [[name, value], …] added
    flood_fields: int = 0  # this many fields of no meaning
    flood_bytes: int = 0  # one field this long
    framing: str = ""  # "length", "chunked", "close"; or a lie, see _LIES

    # The answer's bytes, head included; counted from 0.
    flip_bit: int = -1
    flip_scope: str = "all"  # "all": counted from the head's first byte; "body": from the payload's; "pack": from the word PACK
    body_delay: float = 0.0  # seconds between head and body
    byte_delay: float = 0.0  # seconds before each byte of head and body
    head_byte_delay: float = 0.0
    part_delay: float = 0.0  # seconds before each part of the body, of 64 KiB or less
    stall_at: int = -1  # payload bytes after which nothing comes any more
    truncate_at: int = -1  # payload bytes after which the connection ends
    reset_at: int = -1  # the same with a reset

    def __post_init__(self):
        self.met = 0
        for name in ("raw", "body"):
            value = getattr(self, name)
            if isinstance(value, str):
                setattr(self, name, value.encode())

    @staticmethod
    def from_dict(data):
        known = {item.name for item in fields(Fault)}
        unknown = set(data) - known
        if unknown:
            raise ValueError("unknown keys of a fault: %s" % ", ".join(sorted(unknown)))
        return Fault(**data)


class FaultBook:
    """The faults in force. Any thread."""

    def __init__(self):
        self._lock = threading.Lock()
        self._faults = []

    def add(self, fault=None, **arguments):
        fault = fault if fault is not None else Fault(**arguments)
        with self._lock:
            self._faults.append(fault)
        return fault

    def remove(self, fault):
        with self._lock:
            self._faults = [each for each in self._faults if each is not fault]

    def clear(self):
        with self._lock:
            self._faults = []

    def load(self, path):
        """Replaces all by the list in a JSON file."""
        with open(path, encoding="utf-8") as source:
            faults = [Fault.from_dict(each) for each in json.load(source)]
        with self._lock:
            self._faults = faults

    def meet(self, path, step):
        """The first fault for this request, counted; or nothing."""
        if not self._faults:
            return None
        with self._lock:
            for fault in self._faults:
                if fault.step and fault.step != step:
                    continue
                if fault.path and not re.search(fault.path, path):
                    continue
                if fault.skip > 0:
                    fault.skip -= 1
                    continue
                if fault.count == 0:
                    continue
                if fault.count > 0:
                    fault.count -= 1
                fault.met += 1
                return fault
        return None


# Framings that lie: head fields as they are sent, and how the payload follows.
_LIES = {
    "both": (["Content-Length: 5", "Transfer-Encoding: chunked"], "chunked"),
    "two_lengths": (["Content-Length: 5", "Content-Length: 6"], "plain"),
    "negative_length": (["Content-Length: -5"], "plain"),
    "word_length": (["Content-Length: many"], "plain"),
    "plus_length": (["Content-Length: +5"], "plain"),
    "huge_length": (["Content-Length: 99999999999999999999999"], "plain"),
    "long_length": (["Content-Length: 9000000000"], "plain"),
    "short_length": (["Content-Length: 5"], "plain"),
    "unknown_coding": (["Transfer-Encoding: gzip, chunked"], "chunked"),
    "bad_chunk": (["Transfer-Encoding: chunked"], "bad_chunk"),
    "huge_chunk": (["Transfer-Encoding: chunked"], "huge_chunk"),
    "no_last_chunk": (["Transfer-Encoding: chunked"], "no_last_chunk"),
    "gzip": (["Content-Encoding: gzip", "Transfer-Encoding: chunked"], "chunked"),
}

LIES = tuple(sorted(_LIES))


class ConnectionEnds(Exception):
    """The answer was cut short on purpose, or the client went away: the connection is of no more use."""


class Answer:
    """Writes one HTTP answer to a connection, with what a fault does to its bytes."""

    def __init__(self, connection, fault=None, ending=None):
        self._connection = connection
        self._fault = fault
        self._ending = ending or threading.Event()
        self._sent = 0  # of head and body with framing
        self._payload = 0
        self._pack_at = None  # payload byte where a pack begins
        self._mode = "length"
        self._held = b""
        self.bytes = 0  # payload bytes sent, for the log
        self.keep_alive = True

    def head(self, status, reason, headers, length):
        """`length`: bytes of the payload, or None when it is not known yet."""
        fault = self._fault
        lines = ["HTTP/1.1 %d %s" % (status, reason)]
        lines += ["%s: %s" % (name, value) for name, value in headers]
        framing = fault.framing if fault else ""
        if framing in _LIES:
            extra, self._mode = _LIES[framing]
            lines += extra
            self.keep_alive = False
        elif framing == "close":
            self._mode = "plain"
            lines.append("Connection: close")
            self.keep_alive = False
        elif framing == "chunked" or length is None:
            self._mode = "chunked"
            lines.append("Transfer-Encoding: chunked")
        else:
            self._mode = "plain"
            lines.append("Content-Length: %d" % length)
        if fault:
            lines += ["%s: %s" % (name, value) for name, value in fault.headers]
            lines += ["X-Flood-%d: %s" % (index, "f" * 20) for index in range(fault.flood_fields)]
            if fault.flood_bytes:
                lines.append("X-Flood: " + "f" * fault.flood_bytes)
        data = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        if fault is None and length is not None:
            # Leaves with the first bytes of the body, as from other servers.
            self._held = data
        elif fault and fault.head_byte_delay:
            self._dribble(data, fault.head_byte_delay)
        else:
            self._send(data)
        if fault and fault.body_delay:
            self._wait(fault.body_delay)

    def body(self, data):
        """A part of the payload."""
        fault = self._fault
        if not data:
            return
        if fault:
            if fault.part_delay:
                self._wait(fault.part_delay)
            data = self._flip_payload(data)
            for limit, act in ((fault.stall_at, "stall"), (fault.truncate_at, "end"), (fault.reset_at, "reset")):
                if 0 <= limit <= self._payload + len(data):
                    self._frame(data[: limit - self._payload])
                    self._cut(act)
        self._frame(data)

    def end(self):
        if self._held:
            self._send(b"")
        if self._mode == "chunked":
            self._send(b"0\r\n\r\n")
        if not self.keep_alive:
            raise ConnectionEnds()

    def raw(self, data):
        self._send(data)
        raise ConnectionEnds()

    def reset(self):
        reset_connection(self._connection)
        raise ConnectionEnds()

    def hang(self):
        """Until the client closes or the server stops."""
        connection = self._connection
        connection.settimeout(0.2)
        while not self._ending.is_set():
            try:
                if connection.recv(1) == b"":
                    break
            except (TimeoutError, socket.timeout):
                continue
            except OSError:
                break
        raise ConnectionEnds()

    def _cut(self, act):
        if act == "stall":
            self.hang()
        if act == "reset":
            self.reset()
        raise ConnectionEnds()

    def _frame(self, data):
        if not data:
            return
        self._payload += len(data)
        self.bytes += len(data)
        if self._mode in ("chunked", "no_last_chunk"):
            self._send(b"%x\r\n" % len(data) + data + b"\r\n")
        elif self._mode == "bad_chunk":
            self._send(b"zz\r\n" + data + b"\r\n")
        elif self._mode == "huge_chunk":
            self._send(b"ffffffffffffffff0\r\n" + data + b"\r\n")
        else:
            self._send(data)

    def _flip_payload(self, data):
        fault = self._fault
        if fault.flip_scope == "body":
            return _flip(data, fault.flip_bit, self._payload)
        if fault.flip_scope == "pack":
            if self._pack_at is None and b"PACK" in data:
                self._pack_at = self._payload + data.index(b"PACK")
            if self._pack_at is not None:
                return _flip(data, fault.flip_bit, self._payload - self._pack_at)
        return data

    def _send(self, data):
        fault = self._fault
        if fault:
            if fault.flip_scope == "all":
                data = _flip(data, fault.flip_bit, self._sent)
            if fault.byte_delay:
                self._sent += len(data)
                self._dribble(data, fault.byte_delay)
                return
        self._sent += len(data)
        if self._held:
            data, self._held = self._held + data, b""
        try:
            self._connection.sendall(data)
        except OSError as error:
            raise ConnectionEnds() from error

    def _dribble(self, data, seconds):
        for index in range(len(data)):
            self._wait(seconds)
            try:
                self._connection.sendall(data[index : index + 1])
            except OSError as error:
                raise ConnectionEnds() from error

    def _wait(self, seconds):
        if self._ending.wait(seconds):
            raise ConnectionEnds()


def _flip(data, bit, start):
    """`data`, whose first byte is byte `start` of the whole, with bit number `bit` of the whole turned."""
    place = bit // 8 - start
    if bit < 0 or not 0 <= place < len(data):
        return data
    changed = bytearray(data)
    changed[place] ^= 1 << (bit % 8)
    return bytes(changed)


def reset_connection(connection):
    """Ends a TCP connection with RST."""
    try:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        socket.socket.close(connection)
    except OSError:
        pass


def random_seed():
    return random.SystemRandom().randrange(1 << 32)


def wait_until(condition, seconds, step=0.02):
    """What `condition` answers as soon as it is true; a false value after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > deadline:
            return value
        time.sleep(step)
