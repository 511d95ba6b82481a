# SPDX-License-Identifier: MIT
"""A containerd of the tests' own, without another engine."""
import shutil
import subprocess

from engine import Engine, REST
from waiting import wait_until

NAMESPACE = "jobs"


class Containerd(Engine):
    """collectd has the cgroup of the tests as its root, where a task is in the
    cgroup of its namespace."""

    kind = f"ctr_{NAMESPACE}"
    programs = ("containerd", "ctr", "runc")

    def start(self):
        socket = f"{self.root}/socket"
        self.client = ("ctr", f"--address={socket}", f"--namespace={NAMESPACE}")
        configuration = self.root / "config.toml"
        configuration.write_text(
            'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n')
        with open(self.root / "log", "w") as log:
            self.process = subprocess.Popen([
                "unshare", "--mount", "containerd",
                f"--config={configuration}", f"--root={self.root}/data",
                f"--state={self.root}/run/containerd", f"--address={socket}"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        self.stack.callback(self.remove_cgroups)
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
        return subprocess.run([*self.client, "version"], capture_output=True,
                              check=False).returncode == 0

    def make_image(self):
        """A directory instead"""
        programs = self.root / "rootfs/bin"
        programs.mkdir(parents=True)
        shutil.copy(shutil.which("busybox"), programs)
        for name in ("sh", "sleep"):
            (programs / name).symlink_to("busybox")

    def run(self, name, *options, command=REST):
        program, *arguments = command
        self("run", "--detach", f"--cgroup=/{self.cgroup.path}/{NAMESPACE}/{name}",
             *options, "--rootfs", f"{self.root}/rootfs", name,
             f"/bin/{program}", *arguments)
        return name

    def run_as_nerdctl(self, identifier, name):
        """Debian has no nerdctl. It tells containerd this of a container."""
        labels = {"nerdctl/namespace": NAMESPACE, "nerdctl/name": name}
        return self.run(identifier, *(
            f"--annotation={key}={value}" for key, value in labels.items()))

    def remove_containers(self):
        for name in self("task", "list", "--quiet").split():
            self("task", "remove", "--force", name)
        if names := self("container", "list", "--quiet").split():
            self("container", "remove", *names)

    def directory(self, name):
        return self.cgroup.directory("v1") / NAMESPACE / name

    def remove_cgroups(self):
        for mount in self.cgroup.mounts.values():
            directory = mount / self.cgroup.path / NAMESPACE
            if directory.is_dir():
                directory.rmdir()

    def collectd_options(self, name_root=None):
        return (f'Root "{self.cgroup.directory("v1")}"\n'
                f'NameRoot "{name_root or self.root}"')

    def own(self):
        """The names that are there without any container"""
        return {"root", NAMESPACE}
