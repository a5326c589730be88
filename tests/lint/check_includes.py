# SPDX-License-Identifier: Apache-2.0
"""Which room may see which: the arrows between the folders of src/, kept by a test.

A room includes its own headers, those of the rooms below it in the table, and the third-party libraries that live in
it. Its meson.build names the same rooms. Public headers show neither private headers nor a room's library.
"""
import re
import sys
from pathlib import Path

import common

_ENGINE = {'log', 'async', 'crypto', 'config', 'schedule', 'wire', 'http', 'net', 'auth', 'transport', 'store', 'publish',
           'content', 'hook'}
# Every room may also use base.
ROOMS = {
    'base': set(),
    'log': set(),
    'async': {'log'},
    'crypto': set(),
    'schedule': set(),
    'wire': set(),
    'http': set(),
    'config': {'http', 'schedule', 'log'},
    'net': {'http', 'async', 'log'},
    'auth': {'net', 'http', 'async', 'config', 'log'},
    'transport': {'wire', 'http', 'net', 'auth', 'async', 'log'},
    'store': {'async', 'crypto', 'log'},
    'publish': {'async', 'crypto', 'log'},
    'content': {'store', 'publish'},
    'hook': {'net', 'http', 'async', 'config', 'log'},
    'sync': _ENGINE,
    'admin': {'sync', 'config', 'net', 'crypto', 'http', 'async', 'auth', 'log'},
    'app': _ENGINE | {'sync', 'admin'},
}
# A library's include prefix and the rooms that may see it. The first match counts.
LIBRARIES = [
    (re.compile(r'(asio/(ip/|ssl|local/|connect|buffer|read|write|basic_.*socket|socket_base))'), {'net'}),
    (re.compile(r'asio(/|\.hpp)'), {room for room, uses in ROOMS.items() if 'async' in uses} | {'async'}),
    (re.compile(r'openssl/(core_names|evp|hmac|params|rand|sha)\.h'), {'crypto'}),
    (re.compile(r'openssl/err\.h'), {'crypto', 'net'}),
    (re.compile(r'openssl/'), {'net'}),
    (re.compile(r'git2(/|\.h)'), {'store'}),
    (re.compile(r'yaml-cpp/'), {'config'}),
    (re.compile(r'spdlog/'), {'log'}),
    (re.compile(r'(date|tz)(/|\.h)'), {'schedule'}),
    (re.compile(r'CLI/'), {'app'}),
    (re.compile(r'httplib\.h'), {'admin'}),
    (re.compile(r'(fmt|nlohmann)/'), set(ROOMS) - {'wire', 'http', 'schedule'}),
    (re.compile(r'(gtest|gmock|benchmark)/'), set()),
]
# What a public header may show of a library: the coroutine and executor vocabulary, and an address.
_PUBLIC_LIBRARY = re.compile(r'asio/|nlohmann/json_fwd\.hpp')
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.M)


def room_of(path: Path) -> str:
    """The room of a file in src/, include/adapter/ or tests/unit/; empty for others."""
    parts = path.parts
    for start in (('src',), ('include', 'adapter'), ('tests', 'unit')):
        if parts[:len(start)] == start and len(parts) > len(start) + 1:
            return parts[len(start)]
    return ''


def _quoted(path: Path, room: str, name: str, root: Path) -> str:
    if name.startswith('adapter/'):
        other = name.split('/')[1]
        if other not in ROOMS:
            return f'room {other} is unknown'
        if not (root / 'include' / name).is_file():
            return f'{name} does not exist'
        if other not in (room, 'base') and other not in ROOMS[room]:
            return f'room {room} may not use {other} ({name})'
        return ''
    if path.parts[0] == 'include':
        return f'a public header includes the private {name}'
    folders = [root / path.parent, root / 'src' / room]
    if path.parts[0] == 'tests':
        folders += [root / 'tests', root / 'src']
    if '..' in Path(name).parts:
        own = [root / 'src' / room, root / 'tests' / 'unit' / room, root / 'tests' / 'support']
        target = (root / path.parent / name).resolve()
        inside = any(target.is_relative_to(folder) for folder in own) and target.is_file()
        return '' if inside else f'{name} leaves the room'
    if path.parts[0] == 'tests' and name.startswith('support/'):
        return '' if (root / 'tests' / name).is_file() else f'{name} does not exist'
    if '/' in name and path.parts[0] == 'tests' and name.split('/')[0] in ROOMS and name.split('/')[0] != room:
        return f'a unit test of {room} sees the inside of {name.split("/")[0]}'
    made = [Path(name), Path(name + '.in')]  # a header may be configured from a template
    return '' if any((folder / each).is_file() for folder in folders for each in made) else f'{name} is not in src/{room}'


def _bracketed(path: Path, room: str, name: str) -> str:
    if name.startswith('adapter/'):
        return f'{name} in angle brackets'
    for pattern, allowed in LIBRARIES:
        if not pattern.match(name):
            continue
        test = path.parts[0] == 'tests'
        if test and re.match(r'(gtest|gmock)/', name):
            return ''
        if room not in allowed:
            homes = ', '.join(sorted(allowed)) or 'tests'
            return f'<{name}> is only for {homes}'
        if path.parts[0] == 'include' and not _PUBLIC_LIBRARY.match(name):
            return f'a public header shows <{name}>'
        return ''
    return ''


def source_findings(root: Path, path: Path, source: str) -> list[tuple[int, str]]:
    room = room_of(path)
    if not room or room == 'asio_impl':
        return []
    if room not in ROOMS:
        return [(1, f'room {room} is not in the table of rooms')]
    text = common.blank_comments(source)
    found = []
    for match in _INCLUDE.finditer(text):
        kind, name = match.groups()
        why = _quoted(path, room, name, root) if kind == '"' else _bracketed(path, room, name)
        if why:
            found.append((common.line_of(text, match.start()), why))
    if path.parts[0] == 'src' and str(path) != 'src/app/main.cpp':
        for match in re.finditer(r'^\s*(int|auto)\s+main\s*\(', common.blank(source), re.M):
            found.append((common.line_of(source, match.start()), 'src/app/main.cpp is the only main'))
    return found


def build_findings(path: Path, source: str) -> list[tuple[int, str]]:
    """src/<room>/meson.build may name only the rooms of the table."""
    room = room_of(path)
    if room not in ROOMS:
        return []
    found = []
    text = re.sub(r'#[^\n]*', '', source)
    for match in re.finditer(r'\b(\w+)_dep\b', text):
        other = match.group(1)
        if other in ROOMS and other not in (room, 'base') and other not in ROOMS[room]:
            found.append((common.line_of(text, match.start()), f'room {room} may not link {other}'))
    return found


def cycle() -> list[str]:
    """Rooms that reach themselves through the table: there must be none."""
    def reach(room: str, seen: frozenset) -> bool:
        below = ROOMS[room] | ({'base'} - {room})
        return any(other in seen or reach(other, seen | {other}) for other in below)
    return [room for room in ROOMS if reach(room, frozenset({room}))]


def main() -> int:
    root = common.root_argument()
    paths = [path for path in common.files(root, '.cpp', '.hpp') if room_of(path)]
    builds = [path for path in common.files(root, 'meson.build') if path.parts[0] == 'src' and room_of(path)]
    found = [f'{path}:{line}: {why}' for path in paths
             for line, why in source_findings(root, path, common.read(root, path))]
    found += [f'{path}:{line}: {why}' for path in builds for line, why in build_findings(path, common.read(root, path))]
    found += [f'the table of rooms has a cycle through {room}' for room in cycle()]
    return common.report('includes', found, len(paths) + len(builds))


if __name__ == '__main__':
    sys.exit(main())
