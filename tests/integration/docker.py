# SPDX-License-Identifier: MIT
"""A Docker of its own, whose containers are in a cgroup of the tests."""
import contextlib
import json
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from cgroups import Cgroup, controller, mounted, require_both
from waiting import wait_until

IMAGE = "busybox"
SPIN = ["sh", "-c", "while :; do :; done"]
REST = ["sleep", "1000"]


def hierarchies_of_v1():
    """Docker makes its cgroups in each. "v1" is the one with the usage."""
    usage = require_both()["v1"]
    return {"v1" if directory == usage else str(directory): directory
            for version, directory, _ in mounted() if version == "v1"}


class Docker:
    """The files are in a short path that everybody may pass: Docker's own rights
    count, and names of sockets have little room. It serves no network, and
    changes nothing of the machine's."""

    def __init__(self):
        for program in ("dockerd", "docker", "busybox"):
            if not shutil.which(program):
                pytest.skip(f"needs {program}")
        self.cgroup = Cgroup(hierarchies_of_v1())
        self.stack = contextlib.ExitStack()

    def __enter__(self):
        with self.stack:
            self.root = Path(self.stack.enter_context(
                tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.",
                                            dir="/run")))
            self.root.chmod(0o755)
            self.stack.enter_context(self.cgroup)
            # What else runs here must not take its part.
            (controller("cpu") / self.cgroup.path / "cpu.shares").write_text(
                "262144")
            self.start()
            self.stack.callback(self.remove_containers)
            self.make_image()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start(self):
        configuration = self.root / "etc/docker/daemon.json"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(json.dumps(
            {"cgroup-parent": f"/{self.cgroup.path}"}))
        self.socket = f"unix://{self.root}/socket"
        # Whatever it mounts goes with it.
        with open(self.root / "log", "w") as log:
            self.process = subprocess.Popen([
                "unshare", "--mount", "dockerd",
                f"--config-file={configuration}",
                f"--data-root={self.root}/var/lib/docker",
                f"--exec-root={self.root}/exec", f"--pidfile={self.root}/pid",
                f"--host={self.socket}", "--storage-driver=vfs",
                "--bridge=none", "--iptables=false", "--ip6tables=false",
                "--ip-forward=false", "--ip-masq=false",
                "--userland-proxy=false"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stack.callback(self.end)
        wait_until(self.answers, 30, self.log)

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()

    def log(self):
        return (self.root / "log").read_text()

    def answers(self):
        assert self.process.poll() is None, self.log()
        return subprocess.run(
            ["docker", "--host", self.socket, "info"], capture_output=True,
            check=False).returncode == 0

    def __call__(self, *command):
        result = subprocess.run(
            ["docker", "--host", self.socket, *command], check=False,
            capture_output=True, text=True)
        assert result.returncode == 0, result.stderr + self.log()
        return result.stdout.strip()

    def remove_containers(self):
        if names := self("ps", "--all", "--quiet").split():
            self("rm", "--force", *names)

    def make_image(self):
        archive = self.root / "image.tar"
        with tarfile.open(archive, "w") as image:
            image.add(shutil.which("busybox"), "bin/busybox")
            for name in ("sh", "sleep"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                image.addfile(link)
        self("import", str(archive), IMAGE)

    def run(self, name, *options, command=REST):
        """The id of the new container"""
        return self("run", "--detach", "--network=none", f"--name={name}",
                    *options, IMAGE, *command)

    def directory(self, identifier):
        return self.cgroup.directory("v1") / identifier

    def move(self, place):
        """A NameRoot where Docker's configuration says that its data are
        elsewhere"""
        (place / "etc/docker").mkdir(parents=True)
        (place / "etc/docker/daemon.json").write_text(json.dumps(
            {"data-root": "/data/of/docker",
             "cgroup-parent": f"/{self.cgroup.path}"}))
        (place / "data/of").mkdir(parents=True)
        (place / "data/of/docker").symlink_to(self.root / "var/lib/docker")
        return place
