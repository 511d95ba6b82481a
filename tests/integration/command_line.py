# SPDX-License-Identifier: MIT
"""What all programs for users answer to their arguments."""
import subprocess


def answer(*command):
    return subprocess.run(command, capture_output=True, text=True)


def check_refusal(command, named, usage):
    """One line that names what is wrong, and one on what is right"""
    result = answer(*command)
    assert result.returncode == 2
    assert result.stdout == ""
    message, shown = result.stderr.splitlines()
    assert named in message
    assert shown == usage


def check_output(*command):
    """All is well; the output"""
    result = answer(*command)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout
