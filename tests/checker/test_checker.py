#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The checker catches each fault it is there for. The volume is laid out by hand, with real git as the source."""

import os
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.checker.check_volume import Volume, check  # noqa: E402
from tests.support.remotes import EXECUTABLE, SUBMODULE, SYMLINK, Remote, git  # noqa: E402

FILES = {
    "plain": "text\n",
    "run": (EXECUTABLE, "#!/bin/sh\n"),
    "here": (SYMLINK, "plain"),
    "folder/one": "1",
    "folder-x": "sorts before folder/",
    "folder/deep/two": b"\x00\xff",
}


def lay_out(remote, commit, data_dir, name):
    """A volume as the program would leave it."""
    home = os.path.join(data_dir, ".adapter", name)
    tree = os.path.join(home, "trees", commit)
    os.makedirs(tree)
    os.makedirs(os.path.join(home, "incoming"))
    git(remote.directory, "--work-tree=" + tree, "checkout", "--force", commit, "--", ".")
    os.unlink(os.path.join(remote.directory, "index"))
    for here, folders, names in os.walk(tree):
        os.chmod(here, 0o755)
        for each in names:
            path = os.path.join(here, each)
            if not os.path.islink(path):
                os.chmod(path, 0o755 if os.lstat(path).st_mode & 0o100 else 0o644)
    git(data_dir, "clone", "--quiet", "--bare", remote.directory, os.path.join(home, "repo.git"))
    git(os.path.join(home, "repo.git"), "-c", "repack.writeBitmaps=false", "repack", "-adq")
    os.symlink(os.path.join(".adapter", name, "trees", commit), os.path.join(data_dir, name))
    return tree


class Checker(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="checker-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.remote = Remote(self.folder, "remote.git")
        self.commit = self.remote.commit(FILES)
        self.data = os.path.join(self.folder, "data")
        os.makedirs(self.data)
        self.tree = lay_out(self.remote, self.commit, self.data, "docs")

    def problems(self, **arguments):
        arguments.setdefault("allowed", self.remote.advertised)
        return check(self.data, "docs", self.remote.directory, **arguments)

    def assert_caught(self, words, **arguments):
        problems = self.problems(**arguments)
        self.assertTrue(any(words in problem for problem in problems), problems)

    def at(self, path):
        return os.path.join(self.tree, path)

    def test_a_good_volume_has_no_problems(self):
        self.assertEqual(self.problems(), [])

    def test_a_changed_byte_is_caught(self):
        with open(self.at("folder/one"), "r+b") as out:
            out.write(b"2")
        self.assert_caught("folder/one")

    def test_an_extra_file_is_caught(self):
        with open(self.at("folder/extra"), "wb"):
            pass
        os.chmod(self.at("folder/extra"), 0o644)
        self.assert_caught("folder/extra")

    def test_an_extra_empty_folder_is_caught(self):
        os.mkdir(self.at("nothing"), 0o755)
        self.assert_caught("nothing")

    def test_a_missing_file_is_caught(self):
        os.unlink(self.at("plain"))
        self.assert_caught("plain")

    def test_a_missing_link_is_caught(self):
        os.unlink(self.at("here"))
        self.assert_caught("the tree on disk is")

    def test_a_redirected_link_is_caught(self):
        os.unlink(self.at("here"))
        os.symlink("run", self.at("here"))
        self.assert_caught("the tree on disk is")

    def test_a_link_that_is_said_to_be_left_out_must_be(self):
        self.assert_caught("the tree on disk is", left_out=["here"])
        os.unlink(self.at("here"))
        self.assertEqual(self.problems(left_out=["here"]), [])

    def test_a_wrong_mode_is_caught(self):
        for path, mode in (("plain", 0o664), ("run", 0o4755), ("folder", 0o777)):
            with self.subTest(path):
                before = os.stat(self.at(path)).st_mode & 0o7777
                os.chmod(self.at(path), mode)
                self.assert_caught("has mode %o" % mode)
                os.chmod(self.at(path), before)

    def test_a_lost_executable_bit_is_caught(self):
        os.chmod(self.at("run"), 0o644)
        self.assert_caught("the tree on disk is")

    def test_a_file_with_two_names_is_caught(self):
        os.link(self.at("plain"), os.path.join(self.folder, "second"))
        self.assert_caught("has 2 names")

    def test_a_pipe_is_caught(self):
        os.mkfifo(self.at("pipe"))
        self.assert_caught("neither file, link nor folder")

    def test_torn_links_are_caught(self):
        link = os.path.join(self.data, "docs")
        for target, words in (
            (".adapter/docs/trees/" + "0" * 40, "dangles"),
            (".adapter/docs/trees/" + self.commit[:39], "leads to"),
            (".adapter/docs/repo.git", "leads to"),
            (self.tree, "absolute"),
            ("../elsewhere/" + self.commit, "leads to"),
        ):
            with self.subTest(target):
                os.unlink(link)
                os.symlink(target, link)
                self.assert_caught(words)

    def test_an_absent_link_is_a_problem_only_when_it_must_be_there(self):
        os.unlink(os.path.join(self.data, "docs"))
        self.assert_caught("nothing is published")
        self.assertEqual(self.problems(must=False), [])

    def test_a_folder_in_the_place_of_the_link_is_caught(self):
        os.unlink(os.path.join(self.data, "docs"))
        os.mkdir(os.path.join(self.data, "docs"))
        self.assert_caught("is no link", must=False)

    def test_a_commit_that_was_never_advertised_is_caught(self):
        self.assert_caught("never advertised", allowed={"1" * 40})

    def test_a_tree_under_the_name_of_another_commit_is_caught(self):
        other = self.remote.commit({"plain": "newer\n"})
        os.rename(self.tree, os.path.join(os.path.dirname(self.tree), other))
        os.unlink(os.path.join(self.data, "docs"))
        os.symlink(".adapter/docs/trees/" + other, os.path.join(self.data, "docs"))
        self.assert_caught("plain")

    def test_litter_is_caught(self):
        home = os.path.join(self.data, ".adapter", "docs")
        for path in (
            os.path.join(home, "incoming", "pack_abc"),
            os.path.join(home, "trees", ".tmp-1"),
            os.path.join(home, "trees", ".gone-1"),
            os.path.join(home, "state.json.tmp"),
            os.path.join(home, "repo.git", "packed-refs.lock"),
            os.path.join(home, "repo.git", "objects", "pack", "tmp_pack_1"),
            os.path.join(home, "repo.git", "objects", "pack", "pack-%s.pack" % ("1" * 40)),
            os.path.join(self.data, ".docs.1234"),
        ):
            with self.subTest(path):
                with open(path, "wb"):
                    pass
                self.assert_caught("litter")
                self.assertEqual(self.problems(settled=False), [])
                os.unlink(path)

    def test_too_many_trees_are_caught(self):
        for digit in "123":
            os.mkdir(os.path.join(os.path.dirname(self.tree), digit * 40))
        self.assert_caught("4 trees are kept")

    def test_a_damaged_pack_is_caught(self):
        volume = Volume(self.data, "docs")
        path = os.path.join(volume.home, "repo.git", "objects", "pack", volume.packs()[0])
        os.chmod(path, 0o644)
        with open(path, "r+b") as out:
            out.seek(40)
            out.write(b"\xff\xff\xff")
        self.assert_caught("git fsck")

    def test_a_submodule_is_an_empty_folder(self):
        commit = self.remote.commit({"sub/module": (SUBMODULE, "2" * 40)})
        shutil.rmtree(self.data)
        os.makedirs(self.data)
        self.tree = lay_out(self.remote, commit, self.data, "docs")
        os.makedirs(self.at("sub/module"), exist_ok=True)
        os.chmod(self.at("sub"), 0o755)
        os.chmod(self.at("sub/module"), 0o755)
        self.assertEqual(self.problems(settled=False), [])
        os.rmdir(self.at("sub/module"))
        self.assert_caught("submodules are", settled=False)


if __name__ == "__main__":
    unittest.main()
