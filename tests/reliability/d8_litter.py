#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""D8: a start over litter of every kind: what killed runs, half a backup, or a person may leave in the volume."""

import os
import shutil
import stat
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402

ZERO = "0" * 40
OTHER = "1234567890" * 4


def put(path, content=b"litter"):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as out:
        out.write(content)


def half_tree(path):
    put(os.path.join(path, "a"), b"half")
    put(os.path.join(path, "deep/er/b"), b"half")


def locked_tree(path):
    half_tree(path)
    os.chmod(os.path.join(path, "deep"), 0)
    os.chmod(path, 0)


def deep_tree(path):
    os.makedirs(path)
    here = path
    for _ in range(300):
        here = os.path.join(here, "d")
        os.mkdir(here)


def pipe(path):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.mkfifo(path)


def link_out(path):
    """A link in litter that leads outside: what is there must survive the sweep."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink("../../../../precious", path)


def cut(path):
    os.chmod(path, 0o644)
    os.truncate(path, os.path.getsize(path) // 2)


def junk(path):
    os.chmod(path, 0o644)
    put(path, b"\xff" * 64)


def pack_of(home, kind):
    folder = os.path.join(home, "repo.git", "objects", "pack")
    return [os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(kind)][0]


def retarget(target):
    def act(v):
        os.unlink(v.link)
        os.symlink(target(v), v.link)

    return act


def in_home(path, maker=put):
    return lambda v: maker(os.path.join(v.home, path))


def on_home(path, act):
    return lambda v: act(os.path.join(v.home, path))


# Each one is done to a good volume that is not running.
LITTERS = {
    "a staged tree": in_home("trees/.tmp-123", half_tree),
    "a staged tree that nobody may enter": in_home("trees/.tmp-124", locked_tree),
    "a staged tree, very deep": in_home("trees/.tmp-125", deep_tree),
    "a staged tree with a pipe": in_home("trees/.tmp-126/pipe", pipe),
    "a staged tree with a link to the outside": in_home("trees/.tmp-127/out", link_out),
    "a file where a staged tree could be": in_home("trees/.tmp-128"),
    "a tree on its way out": in_home("trees/.gone-%s" % OTHER, half_tree),
    "a tree on its way out, a second one": in_home("trees/.gone-1", locked_tree),
    "a half tree under another commit's name": in_home("trees/" + OTHER, half_tree),
    "an empty folder under another commit's name": lambda v: os.mkdir(os.path.join(v.home, "trees", OTHER)),
    "a file under another commit's name": in_home("trees/" + OTHER),
    "a foreign name among the trees": in_home("trees/notes", half_tree),
    "a temporary link": lambda v: os.symlink(".adapter/docs/trees/" + ZERO, os.path.join(v.home, ".link-1")),
    "a transfer": in_home("incoming/pack-1/pack_abc", lambda path: put(path, b"PACK" * 1000)),
    "a transfer's loose file": in_home("incoming/tmp_pack_x"),
    "a transfer with a pipe": in_home("incoming/x/pipe", pipe),
    "a transfer with a link to the outside": in_home("incoming/out", link_out),
    "a transfer folder that nobody may enter": in_home("incoming/locked", locked_tree),
    "no incoming folder": on_home("incoming", shutil.rmtree),
    "a pack without an index": in_home("repo.git/objects/pack/pack-%s.pack" % OTHER, lambda path: put(path, b"PACK")),
    "an index without a pack": in_home("repo.git/objects/pack/pack-%s.idx" % OTHER),
    "an empty pack and index": lambda v: [
        put(os.path.join(v.home, "repo.git/objects/pack/pack-%s%s" % (OTHER, kind)), b"") for kind in (".pack", ".idx")
    ],
    "a temporary pack": in_home("repo.git/objects/pack/tmp_pack_1"),
    "a lock of refs": in_home("repo.git/packed-refs.lock"),
    "a lock of shallow": in_home("repo.git/shallow.lock"),
    "half of packed-refs": on_home("repo.git/packed-refs", cut),
    "junk in packed-refs": on_home("repo.git/packed-refs", junk),
    "no packed-refs": on_home("repo.git/packed-refs", os.unlink),
    "no HEAD": on_home("repo.git/HEAD", os.unlink),
    "junk in HEAD": on_home("repo.git/HEAD", junk),
    "junk in shallow": on_home("repo.git/shallow", lambda path: put(path, b"\xff" * 64)),
    "a cut pack": lambda v: cut(pack_of(v.home, ".pack")),
    "a cut index": lambda v: cut(pack_of(v.home, ".idx")),
    "a removed index": lambda v: os.unlink(pack_of(v.home, ".idx")),
    "no repository": on_home("repo.git", shutil.rmtree),
    "half of the state": on_home("state.json", cut),
    "junk in the state": on_home("state.json", junk),
    "an empty state": on_home("state.json", lambda path: put(path, b"")),
    "no state": on_home("state.json", os.unlink),
    "a state that lies": on_home("state.json", lambda path: put(path, b'{"commit": "' + OTHER.encode() + b'"}')),
    "no link": lambda v: os.unlink(v.link),
    "a link to no tree": retarget(lambda v: ".adapter/docs/trees/" + OTHER),
    "no trees": on_home("trees", shutil.rmtree),
    "a stale lock": lambda v: put(os.path.join(v.data_dir, ".adapter", ".lock"), b"999999\n"),
}
# Not made by any run of ours: harmless, and nobody but its owner may remove it. The checker's litter rule does not hold for it.
_FOREIGN = {
    "a foreign name among the trees": "trees/notes",
    "a lock of refs": "packed-refs.lock",
    "a lock of shallow": "shallow.lock",
}


class Litter(rig.Row):
    """A start over litter."""

    name = "D8"
    title = "a start over litter of every kind"
    quick = len(LITTERS)
    long = len(LITTERS)
    jobs = 3

    def make(self, label, folder):
        remote = self.remote(label + ".git", {"a": "1", "d/b": os.urandom(3000)})
        adapter = self.adapter(folder, self.entry(remote))
        if adapter.once() != 0:
            raise AssertionError(adapter.tail())
        put(os.path.join(adapter.data, "precious"), b"mine")
        return remote, adapter, rig.Volume(adapter.data, "docs")

    def trial(self, number, source, folder):
        kind = sorted(LITTERS)[number]
        remote, adapter, volume = self.make("t%d" % number, folder)
        LITTERS[kind](volume)
        # In every second trial the remote has moved on meanwhile.
        if number % 2:
            remote.commit({"a": "2"})
        code = adapter.once()
        problems = [] if code == 0 else ["exit code %d: %s" % (code, adapter.tail(5))]
        problems += self.judge(remote, adapter, kind)
        return ["%s: %s" % (kind, problem) for problem in problems]

    @staticmethod
    def judge(remote, adapter, kind):
        problems = rig.check(adapter.data, "docs", remote.directory, {remote.resolve("main")})
        if kind in _FOREIGN:
            problems = [each for each in problems if _FOREIGN[kind] not in each]
        with open(os.path.join(adapter.data, "precious"), "rb") as source:
            if source.read() != b"mine" or not stat.S_ISREG(os.lstat(source.name).st_mode):
                problems.append("a foreign file was changed")
        return problems

    def planted(self, folder):
        remote, adapter, volume = self.make("planted", folder)
        if self.judge(remote, adapter, ""):
            return []
        LITTERS["a staged tree"](volume)
        said = self.judge(remote, adapter, "")
        put(os.path.join(adapter.data, "precious"), b"changed")
        return said if len(self.judge(remote, adapter, "")) > len(said) > 0 else []


if __name__ == "__main__":
    rig.main(Litter)
