# SPDX-License-Identifier: MIT
"""Through rrdcached, RRD files have the same values as csv, also those that it had
only in its journal."""
import math
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

import examples
import store_rrdtool
from busy_host import HOST, SERIES, busy_host
from expected import DECIMALS, is_counter
from precedence import FIRST
from waiting import wait_until

EXAMPLE = "rrdcached"
FILES = "/var/lib/rrdcached"
SOCKET = "/run/rrdcached.sock"


def moved(text, place):
    """With its files and its socket at another place"""
    assert FILES in text or SOCKET in text
    return text.replace(FILES, f"{place}/rrdcached").replace(
        SOCKET, f"{place}/socket")


class Cached:
    """rrdcached as the example says. The path of a socket must be short."""

    def __init__(self, place):
        if not shutil.which("rrdcached"):
            pytest.skip("needs rrdcached")
        for name in ("db", "journal"):
            (place / "rrdcached" / name).mkdir(parents=True)
        self.place = place
        self.command = [moved(word, place) if "/" in word else word
                        for word in examples.command(EXAMPLE)]

    def start(self):
        self.process = subprocess.Popen(
            [*FIRST, *self.command, "-g", "-p", f"{self.place}/pid"],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until((self.place / "socket").exists, 30,
                   lambda: "rrdcached does not start")

    def __enter__(self):
        self.start()
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()
        (self.place / "socket").unlink()

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def check_means(stored, kind, rows):
    """rrdcached gets times with their fractions, so each second has the mean of
    what overlaps with it. csv rounds the times to ms."""
    parts = [(begin, end, (after - before) / (end - begin)
              if is_counter(kind) else after)
             for (begin, before), (end, after) in zip(rows, rows[1:])]
    whole = range(math.ceil(rows[0][0]) + 1, math.floor(rows[-1][0]) + 1)
    assert len(whole) >= 4
    for end in whole:
        near = [part for part in parts
                if part[1] > end - 1 and part[0] < end]
        mean = sum(value * (min(stop, end) - max(begin, end - 1))
                   for begin, stop, value in near)
        most = max(abs(value) for *_, value in near)
        assert stored[end] == pytest.approx(mean, abs=0.005 * most + DECIMALS)


@pytest.fixture
def cached():
    with tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.") as name, \
            Cached(Path(name)) as server:
        yield server


@pytest.fixture
def collectd(tmp_path, cached):
    configuration = tmp_path / "rrdcached.conf"
    configuration.write_text(moved(examples.path(EXAMPLE).read_text(),
                                   cached.place))
    with busy_host(tmp_path, configuration) as (collectd, _):
        yield collectd


def test_values(collectd, cached):
    """They are in its memory and in its journal when it is killed"""
    collectd.wait_for_samples(8)
    csv = collectd.complete()
    collectd.stop()
    cached.kill()
    directory = cached.place / "rrdcached/db" / HOST

    def fetched(series):
        (cgroup, kind, instance), rows = series
        return dict(store_rrdtool.fetch(
            directory / f"cgroup_cpu-{cgroup}/{kind}-{instance}.rrd",
            rows[0][0] - 1, rows[-1][0], f"unix:{cached.place}/socket"))

    cached.start()
    assert SERIES <= csv.keys()
    for series in csv.items():
        (_, kind, _), rows = series
        stored = wait_until(lambda: fetched(series), 30,
                            lambda: f"no {series}")
        check_means(stored, kind, rows)
