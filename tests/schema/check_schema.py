#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Holds schema/adapter.schema.json against the corpus of configurations that the parser is tested with.

Every good file must satisfy the schema. A bad file says in its head what the schema does with it:
    # schema: bad      the schema refuses it too
    # schema: beyond   only the parser can know (or the file is not YAML); the schema must accept it, so that the
                       mark does not go stale
Usage: check_schema.py SCHEMA CORPUS [EXAMPLE…]   (an example is a good file)
"""

import json
import pathlib
import re
import sys

import jsonschema
import yaml


class CoreLoader(yaml.SafeLoader):
    """The scalars of YAML 1.2, as editors read them: PyYAML itself still takes yes and off for booleans."""


CoreLoader.yaml_implicit_resolvers = {}
for tag, pattern, first in (
    ("null", r"^(~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("bool", r"^(true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    ("int", r"^([-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)$", list("-+0123456789")),
    ("float", r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$", list("-+.0123456789")),
):
    CoreLoader.add_implicit_resolver("tag:yaml.org,2002:" + tag, re.compile(pattern), first)


def construct_integer(loader, node):
    text = loader.construct_scalar(node)
    return int(text, 0) if text.startswith(("0o", "0x")) else int(text)


CoreLoader.add_constructor("tag:yaml.org,2002:int", construct_integer)


def accepts(validator, text):
    """Whether the schema accepts the text; nothing when it is no YAML that PyYAML can read."""
    try:
        document = yaml.load(text, Loader=CoreLoader)
    except (yaml.YAMLError, RecursionError, ValueError, TypeError):
        return None
    try:
        return validator.is_valid(document)
    except (TypeError, RecursionError):
        return None


def main():
    schema = json.loads(pathlib.Path(sys.argv[1]).read_text(encoding="utf-8"))
    jsonschema.Draft7Validator.check_schema(schema)
    validator = jsonschema.Draft7Validator(schema)
    corpus = pathlib.Path(sys.argv[2])
    faults = []
    good = sorted((corpus / "good").rglob("*.yaml")) + [pathlib.Path(name) for name in sys.argv[3:]]
    for path in good:
        text = path.read_text(encoding="utf-8-sig")
        if yaml.load(text, Loader=CoreLoader) is not None and accepts(validator, text) is not True:
            errors = "; ".join(error.message for error in validator.iter_errors(yaml.load(text, Loader=CoreLoader)))
            faults.append(f"{path}: good, but the schema refuses it: {errors}")
    bad = sorted((corpus / "bad").glob("*.yaml"))
    for path in bad:
        text = path.read_text(encoding="utf-8")
        mark = re.search(r"^# schema: (\w+)$", text, re.MULTILINE)
        verdict = accepts(validator, text)
        if mark is None or mark[1] not in ("bad", "beyond"):
            faults.append(f"{path}: no line that says '# schema: bad' or '# schema: beyond'")
        elif mark[1] == "bad" and verdict is not False:
            faults.append(f"{path}: marked 'schema: bad', but the schema accepts it")
        elif mark[1] == "beyond" and verdict is False:
            faults.append(f"{path}: marked 'schema: beyond', but the schema refuses it")
    if len(good) < 40 or len(bad) < 120:
        faults.append(f"{corpus}: only {len(good)} good and {len(bad)} bad files were found")
    for fault in faults:
        print(fault)
    print(f"{len(good)} good and {len(bad)} bad files, {len(faults)} faults")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
