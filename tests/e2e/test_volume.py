#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The data directory: what stands in the way, what somebody breaks, who owns it."""

import os
import re
import shutil
import signal
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import EXECUTABLE, AdapterTest, main  # noqa: E402
from tests.support.volume_image import build_preload  # noqa: E402

# The volume has no room for the first two trees that are begun.
_SHORT = """
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int mkdirat(int folder, const char* name, unsigned mode) {
  static int left = 2;
  if (left > 0 && strncmp(name, ".tmp-", 5) == 0) {
    --left;
    errno = ENOSPC;
    return -1;
  }
  return syscall(SYS_mkdirat, folder, name, mode);
}
"""
# It does not take one name.
_UNFIT = """
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int openat64(int folder, const char* name, int flags, unsigned mode) {
  if (strcmp(name, "odd-name") == 0) {
    errno = EILSEQ;
    return -1;
  }
  return syscall(SYS_openat, folder, name, flags, mode);
}
int openat(int folder, const char* name, int flags, unsigned mode) { return openat64(folder, name, flags, mode); }
"""
# The process ends the moment a link that was there is moved.
_KILLED_BEHIND_THE_FLIP = """
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  const int result = syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
  if (strcmp(to, "docs") == 0) kill(getpid(), SIGKILL);
  return result;
}
"""
# No link that is there can be moved.
_FLIP_FAILS = """
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
int renameat(int from_folder, const char* from, int to_folder, const char* to) {
  if (strcmp(to, "docs") == 0) {
    errno = EIO;
    return -1;
  }
  return syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}
"""


class Link(AdapterTest):
    def test_the_link_is_relative_and_ends_in_the_commit(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        commit = remote.resolve("main")
        self.assertEqual(os.readlink(adapter.link("docs")), ".adapter/docs/trees/" + commit)

    def test_a_link_in_a_folder(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote, link="sites/public/docs"))).start()
        adapter.wait_event("published")
        commit = remote.resolve("main")
        self.assertEqual(os.readlink(adapter.link("sites/public/docs")), "../../.adapter/docs/trees/" + commit)
        self.assert_good(adapter, remote, link="sites/public/docs")

    def test_a_folder_in_its_place_is_an_error_and_stays(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        os.makedirs(os.path.join(adapter.data, "docs"))
        with open(os.path.join(adapter.data, "docs", "precious"), "w", encoding="ascii") as out:
            out.write("mine")
        adapter.start()
        self.assert_failed(adapter, "storage")
        with open(os.path.join(adapter.data, "docs", "precious"), encoding="ascii") as source:
            self.assertEqual(source.read(), "mine")
        shutil.rmtree(os.path.join(adapter.data, "docs"))
        adapter.wait_published("docs", remote.resolve("main"), seconds=30)
        self.assert_good(adapter, remote)

    def test_a_file_in_its_place_is_an_error_and_stays(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        os.makedirs(adapter.data)
        with open(os.path.join(adapter.data, "docs"), "w", encoding="ascii") as out:
            out.write("mine")
        self.assertEqual(adapter.once(), 1)
        adapter.wait_event("check_failed", "docs", **{"class": "storage"})
        with open(os.path.join(adapter.data, "docs"), encoding="ascii") as source:
            self.assertEqual(source.read(), "mine")

    def test_a_foreign_link_in_its_place_is_an_error_and_stays(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        os.makedirs(adapter.data)
        os.symlink("/somewhere/else", os.path.join(adapter.data, "docs"))
        self.assertEqual(adapter.once(), 1)
        adapter.wait_event("check_failed", "docs", **{"class": "storage"})
        self.assertEqual(os.readlink(os.path.join(adapter.data, "docs")), "/somewhere/else")

    def test_an_error_below_the_own_folder_names_its_whole_path(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        adapter.stop()
        own = os.path.join(adapter.data, ".adapter", "docs")
        shutil.rmtree(os.path.join(own, "trees"))
        with open(os.path.join(own, "trees"), "w", encoding="ascii"):
            pass
        self.assertEqual(adapter.once(), 1)
        event = adapter.wait_event("check_failed", "docs", **{"class": "storage"})
        self.assertRegex(event["message"], r"^in %s: cannot .* trees: " % re.escape(own))

    def test_a_link_that_somebody_removes_comes_back_without_a_fetch(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        fetches = len(self.server.seen("fetch"))
        os.unlink(adapter.link("docs"))
        adapter.wait_published("docs", remote.resolve("main"), seconds=5)
        self.assertEqual(len(self.server.seen("fetch")), fetches)
        self.assert_good(adapter, remote)


class Damage(AdapterTest):
    def damaged(self, act, files=None):
        """A volume that was published, stopped, and damaged by `act(tree, adapter)`."""
        remote = self.remote(files=files or {"a": "1", "run": (EXECUTABLE, "x"), "d/b": "2"})
        adapter = self.adapter(self.config(self.entry(remote)))
        self.assertEqual(adapter.once(), 0)
        act(os.path.realpath(adapter.link("docs")), adapter)
        return remote, adapter

    def assert_heals_offline(self, act):
        remote, adapter = self.damaged(act)
        self.server.stop()
        adapter.start()
        adapter.wait_event("tree_rebuilt", "docs")
        adapter.wait_published("docs", remote.resolve("main"))
        self.assert_good(adapter, remote)

    def test_a_changed_file_is_rebuilt_at_start_without_the_network(self):
        def act(tree, _):
            with open(os.path.join(tree, "d/b"), "w", encoding="ascii") as out:
                out.write("3")

        self.assert_heals_offline(act)

    def test_a_link_lost_after_a_kill_behind_the_flip_shows_the_new_commit(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        self.assertEqual(adapter.once(), 0)
        commit = remote.commit({"a": "2"})
        adapter.start(environment={"LD_PRELOAD": build_preload(adapter.folder, _KILLED_BEHIND_THE_FLIP)})
        self.assertEqual(adapter.wait_exit(20), -signal.SIGKILL)
        self.assertEqual(adapter.published("docs"), commit)
        os.unlink(adapter.link("docs"))
        shutil.rmtree(os.path.join(adapter.data, ".adapter/docs/repo.git"))  # what it knows of the last tip
        self.server.stop()
        adapter.start()
        adapter.wait_event("link_restored", "docs")
        self.assertEqual(adapter.published("docs"), commit)

    def test_a_commit_whose_link_could_not_be_moved_does_not_come_back_once_it_is_withdrawn(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.adapter(self.config(self.entry(remote)))
        self.assertEqual(adapter.once(), 0)
        second = remote.commit({"a": "2"})
        adapter.start(environment={"LD_PRELOAD": build_preload(adapter.folder, _FLIP_FAILS)})
        self.assert_failed(adapter, "storage")
        self.assertTrue(os.path.exists(os.path.join(adapter.data, ".adapter/docs/trees", second)))
        remote.set_ref("refs/heads/main", first)
        adapter.stop()
        os.unlink(adapter.link("docs"))
        shutil.rmtree(os.path.join(adapter.data, ".adapter/docs/repo.git"))
        self.server.stop()
        adapter.start()
        adapter.wait_event("link_restored", "docs")
        self.assertEqual(adapter.published("docs"), first)

    def test_a_shortage_while_it_is_rebuilt_is_tried_again(self):
        remote, adapter = self.damaged(lambda tree, _: os.unlink(os.path.join(tree, "d/b")))
        self.server.stop()
        adapter.start(environment={"LD_PRELOAD": build_preload(adapter.folder, _SHORT)})
        self.assert_failed(adapter, "storage", says="free space")
        adapter.wait_event("tree_rebuilt", "docs", seconds=15)
        self.assertEqual(adapter.found("not_rebuilt"), [])
        self.assert_good(adapter, remote)

    def test_a_replaced_file_is_rebuilt(self):
        def act(tree, _):
            about = os.stat(os.path.join(tree, "a"))
            with open(os.path.join(tree, "new"), "w", encoding="ascii") as out:
                out.write("9")
            os.rename(os.path.join(tree, "new"), os.path.join(tree, "a"))
            os.utime(os.path.join(tree, "a"), ns=(about.st_atime_ns, about.st_mtime_ns))

        self.assert_heals_offline(act)

    def test_a_removed_file_is_rebuilt(self):
        self.assert_heals_offline(lambda tree, _: os.unlink(os.path.join(tree, "a")))

    def test_an_added_file_is_rebuilt(self):
        def act(tree, _):
            with open(os.path.join(tree, "d", "extra"), "w", encoding="ascii"):
                pass

        self.assert_heals_offline(act)

    def test_a_changed_mode_is_rebuilt(self):
        self.assert_heals_offline(lambda tree, _: os.chmod(os.path.join(tree, "a"), 0o600))

    def test_a_removed_tree_is_rebuilt(self):
        self.assert_heals_offline(lambda tree, _: shutil.rmtree(tree))

    def test_a_removed_link_is_rebuilt(self):
        remote, adapter = self.damaged(lambda _, adapter: os.unlink(adapter.link("docs")))
        self.server.stop()
        adapter.start()
        adapter.wait_published("docs", remote.resolve("main"))
        self.assert_good(adapter, remote)

    def test_a_lost_repository_is_fetched_again_while_the_tree_stays(self):
        remote, adapter = self.damaged(
            lambda _, adapter: shutil.rmtree(os.path.join(adapter.data, ".adapter", "docs", "repo.git"))
        )
        adapter.start()
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)
        self.assert_good(adapter, remote)

    def test_a_cut_pack_is_put_aside_and_fetched_again(self):
        def act(_, adapter):
            volume = self.volume(adapter)
            path = os.path.join(volume.home, "repo.git", "objects", "pack", volume.packs()[0])
            os.chmod(path, 0o644)
            os.truncate(path, os.path.getsize(path) // 2)

        remote, adapter = self.damaged(act, {"a": os.urandom(5000), "b": os.urandom(5000)})
        first = adapter.published("docs")
        adapter.start()
        commit = remote.commit({"c": "2"})
        seen = []
        adapter.wait_for(lambda: seen.append(adapter.published("docs")) or seen[-1] == commit, what="the next commit")
        self.assertLessEqual(set(seen), {first, commit})
        self.assertEqual(self.volume(adapter).check_complete(remote.directory, remote.advertised), commit)

    def test_an_edited_tree_is_found_at_the_next_publish_and_not_used_again(self):
        remote = self.remote(files={"a": "1", "b": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        commit = remote.commit({"a": "2"})
        adapter.wait_event("published", commit=commit)
        kept = os.path.join(adapter.data, ".adapter", "docs", "trees", first, "b")
        with open(kept, "w", encoding="ascii") as out:
            out.write("edited")
        remote.set_ref("refs/heads/main", first)
        adapter.wait_published("docs", first)
        self.assert_good(adapter, remote, commit=first)

    def test_a_new_commit_tells_the_edits_that_it_replaces(self):
        remote = self.remote(files={"a": "1", "b": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote)
        with open(os.path.join(adapter.link("docs"), "b"), "w", encoding="ascii") as out:
            out.write("edited")
        commit = remote.commit({"a": "2"})
        published = adapter.wait_event("published", commit=commit)
        self.assertEqual(published["previous"], first)
        event = adapter.wait_event("edits_replaced", "docs")
        self.assertEqual(event["commit"], first)
        self.assertIn("first: b)", event["damage"])


class Names(AdapterTest):
    def checks(self, adapter, count):
        before = len(self.server.seen("ls_refs"))
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) >= before + count, what="checks")

    def test_one_that_the_volume_does_not_take_is_remembered_for_that_volume(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.adapter(self.config(self.entry(remote)))
        adapter.start(environment={"LD_PRELOAD": build_preload(adapter.folder, _UNFIT)})
        adapter.wait_published("docs", first)
        odd = remote.commit({"odd-name": "2"})
        event = self.assert_failed(adapter, "policy", says="odd-name")
        self.assertIn("rename it in the repository", event["message"])
        fetches = len(self.server.seen("fetch"))
        self.checks(adapter, 5)
        self.assertEqual(len(self.server.seen("fetch")), fetches)
        good = remote.commit({"a": "3"}, delete=["odd-name"])
        adapter.wait_published("docs", good, seconds=5)
        remote.set_ref("refs/heads/main", odd)
        adapter.stop()
        adapter.start()
        self.checks(adapter, 5)
        self.assertEqual(adapter.published("docs"), good, "it is the same volume")
        adapter.stop()
        shutil.copytree(adapter.data, adapter.data + ".other", symlinks=True)
        os.rename(adapter.data, adapter.data + ".first")
        os.rename(adapter.data + ".other", adapter.data)
        adapter.start()
        adapter.wait_published("docs", odd)


class Ownership(AdapterTest):
    def test_a_second_daemon_exits_75_and_names_the_holder(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        second = self.adapter(None)
        second.config_file = adapter.config_file
        second.start()
        self.assertEqual(second.wait_exit(20), 75)
        self.assertIn(str(adapter.process.pid), "\n".join(str(event) for event in second.events))
        self.assertEqual(second.once(), 75)
        self.assertTrue(adapter.alive())
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)

    def test_the_directory_is_free_again_when_the_holder_was_killed(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        adapter.kill()
        adapter.start()
        commit = remote.commit({"a": "2"})
        adapter.wait_published("docs", commit)

    def test_share_group(self):
        remote = self.remote(files={"a": "1", "d/run": (EXECUTABLE, "x")})
        adapter = self.follow(remote, share="group")
        self.assert_good(adapter, remote, share="group")

    def test_a_group_that_can_be_given_after_a_restart_is_given(self):
        if os.geteuid() != 0 or not shutil.which("setpriv"):
            self.skipTest("another group's volume needs root and setpriv")
        remote = self.remote(files={"a": "1", "d/run": (EXECUTABLE, "x")})
        without = ("setpriv", "--bounding-set", "-chown", "--inh-caps", "-chown", "--regid=0", "--clear-groups")
        adapter = self.adapter(self.config(self.entry(remote, share="group")), wrap=without)
        os.makedirs(adapter.data, exist_ok=True)
        os.chown(adapter.data, 0, 4242)
        os.chmod(adapter.data, 0o2775)
        for _ in range(2):
            adapter.start()
            adapter.wait_event("group_not_set")
            adapter.wait_for(lambda: os.path.exists(adapter.link("docs")), what="the tree")
            adapter.stop()
            self.assertEqual(os.stat(adapter.link("docs")).st_gid, 0)
            adapter.events.clear()
        adapter.wrap = []
        adapter.start()
        adapter.wait_for(lambda: os.stat(adapter.link("docs")).st_gid == 4242, what="the group")
        self.assert_good(adapter, remote, share="group")
        self.assertEqual(adapter.found("group_not_set"), [])
        self.assertEqual(os.stat(os.path.join(adapter.link("docs"), "d/run")).st_gid, 4242)
        adapter.stop()
        inode, checks = os.stat(adapter.link("docs")).st_ino, len(self.server.seen("ls_refs"))
        adapter.start()
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > checks + 1, what="two checks")
        self.assertEqual(os.stat(adapter.link("docs")).st_ino, inode, "it is written anew once")

    def test_a_restart_publishes_nothing_new_and_fetches_nothing(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        inode = os.stat(adapter.link("docs")).st_ino
        adapter.stop()
        fetches, checks = len(self.server.seen("fetch")), len(self.server.seen("ls_refs"))
        adapter.start()
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > checks, what="a check")
        adapter.stop()
        self.assertEqual(len(self.server.seen("fetch")), fetches)
        self.assertEqual(os.stat(adapter.link("docs")).st_ino, inode)
        self.assert_good(adapter, remote)


if __name__ == "__main__":
    main()
