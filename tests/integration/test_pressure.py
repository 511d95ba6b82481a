# SPDX-License-Identifier: MIT
"""Compares with the kernel's files how long tasks wait for a CPU, and who used
it, on the v2 side of a host with all controllers on v1."""
import os
import subprocess
import time

import pytest

import observed
from cgroups import Cgroup, require_both
from daemon import BURN, Collectd
from delivered import kinds, wait_for_passes
from measurement import BUSY_DELAY, check_counter
from observed import PASSES
from recorder import Recorder

pytestmark = pytest.mark.timing
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
    """Both loops share one CPU"""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


class Host(observed.Host):
    """Cgroups with several loads"""

    counters = COUNTERS

    def __init__(self, directory, cgroup):
        self.cgroups = {load: cgroup.child(load) for load in LOADS}
        for load, commands in LOADS.items():
            for command in commands:
                self.cgroups[load].start(*command, stdout=subprocess.DEVNULL,
                                         stderr=subprocess.DEVNULL,
                                         preexec_fn=pin)
        super().__init__(
            Collectd(directory / "collectd", "CgroupVersion \"v2\"\n"
                     f'ReportAll true\nCGroup "/{cgroup.path}/*"'),
            Recorder(directory / "record", {
                str(self.file(load, file)) for load in LOADS
                for file, _ in COUNTERS.values()}))
        self.watch(self.cgroups, [*LOADS])

    def path(self, load):
        return self.cgroups[load].path

    def file(self, load, file):
        return self.cgroups[load].directory("v2") / file

    def has(self, counter):
        """Older kernels have no nice_usec"""
        file, key = COUNTERS[counter]
        return key in self.file("idle", file).read_text()


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with Cgroup({"v2": require_both()["v2"]}) as cgroup:
        yield Host(tmp_path_factory.mktemp("pressure"), cgroup)


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("load", LOADS)
def test_each_counter_is_the_kernels(host, load, counter):
    if host.has(counter):
        host.check_counter(load, counter, PASSES - 1)
    else:
        assert not host.rows(load, f"derive-{counter}")


@pytest.mark.parametrize("counter", COUNTERS)
@pytest.mark.parametrize("load", LOADS)
def test_each_counter_is_exactly_the_kernels(host, load, counter):
    if host.has(counter):
        host.check_end(load, counter)


def test_the_loads_were_there(host):
    """The compared values are not zero, and not all the same"""
    assert host.used("waiting", "user_usec") > 1_000_000
    assert host.used("calls", "system_usec") > 100_000
    assert host.used("waiting", "pressure_some_usec") > PASSES * 900_000
    if host.has("nice_usec"):
        assert host.used("polite", "nice_usec") > 100_000
        assert host.used("waiting", "nice_usec") == 0


@pytest.mark.parametrize("part", ["some", "full"])
@pytest.mark.parametrize("load", LOADS)
def test_pressure_in_percent(host, load, part):
    host.check_pressure(load, part)


def test_two_loops_on_one_cpu_always_wait(host):
    assert host.mean("waiting", "percent-pressure_some") > 95


def test_who_sleeps_waits_for_no_cpu(host):
    assert host.mean("idle", "percent-pressure_some") < 1


@pytest.mark.parametrize("part", ["user", "system"])
@pytest.mark.parametrize("load", ["waiting", "calls"])
def test_user_and_system_millicores(host, load, part):
    host.check_part(load, part)


def test_what_v2_does_not_have_is_absent(host):
    expected = {f"derive-{counter}" for counter in COUNTERS
                if host.has(counter)}
    expected |= {"gauge-millicores", "gauge-user_millicores",
                 "gauge-system_millicores", "percent-pressure_some",
                 "percent-pressure_full"}
    # These depend on the kernel.
    more = {"derive-frozen_usec", "derive-force_idle_usec",
            "derive-pressure_irq_usec", "percent-pressure_irq"}
    assert {instance: found - more for instance, found in
            kinds(host.collectd).items()} == {
        host.instance(load): expected for load in LOADS}


def test_no_throttling_is_said_once(host):
    """The controller is on v1 here, with other cgroups"""
    line = host.not_available()
    assert " throttling (the cpu hierarchy does not report it)" in line
    for there in "full pressure", ", pressure (", "user and system":
        assert there not in line
    # What there is of these is in the files of every cgroup.
    for text, file, key in (
            ("forced idle time", "cpu.stat", "core_sched.force_idle_usec"),
            ("frozen time", "cgroup.stat.local", "frozen_usec"),
            ("pressure of interrupts", "irq.pressure", "full")):
        place = host.file("idle", file)
        there = place.exists() and key in place.read_text()
        assert (f" {text} (Linux reports it since" in line) != there


def test_a_frozen_cgroup_is_not_idle(tmp_path):
    """It uses nothing and is frozen all the time, also below a frozen one"""
    with Cgroup({"v2": require_both()["v2"]}) as cgroup:
        frozen = cgroup.child("frozen")
        places = {"frozen": frozen, "frozen_below": frozen.child("below"),
                  "free": cgroup.child("free")}
        files = {name: place.directory("v2") / "cgroup.stat.local"
                 for name, place in places.items()}
        if not files["free"].exists():
            pytest.skip("needs Linux 6.18 or later")
        freezer = frozen.directory("v2") / "cgroup.freeze"
        freezer.write_text("1")
        for name in "frozen_below", "free":
            places[name].start(*LOOP, stdout=subprocess.DEVNULL)
        recorder = Recorder(tmp_path / "record", files.values())
        collectd = Collectd(
            tmp_path / "collectd", "CgroupVersion \"v2\"\n"
            f'ReportThrottling true\nRoot "{cgroup.directory("v2")}"', 0.5)
        with recorder:
            with collectd.start():
                wait_for_passes(collectd, 4, "frozen_below")
                thawed = time.time()
                freezer.write_text("0")
                wait_for_passes(collectd, 2, "frozen_below")
            recorder.wait_until_past(time.time() + 1)
        for name, file in files.items():
            rows = collectd.series("cgroup_cpu", name, "derive-frozen_usec")
            check_counter(rows, recorder.of(file, "frozen_usec"), BUSY_DELAY)
            (begin, before), *_, (end, after) = [
                row for row in rows if row[0] < thawed]
            share = (after - before) / (end - begin) / 1e6
            assert share == pytest.approx(name != "free", abs=0.1)
            used = [value for moment, value in collectd.millicores(name)
                    if moment < thawed]
            assert (sum(used) > 0) == (name == "free")
            assert rows[-1][1] == rows[-2][1]


def test_no_complaint_and_no_nan(host):
    host.check_log()
