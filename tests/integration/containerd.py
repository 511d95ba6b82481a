# SPDX-License-Identifier: MIT
"""A containerd of the tests' own, without another engine."""
from engine import Engine, REST

NAMESPACE = "jobs"


class Containerd(Engine):
    """collectd has the cgroup of the tests as its root, where a task is in the
    cgroup of its namespace."""

    kind = f"ctr_{NAMESPACE}"
    programs = ("containerd", "ctr", "runc")
    namespace = NAMESPACE

    def configuration(self):
        return 'version = 2\ndisabled_plugins = ["io.containerd.grpc.v1.cri"]\n'

    def start(self):
        self.socket = f"{self.root}/socket"
        self.client = ("ctr", f"--address={self.socket}",
                       f"--namespace={self.namespace}")
        configuration = self.root / "config.toml"
        configuration.write_text(self.configuration())
        self.start_daemon(
            "containerd", f"--config={configuration}",
            f"--root={self.root}/data", f"--state={self.root}/run/containerd",
            f"--address={self.socket}", ready="version")

    def make_image(self):
        """A directory instead"""
        self.make_rootfs()

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

    def collectd_options(self, name_root=None):
        return (f'Root "{self.cgroup.directory("v1")}"\n'
                f'NameRoot "{name_root or self.root}"')

    def own(self):
        """The names that are there without any container"""
        return {"root", NAMESPACE}
