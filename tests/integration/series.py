# SPDX-License-Identifier: MIT
"""What the series of a cgroup are called, and whether they are true."""
import pytest

from measurement import ROUNDING, intervals, length, mean_of_gauges

# From the time that a value carries to when a busy machine has read it.
DELAY = 0.3


def name(path):
    """As it is documented: _ for /, and __ for what was one before"""
    return path.strip("/").replace("_", "__").replace("/", "_")


def steady(collectd, instance, kind):
    """Without the first pass, made while everything was being started, and the
    last, of which not everything may have been written"""
    passes = collectd.usage(instance)
    return [(moment, value) for moment, value in
            collectd.series("cgroup_cpu", instance, kind)
            if passes[1][0] <= moment < passes[-1][0]]


def wait_for_passes(collectd, instance, count):
    """So many more of them"""
    enough = len(collectd.usage(instance)) + count
    collectd.wait_for(lambda: len(collectd.usage(instance)) >= enough)


def has_nan(collectd):
    files = list(collectd.directory.glob("csv/*/*/*"))
    assert files
    return any("nan" in file.read_text() for file in files)


def mean(values):
    return sum(values) / len(values)


def check_counter(rows, record, delay=DELAY):
    """Each value is the kernel's at the time it carries"""
    assert rows
    for time, value in rows:
        least, most = record.bounds(time - ROUNDING, time + delay)
        assert least - 1 <= value <= most


def check_rates(counter, rates, unit=1000, most=float("inf"), delay=DELAY):
    """Each is what the counter rose by in the interval it ends, `unit` of it
    per second being 1, but not above `most`; and so is their mean"""
    told = dict(rates)
    for (begin, before), (end, after) in intervals(counter):
        rise = (after - before) / unit
        assert (told[end] == 0) == (rise == 0)
        if told[end] == most:
            assert rise / most >= end - begin - delay
        elif rise:
            assert rise / told[end] == pytest.approx(end - begin, abs=delay)
    rise = (counter[-1][1] - counter[0][1]) / unit
    assert mean_of_gauges(counter, rates) == pytest.approx(
        rise / length(counter), rel=0.05)


def check_mean(counter, rates, record, unit=1000):
    """It is what the kernel's counter tells over the same time"""
    begin, end = counter[0][0], counter[-1][0]
    (clock0, before), (clock1, after) = record.at(begin), record.at(end)
    truth = (after - before) / (clock1 - clock0) / unit
    told = mean_of_gauges(counter, rates)
    print(f"{told:.2f}, by the kernel's files {truth:.2f}")
    assert told == pytest.approx(truth, rel=0.05, abs=0.1)
    return truth


def check_throttled(periods, throttled, percents, records):
    """Each is the share of the periods that there were in its interval, and
    together they are what the kernel's files tell"""
    told = dict(percents)
    weighed = 0
    for (_, n0), (moment, n1), (_, t0), (_, t1) in zip(
            periods, periods[1:], throttled, throttled[1:]):
        assert (n1 > n0) == (moment in told)
        if n1 > n0:
            assert told[moment] == pytest.approx(
                min(100, 100 * (t1 - t0) / (n1 - n0)), abs=1e-5)
            weighed += told[moment] * (n1 - n0)
    begin, end = periods[0][0], periods[-1][0]
    there, held_back = (record.at(end)[1] - record.at(begin)[1]
                        for record in records)
    print(f"{held_back:.1f} of {there:.1f} periods are throttled")
    assert weighed / (periods[-1][1] - periods[0][1]) == pytest.approx(
        100 * held_back / there, rel=0.05, abs=0.1)
