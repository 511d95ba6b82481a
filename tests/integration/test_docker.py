# SPDX-License-Identifier: MIT
"""The containers of a real Docker have the names that its users gave them."""
import contextlib
import time

import pytest
import yaml

import measurement
from daemon import BUILD, Collectd
from delivered import (complaints, instance_of, instances, moments,
                       wait_for_passes)
from docker import Docker
from engine import COUNTER, LIMITED, SPIN, check_told_once
from packages import SOURCE
from precedence import FIRST, ORDINARY_USER
from recorder import Recorder
from waiting import wait_until

pytest_plugins = ["engines", "watched"]
pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("docker")]

COMPOSE = SOURCE / "packaging/container/compose.yaml"


@pytest.fixture(scope="module")
def daemon():
    with Docker() as daemon:
        yield daemon


def test_other_places(engine, watch, tmp_path):
    """A container with a parent of its own, another data-root, a cgroup in a
    container"""
    with contextlib.ExitStack() as stack:
        jobs = engine.cgroup.child("jobs")
        stack.callback(jobs.remove)
        stack.callback(engine.remove_containers)
        job = engine.run("job", f"--cgroup-parent=/{jobs.path}")
        engine.run("idle")
        collectd = watch(0.5, engine.move(tmp_path / "host"))
        wait_for_passes(collectd, 2, "docker_idle")
        wait_for_passes(collectd, 2, "docker_job")
        inner = jobs.directory("v1") / job / "inner"
        inner.mkdir()
        stack.callback(inner.rmdir)
        wait_for_passes(collectd, 2, "docker_job+inner")
        collectd.stop()
    assert instances(collectd) - engine.own() == {
        instance_of(jobs.path), "docker_idle", "docker_job", "docker_job+inner"}


def test_imitations(engine, watch, tmp_path):
    """Whoever is root in a container can make any cgroup there. The victim keeps
    its name and its own values, also when it is younger than the copy."""
    attacker = engine.run("attacker")
    victim = engine.run("victim", *LIMITED, command=SPIN)
    copies = [engine.directory(attacker) / "docker" / victim,
              engine.cgroup.child("free").directory("v1") / victim]
    with contextlib.ExitStack() as stack:
        stack.callback(engine.cgroup.remove_children)
        for copy in copies:
            copy.mkdir(parents=True)
        stack.callback(copies[0].parent.rmdir)
        for copy in copies:
            stack.callback(copy.rmdir)
        collectd = watch(0.5)
        wait_for_passes(collectd, 3, "docker_victim")
        engine("restart", "--time=0", "victim")
        with Recorder(tmp_path / "record",
                      [engine.directory(victim) / COUNTER]) as recorder:
            began = time.time()
            passes = wait_for_passes(collectd, 4, "docker_victim")
            recorder.wait_until_past(passes[-1] + measurement.BUSY_DELAY)
            usage = [row for row in collectd.usage("docker_victim")
                     if began + 0.5 < row[0] <= passes[-1]]
            measurement.check_values(
                usage, collectd.millicores("docker_victim"),
                recorder.of(engine.directory(victim) / COUNTER))
        collectd.stop()
    found = instances(collectd) - engine.own()
    assert {name for name in found if name.startswith("docker_")} == {
        "docker_victim", "docker_attacker", "docker_attacker+docker",
        f"docker_attacker+docker_{victim[:12]}"}
    assert len(found) == 6


def test_in_a_container(engine):
    """With the volumes and rights of packaging/container/compose.yaml"""
    service, = yaml.safe_load(COMPOSE.read_text())["services"].values()
    assert service["user"] == "0" and service["read_only"]
    moved = {"/var/lib/docker/containers", "/etc/docker"}
    volumes = [f"{engine.root}{volume}" if volume.split(":")[0] in moved
               else volume for volume in service["volumes"]
               if not volume.startswith(".")]
    path = engine.cgroup.path
    collectd = Collectd(
        engine.root / "watcher", 'Root "/host/sys/fs/cgroup"\n'
        f'CGroup "/"\nCGroup "/{path}"\nCGroup "/{path}/*"')
    own_files = [f"{collectd.directory}:{collectd.directory}",
                 *(f"{place}:{place}:ro" for place in
                   (BUILD, "/usr", "/lib", "/lib64"))]
    engine.run("web")
    engine.run("watcher", "--read-only", "--user=0",
               *(f"--cap-drop={name}" for name in service["cap_drop"]),
               *(f"--volume={volume}" for volume in volumes + own_files),
               command=collectd.command)
    wait_until(lambda: len(moments(collectd, "docker_web")) > 2, 30,
               lambda: engine("logs", "watcher") + collectd.log)
    assert instances(collectd) - engine.own() == {"docker_web", "docker_watcher"}
    assert not complaints(collectd)


def test_not_root(engine, open_place):
    """It is said once, with what to do, and costs no value"""
    identifier = engine.run("private")
    name = f"{instance_of(engine.cgroup.path)}_{identifier[:12]}"
    collectd = Collectd(open_place / "collectd", engine.collectd_options(), 0.5,
                        build=open_place / "build")
    collectd.directory.chmod(0o777)
    with collectd.start([*FIRST, *ORDINARY_USER]):
        passes = wait_for_passes(collectd, 5, name)
        collectd.stop()
    check_told_once(engine, collectd, name, passes,
                    f"{engine.root}/var/lib/docker/containers")
