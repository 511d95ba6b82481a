# SPDX-License-Identifier: MIT
"""A Docker of the tests' own."""
import json

from delivered import instance_of
from engine import Engine


class Docker(Engine):
    kind = "docker"
    programs = ("dockerd", "docker")
    options = ("--network=none",)

    def start(self):
        configuration = self.root / "etc/docker/daemon.json"
        configuration.parent.mkdir(parents=True)
        configuration.write_text(json.dumps(
            {"cgroup-parent": f"/{self.cgroup.path}"}))
        socket = f"unix://{self.root}/socket"
        self.client = ("docker", "--host", socket)
        self.start_daemon(
            "dockerd", f"--config-file={configuration}",
            f"--data-root={self.root}/var/lib/docker",
            f"--exec-root={self.root}/exec", f"--pidfile={self.root}/pid",
            f"--host={socket}", "--storage-driver=vfs", "--bridge=none",
            "--iptables=false", "--ip6tables=false", "--ip-forward=false",
            "--ip-masq=false", "--userland-proxy=false", ready="info")

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

    def collectd_options(self, name_root=None):
        path = self.cgroup.path
        return (f'Root "{self.cgroup.mounts["v1"]}"\n'
                f'NameRoot "{name_root or self.root}"\n'
                f'CGroup "/"\nCGroup "/{path}"\nCGroup "/{path}/*"')

    def own(self):
        """The names that are there without any container"""
        return {"root", instance_of(self.cgroup.path)}
