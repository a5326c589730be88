#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""An HTTPS server in front of `git http-backend`, on loopback: keep-alive HTTP/1.1, credentials, a log, and faults on demand.

As a library: `GitServer(root, certificate=…).start()`. As a command it serves until it is told to end:

    tests/support/git_server.py --root DIR --ports-file FILE [--faults FILE.json] [--cache] [--plain]
"""

import argparse
import base64
import json
import os
import signal
import socket
import ssl
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support.backend import run_backend  # noqa: E402
from tests.support.certificates import make_certificates  # noqa: E402
from tests.support.faults import Answer, ConnectionEnds, FaultBook, reset_connection  # noqa: E402
from tests.support.http_requests import RequestReader  # noqa: E402

_LOG_LIMIT = 200_000
_REASONS = {
    200: "OK", 301: "Moved Permanently", 302: "Found", 303: "See Other", 307: "Temporary Redirect",
    308: "Permanent Redirect", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    408: "Request Timeout", 410: "Gone", 429: "Too Many Requests", 500: "Internal Server Error",
    502: "Bad Gateway", 503: "Service Unavailable", 504: "Gateway Timeout",
}  # fmt: skip


class GitServer:
    """Serves the bare repositories below `root`. Any thread may use the public members while it runs."""

    def __init__(self, root, certificate=None, cache=False, log_file=None):
        """`certificate`: a Leaf, or None for plain HTTP. `cache`: answers to ls-refs are kept while the refs are unchanged."""
        self.root = os.path.abspath(root)
        self.faults = FaultBook()
        self.requests = []  # dicts: time, method, path, step, protocol, prefixes, status, bytes, seconds, authorization
        self.connections = 0  # accepted so far
        self.handshake_failures = 0
        self.port = 0
        self._cache = {} if cache else None
        self._guards = []  # (path prefix, set of accepted Authorization values)
        self._lock = threading.Lock()
        self._open = set()
        self._ending = threading.Event()
        self._listener = None
        self._context = None
        self._log_file = open(log_file, "a", encoding="utf-8", buffering=1) if log_file else None
        if certificate is not None:
            self.use_certificate(certificate)

    # ---- for tests

    def use_certificate(self, leaf):
        """From the next connection on."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.certificate, leaf.key)
        self._context = context

    def url(self, repository, host="localhost"):
        return "%s://%s:%d/%s" % ("http" if self._context is None else "https", host, self.port, repository)

    def require(self, prefix, credentials=(), tokens=()):
        """From now on paths that begin with `prefix` need one of these (user, password) pairs or bearer tokens; neither: open."""
        accepted = {"Basic " + base64.b64encode(("%s:%s" % pair).encode()).decode() for pair in credentials}
        accepted |= {"Bearer " + token for token in tokens}
        with self._lock:
            self._guards = [guard for guard in self._guards if guard[0] != prefix]
            if accepted:
                self._guards.append((prefix, accepted))

    def seen(self, step="", repository="", since=0):
        """The logged requests of a step and repository, from number `since` on."""
        return [
            entry
            for entry in self.requests[since:]
            if (not step or entry["step"] == step) and (not repository or entry["repository"] == repository)
        ]

    def start(self, port=0):
        """Begins to listen on 127.0.0.1; again, after stop(), on the same port with `port`."""
        self._ending = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", port), backlog=512)
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener, self._ending), daemon=True).start()
        return self

    def stop(self):
        """Stops listening and resets every connection."""
        self._ending.set()
        if self._listener is not None:
            try:
                self._listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self._listener.close()
            self._listener = None
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def drop_connections(self):
        """Ends what is open; new connections are welcome."""
        with self._lock:
            connections = list(self._open)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self if self._listener is not None else self.start()

    def __exit__(self, *_):
        self.stop()

    # ---- connections

    def _accept(self, listener, ending):
        while not ending.is_set():
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._connection, args=(connection, ending), daemon=True).start()

    def _connection(self, connection, ending):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        context = self._context
        raw = connection
        with self._lock:
            self._open.add(raw)
        try:
            if context is not None:
                connection.settimeout(30)
                try:
                    connection = context.wrap_socket(connection, server_side=True)
                except (OSError, ValueError):
                    self.handshake_failures += 1
                    return
                with self._lock:
                    self._open.discard(raw)
                    raw = connection
                    self._open.add(raw)
            connection.settimeout(300)
            reader = RequestReader(connection)
            while not ending.is_set():
                request = reader.request()
                if request is None:
                    return
                self._serve(connection, request, ending)
        except (ConnectionEnds, OSError, ValueError):
            pass
        finally:
            with self._lock:
                self._open.discard(raw)
            self._close(connection)

    @staticmethod
    def _close(connection):
        try:
            if isinstance(connection, ssl.SSLSocket):
                connection.settimeout(0)
                connection.unwrap()
        except (OSError, ValueError):
            pass
        try:
            connection.close()
        except OSError:
            pass

    # ---- requests

    def _serve(self, connection, request, ending):
        began = time.monotonic()
        fault = self.faults.meet(request.target, request.step)
        entry = {
            "time": time.time(),
            "method": request.method,
            "path": request.path,
            "repository": request.repository,
            "step": request.step,
            "protocol": request.headers.get("git-protocol", ""),
            "agent": request.headers.get("user-agent", ""),
            "prefixes": request.ref_prefixes() if request.step == "ls_refs" else [],
            "authorization": request.headers.get("authorization", ""),
            "status": 0,
            "bytes": 0,
        }
        with self._lock:
            if len(self.requests) < _LOG_LIMIT:
                self.requests.append(entry)
        answer = Answer(connection, fault, ending)
        try:
            self._answer(request, answer, fault, entry, connection)
        finally:
            entry["bytes"] = answer.bytes
            entry["seconds"] = time.monotonic() - began
            if self._log_file is not None:
                self._log_file.write(json.dumps(entry) + "\n")

    def _answer(self, request, answer, fault, entry, connection):
        if fault is not None:
            if fault.accept_reset:
                reset_connection(connection)
                raise ConnectionEnds()
            if fault.delay:
                answer._wait(fault.delay)
            if fault.hang:
                answer.hang()
            if fault.raw:
                answer.raw(fault.raw)
            if fault.redirect or fault.status:
                self._play_status(request, answer, fault, entry)
                return
        if not self._allowed(request):
            entry["status"] = 401
            self._whole(answer, 401, [["WWW-Authenticate", 'Basic realm="git"']], b"who are you\n")
            return
        if request.step == "other" or not os.path.isdir(os.path.join(self.root, request.repository)):
            entry["status"] = 404
            self._whole(answer, 404, [["Content-Type", "text/plain"]], b"not here\n")
            return
        if self._cache is not None and request.step in ("ls_refs", "capabilities"):
            entry["status"] = 200
            headers, body = self._cached(request)
            self._whole(answer, 200, headers, body)
            return
        self._stream(request, answer, fault, entry)

    def _play_status(self, request, answer, fault, entry):
        status = fault.status or 302
        headers = []
        if fault.redirect:
            headers.append(["Location", fault.redirect.replace("{path}", request.target)])
        body = fault.body
        if not any(name.lower() == "content-type" for name, _ in fault.headers):
            headers.append(["Content-Type", "text/html; charset=utf-8" if body.startswith(b"<") else "text/plain"])
        entry["status"] = status
        self._whole(answer, status, headers, body)

    def _stream(self, request, answer, fault, entry):
        backend = run_backend(
            self.root, request.method, request.path, request.query, request.headers, request.body,
            with_protocol=not (fault is not None and fault.drop_protocol),
        )  # fmt: skip
        try:
            entry["status"] = backend.status
            parts, length = backend.parts(), backend.length
            if fault is not None and fault.framing == "length" and length is None:
                parts = [b"".join(parts)]
                length = len(parts[0])
            answer.head(backend.status, backend.reason, backend.headers, length)
            for part in parts:
                answer.body(part)
        finally:
            backend.close()
        answer.end()

    @staticmethod
    def _whole(answer, status, headers, body):
        answer.head(status, _REASONS.get(status, "Other"), headers, len(body))
        answer.body(body)
        answer.end()

    def _allowed(self, request):
        with self._lock:
            guards = [guard for guard in self._guards if request.path.startswith(guard[0])]
        return all(request.headers.get("authorization", "") in accepted for _, accepted in guards)

    def _cached(self, request):
        key = (request.target, request.body, request.headers.get("git-protocol", ""))
        state = _state_of_refs(os.path.join(self.root, request.repository))
        known = self._cache.get(key)
        if known is not None and known[0] == state:
            return known[1], known[2]
        backend = run_backend(
            self.root, request.method, request.path, request.query, request.headers, request.body
        )  # fmt: skip
        try:
            body = b"".join(backend.parts())
        finally:
            backend.close()
        self._cache[key] = (state, backend.headers, body)
        return backend.headers, body


def _state_of_refs(directory):
    """Changes when a ref does: times of the files and folders that hold them."""
    state = []
    for name in ("HEAD", "packed-refs"):
        try:
            state.append(os.stat(os.path.join(directory, name)).st_mtime_ns)
        except OSError:
            state.append(0)
    folders = [os.path.join(directory, "refs")]
    while folders:
        folder = folders.pop()
        state.append(os.stat(folder).st_mtime_ns)
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    state.append(entry.stat().st_mtime_ns)
    return tuple(state)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--root", required=True, help="folder of bare repositories")
    parser.add_argument("--ports-file", required=True, help="gets a JSON object: port, url, ca, pid")
    parser.add_argument("--certificates", help="folder for the throw-away certificates; default: ROOT/../certificates")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--plain", action="store_true", help="HTTP without TLS")
    parser.add_argument("--cache", action="store_true", help="keep answers to ls-refs while refs are unchanged")
    parser.add_argument("--faults", help="JSON list of faults, read again when the file changes")
    parser.add_argument("--log-file", help="one JSON line a request")
    options = parser.parse_args()

    ends = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ends.set())
    leaf = None
    about = {"pid": os.getpid()}
    if not options.plain:
        folder = options.certificates or os.path.join(os.path.dirname(os.path.abspath(options.root)), "certificates")
        certificates = make_certificates(folder)
        leaf = certificates.good
        about["ca"] = certificates.ca
    server = GitServer(options.root, leaf, cache=options.cache, log_file=options.log_file).start(options.port)
    about.update(port=server.port, url=server.url(""))
    with open(options.ports_file + ".new", "w", encoding="utf-8") as out:
        json.dump(about, out)
    os.rename(options.ports_file + ".new", options.ports_file)

    stamp = None
    while not ends.wait(0.2):
        if options.faults and os.path.exists(options.faults):
            now = os.stat(options.faults).st_mtime_ns
            if now != stamp:
                stamp = now
                server.faults.load(options.faults)
    server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
