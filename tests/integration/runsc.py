# SPDX-License-Identifier: MIT
"""The releases of gVisor that Debian has."""
import subprocess

SOURCE = "deb http://deb.debian.org/debian bookworm-backports main\n"


def unpack_backport(directory):
    """bookworm-backports' runsc, beside the installed one. Nothing of the
    system's own package management is touched."""
    (directory / "sources.list").write_text(SOURCE)
    for name in ("lists/partial", "cache/archives/partial"):
        (directory / name).mkdir(parents=True)
    options = [f"Dir::Etc::SourceList={directory}/sources.list",
               "Dir::Etc::SourceParts=/dev/null",
               f"Dir::State::Lists={directory}/lists",
               f"Dir::Cache={directory}/cache",
               "APT::Sandbox::User=root"]
    apt = ["apt-get", "-qq", *(f"-o{option}" for option in options)]
    subprocess.run([*apt, "update"], check=True, cwd=directory)
    subprocess.run([*apt, "download", "runsc"], check=True, cwd=directory)
    (package,) = directory.glob("runsc_*.deb")
    subprocess.run(["dpkg-deb", "-x", package, directory / "root"], check=True)
    return directory / "root/usr/bin/runsc"


def version(runsc):
    return subprocess.run([runsc, "--version"], stdout=subprocess.PIPE,
                          check=True, text=True).stdout.splitlines()[0]
