# SPDX-License-Identifier: Apache-2.0
"""A volume whose server can be stopped: every call on it hangs then, as on a network volume whose server is gone."""

import os
import shutil
import signal
import subprocess
import time


class StoppedVolume:
    """A directory shown at `path` through FUSE, by a server that gets `environment` beside ours. While it is stopped nothing but the program under test may touch `path`."""

    def __init__(self, path, store, environment=None):
        if shutil.which("bindfs") is None:
            raise RuntimeError("bindfs is needed: scripts/install-deps ci")
        self.path = path
        os.makedirs(path, exist_ok=True)
        os.makedirs(store)
        self._device = os.stat(path).st_dev
        self._server = subprocess.Popen(["bindfs", "-f", "-o", "nonempty", store, path], stdin=subprocess.DEVNULL, env={**os.environ, **(environment or {})})
        deadline = time.monotonic() + 10
        while os.stat(path).st_dev == self._device:
            if self._server.poll() is not None or time.monotonic() > deadline:
                self.unmount()
                raise RuntimeError("bindfs did not mount %s" % path)
            time.sleep(0.01)

    def stop(self):
        self._server.send_signal(signal.SIGSTOP)

    def go_on(self):
        self._server.send_signal(signal.SIGCONT)

    def unmount(self):
        self.go_on()
        subprocess.run(["umount", "-l", self.path], check=False, stderr=subprocess.DEVNULL)
        self._server.terminate()
        self._server.wait()
