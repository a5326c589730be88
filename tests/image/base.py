# SPDX-License-Identifier: Apache-2.0
"""A Debian base image out of the distribution's packages: what registries call debian:bookworm, made here."""

import glob
import os
import re
import shutil
import subprocess
import time

from tests.image.engine import PROJECT

CACHE = os.path.join(PROJECT, "build-image")
_DAYS = 7


def mirror():
    """The machine's own mirror of Debian, else the common one."""
    for path in ["/etc/apt/sources.list", *sorted(glob.glob("/etc/apt/sources.list.d/*"))]:
        try:
            with open(path, encoding="utf-8") as source:
                found = re.search(r"^(?:URIs:|deb(?: \[[^]]*\])?) *(https?://\S*/debian)/?(?=\s)", source.read(), re.M)
        except OSError:
            continue
        if found:
            return found.group(1)
    return "http://deb.debian.org/debian"


def archive(suite):
    """A tar archive of a minimal system, kept for a week: its path."""
    os.makedirs(CACHE, exist_ok=True)
    kept = sorted(glob.glob(os.path.join(CACHE, "base-%s-*.tar" % suite)))
    for path in kept:
        if time.time() - os.path.getmtime(path) > _DAYS * 86400:
            os.unlink(path)
        else:
            return path
    path = os.path.join(CACHE, "base-%s-%s.tar" % (suite, time.strftime("%Y%m%d")))
    folder = os.path.join(CACHE, "base-%s-%d" % (suite, os.getpid()))
    try:
        done = subprocess.run(["nice", "debootstrap", "--variant=minbase", suite, folder, mirror()], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=900, check=False)  # fmt: skip
        if done.returncode != 0:
            raise RuntimeError("debootstrap %s: %s" % (suite, (done.stdout + done.stderr)[-2000:]))
        shutil.rmtree(os.path.join(folder, "var/cache/apt/archives"), ignore_errors=True)
        subprocess.run(["tar", "--create", "--file", path + ".new", "--directory", folder, "--numeric-owner",
                        "--exclude=./var/lib/apt/lists/*_*", "."], timeout=300, check=True)  # fmt: skip
        os.rename(path + ".new", path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return path
