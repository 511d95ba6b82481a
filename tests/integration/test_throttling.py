# SPDX-License-Identifier: MIT
"""Quotas, what they hold back, CPUs and weights on a real v1 host."""
import subprocess
import time
from pathlib import Path

import pytest

from cgroups import Cgroup, hierarchies, require_both
from daemon import BURN, Collectd

NSEC = 1000


def controllers():
    """Where v1 controllers are mounted"""
    found = {}
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, _, root, directory, *_ = line.split()
        kind, _, options = line.split(" - ")[1].split()
        if kind == "cgroup" and root == "/":
            for option in options.split(","):
                found.setdefault(option, Path(directory))
    return found


class Limited:
    """The same cgroup in the hierarchies of several controllers"""

    def __init__(self, path, names):
        mounts = controllers()
        if not set(names) <= mounts.keys():
            pytest.skip("needs the v1 controllers " + ", ".join(names))
        self.directories = {name: mounts[name] / path for name in names}

    def __enter__(self):
        for directory in self.directories.values():
            directory.mkdir(exist_ok=True)
        return self

    def __exit__(self, *_):
        for directory in self.directories.values():
            if directory.exists():
                directory.rmdir()

    def write(self, name, file, value):
        (self.directories[name] / file).write_text(str(value))

    def enter(self, pid):
        for name in self.directories:
            self.write(name, "cgroup.procs", pid)

    def stat(self):
        lines = (self.directories["cpu"] / "cpu.stat").read_text()
        return {key: int(value) for key, value in
                map(str.split, lines.splitlines())}


@pytest.fixture
def cgroup():
    """The root of what is seen, in cpuacct, with a busy loop in a child"""
    with Cgroup({"v1": require_both()["v1"]}) as cgroup:
        with Limited(cgroup.path, ["cpu", "cpuset"]):
            yield cgroup


@pytest.fixture
def start(tmp_path, cgroup):
    running = []

    def begin(options="ReportAll true"):
        collectd = Collectd(tmp_path / "collectd",
                            f'Root "{cgroup.directory("v1")}"\n{options}')
        running.append(collectd)
        return collectd.start()

    yield begin
    for collectd in running:
        collectd.__exit__()


@pytest.fixture
def busy(cgroup):
    """A child with a busy loop, in cpuacct and cpu"""
    child = cgroup.child("busy")
    with Limited(child.path, ["cpu"]) as limited:
        process = child.start(BURN, "--millicores", "1000",
                              stdout=subprocess.DEVNULL)
        limited.enter(process.pid)
        yield child, limited
        child.remove()
        cgroup.children.remove(child)


class Truth:
    """What the kernel's files say, read by the test at two moments"""

    def __init__(self, child, limited):
        self.child = child
        self.limited = limited
        self.before = self.read()

    def read(self):
        usage = int(self.child.counter("v1").read_text())
        return time.time(), usage, self.limited.stat()

    def end(self):
        (t0, usage0, stat0), (t1, usage1, stat1) = self.before, self.read()
        self.millicores = (usage1 - usage0) / (t1 - t0) / 1e6
        self.throttled = (100 * (stat1["nr_throttled"] - stat0["nr_throttled"])
                          / (stat1["nr_periods"] - stat0["nr_periods"]))
        self.window = t0, t1
        self.stats = stat0, stat1
        return self

    def values(self, collectd, kind):
        begin, end = self.window
        return [value for moment, value in
                collectd.series("cgroup_cpu", "busy", kind)
                if begin + 1.2 < moment < end]


def mean(values):
    return sum(values) / len(values)


def watch(collectd, child, limited, seconds=6):
    truth = Truth(child, limited)
    count = len(collectd.usage("busy"))
    collectd.wait_for(lambda: len(collectd.usage("busy")) >= count + seconds)
    return truth.end()


def check(collectd, truth, limit):
    assert mean(truth.values(collectd, "gauge-millicores")) == pytest.approx(
        truth.millicores, rel=0.05)
    assert set(truth.values(collectd, "gauge-limit_millicores")) == {limit}
    assert mean(truth.values(collectd, "percent-of_limit")) == pytest.approx(
        100 * truth.millicores / limit, rel=0.05)
    assert mean(truth.values(collectd, "percent-throttled_periods")) == (
        pytest.approx(truth.throttled, rel=0.05))
    for kind, key, unit in (("nr_periods", "nr_periods", 1),
                            ("nr_throttled", "nr_throttled", 1),
                            ("throttled_usec", "throttled_time", NSEC)):
        values = truth.values(collectd, f"derive-{kind}")
        least, most = (stat[key] // unit for stat in truth.stats)
        assert all(least <= value <= most for value in values) and values


def test_quota_set_raised_lowered_and_removed(start, busy):
    child, limited = busy
    limited.write("cpu", "cpu.cfs_quota_us", 20_000)
    collectd = start()
    collectd.wait_for(lambda: collectd.millicores("busy"))
    truth = watch(collectd, child, limited)
    assert truth.millicores == pytest.approx(200, rel=0.05)
    check(collectd, truth, 200)

    # Raised: seen as soon as it is used.
    limited.write("cpu", "cpu.cfs_quota_us", 50_000)
    changed = time.time()
    limits = lambda: [row for row in collectd.series(
        "cgroup_cpu", "busy", "gauge-limit_millicores") if row[0] > changed]
    collectd.wait_for(lambda: [v for _, v in limits() if v == 500])
    assert [value for _, value in limits()].index(500) <= 2
    check(collectd, watch(collectd, child, limited), 500)

    # Lowered: within a round.
    limited.write("cpu", "cpu.cfs_quota_us", 10_000)
    changed = time.time()
    collectd.wait_for(lambda: [v for _, v in limits() if v == 100])
    assert [value for _, value in limits()].index(100) <= 6
    check(collectd, watch(collectd, child, limited), 100)

    # Removed: no limit is told any more.
    limited.write("cpu", "cpu.cfs_quota_us", -1)
    changed = time.time()
    count = len(collectd.usage("busy"))
    collectd.wait_for(lambda: len(collectd.usage("busy")) >= count + 9)
    assert len(limits()) <= 6
    assert not collectd.messages("warning") + collectd.messages("error")


def test_the_quota_above_counts(cgroup, start, busy):
    """On v1 none below can be larger, but one can have none of its own"""
    above = controllers()["cpu"] / cgroup.path / "cpu.cfs_quota_us"
    above.write_text("30000")
    try:
        collectd = start("ReportLimit true")
        collectd.wait_for(lambda: len(collectd.millicores("busy")) >= 4)
        limits = collectd.series("cgroup_cpu", "busy",
                                 "gauge-limit_millicores")
        assert {value for _, value in limits} == {300}
        used = mean([value for _, value in collectd.millicores("busy")[1:]])
        assert used == pytest.approx(300, rel=0.05)
    finally:
        above.write_text("-1")


def test_weight_and_cpuset(cgroup, start):
    child = cgroup.child("few")
    parent = controllers()["cpuset"] / cgroup.path
    with Limited(child.path, ["cpu", "cpuset"]) as limited:
        limited.write("cpu", "cpu.shares", 512)
        for directory in (parent, limited.directories["cpuset"]):
            for file in ("cpuset.cpus", "cpuset.mems"):
                (directory / file).write_text("0")
        collectd = start("ReportLimit true")
        collectd.wait_for(lambda: len(collectd.millicores("few")) >= 2)

        def values(kind):
            return {value for _, value in
                    collectd.series("cgroup_cpu", "few", kind)}
        assert values("gauge-weight") == {50}
        assert values("gauge-limit_millicores") == {1000}


def test_user_and_system(start, busy):
    child, limited = busy
    collectd = start("ReportUserSystem true")
    collectd.wait_for(lambda: len(collectd.millicores("busy")) >= 4)
    files = {kind: child.directory("v1") / f"cpuacct.usage_{kind}"
             for kind in ("user", "sys")}
    for kind, file in (("user", "user"), ("system", "sys")):
        (_, value) = collectd.series(
            "cgroup_cpu", "busy", f"derive-{kind}_usec")[-1]
        now = int(files[file].read_text()) / NSEC
        assert now - 3_000_000 < value <= now


def test_what_is_not_there_is_said_once(cgroup, start, busy):
    """One cgroup is in cpuacct only, and v1 has no pressure"""
    cgroup.child("alone")
    collectd = start()
    collectd.wait_for(lambda: len(collectd.millicores("alone")) >= 4)
    kinds = {path.name.rsplit("-", 3)[0] for path in
             collectd.directory.glob("csv/*/cgroup_cpu-alone/*")}
    assert not [kind for kind in kinds if "throttled" in kind
                or "period" in kind or "pressure" in kind]
    missing = [text for text in collectd.messages("info")
               if text.startswith("Not to be had here")]
    assert len(missing) == 1 and "pressure" in missing[0]
    assert not collectd.messages("warning") + collectd.messages("error")
    for path in collectd.directory.glob("csv/*/*/*"):
        assert "nan" not in path.read_text()


def test_all_is_off_by_default(start, busy):
    collectd = start("")
    collectd.wait_for(lambda: len(collectd.millicores("busy")) >= 2)
    kinds = {path.name.rsplit("-", 3)[0] for path in
             collectd.directory.glob("csv/*/cgroup_cpu-busy/*")}
    assert kinds == {"derive-cpu_usage_usec", "gauge-millicores"}


def test_pressure_of_two_loops_on_one_cpu(tmp_path):
    mounts = {"v2": hierarchies().get("v2")}
    if mounts["v2"] is None:
        pytest.skip("needs cgroup2")
    with Cgroup(mounts) as cgroup:
        file = cgroup.directory("v2") / "cpu.pressure"
        for _ in range(2):
            cgroup.start("taskset", "-c", "0", BURN, "--millicores", "1000",
                         stdout=subprocess.DEVNULL)

        def total():
            some = file.read_text().splitlines()[0]
            return time.time(), int(some.split("total=")[1])

        collectd = Collectd(
            tmp_path / "collectd",
            f'Root "{cgroup.directory("v2")}"\nReportPressure true')
        with collectd.start():
            collectd.wait_for_samples(2)
            begin, before = total()
            count = len(collectd.usage())
            collectd.wait_for_samples(count + 7)
            end, after = total()
            values = [value for moment, value in collectd.series(
                "cgroup_cpu", "root", "percent-pressure_some")
                if begin + 1 < moment < end]
        truth = (after - before) / (end - begin) / 1e4
        assert mean(values) == pytest.approx(truth, rel=0.05)
        assert truth > 80
