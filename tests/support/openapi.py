# SPDX-License-Identifier: Apache-2.0
"""An OpenAPI 3.1 document, and whether an answer is one that it describes."""

import copy

import jsonschema
import yaml

_METHODS = ("get", "head", "post", "put", "delete", "options", "patch", "trace")


class Document:
    def __init__(self, path):
        with open(path, encoding="utf-8") as source:
            self.root = yaml.safe_load(source)
        # A field that the document does not name is a fault here, though clients have to live with it.
        self._strict = {"components": {"schemas": _closed(self.root["components"]["schemas"])}}

    def find(self, pointer):
        """What a reference of this document leads to; KeyError when it leads nowhere."""
        found = self.root
        for key in pointer.removeprefix("#/").split("/"):
            found = found[key]
        return found

    def resolve(self, node):
        while isinstance(node, dict) and "$ref" in node:
            node = self.find(node["$ref"])
        return node

    def references(self, node=None):
        """Every reference in it."""
        node = self.root if node is None else node
        children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
        own = [node["$ref"]] if isinstance(node, dict) and isinstance(node.get("$ref"), str) else []
        return own + [reference for child in children for reference in self.references(child)]

    def operations(self):
        """(METHOD, path, operation) of each."""
        return [
            (method.upper(), path, item[method])
            for path, item in self.root["paths"].items()
            for method in _METHODS
            if method in item
        ]

    def responses(self, method, path):
        """Status → response, references followed; statuses are integers, but for "default"."""
        responses = self.root["paths"][path][method.lower()]["responses"]
        return {key if key == "default" else int(key): self.resolve(value) for key, value in responses.items()}

    def faults_of(self, value, schema):
        """What is wrong with a value by a schema of this document, as text."""
        validator = jsonschema.Draft202012Validator({**self._strict, **_closed(schema)})
        return ["%s: %s" % (error.json_path, error.message[:300]) for error in validator.iter_errors(value)]

    def faults_of_answer(self, method, path, answer, default=False):
        """What is wrong with an answer to that operation; `default`: it is to be one that is not listed by its status."""
        responses = self.responses(method, path)
        response = responses.get("default" if default else answer.status)
        if response is None or (default and answer.status in responses):
            return ["status %d is %slisted" % (answer.status, "" if default else "not ")]
        content = self.resolve(response.get("content", {}))
        if answer.type not in content:
            return ["%s is not one of %s" % (answer.type, sorted(content))]
        faults = ["no field %s" % name for name in response.get("headers", {}) if name not in answer.fields]
        if answer.type in ("application/json", "application/problem+json"):
            faults += self.faults_of(answer.json(), content[answer.type]["schema"])
            if answer.type == "application/problem+json" and answer.json()["status"] != answer.status:
                faults.append("the problem's status is another one")
        return faults


def _closed(schema):
    """The same schema, in which objects have no members but those that it names."""
    if isinstance(schema, list):
        return [_closed(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    closed = {key: _closed(value) for key, value in copy.copy(schema).items()}
    if closed.get("type") == "object":
        closed.setdefault("additionalProperties", False)
    return closed
