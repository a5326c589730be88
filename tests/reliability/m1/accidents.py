# SPDX-License-Identifier: Apache-2.0
"""What happens to a volume without the daemon: links, trees, records and folders removed, edited, or restored from an older copy. Each
accident is announced to the model before it is done."""

import os
import shutil
import subprocess

from tests.reliability.m1 import watch
from tests.reliability.m1.rules import tree_of

_FOREIGN = "/nonexistent/by-hand"


def _listed(folder):
    """The names in a folder, sorted; none when it is not there, or not any more."""
    try:
        return sorted(os.listdir(folder))
    except (FileNotFoundError, NotADirectoryError):
        return []


class Accidents:
    """The accidents of one world. The caller drains the watcher before and after each."""

    def __init__(self, data, model):
        self._data = os.path.realpath(data)
        self._private = os.path.join(data, ".adapter")
        self._model = model
        self._states = {}  # name → (bytes of its state file, what the model knew of each link then)
        self._kept = {}  # what the model knew when the backup was made
        self._kept_edited = []  # the trees that were edited then
        self.edited = {}  # (name, commit) → inode of a tree that was edited
        self.foreign = set()  # paths where something of a stranger lies
        self.restored = False  # directories on the way to links are others than those that the daemon noted

    def do(self, kind, *values):
        getattr(self, "_" + kind)(*values)

    def _at(self, path):
        return os.path.join(self._data, path)

    def _target(self, path):
        try:
            return os.readlink(self._at(path))
        except OSError:
            return None

    def _tree(self, path):
        target = self._target(path)
        tree = tree_of(path, target)
        return (tree, os.path.join(self._private, tree[0], "trees", tree[1])) if tree else (None, None)

    # ---- links

    def _unlink(self, path):
        if self._target(path) is not None:
            self._model.accident(path, None)
            self._remove(self._at(path))

    @staticmethod
    def _remove(path):
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass

    def _repoint(self, path, kind):
        tree, _ = self._tree(path)
        if tree is None:
            return
        prefix = "../" * path.count("/") + ".adapter/"
        if kind == "nowhere":
            target = prefix + "%s/trees/%s" % (tree[0], "0" * 40)
        else:
            target = self._another_tree(path, tree, prefix, kind == "older")
        if target is None:
            return
        self._model.accident(path, target, None)
        self._model.forget(path)
        temporary = self._at(path) + ".by-hand"
        os.symlink(target, temporary)
        try:
            os.rename(temporary, self._at(path))
        except OSError:
            self._remove(temporary)

    def _another_tree(self, path, tree, prefix, own):
        for name in _listed(self._private):
            if (name == tree[0]) != own or name.startswith("."):
                continue
            trees = os.path.join(self._private, name, "trees")
            for commit in _listed(trees):
                if commit != tree[1] and len(commit) == 40:
                    if own:
                        self._model.may_show_again(path, commit)
                    return prefix + "%s/trees/%s" % (name, commit)
        return None

    def _foreign(self, path):
        """A file of somebody else, where no link is yet."""
        folder = os.path.dirname(self._at(path))
        if os.path.lexists(self._at(path)) or not os.path.isdir(folder) or os.path.realpath(folder) != folder:
            return
        self._model.accident(path, "!", None)
        try:
            with open(self._at(path), "x", encoding="utf-8") as out:
                out.write("by hand")
            self.foreign.add(path)
        except OSError:
            self._model.accident(path)

    def remove_foreign(self):
        for path in sorted(self.foreign):
            self._model.accident(path, None)
            if not os.path.islink(self._at(path)):
                self._remove(self._at(path))
        self.foreign.clear()

    # ---- trees

    def _rmtree(self, path):
        tree, folder = self._tree(path)
        if tree:
            self._model.lose_tree(tree)
            shutil.rmtree(folder, ignore_errors=True)

    def _edit_tree(self, path, kind):
        tree, folder = self._tree(path)
        mark = os.path.join(folder or "", "MARK")
        if tree is None or not os.path.exists(mark):
            return
        self.edited[tree] = os.stat(folder).st_ino
        try:
            if kind == "append":
                with open(mark, "a", encoding="utf-8") as out:
                    out.write("by hand\n")
            elif kind == "mode":
                os.chmod(mark, 0o600)
            elif kind == "extra":
                with open(os.path.join(folder, "d", "extra"), "w", encoding="utf-8") as out:
                    out.write("by hand\n")
            else:
                os.unlink(mark)
        except OSError:
            pass  # the daemon was faster

    # ---- records and folders

    def _state(self, name):
        return os.path.join(self._private, name, "state.json")

    def _state_remove(self, name):
        self._model.forgetful.add(name)
        self._remove(self._state(name))

    def _state_cut(self, name):
        if os.path.exists(self._state(name)):
            self._model.forgetful.add(name)
            os.truncate(self._state(name), os.path.getsize(self._state(name)) // 2)

    def _state_save(self, name):
        try:
            with open(self._state(name), "rb") as source:
                self._states[name] = (source.read(), dict(self._model.low))
        except OSError:
            pass

    def _state_old(self, name):
        if name not in self._states or not os.path.isdir(os.path.dirname(self._state(name))):
            return
        content, low = self._states[name]
        self._model.forgetful.add(name)
        self._model.knows_as_of(low)
        with open(self._state(name) + ".by-hand", "wb") as out:
            out.write(content)
        os.rename(self._state(name) + ".by-hand", self._state(name))

    def _lose_home(self, name):
        self._model.forgetful.add(name)
        # The daemon may be about to publish there: any tree of that name may be lost while this goes on.
        self._model.lost_homes[name] = False
        trees = os.path.join(self._private, name, "trees")
        for commit in _listed(trees):
            self._model.lose_tree((name, commit))
        for path in self._model.paths:
            tree = tree_of(path, self._target(path))
            if tree and tree[0] == name:
                self._model.lose_tree(tree)

    def _remove_home(self, name):
        self._lose_home(name)
        shutil.rmtree(os.path.join(self._private, name), ignore_errors=True)

    def _lose_homes(self):
        for name in _listed(self._private):
            self._lose_home(name)

    def lose_all(self):
        """The whole volume is about to go."""
        self._lose_homes()
        for path in self._model.paths:
            self._model.accident(path, None)
        self.foreign.clear()
        self.edited.clear()

    def _remove_private(self):
        self._lose_homes()
        shutil.rmtree(self._private, ignore_errors=True)

    # ---- the whole volume; only while no daemon runs

    def _backup(self):
        self._drop_backup()
        subprocess.run(["cp", "-a", self._data, self._copy()], check=True)
        self._kept = dict(self._model.low)
        self._kept_edited = [tree for tree, inode in self.edited.items() if self._inode(tree) == inode]

    def _inode(self, tree):
        name, commit = tree
        try:
            return os.stat(os.path.join(self._private, name, "trees", commit)).st_ino
        except OSError:
            return None

    def _copy(self):
        return self._data + ".backup"

    def _drop_backup(self):
        shutil.rmtree(self._copy(), ignore_errors=True)

    def _restore(self, how):
        if not os.path.isdir(self._copy()):
            return
        self.foreign.clear()
        for path in self._model.paths:
            back, _ = watch.look(os.path.join(self._copy(), path))
            self._model.accident(path, None, back)
            self._model.forget(path)
            if back == "!":
                self.foreign.add(path)
        self._model.knows_as_of(self._kept)
        self.restored = True
        self._lose_homes()
        for name in _listed(os.path.join(self._copy(), ".adapter")):
            self._model.forgetful.add(name)
        for name in os.listdir(self._data):
            subprocess.run(["rm", "-rf", os.path.join(self._data, name)], check=True)
        subprocess.run(["cp", "-a" if how == "-a" else "-r", self._copy() + "/.", self._data], check=True)
        if how == "chown":
            subprocess.run(["chown", "-R", "-h", "%d:%d" % (os.geteuid(), 12345), self._data], check=False)
        self.edited = {tree: self._inode(tree) for tree in self._kept_edited}
