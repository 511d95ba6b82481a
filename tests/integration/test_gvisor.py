# SPDX-License-Identifier: MIT
"""Inside gVisor the plugin sees the CPU time of the whole sandbox, including
children, while /proc shows a process only its own."""
import contextlib
import subprocess
import time
from typing import NamedTuple

import pytest

import gvisor
import measurement
from cgroups import Cgroup, require_both
from daemon import BURN
from recorder import Recorder

TICK = 0.01
V1_DIRECTORY = f"{gvisor.ALL}/cpuacct"
BURN_CHILDREN = f"for i in 1 2 3; do {BURN} --millicores 1000 --seconds 2; done"
FORMS = [("2022", "cgroupfs mounted inside"), ("2022", "host's v1"),
         ("2022", "host's v2"), ("2024", "cgroupfs mounted inside"),
         ("2024", "OCI mount"), ("2024", "host's v1"), ("2024", "host's v2")]
RELEASES = ["2022", "2024"]


class Observed(NamedTuple):
    directory: str
    collectd: gvisor.SandboxedCollectd
    usage: list
    millicores: list
    truth: object
    idle: list
    burning: list
    own_millicores: float
    tick: float

    def tolerance(self, usage, truth):
        if not self.tick:
            return measurement.tolerance(truth)
        return measurement.tolerance_in_ticks(
            self.tick, usage, self.truth, truth)


def watch(collectd, recorder, directory, tick):
    """Some idle seconds, then one busy child after the other. The first sample
    is left out: during the start, the sandbox itself uses a lot between the
    time of the sample and the read of the counter."""
    sandbox = collectd.sandbox
    collectd.wait_for_samples(10)
    idle = collectd.usage()[1:10]
    own, began = collectd.own_cpu_seconds(), time.time()
    sandbox.ask(f"({BURN_CHILDREN}) >/dev/null")
    own, ended = collectd.own_cpu_seconds() - own, time.time()
    collectd.wait_for(lambda: collectd.usage()[-1][0] > ended)
    collectd.stop()
    recorder.wait_until_past(time.time() + measurement.BUSY_DELAY)
    (counter,) = recorder.files
    usage, millicores = collectd.samples()
    return Observed(directory, collectd, usage, millicores,
                    recorder.of(counter), idle,
                    measurement.between(usage, began, ended),
                    1000 * own / (ended - began), tick)


def observe_own(runsc, tmp_path, mount, script):
    """The sandbox's own cgroupfs, whose counter is also recorded inside"""
    with gvisor.Sandbox(runsc, tmp_path, mount) as sandbox:
        sandbox.ask(script)
        recorder = gvisor.SandboxedRecorder(
            tmp_path / "record", [f"{V1_DIRECTORY}/cpuacct.usage"])
        recorder.start_in(sandbox)
        collectd = gvisor.SandboxedCollectd(tmp_path / "collectd")
        collectd.start_in(sandbox)
        return watch(collectd, recorder, V1_DIRECTORY, TICK)


def observe_hosts(runsc, tmp_path, version):
    """The sandbox's cgroup on the host, whose counter is recorded on the
    host"""
    with contextlib.ExitStack() as stack:
        cgroup = stack.enter_context(Cgroup(require_both()))
        recorder = stack.enter_context(
            Recorder(tmp_path / "record", [cgroup.counter(version)]))
        sandbox = stack.enter_context(gvisor.Sandbox(
            runsc, tmp_path, gvisor.host_cgroup(cgroup.directory(version)),
            cgroup.start))
        collectd = gvisor.SandboxedCollectd(tmp_path / "collectd")
        collectd.start_in(sandbox)
        return watch(collectd, recorder, gvisor.ALL, 0)


@pytest.fixture(scope="module", params=FORMS, ids="-".join)
def observed(request, runsc_of, tmp_path_factory):
    release, form = request.param
    tmp_path = tmp_path_factory.mktemp("gvisor")
    runsc = runsc_of(release)
    if form == "cgroupfs mounted inside":
        return observe_own(runsc, tmp_path, gvisor.NONE, gvisor.MOUNT_INSIDE)
    if form == "OCI mount":
        return observe_own(runsc, tmp_path, gvisor.OCI, ":")
    return observe_hosts(runsc, tmp_path, form.split()[-1])


@pytest.fixture
def environment(request):
    release, form = request.node.callspec.params["observed"]
    return f"gVisor {release}, {form}"


@pytest.mark.xdist_group("loads of a core")
@pytest.mark.parametrize("load", ["idle", "burning"])
def test_means_are_the_sandboxs(observed, environment, report, load):
    usage = getattr(observed, load)
    seconds = measurement.length(usage)
    truth = observed.truth.millicores(usage[0][0], usage[-1][0])
    gauges = measurement.mean_of_gauges(usage, observed.millicores)
    derives = measurement.mean_of_derives(usage)
    print(f"{environment}, {load}: gauges {gauges:.2f}m, derives "
          f"{derives:.2f}m, truth {truth:.2f}m over {seconds:.1f} s")
    report(environment, load, gauges, truth)

    assert seconds >= 4.5
    allowed = observed.tolerance(usage, truth)
    assert gauges == pytest.approx(truth, abs=allowed)
    assert derives == pytest.approx(truth, abs=allowed)


@pytest.mark.xdist_group("loads of a core")
def test_each_interval_is_the_sandboxs(observed):
    usage, gauges = observed.usage, observed.millicores
    assert [moment for moment, _ in gauges] == [
        moment for moment, _ in usage[1:]]
    measurement.check_values(usage, gauges, observed.truth)


@pytest.mark.timing
def test_children_count(runsc_of, tmp_path):
    """They use most of it, and /proc/PID/stat of collectd has none of that. On
    a busy machine gVisor would count a collectd that waits for a processor."""
    observed = observe_hosts(runsc_of("2024"), tmp_path, "v2")
    whole = measurement.mean_of_derives(observed.burning)
    print(f"the plugin sees {whole:.0f}m, /proc/self/stat of collectd "
          f"{observed.own_millicores:.0f}m")
    assert whole > 300
    assert observed.own_millicores < whole / 5


@pytest.mark.xdist_group("loads of a core")
def test_log_says_what_was_found(observed, request):
    version = "v2" if "v2" in request.node.name else "v1"
    found, *_ = observed.collectd.messages("info")
    assert found.startswith(
        f"Cgroup version: {version} ({observed.directory})")
    assert not observed.collectd.messages("error")


@pytest.fixture(scope="module", params=RELEASES)
def child_removed(request, runsc_of, tmp_path_factory):
    """The collectd that saw the removal of a busy child, and the time of
    that"""
    tmp_path = tmp_path_factory.mktemp("removed")
    with gvisor.Sandbox(runsc_of(request.param), tmp_path) as sandbox:
        sandbox.ask(gvisor.MOUNT_INSIDE)
        collectd = gvisor.SandboxedCollectd(tmp_path / "collectd", interval=0.5)
        collectd.start_in(sandbox)
        sandbox.ask(f"cd {V1_DIRECTORY}; mkdir child; sh -c 'echo $$ > "
                    f"child/cgroup.procs; exec {BURN} --millicores 1000 "
                    "--seconds 3'; rmdir child; cd /")
        removed = time.time()
        before = len(collectd.usage())
        collectd.wait_for_samples(before + 4)
        collectd.stop()
    return collectd, removed


@pytest.mark.xdist_group("loads of a core")
def test_a_counter_that_goes_back(child_removed):
    """Removing a child subtracts its time from the parent's counter: there is
    no gauge for that interval, and no wrong gauge"""
    collectd, _ = child_removed
    usage, millicores = collectd.samples()
    gauges = dict(millicores)
    steps = measurement.intervals(usage)
    back = [end for (_, before), (end, after) in steps if after < before]
    assert len(back) == 1
    assert back[0] not in gauges
    assert len(gauges) == len(steps) - 1
    measurement.check_gauges(usage, gauges)


@pytest.mark.xdist_group("loads of a core")
def test_a_removed_child_is_gone(child_removed):
    """It is gone although an open descriptor would still return values"""
    collectd, removed = child_removed
    usage, _ = collectd.samples("child")
    assert len(usage) >= 4
    assert usage[-1][0] < removed


@pytest.mark.xdist_group("loads of a core")
@pytest.mark.parametrize("version", ["v1", "v2"])
@pytest.mark.parametrize("release", RELEASES)
def test_cgroups_of_the_host_come_and_go(runsc_of, tmp_path, release, version):
    """The bind mount of the host's cgroups does not report this by itself"""
    with contextlib.ExitStack() as stack:
        parent = stack.enter_context(Cgroup(require_both()))
        sandbox = stack.enter_context(gvisor.Sandbox(
            runsc_of(release), tmp_path,
            gvisor.host_cgroup(parent.directory(version))))
        collectd = gvisor.SandboxedCollectd(tmp_path / "collectd", interval=0.5)
        collectd.start_in(sandbox)
        collectd.wait_for_samples(2)
        child = parent.child("child")
        child.start(BURN, "--millicores", "100", "--seconds", "300",
                    stdout=subprocess.DEVNULL)
        with Recorder(tmp_path / "record", [child.counter(version)]) as truth:
            began = time.time()
            collectd.wait_for(lambda: len(collectd.usage("child")) >= 6)
            ended = time.time()
            truth.wait_until_past(ended + measurement.BUSY_DELAY)
        child.remove()
        removed = time.time()
        collectd.wait_for_samples(len(collectd.usage()) + 3)
        collectd.stop()

    usage, millicores = collectd.samples("child")
    assert usage[-1][0] < removed
    recorded = measurement.between(usage, began, ended)
    assert len(recorded) >= 4
    measurement.check_values(recorded, millicores,
                             truth.of(child.counter(version)))
    measurement.check_gauges(usage, millicores)
    assert [moment for moment, _ in millicores] == [
        moment for moment, _ in usage[1:]]
    assert not collectd.messages("error")


@pytest.mark.parametrize("release, mount", [
    ("2022", gvisor.NONE), ("2022", gvisor.OCI), ("2024", gvisor.NONE),
], ids=["2022", "2022, which drops the OCI mount", "2024"])
def test_nothing_there(runsc_of, tmp_path, release, mount):
    with gvisor.Sandbox(runsc_of(release), tmp_path, mount) as sandbox:
        collectd = gvisor.SandboxedCollectd(tmp_path / "collectd")
        collectd.start_in(sandbox)
        collectd.wait_for(lambda: collectd.messages("error"))
        collectd.stop()

    (error,) = collectd.messages("error")
    assert gvisor.ALL in error and "set Root" in error
