# SPDX-License-Identifier: MIT
"""Containers of LXC, which has no daemon and no images."""
import shutil
import subprocess

from cgroups import Cgroup, confine, controller, hierarchies
from engine import REST, Engine

CONFIGURATION = """\
lxc.rootfs.path = dir:{root}/rootfs
lxc.net.0.type = empty
lxc.apparmor.profile = unconfined
lxc.cgroup.relative = 1
"""


class Lxc(Engine):
    """LXC makes its cgroups in that of the one who starts a container: here in the
    one that collectd has as its root."""

    kind = "lxc"
    programs = ("lxc-start", "lxc-stop")

    def start(self):
        (hierarchies()["v2"] / self.cgroup.path).mkdir()
        confine(Cgroup({"cpuset": controller("cpuset")}, self.cgroup.path))
        self.starter = Cgroup({**self.cgroup.mounts, "v2": hierarchies()["v2"]},
                              self.cgroup.path)
        self.names = set()
        self.stack.callback(shutil.rmtree, f"/run/lxc/lock{self.root}",
                            ignore_errors=True)

    def make_image(self):
        self.make_rootfs()
        for name in ("dev", "proc", "sys"):
            (self.root / "rootfs" / name).mkdir()

    def run(self, name, *settings, command=REST):
        """The settings are lines of a configuration"""
        configuration = self.root / name / "config"
        configuration.parent.mkdir(exist_ok=True)
        configuration.write_text(CONFIGURATION.format(root=self.root) +
                                 "".join(f"{each}\n" for each in settings))
        log = self.root / "log"
        self.names.add(name)
        process = self.starter.start(
            "lxc-start", f"--lxcpath={self.root}", f"--name={name}",
            f"--logfile={log}", "--daemon", "--", *command)
        assert process.wait(60) == 0, self.log()
        return name

    def end(self, name):
        self.names.discard(name)
        subprocess.run(["lxc-stop", f"--lxcpath={self.root}", f"--name={name}",
                        "--kill"], check=True)

    def remove_containers(self):
        for name in [*self.names]:
            self.end(name)

    def directory(self, name):
        return self.cgroup.directory("v1") / f"lxc.payload.{name}"

    def collectd_options(self, name_root=None):
        return (f'Root "{self.cgroup.directory("v1")}"\n'
                f'NameRoot "{name_root or self.root}"')

    def own(self):
        """The names that are there without any container"""
        return {"root", "lxc.pivot"}
