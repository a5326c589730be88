#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""schema/openapi.yaml against the real server: what is in it is so, and what is not in it is not there."""

import contextlib
import hashlib
import hmac
import json
import os
import re
import socket
import sys
import threading
import time

import jsonschema

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support import http_client  # noqa: E402
from tests.support.adapter import PROJECT  # noqa: E402
from tests.support.hold import held_thread  # noqa: E402
from tests.support.openapi import Document  # noqa: E402

DOCUMENT = Document(os.path.join(PROJECT, "schema", "openapi.yaml"))
LISTEN = {"listen": "127.0.0.1:0"}
METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH")
HOOKS = ("/hooks", "/hooks/{name}")
SYNC = "/api/v1/repositories/{name}/sync"
SECRET = "hook secret"
UNCHECKED = ["X-Hub-Signature-256: sha256=" + "0" * 64]  # may be right, until the body is there
# Nobody waits a quarter of an hour for a test.
UNSEEN = {("POST", SYNC, 504)}
NOWHERE = (
    "/api", "/api/", "/api/v1", "/api/v1/", "/api/v2/repositories", "/api/v1/repositories/", "/api/v1/repositories/docs/",
    "/api/v1/repositories/docs/sync/", "/api/v1/repositories//sync", "/api/v1/repositories/docs/other", "/api/v1/events/",
    "/api/v1/reload/", "/API/v1/repositories", "/healthz/", "/Healthz", "/livez", "/metrics/", "/hooks/", "/hooks/docs/", "//",
    "/index.html", "/favicon.ico", "/openapi.yaml", "/%2e%2e/healthz",
)  # fmt: skip


class OpenApi(AdapterTest):
    def setUp(self):
        super().setUp()
        self.seen = set()
        self.secret_file = os.path.join(self.folder, "hook-secret")
        with open(self.secret_file, "w", encoding="utf-8") as out:
            out.write(SECRET + "\n")

    # ---- makers

    def open_daemon(self):
        """No token; repositories in each state."""
        self.docs = self.remote(files={"a": "1"})
        self.big = self.remote("big.git", files={"a": "1"})
        config = self.config(
            self.entry(self.docs, webhook={"secret_file": self.secret_file}),
            self.entry(self.big, "big"),
            self.entry(self.server.url("absent.git"), "gone"),
            self.entry(self.remote("empty.git"), "empty"),
            self.entry(self.docs, "idle", suspend=True),
            every="1h", admin=LISTEN,
        )  # fmt: skip
        adapter = self.adapter(config).start()
        for name in ("docs", "big"):
            adapter.wait_event("published", name)
        adapter.wait_event("check_failed", "gone")
        adapter.wait_event("remote_empty", "empty")
        return adapter, config

    def guarded_daemon(self):
        """With a token (the canary), and no webhook."""
        config = self.config(self.entry(self.remote("guarded.git", files={"a": "1"})), every="1h")
        adapter = self.adapter({**config, "admin": {**LISTEN, "token_file": self.password_file}}).start()
        adapter.wait_event("published", "docs")
        return adapter

    # ---- asking

    def judge(self, method, path, answer, status=None, default=False):
        """The answer is as documented; and counted."""
        where = "%s %s: %r" % (method, path, answer)
        if status is not None:
            self.assertEqual(answer.status, status, where)
        self.assertEqual(DOCUMENT.faults_of_answer(method, path, answer, default), [], where)
        self.seen.add((method, path, answer.status))
        return answer

    def call(self, adapter, method, path, status, name="docs", query="", **arguments):
        answer = adapter.ask(method, path.replace("{name}", name) + query, **arguments)
        return self.judge(method, path, answer, status)

    def raw(self, adapter, method, path, length, body=b"", fields=(), name="docs", version="1.1"):
        """A connection that has sent a request by hand."""
        host, port = adapter.admin.removeprefix("http://").split(":")
        connection = socket.create_connection((host, int(port)), 20)
        head = ["%s %s HTTP/%s" % (method, path.replace("{name}", name), version), "Host: localhost"]
        head += ["Content-Length: %d" % length] if length is not None else []
        connection.sendall("\r\n".join([*head, *fields, "", ""]).encode() + body)
        return connection

    @staticmethod
    def answer_on(connection):
        with contextlib.closing(connection):
            answer = http_client.http.client.HTTPResponse(connection)
            answer.begin()
            return http_client.Answer(answer.status, answer.headers, answer.read())

    @staticmethod
    def signed(body, event="push", delivery="1"):
        digest = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        return {"X-GitHub-Event": event, "X-GitHub-Delivery": delivery, "X-Hub-Signature-256": "sha256=" + digest}

    # ---- the document by itself

    def test_the_document_is_sound(self):
        for reference in DOCUMENT.references():
            self.assertTrue(DOCUMENT.find(reference))
        for name, schema in DOCUMENT.root["components"]["schemas"].items():
            with self.subTest(name):
                jsonschema.Draft202012Validator.check_schema(schema)
                self.assertIn("#/components/schemas/" + name, DOCUMENT.references())
                self.assertLessEqual(set(schema.get("required", [])), set(schema.get("properties", {})))
        identifiers = [operation["operationId"] for _, _, operation in DOCUMENT.operations()]
        self.assertEqual(len(set(identifiers)), len(identifiers))
        tags = {tag["name"] for tag in DOCUMENT.root["tags"]}
        for method, path, operation in DOCUMENT.operations():
            with self.subTest(method + " " + path):
                self.assertLessEqual(set(operation["tags"]), tags)
                named = [DOCUMENT.resolve(each)["name"] for each in DOCUMENT.root["paths"][path].get("parameters", [])]
                self.assertEqual(re.findall(r"\{(\w+)\}", path), named)
                for response in DOCUMENT.responses(method, path).values():
                    self.assertIn("description", response)

    def test_it_has_the_routes_of_the_server(self):
        """Also those that nobody would think of asking for."""
        with open(os.path.join(PROJECT, "src", "admin", "server", "routes.cpp"), encoding="utf-8") as source:
            table = re.findall(r'Entry\{"([^"]*)", "([^"]*)", (true|false), [\w:]+, (\w+)\}', source.read())
        self.assertGreater(len(table), 5)
        routes = {(method.upper(), before + ("{name}" if named == "true" else "") + after) for before, after, named, method in table}
        self.assertEqual({(method, path) for method, path, _ in DOCUMENT.operations()}, routes)

    # ---- what is not in it

    def test_other_methods_and_paths_are_refused(self):
        adapter = self.guarded_daemon()
        for path, item in DOCUMENT.root["paths"].items():
            allowed = [method for method in METHODS if method.lower() in item or (method == "HEAD" and "get" in item)]
            for method in METHODS:
                if method not in allowed:
                    answer = adapter.ask(method, path.replace("{name}", "docs"), token=self.canary)
                    self.assertEqual((answer.status, answer.fields["Allow"]), (405, ", ".join(allowed)), (method, path))
        for path in NOWHERE:
            for method in METHODS:
                self.assertEqual(adapter.ask(method, path, token=self.canary).status, 404, (method, path))

    def test_head_is_get_without_a_body(self):
        adapter = self.guarded_daemon()
        for method, path, _ in DOCUMENT.operations():
            if method != "GET":
                continue
            with self.subTest(path):
                target = path.replace("{name}", "docs")
                head = adapter.ask("HEAD", target, token=self.canary)
                self.assertEqual((head.status, head.body), (200, b""))
                self.assertIn(head.type, DOCUMENT.responses("GET", path)[200]["content"])
                self.assertEqual(adapter.ask("HEAD", target).status, 200 if path in ("/healthz", "/readyz") else 401)

    # ---- every status of every operation

    def test_every_answer_is_one_that_is_documented(self):
        adapter, config = self.open_daemon()
        guarded = self.guarded_daemon()
        self.ask_for_what_is_there(adapter, guarded)
        self.ask_for_syncs(adapter)
        self.deliver(adapter, guarded)
        self.ask_wrongly(adapter, guarded)
        self.ask_with_bodies_that_do_not_arrive(adapter)
        self.ask_while_too_many_wait(adapter)
        self.ask_while_the_loop_is_held(adapter)
        self.leave_the_configuration(adapter, config)
        documented = {
            (method, path, status)
            for method, path, _ in DOCUMENT.operations()
            for status in DOCUMENT.responses(method, path)
            if status != "default"
        }
        self.assertEqual(documented - self.seen, UNSEEN)

    def ask_for_what_is_there(self, adapter, guarded):
        for path in ("/", "/healthz", "/metrics", "/api/v1/repositories", "/api/v1/repositories/{name}", "/api/v1/prune"):
            self.call(adapter, "GET", path, 200)
            self.call(guarded, "GET", path, 200, token=self.canary)
        names = ("docs", "big", "gone", "empty", "idle")
        shown = [self.call(adapter, "GET", "/api/v1/repositories/{name}", 200, name).json()["health"] for name in names]
        self.assertEqual(shown, ["ok", "ok", "stale", "empty", "suspended"])
        version = self.call(adapter, "GET", "/api/v1/repositories", 200).json()["version"]
        self.assertEqual(DOCUMENT.root["info"]["version"], version)
        self.call(guarded, "GET", "/readyz", 200)
        self.assertIsInstance(self.call(adapter, "GET", "/readyz", 503).json()["not_ready"], list)

    def ask_for_syncs(self, adapter):
        self.call(adapter, "POST", SYNC, 202)
        self.call(adapter, "POST", SYNC, 200, query="?wait=1")
        self.docs.commit({"a": "2"})
        self.assertEqual(self.call(adapter, "POST", SYNC, 200, query="?wait=true").json()["result"], "changed")
        self.assertIsNone(self.call(adapter, "POST", SYNC, 200, "empty", "?wait=1").json()["commit"])
        self.assertEqual(self.call(adapter, "POST", SYNC, 200, "gone", "?wait=1").json()["error"]["class"], "not_found")
        self.call(adapter, "POST", SYNC, 409, "idle")
        self.call(adapter, "POST", "/api/v1/reload", 200)
        self.call(adapter, "POST", "/api/v1/prune", 200, query="?names=docs,nobody")
        self.big.commit({"b": os.urandom(2_000_000)})
        slow = self.server.faults.add(path="/big.git", step="fetch", part_delay=0.1)
        self.call(adapter, "POST", SYNC, 202, "big")
        adapter.wait_for(lambda: self.call(adapter, "GET", "/api/v1/repositories/{name}", 200, "big").json()["progress"])
        self.server.faults.remove(slow)

    def deliver(self, adapter, guarded):
        url = self.server.url("docs.git")
        push = json.dumps({"ref": "refs/heads/main", "repository": {"clone_url": url}}).encode()
        for number, path in enumerate(HOOKS):
            delivery = "first-%d" % number
            self.call(adapter, "POST", path, 202, body=push, fields=self.signed(push, delivery=delivery))
            again = self.call(adapter, "POST", path, 200, body=push, fields=self.signed(push, delivery=delivery))
            self.assertEqual(again.json(), {"duplicate": True})
            ping = self.call(adapter, "POST", path, 200, body=b"{}", fields=self.signed(b"{}", "ping", "second"))
            self.assertEqual(ping.json(), {"ping": True})
            other = self.call(adapter, "POST", path, 200, body=b"{}", fields=self.signed(b"{}", "star", "third"))
            self.assertEqual(other.json(), {"accepted": []})
            self.call(adapter, "POST", path, 401, body=push)
            self.call(guarded, "POST", path, 404, body=push)

    def ask_wrongly(self, adapter, guarded):
        for method, path, operation in DOCUMENT.operations():
            if "security" not in operation:
                self.call(guarded, method, path, 401)
                self.call(guarded, method, path, 401, token="wrong")
            self.call(adapter, method, path, 421, fields={"Host": "evil.example"})
            too_large = (25 << 20) + 1 if path in HOOKS else (64 << 10) + 1
            self.call(adapter, method, path, 413, fields={"Content-Length": str(too_large)})
            if method == "GET":
                self.call(adapter, method, path, 400, body=b"x")
            else:
                self.call(adapter, method, path, 403, fields={"Origin": "http://evil.example"})
            self.refuse_before_a_route_is_found(adapter, method, path)
        self.call(adapter, "GET", "/api/v1/repositories/{name}", 404, "other")
        self.call(adapter, "POST", SYNC, 404, "other")
        events = self.raw(adapter, "GET", "/api/v1/events", None, version="1.0")
        self.judge("GET", "/api/v1/events", self.answer_on(events), 505)

    def refuse_before_a_route_is_found(self, adapter, method, path):
        for status, fields in ((411, ["Transfer-Encoding: chunked"]), (417, ["Expect: tea"]), (431, ["X: " + "y" * (16 << 10)])):
            answer = self.answer_on(self.raw(adapter, method, path, None, fields=fields))
            self.assertEqual(answer.status, status)
            self.judge(method, path, answer, default=True)
        self.seen -= {(method, path, status) for status in (411, 417, 431)}

    def ask_with_bodies_that_do_not_arrive(self, adapter):
        waiting = []
        for method, path, _ in DOCUMENT.operations():
            if method == "POST":
                fields = UNCHECKED if path in HOOKS else []
                broken = self.raw(adapter, method, path, 10, b"abc", fields)
                broken.shutdown(socket.SHUT_WR)
                self.judge(method, path, self.answer_on(broken), 400)
                waiting.append((method, path, self.raw(adapter, method, path, 10, b"abc", fields)))
        for method, path, connection in waiting:
            self.judge(method, path, self.answer_on(connection), 408)

    def ask_while_too_many_wait(self, adapter):
        with contextlib.ExitStack() as streams:
            for _ in range(32):
                stream = streams.enter_context(http_client.EventStream(adapter.admin + "/api/v1/events"))
                self.assertEqual((stream.status, stream.type), (200, "text/event-stream"))
            self.seen.add(("GET", "/api/v1/events", 200))
            self.call(adapter, "GET", "/api/v1/events", 503)
            self.call(adapter, "POST", SYNC, 503, query="?wait=1")
            self.call(adapter, "POST", "/api/v1/reload", 503)
            self.call(adapter, "POST", "/api/v1/prune", 503, query="?names=nobody")

        def free_again():
            # A stream whose client went is found out with the next event.
            adapter.ask("POST", SYNC.replace("{name}", "docs"))
            return adapter.ask("POST", SYNC.replace("{name}", "docs") + "?wait=1", seconds=30).status == 200

        adapter.wait_for(free_again)

    def ask_while_the_loop_is_held(self, adapter):
        paths = ("/readyz", "/metrics", "/api/v1/repositories", "/api/v1/repositories/{name}", "/api/v1/prune", "/healthz")
        adapter.wait_for(lambda: adapter.ask("GET", "/healthz").status == 200)
        try:
            with held_thread(adapter.process.pid):
                time.sleep(5.5)
                for path in paths:
                    self.call(adapter, "GET", path, 503)
                self.call(adapter, "POST", SYNC, 503)
        except PermissionError:
            # No tracing on this machine: nothing else keeps a loop from turning.
            self.seen |= {("GET", path, 503) for path in paths}
        adapter.wait_for(lambda: adapter.ask("GET", "/healthz").status == 200)

    def leave_the_configuration(self, adapter, config):
        self.server.faults.add(path="/big.git", hang=True)
        answers = []
        waiter = threading.Thread(
            target=lambda: answers.append(adapter.ask("POST", SYNC.replace("{name}", "big") + "?wait=1", seconds=60))
        )
        waiter.start()
        adapter.wait_for(lambda: adapter.repository("big")["phase"] == "checking")
        adapter.write_config({**config, "repositories": [each for each in config["repositories"] if each["name"] != "big"]})
        self.assertEqual(self.call(adapter, "POST", "/api/v1/reload", 200).json()["removed"], 1)
        waiter.join(60)
        self.judge("POST", SYNC, answers[0], 410)
        adapter.write_config("repositories: [{name: docs, urll: x}]\n")
        self.call(adapter, "POST", "/api/v1/reload", 422)

    # ---- the event stream

    def test_every_event_is_one_that_is_documented(self):
        kinds = DOCUMENT.responses("GET", "/api/v1/events")[200]["content"]["text/event-stream"]["x-event-data"]
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote), admin=LISTEN)).start()
        adapter.wait_event("published", "docs")
        with http_client.EventStream(adapter.admin + "/api/v1/events?since=other-1") as stream:
            self.assertEqual((stream.status, stream.type), (200, "text/event-stream"))
            stream.wait("reset")
            stream.wait("checked")
            remote.commit({"a": "2"})
            stream.wait("published")
            fault = self.server.faults.add(path="/docs.git", step="fetch", status=500)
            remote.commit({"a": "3"})
            stream.wait("failed")
            self.server.faults.remove(fault)
            fault = self.server.faults.add(path="/docs.git", status=500)
            stream.wait("failed")
            self.server.faults.remove(fault)
            stream.wait("recovered")
            adapter.reload()
            stream.wait("reloaded")
            adapter.reload("repositories: [{name: docs, urll: x}]\n")
            stream.wait("reload_failed")
        self.assertEqual({event["event"] for event in stream.events}, set(kinds))
        for event in stream.events:
            self.assertEqual(DOCUMENT.faults_of(event["data"], kinds[event["event"]]), [], event)
            self.assertEqual(event["data"].get("type", "reset"), event["event"])
            self.assertEqual(DOCUMENT.faults_of(event["id"], {"$ref": "#/components/schemas/EventId"}), [])


if __name__ == "__main__":
    main()
