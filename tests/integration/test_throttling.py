# SPDX-License-Identifier: MIT
"""Compares quotas, throttling, CPUs and weights with the kernel's files, on a
real v1 host with a hierarchy for each controller."""
import contextlib
import itertools
import os
import statistics
import subprocess
import sys
import time

import pytest

import observed
from cgroups import Cgroup, confine, separate_controllers
from daemon import BURN, Collectd
from delivered import complaints, has_nan, kinds
from observed import PASSES
from recorder import Recorder

pytestmark = pytest.mark.timing
RECORDED = 0.05
PERIOD = 100_000
# Some of its periods would use more than a fifth of a CPU, and some less.
NOW_AND_THEN = """
import itertools, time
for used in itertools.cycle([0.1] * 2 + [0.001] * 20):
    end = time.process_time() + used
    while time.process_time() < end:
        pass
    time.sleep(0.02)
"""
SYSTEM_CALLS = ["dd", "if=/dev/zero", "of=/dev/null", "bs=64k"]
LOOP = [BURN, "--millicores", "1000"]
# A hierarchy, a file and a key for each counter.
COUNTERS = {
    "cpu_usage_usec": ("v1", "cpuacct.usage", ""),
    "user_usec": ("v1", "cpuacct.usage_user", ""),
    "system_usec": ("v1", "cpuacct.usage_sys", ""),
    "nr_periods": ("cpu", "cpu.stat", "nr_periods"),
    "nr_throttled": ("cpu", "cpu.stat", "nr_throttled"),
    "throttled_usec": ("cpu", "cpu.stat", "throttled_time"),
    "nr_bursts": ("cpu", "cpu.stat", "nr_bursts"),
    "burst_usec": ("cpu", "cpu.stat", "burst_time"),
    "throttled_local_usec": ("cpu", "cpu.stat.local", "throttled_time"),
}
CORE = {"derive-cpu_usage_usec", "gauge-millicores"}
USER_SYSTEM = {"derive-user_usec", "derive-system_usec",
               "gauge-user_millicores", "gauge-system_millicores"}
LIMIT = {"gauge-limit_millicores", "gauge-limit_level", "percent-of_limit"}
WEIGHT = {"gauge-weight"}
THROTTLED = {"percent-throttled_periods"}


class V1Cgroups:
    """Cgroups below one of the test's own, each in some of the hierarchies"""

    def __init__(self):
        self.mounts = separate_controllers()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            self.top = stack.enter_context(Cgroup(self.mounts))
            # Other work on the machine must not affect the test.
            self.set(self.top, "cpu", "cpu.shares", 262_144)
            confine(self.top)
            self.stack = stack.pop_all()
        return self

    def __exit__(self, *error):
        return self.stack.__exit__(*error)

    def add(self, path, *versions):
        return self.stack.enter_context(Cgroup(
            {version: self.mounts[version] for version in versions},
            f"{self.top.path}/{path}"))

    def file(self, cgroup, version, file):
        return self.mounts[version] / cgroup.path / file

    def set(self, cgroup, version, file, value):
        self.file(cgroup, version, file).write_text(str(value))

    def set_quota(self, cgroup, millicores):
        self.set(cgroup, "cpu", "cpu.cfs_quota_us",
                 millicores and millicores * PERIOD // 1000 or -1)


class Host(observed.Host):
    """Cgroups of all kinds, a collectd that reports everything, and one with
    the default options"""

    counters = COUNTERS

    def __init__(self, directory, v1):
        self.v1 = v1
        self.cgroups = {"top": v1.top, "only cpu": v1.add("no", "cpu")}
        self.make("quota", 200, *LOOP)
        self.make("sometimes", 200, sys.executable, "-c", NOW_AND_THEN)
        self.make("calls", 250, *SYSTEM_CALLS)
        # What waits for a CPU behind others begins later, and is then held back for
        # less time.
        above = self.make("above", 300)
        v1.set(above, "cpu", "cpu.shares", 262_144)
        self.make("above/less", 100, *LOOP)
        self.make("above/free", None, *LOOP)
        self.make("uncounted", None, BURN, "--millicores", "20",
                  versions=["v1"])
        few = self.make("few", 1500, versions=["v1", "cpu", "cpuset"])
        self.make("few/below", None)
        confine(few, min(os.sched_getaffinity(0)))
        v1.set(few, "cpu", "cpu.shares", 512)
        v1.set_quota(self.cgroups["only cpu"], 100)

        selection = f'CGroup "/{v1.top.path}*"'
        self.none = Collectd(directory / "none", selection)
        super().__init__(
            Collectd(directory / "all",
                     f"CgroupVersion \"v1\"\nReportAll true\n{selection}"),
            Recorder(directory / "record", sorted({
                str(self.file(path, version, file))
                for path, cgroup in self.cgroups.items()
                for version, file, _ in COUNTERS.values()
                if version in cgroup.mounts
                and self.file(path, version, file).exists()}), RECORDED))
        self.watch(self.cgroups, ["top"], self.none)

    def make(self, path, quota, *command, versions=("v1", "cpu")):
        cgroup = self.cgroups[path] = self.v1.add(path, *versions)
        if quota:
            self.v1.set_quota(cgroup, quota)
        if command:
            cgroup.start(*command, stdout=subprocess.DEVNULL,
                         stderr=subprocess.DEVNULL)
        return cgroup

    def path(self, path):
        return self.cgroups[path].path

    def file(self, path, version, file):
        return self.v1.file(self.cgroups[path], version, file)

    def has(self, counter):
        """Linux before 6.6 has no cpu.stat.local"""
        version, file, _ = COUNTERS[counter]
        return self.file("top", version, file).exists()

    def limit(self, path):
        """The kernel's limit in millicores"""
        quota, period = (
            int(self.file(path, "cpu", file).read_text())
            for file in ("cpu.cfs_quota_us", "cpu.cfs_period_us"))
        return 1000 * quota / period


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    with V1Cgroups() as v1:
        yield Host(tmp_path_factory.mktemp("throttling"), v1)


COUNTED = [(path, counter)
           for path in ("quota", "sometimes", "calls", "above", "above/less")
           for counter in COUNTERS] + [("above/free", "throttled_local_usec")]


@pytest.mark.parametrize("path, counter", COUNTED)
def test_each_counter_is_the_kernels(host, path, counter):
    if host.has(counter):
        host.check_counter(path, counter, PASSES - 1)
    else:
        assert not host.rows(path, f"derive-{counter}")


@pytest.mark.parametrize("path, counter", COUNTED)
def test_each_counter_is_exactly_the_kernels(host, path, counter):
    if host.has(counter):
        host.check_end(path, counter)


def test_the_loads_were_there(host):
    """The compared values are not zero, and not all the same"""
    used = host.used
    for path in "quota", "sometimes", "calls", "above", "above/less":
        assert used(path, "cpu_usage_usec") > 300_000
    for path in "quota", "calls", "above", "above/less":
        assert used(path, "nr_throttled") > 0.5 * used(path, "nr_periods") > 50
        assert used(path, "throttled_usec") > 0.5 * PERIOD * PASSES
    throttled = used("sometimes", "nr_throttled")
    assert 10 < throttled < 0.9 * used("sometimes", "nr_periods")
    assert used("calls", "system_usec") > 100_000
    assert used("quota", "user_usec") > 1_000_000


@pytest.mark.parametrize("path, limit", [
    ("quota", 200), ("sometimes", 200), ("calls", 250), ("above", 300),
    ("above/less", 100)])
def test_use_of_the_limit(host, path, limit):
    assert host.limit(path) == limit
    host.check_use_of_limit(path, limit)


@pytest.mark.parametrize("path", ["quota", "above"])
def test_a_loop_uses_all_of_its_limit(host, path):
    """As far as the machine has the time"""
    assert host.mean(path, "gauge-millicores") == pytest.approx(
        host.limit(path), rel=0.05)
    assert host.mean(path, "percent-of_limit") > 95
    assert host.mean(path, "percent-throttled_periods") > 95


@pytest.mark.parametrize("path", ["quota", "sometimes", "above", "above/less"])
def test_throttled_periods(host, path):
    host.check_throttled(path)


def test_the_smallest_quota_above_counts(host):
    """On v1, no descendant can have a larger quota, but it can have none of its
    own"""
    assert host.limit("above/free") < 0
    assert set(host.values("above/free", "gauge-limit_millicores")) == {300}
    # It was throttled together with its parent, and has no periods.
    assert set(host.values("above/free", "derive-nr_periods")) == {0}
    assert not THROTTLED & host.kinds("above/free")


def test_who_holds_it_back(host):
    """The quota of the parent: its own counters do not show it"""
    assert host.used("above/free", "throttled_usec") == 0
    if not host.has("throttled_local_usec"):
        return
    held_back = {path: host.used(path, "throttled_local_usec")
                 for path in ("above", "above/less", "above/free", "quota")}
    assert held_back["above/free"] > 0.3 * PERIOD * PASSES
    # The other child has a quota as well, which holds it back for longer.
    assert held_back["above/less"] > held_back["above/free"]
    # All that is held back in the parent is held back by the parent.
    assert held_back["above/free"] <= 1.05 * held_back["above"]
    assert held_back["quota"] == pytest.approx(
        host.used("quota", "throttled_usec"), rel=0.05)


@pytest.mark.parametrize("path, level", [
    ("quota", 0), ("above", 0), ("above/less", 0), ("above/free", 1),
    ("few", 0), ("few/below", 1)])
def test_where_the_limit_is_set(host, path, level):
    assert set(host.values(path, "gauge-limit_level")) == {level}


def test_cpus_count_as_a_limit(host):
    """One CPU, which is less than the quota"""
    assert host.limit("few") == 1500
    for path in "few", "few/below":
        assert set(host.values(path, "gauge-limit_millicores")) == {1000}


def test_weight(host):
    """Shares are converted to v2's scale, which ends at 10000"""
    for path, weight in ("few", 50), ("few/below", 100), ("top", 10000):
        assert set(host.values(path, "gauge-weight")) == {weight}


@pytest.mark.parametrize("part", ["user", "system"])
@pytest.mark.parametrize("path", ["quota", "calls"])
def test_user_and_system_millicores(host, path, part):
    host.check_part(path, part)


def test_what_a_cgroup_does_not_have_is_absent(host):
    groups = {f"derive-{counter}" for counter in COUNTERS
              if host.has(counter)} | CORE | USER_SYSTEM
    assert host.kinds("quota") == groups | LIMIT | WEIGHT | THROTTLED
    # The kernel may have counted a period or two when its quota was set.
    assert host.kinds("few") - THROTTLED == groups | LIMIT | WEIGHT
    assert host.kinds("above/free") == groups | LIMIT | WEIGHT
    assert host.kinds("top") == groups | WEIGHT
    assert host.kinds("uncounted") == CORE | USER_SYSTEM
    assert host.kinds("only cpu") is None


def test_nothing_is_told_unless_it_is_wanted(host):
    shown = kinds(host.none)
    assert shown == {host.instance(path): CORE for path in host.cgroups
                     if path != "only cpu"}
    assert not [text for text in host.none.messages("info")
                if "Values not available" in text]


def test_no_pressure_is_said_once(host):
    line = host.not_available()
    listed = line.removeprefix("Values not available here: ").split(", ")
    for missing in ("pressure", "full pressure", "pressure of interrupts",
                    "frozen time", "forced idle time"):
        assert listed.count(f"{missing} (only cgroup v2 has it)") == 1
    assert ("throttling by quotas above (Linux reports it since 6.6)"
            in line) != host.has("throttled_local_usec")
    for there in ("throttling (", "bursts", "quotas (", "cpusets",
                  "user and system"):
        assert there not in line


def test_no_complaint_and_no_nan(host):
    host.check_log()
    assert not complaints(host.none)
    assert not has_nan(host.none)


@pytest.fixture
def v1():
    with V1Cgroups() as v1:
        yield v1


class Changing:
    """A cgroup with a loop, and its reported limits since a change"""

    def __init__(self, directory, v1):
        self.v1 = v1
        self.cgroup = v1.add("busy", "v1", "cpu")
        self.cgroup.start(*LOOP, stdout=subprocess.DEVNULL)
        self.collectd = Collectd(
            directory / "collectd",
            f'Root "{v1.top.directory("v1")}"\nReportLimit true', 0.5)

    def change(self, millicores, shares=1024):
        self.v1.set(self.cgroup, "cpu", "cpu.shares", shares)
        self.v1.set_quota(self.cgroup, millicores)
        self.changed = time.time()

    def series(self, kind):
        return {moment: value for moment, value in
                self.collectd.series("cgroup_cpu", "busy", kind)
                if moment > self.changed}

    def wait_for(self, passes):
        """The use, limit and weight of each pass that began after the change,
        without the last pass, which may not be completely written"""
        self.collectd.wait_for(
            lambda: len(self.series("gauge-millicores")) > passes)
        *rows, _ = self.series("gauge-millicores").items()
        limits, levels, weights, of_limit = map(self.series, (
            "gauge-limit_millicores", "gauge-limit_level", "gauge-weight",
            "percent-of_limit"))
        assert all((moment in limits) == (moment in of_limit)
                   == (levels.get(moment) == 0) for moment, _ in rows)
        return [(used, limits.get(moment), weights[moment])
                for moment, used in rows]


def changes_once(reported, before, after):
    """The position of the only change: the number of passes with the earlier
    value"""
    old = len(list(itertools.takewhile(lambda value: value == before, reported)))
    assert reported == [before] * old + [after] * (len(reported) - old) != []
    return old


ROUND = 6


def test_limits_change(tmp_path, v1):
    changing = Changing(tmp_path, v1)
    changing.change(100)
    with changing.collectd.start():
        rows = changing.wait_for(2)
        assert {(limit, weight) for _, limit, weight in rows} == {(100, 100)}

        # Raised: the first use above the old limit makes the plugin read the
        # new one.
        changing.change(400)
        used, limits, _ = zip(*changing.wait_for(4))
        old = changes_once(list(limits), 100, 400)
        assert old <= 1 and all(value <= 100 for value in used[:old])
        assert statistics.median(used) == pytest.approx(400, rel=0.25)

        # Lowered: it throttles at once, and the weight changes within a round.
        changing.change(150, shares=2048)
        used, limits, weights = zip(*changing.wait_for(ROUND + 1))
        assert changes_once(list(limits), 400, 150) <= 1
        assert changes_once(list(weights), 100, 200) < ROUND
        assert statistics.median(used) == pytest.approx(150, rel=0.25)

        # Removed: the same as raised, and then no limit is reported.
        changing.change(None)
        used, limits, weights = zip(*changing.wait_for(ROUND + 1))
        old = changes_once(list(limits), 150, None)
        assert old <= 1 and all(value <= 150 for value in used[:old])
        assert set(weights) <= {100, 200}
        assert used[-1] > 500

        # Set again: there was no limit to exceed.
        changing.change(250)
        _, limits, _ = zip(*changing.wait_for(ROUND + 1))
        assert changes_once(list(limits), None, 250) < ROUND
        assert not changing.collectd.messages("error")
