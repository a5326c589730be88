# SPDX-License-Identifier: Apache-2.0
"""One HTTP request at a time, as the admin port's clients make them."""

import contextlib
import http.client
import json
import ssl
import time
import urllib.parse


class Answer:
    """`fields` finds a header field without regard to case; `body` is bytes."""

    def __init__(self, status, fields, body):
        self.status = status
        self.fields = fields
        self.body = body

    @property
    def type(self):
        """The media type without its parameters."""
        return self.fields.get("Content-Type", "").partition(";")[0].strip().lower()

    @property
    def text(self):
        return self.body.decode("utf-8", "replace")

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return "%d %s %s" % (self.status, self.type, self.text[:400])


def _connect(url, seconds, ca_file):
    parts = urllib.parse.urlsplit(url)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        return http.client.HTTPSConnection(parts.hostname, parts.port, timeout=seconds, context=context)
    return http.client.HTTPConnection(parts.hostname, parts.port, timeout=seconds)


def _send(connection, method, url, body, fields, token):
    parts = urllib.parse.urlsplit(url)
    target = (parts.path or "/") + ("?" + parts.query if parts.query else "")
    fields = dict(fields or {})
    if token is not None:
        fields["Authorization"] = ("Bearer " + token).encode("utf-8")
    connection.request(method, target, body=body, headers=fields)
    return connection.getresponse()


def request(method, url, body=None, fields=None, token=None, seconds=20, ca_file=None):
    """The whole answer, whatever its status; no redirect is followed. `token` goes as Bearer."""
    with contextlib.closing(_connect(url, seconds, ca_file)) as connection:
        answer = _send(connection, method, url, body, fields, token)
        return Answer(answer.status, answer.headers, answer.read())


class EventStream:
    """A text/event-stream as it comes in: a context manager. Events are dicts with `id`, `event` and `data` (read as JSON)."""

    def __init__(self, url, fields=None, token=None, seconds=20):
        self._connection = _connect(url, seconds, None)
        self._answer = _send(self._connection, "GET", url, None, fields, token)
        self.status = self._answer.status
        self.type = self._answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        self.retry = None  # milliseconds
        self.events = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._connection.close()

    def next(self):
        """The next event; None when the stream is at its end. TimeoutError when nothing at all arrives for `seconds`."""
        event = {}
        while True:
            line = self._answer.readline()
            if not line:
                return None
            name, _, value = line.decode("utf-8").rstrip("\r\n").partition(":")
            value = value[1:] if value.startswith(" ") else value
            if name == "retry":
                self.retry = int(value)
            elif name:
                event[name] = value
            elif line.strip() == b"" and event:
                event["data"] = json.loads(event["data"])
                self.events.append(event)
                return event

    def wait(self, kind, seconds=20, **data):
        """The next event of this kind (or one of several) with these values in its data."""
        kinds = (kind,) if isinstance(kind, str) else kind
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            event = self.next()
            if event is None:
                break
            if event.get("event") in kinds and all(event["data"].get(key) == value for key, value in data.items()):
                return event
        raise AssertionError("no event %r %r within %s s: %r" % (kind, data, seconds, self.events))
