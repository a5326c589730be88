#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""The second half of scripts/quickstart: a demo remote, or one of the reader's; the daemon; and the link as it moves."""

import argparse
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.support.adapter import clean_environment, to_yaml  # noqa: E402
from tests.support.certificates import make_certificates  # noqa: E402
from tests.support.git_server import GitServer  # noqa: E402
from tests.support.remotes import Remote  # noqa: E402

_COMMIT_SECONDS = 3
_STOP_SECONDS = 12
_PR_SET_PDEATHSIG = 1
# Loaded here and not in the child, where other threads' locks may be held for ever.
_LIBC = ctypes.CDLL(None)


class Demo:
    """A repository that gets a commit every few seconds, behind TLS on loopback."""

    def __init__(self, folder):
        root = os.path.join(folder, "remotes")
        os.makedirs(root)
        self._remote = Remote(root, "demo.git")
        self._number = 0
        self._ended = threading.Event()
        self._certificates = make_certificates(os.path.join(folder, "certificates"))
        self._server = GitServer(root, self._certificates.good)
        self._thread = threading.Thread(target=self._commit_for_ever, daemon=True)

    def start(self):
        self._commit()
        self._server.start()
        self._thread.start()
        return {"name": "demo", "url": self._server.url("demo.git"), "ref": "main", "ca_file": self._certificates.ca}

    def stop(self):
        self._ended.set()
        self._thread.join(10)
        self._server.stop()

    def _commit(self):
        self._number += 1
        text = "commit %d of the demo, made at %s\n" % (self._number, time.strftime("%H:%M:%S"))
        self._remote.commit({"news.txt": text, "history/%03d.txt" % self._number: text}, message=text)

    def _commit_for_ever(self):
        while not self._ended.wait(_COMMIT_SECONDS):
            self._commit()


def _end_with_parent():
    """In the child: a daemon does not outlive the script that shows it."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def _start(program, folder, entry):
    config = os.path.join(folder, "config.yaml")
    text = to_yaml({"data_dir": os.path.join(folder, "data"), "defaults": {"every": "1s"}, "repositories": [entry]})
    with open(config, "w", encoding="utf-8") as out:
        out.write(text)
    print("%s:\n\n%s" % (config, "".join("  " + line for line in text.splitlines(True))), flush=True)
    print("%s run --config %s\n" % (program, config), flush=True)
    return subprocess.Popen(
        [program, "run", "--config", config, "--log-format", "text", "--log-level", "warning"],
        stdin=subprocess.DEVNULL, env=clean_environment(), preexec_fn=_end_with_parent,
    )  # fmt: skip


def _watch(process, link, until, ended):
    """Prints each new target of the link; the different commits seen."""
    commits, target = set(), None
    while not ended.is_set() and process.poll() is None and (until is None or time.monotonic() < until):
        try:
            now = os.readlink(link)
        except OSError:
            now = None
        if now is not None and now != target:
            target = now
            commits.add(os.path.basename(now))
            print("%s  %s -> %s" % (time.strftime("%H:%M:%S"), link, now), flush=True)
        ended.wait(0.05)
    return commits


def _stop(process):
    """Whether the daemon ended well by itself or when it was asked to."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        return process.wait(_STOP_SECONDS) == 0
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        return False


def _entry_of(url, ref):
    entry = {"name": "remote", "url": url}
    if ref:
        entry["ref"] = ref
    if os.environ.get("ADAPTER_CA_FILE"):
        entry["ca_file"] = os.path.abspath(os.environ["ADAPTER_CA_FILE"])
    return entry


def main():
    parser = argparse.ArgumentParser(prog="quickstart", description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("url", nargs="?", metavar="URL")
    parser.add_argument("ref", nargs="?", metavar="REF")
    options = parser.parse_args()
    seconds = os.environ.get("QUICKSTART_SECONDS")

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: ended.set())
    folder = tempfile.mkdtemp(prefix="adapter-quickstart-")
    demo, process, commits, clean = None, None, set(), False
    try:
        if options.url:
            entry = _entry_of(options.url, options.ref)
        else:
            demo = Demo(folder)
            entry = demo.start()
            print("a demo remote at %s gets a commit every %d s\n" % (entry["url"], _COMMIT_SECONDS))
        process = _start(os.path.abspath(options.program), folder, entry)
        until = time.monotonic() + float(seconds) if seconds else None
        commits = _watch(process, os.path.join(folder, "data", entry["name"]), until, ended)
    finally:
        if process is not None:
            clean = _stop(process)
        if demo is not None:
            demo.stop()
        shutil.rmtree(folder, ignore_errors=True)
    what = "one commit was" if len(commits) == 1 else "%d different commits were" % len(commits)
    print("\n%s published%s" % (what, "" if clean else "; the daemon did not end well"))
    return 0 if clean and len(commits) >= 2 else 1


if __name__ == "__main__":
    sys.exit(main())
