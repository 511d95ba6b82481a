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
from docker import SPIN, Docker
from packages import SOURCE
from precedence import FIRST, ORDINARY_USER
from recorder import Recorder
from waiting import wait_until

pytest_plugins = ["watched"]
pytestmark = pytest.mark.xdist_group("small loads")

SHARE = 100
LIMITED = ("--cpus", str(SHARE / 1000))
COUNTER = "cpuacct.usage"
COMPOSE = SOURCE / "packaging/container/compose.yaml"


@pytest.fixture(scope="module")
def daemon():
    with Docker() as daemon:
        yield daemon


@pytest.fixture
def docker(daemon):
    """Without containers"""
    yield daemon
    daemon.remove_containers()


def options_of(docker, name_root=None):
    path = docker.cgroup.path
    return (f'Root "{docker.cgroup.mounts["v1"]}"\n'
            f'NameRoot "{name_root or docker.root}"\n'
            f'CGroup "/"\nCGroup "/{path}"\nCGroup "/{path}/*"')


def own(docker):
    """The names that are there without any container"""
    return {"root", instance_of(docker.cgroup.path)}


@pytest.fixture
def watch(docker, tmp_path):
    """watch(interval, name_root): a collectd"""
    with contextlib.ExitStack() as stack:
        def start(interval=1, name_root=None):
            return stack.enter_context(Collectd(
                tmp_path / "collectd", options_of(docker, name_root),
                interval).start(FIRST))

        yield start


def test_a_container(docker, watch, tmp_path):
    """Its values are those of the kernel's counter, and it has its new name within
    a minute"""
    identifier = docker.run("web-frontend", *LIMITED, command=SPIN)
    file = str(docker.directory(identifier) / COUNTER)
    with Recorder(tmp_path / "record", [file]) as recorder:
        collectd = watch()
        passes = wait_for_passes(collectd, 4, "docker_web-frontend")
        percent = float(docker("stats", "--no-stream", "--format",
                               "{{.CPUPerc}}", identifier).rstrip("%"))
        recorder.wait_until_past(passes[-1] + measurement.DELAY)
        usage = [row for row in collectd.usage("docker_web-frontend")
                 if row[0] <= passes[-1]]
        gauges = collectd.millicores("docker_web-frontend")
        measurement.check_counter(usage, recorder.of(file))
        measurement.check_gauges(usage, gauges)
        mean = measurement.mean_of_gauges(usage, gauges)
    print(f"plugin {mean:.1f}m, docker stats {10 * percent:.1f}m")
    assert mean == pytest.approx(SHARE, rel=0.2)

    docker("rename", identifier, "web_backend.1")
    renamed = time.time()
    collectd.wait_for(lambda: moments(collectd, "docker_web_backend.1"), 60)
    wait_for_passes(collectd, 2)
    collectd.stop()
    before, after = (moments(collectd, f"docker_{name}")
                     for name in ("web-frontend", "web_backend.1"))
    assert after[0] <= renamed + 60
    # Each pass has one of the two.
    assert before[-1] < after[0]
    assert [*before, *after] == [moment for moment in moments(collectd)
                                 if before[0] <= moment <= after[-1]]
    assert instances(collectd) - own(docker) == {
        "docker_web-frontend", "docker_web_backend.1"}
    assert not complaints(collectd)


def test_a_new_life(docker, watch):
    """Restarted, and removed and run anew within an interval: the name stays, the
    counter begins again, and no rate is from one life to the next"""
    first = docker.run("again", *LIMITED, command=SPIN)
    collectd = watch(2)
    wait_for_passes(collectd, 3, "docker_again")
    docker("restart", "--time=0", "again")
    wait_for_passes(collectd, 3, "docker_again")
    docker("rm", "--force", "again")
    second = docker.run("again", *LIMITED, command=SPIN)
    wait_for_passes(collectd, 3, "docker_again")
    collectd.stop()

    assert first != second
    assert instances(collectd) - own(docker) == {"docker_again"}
    values = [value for _, value in collectd.usage("docker_again")]
    falls = sum(after < before for before, after in zip(values, values[1:]))
    assert falls == 2
    assert all(0 <= value < 2 * SHARE
               for _, value in collectd.millicores("docker_again"))


def test_other_places(docker, watch, tmp_path):
    """A container with a parent of its own, another data-root, a cgroup in a
    container"""
    with contextlib.ExitStack() as stack:
        jobs = docker.cgroup.child("jobs")
        stack.callback(jobs.remove)
        stack.callback(docker.remove_containers)
        job = docker.run("job", f"--cgroup-parent=/{jobs.path}")
        docker.run("idle")
        collectd = watch(0.5, docker.move(tmp_path / "host"))
        wait_for_passes(collectd, 2, "docker_idle")
        wait_for_passes(collectd, 2, "docker_job")
        inner = jobs.directory("v1") / job / "inner"
        inner.mkdir()
        stack.callback(inner.rmdir)
        wait_for_passes(collectd, 2, "docker_job+inner")
        collectd.stop()
    assert instances(collectd) - own(docker) == {
        instance_of(jobs.path), "docker_idle", "docker_job", "docker_job+inner"}


def test_imitations(docker, watch, tmp_path):
    """Whoever is root in a container can make any cgroup there. The victim keeps
    its name and its own values, also when it is younger than the copy."""
    attacker = docker.run("attacker")
    victim = docker.run("victim", *LIMITED, command=SPIN)
    copies = [docker.directory(attacker) / "docker" / victim,
              docker.cgroup.child("free").directory("v1") / victim]
    with contextlib.ExitStack() as stack:
        stack.callback(docker.cgroup.remove_children)
        for copy in copies:
            copy.mkdir(parents=True)
        stack.callback(copies[0].parent.rmdir)
        for copy in copies:
            stack.callback(copy.rmdir)
        collectd = watch(0.5)
        wait_for_passes(collectd, 3, "docker_victim")
        docker("restart", "--time=0", "victim")
        with Recorder(tmp_path / "record",
                      [docker.directory(victim) / COUNTER]) as recorder:
            began = time.time()
            passes = wait_for_passes(collectd, 4, "docker_victim")
            recorder.wait_until_past(passes[-1] + measurement.DELAY)
            usage = [row for row in collectd.usage("docker_victim")
                     if began + 0.5 < row[0] <= passes[-1]]
            measurement.check_counter(
                usage, recorder.of(docker.directory(victim) / COUNTER))
        collectd.stop()
    found = instances(collectd) - own(docker)
    assert {name for name in found if name.startswith("docker_")} == {
        "docker_victim", "docker_attacker", "docker_attacker+docker",
        f"docker_attacker+docker_{victim[:12]}"}
    assert len(found) == 6


def test_in_a_container(docker):
    """With the volumes and rights of packaging/container/compose.yaml"""
    service, = yaml.safe_load(COMPOSE.read_text())["services"].values()
    assert service["user"] == "0" and service["read_only"]
    moved = {"/var/lib/docker/containers", "/etc/docker"}
    volumes = [f"{docker.root}{volume}" if volume.split(":")[0] in moved
               else volume for volume in service["volumes"]
               if not volume.startswith(".")]
    path = docker.cgroup.path
    collectd = Collectd(
        docker.root / "watcher", 'Root "/host/sys/fs/cgroup"\n'
        f'CGroup "/"\nCGroup "/{path}"\nCGroup "/{path}/*"')
    own_files = [f"{collectd.directory}:{collectd.directory}",
                 *(f"{place}:{place}:ro" for place in
                   (BUILD, "/usr", "/lib", "/lib64"))]
    docker.run("web")
    docker.run("watcher", "--read-only", "--user=0",
               *(f"--cap-drop={name}" for name in service["cap_drop"]),
               *(f"--volume={volume}" for volume in volumes + own_files),
               command=collectd.command)
    wait_until(lambda: len(moments(collectd, "docker_web")) > 2, 30,
               lambda: docker("logs", "watcher") + collectd.log)
    assert instances(collectd) - own(docker) == {"docker_web", "docker_watcher"}
    assert not complaints(collectd)


def test_not_root(docker, open_place):
    """It is said once, with what to do, and costs no value"""
    identifier = docker.run("private")
    name = f"{instance_of(docker.cgroup.path)}_{identifier[:12]}"
    collectd = Collectd(open_place / "collectd", options_of(docker), 0.5,
                        build=open_place / "build")
    collectd.directory.chmod(0o777)
    with collectd.start([*FIRST, *ORDINARY_USER]):
        passes = wait_for_passes(collectd, 5, name)
        collectd.stop()
    assert instances(collectd) - own(docker) == {name}
    assert {*passes} >= {*moments(collectd)[1:-1]} - {passes[-1]}
    notice, = collectd.messages("notice")
    assert f"{docker.root}/var/lib/docker/containers" in notice
    assert "need the rights of root" in notice
