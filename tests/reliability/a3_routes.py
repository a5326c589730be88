#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A3: every route with every method, with the token in each right and wrong form, against a table that is written down here."""

import base64
import itertools
import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support import http_client  # noqa: E402

METHODS = ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND")
TOKEN = "correct horse battery staple"
# route -> (methods, whether the token is needed, statuses with it)
ROUTES = {
    "/": (("GET", "HEAD"), True, (200,)),
    "/healthz": (("GET", "HEAD"), False, (200,)),
    "/readyz": (("GET", "HEAD"), False, (200,)),
    "/metrics": (("GET", "HEAD"), True, (200,)),
    "/api/v1/repositories": (("GET", "HEAD"), True, (200,)),
    "/api/v1/repositories/docs": (("GET", "HEAD"), True, (200,)),
    "/api/v1/repositories/unknown": (("GET", "HEAD"), True, (404,)),
    "/api/v1/repositories/docs/sync": (("POST",), True, (202,)),
    "/api/v1/repositories/docs/sync?wait=1": (("POST",), True, (200,)),
    "/api/v1/repositories/unknown/sync": (("POST",), True, (404,)),
    "/api/v1/reload": (("POST",), True, (200,)),
    "/hooks/docs": (("POST",), False, (401,)),
    "/hooks/plain": (("POST",), False, (404,)),
    "/hooks": (("POST",), False, (401,)),
}  # fmt: skip
NOWHERE = ("/nowhere", "/api", "/api/v1", "/api/v1/repositories/", "/hooks/", "/healthz/", "/index.html", "/favicon.ico", "/.git/config")


def basic(password, user="operator"):
    return "Basic " + base64.b64encode(("%s:%s" % (user, password)).encode()).decode()


TOKENS = {
    None: False, "Bearer " + TOKEN: True, basic(TOKEN): True, basic(TOKEN, ""): True, "Bearer wrong": False, "Bearer " + TOKEN + "x": False,
    "Bearer " + TOKEN[:-1]: False, "Bearer ": False, basic("wrong"): False, basic("", TOKEN): False, "Basic !!!": False, TOKEN: False,
    "Digest " + TOKEN: False,
}  # fmt: skip
TRIALS = list(itertools.product(list(ROUTES) + list(NOWHERE), range(len(TOKENS))))


def judge(base, path, authorization, right):
    """What is wrong with the answers to one route and one token, over all methods."""
    problems = []
    methods, needs_token, good = ROUTES.get(path, ((), False, ()))
    for method in METHODS:
        fields = {} if authorization is None else {"Authorization": authorization}
        answer = http_client.request(method, base + path, fields=fields)
        if path not in ROUTES:
            expected = (404,)
        elif method not in methods:
            expected = (405,)
        else:
            expected = (401,) if needs_token and not right else good
        name = "%s %s with %r" % (method, path, authorization)
        if answer.status not in expected:
            problems.append("%s: %s, not %s" % (name, answer.status, expected))
            continue
        if answer.status == 405 and answer.fields.get("Allow", "").split(", ") != list(methods):
            problems.append("%s: Allow is %r" % (name, answer.fields.get("Allow")))
        if answer.status == 401 and needs_token and "Basic" not in answer.fields.get("WWW-Authenticate", ""):
            problems.append("%s: no browser would ask for the token" % name)
        if method == "HEAD" and answer.body:
            problems.append("%s: has a body" % name)
        problems += ["%s: %s is %r" % (name, field, answer.fields.get(field))
                     for field, value in (("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff"))
                     if answer.fields.get(field) != value]  # fmt: skip
        if "default-src 'none'" not in answer.fields.get("Content-Security-Policy", ""):
            problems.append("%s: no policy" % name)
        if answer.status >= 400 and answer.body and answer.type not in ("application/problem+json", "application/json"):
            problems.append("%s: an error as %s" % (name, answer.type))
        if not right and answer.status < 400 and "docs" in answer.text:
            problems.append("%s: a name without the token" % name)
    return problems


class Routes(rig.Row):
    """Route, method, token."""

    name = "A3"
    title = "every route, method and form of the token"
    quick = len(TRIALS)
    long = len(TRIALS)
    jobs = 4

    def __init__(self):
        super().__init__()
        self.token_file = os.path.join(self.folder, "token")
        for path, text in ((self.token_file, TOKEN), (os.path.join(self.folder, "secret"), "hook secret")):
            with open(path, "w", encoding="ascii") as out:
                out.write(text + "\n")
        self.daemon = self.run("daemon", {"listen": "127.0.0.1:0", "token_file": self.token_file})
        self.base = self.daemon.admin

    def run(self, name, admin):
        remote = self.remote(name + ".git", {"f": "x"})
        plain = self.entry(self.remote(name + "-plain.git", {"f": "x"}), name="plain", suspend=True)
        hooked = self.entry(remote, webhook={"secret_file": os.path.join(self.folder, "secret")})
        daemon = self.adapter(os.path.join(self.folder, name), hooked, plain, every="1h", admin=admin)
        daemon.start()
        daemon.wait_published("docs", remote.resolve("main"))
        return daemon

    def close(self):
        self.daemon.stop()
        super().close()

    def numbers(self, count):
        return range(len(TRIALS))

    def trial(self, number, source, folder):
        path, which = TRIALS[number]
        authorization, right = list(TOKENS.items())[which]
        return judge(self.base, path, authorization, right)

    def planted(self, folder):
        open_to_all = self.run("open", {"listen": "127.0.0.1:0"})
        try:
            return judge(open_to_all.admin, "/metrics", None, False)
        finally:
            open_to_all.stop()


if __name__ == "__main__":
    rig.main(Routes)
