# SPDX-License-Identifier: MIT
"""A Docker of the tests' own."""
import json
import subprocess

from delivered import instance_of
from engine import Engine
from waiting import wait_until


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
        # Whatever it mounts goes with it.
        with open(self.root / "log", "w") as log:
            self.process = subprocess.Popen([
                "unshare", "--mount", "dockerd",
                f"--config-file={configuration}",
                f"--data-root={self.root}/var/lib/docker",
                f"--exec-root={self.root}/exec", f"--pidfile={self.root}/pid",
                f"--host={socket}", "--storage-driver=vfs",
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
            [*self.client, "info"], capture_output=True,
            check=False).returncode == 0

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
