# SPDX-License-Identifier: MIT
"""A broker between two collectds: what is lost when it is stopped and started
again."""
import re
import time

import pytest

import examples
from cgroups import Cgroup, require_both
from daemon import Collectd
from inspection import INJECTING, needs_strace
from network import Network
from precedence import FIRST
from rabbitmq import RabbitMQ

HOST = "one.example.com"
BROKER = "amqp.example.com"
# Of the example, in seconds.
DELAY = int(re.search(r"ConnectionRetryDelay (\d+)",
                      examples.path("amqp_sender").read_text())[1])
USAGE = "derive-cpu_usage_usec"
# It reads the types late, but gets what waited for it as soon as it can.
SLOW = [*INJECTING, "-P", "/usr/share/collectd/types.db", "-e",
        "inject=openat:delay_enter=1000000"]


class Fleet:
    """A sender, and receivers on the host of the broker. With another `queue`, a
    receiver gets all values as well."""

    def __init__(self, directory, network, cgroup):
        self.directory = directory
        self.hub = network.hub
        self.sender = Collectd(
            directory / "sender", host=HOST,
            options=f'Root "{cgroup.directory("v2")}"\nReportAll true',
            include=[examples.path("amqp_sender")])
        self.prefix = network[0].prefix
        self.receivers = {name: self.receiver(name, queue) for name, queue in
                          (("stays", "another"), ("pauses", "collectd"))}

    def receiver(self, name, queue):
        text = examples.path("amqp_receiver").read_text()
        assert text.count('Queue "collectd"') == 1
        changed = self.directory / f"{name}.conf"
        changed.write_text(text.replace('Queue "collectd"',
                                        f'Queue "{queue}"'))
        return Collectd(self.directory / name, options=None, host=name,
                        include=[changed])

    def start(self, collectd, *prefix):
        host = self.prefix if collectd is self.sender else self.hub.prefix
        return collectd.start([*FIRST, *host, *prefix])

    def received(self, name, kind=USAGE, instance="busy"):
        return self.receivers[name].series("cgroup_cpu", instance, kind, HOST)

    def wait_until_received(self, name, moment):
        self.sender.wait_for(lambda: any(
            when > moment for when, _ in self.received(name, instance="root")),
            60)


def count(fleet):
    return len(fleet.sender.usage())


@pytest.fixture
def fleet(tmp_path):
    with Network(tmp_path / "network", {BROKER: None, HOST: 0}) as network, \
            Cgroup({"v2": require_both()["v2"]}) as cgroup:
        cgroup.child("busy").use(20)
        yield Fleet(tmp_path, network, cgroup)


@needs_strace
def test_a_restart_of_the_broker(tmp_path, fleet):
    """Lost is what was sent while it was down, until the sender tries again. What
    waited in the broker for a receiver is not."""
    stays, pauses = fleet.receivers.values()
    with RabbitMQ(fleet.hub, tmp_path / "rabbitmq") as broker, \
            stays, pauses, fleet.sender as sender:
        broker.start()
        fleet.hub.wait_for(broker.is_ready, 60)
        for collectd in (stays, pauses):
            fleet.start(collectd)
            collectd.wait_for(lambda: "read-loop" in collectd.log)
        fleet.start(sender)
        sender.wait_for_samples(3)
        for name in fleet.receivers:
            fleet.wait_until_received(name, sender.usage()[2][0])

        stopping = time.time()
        pauses.stop()
        paused = time.time()
        sender.wait_for_samples(count(fleet) + 3)
        ending = time.time()
        broker.stop()
        down = time.time()
        sender.wait_for_samples(count(fleet) + 4)
        starting = time.time()
        broker.start()
        fleet.hub.wait_for(broker.is_ready, 60)
        back = time.time()
        fleet.start(pauses, *SLOW)
        for name in fleet.receivers:
            fleet.wait_until_received(name, back)
        enough = time.time() + 1
        for name in fleet.receivers:
            fleet.wait_until_received(name, enough)
        times = ending, down, starting, back
        check(fleet, "stays", times)
        # What the broker handed to it while it ended.
        check(fleet, "pauses", times, (stopping - 1.5, paused))
        # All that was sent meanwhile waited for it.
        assert [row for row in fleet.received("pauses")
                if paused < row[0] < ending - 1.5]


def check(fleet, name, times, unsure=(0, 0)):
    """All values that are not lost are those of csv. Any can be lost between the
    two times."""
    ending, down, starting, back = times
    usage = fleet.received(name, instance="root")
    begin, end = usage[0][0] + 0.5, usage[-1][0] - 0.5
    kinds = fleet.sender.kinds()
    assert {("busy", USAGE), ("root", "gauge-millicores")} <= kinds
    for instance, kind in kinds:
        sent, received = (
            [row for row in series if begin < row[0] < end] for series in (
                fleet.sender.series("cgroup_cpu", instance, kind),
                fleet.received(name, kind, instance)))
        assert set(received) <= set(sent)
        assert len(received) == len(set(received))
        lost = sorted(row for row in set(sent) - set(received)
                      if not unsure[0] < row[0] < unsure[1])
        during = [row for row in sent if down < row[0] < starting]
        assert len(during) >= 3
        assert set(during) <= set(lost)
        assert ending - 1.5 <= lost[0][0]
        assert lost[-1][0] <= back + DELAY + 1.5
