# SPDX-License-Identifier: MIT
"""The pods of a real containerd have the names that Kubernetes gives them, and
the kernel's values."""
import re
import time

import pytest

import measurement
from cri import Cri
from daemon import Collectd
from delivered import complaints, instances, moments, wait_for_passes
from engine import COUNTER, SHARE, SPIN
from kubelet import NAME, UID, WEB, Pod
from precedence import FIRST, ORDINARY_USER
from recorder import Recorder

pytest_plugins = ["engines", "watched"]
pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("podman")]

POD = "k8s_default_web-0"
PAUSE = f"{POD}_POD"
# The kubelet has it from a file. Its uid has no dashes.
STATIC = Pod("kube-system", "etcd-node.example.com", UID.replace("-", ""))
# The id is cut off the name of its link.
LONG = Pod("default", f"web-{'x' * 200}", UID.replace("8", "9"))


@pytest.fixture(scope="module")
def daemon():
    with Cri() as daemon:
        yield daemon


def start_app(engine, sandbox, attempt=0):
    identifier = engine.run_in(WEB, sandbox, "app", attempt, SPIN, SHARE)
    engine.node.link(WEB, "app", identifier, attempt)
    return identifier


def remove(engine, identifier):
    engine.remove(identifier)
    engine.node.unlink(identifier)


def test_a_pod(engine, watch, tmp_path):
    """Its container starts again, then it gets another sandbox, and then it goes"""
    sandbox = engine.run_pod(WEB)
    app = start_app(engine, sandbox)
    files = {name: str(engine.directory(WEB, identifier) / COUNTER)
             for name, identifier in ((POD, ""), (PAUSE, sandbox), (NAME, app))}
    with Recorder(tmp_path / "record", files.values()) as recorder:
        collectd = watch(0.5)
        wait_for_passes(collectd, 1, NAME)
        earlier, used_earlier = engine.usage(app)
        passes = wait_for_passes(collectd, 4, NAME)
        later, used_later = engine.usage(app)
        recorder.wait_until_past(passes[-1] + measurement.BUSY_DELAY)
        for name, file in files.items():
            usage = [row for row in collectd.usage(name)
                     if row[0] <= passes[-1]]
            assert [moment for moment, _ in usage] == passes
            measurement.check_values(usage, collectd.millicores(name),
                                     recorder.of(file))
        usual = measurement.usual(usage, collectd.millicores(name))
    told = (used_later - used_earlier) / (later - earlier) / 1000
    print(f"plugin {usual:.1f}m, told to the kubelet {told:.1f}m")
    assert usual == pytest.approx(SHARE, rel=0.3)

    engine.end(app)
    second = start_app(engine, sandbox, 1)
    wait_for_passes(collectd, 3, NAME)
    remove(engine, app)
    engine.ask("StopPodSandbox", pod_sandbox_id=sandbox)
    stopped = time.time()
    other = engine.run_pod(WEB, 1)
    third = start_app(engine, other, 2)
    wait_for_passes(collectd, 3, NAME)
    remove(engine, second)
    engine.remove_pod(sandbox)
    wait_for_passes(collectd, 2, NAME)
    engine.end(third)
    remove(engine, third)
    engine.remove_pod(other)
    engine.remove_cgroups()
    wait_for_passes(collectd, 2)
    engine.node.remove_logs(WEB)
    wait_for_passes(collectd, 1)
    collectd.stop()

    assert len({sandbox, other, app, second, third}) == 5
    assert instances(collectd) - engine.own() == {POD, PAUSE, NAME}
    for name in (POD, PAUSE, NAME):
        assert stopped < moments(collectd, name)[-1] < moments(collectd)[-2]
    measurement.check_lives(collectd.usage(NAME), collectd.millicores(NAME),
                            moments(collectd), falls=2)
    assert not complaints(collectd)


def test_late_links(engine, open_place):
    """Of a pod that the kubelet has from a file, and of one with a long name. A
    collectd that is not root does not know which containers are pause."""
    # Older releases let every user look into it.
    engine.node.sandboxes.parent.chmod(0o700)
    sandboxes = {pod: engine.run_pod(pod) for pod in (STATIC, LONG)}
    apps = {pod: engine.run_in(pod, sandbox, "app")
            for pod, sandbox in sandboxes.items()}
    static = f"k8s_{STATIC.namespace}_{STATIC.name}"
    without, pause = (f"{static}_+{ids[STATIC][:12]}"
                      for ids in (apps, sandboxes))
    collectd = Collectd(open_place / "collectd", engine.collectd_options(), 0.5,
                        build=open_place / "build")
    collectd.directory.chmod(0o777)
    with collectd.start([*FIRST, *ORDINARY_USER]):
        wait_for_passes(collectd, 2, without)
        for pod, identifier in apps.items():
            engine.node.link(pod, "app", identifier)
        wait_for_passes(collectd, 2, f"{static}_app")
        collectd.stop()

    before, after = (moments(collectd, name)
                     for name in (without, f"{static}_app"))
    assert before[-1] < after[0]
    assert [*before, *after] == [moment for moment in moments(collectd)
                                 if before[0] <= moment <= after[-1]]
    found = instances(collectd) - engine.own()
    of_long = {re.fullmatch(r"k8s_default_web-x+~x+(.*)~[0-9a-f]{8}", name)[1]
               for name in found if "web" in name}
    assert of_long == {"", "_app", *(f"_+{ids[LONG][:12]}"
                                     for ids in (apps, sandboxes))}
    assert {name for name in found if "web" not in name} == {
        static, pause, without, f"{static}_app"}
    complaint, = complaints(collectd)
    assert f"No permission to look into {engine.node.sandboxes}: pause" in complaint
