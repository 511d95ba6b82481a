# SPDX-License-Identifier: MIT
"""Real cgroups that a test creates for itself and removes again."""
import errno
import itertools
import os
import signal
import subprocess
from pathlib import Path

import pytest

from daemon import BURN
from precedence import FIRST
from waiting import wait_until

COUNTERS = {"v1": "cpuacct.usage", "v2": "cpu.stat"}
numbers = itertools.count()


def mounted():
    """The mounts of whole hierarchies: version, directory, and the options,
    which include the controllers of v1"""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, _, root, directory, *_ = line.split()
        kind, _, options = line.split(" - ")[1].split()
        version = {"cgroup2": "v2", "cgroup": "v1"}.get(kind)
        if version and root == "/":
            yield version, Path(directory), options.split(",")


def hierarchies():
    """For each version that accounts CPU time, the mount of the whole
    hierarchy"""
    found = {}
    for version, directory, options in mounted():
        if version == "v2" or "cpuacct" in options:
            found.setdefault(version, directory)
    return found


def controller(name):
    """The mount of the whole hierarchy with this v1 controller"""
    for version, directory, options in mounted():
        if version == "v1" and name in options:
            return directory
    pytest.skip(f"needs the v1 controller {name}")


def with_cpu(mounts):
    """These mounts, and that of the v1 controller cpu if it is another one"""
    cpu = controller("cpu")
    return mounts if cpu == mounts["v1"] else {**mounts, "cpu": cpu}


def require_both():
    """Both versions are needed to simulate all kinds of hosts on this
    machine"""
    found = hierarchies()
    if found.keys() != COUNTERS.keys() or os.geteuid() != 0:
        pytest.skip("needs root on a host with cgroup v1 cpuacct and cgroup2")
    return found


def require_any():
    """The directory of one version: that of cpuacct if it exists"""
    found = hierarchies()
    if not found or os.geteuid() != 0:
        pytest.skip("needs root and a mounted cgroup file system")
    version = min(found)
    return {version: found[version]}


def separate_controllers():
    """The directories of cpuacct (as "v1"), cpu and cpuset if v1 has each
    separately"""
    mounts = {"v1": require_both()["v1"],
              **{name: controller(name) for name in ("cpu", "cpuset")}}
    if len(set(mounts.values())) < 3 or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs cpuacct, cpu and cpuset in three v1 hierarchies, "
                    "and two CPUs")
    return mounts


def confine(cgroup, cpus=None):
    """Confines it to these CPUs, or to all: a cgroup of v1's cpuset accepts no
    processes until it has CPUs and memory"""
    for file, value in ("cpuset.cpus", cpus), ("cpuset.mems", None):
        (cgroup.directory("cpuset") / file).write_text(
            str(value) if value is not None
            else (cgroup.mounts["cpuset"] / file).read_text())


def is_removed(directory):
    """A cgroup that a process has just left may still be busy for a moment"""
    try:
        directory.rmdir()
    except OSError as error:
        if error.errno != errno.EBUSY:
            raise
        return False
    return True


class Cgroup:
    """One cgroup, under the same path in each of the hierarchies"""

    def __init__(self, mounts, path=None):
        self.mounts = mounts
        self.path = path or f"cgroup_cpu_test.{os.getpid()}.{next(numbers)}"
        self.processes = []
        self.children = []

    def directory(self, version):
        return self.mounts[version] / self.path

    def counter(self, version):
        return self.directory(version) / COUNTERS[version]

    def __enter__(self):
        try:
            for version in self.mounts:
                self.directory(version).mkdir()
        except BaseException:
            self.remove()
            raise
        return self

    def child(self, name):
        child = Cgroup(self.mounts, f"{self.path}/{name}")
        self.children.append(child)
        return child.__enter__()

    def start(self, *command, **options):
        """Starts a process that is in the cgroup from its first instruction"""
        entries = [self.directory(version) / "cgroup.procs"
                   for version in self.mounts]
        enter = "".join(f"echo $$ > {entry}; " for entry in entries)
        process = subprocess.Popen(
            ["sh", "-ec", enter + 'exec "$@"', "sh", *command],
            stdin=options.pop("stdin", subprocess.DEVNULL), **options)
        self.processes.append(process)
        return process

    def burn(self, millicores):
        """Starts a steady load that comes first on the machine"""
        self.start(*FIRST, BURN, "--millicores", str(millicores), "--seconds",
                   "300", stdout=subprocess.DEVNULL)
        return self

    def use(self, millicores):
        """Starts a load that need not be steady: nothing measures it"""
        self.start(BURN, "--millicores", str(millicores), "--seconds", "300",
                   stdout=subprocess.DEVNULL)
        return self

    def remaining(self):
        return {int(line) for version in self.mounts for line in
                (self.directory(version) / "cgroup.procs").read_text().split()}

    def is_empty(self):
        """Also of those that were on their way into it"""
        for process in self.processes:
            if process.poll() is None:
                process.kill()
        for pid in self.remaining():
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        return not self.remaining()

    def remove_children(self):
        for child in self.children:
            child.remove()
        self.children.clear()

    def remove(self):
        """Ends everything that was started in it, and removes it"""
        self.remove_children()
        existing = {version: mount for version, mount in self.mounts.items()
                    if self.directory(version).exists()}
        self.mounts, mounts = existing, self.mounts
        wait_until(self.is_empty, 10, lambda: f"{self.path} is still in use")
        for process in self.processes:
            process.wait()
        for version in existing:
            wait_until(lambda: is_removed(self.directory(version)), 10,
                       lambda: f"{self.directory(version)} is busy")
        self.mounts = mounts

    def __exit__(self, *_):
        self.remove()
