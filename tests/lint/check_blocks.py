# SPDX-License-Identifier: Apache-2.0
"""Each block of commands in the documentation is run by a test, or says why not, in a comment right above it:

    <!-- run by tests/e2e/test_documented_commands.py -->      a file that names the page
    <!-- not run: needs Docker -->
"""
import re
import sys
from pathlib import Path

import common

_FENCE = re.compile(r'^```(?:sh|bash|shell)\b[^\n]*\n', re.M)
_MARK = re.compile(r'<!-- (?:run by (?P<file>\S+)|not run: (?P<why>\S.*\S)) -->\n\Z')


def findings(root: Path, path: Path, source: str) -> list[tuple[int, str]]:
    found = []
    for fence in _FENCE.finditer(source):
        mark = _MARK.search(source, 0, fence.start())
        line = common.line_of(source, fence.start())
        if mark is None:
            found.append((line, 'commands without "<!-- run by FILE -->" or "<!-- not run: REASON -->" right above them'))
        elif mark['file'] and not (root / mark['file']).is_file():
            found.append((line, f'{mark["file"]}: no such file'))
        elif mark['file'] and path.name not in (root / mark['file']).read_text(encoding='utf-8'):
            found.append((line, f'{mark["file"]} does not name {path.name}'))
    return found


def main() -> int:
    root = common.root_argument()
    paths = common.files(root, '.md')
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(root, path, common.read(root, path))]
    return common.report('blocks', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
