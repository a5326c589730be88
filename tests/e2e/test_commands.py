#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The command line: what each command prints and with which code it ends."""

import json
import os
import pty
import select
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main, run_command  # noqa: E402
from tests.support.adapter import clean_environment, program  # noqa: E402

BAD = """data_dir: /data
repositories:
  - name: Docs
    urll: https://example.com/a.git
    every: 1parsec
  - name: other
    url: https://user:hunter2@example.com/b.git
"""


class Commands(AdapterTest):
    def write(self, text, name="config.yaml"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def test_version_and_help(self):
        code, output, _ = run_command("--version")
        self.assertEqual(code, 0)
        self.assertRegex(output, r"^adapter \d+\.\d+\.\d+|^\d+\.\d+\.\d+")
        code, output, _ = run_command("--help")
        self.assertEqual(code, 0)
        for command in ("run", "once", "validate", "ls-remote", "info"):
            self.assertIn(command, output)

    def test_wrong_use_exits_2(self):
        for arguments in (("--nonsense",), ("nonsense",), ("ls-remote",), ("once", "--retry", "soon")):
            with self.subTest(arguments):
                code, output, errors = run_command(*arguments, environment={"ADAPTER_DATA_DIR": self.folder})
                self.assertEqual(code, 2, errors)
                self.assertEqual(output, "")
                self.assertNotEqual(errors, "")

    def test_sync_without_a_name_says_where_names_are(self):
        code, output, errors = run_command("sync")
        self.assertEqual((code, output), (2, ""))
        self.assertIn("adapter status lists", errors)

    def test_info_is_json(self):
        code, output, _ = run_command("info")
        self.assertEqual(code, 0)
        info = json.loads(output)
        self.assertEqual(info["name"], "adapter")
        self.assertRegex(info["version"], r"^\d+\.\d+\.\d+")
        self.assertIn("capabilities", info)
        text = json.dumps(info).lower()
        for library in ("openssl", "libgit2", "asio"):
            self.assertIn(library, text)

    def test_output_that_cannot_be_written_exits_1(self):
        good = self.write("data_dir: /data\nrepositories: [{name: docs, url: 'https://example.com/a.git'}]\n")
        for arguments in (("info",), ("--help",), ("--version",), ("validate", "--format", "json", good)):
            with self.subTest(arguments), open("/dev/full", "w", encoding="utf-8") as full:
                ended = subprocess.run(
                    [program(), *arguments],
                    env=clean_environment(),
                    stdout=full,
                    stderr=subprocess.PIPE,
                    timeout=30,
                    check=False,
                )
                self.assertEqual(ended.returncode, 1, ended.stderr)
                self.assertIn(b"standard output could not be written", ended.stderr)

    def test_validate_a_good_file(self):
        path = self.write("repositories:\n  - {name: docs, url: 'https://example.com/a.git'}\n")
        for style in ("text", "json", "sarif"):
            code, output, errors = run_command("validate", "--config", path, "--format", style)
            self.assertEqual(code, 0, output + errors)
        self.assertEqual(json.loads(output)["version"], "2.1.0")

    def test_validate_finds_everything_at_once(self):
        path = self.write(BAD)
        code, output, _ = run_command("validate", "--config", path)
        self.assertEqual(code, 2)
        for line in (3, 4, 5, 7):
            self.assertIn("%s:%d:" % (path, line), output)
        self.assertIn("url", output)
        self.assertIn("repositories[0].urll", output)
        self.assertNotIn("hunter2", output)

    def test_validate_looks_into_secrets(self):
        """Each finding has its place, and none a byte of the secret."""
        secrets = {"empty": "", "lines": "hunter2\nhunter3\n", "quoted": '"hunter2"', "fine": "hunter2\n", "marked": "\ufeffhunter2"}
        text = "credentials:\n"
        for name, secret in secrets.items():
            text += "  - {url: 'https://%s.example.com/', username: bot, password_file: '%s'}\n" % (name, self.write(secret, name))
        text += "  - {url: 'https://unset.example.com/', username: bot, password_env: BOT_PASSWORD}\n"
        path = self.write(text + "repositories:\n  - {name: docs, url: 'https://example.com/a.git'}\n")
        code, output, errors = run_command("validate", "--config", path)
        self.assertEqual(code, 0, errors)
        self.assertNotIn("hunter", output + errors)
        for line, key, says in ((2, 0, "is empty"), (3, 1, "holds a line break"), (4, 2, "quotes")):
            self.assertRegex(output, r"%s:%d:\d+: warning: credentials\[%d\]\.password_file: .*%s" % (path, line, key, says))
        self.assertRegex(output, r"%s:7:\d+: warning: credentials\[5\]\.password_env: environment variable BOT_PASSWORD is not set" % path)
        for name in ("fine", "marked"):
            self.assertNotIn("/%s" % name, output)
        self.assertEqual(output.count(".password_file: "), 3, output)

    def test_validate_refuses_what_run_would_refuse(self):
        """But not what may be missing on this machine alone."""
        text = "data_dir: {0}/data\nca_file: {0}/ca.pem\nadmin: {{listen: '127.0.0.1:1', token_file: {0}/token}}\n".format(self.folder)
        path = self.write(text + "repositories:\n  - {name: docs, url: 'https://example.com/a.git'}\n")
        code, output, _ = run_command("validate", path)
        self.assertEqual(code, 0, output)
        self.assertRegex(output, r":3:\d+: warning: admin.token_file: .*; without it the daemon does not start\n")
        for name in ("data", "ca.pem", "token"):
            self.write("", name)
        code, output, _ = run_command("validate", path)
        self.assertEqual(code, 2)
        self.assertRegex(output, r":1:\d+: error: data_dir: cannot use .*/data is not a folder; correct the path")
        self.assertRegex(output, r":2:\d+: error: ca_file: the CA file .*/ca.pem holds no certificate \(it must be a PEM file\)")
        self.assertRegex(output, r":3:\d+: error: admin.token_file: .* is empty")
        self.assertNotIn("is valid", output)

    def test_validate_as_json(self):
        code, output, _ = run_command("validate", "--config", self.write(BAD), "--format", "json")
        self.assertEqual(code, 2)
        findings = json.loads(output)["findings"]
        self.assertGreaterEqual(len(findings), 4)
        for finding in findings:
            self.assertEqual(set(finding) & {"file", "line", "column", "message"}, {"file", "line", "column", "message"})

    def test_validate_as_sarif(self):
        code, output, _ = run_command("validate", "--config", self.write(BAD), "--format", "sarif")
        self.assertEqual(code, 2)
        log = json.loads(output)
        self.assertEqual(log["version"], "2.1.0")
        results = log["runs"][0]["results"]
        self.assertGreaterEqual(len(results), 4)
        region = results[0]["locations"][0]["physicalLocation"]["region"]
        self.assertGreaterEqual(region["startLine"], 1)

    def test_validate_reads_includes(self):
        os.makedirs(os.path.join(self.folder, "conf.d"))
        self.write("repositories:\n  - {name: docs, url: 'ftp://example.com/a.git'}\n", "conf.d/a.yaml")
        code, output, _ = run_command("validate", "--config", self.write("include: [conf.d/*.yaml]\n"))
        self.assertEqual(code, 2)
        self.assertIn("conf.d/a.yaml:2:", output)

    def test_validate_takes_files_and_looks_at_the_secrets_that_they_name(self):
        good = self.write("repositories:\n  - {name: docs, url: 'https://example.com/a.git'}\n", "good.yaml")
        text = "admin: {listen: '127.0.0.1:8080', token_file: no-token}\nrepositories:\n  - {name: docs, url: 'https://example.com/a.git'}\n"
        careless = self.write(text, "careless.yaml")
        code, output, _ = run_command("validate", good, careless)
        self.assertEqual(code, 0, output)
        self.assertIn("%s: the configuration is valid: 1 repository\n" % good, output)
        self.assertRegex(output, r"careless.yaml:1:\d+: warning: admin.token_file: cannot read \S+no-token: No such file")
        code, output, _ = run_command("validate", good, self.write(BAD, "bad.yaml"))
        self.assertEqual(code, 2)
        self.assertIn("bad.yaml:4:", output)
        self.assertEqual(run_command("validate", "--config", good, good)[0], 2)
        for arguments in ((good,), ("--config", good)):
            code, output, _ = run_command("validate", *arguments, environment={"ADAPTER_URL": "https://example.com/a.git"})
            self.assertEqual(code, 2)
            self.assertIn("both ADAPTER_URL and the configuration file %s say what to watch" % good, output)

    def test_variables_that_nothing_reads_are_named_without_their_values(self):
        path = self.write("repositories:\n  - {name: docs, url: 'https://example.com/a.git', ref: '${ADAPTER_TEAM_REF}'}\n")
        environment = {"ADAPTER_TEAM_REF": "main", "ADAPTER_ULR": "https://bot:hunter2@example.com/", "ADAPTER_SERVICE_HOST": "10.0.0.1"}
        code, output, errors = run_command("validate", path, environment=environment)
        self.assertEqual(code, 0, output)
        self.assertIn("environment: warning: ADAPTER_ULR: nothing reads this variable; did you mean ADAPTER_URL?", output)
        self.assertNotIn("hunter2", output + errors)
        self.assertNotIn("ADAPTER_TEAM_REF", output)
        self.assertNotIn("ADAPTER_SERVICE_HOST", output)

    def test_a_named_file_that_is_missing_exits_2(self):
        missing = os.path.join(self.folder, "absent.yaml")
        for command in ("run", "once", "validate"):
            with self.subTest(command):
                code, output, errors = run_command(command, "--config", missing)
                self.assertEqual(code, 2)
                self.assertIn("absent.yaml", output + errors)
        code, output, errors = run_command("run", environment={"ADAPTER_CONFIG": missing})
        self.assertEqual(code, 2)
        self.assertIn("absent.yaml", output + errors)

    def test_a_bad_file_at_start_exits_2_with_every_finding(self):
        code, _, errors = run_command("run", "--config", self.write(BAD))
        self.assertEqual(code, 2)
        self.assertIn(":4:", errors)
        self.assertIn(":7:", errors)
        self.assertNotIn("hunter2", errors)

    def test_adapter_url_together_with_a_file_is_an_error_that_names_both(self):
        path = self.write("repositories: []\n")
        environment = {"ADAPTER_URL": "https://example.com/a.git"}
        code, output, errors = run_command("once", "--config", path, environment=environment)
        self.assertEqual(code, 2)
        self.assertIn("ADAPTER_URL", output + errors)
        self.assertIn("config.yaml", output + errors)

    def test_options_stand_before_or_after_the_command(self):
        path = self.write("repositories: []\n")
        self.assertEqual(run_command("--config", path, "validate")[0], 0)
        self.assertEqual(run_command("validate", "--config", path)[0], 0)

    def test_ls_remote_takes_an_empty_variable_as_not_set(self):
        self.remote(files={"a": "1"})
        code, _, errors = run_command("ls-remote", self.server.url("docs.git"), environment={"ADAPTER_CA_FILE": ""})
        self.assertEqual(code, 1)
        self.assertIn("certificate", errors)
        self.assertNotIn("cannot read", errors)

    def test_ls_remote(self):
        remote = self.remote(files={"a": "1"})
        tag = remote.tag("v1", remote.resolve("main"), annotated=True)
        environment = {"ADAPTER_CA_FILE": self.certificates.ca}
        code, output, errors = run_command("ls-remote", self.server.url("docs.git"), environment=environment)
        self.assertEqual(code, 0, errors)
        self.assertIn("version 2", output)
        self.assertIn("%s\trefs/heads/main" % remote.resolve("main"), output)
        self.assertIn("%s\trefs/tags/v1\n" % tag, output)
        self.assertIn("%s\trefs/tags/v1^{}" % remote.resolve("main"), output)
        self.assertIn("shallow", output)
        code, output, _ = run_command("ls-remote", self.server.url("docs.git"), "v1", environment=environment)
        self.assertEqual(code, 0)
        self.assertNotIn("refs/heads/main\n", output)

    def test_ls_remote_of_a_ref_that_is_not_there_exits_1(self):
        self.remote(files={"a": "1"})
        environment = {"ADAPTER_CA_FILE": self.certificates.ca}
        code, output, errors = run_command("ls-remote", self.server.url("docs.git"), "absent", environment=environment)
        self.assertEqual(code, 1)
        self.assertIn('the remote has no ref "absent"', errors)
        self.assertNotIn("\trefs/", output)

    def test_ls_remote_names_each_ref_that_is_not_there(self):
        commit = self.remote(files={"a": "1"}).resolve("main")
        environment = {"ADAPTER_CA_FILE": self.certificates.ca}
        code, output, errors = run_command("ls-remote", self.server.url("docs.git"), "main", "absent", commit, environment=environment)
        self.assertEqual(code, 1)
        self.assertIn("%s\trefs/heads/main" % commit, output)
        self.assertIn('the remote has no ref "absent"', errors)
        self.assertIn('"%s" is a commit id' % commit, errors)
        self.assertEqual(len(errors.splitlines()), 2, errors)

    def test_ls_remote_of_nothing_exits_1(self):
        environment = {"ADAPTER_CA_FILE": self.certificates.ca}
        code, output, errors = run_command("ls-remote", self.server.url("absent.git"), environment=environment)
        self.assertEqual(code, 1)
        self.assertEqual(output, "")
        self.assertIn("absent.git", errors)

    def test_ls_remote_uses_the_credential_of_the_configuration(self):
        remote = self.remote(files={"a": "1"})
        self.server.require("/", [("bot", self.canary)])
        adapter = self.adapter(self.config(self.entry(remote)))
        code, output, errors = run_command("ls-remote", self.server.url("docs.git"), "--config", adapter.config_file)
        self.assertEqual(code, 0, errors)
        self.assertNotIn(self.canary, output + errors)

    def test_ls_remote_hides_a_credential_in_the_name_of_a_ref(self):
        remote = self.remote(files={"a": "1"})
        token = self.secret_ref(remote)
        adapter = self.adapter(self.config(self.entry(remote)))
        code, output, errors = run_command("ls-remote", self.server.url("docs.git"), "--config", adapter.config_file)
        self.assertEqual(code, 0, errors)
        self.assertIn("\trefs/heads/***\n", output)
        self.assertNotIn(token, output + errors)

    def test_text_logs(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        code, _, errors = run_command("once", "--config", adapter.config_file, "--log-format", "text")
        self.assertEqual(code, 0, errors)
        self.assertIn("published", errors)
        self.assertNotIn("{", errors)

    def test_json_logs_are_the_default_without_a_terminal(self):
        remote = self.remote(files={"a": "1"})
        adapter = self.adapter(self.config(self.entry(remote)))
        code, _, errors = run_command("once", "--config", adapter.config_file)
        self.assertEqual(code, 0)
        for line in errors.splitlines():
            event = json.loads(line)
            self.assertEqual({"time", "level", "event", "message"} - set(event), set())

    def test_a_progress_bar_on_a_terminal(self):
        remote = self.remote(files={"f%d" % index: os.urandom(100_000) for index in range(30)})
        adapter = self.adapter(self.config(self.entry(remote)))
        self.server.faults.add(step="fetch", part_delay=0.04)
        ours, theirs = pty.openpty()
        process = subprocess.Popen(
            [program(), "once", "--config", adapter.config_file],
            stdin=theirs, stdout=theirs, stderr=theirs, env={**clean_environment(), "TERM": "xterm"},
        )  # fmt: skip
        os.close(theirs)
        shown, deadline = b"", time.monotonic() + 60
        while time.monotonic() < deadline:
            if select.select([ours], [], [], 0.2)[0]:
                try:
                    part = os.read(ours, 65536)
                except OSError:
                    break
                if not part:
                    break
                shown += part
        os.close(ours)
        self.assertEqual(process.wait(10), 0, shown)
        self.assertIn(b"docs", shown)
        self.assertIn(b"\r", shown)
        self.assertRegex(shown.decode("utf-8", "replace"), r"(?i)object|MiB|KiB|%")


if __name__ == "__main__":
    main()
