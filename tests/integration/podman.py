# SPDX-License-Identifier: MIT
"""A Podman of the tests' own. It has no daemon."""
from engine import IMAGE, Engine


class Podman(Engine):
    """Podman puts containers into "libpod_parent", here of the cgroup that collectd
    has as its root."""

    kind = "podman"
    programs = ("podman", "conmon", "runc")
    options = ("--stop-timeout=0",)

    def start(self):
        storage = self.root / "var/lib/containers/storage"
        storage.mkdir(parents=True)
        # By default a container may have more than this process.
        configuration = self.root / "containers.conf"
        configuration.write_text(
            '[containers]\ndefault_ulimits = ["nofile=1024:1024", '
            '"nproc=1024:1024"]\n')
        self.client = (
            "env", f"CONTAINERS_CONF={configuration}", "podman",
            f"--root={storage}", f"--runroot={self.root}/run",
            f"--tmpdir={self.root}/tmp", "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs", "--runtime=runc",
            "--events-backend=none", "--log-level=error")
        self.parent = f"{self.cgroup.path}/libpod_parent"

    def remove_containers(self):
        self("pod", "rm", "--all", "--force")
        super().remove_containers()

    def run(self, name, *options, **more):
        return super().run(name, "--network=none",
                           f"--cgroup-parent=/{self.parent}", *options, **more)

    def make_pod(self, name):
        """Its first container only keeps it alive."""
        return self("pod", "create", f"--name={name}", "--network=none",
                    f"--cgroup-parent=/{self.parent}", f"--infra-image={IMAGE}",
                    "--infra-command=sleep 1000")

    def run_in(self, pod, name, *options, **more):
        return super().run(name, f"--pod={pod}", *options, **more)

    def directory(self, identifier):
        return (self.cgroup.directory("v1") / "libpod_parent" /
                f"libpod-{identifier}")

    def collectd_options(self, name_root=None):
        return (f'Root "{self.cgroup.directory("v1")}"\n'
                f'NameRoot "{name_root or self.root}"')

    def own(self):
        """The names that are there without any container"""
        return {"root", "libpod__parent", "libpod__parent_conmon"}
