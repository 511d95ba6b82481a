# SPDX-License-Identifier: MIT
"""Gives the measured and the measuring processes priority over everything else
on the machine, because the tests do not test scheduling."""
import contextlib
import os
from pathlib import Path

# A prefix for commands. If the kernel groups processes by session, nice(1) has
# an effect only within the group.
FIRST = ["setsid", "sh", "-c",
         "echo -20 >/proc/self/autogroup; exec nice -n -20 \"$@\"",
         "sh"]
# Another one, which takes root's rights away.
ORDINARY_USER = ["setpriv", "--reuid=nobody", "--regid=nogroup",
                 "--clear-groups"]


def come_first(priority=-20):
    """The same for a process that has not started yet and must not run anything
    before its own program"""
    os.setsid()
    with contextlib.suppress(OSError):
        os.nice(priority)
        Path("/proc/self/autogroup").write_text(str(priority))


@contextlib.contextmanager
def not_giving_way():
    """What is started meanwhile gets its share of the processors, even if the
    tests take only time that no other process wants"""
    policy = os.sched_getscheduler(0)
    os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
    try:
        yield
    finally:
        os.sched_setscheduler(0, policy, os.sched_param(0))


def put_first(processes):
    """The same for processes that are already running and have sessions of
    their own"""
    for pid in processes:
        with contextlib.suppress(OSError):
            Path(f"/proc/{pid}/autogroup").write_text("-20")
