# SPDX-License-Identifier: MIT
"""What the kernel reports about a process: its files, memory and system
calls."""
import contextlib
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from waiting import wait_until

needs_strace = pytest.mark.skipif(not shutil.which("strace"),
                                  reason="strace is missing")
# What makes calls fail or wait follows, and then the command.
INJECTING = ["strace", "-D", "-f", "--seccomp-bpf", "-o", "/dev/null"]


def descriptors(pid):
    """The open files, by number"""
    found = {}
    for number in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(FileNotFoundError):
            found[int(number)] = os.readlink(f"/proc/{pid}/fd/{number}")
    return found


def watched_inodes(pid):
    """The inodes of the directories that inotify watches for it"""
    return {int(inode, 16) for number, target in descriptors(pid).items()
            if target == "anon_inode:inotify" for inode in re.findall(
                r"^inotify wd:\S+ ino:(\S+)",
                Path(f"/proc/{pid}/fdinfo/{number}").read_text(), re.M)}


def resident(pid):
    """Its memory, in bytes, with what it shares with others. VmRSS is not exact:
    the kernel counts it on each CPU."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * int(text.split("\nRss:")[1].split()[0])


def traced(record, calls):
    """Before a command, it records these system calls of it"""
    return ["strace", "-D", "-f", "-s", "4096", "-e", f"trace={calls}", "-o",
            str(record)]


def wait_for_record(record):
    """The lines of the calls, after the process and its tracer have ended"""
    def last_line():
        lines = record.read_text().splitlines()
        return lines and lines[-1].split(maxsplit=1)[1].startswith("+++ exited")

    wait_until(last_line, 10, lambda: f"{record} has no end")
    return record.read_text().splitlines()


def all_threads_are_traced(pid):
    return all("TracerPid:\t0\n" not in (task / "status").read_text()
               for task in Path(f"/proc/{pid}/task").iterdir())


@contextlib.contextmanager
def counting(pid, record, calls):
    """Records the system calls of a running process meanwhile"""
    with subprocess.Popen(
            ["strace", "-f", "-p", str(pid), "-e", f"trace={calls}", "-o",
             str(record)], stderr=subprocess.DEVNULL) as tracer:
        try:
            wait_until(lambda: all_threads_are_traced(pid), 10,
                       lambda: f"process {pid} cannot be traced")
            yield
        finally:
            tracer.send_signal(signal.SIGINT)
