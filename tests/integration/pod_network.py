# SPDX-License-Identifier: MIT
"""The network of a pod and that of its node, each in its own namespace."""
import contextlib

from network import Namespace

NODE, POD = "10.0.0.1", "10.0.0.2"


class PodNetwork:
    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.node, self.pod = (
                stack.enter_context(Namespace(address))
                for address in (NODE, POD))
            self.node.connect("eth0", self.pod)
            self.node.set_address("eth0")
            self.path = self.pod.path
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def from_node(self, *command):
        return [*self.node.prefix, *command]
