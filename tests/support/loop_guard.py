# SPDX-License-Identifier: Apache-2.0
"""Watches that the program's event loop touches no file: a library that is preloaded notes each call on one.

`--loop-guard` of tests/e2e/run.py builds it and names it in $ADAPTER_LOOP_GUARD; each Adapter then has a report of its own.
"""

import os
import shutil
import subprocess
import tempfile
import weakref

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "loop_guard.cpp")
VARIABLE = "ADAPTER_LOOP_GUARD"
_FRAMES = 12


def build():
    """The path of the library, in a folder that every user may read."""
    compiler = shutil.which("c++") or shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        raise RuntimeError("a C++ compiler is needed: scripts/install-deps")
    folder = tempfile.mkdtemp(prefix="adapter-loop-guard-")
    os.chmod(folder, 0o755)
    library = os.path.join(folder, "loop_guard.so")
    subprocess.run([compiler, "-std=c++20", "-O1", "-shared", "-fPIC", "-o", library, SOURCE, "-ldl"], check=True)
    return library


class LoopGuard:
    """The guard of some runs of the program; without a library there is none."""

    def __init__(self, library=None):
        self._library = library
        self._report = None

    def arguments(self, environment):
        """What subprocess needs to run the program with these variables and the guard."""
        if not self._library:
            return {"env": environment}
        if self._report is None:
            self._report = os.memfd_create("loop guard")
            weakref.finalize(self, os.close, self._report)
        return {"env": {**environment, **self._variables(environment)}, "pass_fds": [self._report]}

    def _variables(self, others):
        preloaded = ":".join(filter(None, (others.get("LD_PRELOAD"), self._library)))  # theirs first: they may call each other
        options = ":".join(filter(None, (others.get("ASAN_OPTIONS"), "verify_asan_link_order=0")))
        return {"LD_PRELOAD": preloaded, "LOOP_GUARD": str(self._report), "ASAN_OPTIONS": options}

    def findings(self, program):
        """One text for each call at another place: the call, the path and the stack."""
        if self._report is None:
            return []
        found = {}
        text = os.pread(self._report, os.fstat(self._report).st_size, 0).decode("utf-8", "replace")
        for block in text.replace("\n\t", "\t").splitlines():
            call, *frames = block.split("\t")
            found.setdefault((call.split(" ")[0], tuple(frames)), call)
        return ["%s\n%s" % (call, _readable(program, frames)) for (_, frames), call in found.items()]


def _readable(program, frames):
    """The frames of the program as functions and lines, the innermost first."""
    own = [frame.rsplit(" ", 1)[1] for frame in frames if os.path.realpath(frame.rsplit(" ", 1)[0]) == os.path.realpath(program)]
    before_the_call = [hex(int(address, 16) - 1) for address in own[:_FRAMES]]
    done = subprocess.run(["addr2line", "-Cfpis", "-e", program, *before_the_call], capture_output=True, text=True, check=False)
    return done.stdout or "\n".join(frames)
