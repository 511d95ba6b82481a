# SPDX-License-Identifier: MIT
"""A host under load, its values from collectd and from the kernel's files, and
which of them must agree."""
import contextlib
import math
import time

import pytest

from delivered import complaints, has_nan, instance_of, kinds, wait_for_passes
from measurement import (BUSY_DELAY, check_counter, check_mean, check_rates,
                         check_throttled)
from waiting import wait_until

PASSES = 10


def mean(values):
    return sum(values) / len(values)


class Host:
    """The values of some cgroups from a collectd, recorded together with the
    kernel's files"""

    # For each counter of the kernel: the file as file() finds it, and a key.
    counters = {}
    delay = BUSY_DELAY
    # The time when the loads ended.
    end = math.inf

    def __init__(self, collectd, recorder):
        self.collectd = collectd
        self.recorder = recorder

    def path(self, cgroup):
        """Relative to the root of the hierarchy"""
        raise NotImplementedError

    def file(self, cgroup, *where):
        raise NotImplementedError

    def watch(self, cgroups, watched, *others):
        """Runs these collectds for some passes under the loads of all cgroups,
        then for some without loads"""
        collectds = [self.collectd, *others]
        with contextlib.ExitStack() as running:
            running.enter_context(self.recorder)
            for collectd in collectds:
                running.enter_context(collectd.start())
            for collectd in collectds:
                collectd.wait_for(lambda: all(
                    len(collectd.usage(self.instance(cgroup))) > PASSES
                    for cgroup in watched))
            self.end = time.time()
            for name, cgroup in cgroups.items():
                wait_until(cgroup.is_empty, 10, lambda: f"{name} is in use")
            wait_for_passes(self.collectd, 4, self.instance(watched[0]))
            self.recorder.wait_until_past(time.time() + 1)

    def instance(self, cgroup):
        return instance_of(self.path(cgroup))

    def all_rows(self, cgroup, kind):
        """Without the first pass, during which other processes were started,
        and the last, which may not be completely written"""
        instance = self.instance(cgroup)
        passes = self.collectd.usage(instance)
        return [(moment, value) for moment, value in
                self.collectd.series("cgroup_cpu", instance, kind)
                if passes[1][0] <= moment < passes[-1][0]]

    def rows(self, cgroup, kind):
        """The rows from the time with loads"""
        return [(moment, value) for moment, value in
                self.all_rows(cgroup, kind) if moment < self.end]

    def values(self, cgroup, kind):
        return [value for _, value in self.rows(cgroup, kind)]

    def mean(self, cgroup, kind):
        return mean(self.values(cgroup, kind))

    def kinds(self, cgroup):
        return kinds(self.collectd).get(self.instance(cgroup))

    def record(self, cgroup, counter):
        *where, key = self.counters[counter]
        return self.recorder.of(self.file(cgroup, *where), key)

    def used(self, cgroup, counter):
        """The use over the whole time, from the kernel's files"""
        rows = self.record(cgroup, counter).rows
        return rows[-1][-1] - rows[0][-1]

    def not_available(self):
        """The only line that says what is missing"""
        line, = (text for text in self.collectd.messages("info")
                 if "Values not available" in text)
        return line

    def check_counter(self, cgroup, counter, least=1):
        rows = self.rows(cgroup, f"derive-{counter}")
        assert len(rows) >= least
        check_counter(rows, self.record(cgroup, counter), self.delay)

    def check_end(self, cgroup, counter):
        """Exact to the microsecond, once the loads have ended"""
        _, value = self.all_rows(cgroup, f"derive-{counter}")[-1]
        assert value == math.floor(self.record(cgroup, counter).rows[-1][-1])

    def check_use_of_limit(self, cgroup, limit):
        """Returns the use according to the kernel's files"""
        assert set(self.values(cgroup, "gauge-limit_millicores")) == {limit}

        usage = self.rows(cgroup, "derive-cpu_usage_usec")
        millicores = self.rows(cgroup, "gauge-millicores")
        of_limit = self.rows(cgroup, "percent-of_limit")
        truth = check_mean(usage, millicores,
                           self.record(cgroup, "cpu_usage_usec"))
        check_rates(usage, millicores, delay=self.delay)
        assert of_limit == [
            (moment, pytest.approx(min(100 * used / limit, 100), abs=1e-5))
            for moment, used in millicores]
        return truth

    def check_throttled(self, cgroup):
        counters = "nr_periods", "nr_throttled"
        check_throttled(
            *(self.rows(cgroup, f"derive-{counter}") for counter in counters),
            self.rows(cgroup, "percent-throttled_periods"),
            [self.record(cgroup, counter) for counter in counters])

    def check_pressure(self, cgroup, part):
        counter = self.rows(cgroup, f"derive-pressure_{part}_usec")
        percents = self.rows(cgroup, f"percent-pressure_{part}")
        check_mean(counter, percents,
                   self.record(cgroup, f"pressure_{part}_usec"), 1e4)
        check_rates(counter, percents, 1e4, 100, self.delay)

    def check_part(self, cgroup, part):
        """The user or the system part of the CPU time"""
        check_rates(self.rows(cgroup, f"derive-{part}_usec"),
                    self.rows(cgroup, f"gauge-{part}_millicores"),
                    delay=self.delay)

    def check_log(self):
        assert not complaints(self.collectd)
        assert not has_nan(self.collectd)
