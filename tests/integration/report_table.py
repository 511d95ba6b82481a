#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes measured figures into a Markdown file, between the comments
<!-- NAME: begin --> and <!-- NAME: end -->. The file is $CGROUP_CPU_REPORT.

report_table.py NAME COMMAND... writes the output of the command if it succeeds.
"""
import fcntl
import os
import platform
import re
import subprocess
import sys


def machine():
    release = re.match(r"[\d.]*\d", platform.release())[0]
    return f"Linux {release}, {platform.machine()}, {os.cpu_count()} CPUs"


def update(name, change):
    """Replaces the text between the comments by change(text). Several test runs
    may do so at the same time."""
    path = os.environ.get("CGROUP_CPU_REPORT")
    if not path:
        return
    begin, end = f"<!-- {name}: begin -->\n", f"<!-- {name}: end -->\n"
    with open(path, "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        text = file.read()
        if begin not in text:
            text += begin + end
        before, rest = text.split(begin)
        old, after = rest.split(end)
        file.truncate(0)
        file.write(before + begin + change(old) + end + after)


def merge(head, rows):
    """A change for update(): replaces the rows with the same first two cells,
    and keeps the rows of other environments"""
    def key(row):
        return row.split("|")[1:3]

    def change(old):
        new = {tuple(key(row)): row for row in rows}
        lines = [new.pop(tuple(key(line)), line) for line in old.splitlines()
                 if line.startswith("|")][len(head):]
        return "\n".join([*head, *lines, *new.values()]) + "\n"

    return change


def main():
    name, *command = sys.argv[1:]
    lines = []
    with subprocess.Popen(command, stdout=subprocess.PIPE,
                          text=True) as process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line)
    if process.returncode == 0:
        update(name, lambda _: f"{machine()}.\n\n" + "".join(lines))
    sys.exit(abs(process.returncode))


if __name__ == "__main__":
    main()
