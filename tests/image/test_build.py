# SPDX-License-Identifier: Apache-2.0
"""What a build does again and what it does not, and which libraries it brings along. No build here gets past meson's setup."""

import functools
import hashlib
import http.server
import io
import os
import re
import shutil
import tarfile
import tempfile
import threading
import unittest

from tests.image import built
from tests.image.base import CACHE
from tests.image.engine import PROJECT, CommandFailed

PLANTED = "a planted end of the build"
# A library's upstream, as far as meson sees it; a real one would compile, this one need not.
LIBRARY = """project('CLI11', 'cpp', version: '2.9.9')
CLI11_dep = declare_dependency()
"""
WRAP = """[wrap-file]
directory = CLI11-2.9.9
source_url = http://127.0.0.1:%d/CLI11-2.9.9.tar.gz
source_filename = CLI11-2.9.9.tar.gz
source_hash = %s

[provide]
cli11 = CLI11_dep
"""


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class BuildTest(unittest.TestCase):
    """A copy of the context, to be changed, in which meson's setup ends with an error of ours."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory(dir=CACHE)
        self.addCleanup(holder.cleanup)
        self.folder = holder.name
        self.context = os.path.join(self.folder, "context")
        os.mkdir(self.context)
        for name in ("Dockerfile", ".dockerignore", "meson.build", "meson_options.txt"):
            shutil.copy2(os.path.join(PROJECT, name), self.context)
        for name in ("include", "schema", "examples", "src", "scripts"):
            shutil.copytree(os.path.join(PROJECT, name), os.path.join(self.context, name))
        os.mkdir(self.path("subprojects"))
        for name in os.listdir(os.path.join(PROJECT, "subprojects")):
            if name.endswith(".wrap"):
                shutil.copy2(os.path.join(PROJECT, "subprojects", name), self.path("subprojects"))
        with open(self.path("src", "meson.build"), "a", encoding="utf-8") as out:
            out.write("error('%s')\n" % PLANTED)

    def path(self, *names):
        return os.path.join(self.context, *names)

    def build(self, *arguments):
        """What a build says, which must fail."""
        log = os.path.join(self.folder, "log")
        with self.assertRaises(CommandFailed):
            built.engine().build("localhost/adapter-test/changed", built.base(), log, [*built.ARGUMENTS, *arguments],
                                 target="builder", context=self.context)  # fmt: skip
        with open(log, encoding="utf-8", errors="replace") as source:
            return source.read()


class Cache(BuildTest):
    def test_a_change_of_a_source_installs_nothing_again(self):
        said = self.build()
        self.assertIn(PLANTED, said)
        for step in ("RUN scripts/install-deps --layer build", "RUN scripts/image-step wraps"):
            self.assertRegex(said, r"STEP \d+/\d+: %s.*\n--> Using cache" % re.escape(step))

    def test_what_is_not_named_stays_out_of_the_context(self):
        for name in ("secret", ".env"):
            with open(self.path(name), "w", encoding="utf-8") as out:
                out.write("not to be sent\n")
            with open(self.path("Dockerfile"), "w", encoding="utf-8") as out:
                out.write("ARG BASE_IMAGE\nFROM ${BASE_IMAGE} AS builder\nCOPY %s /\n" % name)
            self.assertRegex(self.build(), r"(?i)%s.*(no such file|no items)" % re.escape(name))


class Wraps(BuildTest):
    """With a server on loopback in the place of the one that a wrap names."""

    def serve(self, wrong_hash=False):
        folder = os.path.join(self.folder, "served")
        os.mkdir(folder)
        archive = os.path.join(folder, "CLI11-2.9.9.tar.gz")
        with tarfile.open(archive, "w:gz") as out:
            member = tarfile.TarInfo("CLI11-2.9.9/meson.build")
            member.size = len(LIBRARY)
            out.addfile(member, io.BytesIO(LIBRARY.encode()))
        with open(archive, "rb") as source:
            digest = hashlib.sha256(source.read() + (b"another" if wrong_hash else b"")).hexdigest()
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(QuietHandler, directory=folder))
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.addCleanup(server.server_close)
        self.addCleanup(server.shutdown)
        with open(self.path("subprojects", "cli11.wrap"), "w", encoding="utf-8") as out:
            out.write(WRAP % (server.server_port, digest))

    def test_a_library_that_is_named_is_downloaded_and_taken_although_one_is_installed(self):
        self.serve()
        said = self.build("WRAPS=cli11")
        self.assertRegex(said, r"image-step: built from source: cli11")
        self.assertRegex(said, r"Dependency CLI11 (found: YES 2\.9\.9|from subproject \S+ found: YES 2\.9\.9)")
        self.assertRegex(said, r"Run-time dependency spdlog found: YES")
        self.assertIn(PLANTED, said)

    def test_a_download_with_another_hash_ends_the_build(self):
        self.serve(wrong_hash=True)
        said = self.build("WRAPS=cli11")
        self.assertRegex(said, r"(?i)hash")
        self.assertNotIn(PLANTED, said)

    def test_a_name_without_a_wrap_ends_the_build(self):
        said = self.build("WRAPS=cli11 boost")
        self.assertIn("there is no subprojects/boost.wrap", said)
        self.assertNotIn(PLANTED, said)

    def test_none_is_needed_where_everything_is_installed(self):
        said = self.build("WRAPS=none")
        self.assertIn(PLANTED, said)
