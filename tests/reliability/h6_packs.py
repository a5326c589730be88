#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""H6: packs from a generator, small on the wire and large in CPU, memory or time to stop.

Each trial serves one such pack as it is and judges the program by what it costs: CPU time, peak memory, the time until the sync's
timeout and a SIGTERM are obeyed. The timeouts are short, so that indexing is cut off, long, so that it is what comes after, or so
long that the whole sync has to end by itself. Times are the process's CPU times where a loaded machine would blur them.
"""

import os
import random
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support import pack_writer  # noqa: E402

MIB = 1 << 20
MEMORY = 128 * MIB  # what the program may use beside three times the largest object: the object, its base, its delta
OBEYED_CPU = 2.0  # seconds of CPU after a timeout or a SIGTERM
OBEYED_WALL = 10.0  # the same on the clock: more is a hang, however loaded the machine is
WHOLE_CPU = 35.0  # seconds of CPU of a sync that nothing ends, published or refused: resolving deltas alone may take 20 and more
_FILE, _FOLDER, _LINK = "100644", "40000", "120000"


class Bomb:
    """One generated pack: `tree` is its root, `largest` the size of its largest object."""

    def __init__(self, source):
        self.source = source
        self.pack = pack_writer.PackWriter()
        self.what = ""
        self.largest = 0
        self.tree = None

    def scale(self, low, high):
        """Small ones are as likely as large ones."""
        return int(low * (high / low) ** self.source.random())

    def root(self, entries):
        content = sum(len(name) + 28 for _, name, _ in entries)
        self.largest = max(self.largest, content)
        self.tree = self.pack.add_tree(entries)


def small_chain(bomb):
    """Small objects that stand on each other, in the pack's order, against it, or shuffled within it."""
    count = bomb.scale(100, 30_000)
    order = bomb.source.choice(["forward", "backward", "shuffled"])
    by_id = order != "forward" or bomb.source.random() < 0.5
    texts = [b"%09d" % number for number in range(count + 1)]
    names = [pack_writer.object_id("blob", text) for text in texts]
    sequence = list(range(1, count + 1))
    if order == "backward":
        sequence.reverse()
    elif order == "shuffled":
        bomb.source.shuffle(sequence)
    bomb.pack.add("blob", texts[0])
    for number in sequence:
        bomb.pack.add_delta(names[number - 1], pack_writer.literal_delta(9, texts[number]), names[number], by_id)
    chosen = names if bomb.source.random() < 0.7 else names[-1:]
    bomb.root([(_FILE, b"%09d" % number, name) for number, name in enumerate(chosen)])
    bomb.what = "%d deltas, %s, by %s, %d named" % (count, order, "id" if by_id else "distance", len(chosen))


def large_chain(bomb):
    """Versions of one large object, a few bytes each."""
    size = bomb.scale(64 << 10, 24 << 20)
    count = min(bomb.scale(4, 400), (96 << 20) // size + 4)
    base = bytes(size)
    names = [bomb.pack.add("blob", base)]
    by_id = bomb.source.random() < 0.5
    for number in range(count):
        patch = b"%09d" % number
        name = pack_writer.object_id("blob", patch + base[9:])
        bomb.pack.add_delta(names[-1], pack_writer.patch_delta(size, patch), name, by_id)
        names.append(name)
    bomb.source.shuffle(names)
    bomb.largest = size
    bomb.root([(_FILE, b"%09d" % number, name) for number, name in enumerate(names)])
    bomb.what = "%d versions of %d KiB by %s" % (count, size >> 10, "id" if by_id else "distance")


def many_names(bomb):
    """Long names of files, folders or links, few objects."""
    count = bomb.scale(1_000, 100_000)
    length = bomb.source.choice([20, 100, 250])
    mode = bomb.source.choice([_FILE, _FOLDER, _LINK])
    target = bomb.pack.add_tree([(_FILE, b"f", bomb.pack.add("blob", b"x"))]) if mode == _FOLDER else bomb.pack.add("blob", b"target")
    names = sorted(b"%09d" % number + b"n" * (length - 9) for number in range(count))
    bomb.root([(mode, name, target) for name in names])
    bomb.what = "%d names of %d bytes, mode %s" % (count, length, mode)


def many_links(bomb):
    """Links that share long targets."""
    count = bomb.scale(1_000, 40_000)
    targets = [bomb.pack.add("blob", (b"%d/" % number + b"t/" * 2048)[: bomb.source.choice([400, 4000])]) for number in range(bomb.scale(1, 50))]
    bomb.root([(_LINK, b"%09d" % number, bomb.source.choice(targets)) for number in range(count)])
    bomb.what = "%d links to %d targets" % (count, len(targets))


def many_paths(bomb):
    """Folders in folders, shared on each level."""
    below = bomb.pack.add_tree([(_FILE, b"f%03d" % number, bomb.pack.add("blob", b"x")) for number in range(bomb.scale(1, 50))])
    levels, width = bomb.scale(2, 150), bomb.scale(1, 30)
    for _ in range(levels):
        below = bomb.pack.add_tree([(_FOLDER, b"d%03d" % number, below) for number in range(width)])
    bomb.tree = below
    bomb.what = "%d levels of %d folders" % (levels, width)


def large_neighbours(bomb):
    """A large tree of links beside names of one large blob: who holds what while it waits for the other?"""
    large = 17 << 20
    blob = bomb.pack.add("blob", bytes(large))
    target = bomb.pack.add("blob", b"target")
    inner = bomb.pack.add_tree([(_LINK, b"%09d" % number + b"n" * 205, target) for number in range(75_000)])
    bomb.largest = 76_000 * 245
    others = [bomb.pack.add_tree([(_FILE, b"%d-%d" % (folder, number), blob) for number in range(bomb.scale(1, 8))]) for folder in range(4)]
    bomb.tree = bomb.pack.add_tree([(_FOLDER, b"%d" % number, each) for number, each in enumerate([inner, *others])])
    bomb.what = "a tree of %d MiB beside a blob of %d MiB" % (bomb.largest >> 20, large >> 20)


def small_on_large(bomb):
    """Links, or what looks like pointers of LFS, each a small delta on one object: reading each unfolds that."""
    size = bomb.scale(256 << 10, 48 << 20)
    base = bomb.pack.add("blob", bytes(size))
    pointers = bomb.source.random() < 0.5
    text = b"version https://git-lfs.github.com/spec/v1\noid sha256:%064d\nsize 1\n" if pointers else b"target-%020d"
    names = []
    for number in range(bomb.scale(4, 1_000)):
        name = pack_writer.object_id("blob", text % number)
        bomb.pack.add_delta(base, pack_writer.literal_delta(size, text % number), name)
        names.append(name)
    entries = [(_FILE if pointers else _LINK, b"%09d" % number, name) for number, name in enumerate(names)]
    if pointers:
        entries.insert(0, (_FILE, b".gitattributes", bomb.pack.add("blob", b"* filter=lfs\n")))
    bomb.largest = size
    bomb.root(entries)
    bomb.what = "%d %s on one object of %d KiB" % (len(names), "pointers" if pointers else "links", size >> 10)


MAKERS = [small_chain, large_chain, many_names, many_links, many_paths, large_neighbours, small_on_large]
WEIGHTS = [6, 4, 4, 3, 3, 1, 3]


class Packs(rig.Row):
    """Packs from a generator."""

    name = "H6"
    title = "packs small on the wire and large in CPU, memory or time to stop"
    quick = 60
    long = 2_000
    jobs = 2

    def trial(self, number, source, folder):
        bomb = Bomb(source)
        source.choices(MAKERS, WEIGHTS)[0](bomb)
        ends = source.choice(["timeout", "timeout", "stop", "by itself"])
        seconds = source.choice([1, 1, 3, 6])
        if ends == "by itself":
            problems = self.play(number, bomb, folder, "timeout", timeout=(WHOLE_CPU - OBEYED_CPU) / 2, after=0, configured_timeout=120)
        else:
            problems = self.play(number, bomb, folder, ends, timeout=seconds, after=source.uniform(0.05, seconds))
        return ["%s (%d KiB, %s): %s" % (bomb.what, len(bomb.pack.bytes()) >> 10, ends, each) for each in problems]

    def play(self, number, bomb, folder, ends, timeout, after, configured_timeout=None):
        remote = self.remote("h6-%s.git" % number, {"a": "good"})
        first = remote.resolve("main")
        entry = self.entry(remote, ref="main", timeout="%ss" % (configured_timeout or timeout))
        adapter = self.adapter(folder, entry).start()
        try:
            adapter.wait_published("docs", first, seconds=60)
            commit = self.serve(remote, bomb)
            began = (time.monotonic(), cpu_seconds(adapter))
            if ends == "stop":
                self.wait_until_fetched(adapter, remote)
                time.sleep(after)
                return self.stop(adapter) + self.memory(adapter, bomb)
            problems = self.ended(adapter, commit, timeout, began)
            adapter.peak = peak_bytes(adapter)
            self.server.faults.remove(bomb.fault)
            return problems + self.memory(adapter, bomb) + self.stop(adapter)
        finally:
            adapter.kill()

    def serve(self, remote, bomb):
        """The ref leads to the bomb's commit, and each fetch is answered with its pack."""
        commit = remote.raw_commit(bomb.tree)
        stored = os.path.join(remote.directory, "objects", commit[:2], commit[2:])
        with open(stored, "rb") as source:
            content = pack_writer.zlib.decompress(source.read()).split(b"\0", 1)[1]
        bomb.pack.add("commit", content)
        headers, body = pack_writer.fetch_answer(bomb.pack.bytes())
        bomb.fault = self.server.faults.add(path=remote.name, step="fetch", status=200, headers=headers, body=body)
        return commit

    def wait_until_fetched(self, adapter, remote):
        adapter.wait_for(lambda: len(self.server.seen("fetch", remote.name)) >= 2, 60, "the second fetch")

    @staticmethod
    def ended(adapter, commit, timeout, began):
        """A publish or a refusal, in time by the process's own clock."""
        wall, cpu = began
        hangs = timeout + OBEYED_WALL
        while True:
            if adapter.found("check_failed", "docs") or adapter.found("published", "docs", commit=commit):
                break
            if time.monotonic() - wall > hangs and (cpu_seconds(adapter) - cpu > timeout * 2 + OBEYED_CPU or time.monotonic() - wall > 6 * hangs):
                return ["no end after %.0f s and %.1f s of CPU" % (time.monotonic() - wall, cpu_seconds(adapter) - cpu)]
            time.sleep(0.02)
        used = cpu_seconds(adapter) - cpu
        # Two workers may be busy until the timeout, and one for a moment after it.
        return ["%.1f s of CPU with a timeout of %s s" % (used, timeout)] if used > timeout * 2 + OBEYED_CPU else []

    @staticmethod
    def stop(adapter):
        if not adapter.alive():
            return ["it had ended with %s\n%s" % (adapter.process.returncode, adapter.tail())]
        adapter.peak = max(getattr(adapter, "peak", 0), peak_bytes(adapter))
        cpu, began = cpu_seconds(adapter), time.monotonic()
        adapter.process.terminate()
        while adapter.alive() and time.monotonic() - began < 6 * OBEYED_WALL:
            used = cpu_seconds(adapter) - cpu
            if used > OBEYED_CPU:
                return ["SIGTERM took more than %.1f s of CPU" % used]
            time.sleep(0.02)
        if adapter.alive():
            return ["still there %.0f s after SIGTERM" % (time.monotonic() - began)]
        if adapter.process.returncode != 0:
            return ["SIGTERM ended it with %s\n%s" % (adapter.process.returncode, adapter.tail())]
        return []

    @staticmethod
    def memory(adapter, bomb):
        allowed = MEMORY + 3 * bomb.largest
        return ["%d MiB of memory, more than %d" % (adapter.peak >> 20, allowed >> 20)] if adapter.peak > allowed else []

    def planted(self, folder):
        # A daemon that does not know its timeout, and deltas that take longer.
        bomb = Bomb(random.Random(1))
        names = [pack_writer.object_id("blob", b"%09d" % number) for number in range(25_001)]
        for number in range(25_000, 0, -1):
            bomb.pack.add_delta(names[number - 1], pack_writer.literal_delta(9, b"%09d" % number), names[number])
        bomb.pack.add("blob", b"%09d" % 0)
        bomb.root([(_FILE, b"a", names[-1])])
        return self.play("planted", bomb, folder, "timeout", timeout=0.1, after=0, configured_timeout=60)


def cpu_seconds(adapter):
    """User and system time so far; 0 once the process is gone."""
    try:
        with open("/proc/%d/stat" % adapter.process.pid, encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def peak_bytes(adapter):
    with open("/proc/%d/status" % adapter.process.pid, encoding="ascii") as status:
        return [int(line.split()[1]) << 10 for line in status if line.startswith("VmHWM")][0]


if __name__ == "__main__":
    rig.main(Packs)
