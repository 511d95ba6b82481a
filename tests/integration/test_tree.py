# SPDX-License-Identifier: MIT
"""Every cgroup below the root is found, named and read, however many there are
and however they are created and removed. No microsecond is lost or counted
twice."""
import itertools
import os
import threading
import time
from pathlib import Path

import pytest

import measurement
from cgroups import hierarchies
from delivered import (MILLICORES, REMAINDER, USAGE, complaints, instance_of,
                       instances, kinds, moments, wait_for_passes)
from forest import Forest
from recorder import Recorder
from waiting import wait_until

pytest_plugins = ["watched"]

ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
POD = "8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10"
POD_ = POD.replace("-", "_")

# Where container runtimes put containers, and their expected names.
RUNTIMES = {
    # Docker
    f"system.slice/docker-{ID}.scope": "system.slice_docker-4f1c2d9e8b7a.scope",
    f"docker/{ID}": "docker_4f1c2d9e8b7a",
    # Podman, as root and rootless; the monitor beside the container
    f"machine.slice/libpod-{ID}.scope":
        "machine.slice_libpod-4f1c2d9e8b7a.scope",
    f"machine.slice/libpod-{ID}.scope/container":
        "machine.slice_libpod-4f1c2d9e8b7a.scope_container",
    f"machine.slice/libpod-conmon-{ID}.scope":
        "machine.slice_libpod-conmon-4f1c2d9e8b7a.scope",
    f"libpod_parent/libpod-{ID}": "libpod__parent_libpod-4f1c2d9e8b7a",
    "user.slice/user-1000.slice/user@1000.service/user.slice/"
    f"libpod-{ID}.scope/container":
        "user.slice_user-1000.slice_user@1000.service_user.slice_"
        "libpod-4f1c2d9e8b7a.scope_container",
    # Kubernetes with containerd
    f"kubepods.slice/kubepods-pod{POD_}.slice/cri-containerd-{ID}.scope":
        "kubepods.slice_"
        "kubepods-pod8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10.slice_"
        "cri-containerd-4f1c2d9e8b7a.scope",
    f"kubepods/pod{POD}/{ID}":
        "kubepods_pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10_4f1c2d9e8b7a",
    f"kubepods/burstable/pod{POD}/{ID}":
        "kubepods_burstable_pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10_"
        "4f1c2d9e8b7a",
    f"kubepods/besteffort/pod{POD}/{ID}":
        "kubepods_besteffort_pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10_"
        "4f1c2d9e8b7a",
    # 138 bytes: a part is replaced by the FNV-1a hash of the path
    f"kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod{POD_}"
    f".slice/cri-containerd-{ID}.scope":
        "kubepods.slice_kubepods-burstable.slice_~"
        "d8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10.slice_"
        "cri-containerd-4f1c2d9e8b7a.scope~e9bf446f",
    # Kubernetes with CRI-O
    f"kubepods.slice/kubepods-pod{POD_}.slice/crio-{ID}.scope":
        "kubepods.slice_"
        "kubepods-pod8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10.slice_"
        "crio-4f1c2d9e8b7a.scope",
    f"kubepods.slice/kubepods-pod{POD_}.slice/crio-{ID}.scope/container":
        "kubepods.slice_"
        "kubepods-pod8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10.slice_"
        "crio-4f1c2d9e8b7a.scope_container",
    f"kubepods.slice/kubepods-pod{POD_}.slice/crio-conmon-{ID}.scope":
        "kubepods.slice_"
        "kubepods-pod8cb9d4e1_5f0a_4c7e_9a51_2f3f7c3a9b10.slice_"
        "crio-conmon-4f1c2d9e8b7a.scope",
    f"kubepods/burstable/pod{POD}/crio-{ID}":
        "kubepods_burstable_pod8cb9d4e1-5f0a-4c7e-9a51-2f3f7c3a9b10_"
        "crio-4f1c2d9e8b7a",
    # LXC and LXD
    "lxc.payload.web": "lxc.payload.web",
    "lxc.monitor.web": "lxc.monitor.web",
    "lxc/web": "lxc_web",
    # systemd's and libvirt's machines
    "machine.slice/systemd-nspawn@web.service":
        "machine.slice_systemd-nspawn@web.service",
    r"machine.slice/systemd-nspawn@my\x2dweb.service/payload":
        "machine.slice_systemd-nspawn@my-web.service_payload",
    r"machine.slice/machine-qemu\x2d1\x2dweb.scope":
        "machine.slice_machine-qemu-1-web.scope",
    r"machine.slice/machine-qemu\x2d1\x2dweb.scope/libvirt/vcpu0":
        "machine.slice_machine-qemu-1-web.scope_libvirt__vcpu0",
}
# What is called otherwise if it has its own name.
OWN_NAMES = {
    "lxc.payload.web": "lxc_web",
    "machine.slice/systemd-nspawn@web.service": "machine_web",
    r"machine.slice/systemd-nspawn@my\x2dweb.service/payload":
        "machine_my-web+payload",
    r"machine.slice/machine-qemu\x2d1\x2dweb.scope": "libvirt_web",
    r"machine.slice/machine-qemu\x2d1\x2dweb.scope/libvirt/vcpu0":
        "libvirt_web+libvirt_vcpu0",
}


def chains(count):
    """This many cgroups, in chains of eight below each other"""
    return ["/".join([f"chain{number // 8}", *"abcdefgh"[1:number % 8 + 1]])
            for number in range(count)]


def next_pass(passes, moment):
    """The first pass that began its search at that time or later"""
    return min(begin for begin in passes
               if begin > moment + measurement.SEARCH)


def counted(cgroup, version):
    """In the unit of its counter"""
    return int(cgroup.counter(version).read_text().split()[version == "v2"])


def record(directory, counters):
    return Recorder(directory / "record", counters)


@pytest.mark.parametrize("version, count", [
    *itertools.product(("v1", "v2"), (1, 100, 1000)),
    pytest.param("v2", 10_000, marks=pytest.mark.xdist_group("loads of a core"))])
def test_all_are_there_in_each_interval(directory, start, count):
    paths = chains(count)
    expected = {"root", *map(instance_of, paths)}
    assert len(expected) == count + 1
    with Forest(directory, paths):
        collectd = start(f"MaxCgroups {count + 1}", 2 if count > 1000 else 0.5)
        passes = wait_for_passes(collectd, 2)
        found = kinds(collectd)
        logged = complaints(collectd)
        collectd.stop()

    assert found.keys() == expected
    assert all(kind == {USAGE, MILLICORES} for kind in found.values())
    for instance in expected:
        usage = moments(collectd, instance)
        gauges = moments(collectd, instance, MILLICORES)
        assert usage[:len(passes)] == passes
        assert gauges[:len(passes) - 1] == passes[1:]
    assert not logged


def test_in_the_hierarchy_that_is_wanted(directory, start, version):
    """Without Root, among all cgroups of the machine"""
    paths = chains(100)
    own = str(directory.relative_to(hierarchies()[version]))
    above = instance_of(own)
    with Forest(directory, paths):
        collectd = start(f'CgroupVersion "{version}"\nCGroup "/{own}"\n'
                         f'CGroup "/{own}/*"', root=None)
        wait_for_passes(collectd, 2, above)
        found = instances(collectd)
        logged = complaints(collectd)

    assert found == {above, *(instance_of(f"{own}/{path}") for path in paths)}
    assert not logged


@pytest.mark.xdist_group("small loads")
def test_loads_among_a_thousand(cgroup, start, version, tmp_path):
    """At the top, halfway and on the deepest of eight levels"""
    levels = [cgroup.child("a")]
    for name in "bcdefgh":
        levels.append(levels[-1].child(name))
    loads = {"a": levels[0].burn(300), "a_b_c_d": levels[3].burn(50),
             "a_b_c_d_e_f_g_h": levels[7].burn(400)}
    counters = {instance: place.counter(version)
                for instance, place in loads.items()}
    with Forest(cgroup.child("others").directory(version), chains(1000)), \
            record(tmp_path, counters.values()) as recorder:
        collectd = start(interval=1)
        passes = wait_for_passes(collectd, 7)
        logged = complaints(collectd)
        collectd.stop()
        recorder.wait_until_past(passes[-1] + measurement.DELAY)

    for instance, counter in counters.items():
        usage = measurement.between(collectd.usage(instance), passes[1],
                                    passes[-1])
        truth = recorder.of(counter).millicores(passes[1], passes[-1])
        gauges = measurement.mean_of_gauges(
            usage, collectd.millicores(instance))
        derives = measurement.mean_of_derives(usage)
        print(f"{instance}: gauges {gauges:.2f}m, derives {derives:.2f}m, "
              f"truth {truth:.2f}m")
        assert truth > 25
        assert gauges == pytest.approx(truth, abs=measurement.tolerance(truth))
        assert derives == pytest.approx(truth,
                                        abs=measurement.tolerance(truth))
    assert not logged


@pytest.mark.parametrize("form", ["path", "name"])
def test_containers_of_all_runtimes(directory, start, form):
    names = dict(RUNTIMES)
    if form == "name":
        names.update(OWN_NAMES)
        # The same name, by its path.
        del names["lxc/web"]
    with Forest(directory, names):
        collectd = start(f'InstanceFormat "{form}"')
        wait_for_passes(collectd, 2)
        found = instances(collectd)
        logged = complaints(collectd)

    expected = set(names.values())
    assert len(expected) == len(names)
    assert expected <= found
    assert not logged


@pytest.mark.xdist_group("small loads")
@pytest.mark.parametrize("others", [0, 100])
def test_new_ones_and_removed_ones(directory, start, others):
    """A few are searched in every interval. For many, the kernel reports
    changes."""
    levels = list(itertools.accumulate("abcdefgh", "{}/{}".format))
    made = {}
    with Forest(directory, chains(others)) as forest:
        collectd = start()
        wait_for_passes(collectd, 2)
        for paths in (["new", *levels], ["new/later", levels[-1] + "/i"]):
            forest.add(*paths)
            made.update(dict.fromkeys(map(instance_of, paths), time.time()))
            wait_for_passes(collectd, 2)
        forest.remove("new/later", "new", levels[-1] + "/i",
                      *reversed(levels))
        removed = time.time()
        passes = wait_for_passes(collectd, 2)
        logged = complaints(collectd)

    for instance, moment in made.items():
        usage = moments(collectd, instance)
        assert usage[0] <= next_pass(passes, moment)
        assert usage[-1] < removed + measurement.ROUNDING
        assert usage == [begin for begin in passes
                         if usage[0] <= begin <= usage[-1]]
        assert moments(collectd, instance, MILLICORES) == usage
    assert not logged


@pytest.mark.xdist_group("small loads")
@pytest.mark.parametrize("others, load, keep", [
    (0, 0, 2000), (0, 300, 0), (100, 300, 2000), (100, 300, 0)])
def test_one_made_anew_is_another(cgroup, start, version, others, load, keep):
    """This holds even if it has used more CPU than the removed one before it is
    first read, so that its counter seems to continue"""
    with Forest(cgroup.child("others").directory(version), chains(others)):
        collectd = start(f"KeepOpen {keep}")
        first = cgroup.child("again").burn(20)
        wait_for_passes(collectd, 2, "again")
        cgroup.children.remove(first)
        # It is not seen missing, nor before it has used more.
        with collectd.paused():
            used = counted(first, version)
            removed = time.time()
            first.remove()
            again = cgroup.child("again").burn(load)
            made = time.time()
            wait_until(lambda: load == 0 or counted(again, version) > used, 10,
                       lambda: "it uses no CPU")
        wait_for_passes(collectd, 4)
        logged = complaints(collectd)

    passes = moments(collectd)
    rows, gauges = collectd.samples("again")
    gauges = dict(gauges)
    old = [row for row in rows if row[0] < removed]
    new = [row for row in rows if row[0] > made]
    (begin, first_value) = new[0]
    # A pass that began during its creation may have seen it too.
    assert begin <= next_pass(passes, made)
    assert (first_value > old[-1][1]) == (load > 0)
    assert first_value <= (begin + measurement.DELAY - removed) * 1e6
    # The first one may have existed before the first pass.
    assert {*gauges} - {old[0][0]} == {
        moment for moment, _ in old[1:] + new}
    before = max(moment for moment in passes if moment < begin)
    assert gauges[begin] == pytest.approx(
        first_value / (begin - before) / 1000, rel=0.1, abs=2)
    assert not logged


@pytest.mark.xdist_group("small loads")
def test_a_service_that_never_lives_long(cgroup, start, version):
    """It restarts every 0.7 to 1.2 s and is busy. It has a value in every
    interval in which it is found, and it is found in nearly all of them."""
    parent = cgroup.child("parent")
    with Forest(cgroup.child("others").directory(version), chains(100)):
        collectd = start(interval=1)
        wait_for_passes(collectd, 2, "parent")
        for lifetime in itertools.islice(itertools.cycle(
                [0.7, 0.9, 1.2, 0.8]), 10):
            service = parent.child("service").burn(400)
            time.sleep(lifetime)
            parent.children.remove(service)
            service.remove()
        passes = wait_for_passes(collectd, 2, "parent")
        logged = complaints(collectd)

    seen = moments(collectd, "parent_service")
    gauges = dict(collectd.millicores("parent_service"))
    assert len(seen) >= len([moment for moment in passes
                             if seen[0] <= moment <= seen[-1]]) * 0.8
    assert {*gauges} == {*seen}
    # Its own share of an interval in which its parent used no more.
    of_parent = dict(collectd.millicores("parent"))
    for moment in seen:
        assert 0 <= gauges[moment] <= of_parent[moment] * 1.05 + 5
    assert not logged


@pytest.mark.xdist_group("small loads")
@pytest.mark.parametrize("version", ["v1"])
def test_one_that_gets_another_name(cgroup, start, version):
    """In v1, cgroups can be renamed"""
    directory = cgroup.directory(version)
    with Forest(directory, ["before/inner", *chains(100)]):
        collectd = start(interval=0.3)
        wait_for_passes(collectd, 3)
        os.rename(directory / "before", directory / "after")
        renamed = time.time()
        passes = wait_for_passes(collectd, 4)
        logged = complaints(collectd)

    for suffix in ("", "_inner"):
        old = moments(collectd, "before" + suffix)
        new = moments(collectd, "after" + suffix)
        assert old[-1] < renamed + measurement.ROUNDING
        assert old[-1] < new[0] <= next_pass(passes, renamed)
        assert new[-1] >= passes[-1]
    assert not logged


def test_a_host_that_never_rests(cgroup, start, version):
    """Cgroups are created and removed while they are searched for and read"""
    forest = Forest(cgroup.child("busy").directory(version))
    done = threading.Event()

    def keep_changing():
        for number in itertools.count():
            path = f"{number % 7}/a/b"
            forest.add(path)
            forest.remove(path, path[:-2], path[:-4])
            if done.is_set():
                return

    with forest, Forest(cgroup.child("calm").directory(version), chains(100)):
        collectd = start(interval=0.05)
        changes = threading.Thread(target=keep_changing)
        changes.start()
        try:
            wait_for_passes(collectd, 60)
        finally:
            done.set()
            changes.join()
        passes = wait_for_passes(collectd, 3)
        logged = complaints(collectd)

    calm = {instance_of(f"calm/{path}") for path in chains(100)}
    calm |= {"calm", "busy"}
    for instance in calm:
        assert moments(collectd, instance)[:len(passes)] == passes
    assert instances(collectd) - calm - {"root"} <= {
        f"busy_{number}{below}" for number in range(7)
        for below in ("", "_a", "_a_b")}
    assert not logged


@pytest.mark.xdist_group("small loads")
def test_more_changes_than_events(directory, start):
    """The kernel's event queue overflows and loses the last events"""
    limit = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    with Forest(directory, chains(100)) as forest:
        collectd = start()
        wait_for_passes(collectd, 2)
        with collectd.paused():
            for _ in range(limit // 2 + 1):
                forest.add("passing")
                forest.remove("passing")
            forest.remove("chain12/b/c/d", "chain12/b/c")
            forest.add("chain3/late/later")
        made = time.time()
        passes = wait_for_passes(collectd, 4)
        logged = complaints(collectd)

    for instance in ("chain3_late", "chain3_late_later"):
        assert moments(collectd, instance)[0] <= next_pass(passes, made)
    for instance in ("chain12_b_c", "chain12_b_c_d"):
        assert moments(collectd, instance)[-1] < made + measurement.ROUNDING
    assert not logged


def place_loads(cgroup):
    """Processes beside child cgroups: v2 allows them if no controller is on"""
    inner = cgroup.child("inner")
    places = {"inner": inner, "inner_a": inner.child("a"),
              "inner_b": inner.child("b"), "c": cgroup.child("c")}
    for place, millicores in zip(places.values(), (100, 150, 200, 250)):
        place.burn(millicores)
    return places


@pytest.mark.xdist_group("small loads")
def test_no_child_uses_more_than_its_parent(cgroup, start, version, tmp_path):
    places = {"root": cgroup, **place_loads(cgroup)}
    counters = {instance: place.counter(version)
                for instance, place in places.items()}
    with record(tmp_path, counters.values()) as recorder:
        collectd = start(interval=1)
        passes = wait_for_passes(collectd, 6)
        collectd.stop()
        recorder.wait_until_past(passes[-1] + measurement.DELAY)

    usage = {instance: dict(collectd.usage(instance)) for instance in places}

    def used(instance, begin, end):
        return (usage[instance][end] - usage[instance][begin]) / 1000 / (
            end - begin)

    def truth(instance, begin, end):
        return recorder.of(counters[instance]).millicores(begin, end)

    for begin, end in itertools.combinations(passes, 2):
        # Parents are read first. Their own processes use more than their
        # children can use until these are read.
        assert used("inner", begin, end) >= (
            used("inner_a", begin, end) + used("inner_b", begin, end))
        assert used("root", begin, end) + 2 >= (
            used("inner", begin, end) + used("c", begin, end))
    begin, end = passes[1], passes[-1]
    own = truth("inner", begin, end) - truth("inner_a", begin, end) - truth(
        "inner_b", begin, end)
    assert own > 50
    assert used("inner", begin, end) - used("inner_a", begin, end) - used(
        "inner_b", begin, end) == pytest.approx(
            own, abs=measurement.tolerance(truth("inner", begin, end)))


# The cgroups with values, those with a remainder, and those that are created
# and removed.
LEAVES_ONLY = {
    "LeavesOnly true": (
        {"inner_a", "inner_b", "c", "c_below"}, {"root", "inner", "c"}),
    'LeavesOnly true\nCGroup "/"\nCGroup "/inner/a"\nCGroup "/c*"': (
        {"inner_a", "c", "c_below"}, {"root", "c"}),
}


@pytest.mark.xdist_group("small loads")
def test_leaves_and_remainders_are_the_root(cgroup, start, version, tmp_path):
    """This holds although cgroups are created and removed, and leaves become
    inner ones"""
    places = place_loads(cgroup)
    with record(tmp_path, [cgroup.counter(version)]) as recorder:
        running = {options: start(options, 1)
                   for options in LEAVES_ONLY}
        *_, last = running.values()
        wait_for_passes(last, 2, "inner_a")
        places["c"].child("below").burn(150)
        wait_for_passes(last, 2, "inner_a")
        places["c"].children.pop().remove()
        wait_for_passes(last, 2, "inner_a")
        for collectd in running.values():
            assert not complaints(collectd)
            collectd.stop()
        recorder.wait_until_past(time.time() + measurement.DELAY)

    counter = recorder.of(cgroup.counter(version))
    for options, (leaves, inner) in LEAVES_ONLY.items():
        check_sums(running[options], counter,
                   {(leaf, MILLICORES) for leaf in leaves}
                   | {(name, REMAINDER) for name in inner})


def check_sums(collectd, counter, expected):
    passes = moments(collectd, "inner_a")[:-1]
    values = {(instance, kind): dict(
        collectd.series("cgroup_cpu", instance, kind))
        for instance, found in kinds(collectd).items()
        for kind in found & {MILLICORES, REMAINDER}}
    assert values.keys() == expected
    sums = {moment: sum(series.get(moment, 0) for series in values.values())
            for moment in passes[1:]}
    mean = sum(sums[end] * (end - begin)
               for begin, end in zip(passes[1:], passes[2:])) / (
                   passes[-1] - passes[1])
    truth = counter.millicores(passes[1], passes[-1])
    assert mean == pytest.approx(truth, abs=measurement.tolerance(truth))
    for begin, end in zip(passes[1:], passes[2:]):
        truth = counter.millicores(begin, end)
        print(f"{end}: {sums[end]:.2f}m, truth {truth:.2f}m")
        assert sums[end] == pytest.approx(truth, rel=0.05)
