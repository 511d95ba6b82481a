# SPDX-License-Identifier: MIT
"""apt with lists and a cache of its own: nothing of the system's package
management is touched."""
from packages import run


class Apt:
    """Knows of one source; everything is below `directory`"""

    def __init__(self, directory, source):
        self.directory = directory
        (directory / "sources.list").write_text(source + "\n")
        for name in ("lists/partial", "cache/archives/partial"):
            (directory / name).mkdir(parents=True)
        self.options = [f"-o{option}" for option in (
            f"Dir::Etc::SourceList={directory}/sources.list",
            "Dir::Etc::SourceParts=/dev/null",
            f"Dir::State::Lists={directory}/lists",
            f"Dir::Cache={directory}/cache",
            "APT::Sandbox::User=root")]
        self.get("update")

    def get(self, *arguments):
        """What it downloads is put into the directory"""
        run("apt-get", "-qq", *self.options, *arguments, cwd=self.directory)
