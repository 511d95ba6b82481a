# SPDX-License-Identifier: MIT
"""Short loads in cgroups that are chosen at random.

As a program: random_loads.py SEED DIRECTORY... It goes from one of these cgroups
to another, uses up to 20 ms of CPU time in each, and rests, until its standard
input ends.
"""
import os
import random
import select
import sys
import time

from beside import Beside


def main(seed, directories):
    chance = random.Random(seed)
    ended = False
    while not ended:
        with open(os.path.join(chance.choice(directories), "cgroup.procs"),
                  "w") as file:
            file.write("0")
        end = time.process_time() + chance.uniform(0, 0.02)
        while time.process_time() < end:
            pass
        ended, _, _ = select.select([sys.stdin], [], [],
                                    chance.expovariate(3))


class RandomLoads(Beside):
    def __init__(self, seed, directories):
        super().__init__(__file__, seed, *directories)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
