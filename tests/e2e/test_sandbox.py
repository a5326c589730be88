#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The sandbox as a user meets it; what it refuses is tried one by one in tests/integration/sandbox_*_test.cpp."""

import json
import os
import shutil
import signal
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.client_harness import ClientTest  # noqa: E402
from tests.e2e.harness import main, run_command  # noqa: E402


def available():
    return json.loads(run_command("info")[1])["sandbox"]["available"]


# A sanitizer's search for leaks traces the process, which strace does already.
TRACED = {"ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":detect_leaks=0"}


def without_landlock(error="ENOSYS"):
    """A command in front of the program's, for which the kernel has no Landlock."""
    strace = shutil.which("strace")
    assert strace, "strace is needed: scripts/install-deps test"
    return [strace, "-f", "-qq", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:error=" + error]


class Sandbox(ClientTest):
    def setUp(self):
        super().setUp()
        if not available():
            self.skipTest("this kernel has no Landlock that could be tried")

    def test_it_is_entered_by_itself_and_shown(self):
        adapter = self.published()
        event = adapter.found("sandbox_on")[0]
        self.assertEqual(event["writable"], adapter.data)
        self.assertTrue(any(adapter.config_file.startswith(place + "/") for place in event["readable"].split()), event)
        self.assertNotIn("/", event["readable"].split())
        self.assertGreaterEqual(event["landlock_abi"], 2)
        shown = adapter.ask("GET", "/api/v1/repositories").json()["sandbox"]
        self.assertEqual(shown, {"active": True, "landlock_abi": event["landlock_abi"], "reason": None})
        self.assertIn("; sandbox on", self.command("status", "--admin", adapter.admin)[1])

    def test_every_thread_is_in_it(self):
        adapter = self.published()
        adapter.wait_for(lambda: self.statuses(adapter, "NoNewPrivs") == {"1"}, what="no thread from before")

    def statuses(self, adapter, field):
        found = set()
        for thread in os.listdir("/proc/%d/task" % adapter.process.pid):
            with open("/proc/%d/task/%s/status" % (adapter.process.pid, thread), encoding="ascii") as source:
                found.update(line.split()[1] for line in source if line.startswith(field + ":"))
        return found

    def test_nobody_of_the_same_user_can_look_into_its_memory(self):
        adapter = self.published()
        if os.getuid() != 0:
            self.assertEqual(os.stat("/proc/%d/environ" % adapter.process.pid).st_uid, 0)
            with self.assertRaises(PermissionError), open("/proc/%d/mem" % adapter.process.pid, "rb") as memory:
                memory.read(1)
        with open("/proc/%d/limits" % adapter.process.pid, encoding="ascii") as source:
            core = [line for line in source if line.startswith("Max core file size")][0]
        self.assertEqual(core.split()[4:6], ["0", "0"])

    def test_a_file_named_later_and_elsewhere_is_told(self):
        adapter = self.published()
        elsewhere = tempfile.mkdtemp(prefix="adapter-e2e-", dir="/var/tmp")
        self.addCleanup(shutil.rmtree, elsewhere)
        hidden = os.path.join(elsewhere, "ca.pem")
        shutil.copy(self.certificates.ca, hidden)
        other = self.remote("other.git", files={"a": "1"})
        config = self.config(
            self.entry(self.server.url("docs.git")),
            self.entry(other, "other", ca_file=hidden),
            admin={"listen": "127.0.0.1:0"},
        )
        adapter.reload(config)
        told = adapter.found("restart_needed", key="sandbox")
        self.assertEqual([event["file"] for event in told], [hidden])
        adapter.wait_event("check_failed", "other")
        self.assertEqual(adapter.found("check_failed", "docs"), [])
        adapter.stop()
        adapter.start()
        adapter.wait_published("other", other.resolve("main"))

    def test_a_file_of_the_system_may_be_repointed_in_its_folder_and_is_told_elsewhere(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount")
        places = {name: tempfile.mkdtemp(prefix="adapter-e2e-", dir="/var/tmp") for name in ("system", "one", "two")}
        for name, place in places.items():
            self.addCleanup(shutil.rmtree, place)
            for file in ("a.pem", "b.pem") if name != "system" else ():
                shutil.copy(self.certificates.ca, os.path.join(place, file))
        link = os.path.join(places["system"], "cert.pem")
        os.symlink(os.path.join(places["one"], "a.pem"), link)
        mount = "mount --make-rprivate / && mount --bind %s /etc/ssl && exec \"$@\"" % places["system"]
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)), wrap=["unshare", "-m", "sh", "-c", mount, "sh"]).start()
        adapter.wait_event("published", "docs")
        self.repoint(link, os.path.join(places["one"], "b.pem"))
        time.sleep(3)  # it is looked at each second
        self.assertEqual(adapter.found("restart_needed"), [])
        self.repoint(link, os.path.join(places["two"], "a.pem"))
        told = adapter.wait_event("restart_needed", key="sandbox")
        self.assertEqual(told["file"], "/etc/ssl/cert.pem")

    def test_a_secret_whose_link_is_repointed_elsewhere_is_told_once(self):
        places = {name: tempfile.mkdtemp(prefix="adapter-e2e-", dir="/var/tmp") for name in ("link", "one", "two")}
        for place in places.values():
            self.addCleanup(shutil.rmtree, place)
        for name in ("one", "two"):
            shutil.copy(self.certificates.ca, os.path.join(places[name], "ca.pem"))
        link = os.path.join(places["link"], "current")
        os.symlink(places["one"], link)
        remote = self.remote(files={"a": "1"})
        entry = self.entry(remote, ca_file=os.path.join(link, "ca.pem"), webhook={"secret_file": link + "/secret"})
        for name in ("one", "two"):
            with open(os.path.join(places[name], "secret"), "w", encoding="ascii") as secret:
                secret.write("secret-of-%s" % name)
        adapter = self.adapter(self.config(entry, every="1s", admin={"listen": "127.0.0.1:0"})).start()
        adapter.wait_event("published", "docs")
        self.assertEqual(adapter.found("restart_needed"), [])
        self.repoint(link, places["two"])
        for _ in range(3):
            self.assertEqual(adapter.ask("POST", "/hooks/docs", body=b"{}", fields={"X-Gitlab-Token": "x"}).status, 503)
        told = adapter.wait_event("hook_secret_unreadable")
        self.assertIn("the sandbox does not", told["message"] + str(told.get("error", "")))
        self.assertEqual([event["file"] for event in adapter.found("restart_needed", key="sandbox")], [link + "/secret"])

    @staticmethod
    def repoint(link, target):
        os.symlink(target, link + ".new")
        os.rename(link + ".new", link)

    def test_it_can_be_switched_off(self):
        adapter = self.published(sandbox="off")
        self.assertTrue(adapter.found("sandbox_off"))
        shown = adapter.ask("GET", "/api/v1/repositories").json()["sandbox"]
        self.assertFalse(shown["active"])
        self.assertIn("configuration", shown["reason"])
        self.assertIn("; no sandbox", self.command("status", "--admin", adapter.admin)[1])

    def test_it_can_be_insisted_on(self):
        adapter = self.published(sandbox="require")
        self.assertTrue(adapter.found("sandbox_on"))

    def test_once_enters_it_too(self):
        adapter = self.adapter(self.config(self.entry(self.remote(files={"a": "1"}))))
        self.assertEqual(adapter.once(), 0)
        self.assertTrue(adapter.found("sandbox_on"))


class WithoutLandlock(ClientTest):
    def test_it_costs_one_warning(self):
        for error, says in (("ENOSYS", "no Landlock"), ("EOPNOTSUPP", "lsm="), ("EPERM", "filter")):
            with self.subTest(error):
                remote = self.remote("%s.git" % error.lower(), files={"a": "1"})
                config = self.config(self.entry(remote), every="1h")
                adapter = self.adapter(config, wrap=without_landlock(error)).start(environment=TRACED)
                adapter.wait_event("published", "docs", seconds=60)
                warnings = adapter.found("sandbox_unavailable")
                self.assertEqual(len(warnings), 1)
                self.assertEqual(warnings[0]["level"], "warning")
                self.assertIn(says, warnings[0]["message"])
                self.end(adapter)

    def test_who_insists_is_refused(self):
        config = self.config(self.entry(self.remote(files={"a": "1"})), sandbox="require")
        adapter = self.adapter(config, wrap=without_landlock())
        self.assertEqual(adapter.once(environment=TRACED), 1)
        event = adapter.found("start_failed")[0]
        self.assertEqual(event["class"], "config")
        self.assertIn("insists", event["message"])
        self.assertIn("sandbox: auto", event["message"])
        self.assertFalse(os.path.exists(adapter.link("docs")))

    def end(self, adapter):
        """Stops the program itself: strace would only let go of it."""
        with open("/proc/%d/task/%d/children" % (adapter.process.pid, adapter.process.pid), encoding="ascii") as source:
            for pid in source.read().split():
                os.kill(int(pid), signal.SIGTERM)
        self.assertEqual(adapter.wait_exit(20), 0)


if __name__ == "__main__":
    main()
