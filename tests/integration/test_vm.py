# SPDX-License-Identifier: MIT
"""Under systemd on pure v2, in an emulated machine, where quotas are real."""
import os
from pathlib import Path

import pytest

from daemon import BUILD, BURN, Collectd
from delivered import instance_of, kinds
from observed import Host
from recorder import Recorder

pytest_plugins = ["vm"]
pytestmark = [pytest.mark.guests, pytest.mark.xdist_group("machine")]

HERE = Path(__file__).parent
PASSES = 14
ALL = "/sys/fs/cgroup/"
LOOP = ["/test/build/cgroup_cpu_burn", "--millicores", "1000"]
# One of the two CPUs is removed from those of all others.
PARTITION = """
cd /sys/fs/cgroup
echo +cpuset > cgroup.subtree_control
mkdir rt
echo 1 > rt/cpuset.cpus
echo root > rt/cpuset.cpus.partition
test "$(cat rt/cpuset.cpus.partition)" = root
test "$(cat cpuset.cpus.effective)" = 0
"""
COMMANDS = [
    ["systemctl", "set-property", "--runtime", "narrow.slice", "CPUQuota=15%"],
    ["systemd-run", "--unit=burn", "-p", "CPUQuota=20%", *LOOP],
    ["systemd-run", "--unit=wide", "--slice=narrow.slice", "-p",
     "CPUQuota=40%", *LOOP],
    ["systemd-run", "--unit=few", "-p", "AllowedCPUs=0", "-p", "CPUWeight=50",
     "sleep", "infinity"],
    ["sh", "-ec", PARTITION],
]
CGROUPS = {
    "burn": "system.slice/burn.service",
    "narrow": "narrow.slice",
    "wide": "narrow.slice/wide.service",
    "few": "system.slice/few.service",
    "init": "init.scope",
    "rt": "rt",
    "root": "",
}
# The most that each may use, by its own limit and those of its ancestors.
LIMITS = {"burn": 200, "narrow": 150, "wide": 150, "few": 1000, "init": 1000,
          "rt": 1000}
COUNTERS = {
    "cpu_usage_usec": ("cpu.stat", "usage_usec"),
    "user_usec": ("cpu.stat", "user_usec"),
    "system_usec": ("cpu.stat", "system_usec"),
    "nr_periods": ("cpu.stat", "nr_periods"),
    "nr_throttled": ("cpu.stat", "nr_throttled"),
    "throttled_usec": ("cpu.stat", "throttled_usec"),
    "nr_bursts": ("cpu.stat", "nr_bursts"),
    "burst_usec": ("cpu.stat", "burst_usec"),
    "pressure_some_usec": ("cpu.pressure", "some"),
    "pressure_full_usec": ("cpu.pressure", "full"),
}


def instance(path):
    """No other characters in these units' names need escapes"""
    return instance_of(path).replace(r"\x2d", "-") or "root"


def file_of(cgroup, file):
    return os.path.join(ALL, CGROUPS[cgroup], file)


# Only newer kernels have a cpu.pressure in the root.
FILES = [file_of(cgroup, file) for cgroup in CGROUPS
         for file in ("cpu.stat", "cpu.pressure")
         if (cgroup, file) != ("root", "cpu.pressure")]
COUNTED = [(cgroup, counter) for cgroup in CGROUPS for counter in COUNTERS
           if cgroup not in ("root", "init") or counter == "cpu_usage_usec"]
RUN = """\
#!/bin/sh
export CGROUP_CPU_BUILD=/test/build
exec python3 guest.py /results
"""


class Delivered(Collectd):
    """The results of one collectd that ran in a guest"""

    def __init__(self, directory):
        self.directory = directory


class Guest(Host):
    """The whole tree of the guest"""

    counters = COUNTERS
    # An emulated processor is slow.
    delay = 0.5

    def __init__(self, results):
        super().__init__(Delivered(results / "collectd"),
                         Recorder(results / "record", FILES))
        self.cgroups = [{instance(path.removeprefix(ALL)) for path in
                         (results / moment).read_text().splitlines()}
                        for moment in ("before", "after")]

    def instance(self, cgroup):
        return instance(CGROUPS[cgroup])

    def file(self, cgroup, file):
        return file_of(cgroup, file)


@pytest.fixture(scope="module")
def guest(image, tmp_path_factory):
    directory = tmp_path_factory.mktemp("vm")
    (directory / "run").write_text(RUN)
    (directory / "run").chmod(0o755)
    (directory / "scenario").write_text(repr({
        "commands": COMMANDS, "files": FILES, "passes": PASSES,
        "options": "ReportAll true"}))
    modules = ["daemon.py", "precedence.py", "recorder.py", "waiting.py"]
    return Guest(image.run({
        "run": directory / "run", "scenario": directory / "scenario",
        "guest.py": HERE / "guest.py",
        **{module: HERE / module for module in modules},
        "build/cgroup_cpu_burn": BURN,
        "build/.libs/cgroup_cpu.so": BUILD / ".libs/cgroup_cpu.so"}))


def test_log_says_what_was_found(guest):
    """It also says that nothing is missing"""
    assert guest.collectd.messages("info") == [
        "Cgroup version: v2 (/sys/fs/cgroup), CPU time from cpu.stat"]
    guest.check_log()


def test_the_window_is_long_enough(guest):
    for cgroup in CGROUPS:
        moments = [moment for moment, _ in
                   guest.rows(cgroup, "gauge-millicores")]
        assert moments[-1] - moments[0] >= 10


@pytest.mark.parametrize("cgroup, counter", COUNTED)
def test_each_counter_is_the_kernels(guest, cgroup, counter):
    guest.check_counter(cgroup, counter)


@pytest.mark.parametrize("cgroup", ["burn", "narrow", "wide"])
def test_use_of_the_limit(guest, cgroup):
    truth = guest.check_use_of_limit(cgroup, LIMITS[cgroup])
    assert truth == pytest.approx(LIMITS[cgroup], rel=0.05)


@pytest.mark.parametrize("cgroup", LIMITS)
def test_the_smallest_limit_counts(guest, cgroup):
    assert set(guest.values(cgroup, "gauge-limit_millicores")) == {
        LIMITS[cgroup]}


def test_a_partition_takes_nothing_from_the_whole(guest):
    assert guest.values("root", "gauge-millicores")
    assert not guest.values("root", "gauge-limit_millicores")


def test_weight(guest):
    for cgroup, weight in ("burn", 100), ("few", 50):
        assert set(guest.values(cgroup, "gauge-weight")) == {weight}


@pytest.mark.parametrize("cgroup, least, most", [
    ("burn", 90, 100), ("narrow", 90, 100), ("wide", 0, 10)])
def test_throttled_periods(guest, cgroup, least, most):
    """The slice is throttled, not the service in it"""
    guest.check_throttled(cgroup)
    assert least <= guest.mean(cgroup, "percent-throttled_periods") <= most


@pytest.mark.parametrize("part", ["some", "full"])
@pytest.mark.parametrize("cgroup", ["burn", "narrow", "wide", "few"])
def test_pressure(guest, cgroup, part):
    guest.check_pressure(cgroup, part)


def test_who_is_held_back_waits(guest):
    for cgroup in "burn", "narrow":
        assert guest.mean(cgroup, "percent-pressure_some") > 50
    assert guest.mean("few", "percent-pressure_some") < 5


def test_all_that_systemd_made_is_there(guest):
    before, after = guest.cgroups
    for there in ("root", "init.scope", "user.slice",
                  "system.slice_dbus.service",
                  "system.slice_systemd-journald.service",
                  "system.slice_system-getty.slice_getty@tty1.service"):
        assert there in before & after
    shown = kinds(guest.collectd)
    assert before & after <= shown.keys() <= before | after
    for cgroup in before & after:
        assert {"derive-cpu_usage_usec", "gauge-millicores"} <= shown[cgroup]
