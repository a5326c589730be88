# SPDX-License-Identifier: Apache-2.0
"""A file has at most 400 lines and a function at most 60: past that there is a seam which has a name."""
import ast
import re
import sys
from pathlib import Path

import common

MAX_FILE_LINES = 400
MAX_FUNCTION_LINES = 60
_NAMESPACE = re.compile(r'\b(namespace\b[^=]*|extern\s*)$')
_TYPE = re.compile(r'\b(class|struct|union|enum)\b[^()=]*$')
_MEMBER_INITIALISER = re.compile(r'\)\s*(noexcept\s*)?:(?!:).*[\w>]\s*$', re.S)
_NAME = re.compile(r'([\w:~]+|operator[^(]{1,4})\s*\(')


def cpp_functions(source: str) -> list[tuple[int, str, int]]:
    """(line, name, lines) of each outermost function body."""
    text = re.sub(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', lambda m: re.sub(r'[^\n]', ' ', m.group(0)), common.blank(source),
                  flags=re.M)
    found, open_braces, head, function = [], [], 0, None
    for offset, char in enumerate(text):
        if char == '{':
            before = text[head:offset]
            member = function is None and bool(_MEMBER_INITIALISER.search(before))
            if not member and function is None and ')' in before and not _NAMESPACE.search(before) and not _TYPE.search(before):
                name = _NAME.search(before)
                begin = head + len(before) - len(before.lstrip())
                function = (len(open_braces), begin, name.group(1) if name else '(lambda)')
            open_braces.append(member)
            head = head if member else offset + 1
        elif char == '}':
            member = bool(open_braces) and open_braces.pop()
            if member:
                continue
            if function is not None and len(open_braces) == function[0]:
                first, last = common.line_of(text, function[1]), common.line_of(text, offset)
                found.append((first, function[2], last - first + 1))
                function = None
            head = offset + 1
        elif char == ';':
            head = offset + 1
        elif char == ':' and re.search(r'\b(public|private|protected)\s*$', text[head:offset]):
            head = offset + 1
    return found


def python_functions(source: str) -> list[tuple[int, str, int]]:
    return [(node.lineno, node.name, (node.end_lineno or node.lineno) - node.lineno + 1)
            for node in ast.walk(ast.parse(source)) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def findings(path: Path, source: str) -> list[tuple[int, str]]:
    found = []
    lines = source.count('\n')
    if lines > MAX_FILE_LINES:
        found.append((1, f'{lines} lines, at most {MAX_FILE_LINES}'))
    functions = python_functions(source) if path.suffix == '.py' else cpp_functions(source)
    found += [(line, f'{name} has {length} lines, at most {MAX_FUNCTION_LINES}') for line, name, length in functions
              if length > MAX_FUNCTION_LINES]
    return found


def main() -> int:
    root = common.root_argument()
    paths = common.files(root, '.cpp', '.hpp', '.py')
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(path, common.read(root, path))]
    return common.report('length', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
