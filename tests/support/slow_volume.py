# SPDX-License-Identifier: Apache-2.0
"""A volume whose syncfs hangs, or that deletes slowly, for as long as a test wants."""

import os
import shutil
import subprocess

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "slow_volume.cpp")


class SlowVolume:
    """`environment` is for the program; hold() and release() say when its syncfs hangs. Trees of up to 16 files and directories
    are made durable without a syncfs."""

    FILES = 24  # a tree with as many is made durable by a syncfs

    def __init__(self, folder):
        compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
        if compiler is None:
            raise RuntimeError("a C++ compiler is needed: scripts/install-deps")
        self._library = os.path.join(folder, "slow_volume.so")
        self._control = os.path.join(folder, "syncfs-hangs")
        subprocess.run([compiler, "-std=c++20", "-shared", "-fPIC", "-o", self._library, SOURCE, "-ldl"], check=True)
        options = os.environ.get("ASAN_OPTIONS", "")
        self._hangs = self._control + ".hangs"
        with open(self._hangs, "w", encoding="ascii"):
            pass
        os.chmod(self._hangs, 0o666)
        self.environment = {
            "LD_PRELOAD": self._library,
            "SLOW_VOLUME": self._control,
            "ASAN_OPTIONS": ":".join(filter(None, (options, "verify_asan_link_order=0"))),
        }

    def hold(self):
        with open(self._control, "w", encoding="ascii"):
            pass

    def hangs(self):
        """How many syncfs have begun to hang."""
        return os.path.getsize(self._hangs)

    def delete_slowly(self):
        """10 ms for each file of a tree that was taken out of use."""
        with open(self._control + ".unlink", "w", encoding="ascii"):
            pass

    def release(self):
        for path in (self._control, self._control + ".unlink"):
            if os.path.exists(path):
                os.unlink(path)
