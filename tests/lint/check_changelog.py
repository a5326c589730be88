# SPDX-License-Identifier: Apache-2.0
"""CHANGELOG.md is a Keep a Changelog: newest first, known sections, no empty ones; the newest is meson.build's version."""
import datetime
import re
import sys
from pathlib import Path

import common

_SECTIONS = ('Added', 'Changed', 'Deprecated', 'Removed', 'Fixed', 'Security')
_RELEASE = re.compile(r'^## \[(\d+)\.(\d+)\.(\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})$')


def _heading(line: str, number: int, releases: list) -> str:
    match = _RELEASE.match(line)
    if not match:
        return 'want "## [1.2.3] - 2026-01-31" or "- unreleased"'
    version, date = tuple(int(part) for part in match.groups()[:3]), match.group(4)
    if releases and version >= releases[-1]:
        return 'releases are not in descending order'
    if date == 'unreleased':
        why = 'only the newest release may be unreleased' if releases else ''
    else:
        try:
            datetime.date.fromisoformat(date)
            why = ''
        except ValueError:
            why = f'{date} is not a date'
    releases.append(version)
    return why


def findings(source: str, version: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    releases: list = []
    section_line, entries = 0, 1
    lines = source.split('\n')
    if lines[0] != '# Changelog':
        found.append((1, 'the first line is not "# Changelog"'))
    for number, line in enumerate(lines + ['## end'], 1):
        if line.startswith(('## ', '### ')):
            if section_line and entries == 0:
                found.append((section_line, 'a section without an entry'))
            section_line = 0
        if line.startswith('## ') and number <= len(lines):
            why = _heading(line, number, releases)
            if why:
                found.append((number, why))
        elif line.startswith('### '):
            section_line, entries = number, 0
            if line[4:] not in _SECTIONS:
                found.append((number, f'section {line[4:]}: want one of {", ".join(_SECTIONS)}'))
        elif line.startswith('- '):
            entries += 1
    if not releases or '.'.join(map(str, releases[0])) != version:
        found.append((1, f'the newest entry is not the version of meson.build, {version}'))
    return found


def main() -> int:
    root = common.root_argument()
    match = re.search(r"^\s*version: '([^']+)'", common.read(root, Path('meson.build')), re.M)
    version = match.group(1) if match else 'none'
    found = [f'CHANGELOG.md:{line}: {why}' for line, why in findings(common.read(root, Path('CHANGELOG.md')), version)]
    return common.report('changelog', found, 1)


if __name__ == '__main__':
    sys.exit(main())
