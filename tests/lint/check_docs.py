# SPDX-License-Identifier: Apache-2.0
"""Each relative link in a Markdown file leads to a file, and to a heading in it where it names one."""
import re
import sys
import urllib.parse
from pathlib import Path

import common

_LINK = re.compile(r'(?<!!)!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+"[^"]*")?\s*\)|^\[[^\]]+\]:\s*(\S+)', re.M)
_FENCE = re.compile(r'^(```|~~~).*?^\1[ \t]*$', re.M | re.S)
_CODE = re.compile(r'`[^`\n]*`')


def _without_code(source: str) -> str:
    def spaces(match: re.Match) -> str:
        return re.sub(r'[^\n]', ' ', match.group(0))
    return _CODE.sub(spaces, _FENCE.sub(spaces, source))


def anchors(source: str) -> set[str]:
    """The names that a forge gives to the headings."""
    found: set[str] = set()
    for match in re.finditer(r'^#{1,6}\s+(.*?)\s*#*$', _FENCE.sub('', source), re.M):
        text = re.sub(r'\[([^\]]*)\]\([^)]*\)', r'\1', match.group(1)).lower()
        name = re.sub(r'[^\w\- ]', '', text).replace(' ', '-')
        unique, number = name, 0
        while unique in found:
            number += 1
            unique = f'{name}-{number}'
        found.add(unique)
    return found


def findings(root: Path, path: Path, source: str) -> list[tuple[int, str]]:
    found = []
    text = _without_code(source)
    for match in _LINK.finditer(text):
        target = match.group(1) or match.group(2)
        if re.match(r'[a-z][a-z0-9+.-]*:', target, re.I):
            continue
        name, _, anchor = target.partition('#')
        line = common.line_of(text, match.start())
        file = (root / path.parent / urllib.parse.unquote(name)).resolve() if name else root / path
        if not file.exists():
            found.append((line, f'{target}: no such file'))
        elif not file.is_relative_to(root):
            found.append((line, f'{target}: leaves the tree'))
        elif anchor and file.suffix == '.md' and anchor not in anchors(file.read_text(encoding='utf-8')):
            found.append((line, f'{target}: no such heading'))
    return found


def main() -> int:
    root = common.root_argument()
    paths = common.files(root, '.md')
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(root, path, common.read(root, path))]
    return common.report('docs', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
