# SPDX-License-Identifier: MIT
"""Waits for a condition, up to a limit."""
import time


def wait_until(condition, seconds, what):
    """The first true value of condition()"""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, f"{what()} ({seconds} s waited)"
        time.sleep(0.05)
    return value
