# SPDX-License-Identifier: Apache-2.0
"""The image under test, made once a run by run.py: where it is, and of what."""

import os
import re

from tests.image.engine import PROJECT

IMAGE = "localhost/adapter-test/adapter:test"
REVISION = "0123456789abcdef0123456789abcdef01234567"
SOURCE = "https://git.example.com/team/adapter"
# Of the build; run.py adds those of its command line.
ARGUMENTS = ["REVISION=" + REVISION, "SOURCE=" + SOURCE]
# Where the machine's own limits are lower than an engine's defaults, a start would fail.
LIMITS = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1000:1000"]
_ENGINES = []


def base():
    """The name of the base image."""
    return "localhost/adapter-test/debian:" + os.environ.get("IMAGE_SUITE", "bookworm")


def use(engine):
    _ENGINES.append(engine)


def engine():
    return _ENGINES[-1]


def shell(command, *options, check=True):
    """A shell command in a container of the image that is removed again; the answer as of Engine.podman()."""
    return engine().podman("run", "--rm", "--network=none", *LIMITS, *options, "--entrypoint", "sh", IMAGE, "-c", command,
                           check=check)  # fmt: skip


def version():
    """As meson.build says it."""
    with open(os.path.join(PROJECT, "meson.build"), encoding="utf-8") as source:
        return re.search(r"^\s*version: '([^']+)'", source.read(), re.M).group(1)
