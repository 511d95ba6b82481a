# SPDX-License-Identifier: MIT
"""Core and plugin on other architectures and with musl: unit tests, tests with
faults, the inputs of the fuzz targets; and a real collectd of some of these
architectures on the real cgroups of this machine."""
import contextlib
import os
import re
import shutil
import time
from pathlib import Path
from typing import NamedTuple

import pytest

import shared
from cgroups import COUNTERS, Cgroup, require_both
from delivered import complaints, instances
from measurement import check_values
from packages import SOURCE, UNIT_TESTS, run
from platforms import (ASKED_FOR, CHOSEN, PLATFORMS, Emulated, Platform,
                       build, get_collectd, get_sources)
from precedence import FIRST, not_giving_way
from recorder import Recorder

FAULT_TESTS = "tests/faults/fault_tests"
WITH_COLLECTD = ("arm64", "armhf", "s390x")
PASSES = 5
# All tests of the core; what arm64 has is also in s390x or armhf: 64 bits, an
# unsigned char.
MORE = [name for name in CHOSEN if ASKED_FOR or name != "arm64"]
TOOLS = ["readelf", *(tool for name in CHOSEN for tool in (
    PLATFORMS[name].cc, *map(str, PLATFORMS[name].prefix[:1])))]
MISSING = [tool for tool in TOOLS if not shutil.which(tool)]
pytestmark = [
    pytest.mark.platforms,
    pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")]


class Built(NamedTuple):
    """The build of a platform, in `directory`"""
    name: str
    platform: Platform
    place: Path
    directory: Path


@pytest.fixture(scope="module")
def builds(tmp_path_factory):
    """builds(name): the build for a platform, made once"""
    made = {}

    def get(name):
        if name not in made:
            place = tmp_path_factory.mktemp(name)
            with shared.directory("platform-sources") as sources:
                with shared.turn(sources) as first:
                    if first:
                        get_sources(sources)
                build(PLATFORMS[name], sources, place,
                      [UNIT_TESTS, FAULT_TESTS] if name in MORE else [])
            made[name] = Built(name, PLATFORMS[name], place, place / "build")
        return made[name]

    yield get
    for built in made.values():
        shutil.rmtree(built.place)


@pytest.fixture
def built(request, builds):
    return builds(request.param)


def for_each(names):
    return pytest.mark.parametrize("built", [
        pytest.param(name, marks=pytest.mark.xdist_group(name), id=name)
        for name in names], indirect=True)


def run_tests(built, program, **environment):
    """How many there are, after all of them passed"""
    log = built.place / "tap"
    scratch = os.environ.get("CGROUP_CPU_SCRATCH", "/tmp")
    run(*built.platform.prefix, program, cwd=built.directory, env={
        **os.environ, "FIXTURES": str(SOURCE / "tests/unit/fixtures"),
        "TMPDIR": scratch, "CK_TIMEOUT_MULTIPLIER": "100",
        "CK_TAP_LOG_FILE_NAME": str(log), **environment})
    results = re.findall(r"^(not ok|ok) ", log.read_text(), re.M)
    assert set(results) == {"ok"}
    return len(results)


@for_each(CHOSEN)
def test_is_of_the_platform(built):
    """So that the other tests show what they say"""
    header = run("readelf", "-h", built.directory / ".libs/cgroup_cpu.so")
    assert f"Machine:                           {built.platform.machine}\n" \
        in header


@for_each(MORE)
def test_units(built):
    """In one process, which is faster, except those that limit it"""
    assert run_tests(built, UNIT_TESTS, CK_FORK="no",
                     CK_EXCLUDE_TAGS="limits") > 1000
    assert run_tests(built, UNIT_TESTS, CK_INCLUDE_TAGS="limits") > 1


@for_each(MORE)
def test_faults(built):
    """In every run only those that take little time"""
    environment = {} if ASKED_FOR else {"CK_RUN_SUITE": "faults at start"}
    assert run_tests(built, FAULT_TESTS, **environment) > 30


@for_each(MORE)
def test_inputs_of_fuzzing(built):
    """Each target runs with each of its seeds"""
    run("make", "replay", cwd=built.directory, env={
        **os.environ, "FUZZ_RUNNER": " ".join(map(str, built.platform.prefix))})
    assert len(list(built.directory.glob("tests/fuzz/*.log"))) == len(
        list((SOURCE / "tests/fuzz/corpus").iterdir()))


def deliver(built, mounts, cgroup):
    """What a collectd of the platform delivers of a load in both versions, and
    the kernel's counter meanwhile"""
    place = built.place / "emulated"
    place.mkdir()
    root = get_collectd(built.name, place)
    cgroup.child("busy").burn(300)
    counters = {version: cgroup.directory(version) / "busy" / COUNTERS[version]
                for version in mounts}
    with contextlib.ExitStack() as stack:
        recorder = stack.enter_context(
            Recorder(place / "record", counters.values()))
        running = {version: stack.enter_context(Emulated(
            place / version, built.platform, root, built.directory,
            f'Root "{cgroup.directory(version)}"\nReportAll true').start(FIRST))
            for version in mounts}
        for collectd in running.values():
            collectd.wait_for_samples(2)
        cgroup.child("later")
        for collectd in running.values():
            collectd.wait_for(lambda: "later" in instances(collectd))
            collectd.wait_for_samples(PASSES)
        for collectd in running.values():
            collectd.stop()
        recorder.wait_until_past(time.time())
    return {version: (running[version], recorder.of(counter))
            for version, counter in counters.items()}


@for_each(name for name in WITH_COLLECTD if name in CHOSEN)
def test_values_are_the_kernels(built):
    """Each value is that of the kernel's counter at its time, and each rate is
    its rise. A cgroup that was created later appears. Nothing is complained
    about, although QEMU has no openat2."""
    mounts = require_both()
    with not_giving_way(), Cgroup(mounts) as cgroup:
        delivered = deliver(built, mounts, cgroup)

    assert delivered.keys() == mounts.keys()
    for collectd, record in delivered.values():
        usage, millicores = collectd.samples("busy")
        assert len(usage) >= PASSES - 2
        assert usage[-1][1] > usage[0][1]
        check_values(usage, millicores, record)
        assert complaints(collectd) == []
