# SPDX-License-Identifier: MIT
"""A fresh Debian with what collectd and the plugin need in its cache"""
import os
import subprocess

# What the plugin needs beside collectd
LIBRARY = "libjansson4"
# The beginnings of the versions of Debian 12's kernel, and of the one in its
# backports, which has cpu.stat.local
KERNEL, NEWER_KERNEL = "6.1.", "6.12."
HOOK = ('chroot "$1" apt-get -y --no-install-recommends --download-only'
        ' -o APT::Keep-Downloaded-Packages=true install collectd ' + LIBRARY)
# Only the first caller makes the archive $2.tar in $1, from files in memory. The
# directory $3 gets its contents, where apt knows only what is in its cache: it
# needs two seconds of CPU time for the lists of all of Debian, each time. dpkg does
# not wait for the disk, as in Debian's own images.
SCRIPT = """
cd "$1"
exec 9>"$2.lock"
flock 9
[ -e "$2.tar" ] || {
  mkdir -p "$2.tmp"
  mount -t tmpfs -o mode=755 tmpfs "$2.tmp"
  TMPDIR=$PWD/$2.tmp mmdebstrap --variant=minbase --skip=cleanup/apt \\
    --dpkgopt=force-unsafe-io --customize-hook="$4" "$2" "$2.new.tar"
  mv "$2.new.tar" "$2.tar"
}
exec 9>&-
[ -n "$3" ] || exit 0
mkdir "$3"
tar -xf "$2.tar" -C "$3"
cd "$3/var/cache/apt/archives"
dpkg-scanpackages . >Packages
rm -rf "$3"/var/lib/apt/lists/* "$3"/etc/apt/sources.list.d/*
echo "deb [trusted=yes] file:/var/cache/apt/archives ./" >"$3/etc/apt/sources.list"
chroot "$3" apt-get update
"""


class Debian:
    """It is made in the background: as an archive in `directory` and, if
    `root` is given, in that directory as well."""

    def __init__(self, release, directory, root=""):
        self.archive = directory / f"{release}.tar"
        self.root = root
        self.log = directory / f"{release}.{os.getpid()}.log"
        # Nothing of it stays running or mounted.
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                 "--mount-proc", "sh", "-ec", SCRIPT, "sh", directory, release,
                 root, HOOK], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def ready(self):
        assert self.process.wait(600) == 0, self.log.read_text()[-8000:]
        return self

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
