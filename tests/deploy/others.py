# SPDX-License-Identifier: Apache-2.0
"""compose.yaml and the systemd unit, and the rules that they keep."""

import os
import re

import yaml

from tests.deploy.manifests import image_faults
from tests.support.adapter import PROJECT

COMPOSE = os.path.join(PROJECT, "compose.yaml")
UNIT = os.path.join(PROJECT, "deploy", "systemd", "adapter.service")
NGINX = os.path.join(PROJECT, "deploy", "nginx", "nginx.conf")
HARDENED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}
# What must be in the unit; None: with any value.
WANTED = {"Type": "notify", "NotifyAccess": "main", "WatchdogSec": "30", "Restart": "on-failure", "RestartPreventExitStatus": "2",
          "ExecReload": "/bin/kill -HUP $MAINPID", "User": "glassops", "StateDirectory": "adapter", "StateDirectoryMode": "0755",
          "ProtectSystem": "strict", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "",
          "RestrictAddressFamilies": "AF_INET AF_INET6 AF_UNIX", "TimeoutStopSec": None}  # fmt: skip


def compose():
    with open(COMPOSE, encoding="utf-8") as source:
        return yaml.safe_load(source)


def with_defaults(text):
    """${NAME:-default} as it is where nothing is set."""
    return re.sub(r"\$\{\w+:-([^}]*)\}", r"\1", text)


def mounts(service):
    """{target: (source, options)}"""
    found = {}
    for volume in service.get("volumes", []):
        source, target, *options = volume.split(":")
        found[target] = (source, options)
    return found


def service_faults(name, service):
    yield from ("%s: %s is not %s" % (name, key, value) for key, value in HARDENED.items() if service.get(key) != value)
    if "build" not in service:
        yield from ("%s: image %s" % (name, fault) for fault in image_faults(service["image"]))
    for port in service.get("ports", []):
        if not port.startswith("127.0.0.1:"):
            yield "%s: port %s is open to the network" % (name, port)
    for target, (source, options) in mounts(service).items():
        if target != "/data" and "ro" not in options:
            yield "%s: %s can be written" % (name, target)
        if source.startswith(".") and not os.path.isdir(os.path.join(PROJECT, source)):
            yield "%s: %s is not a folder" % (name, source)


def compose_faults(config):
    found = [fault for name, service in config["services"].items() for fault in service_faults(name, service)]
    adapter, nginx = config["services"]["adapter"], config["services"]["nginx"]
    if nginx.get("depends_on", {}).get("adapter", {}).get("condition") != "service_healthy":
        found.append("nginx does not wait for the first tree")
    if adapter.get("healthcheck", {}).get("test"):
        found.append("the image has a health check of its own")
    volume = mounts(adapter).get("/data", ("",))[0]
    if volume not in config.get("volumes", {}):
        found.append("adapter: /data is no named volume")
    if mounts(nginx).get("/srv/site", ("",))[0] != volume:
        found.append("nginx: the volume's root is not at /srv/site")
    with open(NGINX, encoding="utf-8") as source:
        if "root /srv/site/%s;" % adapter["environment"]["ADAPTER_NAME"] not in source.read():
            found.append("nginx serves another folder than the link %s" % adapter["environment"]["ADAPTER_NAME"])
    if int(adapter.get("stop_grace_period", "0s").rstrip("s")) <= 10:
        found.append("adapter: a stop may take 10 s")
    return found


def unit(text=None):
    """{key: the values in their order}"""
    if text is None:
        with open(UNIT, encoding="utf-8") as source:
            text = source.read()
    found = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", text, re.M):
        found.setdefault(key, []).append(value)
    return found


def unit_faults(keys):
    found = ["%s= is missing" % key for key in WANTED if key not in keys]
    found += ["%s= is not %s" % (key, value) for key, value in WANTED.items() if value is not None and keys.get(key, [value]) != [value]]
    if int(re.sub(r"\D", "", keys.get("TimeoutStopSec", ["0"])[0])) <= 10:
        found.append("TimeoutStopSec=: a stop may take 10 s")
    if "DynamicUser" in keys:
        found.append("DynamicUser= hides the trees from their readers")
    calls = " ".join(keys.get("SystemCallFilter", [])).split()
    if not {"landlock_create_ruleset", "landlock_add_rule", "landlock_restrict_self"} <= set(calls):
        found.append("SystemCallFilter= keeps the program from its own sandbox")
    return found
