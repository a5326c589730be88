#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What a commit may hold: sizes, names, modes, links, submodules, attributes."""

import json
import os
import random
import sys

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import EXECUTABLE, SUBMODULE, SYMLINK, AdapterTest, git, main  # noqa: E402

_LFS = (
    "version https://git-lfs.github.com/spec/v1\n"
    "oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


class Content(AdapterTest):
    def test_executable_bits(self):
        remote = self.remote(files={"run": (EXECUTABLE, "#!"), "plain": "x"})
        adapter = self.follow(remote)
        link = adapter.link("docs")
        self.assertEqual(os.stat(os.path.join(link, "run")).st_mode & 0o7777, 0o755)
        self.assertEqual(os.stat(os.path.join(link, "plain")).st_mode & 0o7777, 0o644)
        commit = remote.commit({"plain": (EXECUTABLE, "x"), "run": "#!"})
        adapter.wait_published("docs", commit)
        self.assertEqual(os.stat(os.path.join(link, "plain")).st_mode & 0o7777, 0o755)
        self.assert_good(adapter, remote)

    def test_modes_do_not_depend_on_the_umask(self):
        remote = self.remote(files={"run": (EXECUTABLE, "#!"), "folder/plain": "x"})
        before = os.umask(0o077)
        try:
            adapter = self.follow(remote)
        finally:
            os.umask(before)
        self.assert_good(adapter, remote)

    def test_odd_but_legal_names(self):
        names = [
            "with space", " leading", "trailing ", "-leading-dash", "--", "ünïcödé/日本語/🙂", "quote'\"", "*?[x]",
            "#hash", "~tilde", "$(touch x)", "%41", "a:b", "semi;colon", "COM1", "dot.", ".hidden", "...", "x" * 255,
            "deep/" * 60 + "end", "git", ".gitignore", ".gitattributes", ".github/x", "git~2", b"latin-\xe9\xff",
            "folder/" + "y" * 255, "é", "e\u0301",
        ]  # fmt: skip
        files = {name: "content of %d\n" % index for index, name in enumerate(names)}
        remote = self.remote(files=files)
        adapter = self.follow(remote)
        self.assert_good(adapter, remote)
        self.assertEqual(self.read(adapter, "x" * 255), b"content of %d\n" % names.index("x" * 255))

    def test_submodule_entries_are_empty_folders_and_named_once(self):
        remote = self.remote(files={"a": "1", "libs/one": (SUBMODULE, "1" * 40), "two": (SUBMODULE, "2" * 40)})
        remote.commit({".gitmodules": '[submodule "two"]\n\tpath = two\n\turl = ext::sh -c touch% /tmp/pwned\n'})
        adapter = self.follow(remote)
        self.assertEqual(os.listdir(os.path.join(adapter.link("docs"), "libs/one")), [])
        self.assertEqual(os.listdir(os.path.join(adapter.link("docs"), "two")), [])
        self.assert_good(adapter, remote)
        event = adapter.wait_event("submodules_present", "docs", count=2)
        self.assertEqual(sorted(event["paths"].split(", ")), ["libs/one", "two"])
        checks = len(self.server.seen("ls_refs"))
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > checks + 2, what="more checks")
        self.assertEqual(len(adapter.found("submodules_present")), 1)

    def test_lfs_pointers_stay_text_and_are_named(self):
        remote = self.remote(files={"big.bin": _LFS, ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
        adapter = self.follow(remote)
        self.assertEqual(self.read(adapter, "big.bin").decode(), _LFS)
        self.assert_good(adapter, remote)
        adapter.wait_for(lambda: [e for e in adapter.events if "big.bin" in str(e)], what="the pointer is named")

    def test_attributes_and_filters_change_no_byte(self):
        attributes = "* text eol=crlf ident export-subst working-tree-encoding=UTF-16\nsecret export-ignore\n"
        files = {".gitattributes": attributes, "a": "one\ntwo\r\n$Id$ $Format:%H$\n", "secret": "here\n"}
        remote = self.remote(files=files)
        adapter = self.follow(remote)
        for path, content in files.items():
            self.assertEqual(self.read(adapter, path), content.encode())
        self.assert_good(adapter, remote)

    def test_an_empty_tree(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.follow(remote)
        commit = remote.commit({}, delete=[None])
        adapter.wait_published("docs", commit)
        self.assertEqual(os.listdir(adapter.link("docs")), [])
        self.assert_good(adapter, remote)

    def test_a_file_becomes_a_folder_and_back(self):
        remote = self.remote(files={"x": "file", "y/z": "folder"})
        adapter = self.follow(remote)
        commit = remote.commit({"x/inside": "folder", "y": "file"}, delete=["x", "y"])
        adapter.wait_published("docs", commit)
        self.assert_good(adapter, remote)
        commit = remote.commit({"x": (SYMLINK, "y")}, delete=["x"])
        adapter.wait_published("docs", commit)
        self.assert_good(adapter, remote)

    def test_20000_small_files(self):
        files = {"d%02d/d%02d/file-%d" % (i % 20, i % 13, i): "%d\n" % (i * 7919) for i in range(20_000)}
        remote = self.remote(files=files)
        adapter = self.follow(remote, seconds=60)
        self.assert_good(adapter, remote)
        commit = remote.commit({"d00/d00/file-0": "changed\n"})
        adapter.wait_published("docs", commit, seconds=30)
        self.assert_good(adapter, remote)

    def test_a_file_of_200_mb(self):
        content = random.Random(200).randbytes(1 << 14) * (200 * 64)
        remote = self.remote(files={"large": content, "small": "x"})
        remote_size = len(content)
        del content
        adapter = self.follow(remote, seconds=120)
        self.assertEqual(os.stat(os.path.join(adapter.link("docs"), "large")).st_size, remote_size)
        self.assert_good(adapter, remote)

    def test_a_file_over_the_object_limit_is_refused_once(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote, limits={"max_object_bytes": "64KiB"})
        refused = remote.commit({"large": os.urandom(100_000)})
        self.assertEqual(self.assert_failed(adapter, "limit")["commit"], refused)
        fetches = len(self.server.seen("fetch"))
        adapter.wait_for(lambda: len(self.server.seen("ls_refs")) > 6, what="checks go on")
        self.assertEqual(len(self.server.seen("fetch")), fetches, "a refused commit was downloaded again")
        again = adapter.wait_event("check_failed", "docs", failures=2)
        self.assertEqual(again["commit"], refused, "also where the refusal is only remembered")
        self.assert_good(adapter, remote, commit=first)
        better = remote.commit({}, delete=["large"])
        adapter.wait_published("docs", better)


class Share(AdapterTest):
    def test_a_tree_that_the_notes_do_not_describe_is_written_anew(self):
        """The notes say that the present settings are applied, those of another time or of a publish that was killed."""
        remote = self.remote(files={"plain": "x"})
        private = self.config(self.entry(remote, share="group"))
        other = self.adapter(private).start()
        other.wait_event("published", "docs")
        other.stop()
        settings = self.state(other)["published"]["settings"]
        adapter = self.follow(remote)
        for note in ("published", "pending"):
            adapter.stop()
            state = self.state(adapter)
            begun = {"url": state["url"], "followed": state["followed"], **state["published"]}
            state[note] = {**(state[note] if note in state else begun), "settings": settings}
            with open(self.notes(adapter), "w", encoding="utf-8") as out:
                json.dump(state, out)
            adapter.write_config(private)
            adapter.start()
            self.wait_for_mode(adapter, 0o640)
            adapter.stop()
            adapter.write_config(self.config(self.entry(remote)))
            adapter.start()
            self.wait_for_mode(adapter, 0o644)

    def wait_for_mode(self, adapter, mode):
        plain = os.path.join(adapter.link("docs"), "plain")
        adapter.wait_for(lambda: os.stat(plain).st_mode & 0o7777 == mode, seconds=5, what="mode %o" % mode)

    @staticmethod
    def notes(adapter):
        return os.path.join(adapter.data, ".adapter", "docs", "state.json")

    def state(self, adapter):
        with open(self.notes(adapter), encoding="utf-8") as source:
            return json.load(source)


class Symlinks(AdapterTest):
    FILES = {
        "plain": "text",
        "folder/file": "inside",
        "good": (SYMLINK, "plain"),
        "good-folder": (SYMLINK, "folder"),
        "folder/up": (SYMLINK, "../plain"),
        "dangling": (SYMLINK, "nowhere/at/all"),
        "loop-a": (SYMLINK, "loop-b"),
        "loop-b": (SYMLINK, "loop-a"),
        "self": (SYMLINK, "self"),
        "dot": (SYMLINK, "."),
    }
    LEAVING = {
        "absolute": (SYMLINK, "/etc/passwd"),
        "above": (SYMLINK, "../../../../../etc/passwd"),
        "folder/far": (SYMLINK, "../../x"),
        # Looks inside by its words, and leaves by way of another link: folder/dir -> ../ , through it .. is outside.
        "deep/dir": (SYMLINK, ".."),
        "through": (SYMLINK, "deep/dir/../../x"),
    }

    def test_inside_keeps_what_stays_and_leaves_out_the_rest(self):
        remote = self.remote(files={**self.FILES, **self.LEAVING})
        adapter = self.follow(remote)
        link = adapter.link("docs")
        for path, value in self.FILES.items():
            if isinstance(value, tuple):
                self.assertEqual(os.readlink(os.path.join(link, path)), value[1])
        outside = [path for path in self.LEAVING if path != "deep/dir"]
        for path in outside:
            self.assertFalse(os.path.lexists(os.path.join(link, path)), path)
        self.assert_good(adapter, remote, left_out=outside)
        event = adapter.wait_event("links_left_out", "docs", count=len(outside))
        for path in event["paths"].split(", "):
            self.assertIn(path, outside)

    def test_keep_writes_all(self):
        remote = self.remote(files={**self.FILES, **self.LEAVING})
        adapter = self.follow(remote, symlinks="keep")
        self.assert_good(adapter, remote)

    def test_refuse_publishes_nothing_of_such_a_commit(self):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote, symlinks="refuse")
        remote.commit({"link": (SYMLINK, "a")})
        self.assert_failed(adapter, "policy")
        self.assert_good(adapter, remote, commit=first)

    def test_a_change_of_policy_applies_to_the_published_commit(self):
        remote = self.remote(files={"a": "1", "out": (SYMLINK, "/etc/hostname")})
        adapter = self.follow(remote)
        self.assert_good(adapter, remote, left_out=["out"])
        adapter.reload(self.config(self.entry(remote, symlinks="keep")))
        adapter.wait_for(lambda: os.path.lexists(os.path.join(adapter.link("docs"), "out")), what="the link")
        self.assert_good(adapter, remote)


class Hostile(AdapterTest):
    """A few of each kind; the whole list is the business of tests/reliability."""

    def assert_refused(self, entries, **keys):
        remote = self.remote(files={"a": "1"})
        first = remote.resolve("main")
        adapter = self.follow(remote, **keys)
        blob = remote.blob("evil")
        remote.raw_commit(remote.raw_tree([(mode, name, blob) for mode, name in entries]))
        event = adapter.wait_event("check_failed", "docs")
        self.assertIn(event["class"], ("policy", "corrupt"))
        self.assert_good(adapter, remote, commit=first)
        self.assertFalse(os.path.exists(os.path.join(adapter.data, ".adapter", "docs", "evil")))

    def test_dot_git_is_refused(self):
        self.assert_refused([("100644", ".git")])

    def test_dot_dot_is_refused(self):
        self.assert_refused([("100644", "..")])

    def test_a_slash_is_refused(self):
        self.assert_refused([("100644", "../../evil")])

    def test_a_backslash_is_refused_and_allowed_by_names_git(self):
        self.assert_refused([("100644", "dev\\x2ddisk.mount")])
        remote = self.remote("units.git", files={"dev\\x2ddisk.mount": "x"})
        adapter = self.adapter(self.config(self.entry(remote, name="units", names="git"))).start()
        adapter.wait_event("published", "units")
        self.assert_good(adapter, remote, "units")

    def test_a_setuid_mode_is_refused(self):
        self.assert_refused([("104755", "setuid")])

    def test_the_historic_group_writable_mode_is_read_as_plain(self):
        remote = self.remote()
        remote.raw_commit(remote.raw_tree([("100664", "old", remote.blob("x"))]))
        adapter = self.follow(remote)
        self.assertEqual(os.stat(os.path.join(adapter.link("docs"), "old")).st_mode & 0o7777, 0o644)


class Memory(AdapterTest):
    def test_memory_does_not_grow_with_the_pack(self):
        remote = self.remote(files={"f%d" % i: random.Random(i).randbytes(4 << 20) for i in range(16)})
        git(remote.directory, "repack", "-adq")
        adapter = self.adapter(self.config(self.entry(remote)))
        adapter.start()
        adapter.wait_event("published", seconds=60)
        with open("/proc/%d/status" % adapter.process.pid, encoding="ascii") as status:
            peak = [int(line.split()[1]) for line in status if line.startswith("VmHWM")][0]
        self.assertLess(peak, 300 * 1024, "KiB at the most for a pack of 64 MB")


if __name__ == "__main__":
    main()
