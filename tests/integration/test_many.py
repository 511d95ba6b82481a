# SPDX-License-Identifier: MIT
"""Every cgroup below the root is found, named and read, whatever their number
and however they come and go."""
import subprocess
import time

import pytest

import measurement
from cgroups import Cgroup, require_both
from daemon import BURN, HOST, Collectd
from recorder import Recorder

ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
POD = "8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10"

# Paths that container runtimes and systemd make, and how they are shown.
PATHS = {
    f"system.slice/docker-{ID}.scope":
        "system.slice_docker-4f1c2d9e8b7a.scope",
    f"docker/{ID}": "docker_4f1c2d9e8b7a",
    f"machine.slice/libpod-{ID}.scope/container":
        "machine.slice_libpod-4f1c2d9e8b7a.scope_container",
    f"machine.slice/libpod-conmon-{ID}.scope":
        "machine.slice_libpod-conmon-4f1c2d9e8b7a.scope",
    f"libpod_parent/libpod-{ID}": "libpod__parent_libpod-4f1c2d9e8b7a",
    f"kubepods/burstable/pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10/{ID}":
        "kubepods_burstable_pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10_"
        "4f1c2d9e8b7a",
    f"kubepods.slice/kubepods-pod{POD}.slice/crio-{ID}.scope":
        f"kubepods.slice_kubepods-pod{POD}.slice_crio-4f1c2d9e8b7a.scope",
    "lxc.payload.web": "lxc.payload.web",
    "lxc/web": "lxc_web",
    "machine.slice/systemd-nspawn@web.service":
        "machine.slice_systemd-nspawn@web.service",
    r"machine.slice/machine-qemu\x2d1\x2dweb.scope/libvirt/emulator":
        "machine.slice_machine-qemu-1-web.scope_libvirt__emulator",
    "user.slice/user-1000.slice/user@1000.service/app.slice":
        "user.slice_user-1000.slice_user@1000.service_app.slice",
}
# Too long for a name: its beginning and its end are kept.
LONG = ("kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod"
        f"{POD}.slice/cri-containerd-{ID}.scope")


@pytest.fixture(params=["v1", "v2"])
def version(request):
    return request.param


@pytest.fixture
def cgroup(version):
    with Cgroup({version: require_both()[version]}) as cgroup:
        yield cgroup


@pytest.fixture
def start(tmp_path, cgroup, version):
    """start(options="", interval=1): a collectd that has the cgroup as root"""
    running = []

    def begin(options="", interval=1):
        collectd = Collectd(
            tmp_path / "collectd",
            f'Root "{cgroup.directory(version)}"\n{options}', interval)
        running.append(collectd)
        return collectd.start()

    yield begin
    for collectd in running:
        collectd.__exit__()


def instances(collectd, kind="derive-cpu_usage_usec"):
    """Those that have values"""
    directory = collectd.directory / "csv" / HOST
    return {path.parent.name.removeprefix("cgroup_cpu-")
            for path in directory.glob(f"cgroup_cpu-*/{kind}-*")}


def make(directory, path):
    (directory / path).mkdir(parents=True)


class Forest:
    """Many cgroups in a directory, taken away deepest first"""

    def __init__(self, directory, paths):
        self.directory = directory
        self.paths = paths

    def __enter__(self):
        for path in self.paths:
            (self.directory / path).mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(self, *_):
        for path in sorted(self.directory.glob("**/"), reverse=True):
            if path != self.directory:
                path.rmdir()


@pytest.mark.parametrize("count", [1, 100, 1000, 10_000])
def test_all_are_there(cgroup, version, start, count):
    paths = [f"{number // 100}.slice/{number}.service"
             for number in range(count)]
    expected = {"root", *(path.replace("/", "_") for path in paths),
                *(path.split("/")[0] for path in paths)}
    with Forest(cgroup.directory(version), paths):
        collectd = start(f"MaxCgroups {2 * count + 1}",
                         interval=1 if count <= 1000 else 5)
        collectd.wait_for(
            lambda: len(instances(collectd, "gauge-millicores"))
            >= len(expected), 60)
        assert instances(collectd) == expected
        assert instances(collectd, "gauge-millicores") == expected
        collectd.stop()
        assert not collectd.messages("warning")
        assert not collectd.messages("error")


def test_eight_deep_with_a_load(cgroup, version, start, tmp_path):
    deepest = cgroup
    for depth in range(8):
        deepest = deepest.child(f"level{depth}")
    deepest.start("nice", "-n", "-20", BURN, "--millicores", "200",
                  "--seconds", "120", stdout=subprocess.DEVNULL)
    with Recorder(tmp_path / "record", [deepest.counter(version)]) as record:
        collectd = start()
        instance = "_".join(f"level{depth}" for depth in range(8))
        collectd.wait_for(lambda: len(collectd.usage(instance)) >= 8)
        usage = collectd.usage(instance)
        gauges = collectd.millicores(instance)
        collectd.stop()
        record.wait_until_past(usage[-1][0])
    truth = record.of(deepest.counter(version)).millicores(
        usage[1][0], usage[-1][0])
    mean = measurement.mean_of_gauges(usage[1:], gauges)
    assert mean == pytest.approx(truth, abs=measurement.tolerance(truth))
    assert truth > 150


def test_names_of_runtimes(cgroup, version, start):
    with Forest(cgroup.directory(version), [*PATHS, LONG]):
        collectd = start()
        collectd.wait_for(lambda: set(PATHS.values()) <= instances(collectd))
        (long,) = [name for name in instances(collectd)
                   if name.startswith("kubepods.slice_kubepods-burstable.slice_")
                   and "containerd" in name]
        assert len(long) == 127
        assert "cri-containerd-4f1c2d9e8b7a.scope~" in long


def test_coming_and_going(cgroup, version, start):
    collectd = start()
    collectd.wait_for_samples(2)
    directory = cgroup.directory(version)

    made = time.time()
    cgroup.child("new")
    collectd.wait_for(lambda: len(collectd.millicores("new")) >= 1)
    (first, _), (second, _) = collectd.usage("new")[:2]
    assert first - made < 1.5
    assert collectd.millicores("new")[0][0] == second

    cgroup.children.pop().remove()
    removed = time.time()
    collectd.wait_for(lambda: collectd.usage()[-1][0] > removed + 2)
    assert collectd.usage("new")[-1][0] < removed + 1
    assert not (directory / "new").exists()
    assert not collectd.messages("warning") + collectd.messages("error")


def test_one_made_anew_is_another(cgroup, version, start):
    """Its predecessor used CPU: neither a rate nor a counter goes on"""
    collectd = start()
    first = cgroup.child("again")
    first.start(BURN, "--millicores", "500", "--seconds", "60",
                stdout=subprocess.DEVNULL)
    collectd.wait_for(lambda: len(collectd.millicores("again")) >= 2)
    cgroup.children.remove(first)
    first.remove()
    second = cgroup.child("again")
    second.start(BURN, "--millicores", "500", "--seconds", "60",
                 stdout=subprocess.DEVNULL)
    made = time.time()
    collectd.wait_for(lambda: len(
        [1 for moment, _ in collectd.millicores("again") if moment > made])
        >= 2)
    later = [row for row in collectd.usage("again") if row[0] > made]
    gauges = [moment for moment, _ in collectd.millicores("again")
              if moment > made]
    assert later[0][1] < 1_500_000
    assert gauges[0] == later[1][0]
    assert not collectd.messages("warning") + collectd.messages("error")


@pytest.mark.parametrize("leaves_only", [False, True])
def test_no_microsecond_is_lost_or_counted_twice(
        cgroup, version, start, tmp_path, leaves_only):
    inner = cgroup.child("inner")
    leaves = [inner.child("a"), inner.child("b"), cgroup.child("c")]
    for place, millicores in zip([inner, *leaves], (100, 150, 200, 250)):
        place.start("nice", "-n", "-20", BURN, "--millicores",
                    str(millicores), "--seconds", "120",
                    stdout=subprocess.DEVNULL)
    with Recorder(tmp_path / "record", [cgroup.counter(version)]) as record:
        collectd = start(f"LeavesOnly {str(leaves_only).lower()}")
        collectd.wait_for(lambda: len(collectd.usage("inner_a")) >= 9)
        collectd.stop()
        moments = [moment for moment, _ in collectd.usage("inner_a")][:8]
        record.wait_until_past(moments[-1])
    truth = record.of(cgroup.counter(version)).millicores(
        moments[1], moments[-1])

    length = moments[-1] - moments[1]
    # The reads of a pass may come a while after the time that they carry.
    allowed = measurement.tolerance(truth) + truth * measurement.DELAY / length

    def mean(instance, kind="gauge-millicores"):
        values = dict(collectd.series("cgroup_cpu", instance, kind))
        return sum(values[end] * (end - begin) for begin, end in
                   zip(moments[1:], moments[2:])) / length

    if leaves_only:
        assert instances(collectd) == {"inner_a", "inner_b", "c"}
        parts = [mean("inner_a"), mean("inner_b"), mean("c"),
                 mean("inner", "gauge-remainder_millicores"),
                 mean("root", "gauge-remainder_millicores")]
        assert sum(parts) == pytest.approx(truth, abs=allowed)
        assert parts[3] == pytest.approx(100, abs=10)
    else:
        assert mean("root") == pytest.approx(truth, abs=allowed)
        for moment in moments:
            usage = {name: dict(collectd.usage(name))[moment] for name in
                     ("root", "inner", "inner_a", "inner_b", "c")}
            # Read later than their parent, so by as much as a pass takes.
            assert usage["inner_a"] + usage["inner_b"] < (
                usage["inner"] + 20_000)
            assert usage["inner"] + usage["c"] < usage["root"] + 20_000
