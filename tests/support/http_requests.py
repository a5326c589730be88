# SPDX-License-Identifier: Apache-2.0
"""HTTP requests of git clients, as the suite's server reads them."""

import re

_HEAD_LIMIT = 64 * 1024
_BODY_LIMIT = 64 * 1024 * 1024
_ROUTE = re.compile(r"^/(.+?)/(info/refs|git-upload-pack|git-receive-pack|HEAD|objects/.*)$")


class Request:
    """One request as it came."""

    def __init__(self, method, target, headers, body):
        self.method = method
        self.target = target
        self.path, _, self.query = target.partition("?")
        self.headers = headers
        self.body = body
        route = _ROUTE.match(self.path)
        self.repository = route.group(1) if route else ""
        self.step = self._step(route.group(2) if route else "")

    def _step(self, action):
        if action == "info/refs":
            return "capabilities"
        if action == "git-upload-pack":
            if self.body[4:].startswith(b"command=ls-refs"):
                return "ls_refs"
            # git compresses larger requests; those are fetches.
            return "fetch"
        return "other"

    def ref_prefixes(self):
        return [match.decode("latin-1") for match in re.findall(rb"ref-prefix ([^\n]+)", self.body)]


class RequestReader:
    """Reads requests from a connection."""

    def __init__(self, connection):
        self._connection = connection
        self._buffer = b""

    def request(self):
        """The next request; nothing at the connection's end."""
        while b"\r\n\r\n" not in self._buffer:
            if len(self._buffer) > _HEAD_LIMIT or not self._more():
                return None
        head, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()
        if headers.get("expect", "").lower() == "100-continue":
            self._connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in headers.get("transfer-encoding", ""):
            body = self._chunks()
        else:
            body = self._exactly(int(headers.get("content-length", "0")))
        return None if body is None else Request(method, target, headers, body)

    def _more(self):
        try:
            part = self._connection.recv(65536)
        except OSError:
            return False
        self._buffer += part
        return bool(part)

    def _exactly(self, count):
        if count > _BODY_LIMIT:
            return None
        while len(self._buffer) < count:
            if not self._more():
                return None
        body, self._buffer = self._buffer[:count], self._buffer[count:]
        return body

    def _chunks(self):
        body = b""
        while True:
            while b"\r\n" not in self._buffer:
                if not self._more():
                    return None
            size, _, self._buffer = self._buffer.partition(b"\r\n")
            part = self._exactly(int(size, 16) + 2)
            if part is None:
                return None
            if len(part) == 2:
                return body
            body += part[:-2]
