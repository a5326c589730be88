# SPDX-License-Identifier: Apache-2.0
"""The Kubernetes manifests, and the rules that they keep: what a restricted namespace asks for, and what this program needs."""

import os
import re

import yaml

from tests.support.adapter import PROJECT

FOLDER = os.path.join(PROJECT, "deploy", "kubernetes")
KINDS = {("v1", "ConfigMap"), ("v1", "Secret"), ("v1", "PersistentVolumeClaim"), ("v1", "Service"),
         ("apps/v1", "Deployment"), ("monitoring.coreos.com/v1", "PodMonitor"),
         ("monitoring.coreos.com/v1", "PrometheusRule")}  # fmt: skip
POD = {"runAsNonRoot": True, "runAsUser": 1000, "runAsGroup": 1000, "fsGroup": 1000, "fsGroupChangePolicy": "OnRootMismatch",
       "seccompProfile": {"type": "RuntimeDefault"}}  # fmt: skip
CONTAINER = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
STOP_SECONDS = 10
PLACEHOLDER = "replace-me"


def paths():
    return [os.path.join(FOLDER, name) for name in sorted(os.listdir(FOLDER)) if name.endswith(".yaml")]


def load(path):
    """(documents, the text)"""
    with open(path, encoding="utf-8") as source:
        text = source.read()
    return list(yaml.safe_load_all(text)), text


def of_kind(documents, kind):
    return [document for document in documents if document.get("kind") == kind]


def named(documents, kind):
    return {document["metadata"]["name"]: document for document in of_kind(documents, kind)}


def created_by_hand(text):
    """ConfigMaps that a command in the comments makes: {name: file}."""
    return dict(re.findall(r"kubectl create configmap (\S+) --from-file=(\S+)", text))


def configurations(documents):
    """What the program is given: {name of the ConfigMap: text}."""
    return {name: each["data"]["config.yaml"] for name, each in named(documents, "ConfigMap").items()}


def containers(pod):
    return pod.get("initContainers", []) + pod.get("containers", [])


def runs_on(container, pod):
    """Whether it lives as long as its pod."""
    return container in pod.get("containers", []) or container.get("restartPolicy") == "Always"


def is_adapter(container):
    return "adapter" in container["image"].rpartition("/")[2]


def image_faults(image):
    name, _, tag = image.partition("@")[0].rpartition("/")[2].partition(":")
    if "@sha256:" not in image and not re.search(r"\d", tag):
        yield "%s: name a version" % name


def container_faults(container, pod, where):
    yield from ("%s: image %s" % (where, fault) for fault in image_faults(container["image"]))
    context = container.get("securityContext", {})
    yield from ("%s: securityContext.%s is not %s" % (where, key, value) for key, value in CONTAINER.items() if context.get(key) != value)
    resources = container.get("resources", {})
    for key in ("requests.cpu", "requests.memory", "limits.memory"):
        section, _, name = key.partition(".")
        if name not in resources.get(section, {}):
            yield "%s: no resources.%s" % (where, key)
    volumes = {volume["name"] for volume in pod.get("volumes", [])}
    for mount in container.get("volumeMounts", []):
        if mount["name"] not in volumes:
            yield "%s: volume %s does not exist" % (where, mount["name"])
        if "subPath" in mount or "subPathExpr" in mount:
            yield "%s: %s has a subPath, which does not follow changes" % (where, mount["mountPath"])
        if mount["mountPath"] != "/data" and mount["name"] != "tmp" and not mount.get("readOnly"):
            yield "%s: %s can be written" % (where, mount["mountPath"])
    yield from probe_faults(container, pod, where)


def probe_faults(container, pod, where):
    ports = {port["name"] for port in container.get("ports", [])}
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        probe = container.get(name, {})
        action = probe.get("httpGet") or probe.get("tcpSocket") or {}
        if probe and not action:
            yield "%s: %s asks nothing" % (where, name)
        if action and action.get("port") not in ports:
            yield "%s: %s asks port %s, which is not there" % (where, name, action.get("port"))
    if not runs_on(container, pod):
        return
    if "livenessProbe" not in container:
        yield "%s: no livenessProbe" % where
    elif is_adapter(container) and container["livenessProbe"].get("httpGet", {}).get("path") != "/healthz":
        yield "%s: liveness is /healthz" % where
    readiness = container.get("readinessProbe")
    if is_adapter(container):
        if "restartPolicy" in container and readiness:
            yield "%s: a remote that is down would make the whole pod unready" % where
        if "restartPolicy" not in container and (readiness or {}).get("httpGet", {}).get("path") != "/readyz":
            yield "%s: readiness is /readyz" % where


def volume_faults(pod, documents, text, where):
    by_hand = created_by_hand(text)
    used = {mount["name"] for container in containers(pod) for mount in container.get("volumeMounts", [])}
    for volume in pod.get("volumes", []):
        if volume["name"] not in used:
            yield "%s: volume %s is not mounted" % (where, volume["name"])
        config_map = volume.get("configMap", {}).get("name")
        if config_map and config_map not in named(documents, "ConfigMap") and config_map not in by_hand:
            yield "%s: there is no ConfigMap %s" % (where, config_map)
        secret = volume.get("secret", {})
        if secret and secret["secretName"] not in named(documents, "Secret"):
            yield "%s: there is no Secret %s" % (where, secret["secretName"])
        if secret and secret.get("defaultMode") not in (0o440, 0o400):
            yield "%s: everybody may read the Secret %s" % (where, secret["secretName"])
        claim = volume.get("persistentVolumeClaim", {}).get("claimName")
        if claim and claim not in named(documents, "PersistentVolumeClaim"):
            yield "%s: there is no claim %s" % (where, claim)
    yield from ("%s: there is no file %s" % (where, path) for path in by_hand.values()
                if not os.path.exists(os.path.join(PROJECT, path)))  # fmt: skip


def configuration_faults(container, pod, documents, where):
    """The files that the configuration names are mounted, and its port is the container's."""
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    mounts = {mount["mountPath"]: volumes.get(mount["name"], {}) for mount in container["volumeMounts"]}
    name = mounts.get("/etc/adapter", {}).get("configMap", {}).get("name")
    text = configurations(documents).get(name)
    if text is None:
        yield "%s: no configuration at /etc/adapter" % where
        return
    config = yaml.safe_load(text)
    if config.get("data_dir") not in mounts:
        yield "%s: data_dir %s is no volume" % (where, config.get("data_dir"))
    admin = config["admin"]
    host, _, port = admin["listen"].rpartition(":")
    if host.startswith("127."):
        yield "%s: a probe of the kubelet does not reach %s" % (where, host)
    if "token_file" not in admin:
        yield "%s: the port is open without a token" % where
    if runs_on(container, pod) and int(port) not in [each["containerPort"] for each in container.get("ports", [])]:
        yield "%s: the port is %s" % (where, port)
    for path in re.findall(r"_file: ([^\s}]+)", text):
        folder, key = os.path.split(path)
        secret = mounts.get(folder, {}).get("secret", {}).get("secretName")
        if key not in named(documents, "Secret").get(secret, {}).get("stringData", {}):
            yield "%s: %s is in no Secret that is mounted" % (where, path)


def deployment_faults(deployment, documents, text):
    where = deployment["metadata"]["name"]
    spec = deployment["spec"]
    pod = spec["template"]["spec"]
    labels = spec["template"]["metadata"]["labels"]
    if not spec["selector"]["matchLabels"].items() <= labels.items():
        yield "%s: the selector does not match its pods" % where
    if any("persistentVolumeClaim" in volume for volume in pod["volumes"]) and (
        spec.get("strategy") != {"type": "Recreate"} or spec.get("replicas") != 1
    ):
        yield "%s: the volume has one writer: replicas 1, strategy Recreate" % where
    for key in ("automountServiceAccountToken", "enableServiceLinks"):
        if pod.get(key) is not False:
            yield "%s: %s is not false" % (where, key)
    if pod.get("terminationGracePeriodSeconds", 0) <= STOP_SECONDS:
        yield "%s: a stop may take %d s" % (where, STOP_SECONDS)
    context = pod.get("securityContext", {})
    yield from ("%s: securityContext.%s is not %s" % (where, key, value) for key, value in POD.items() if context.get(key) != value)
    yield from volume_faults(pod, documents, text, where)
    for container in containers(pod):
        place = "%s/%s" % (where, container["name"])
        yield from container_faults(container, pod, place)
        if is_adapter(container):
            yield from configuration_faults(container, pod, documents, place)


def service_faults(service, documents):
    where = "Service %s" % service["metadata"]["name"]
    templates = [each["spec"]["template"] for each in of_kind(documents, "Deployment")]
    found = [each for each in templates if service["spec"]["selector"].items() <= each["metadata"]["labels"].items()]
    if not found:
        yield "%s selects no pod" % where
    ports = {port["name"] for each in found for container in containers(each["spec"]) for port in container.get("ports", [])}
    yield from ("%s: there is no port %s" % (where, port["targetPort"]) for port in service["spec"]["ports"]
                if port["targetPort"] not in ports)  # fmt: skip


def faults(documents, text):
    """What is wrong with a file, one line each."""
    found = []
    for document in documents:
        kind = (document.get("apiVersion"), document.get("kind"))
        if kind not in KINDS:
            found.append("%s %s is not a kind that is shipped" % kind)
        if not re.fullmatch(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?", document.get("metadata", {}).get("name", "")):
            found.append("%s %s has no good name" % kind)
    for deployment in of_kind(documents, "Deployment"):
        found += deployment_faults(deployment, documents, text)
    for service in of_kind(documents, "Service"):
        found += service_faults(service, documents)
    for secret in of_kind(documents, "Secret"):
        found += ["the Secret's %s looks like a real one" % key for key, value in secret.get("stringData", {}).items()
                  if not value.startswith(PLACEHOLDER)]  # fmt: skip
        found += ["Secret: data is not for reading; write stringData"] if "data" in secret else []
    return found
