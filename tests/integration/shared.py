# SPDX-License-Identifier: MIT
"""What takes long to make and does not change"""
import contextlib
import fcntl
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def directory(name):
    """A directory for it. Below $CGROUP_CPU_SHARED it is kept for other
    processes, which wait while one of them makes it."""
    shared = os.environ.get("CGROUP_CPU_SHARED")
    if not shared:
        with tempfile.TemporaryDirectory(
                prefix="cgroup_cpu_test.", ignore_cleanup_errors=True) as made:
            yield Path(made)
        return
    place = Path(shared) / name
    place.mkdir(parents=True, exist_ok=True)
    yield place


@contextlib.contextmanager
def turn(place):
    """True for the first caller, who makes it. The others wait for that."""
    made = place / "made"
    with open(place / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        first = not made.exists()
        yield first
        if first:
            made.touch()
