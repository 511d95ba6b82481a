# SPDX-License-Identifier: MIT
"""How all programs for users react to their arguments."""
import subprocess


def answer(*command):
    return subprocess.run(command, capture_output=True, text=True)


def check_refusal(command, named, usage):
    """One line names the mistake, and one shows the correct usage"""
    result = answer(*command)
    assert result.returncode == 2
    assert result.stdout == ""
    message, shown = result.stderr.splitlines()
    assert named in message
    assert shown == usage


def check_output(*command):
    """The program succeeds. Returns its output."""
    result = answer(*command)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout
