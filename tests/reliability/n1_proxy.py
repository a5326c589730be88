#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""N1: a proxy that resets, stalls or ends after byte n of the hand-shake and of every answer."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support.chaos_proxy import ChaosProxy, Harm  # noqa: E402

ACTS = ("reset", "end", "stall")


class Proxy(rig.Row):
    """A proxy that cuts at byte n."""

    name = "N1"
    title = "a proxy that resets, stalls or ends after byte n"
    quick = 128
    long = 1500
    jobs = 4

    def __init__(self):
        super().__init__()
        self.trials = self.quick
        self.base = self.remote("n1.git", {"a": os.urandom(9000), "d/b": "2" * 500, "c": os.urandom(400)})
        self.first = self.base.resolve("main")
        self.second = self.base.commit({"a": os.urandom(5000)})
        folder = os.path.join(self.folder, "measure")
        with ChaosProxy(("127.0.0.1", self.server.port)) as proxy:
            adapter = self.through(proxy, folder, self.second)
            if adapter.once() != 0:
                raise AssertionError(adapter.tail())
            self.down_bytes, self.up_bytes = sum(proxy.down_bytes), sum(proxy.up_bytes)

    def numbers(self, count):
        self.trials = count
        return range(count)

    def through(self, proxy, folder, ref):
        url = "https://localhost:%d/n1.git" % proxy.port
        return self.adapter(folder, self.entry(self.base, url=url, ref=ref))

    def trial(self, number, source, folder):
        with ChaosProxy(("127.0.0.1", self.server.port)) as proxy:
            adapter = self.through(proxy, folder, self.first)
            update = source.random() < 0.5
            if update:
                if adapter.once() != 0:
                    return ["before any harm: " + adapter.tail(5)]
                adapter = self.through(proxy, folder, self.second)
            direction = "down" if source.random() < 0.8 else "up"
            total = self.down_bytes if direction == "down" else self.up_bytes
            # The hand-shake is short and a pack is long: a third of the trials go to the first 4 KiB.
            span = min(total, 4096) if number % 3 == 0 else total
            at = int(span * (number + source.random()) / self.trials) % span
            harm = Harm(ACTS[number % len(ACTS)], at, direction, connections=source.choice((1, 1, 2)))
            proxy.harm(harm)
            code = adapter.once("--retry", "40s")
            problems = [] if code == 0 else ["%s: exit code %d\n%s" % (harm, code, adapter.tail(8))]
            problems += self.judge(adapter, {self.second} if update else {self.first})
            return ["%s: %s" % (harm, each) for each in problems]

    def judge(self, adapter, allowed):
        return rig.check(adapter.data, "docs", self.base.directory, allowed)

    def planted(self, folder):
        with ChaosProxy(("127.0.0.1", self.server.port)) as proxy:
            adapter = self.through(proxy, folder, self.first)
            proxy.harm(Harm("reset", self.down_bytes // 2, connections=1000))
            # The harm is real: with all connections cut nothing can be published.
            if adapter.once() == 0 or not self.judge(adapter, {self.first}):
                return []
            proxy.harm(None)
            if adapter.once() != 0 or self.judge(adapter, {self.first}):
                return []
            rig.corrupt_published_tree(adapter)
            return self.judge(adapter, {self.first})


if __name__ == "__main__":
    rig.main(Proxy)
