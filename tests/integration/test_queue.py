# SPDX-License-Identifier: MIT
"""A receiver that accepts values and never reads them costs a bounded amount of
memory."""
import re
import socket
import time

import pytest

import examples
from inspection import resident
from network import Network
from precedence import FIRST
from sender import Sender
from waiting import wait_until

HOST = "one.example.com"
CGROUP = "busy"
PER_LINE = 150
# Measured: about 750.
BYTES_PER_VALUE = 1000
FULL = "Low water mark reached. Dropping 100% of metrics"
SMALL_BUFFERS = "echo 4096 16384 16384 >/proc/sys/net/ipv4/tcp_wmem"


class Stalled:
    """A server on `host` that reads nothing until it is asked to"""

    def __init__(self, host, port):
        self.host = host
        host.executor.submit(self.listen, port).result()

    def listen(self, port):
        self.server = socket.socket()
        self.server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.server.settimeout(60)
        self.server.bind(("0.0.0.0", port))
        self.server.listen()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.close()

    def read_lines(self, count):
        """The first so many that were sent"""
        connection, _ = self.server.accept()
        connection.settimeout(60)
        with connection, connection.makefile("r") as stream:
            return [stream.readline() for _ in range(count)]


@pytest.fixture
def network(tmp_path):
    with Network(tmp_path / "network",
                 {"graphite.example.com": None, HOST: 0}) as network:
        yield network


def offer(sender, count):
    """So many values at once, all of one series"""
    line = (f'PUTVAL "{sender.identifier(CGROUP)}" interval=1'
            + " N:1" * PER_LINE)
    assert count % PER_LINE == 0
    sender.tell(*[line] * (count // PER_LINE))


def written(sender):
    """The values that the writer before the one that hangs has got"""
    return len(sender.series("cgroup_cpu", CGROUP, "gauge-millicores"))


def wait_until_it_hangs(sender):
    """It has got something, and then nothing for a second"""
    seen = written(sender), time.monotonic()

    def hangs():
        nonlocal seen
        now = written(sender)
        if now != seen[0]:
            seen = now, time.monotonic()
        return now > 0 and time.monotonic() > seen[1] + 1

    wait_until(hangs, 10, lambda: sender.log)


def has_passed_on(sender):
    """collectd's values of its queue come after all that was in it before"""
    moment = time.time()
    sender.wait_for(lambda: any(when > moment for when, _ in sender.series(
        "collectd", "write_queue", "queue_length")))


def test_a_writer_that_hangs(tmp_path, network):
    """Ten minutes of 1000 cgroups at 10 s are 120,000 values, which need more
    than the example allows. Below the limit no value is lost, beyond it the new
    ones are."""
    text = examples.path("write_graphite").read_text()
    limit = int(re.search(r"WriteQueueLimitHigh (\d+)", text)[1])
    network[0].run("sh", "-ec", SMALL_BUFFERS)
    with Stalled(network.hub, 2003) as server, Sender(
            tmp_path, HOST, ["write_graphite"]) as sender:
        sender.start([*FIRST, *network[0].prefix])
        offer(sender, 3000)
        wait_until_it_hangs(sender)
        before = resident(sender.process.pid)

        offer(sender, limit * 9 // 10)
        assert "Dropping" not in sender.log
        offer(sender, limit * 3 // 10)
        sender.wait_for(lambda: FULL in sender.log)
        full = resident(sender.process.pid)
        got = written(sender)
        assert got < 3000
        assert limit * 100 < full - before < limit * BYTES_PER_VALUE

        offer(sender, limit * 3)
        assert resident(sender.process.pid) - full < 2 ** 20
        assert written(sender) == got

        # All that waited arrives, and nothing else does.
        lines = network.hub.executor.submit(
            server.read_lines, limit).result()
        assert all(CGROUP in line or ".collectd-" in line for line in lines)
        sender.wait_for(lambda: written(sender) >= got + limit - 100)
        has_passed_on(sender)
        assert got + limit - 100 <= written(sender) <= got + limit + 2
