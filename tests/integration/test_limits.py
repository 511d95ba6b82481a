# SPDX-License-Identifier: MIT
"""Without enough descriptors, events or room, no more values are missing than
necessary and none is wrong. An idle host causes little work."""
import collections
import contextlib
import re
import resource
import socket
import time

import pytest

import measurement
from cgroups import COUNTERS
from daemon import HOST
from delivered import (MILLICORES, USAGE, complaints, instance_of, instances,
                       kinds, moments, wait_for_passes)
from forest import Forest, with_parents
from inspection import (INJECTING, counting, descriptors, needs_strace,
                        watched_inodes)
from recorder import Recorder
from sinks import plugin
from waiting import wait_until

pytest_plugins = ["watched"]

MANY = [f"group{number // 50}/leaf{number % 50}" for number in range(1000)]
SELECT_LIMIT = 1024  # select(2) cannot use descriptors from this number on
# With samples between the passes, idle cgroups keep their files open.
SAMPLES = "PeakInterval 0.5"
PEAK = "gauge-peak_millicores"


def names(paths):
    return {"root", *(instance_of(path.decode())
                      for path in with_parents(paths))}


def kept(collectd, version):
    """The numbers of the descriptors of counter files"""
    return {number for number, target in
            descriptors(collectd.process.pid).items()
            if target.endswith("/" + COUNTERS[version])}


def open_files(collectd):
    """What it has open, and how often, except the file to which values are
    being written"""
    return collections.Counter(
        target for target in descriptors(collectd.process.pid).values()
        if not target.startswith(f"{collectd.directory}/csv/"))


def is_complete(collectd, paths, passes):
    """Each cgroup has a value in each of the passes, and a gauge from the
    second on"""
    expected = names(paths)
    assert {name: found - {PEAK} for name, found in kinds(collectd).items()} == {
        name: {USAGE, MILLICORES} for name in expected}
    for name in expected:
        assert moments(collectd, name)[:len(passes)] == passes
        assert moments(collectd, name, MILLICORES)[:len(passes) - 1
                                                   ] == passes[1:]
    return True


def list_values(path, count):
    """Lists values with this many clients of the unixsock plugin at the same
    time"""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(socket.socket(socket.AF_UNIX))
                   for _ in range(count)]
        for client in clients:
            client.settimeout(20)
            client.connect(str(path))
        answers = []
        for client in clients:
            client.sendall(b"LISTVAL\n")
            lines = stack.enter_context(client.makefile("rb"))
            number, _ = lines.readline().split(maxsplit=1)
            answers.append([next(lines).decode().split()[1]
                            for _ in range(int(number))])
        return answers


@pytest.mark.parametrize("limit", [64, 256, 1024])
def test_few_descriptors(directory, start, version, tmp_path, limit):
    """The plugin uses at most a quarter of them, and others are available"""
    control = tmp_path / "socket"
    with Forest(directory, MANY):
        collectd = start(SAMPLES, beside=[plugin(
            "unixsock", f'SocketFile "{control}"\nSocketGroup "root"')],
            prefix=["prlimit", f"--nofile={limit}"])
        passes = wait_for_passes(collectd, 3)
        wait_until(lambda: len(kept(collectd, version)) == limit // 4, 10,
                   lambda: f"{len(kept(collectd, version))} are kept")
        open_now = len(descriptors(collectd.process.pid))
        answers = list_values(control, 8)
        logged = complaints(collectd)

    assert is_complete(collectd, MANY, passes)
    assert open_now <= limit // 2
    expected = {f"{HOST}/cgroup_cpu-{name}/{kind}"
                for name in names(MANY) for kind in (USAGE, MILLICORES)}
    assert all({name for name in answer if not name.endswith(PEAK)} == expected
               for answer in answers)
    assert not logged


@pytest.mark.parametrize("keep, expected", [(0, 0), (300, 300), (2000, 1021)])
def test_what_is_kept_open(directory, start, version, keep, expected):
    """Above the range of select, for which the soft limit is raised"""
    assert len(names(MANY)) == 1021
    with Forest(directory, MANY):
        collectd = start(f"KeepOpen {keep}\n{SAMPLES}",
                         prefix=["prlimit", "--nofile=1024:8192"])
        passes = wait_for_passes(collectd, 3)
        # During a pass there may be one more for a moment.
        wait_until(lambda: len(kept(collectd, version)) == expected, 10,
                   lambda: f"{len(kept(collectd, version))} are kept")
        numbers = kept(collectd, version)
        soft, hard = resource.prlimit(collectd.process.pid,
                                      resource.RLIMIT_NOFILE)
        logged = complaints(collectd)

    assert is_complete(collectd, MANY, passes)
    assert len([number for number in numbers if number < SELECT_LIMIT]) <= 1
    assert (soft == SELECT_LIMIT) == (keep == 0)
    assert soft < hard == 8192
    assert not logged


@pytest.mark.xdist_group("small loads")
def test_values_of_what_is_not_kept_open(cgroup, start, version, tmp_path):
    place = cgroup.child("load")
    place.burn(300)
    recorder = Recorder(tmp_path / "record", [place.counter(version)])
    with recorder:
        collectd = start("KeepOpen 0", 1)
        passes = wait_for_passes(collectd, 6)
        collectd.stop()
        recorder.wait_until_past(passes[-1] + measurement.DELAY)

    usage = measurement.between(collectd.usage("load"), passes[1], passes[-1])
    truth = recorder.of(place.counter(version)).millicores(
        passes[1], passes[-1])
    gauges = measurement.mean_of_gauges(usage, collectd.millicores("load"))
    assert truth > 150
    assert gauges == pytest.approx(truth, abs=measurement.tolerance(truth))


def in_user_namespace(name, value):
    """Runs a command in a user namespace, where the kernel has a separate limit
    of this kind"""
    return ["unshare", "-U", "-r", "sh", "-c",
            f"echo {value} >/proc/sys/user/{name} && exec \"$@\"", "sh"]


# How many watches remain, and why.
EVENTS = {
    "ten watches": (in_user_namespace("max_inotify_watches", 10), 5,
                    "No space left on device"),
    "no instance": (in_user_namespace("max_inotify_instances", 0), 0,
                    "Too many open files"),
    "no inotify": ([*INJECTING, "-e", "inject=inotify_init1:error=ENOSYS"], 0,
                   "Function not implemented"),
}


@pytest.mark.xdist_group("small loads")
@needs_strace
@pytest.mark.parametrize("case", EVENTS)
def test_few_events_or_none(directory, start, case):
    """More cgroups than are searched in every pass"""
    prefix, watches, reason = EVENTS[case]
    paths = [f"group{number // 10}/leaf{number % 10}" for number in range(200)]
    with Forest(directory, paths) as forest:
        collectd = start(interval=0.3, prefix=prefix)
        passes = wait_for_passes(collectd, 3)
        assert len(watched_inodes(collectd.process.pid)) == watches
        assert is_complete(collectd, paths, passes)

        forest.add("new/a/b", "group19/new/a/b")
        made = time.time()
        # Values may be written late.
        collectd.wait_for(lambda: moments(collectd)[-1] > (
            made + measurement.SEARCH))
        wait_for_passes(collectd, 3)
        forest.remove("new/a/b", "new/a", "group3/leaf3")
        removed = time.time()
        passes = wait_for_passes(collectd, 2)
        logged = complaints(collectd)

    next_pass = min(moment for moment in passes
                    if moment > made + measurement.SEARCH)
    for prefix in ("", "group19_"):
        for name in ("new", "new_a", "new_a_b"):
            # The values of a later pass may just be written.
            usage, gauges = ([moment for moment in moments(
                collectd, prefix + name, kind) if moment <= passes[-1]]
                for kind in (USAGE, MILLICORES))
            assert usage[0] <= next_pass
            assert gauges in (usage, usage[1:])
    for name in ("new_a", "new_a_b", "group3_leaf3"):
        assert moments(collectd, name)[-1] < removed + measurement.ROUNDING
    (notice,) = logged
    assert (f"[notice] cgroup_cpu plugin: {reason}: inotify cannot watch all "
            "cgroups") in notice


def test_no_more_than_are_wanted(directory, start):
    """Room is shared among subtrees. Within them, the older cgroups stay."""
    first = [f"group{number}/leaf0" for number in range(20)]
    later = [f"group{number % 20}/leaf{number // 20}"
             for number in range(20, 180)]

    def alive():
        passes = wait_for_passes(collectd, 3)
        return {name for name in instances(collectd)
                if moments(collectd, name)[-1] >= passes[-1]}

    with Forest(directory, first) as forest:
        collectd = start("MaxCgroups 50\nReportSelf true", 0.3)
        wait_for_passes(collectd, 1)
        assert not complaints(collectd)
        # One pass finds all of them.
        with collectd.paused():
            forest.add(*later)
        when_full = alive()
        forest.add("near")
        with_another = alive()
        forest.remove(*later)
        in_the_end = alive()
        logged = complaints(collectd)
        remarks = collectd.messages("info")
        count = len(moments(collectd))

    assert names(first) < when_full < names(first + later)
    assert len(when_full) == 50
    assert names(first) < with_another
    assert len(with_another) == 50
    assert with_another - when_full == {"near"}
    assert in_the_end == names([*first, "near"])
    # Over time the message is repeated less and less often.
    assert "MaxCgroups is 50: at least 151 cgroups are left out" in logged[0]
    assert all("MaxCgroups is 50: at least" in line for line in logged)
    assert len(logged) <= count.bit_length() + 1
    assert "MaxCgroups leaves no cgroup out any more" in remarks
    check_own_values(collectd)


def check_own_values(collectd):
    """What it reports on itself: of each pass, as many as have values then"""
    own = {kind: dict(collectd.series("cgroup_cpu", "_plugin", f"gauge-{kind}"))
           for kind in ("cgroups_read", "cgroups_idle", "cgroups_left_out",
                        "cgroups_unreadable", "pass_usec")}
    passes = moments(collectd)[:-1]
    counted = collections.Counter(
        moment for name in instances(collectd)
        for moment in moments(collectd, name))
    for moment in passes:
        assert own["cgroups_read"][moment] + own["cgroups_idle"][
            moment] == counted[moment]
        assert own["cgroups_unreadable"][moment] == 0
        assert 0 < own["pass_usec"][moment] < 60e6
    left_out = [own["cgroups_left_out"][moment] for moment in passes]
    assert (left_out[0], max(left_out), left_out[-1]) == (0, 152, 0)


# Until the files of idle cgroups are given up; and how many of those below are
# read of a host of which all but the root are idle: on v2 also its children.
PASSES_TO_REST = 9
READ = {"v1": 1, "v2": 5}


def test_descriptors_and_watches_come_to_rest(directory, start, version):
    """However many cgroups were created and removed. Only what is read of an idle
    host is kept open."""
    calm = MANY[:200]
    with Forest(directory, calm) as forest:
        collectd = start(interval=0.2)
        wait_for_passes(collectd, PASSES_TO_REST)
        pid = collectd.process.pid
        # Without a directory that is open for a moment
        before = open_files(collectd) & open_files(collectd)
        watched = watched_inodes(pid)
        assert len(kept(collectd, version)) == READ[version]
        assert len(watched) == len(names(calm))
        for number in range(10):
            busy = [f"busy{number}/{leaf}" for leaf in range(50)]
            forest.add(*busy)
            wait_for_passes(collectd, 1)
            assert len(kept(collectd, version)) > READ[version]
            forest.remove(*busy, f"busy{number}")
        wait_for_passes(collectd, 3)
        assert len(kept(collectd, version)) == READ[version]
        assert watched_inodes(pid) == watched
        wait_until(lambda: open_files(collectd) == before, 10,
                   lambda: f"{before} became {open_files(collectd)}")
        logged = complaints(collectd)
    assert not logged


@needs_strace
def test_what_rests_is_left_at_rest(directory, start, version, tmp_path):
    """Among 500 cgroups, no directory is listed and no file is opened to find
    that nothing is new, and only a few are checked"""
    record = tmp_path / "calls"
    quiet = MANY[:490]
    with Forest(directory, quiet) as forest:
        collectd = start()
        wait_for_passes(collectd, 3)
        with counting(collectd.process.pid, record,
                      "getdents64,openat2,inotify_add_watch,newfstatat,"
                      "pread64"):
            wait_for_passes(collectd, 4)
        forest.add("new")
        wait_for_passes(collectd, 1, "new")
        logged = complaints(collectd)

    calls = collections.Counter(re.findall(
        r"^\d+ +(\w+\((?!AT_FDCWD|\d+, \"\"))", record.read_text(), re.M))
    # On v2, the ten children of the root are read as well.
    passes = calls["pread64("] / {"v1": 1, "v2": 11}[version]
    assert passes >= 4
    assert not {"getdents64(", "openat2(", "inotify_add_watch("
                } & calls.keys()
    # A sixtieth of the cgroups, and the root. Calls with a whole path come from
    # collectd's writer.
    assert calls["newfstatat("] <= (passes + 1) * (
        len(names(quiet)) // 60 + 2)
    assert not logged
