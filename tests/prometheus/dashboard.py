# SPDX-License-Identifier: Apache-2.0
"""The dashboard, read as Grafana reads it."""

import json
import os
import re

from tests.support.adapter import PROJECT

FILE = os.path.join(PROJECT, "deploy", "grafana", "adapter.json")
_VARIABLES = {"$job": "adapter", "$instance": ".*", "$__rate_interval": "10s"}
_REQUIRED = {
    "timeseries": ("targets", "fieldConfig", "options"),
    "stat": ("targets", "fieldConfig", "options"),
    "table": ("targets", "fieldConfig", "options"),
    "row": ("collapsed", "panels"),
}


def load():
    with open(FILE, encoding="utf-8") as source:
        return json.load(source)


def without_variables(expression):
    """The query as Grafana sends it."""
    for name, value in _VARIABLES.items():
        expression = expression.replace(name, value)
    return expression


def queries(dashboard):
    """(panel's title, query, labels its legend names)."""
    return [
        (panel["title"], without_variables(target["expr"]), re.findall(r"\{\{(\w+)\}\}", target["legendFormat"]))
        for panel in dashboard["panels"]
        for target in panel.get("targets", [])
    ]


def _panel_faults(panel):
    title = panel.get("title")
    for key in ("id", "type", "title", "gridPos"):
        if key not in panel:
            yield "a panel without %s: %s" % (key, title)
    for key in _REQUIRED.get(panel["type"], ()):
        if key not in panel:
            yield "%s: no %s" % (title, key)
    if panel["type"] not in _REQUIRED:
        yield "%s: type %s" % (title, panel["type"])
    if panel["type"] == "row":
        return
    if panel.get("datasource") != {"type": "prometheus", "uid": "${datasource}"}:
        yield "%s: not the data source of the variable" % title
    if not panel.get("description"):
        yield "%s: no description" % title
    names = [target["refId"] for target in panel["targets"]]
    if len(names) != len(set(names)):
        yield "%s: two queries of one name" % title


def faults(dashboard):
    """What Grafana would stumble over, in words."""
    found = [fault for panel in dashboard["panels"] for fault in _panel_faults(panel)]
    for key in ("uid", "title", "schemaVersion", "templating", "time", "annotations"):
        if key not in dashboard:
            found.append("no " + key)
    ids = [panel["id"] for panel in dashboard["panels"]]
    if len(ids) != len(set(ids)):
        found.append("two panels of one id")
    taken = {}
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            found.append("%s: wider than the page" % panel["title"])
        for place in ((x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])):
            if place in taken:
                found.append("%s lies over %s" % (panel["title"], taken[place]))
                break
            taken[place] = panel["title"]
    variables = {"$" + each["name"] for each in dashboard["templating"]["list"]} | {"$__rate_interval"}
    used = {name for panel in dashboard["panels"] for target in panel.get("targets", [])
            for name in re.findall(r"\$\w+", target["expr"])}  # fmt: skip
    return found + ["no variable %s" % name for name in sorted(used - variables)]
