#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Side by side with git, in one run: CPU of a check that finds nothing, memory, first publish, an update of one line.

The server is a process of its own, the same for both sides. Folders are fresh for each measurement, nothing is deleted before the
end (ext4 is slow at making files for five minutes after a large tree was removed: wait so long between two runs), and a warm-up comes
first.
"""

import argparse
import json
import os
import random
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

PROJECT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path.insert(0, PROJECT)

from tests.support.adapter import Adapter, program, run_command  # noqa: E402
from tests.support.backend import git_environment  # noqa: E402
from tests.support.faults import wait_until  # noqa: E402
from tests.support.remotes import Remote, git  # noqa: E402


class Bench:
    def __init__(self, options):
        self.options = options
        self.folder = tempfile.mkdtemp(prefix="adapter-bench-", dir=options.folder)
        self.root = os.path.join(self.folder, "remotes")
        os.makedirs(self.root)
        self.rows = []  # (what, adapter, git, ratio, goal)
        self.weighed = set()  # numbers of repositories whose memory is in there
        self._server = None
        self._start_server()

    def _start_server(self):
        ports = os.path.join(self.folder, "ports.json")
        self._server = subprocess.Popen(
            [sys.executable, "-B", os.path.join(PROJECT, "tests/support/git_server.py"), "--root", self.root,
             "--ports-file", ports, "--cache", "--log-file", os.path.join(self.folder, "requests.jsonl")],
        )  # fmt: skip
        if not wait_until(lambda: os.path.exists(ports), 30):
            raise RuntimeError("the server did not start")
        with open(ports, encoding="utf-8") as source:
            about = json.load(source)
        self.url, self.ca = about["url"], about["ca"]

    def close(self):
        self._server.terminate()
        self._server.wait(20)
        shutil.rmtree(self.folder, ignore_errors=True)

    def adapter(self, label, entries, every):
        config = {"admin": {"listen": "127.0.0.1:0"}, "defaults": {"every": every, "ca_file": self.ca}, "repositories": entries}
        return Adapter(os.path.join(self.folder, label), config, level="info")

    def checks_served(self):
        with open(os.path.join(self.folder, "requests.jsonl"), encoding="utf-8") as source:
            return sum('"step": "ls_refs"' in line for line in source)

    def git_client(self, *arguments, cwd=None):
        environment = {**git_environment(), "GIT_SSL_CAINFO": self.ca}
        subprocess.run(["git", *arguments], env=environment, cwd=cwd, check=True, stdout=subprocess.DEVNULL, timeout=600)

    def row(self, what, ours, theirs, goal, unit, ratio=None):
        ratio = ratio if ratio is not None else (ours / theirs if theirs else None)
        self.rows.append((what, "%.3g %s" % (ours, unit), "%.3g %s" % (theirs, unit) if theirs else "–",
                          "%.3g ×" % ratio if ratio else "–", goal))  # fmt: skip
        print("  %s" % "   ".join(self.rows[-1]), flush=True)


def cpu_seconds(pid):
    """Time on a processor of all threads of a process, in nanosecond steps."""
    total = 0
    for thread in os.listdir("/proc/%d/task" % pid):
        try:
            with open("/proc/%d/task/%s/schedstat" % (pid, thread), encoding="ascii") as source:
                total += int(source.read().split()[0])
        except OSError:
            pass
    return total / 1e9


def resident_mib(pid):
    with open("/proc/%d/status" % pid, encoding="ascii") as status:
        return [int(line.split()[1]) / 1024 for line in status if line.startswith("VmRSS")][0]


def entries_for(bench, count):
    """`count` repositories, all of them one on the server's disk, each with a URL of its own."""
    source = os.path.join(bench.root, "small.git")
    if not os.path.exists(source):
        Remote(bench.root, "small.git").commit({"d%d/f%d" % (i % 3, i): "line\n" * 20 for i in range(10)})
    entries = []
    for number in range(count):
        link = os.path.join(bench.root, "r%04d.git" % number)
        if not os.path.exists(link):
            os.symlink(source, link)
        entries.append({"name": "r%04d" % number, "url": bench.url + "r%04d.git" % number, "ref": "main"})
    return entries


def running(bench, count, every):
    """A daemon that has published `count` repositories and has come to rest."""
    adapter = bench.adapter("many-%d-%d" % (count, len(os.listdir(bench.folder))), entries_for(bench, count), every).start()
    last = [0]

    def all_published():
        last[0] = len(adapter.found("published"))
        return last[0] >= count

    if not wait_until(all_published, 60 + count, 0.2):
        raise RuntimeError("%d of %d were published\n%s" % (last[0], count, adapter.tail()))
    return adapter


def measure_check(bench):
    """CPU of one check that finds nothing: the daemon over many, against git ls-remote."""
    count, seconds = bench.options.repositories, bench.options.seconds
    adapter = running(bench, count, "10s")
    time.sleep(12)  # every connection is open and has been used
    checks, cpu = bench.checks_served(), cpu_seconds(adapter.process.pid)
    time.sleep(seconds)
    cpu = cpu_seconds(adapter.process.pid) - cpu
    checks = bench.checks_served() - checks
    weigh(bench, adapter, count)
    adapter.stop()
    if checks < seconds * count / 10 * 0.7:
        raise RuntimeError("%d checks in %d s are too few for %d repositories at 10 s" % (checks, seconds, count))
    url = bench.url + "r0000.git"
    bench.git_client("ls-remote", url, "refs/heads/main")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    runs = 20
    for _ in range(runs):
        bench.git_client("ls-remote", url, "refs/heads/main")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    theirs = (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) / runs
    bench.row("CPU of one unchanged check (%d repositories at 10 s, %d checks) / git ls-remote" % (count, checks),
              cpu / checks * 1000, theirs * 1000, "≤ 0.12 ms", "ms")  # fmt: skip


def weigh(bench, adapter, count):
    memory = resident_mib(adapter.process.pid)
    bench.weighed.add(count)
    goal = "≤ 64 MiB" if count == 1000 else ""
    bench.row("resident memory, %d repositor%s" % (count, "y" if count == 1 else "ies"), memory, 0, goal, "MiB")


def measure_memory(bench):
    largest = bench.options.repositories
    for count in sorted({1, min(100, largest), largest} - bench.weighed):
        adapter = running(bench, count, "10s")
        time.sleep(11)
        weigh(bench, adapter, count)
        adapter.stop()


def large_repository(bench):
    """Tens of thousands of text files that do not compress well: about 31 MB of pack for 50,000."""
    source = random.Random(50)
    letters = bytes(range(48, 58)) + bytes(range(65, 91)) + bytes(range(97, 123)) + b"+/"
    table = bytes(letters[value % 64] for value in range(256))
    remote = Remote(bench.root, "large.git")
    files = {}
    for number in range(bench.options.files):
        lines = [source.randbytes(60).translate(table) for _ in range(13)]
        files["src/m%02d/p%02d/file-%05d.txt" % (number % 40, number // 40 % 50, number)] = b"\n".join(lines) + b"\n"
    remote.commit(files)
    git(remote.directory, "repack", "-adq")
    return remote


def measure_publish(bench):
    """First publish against a shallow clone, then one changed line against a fetch and a checkout."""
    remote = large_repository(bench)
    url = bench.url + "large.git"
    ours, theirs = [], []
    for turn in range(bench.options.turns + 1):
        adapter = bench.adapter("publish-%d" % turn, [{"name": "large", "url": url, "ref": "main"}], "1h")
        os.sync()  # what git leaves to be written later is not ours to wait for
        began = time.monotonic()
        if adapter.once(seconds=600) != 0:
            raise RuntimeError(adapter.tail())
        ours.append(time.monotonic() - began)
        os.sync()
        began = time.monotonic()
        bench.git_client("clone", "--quiet", "--depth", "1", url, os.path.join(bench.folder, "clone-%d" % turn))
        theirs.append(time.monotonic() - began)
        print("  first publish, turn %d: %.2f s, git clone %.2f s" % (turn, ours[-1], theirs[-1]), flush=True)
    # The first turn was the warm-up.
    bench.row("first publish of %d files, durable / git clone --depth 1" % bench.options.files,
              statistics.median(ours[1:]), statistics.median(theirs[1:]), "≤ 1.0 ×", "s")  # fmt: skip
    measure_update(bench, remote, url)


def measure_update(bench, remote, url):
    clone = os.path.join(bench.folder, "clone-0")
    adapter = bench.adapter("publish-0", [{"name": "large", "url": url, "ref": "main"}], "100ms").start()
    adapter.wait_event("started")
    time.sleep(3)
    ours, theirs = [], []
    path = "src/m07/p03/file-00127.txt"
    # Two updates with which nothing is removed from the disk before, and one right behind the removal of an old tree.
    for turn in range(3):
        commit = remote.commit({path: "changed %d\n" % turn})
        began = time.monotonic()
        adapter.wait_published("large", commit, seconds=300)
        ours.append(time.monotonic() - began)
        adapter.wait_event("published", commit=commit, seconds=60)
        began = time.monotonic()
        bench.git_client("fetch", "--quiet", "--depth", "1", "origin", "main", cwd=clone)
        bench.git_client("checkout", "--quiet", "--detach", "FETCH_HEAD", cwd=clone)
        theirs.append(time.monotonic() - began)
        print("  update, turn %d: %.2f s, git fetch + checkout %.2f s" % (turn, ours[-1], theirs[-1]), flush=True)
    adapter.kill()  # the removal of the last tree need not be waited for
    what = "one changed line in them, push to published (100 ms checks)%s / git fetch + checkout in place"
    bench.row(what % "", statistics.mean(ours[:2]), statistics.mean(theirs[:2]), "", "s")
    bench.row(what % ", right behind the removal of an old tree", ours[2], theirs[2], "", "s")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("--program", help="the binary; default: the newest one built")
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--files", type=int, default=50_000)
    parser.add_argument("--seconds", type=int, default=30, help="how long checks are watched")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--folder", help="where the volumes go; default: the system's temporary folder")
    parser.add_argument("--quick", action="store_true", help="100 repositories, 5,000 files, 10 s, one turn")
    parser.add_argument("parts", nargs="*", help="check, memory, publish; default: all")
    options = parser.parse_args()
    if options.quick:
        options.repositories, options.files, options.seconds, options.turns = 100, 5000, 10, 1
    if options.program:
        os.environ["ADAPTER_PROGRAM"] = os.path.abspath(options.program)
    parts = {"check": measure_check, "memory": measure_memory, "publish": measure_publish}
    unknown = set(options.parts) - set(parts)
    if unknown:
        parser.error("no such part: %s" % ", ".join(sorted(unknown)))
    info = json.loads(run_command("info")[1])
    print("%s, version %s, build %s; %s" % (program(), info["version"], info["build"],
                                            git(PROJECT, "--version")), flush=True)  # fmt: skip
    bench = Bench(options)
    try:
        for name, measure in parts.items():
            if not options.parts or name in options.parts:
                print("%s:" % name, flush=True)
                measure(bench)
        print("\n| measured | adapter | git | ratio | goal |\n|---|---|---|---|---|")
        for row in bench.rows:
            print("| %s |" % " | ".join(row))
    finally:
        bench.close()
    return 0


if __name__ == "__main__":
    sys.exit(main())
