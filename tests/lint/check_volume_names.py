# SPDX-License-Identifier: Apache-2.0
"""The names of the adapter's own files on the volume are spelled in base/volume_layout.hpp only.

A string literal elsewhere in src/ or include/ is found when it is such a name, or a path with such a component, or begins
with the prefix of a temporary name. Sentences that mention a name are left alone, and so is `ends_with(".lock")`, which
is git's rule for the names of refs.
"""
import re
import sys
from pathlib import Path

import common

LAYOUT = Path('include/adapter/base/volume_layout.hpp')
_CONSTANT = re.compile(r'inline constexpr const char\* \w+ = "([^"]+)";')
_LITERAL = re.compile(r'(?P<suffix>ends_with\()?"(?P<text>(?:\\.|[^"\\\n])*)"')
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[^\n]*', re.M)


def names(layout: str) -> set[str]:
    """What the header defines: names, and prefixes, which end in a hyphen."""
    return set(_CONSTANT.findall(layout))


def findings(source: str, known: set[str]) -> list[tuple[int, str]]:
    prefixes = tuple(name for name in known if name.endswith('-'))
    text = _INCLUDE.sub(lambda match: ' ' * len(match.group(0)), common.blank_comments(source))
    found = []
    for match in _LITERAL.finditer(text):
        parts = match.group('text').split('/')
        named = [part for part in parts if part in known or (part.startswith(prefixes) and ' ' not in part)]
        if named and not match.group('suffix'):
            found.append((common.line_of(text, match.start()), f'"{named[0]}" is spelled here, not in {LAYOUT.name} only'))
    return found


def main() -> int:
    root = common.root_argument()
    known = names(common.read(root, LAYOUT))
    paths = [path for path in common.files(root, '.cpp', '.hpp') if path.parts[0] in ('src', 'include') and path != LAYOUT]
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(common.read(root, path), known)]
    return common.report('volume_names', found, len(paths) if known else 0)


if __name__ == '__main__':
    sys.exit(main())
