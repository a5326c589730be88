# SPDX-License-Identifier: Apache-2.0
"""Words that do not belong into a finished tree: notes to oneself, tests that are switched off, papers nobody else has."""
import re
import sys
from pathlib import Path

import common

# Each word is split so that this file does not find itself.
_WORDS = [
    (re.compile(r'\b(' + '|'.join(('TO' 'DO', 'FIX' 'ME', 'X' 'XX', 'HA' 'CK')) + r')\b'), 'a note to oneself'),
    (re.compile(r'\bGTEST' r'_SKIP\b|\bTEST(_F|_P)?\(\w+,\s*DISABLED' r'_|@unittest\.sk' r'ip'), 'a test switched off'),
    (re.compile(r'\b(STY' r'LE|ARCHITEC' r'TURE|RELIA' r'BILITY|CONT' r'RACT)\.md\b|(?<![\w/])\.\./sha' r'red/'),
     'a paper that is not in this tree'),
    (re.compile(r'^(<{7} |={7}$|>{7} )', re.M), 'a conflict marker'),
]


def findings(source: str) -> list[tuple[int, str]]:
    return [(common.line_of(source, match.start()), f'{match.group(0).strip()}: {why}')
            for pattern, why in _WORDS for match in pattern.finditer(source)]


def main() -> int:
    root = common.root_argument()
    paths = [path for path in common.files(root) if common.is_text(root, path)
             and 'corpus' not in path.parts and 'fixtures' not in path.parts and path.name != 'LICENSE']
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(common.read(root, path))]
    return common.report('words', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
