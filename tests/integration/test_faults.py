# SPDX-License-Identifier: MIT
"""Calls that fail in a running collectd. Files that cannot be read are named,
everything else continues, and everything works again when the cause is gone.
The core's own tests make each of its calls fail. These tests check the log and
the delivered values."""
import errno
import os
import re
import time

import pytest

from delivered import wait_for_passes
from measurement import check_gauges, intervals
from standins import Standins

pytest_plugins = ["watched"]
INTERVAL = 0.3
# What is below an idle cgroup is not read.
BUSY = 20
ADVICE = {
    errno.EACCES: "give collectd's user permission to read it",
    errno.EMFILE: "raise the limit of open files, or lower KeepOpen",
    None: "it is read again in each interval",
}


@pytest.fixture
def version():
    return "v1"


@pytest.fixture
def standins(tmp_path):
    return Standins(tmp_path / "standins")


def wait_for_message(collectd, severity, text):
    collectd.wait_for(lambda: any(text in message for message
                                  in collectd.messages(severity)))


def no_interval_is_missing(rows):
    return all(end - begin < 1.9 * INTERVAL
               for (begin, _), (end, _) in intervals(rows))


def check_errors(collectd, expected, most=3):
    """A continuing failure is logged again, but less and less often"""
    errors = collectd.messages("error")
    assert set(errors) == {expected}
    assert len(errors) <= most


@pytest.mark.parametrize("error", [errno.EIO, errno.EACCES, errno.ENOMEM])
def test_one_file_that_cannot_be_read(cgroup, directory, start, standins, error):
    for name in ("good", "bad"):
        cgroup.child(name)
    cgroup.burn(BUSY)
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 3, "bad")
    standins.order("pread", error, path="/bad/cpuacct.usage")
    wait_for_message(collectd, "error", "cannot read")
    seen = len(collectd.usage("bad"))
    wait_for_passes(collectd, 4, "good")
    assert len(collectd.usage("bad")) == seen
    standins.order()
    wait_for_message(collectd, "info", "All cgroups can be read again")
    wait_for_passes(collectd, 4, "bad")
    collectd.stop()

    check_errors(
        collectd, f"{os.strerror(error)}: cannot read "
        f"{directory}/bad/cpuacct.usage; {ADVICE.get(error, ADVICE[None])}")
    assert no_interval_is_missing(collectd.samples("good")[0][1:])
    usage, gauges = collectd.samples("bad")
    # The first gauge after the gap is the mean since the last one before it.
    check_gauges(usage, gauges)


def test_a_hostile_path_in_the_log(cgroup, directory, start, standins):
    """One line, with its cause, and the advice at its end"""
    cgroups = [cgroup]
    for name in "\x1b[2J\r", "x" * 250, "y" * 250, "caf\u00e9":
        cgroups.append(cgroups[-1].child(name))
    cgroups[-1].burn(BUSY)
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 3)
    standins.order("pread", errno.EACCES, path="caf\u00e9/cpuacct.usage")
    wait_for_message(collectd, "error", "cannot read")
    collectd.stop()

    for message in collectd.messages("error"):
        shown = re.fullmatch(
            f"{os.strerror(errno.EACCES)}: cannot read (.*); "
            f"{ADVICE[errno.EACCES]}", message).group(1)
        head, tail = shown.split("...")
        assert head.startswith(rf"{directory}/\x1b[2J\x0d/xxx")
        assert tail.endswith(r"yyy/caf\xc3\xa9/cpuacct.usage")
        assert len(message) < 400


def test_no_descriptor_for_any(cgroup, directory, start, standins):
    """collectd calls again in the next interval, not less and less often"""
    cgroup.child("one")
    collectd = start("KeepOpen 0", INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 3, "one")
    standins.order("openat2", errno.EMFILE)
    wait_for_message(collectd, "error", "cannot read")
    # Long enough for collectd to wait eight intervals, if it did.
    time.sleep(10 * INTERVAL)
    standins.order()
    gone_at = time.time()
    wait_for_passes(collectd, 4, "one")
    collectd.stop()
    check_errors(collectd, f"{os.strerror(errno.EMFILE)}: cannot read "
                 f"{directory}/cpuacct.usage and 1 more; "
                 f"{ADVICE[errno.EMFILE]}", most=5)
    assert min(moment for moment, _ in collectd.usage("one")
               if moment > gone_at) < gone_at + 2.5 * INTERVAL
    assert "read-function" not in collectd.log
    assert "All cgroups can be read again" in collectd.messages("info")


def test_no_memory_for_a_new_one(cgroup, directory, start, standins):
    cgroup.child("old")
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_passes(collectd, 3, "old")
    standins.order("calloc", errno.ENOMEM)
    cgroup.child("new")
    wait_for_message(collectd, "error", "cannot read")
    wait_for_passes(collectd, 2, "old")
    assert not collectd.usage("new")
    standins.order()
    wait_for_passes(collectd, 3, "new")
    collectd.stop()
    check_errors(collectd, f"{os.strerror(errno.ENOMEM)}: cannot read "
                 f"{directory}; {ADVICE[None]}")
    assert no_interval_is_missing(collectd.samples("old")[0][1:])


def test_no_memory_for_values(start, standins):
    """The first pass needs memory for them"""
    standins.order("realloc", errno.ENOMEM, size=2000)
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_message(collectd, "error", "Out of memory: values of this")
    assert not collectd.usage()
    standins.order()
    wait_for_message(collectd, "info", "No value is lost")
    wait_for_passes(collectd, 3)
    collectd.stop()
    usage, gauges = collectd.samples()
    assert no_interval_is_missing(usage)
    check_gauges(usage, gauges)


SCARCE = {
    "descriptors": ("fopen", errno.EMFILE,
                    "cannot look for cgroups"),
    "memory": ("calloc", errno.ENOMEM, "cannot start to read the cgroups"),
}


@pytest.mark.parametrize("case", SCARCE)
def test_scarce_at_start(start, standins, case):
    """It begins as soon as possible"""
    call, error, message = SCARCE[case]
    standins.order(call, error)
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_message(collectd, "error", f"{os.strerror(error)}: {message}")
    assert not collectd.usage()
    standins.order()
    wait_for_passes(collectd, 3)
    assert collectd.millicores()
    collectd.stop()


def test_no_memory_for_an_option(start, standins):
    standins.order("strdup", errno.ENOMEM)
    collectd = start(interval=INTERVAL, prefix=standins.prefix)
    wait_for_message(collectd, "error", "cannot set the option Root")
    wait_for_message(collectd, "error", "Not started because of errors in")
    collectd.stop(status=1)
