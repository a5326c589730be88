#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A1: requests that two readers could understand differently, and more of everything than is allowed, sent to the admin port as raw bytes.

Each must be answered once, with a status of its list, and the connection must end: behind the request there is always a second one,
hidden, for /smuggled, whose 404 must never be seen.
"""

import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402

HIDDEN = b"GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
HOST = b"Host: localhost\r\n"


def get(target=b"/healthz", fields=b"", version=b"HTTP/1.1"):
    return b"GET " + target + b" " + version + b"\r\n" + HOST + fields + b"\r\n"


def post(fields, body=b"", target=b"/api/v1/reload"):
    return b"POST " + target + b" HTTP/1.1\r\n" + HOST + fields + b"\r\n" + body


def chunked(body):
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


# (what, bytes, statuses)
CASES = [
    ("two lengths", post(b"Content-Length: 0\r\nContent-Length: %d\r\n" % len(HIDDEN)), (400,)),
    ("two equal lengths", post(b"Content-Length: 0\r\nContent-Length: 0\r\n"), (400,)),
    ("a list of lengths", post(b"Content-Length: 0, %d\r\n" % len(HIDDEN)), (400,)),
    ("length and chunks", post(b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"0\r\n\r\n"), (400, 411)),
    ("chunks", post(b"Transfer-Encoding: chunked\r\n", chunked(b"{}")), (411,)),
    ("chunks in disguise", post(b"Transfer-Encoding: xchunked\r\n", chunked(b"{}")), (411,)),
    ("chunks behind a tab", post(b"Transfer-Encoding:\tchunked\r\n", chunked(b"{}")), (411,)),
    ("chunks, space before colon", post(b"Transfer-Encoding : chunked\r\nContent-Length: 5\r\n", b"0\r\n\r\n"), (400,)),
    ("a folded field", post(b"X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), (400,)),
    ("a negative length", post(b"Content-Length: -1\r\n"), (400,)),
    ("a signed length", post(b"Content-Length: +5\r\n", b"hello"), (400,)),
    ("a length in hexadecimal", post(b"Content-Length: 0x5\r\n", b"hello"), (400,)),
    ("a length of too many digits", post(b"Content-Length: 99999999999999999999\r\n"), (413,)),
    ("a large length", post(b"Content-Length: 9999999999\r\n"), (413,)),
    ("a body over 64 KiB", post(b"Content-Length: 65537\r\n", b"x" * 65537), (413,)),
    ("lines that end with LF", b"GET /healthz HTTP/1.1\nHost: localhost\n\n", (400,)),
    ("one line that ends with LF", b"GET /healthz HTTP/1.1\r\nHost: localhost\nX: y\r\n\r\n", (400,)),
    ("a CR inside", get(fields=b"X: a\rb\r\n"), (400,)),
    ("a NUL inside", get(fields=b"X: a\0b\r\n"), (400,)),
    ("no host", b"GET /healthz HTTP/1.1\r\n\r\n", (400,)),
    ("two hosts", get(fields=b"Host: evil.example\r\n"), (400,)),
    ("a host with a user", b"GET /healthz HTTP/1.1\r\nHost: a@localhost\r\n\r\n", (400,)),
    ("another host", b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\n\r\n", (421,)),
    ("a whole URL", get(b"http://localhost/healthz"), (400,)),
    ("a star", b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", (400,)),
    ("an authority", b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"\r\n", (400, 405)),
    ("no version", b"GET /healthz\r\n\r\n", (400,)),
    ("version 2", get(version=b"HTTP/2.0"), (505,)),
    ("version 1.2", get(version=b"HTTP/1.2"), (505,)),
    ("the preface of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 505)),
    ("two spaces", b"GET  /healthz HTTP/1.1\r\n" + HOST + b"\r\n", (400,)),
    ("a tab for a space", b"GET\t/healthz\tHTTP/1.1\r\n" + HOST + b"\r\n", (400, 501)),
    ("a method in small letters", b"get /healthz HTTP/1.1\r\n" + HOST + b"\r\n", (405, 501)),
    ("a long method", b"A" * 100 + b" /healthz HTTP/1.1\r\n" + HOST + b"\r\n", (400, 501)),
    ("a target of 8 KiB and more", get(b"/" + b"a" * 8193), (414,)),
    ("a head of 16 KiB and more", get(fields=b"X: " + b"a" * 17000 + b"\r\n"), (431,)),
    ("a field of 18 MB", get(fields=b"X: " + b"a" * 18_000_000 + b"\r\n"), (431,)),
    ("101 fields", get(fields=b"X: y\r\n" * 101), (431,)),
    ("no name", get(fields=b": y\r\n"), (400,)),
    ("no colon", get(fields=b"field\r\n"), (400,)),
    ("a name with a space", get(fields=b"a b: y\r\n"), (400,)),
    ("bytes beyond ASCII in the target", get(b"/h\xc3\xa9"), (400,)),
    ("a control byte in the target", get(b"/\x01"), (400,)),
    ("an escaped NUL", get(b"/healthz%00"), (400,)),
    ("a bad escape", get(b"/%zz"), (400,)),
    ("a fragment", get(b"/healthz#x"), (400,)),
    ("dots", get(b"/../../etc/passwd"), (404,)),
    ("a GET with a body", get(fields=b"Content-Length: %d\r\n" % len(HIDDEN)), (400,)),
    ("a foreign origin", post(b"Origin: http://evil.example\r\nContent-Length: 0\r\n"), (403,)),
    ("a foreign page", post(b"Sec-Fetch-Site: cross-site\r\nContent-Length: 0\r\n"), (403,)),
    ("TLS", bytes.fromhex("16030100a5010000a10303") + b"\x00" * 160, (400, 501)),
    ("noise", b"\x80\xff\x00\x01" * 64 + b"\r\n\r\n", (400, 501)),
    ("an expectation", post(b"Expect: 200-ok\r\nContent-Length: 0\r\n"), (417,)),
]  # fmt: skip
# After these the connection may go on, so that what is hidden is an honest second request.
GOES_ON = {"another host", "dots", "a method in small letters", "a foreign origin", "a foreign page", "an authority"}


def exchange(port, data, seconds=8):
    """All that comes back until the connection ends."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as client:
        try:
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # it has had enough; what it said is still to be read
        try:
            while True:
                part = client.recv(65536)
                if not part:
                    break
                received += part
        except OSError as error:
            received += b"<%s>" % str(error).encode()
    return received


def judge(port, case):
    what, data, statuses = case
    answer = exchange(port, data + HIDDEN)
    first = answer.split(b"\r\n", 1)[0].split(b" ")
    status = int(first[1]) if len(first) > 1 and first[1].isdigit() else 0
    problems = []
    if status not in statuses:
        problems.append("%s: answered %r, not one of %s" % (what, answer[:120], statuses))
    count = len(re.findall(rb"HTTP/1\.1 [0-9]{3} ", answer))
    if count > (2 if what in GOES_ON else 1):
        problems.append("%s: %d answers" % (what, count))
    if what not in GOES_ON and b" 404 " in answer:
        problems.append("%s: the hidden request was answered" % what)
    return problems


class Lenient:
    """What a careless server does: believes the first length, knows no limits, and reads on."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        client, _ = self.listener.accept()
        with client, client.makefile("rb") as source:
            for line in source:
                if line.startswith((b"GET", b"POST")):
                    client.sendall(b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % (b"404 no" if b"smuggled" in line else b"200 OK"))
        self.listener.close()


class Smuggling(rig.Row):
    """Raw requests to the admin port."""

    name = "A1"
    title = "request smuggling and limits on the admin port"
    quick = len(CASES)
    long = len(CASES)
    jobs = 4

    def __init__(self):
        super().__init__()
        remote = self.remote("a1.git", {"f": "x"})
        self.daemon = self.adapter(os.path.join(self.folder, "daemon"), self.entry(remote), admin={"listen": "127.0.0.1:0"})
        self.daemon.start()
        self.port = int(self.daemon.admin.rsplit(":", 1)[1])

    def close(self):
        self.daemon.stop()
        super().close()

    def numbers(self, count):
        return range(len(CASES))

    def trial(self, number, source, folder):
        problems = judge(self.port, CASES[number])
        began = time.monotonic()
        if b" 200 " not in exchange(self.port, get(fields=b"Connection: close\r\n"))[:16]:
            problems.append("afterwards the port is not healthy")
        if time.monotonic() - began > 2:
            problems.append("afterwards health took %.1f s" % (time.monotonic() - began))
        return problems

    def planted(self, folder):
        return judge(Lenient().port, CASES[0])


if __name__ == "__main__":
    rig.main(Smuggling)
