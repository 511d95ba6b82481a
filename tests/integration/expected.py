# SPDX-License-Identifier: MIT
"""The values that stores must have, computed from csv's. Each store has its own
times and rates."""
import pytest

# csv has times in ms and values with six decimals.
MILLISECOND = 0.001
DECIMALS = 1e-6
# Of the RRD files, in seconds: twice the interval, see collectd.conf(5).
HEARTBEAT = 2


def is_counter(kind):
    return kind == "derive"


def rate_bounds(before, after):
    """The least and the most per second, for rounded times"""
    (begin, low), (end, high) = before, after
    return [(high - low) / (end - begin + sign * MILLISECOND) + sign * -DECIMALS
            for sign in (1, -1)]


def as_stored(kind, series):
    """[(time, least, most)], with rates instead of counters"""
    if not is_counter(kind):
        return [(time, value - DECIMALS, value + DECIMALS)
                for time, value in series]
    return [(after[0], *rate_bounds(before, after))
            for before, after in zip(series, series[1:])]


def check_series(stored, expected, digits):
    """Each value is there at its time, and no other between the first and the
    last"""
    expected = [(round(time, digits), least, most)
                for time, least, most in expected]
    end = expected[-1][0] + 0.5
    stored = [(time, value) for time, value in stored if time <= end]
    assert [time for time, _ in stored] == [
        pytest.approx(when, abs=1.5 * 10 ** -digits)
        for when, *_ in expected]
    for (_, value), (_, least, most) in zip(stored, expected):
        assert least <= value <= most


def seconds(time):
    """The possible times in whole seconds: close to half a second, csv's time
    does not decide it"""
    return {round(time - MILLISECOND), round(time + MILLISECOND)}


def check_seconds(stored, expected):
    """carbon rounds times, and keeps one value for each second"""
    possible = {}
    for time, *bounds in expected:
        for second in seconds(time):
            possible.setdefault(second, []).append(bounds)
    end = max(seconds(expected[-1][0]))
    stored = {time: value for time, value in stored if time < end}
    for time, value in stored.items():
        assert any(least <= value <= most for least, most in possible[time])
    certain = {round(time) for time, *_ in expected if len(seconds(time)) == 1}
    assert {time for time in certain if time < end} <= stored.keys()
    assert len(stored) >= (len(expected) - 1) // 2


def check_slots(stored, kind, series):
    """An RRD file has rates at rounded times, one value for each second: of two
    samples in the same second it takes the first. It knows nothing of the time
    between two that are further apart than its heartbeat."""
    compared = 0
    times = [series[0][0] - 2, *(time for time, _ in series)]
    certain = [
        (begin, end) for earlier, begin, end
        in zip(times, series[:-1], series[1:-1])
        if len(seconds(begin[0])) == len(seconds(end[0])) == 1
        and max(seconds(earlier)) < round(begin[0])]
    for (begin, before), (end, after) in certain:
        begin, end = round(begin), round(end)
        if end - begin > HEARTBEAT:
            assert end not in stored
        elif begin < end:
            value = (after - before) / (end - begin)
            assert stored[end] == pytest.approx(
                value if is_counter(kind) else after, rel=DECIMALS,
                abs=DECIMALS)
            compared += 1
    assert compared >= len(certain) / 2


def spread(csv, begin, end):
    """The least and the most in csv around that time; for counters, of the
    rate"""
    key, series = csv
    values = [value for time, *bounds in as_stored(key, series)
              for value in bounds if begin - 4 <= time <= end + 4]
    return min(values), max(values)


def rates_of_steps(series, step):
    """The rates of a counter of which only the last value in each step is used.
    The samples are not exactly `step` apart, but count as if they were. A sample
    close to the end of a step can be in either, because csv rounds its time."""
    rates = []
    for shift in (-MILLISECOND, 0, MILLISECOND):
        last = {int((time + shift) // step): value for time, value in series}
        steps = sorted(last)
        rates += [(last[after] - last[before]) / ((after - before) * step)
                  for before, after in zip(steps, steps[1:])]
    return rates
