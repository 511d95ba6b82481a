# SPDX-License-Identifier: MIT
"""The releases of gVisor that Debian has."""
import subprocess

from apt import Apt

SOURCE = "deb http://deb.debian.org/debian bookworm-backports main"


def unpack_backport(directory):
    """The runsc of bookworm-backports, in addition to the installed one"""
    Apt(directory, SOURCE).get("download", "runsc")
    (package,) = directory.glob("runsc_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, directory / "root"], check=True)
    return directory / "root/usr/bin/runsc"


def version(runsc):
    return subprocess.run([runsc, "--version"], stdout=subprocess.PIPE,
                          check=True, text=True).stdout.splitlines()[0]
