# SPDX-License-Identifier: MIT
"""Under systemd on pure v2, in an emulated machine, where quotas are real."""
import os

import pytest

from daemon import BUILD, BURN
from debian import KERNEL, NEWER_KERNEL
from delivered import Delivered, instance_of, kinds
from observed import Host
from recorder import Recorder

pytest_plugins = ["vm"]
pytestmark = [pytest.mark.machines, pytest.mark.xdist_group("machine")]

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
UNDO = [["systemctl", "stop", "burn", "wide", "few", "narrow.slice"],
        ["rmdir", ALL + "rt"]]
CGROUPS = {
    "burn": "system.slice/burn.service",
    "narrow": "narrow.slice",
    "wide": "narrow.slice/wide.service",
    "few": "system.slice/few.service",
    "init": "init.scope",
    "rt": "rt",
    "root": "",
}
# The most that each may use, by its own limit and those of its ancestors, and
# how many levels above it that is set. The slice of "few" has no more CPUs.
LIMITS = {"burn": (200, 0), "narrow": (150, 0), "wide": (150, 1),
          "few": (1000, 1), "init": (1000, 0), "rt": (1000, 0)}
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
    "nice_usec": ("cpu.stat", "nice_usec"),
    "throttled_local_usec": ("cpu.stat.local", "throttled_usec"),
}
# What the kernels do not have.
ABSENT = {KERNEL: {"nice_usec", "throttled_local_usec"}, NEWER_KERNEL: set()}
MISSING = {KERNEL: ["throttling by quotas above (Linux reports it since 6.6, "
                    "with the cpu controller)"], NEWER_KERNEL: []}


def instance(path):
    """No other characters in these units' names need escapes"""
    return instance_of(path).replace(r"\x2d", "-") or "root"


def file_of(cgroup, file):
    return os.path.join(ALL, CGROUPS[cgroup], file)


def files_of(kernel):
    """Only newer kernels have a cpu.pressure in the root"""
    names = {file for counter, (file, _) in COUNTERS.items()
             if counter not in ABSENT[kernel]}
    return [file_of(cgroup, file) for cgroup in CGROUPS
            for file in sorted(names)
            if (cgroup, file) != ("root", "cpu.pressure")]


COUNTED = [(cgroup, counter) for cgroup in CGROUPS for counter in COUNTERS
           if cgroup not in ("root", "init") or counter == "cpu_usage_usec"]


class Guest(Host):
    """The whole tree of the guest"""

    counters = COUNTERS
    # An emulated processor is slow.
    delay = 0.5

    def __init__(self, results, kernel):
        super().__init__(Delivered(results / "collectd"),
                         Recorder(results / "record", files_of(kernel)))
        self.kernel = kernel
        self.absent = ABSENT[kernel]
        self.cgroups = [{instance(path.removeprefix(ALL)) for path in
                         (results / moment).read_text().splitlines()}
                        for moment in ("before", "after")]

    def instance(self, cgroup):
        return instance(CGROUPS[cgroup])

    def file(self, cgroup, file):
        return file_of(cgroup, file)


@pytest.fixture(scope="module", params=[KERNEL, NEWER_KERNEL])
def guest(image, request, tmp_path_factory):
    directory = tmp_path_factory.mktemp("vm")
    (directory / "scenario").write_text(repr({
        "commands": COMMANDS, "undo": UNDO, "files": files_of(request.param),
        "passes": PASSES,
        "options": "ReportAll true"}))
    return Guest(image.run(
        "guest.py", ["daemon.py", "precedence.py", "recorder.py", "waiting.py"],
        {"scenario": directory / "scenario",
         "build/cgroup_cpu_burn": BURN,
         "build/.libs/cgroup_cpu.so": BUILD / ".libs/cgroup_cpu.so"},
        request.param), request.param)


@pytest.mark.image
def test_it_has_both_kernels(image):
    for kernel in KERNEL, NEWER_KERNEL:
        for file in "vmlinuz", "initrd":
            assert (image.directory / f"{file}-{kernel}").stat().st_size > 1e6


def test_log_says_what_was_found(guest):
    """It also says what is missing: Debian's kernels are built without core
    scheduling and IRQ time accounting"""
    assert guest.collectd.messages("info") == [
        "Cgroup version: v2 (/sys/fs/cgroup), CPU time from cpu.stat",
        "Values not available here: " + ", ".join([
            "forced idle time (Linux reports it since 6.0, if built with core "
            "scheduling)", *MISSING[guest.kernel],
            "frozen time (Linux reports it since 6.18)",
            "pressure of interrupts (Linux reports it since 6.1, with IRQ "
            "time accounting)"])]
    guest.check_log()


def test_the_window_is_long_enough(guest):
    for cgroup in CGROUPS:
        moments = [moment for moment, _ in
                   guest.rows(cgroup, "gauge-millicores")]
        assert moments[-1] - moments[0] >= 10


@pytest.mark.parametrize("cgroup, counter", COUNTED)
def test_each_counter_is_the_kernels(guest, cgroup, counter):
    if counter in guest.absent:
        assert not guest.rows(cgroup, f"derive-{counter}")
    else:
        guest.check_counter(cgroup, counter)


@pytest.mark.parametrize("cgroup", ["burn", "narrow", "wide"])
def test_use_of_the_limit(guest, cgroup):
    limit, _ = LIMITS[cgroup]
    truth = guest.check_use_of_limit(cgroup, limit)
    assert truth == pytest.approx(limit, rel=0.05)


@pytest.mark.parametrize("cgroup", LIMITS)
def test_the_smallest_limit_counts(guest, cgroup):
    limit, level = LIMITS[cgroup]
    assert set(guest.values(cgroup, "gauge-limit_millicores")) == {limit}
    assert set(guest.values(cgroup, "gauge-limit_level")) == {level}


def test_a_partition_takes_nothing_from_the_whole(guest):
    assert guest.values("root", "gauge-millicores")
    assert not guest.values("root", "gauge-limit_millicores")
    assert not guest.values("root", "gauge-limit_level")


def test_weight(guest):
    for cgroup, weight in ("burn", 100), ("few", 50):
        assert set(guest.values(cgroup, "gauge-weight")) == {weight}


@pytest.mark.parametrize("cgroup, least, most", [
    ("burn", 90, 100), ("narrow", 90, 100), ("wide", 0, 10)])
def test_throttled_periods(guest, cgroup, least, most):
    """The slice is throttled, not the service in it"""
    guest.check_throttled(cgroup)
    assert least <= guest.mean(cgroup, "percent-throttled_periods") <= most


def test_who_holds_the_service_back(guest):
    """Its slice, as often as that is throttled itself"""
    if "throttled_local_usec" in guest.absent:
        return
    held_back, by_slice = (guest.used(cgroup, "throttled_local_usec")
                           for cgroup in ("wide", "narrow"))
    own = guest.used("wide", "throttled_usec")
    assert held_back == pytest.approx(by_slice, rel=0.05)
    assert held_back > 5_000_000 > 10 * own
    assert guest.used("burn", "throttled_local_usec") == pytest.approx(
        guest.used("burn", "throttled_usec"), rel=0.05)
    assert guest.used("few", "throttled_local_usec") == 0


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
