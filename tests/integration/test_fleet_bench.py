# SPDX-License-Identifier: MIT
"""The hosts that the benchmark of fleets plays look to a real collectd like real
ones."""
import socket
import sys
import threading
from multiprocessing import Pipe
from pathlib import Path

import pytest

import examples
from cgroups import require_both
from daemon import Collectd, kind_of
from precedence import FIRST
from sinks import free_port

sys.path.append(str(Path(__file__).parents[1] / "bench"))
import daemon_bench  # noqa: E402
import fleet_bench  # noqa: E402

HOSTS = 3
PASSES = 4
LOOPBACK = "127.0.0.1"


@pytest.fixture
def templates(tmp_path):
    mount = require_both()["v1"]
    security = fleet_bench.Security(fleet_bench.USER, fleet_bench.PASSWORD)
    try:
        yield security, fleet_bench.record(mount, tmp_path, security)
    finally:
        daemon_bench.remove_cgroups(mount)


@pytest.fixture
def receiver(tmp_path):
    passwords = tmp_path / "passwd"
    passwords.write_text(examples.other_side("fleet_receiver"))
    port = free_port(socket.SOCK_DGRAM)
    path = tmp_path / "receiver.conf"
    path.write_text(fleet_bench.example(
        "fleet_receiver",
        listen=('"0.0.0.0" "25826"', f'"{LOOPBACK}" "{port}"'),
        file=('"/etc/collectd/fleet.passwd"', f'"{passwords}"')))
    with Collectd(tmp_path / "receiver", options=None, include=[path]) as one:
        one.port = port
        one.start(FIRST)
        one.wait_for(lambda: "read-loop" in one.log)
        yield one


def test_hosts_are_played(templates, receiver, monkeypatch):
    """Each has all cgroups, at the times of its own passes, and its counters
    increase"""
    security, recorded = templates
    monkeypatch.setattr(fleet_bench, "INTERVAL", 1)
    monkeypatch.setattr(fleet_bench.os, "nice", lambda _: None)
    reading, writing = Pipe(False)
    player = threading.Thread(target=fleet_bench.play, args=(
        recorded, security, (LOOPBACK, receiver.port), HOSTS, PASSES, 1,
        1, writing))
    player.start()
    sent, packets, _ = reading.recv()
    player.join()
    assert sent == 2 * fleet_bench.CGROUPS * HOSTS * PASSES
    assert packets == len(recorded) * HOSTS * PASSES

    names = [f"host{number:05}.example.com" for number in range(HOSTS)]
    last = "system.slice_app-097.service"
    receiver.wait_for(lambda: all(
        len(receiver.series("cgroup_cpu", last, "gauge-millicores", name))
        == PASSES for name in names))
    csv = receiver.directory / "csv"
    times = {}
    for name in names:
        series = {(path.parent.name, kind_of(path))
                  for path in csv.glob(f"{name}/*/*")}
        assert len(series) == 2 * fleet_bench.CGROUPS
        for cgroup in ("root", "system.slice", last):
            rows = receiver.series("cgroup_cpu", cgroup,
                                   "derive-cpu_usage_usec", name)
            assert len(rows) == PASSES
            for (before, low), (after, high) in zip(rows, rows[1:]):
                assert after - before == pytest.approx(1, abs=0.002)
                assert high - low == fleet_bench.INCREASE
            times[name] = rows[0][0]
    # They do not send at the same time.
    moments = [times[name] for name in names]
    assert [after - before for before, after in zip(moments, moments[1:])] == [
        pytest.approx(1 / HOSTS, abs=0.002)] * (HOSTS - 1)
