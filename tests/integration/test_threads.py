# SPDX-License-Identifier: MIT
"""A real collectd under ThreadSanitizer: its threads do not race in the plugin.
Only reports with one of our functions on a stack count. collectd itself is not
instrumented: its locks are visible, its own memory is not."""
import os
import re
from pathlib import Path

import pytest

from cgroups import Cgroup, require_any
from daemon import Collectd
from reports import ours, reports_of_threads, sanitizer_library

pytestmark = [
    pytest.mark.skipif("CGROUP_CPU_TSAN_BUILD" not in os.environ,
                       reason="CGROUP_CPU_TSAN_BUILD names no build"),
    pytest.mark.instrumented, pytest.mark.xdist_group("threads")]
OTHERS = ("cpu", "load", "memory", "processes", "uptime")
CGROUPS = 40
ENDS = 5
# collectd's message when a read takes longer than the interval. Then a read is
# always in progress.
BUSY = re.compile(r"read-function of the `cgroup_cpu' plugin took")


@pytest.fixture
def root():
    """A directory with some cgroups, which may be created and removed"""
    with Cgroup(require_any()) as cgroup:
        for number in range(CGROUPS):
            cgroup.child(f"child{number}")
        yield cgroup


class Threads:
    """Runs collectds under ThreadSanitizer and collects its reports"""

    def __init__(self, directory, root):
        self.directory = directory
        (version,) = root.mounts
        self.root = root.directory(version)
        self.build = Path(os.environ["CGROUP_CPU_TSAN_BUILD"]).resolve()
        self.logs = directory / "tsan"

    def collectd(self, name, options="", interval=0.05):
        return Collectd(self.directory / name,
                        f'Root "{self.root}"\nReportAll true\n{options}',
                        interval, beside=OTHERS, build=self.build)

    def start(self, collectd):
        """This run time does not start if address space randomization is too
        strong"""
        return collectd.start(
            ["setarch", "--addr-no-randomize"],
            LD_PRELOAD=sanitizer_library(self.build, "tsan"),
            TSAN_OPTIONS=f"log_path={self.logs}:exitcode=0:verbosity=1")

    def check(self, runs):
        texts = [log.read_text() for log in self.directory.glob("tsan.*")]
        assert len(texts) == runs
        assert all("Running under ThreadSanitizer" in text for text in texts)
        assert ours(report for text in texts
                    for report in reports_of_threads(text)) == []


@pytest.fixture
def threads(tmp_path, root):
    return Threads(tmp_path, root)


def test_reads_beside_others(threads, root):
    """Many reads and other plugins, while cgroups are created and removed"""
    collectd = threads.collectd(
        "collectd", "LogSamples true\nPeakInterval 0.05")
    with threads.start(collectd):
        for number in range(10):
            child = root.child(f"new{number}")
            collectd.wait_for(lambda: collectd.usage(f"new{number}"), 60)
            child.remove()
        collectd.stop()
    threads.check(runs=1)


def test_two_blocks(threads):
    collectd = threads.collectd(
        "collectd", "</Plugin>\n<Plugin cgroup_cpu>\nLogSamples true")
    with threads.start(collectd):
        collectd.wait_for_samples(10)
        collectd.stop()
    threads.check(runs=1)


def test_shutdown_during_a_read(threads):
    for number in range(ENDS):
        collectd = threads.collectd(f"collectd{number}", "KeepOpen 0", 0.001)
        with threads.start(collectd):
            collectd.wait_for(lambda: BUSY.search(collectd.log), 60)
            collectd.stop()
    threads.check(runs=ENDS)
