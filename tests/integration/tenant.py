# SPDX-License-Identifier: MIT
"""A tenant who means harm, in a subtree that was delegated to it.

As a program: tenant.py DIRECTORY COUNT. Makes so many cgroups below the
directory, with all kinds of names and depths, says so, and then goes on making
and removing others until its standard input ends.
"""
import itertools
import os
import select
import subprocess
import sys
from pathlib import Path

DEPTH = 200
AT_ONCE = 300
# Of somebody else, of no path that one would expect, or of a line protocol.
NAMES = [b"others", b"others_1", b"\\x6fthers", b"root", b"-", b"..x",
         b"a b value=1 1700000000", b"c{type=\"x\"} 1", b"d\rPUTVAL e f N:1",
         b"\xff\xfe", b"\x1b[31m", b"x" * 255, b"\\x2f" * 60, b"~0123abcd"]


def make(parent, name):
    try:
        os.mkdir(name, dir_fd=parent)
    except FileExistsError:
        pass
    return os.open(name, os.O_RDONLY, dir_fd=parent)


def make_deep(parent, depth):
    directory = os.dup(parent)
    for _ in range(depth):
        below = make(directory, b"d")
        os.close(directory)
        directory = below
    os.close(directory)


def make_all(top, count):
    made = len(NAMES) + DEPTH
    for name in NAMES:
        os.close(make(top, name))
    make_deep(top, DEPTH)
    for number in range((count - made) // 2):
        os.mkdir(f"flat{number}", dir_fd=top)
    for number in range((count - made) // 200):
        directory = make(top, f"tree{number}")
        for leaf in range(99):
            os.mkdir(f"leaf{leaf}", dir_fd=directory)
        os.close(directory)


def come_and_go(top, number):
    names = [f"new{number}.{index}" for index in range(AT_ONCE)]
    for name in names:
        os.mkdir(name, dir_fd=top)
    for name in names:
        os.rmdir(name, dir_fd=top)


def main(directory, count):
    top = os.open(directory, os.O_RDONLY)
    make_all(top, count)
    print("made", flush=True)
    for number in itertools.count():
        come_and_go(top, number)
        ended, _, _ = select.select([sys.stdin], [], [], 0.05)
        if ended:
            return


class Tenant:
    """It, as a user without privileges"""

    USER = 65534

    def __init__(self, directory, count):
        os.chown(directory, self.USER, self.USER)
        self.process = subprocess.Popen(
            # Where it may not read this file
            [sys.executable, "-c", Path(__file__).read_text(), str(directory),
             str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            user=self.USER, group=self.USER, extra_groups=[])

    def __enter__(self):
        return self

    def wait_until_made(self):
        assert self.process.stdout.readline() == "made\n"

    def is_at_work(self):
        return self.process.poll() is None

    def __exit__(self, *_):
        self.process.stdin.close()
        assert self.process.wait() == 0


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
