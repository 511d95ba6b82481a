# SPDX-License-Identifier: MIT
"""The tasks of a real containerd have their own names, and the kernel's
values."""
import contextlib

import pytest

import measurement
from containerd import Containerd
from delivered import complaints, instances, wait_for_passes
from engine import COUNTER, LIMITED, SPIN
from kubelet import ID
from recorder import Recorder

pytest_plugins = ["engines"]
pytestmark = [pytest.mark.engines, pytest.mark.xdist_group("docker")]


@pytest.fixture(scope="module")
def daemon():
    with Containerd() as daemon:
        yield daemon


def test_tasks(engine, watch, tmp_path):
    """Also one that is started again, and no other cgroup beside or in it"""
    file = str(engine.directory("batch-1") / COUNTER)
    engine.run("batch-1", *LIMITED, command=SPIN)
    engine.run("idle")
    engine.run_as_nerdctl(ID, "web")
    with Recorder(tmp_path / "record", [file]) as recorder:
        collectd = watch()
        passes = wait_for_passes(collectd, 4, "ctr_jobs_batch-1")
        recorder.wait_until_past(passes[-1] + measurement.BUSY_DELAY)
        usage = [row for row in collectd.usage("ctr_jobs_batch-1")
                 if row[0] <= passes[-1]]
        measurement.check_values(
            usage, collectd.millicores("ctr_jobs_batch-1"), recorder.of(file))
    inner = engine.directory("idle") / "jobs"
    with contextlib.ExitStack() as stack:
        for directory in (engine.directory("other"), inner, inner / "batch-1"):
            directory.mkdir()
            stack.callback(directory.rmdir)
        engine("task", "remove", "--force", "batch-1")
        wait_for_passes(collectd, 2)
        engine("container", "remove", "batch-1")
        engine.run("batch-1")
        wait_for_passes(collectd, 3, "ctr_jobs_batch-1")
        wait_for_passes(collectd, 3, "jobs_other")
        wait_for_passes(collectd, 1, "nerdctl_web")
        collectd.stop()
    assert instances(collectd) - engine.own() == {
        "ctr_jobs_batch-1", "ctr_jobs_idle", "jobs_other", "nerdctl_web",
        "ctr_jobs_idle+jobs", "ctr_jobs_idle+jobs_batch-1"}
    assert not complaints(collectd)
