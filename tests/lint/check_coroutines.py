# SPDX-License-Identifier: Apache-2.0
"""One await a statement, nothing clever in it.

GCC 12.2 compiles other forms without a word into crashes and double frees: an await in a condition of a coroutine
without locals; a braced, aggregate or lambda temporary in an await statement; a conditional operator or a throw with an
await. GCC 15 forgets to destroy what a structured binding of an await owns, so only pairs of plain values are bound.
"""
import re
import sys
from pathlib import Path

import common

_CONDITION = re.compile(r'\b(if|while|switch)\s*(constexpr\s*)?$')
_BLOCK_OPENER = re.compile(r'(\belse|\bdo|\btry|\bnoexcept|\bmutable|\bconst|\boverride|\bfinal|>|&)\s*$')
_INITIALISER_OPENER = re.compile(r'[\w>=,(]\s*$')
_CAPTURING_COROUTINE = re.compile(r'\[(?P<capture>[^\[\]]+)\]\s*(?:\([^()]*(?:\([^()]*\)[^()]*)*\))?\s*(?:mutable\s*)?'
                                  r'(?:noexcept\s*)?->\s*(?:asio::)?awaitable\s*<')


def _look_back(text: str, start: int) -> tuple[int, str]:
    """From an await back to where its statement begins: that offset, and what is wrong on the way."""
    depth = 0
    i = start - 1
    while i >= 0:
        char = text[i]
        if char in ')]':
            depth += 1
        elif char in '([':
            if depth:
                depth -= 1
            elif char == '(' and _CONDITION.search(text[:i]):
                return i, '' if ';' in text[i:start] else 'await in a condition'
        elif char in ';}' and depth == 0:
            return i, ''
        elif char == '{' and depth == 0:
            braced = _INITIALISER_OPENER.search(text[:i]) and not _BLOCK_OPENER.search(text[:i])
            return i, 'await inside a braced initialiser' if braced else ''
        elif char == '?' and depth == 0:
            return i, 'await in a conditional operator'
        i -= 1
    return 0, ''


def _look_ahead(text: str, start: int) -> str:
    """From behind the await to the statement's end: what is wrong on the way."""
    depth = 0
    for char in text[start:]:
        if char in '([':
            depth += 1
        elif char in ')]':
            depth -= 1
            if depth < -1:
                return ''
        elif char == ';':
            return ''
        elif char == '{':
            if depth <= -1:
                return ''  # the body of a for or an if whose head held the await
            return 'brace (aggregate, list or lambda) in an await statement'
        elif char == '?':
            return 'conditional operator in an await statement'
    return ''


def findings(source: str) -> list[tuple[int, str]]:
    text = common.blank(source)
    found = []
    for match in re.finditer(r'\bco_await\b', text):
        begin, why = _look_back(text, match.start())
        statement = text[begin:match.start()]
        if not why and re.search(r'\bthrow\b[^;{}]*$', statement):
            why = 'await inside throw'
        if not why and len(re.findall(r'\bco_await\b', statement)) > 0:
            why = 'second await in one statement'
        if not why and re.match(r'\}\s*[,).]', statement):
            why = 'brace (aggregate, list or lambda) in an await statement'
        why = why or _look_ahead(text, match.end())
        if why:
            found.append((common.line_of(text, match.start()), why))
    for match in _CAPTURING_COROUTINE.finditer(text):
        found.append((common.line_of(text, match.start()), 'coroutine lambda with a capture: pass arguments instead'))
    for match in re.finditer(r'\basio::detached\b', text):
        found.append((common.line_of(text, match.start()), 'detached work: a task scope starts, cancels and joins'))
    return sorted(found)


def main() -> int:
    root = common.root_argument()
    paths = [path for path in common.files(root, '.cpp', '.hpp') if path.parts[0] in ('src', 'include', 'tests', 'bench')]
    found = [f'{path}:{line}: {why}' for path in paths for line, why in findings(common.read(root, path))]
    return common.report('coroutines', found, len(paths))


if __name__ == '__main__':
    sys.exit(main())
