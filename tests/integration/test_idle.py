# SPDX-License-Identifier: MIT
"""What is below a cgroup that used no CPU is not read, and has the values of the
kernel all the same."""
import collections
import itertools
import re

import pytest

from cgroups import COUNTERS
from delivered import complaints, instance_of, wait_for_passes
from forest import Forest, with_parents
from inspection import counting, needs_strace
from measurement import BUSY_DELAY, check_counter, check_values
from random_loads import RandomLoads
from recorder import Recorder

pytest_plugins = ["watched"]
pytestmark = [pytest.mark.xdist_group("small loads"), needs_strace]

# Slices, pods and containers
PATHS = ["/".join(path) for path in itertools.product(
    ("s0", "s1", "s2"), ("p0", "p1", "p2"), ("c0", "c1", "c2"))]
PASSES = 24
# The files that are read of a cgroup
FILES = {"v1": 3, "v2": 1}


def counters(directory, version):
    return {path: directory / path / COUNTERS[version]
            for path in map(bytes.decode, with_parents(PATHS))}


def test_random_loads(directory, start, version, tmp_path):
    calls = tmp_path / "calls"
    files = counters(directory, version)
    with Forest(directory, PATHS), Recorder(
            tmp_path / "record", files.values()) as recorder:
        collectd = start("ReportUserSystem true", 0.25)
        wait_for_passes(collectd, 2)
        leaves = [directory / path for path in PATHS]
        with RandomLoads(1, leaves), RandomLoads(2, leaves):
            wait_for_passes(collectd, PASSES // 2)
            with counting(collectd.process.pid, calls, "pread64"):
                wait_for_passes(collectd, PASSES // 2)
            logged = complaints(collectd)
            collectd.stop()
        recorder.wait_until_past(collectd.usage()[-1][0] + BUSY_DELAY)

    moved = 0
    for path, file in files.items():
        usage = collectd.usage(instance_of(path))
        check_values(usage, collectd.millicores(instance_of(path)),
                     recorder.of(file))
        if version == "v2":
            check_counter(collectd.series(
                "cgroup_cpu", instance_of(path), "derive-user_usec"),
                recorder.of(file, "user_usec"), BUSY_DELAY)
        moved += usage[-1][1] > usage[0][1]
    assert moved > len(files) / 2
    # The root is read in each pass.
    read = collections.Counter(re.findall(r"pread64\((\d+)", calls.read_text()))
    every = len(files) * FILES[version] * max(read.values())
    assert 0 < read.total() < every / 2
    assert not logged
