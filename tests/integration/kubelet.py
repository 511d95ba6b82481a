# SPDX-License-Identifier: MIT
"""A pod with a container, and what a kubelet and containerd leave of them in the
file system of their node."""

ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
PAUSE_ID = "1" + ID[1:]
UID = "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
POD = f"kubepods/besteffort/pod{UID}"
SLICE = ("kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod"
         f"{UID.replace('-', '_')}.slice")
NAME = "k8s_default_web-0_app"


class Node:
    def __init__(self, root):
        self.root = root
        self.links = root / "var/log/containers"
        self.pods = root / "var/log/pods"
        self.sandboxes = root / ("run/containerd/io.containerd.grpc.v1.cri/"
                                 "sandboxes")
        for directory in (self.links, self.pods, self.sandboxes):
            directory.mkdir(parents=True)

    def add_pod(self):
        (self.pods / f"default_web-0_{UID}/app").mkdir(parents=True)
        (self.sandboxes / PAUSE_ID).mkdir()

    def add_container(self, identifier, restarts=0):
        log = f"{self.pods}/default_web-0_{UID}/app/{restarts}.log"
        (self.links / f"web-0_default_app-{identifier}.log").symlink_to(log)
