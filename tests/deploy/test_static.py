# SPDX-License-Identifier: Apache-2.0
"""What is shipped beside the image, read: by our rules, by the program itself, and by tools that are not ours."""

import copy
import os
import re
import subprocess
import tempfile
import unittest

import yaml

from tests.deploy import manifests, others, schemas
from tests.support.adapter import PROJECT, run_command

STANDALONE = os.path.join(manifests.FOLDER, "standalone.yaml")
SIDECAR = os.path.join(manifests.FOLDER, "sidecar.yaml")
EXPOSURE = 15  # tenths of a point, as systemd-analyze counts them; it calls up to 2.0 "OK"


def pod(documents):
    return manifests.of_kind(documents, "Deployment")[0]["spec"]["template"]["spec"]


def first(documents, kind):
    return manifests.of_kind(documents, kind)[0]


def tool(*line):
    done = subprocess.run(line, capture_output=True, text=True, check=False, cwd=PROJECT, timeout=60)
    return done.returncode, done.stdout + done.stderr


class ManifestsTest(unittest.TestCase):
    def planted(self, path, change, says):
        """A change of a good file is found, and nothing was found before."""
        documents, text = manifests.load(path)
        documents = copy.deepcopy(documents)
        with self.subTest(says):
            change(documents)
            found = manifests.faults(documents, text)
            self.assertTrue(any(says in fault for fault in found), (says, found))

    def test_they_keep_the_rules(self):
        self.assertEqual(len(manifests.paths()), 4)
        for path in manifests.paths():
            with self.subTest(os.path.basename(path)):
                documents, text = manifests.load(path)
                self.assertEqual(manifests.faults(documents, text), [])

    def test_they_are_what_kubernetes_calls_so(self):
        reason = schemas.why_not()
        if reason:
            self.skipTest(reason)
        documents = [document for path in manifests.paths() for document in manifests.load(path)[0]]
        self.assertEqual(schemas.complaints(documents), "")
        plants = (
            (lambda d: pod(d).update(automountServiceAccountTokn=False), "automountServiceAccountTokn"),
            (lambda d: pod(d)["containers"][0].update(ports=[{"containerPort": "8080"}]), "is not assignable to type 'number'"),
            (lambda d: first(d, "Deployment")["spec"].pop("selector"), "selector"),
            (lambda d: first(d, "PodMonitor")["spec"]["podMetricsEndpoints"][0].update(interval="often"), "interval"),
            (lambda d: first(d, "PrometheusRule")["spec"]["groups"][0]["rules"][0].update(expr={}), "IIntOrString"),
        )
        for change, says in plants:
            with self.subTest(says):
                bad = copy.deepcopy(documents)
                change(bad)
                self.assertIn(says, schemas.complaints(bad))

    def test_the_operators_rules_are_those_of_prometheus(self):
        self.assertEqual(tool("scripts/prometheus-rule", "--check"), (0, ""))
        documents, _ = manifests.load(os.path.join(manifests.FOLDER, "prometheusrule.yaml"))
        with open(os.path.join(PROJECT, "deploy", "prometheus", "adapter.rules.yaml"), encoding="utf-8") as source:
            self.assertEqual(first(documents, "PrometheusRule")["spec"], yaml.safe_load(source))

    def test_a_scraped_pod_has_the_job_that_the_rules_ask_for(self):
        documents, _ = manifests.load(os.path.join(manifests.FOLDER, "podmonitor.yaml"))
        for endpoint in first(documents, "PodMonitor")["spec"]["podMetricsEndpoints"]:
            self.assertIn({"targetLabel": "job", "replacement": "adapter"}, endpoint["relabelings"])

    def test_the_program_accepts_each_configuration(self):
        for path in (STANDALONE, SIDECAR):
            for name, text in manifests.configurations(manifests.load(path)[0]).items():
                with self.subTest(name), tempfile.TemporaryDirectory() as folder:
                    file = os.path.join(folder, "config.yaml")
                    with open(file, "w", encoding="utf-8") as out:
                        out.write(text)
                    code, output, errors = run_command("validate", "--config", file)
                    self.assertEqual((code, errors), (0, ""), output)
                    with open(file, "a", encoding="utf-8") as out:
                        out.write("repository: 1\n")
                    self.assertEqual(run_command("validate", "--config", file)[0], 2)

    def test_faults_of_pods_are_found(self):
        def context(key, value):
            return lambda documents: pod(documents)["securityContext"].update({key: value})

        for key, value in (("runAsNonRoot", False), ("runAsUser", 0), ("fsGroup", 0), ("fsGroupChangePolicy", "Always"),
                           ("seccompProfile", {"type": "Unconfined"})):  # fmt: skip
            self.planted(STANDALONE, context(key, value), "securityContext.%s is not" % key)
        plants = (
            (lambda d: pod(d).pop("terminationGracePeriodSeconds"), "a stop may take"),
            (lambda d: pod(d).update(enableServiceLinks=True), "enableServiceLinks"),
            (lambda d: pod(d).pop("automountServiceAccountToken"), "automountServiceAccountToken"),
            (lambda d: first(d, "Deployment")["spec"].update(strategy={"type": "RollingUpdate"}), "one writer"),
            (lambda d: first(d, "Deployment")["spec"].update(replicas=2), "one writer"),
            (lambda d: first(d, "Deployment")["spec"]["selector"].update(matchLabels={"a": "b"}), "the selector"),
            (lambda d: first(d, "Deployment").update(apiVersion="extensions/v1beta1"), "not a kind"),
            (lambda d: first(d, "Service")["metadata"].update(name="A_b"), "no good name"),
            (lambda d: first(d, "Service")["spec"].update(selector={"a": "b"}), "selects no pod"),
            (lambda d: first(d, "Service")["spec"]["ports"][0].update(targetPort="http"), "there is no port http"),
            (lambda d: first(d, "Secret")["stringData"].update({"git-token": "ghp_1"}), "looks like a real one"),
            (lambda d: pod(d)["volumes"].append({"name": "x", "emptyDir": {}}), "x is not mounted"),
            (lambda d: pod(d)["volumes"][0]["persistentVolumeClaim"].update(claimName="x"), "no claim x"),
            (lambda d: pod(d)["volumes"][1]["configMap"].update(name="x"), "no ConfigMap x"),
            (lambda d: pod(d)["volumes"][2]["secret"].update(secretName="x"), "no Secret x"),
            (lambda d: pod(d)["volumes"][2]["secret"].update(defaultMode=0o444), "everybody may read"),
        )
        for change, says in plants:
            self.planted(STANDALONE, change, says)

    def test_faults_of_containers_are_found(self):
        def adapter(**changes):
            return lambda documents: pod(documents)["containers"][0].update(changes)

        def mount(**changes):
            return lambda documents: pod(documents)["containers"][0]["volumeMounts"][1].update(changes)

        plants = (
            (adapter(image="native-adapter"), "name a version"), (adapter(image="a/adapter:latest"), "name a version"),
            (adapter(securityContext={}), "allowPrivilegeEscalation"), (adapter(securityContext={}), "capabilities"),
            (adapter(securityContext={}), "readOnlyRootFilesystem"), (adapter(resources={}), "no resources.requests.memory"),
            (adapter(livenessProbe={"httpGet": {"path": "/readyz", "port": "admin"}}), "liveness is /healthz"),
            (adapter(readinessProbe={"httpGet": {"path": "/", "port": "admin"}}), "readiness is /readyz"),
            (adapter(livenessProbe={"httpGet": {"path": "/healthz", "port": 80}}), "port 80"),
            (adapter(startupProbe={"periodSeconds": 1}), "asks nothing"), (adapter(ports=[]), "the port is 8080"),
            (mount(subPath="config.yaml"), "subPath"), (mount(name="x"), "volume x does not exist"),
            (mount(readOnly=False), "can be written"), (mount(mountPath="/etc/other"), "no configuration"),
            (lambda d: pod(d)["containers"][0].pop("livenessProbe"), "no livenessProbe"),
        )  # fmt: skip
        for change, says in plants:
            self.planted(STANDALONE, change, says)
        self.planted(SIDECAR, lambda d: pod(d)["initContainers"][1].update(readinessProbe={"tcpSocket": {"port": "admin"}}),
                     "whole pod unready")  # fmt: skip
        self.planted(SIDECAR, lambda d: pod(d)["initContainers"][0].update(image="native-adapter:latest"), "name a version")

    def test_faults_of_configurations_are_found(self):
        for old, new, says in (("0.0.0.0", "127.0.0.1", "does not reach"), ("8080", "8090", "the port is 8090"),
                               ("/etc/adapter-secrets/git-token", "/etc/git-token", "in no Secret"),
                               ("secrets/webhook-secret", "secrets/other", "in no Secret"),
                               ("token_file: /etc/adapter-secrets/admin-token", "", "without a token"),
                               ("data_dir: /data", "data_dir: /srv", "no volume")):  # fmt: skip
            def change(documents, old=old, new=new):
                data = first(documents, "ConfigMap")["data"]
                self.assertIn(old, data["config.yaml"])
                data["config.yaml"] = data["config.yaml"].replace(old, new)

            self.planted(STANDALONE, change, says)


class ComposeTest(unittest.TestCase):
    def test_it_keeps_the_rules(self):
        self.assertEqual(others.compose_faults(others.compose()), [])

    def test_the_program_accepts_its_variables(self):
        environment = {name: others.with_defaults(value)
                       for name, value in others.compose()["services"]["adapter"]["environment"].items()}  # fmt: skip
        self.assertEqual(run_command("validate", environment=environment)[0], 0)
        environment["ADAPTER_EVERY"] = "30"
        self.assertEqual(run_command("validate", environment=environment)[0], 2)

    def test_compose_accepts_it(self):
        line = ["/usr/bin/docker-compose", "--file"]
        if not os.access(line[0], os.X_OK):
            self.skipTest("docker-compose is not installed (scripts/install-deps ci)")
        code, output = tool(*line, others.COMPOSE, "config")
        self.assertEqual(code, 0, output)
        with tempfile.TemporaryDirectory() as folder:
            bad = others.compose()
            bad["services"]["nginx"]["depend_on"] = bad["services"]["nginx"].pop("depends_on")
            file = os.path.join(folder, "compose.yaml")
            with open(file, "w", encoding="utf-8") as out:
                yaml.safe_dump(bad, out)
            code, output = tool(*line, file, "config")
            self.assertNotEqual(code, 0, output)
            self.assertIn("depend_on", output)

    def test_faults_are_found(self):
        def service(name, **changes):
            return lambda config: config["services"][name].update(changes)

        plants = (
            (service("adapter", read_only=False), "read_only"), (service("nginx", cap_drop=[]), "cap_drop"),
            (service("nginx", security_opt=[]), "security_opt"), (service("nginx", image="nginx:latest"), "name a version"),
            (service("nginx", ports=["8000:8080"]), "open to the network"), (service("nginx", depends_on={}), "does not wait"),
            (service("nginx", volumes=["site:/srv/site"]), "can be written"),
            (service("nginx", volumes=["./gone:/srv/site:ro"]), "not a folder"),
            (service("nginx", volumes=["site:/srv/site/docs:ro"]), "the volume's root"),
            (service("adapter", volumes=[]), "no named volume"), (service("adapter", stop_grace_period="5s"), "a stop"),
            (service("adapter", environment={"ADAPTER_NAME": "site"}), "another folder"),
            (service("adapter", healthcheck={"test": ["CMD", "true"]}), "of its own"),
        )  # fmt: skip
        for change, says in plants:
            config = others.compose()
            with self.subTest(says):
                change(config)
                self.assertTrue(any(says in fault for fault in others.compose_faults(config)), says)


class UnitTest(unittest.TestCase):
    def verify(self, text):
        """systemd-analyze verify, with the paths of this machine."""
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "adapter.service")
            with open(file, "w", encoding="utf-8") as out:
                out.write(text.replace("/usr/local/bin/adapter", "/bin/true").replace("=glassops", "=root"))
            return tool("systemd-analyze", "verify", "--man=no", "--recursive-errors=no", file)

    def text(self):
        with open(others.UNIT, encoding="utf-8") as source:
            return source.read()

    def test_it_keeps_the_rules(self):
        self.assertEqual(others.unit_faults(others.unit()), [])

    def test_faults_are_found(self):
        for old, new, says in (("Type=notify", "Type=simple", "Type="), ("TimeoutStopSec=15", "TimeoutStopSec=5", "a stop"),
                               ("User=glassops", "DynamicUser=yes", "hides the trees"), ("User=glassops", "", "User= is missing"),
                               (" landlock_add_rule", "", "its own sandbox"), ("ProtectSystem=strict", "ProtectSystem=yes", "ProtectSystem"),
                               ("=AF_INET AF_INET6", "=AF_NETLINK", "RestrictAddressFamilies")):  # fmt: skip
            with self.subTest(says):
                self.assertIn(old, self.text())
                found = others.unit_faults(others.unit(self.text().replace(old, new)))
                self.assertTrue(any(says in fault for fault in found), found)

    def test_systemd_accepts_it(self):
        self.assertEqual(self.verify(self.text()), (0, ""))
        for old, new in (("WatchdogSec=30", "WatchdogSec=thirty"), ("ProtectHome=", "ProtectHomes="), ("@resources", "@sandbag")):
            with self.subTest(new):
                self.assertNotEqual(self.verify(self.text().replace(old, new))[1], "")

    def test_systemd_counts_little_exposure(self):
        line = ["systemd-analyze", "security", "--offline=true", "--threshold=%d" % EXPOSURE]
        code, output = tool(*line, others.UNIT)
        self.assertEqual(code, 0, output)
        print(re.sub(r"\W*$", "", output.splitlines()[-1].replace("→", "").strip()), flush=True)
        with tempfile.TemporaryDirectory() as folder:
            file = os.path.join(folder, "adapter.service")
            with open(file, "w", encoding="utf-8") as out:
                out.write(self.text().replace("ProtectSystem=strict", "").replace("PrivateUsers=yes", "PrivateUsers=no"))
            self.assertNotEqual(tool(*line, file)[0], 0)
