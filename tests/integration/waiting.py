# SPDX-License-Identifier: MIT
"""Waits for a condition, up to a limit."""
import time

# How much longer things may take on a busy machine. A limit ends a test that
# hangs; it measures nothing.
PATIENCE = 5


def wait_until(condition, seconds, what):
    """The first true value of condition(), which takes at most so many seconds on
    a machine with nothing else to do"""
    deadline = time.monotonic() + PATIENCE * seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, (
            f"{what()} ({PATIENCE * seconds} s waited)")
        time.sleep(0.05)
    return value
