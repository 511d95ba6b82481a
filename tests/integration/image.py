# SPDX-License-Identifier: MIT
"""The container image, built as a user builds it. No registry is asked: its
base is a Debian made for it."""
import json

from packages import SOURCE, run

CONTAINERFILE = SOURCE / "packaging/container/Containerfile"
CONFIGURATION = SOURCE / "packaging/container/collectd.conf"


class Image:
    """All its files are below `directory`"""

    def __init__(self, directory, debian):
        self.directory = directory
        self.make_base(debian.ready().archive)
        self.buildah("build", "--isolation=chroot", "--layers=false",
                     "--format=docker", "--build-arg=BASE=localhost/base",
                     "--tag=localhost/image", "-f", CONTAINERFILE, SOURCE)
        self.container = self.buildah("from", "localhost/image").strip()
        self.root = self.buildah("mount", self.container).strip()
        inspected = json.loads(
            self.buildah("inspect", "--type=image", "localhost/image"))
        self.configuration = inspected["Docker"]["config"]

    def buildah(self, *arguments):
        return run("buildah", f"--root={self.directory}/storage",
                   f"--runroot={self.directory}/run", "--storage-driver=vfs",
                   *arguments)

    def make_base(self, archive):
        container = self.buildah("from", "scratch").strip()
        self.buildah("add", container, archive, "/")
        self.buildah("commit", "--quiet", "--rm", container, "localhost/base")

    def remove(self):
        self.buildah("umount", self.container)
