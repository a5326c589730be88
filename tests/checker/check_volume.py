#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Judges a data directory from outside: is what a reader finds there what the remote holds?

    tests/checker/check_volume.py DATA_DIR NAME --upstream BARE.git [--link LINK] [--at COMMIT…] [--published] [--settled]

Shares nothing with the program. Tree ids are computed here, from the bytes on disk, and compared with what real git says upstream.
"""

import argparse
import hashlib
import os
import re
import stat
import subprocess
import sys

_COMMIT = re.compile(r"^[0-9a-f]{40}$")


def _git(directory, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    environment.update(GIT_CONFIG_NOSYSTEM="1", GIT_CONFIG_GLOBAL=os.devnull, LC_ALL="C", HOME="/nonexistent")
    return subprocess.run(
        ["git", "-c", "safe.directory=*", "-c", "core.quotePath=false", "--git-dir", directory, *arguments],
        capture_output=True, env=environment, timeout=300, check=False,
    )  # fmt: skip


def _hash(kind, content):
    return hashlib.sha1(b"%s %d\0" % (kind, len(content)) + content).digest()


def _hash_file(path, size):
    """Of a regular file; read in parts, so that large ones cost no memory."""
    digest = hashlib.sha1(b"blob %d\0" % size)
    total = 0
    with open(path, "rb") as source:
        while part := source.read(1 << 20):
            digest.update(part)
            total += len(part)
    return digest.digest() if total == size else b"\0" * 20


class Volume:
    """One repository's part of a data directory. `problems` collects sentences; none: all is well."""

    def __init__(self, data_dir, name, link=None, share="all"):
        self.data_dir = os.path.abspath(os.fspath(data_dir))
        self.name = name
        self.link = os.path.join(self.data_dir, link or name)
        self.home = os.path.join(self.data_dir, ".adapter", name)
        self.modes = {"all": (0o644, 0o755, 0o755), "group": (0o640, 0o750, 0o750)}[share]
        self.problems = []

    def _say(self, text, *values):
        self.problems.append("%s: %s" % (self.name, text % values if values else text))

    # ---- the link

    def published(self):
        """The commit that the link names; None when there is no link, or it is wrong."""
        try:
            target = os.readlink(self.link)
        except FileNotFoundError:
            return None
        except OSError as error:
            self._say("the link is no link: %s", error)
            return None
        if os.path.isabs(target):
            self._say("the link is absolute: %s", target)
        resolved = os.path.normpath(os.path.join(os.path.dirname(self.link), target))
        folder, commit = os.path.split(resolved)
        if folder != os.path.join(self.home, "trees") or not _COMMIT.match(commit):
            self._say("the link leads to %s", target)
            return None
        if not stat.S_ISDIR(self._mode(resolved)):
            self._say("the link dangles: %s", target)
            return None
        return commit

    @staticmethod
    def _mode(path):
        try:
            return os.lstat(path).st_mode
        except OSError:
            return 0

    # ---- the tree

    def tree_on_disk(self, folder):
        """The id of the git tree that lies in `folder`, as bytes; problems of modes and kinds are noted. Empty folders count as
        submodules are written: they are given to `empty_folders` and left out of the id."""
        self.empty_folders = []
        self.links = {}
        return self._tree(os.fsencode(folder), b"")

    def _tree(self, folder, prefix):
        entries = []
        plain, executable, directory = self.modes
        if stat.S_IMODE(os.lstat(folder).st_mode) != directory:
            self._say("folder %r has mode %o", prefix, stat.S_IMODE(os.lstat(folder).st_mode))
        names = os.listdir(folder)
        if not names and prefix:
            self.empty_folders.append(prefix[:-1])
        for name in names:
            path, shown = os.path.join(folder, name), prefix + name
            about = os.lstat(path)
            mode = stat.S_IMODE(about.st_mode)
            if stat.S_ISREG(about.st_mode):
                if mode not in (plain, executable):
                    self._say("%r has mode %o", shown, mode)
                if about.st_nlink != 1:
                    self._say("%r has %d names", shown, about.st_nlink)
                kind = b"100755" if mode & 0o100 else b"100644"
                entries.append((name, kind, _hash_file(path, about.st_size)))
            elif stat.S_ISLNK(about.st_mode):
                target = os.readlink(path)
                self.links[shown] = target
                entries.append((name, b"120000", _hash(b"blob", target)))
            elif stat.S_ISDIR(about.st_mode):
                sub = self._tree(path, shown + b"/")
                if sub is not None:
                    entries.append((name, b"40000", sub))
            else:
                self._say("%r is neither file, link nor folder", shown)
        if not entries and prefix:
            return None
        # git sorts folders as if their names ended in a slash.
        entries.sort(key=lambda entry: entry[0] + (b"/" if entry[1] == b"40000" else b""))
        return _hash(b"tree", b"".join(kind + b" " + name + b"\0" + target for name, kind, target in entries))

    def _expected(self, upstream, commit, without):
        """(tree id, submodule paths) that git has for the commit. Gitlinks, and links in `without`, are taken out."""
        listed = _git(upstream, "ls-tree", "-r", "-z", "--full-tree", commit)
        if listed.returncode != 0:
            self._say("the remote has no tree of %s", commit)
            return None, []
        submodules, left_out, nested = [], set(without), {}
        for line in listed.stdout.split(b"\0")[:-1]:
            about, path = line.split(b"\t", 1)
            mode, _, target = about.split(b" ")
            if mode == b"160000":
                submodules.append(path)
                continue
            if path in left_out:
                left_out.discard(path)
                if mode != b"120000":
                    self._say("%r was left out and is no link", path)
                continue
            parts, place = path.split(b"/"), nested
            for part in parts[:-1]:
                place = place.setdefault(part, {})
            place[parts[-1]] = (mode, bytes.fromhex(target.decode()))
        for path in left_out:
            self._say("%r is said to be left out and is not in the commit", path)
        return self._nested_id(nested, True), submodules

    def _nested_id(self, nested, top=False):
        entries = []
        for name, value in nested.items():
            if isinstance(value, dict):
                sub = self._nested_id(value)
                if sub is not None:
                    entries.append((name, b"40000", sub))
            else:
                entries.append((name, value[0].replace(b"100664", b"100644"), value[1]))
        if not entries and not top:
            return None
        entries.sort(key=lambda entry: entry[0] + (b"/" if entry[1] == b"40000" else b""))
        return _hash(b"tree", b"".join(kind + b" " + name + b"\0" + target for name, kind, target in entries))

    def check_complete(self, upstream, allowed=None, left_out=(), must=False):
        """I1. `allowed`: commits the remote ever advertised for the ref. `left_out`: paths of links that policy leaves out.
        Answers the published commit."""
        before = len(self.problems)
        commit = self.published()
        if commit is None:
            if must and len(self.problems) == before:
                self._say("nothing is published")
            return None
        if allowed is not None and commit not in allowed:
            self._say("%s was never advertised", commit)
        self.check_tree(commit, upstream, left_out)
        return commit

    def check_tree(self, commit, upstream, left_out=()):
        """One tree against the commit whose name it bears."""
        upstream = os.fspath(upstream)
        folder = os.path.join(self.home, "trees", commit)
        found = self.tree_on_disk(folder)
        named = _git(upstream, "rev-parse", "--verify", commit + "^{tree}").stdout.decode().strip()
        if not left_out and not self.empty_folders and (found or b"").hex() == named:
            return
        # Not the tree itself: what git lists, less what is never on disk (submodules, links by policy, empty trees).
        left_out = [os.fsencode(path) for path in left_out]
        expected, submodules = self._expected(upstream, commit, left_out)
        if expected is None:
            return
        parents = {path.rpartition(b"/")[0] for path in left_out}
        empty = {path for path in self.empty_folders if path not in parents}
        if empty != set(submodules):
            self._say("empty folders are %r, submodules are %r", sorted(empty), sorted(submodules))
        if found != expected:
            self._say("%s: the tree on disk is %s, the remote's is %s", commit, (found or b"").hex(), expected.hex())
            self._explain(folder, upstream, commit)

    def _explain(self, folder, upstream, commit):
        """Names the first differences."""
        listed = _git(upstream, "ls-tree", "-r", "-z", "--full-tree", commit).stdout.split(b"\0")[:-1]
        want = {line.split(b"\t", 1)[1]: line.split(b" ")[2].split(b"\t")[0].decode() for line in listed}
        have = {}
        for here, _, names in os.walk(os.fsencode(folder)):
            for name in names:
                path = os.path.join(here, name)
                if not os.path.islink(path):
                    shown = os.path.relpath(path, os.fsencode(folder))
                    have[shown] = _hash_file(path, os.lstat(path).st_size).hex()
        for path in sorted(set(want) | set(have))[:100000]:
            if path not in self.links and want.get(path) != have.get(path):
                self._say("  %r: on disk %s, upstream %s", path, have.get(path), want.get(path))
                if len(self.problems) > 20:
                    return

    # ---- what is around it

    def check_clean(self, most_trees=2):
        """I4: nothing of dead or finished runs."""
        for folder in {self.data_dir, os.path.dirname(self.link), os.path.dirname(self.home), self.home}:
            for name in self._names(folder):
                hidden = name.startswith(".") and name not in (".adapter", ".lock", ".made", ".owner")
                if hidden or name.endswith((".tmp", ".new", "~")):
                    self._say("litter: %s", os.path.join(folder, name))
        for name in self._names(os.path.join(self.home, "incoming")):
            self._say("litter: incoming/%s", name)
        trees = self._names(os.path.join(self.home, "trees"))
        for name in trees:
            if not _COMMIT.match(name):
                self._say("litter: trees/%s", name)
        if len(trees) > most_trees:
            self._say("%d trees are kept", len(trees))
        self._check_packs()

    @staticmethod
    def _names(folder):
        try:
            return sorted(os.listdir(folder))
        except OSError:
            return []

    def _check_packs(self):
        names = set(self._names(os.path.join(self.home, "repo.git", "objects", "pack")))
        for name in names:
            stem, kind = os.path.splitext(name)
            if not re.match(r"^pack-[0-9a-f]{40}$", stem) or kind not in (".pack", ".idx", ".keep", ".rev"):
                self._say("litter: objects/pack/%s", name)
            elif kind == ".pack" and stem + ".idx" not in names or kind == ".idx" and stem + ".pack" not in names:
                self._say("litter: objects/pack/%s has no counterpart", name)
        for name in self._names(os.path.join(self.home, "repo.git")):
            if name.endswith((".lock", ".tmp", ".new")):
                self._say("litter: repo.git/%s", name)

    def check_repository(self):
        """git itself finds nothing wrong with the objects kept."""
        done = _git(os.path.join(self.home, "repo.git"), "fsck", "--full", "--no-dangling")
        if done.returncode != 0:
            self._say("git fsck: %s", (done.stderr + done.stdout).decode("utf-8", "replace").strip()[:500])

    def packs(self):
        folder = os.path.join(self.home, "repo.git", "objects", "pack")
        return [name for name in self._names(folder) if name.endswith(".pack")]

    def pack_bytes(self):
        folder = os.path.join(self.home, "repo.git", "objects", "pack")
        return sum(os.lstat(os.path.join(folder, name)).st_size for name in self._names(folder))

    def disk_bytes(self):
        total = 0
        for here, _, names in os.walk(self.home):
            total += sum(os.lstat(os.path.join(here, name)).st_size for name in names)
        return total


def check(data_dir, name, upstream, allowed=None, link=None, settled=True, must=True, left_out=(), share="all"):
    """All of it; the list of problems. `settled`: nothing is going on in there (I4 and git's own check too)."""
    volume = Volume(data_dir, name, link, share)
    volume.check_complete(upstream, allowed, left_out, must)
    if settled:
        volume.check_clean()
        if os.path.isdir(os.path.join(volume.home, "repo.git")):
            volume.check_repository()
    return volume.problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", maxsplit=1)[0])
    parser.add_argument("data_dir")
    parser.add_argument("name")
    parser.add_argument("--upstream", required=True, help="the remote's bare repository")
    parser.add_argument("--link", help="default: the name")
    parser.add_argument("--at", nargs="*", help="commits that may be published; default: any the remote has")
    parser.add_argument("--left-out", nargs="*", default=[], help="links that policy leaves out")
    parser.add_argument("--share", choices=("all", "group"), default="all")
    parser.add_argument("--published", action="store_true", help="no link is a problem")
    parser.add_argument("--settled", action="store_true", help="look for litter, and run git fsck")
    options = parser.parse_args()
    problems = check(
        options.data_dir, options.name, options.upstream, options.at, options.link, options.settled,
        options.published, options.left_out, options.share,
    )  # fmt: skip
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
