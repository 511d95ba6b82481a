# SPDX-License-Identifier: MIT
"""What a collectd delivered of all cgroups, and whether it complained."""
import os
import re

from daemon import DATE, HOST, Collectd

USAGE = "derive-cpu_usage_usec"
MILLICORES = "gauge-millicores"
REMAINDER = "gauge-remainder_millicores"
LEFT = "derive-remainder_usec"
PLUGIN = "cgroup_cpu-"
# The first two are for a busy machine, the third for a daemon that is ended while
# it writes the values of a pass. The last one is in every log of write_prometheus.
REMARKS = ("above its read interval|Not sleeping"
           "|value lists were left after shutting down"
           "|MHD_OPTION_EXTERNAL_LOGGER")


class Delivered(Collectd):
    """The results of one collectd that ran elsewhere"""

    def __init__(self, directory):
        self.directory = directory


def instance_of(path):
    """The documented rule: "_" for a slash, and "__" for an underscore"""
    return path.strip("/").replace("_", "__").replace("/", "_")


def kinds(collectd):
    """The kinds of values, by instance"""
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
    """Waits for this many more complete passes. The single writer thread keeps
    the order, so the first value of a pass comes after all values of the
    previous pass. Returns the times of the complete ones."""
    enough = len(moments(collectd, instance, kind)) + count + 1
    collectd.wait_for(
        lambda: len(moments(collectd, instance, kind)) >= enough, 60)
    return moments(collectd, instance, kind)[:-1]


def has_nan(collectd):
    files = list(collectd.directory.glob("csv/*/*/*"))
    assert files
    return any("nan" in file.read_text() for file in files)


def complaints(collectd):
    """All messages above the level of a notice, except those remarks"""
    return [line for line in collectd.log.splitlines()
            if re.search(r"\[(notice|warning|error)\]", line)
            and not re.search(REMARKS, line)]
