# SPDX-License-Identifier: MIT
"""What is measured, and what measures, comes before all else on the machine:
that is not what is tested."""
import contextlib
import os
from pathlib import Path

# Put before a command. Where sessions are scheduled as groups, nice(1) counts
# within the group only.
FIRST = ["setsid", "sh", "-c",
         "echo -20 >/proc/self/autogroup; exec nice -n -20 \"$@\"",
         "sh"]


def come_first():
    """The same for a process that has not begun yet and is not to run anything
    before its own program"""
    os.setsid()
    with contextlib.suppress(OSError):
        os.nice(-20)
        Path("/proc/self/autogroup").write_text("-20")
