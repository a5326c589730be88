#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""H4: random trees of symbolic links under each policy. The judge is the kernel: all links are laid out on disk and followed there."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability import rig  # noqa: E402
from tests.support.remotes import SYMLINK  # noqa: E402

_PARTS = ("a", "b", "c", "..", "..", "..", ".", "l", "m", "", "missing")
_PLACES = ("a", "b", "c", "a/l", "a/m", "b/l", "b/c/m", "b/c/d/l", "l", "m", "n", "c/x")
_FIXED = [
    {"l": "/"}, {"l": "/etc/passwd"}, {"l": ".."}, {"l": "."}, {"l": "./../."}, {"a/l": ".."}, {"a/l": "../.."},
    {"l": "l"}, {"l": "m", "m": "l"}, {"l": "m/x", "m": "l/y"}, {"l": "a/../.."}, {"l": "missing/.."}, {"l": "missing/../.."},
    {"l": "f/.."}, {"l": "f/../.."}, {"a/l": "../b", "b/m": "../../x"}, {"b/c/m": "../..", "l": "b/c/m/.."}, {"l": "//etc"},
    {"l": "../../" * 30 + "etc"}, {"l": ".adapter"}, {"l": "../.adapter"}, {"l": "a//b"}, {"l": "a/"}, {"l": "../docs/a"},
    {"l%d" % number: "l%d" % (number + 1) for number in range(60)},
]  # fmt: skip


def leaves(tree, path):
    """Whether a link, followed as the kernel does through what is laid out in `tree`, ever leaves it. Where the kernel gives up (nothing
    is there, a file is no folder, too many links) it has not left."""
    here, rest, followed = os.path.dirname(path), None, 0
    target = os.readlink(os.path.join(tree, path))
    while True:
        if target is not None:
            followed += 1
            if followed > 40:
                return False
            if target.startswith("/"):
                return True
            rest = [part for part in target.split("/") if part not in ("", ".")] + (rest or [])
            target = None
        if not rest:
            return False
        if not os.path.isdir(os.path.join(tree, here)):
            return False
        part = rest.pop(0)
        if part == "..":
            if here == "":
                return True
            here = os.path.dirname(here)
            continue
        full = os.path.join(tree, here, part)
        if os.path.islink(full):
            target = os.readlink(full)
        else:
            here = os.path.join(here, part)


class Symlinks(rig.Row):
    """Symbolic links under each policy."""

    name = "H4"
    title = "trees of symbolic links under each policy"
    quick = 60
    long = 1000
    jobs = 4

    def trial(self, number, source, folder):
        if number < len(_FIXED):
            links = _FIXED[number]
        else:
            links = {}
            for place in source.sample(_PLACES, source.randint(1, 8)):
                if not any(place.startswith(each + "/") or each.startswith(place + "/") for each in links):
                    links[place] = "/".join(source.choice(_PARTS) for _ in range(source.randint(1, 6))) or "."
        links = {place: target for place, target in links.items() if target}
        files = {"f": "file", "plain/f": "file"}
        remote = self.remote("h4-%d.git" % number, files)
        remote.commit({place: (SYMLINK, target) for place, target in links.items()})
        return self.inside(remote, links, folder) + self.keep(remote, folder) + self.refuse(remote, folder)

    def published(self, remote, policy, folder):
        adapter = self.adapter(os.path.join(folder, policy), self.entry(remote, symlinks=policy))
        return adapter, adapter.once()

    def inside(self, remote, links, folder):
        adapter, code = self.published(remote, "inside", folder)
        if code != 0:
            return ["inside: exit code %d: %s" % (code, adapter.tail(4))]
        laid = os.path.join(folder, "laid-out")
        os.makedirs(laid)
        for place, target in links.items():
            os.makedirs(os.path.join(laid, os.path.dirname(place)), exist_ok=True)
            os.symlink(target, os.path.join(laid, place))
        for place in ("f", "plain/f"):
            os.makedirs(os.path.join(laid, os.path.dirname(place)), exist_ok=True)
            with open(os.path.join(laid, place), "w", encoding="ascii") as out:
                out.write("file")
        out = [place for place in links if leaves(laid, place)]
        return self.judge(remote, adapter, links, out)

    @staticmethod
    def judge(remote, adapter, links, out):
        problems = rig.check(adapter.data, "docs", remote.directory, {remote.resolve("main")}, left_out=out)
        # Once more without any theory: no link on disk opens something outside.
        tree = os.path.realpath(adapter.link("docs"))
        for place in links:
            real = os.path.realpath(os.path.join(tree, place))
            if os.path.exists(os.path.join(tree, place)) and not (real + "/").startswith(tree + "/"):
                problems.append("%s opens %s" % (place, real))
        return ["inside: %s (links %s, left out %s)" % (each, links, out) for each in problems]

    def keep(self, remote, folder):
        adapter, code = self.published(remote, "keep", folder)
        problems = [] if code == 0 else ["exit code %d: %s" % (code, adapter.tail(4))]
        problems += rig.check(adapter.data, "docs", remote.directory, {remote.resolve("main")})
        return ["keep: " + each for each in problems]

    def refuse(self, remote, folder):
        adapter, code = self.published(remote, "refuse", folder)
        if code != 1 or adapter.published("docs") or not adapter.found("check_failed", **{"class": "policy"}):
            return ["refuse: exit code %d: %s" % (code, adapter.tail(4))]
        return []

    def planted(self, folder):
        remote = self.remote("planted.git", {"f": "file"})
        links = {"l": "../../../../../etc/passwd"}
        remote.commit({"l": (SYMLINK, links["l"])})
        adapter, code = self.published(remote, "inside", folder)
        if code != 0 or self.judge(remote, adapter, links, ["l"]):
            return []
        os.symlink("/etc/passwd", os.path.join(os.path.realpath(adapter.link("docs")), "l"))
        return self.judge(remote, adapter, links, ["l"])


if __name__ == "__main__":
    rig.main(Symlinks)
