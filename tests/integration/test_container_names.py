# SPDX-License-Identifier: MIT
"""Containers have the names that the kubelet's links give them, and nobody else
can get them."""
import collections
import os
import re
import time

import pytest

import measurement
from cgroups import Cgroup
from daemon import BURN, Collectd
from delivered import (MILLICORES, REMAINDER, USAGE, complaints, instances,
                       kinds, moments, wait_for_passes)
from docker_files import DockerFiles
from forest import Forest
from inspection import counting
from kubelet import ID, NAME, PAUSE_ID, POD, SLICE, UID, Node
from precedence import FIRST, ORDINARY_USER
from recorder import Recorder
from sinks import HttpSink, plugin

pytest_plugins = ["watched"]
pytestmark = pytest.mark.xdist_group("small loads")

NEXT_ID = "0" + ID[1:]
BY_PATH = POD.replace("/", "_")
FILES = "readlink,readlinkat,stat,lstat,newfstatat,statx,open,openat,openat2"


@pytest.fixture
def node(tmp_path):
    return Node(tmp_path / "node")


@pytest.fixture
def begin(start, node):
    return lambda *arguments, options="", **more: start(
        f'NameRoot "{node.root}"\n{options}', *arguments, **more)


@pytest.mark.parametrize("path, scope", [
    (POD, "{}"), (SLICE, "cri-containerd-{}.scope"), (SLICE, "crio-{}.scope")])
def test_a_pod(cgroup, directory, version, node, begin, tmp_path, path, scope):
    """The value of each is the kernel's counter of that cgroup"""
    node.add_pod()
    node.add_container(ID)
    container = f"{path}/{scope.format(ID)}"
    loaded = Cgroup(cgroup.mounts, f"{cgroup.path}/{container}/init")
    files = {name: str((directory / each / loaded.counter(version).name))
             for name, each in {
                 "k8s_default_web-0": path, NAME: container,
                 f"{NAME}+init": f"{container}/init"}.items()}
    with Forest(directory, [container, f"{path}/{scope.format(PAUSE_ID)}"]), \
            loaded, Recorder(tmp_path / "record", files.values()) as recorder:
        loaded.start(*FIRST, BURN, "--millicores", "100")
        collectd = begin()
        passes = wait_for_passes(collectd, 6)
        recorder.wait_until_past(passes[-1] + measurement.BUSY_DELAY)
        logged = complaints(collectd)
        collectd.stop()

    parents = {parent.replace("/", "_") for parent in (
        path.split("/")[0], "/".join(path.split("/")[:2]))}
    assert instances(collectd) == {
        "root", *parents, *files, "k8s_default_web-0_POD"}
    for name, file in files.items():
        usage = [row for row in collectd.usage(name) if row[0] in passes]
        assert len(usage) == len(passes)
        measurement.check_values(usage, collectd.millicores(name),
                                 recorder.of(file))
    assert not logged


@pytest.mark.parametrize("version", ["v2"])
def test_a_late_link(directory, node, begin):
    """The first value waits for it. There is none under another name, and none
    in the middle is missing."""
    node.add_pod()
    with Forest(directory, ["stays"]) as forest:
        collectd = begin()
        wait_for_passes(collectd, 2)
        forest.add(f"{POD}/{ID}")
        passes = wait_for_passes(collectd, 1)
        node.add_container(ID)
        passes = wait_for_passes(collectd, 4)
        collectd.stop()

    assert {name for name in instances(collectd) if "web-0" in name} == {
        "k8s_default_web-0", NAME}
    assert not [name for name in instances(collectd) if ID[:12] in name]
    for kind in (USAGE, MILLICORES):
        assert {*moments(collectd, NAME, kind)} >= {*passes[-3:]}


@pytest.mark.parametrize("version", ["v2"])
def test_no_link(directory, node, begin):
    """Its values come after three intervals at the latest, and take the name
    when the link is there"""
    node.add_pod()
    known = f"k8s_default_web-0_+{ID[:12]}"
    with Forest(directory, ["stays"]) as forest:
        collectd = begin()
        wait_for_passes(collectd, 2)
        forest.add(f"{POD}/{ID}")
        there = time.time()
        collectd.wait_for(lambda: len(moments(collectd, known)) > 2)
        node.add_container(ID)
        collectd.wait_for(lambda: moments(collectd, NAME))
        wait_for_passes(collectd, 2)
        collectd.stop()

    passes = [moment for moment in moments(collectd) if moment > there]
    before, after = moments(collectd, known), moments(collectd, NAME)
    assert before[0] <= passes[4]
    # Each interval has one of the two.
    assert sorted([*before, *after]) == [
        moment for moment in passes if moment >= before[0]]
    assert before[-1] < after[0]


@pytest.mark.parametrize("version", ["v2"])
def test_what_waits_is_in_the_remainder(cgroup, directory, version, node, start,
                                        tmp_path):
    """With LeavesOnly, all millicores and remainders together are what the root
    used, also while a container's first value waits for its name"""
    node.add_pod()
    loaded = Cgroup(cgroup.mounts, f"{cgroup.path}/{POD}/{ID}")
    counter = str(cgroup.counter(version))
    with Forest(directory, [POD]), Recorder(
            tmp_path / "record", [counter]) as recorder:
        collectd = start(f'NameRoot "{node.root}"\nLeavesOnly true')
        wait_for_passes(collectd, 2, kind=REMAINDER)
        with loaded:
            loaded.start(*FIRST, BURN, "--millicores", "200")
            passes = wait_for_passes(collectd, 6, kind=REMAINDER)
            recorder.wait_until_past(passes[-1])
            collectd.stop()

    sums = collections.Counter()
    for name, found in kinds(collectd).items():
        for kind in found & {MILLICORES, REMAINDER}:
            for moment, value in collectd.series("cgroup_cpu", name, kind):
                sums[moment] += value
    passes = passes[-7:]
    used = sum(sums[end] * (end - begin) for begin, end
               in zip(passes, passes[1:])) / (passes[-1] - passes[0])
    truth = recorder.of(counter).millicores(passes[0], passes[-1])
    assert truth > 100
    assert used == pytest.approx(truth, rel=0.05)


@pytest.mark.parametrize("version", ["v2"])
def test_a_restart(directory, node, begin):
    """The new container has the name at once, and no rate from the old one"""
    node.add_pod()
    node.add_container(ID)
    with Forest(directory, [f"{POD}/{ID}"]) as forest:
        collectd = begin()
        wait_for_passes(collectd, 3, NAME)
        node.add_container(NEXT_ID, 1)
        forest.add(f"{POD}/{NEXT_ID}")
        forest.remove(f"{POD}/{ID}")
        removed = time.time()
        wait_for_passes(collectd, 4, NAME)
        collectd.stop()

    passes = moments(collectd)
    assert moments(collectd, NAME)[-3:] == passes[-3:]
    later = [moment for moment in passes if moment > removed + 0.5]
    for name in instances(collectd):
        if name not in (NAME, "root", "k8s_default_web-0"):
            assert not (name.startswith("k8s") and
                        {*moments(collectd, name)} & {*later}), name


@pytest.mark.parametrize("version", ["v2"])
def test_imitations(directory, node, begin):
    """A user with a subtree of its own, and root in a container"""
    node.add_pod()
    node.add_container(ID)
    users = [f"user.slice/{SLICE}/crio-{ID}.scope"]
    inside = [f"{POD}/{NEXT_ID}/{POD}/{ID}", f"docker/{NEXT_ID}/{POD}/{ID}"]
    with Forest(directory, [f"{POD}/{ID}", *inside]) as forest:
        collectd = begin()
        wait_for_passes(collectd, 2)
        forest.add("user.slice")
        os.chown(directory / "user.slice", 65534, 65534)
        for path in users:
            parts = path.split("/")
            for depth in range(2, len(parts) + 1):
                forest.add("/".join(parts[:depth]))
                os.chown(directory / "/".join(parts[:depth]), 65534, 65534)
        passes = wait_for_passes(collectd, 4)
        collectd.stop()

    named = {name for name in instances(collectd) if name.startswith("k8s")}
    assert {NAME, "k8s_default_web-0"} <= named
    # What else has its name is in a container of the pod.
    assert all(re.match(rf"k8s_default_web-0_\+{NEXT_ID[:12]}", name)
               for name in named - {NAME, "k8s_default_web-0"})
    assert {*moments(collectd, NAME)} >= {*passes}
    assert len(moments(collectd, NAME)) == len({*moments(collectd, NAME)})


@pytest.mark.parametrize("version", ["v2"])
def test_names_cost_nothing_later(directory, node, begin, tmp_path):
    """No call has to do with names once all are known"""
    node.add_pod()
    node.add_container(ID)
    with Forest(directory, [f"{POD}/{ID}", f"{POD}/{PAUSE_ID}",
                            "machine.slice/machine-web.scope"]):
        collectd = begin(0.2)
        wait_for_passes(collectd, 3, NAME)
        with counting(collectd.process.pid, tmp_path / "calls", FILES):
            wait_for_passes(collectd, 10, NAME)
        assert str(node.root) not in (tmp_path / "calls").read_text()
        assert {"machine_web", "k8s_default_web-0_POD"} <= instances(collectd)

        # The test would have seen them.
        with counting(collectd.process.pid, tmp_path / "others", FILES):
            os.mkdir(directory / POD / NEXT_ID)
            wait_for_passes(collectd, 3)
            os.rmdir(directory / POD / NEXT_ID)
        assert str(node.links) in (tmp_path / "others").read_text()


@pytest.mark.parametrize("version", ["v2"])
def test_no_permission(directory, open_place):
    """It is said once, with what to do, and costs no value"""
    node = Node(open_place / "node")
    node.add_pod()
    node.pods.chmod(0o700)
    collectd = Collectd(open_place / "collectd",
                        f'Root "{directory}"\nNameRoot "{node.root}"', 0.5,
                        build=open_place / "build")
    collectd.directory.chmod(0o777)
    with Forest(directory, [f"{POD}/{ID}"]):
        with collectd.start([*FIRST, *ORDINARY_USER]):
            wait_for_passes(collectd, 6, f"{BY_PATH}_{ID[:12]}")
            assert BY_PATH in instances(collectd)
            # A container's link has the names of its pod as well.
            node.add_container(ID)
            collectd.wait_for(lambda: moments(collectd, NAME))
            collectd.wait_for(lambda: moments(collectd, "k8s_default_web-0"))
            collectd.stop()

    notice, = collectd.messages("notice")
    assert f"No permission to list {node.pods}:" in notice
    assert "let collectd's user read it" in notice


@pytest.mark.parametrize("version", ["v2"])
@pytest.mark.parametrize("wanted", [True, False])
def test_metadata(directory, node, begin, wanted):
    """By the names of OpenTelemetry, and only if they are wanted"""
    node.add_pod()
    node.add_container(ID, restarts=3)
    container = f"{SLICE}/crio-{ID}.scope"
    with Forest(directory, [f"{container}/init"]), HttpSink() as sink:
        collectd = begin(options="Metadata true" if wanted else "",
                         beside=[plugin("write_http", sink.node())])
        wait_for_passes(collectd, 3)
        collectd.stop()

    described = {value["plugin_instance"]: value.get("meta")
                 for value in sink.values}
    if not wanted:
        assert not any(described.values())
        return
    pod = {"k8s.namespace.name": "default", "k8s.pod.name": "web-0",
           "k8s.pod.uid": UID}
    inside = {**pod, "k8s.container.name": "app",
              "k8s.container.restart_count": 3, "container.id": ID,
              "container.runtime.name": "cri-o"}
    for name, path, more in (
            ("root", "", {}), ("kubepods.slice", "/kubepods.slice", {}),
            ("k8s_default_web-0", f"/{SLICE}", pod),
            (NAME, f"/{container}", inside),
            (f"{NAME}+init", f"/{container}/init", inside)):
        assert described[name] == {"cgroup_cpu:path": path or "/", **more}


@pytest.mark.parametrize("version", ["v2"])
def test_more_metadata_than_writers_take(directory, begin, tmp_path):
    """What is too much is left out, and no value is lost"""
    labels = {f"label{number}": '"' * 240 for number in range(8)}
    DockerFiles(tmp_path / "node").add(ID, "web", labels)
    options = "".join(f"NameLabel {label}\n" for label in labels)
    with Forest(directory, [f"docker/{ID}"]), HttpSink() as sink:
        collectd = begin(options=f"Metadata true\n{options}",
                         beside=[plugin("write_http", sink.node())])
        passes = wait_for_passes(collectd, 3, "docker_web")
        collectd.stop()

    usage = {value["time"]: value["meta"] for value in sink.values
             if value["plugin_instance"] == "docker_web"
             and value["type_instance"] == "cpu_usage_usec"}
    assert len(usage) >= len(passes)
    for meta in usage.values():
        found = {name.removeprefix("container.label."): text
                 for name, text in meta.items() if "label" in name}
        assert 4 <= len(found) < 8
        assert found.items() <= labels.items()
        assert meta["cgroup_cpu:path"] == f"/docker/{ID}"
