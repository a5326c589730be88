# SPDX-License-Identifier: Apache-2.0
"""What stands at the top of a file: the licence line, #pragma once, and the source's own header first."""
import re
import sys
from pathlib import Path

import common

_SPDX = 'SPDX-License-Identifier: Apache-2.0'
_CODE = ('.cpp', '.hpp', '.py', '.sh', '.js', '.c', '.h', 'meson.build', 'meson_options.txt')


def needs_licence(root: Path, path: Path) -> bool:
    if 'corpus' in path.parts or 'fixtures' in path.parts:
        return False
    if str(path).endswith(_CODE):
        return True
    with (root / path).open('rb') as stream:
        return stream.read(2) == b'#!'


def own_header(root: Path, path: Path) -> str:
    """The header that a source implements: the public one of its room, or a private one beside it."""
    if path.suffix != '.cpp' or path.parts[0] != 'src' or len(path.parts) < 3:
        return ''
    name = path.with_suffix('.hpp').name
    public = Path('adapter', *path.parts[1:-1], name)
    if (root / 'include' / public).is_file():
        return str(public)
    return name if (root / path.parent / name).is_file() else ''


def findings(root: Path, path: Path, source: str) -> list[tuple[int, str]]:
    found = []
    if needs_licence(root, path) and _SPDX not in '\n'.join(source.split('\n')[:3]):
        found.append((1, f'no "{_SPDX}" in the first three lines'))
    if path.suffix == '.hpp' and not re.search(r'^#pragma once$', source, re.M):
        found.append((1, 'no #pragma once'))
    if path.suffix in ('.cpp', '.hpp'):
        for match in re.finditer(r'\busing\s+namespace\b(?!\s+std::(\w+::)*\w*literals\b)', common.blank(source)):
            found.append((common.line_of(source, match.start()), 'using namespace (other than of literals): write an alias'))
    own = own_header(root, path)
    first = re.search(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', common.blank_comments(source), re.M)
    if own and (first is None or first.group(1) not in (own, str(path.parent.name) + '/' + Path(own).name)):
        found.append((1, f'the first include is not its own header {own}'))
    if source and not source.endswith('\n'):
        found.append((source.count('\n') + 1, 'no newline at the end'))
    for number, line in enumerate(source.split('\n'), 1):
        if line.rstrip('\r') != line or (line != line.rstrip() and path.suffix != '.md'):
            found.append((number, 'white space at the end of a line'))
    return found


def main() -> int:
    root = common.root_argument()
    paths = [path for path in common.files(root)
             if needs_licence(root, path) and common.is_text(root, path) and path.parts[0] != 'subprojects']
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(root, path, common.read(root, path))]
    return common.report('headers', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
