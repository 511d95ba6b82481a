# SPDX-License-Identifier: MIT
"""Parts of the series of a cgroup."""


def steady(collectd, instance, kind):
    """Without the first pass, made while everything was being started, and the
    last, of which not everything may have been written"""
    passes = collectd.usage(instance)
    return [(moment, value) for moment, value in
            collectd.series("cgroup_cpu", instance, kind)
            if passes[1][0] <= moment < passes[-1][0]]


def mean(values):
    return sum(values) / len(values)
