# SPDX-License-Identifier: MIT
"""The true values: the kernel's files, read only by the test, many times per
second.

As a program: recorder.py PERIOD RECORD FILE... writes lines into the file
RECORD every PERIOD seconds, until it or its parent is ended. A line has the
number of a file, the wall clock, the monotonic clock and the contents of the
file.
"""
import bisect
import os
import subprocess
import sys
import time
from pathlib import Path

from precedence import come_first
from waiting import wait_until

PERIOD = 0.02
NEWLINE, BLANK = ";", ","
# No line of a file can be this long.
LONGEST = 8192


def write_record(period, record, paths):
    files = [os.open(path, os.O_RDONLY) for path in paths]
    parent = os.getppid()
    with open(record, "w", buffering=1) as lines:
        while os.getppid() == parent:
            for number, file in enumerate(files):
                began = time.monotonic()
                text = os.pread(file, 4096, 0).decode()
                took = time.monotonic() - began
                text = text.strip().replace("\n", NEWLINE).replace(" ", BLANK)
                lines.write(f"{number} {time.time() - took / 2:.6f} "
                            f"{began + took / 2:.6f} {text}\n")
            time.sleep(period)


def value_of(file, text, key):
    """The number of `key`, in µs if it is a time"""
    lines = (line.split(BLANK) for line in text.split(NEWLINE))
    values = {words[0] if words[1:] else "": words[-1] for words in lines}
    value = int(values[key].removeprefix("total="))
    is_nsec = key.endswith("_time") or "cpuacct.usage" in file
    return value / 1000 if is_nsec else value


class Recorder:
    """The record of some files"""

    def __init__(self, record, files, period=PERIOD):
        self.record = Path(record)
        self.files = [str(file) for file in files]
        self.command = [sys.executable, __file__, str(period), str(record),
                        *self.files]
        self.process = None
        # The length of the record when it was read, and its lines by file
        self.known = None
        self.by_file = {}

    def lines(self, most=None):
        """The complete lines; with `most`, only those in this many bytes at the
        end"""
        if not self.record.exists():
            return []
        with open(self.record) as record:
            if most and self.record.stat().st_size > most:
                record.seek(self.record.stat().st_size - most)
                record.readline()
            return [line.split() for line in record if line.endswith("\n")]

    def has_reached(self, moment):
        count = len(self.files)
        latest = self.lines(count * LONGEST)[-count:]
        return len(latest) == count and all(
            float(wall) > moment for _, wall, _, _ in latest)

    def wait_until_past(self, moment):
        wait_until(lambda: self.has_reached(moment), 20,
                   lambda: f"nothing is recorded in {self.record}")

    def start(self):
        return subprocess.Popen(self.command, preexec_fn=come_first)

    def end(self):
        self.process.kill()

    def __enter__(self):
        self.process = self.start()
        self.wait_until_past(0)
        return self

    def __exit__(self, *_):
        self.end()
        self.process.wait()

    def of(self, file, key=None):
        """One number of a file over time. Without a key it is the CPU time, or
        the only number of the file."""
        file = str(file)
        if key is None:
            key = "usage_usec" if file.endswith("cpu.stat") else ""
        return Record([(float(wall), float(clock), value_of(file, text, key))
                       for _, wall, clock, text in self.lines_of(file)])

    def lines_of(self, file):
        """Those of one file. Many tests ask for them after the end, when they
        stay the same."""
        length = self.record.stat().st_size
        if length != self.known:
            self.known, self.by_file = length, {}
            for line in self.lines():
                self.by_file.setdefault(line[0], []).append(line)
        return self.by_file.get(str(self.files.index(file)), [])


class Record:
    """One counter over time"""

    def __init__(self, rows):
        self.rows = sorted(rows)

    def at(self, moment):
        """The monotonic clock and the CPU time when the wall clock was at
        `moment`"""
        after = bisect.bisect(self.rows, (moment,))
        assert 0 < after < len(self.rows), "not recorded then"
        (wall0, *then), (wall1, *later) = self.rows[after - 1:after + 1]
        share = (moment - wall0) / (wall1 - wall0)
        return [a + share * (b - a) for a, b in zip(then, later)]

    def around(self, begin, end):
        """The rows from the last one before `begin` to the first one after
        `end`"""
        before = bisect.bisect(self.rows, (begin,)) - 1
        after = bisect.bisect(self.rows, (end,))
        assert before >= 0 and after < len(self.rows), "not recorded then"
        return self.rows[before:after + 1]

    def bounds(self, begin, end):
        """The least and the most that it can have been from `begin` to `end`"""
        first, *_, last = self.around(begin, end)
        return first[-1], last[-1]

    def when(self, value, begin, end):
        """The first and the last moment of the monotonic clock at which a counter
        in whole µs can have been `value`, from `begin` to `end` of the wall
        clock"""
        rows = self.around(begin, end)
        earlier = [clock for _, clock, usage in rows if usage < value]
        later = [clock for _, clock, usage in rows if usage >= value + 1]
        return (max([*earlier, self.at(begin)[0]]),
                min([*later, self.at(end)[0]]))

    def millicores(self, begin, end):
        clock0, usage0 = self.at(begin)
        clock1, usage1 = self.at(end)
        return (usage1 - usage0) / (clock1 - clock0) / 1000


if __name__ == "__main__":
    write_record(float(sys.argv[1]), sys.argv[2], sys.argv[3:])
