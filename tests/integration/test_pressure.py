# SPDX-License-Identifier: MIT
"""How long tasks wait for a CPU, and who used it, on the v2 side of a host
whose controllers are all on v1, against the kernel's files."""
import os
import subprocess
import time

import pytest

from cgroups import Cgroup, require_both
from daemon import BURN, Collectd
from delivered import (complaints, has_nan, instance_of, kinds,
                       wait_for_passes)
from measurement import BUSY_DELAY, check_counter, check_mean, check_rates
from recorder import Recorder
from series import mean, steady
from waiting import wait_until

PASSES = 10
LOOP = [BURN, "--millicores", "1000"]
# A file and a key for each counter.
COUNTERS = {
    "cpu_usage_usec": ("cpu.stat", "usage_usec"),
    "user_usec": ("cpu.stat", "user_usec"),
    "system_usec": ("cpu.stat", "system_usec"),
    "nice_usec": ("cpu.stat", "nice_usec"),
    "pressure_some_usec": ("cpu.pressure", "some"),
    "pressure_full_usec": ("cpu.pressure", "full"),
}
LOADS = {
    "waiting": [LOOP, LOOP],
    "polite": [["nice", "-n", "5", BURN, "--millicores", "100"]],
    "calls": [["dd", "if=/dev/zero", "of=/dev/null", "bs=64k"]],
    "idle": [["sleep", "infinity"]],
}


def pin():
    """Both loops have to do with one CPU"""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Host:
    """Cgroups with several loads, what collectd tells of them, and what the
    kernel's files said all the while"""

    def __init__(self, directory, cgroup):
        self.cgroups = {load: cgroup.child(load) for load in LOADS}
        for load, commands in LOADS.items():
            for command in commands:
                self.cgroups[load].start(*command, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL,
                                         preexec_fn=pin)
        self.recorder = Recorder(
            directory / "record", {str(self.file(load, file)) for load in LOADS
                                   for file, _ in COUNTERS.values()})
        self.collectd = Collectd(
            directory / "collectd", "CgroupVersion \"v2\"\nReportAll true\n"
            f'CGroup "/{cgroup.path}/*"')
        with self.recorder, self.collectd.start():
            self.collectd.wait_for(lambda: all(
                len(self.collectd.usage(self.instance(load))) > PASSES
                for load in LOADS))
            self.end = time.time()
            for load, child in self.cgroups.items():
                wait_until(child.is_empty, 10, lambda: f"{load} is in use")
            wait_for_passes(self.collectd, 4, self.instance("idle"))
            self.recorder.wait_until_past(time.time() + 1)

    def file(self, load, file):
        return self.cgroups[load].directory("v2") / file

    def has(self, counter):
        """Older kernels have no nice_usec"""
        file, key = COUNTERS[counter]
        return key in self.file("idle", file).read_text()

    def instance(self, load):
        return instance_of(self.cgroups[load].path)

    def rows(self, load, kind):
        """While the loads ran"""
        return [(moment, value) for moment, value in
                steady(self.collectd, self.instance(load), kind)
                if moment < self.end]

    def record(self, load, counter):
        file, key = COUNTERS[counter]
        return self.recorder.of(self.file(load, file), key)


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with Cgroup({"v2": require_both()["v2"]}) as cgroup:
        yield Host(tmp_path_factory.mktemp("pressure"), cgroup)


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("load", LOADS)
def test_each_counter_is_the_kernels(host, load, counter):
    rows = host.rows(load, f"derive-{counter}")
    if not host.has(counter):
        assert not rows
        return
    assert len(rows) >= PASSES - 1
    check_counter(rows, host.record(load, counter), BUSY_DELAY)


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("load", LOADS)
def test_each_counter_is_exactly_the_kernels(host, load, counter):
    """Once there are no loads any more"""
    if host.has(counter):
        _, value = steady(host.collectd, host.instance(load),
                          f"derive-{counter}")[-1]
        assert value == host.record(load, counter).rows[-1][-1]


def test_the_loads_were_there(host):
    """What is compared is neither nothing nor all the same"""
    def used(load, counter):
        rows = host.record(load, counter).rows
        return rows[-1][-1] - rows[0][-1]

    assert used("waiting", "user_usec") > 1_000_000
    assert used("calls", "system_usec") > 100_000
    assert used("waiting", "pressure_some_usec") > PASSES * 900_000
    if host.has("nice_usec"):
        assert used("polite", "nice_usec") > 100_000
        assert used("waiting", "nice_usec") == 0


@pytest.mark.parametrize("part", ["some", "full"])
@pytest.mark.parametrize("load", LOADS)
def test_pressure_in_percent(host, load, part):
    counter = host.rows(load, f"derive-pressure_{part}_usec")
    percents = host.rows(load, f"percent-pressure_{part}")
    check_mean(counter, percents,
               host.record(load, f"pressure_{part}_usec"), 1e4)
    check_rates(counter, percents, 1e4, most=100)


def test_two_loops_on_one_cpu_always_wait(host):
    assert mean([value for _, value in
                 host.rows("waiting", "percent-pressure_some")]) > 95


def test_who_sleeps_waits_for_no_cpu(host):
    values = [value for _, value in host.rows("idle", "percent-pressure_some")]
    assert mean(values) < 1


@pytest.mark.parametrize("kind", ["user", "system"])
@pytest.mark.parametrize("load", ["waiting", "calls"])
def test_user_and_system_millicores(host, load, kind):
    check_rates(host.rows(load, f"derive-{kind}_usec"),
                host.rows(load, f"gauge-{kind}_millicores"))


def test_what_v2_does_not_have_is_absent(host):
    expected = {f"derive-{counter}" for counter in COUNTERS
                if host.has(counter)}
    expected |= {"gauge-millicores", "gauge-user_millicores",
                 "gauge-system_millicores", "percent-pressure_some",
                 "percent-pressure_full"}
    assert kinds(host.collectd) == {
        host.instance(load): expected for load in LOADS}


def test_no_throttling_is_said_once(host):
    """The controller is with v1 here, and has other cgroups"""
    (line,) = [text for text in host.collectd.messages("info")
               if "Values not available" in text]
    assert line.startswith("Values not available here: throttling "
                           "(the cpu hierarchy does not report it)")
    for there in "pressure", "user":
        assert there not in line


def test_no_complaint_and_no_nan(host):
    assert not complaints(host.collectd)
    assert not has_nan(host.collectd)
