# SPDX-License-Identifier: MIT
"""A service that is restarted again and again: a cgroup that is created, uses
CPU, and is removed, under the same path each time.

As a program: lives.py DIRECTORY FILE, until its standard input ends. It writes a
line for each life: when it began, when it ended, and the CPU time that the kernel
counted in FILE of the cgroup, in µs, after its only process had ended.
"""
import itertools
import os
import random
import select
import signal
import sys
import time

from beside import Beside
from churn import remove

SHORTEST, LONGEST = 0.7, 1.2
# Between two lives. Some intervals end there.
PAUSE = 0.1
# In a period of 10 ms
BUSY = 0.003


def use_cpu(directory):
    """Returns the process, which goes on until it is ended"""
    pid = os.fork()
    if pid == 0:
        with open(f"{directory}/cgroup.procs", "w") as file:
            file.write("0")
        while True:
            end = time.process_time() + BUSY
            while time.process_time() < end:
                pass
            time.sleep(0.01 - BUSY)
    return pid


def counted(directory, file):
    with open(f"{directory}/{file}") as text:
        words = text.read().split()
    return int(words[0]) // 1000 if len(words) == 1 else int(words[1])


def live(directory, file, length):
    """Returns whether it is to end"""
    began = time.time()
    os.mkdir(directory)
    pid = use_cpu(directory)
    ended, _, _ = select.select([sys.stdin], [], [], length)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    usage = counted(directory, file)
    print(began, time.time(), usage, flush=True)
    remove(directory)
    time.sleep(PAUSE)
    return bool(ended)


def main(directory, file):
    lengths = random.Random(1)
    for _ in itertools.count():
        if live(directory, file, lengths.uniform(SHORTEST, LONGEST)):
            break


class Lives(Beside):
    """Runs the program in its own process"""

    def __init__(self, directory, file):
        super().__init__(__file__, directory, file)

    @property
    def lives(self):
        """All of them, when it has ended"""
        return [tuple(map(float, line.split()))
                for line in self.output.splitlines()]


if __name__ == "__main__":
    main(*sys.argv[1:])
