# SPDX-License-Identifier: MIT
"""Runs a command under a seccomp filter: confinement.py ERROR COMMAND...

The filter refuses the system calls that the plugin can do without. A filter
that is older than a call refuses it with ENOSYS or EPERM.
"""
import errno
import os
import sys

import seccomp

REFUSED = ["inotify_init1", "inotify_add_watch", "inotify_rm_watch", "openat2",
           "prlimit64", "setrlimit"]


def main(error, *command):
    refusal = seccomp.ERRNO(getattr(errno, error))
    confinement = seccomp.SyscallFilter(seccomp.ALLOW)
    for call in REFUSED:
        confinement.add_rule(refusal, call)
    confinement.load()
    os.execvp(command[0], command)


if __name__ == "__main__":
    main(*sys.argv[1:])
