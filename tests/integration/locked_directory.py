# SPDX-License-Identifier: MIT
"""A directory that is locked for ever, as every user can lock one that may be
listed: its list is written into a page that never comes, and whoever would
create something in it waits for that, and all others wait behind.

As a program: locked_directory.py DIRECTORY. It prints a line when this is so,
and ends it when its standard input ends.
"""
import ctypes
import fcntl
import mmap
import os
import struct
import subprocess
import sys
import threading
from pathlib import Path

from beside import Beside
from waiting import wait_until

# For x86-64: system calls, ioctls of userfaultfd(2), and the mode for pages that
# are missing
GETDENTS64, USERFAULTFD = 217, 323
UFFDIO_API, UFFDIO_REGISTER = 0xC018AA3F, 0xC020AA00
API, MISSING = 0xAA, 1
LIBC = ctypes.CDLL(None, use_errno=True)


def page_that_never_comes():
    """The page, and a descriptor: it comes when that is closed"""
    fault = LIBC.syscall(USERFAULTFD, os.O_CLOEXEC)
    assert fault >= 0, os.strerror(ctypes.get_errno())
    fcntl.ioctl(fault, UFFDIO_API, bytearray(struct.pack("QQQ", API, 0, 0)))
    page = ctypes.c_char.from_buffer(mmap.mmap(-1, mmap.PAGESIZE))
    fcntl.ioctl(fault, UFFDIO_REGISTER, bytearray(struct.pack(
        "QQQQ", ctypes.addressof(page), mmap.PAGESIZE, MISSING, 0)))
    return page, fault


def start_waiting(function, call):
    """Returns the thread, which waits in this function of the kernel"""
    thread = threading.Thread(target=call)
    thread.start()
    place = Path(f"/proc/self/task/{thread.native_id}/wchan")
    wait_until(lambda: place.read_text() == function, 10, place.read_text)
    return thread


def main(directory):
    page, fault = page_that_never_comes()
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    threads = [start_waiting("handle_userfault", lambda: LIBC.syscall(
        GETDENTS64, place, ctypes.byref(page), mmap.PAGESIZE)),
               start_waiting("filename_create",
                             lambda: os.mkdir(f"{directory}/new"))]
    # Nobody has looked for this name before.
    with subprocess.Popen(["stat", f"{directory}/missing"],
                          stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as late:
        place = Path(f"/proc/{late.pid}/wchan")
        wait_until(lambda: place.read_text() == "walk_component", 10,
                   place.read_text)
        print("locked", flush=True)
        sys.stdin.read()
        os.close(fault)
    for thread in threads:
        thread.join()
    os.rmdir(f"{directory}/new")


class LockedDirectory(Beside):
    """Runs the program in its own process"""

    def __init__(self, directory):
        super().__init__(__file__, directory)
        assert self.process.stdout.readline() == "locked\n"


if __name__ == "__main__":
    main(sys.argv[1])
