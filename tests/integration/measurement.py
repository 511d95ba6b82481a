# SPDX-License-Identifier: MIT
"""What a series says about a stretch of time, and whether it is true."""
# The daemon's file has times in ms; after the time was taken it may be a while
# until the counter is read, on a busy machine.
ROUNDING = 0.001
DELAY = 0.1
# A pass takes its time when it begins to read; it looked for cgroups before.
SEARCH = 0.2


def between(series, begin, end):
    return [(time, value) for time, value in series if begin <= time <= end]


def intervals(usage):
    return list(zip(usage, usage[1:]))


def mean_of_gauges(usage, millicores):
    """Each gauge weighs as much as the interval it ends"""
    gauges = dict(millicores)
    return sum(gauges[end] * (end - begin)
               for (begin, _), (end, _) in intervals(usage)) / length(usage)


def mean_of_derives(usage):
    return (usage[-1][1] - usage[0][1]) / length(usage) / 1000


def length(usage):
    return usage[-1][0] - usage[0][0]


def tolerance(millicores):
    """1 % or 2m, the larger"""
    return max(millicores / 100, 2)


def check_counters(usage, record):
    """Each value is the counter's at the time it carries"""
    for time, value in usage:
        least, most = record.bounds(time - ROUNDING, time + DELAY)
        assert least - 1 <= value <= most


def check_gauges(usage, gauges):
    """Each is the rate of the interval it ends"""
    for (begin, before), (end, after) in intervals(usage):
        if end in gauges:
            used = (after - before) / 1000
            assert (gauges[end] == 0) == (used == 0)
            assert used == 0 or abs(
                used / gauges[end] - (end - begin)) <= DELAY
