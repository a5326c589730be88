# SPDX-License-Identifier: Apache-2.0
"""The Dockerfile: pinned, unprivileged, small and labelled, and in step with meson.build, .dockerignore and image-step."""
import fnmatch
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path

import common

LABELS = {'title', 'description', 'version', 'revision', 'source', 'licenses'}
_RUNTIME = ('ENTRYPOINT', 'HEALTHCHECK', 'STOPSIGNAL', 'USER', 'VOLUME')
_EXEC = ('ENTRYPOINT', 'CMD', 'SHELL', 'VOLUME')
_PREDEFINED = {'TARGETARCH', 'TARGETPLATFORM', 'BUILDPLATFORM'}


@dataclass
class Instruction:
    line: int
    name: str
    text: str  # what follows the name, continuation lines joined
    stage: int  # 0 = before the first FROM


def instructions(source: str) -> list[Instruction]:
    found: list[Instruction] = []
    stage, joined, begin = 0, '', 0
    for number, line in enumerate(source.split('\n'), 1):
        if line.lstrip().startswith('#') or (not line.strip() and not joined):
            continue
        begin = begin or number
        if line.endswith('\\'):
            joined += line[:-1] + ' '
            continue
        name, _, text = (joined + line).strip().partition(' ')
        stage += name.upper() == 'FROM'
        found.append(Instruction(begin, name, ' '.join(text.split()), stage))
        joined, begin = '', 0
    if joined:
        found.append(Instruction(begin, '', 'ends in a continuation', stage))
    return found


def _is_exec(text: str) -> bool:
    try:
        words = json.loads(text)
    except ValueError:
        return False
    return isinstance(words, list) and bool(words) and all(isinstance(word, str) for word in words)


def _image_fault(image: str) -> str:
    """A reference without a version in its tag moves under one's feet."""
    name, _, digest = image.partition('@')
    tag = name.rpartition('/')[2].partition(':')[2]
    if digest or image == 'scratch':
        return ''
    if not tag or tag == 'latest':
        return f'{image}: name a version'
    return '' if re.search(r'\d', tag) or tag.endswith('-slim') else f'{image}: {tag} is not a version'


def _from_findings(all_of_them: list[Instruction]) -> list[tuple[int, str]]:
    found, stages = [], set()
    defaults = dict(re.match(r'(\w+)=?(.*)', each.text).groups() for each in all_of_them
                    if each.name == 'ARG' and each.stage == 0)
    for each in all_of_them:
        if each.name != 'FROM':
            continue
        match = re.fullmatch(r'(?:--platform=\S+ )?(\S+)(?: AS (\S+))?', each.text)
        if match is None:
            found.append((each.line, 'want FROM image AS name'))
            continue
        image, name = match.groups()
        variable = re.fullmatch(r'\$\{?(\w+)\}?', image)
        if variable and variable.group(1) not in defaults:
            found.append((each.line, f'{image}: there is no such ARG before the first FROM'))
        elif image not in stages:
            fault = _image_fault(defaults[variable.group(1)] if variable else image)
            found += [(each.line, fault)] if fault else []
        if name is None:
            found.append((each.line, 'the stage has no name'))
        stages.add(name)
    for each in all_of_them:
        copied = re.search(r'--from=(\S+)', each.text) if each.name == 'COPY' else None
        if copied and copied.group(1) not in stages:
            found.append((each.line, f'--from={copied.group(1)}: no such stage'))
    return found


def _run_fault(text: str) -> str:
    rules = [
        (r'\bsudo\b', 'sudo: the build is root, and what is shipped must not become it'),
        (r'\b(apt|apt-get|aptitude|apk|dpkg)\b', 'packages come from scripts/install-deps, which tidies up after itself'),
        (r'install-deps (?!--layer)', 'install-deps without --layer leaves the package lists in the layer'),
        (r'\b(curl|wget)\b', 'a download that nobody checks'),
        (r'(?<!\|)\|(?!\|)', 'a pipe hides the failure of all but its last command'),
        (r'(^|[;&] *)cd ', 'cd: WORKDIR says it'),
        (r'chmod (-\w+ )*(\d?\d*7[0-7]?7|o?a?\+w)\b', 'a mode that lets everybody write'),
    ]
    return next((why for pattern, why in rules if re.search(pattern, text)), '')


def _one(each: Instruction) -> str:
    """What is wrong with an instruction by itself."""
    if each.name != each.name.upper() or not each.name:
        return f'{each.name or each.text}: want an instruction in capitals'
    if each.name == 'ADD':
        return 'ADD unpacks and downloads; COPY does what it says'
    if each.name == 'MAINTAINER':
        return 'MAINTAINER is a label nowadays'
    if each.name == 'WORKDIR' and not each.text.startswith('/'):
        return 'a relative WORKDIR depends on what came before'
    if each.name in _EXEC and not _is_exec(each.text):
        return f'{each.name}: want the exec form, ["…"]: a shell between would swallow signals and arguments'
    if each.name == 'HEALTHCHECK' and not _is_exec(each.text.partition('CMD ')[2]):
        return 'HEALTHCHECK: want CMD ["…"]'
    if each.name in ('ENV', 'ARG') and re.search(r'\b\w*(PASSWORD|SECRET|TOKEN)\w*=\S', each.text, re.I):
        return 'a secret would stay in the image'
    return _run_fault(each.text) if each.name == 'RUN' else ''


def _argument_findings(all_of_them: list[Instruction]) -> list[tuple[int, str]]:
    found = []
    for position, each in enumerate(all_of_them):
        if each.name != 'ARG':
            continue
        name = each.text.partition('=')[0]
        scope = [other for other in all_of_them[position + 1:]
                 if (other.name == 'FROM' if each.stage == 0 else other.stage == each.stage)]
        if name not in _PREDEFINED and not any(re.search(r'\$\{?%s\b' % re.escape(name), other.text) for other in scope):
            found.append((each.line, f'ARG {name} is not used in its stage'))
    return found


def _shipped_findings(all_of_them: list[Instruction], version: str, licence: str) -> list[tuple[int, str]]:
    """The last stage, which is the image."""
    last = [each for each in all_of_them if each.stage == all_of_them[-1].stage]
    line = last[0].line
    found = [(line, f'the image has no {name}') for name in _RUNTIME if not any(each.name == name for each in last)]
    users = [each for each in last if each.name == 'USER']
    if users and re.match(r'(root|0)\b', users[-1].text):
        found.append((users[-1].line, 'the image runs as root'))
    labels = dict(pair for each in last if each.name == 'LABEL'
                  for pair in re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', each.text))
    found += [(line, f'the label org.opencontainers.image.{name} is missing') for name in sorted(LABELS - set(labels))]
    if labels.get('licenses', licence) != licence:
        found.append((line, f'the licence is {licence}, says meson.build'))
    for each in last:
        match = re.match(r'VERSION=(.*)', each.text) if each.name == 'ARG' else None
        if match and match.group(1) != version:
            found.append((each.line, f'VERSION is {match.group(1)}, in meson.build it is {version}'))
    return found


def findings(source: str, version: str, licence: str) -> list[tuple[int, str]]:
    all_of_them = instructions(source)
    if not any(each.name == 'FROM' for each in all_of_them):
        return [(1, 'there is no FROM')]
    found = [(each.line, why) for each in all_of_them if (why := _one(each))]
    found += _from_findings(all_of_them) + _argument_findings(all_of_them)
    return sorted(found + _shipped_findings(all_of_them, version, licence))


def context_findings(root: Path, source: str, ignored: str) -> list[tuple[int, str]]:
    """What is copied from the build's context is in the tree, and .dockerignore lets it through."""
    rules = [line for line in ignored.split('\n') if line.strip() and not line.startswith('#')]
    allowed = [rule[1:] for rule in rules if rule.startswith('!')]
    found = [] if rules[:1] == ['*'] else [(1, '.dockerignore must begin by leaving everything out: *')]
    found += [(1, f'.dockerignore: {rule}: no such file') for rule in allowed if not list(root.glob(rule))]
    for each in instructions(source):
        if each.name != 'COPY' or '--from=' in each.text:
            continue
        for name in [word for word in each.text.split() if not word.startswith('--')][:-1]:
            if not list(root.glob(name)):
                found.append((each.line, f'COPY {name}: no such file'))
            elif not any(fnmatch.fnmatch(name, rule) or name.startswith(rule + '/') for rule in allowed):
                found.append((each.line, f'COPY {name}: .dockerignore leaves it out'))
    return found


def library_findings(build: str, step: str) -> list[tuple[int, str]]:
    """The versions for which image-step looks are those for which meson.build asks."""
    asked = dict(re.findall(r"dependency\('([\w+-]+)', version: '>=([\d.]+)'", build))
    asked.update(('asio', version) for version in re.findall(r"asio_version\.version_compare\('<([\d.]+)'\)", build)[:1])
    table = step.partition("cat <<'END'\n")[2].partition('\nEND\n')[0]
    listed = [line.split() for line in table.split('\n')]
    found = [(1, f'{words[1]}: {words[2]} is listed, meson.build asks for {asked.get(words[1], "nothing")}')
             for words in listed if len(words) > 2 and asked.get(words[1]) != words[2]]
    return found if table else [(1, 'the list of libraries was not found')]


def _property(build: str, name: str) -> str:
    match = re.search(r"^\s*%s: '([^']+)'" % name, build, re.M)
    return match.group(1) if match else 'none'


def main() -> int:
    root = common.root_argument()
    build = common.read(root, Path('meson.build'))
    source = common.read(root, Path('Dockerfile'))
    found = [f'Dockerfile:{line}: {why}' for line, why in
             findings(source, _property(build, 'version'), _property(build, 'license'))
             + context_findings(root, source, common.read(root, Path('.dockerignore')))]
    found += [f'scripts/image-step: {why}' for _, why in
              library_findings(build, common.read(root, Path('scripts/image-step')))]
    return common.report('dockerfile', found, 3)


if __name__ == '__main__':
    sys.exit(main())
