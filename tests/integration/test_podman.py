# SPDX-License-Identifier: MIT
"""What is Podman's alone: pods, and names that anybody may read."""
import contextlib

import pytest

from daemon import Collectd
from delivered import complaints, instances, wait_for_passes
from engine import LIMITED, SPIN, check_told_once
from podman import Podman
from precedence import FIRST, ORDINARY_USER

pytest_plugins = ["engines", "watched"]
pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("podman")]


@pytest.fixture(scope="module")
def daemon():
    with Podman() as daemon:
        yield daemon


def test_a_pod(engine, watch):
    """Its containers have their own names; of the pod itself only the id is
    known"""
    pod = engine.make_pod("shop")
    engine.run_in("shop", "front", "--rm")
    engine.run_in("shop", "back", *LIMITED, command=SPIN)
    collectd = watch(0.5)
    for name in ("podman_front", "podman_back"):
        wait_for_passes(collectd, 3, name)
    collectd.stop()
    engine("pod", "rm", "--force", "shop")
    assert instances(collectd) - engine.own() == {
        "podman_front", "podman_back", f"podman_{pod[:12]}-infra",
        f"podman_pod+{pod[:12]}",
        f"podman_pod+{pod[:12]}+conmon"}
    assert not complaints(collectd)


@pytest.fixture
def watch_as_nobody(engine, open_place):
    """watch_as_nobody(name_root): a collectd without root's rights"""
    with contextlib.ExitStack() as stack:
        def start(name_root):
            collectd = stack.enter_context(Collectd(
                open_place / "collectd", engine.collectd_options(name_root),
                0.5, build=open_place / "build"))
            collectd.directory.chmod(0o777)
            return collectd.start([*FIRST, *ORDINARY_USER])

        yield start


def test_not_root(engine, watch_as_nobody):
    """The command lines of Podman's processes tell the names, but not new
    ones"""
    engine.run("old")
    engine("rename", "old", "new")
    collectd = watch_as_nobody(engine.root)
    wait_for_passes(collectd, 3, "podman_old")
    collectd.stop()
    assert instances(collectd) - engine.own() == {"podman_old"}
    assert not collectd.messages("notice")


def test_nothing_to_read(engine, watch_as_nobody):
    """It is said once, with what to do, and costs no value. As if its process were
    in no cgroup beside it: it is so in a unit that Podman has generated."""
    identifier = engine.run("private")
    name = f"libpod__parent_libpod-{identifier[:12]}"
    conmon = engine.cgroup.directory("v1") / "libpod_parent/conmon/cgroup.procs"
    elsewhere = engine.cgroup.directory("v1") / "cgroup.procs"
    for process in conmon.read_text().split():
        elsewhere.write_text(process)
    collectd = watch_as_nobody(engine.root)
    passes = wait_for_passes(collectd, 5, name)
    collectd.stop()
    check_told_once(engine, collectd, name, passes, "containers of Podman",
                    f"{engine.root}/var/lib/containers/storage")


def test_imitations(engine, watch):
    """Of two cgroups with one id neither has the name, whichever is older, not even
    while the container restarts; what is inside a container never counts"""
    attacker = engine.run("attacker")
    victim = engine.run("victim")
    with contextlib.ExitStack() as stack:
        parent = engine.cgroup.directory("v1") / "libpod_parent"
        for directory in (
                engine.directory(attacker) / "libpod_parent",
                engine.directory(attacker) / f"libpod_parent/libpod-{victim}",
                parent / ("a" * 64), parent / ("a" * 64) / f"libpod-{victim}"):
            directory.mkdir()
            stack.callback(directory.rmdir)
        collectd = watch(0.5)
        wait_for_passes(collectd, 3, "podman_attacker")
        assert "podman_victim" not in instances(collectd)
        engine("restart", "--time=0", "victim")
        wait_for_passes(collectd, 5)
        assert "podman_victim" not in instances(collectd)
        collectd.stop()
    assert "podman_victim" not in instances(collectd)
    inner = f"podman_attacker+libpod__parent_libpod-{victim[:12]}"
    assert inner in instances(collectd)
    assert not complaints(collectd)
