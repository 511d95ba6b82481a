#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks that the parts of the core depend on each other as their folders say.

Each room includes only files of rooms below it, or of the same room, and no two
files include each other. Every static function has a unique name, so that a
search or a backtrace leads to one place. Run it from the top of the source
tree.
"""
import itertools
import pathlib
import re
import sys

# From the top down. Rooms in the same row do not include each other.
ROWS = (("glue",), ("collector",), ("options",), ("find", "read", "report"),
        ("tree",), ("name",), ("values",), ("util",))
ROW = {room: number for number, row in enumerate(ROWS) for room in row}
# collectd's own headers.
FOREIGN = {"collectd.h", "plugin.h", "utils_complain.h"}


def room(path):
    """The room of a file, from its path below plugin/ or include/."""
    parts = pathlib.PurePath(path).parts
    if len(parts) > 1:
        return parts[0]
    stem = pathlib.PurePath(path).stem
    return "glue" if stem == "cgroup_cpu" else stem


def files():
    for top in ("include", "plugin"):
        for path in sorted(pathlib.Path(top).rglob("*.[ch]")):
            name = path.relative_to(top)
            if name.stem != "cgroup_cpu_burn":
                yield path, str(name)


def includes(path):
    return set(re.findall(r'^#include "([^"]+)"', path.read_text(), re.M)) - FOREIGN


def faults_of_includes():
    below = {}
    for path, name in files():
        own = re.sub(r"\.c$", ".h", name)
        for other in includes(path) - {own}:
            here, there = room(name), room(other)
            below.setdefault(own, set()).add(other)
            if there not in ROW or here not in ROW:
                yield f"{path}: {other} is in no known room"
            elif here != there and ROW[there] <= ROW[here]:
                yield f"{path}: {here} must not include {other} of {there}"
    for one, other in itertools.combinations(below, 2):
        if other in below[one] and one in below[other]:
            yield f"{one} and {other} include each other"


def faults_of_names():
    owners = {}
    for path, _ in files():
        if path.suffix == ".c":
            for name in set(re.findall(r"^static [^;=(]*?\b(\w+)\(",
                                       path.read_text(), re.M)):
                owners.setdefault(name, []).append(str(path))
    for name, paths in sorted(owners.items()):
        if len(paths) > 1:
            yield f"static {name}() is in {' and '.join(paths)}"


def main():
    faults = [*faults_of_includes(), *faults_of_names()]
    for fault in faults:
        print(fault, file=sys.stderr)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
