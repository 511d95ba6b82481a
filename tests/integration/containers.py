# SPDX-License-Identifier: MIT
"""Containers in cgroups of their own, as OCI runtimes run them. `log` has the
output of a container."""
import contextlib
import json
import os
import subprocess
from pathlib import Path

from cgroups import Cgroup, numbers
from precedence import come_first
from recorder import Recorder
from waiting import wait_until

MEMORY = Path("/sys/fs/cgroup/memory")


class Container:
    """`specification` is the runtime's. `counter` is the file in which the
    responsible kernel has the container's CPU time, `process_list` the one with
    its processes on the host."""

    program = None
    flags = ()

    def __init__(self, directory, specification):
        self.name = f"cgroup_cpu_test.{os.getpid()}.{next(numbers)}"
        self.directory = directory
        self.specification = specification
        self.process = None

    def command(self, *arguments):
        return [str(self.program), f"--root={self.directory}/state",
                *self.flags, *arguments]

    def start(self, *command, **options):
        return subprocess.Popen(command, **options)

    def prepare(self):
        """Prepares what has to exist before it can run"""

    def clean_up(self):
        """Removes what is left then"""

    def __enter__(self):
        self.prepare()
        (self.directory / "config.json").write_text(
            json.dumps(self.specification))
        with open(self.directory / "log", "w") as log:
            self.process = self.start(
                *self.command("run", f"--bundle={self.directory}", self.name),
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                preexec_fn=come_first)
        return self

    def __exit__(self, *_):
        subprocess.run(self.command("delete", "--force", self.name),
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.process.wait()
        self.clean_up()

    @property
    def log(self):
        return (self.directory / "log").read_text()

    def wait_for(self, condition, seconds=30):
        def condition_while_running():
            assert self.process.poll() is None, self.log
            return condition()

        return wait_until(condition_while_running, seconds, lambda: self.log)

    def processes(self):
        """The processes of the host that belong to it"""
        return self.process_list.read_text().split()

    def wait_for_log(self, text):
        wait_until(lambda: text in self.log, 20, lambda: self.log)

    def exec_command(self, *command):
        """Runs a command like a container engine: as the container's user and
        with all its settings"""
        process = self.directory / f"process.{next(numbers)}"
        process.write_text(json.dumps(
            {**self.specification["process"], "args": command}))
        return self.command("exec", f"--process={process}", self.name)

    def exec(self, *command):
        return subprocess.run(self.exec_command(*command), text=True,
                              stdin=subprocess.DEVNULL, capture_output=True)

    def ask(self, *command):
        result = self.exec(*command)
        assert result.returncode == 0, result
        return result.stdout

    def signal(self, name):
        subprocess.run(self.command("kill", self.name, name), check=True)

    def recorder(self):
        return Recorder(self.directory / "record", [self.counter])


class V1Container(Container):
    program = "runc"

    def prepare(self):
        linux = self.specification["linux"]
        linux["cgroupsPath"] = f"/{self.name}"
        # If it has a cgroup, its priority counts only within that.
        linux["resources"]["cpu"] = {"shares": 1 << 18}

    @property
    def counter(self):
        return f"/sys/fs/cgroup/cpuacct/{self.name}/cpuacct.usage"

    @property
    def process_list(self):
        return Path(self.counter).with_name("cgroup.procs")

    def find(self, program):
        """The number of its process on the host"""
        for pid in self.processes():
            # It may have ended since.
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if Path(f"/proc/{pid}/comm").read_text() == f"{program}\n":
                    return pid
        return None


class V2Container(Container):
    """The runtime gets one cgroup as the whole hierarchy. Otherwise it would
    change the machine's own hierarchy, and it refuses hybrid hosts."""

    program = "crun"

    def __init__(self, directory, specification, mounts):
        super().__init__(directory, specification)
        self.host = Cgroup({"v2": mounts["v2"]})

    def command(self, *arguments):
        return ["unshare", "-m", "sh", "-ec",
                'mount --bind "$0" /sys/fs/cgroup; exec "$@"',
                str(self.host.directory("v2")), *super().command(*arguments)]

    def prepare(self):
        self.host.__enter__()
        linux = self.specification["linux"]
        linux["cgroupsPath"] = "/container"
        # This hierarchy has no controllers for them
        del linux["resources"]
        linux["namespaces"].append({"type": "cgroup"})

    def clean_up(self):
        self.host.remove()

    @property
    def counter(self):
        return self.host.directory("v2") / "container/cpu.stat"

    @property
    def process_list(self):
        return self.counter.with_name("cgroup.procs")


class SandboxedRecorder(Recorder):
    """Records the counter inside the sandbox, with the programs of the image"""

    SCRIPT = """\
while read -r usage <$0; do
  echo 0 $EPOCHREALTIME $EPOCHREALTIME $usage
  read -r -t 0.05 || (($? > 128)) || break
done"""

    def __init__(self, container):
        super().__init__(container.directory / "record", [container.counter])
        self.command = container.exec_command(
            "bash", "-c", self.SCRIPT, container.counter)

    def start(self):
        with open(self.record, "w") as record:
            return subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=record)

    def end(self):
        """Closes its input, which ends it"""
        self.process.stdin.close()


class GvisorContainer(Container):
    """It has its own network, in the namespace in which it is started. It
    recognizes the machine's own namespace by a file, but since Linux 6.10 all
    namespaces have this file, so it is hidden."""

    flags = ("--network=sandbox", "--ignore-cgroups", "--overlay2=none")
    counter = "/sys/fs/cgroup/cpuacct/cpuacct.usage"

    def __init__(self, directory, specification, mounts, runsc):
        super().__init__(directory, specification)
        self.program = runsc
        self.host = Cgroup({"v1": mounts["v1"], "memory": MEMORY})

    def command(self, *arguments):
        network, = (each["path"] for each
                    in self.specification["linux"]["namespaces"]
                    if each["type"] == "network")
        return ["nsenter", f"--net={network}", "unshare", "-m", "sh", "-ec",
                'mount -t tmpfs none /proc/sys/net/core; exec "$@"', "sh",
                *super().command(*arguments)]

    def start(self, *command, **options):
        return self.host.start(*command, **options)

    def prepare(self):
        self.host.__enter__()
        linux = self.specification["linux"]
        # gVisor has its own filter.
        del linux["seccomp"]
        (self.host.directory("memory") / "memory.limit_in_bytes").write_text(
            str(linux["resources"]["memory"]["limit"]))

    def clean_up(self):
        self.host.remove()

    @property
    def process_list(self):
        return self.host.directory("v1") / "cgroup.procs"

    def recorder(self):
        return SandboxedRecorder(self)
