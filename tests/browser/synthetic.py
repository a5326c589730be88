# SPDX-License-Identifier: Apache-2.0
"""A server of a page and of an API whose repositories and events are made up: for more of them than a machine has room to sync."""

import datetime
import hashlib
import json
import queue
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BOOT = "5eed"


def stamp(seconds_from_now=0.0):
    moment = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=seconds_from_now)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + "%03dZ" % (moment.microsecond // 1000)


def commit_of(text):
    return hashlib.sha1(text.encode()).hexdigest()


def repository(name, **keys):
    """A healthy one, as the API tells of it; `keys` say what is different."""
    healthy = {
        "name": name, "url": "https://git.example.com/team/%s.git" % name, "ref": "main", "resolved_ref": "refs/heads/main",
        "phase": "waiting", "health": "ok", "ready": True, "waiting_for": "", "commit": commit_of(name), "previous": None,
        "tree_path": "/data/" + name, "last_check": stamp(-12), "last_success": stamp(-12), "last_change": stamp(-5400),
        "next_due": stamp(48), "max_staleness_seconds": 600.0, "failure": None, "received_bytes": 48123,
        "published_paths": 211, "last_check_seconds": 0.043, "last_sync_seconds": 0.8, "left_out_links": 0, "submodules": 0,
        "lfs_pointers": 0, "webhook": False, "hooked": False, "attempts": {"begun": 50, "ended": 50}, "progress": None,
        "outcomes": [{"result": "unchanged", "count": 40}, {"result": "changed", "count": 1}, {"result": "unchanged", "count": 9}],
    }  # fmt: skip
    return {**healthy, **keys}


class Synthetic:
    """Serves on a free port of loopback until stop()."""

    def __init__(self, page, policy, repositories, configured=True):
        self.page = page
        self.policy = policy
        self.repositories = {each["name"]: each for each in repositories}
        self.configured = configured
        self.asked = []  # names of POST …/sync
        self._sequence = 0
        self._streams = []
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = "http://127.0.0.1:%d/" % self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True).start()

    def stop(self):
        self._server.shutdown()
        self._server.server_close()

    def emit(self, kind, name, **keys):
        """One event to every stream; the answers that follow know of its commit, as a daemon's do."""
        with self._lock:
            self._sequence += 1
            if "commit" in keys and name in self.repositories:
                self.repositories[name] = {**self.repositories[name], "commit": keys["commit"]}
            data = {"type": kind, "time": stamp(), "repository": name, **keys}
            text = "id: %s-%d\nevent: %s\ndata: %s\n\n" % (BOOT, self._sequence, kind, json.dumps(data))
            for stream in self._streams:
                stream.put(text.encode())

    def listing(self):
        with self._lock:
            return {
                "generated_at": stamp(), "version": "0.1.0", "configured": self.configured,
                "ready": all(each["ready"] for each in self.repositories.values()), "event_id": "%s-%d" % (BOOT, self._sequence),
                "repositories": list(self.repositories.values()),
            }  # fmt: skip

    def _handler(self):
        rig = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def answer(self, status, kind, body, **headers):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.end_headers()
                self.wfile.write(body)

            def json(self, status, value):
                self.answer(status, "application/json", json.dumps(value).encode())

            def do_GET(self):
                path = self.path.partition("?")[0]
                if path == "/":
                    self.answer(200, "text/html; charset=utf-8", rig.page, Content_Security_Policy=rig.policy)
                elif path == "/api/v1/repositories":
                    self.json(200, rig.listing())
                elif path == "/api/v1/events":
                    self.stream()
                elif path.rpartition("/")[2] in rig.repositories:
                    self.json(200, rig.repositories[path.rpartition("/")[2]])
                else:
                    self.json(404, {"title": "Not Found", "status": 404})

            def do_POST(self):
                name = self.path.split("/")[-2]
                rig.asked.append(name)
                self.json(202, {"id": rig.repositories[name]["attempts"]["begun"] + 1, "repository": name})

            def stream(self):
                mine = queue.Queue()
                with rig._lock:
                    rig._streams.append(mine)
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                try:
                    self.wfile.write(b"retry: 2000\n\n")
                    while True:
                        self.wfile.write(mine.get())
                except OSError:
                    pass
                finally:
                    self.close_connection = True
                    with rig._lock:
                        rig._streams.remove(mine)

        return Handler


def many(count):
    """That many repositories, some of them in each kind of trouble."""
    found = []
    for index in range(count):
        name = "team-%02d.service-%04d" % (index % 20, index)
        keys = {"last_success": stamp(-(index % 55)), "next_due": stamp(index % 60), "last_change": stamp(-300.0 * (index + 1))}
        if index % 97 == 13:
            # Not long enough to grow stale while the page is looked at.
            keys.update(failing("network", "connection to git.example.com:443 was refused", 60 + index % 300, "failing"))
        elif index % 211 == 17:
            keys.update(failing("auth", "the remote refused the credential (401)", 4000 + index, "stale"))
        found.append(repository(name, **keys))
    return found


def failing(kind, text, seconds, health, count=12):
    return {
        "health": health, "ready": health != "stale", "phase": "backing_off", "last_success": stamp(-seconds),
        "failure": {"class": kind, "text": text, "since": stamp(-seconds + 60), "count": count}, "next_due": stamp(40),
        "waiting_for": "retry in 40 s after a %s error" % kind,
        "outcomes": [{"result": "unchanged", "count": 50 - count}, {"result": kind, "count": count}],
    }  # fmt: skip


def feed(rig, rate, seconds):
    """Events at a rate, spread over all repositories; how many were sent."""
    names = list(rig.repositories)
    ends, sent, began = time.monotonic() + seconds, 0, time.monotonic()
    while time.monotonic() < ends:
        while sent < (time.monotonic() - began) * rate:
            name = names[(sent * 7919) % len(names)]
            common = {"attempt": 51 + sent // len(names), "duration_seconds": 0.04}
            if sent % 40 == 3:
                rig.emit("failed", name, **common, ends_attempt=True, failures=1, text="connection reset by peer",
                         result="network", **{"class": "network"})  # fmt: skip
            elif sent % 10 == 0:
                rig.emit("published", name, **common, ends_attempt=True, result="changed", commit=commit_of(name + str(sent)))
            else:
                rig.emit("checked", name, **common, ends_attempt=True, result="unchanged")
            sent += 1
        time.sleep(0.01)
    return sent
