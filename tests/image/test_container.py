# SPDX-License-Identifier: Apache-2.0
"""The image at work: containers of it against the suite's git server over TLS."""

import json
import os
import shutil
import stat
import tempfile
import time

from tests.e2e.harness import AdapterTest
from tests.image import built
from tests.image.container import Container
from tests.support.adapter import to_yaml
from tests.support.faults import Fault

CA = "/etc/adapter-ca.pem"
HARDENED = ["--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--security-opt=no-new-privileges"]


class ContainerTest(AdapterTest):
    """A test with a server, remotes, volumes and containers; all are gone when it ends."""

    def setUp(self):
        super().setUp()
        self.engine = built.engine()
        self.containers = []
        self.volumes = []

    def tearDown(self):
        try:
            outputs = ["".join(container.output()) for container in self.containers]
            for container in self.containers:
                container.remove()
            for volume in self.volumes:
                self.engine.podman("volume", "rm", "--force", volume, check=False)
            self.assertNotIn(self.canary, "".join(outputs))
        finally:
            super().tearDown()

    # ---- makers

    def volume(self):
        """A new named volume, as `docker run -v NAME:/data` makes it."""
        name = "volume-%s-%d" % (os.path.basename(self.folder)[:40], len(self.volumes))
        self.engine.podman("volume", "create", name)
        self.volumes.append(name)
        return name

    def directory(self, name, uid=0, gid=0, mode=0o755):
        path = os.path.join(self.folder, name)
        os.mkdir(path)
        os.chown(path, uid, gid)
        os.chmod(path, mode)
        return path

    def container(self, *options, **arguments):
        container = Container(self.engine, built.IMAGE, *options, **arguments)
        self.containers.append(container)
        return container

    def with_variables(self, remote, volume, *options, **environment):
        """A container that is configured by its environment alone."""
        variables = {"ADAPTER_URL": self.server.url(remote.name), "ADAPTER_CA_FILE": CA, "ADAPTER_EVERY": "300ms"}
        variables.update(environment)
        return self.container("--volume=%s:/data" % volume, "--volume=%s:%s:ro" % (self.certificates.ca, CA), *options,
                              environment=variables)  # fmt: skip

    def follow(self, remote, volume, *options, **environment):
        container = self.with_variables(remote, volume, *options, **environment)
        container.wait_event("published", commit=remote.resolve("main"))
        return container

    # ---- looks

    def path_of(self, volume):
        return self.engine.inspect("volume", volume)["Mountpoint"]

    def published(self, volume, name="docs"):
        return os.readlink(os.path.join(self.path_of(volume), name))

    def reader(self, volume, command, user="2000:2000"):
        """A shell command in another container with the same volume, as another user: (exit code, output, complaints)."""
        return built.shell(command, "--user", user, "--volume=%s:/data:ro" % volume, check=False)

    def assert_stops(self, container):
        code, seconds = container.stop()
        self.assertEqual(code, 0, container.tail())
        self.assertLess(seconds, 10)


class Unconfigured(ContainerTest):
    def test_it_stays_up_and_says_how_to_configure_it(self):
        container = self.container(network="none", name="my-adapter")
        event = container.wait_event("waiting_for_configuration")
        self.assertIn("ADAPTER_URL", event["message"])
        self.assertIn("/etc/adapter/config.yaml", event["message"])
        self.assertEqual(container.wait_event("admin_listening")["address"], "127.0.0.1:8080")
        time.sleep(1)
        self.assertTrue(container.running())
        code, out, _ = container.execute("/usr/local/bin/adapter", "health")
        self.assertEqual(code, 1)
        self.assertIn("not ready", out)
        self.assert_stops(container)

    def test_it_is_the_user_with_no_privilege(self):
        container = self.container(network="none")
        container.wait_event("waiting_for_configuration")
        status = container.kernel_status()
        self.assertEqual((status["Uid"], status["Gid"]), (["1000"] * 4, ["1000"] * 4))
        self.assertLessEqual(set(status["Groups"]), {"1000"})
        self.assertEqual((int(status["CapEff"][0], 16), int(status["CapPrm"][0], 16)), (0, 0))

    def test_nothing_within_is_writable_but_the_volume(self):
        for options, expected in (([], ["/data"]), (HARDENED, ["/data"]), (["--user=12345:0"], [])):
            with self.subTest(options=options):
                container = self.container(*options, network="none")
                container.wait_event("waiting_for_configuration")
                # What the engine mounts (/dev, /proc, /sys) is its own business; the volume is named, and not entered.
                _, out, _ = container.execute("find", "/", "-xdev", "-writable", "!", "-type", "l")
                self.assertEqual(out.splitlines(), expected)
                touch = "for folder in / /tmp /var/tmp /run /usr/local/bin /etc; do touch $folder/x && exit 0; done; exit 7"
                code, _, _ = container.execute("sh", "-c", touch)
                self.assertEqual(code, 7)

    def test_the_tools_that_a_person_wants_are_there(self):
        container = self.container(network="none")
        code, out, err = container.execute("/usr/bin/git", "--version")
        self.assertEqual(code, 0, err)
        code, out, err = container.execute("/usr/local/bin/adapter", "info")
        self.assertEqual((code, json.loads(out)["version"]), (0, built.version()), err)


class Follow(ContainerTest):
    def test_a_commit_appears_and_others_can_read_it_but_nothing_private(self):
        remote = self.remote(files={"a": "one", "deep/b": "two"})
        volume = self.volume()
        self.follow(remote, volume)
        commit = remote.commit({"a": "three"})
        deadline = time.monotonic() + 20
        while not self.published(volume).endswith(commit):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertEqual(self.reader(volume, "cat /data/docs/a /data/docs/deep/b")[:2], (0, "threetwo"))
        # In a folder that may not be entered nobody can even see what is there; a file must refuse to be read.
        for path in ("state.json", "repo.git", "repo.git/HEAD", "incoming", "manifests"):
            status = os.lstat(os.path.join(self.path_of(volume), ".adapter", "docs", path))
            code, out, err = self.reader(volume, "cd /data/.adapter/docs && (cd {0} || cat {0})".format(path))
            self.assertEqual((code != 0, out), (True, ""), "%s %o %s" % (path, stat.S_IMODE(status.st_mode), err))
        code, _, _ = self.reader(volume, "echo x >/data/docs/a || rm -r /data/docs || mkdir /data/new")
        self.assertNotEqual(code, 0)

    def test_git_within_can_look_into_what_was_fetched(self):
        remote = self.remote(files={"a": "one"})
        container = self.follow(remote, self.volume())
        git = ("/usr/bin/git", "--git-dir=/data/.adapter/docs/repo.git")
        commit = remote.resolve("main")
        self.assertEqual(container.execute(*git, "log", "-1", "--format=%H", commit)[:2], (0, commit + "\n"))
        self.assertEqual(container.execute(*git, "show", commit + ":a")[:2], (0, "one"))
        self.assertEqual(container.execute(*git, "fsck", "--full")[0], 0)

    def test_health_turns_healthy(self):
        remote = self.remote(files={"a": "1"})
        container = self.follow(remote, self.volume())
        deadline = time.monotonic() + 20
        while self.engine.podman("healthcheck", "run", container.name, check=False)[0] != 0:
            self.assertLess(time.monotonic(), deadline, container.tail())
            time.sleep(0.2)
        state = container.state()
        self.assertEqual((state.get("Health") or state.get("Healthcheck"))["Status"], "healthy")

    def test_the_log_is_json_on_standard_error(self):
        container = self.follow(self.remote(files={"a": "1"}), self.volume())
        self.assert_stops(container)
        out, err = container.output()
        self.assertEqual(out, "")
        events = [json.loads(line) for line in err.splitlines()]
        self.assertTrue(all(event["event"] and event["level"] for event in events))
        self.assertEqual(events[-1]["event"], "stopped")

    def test_a_restart_publishes_nothing_and_fetches_nothing(self):
        remote = self.remote(files={"a": "1"})
        volume = self.volume()
        container = self.follow(remote, volume)
        self.assert_stops(container)
        link = os.path.join(self.path_of(volume), "docs")
        before, events, requests = os.lstat(link), len(container.events()), len(self.server.requests)
        container.start()
        container.wait_event("started", since=events)
        deadline = time.monotonic() + 20
        while len(self.server.seen("ls_refs", since=requests)) < 3:
            self.assertLess(time.monotonic(), deadline, container.tail())
            time.sleep(0.1)
        self.assertEqual(self.server.seen("fetch", since=requests), [])
        later = [event["event"] for event in container.events()[events:]]
        self.assertNotIn("published", later)
        self.assertNotIn("check_failed", later)
        after = os.lstat(link)
        self.assertEqual((before.st_ino, before.st_mtime_ns), (after.st_ino, after.st_mtime_ns))

    def test_a_second_container_with_the_same_volume_goes_on_where_the_first_ended(self):
        remote = self.remote(files={"a": "1"})
        volume = self.volume()
        first = self.follow(remote, volume)
        second = self.with_variables(remote, volume)
        self.assertEqual(second.wait_exit(), 75, second.tail())
        self.assert_stops(first)
        first.remove()
        requests = len(self.server.requests)
        third = self.with_variables(remote, volume)
        third.wait_event("started")
        commit = remote.commit({"a": "2"})
        third.wait_event("published", commit=commit)
        self.assertEqual(len(self.server.seen("fetch", since=requests)), 1)

    def test_a_stop_in_the_middle_of_a_transfer_is_clean_too(self):
        remote = self.remote(files={"a": "1"})
        volume = self.volume()
        container = self.follow(remote, volume)
        self.server.faults.add(Fault(step="fetch", hang=True))
        remote.commit({"a": "2"})
        time.sleep(1.5)
        self.assert_stops(container)
        self.assertEqual(self.reader(volume, "cat /data/docs/a")[:2], (0, "1"))


class Restricted(ContainerTest):
    def test_read_only_root_no_capability_no_new_privilege(self):
        remote = self.remote(files={"a": "1"})
        volume = self.volume()
        container = self.follow(remote, volume, *HARDENED)
        commit = remote.commit({"a": "2"})
        container.wait_event("published", commit=commit)
        status = container.kernel_status()
        self.assertEqual((status["NoNewPrivs"], int(status["CapBnd"][0], 16)), (["1"], 0))
        self.assert_stops(container)

    def test_the_sandbox_is_on_where_the_kernel_has_it(self):
        remote = self.remote(files={"a": "1"})
        for options in ([], HARDENED):
            with self.subTest(options=options):
                container = self.follow(remote, self.volume(), *options)
                abi = json.loads(container.execute("/usr/local/bin/adapter", "info")[1])["sandbox"]["landlock_abi"]
                event = container.wait_event("sandbox_on" if abi >= 2 else "sandbox_unavailable")
                if abi >= 2:
                    self.assertEqual(event["writable"], "/data")
                commit = remote.commit({"a": "again %s" % options})
                container.wait_event("published", commit=commit)

    def test_an_arbitrary_user_where_the_volume_lets_it(self):
        remote = self.remote(files={"a": "1"})
        for uid, gid, mode in ((12345, 0, 0o755), (0, 0, 0o775)):
            with self.subTest(uid=uid, mode=oct(mode)):
                data = self.directory("data-%d" % uid, uid, gid, mode)
                container = self.follow(remote, data, "--user=12345:0", *HARDENED)
                self.assertEqual(container.kernel_status()["Uid"], ["12345"] * 4)
                self.assertEqual(os.lstat(os.path.join(data, "docs")).st_uid, 12345)
                self.assert_stops(container)
                container.remove()


    def test_a_volume_that_it_may_not_write_to_ends_it_with_a_word_about_the_cure(self):
        remote = self.remote(files={"a": "1"})
        for options, user in (([], 1000), (["--user=12345:12345"], 12345)):
            with self.subTest(user=user):
                data = self.directory("data-of-nobody-for-%d" % user, 0, 0, 0o750)
                container = self.with_variables(remote, data, *options, *HARDENED)
                self.assertEqual(container.wait_exit(), 1)
                said = container.message_of_end()
                for word in ("/data", "user %d" % user, "belongs to user 0, group 0", "mode 0750", "chown -R %d /data" % user, "--user"):
                    self.assertIn(word, said)
                self.assertEqual(os.listdir(data), [])


class Configured(ContainerTest):
    def config_of(self, remote, **keys):
        entry = {"name": "docs", "url": self.server.url(remote.name), "ca_file": CA, "every": "300ms", **keys}
        return to_yaml({"repositories": [entry]})

    def mounts(self, remote, text):
        """A volume of configuration as Kubernetes makes it: config.yaml -> ..data/config.yaml, and ..data -> one version."""
        folder = self.directory("config")
        self.swap(folder, text)
        os.symlink("..data/config.yaml", os.path.join(folder, "config.yaml"))
        return folder, ["--volume=%s:/etc/adapter:ro" % folder, "--volume=%s:%s:ro" % (self.certificates.ca, CA),
                        "--volume=%s:/data" % self.volume()]  # fmt: skip

    def swap(self, folder, text):
        version = os.path.basename(tempfile.mkdtemp(prefix="..2026_11_23_", dir=folder))
        os.chmod(os.path.join(folder, version), 0o755)
        with open(os.path.join(folder, version, "config.yaml"), "w", encoding="utf-8") as out:
            out.write(text)
        os.symlink(version, os.path.join(folder, "..data_tmp"))
        os.rename(os.path.join(folder, "..data_tmp"), os.path.join(folder, "..data"))

    def test_a_file_with_a_time_zone_is_read_where_the_image_expects_it(self):
        remote = self.remote(files={"a": "1"})
        entry = {"name": "docs", "url": self.server.url(remote.name), "ca_file": CA, "cron": "*/5 * * * *",
                 "timezone": "Europe/Berlin"}  # fmt: skip
        _, mounts = self.mounts(remote, to_yaml({"repositories": [entry]}))
        container = self.container(*mounts)
        container.wait_event("published", commit=remote.resolve("main"))

    def test_a_version_that_kubernetes_swaps_in_is_noticed_without_a_signal(self):
        remote = self.remote(files={"a": "1"})
        one = {"name": "docs", "url": self.server.url(remote.name), "ca_file": CA, "every": "300ms"}
        folder, mounts = self.mounts(remote, to_yaml({"repositories": [one]}))
        container = self.container(*mounts)
        container.wait_event("published", repository="docs")
        former = os.readlink(os.path.join(folder, "..data"))
        self.swap(folder, to_yaml({"repositories": [one, {**one, "name": "more"}]}))
        shutil.rmtree(os.path.join(folder, former))
        container.wait_event("reloaded", seconds=10)
        container.wait_event("published", repository="more", commit=remote.resolve("main"))
        # One with a fault changes nothing.
        self.swap(folder, "repositories: [{name: docs, urll: x}]\n")
        container.wait_event("reload_failed", seconds=10)
        commit = remote.commit({"a": "2"})
        container.wait_event("published", repository="more", commit=commit)

    def test_a_bad_file_ends_with_the_exit_code_of_a_bad_configuration(self):
        _, mounts = self.mounts(self.remote(files={"a": "1"}), "repositories: [{name: docs, urll: x}]\n")
        container = self.container(*mounts)
        self.assertEqual(container.wait_exit(), 2)
        self.assertRegex(container.message_of_end(), r"config\.yaml.*urll")

