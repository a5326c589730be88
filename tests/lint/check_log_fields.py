# SPDX-License-Identifier: Apache-2.0
"""Every field that the sources log stands in the tables below "## Fields" of docs/logging.md."""
import re
import sys
from pathlib import Path

import common

_CALL = re.compile(r'\blog::(?:debug|info|warning|error|write)\(')
_FIELD = re.compile(r'\{\s*"([a-z_]+)"\s*,')
_NAMED_FIELD = re.compile(r'\blog::Field\s+\w+\("([a-z_]+)"')


def _end_of_call(blanked: str, start: int) -> int:
    depth = 1
    for offset in range(start, len(blanked)):
        depth += {'(': 1, ')': -1}.get(blanked[offset], 0)
        if depth == 0:
            return offset
    return len(blanked)


def logged(source: str) -> list[tuple[int, str]]:
    """(line, field) of each field that is logged."""
    text, blanked = common.blank_comments(source), common.blank(source)
    found = [(match.start(1), match.group(1)) for match in _NAMED_FIELD.finditer(text)]
    for call in _CALL.finditer(blanked):
        end = _end_of_call(blanked, call.end())
        found += [(match.start(1), match.group(1)) for match in _FIELD.finditer(text, call.end(), end)]
    return [(common.line_of(text, offset), name) for offset, name in sorted(found)]


def documented(page: str) -> set[str]:
    section = page.split('\n## Fields\n', 1)[-1].split('\n## ', 1)[0]
    rows = [line.split('|')[1] for line in section.split('\n') if line.startswith('|')]
    return set(re.findall(r'`([a-z_]+)`', ' '.join(rows)))


def findings(source: str, known: set[str]) -> list[tuple[int, str]]:
    return [(line, f'the field {name} is not in docs/logging.md, "Fields"')
            for line, name in logged(source) if name not in known]


def main() -> int:
    root = common.root_argument()
    known = documented(common.read(root, Path('docs/logging.md')))
    paths = [path for path in common.files(root, '.cpp', '.hpp') if path.parts[0] in ('src', 'include')]
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(common.read(root, path), known)]
    return common.report('log_fields', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
