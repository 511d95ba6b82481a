# SPDX-License-Identifier: MIT
"""On real v1, v2 and hybrid hosts, a real collectd delivers the values of the
kernel's counters."""
import contextlib
import itertools
import os
import subprocess
import time
from typing import NamedTuple

import pytest

import measurement
import views
from cgroups import COUNTERS, Cgroup, controller, require_both
from daemon import BURN, HOST, Collectd
from delivered import instance_of
from precedence import FIRST
from recorder import Recorder

LOADS = {"idle": 0, "100m": 100, "1000m": 1000}
PASSES = 8
BOTH = "Both versions are mounted: "


class Host(NamedTuple):
    view: str
    version: str
    found: str
    root: str = ""
    options: str = ""
    hybrid: bool = False


# The measured cgroup is seen as the root.
HOSTS = {
    "v1": Host(views.V1, "v1", "{v1}/{cgroup}", root="{v1}/{cgroup}"),
    "v2": Host(views.V2, "v2", "/sys/fs/cgroup/{cgroup}",
               root="/sys/fs/cgroup/{cgroup}"),
    "hybrid": Host(views.HYBRID, "v1", "{v1}/{cgroup}", root="{v1}/{cgroup}"),
    "hybrid, cgroup of v2": Host(views.HYBRID, "v2", "{v2}/{cgroup}",
                                 root="{v2}/{cgroup}"),
    "mounted elsewhere": Host(
        views.ELSEWHERE, "v1", "{scratch}/cpuacct/{cgroup}",
        root="{scratch}/cpuacct/{cgroup}"),
    "v1 container": Host(views.V1_CONTAINER, "v1", "/sys/fs/cgroup/cpuacct"),
    "v2 container": Host(views.V2_CONTAINER, "v2", "/sys/fs/cgroup"),
    "hybrid container": Host(views.HYBRID_CONTAINER, "v1",
                             "/sys/fs/cgroup/cpuacct", hybrid=True),
    "hybrid container, v2 wanted": Host(
        views.HYBRID_CONTAINER, "v2", "/sys/fs/cgroup/unified",
        options='CgroupVersion "v2"'),
}
# The root is that of the machine.
WHOLE_HOSTS = {
    "v1": Host(views.V1, "v1", "{v1}"),
    "v2": Host(views.V2, "v2", "/sys/fs/cgroup"),
    "hybrid": Host(views.HYBRID, "v1", "{v1}", hybrid=True),
    "hybrid, v1 wanted": Host(views.HYBRID, "v1", "{v1}",
                              options='CgroupVersion "v1"'),
    "hybrid, v2 wanted": Host(views.HYBRID, "v2", "{v2}",
                              options='CgroupVersion "v2"'),
    "mounted elsewhere": Host(views.ELSEWHERE, "v1", "{scratch}/cpuacct",
                              root="{scratch}", hybrid=True),
    "mounted elsewhere, v2 wanted": Host(
        views.ELSEWHERE, "v2", "{scratch}/unified", root="{scratch}",
        options='CgroupVersion "v2"'),
}
WHOLE = "whole"
BELOW = {f"{load}, below the root": load for load in LOADS}
STARTED = [*itertools.product(HOSTS, LOADS),
           *itertools.product(WHOLE_HOSTS, [WHOLE])]
MEASURED = [*STARTED, *itertools.product(WHOLE_HOSTS, BELOW)]


class Measured(NamedTuple):
    host: Host
    names: dict
    collectd: Collectd
    instance: str
    usage: list
    millicores: list
    truth: object

    @property
    def steady(self):
        """Without the first pass, during which other processes were started"""
        return self.usage[1:]

    @property
    def true_millicores(self):
        return self.truth.millicores(self.steady[0][0], self.steady[-1][0])


def start(directory, host, names):
    scratch = directory / "scratch"
    scratch.mkdir(parents=True)
    names = {**names, "scratch": scratch}
    root = f'Root "{host.root.format(**names)}"\n' if host.root else ""
    collectd = Collectd(directory / "collectd",
                        f"{root}{host.options}\nLogSamples true")
    return collectd.start(views.prefix(host.view, **names)), names


def start_loads(cgroup):
    loads = {load: cgroup.child(load) for load in LOADS}
    for load, child in loads.items():
        child.start("nice", "-n", "-20", BURN, "--millicores",
                    str(LOADS[load]), "--seconds", "300",
                    stdout=subprocess.DEVNULL)
    return loads


@pytest.fixture(scope="module")
def measured(tmp_path_factory):
    """All hosts at the same time, over the same seconds"""
    mounts = require_both()
    directory = tmp_path_factory.mktemp("hosts")
    with contextlib.ExitStack() as stack:
        cgroup = stack.enter_context(Cgroup(mounts))
        loads = start_loads(cgroup)
        counters = {(version, load): child.counter(version) for load, child
                    in loads.items() for version in mounts}
        counters.update({(version, WHOLE): mount / COUNTERS[version]
                         for version, mount in mounts.items()})
        recorder = stack.enter_context(
            Recorder(directory / "record", counters.values()))

        running = {}
        for number, (host_name, load) in enumerate(STARTED):
            host = (WHOLE_HOSTS if load == WHOLE else HOSTS)[host_name]
            path = "." if load == WHOLE else loads[load].path
            collectd, names = start(directory / str(number), host,
                                    {**mounts, "cgroup": path})
            stack.enter_context(collectd)
            running[host_name, load] = host, names, collectd
        for _, _, collectd in running.values():
            collectd.wait_for_samples(PASSES + 1)
        for _, _, collectd in running.values():
            collectd.stop()
        recorder.wait_until_past(time.time() + measurement.DELAY)

        truths = {key: recorder.of(counter)
                  for key, counter in counters.items()}
        results = {}
        for host_name, load in MEASURED:
            below = load in BELOW
            host, names, collectd = running[host_name,
                                            WHOLE if below else load]
            load_below = BELOW.get(load, load)
            instance = instance_of(loads[load_below].path) if below else "root"
            results[host_name, load] = Measured(
                host, names, collectd, instance, *collectd.samples(instance),
                truths[host.version, load_below])
        yield results


@pytest.fixture(params=MEASURED, ids="-".join)
def one(request, measured):
    return measured[request.param]


@pytest.mark.timing
@pytest.mark.parametrize("host, load", MEASURED)
def test_means_are_the_kernels(measured, report, host, load):
    one = measured[host, load]
    truth = one.true_millicores
    gauges = measurement.mean_of_gauges(one.steady, one.millicores)
    derives = measurement.mean_of_derives(one.steady)
    print(f"{host}, {load}: gauges {gauges:.2f}m, derives {derives:.2f}m, "
          f"truth {truth:.2f}m")
    report(host, load, gauges, truth)

    assert measurement.length(one.steady) >= 5
    assert gauges == pytest.approx(truth, abs=measurement.tolerance(truth))
    assert derives == pytest.approx(truth, abs=measurement.tolerance(truth))


@pytest.mark.timing
@pytest.mark.parametrize("load", LOADS)
def test_the_loads_were_there(measured, load):
    """As far as a busy machine allowed"""
    truth = measured["v2", load].true_millicores
    assert LOADS[load] / 2 <= truth <= LOADS[load] * 1.1 + 1


@pytest.mark.timing
def test_each_counter_is_the_kernels(one):
    measurement.check_counter(one.steady, one.truth)


@pytest.mark.timing
def test_a_gauge_from_the_second_sample_on(one):
    """Both values of a sample have the same time"""
    assert [moment for moment, _ in one.millicores] == [
        moment for moment, _ in one.usage[1:]]


@pytest.mark.timing
def test_each_gauge_is_its_intervals(one):
    measurement.check_gauges(one.steady, dict(one.millicores))


@pytest.mark.timing
def test_log_says_what_was_found(one):
    directory = os.path.normpath(one.host.found.format(**one.names))
    found, *_ = one.collectd.messages("info")
    assert found.startswith(f"Cgroup version: {one.host.version} ({directory})")
    assert (BOTH in found) == one.host.hybrid
    assert not one.collectd.messages("error")


@pytest.mark.timing
def test_log_has_each_sample(one):
    lines = [line for line in one.collectd.messages("info")
             if line.startswith(f"{one.instance}: CPU μs")]
    usage = [f"{value:.0f}" for _, value in one.usage]
    deltas = [f"+{after - before:.0f}"
              for (_, before), (_, after) in measurement.intervals(one.usage)]
    millicores = [f"{value:.0f}m" for _, value in one.millicores]

    assert lines[0] == f"{one.instance}: CPU μs: {usage[0]}"
    assert lines[1:len(usage)] == [
        f"{one.instance}: CPU μs: {value} | delta: {delta} | CPU: {gauge}"
        for value, delta, gauge in zip(usage[1:], deltas, millicores)]


@pytest.mark.timing
def test_only_the_two_series(one):
    directory = one.collectd.directory / "csv" / HOST
    kinds = {file.name[:-len("-YYYY-MM-DD")] for file in
             (directory / f"cgroup_cpu-{one.instance}").iterdir()}
    assert kinds == {"derive-cpu_usage_usec", "gauge-millicores"}


@pytest.fixture
def scratch(tmp_path):
    directory = tmp_path / "scratch"
    directory.mkdir()
    return directory


NOT_FOUND = {
    "v1 wanted on v2": (views.V2, 'CgroupVersion "v1"', [
        "of cgroup v1", "/sys/fs/cgroup: cgroup v2, not the wanted v1"]),
    "v2 wanted on v1": (views.V1, 'CgroupVersion "v2"', [
        "of cgroup v2", "{v1}: cgroup v1, not the wanted v2"]),
    "nothing mounted": (views.NOTHING, "", [
        "/proc/self/mountinfo", "/sys/fs/cgroup", "set Root"]),
    "Root without cgroups": (views.HYBRID, 'Root "{scratch}"', [
        "{scratch}: no cgroup file system"]),
    "Root that is missing": (views.HYBRID, 'Root "{scratch}/missing"', [
        "{scratch}/missing: No such file or directory"]),
    "Root in a v1 hierarchy without cpuacct": (
        views.V1, 'Root "/sys/fs/cgroup/pids"', [
            "/sys/fs/cgroup/pids: cgroup v1 without cpuacct"]),
}
BAD_OPTIONS = {
    'Root "sys/fs/cgroup"': ["Root", '"sys/fs/cgroup"', "absolute path"],
    'Root ""': ["Root", '""', "absolute path"],
    "Root 7": ["Root", "7", "absolute path"],
    'Root "/a" "/b"': ["Root", "absolute path"],
    'CgroupVersion "v3"': ["CgroupVersion", '"v3"', '"auto"', '"v1"', '"v2"'],
    "CgroupVersion 2": ["CgroupVersion", "2", '"auto"', '"v1"', '"v2"'],
    'LogSamples "maybe"': ["LogSamples", '"maybe"', "true", "false"],
    "ReportCounter false\nReportMillicores false": [
        "ReportCounter", "ReportMillicores", "must not both be false"],
    'MaxDepth "3.5"': ["MaxDepth", '"3.5"', "a whole number from 0"],
    "LogSamples 3": ["LogSamples", "3", "true", "false"],
    "PeakInterval 0.01": ["PeakInterval", "from 0.05 to the interval", "0.01"],
    "PeakInterval 3": ["PeakInterval", "from 0.05 to the interval", "not 3"],
    "Millicores true": ["Millicores", "Root", "CgroupVersion", "LogSamples"],
}


def wait_for_intervals(collectd):
    """Other plugins continue in these intervals as well"""
    def uptimes():
        return collectd.series("uptime", "", "uptime")

    seen = len(uptimes())
    collectd.wait_for(lambda: len(uptimes()) >= seen + 3)


def check_that_only_the_plugin_stops(collectd, named):
    collectd.wait_for(lambda: "Initialization of plugin" in collectd.log)
    wait_for_intervals(collectd)
    collectd.stop(status=1)  # the status that collectd keeps from a failed init

    errors = collectd.messages("error")
    assert any(all(name in error for name in named) for error in errors), errors
    assert "Initialization of plugin `cgroup_cpu' failed" in collectd.log
    assert collectd.usage() == []


@pytest.mark.parametrize("case", NOT_FOUND)
def test_nothing_found(tmp_path, scratch, case):
    """It is logged once. The search goes on, because a hierarchy may be mounted
    later."""
    view, options, named = NOT_FOUND[case]
    names = {**require_both(), "scratch": scratch}
    collectd = Collectd(tmp_path / "collectd", options.format(**names), 0.1,
                        beside=["uptime"])
    with collectd.start(views.prefix(view, **names)):
        collectd.wait_for(lambda: collectd.messages("error"))
        wait_for_intervals(collectd)
        collectd.stop()

    (error,) = collectd.messages("error")
    assert all(name.format(**names) in error for name in named), error
    assert "looked for again in each interval" in error
    assert "cgroup_cpu' failed" not in collectd.log
    assert collectd.usage() == []


def mount(collectd, script):
    """Mounts in the daemon's own mount namespace"""
    subprocess.run(["nsenter", "-m", "-t", str(collectd.process.pid),
                    "sh", "-ec", script], check=True)


def found(collectd):
    return [line for line in collectd.messages("info")
            if line.startswith("Cgroup version")]


def wait_for_more(collectd):
    collectd.wait_for_samples(len(collectd.usage()) + 3)


def test_mounted_later(tmp_path, scratch):
    """Also at another place than before, and with another version"""
    names = {**require_both(), "scratch": scratch}
    collectd = Collectd(tmp_path / "collectd", "", 0.1, beside=["uptime"])
    with collectd.start(views.prefix(views.NOTHING, **names)):
        collectd.wait_for(lambda: collectd.messages("error"))
        wait_for_intervals(collectd)
        assert not found(collectd)
        mount(collectd, "mount -t cgroup2 cgroup2 /sys/fs/cgroup")
        wait_for_more(collectd)

        mount(collectd, "umount -l /sys/fs/cgroup")
        collectd.wait_for(lambda: len(collectd.messages("error")) == 2)
        lost = time.time()
        wait_for_intervals(collectd)
        again = time.time()
        mount(collectd, f"mount -t cgroup -o cpuacct cpuacct {scratch}")
        wait_for_more(collectd)
        collectd.stop()

    assert not [moment for moment, _ in collectd.usage()
                if lost < moment < again]
    absent, gone = collectd.messages("error")
    assert absent.startswith("No cgroup CPU accounting")
    assert gone.startswith("The cgroup hierarchy is gone")
    assert ": /sys/fs/cgroup; the plugin looks" in gone
    assert found(collectd) == [
        "Cgroup version: v2 (/sys/fs/cgroup), CPU time from cpu.stat",
        f"Cgroup version: v1 ({scratch}), CPU time from cpuacct.usage"]


# All cgroups are in v2, but somebody mounted cpuacct.
STRAY = f"""
{views.HIDE_ALL}
mount -t cgroup -o cpuacct cpuacct {{scratch}}
mount -t cgroup2 cgroup2 {views.ALL}
"""


def test_the_usual_place_comes_first(tmp_path, scratch):
    names = {**require_both(), "scratch": scratch}
    read = []
    for number, options in enumerate(["", 'CgroupVersion "v1"']):
        collectd = Collectd(tmp_path / f"collectd{number}", options, 0.1)
        with collectd.start(views.prefix(STRAY, **names)):
            collectd.wait_for_samples(3)
            collectd.stop()
        read += found(collectd)
        assert not collectd.messages("error")
    usual, other = read
    assert usual.startswith("Cgroup version: v2 (/sys/fs/cgroup)")
    assert usual.endswith(f'; CgroupVersion "v1" reads v1 instead ({scratch})')
    assert other.startswith(f"Cgroup version: v1 ({scratch})")


# The cpu controller stays on v1, mounted at an unusual place.
CPU_ELSEWHERE = f"""
{views.HIDE_ALL}
mount -t cgroup2 cgroup2 {views.ALL}
mount -t cgroup -o cpu cpu {{scratch}}
"""


def test_quota_in_a_v1_mount_elsewhere(tmp_path, scratch):
    names = {**require_both(), "cpu": controller("cpu"), "scratch": scratch}
    mounts = {version: names[version] for version in ("v2", "cpu")}
    with Cgroup(mounts) as cgroup:
        (cgroup.directory("cpu") / "cpu.cfs_quota_us").write_text("20000")
        collectd = Collectd(tmp_path / "collectd", "ReportLimit true\n"
                            f'CGroup "/{cgroup.path}"', 0.2)
        instance = instance_of(cgroup.path)
        with collectd.start(views.prefix(CPU_ELSEWHERE, **names)):
            collectd.wait_for(lambda: len(collectd.usage(instance)) >= 3)
            collectd.stop()

    (line,) = found(collectd)
    assert line.startswith("Cgroup version: v2 (/sys/fs/cgroup)")
    limits = collectd.series("cgroup_cpu", instance, "gauge-limit_millicores")
    assert len(limits) >= 2 and {value for _, value in limits} == {200}
    assert not collectd.messages("error")


def test_both_are_counted(tmp_path, scratch):
    """A file system mounted on a cgroup is not a cgroup"""
    with Cgroup(require_both()) as cgroup:
        both = {version: Cgroup({version: mounted}, cgroup.path)
                for version, mounted in cgroup.mounts.items()}
        expected = {}
        for version, children in {"v1": 2, "v2": 5}.items():
            for number in range(children):
                child = both[version].child(f"child{number}")
                cgroup.children.append(child)
            cgroup.children.append(child.child("below"))
            child.children.clear()
            expected[version] = len(list(os.walk(
                both[version].directory(version))))
        covered = both["v2"].directory("v2") / "child0"
        view = (views.HYBRID_CONTAINER + f"mount -t tmpfs tmpfs {views.ALL}"
                "/unified/child0; mkdir -p /sys/fs/cgroup/unified/child0/a/b")
        assert covered.is_dir()
        collectd = Collectd(tmp_path / "collectd", "", 0.1)
        with collectd.start(views.prefix(
                view, scratch=scratch, cgroup=cgroup.path, **cgroup.mounts)):
            collectd.wait_for_samples(2)
            collectd.stop()
        cgroup.children.reverse()

    (line,) = found(collectd)
    assert expected == {"v1": 4, "v2": 7}
    assert line.split(BOTH)[1] == (
        f'v1 has {expected["v1"]} cgroups and is read, '
        f'v2 has {expected["v2"] - 1} and is not; '
        'CgroupVersion "v2" reads v2 instead (/sys/fs/cgroup/unified)')


@pytest.mark.parametrize("option", BAD_OPTIONS)
def test_bad_option(tmp_path, option):
    """The message names the option, its value and the allowed values"""
    collectd = Collectd(tmp_path / "collectd", option, 0.1, beside=["uptime"])
    with collectd.start():
        check_that_only_the_plugin_stops(collectd, BAD_OPTIONS[option])


@pytest.mark.xdist_group("small loads")
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_root_that_goes_and_comes_back(tmp_path, version):
    """There is one complaint, and no rate from one life of the cgroup to the
    next"""
    mounts = {version: require_both()[version]}
    with Cgroup(mounts) as parent:
        cgroup = parent.child("root")
        collectd = Collectd(tmp_path / "collectd", "Root "
                            f'"{cgroup.directory(version)}"', 0.3)
        with collectd.start(FIRST):
            cgroup.burn(500)
            collectd.wait_for_samples(5)
            cgroup.remove()
            collectd.wait_for(lambda: collectd.messages("error"))
            first_life = len(collectd.usage())
            cgroup = parent.child("root")
            collectd.wait_for_samples(first_life + 4)
            collectd.stop()

    (complaint,) = collectd.messages("error")
    assert complaint.startswith("The cgroup hierarchy is gone")
    assert f": {cgroup.directory(version)}; the" in complaint
    first, second = found(collectd)
    assert first == second
    usage, millicores = collectd.samples()
    first, second = usage[:first_life], usage[first_life:]
    assert [moment for moment, _ in millicores] == [
        moment for moment, _ in first[1:] + second[1:]]
    assert all(value == 0 for _, value in second)
    for life in first, second:
        measurement.check_gauges(life, millicores)
