#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""N2: one flipped bit anywhere in an answer: in the encrypted bytes on the wire, and in the plain ones under the encryption."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support.chaos_proxy import ChaosProxy, Harm  # noqa: E402
from tests.support.faults import Fault  # noqa: E402
from tests.support.remotes import EXECUTABLE  # noqa: E402

_STEPS = ("capabilities", "ls_refs", "ls_refs", "fetch", "fetch", "fetch")
_HEAD_BYTES = 330


class BitFlips(rig.Row):
    """One flipped bit."""

    name = "N2"
    title = "one flipped bit anywhere in an answer"
    quick = 128
    long = 2000
    jobs = 4

    def __init__(self):
        super().__init__()
        self.base = self.remote("n2.git", {"a": "0"})
        self.base.commit({"a": os.urandom(1500), "d/b": "2" * 500, "run": (EXECUTABLE, "#!"), "d/e/c": "text\n" * 30})
        adapter = self.adapter(os.path.join(self.folder, "measure"), self.entry(self.base))
        if adapter.once() != 0:
            raise AssertionError(adapter.tail())
        self.bytes = {step: self.server.seen(step)[0]["bytes"] for step in set(_STEPS)}
        self.wire_bytes = sum(self.bytes.values()) + 3500

    def trial(self, number, source, folder):
        # A name of its own, so that the fault meets this trial's requests only.
        label = "n2-%d.git" % number
        os.symlink(self.base.directory, os.path.join(self.root, label))
        if number % 3 == 0:
            with ChaosProxy(("127.0.0.1", self.server.port)) as proxy:
                harm = Harm("flip", source.randrange(self.wire_bytes * 8))
                proxy.harm(harm)
                url = "https://localhost:%d/%s" % (proxy.port, label)
                return self.run_one(folder, url, harm)
        step = source.choice(_STEPS)
        scope = source.choice(("all", "body", "body") if step != "fetch" else ("all", "body", "pack"))
        count = self.bytes[step] + (_HEAD_BYTES if scope == "all" else 0)
        fault = Fault(path="^/" + label, step=step, count=1, flip_bit=source.randrange(count * 8), flip_scope=scope)
        self.server.faults.add(fault)
        try:
            return self.run_one(folder, self.server.url(label), fault)
        finally:
            self.server.faults.remove(fault)

    def run_one(self, folder, url, fault):
        adapter = self.adapter(folder, self.entry(self.base, url=url))
        code = adapter.once("--retry", "40s")
        if code == 0 and adapter.published("docs") is None:
            # Without the four letters HEAD the answer is that of an empty repository, which is no error; the next check heals it.
            code = adapter.once()
        problems = [] if code == 0 else ["exit code %d\n%s" % (code, adapter.tail(8))]
        problems += self.judge(adapter)
        changed = ["%s=%r" % item for item in vars(fault).items() if item[1] not in (0, -1, 0.0, "", b"", False, [])]
        return ["%s: %s" % (" ".join(changed), each) for each in problems]

    def judge(self, adapter):
        return rig.check(adapter.data, "docs", self.base.directory, {self.base.resolve("main")})

    def planted(self, folder):
        # The flip is real: with each pack spoilt nothing can be published.
        fault = self.server.faults.add(step="fetch", flip_bit=self.bytes["fetch"] * 4, flip_scope="body")
        adapter = self.adapter(folder, self.entry(self.base))
        code = adapter.once()
        self.server.faults.remove(fault)
        if code == 0 or not fault.met or not self.judge(adapter):
            return []
        if adapter.once() != 0 or self.judge(adapter):
            return []
        rig.corrupt_published_tree(adapter)
        return self.judge(adapter)


if __name__ == "__main__":
    rig.main(BitFlips)
