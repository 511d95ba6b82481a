# SPDX-License-Identifier: MIT
"""What a collectd delivered of all cgroups, and whether it complained."""
import os
import re

from daemon import HOST

USAGE = "derive-cpu_usage_usec"
MILLICORES = "gauge-millicores"
REMAINDER = "gauge-remainder_millicores"
PLUGIN = "cgroup_cpu-"
DATE = re.compile(r"-\d{4}-\d\d-\d\d$")
# The first two are for a busy machine; the last one stands in every log of
# write_prometheus.
REMARKS = "above its read interval|Not sleeping|MHD_OPTION_EXTERNAL_LOGGER"


def instance_of(path):
    """As it is documented: _ for /, and __ for what was one before"""
    return path.strip("/").replace("_", "__").replace("/", "_")


def kinds(collectd):
    """What has values, by instance"""
    directory = collectd.directory / "csv" / HOST
    if not directory.exists():
        return {}
    return {entry.name[len(PLUGIN):]:
            {DATE.sub("", name) for name in os.listdir(entry.path)}
            for entry in os.scandir(directory) if entry.name.startswith(PLUGIN)}


def instances(collectd, kind=USAGE):
    return {instance for instance, found in kinds(collectd).items()
            if kind in found}


def moments(collectd, instance="root", kind=USAGE):
    return [moment for moment, _ in
            collectd.series("cgroup_cpu", instance, kind)]


def wait_for_passes(collectd, count, instance="root", kind=USAGE):
    """So many more of them, complete: the one writer keeps the order, so that
    the first value of a pass comes behind all of the pass before. Returns the
    times of the complete ones."""
    enough = len(moments(collectd, instance, kind)) + count + 1
    collectd.wait_for(
        lambda: len(moments(collectd, instance, kind)) >= enough, 60)
    return moments(collectd, instance, kind)[:-1]


def has_nan(collectd):
    files = list(collectd.directory.glob("csv/*/*/*"))
    assert files
    return any("nan" in file.read_text() for file in files)


def complaints(collectd):
    """All that is worse than a remark, but not what a busy machine is told"""
    return [line for line in collectd.log.splitlines()
            if re.search(r"\[(notice|warning|error)\]", line)
            and not re.search(REMARKS, line)]
