# SPDX-License-Identifier: MIT
"""The values of a series over a time, and whether they are true."""
import statistics

import pytest

# The daemon's file has times in ms. The counter may be read some time after the
# time was taken.
ROUNDING = 0.001
DELAY = 0.1
# The same if others use the machine as well: tests, or many loads and readers.
BUSY_DELAY = 0.3
# By how much the two moments of an interval may be wrong together, because each is
# the middle of a read
READING = 0.05
# The time of a pass is taken when reading begins, after the search for cgroups.
SEARCH = 0.2


def between(series, begin, end):
    return [(time, value) for time, value in series if begin <= time <= end]


def intervals(usage):
    return list(zip(usage, usage[1:]))


def mean_of_gauges(usage, millicores):
    """The weight of a gauge is the interval that it ends"""
    gauges = dict(millicores)
    return sum(gauges[end] * (end - begin)
               for (begin, _), (end, _) in intervals(usage)) / length(usage)


def usual(usage, millicores):
    """The median of these gauges. In one interval, the kernel may charge a cgroup
    for what is not its own: time that a hypervisor takes away, or work for
    packets of others. A quota makes up for it in the next."""
    gauges = dict(millicores)
    return statistics.median(gauges[moment] for moment, _ in usage[1:])


def mean_of_derives(usage):
    return (usage[-1][1] - usage[0][1]) / length(usage) / 1000


def length(usage):
    return usage[-1][0] - usage[0][0]


def tolerance(millicores):
    """1 % or 2m, the larger"""
    return max(millicores / 100, 2)


def leap(record, moment, millicores):
    """By how many µs the counter rose further than at this rate while it could
    be read for the value of that moment"""
    least, most = record.bounds(moment - ROUNDING, moment + DELAY)
    return max(0, most - least - 1000 * millicores * DELAY)


def tolerance_in_ticks(tick, usage, record, truth):
    """1 % of a mean, and because CPU time counts in ticks, one at either end. On
    a busy machine gVisor counts several at once, before or after the value is
    read."""
    leaps = sum(leap(record, moment, truth)
                for moment in (usage[0][0], usage[-1][0]))
    return truth / 100 + (2000 * tick + leaps / 1000) / length(usage)


def check_counter(usage, record, delay=DELAY):
    """Each value is that of the counter at the value's time"""
    assert usage
    for time, value in usage:
        least, most = record.bounds(time - ROUNDING, time + delay)
        assert least - 1 <= value <= most


def check_rises(usage, gauges, lengths, unit=1000, most=float("inf")):
    """Each gauge is the increase of the counter in the interval that it ends,
    but at most `most`. `lengths` are the least and the most that each interval
    can have taken, in s. `unit` of the counter per second is 1."""
    reported = dict(gauges)
    for ((_, before), (end, after)), (shortest, longest) in zip(
            intervals(usage), lengths):
        if end not in reported:
            continue
        rise = (after - before) / unit
        assert (reported[end] == 0) == (rise == 0)
        if reported[end] == most:
            assert rise / most >= shortest
        elif rise:
            assert shortest <= rise / reported[end] <= longest


def check_gauges(usage, gauges, unit=1000, most=float("inf"), delay=DELAY):
    """The intervals are those between the values, but for this delay"""
    lengths = [(end - begin - delay, end - begin + delay)
               for (begin, _), (end, _) in intervals(usage)]
    check_rises(usage, gauges, lengths, unit, most)


def check_values(usage, gauges, record):
    """The counter and its gauges, on a machine that others use as well: the record
    tells when each value was read, however late that is"""
    check_counter(usage, record, BUSY_DELAY)
    readings = [record.when(value, time - ROUNDING, time + BUSY_DELAY)
                for time, value in usage]
    lengths = [(sooner - latest - READING, later - soonest + READING)
               for (soonest, latest), (sooner, later) in intervals(readings)]
    check_rises(usage, gauges, lengths)


def check_lives(usage, gauges, passes, falls):
    """The counter falls as often, because it begins again with each life, and no
    gauge is from one life to the next: the first one is of what the new life used
    in one interval or, if its name was waited for, of a part of that"""
    begun = {end: after for (_, before), (end, after) in intervals(usage)
             if after < before}
    assert len(begun) == falls
    for moment, used in begun.items():
        before = max(time for time in passes if time < moment)
        first = dict(gauges).get(moment, 0)
        assert 0 <= first * (moment - before - DELAY) <= used / 1000
    check_gauges(usage, [row for row in gauges if row[0] not in begun],
                 delay=BUSY_DELAY)


def check_rates(counter, rates, unit=1000, most=float("inf"),
                delay=BUSY_DELAY):
    """The same, and no interval is without a gauge, so that their mean is that
    of the whole time"""
    reported = dict(rates)
    assert all(end in reported for _, (end, _) in intervals(counter))
    check_gauges(counter, rates, unit, most, delay)
    rise = (counter[-1][1] - counter[0][1]) / unit
    assert mean_of_gauges(counter, rates) == pytest.approx(
        rise / length(counter), rel=0.05)


def check_mean(counter, rates, record, unit=1000):
    """The mean is that of the kernel's counter over the same time"""
    begin, end = counter[0][0], counter[-1][0]
    (clock0, before), (clock1, after) = record.at(begin), record.at(end)
    truth = (after - before) / (clock1 - clock0) / unit
    reported = mean_of_gauges(counter, rates)
    print(f"{reported:.2f}, by the kernel's files {truth:.2f}")
    assert reported == pytest.approx(truth, rel=0.05, abs=0.1)
    return truth


def check_throttled(periods, throttled, percents, records):
    """Each value is the share of throttled periods in its interval. Together
    they match the kernel's files."""
    reported = dict(percents)
    weighed = 0
    for (_, n0), (moment, n1), (_, t0), (_, t1) in zip(
            periods, periods[1:], throttled, throttled[1:]):
        assert (n1 > n0) == (moment in reported)
        if n1 > n0:
            assert reported[moment] == pytest.approx(
                min(100, 100 * (t1 - t0) / (n1 - n0)), abs=1e-5)
            weighed += reported[moment] * (n1 - n0)
    begin, end = periods[0][0], periods[-1][0]
    there, held_back = (record.at(end)[1] - record.at(begin)[1]
                        for record in records)
    print(f"{held_back:.1f} of {there:.1f} periods are throttled")
    assert weighed / (periods[-1][1] - periods[0][1]) == pytest.approx(
        100 * held_back / there, rel=0.05, abs=0.1)
