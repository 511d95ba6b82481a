# SPDX-License-Identifier: MIT
"""A pod's network and its node's, each a namespace of its own."""
import os
import subprocess
from pathlib import Path

from cgroups import numbers
from packages import run

NODE, POD = "10.0.0.1", "10.0.0.2"


class PodNetwork:
    def __init__(self):
        name = f"cgroup_cpu_test.{os.getpid()}.{next(numbers)}"
        self.node, self.pod = f"{name}.node", f"{name}.pod"
        self.path = Path("/run/netns", self.pod)

    def __enter__(self):
        try:
            for namespace in (self.node, self.pod):
                run("ip", "netns", "add", namespace)
                run("ip", "-n", namespace, "link", "set", "lo", "up")
            run("ip", "-n", self.node, "link", "add", "eth0", "type", "veth",
                "peer", "name", "eth0", "netns", self.pod)
            for namespace, address in ((self.node, NODE), (self.pod, POD)):
                run("ip", "-n", namespace, "address", "add", f"{address}/24",
                    "dev", "eth0")
                run("ip", "-n", namespace, "link", "set", "eth0", "up")
        except BaseException:
            self.remove()
            raise
        return self

    def remove(self):
        for namespace in (self.node, self.pod):
            subprocess.run(["ip", "netns", "delete", namespace],
                           stderr=subprocess.DEVNULL)

    def __exit__(self, *_):
        self.remove()

    def from_node(self, *command):
        return ["ip", "netns", "exec", self.node, *command]
