# SPDX-License-Identifier: MIT
"""A real collectd under valgrind and under the sanitizers. The plugin makes no
memory error and leaves nothing behind. Only reports with one of our functions
on the stack count, not those about collectd alone."""
import contextlib
import os
import shutil
from pathlib import Path

import pytest

from cgroups import Cgroup, require_any
from daemon import Collectd
from reports import (ours, reports_of_sanitizers, reports_of_valgrind,
                     sanitizer_library)

pytestmark = pytest.mark.instrumented

CHECKS = ["--leak-check=full", "--show-leak-kinds=definite,indirect",
          "--errors-for-leak-kinds=definite,indirect", "--track-fds=yes",
          "--num-callers=40"]
SAMPLES = 12


def steady(collectd, _):
    collectd.wait_for_samples(SAMPLES, 120)
    collectd.stop()


def root_removed(collectd, cgroup):
    collectd.wait_for_samples(3, 120)
    cgroup.remove()
    collectd.wait_for(lambda: collectd.messages("error"))
    with cgroup:
        collectd.wait_for_samples(SAMPLES, 120)
        collectd.stop()


def come_and_go(collectd, cgroup):
    for number in range(SAMPLES):
        child = cgroup.child(f"child{number}")
        child.child("below")
        collectd.wait_for(lambda: collectd.usage(f"child{number}_below"), 60)
        if number % 2:
            child.remove()
    collectd.stop()


def not_started(collectd, _):
    collectd.wait_for(lambda: "entering read-loop" in collectd.log, 120)
    collectd.stop(status=1)
    assert collectd.messages("error")


def found_later(collectd, cgroup):
    collectd.wait_for(lambda: collectd.messages("error"), 120)
    cgroup.child("later")
    collectd.wait_for_samples(SAMPLES, 120)
    collectd.stop()


OUTSIDE = "</Plugin>\n{}\n<Plugin cgroup_cpu>"
LIVES = {
    "steady": (steady, "LogSamples true"),
    "root removed": (root_removed, 'Root "{root}"'),
    "cgroups come and go": (
        come_and_go, 'Root "{root}"\nLeavesOnly true\nLogSamples true\n'
                     'PeakInterval 0.05'),
    "option twice, and one bad": (
        not_started, 'Root "/a"\nRoot "/b"\nCgroupVersion "v3"'),
    "two values, and a block": (
        not_started, 'MaxDepth 1 2\n<KeepOpen 1>\nRoot "/"\n</KeepOpen>'),
    "no types": (not_started, OUTSIDE.format('TypesDB "/dev/null"')),
    "found later": (found_later, 'Root "{root}/later"'),
}


@pytest.fixture
def cgroup():
    with Cgroup(require_any()) as cgroup:
        yield cgroup


def path_of(cgroup):
    (version,) = cgroup.mounts
    return cgroup.directory(version)


@pytest.fixture(params=LIVES)
def life(request, cgroup):
    """The configuration, and what happens to a collectd with it"""
    live, options = LIVES[request.param]
    return (options.format(root=path_of(cgroup)),
            lambda collectd: live(collectd, cgroup))


@pytest.mark.skipif(not shutil.which("valgrind"), reason="needs valgrind")
def test_valgrind(tmp_path, life):
    options, live = life
    collectd = Collectd(tmp_path / "collectd", options, 0.5)
    log = tmp_path / "valgrind"
    with collectd.start(["valgrind", f"--log-file={log}", *CHECKS]):
        live(collectd)

    text = log.read_text()
    assert "ERROR SUMMARY" in text and "FILE DESCRIPTORS" in text
    assert ours(reports_of_valgrind(text)) == []


@pytest.mark.skipif("CGROUP_CPU_ASAN_BUILD" not in os.environ,
                    reason="CGROUP_CPU_ASAN_BUILD names no build")
def test_sanitizers(tmp_path, life):
    """Errors end the daemon at once. Leaks are only recorded, because collectd
    has some of its own."""
    build = Path(os.environ["CGROUP_CPU_ASAN_BUILD"]).resolve()
    options, live = life
    collectd = Collectd(tmp_path / "collectd", options, 0.5, build=build)
    log = tmp_path / "sanitizer"
    with collectd.start(
            LD_PRELOAD=sanitizer_library(build),
            ASAN_OPTIONS=f"log_path={log}:detect_leaks=1:"
                         "detect_stack_use_after_return=1:strict_strings=1",
            LSAN_OPTIONS="exitcode=0:report_objects=1",
            UBSAN_OPTIONS=f"log_path={log}:print_stacktrace=1"):
        live(collectd)

    assert ours(reports_of_sanitizers(tmp_path)) == []


def open_files(process):
    for descriptor in Path(f"/proc/{process.pid}/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            yield os.readlink(descriptor)


def test_descriptors_do_not_grow(tmp_path, cgroup):
    """Only descriptors of cgroup files count: the number of others varies"""
    def cgroup_files():
        return sorted(path for path in open_files(collectd.process)
                      if path.startswith(str(path_of(cgroup))))

    for name in "ab":
        cgroup.child(name)
    collectd = Collectd(tmp_path / "collectd", f'Root "{path_of(cgroup)}"', 0.1)
    with collectd.start():
        # Until idle cgroups have given theirs up
        collectd.wait_for_samples(10)
        before = cgroup_files()
        collectd.wait_for_samples(20)
        assert before == cgroup_files() != []
        collectd.stop()
