# SPDX-License-Identifier: Apache-2.0
"""What the lints share: which files there are, and source text with comments and strings blanked."""
import re
import subprocess
import sys
from pathlib import Path

_BLANK = re.compile(
    r'R"(?P<tag>[^()\\\s]{0,16})\(.*?\)(?P=tag)"'  # raw strings, before the comments and quotes inside them
    r'|//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|(?<![0-9a-fA-F])\'(?:\\.|[^\'\\\n])*\'',
    re.S,
)


def blank(source: str) -> str:
    """C++ with comments, strings and character literals turned into spaces; the same length and lines."""
    return _BLANK.sub(lambda match: re.sub(r'[^\n]', ' ', match.group(0)), source)


def blank_comments(source: str) -> str:
    """C++ with only the comments turned into spaces."""
    def keep_strings(match: re.Match) -> str:
        text = match.group(0)
        return re.sub(r'[^\n]', ' ', text) if text.startswith(('//', '/*')) else text
    return _BLANK.sub(keep_strings, source)


def line_of(text: str, offset: int) -> int:
    return text.count('\n', 0, offset) + 1


def files(root: Path, *suffixes: str) -> list[Path]:
    """The project's files (tracked, or new and not ignored), relative to root, that end in one of suffixes (all when
    none is given). Outside a git work tree: every file that is not in a build folder."""
    try:
        listed = subprocess.run(
            ['git', '-c', 'safe.directory=*', '-C', str(root), 'ls-files', '-z', '--cached', '--others',
             '--exclude-standard'],
            check=True, capture_output=True).stdout.decode().split('\0')
    except (OSError, subprocess.CalledProcessError):
        listed = [str(path.relative_to(root)) for path in root.rglob('*')
                  if not re.match(r'(build[^/]*|\.git|\.cache)/', str(path.relative_to(root)))]
    return sorted(Path(name) for name in listed
                  if name and (not suffixes or name.endswith(suffixes)) and (root / name).is_file()
                  and not (root / name).is_symlink() and '__pycache__' not in name)


def read(root: Path, path: Path) -> str:
    return (root / path).read_text(encoding='utf-8')


def is_text(root: Path, path: Path) -> bool:
    """No NUL in the first bytes and valid UTF-8: corpora and fixtures may be anything."""
    data = (root / path).read_bytes()
    if b'\0' in data[:8192]:
        return False
    try:
        data.decode('utf-8')
    except UnicodeDecodeError:
        return False
    return True


def report(name: str, findings: list[str], looked_at: int) -> int:
    """Prints the findings and a closing line; the exit code. A lint that looked at nothing has failed."""
    for finding in findings:
        print(finding)
    print(f'{name}: {len(findings)} findings in {looked_at} files')
    return 1 if findings or looked_at == 0 else 0


def root_argument() -> Path:
    if len(sys.argv) != 2:
        sys.exit(f'usage: {Path(sys.argv[0]).name} SOURCE_ROOT')
    return Path(sys.argv[1]).resolve()
