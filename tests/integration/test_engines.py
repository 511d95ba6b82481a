# SPDX-License-Identifier: MIT
"""The containers of real engines have the names that their users gave them, and
the kernel's values."""
import time

import pytest

import measurement
from delivered import complaints, instances, moments, wait_for_passes
from docker import Docker
from engine import COUNTER, LIMITED, SHARE, SPIN
from podman import Podman
from recorder import Recorder

pytest_plugins = ["engines"]
pytestmark = pytest.mark.engines


@pytest.fixture(scope="module", params=[
    pytest.param(engine, marks=pytest.mark.xdist_group(engine.kind))
    for engine in (Docker, Podman)], ids=lambda engine: engine.kind)
def daemon(request):
    with request.param() as daemon:
        yield daemon


def test_a_container(engine, watch, tmp_path):
    """Its values are those of the kernel's counter, and it has its new name within
    a minute"""
    identifier = engine.run("web-frontend", *LIMITED, command=SPIN)
    file = str(engine.directory(identifier) / COUNTER)
    with Recorder(tmp_path / "record", [file]) as recorder:
        collectd = watch()
        passes = wait_for_passes(collectd, 4, f"{engine.kind}_web-frontend")
        percent = float(engine("stats", "--no-stream", "--format",
                               "{{.CPUPerc}}", identifier).rstrip("%"))
        recorder.wait_until_past(passes[-1] + measurement.BUSY_DELAY)
        usage = [row for row in collectd.usage(f"{engine.kind}_web-frontend")
                 if row[0] <= passes[-1]]
        gauges = collectd.millicores(f"{engine.kind}_web-frontend")
        measurement.check_values(usage, gauges, recorder.of(file))
        usual = measurement.usual(usage, gauges)
    print(f"plugin {usual:.1f}m, the engine's stats {10 * percent:.1f}m")
    assert usual == pytest.approx(SHARE, rel=0.2)

    engine("rename", identifier, "web_backend.1")
    renamed = time.time()
    collectd.wait_for(lambda: moments(collectd, f"{engine.kind}_web_backend.1"), 60)
    wait_for_passes(collectd, 2)
    collectd.stop()
    before, after = (moments(collectd, f"{engine.kind}_{name}")
                     for name in ("web-frontend", "web_backend.1"))
    assert after[0] <= renamed + 60
    # Each pass has one of the two.
    assert before[-1] < after[0]
    assert [*before, *after] == [moment for moment in moments(collectd)
                                 if before[0] <= moment <= after[-1]]
    assert instances(collectd) - engine.own() == {
        f"{engine.kind}_web-frontend", f"{engine.kind}_web_backend.1"}
    assert not complaints(collectd)


def test_a_new_life(engine, watch):
    """Restarted, and removed and run anew within an interval: the name stays, the
    counter begins again, and no rate is from one life to the next"""
    first = engine.run("again", *LIMITED, command=SPIN)
    collectd = watch(2)
    wait_for_passes(collectd, 3, f"{engine.kind}_again")
    engine("restart", "--time=0", "again")
    wait_for_passes(collectd, 3, f"{engine.kind}_again")
    engine("rm", "--force", "again")
    second = engine.run("again", *LIMITED, command=SPIN)
    wait_for_passes(collectd, 3, f"{engine.kind}_again")
    collectd.stop()

    assert first != second
    assert instances(collectd) - engine.own() == {f"{engine.kind}_again"}
    measurement.check_lives(collectd.usage(f"{engine.kind}_again"),
                            collectd.millicores(f"{engine.kind}_again"),
                            moments(collectd), falls=2)
