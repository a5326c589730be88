# SPDX-License-Identifier: Apache-2.0
"""Podman and Buildah on a storage of their own: nothing of the machine's images is seen, and nothing stays."""

import json
import os
import shutil
import signal
import subprocess
import tempfile

PROJECT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = ("podman", "buildah", "runc", "debootstrap")


def why_not():
    """Why no image can be built here; empty when one can."""
    if os.geteuid() != 0:
        return "root is needed: debootstrap and a build in a chroot make device files and change owners"
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    return "not installed: %s (scripts/install-deps ci)" % ", ".join(missing) if missing else ""


def storage_driver(folder):
    """Overlay where the kernel lets us, for a container costs nothing then; else a copy of all files for each."""
    parts = {name: os.path.join(folder, "probe", name) for name in ("lower", "upper", "work", "merged")}
    for path in parts.values():
        os.makedirs(path)
    options = "lowerdir=%(lower)s,upperdir=%(upper)s,workdir=%(work)s" % parts
    works = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, parts["merged"]], check=False,
                           capture_output=True).returncode == 0  # fmt: skip
    if works:
        subprocess.run(["umount", parts["merged"]], check=False, capture_output=True)
    return "overlay" if works else "vfs"


class CommandFailed(AssertionError):
    pass


class Engine:
    """Images and containers below one folder, which is gone after close()."""

    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        self.driver = storage_driver(folder)
        # Podman takes no run root of more than 50 characters, however deep the project lies.
        self._short = tempfile.mkdtemp(prefix="adapter-run-", dir="/tmp")
        self._storage = ["--root", os.path.join(folder, "storage"), "--runroot", os.path.join(self._short, "run"),
                         "--storage-driver", self.driver]  # fmt: skip
        self._podman = ["podman", *self._storage, "--tmpdir", os.path.join(self._short, "libpod"), "--runtime", "runc",
                        "--cgroup-manager", "cgroupfs", "--events-backend", "file"]  # fmt: skip

    def _run(self, line, seconds, check, log=None):
        if log is not None:
            with open(log, "ab") as out:
                done = subprocess.run(line, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=seconds,
                                      check=False, cwd=PROJECT)  # fmt: skip
            if done.returncode != 0:
                with open(log, encoding="utf-8", errors="replace") as source:
                    raise CommandFailed("%s: exit code %d\n%s" % (" ".join(line[:12]), done.returncode, source.read()[-4000:]))
            return ""
        done = subprocess.run(line, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds, check=False,
                              errors="replace")  # fmt: skip
        if check and done.returncode != 0:
            raise CommandFailed("%s: exit code %d\n%s" % (" ".join(line), done.returncode, done.stdout + done.stderr))
        return done.stdout if check else (done.returncode, done.stdout, done.stderr)

    def podman(self, *arguments, seconds=60, check=True):
        """Standard output; with check=False the exit code, standard output and standard error."""
        return self._run([*self._podman, *arguments], seconds, check)

    def inspect(self, kind, name):
        return json.loads(self.podman(kind, "inspect", name))[0]

    def import_tree(self, archive, name):
        self.podman("import", "--quiet", archive, name, seconds=300)

    def build(self, name, base, log, arguments=(), target=None, context=PROJECT):
        """The real Dockerfile on this base, its output appended to `log`. In a chroot, as nothing more is to be had within
        another container; in Docker's format, since OCI's has no HEALTHCHECK."""
        line = ["nice", "buildah", *self._storage, "bud", "--layers", "--isolation", "chroot", "--format", "docker",
                "--pull-never", "--build-arg", "BASE_IMAGE=" + base, "--tag", name]  # fmt: skip
        for argument in arguments:
            line += ["--build-arg", argument]
        line += ["--target", target] if target else []
        self._run([*line, context], 3600, True, log)

    def mount(self, image):
        """Where the files of an image lie."""
        return self.podman("image", "mount", image).strip()

    def _end_processes(self):
        """What a build that was cut off left running: all that has its root below our folder."""
        for entry in os.listdir("/proc"):
            try:
                if entry.isdigit() and os.readlink("/proc/%s/root" % entry).startswith(self.folder + "/"):
                    os.kill(int(entry), signal.SIGKILL)
            except OSError:
                pass

    def close(self):
        """Ends and removes everything, whatever state it is in."""
        self._end_processes()
        for line in (["rm", "--all", "--force", "--time", "0"], ["image", "unmount", "--all", "--force"],
                     ["volume", "rm", "--all", "--force"]):  # fmt: skip
            try:
                self.podman(*line, check=False, seconds=120)
            except (OSError, subprocess.SubprocessError):
                pass
        with open("/proc/self/mounts", encoding="utf-8") as source:
            points = [line.split()[1] for line in source]
        left = [path for path in points if path.startswith((self.folder + "/", self._short + "/"))]
        for path in reversed(left):
            subprocess.run(["umount", "--lazy", path], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self._short, ignore_errors=True)
