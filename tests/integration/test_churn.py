# SPDX-License-Identifier: MIT
"""Fifty cgroups per second are created and removed beside a thousand containers
that stay. The latter miss no value, and the daemon's resources do not grow.

It takes CGROUP_CPU_CHURN_SECONDS, by default 40. "make soak" runs for an
hour.
"""
import os
import re
import time

import pytest

from cgroups import Cgroup
from churn import Churn, lasting
from daemon import BURN
from delivered import (complaints, instance_of, instances, moments,
                       wait_for_passes)
from docker_files import DockerFiles
from forest import Forest
from inspection import descriptors, resident, watched_inodes
from measurement import BUSY_DELAY, check_counter, check_rates
from precedence import FIRST
from recorder import Recorder
from waiting import wait_until

pytest_plugins = ["watched"]

SECONDS = int(os.environ.get("CGROUP_CPU_CHURN_SECONDS", "40"))
RATE = 50
STABLE = {f"{number:064x}": f"stable-{number}" for number in range(1000)}
LOADS = {"stable_low": 20, "stable_high": 150}
# The time until the daemon has all its resources, and how much more memory it
# may have at the end. Allocators keep some in reserve, which matters less in a
# longer run.
WARM_UP = min(300, SECONDS / 3)
GROWTH = 0.01 if SECONDS >= 3600 else 0.05


class Held:
    """The resources of the daemon"""

    def __init__(self, pid):
        self.descriptors = len(descriptors(pid))
        self.watches = len(watched_inodes(pid))
        self.resident = resident(pid)

    def __str__(self):
        return (f"{self.descriptors} descriptors, {self.watches} watches, "
                f"{self.resident / 1e6:.1f} MB")


@pytest.mark.xdist_group("many cgroups")
@pytest.mark.parametrize("version", ["v2"])
def test_churn(cgroup, directory, start, version, tmp_path):
    host = DockerFiles(tmp_path / "host")
    for identifier, name in STABLE.items():
        host.add(identifier, name)
    loads = {name: Cgroup(cgroup.mounts, f"{cgroup.path}/{name}")
             for name in LOADS}
    files = {name: str(load.counter(version)) for name, load in loads.items()}

    containers = [f"docker/{identifier}" for identifier in STABLE]
    with Forest(directory, [*containers, "churn"]), loads["stable_low"], \
            loads["stable_high"], Recorder(
                tmp_path / "record", [*files.values()], 0.1) as recorder:
        for name, load in loads.items():
            load.start(*FIRST, BURN, "--millicores", str(LOADS[name]))
        collectd = start(f'NameRoot "{tmp_path}/host"', interval=1)
        wait_for_passes(collectd, 2)
        pid = collectd.process.pid
        began = time.monotonic()
        with Churn(directory, RATE, tmp_path / "host") as churn:
            wait_until(lambda: time.monotonic() > began + WARM_UP,
                       WARM_UP + 10, str)
            warm = Held(pid)
            wait_until(lambda: time.monotonic() > began + SECONDS,
                       SECONDS + 10, str)
            passes = wait_for_passes(collectd, 2)
            took = time.monotonic() - began
        wait_for_passes(collectd, 3)
        end = Held(pid)
        recorder.wait_until_past(passes[-1])

    print(f"{churn.count} in {took:.0f} s; after {WARM_UP:.0f} s {warm}; "
          f"in the end {end}")
    assert churn.count > 0.8 * RATE * took
    # Each of them exists for about a second.
    assert end.descriptors <= warm.descriptors
    assert end.watches <= warm.watches
    assert end.resident < (1 + GROWTH) * warm.resident
    assert not complaints(collectd)
    check_stable(collectd, passes, recorder, files)
    # The last ones end with the program.
    check_names(collectd, churn.count - 4 * RATE)


def check_stable(collectd, passes, recorder, files):
    assert max(later - earlier for earlier, later in
               zip(passes, passes[1:])) < 2
    for name in STABLE.values():
        rows = collectd.usage(f"docker_{name}")
        assert {*passes} <= {moment for moment, _ in rows}
        assert {value for _, value in rows} == {0}
    for name, file in files.items():
        instance = instance_of(name)
        assert {*passes} <= {*moments(collectd, instance)}
        usage = [row for row in collectd.usage(instance)
                 if passes[1] <= row[0] <= passes[-1]]
        check_counter(usage, recorder.of(file), BUSY_DELAY)
        check_rates(usage, collectd.millicores(instance))


def check_names(collectd, count):
    """No container has another name than its own, and those have one that live
    for several intervals"""
    named = {name for name in instances(collectd) if name.startswith("docker_")}
    assert all(re.fullmatch(r"docker_(stable|churn)-\d+", name) for name in named)
    assert named >= {f"docker_{name}" for name in lasting(count)}
