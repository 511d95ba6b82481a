# SPDX-License-Identifier: MIT
"""The truth, as recorder.py tells it, of every number in the kernel's files.

As a program: kernel_files.py PERIOD RECORD FILE... writes lines into the file
RECORD, each with a file's path, the wall clock, the monotonic clock and what
the file said, every PERIOD seconds until it or its parent is ended.
"""
import os
import sys
import time

from recorder import PERIOD, Record, Recorder

NEWLINE, BLANK = ";", ","


def write_record(period, record, files):
    kept = [(file, os.open(file, os.O_RDONLY)) for file in files]
    parent = os.getppid()
    with open(record, "w", buffering=1) as lines:
        while os.getppid() == parent:
            for file, descriptor in kept:
                began = time.monotonic()
                text = os.pread(descriptor, 4096, 0).decode()
                took = time.monotonic() - began
                text = text.strip().replace("\n", NEWLINE).replace(" ", BLANK)
                lines.write(f"{file} {time.time() - took / 2:.6f} "
                            f"{began + took / 2:.6f} {text}\n")
            time.sleep(period)


def number(file, text, key):
    """The number of `key`, in µs where it is a time; no key: the only one"""
    lines = (line.split(BLANK) for line in text.split(NEWLINE))
    values = {words[0] if words[1:] else "": words[-1] for words in lines}
    value = int(values[key].removeprefix("total="))
    is_nsec = key.endswith("_time") or "cpuacct.usage" in file
    return value / 1000 if is_nsec else value


class FileRecorder(Recorder):
    """The record of some files"""

    def __init__(self, record, files, period=PERIOD):
        super().__init__(record, files)
        self.command = [sys.executable, __file__, str(period), str(record),
                        *self.counters]

    def of(self, file, key=""):
        """One number of a file over time"""
        return Record([(float(wall), float(clock), number(path, text, key))
                       for path, wall, clock, text in self.lines()
                       if path == str(file)])


if __name__ == "__main__":
    write_record(float(sys.argv[1]), sys.argv[2], sys.argv[3:])
