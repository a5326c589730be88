# SPDX-License-Identifier: Apache-2.0
"""The remotes of one world: copies of a template, whose every commit says in a file which remote, branch and serial number it is."""

import os
import shutil

from tests.reliability.m1.operations import BRANCHES, REMOTES
from tests.support.remotes import SYMLINK, Remote

OUT = "out"  # the path of the link that leads out of the tree
_LARGE_FILES = 250
_STATES = {"reset": {"accept_reset": True}, "slow": {"delay": 0.3}}


def make_template(root):
    """One bare repository for each remote, with a first commit on each branch."""
    os.makedirs(root)
    for name in REMOTES:
        remote = Remote(root, name)
        for branch in BRANCHES:
            remote.commit(_files(name, branch, 0), branch, parent=None)


def _files(name, branch, serial):
    return {
        "MARK": "%s %s %d\n" % (name, branch, serial),
        "d/%d" % (serial % 4): "%s-%s-%d\n" % (name, branch, serial) * 20,
        "d/run": ("100755", "#!/bin/sh\n"),
        "e/%s/%s" % (name, branch): "",
    }


class _Copy(Remote):
    def __init__(self, template, root, name):
        self.name = name
        self.directory = os.path.join(root, name)
        shutil.copytree(template, self.directory)
        self._clock = 1_700_001_000
        self.advertised = set()


class Remotes:
    """All remotes of one world. `server` serves `root`; `prefix` keeps worlds apart."""

    def __init__(self, template, server, prefix, model):
        self._server = server
        self._model = model
        self._prefix = prefix
        self._faults = {}
        self._trees = {}
        self._serial = 0
        self.with_out = set()  # commits that hold links, one of them OUT; `symlinks: refuse` publishes none of them
        self.all = {}
        for name in REMOTES:
            self.all[name] = _Copy(os.path.join(template, name), server.root, prefix + name + ".git")
            for branch in BRANCHES:
                model.tip((name, branch), self.all[name].resolve("refs/heads/" + branch))

    def url(self, name):
        return self._server.url(self._prefix + name + ".git")

    def commit(self, name, branch, count, kind):
        for _ in range(count):
            self._serial += 1
            files = _files(name, branch, self._serial)
            gone = ["big", "links", OUT]
            if kind == "out":
                files.update({OUT: (SYMLINK, "../../../../../etc/passwd"), "links/inside": (SYMLINK, "../d/run")})
                gone = ["big"]
            elif kind == "large":
                files.update({"big/%d/%d" % (index % 7, index): "%d" % index for index in range(_LARGE_FILES)})
                gone = ["links", OUT]
            commit = self.all[name].commit(files, branch, delete=gone)
            if kind == "out":
                self.with_out.add(commit)
            self._model.tip((name, branch), commit)

    def withdraw(self, name, branch, back):
        tips = self._model.tips[name, branch]
        at = tips.index(tips[-1])  # where it first was the tip
        commit = tips[max(0, at - back)]
        if commit != tips[-1]:
            self.all[name].set_ref("refs/heads/" + branch, commit)
            self._model.tip((name, branch), commit)

    def set_state(self, name, state):
        if name in self._faults:
            self._server.faults.remove(self._faults.pop(name))
        if state != "up":
            what = _STATES.get(state) or {"status": state}
            self._faults[name] = self._server.faults.add(path="^/%s%s\\.git/" % (self._prefix, name), **what)

    def all_up(self):
        for name in REMOTES:
            self.set_state(name, "up")

    def tree_id(self, source, commit):
        if commit not in self._trees:
            self._trees[commit] = self.all[source[0]].tree_of(commit)
        return self._trees[commit]

    def directory(self, source):
        return self.all[source[0]].directory

    def close(self):
        self.all_up()
        for remote in self.all.values():
            shutil.rmtree(remote.directory, ignore_errors=True)


