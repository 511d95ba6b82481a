# SPDX-License-Identifier: MIT
"""Calls of the plugin that fail or take long, and a clock that is stepped, in a
running collectd."""
import mmap
import struct
import subprocess
from pathlib import Path

SOURCE = Path(__file__).with_name("standins.c")
ORDERS = struct.Struct("=32sii128sQqQ")


class Standins:
    """Everything it needs is below `directory`"""

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
        """Put before a command, it has them"""
        return ["env", f"CGROUP_CPU_STANDINS={self.orders}",
                f"LD_PRELOAD={self.library}"]

    @property
    def hits(self):
        """How many calls failed or were late since the latest order"""
        return ORDERS.unpack(self.memory[:])[-1]

    def order(self, call="", error=0, late=0, path="", size=0, shift=0):
        """Whatever there was before is no longer: first that, then the name,
        which makes it valid"""
        data = ORDERS.pack(b"", error, int(late * 1000), path.encode(), size,
                           shift, 0)
        self.memory[:] = data
        self.memory[:32] = call.encode().ljust(32, b"\0")
