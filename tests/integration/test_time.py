# SPDX-License-Identifier: MIT
"""However clocks and intervals behave, a rate is the use in the elapsed
time."""
import itertools
import subprocess
import time

import pytest

import measurement
from daemon import BURN
from delivered import wait_for_passes
from precedence import FIRST
from recorder import Recorder
from standins import Standins
from waiting import wait_until

pytest_plugins = ["watched"]
pytestmark = pytest.mark.xdist_group("small loads")
INTERVAL = 0.5
LOAD = 100
# Nothing is reported in a pass that begins sooner after the readings of another.
SOONEST = INTERVAL / 10 - measurement.ROUNDING


@pytest.fixture
def version():
    return "v1"


@pytest.fixture
def record(tmp_path, cgroup):
    """Records a cgroup with a steady load"""
    cgroup.start(*FIRST, BURN, "--millicores", str(LOAD), "--seconds", "120",
                 stdout=subprocess.DEVNULL)
    with Recorder(tmp_path / "record", [cgroup.counter("v1")]) as recorder:
        yield recorder


def check(collectd, record, cgroup, stepped=(float("inf"), 0)):
    """Every gauge is the kernel's mean over its interval, and no interval is too
    short for that, not even after a missed pass. `stepped` is the time from
    which on the clock was wrong, and by how much; times after that are
    corrected. Returns the times of all passes."""
    step, seconds = stepped

    def corrected(series):
        return [(moment - seconds if moment > step else moment, value)
                for moment, value in series]

    usage, gauges = map(corrected, collectd.samples())
    moments = [moment for moment, _ in usage]
    record.wait_until_past(moments[-1] + measurement.BUSY_DELAY)
    measurement.check_values(usage, gauges, record.of(cgroup.counter("v1")))
    assert [moment for moment, _ in gauges] == moments[1:]
    assert max(value for _, value in gauges) < 1100
    assert all(end - begin >= SOONEST
               for begin, end in itertools.pairwise(moments))
    return moments


@pytest.mark.parametrize("seconds", [3600, -3])
def test_a_stepped_clock(tmp_path, cgroup, start, record, seconds):
    """If the clock is set back, collectd waits until it reaches the beginning
    of the next interval. Then there is one value over the whole time."""
    standins = Standins(tmp_path / "standins")
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 4)
    step = time.time()
    standins.order(shift=seconds)
    wait_for_passes(collectd, 5)
    collectd.stop()
    moments = check(collectd, record, cgroup, (step, seconds))
    longest = max(end - begin for begin, end in itertools.pairwise(moments))
    assert longest < 2 * INTERVAL + max(0, -seconds)
    assert not collectd.messages("warning") + collectd.messages("error")


def test_a_process_that_was_stopped(cgroup, start, record):
    """The same happens if the machine was stopped: one value over the gap"""
    gap = 4
    collectd = start(interval=INTERVAL)
    wait_for_passes(collectd, 4)
    with collectd.paused():
        time.sleep(gap)
    wait_for_passes(collectd, 5)
    collectd.stop()
    moments = check(collectd, record, cgroup)
    lengths = [end - begin for begin, end in itertools.pairwise(moments)]
    assert len([length for length in lengths if length > gap - INTERVAL]) == 1
    assert not collectd.messages("warning") + collectd.messages("error")


def test_intervals_that_are_late(tmp_path, cgroup, start, record):
    """Reading takes longer than an interval"""
    standins = Standins(tmp_path / "standins")
    slow = cgroup.child("slow")
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 3)
    standins.order("pread", late=1.7 * INTERVAL,
                   path=f"{slow.path}/cpuacct.usage")
    wait_for_passes(collectd, 3)
    standins.order()
    wait_for_passes(collectd, 4)
    collectd.stop()
    moments = check(collectd, record, cgroup)
    lengths = [end - begin for begin, end in itertools.pairwise(moments)]
    assert len([length for length in lengths if length > 1.5 * INTERVAL]) >= 2
    assert not collectd.messages("warning") + collectd.messages("error")


def test_a_search_that_is_late(tmp_path, cgroup, start, record):
    """It takes longer than an interval to look at a new cgroup, and then the
    readings of two passes are close together, not their beginnings"""
    standins = Standins(tmp_path / "standins")
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 3)
    standins.order("openat2", late=1.3 * INTERVAL, path="new")
    cgroup.child("new")
    wait_until(lambda: standins.hits > 0, 10, lambda: collectd.log)
    standins.order()
    wait_for_passes(collectd, 4)
    collectd.stop()
    moments = check(collectd, record, cgroup)
    lengths = [end - begin for begin, end in itertools.pairwise(moments)]
    assert max(lengths) > 1.5 * INTERVAL
    assert not collectd.messages("warning") + collectd.messages("error")
