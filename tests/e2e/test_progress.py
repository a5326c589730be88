#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What `once` shows on a terminal: progress at the bottom, log lines whole above it, and no trace of it in the end."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))

from tests.e2e.harness import AdapterTest, main  # noqa: E402
from tests.support.adapter import clean_environment, program  # noqa: E402
from tests.support.terminal import Terminal  # noqa: E402

ROWS, COLUMNS = 24, 200


class Progress(AdapterTest):
    def run_on_a_terminal(self, adapter):
        """All that arrives at a terminal on which `once` runs, and the exit code."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        line = [program(), "--config", adapter.config_file, "--log-level", "debug", "once"]
        process = subprocess.Popen(line, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs, env=clean_environment())
        os.close(theirs)
        parts = []
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            parts.append(part)
        os.close(ours)
        return b"".join(parts).decode(), process.wait(30)

    def test_progress_and_log_lines_leave_each_other_whole(self):
        names = ["repository-%d" % number for number in range(6)]
        entries = [self.entry(self.remote(name + ".git", files={"a": os.urandom(3000).hex()}), name) for name in names]
        self.server.faults.add(step="fetch", byte_delay=0.0001)
        adapter = self.adapter(self.config(*entries, concurrency={"syncs": 2}))
        adapter.write_config(self.config(*entries, concurrency={"syncs": 2}))
        output, code = self.run_on_a_terminal(adapter)
        self.assertEqual(code, 0, output[-2000:])
        self.assertIn("\x1b[", output, "there was something to show")
        screen = Terminal(ROWS, COLUMNS).feed(output)
        shown = screen.text()
        self.assertEqual(screen.region, (0, ROWS - 1), "the whole terminal is given back")
        for name in names:
            self.assertRegex(shown, r"(?m)^\S+Z info .* event=published repository=%s\b" % name)
            self.assertRegex(shown, r"(?m)^%s: [0-9a-f]{40} published$" % name)
        stale = [line for line in shown.splitlines() if line.startswith("repository-") and " published" not in line]
        self.assertEqual(stale, [], shown)


if __name__ == "__main__":
    main()
