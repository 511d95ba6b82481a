# SPDX-License-Identifier: MIT
"""Directories that differ from their parent's listing, or cannot be read, cost
no more than others and hide nothing."""
import re

import pytest

from daemon import Collectd
from delivered import complaints, instances, moments, wait_for_passes
from forest import Forest
from inspection import counting
from precedence import FIRST, ORDINARY_USER
from views import prefix

pytest_plugins = ["watched"]
# The root, ten groups and those below them. None of them uses any CPU: only what
# is not below the groups is read.
COUNT, READ = 611, 11
CALLS = "getdents64,openat2,inotify_add_watch,newfstatat,pread64"
# A file system with cpu.stat of v2. Another one is mounted on one of its
# directories.
MOUNTED_WITHIN = """
mount -t tmpfs tmpfs {root}
mkdir {root}/m {root}/own
mount -t tmpfs tmpfs {root}/m
mkdir {root}/m/s
for directory in {root} {root}/own {root}/m {root}/m/s; do
  echo usage_usec 1 > $directory/cpu.stat
done
"""


def calls_of(collectd, record, passes):
    """The number of calls of each kind in this many passes"""
    with counting(collectd.process.pid, record, CALLS):
        wait_for_passes(collectd, passes)
    calls = re.findall(r"^\d+ +(\w+)\((?!AT_FDCWD|\d+, \"\")",
                       record.read_text(), re.M)
    return {call: calls.count(call) for call in CALLS.split(",")}


def test_a_mount_within_a_file_system(tmp_path, start):
    """It is left out. This is logged once, and costs no listing."""
    root = tmp_path / "root"
    root.mkdir()
    collectd = start(interval=0.3, root=root,
                     prefix=prefix(MOUNTED_WITHIN, root=root))
    wait_for_passes(collectd, 4)
    calls = calls_of(collectd, tmp_path / "calls", 6)
    collectd.stop()

    assert instances(collectd) == {"root", "own"}
    # Two calls for each of the two directories, in each pass.
    assert calls["getdents64"] <= 2 * 2 * 10
    (notice,) = complaints(collectd)
    assert "mounted on the cgroup /m:" in notice


@pytest.mark.parametrize("mount", [
    "mount -t tmpfs tmpfs {covered}; echo usage_usec 1 > {covered}/cpu.stat;"
    "echo 1000 > {covered}/cpuacct.usage",
    "mount -t cgroup -o cpu cgroup {covered}",
    "mount --bind {other} {covered}"], ids=["tmpfs", "v1 cpu", "bind"])
def test_something_else_on_a_cgroup(directory, start, mount):
    """While it is hidden, it is not reported, and nothing is read instead"""
    with Forest(directory, ["covered/below", "other/inner"]):
        collectd = start(interval=0.3, prefix=prefix(
            mount, covered=directory / "covered", other=directory / "other"))
        wait_for_passes(collectd, 4, "other")
        collectd.stop()

    assert instances(collectd) == {"root", "other", "other_inner"}
    (notice,) = complaints(collectd)
    assert "mounted on the cgroup /covered:" in notice


@pytest.mark.xdist_group("many cgroups")
@pytest.mark.parametrize("version", ["v2"])
def test_one_directory_that_may_not_be_read(directory, open_place, tmp_path):
    """As an ordinary user, among more cgroups than are searched in every
    pass"""
    quiet = [f"group{number // 60}/{number}" for number in range(600)]
    collectd = Collectd(open_place / "collectd", f'Root "{directory}"', 0.2,
                        build=open_place / "build")
    collectd.directory.chmod(0o777)
    with Forest(directory, [*quiet, "closed/below"]):
        (directory / "closed").chmod(0o700)
        with collectd.start([*FIRST, *ORDINARY_USER]):
            # Until the attempts are rare
            wait_for_passes(collectd, 70)
            calls = calls_of(collectd, tmp_path / "calls", 10)
            names = instances(collectd)
            (directory / "closed").chmod(0o755)
            collectd.wait_for(lambda: moments(collectd, "closed_below"), 60)
            collectd.stop()

    assert len(names) == COUNT and "closed" not in names
    passes = calls["pread64"] / READ
    assert passes >= 10
    assert calls["getdents64"] == 0
    # The file of the one cgroup, and once in 60 passes its directory. Passes are
    # written late, so that there can be many.
    assert calls["openat2"] <= passes + passes / 60 + 3
    assert calls["inotify_add_watch"] <= passes / 60 + 2
    assert calls["newfstatat"] <= (passes + 1) * (COUNT // 60 + 3)
    logged = collectd.messages("error")
    assert logged and all("Permission denied" in message for message in logged)
    assert not collectd.messages("notice")
