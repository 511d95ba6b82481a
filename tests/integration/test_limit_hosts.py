# SPDX-License-Identifier: MIT
"""The most that a cgroup may use, on machines that seem to have other CPUs than
this one, and on real v1."""
import contextlib
import os
import subprocess
from typing import NamedTuple

import pytest

from cgroups import Cgroup, confine, separate_controllers
from daemon import BURN, Collectd
from delivered import complaints, wait_for_passes
from waiting import wait_until

LIMIT = "gauge-limit_millicores"
ONLINE = "/sys/devices/system/cpu/online"
CPUS = "cpuset.cpus.effective"


class Machine(NamedTuple):
    """CPUs, files of a v2 tree, the limits that must result, and the same after
    a change"""
    cpus: int
    files: dict
    limits: dict
    later_cpus: int = 0
    later_files: dict = {}
    later_limits: dict = {}


MACHINES = {
    "a partition": Machine(
        4, {CPUS: "0", f"rt/{CPUS}": "1-3"}, {"root": None, "rt": 3000}),
    "a partition in a partition": Machine(
        8, {CPUS: "0-1", f"a/{CPUS}": "2-3", f"a/b/{CPUS}": "4-7"},
        {"root": None, "a": 6000, "a_b": 4000}),
    "a quota of more than there is": Machine(
        2, {"a/cpu.max": "400000 100000"}, {"root": None, "a": 2000}),
    "the machine grows": Machine(
        2, {CPUS: "0-1", f"d/{CPUS}": "0-1"}, {"root": None, "d": None},
        8, {CPUS: "0-7"}, {"root": None, "d": 2000}),
    "the machine shrinks": Machine(
        8, {CPUS: "0-7", f"d/{CPUS}": "0-3", "q/cpu.max": "700000 100000"},
        {"root": None, "d": 4000, "q": 7000},
        2, {CPUS: "0-1", f"d/{CPUS}": "0-1"},
        {"root": None, "d": None, "q": 2000}),
}


def write(directory, files):
    for file, text in files.items():
        path = directory / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def latest(collectd, instance, kind=LIMIT):
    """The values of the latest complete pass; None: there was no such pass"""
    moment = wait_for_passes(collectd, 2)[-1]
    return dict(collectd.series("cgroup_cpu", instance, kind)).get(moment)


@pytest.mark.parametrize("case", MACHINES)
def test_machines(tmp_path, case):
    if os.geteuid() != 0:
        pytest.skip("needs root")
    machine = MACHINES[case]
    tree, online = tmp_path / "tree", tmp_path / "online"
    tree.mkdir()
    online.write_text(f"0-{machine.cpus - 1}\n")
    write(tree, machine.files)
    for directory in {tree, *(tree / file for file in machine.files)}:
        directory = directory if directory.is_dir() else directory.parent
        write(directory, {"cpu.stat": "usage_usec 1"})
    collectd = Collectd(tmp_path / "collectd",
                        f'Root "{tree}"\nReportLimit true', 0.2)
    with collectd.start(["unshare", "-m", "sh", "-ec",
                         f'mount --bind {online} {ONLINE}; exec "$@"', "sh"]):
        for instance, limit in machine.limits.items():
            assert latest(collectd, instance) == limit, instance
        if machine.later_cpus:
            write(tree, machine.later_files)
            online.write_text(f"0-{machine.later_cpus - 1}\n")
            wait_for_passes(collectd, 2)
        for instance, limit in machine.later_limits.items():
            assert latest(collectd, instance) == limit, instance
        assert not complaints(collectd)


@pytest.fixture
def v1():
    """One cgroup in three hierarchies"""
    with Cgroup(separate_controllers()) as cgroup:
        confine(cgroup)
        yield cgroup


@contextlib.contextmanager
def watching(directory, cgroup, prefix=()):
    collectd = Collectd(
        directory / "collectd", f'Root "{cgroup.directory("v1")}"\n'
        "ReportLimit true", 0.3)
    with collectd.start(prefix):
        yield collectd
        assert not complaints(collectd)


def test_a_quota_of_more_than_the_machine(tmp_path, v1):
    (v1.directory("cpu") / "cpu.cfs_quota_us").write_text("100000000")
    with watching(tmp_path, v1) as collectd:
        assert latest(collectd, "root") == 1000 * os.sysconf(
            "SC_NPROCESSORS_ONLN")


def test_fewer_cpus_shown_than_there_are(tmp_path, v1):
    """lxcfs does this: a cpuset with all listed CPUs may still not have all
    CPUs"""
    cpu = min(os.sched_getaffinity(0))
    child = v1.child("child")
    (child.directory("cpuset") / "cpuset.cpus").write_text(str(cpu))
    online = tmp_path / "online"
    online.write_text(f"{cpu}\n")
    with watching(tmp_path, v1, [
            "unshare", "-m", "sh", "-ec",
            f'mount --bind {online} {ONLINE}; exec "$@"', "sh"]) as collectd:
        assert latest(collectd, "child") == 1000
        assert latest(collectd, "root") is None
    v1.remove_children()


def test_sched_idle(tmp_path, v1):
    """No other weight has this value"""
    idle = v1.child("idle")
    lightest = v1.child("lightest")
    if not (idle.directory("cpu") / "cpu.idle").exists():
        pytest.skip("needs cpu.idle, which Linux has since 5.15")
    (idle.directory("cpu") / "cpu.idle").write_text("1")
    (lightest.directory("cpu") / "cpu.shares").write_text("3")
    with watching(tmp_path, v1) as collectd:
        assert latest(collectd, "idle", "gauge-weight") == 0
        assert latest(collectd, "lightest", "gauge-weight") == 1
        assert latest(collectd, "root", "gauge-weight") == 100
    v1.remove_children()


def test_processes_in_another_cpuset(tmp_path, v1):
    """One process is in the cpuset of its path, and one is not"""
    cpu = min(os.sched_getaffinity(0))
    inside = v1.child("inside")
    outside = v1.child("outside")
    for cgroup in inside, outside:
        confine(cgroup, cpu)
        process = cgroup.start(BURN, "--millicores", "10",
                               stdout=subprocess.DEVNULL)
    entered = outside.directory("cpuset") / "cgroup.procs"
    wait_until(lambda: str(process.pid) in entered.read_text().split(), 10,
               lambda: f"{process.pid} is not in {entered}")
    (v1.directory("cpuset") / "cgroup.procs").write_text(str(process.pid))
    with watching(tmp_path, v1) as collectd:
        assert latest(collectd, "inside") == 1000
        assert latest(collectd, "outside") is None
        entered.write_text(str(process.pid))
        wait_for_passes(collectd, 6)
        assert latest(collectd, "outside") == 1000
    v1.remove_children()
