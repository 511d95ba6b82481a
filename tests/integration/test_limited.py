# SPDX-License-Identifier: MIT
"""Nothing is missing where descriptors, watches or room are scarce, and a quiet
tree costs next to nothing."""
import collections
import re
import subprocess

import pytest

from cgroups import Cgroup, require_both
from daemon import Collectd
from test_many import Forest, instances

COUNT = 300
PATHS = [f"{number // 50}.slice/{number}.service" for number in range(COUNT)]
NAMES = {"root", *(path.replace("/", "_") for path in PATHS),
         *(path.split("/")[0] for path in PATHS)}

NO_INOTIFY = """
#include <errno.h>
int inotify_init1(int flags) { (void)flags; errno = EMFILE; return -1; }
"""
FEW_WATCHES = """
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>
int inotify_add_watch(int fd, const char *name, uint32_t mask) {
  static int left = 10;
  if (left-- <= 0) { errno = ENOSPC; return -1; }
  return (int)syscall(SYS_inotify_add_watch, fd, name, mask);
}
"""


@pytest.fixture
def cgroup():
    with Cgroup({"v1": require_both()["v1"]}) as cgroup:
        yield cgroup


@pytest.fixture
def forest(cgroup):
    with Forest(cgroup.directory("v1"), PATHS) as forest:
        yield forest


@pytest.fixture
def start(tmp_path, cgroup):
    running = []

    def begin(options="", prefix=(), **environment):
        collectd = Collectd(tmp_path / "collectd",
                            f'Root "{cgroup.directory("v1")}"\n{options}')
        running.append(collectd)
        return collectd.start(prefix, **environment)

    yield begin
    for collectd in running:
        collectd.__exit__()


@pytest.fixture
def shim(tmp_path):
    """A library that takes the place of functions of libc"""
    def build(source):
        code = tmp_path / "shim.c"
        library = tmp_path / "shim.so"
        code.write_text(source)
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, code],
                       check=True)
        return str(library)
    return build


def wait_for_all(collectd, names=NAMES):
    collectd.wait_for(
        lambda: len(instances(collectd, "gauge-millicores")) >= len(names), 60)
    assert instances(collectd) == names


def descriptors(collectd):
    listing = subprocess.run(
        ["ls", f"/proc/{collectd.process.pid}/fd"], check=True,
        stdout=subprocess.PIPE, text=True).stdout
    return sorted(map(int, listing.split()))


def quiet(collectd):
    return not collectd.messages("warning") + collectd.messages("error")


@pytest.mark.parametrize("limit", [64, 256, 1024])
def test_few_descriptors(forest, start, limit):
    collectd = start(prefix=["prlimit", f"--nofile={limit}:{limit}"])
    wait_for_all(collectd)
    used = descriptors(collectd)
    assert limit // 8 < len(used) < limit * 3 // 4
    assert quiet(collectd)


def test_kept_descriptors_leave_the_low_ones(forest, start):
    collectd = start(prefix=["prlimit", "--nofile=1024:8192"])
    wait_for_all(collectd)
    used = descriptors(collectd)
    assert len([fd for fd in used if fd >= 1024]) == len(NAMES)
    assert len([fd for fd in used if fd < 1024]) < 40
    count = len(collectd.usage())
    collectd.wait_for_samples(count + 3)
    assert len(descriptors(collectd)) <= len(used) + 2


def test_none_kept(forest, start):
    collectd = start("KeepOpen 0")
    wait_for_all(collectd)
    assert len(descriptors(collectd)) < 40
    assert quiet(collectd)


@pytest.mark.parametrize("source", [NO_INOTIFY, FEW_WATCHES],
                         ids=["no inotify", "ten watches"])
def test_few_events(forest, start, shim, source):
    collectd = start(LD_PRELOAD=shim(source))
    wait_for_all(collectd)
    (forest.directory / "3.slice/new").mkdir()
    (forest.directory / "3.slice/170.service/new").mkdir()
    names = {"3.slice_new", "3.slice_170.service_new"}
    before = len(collectd.usage())
    collectd.wait_for(lambda: names <= instances(collectd))
    assert len(collectd.usage()) <= before + 3
    assert len([text for text in collectd.messages("notice")
                if "inotify" in text]) == 1
    assert quiet(collectd)


def test_the_nearest_are_kept(forest, start):
    collectd = start("MaxCgroups 40")
    collectd.wait_for(
        lambda: len(instances(collectd, "gauge-millicores")) >= 40)
    collectd.wait_for_samples(4)
    shown = instances(collectd)
    nearest = {"root", *(path.split("/")[0] for path in PATHS)}
    assert len(shown) == 40
    assert nearest <= shown <= NAMES
    collectd.wait_for_samples(12)
    warnings = collectd.messages("warning")
    assert 0 < len(warnings) < 6
    assert all(re.search(rf"\b{len(NAMES) - 40} cgroups are left out", warning)
               for warning in warnings)


def system_calls(collectd, seconds):
    """How often each was made; nothing is reported here to wait for"""
    tracer = subprocess.run(
        ["timeout", "-s", "INT", str(seconds), "strace", "-f", "-e",
         "trace=%file,%desc", "-p", str(collectd.process.pid)],
        stderr=subprocess.PIPE, text=True)
    return collections.Counter(
        re.findall(r"(?m)^\[pid +\d+\] (\w+)\(", tracer.stderr))


def test_a_quiet_tree_is_not_walked(forest, start):
    collectd = start('CGroup "*none of them*"')
    collectd.wait_for(lambda: "entering read-loop" in collectd.log)
    calls = system_calls(collectd, 5)
    assert calls["read"] >= 4
    assert calls["getdents64"] + calls["openat2"] <= 2
    # A part of the directories is looked at in each interval.
    assert 4 <= calls["newfstatat"] <= 6 * (len(NAMES) // 60 + 2)
