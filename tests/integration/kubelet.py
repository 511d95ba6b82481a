# SPDX-License-Identifier: MIT
"""Pods, and what a kubelet and containerd leave of them in the file system of
their node."""
import shutil
from collections import namedtuple

ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
PAUSE_ID = "1" + ID[1:]
UID = "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
POD = f"kubepods/besteffort/pod{UID}"
SLICE = ("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod"
         f"{UID.replace('-', '_')}.slice")
NAME = "k8s_default_web-0_app"
# The kubelet cuts the name of a link to this, and adds ".log".
LINK_LENGTH = 251

Pod = namedtuple("Pod", "namespace name uid")
WEB = Pod("default", "web-0", UID)


def cgroup_of(pod):
    """Without systemd, if some resources are requested"""
    return f"kubepods/burstable/pod{pod.uid}"


class Node:
    def __init__(self, root):
        self.root = root
        self.links = root / "var/log/containers"
        self.pods = root / "var/log/pods"
        self.sandboxes = root / ("run/containerd/io.containerd.grpc.v1.cri/"
                                 "sandboxes")
        for directory in (self.links, self.pods):
            directory.mkdir(parents=True)

    def logs(self, pod):
        return self.pods / f"{pod.namespace}_{pod.name}_{pod.uid}"

    def make_logs(self, pod, container):
        """Comes before the container"""
        (self.logs(pod) / container).mkdir(parents=True, exist_ok=True)

    def link(self, pod, container, identifier, restarts=0):
        """Comes after the container has started"""
        name = f"{pod.name}_{pod.namespace}_{container}-{identifier}"
        (self.links / f"{name[:LINK_LENGTH]}.log").symlink_to(
            self.logs(pod) / f"{container}/{restarts}.log")

    def unlink(self, identifier):
        """Comes when the container is removed"""
        link, = self.links.glob(f"*-{identifier}.log")
        link.unlink()

    def remove_logs(self, pod):
        """Comes some time after the pod"""
        shutil.rmtree(self.logs(pod))

    def clear(self):
        for link in self.links.iterdir():
            link.unlink()
        for logs in self.pods.iterdir():
            shutil.rmtree(logs)

    def add_pod(self):
        """As if containerd had made its sandbox"""
        self.make_logs(WEB, "app")
        (self.sandboxes / PAUSE_ID).mkdir(parents=True)

    def add_container(self, identifier, restarts=0):
        self.link(WEB, "app", identifier, restarts)
