# SPDX-License-Identifier: MIT
"""What Docker leaves of its containers in the file system of their host"""
import json


class DockerFiles:
    """Below `root`. All containers are in Docker's own place."""

    def __init__(self, root):
        self.directory = root / "var/lib/docker/containers"
        self.directory.mkdir(parents=True, exist_ok=True)

    def add(self, identifier, name, labels=None):
        place = self.directory / identifier
        place.mkdir()
        (place / "hostconfig.json").write_text(
            json.dumps({"CgroupParent": ""}))
        (place / "config.v2.json").write_text(json.dumps(
            {"ID": identifier, "Name": f"/{name}",
             "Config": {"Image": "busybox", "Labels": labels or {}}}))

    def remove(self, identifier):
        place = self.directory / identifier
        for name in ("hostconfig.json", "config.v2.json"):
            (place / name).unlink()
        place.rmdir()
