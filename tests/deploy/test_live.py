# SPDX-License-Identifier: Apache-2.0
"""What is shipped beside the image, at work: the program, nginx and a service manager as processes of this machine."""

import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request

from tests.deploy import manifests, others
from tests.e2e.harness import AdapterTest
from tests.support.adapter import STOP_SECONDS, clean_environment, program


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class NginxTest(AdapterTest):
    """The nginx configuration of compose.yaml and sidecar.yaml, with the paths and the port of a test."""

    def setUp(self):
        super().setUp()
        self.nginx = None
        self.port = free_port()

    def tearDown(self):
        if self.nginx is not None:
            self.nginx.terminate()
            self.nginx.wait(10)
        super().tearDown()

    def serve(self, adapter, change=lambda text: text):
        """Starts it; a user's process has no pid file in /run and no log in /var."""
        self.assertIsNotNone(shutil.which("nginx"), "nginx is not installed (scripts/install-deps ci)")
        folder = os.path.join(self.folder, "nginx")
        os.makedirs(os.path.join(folder, "tmp"), exist_ok=True)
        with open(others.NGINX, encoding="utf-8") as source:
            text = source.read()
        for old, new in ((" /tmp/", " %s/tmp/" % folder), (" /srv/site/", " %s/" % adapter.data),
                         ("listen 8080;", "listen 127.0.0.1:%d;" % self.port),
                         ("/dev/stdout", os.path.join(folder, "access"))):  # fmt: skip
            self.assertIn(old, text)
            text = text.replace(old, new)
        if os.geteuid() == 0:
            text = "user root;\n" + text  # else its workers cannot reach the test's folder
        file = os.path.join(folder, "nginx.conf")
        with open(file, "w", encoding="utf-8") as out:
            out.write(change(text))
        with open(os.path.join(folder, "errors"), "wb") as errors:
            self.nginx = subprocess.Popen(["nginx", "-c", file], stdin=subprocess.DEVNULL, stdout=errors, stderr=errors)
        adapter.wait_for(lambda: self.get("/")[0], what="nginx to answer")

    def get(self, path):
        """(status or 0, body)"""
        try:
            with urllib.request.urlopen("http://127.0.0.1:%d%s" % (self.port, path), timeout=5) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.read()
        except OSError:
            return 0, b""

    def site(self, number):
        return {"index.html": "commit %d" % number, "more/page.html": "%d" % number, ".env": "secret"}

    def test_each_commit_is_served_and_no_request_fails_meanwhile(self):
        remote = self.remote(files=self.site(0))
        adapter = self.follow(remote)
        self.serve(adapter)
        answers, done = [], threading.Event()

        def ask():
            while not done.is_set():
                answers.append(self.get("/"))

        reader = threading.Thread(target=ask)
        reader.start()
        try:
            for number in range(1, 9):
                adapter.wait_published("docs", remote.commit(self.site(number)))
                self.assertEqual(self.get("/more/page.html"), (200, b"%d" % number))
        finally:
            done.set()
            reader.join()
        self.assertEqual({status for status, _ in answers}, {200})
        numbers = [int(body.split()[1]) for _, body in answers]
        self.assertEqual(numbers, sorted(numbers))
        self.assertGreater(len(set(numbers)), 3)
        print("%d requests during 8 commits" % len(answers), flush=True)

    def test_only_the_tree_is_served(self):
        adapter = self.follow(self.remote(files=self.site(0)))
        self.serve(adapter)
        for path in ("/.env", "/.adapter/", "/../.adapter/docs/state.json", "/%2e%2e/.adapter/docs/state.json"):
            with self.subTest(path):
                self.assertIn(self.get(path)[0], (400, 404))
        self.assertIn(b"page.html", self.get("/more/")[1])

    def test_a_cache_of_open_files_would_be_noticed(self):
        remote = self.remote(files=self.site(0))
        adapter = self.follow(remote)
        self.serve(adapter, lambda text: text.replace("open_file_cache off;", "open_file_cache max=9; open_file_cache_valid 1h;"))
        self.get("/more/page.html")
        adapter.wait_published("docs", remote.commit(self.site(1)))
        self.assertEqual(self.get("/more/page.html"), (200, b"0"))

    def test_symbolic_links_that_are_off_would_be_noticed(self):
        adapter = self.follow(self.remote(files=self.site(0)))
        self.serve(adapter, lambda text: text.replace("disable_symlinks off;", "disable_symlinks on;"))
        self.assertIn(self.get("/more/page.html")[0], (403, 404))


class ServiceTest(AdapterTest):
    """The systemd unit: its command, its environment and its limits on system calls, with us in systemd's place."""

    def manager(self):
        manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        manager.bind(os.path.join(self.folder, "notify"))
        manager.settimeout(20)
        self.addCleanup(manager.close)
        return manager

    def next(self, manager, starts):
        while True:
            message = manager.recv(4096).decode()
            if message.startswith(starts):
                return message

    def start(self, *wrap):
        """The program as ExecStart= says; its configuration names a credential as the unit's comment does."""
        keys = others.unit()
        credentials = os.path.join(self.folder, "credentials")
        os.makedirs(credentials, mode=0o700)
        shutil.copy(self.password_file, os.path.join(credentials, "git-token"))
        with open(others.UNIT, encoding="utf-8") as source:
            named = re.search(r"password_file: (\S+)", source.read()).group(1)
        remote = self.remote(files={"a": "1"})
        config = self.config(self.entry(remote), every="300ms")
        config["credentials"][0]["password_file"] = named
        adapter = self.adapter(config)
        os.rename(adapter.config_file, adapter.config_file + ".seen")
        with open(adapter.config_file + ".seen", encoding="utf-8") as source:
            text = re.sub(r"^data_dir:.*\n", "", source.read(), flags=re.M)
        adapter.write_config(text)
        words = keys["ExecStart"][0].split()
        self.assertEqual(words[:1] + words[2:3], ["/usr/local/bin/adapter", "--config"])
        name, _, _ = keys["Environment"][0].partition("=")
        environment = {name: adapter.data, "CREDENTIALS_DIRECTORY": credentials, "NOTIFY_SOCKET": os.path.join(self.folder, "notify"),
                       "WATCHDOG_USEC": "%d000000" % int(keys["WatchdogSec"][0])}  # fmt: skip
        adapter.wrap = list(wrap)
        adapter.start(environment=environment, command=words[1])
        return adapter, remote

    def test_it_is_ready_reloads_and_stops_as_the_unit_expects(self):
        manager = self.manager()
        adapter, remote = self.start()
        self.assertIn("READY=1", self.next(manager, "READY=1"))
        self.assertEqual(adapter.found("sandbox_unavailable"), [])
        adapter.wait_event("published", "docs")
        adapter.wait_published("docs", remote.commit({"a": "2"}))
        kill, number, _ = others.unit()["ExecReload"][0].split()
        subprocess.run([kill, number, str(adapter.process.pid)], check=True)
        self.next(manager, "RELOADING=1")
        self.next(manager, "READY=1")
        began = time.monotonic()
        adapter.stop()
        self.assertLess(time.monotonic() - began, STOP_SECONDS)
        self.next(manager, "STOPPING=1")

    def test_a_credential_that_is_not_there_is_told(self):
        adapter, _ = self.start()
        adapter.kill()
        code = subprocess.run([program(), "validate", "--config", adapter.config_file], env=clean_environment(), check=False,
                              capture_output=True).returncode  # fmt: skip
        self.assertEqual(code, 2, "CREDENTIALS_DIRECTORY is not set")

    def allowed(self):
        """The system calls that the unit allows, by systemd's own lists."""
        calls, removed = set(), set()
        for value in others.unit()["SystemCallFilter"]:
            for word in value.lstrip("~").split():
                (removed if value.startswith("~") else calls).update(self.expand(word))
        return calls - removed

    def expand(self, word):
        if not word.startswith("@"):
            return {word}
        listed = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, text=True, check=True).stdout
        words = [line.strip() for line in listed.splitlines()[1:] if line.strip() and not line.strip().startswith("#")]
        return set().union(*map(self.expand, words))

    def test_the_unit_allows_the_system_calls_that_are_made(self):
        allowed = self.allowed()
        self.assertLess({"openat", "connect", "epoll_wait", "landlock_restrict_self"}, allowed)
        for call in ("reboot", "mount", "ptrace", "init_module", "chown"):
            self.assertNotIn(call, allowed)
        traced = os.path.join(self.folder, "traced")
        adapter, remote = self.start("strace", "-f", "-qq", "-o", traced)
        adapter.wait_event("published", "docs", seconds=60)
        adapter.wait_published("docs", remote.commit({"a": "2", "b": "3"}), seconds=60)
        for pid in os.listdir("/proc/%d/task" % adapter.process.pid):
            with open("/proc/%d/task/%s/children" % (adapter.process.pid, pid), encoding="ascii") as source:
                for child in source.read().split():
                    os.kill(int(child), signal.SIGTERM)
        self.assertEqual(adapter.wait_exit(30), 0)
        with open(traced, encoding="utf-8", errors="replace") as source:
            text = source.read()
        made = set(re.findall(r"^\d+ +(\w+)\(", text, re.M))
        self.assertIn("landlock_restrict_self", made)
        self.assertEqual(made - allowed, set())
        families = set(re.findall(r"socket\((AF_\w+)", text))
        self.assertLessEqual(families - {"AF_NETLINK"}, set(others.unit()["RestrictAddressFamilies"][0].split()))
        print("%d system calls made, %d allowed; sockets: %s" % (len(made), len(allowed), " ".join(sorted(families))), flush=True)


class SidecarTest(AdapterTest):
    """The manifests' own configuration, commands and probes, with the paths, port and remote of a test."""

    def prepare(self, name):
        """(the pod, a program with that configuration)"""
        documents, _ = manifests.load(os.path.join(manifests.FOLDER, name))
        secrets = os.path.join(self.folder, "secrets")
        os.makedirs(secrets)
        for key, value in manifests.of_kind(documents, "Secret")[0]["stringData"].items():
            with open(os.path.join(secrets, key), "w", encoding="utf-8") as out:
                out.write(value)
        adapter = self.adapter(None)
        (text,) = manifests.configurations(documents).values()
        for old, new in (("data_dir: /data", "data_dir: %s\nca_file: %s" % (adapter.data, self.certificates.ca)),
                         ("/etc/adapter-secrets", secrets), ("https://git.example.com/team/", self.server.url("")),
                         ("0.0.0.0:", "0.0.0.0:%d #" % free_port())):  # fmt: skip
            self.assertIn(old, text)
            text = text.replace(old, new)
        adapter.write_config(text)
        return manifests.of_kind(documents, "Deployment")[0]["spec"]["template"]["spec"], adapter

    def probe(self, adapter, container, name):
        return adapter.ask("GET", container[name]["httpGet"]["path"]).status

    def test_the_first_tree_comes_before_the_others_and_the_sidecar_goes_on_with_it(self):
        self.server.stop()
        pod, adapter = self.prepare("sidecar.yaml")
        port = self.server.port
        first, sidecar = pod["initContainers"]
        adapter.start(*first["args"][1:], command=first["args"][0])
        adapter.wait_event("check_failed", "docs")
        self.assertTrue(adapter.alive(), "it does not wait for the remote")
        remote = self.remote(files={"a": "1"})
        self.server.start(port)
        self.assertEqual(adapter.wait_exit(30), 0)
        self.assertTrue(adapter.published("docs"))
        since = len(adapter.events)
        adapter.start(command=sidecar["args"][0])
        self.assertEqual(self.probe(adapter, sidecar, "livenessProbe"), 200)
        adapter.wait_for(lambda: adapter.ask("GET", "/readyz").status == 200, what="to be fresh")
        self.assertEqual(adapter.found("published", since=since), [])
        self.assertEqual(adapter.published("docs"), remote.resolve("main"))

    def test_probes_are_answered_without_the_token_and_metrics_with_it(self):
        self.remote(files={"a": "1"})
        pod, adapter = self.prepare("standalone.yaml")
        (container,) = pod["containers"]
        adapter.start(command=container["args"][0])
        adapter.wait_event("published", "docs")
        for name in ("livenessProbe", "readinessProbe"):
            self.assertEqual(self.probe(adapter, container, name), 200)
        self.assertEqual(adapter.ask("GET", "/metrics").status, 401)
        with open(os.path.join(self.folder, "secrets", "admin-token"), encoding="utf-8") as source:
            self.assertEqual(adapter.ask("GET", "/metrics", token=source.read()).status, 200)
        self.assertEqual(adapter.ask("POST", "/hooks/docs", body=b"{}").status, 401)

    def test_a_second_one_on_the_same_volume_ends_and_the_first_goes_on(self):
        self.remote(files={"a": "1"})
        _, adapter = self.prepare("standalone.yaml")
        adapter.start()
        adapter.wait_event("published", "docs")
        code = subprocess.run([program(), "run", "--config", adapter.config_file], env=clean_environment(), check=False,
                              capture_output=True, timeout=30).returncode  # fmt: skip
        self.assertEqual(code, 75)
        self.assertEqual(adapter.ask("GET", "/healthz").status, 200)
