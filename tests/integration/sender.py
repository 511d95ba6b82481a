# SPDX-License-Identifier: MIT
"""A collectd that gets its values from a test and hands them to the writers of
examples."""
import socket
import tempfile
import time
from pathlib import Path

import examples
from daemon import Collectd

# collectd forgets a value that is not renewed within two intervals, and a busy
# machine can be late.
ADD = """\
Timeout 10
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{path}"
</Plugin>
"""


class Sender(Collectd):
    """Runs on `host` of a network, under the name `name`. The path of a socket
    must be short."""

    def __init__(self, directory, name, include):
        self.place = tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.")
        self.socket = f"{self.place.name}/socket"
        directory.mkdir(parents=True, exist_ok=True)
        additions = directory / "additions.conf"
        additions.write_text(ADD.format(path=self.socket))
        super().__init__(directory / "collectd", host=name,
                         options='CGroup "/none"',
                         include=[additions, *map(examples.path, include)])

    def __exit__(self, *_):
        super().__exit__()
        self.place.cleanup()

    def start(self, prefix=(), **environment):
        super().start(prefix, **environment)
        self.wait_for(Path(self.socket).exists)
        return self

    def tell(self, *lines):
        with socket.socket(socket.AF_UNIX) as sender:
            sender.connect(self.socket)
            with sender.makefile("rw") as stream:
                for line in lines:
                    stream.write(f"{line}\n")
                    stream.flush()
                    answer = stream.readline()
                    assert answer.startswith("0 "), answer

    def identifier(self, name):
        """Of the millicores of a cgroup, or of another value given after it"""
        value = "" if "/" in name else "/gauge-millicores"
        return f"{self.host}/cgroup_cpu-{name}{value}"

    def send(self, values, moment=None):
        """{cgroup: millicores} or {cgroup/value: number}, all with one time"""
        moment = moment or time.time()
        self.tell(*(f'PUTVAL "{self.identifier(name)}" interval=1 '
                    f"{moment:.3f}:{value}" for name, value in values.items()))

    def has_delivered(self, condition):
        """What the writers have not got yet is flushed the next time"""
        self.tell("FLUSH")
        return condition()
