# SPDX-License-Identifier: MIT
"""The highest use between two samples in an interval, compared with a reader of
the kernel's files that is ten times as fast and for the same windows: the plugin
logs when it takes its samples."""
import bisect
import re
import statistics
import sys
import time

import pytest

from cgroups import COUNTERS
from delivered import complaints, wait_for_passes
from measurement import BUSY_DELAY, check_counter, check_rates, intervals
from precedence import FIRST
from recorder import Recorder

pytest_plugins = ["watched"]

# The lengths of the bursts in seconds, which come every two seconds
BURSTS = {"short": 0.05, "medium": 0.1, "long": 0.2}
BURST = """
import sys, time
length = float(sys.argv[1])
while True:
    end = time.process_time() + length
    while time.process_time() < end:
        pass
    time.sleep(2 - length)
"""
PEAK = "gauge-peak_millicores"
INTERVAL, PEAK_INTERVAL = 5, 0.1
PASSES = 3
READER = 0.0008
# The plugin reads the files shortly after the time that it logs.
DELAY = 0.002
EVENT = re.compile(
    r"cgroup_cpu plugin: (?:Sampled at ([\d.]+) s|(root): CPU μs)")


def windows(collectd):
    """For each pass, the windows between two samples that end before it, after
    the pass before"""
    found, before = [[]], None
    for sampled, root in EVENT.findall(collectd.log):
        if root:
            found.append([])
        else:
            if before:
                found[-1].append((before, float(sampled)))
            before = float(sampled)
    return found[:-1]


class Clocked:
    """The bounds of a counter at a time of the monotonic clock"""

    def __init__(self, record):
        self.rows = [(clock, usage) for _, clock, usage in record.rows]

    def least(self, moment):
        return self.rows[bisect.bisect(self.rows, (moment,)) - 1][1]

    def most(self, moment):
        return self.rows[bisect.bisect(self.rows, (moment,))][1]

    def use(self, begin, end):
        """The least and the most in a window, in millicores"""
        return [1e-3 * used / (end - begin) for used in (
            self.least(end) - self.most(begin + DELAY),
            self.most(end + DELAY) - self.least(begin))]


def check_peaks(collectd, name, record):
    """Each is at least the highest use that the reader is sure of, and at most
    the highest that it cannot exclude, to 5 %"""
    passes = [moment for moment, _ in collectd.usage("root")]
    reported = dict(collectd.series("cgroup_cpu", name, PEAK))
    widths = []
    for moment, ends in list(zip(passes, windows(collectd)))[1:]:
        uses = [record.use(*window) for window in ends]
        least, most = (max(bounds) for bounds in zip(*uses))
        print(f"{name}: {reported[moment]:.1f}m, by the reader {least:.1f}m "
              f"to {most:.1f}m in {len(ends)} windows")
        assert 0.95 * least <= reported[moment] <= 1.05 * most
        widths.append(most - least)
    assert len(widths) >= PASSES - 1
    # Mostly they are less than a tick of 4 ms at either end and DELAY apart.
    assert statistics.median(widths) < 120


@pytest.mark.parametrize("version", [
    pytest.param("v1", marks=pytest.mark.xdist_group("many cgroups")),
    pytest.param("v2", marks=pytest.mark.xdist_group("small loads"))])
def test_peaks(cgroup, version, start, tmp_path):
    files = {name: cgroup.directory(version) / name / COUNTERS[version]
             for name in BURSTS}
    places = {name: cgroup.child(name) for name in [*BURSTS, "quiet"]}
    for name, length in BURSTS.items():
        places[name].start(*FIRST, sys.executable, "-c", BURST, str(length))
    with Recorder(tmp_path / "record", files.values(), READER) as recorder:
        plain = start("", interval=INTERVAL)
        collectd = start(f"PeakInterval {PEAK_INTERVAL}\nLogSamples true",
                         interval=INTERVAL)
        wait_for_passes(plain, PASSES)
        wait_for_passes(collectd, 1)
        collectd.stop()
        plain.stop()
        recorder.wait_until_past(time.time() + 1)

    assert not complaints(collectd)
    for name, file in files.items():
        record = recorder.of(file)
        check_peaks(collectd, name, Clocked(record))
        for one in collectd, plain:
            usage = one.usage(name)
            check_counter(usage, record, BUSY_DELAY)
            check_rates(usage, one.millicores(name))
    assert {0} == {value for _, value in
                   collectd.series("cgroup_cpu", "quiet", PEAK)}
    assert not plain.series("cgroup_cpu", "short", PEAK)
    check_grid(collectd)


def check_grid(collectd):
    """The samples come at the configured interval, or later, and what is handed
    over at that of the passes"""
    lengths = [end - begin for ends in windows(collectd)[1:]
               for begin, end in ends]
    assert min(lengths) >= 0.75 * PEAK_INTERVAL
    assert sorted(lengths)[len(lengths) // 2] == pytest.approx(
        PEAK_INTERVAL, rel=0.05)
    for (begin, _), (end, _) in intervals(collectd.usage("root")):
        assert end - begin == pytest.approx(INTERVAL, abs=1)
