# SPDX-License-Identifier: MIT
"""The container image, built as a user builds it. No registry is asked: its
base is a Debian made for it."""
import json

import shared
from packages import SOURCE, run

CONTAINERFILE = SOURCE / "packaging/container/Containerfile"
CONFIGURATION = SOURCE / "packaging/container/collectd.conf"
# As in Debian's own "slim" images
SLIM = "".join(f"path-exclude /usr/share/{directory}/*\n"
               for directory in ("doc", "info", "locale", "man"))


class Image:
    """All its files are below `directory`. Only the first caller builds it."""

    def __init__(self, directory, debian):
        self.directory = directory
        with shared.turn(directory) as first:
            if first:
                self.build(debian.ready().archive)
        self.container = self.buildah("from", "localhost/image").strip()
        self.root = self.buildah("mount", self.container).strip()
        inspected = json.loads(
            self.buildah("inspect", "--type=image", "localhost/image"))
        self.configuration = inspected["Docker"]["config"]

    def build(self, archive):
        slim = self.directory / "slim"
        slim.write_text(SLIM)
        base = self.buildah("from", "scratch").strip()
        self.buildah("add", base, archive, "/")
        self.buildah("copy", base, slim, "/etc/dpkg/dpkg.cfg.d/slim")
        self.buildah("commit", "--quiet", "--rm", base, "localhost/base")
        self.buildah("build", "--isolation=chroot", "--layers=false",
                     "--format=docker", "--build-arg=BASE=localhost/base",
                     "--tag=localhost/image", "-f", CONTAINERFILE, SOURCE)

    def buildah(self, *arguments):
        """With overlays, because copies of whole systems take long to make and to
        remove. Nothing of them stays mounted."""
        return run("buildah", f"--root={self.directory}/storage",
                   f"--runroot={self.directory}/run",
                   "--storage-driver=overlay",
                   "--storage-opt=overlay.skip_mount_home=true", *arguments)

    def remove(self):
        self.buildah("umount", self.container)
