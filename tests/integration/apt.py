# SPDX-License-Identifier: MIT
"""apt with its own lists and cache. The system's package management is not
touched."""
from packages import run

MIRROR = "http://deb.debian.org/debian"


class Apt:
    """It has one source, and these further options. All its files are below
    `directory`."""

    def __init__(self, directory, source, *options):
        self.directory = directory
        (directory / "sources.list").write_text(source + "\n")
        for name in ("lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True)
        self.options = [f"-o{option}" for option in (
            f"Dir::Etc::SourceList={directory}/sources.list",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::State::Lists={directory}/lists",
            f"Dir::Cache={directory}/cache",
            "APT::Sandbox::User=root", *options)]
        self.get("update")

    def get(self, *arguments):
        """Stores the downloads in the directory"""
        run("apt-get", "-qq", *self.options, *arguments, cwd=self.directory)


def get_source(directory, *packages):
    """The archives of these source packages of Debian 12, without its changes"""
    Apt(directory, f"deb-src {MIRROR} bookworm main").get(
        "source", "--download-only", "--tar-only", *packages)
