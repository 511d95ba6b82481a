# SPDX-License-Identifier: MIT
"""A collectd with the examples' writers that sends what a test says."""
import socket
import time

import examples
from daemon import Collectd

ADD = """\
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{path}"
</Plugin>
"""


class Sender(Collectd):
    """Has the values from a test. The path of a socket must be short."""

    def __init__(self, directory, host, names, place):
        self.socket = f"{place}/socket"
        additions = directory / "additions.conf"
        additions.write_text(ADD.format(path=self.socket))
        super().__init__(directory / "collectd", host=host,
                         options='CGroup "/none"',
                         include=[additions, *map(examples.path, names)])

    def tell(self, *lines):
        with socket.socket(socket.AF_UNIX) as sender:
            sender.connect(self.socket)
            with sender.makefile("rw") as stream:
                for line in lines:
                    stream.write(f"{line}\n")
                    stream.flush()
                    answer = stream.readline()
                    assert answer.startswith("0 "), answer

    def send(self, values):
        """All with one time, each under the name after the host"""
        moment = time.time()
        self.tell(*(f'PUTVAL "{self.host}/cgroup_cpu-{name}" '
                    f"interval=1 {moment:.3f}:{value}"
                    for name, value in values.items()))

    def has_delivered(self, condition):
        """What the writers have not got yet is flushed the next time"""
        self.tell("FLUSH")
        return condition()
