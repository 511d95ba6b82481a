# SPDX-License-Identifier: MIT
"""Two hosts that send to a third, which does not have the plugin."""
import contextlib
import subprocess
import time

import pytest

import examples
from cgroups import Cgroup, require_both
from daemon import BURN, Collectd
from network import Network
from precedence import FIRST

RECEIVER = "collectd.example.com"
SENDERS = ("one.example.com", "two.example.com")
PASSWORDS = "collectd/fleet.passwd"
LOAD = 150
DECIMALS = 1e-6
pytestmark = pytest.mark.xdist_group("small loads")


class Fleet:
    """The senders `one` and `two`, and the receiver"""

    def __init__(self, directory, stack, passwords, sender):
        self.stack = stack
        self.directory = directory
        self.sender = sender
        self.network = stack.enter_context(Network(
            directory / "network",
            {RECEIVER: None, SENDERS[0]: 0, SENDERS[1]: 1},
            {PASSWORDS: passwords}))
        self.receiver = self.start(None, RECEIVER,
                                   [examples.path("fleet_receiver")], None)
        self.receiver.wait_for(lambda: "read-loop" in self.receiver.log)
        self.senders = []

    def start(self, number, name, include, options):
        collectd = self.stack.enter_context(Collectd(
            self.directory / name, options=options, host=name,
            include=include))
        host = (self.network.hub if number is None else self.network[number])
        return collectd.start([*FIRST, *host.prefix])

    def send(self, cgroup):
        for number, name in enumerate(SENDERS):
            self.senders.append(self.start(
                number, name, [self.sender],
                f'Root "{cgroup.directory("v2")}"\nReportAll true'))
        return self.senders

    def received(self, sender, kind, instance="busy"):
        return self.receiver.series("cgroup_cpu", instance, kind, sender.host)


@pytest.fixture
def busy():
    """A cgroup, seen as the root, with a known load in a child"""
    with Cgroup({"v2": require_both()["v2"]}) as cgroup:
        cgroup.child("busy").start(*FIRST, BURN, "--millicores",
                                   str(LOAD), stdout=subprocess.DEVNULL)
        yield cgroup


@pytest.fixture
def start(tmp_path):
    with contextlib.ExitStack() as stack:
        yield lambda passwords=examples.other_side("fleet_receiver"), \
            sender=examples.path("fleet_sender"): Fleet(
                tmp_path, stack, passwords, sender)


def signing(tmp_path):
    """The example, with the other level that its comment mentions"""
    path = tmp_path / "signing.conf"
    path.write_text(examples.changed(
        examples.path("fleet_sender").read_text(),
        ('SecurityLevel "Encrypt"', 'SecurityLevel "Sign"')))
    return path


def last_complete(fleet, sender):
    """The time up to which all values have arrived"""
    usage = fleet.received(sender, "derive-cpu_usage_usec", "root")
    return usage[-1][0] - 0.5


def check_received(fleet, sender, until):
    """csv has the same at the receiver and at the sender"""
    names = sender.kinds()
    assert {(instance, kind) for instance in ("root", "busy") for kind in (
        "derive-cpu_usage_usec", "gauge-millicores",
        "percent-pressure_some")} <= names
    for instance, kind in names:
        sent, received = (
            [row for row in series if row[0] <= until] for series in (
                sender.series("cgroup_cpu", instance, kind),
                fleet.received(sender, kind, instance)))
        assert sent and received == sent


@pytest.mark.parametrize("level", ["encrypted", "signed"])
def test_every_series_arrives_under_its_own_host(tmp_path, busy, start, level):
    fleet = start() if level == "encrypted" else start(sender=signing(tmp_path))
    senders = fleet.send(busy)
    fleet.receiver.wait_for(lambda: all(
        len(fleet.received(sender, "gauge-millicores")) >= 4
        for sender in senders))
    for sender in senders:
        check_received(fleet, sender, last_complete(fleet, sender))
    assert {path.name for path in
            (fleet.receiver.directory / "csv").iterdir()} == {
                RECEIVER, *SENDERS}
    assert "Dataset not found" not in fleet.receiver.log
    assert "cgroup_cpu" not in fleet.receiver.log


def test_a_wrong_password_stores_nothing(busy, start):
    fleet = start(passwords="fleet: another\n")
    sender, _ = fleet.send(busy)
    sender.wait_for_samples(4)
    fleet.receiver.wait_for(lambda: "Checksum mismatch" in fleet.receiver.log
                            or "hash mismatch" in fleet.receiver.log)
    fleet.receiver.wait_for(lambda: fleet.receiver.series(
        "collectd", "write_queue", "queue_length"))
    assert {path.name for path in
            (fleet.receiver.directory / "csv").iterdir()} == {RECEIVER}


def test_a_cut_loses_the_gap_and_shows_no_spike(busy, start):
    fleet = start()
    cut, other = fleet.send(busy)

    def wait_until_received(sender, moment):
        fleet.receiver.wait_for(lambda: all(
            series and series[-1][0] > moment for series in (
                fleet.received(sender, "gauge-millicores", instance)
                for instance in ("busy", "root"))))

    wait_until_received(cut, time.time() + 3)
    fleet.network.cut(0)
    began = time.time()
    cut.wait_for_samples(len(cut.usage()) + 8)
    fleet.network.mend(0)
    ended = time.time()
    wait_until_received(cut, ended + 3)
    wait_until_received(other, ended)

    check_received(fleet, other, ended)
    check_the_gap(fleet, cut, began, ended)


def check_the_gap(fleet, sender, began, ended):
    """The values sent meanwhile are lost. Packets are sent when they are full,
    so the values that waited then are lost as well: those of a second or
    two."""
    for kind in ("gauge-millicores", "derive-cpu_usage_usec"):
        received = fleet.received(sender, kind)
        last = received[-1][0]
        sent = [row for row in sender.series("cgroup_cpu", "busy", kind)
                if row[0] <= last]
        assert set(received) <= set(sent)
        lost = set(sent) - set(received)
        assert len(lost) >= 5
        assert began - 3 <= min(lost)[0] and max(lost)[0] <= ended + 1
    gauges = [value for _, value in fleet.received(sender, "gauge-millicores")]
    assert max(gauges) <= LOAD * 1.3
    # The counter continued meanwhile, so its mean over the gap is right.
    usage = fleet.received(sender, "derive-cpu_usage_usec")
    (begin, before), (end, after) = max(
        zip(usage, usage[1:]), key=lambda pair: pair[1][0] - pair[0][0])
    assert end - begin >= 5
    assert (after - before) / (end - begin) / 1000 == pytest.approx(
        LOAD, rel=0.1)
