# SPDX-License-Identifier: MIT
"""Each microsecond that the root uses is in one value, while fifty cgroups per
second are created and removed, and a service is restarted every second."""
import re
import time

import pytest

from churn import Churn
from cgroups import COUNTERS
from delivered import (LEFT, MILLICORES, REMAINDER, complaints, instances,
                       moments, wait_for_passes)
from forest import Forest
from lives import Lives
from measurement import between, intervals
from recorder import Recorder
from waiting import wait_until

pytest_plugins = ["watched"]

# How long the books are kept. What differs between the versions shows soon.
LONG, SHORT = 30, 20
RATE = 50
SERVICE = "services_web"
# A sample in the log: the counter, and its rise if that is known
SAMPLE = re.compile(SERVICE + r": CPU μs: (\d+)(?: \| delta: \+(\d+) )?")
OPTIONS = 'LeavesOnly true\nLogSamples true\nNameRoot "{host}"\n'


@pytest.fixture
def host(tmp_path):
    """Where the names of Docker's containers are"""
    return tmp_path / "host"


def samples(collectd):
    return [tuple(number and int(number) for number in found)
            for found in SAMPLE.findall(collectd.log)]


def used(collectd, instance, kind, passes):
    """What these gauges say was used from the first to the last of these moments,
    in µs"""
    lengths = {end: end - begin for begin, end in zip(passes, passes[1:])}
    return sum(
        value * lengths[moment] * 1000
        for moment, value in collectd.series("cgroup_cpu", instance, kind)
        if moment in lengths)


def all_used(collectd, passes):
    """The same of all gauges together"""
    return sum(used(collectd, instance, kind, passes)
               for kind in (MILLICORES, REMAINDER)
               for instance in instances(collectd, kind))


def rise(rows):
    return rows[-1][1] - rows[0][1]


def check_sum(collectd, record, seconds):
    """The sum of all series is the use of the root"""
    passes = moments(collectd, kind=REMAINDER)[:-1]
    begin, end = passes[0], passes[-1]
    assert end - begin >= seconds - 1
    reported = all_used(collectd, passes)
    truth = record.at(end)[1] - record.at(begin)[1]
    print(f"all series {reported:.0f} µs, the root {truth:.0f} µs")
    assert reported == pytest.approx(truth, rel=0.01)
    # The counter of the remainder says the same as its gauge.
    left = between(collectd.series("cgroup_cpu", "root", LEFT),
                   begin, end)
    gauges = dict(collectd.series("cgroup_cpu", "root", REMAINDER))
    assert rise(left) == pytest.approx(
        sum(gauges[end] * (end - begin) * 1000
            for (begin, _), (end, _) in intervals(left)), rel=0.01)


def check_each_life(collectd, lives):
    """In each interval in which it is sampled, the service has the use since the
    previous sample of this life, or else since its birth"""
    rows = samples(collectd)
    ends = [usage for _, _, usage in lives]
    begun = 0
    assert rows
    for (before, _), (usage, used) in zip(rows, rows[1:]):
        assert used is not None
        assert used in (usage - before, usage)
        begun += used == usage
    # Some are too short for the interval.
    assert len(lives) / 2 < begun <= len(lives)
    assert max(usage for usage, _ in rows) <= max(ends)


def check_all_lives(collectd, record):
    """With samples in between, at most the end of each life is missing"""
    usage = collectd.usage(SERVICE)
    used = sum(int(used) for _, used in samples(collectd)[1:])
    truth = record.at(usage[-1][0])[1] - record.at(usage[0][0])[1]
    print(f"with samples the service {used} µs of {truth:.0f} µs")
    assert 0.92 <= used / truth <= 1.005
    assert all(used is not None for _, used in samples(collectd)[1:])


def check_short_lives(plain, sampled):
    """A third lives for 0.3 s. With samples in between, nearly all of them are
    reported; without, less than half. None has a name that is not its own."""
    found, more = (instances(one, MILLICORES) for one in (plain, sampled))
    print(f"{len(found)} cgroups, with samples {len(more)}")
    assert len(more) > 1.2 * len(found)
    assert all(re.fullmatch(r"docker_churn-\d+|churn(_\d+)?|services(_web)?|docker", name)
               for name in more)


def check_parent(collectd, record):
    """The rest is left to the parent, or is its own use in intervals in which it
    is a leaf, because the service is between two lives"""
    passes = moments(collectd, kind=LEFT)[:-1]
    usage = between(collectd.usage(SERVICE), passes[0], passes[-1])
    begin, end = usage[0][0], usage[-1][0]
    own = sum(more for _, more in samples(collectd)[1:len(usage)])
    left = dict(collectd.series("cgroup_cpu", "services", LEFT))
    rest = left[end] - left[begin]
    alone = used(collectd, "services", MILLICORES,
                 [moment for moment in passes if begin <= moment <= end])
    truth = record.at(end)[1] - record.at(begin)[1]
    print(f"the service {own} µs, left {rest:.0f} µs, the parent alone"
          f" {alone:.0f} µs, in all {truth:.0f} µs")
    assert rest > 0
    assert own + rest + alone == pytest.approx(truth, rel=0.01)


@pytest.mark.parametrize("version, seconds", [
    pytest.param("v1", SHORT, marks=pytest.mark.xdist_group("small loads")),
    pytest.param("v2", LONG, marks=pytest.mark.xdist_group("many cgroups"))])
def test_complete_books(cgroup, directory, start, version, seconds, host,
                        tmp_path):
    file = COUNTERS[version]
    root, services = directory / file, directory / "services" / file
    with Forest(directory, ["docker", "churn", "services"]), \
            Recorder(tmp_path / "record", [root, services]) as recorder, \
            Churn(directory, RATE, host) as churn, \
            Lives(directory / "services/web", file) as lives:
        options = OPTIONS.format(host=host)
        collectd = start(options, interval=1)
        sampled = start(options + "PeakInterval 0.1", interval=1)
        wait_for_passes(sampled, 2, kind=LEFT)
        ended = time.monotonic() + seconds + 2
        wait_until(lambda: time.monotonic() > ended, seconds + 12, str)
        passes = wait_for_passes(sampled, 1, kind=LEFT)
        recorder.wait_until_past(passes[-1] + 2)
        collectd.stop()
        sampled.stop()

    assert churn.count > 0.8 * RATE * seconds
    for one in collectd, sampled:
        assert not complaints(one)
        check_sum(one, recorder.of(root), seconds)
    check_each_life(collectd, lives.lives)
    check_parent(collectd, recorder.of(services))
    check_all_lives(sampled, recorder.of(services))
    check_short_lives(collectd, sampled)
