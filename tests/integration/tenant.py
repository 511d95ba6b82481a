# SPDX-License-Identifier: MIT
"""A malicious tenant, in a subtree that was delegated to it.

As a program: tenant.py DIRECTORY COUNT. It creates this many cgroups below the
directory, with all kinds of names and depths, and prints a line. Then it
creates and removes others until its standard input ends. With LOOPS as a
third argument, it creates them all in one directory, and LOOPS processes only
create and remove nested cgroups beside them.
"""
import itertools
import os
import select
import signal
import subprocess
import sys
from pathlib import Path

DEPTH = 200
AT_ONCE = 300
# Names of others, unusual paths, and parts of line protocols.
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


def hammer(top, number):
    """As fast as possible, until the parent ends"""
    parent = os.getppid()
    while os.getppid() == parent:
        for _ in range(100):
            os.mkdir(f"hot{number}", dir_fd=top)
            os.mkdir(f"hot{number}/g", dir_fd=top)
            os.rmdir(f"hot{number}/g", dir_fd=top)
            os.rmdir(f"hot{number}", dir_fd=top)


def crowd(top, count, loops):
    os.mkdir("crowd", dir_fd=top)
    directory = os.open("crowd", os.O_RDONLY, dir_fd=top)
    for number in range(count):
        os.mkdir(str(number), dir_fd=directory)
    children = []
    for number in range(loops):
        children.append(os.fork())
        if children[-1] == 0:
            hammer(directory, number)
            os._exit(0)
    print("made", flush=True)
    sys.stdin.read()
    # All of them must have stopped when this ends.
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def main(directory, count, loops=0):
    top = os.open(directory, os.O_RDONLY)
    if loops > 0:
        crowd(top, count, loops)
        return
    make_all(top, count)
    print("made", flush=True)
    for number in itertools.count():
        come_and_go(top, number)
        ended, _, _ = select.select([sys.stdin], [], [], 0.05)
        if ended:
            return


class Tenant:
    """Runs the program as a user without privileges"""

    USER = 65534

    def __init__(self, directory, count, loops=0):
        os.chown(directory, self.USER, self.USER)
        self.process = subprocess.Popen(
            # The user may not be allowed to read this file
            [sys.executable, "-c", Path(__file__).read_text(), str(directory),
             str(count), str(loops)],
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
    main(sys.argv[1], *map(int, sys.argv[2:]))
