# SPDX-License-Identifier: MIT
"""RRD files, read by rrdtool."""
import subprocess


def rrdtool(*arguments):
    return subprocess.run(["rrdtool", *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


def fetch(file, begin, end):
    """The (time, value) pairs of its finest archive, each the mean over the
    second that ends then"""
    lines = rrdtool("fetch", file, "AVERAGE", "-r", 1, "-s", int(begin),
                    "-e", int(end)).splitlines()
    assert lines[0].split() == ["value"]
    rows = [line.split(":") for line in lines[2:]]
    return [(int(time), float(value)) for time, value in rows
            if "nan" not in value]
