# SPDX-License-Identifier: MIT
"""A relay spreads the series over three carbons, and keeps what is for one of them
while it is down."""
import contextlib
import shutil
import time

import pytest

import examples
from network import Network
from precedence import FIRST
from sender import Sender
from store_graphite import start_carbon
from waiting import wait_until

whisper = pytest.importorskip("whisper")

EXAMPLE = "write_graphite_relay"
HOST = "one.example.com"
CARBONS = [f"graphite{number}.example.com" for number in (1, 2, 3)]
PLACES = {"relay.example.com": None, **{
    name: number for number, name in enumerate([*CARBONS, HOST])}}
CGROUPS = ["root", "system.slice", "k8s_default_a.b_app", "podman@1000_job",
           "docker_app+init", "k8s_default_a234~789_app",
           *(f"system.slice_web{number}.service" for number in range(40))]
DOWN = 1
# What the relay keeps for each carbon, instead of the example's number: for some
# passes of the series of one of them enough.
QUEUE = 3000


class Sharded:
    def __init__(self, network, directory):
        self.hub = network.hub
        self.carbons = [network[number] for number in range(len(CARBONS))]
        self.directory = directory
        for carbon in self.carbons:
            self.start(carbon)
        self.start_relay()

    def start(self, carbon):
        """It writes at once, but what it had of the cache is written when it
        ends"""
        start_carbon(carbon)
        carbon.wait_for(lambda: carbon.listens(2003))

    def start_relay(self):
        program, *options = examples.command(EXAMPLE)
        if not shutil.which(program):
            pytest.skip(f"needs {program}")
        configuration = self.directory / "carbon-c-relay.conf"
        configuration.write_text(examples.additions(EXAMPLE))
        options[options.index(configuration.name)] = str(configuration)
        options[options.index("-q") + 1] = str(QUEUE)
        self.hub.start("relay", program, *options, TMPDIR=str(self.directory))
        self.hub.wait_for(lambda: self.hub.listens(2003))

    def stored(self, carbon, begin):
        """{cgroup: {time: value}}. A file that carbon is just making has no header."""
        found = {}
        for path in carbon.directory.glob("graphite/whisper/collectd/**/*.wsp"):
            series = path.parent.name
            if not series.startswith("cgroup_cpu-"):
                continue
            with contextlib.suppress(whisper.CorruptWhisperFile):
                (first, end, step), values = whisper.fetch(
                    str(path), begin - 1, begin + 3000)
                found[series[len("cgroup_cpu-"):]] = {
                    moment: value for moment, value
                    in zip(range(first, end, step), values)
                    if value is not None}
        return found

    def all_stored(self, begin):
        return [self.stored(carbon, begin) for carbon in self.carbons]

    def log(self):
        return "\n".join(host.log() for host in (self.hub, *self.carbons))


def connections(host):
    """The addresses of the others"""
    return {line.split()[4].rsplit(":", 1)[0]
            for line in host.sockets().splitlines()}


@pytest.fixture
def network(tmp_path):
    with Network(tmp_path / "network", PLACES) as network:
        yield network


@pytest.fixture
def sharded(network, tmp_path):
    return Sharded(network, tmp_path)


@pytest.fixture
def sender(sharded, network, tmp_path):
    with Sender(tmp_path, HOST, [EXAMPLE]) as collectd:
        yield collectd.start([*FIRST, *network[len(CARBONS)].prefix])


def escaped(cgroup):
    return cgroup.replace(".", "~")


class Passes:
    """Passes of all cgroups, one for each second from `begin`, each value
    another"""

    def __init__(self, sender):
        self.sender = sender
        self.begin = int(time.time()) - 1000
        self.count = 0

    def send(self, count):
        for _ in range(count):
            self.sender.send(
                {cgroup: self.value(cgroup, self.count)
                 for cgroup in CGROUPS}, self.begin + self.count)
            self.count += 1
        self.sender.tell("FLUSH")

    @staticmethod
    def value(cgroup, number):
        return 1000.0 * number + CGROUPS.index(cgroup)

    def expected(self, cgroups, numbers=None):
        return {escaped(cgroup): {
            self.begin + number: self.value(cgroup, number)
            for number in (range(self.count) if numbers is None else numbers)}
            for cgroup in CGROUPS if escaped(cgroup) in cgroups}


def wait_for(sharded, passes, shards, expected=None):
    """Until these carbons have all that was sent of their series"""
    def have():
        passes.sender.tell("FLUSH")
        return all(sharded.stored(sharded.carbons[number], passes.begin)
                   == passes.expected(shards[number]) for number in expected)
    wait_until(have, 30, sharded.log)


def shards_of(sharded, passes):
    """The series of each carbon. No series is on two."""
    wait_until(lambda: sum(map(len, sharded.all_stored(passes.begin)))
               >= len(CGROUPS), 30, sharded.log)
    shards = [set(found) for found in sharded.all_stored(passes.begin)]
    assert sum(map(len, shards)) == len(CGROUPS)
    assert set.union(*shards) == set(map(escaped, CGROUPS))
    assert min(map(len, shards)) >= 5
    return shards


def stop(sharded, carbon):
    """Ends it. What was on its way to it then would be lost: the relay has
    noticed when this returns."""
    carbon.stop("carbon")
    wait_until(lambda: carbon.address not in connections(sharded.hub), 30,
               sharded.log)


def test_a_carbon_is_down_and_comes_back(sharded, sender):
    passes = Passes(sender)
    passes.send(5)
    shards = shards_of(sharded, passes)
    everywhere = range(len(CARBONS))
    wait_for(sharded, passes, shards, everywhere)

    down = sharded.carbons[DOWN]
    stop(sharded, down)
    passes.send(50)
    assert 50 * len(shards[DOWN]) < QUEUE
    others = [number for number in everywhere if number != DOWN]
    wait_for(sharded, passes, shards, others)
    assert sharded.stored(down, passes.begin) == passes.expected(
        shards[DOWN], range(5))
    sharded.start(down)
    wait_for(sharded, passes, shards, everywhere)

    # This time they do not fit in.
    stop(sharded, down)
    before = passes.count
    passes.send(2 * QUEUE // len(shards[DOWN]))
    wait_for(sharded, passes, shards, others)
    sharded.start(down)
    check_what_is_left(sharded, passes, shards, before)


def check_what_is_left(sharded, passes, shards, before):
    """As many as the queue holds, and a few of collectd's own. They are the
    newest ones."""
    carbon = sharded.carbons[DOWN]
    expected = passes.expected(shards[DOWN])
    last = passes.begin + passes.count - 1
    wait_until(lambda: all(last in series for series in
                           sharded.stored(carbon, passes.begin).values()),
               30, sharded.log)
    left = 0
    for cgroup, found in sharded.stored(carbon, passes.begin).items():
        assert found.items() <= expected[cgroup].items()
        during = sorted(moment for moment in found
                        if moment >= passes.begin + before)
        assert set(range(passes.begin, passes.begin + before)) < set(found)
        assert during == list(range(during[0], last + 1))
        left += len(during)
    assert QUEUE - 100 <= left <= QUEUE
