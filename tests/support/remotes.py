# SPDX-License-Identifier: Apache-2.0
"""Repositories of the suite's remotes: made and changed by real git, or object by object where git would refuse."""

import hashlib
import os
import subprocess
import zlib

from tests.support.backend import git_environment

FILE = "100644"
EXECUTABLE = "100755"
SYMLINK = "120000"
SUBMODULE = "160000"


def git(directory, *arguments, text=None, check=True):
    """Standard output of one git command, as text without the last newline."""
    done = subprocess.run(
        ["git", *arguments], cwd=directory, env=git_environment(), input=text, capture_output=True, timeout=300, check=False
    )  # fmt: skip
    if check and done.returncode != 0:
        raise RuntimeError("git %s: %s" % (" ".join(arguments), done.stderr.decode("utf-8", "replace")))
    return done.stdout.decode("utf-8", "surrogateescape").rstrip("\n")


def _quoted(path):
    """A path as fast-import reads it, whatever its bytes."""
    out = '"'
    for byte in path:
        if byte in (0x22, 0x5C) or not 0x20 <= byte < 0x7F:
            out += "\\%03o" % byte
        else:
            out += chr(byte)
    return (out + '"').encode()


def _bytes(value):
    return value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value


class Remote:
    """A bare repository below a server's root. Every commit it ever made is in `advertised`."""

    def __init__(self, root, name, branch="main"):
        self.name = name
        self.directory = os.path.join(root, name)
        os.makedirs(self.directory, exist_ok=True)
        git(self.directory, "init", "--quiet", "--bare", "--initial-branch", branch, ".")
        git(self.directory, "config", "uploadpack.allowAnySHA1InWant", "true")
        self._clock = 1_700_000_000
        self.advertised = set()

    # ---- commits

    def commit(self, files, branch="main", message="change", parent="branch", delete=()):
        """A commit on `branch`; its id. `files`: path → bytes, text, or (mode, bytes, text or id). `parent`: "branch" continues it,
        None starts a history without one, else a commit. Everything of the parent stays but `delete`; None in there: all."""
        ref = branch if branch.startswith("refs/") else "refs/heads/" + branch
        self._clock += 60
        if parent == "branch":
            parent = self.resolve(ref)
        stream = [b"reset %s\n\n" % ref.encode()] if parent is None else []
        stream.append(b"commit %s\n" % ref.encode())
        who = b"A. Author <author@example.com> %d +0000\n" % self._clock
        stream.append(b"author " + who + b"committer " + who)
        stream.append(b"data %d\n%s\n" % (len(_bytes(message)), _bytes(message)))
        if parent is not None:
            stream.append(b"from %s\n" % parent.encode())
        for path in delete:
            stream.append(b"deleteall\n" if path is None else b"D %s\n" % _quoted(_bytes(path)))
        for path, value in files.items():
            mode, content = value if isinstance(value, tuple) else (FILE, value)
            if mode == SUBMODULE:
                stream.append(b"M 160000 %s %s\n" % (content.encode(), _quoted(_bytes(path))))
                continue
            content = _bytes(content)
            stream.append(b"M %s inline %s\ndata %d\n" % (mode.encode(), _quoted(_bytes(path)), len(content)))
            stream.append(content + b"\n")
        stream.append(b"\ndone\n")
        git(self.directory, "fast-import", "--quiet", "--force", "--done", text=b"".join(stream))
        commit = self.resolve(ref)
        self.advertised.add(commit)
        return commit

    def resolve(self, name):
        """The object a name stands for; None when there is no such."""
        found = git(self.directory, "rev-parse", "--verify", "--quiet", name, check=False)
        return found or None

    def tree_of(self, commit):
        return git(self.directory, "rev-parse", "--verify", commit + "^{tree}")

    # ---- refs

    def set_ref(self, ref, target):
        git(self.directory, "update-ref", ref, target)
        self.advertised.add(git(self.directory, "rev-parse", target + "^{commit}"))

    def delete_ref(self, ref):
        git(self.directory, "update-ref", "-d", ref)

    def set_head(self, branch):
        git(self.directory, "symbolic-ref", "HEAD", "refs/heads/" + branch)

    def tag(self, name, target, annotated=False):
        """Makes or moves a tag; the object its ref names."""
        arguments = ["tag", "--force"] + (["--annotate", "--message", "tag " + name] if annotated else [])
        git(self.directory, *arguments, name, target)
        self.advertised.add(git(self.directory, "rev-parse", target + "^{commit}"))
        return self.resolve("refs/tags/" + name)

    def many_refs(self, count, target, prefix="refs/heads/many/"):
        """Writes `count` more refs to one commit into packed-refs."""
        git(self.directory, "pack-refs", "--all")
        path = os.path.join(self.directory, "packed-refs")
        with open(path, encoding="ascii") as source:
            lines = source.read().splitlines()
        entries = {}
        previous = None
        for line in lines[1:]:
            if line.startswith("^"):
                entries[previous] += "\n" + line
            else:
                previous = line.split(" ", 1)[1]
                entries[previous] = line
        for index in range(count):
            name = "%s%06d" % (prefix, index)
            entries[name] = "%s %s" % (target, name)
        with open(path + ".new", "w", encoding="ascii") as out:
            out.write("# pack-refs with: peeled fully-peeled sorted \n")
            out.writelines(entries[name] + "\n" for name in sorted(entries))
        os.rename(path + ".new", path)

    # ---- objects that git would not make

    def write_object(self, kind, content):
        """A loose object of any content; its id."""
        data = b"%s %d\0" % (kind.encode(), len(content)) + content
        name = hashlib.sha1(data).hexdigest()
        folder = os.path.join(self.directory, "objects", name[:2])
        os.makedirs(folder, exist_ok=True)
        path = os.path.join(folder, name[2:])
        if not os.path.exists(path):
            with open(path, "wb") as out:
                out.write(zlib.compress(data, 1))
        return name

    def blob(self, content):
        return self.write_object("blob", _bytes(content))

    def raw_tree(self, entries):
        """`entries`: (mode, name, id) as they are to stand there, in this order, unchecked."""
        content = b"".join(
            _bytes(mode) + b" " + _bytes(name) + b"\0" + bytes.fromhex(target) for mode, name, target in entries
        )  # fmt: skip
        return self.write_object("tree", content)

    def raw_commit(self, tree, ref="refs/heads/main", parents=(), extra=b""):
        """A commit of any tree, and the ref set to it without a look at it."""
        self._clock += 60
        lines = ["tree " + tree] + ["parent " + each for each in parents]
        who = "A. Author <author@example.com> %d +0000" % self._clock
        lines += ["author " + who, "committer " + who]
        commit = self.write_object("commit", "\n".join(lines).encode() + b"\n" + extra + b"\nraw\n")
        path = os.path.join(self.directory, ref)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + ".new", "w", encoding="ascii") as out:
            out.write(commit + "\n")
        os.rename(path + ".new", path)
        self.advertised.add(commit)
        return commit
