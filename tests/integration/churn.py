# SPDX-License-Identifier: MIT
"""Cgroups that are created, use some CPU and are removed.

As a program: churn.py DIRECTORY RATE NAMES. It creates this many per second, each
with a process that ends after some milliseconds, and removes them, until its
standard input ends. Then it prints how many there were. Every other one is a
container of Docker, whose files are below NAMES.
"""
import contextlib
import itertools
import os
import select
import sys
import time
from pathlib import Path

from beside import Beside
from docker_files import DockerFiles

# Some live less than an interval, and some for several.
LIVES = (0, 0.3, 2.5)


def container(number):
    """The id of the container with this number and its name, or None"""
    if number % 2 == 1:
        return None
    return f"c{number:063x}", f"churn-{number}"


def lasting(count):
    """The names of the containers among so many that live longest"""
    return [container(number)[1] for number in range(1, count + 1)
            if container(number) and LIVES[number % len(LIVES)] == LIVES[-1]]


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


def remove_due(alive, now, files):
    for directory in [directory for directory, end in alive.items()
                      if end <= now]:
        remove(directory)
        del alive[directory]
        if (identifier := Path(directory).name).startswith("c"):
            files.remove(identifier)


def main(top, rate, names):
    alive = {}
    files = DockerFiles(Path(names))
    began = time.monotonic()
    for number in itertools.count(1):
        directory = f"{top}/churn/{number}"
        if made := container(number):
            files.add(*made)
            directory = f"{top}/docker/{made[0]}"
        os.mkdir(directory)
        use_cpu(directory)
        now = time.monotonic()
        alive[directory] = now + LIVES[number % len(LIVES)]
        remove_due(alive, now, files)
        ended, _, _ = select.select(
            [sys.stdin], [], [], max(0, began + number / rate - now))
        if ended:
            break
    remove_due(alive, float("inf"), files)
    print(number)


class Churn(Beside):
    """Runs the program in its own process"""

    def __init__(self, directory, rate, names):
        super().__init__(__file__, directory, rate, names)

    @property
    def count(self):
        """How many there were, when it has ended"""
        return int(self.output)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), sys.argv[3])
