#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D1: kill -9 at random times, five remotes, commits all the while; then a start that puts everything right."""

import os
import random
import sys
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402

REMOTES = 5


class Committer:
    """Commits to all remotes in turn until it is stopped."""

    def __init__(self, remotes, source):
        self._remotes = remotes
        self._random = random.Random(source.random())
        self._ended = threading.Event()
        self.history = {remote.name: [remote.resolve("main")] for remote in remotes}
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        while not self._ended.is_set():
            remote = self._random.choice(self._remotes)
            files = {"f%d" % self._random.randrange(30): os.urandom(self._random.choice((10, 1000, 60_000)))}
            self.history[remote.name].append(remote.commit(files))
            self._ended.wait(self._random.random() * 0.1)

    def stop(self):
        self._ended.set()
        self._thread.join()


class RandomKills(rig.Row):
    """kill -9 at random times."""

    name = "D1"
    title = "kill -9 at random times, five remotes, commits all the while"
    quick = 50
    long = 1000
    jobs = 3

    def trial(self, number, source, folder):
        files = {"d%d/f%d" % (index % 4, index): os.urandom(source.choice((0, 100, 20_000))) for index in range(25)}
        remotes = [self.remote("t%s-%d.git" % (number, index), files) for index in range(REMOTES)]
        entries = [self.entry(remote, "r%d" % index) for index, remote in enumerate(remotes)]
        adapter = self.adapter(folder, *entries)
        committer = Committer(remotes, source)
        problems, newest = [], [-1] * REMOTES
        try:
            for _ in range(source.randint(1, 3)):
                adapter.start()
                time.sleep(source.random() * 0.8)
                adapter.kill()
                problems += self.judge(adapter, remotes, committer, newest)
        finally:
            committer.stop()
        adapter.start()
        for index, remote in enumerate(remotes):
            adapter.wait_published("r%d" % index, remote.resolve("main"), seconds=20)
        problems += self.judge(adapter, remotes, committer, newest)
        for index, remote in enumerate(remotes):
            problems += rig.check_at_rest(adapter, "r%d" % index, remote, remote.advertised)
        adapter.stop()
        return problems

    @staticmethod
    def judge(adapter, remotes, committer, newest):
        """I1 for each remote at this moment, and I2: nothing goes back behind what was acknowledged or seen."""
        problems = []
        for index, remote in enumerate(remotes):
            name = "r%d" % index
            volume = rig.Volume(adapter.data, name)
            commit = volume.check_complete(remote.directory)
            problems += volume.problems
            history = committer.history[remote.name]
            acknowledged = [event["commit"] for event in adapter.found("published", name)]
            told = max([history.index(each) for each in acknowledged] + [newest[index]])
            now = history.index(commit) if commit else -1
            if now < told:
                problems.append("%s went back from commit %d to %d" % (name, told, now))
            newest[index] = max(newest[index], now)
        return problems

    def planted(self, folder):
        remote = self.remote("planted.git", {"a": "first"})
        adapter = self.adapter(folder, self.entry(remote, "r0"))
        committer = Committer([remote], random.Random(1))
        adapter.start()
        adapter.wait_for(lambda: len(adapter.found("published")) >= 2, what="two publishes")
        committer.stop()
        adapter.wait_event("published", "r0", commit=remote.resolve("main"))
        adapter.kill()
        trees = os.path.join(adapter.data, ".adapter", "r0", "trees")
        # The kill may have left a tree on its way out (`.gone-…`) beside it.
        older = [each for each in os.listdir(trees) if len(each) == 40 and each != adapter.published("r0")][0]
        os.unlink(adapter.link("r0"))
        os.symlink(".adapter/r0/trees/" + older, adapter.link("r0"))
        said = self.judge(adapter, [remote], committer, [-1])
        rig.corrupt_published_tree(adapter, "r0")
        torn = self.judge(adapter, [remote], committer, [-1])
        return said if said and len(torn) > len(said) else []


if __name__ == "__main__":
    rig.main(RandomKills)
