# SPDX-License-Identifier: Apache-2.0
"""The image as it lies there: its configuration, and what is in its files."""

import os
import re
import stat
import unittest

from tests.image import built
from tests.image.engine import PROJECT

TOOLCHAIN = re.compile(
    r"bin/(gcc|g\+\+|cc|c\+\+|cpp|clang|ld|as|ar|make|cmake|meson|ninja|samu|pkg-config|pkgconf|python3?|strip|objdump)"
    r"([-.]\d[\w.]*)?$|/usr/include/.*\.(h|hpp)$|\.(a|o|hpp|cpp)$|/(app|opt/build)(/|$)"
)
LEFT_BEHIND = re.compile(
    r"^/var/(lib/apt/lists|cache/apt|cache/apk)/.|^/etc/apk/cache/.|\.(deb|apk)$|^/var/log/(apt|dpkg)|^/(tmp|var/tmp)/.|^/root/\.cache"
)
MIB = 1024 * 1024


def files(root):
    """(path within, lstat) of everything below a folder."""
    for folder, folders, names in os.walk(root):
        for name in [*folders, *names]:
            path = os.path.join(folder, name)
            yield path[len(root) :], os.lstat(path)


def total_bytes(root):
    """As an archive counts: each file once, whatever its number of names."""
    seen = {}
    for _, status in files(root):
        if stat.S_ISREG(status.st_mode):
            seen[(status.st_dev, status.st_ino)] = status.st_size
    return sum(seen.values())


def may_write(uid, gid, status):
    """Whether the mode lets them."""
    if uid == status.st_uid:
        return bool(status.st_mode & stat.S_IWUSR)
    return bool(status.st_mode & (stat.S_IWGRP if gid == status.st_gid else stat.S_IWOTH))


class Configuration(unittest.TestCase):
    def setUp(self):
        self.config = built.engine().inspect("image", built.IMAGE)["Config"]

    def test_user_entry_point_and_signal(self):
        self.assertEqual(self.config["User"], "1000:1000")
        self.assertEqual(self.config["Entrypoint"], ["/usr/local/bin/adapter"])
        self.assertFalse(self.config.get("Cmd"))
        self.assertEqual(self.config["StopSignal"], "SIGTERM")
        self.assertEqual(self.config.get("WorkingDir") or "/", "/")

    def test_volume_and_environment(self):
        self.assertEqual(list(self.config["Volumes"]), ["/data"])
        environment = dict(word.split("=", 1) for word in self.config["Env"])
        self.assertEqual(environment["ADAPTER_DATA_DIR"], "/data")
        self.assertEqual(environment["ADAPTER_ADMIN_LISTEN"], "127.0.0.1:8080")
        self.assertEqual(set(environment) - {"PATH", "ADAPTER_DATA_DIR", "ADAPTER_ADMIN_LISTEN"}, set())

    def test_labels(self):
        labels = {key.removeprefix("org.opencontainers.image."): value for key, value in self.config["Labels"].items()}
        self.assertEqual(labels["title"], "adapter")
        self.assertEqual(labels["version"], built.version())
        self.assertEqual(labels["revision"], built.REVISION)
        self.assertEqual(labels["source"], built.SOURCE)
        self.assertEqual(labels["licenses"], "Apache-2.0")

    def test_health_check(self):
        check = built.engine().inspect("image", built.IMAGE)["Healthcheck"]
        self.assertEqual(check["Test"], ["CMD", "/usr/local/bin/adapter", "health"])
        self.assertLess(check["Timeout"], check["Interval"])


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.root = built.engine().mount(built.IMAGE)
        cls.files = dict(files(cls.root))

    def test_the_user_has_no_password_no_home_and_no_shell(self):
        with open(self.root + "/etc/passwd", encoding="utf-8") as source:
            entries = [line.rstrip("\n").split(":") for line in source]
        user = [entry for entry in entries if entry[0] == "glassops"]
        self.assertEqual(user, [["glassops", "x", "1000", "1000", "glassops", "/nonexistent", "/sbin/nologin"]])
        self.assertNotIn("/nonexistent", self.files)
        with open(self.root + "/etc/group", encoding="utf-8") as source:
            self.assertIn("glassops:x:1000:\n", source.read())
        with open(self.root + "/etc/shadow", encoding="utf-8") as source:
            self.assertIn("\nglassops:!:", source.read())

    def test_the_program_is_stripped_and_belongs_to_the_user(self):
        status = self.files["/usr/local/bin/adapter"]
        self.assertEqual((status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)), (1000, 1000, 0o555))
        self.assertLess(status.st_size, 8 * MIB)
        with open(self.root + "/usr/local/bin/adapter", "rb") as source:
            self.assertNotIn(b".symtab", source.read())

    def test_nothing_else_belongs_to_the_user_but_the_volume(self):
        owned = {path for path, status in self.files.items() if 1000 in (status.st_uid, status.st_gid)}
        self.assertEqual(owned, {"/data", "/usr/local/bin/adapter"})
        self.assertEqual(stat.S_IMODE(self.files["/data"].st_mode), 0o755)

    def test_nothing_is_setuid_or_setgid(self):
        found = [path for path, status in self.files.items()
                 if stat.S_ISREG(status.st_mode) and status.st_mode & (stat.S_ISUID | stat.S_ISGID)]  # fmt: skip
        self.assertEqual(found, [])

    def test_no_path_is_writable_but_the_volume(self):
        # An engine puts a /dev of its own in its place.
        for uid, gid, expected in ((1000, 1000, ["/data"]), (12345, 0, []), (12345, 12345, [])):
            found = [path for path, status in self.files.items() if may_write(uid, gid, status)
                     and not stat.S_ISLNK(status.st_mode) and not path.startswith("/dev/")]  # fmt: skip
            self.assertEqual(found, expected)

    def test_no_compiler_no_headers_and_no_sources(self):
        self.assertEqual([path for path in self.files if TOOLCHAIN.search(path)], [])

    def test_no_cache_of_the_package_manager(self):
        self.assertEqual([path for path, status in self.files.items() if LEFT_BEHIND.search(path)
                          and not stat.S_ISDIR(status.st_mode)], [])  # fmt: skip

    def test_git_certificates_and_time_zones_are_there(self):
        for path in ("/usr/bin/git", "/etc/ssl/certs/ca-certificates.crt", "/usr/share/zoneinfo/Europe/Berlin"):
            self.assertIn(path, self.files)

    def test_the_package_manager_still_knows_what_is_installed(self):
        code, out, err = built.shell("dpkg --audit", "--user=0", check=False)
        self.assertEqual((code, out), (0, ""), err)


    def test_install_deps_knows_the_packages_of_a_program_that_is_installed_by_hand(self):
        with open(os.path.join(PROJECT, "scripts", "install-deps"), encoding="utf-8") as source:
            runtime = re.search(r"^    runtime\)\n(.*?);;", source.read(), re.M | re.S).group(1)
        words = re.findall(r"[^\s']+", runtime.replace("echo", ""))
        status = built.shell("dpkg-query --show --showformat='${Package}\\n'", "--user=0").split()
        missing = [word for word in words if not set(word.lstrip("?").split("|")) & set(status)]
        self.assertEqual([word for word in missing if not word.startswith("?")], [])


class Size(unittest.TestCase):
    # What only git needs, and what it takes in this image; run as root in the image.
    GIT_ONLY = r"""
        apt-mark auto git >/dev/null 2>&1
        apt-get -o APT::AutoRemove::RecommendsImportant=false -o APT::AutoRemove::SuggestsImportant=false \
          --simulate --purge autoremove 2>/dev/null | sed -n 's/^Purg \([^ ]*\).*/\1/p' | sort >/tmp/gone
        for package in $(cat /tmp/gone); do dpkg --listfiles "$package"; done | sort -u | while read -r path; do
          [ ! -f "$path" ] || [ -L "$path" ] || stat -c '%i %s' "$path"
        done | sort -u | awk '{ sum += $2 } END { print sum + 0 }'
        tr '\n' ' ' </tmp/gone"""

    def test_what_is_added_to_the_base_is_small(self):
        base, image = (total_bytes(built.engine().mount(name)) for name in (built.base(), built.IMAGE))
        program = os.path.getsize(built.engine().mount(built.IMAGE) + "/usr/local/bin/adapter")
        git, packages = built.shell(self.GIT_ONLY, "--user=0").splitlines()
        git = int(git)
        self.assertIn("git", packages.split())
        print("image %.1f MiB, base %.1f MiB; added %.1f MiB, without git %.1f MiB; program %.2f MiB; for git alone: %s"
              % (image / MIB, base / MIB, (image - base) / MIB, (image - base - git) / MIB, program / MIB, packages),
              flush=True)  # fmt: skip
        self.assertGreater(git, MIB)
        self.assertLess(image - base, 60 * MIB)
