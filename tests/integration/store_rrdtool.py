# SPDX-License-Identifier: MIT
"""RRD files, read by rrdtool."""
import subprocess


def rrdtool(*arguments):
    return subprocess.run(["rrdtool", *map(str, arguments)], check=True,
                          capture_output=True, text=True).stdout


def fetch(file, begin, end, daemon=None):
    """The (time, value) pairs of its finest archive. Each value is the mean
    over the second that ends at its time. With the address of an rrdcached, also
    those that it has not written yet."""
    lines = rrdtool("fetch", file, "AVERAGE", "-r", 1, "-s", int(begin),
                    "-e", int(end),
                    *(["--daemon", daemon] if daemon else [])).splitlines()
    assert lines[0].split() == ["value"]
    rows = [line.split(":") for line in lines[2:]]
    return [(int(time), float(value)) for time, value in rows
            if "nan" not in value]


def draw(directory, picture, begin, end):
    """The use of a cgroup, its limit, and the share of time in which it was
    throttled"""
    def curve(name, file):
        return f"DEF:{name}={directory / file}.rrd:value:AVERAGE"

    return rrdtool(
        "graph", picture, "--imgformat", "PNG", "--width", 700,
        "--height", 220, "--start", int(begin), "--end", int(end),
        "--title", directory.name, "--vertical-label", "millicores",
        "--lower-limit", 0, "--upper-limit", 900, "--rigid",
        "--units-exponent", 0, "--y-grid", "100:2",
        "--right-axis", "0.125:0", "--right-axis-label", "%",
        "--right-axis-format", "%3.0lf",
        curve("used", "gauge-millicores"),
        curve("limit", "gauge-limit_millicores"),
        curve("throttled", "percent-throttled_periods"),
        "CDEF:share=throttled,8,*",
        "AREA:used#7aa6da:millicores",
        "LINE2:limit#b03060:limit_millicores:dashes=8,4",
        "LINE1:share#e08020:throttled_periods, %")
