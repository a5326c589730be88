#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The suite's own tools do what they say: real git is the client here."""

import base64
import os
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.reliability.m1 import watch  # noqa: E402
from tests.reliability.m1.rules import Model, Version  # noqa: E402
from tests.support import canaries, loop_guard  # noqa: E402
from tests.support.adapter import to_yaml  # noqa: E402
from tests.support.backend import git_environment  # noqa: E402
from tests.support.certificates import make_certificates  # noqa: E402
from tests.support.chaos_proxy import ACTS, ChaosProxy, Harm  # noqa: E402
from tests.support.faults import LIES  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402
from tests.support.remotes import EXECUTABLE, SYMLINK, Remote, git  # noqa: E402
from tests.support.users import CANDIDATES, ids_in_use, unused_id  # noqa: E402


class Base(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.base = tempfile.mkdtemp(prefix="support-")
        cls.addClassCleanup(shutil.rmtree, cls.base)
        cls.certificates = make_certificates(os.path.join(cls.base, "certificates"))

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.base)
        self.remote = Remote(self.folder, "a.git")
        self.commit = self.remote.commit({"a": "1", "x": (EXECUTABLE, "2"), "l": (SYMLINK, "a"), "big": os.urandom(200_000)})
        self.server = GitServer(self.folder, self.certificates.good).start()
        self.addCleanup(self.server.stop)

    def clone(self, url=None):
        """(worked, standard error)"""
        target = os.path.join(self.folder, "clone")
        shutil.rmtree(target, ignore_errors=True)
        done = subprocess.run(
            ["git", "clone", "--quiet", url or self.server.url("a.git"), target], capture_output=True, text=True,
            env={**git_environment(), "GIT_SSL_CAINFO": self.certificates.ca}, timeout=60, check=False,
        )  # fmt: skip
        return done.returncode == 0, done.stderr

    def assert_clones(self, url=None):
        worked, errors = self.clone(url)
        self.assertTrue(worked, errors)
        self.assertEqual(git(os.path.join(self.folder, "clone"), "rev-parse", "HEAD"), self.remote.resolve("main"))

    def assert_fails(self, words="", url=None):
        worked, errors = self.clone(url)
        self.assertFalse(worked)
        self.assertIn(words, errors)


class Server(Base):
    def test_real_git_clones(self):
        self.assert_clones()
        self.assertEqual([entry["step"] for entry in self.server.requests], ["capabilities", "ls_refs", "fetch"])
        self.assertIn("refs/heads/", self.server.requests[1]["prefixes"])

    def test_kept_answers_follow_the_refs(self):
        self.server.stop()
        self.server = GitServer(self.folder, self.certificates.good, cache=True).start()
        self.addCleanup(self.server.stop)
        self.assert_clones()
        self.remote.commit({"a": "2"})
        self.assert_clones()
        self.remote.commit({"a": "3"}, branch="other/branch")
        self.remote.set_head("other/branch")
        worked, _ = self.clone()
        self.assertTrue(worked)
        head = git(os.path.join(self.folder, "clone"), "rev-parse", "HEAD")
        self.assertEqual(head, self.remote.resolve("other/branch"))

    def test_credentials(self):
        self.server.require("/a.git", [("bot", "p%/+")])
        self.assert_fails("could not read Username")
        self.assert_clones(self.server.url("a.git").replace("https://", "https://bot:p%25%2f%2b@"))
        self.server.require("/a.git")
        self.assert_clones()

    def test_certificates(self):
        for leaf in ("expired", "not_yet", "wrong_host", "partial_wildcard", "unknown_ca"):
            with self.subTest(leaf):
                self.server.use_certificate(getattr(self.certificates, leaf))
                self.assert_fails("certificate")
        self.server.use_certificate(self.certificates.renewed)
        self.assert_clones()

    def test_each_fault_is_noticed_by_git(self):
        for fault in (
            {"status": 500}, {"status": 404}, {"status": 403}, {"raw": b"hello"},
            {"accept_reset": True}, {"redirect": "/nowhere/"}, {"framing": "bad_chunk"},
            {"step": "fetch", "truncate_at": 1000}, {"step": "fetch", "truncate_at": 1000, "framing": "length"},
            {"step": "fetch", "reset_at": 90_000}, {"step": "ls_refs", "flip_bit": 40, "flip_scope": "body"},
            {"step": "fetch", "flip_bit": 800_000, "flip_scope": "body"},
        ):  # fmt: skip
            with self.subTest(str(fault)):
                planted = self.server.faults.add(**fault)
                self.assert_fails()
                self.assertGreater(planted.met, 0)
                self.server.faults.clear()
        self.assert_clones()

    def test_each_lie_is_told(self):
        for lie in LIES:
            with self.subTest(lie):
                planted = self.server.faults.add(framing=lie, count=1)
                self.clone()
                self.assertEqual(planted.met, 1)

    def test_a_v0_answer(self):
        self.server.faults.add(drop_protocol=True)
        self.assert_clones()
        self.assertEqual(self.server.seen("ls_refs"), [])

    def test_gone_and_back_on_the_same_port(self):
        port = self.server.port
        self.server.stop()
        self.assert_fails()
        self.server.start(port)
        self.assert_clones()


class Proxy(Base):
    def test_it_does_no_harm_by_itself(self):
        with ChaosProxy(("127.0.0.1", self.server.port)) as proxy:
            self.assert_clones("https://localhost:%d/a.git" % proxy.port)
            self.assertGreater(sum(proxy.down_bytes), 200_000)

    def test_each_harm_is_noticed_by_git(self):
        with ChaosProxy(("127.0.0.1", self.server.port)) as proxy:
            url = "https://localhost:%d/a.git" % proxy.port
            for act in ACTS:
                for direction, at in (("down", 100), ("down", 3000), ("up", 50), ("up", 700)):
                    with self.subTest("%s %s %d" % (act, direction, at)):
                        harm = Harm(act, at * (8 if act == "flip" else 1), direction, connections=9, stall_seconds=0.2)
                        proxy.harm(harm)
                        self.assert_fails(url=url)
                        self.assertGreater(harm.done, 0)
                        proxy.harm(None)
            self.assert_clones(url)


class Canaries(unittest.TestCase):
    def test_a_planted_secret_is_found_in_each_encoding(self):
        secret = canaries.make_canary()
        raw = secret.encode()
        needles = canaries.encodings(secret)
        forms = [raw, b"x" + raw, base64.b64encode(b"bot:" + raw), base64.urlsafe_b64encode(raw), raw.hex().encode()]
        forms += [base64.b64encode(b"p" * phase + raw + b"rest") for phase in range(4)]
        forms += [canaries.urllib.parse.quote(secret, safe="").encode(), canaries.json.dumps(secret).encode()]
        with tempfile.TemporaryDirectory() as folder:
            for number, form in enumerate(forms):
                with self.subTest(number):
                    with open(os.path.join(folder, "log"), "wb") as out:
                        out.write(b"before " + form + b" after")
                    self.assertTrue(canaries.scan(needles, folder))
            os.unlink(os.path.join(folder, "log"))
            self.assertEqual(canaries.scan(needles, folder), [])
            os.symlink("/tmp/" + raw.hex(), os.path.join(folder, "link"))
            self.assertTrue(canaries.scan(needles, folder))


class Users(unittest.TestCase):
    def test_an_id_with_a_process_is_not_chosen(self):
        self.assertIn(os.getuid(), ids_in_use())
        with tempfile.TemporaryDirectory() as proc:
            for process, ids in (("1", (0, 0, 0, 0)), ("7", (20_000, 20_001, 20_002, 20_003))):
                os.mkdir(os.path.join(proc, process))
                with open(os.path.join(proc, process, "status"), "w", encoding="ascii") as out:
                    out.write("Name:\tx\nUid:\t%d\t%d\t%d\t%d\n" % ids)
            os.mkdir(os.path.join(proc, "8"))  # has ended
            self.assertEqual(unused_id(lambda ids: ids[0], proc), 20_004)
            self.assertLess(unused_id(lambda ids: ids[-1], proc), CANDIDATES.stop)


class GuardOfTheLoop(unittest.TestCase):
    PROGRAM = """
        #include <dlfcn.h>
        #include <fcntl.h>
        #include <sys/stat.h>
        #include <unistd.h>
        #include <thread>
        void touch(const char* file) {
          struct stat facts{};
          stat(file, &facts);
          char byte = 0;
          const int descriptor = open(file, O_RDONLY);
          if (read(descriptor, &byte, 1) != 1) { _exit(1); }
        }
        int main(int, char** arguments) {
          const auto mark = reinterpret_cast<void (*)(bool)>(dlsym(RTLD_DEFAULT, "adapter_loop_runs"));
          touch(arguments[1]);
          mark(true);
          touch("/proc/self/stat");
          std::thread(touch, arguments[1]).join();
          touch(arguments[2]);
          mark(false);
          touch(arguments[1]);
        }
    """

    def test_it_notes_the_calls_of_the_loop_while_it_runs(self):
        folder = tempfile.mkdtemp(prefix="adapter-loop-")
        self.addCleanup(shutil.rmtree, folder)
        program = os.path.join(folder, "program")
        subprocess.run(["c++", "-std=c++20", "-pthread", "-x", "c++", "-", "-o", program, "-ldl"], input=self.PROGRAM, text=True, check=True)
        library = loop_guard.build()
        self.addCleanup(shutil.rmtree, os.path.dirname(library))
        files = [os.path.join(folder, name) for name in ("elsewhere", "on-the-loop")]
        for file in files:
            with open(file, "w", encoding="ascii") as out:
                out.write("x")
        guard = loop_guard.LoopGuard(library)
        subprocess.run([program, *files], check=True, **guard.arguments(dict(os.environ)))
        calls = [finding.splitlines()[0] for finding in guard.findings(program)]
        self.assertEqual(calls, ["%s %s" % (call, files[1]) for call in ("stat", "open", "read")])


class WatcherOfLinks(unittest.TestCase):
    """Of the random model's rig."""

    def test_a_link_that_comes_between_two_looks_is_no_stranger(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "link")
            flips = subprocess.Popen([sys.executable, "-c", "import os\nwhile True: os.symlink('.', %r); os.unlink(%r)" % (path, path)])
            try:
                until = time.monotonic() + 20
                while not os.path.lexists(path) and time.monotonic() < until:
                    time.sleep(0.001)
                until = time.monotonic() + 0.5
                seen = set()
                while time.monotonic() < until:
                    seen.add(watch.look(path)[0])
            finally:
                flips.kill()
                flips.wait()
            self.assertEqual({None, "."}, seen)

    def test_what_is_no_link_is_told(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "file")
            self.assertEqual((None, False), watch.look(path))
            self.assertEqual((None, False), watch.look(folder))
            with open(path, "w", encoding="utf-8"):
                pass
            self.assertEqual(("!", False), watch.look(path))
            os.symlink("nowhere", path + "2")
            self.assertEqual(("nowhere", False), watch.look(path + "2"))


    def test_what_came_before_a_link_went_is_seen_in_the_same_round(self):
        with tempfile.TemporaryDirectory() as folder:
            first, former = os.path.join(folder, "a"), os.path.join(folder, "former")
            os.symlink("x", former)

            class Former(os.PathLike):
                """A path that is read when the daemon has just moved the link."""

                def __fspath__(self):
                    if os.path.lexists(former):
                        os.symlink("x", first)
                        os.unlink(former)
                    return former

            paths = [("a", first), ("former", Former())]
            seen = {"a": (None, False), "former": ("x", False)}
            self.assertEqual({("former", None, False), ("a", "x", False)}, set(watch.changes(paths, seen)))
            self.assertEqual([], watch.changes(paths, seen))


class ModelOfLinks(unittest.TestCase):
    """Two repositories follow one branch; "late" could not fetch the newest commit yet when the links change places."""

    FIRST, SECOND = "1" * 40, "2" * 40
    SOURCE = ("remote", "main")

    def version(self, late, quick):
        entries = {name: {"remote": "remote", "ref": "main", "link": link} for name, link in (("late", late), ("quick", quick))}
        return Version({"repositories": entries, "prune": None}, 0)

    def see(self, model, link, name, commit, resolves=True):
        model.see([(1, 1.0, link, ".adapter/%s/trees/%s" % (name, commit), resolves)])

    def model(self):
        model = Model(["a", "b", "c"])
        for commit in (self.FIRST, self.SECOND):
            model.tip(self.SOURCE, commit)
        model.started(self.version("a", "b"))
        model.is_in_force(0)
        self.see(model, "a", "late", self.FIRST)
        self.see(model, "b", "quick", self.SECOND)
        return model

    def test_a_link_that_changes_hands_shows_what_its_new_owner_has(self):
        for in_force in (False, True):
            model = self.model()
            model.may_be_in_force(self.version("b", "a"))
            if in_force:
                model.is_in_force(1)
            self.see(model, "b", "late", self.FIRST)
            self.see(model, "a", "quick", self.SECOND)
            self.assertEqual(model.problems, [])

    def test_no_repository_goes_back(self):
        for in_force in (False, True):
            model = self.model()
            model.may_be_in_force(self.version("b", "a"))
            if in_force:
                model.is_in_force(1)
            self.see(model, "a", "quick", self.FIRST)
            self.assertIn("went back", model.problems[0])
        model = self.model()
        self.see(model, "b", "quick", self.FIRST)
        self.assertIn("went back", model.problems[0])

    def test_a_link_may_lead_nowhere_where_a_version_that_may_be_in_force_lets_it(self):
        for forgets, configured in ((False, True), (True, True), (False, False), (True, False)):
            model = self.model()
            if forgets:
                model.forgetful.add("quick")
            model.may_be_in_force(self.version("a", "b" if configured else "c"))
            self.see(model, "b", "quick", self.SECOND, resolves=False)
            self.assertEqual(bool(model.problems), not forgets or configured)

    def test_a_link_may_come_to_a_tree_while_the_rig_removes_it(self):
        model = self.model()
        model.lose_tree(("quick", self.SECOND))
        self.see(model, "a", "quick", self.SECOND, resolves=True)
        self.see(model, "b", "quick", self.SECOND, resolves=False)
        model.accident_is_over()
        self.see(model, "b", "quick", self.SECOND, resolves=False)
        self.assertEqual([each for each in model.problems if each.startswith("dangles")], [])
        self.see(model, "b", "quick", self.SECOND, resolves=True)
        self.see(model, "b", "quick", self.SECOND, resolves=False)
        self.assertIn("dangles", model.problems[-1])

    def test_a_folder_that_the_rig_removes_may_take_trees_that_come_meanwhile(self):
        model = self.model()
        model.lost_homes["quick"] = False
        self.see(model, "b", "quick", self.SECOND, resolves=True)
        self.see(model, "b", "quick", self.SECOND, resolves=False)
        model.accident_is_over()
        self.see(model, "b", "quick", self.SECOND, resolves=False)
        self.assertEqual(model.problems, [])
        self.see(model, "b", "quick", self.SECOND, resolves=True)
        self.see(model, "b", "quick", self.SECOND, resolves=False)
        self.assertIn("dangles", model.problems[0])


class Yaml(unittest.TestCase):
    def test_nested_values(self):
        text = to_yaml({"a": 1, "b": {"c": "30s"}, "d": [{"e": True, "f": {"g": "12"}}, {"e": False}], "h": ["i j"]})
        expected = 'a: 1\nb:\n  c: 30s\nd:\n  - e: true\n    f:\n      g: "12"\n  - e: false\nh:\n  - "i j"\n'
        self.assertEqual(text, expected)


if __name__ == "__main__":
    unittest.main()
