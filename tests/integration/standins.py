# SPDX-License-Identifier: MIT
"""Makes calls of the plugin fail or take long in a running collectd, and steps
its clock."""
import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("standins.c")
ORDERS = struct.Struct("=32sii128sQqQ")


class Standins:
    """All its files are below `directory`"""

    def __init__(self, directory):
        directory.mkdir(parents=True, exist_ok=True)
        self.library = directory / "standins.so"
        subprocess.run(["cc", "-std=gnu11", "-Wall", "-shared", "-fPIC", "-o",
                        self.library, SOURCE, "-ldl"], check=True)
        self.orders = directory / "orders"
        self.orders.write_bytes(bytes(ORDERS.size))
        with open(self.orders, "r+b") as file:
            self.memory = mmap.mmap(file.fileno(), ORDERS.size)

    @property
    def prefix(self):
        """A prefix that runs a command with them"""
        return ["env", f"CGROUP_CPU_STANDINS={self.orders}",
                f"LD_PRELOAD={self.library}"]

    @property
    def hits(self):
        """The number of calls that failed or were late since the latest
        order"""
        return ORDERS.unpack(self.memory[:])[-1]

    def order(self, call="", error=0, late=0, path="", size=0, shift=0):
        """Replaces the previous order. The name of the call is written last,
        because it makes the order valid."""
        data = ORDERS.pack(b"", error, int(late * 1000), path.encode(), size,
                           shift, 0)
        self.memory[:] = data
        self.memory[:32] = call.encode().ljust(32, b"\0")
