# SPDX-License-Identifier: MIT
"""Cgroups that are created, use some CPU and are removed.

As a program: churn.py DIRECTORY RATE. It creates this many per second, each
with a process that ends after some milliseconds, and removes them, until its
standard input ends. Then it prints how many there were.
"""
import contextlib
import itertools
import os
import select
import subprocess
import sys
import time

from precedence import FIRST

# Some live less than an interval, and some for several.
LIVES = (0, 0.3, 2.5)


def use_cpu(directory):
    """Runs in its own process"""
    pid = os.fork()
    if pid == 0:
        with open(f"{directory}/cgroup.procs", "w") as file:
            file.write("0")
        while time.process_time() < 0.005:
            pass
        os._exit(0)
    os.waitpid(pid, 0)


def remove(directory):
    """A cgroup that was just left may still be busy for a moment"""
    while True:
        with contextlib.suppress(OSError):
            os.rmdir(directory)
            return
        time.sleep(0.001)


def remove_due(alive, now):
    for directory in [directory for directory, end in alive.items()
                      if end <= now]:
        remove(directory)
        del alive[directory]


def main(top, rate):
    alive = {}
    began = time.monotonic()
    for number in itertools.count(1):
        directory = f"{top}/{number}"
        os.mkdir(directory)
        use_cpu(directory)
        now = time.monotonic()
        alive[directory] = now + LIVES[number % len(LIVES)]
        remove_due(alive, now)
        ended, _, _ = select.select(
            [sys.stdin], [], [], max(0, began + number / rate - now))
        if ended:
            break
    remove_due(alive, float("inf"))
    print(number)


class Churn:
    """Runs the program in its own process"""

    def __init__(self, directory, rate):
        self.count = 0
        self.process = subprocess.Popen(
            [*FIRST, sys.executable, __file__, str(directory), str(rate)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        output, _ = self.process.communicate("")
        assert self.process.returncode == 0
        self.count = int(output)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
