# SPDX-License-Identifier: Apache-2.0
"""What the tests of status, sync and health stand on: a daemon with an admin port, or somebody else in its place."""

import contextlib
import http.server
import os
import socket
import ssl
import sys
import threading

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, run_command  # noqa: E402

LOOPBACK = "127.0.0.1:0"


def free_port():
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class ClientTest(AdapterTest):
    def daemon(self, *entries, listen=LOOPBACK, every="1h", admin=None, **top):
        """A running daemon with an admin port."""
        config = self.config(*entries, every=every, admin={"listen": listen, **(admin or {})}, **top)
        adapter = self.adapter(config).start()
        self.assertTrue(adapter.admin)
        return adapter

    def published(self, names=("docs",), **keys):
        """A daemon that has published a repository of each name."""
        for name in names:
            self.remote(name + ".git", files={"a": name})
        adapter = self.daemon(*[self.entry(self.server.url(name + ".git"), name) for name in names], **keys)
        for name in names:
            adapter.wait_event("published", name)
        return adapter

    def command(self, *arguments, **keys):
        """(exit code, output, errors); nothing of it holds the canary."""
        code, output, errors = run_command(*arguments, **keys)
        self.assertNotIn(self.canary, output + errors)
        return code, output, errors

    def impostor(self, answer, certificate=None):
        """A server of our own in the daemon's place; its URL. `answer(request)` gets http.server's handler."""

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def do_GET(self):
                answer(self)

            do_POST = do_GET

        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        server.daemon_threads = True
        server.handle_error = lambda *_: None
        if certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate.certificate, certificate.key)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()

        def end():
            server.shutdown()
            server.server_close()

        self.addCleanup(end)
        return "http%s://localhost:%d" % ("s" if certificate else "", server.server_port)


def send(request, status, body, content_type="application/json"):
    body = body.encode() if isinstance(body, str) else body
    request.send_response(status)
    request.send_header("Content-Type", content_type)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)
