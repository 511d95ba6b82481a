# SPDX-License-Identifier: MIT
"""A container engine of the tests' own, with its containers in a cgroup of
theirs."""
import contextlib
import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from cgroups import (Cgroup, controller, hierarchies, is_removed, mounted,
                     require_both)
from delivered import instances, moments
from waiting import wait_until

IMAGE = "busybox"
SPIN = ["sh", "-c", "while :; do :; done"]
REST = ["sleep", "1000"]
# Millicores of what spins
SHARE = 100
LIMITED = ("--cpus", str(SHARE / 1000))
COUNTER = "cpuacct.usage"


def hierarchies_of_v1():
    """Engines make their cgroups in each. "v1" is the one with the usage."""
    usage = require_both()["v1"]
    return {"v1" if directory == usage else str(directory): directory
            for version, directory, _ in mounted() if version == "v1"}


class Engine:
    """The files are in a short path that everybody may pass: the engine's own
    rights count, and names of sockets have little room. It serves no network,
    and changes nothing of the machine's."""

    # Of a subclass: the first part of names, what it needs, the command of its
    # client, and options of each container.
    kind = None
    programs = ()
    client = ()
    options = ()

    def __init__(self):
        for program in (*self.programs, "busybox"):
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
            self.stack.callback(self.remove_cgroups)
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

    def log(self):
        path = self.root / "log"
        return path.read_text() if path.exists() else ""

    def remove_cgroups(self):
        """What engines and runtimes leave below the own cgroup. On a hybrid host,
        runtimes make that and all below it in the hierarchy of v2 as well."""
        unified = hierarchies()["v2"]
        for mount in (*self.cgroup.mounts.values(), unified):
            top = mount / self.cgroup.path
            for directory in sorted(top.glob("**/"), reverse=True):
                if directory != top or mount == unified:
                    wait_until(lambda path=directory: is_removed(path), 10,
                               directory.__str__)

    def start_daemon(self, *command, ready):
        """Waits until the command of its client succeeds. Whatever the daemon
        mounts goes with it."""
        with open(self.root / "log", "w") as log:
            self.process = subprocess.Popen(
                ["unshare", "--mount", *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log)
        self.stack.callback(self.end_daemon)
        wait_until(lambda: self.answers(ready), 30, self.log)

    def end_daemon(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        finally:
            self.process.kill()

    def answers(self, question):
        assert self.process.poll() is None, self.log()
        return subprocess.run([*self.client, question], capture_output=True,
                              check=False).returncode == 0

    def __call__(self, *command):
        result = subprocess.run(
            [*self.client, *command], check=False, capture_output=True,
            text=True)
        assert result.returncode == 0, result.stderr + self.log()
        return result.stdout.strip()

    def remove_containers(self):
        if names := self("ps", "--all", "--quiet").split():
            self("rm", "--force", *names)

    def make_layer(self):
        """The files of the image"""
        archive = self.root / "layer.tar"
        with tarfile.open(archive, "w") as image:
            image.add(shutil.which("busybox"), "bin/busybox")
            for name in ("sh", "sleep"):
                link = tarfile.TarInfo(f"bin/{name}")
                link.type, link.linkname = tarfile.SYMTYPE, "busybox"
                image.addfile(link)
        return archive

    def make_rootfs(self):
        """The same files in a directory"""
        with tarfile.open(self.make_layer()) as layer:
            layer.extractall(self.root / "rootfs")

    def make_image(self):
        self("import", str(self.make_layer()), IMAGE)

    def run(self, name, *options, command=REST):
        """The id of the new container"""
        return self("run", "--detach", f"--name={name}",
                    *self.options, *options, IMAGE, *command)


def check_told_once(engine, collectd, name, passes, *texts):
    """The only container has this name in all passes, and why is said once"""
    assert instances(collectd) - engine.own() == {name}
    assert {*passes} >= {moment for moment in moments(collectd)[1:]
                         if moment <= passes[-1]}
    notice, = collectd.messages("notice")
    for text in (*texts, "need the rights of root"):
        assert text in notice
