# SPDX-License-Identifier: MIT
"""The truth: CPU counters, read by nobody but the test, many times a second.

As a program: recorder.py RECORD COUNTER... writes lines into the file RECORD,
each the number of a counter, the wall clock, the monotonic clock and the CPU
time in microseconds, until it or its parent is ended.
"""
import bisect
import os
import subprocess
import sys
import time
from pathlib import Path

from waiting import wait_until

PERIOD = 0.02


def parse(name, text):
    if name.endswith("cpu.stat"):
        return int(dict(map(str.split, text.splitlines()))["usage_usec"])
    return int(text) / 1000


def read(counter):
    return parse(str(counter), Path(counter).read_text())


def write_record(record, counters):
    files = [os.open(counter, os.O_RDONLY) for counter in counters]
    parent = os.getppid()
    with open(record, "w", buffering=1) as lines:
        while os.getppid() == parent:
            for number, (counter, file) in enumerate(zip(counters, files)):
                began = time.monotonic()
                text = os.pread(file, 4096, 0).decode()
                took = time.monotonic() - began
                lines.write(f"{number} {time.time() - took / 2:.6f} "
                            f"{began + took / 2:.6f} {parse(counter, text)}\n")
            time.sleep(PERIOD)


class Recorder:
    """The record of some counters"""

    def __init__(self, record, counters):
        self.record = Path(record)
        self.counters = [str(counter) for counter in counters]
        self.command = [sys.executable, __file__, str(record), *self.counters]
        self.process = None

    def lines(self):
        text = self.record.read_text() if self.record.exists() else ""
        return [line.split() for line in text.splitlines(keepends=True)
                if line.endswith("\n")]

    def has_reached(self, moment):
        latest = self.lines()[-len(self.counters):]
        return len(latest) == len(self.counters) and all(
            float(wall) > moment for _, wall, _, _ in latest)

    def wait_until_past(self, moment):
        wait_until(lambda: self.has_reached(moment), 20,
                   lambda: f"nothing is recorded in {self.record}")

    def __enter__(self):
        self.process = subprocess.Popen(self.command)
        self.wait_until_past(0)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def of(self, counter):
        number = str(self.counters.index(str(counter)))
        return Record([tuple(map(float, fields)) for line, *fields
                       in self.lines() if line == number])


class Record:
    """One counter over time"""

    def __init__(self, rows):
        self.rows = sorted(rows)

    def at(self, moment):
        """Monotonic clock and CPU time when the wall clock showed `moment`"""
        after = bisect.bisect(self.rows, (moment,))
        assert 0 < after < len(self.rows), "not recorded then"
        (wall0, *then), (wall1, *later) = self.rows[after - 1:after + 1]
        share = (moment - wall0) / (wall1 - wall0)
        return [a + share * (b - a) for a, b in zip(then, later)]

    def bounds(self, begin, end):
        """Least and most that it can have been from `begin` to `end`"""
        before = bisect.bisect(self.rows, (begin,)) - 1
        after = bisect.bisect(self.rows, (end,))
        assert before >= 0 and after < len(self.rows), "not recorded then"
        return self.rows[before][-1], self.rows[after][-1]

    def millicores(self, begin, end):
        clock0, usage0 = self.at(begin)
        clock1, usage1 = self.at(end)
        return (usage1 - usage0) / (clock1 - clock0) / 1000


if __name__ == "__main__":
    write_record(sys.argv[1], sys.argv[2:])
