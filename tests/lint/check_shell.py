# SPDX-License-Identifier: Apache-2.0
"""shellcheck over each shell script, by its first line."""
import shutil
import subprocess
import sys
from pathlib import Path

import common


def is_shell(root: Path, path: Path) -> bool:
    with (root / path).open('rb') as stream:
        first = stream.readline(80)
    return first.startswith(b'#!') and first.split()[-1].split(b'/')[-1] in (b'sh', b'bash', b'dash')


def findings(root: Path, paths: list[Path]) -> list[str]:
    program = shutil.which('shellcheck')
    if program is None:
        return ['shellcheck is not installed: scripts/install-deps ci']
    done = subprocess.run([program, '--format=gcc', '--severity=style', *map(str, paths)], cwd=root,
                          capture_output=True, text=True, check=False)
    return done.stdout.splitlines() + done.stderr.splitlines()


def main() -> int:
    root = common.root_argument()
    paths = [path for path in common.files(root) if is_shell(root, path)]
    return common.report('shell', findings(root, paths) if paths else [], len(paths))


if __name__ == '__main__':
    sys.exit(main())
