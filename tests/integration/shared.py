# SPDX-License-Identifier: MIT
"""What takes long to make and does not change"""
import contextlib
import os
import tempfile
from pathlib import Path


@contextlib.contextmanager
def directory(name):
    """A directory for it. Below $CGROUP_CPU_SHARED it is kept for other
    processes, which wait while one of them makes it."""
    shared = os.environ.get("CGROUP_CPU_SHARED")
    if not shared:
        with tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.") as made:
            yield Path(made)
        return
    place = Path(shared) / name
    place.mkdir(parents=True, exist_ok=True)
    yield place
