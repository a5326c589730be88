#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A4: deliveries as each forge signs them, made by another implementation, right and wrong ones, against the real port; and a flood of
forged ones, which must not cost a single look at the remote."""

import http.client
import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402

VECTORS_SCRIPT = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "unit", "admin", "hooks", "make_vectors.py")
FORGED = 10_000


def fresh_vectors():
    """The vectors of the unit tests, signed with the time that it is. Those at the edge of what is too old are left to the unit tests."""
    with open(VECTORS_SCRIPT, encoding="utf-8") as source:
        text = source.read()
    made = text.replace("NOW = 1795435200", "NOW = %d" % time.time())
    assert made != text
    module = {"__name__": "vectors", "__file__": VECTORS_SCRIPT}
    sys.path.insert(0, os.path.dirname(VECTORS_SCRIPT))
    exec(compile(made, VECTORS_SCRIPT, "exec"), module)  # pylint: disable=exec-used
    sys.path.pop(0)
    for part in ("github", "gitea_and_kin", "gitlab", "bitbucket", "azure", "generic", "refused_signatures", "refused_forms",
                 "one_header_beside_another", "refused_tokens", "standard_webhooks"):  # fmt: skip
        module[part]()
    # Blanks around a value do not exist on the wire, so that one with them is as good as one without.
    return [vector for vector in module["VECTORS"]
            if " s off" not in vector["name"] and all(value == value.strip() for _, value in vector["headers"])]  # fmt: skip


def deliver(port, name, headers, body):
    """The status of one delivery; 0 when there was no answer. Repeated fields stay repeated."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        connection.putrequest("POST", "/hooks/" + name if name else "/hooks", skip_accept_encoding=True)
        for field, value in headers:
            connection.putheader(field, value.encode("utf-8"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders()
        connection.send(body)
        answer = connection.getresponse()
        answer.read()
        return answer.status
    except OSError:
        return 0
    finally:
        connection.close()


class Webhooks(rig.Row):
    """Deliveries of forges."""

    name = "A4"
    title = "webhook vectors, and %d forged deliveries" % FORGED
    jobs = 4

    def __init__(self):
        super().__init__()
        self.vectors = fresh_vectors()
        self.quick = self.long = len(self.vectors) + 1
        self.names = {}
        entries = []
        for vector in self.vectors:
            key = (vector["kind"], tuple(vector["secrets"]))
            if key not in self.names:
                self.names[key] = "r%d" % len(self.names)
                entries.append(self.hooked(self.names[key], *key))
        entries.append(self.hooked("flooded", "", ("nobody else delivers here",)))
        self.daemon = self.adapter(os.path.join(self.folder, "daemon"), *entries, every="12h", admin={"listen": "127.0.0.1:0"})
        self.daemon.start()
        self.port = int(self.daemon.admin.rsplit(":", 1)[1])
        for entry in entries:
            self.daemon.wait_event("published", entry["name"])

    def hooked(self, name, kind, secrets):
        files = []
        for number, secret in enumerate(secrets):
            files.append(os.path.join(self.folder, "%s-%d" % (name, number)))
            with open(files[-1], "w", encoding="utf-8") as out:
                out.write(secret + "\n")
        webhook = {"secret_files": files}
        if kind:
            webhook["kind"] = kind
        return self.entry(self.remote(name + ".git", {"f": name}), name=name, webhook=webhook)

    def close(self):
        self.daemon.stop()
        super().close()

    def numbers(self, count):
        return range(self.quick)

    def trial(self, number, source, folder):
        if number == len(self.vectors):
            return self.flood()
        vector = self.vectors[number]
        name = self.names[(vector["kind"], tuple(vector["secrets"]))]
        return self.judge(vector, deliver(self.port, name, vector["headers"], vector["body"].encode()))

    @staticmethod
    def judge(vector, status):
        if not any(vector["secrets"]):
            good = (503,)  # a file without a secret: the forge did nothing wrong, and nothing is delivered
        else:
            good = (200, 202) if vector["verified"] else (400, 401)  # 400: a head that no server takes
        return [] if status in good else ["%s: answered %s" % (vector["name"], status)]

    def flood(self):
        """Forged deliveries on connections that stay open, to a name and to all."""
        name = "flooded"
        before = self.daemon.repository(name)["attempts"]["begun"]
        body = b'{"ref":"refs/heads/main","after":"%s"}' % (b"1" * 40)
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        statuses = set()
        for number in range(FORGED):
            fields = {"X-Hub-Signature-256": "sha256=%064x" % number, "X-GitHub-Event": "push", "X-GitHub-Delivery": str(number)}
            connection.request("POST", "/hooks/" + name if number % 2 else "/hooks", body, fields)
            answer = connection.getresponse()
            answer.read()
            statuses.add(answer.status)
        connection.close()
        problems = [] if statuses == {401} else ["forged deliveries were answered %s" % statuses]
        after = self.daemon.repository(name)["attempts"]["begun"]
        if after != before:
            problems.append("%d attempts while %d forged deliveries came" % (after - before, FORGED))
        return problems

    def planted(self, folder):
        """A delivery whose body was changed on its way, judged as if it were good."""
        vector = next(vector for vector in self.vectors if vector["verified"])
        name = self.names[(vector["kind"], tuple(vector["secrets"]))]
        return self.judge(vector, deliver(self.port, name, vector["headers"], vector["body"].encode() + b" "))


if __name__ == "__main__":
    rig.main(Webhooks)
