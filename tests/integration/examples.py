# SPDX-License-Identifier: MIT
"""The configurations that users copy, collectd.conf.d/examples."""
import re
import shlex
from pathlib import Path

DIRECTORY = Path(__file__).parents[2] / "collectd.conf.d" / "examples"


def names():
    return sorted(path.name for path in DIRECTORY.iterdir())


def path(name):
    return DIRECTORY / f"{name}.conf"


def marked(name, mark):
    return "".join(re.findall(rf"^#{re.escape(mark)} (.*\n)",
                              path(name).read_text(), re.MULTILINE))


def other_side(name):
    """The receiver's configuration according to the example"""
    return marked(name, ">")


def additions(name):
    """What may follow the receiver's configuration according to the example"""
    return marked(name, "+")


def command(name):
    """How the example starts what is between the two"""
    command, = marked(name, "$").splitlines()
    return shlex.split(command)


def changed(text, *replacements):
    """The text, in which each of these patterns occurs"""
    for pattern, replacement in replacements:
        text, count = re.subn(pattern, replacement, text)
        assert count, pattern
    return text


def queries(name):
    """The queries to the receiver according to the example"""
    return marked(name, "?").splitlines()
