# SPDX-License-Identifier: MIT
"""The containers of a real LXC have their own names, and the kernel's values."""
import pytest

import measurement
from delivered import complaints, instances, moments, wait_for_passes
from engine import COUNTER, SHARE, SPIN
from lxc import Lxc
from recorder import Recorder

pytest_plugins = ["engines"]
pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("podman")]

# Of a period of 100 ms, in µs
QUOTA = f"lxc.cgroup.cpu.cfs_quota_us = {100 * SHARE}"


@pytest.fixture(scope="module")
def daemon():
    with Lxc() as daemon:
        yield daemon


def test_containers(engine, watch, tmp_path):
    """Also one that is started again, with a cgroup in it"""
    engine.run("web-1.2", QUOTA, command=SPIN)
    engine.run("idle")
    file = str(engine.directory("web-1.2") / COUNTER)
    with Recorder(tmp_path / "record", [file]) as recorder:
        collectd = watch(0.5)
        passes = wait_for_passes(collectd, 4, "lxc_web-1.2")
        recorder.wait_until_past(passes[-1] + measurement.BUSY_DELAY)
        usage = [row for row in collectd.usage("lxc_web-1.2")
                 if row[0] <= passes[-1]]
        gauges = collectd.millicores("lxc_web-1.2")
        measurement.check_values(usage, gauges, recorder.of(file))
        assert measurement.usual(usage, gauges) == pytest.approx(SHARE, rel=0.3)
    engine.end("web-1.2")
    wait_for_passes(collectd, 2)
    engine.run("web-1.2", QUOTA, command=SPIN)
    inner = engine.directory("web-1.2") / "init.scope"
    inner.mkdir()
    wait_for_passes(collectd, 3, "lxc_web-1.2+init.scope")
    inner.rmdir()
    collectd.stop()

    measurement.check_lives(collectd.usage("lxc_web-1.2"),
                            collectd.millicores("lxc_web-1.2"),
                            moments(collectd), falls=1)
    assert instances(collectd) - engine.own() == {
        "lxc_web-1.2", "lxc_web-1.2+init.scope", "lxc_idle",
        "lxc.monitor.web-1.2", "lxc.monitor.idle"}
    assert not complaints(collectd)
