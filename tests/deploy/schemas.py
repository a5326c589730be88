# SPDX-License-Identifier: Apache-2.0
"""Kubernetes' own word on a manifest, as packages of npm have it: its types know each field's name and type, its schemas what
must be there and what a value may be. Fetched once into build-deploy/, at the versions and hashes of schemas/package-lock.json."""

import json
import os
import shutil
import subprocess

from tests.support.adapter import PROJECT

LOCKED = os.path.join(PROJECT, "tests", "deploy", "schemas")
FOLDER = os.path.join(PROJECT, "build-deploy")
OPERATOR = "@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/"
ELSEWHERE = {kind: OPERATOR + kind for kind in ("PodMonitor", "PrometheusRule")}


def run(*line):
    done = subprocess.run(line, cwd=FOLDER, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, (done.stdout + done.stderr).strip()


def same(name):
    """Whether what was fetched before is what is wanted now."""
    try:
        with open(os.path.join(LOCKED, name), "rb") as wanted, open(os.path.join(FOLDER, name), "rb") as found:
            return wanted.read() == found.read()
    except OSError:
        return False


def why_not():
    """Fetches them unless they are there; why they cannot be had, empty when they can."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        return "npm is not installed"
    if all(map(same, ("package.json", "package-lock.json"))) and os.path.exists(os.path.join(FOLDER, "complete")):
        return ""
    shutil.rmtree(FOLDER, ignore_errors=True)
    os.makedirs(FOLDER)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(os.path.join(LOCKED, name), FOLDER)
    code, output = run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    if code != 0:
        return "npm could not fetch the schemas:\n" + output[-2000:]
    with open(os.path.join(FOLDER, "complete"), "w", encoding="ascii"):
        return ""


def module(document):
    return ELSEWHERE.get(document["kind"]) or "kubernetes-models/%s/%s" % (document["apiVersion"], document["kind"])


def complaints(documents):
    """What they have to say against it; empty when nothing."""
    types, values = [], []
    for number, document in enumerate(documents):
        kind, text = document["kind"], json.dumps(document, indent=1)
        types.append('import type { I%s as T%d } from "%s";' % (kind, number, module(document)))
        types.append("export const d%d: T%d = %s;" % (number, number, text))
        values.append('import { %s as C%d } from "%s";' % (kind, number, module(document)))
        values.append("new C%d(%s).validate();" % (number, text))
    for name, lines in (("check.ts", types), ("check.mjs", values)):
        with open(os.path.join(FOLDER, name), "w", encoding="utf-8") as out:
            out.write("\n".join(lines) + "\n")
    found = run("node", "node_modules/typescript/bin/tsc", "--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "check.ts")
    found = found if found[0] else run("node", "check.mjs")
    return found[1] or "exit code %d" % found[0] if found[0] else ""
