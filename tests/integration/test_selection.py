# SPDX-License-Identifier: MIT
"""Exactly the wanted cgroups are reported. Subtrees without any are not
searched."""
import collections
import os
import re
import time

import pytest

import measurement
from cgroups import COUNTERS
from delivered import (LEFT, MILLICORES, REMAINDER, USAGE, complaints, instance_of,
                       kinds, moments, wait_for_passes)
from forest import Forest, with_parents
from inspection import needs_strace, traced, wait_for_record, watched_inodes

pytest_plugins = ["watched"]

PATHS = [
    "init.scope",
    "system.slice/cron.service",
    "system.slice/ssh.service",
    "system.slice/docker-1.scope",
    "user.slice/user-1000.slice/session-1.scope",
    "kubepods/pod1/db",
    "kubepods/pod1/web",
    "kubepods/pod2/web",
]
ALL = {"root", *(instance_of(path.decode())
                 for path in with_parents(PATHS))}
LEAVES = {*map(instance_of, PATHS)}
PODS = {"kubepods_pod1", "kubepods_pod1_db", "kubepods_pod1_web",
        "kubepods_pod2", "kubepods_pod2_web"}
SERVICES = {"system.slice_cron.service", "system.slice_ssh.service"}

# The cgroups with values, and those with a remainder.
SELECTIONS = {
    "": (ALL, {}),
    # one
    'CGroup "/system.slice/ssh.service"': ({"system.slice_ssh.service"}, {}),
    'CGroup "/system.slice/ssh.service/"': ({"system.slice_ssh.service"}, {}),
    'CGroup "/system.slice/"': ({"system.slice"}, {}),
    'CGroup "/kubepods//"': ({"kubepods"}, {}),
    'CGroup "/"': ({"root"}, {}),
    # shell patterns
    'CGroup "/kubepods*"': ({"kubepods", *PODS}, {}),
    'CGroup "/kubepods/*"': (PODS, {}),
    'CGroup "/kubepods/*/web"': (
        {"kubepods_pod1_web", "kubepods_pod2_web"}, {}),
    'CGroup "*.service"': (SERVICES, {}),
    'CGroup "*/docker-*"': ({"system.slice_docker-1.scope"}, {}),
    'CGroup "/kubepods/pod?"': ({"kubepods_pod1", "kubepods_pod2"}, {}),
    'CGroup "kubepods/*"': (PODS, {}),
    'CGroup "kubepods/pod?"\nCGroup "?nit.scope"': (
        {"kubepods_pod1", "kubepods_pod2", "init.scope"}, {}),
    'CGroup "/kubepods/pod[2-9]*"': (
        {"kubepods_pod2", "kubepods_pod2_web"}, {}),
    'CGroup "*"': (ALL, {}),
    # regular expressions
    'CGroup "/^/kubepods/pod[0-9]+$/"': (
        {"kubepods_pod1", "kubepods_pod2"}, {}),
    'CGroup "/(ssh|cron)/"': (SERVICES, {}),
    r'CGroup "/\\.scope$/"': (
        {"init.scope", "system.slice_docker-1.scope",
         "user.slice_user-1000.slice_session-1.scope"}, {}),
    'CGroup "/^/$/"': ({"root"}, {}),
    # several
    'CGroup "/init.scope"\nCGroup "*/web"\nCGroup "/(cron)/"': (
        {"init.scope", "kubepods_pod1_web", "kubepods_pod2_web",
         "system.slice_cron.service"}, {}),
    # the others
    'CGroup "/kubepods*"\nIgnoreSelected true': (
        ALL - PODS - {"kubepods"}, {}),
    'IgnoreSelected true\nCGroup "/system.slice/"\nCGroup "/"': (
        ALL - {"system.slice", "root"}, {}),
    'CGroup "/(pod|service)/"\nIgnoreSelected true': (
        ALL - PODS - SERVICES - {"kubepods"}, {}),
    'CGroup "*.service"\nIgnoreSelected false': (SERVICES, {}),
    # by depth
    "MaxDepth 0": ({"root"}, {}),
    "MaxDepth 1": (
        {"root", "init.scope", "system.slice", "user.slice", "kubepods"}, {}),
    "MaxDepth 2": (ALL - {"kubepods_pod1_db", "kubepods_pod1_web",
                          "kubepods_pod2_web",
                          "user.slice_user-1000.slice_session-1.scope"}, {}),
    'MaxDepth 2\nCGroup "/kubepods*"': (
        {"kubepods", "kubepods_pod1", "kubepods_pod2"}, {}),
    # leaves
    "LeavesOnly true": (LEAVES, ALL - LEAVES),
    'LeavesOnly true\nCGroup "/kubepods*"': (
        LEAVES & PODS, {"kubepods", "kubepods_pod1", "kubepods_pod2"}),
    'LeavesOnly true\nCGroup "/kubepods/pod?"': (
        {"kubepods_pod1", "kubepods_pod2"}, {}),
    'LeavesOnly true\nCGroup "*/web"\nCGroup "/"\nCGroup "/init.scope"': (
        {"kubepods_pod1_web", "kubepods_pod2_web", "init.scope"}, {"root"}),
    "LeavesOnly true\nMaxDepth 1": (
        {"init.scope", "system.slice", "user.slice", "kubepods"}, {"root"}),
    "LeavesOnly true\nMaxDepth 0": ({"root"}, {}),
    'LeavesOnly true\nCGroup "*/web"\nIgnoreSelected true': (
        LEAVES - {"kubepods_pod1_web", "kubepods_pod2_web"}
        | {"kubepods_pod2"},
        ALL - LEAVES - {"kubepods_pod2"}),
}


@pytest.mark.parametrize("options", SELECTIONS)
def test_what_is_reported(directory, start, options):
    reported, remaining = SELECTIONS[options]
    with Forest(directory, PATHS):
        collectd = start(options, 0.1)
        # The third begins when all of the second is there.
        wait_for_passes(collectd, 3, min(reported))
        found = kinds(collectd)
        logged = complaints(collectd)

    assert found == {
        **{instance: {USAGE, MILLICORES} for instance in reported},
        **{instance: {REMAINDER, LEFT} for instance in remaining}}
    assert not logged


@pytest.mark.parametrize("others", ["", "IgnoreSelected true"])
def test_patterns_that_match_nothing_are_told_once(directory, start, others):
    """After six passes, in one line, escaped. Matches in an ignored subtree are
    not known: the regular expression might match there."""
    options = [r'CGroup "/kubepods*"', r'CGroup "kubepods.slice/*"',
               'CGroup "/caf\u00e9"', "CGroup \"/^.no(such|)thing$/\"", others]
    with Forest(directory, PATHS):
        collectd = start("\n".join(options), 0.1)
        wait_for_passes(collectd, 10, "root" if others else "kubepods")
        (notice,) = complaints(collectd)

    assert notice.endswith(
        "[notice] cgroup_cpu plugin: No cgroup so far matches CGroup "
        r'"/kubepods.slice/*", "/caf\xc3\xa9"'
        + ("" if others else ', "/^.no(such|)thing$/"')
        + f"; compare with the paths below {directory}")


def test_what_is_wanted_may_come_later(directory, start):
    """The host has no containers yet"""
    def intervals():
        return len(collectd.series("uptime", "", "uptime"))

    with Forest(directory, PATHS) as forest:
        collectd = start('CGroup "/docker/*"', 0.5, beside=["uptime"])
        collectd.wait_for(lambda: intervals() >= 6)
        logged = complaints(collectd)
        forest.add("docker/web")
        made = time.time()
        wait_for_passes(collectd, 3, "docker_web")
        first = moments(collectd, "docker_web")[0]

    assert first <= made + 0.5 + measurement.DELAY
    # It did not exist in the interval before.
    assert moments(collectd, "docker_web", MILLICORES)[0] == first
    assert kinds(collectd).keys() == {"docker_web"}
    # This is logged once for a pattern, in the sixth interval.
    assert all('matches CGroup "/docker/*"' in line for line in logged)
    assert len(logged) <= 1


# The directories that need a watch for these options, out of ./, chosen/,
# chosen/few/, chosen/few/none/, and passed-over/ with as many below.
NARROW = {
    'CGroup "/chosen*"': ["", "chosen", "chosen/few", "chosen/few/none"],
    'CGroup "/chosen/few"': ["", "chosen"],
    'CGroup "/chosen/few/no*"': ["", "chosen", "chosen/few",
                                 "chosen/few/none"],
    'CGroup "/passed-over*"\nIgnoreSelected true': [
        "", "chosen", "chosen/few", "chosen/few/none"],
    'CGroup "/chosen*"\nMaxDepth 2': ["", "chosen"],
}


def named_below(directory, calls):
    """The paths below the directory that each system call names"""
    found = collections.defaultdict(set)
    for call in calls:
        if match := re.search(r'(\w+)\((?:[0-9]+, )?"([^"]*)"', call):
            name, path = match.groups()
            if path.startswith(str(directory)) or not path.startswith("/"):
                found[name].add(path.removeprefix(str(directory)).strip("/."))
    return found


@needs_strace
@pytest.mark.parametrize("options", NARROW)
def test_where_nothing_can_be_nothing_is_looked_for(
        directory, start, tmp_path, version, options):
    record = tmp_path / "calls"
    with Forest(directory, ["chosen/few/none", "passed-over/few/none"]):
        collectd = start(options, 0.2, prefix=traced(record, "%file"))
        collectd.wait_for(lambda: "chosen" in str(kinds(collectd)))
        wait_for_passes(collectd, 3, min(kinds(collectd)))
        watched = watched_inodes(collectd.process.pid)
        expected = {os.stat(directory / path).st_ino
                    for path in NARROW[options]}
        logged = complaints(collectd)
        collectd.stop()
        calls = wait_for_record(record)

    assert watched == expected
    named = named_below(directory, calls)
    assert named["inotify_add_watch"] == set(NARROW[options])
    listed = {path for path in named["openat2"] | named["openat"]
              if not path.endswith(COUNTERS[version])}
    assert listed <= set(NARROW[options])
    assert not [path for paths in named.values() for path in paths
                if path.startswith("passed-over/")]
    assert not logged


def test_few_levels_are_not_looked_through_for_more(directory, start):
    with Forest(directory, PATHS):
        collectd = start("MaxDepth 1", 0.2)
        wait_for_passes(collectd, 2)
        watched = watched_inodes(collectd.process.pid)
        assert watched == {os.stat(directory).st_ino}
