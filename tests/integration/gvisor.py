# SPDX-License-Identifier: MIT
"""Real gVisor sandboxes, driven by the test through a shell inside."""
import json
import os
import shlex
import signal
import subprocess
import tempfile
from pathlib import Path

from daemon import Collectd
from precedence import come_first, put_first
from recorder import Recorder
from waiting import wait_until

ALL = "/sys/fs/cgroup"
CAPABILITIES = ["CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_KILL",
                "CAP_SYS_ADMIN"]
# What the sandbox has at /sys/fs/cgroup.
NONE = None
OCI = {"destination": ALL, "type": "cgroup", "source": "cgroup",
       "options": ["nosuid", "noexec", "nodev", "rw"]}
MOUNT_INSIDE = f"""\
mount -t tmpfs none {ALL}
mkdir {ALL}/cpuacct
mount -t cgroup -o cpuacct none {ALL}/cpuacct"""


def host_cgroup(directory):
    return {"destination": ALL, "type": "bind", "source": str(directory),
            "options": ["bind", "ro"]}


def start_process(*command, **options):
    return subprocess.Popen(command, **options)


class Sandbox:
    """Its root is the host's /, read-only. Only in `shared`, both sides can
    write. `start` starts it, for example in some cgroup of the host."""

    def __init__(self, runsc, shared, cgroup_mount=NONE, start=start_process):
        self.shared = str(shared)
        self.cgroup_mount = cgroup_mount
        self.start = start
        self.bundle = tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.")
        self.name = Path(self.bundle.name).name.replace(".", "-")
        self.runsc = [str(runsc), f"--root={self.bundle.name}/state",
                      "--network=none", "--ignore-cgroups", "--overlay2=none"]
        self.process = None
        self.answers = ""

    def configuration(self):
        mounts = [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs"},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs",
             "options": ["ro"]},
            *([self.cgroup_mount] if self.cgroup_mount else []),
            {"destination": self.shared, "type": "bind",
             "source": self.shared, "options": ["rbind", "rw"]}]
        return {
            "ociVersion": "1.0.2",
            "process": {
                "user": {"uid": 0, "gid": 0}, "args": ["sh"], "cwd": "/",
                "env": ["PATH=/usr/sbin:/usr/bin:/sbin:/bin",
                        "LC_ALL=C.UTF-8"],
                "capabilities": {kind: CAPABILITIES for kind in (
                    "bounding", "effective", "permitted")}},
            "root": {"path": "/", "readonly": True}, "hostname": "sandbox",
            "mounts": mounts,
            "linux": {"namespaces": [{"type": kind} for kind in (
                "pid", "ipc", "uts", "mount", "network")]}}

    def __enter__(self):
        (Path(self.bundle.name) / "config.json").write_text(
            json.dumps(self.configuration()))
        with open(f"{self.bundle.name}/messages", "w") as messages:
            self.process = self.start(
                *self.runsc, "run", f"--bundle={self.bundle.name}", self.name,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=messages,
                bufsize=0, preexec_fn=come_first)
        os.set_blocking(self.process.stdout.fileno(), False)
        try:
            self.ask(":")
            put_first(self.remains())
        except BaseException:
            self.__exit__()
            raise
        return self

    def messages(self):
        return Path(self.bundle.name, "messages").read_text()

    def answer(self):
        """The output up to the line with the exit status; None until that line
        has come"""
        self.answers += (self.process.stdout.read() or b"").decode()
        text, mark, status = self.answers.rpartition("\nstatus ")
        return (text, int(status)) if mark and "\n" in status else None

    def ask(self, script, seconds=60):
        """The output of a script that runs inside"""
        self.answers = "\n"
        self.process.stdin.write(
            f"{script}\nstatus=$?; echo; echo status $status\n".encode())
        text, status = wait_until(self.answer, seconds, self.messages)
        assert status == 0, text + self.messages()
        return text.strip()

    def start_inside(self, command, output="/dev/null"):
        """The number of the process inside"""
        return self.ask(f"{shlex.join(command)} </dev/null >{output} 2>&1 & "
                        "echo $!")

    def remains(self):
        """The processes of the host that belong to it"""
        found = []
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                if self.name in cmdline.read_bytes().decode(errors="replace"):
                    found.append(int(cmdline.parent.name))
            except OSError:
                continue
        return found

    def __exit__(self, *_):
        """It closes the input of its shell, which ends everything. If not, it
        is killed."""
        try:
            self.process.stdin.close()
            self.process.stdout.close()
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            for pid in self.remains():
                os.kill(pid, signal.SIGKILL)
            self.process.wait()
        wait_until(lambda: not self.remains(), 20,
                   lambda: f"{self.name} is still running")
        self.bundle.cleanup()


class SandboxedCollectd(Collectd):
    def start_in(self, sandbox):
        self.sandbox = sandbox
        self.pid = sandbox.start_inside(self.command, self.directory / "output")
        return self

    def stop(self, status=0):
        ended = self.sandbox.ask(
            f"kill {self.pid}; wait {self.pid} || echo failed $?")
        assert ended == (f"failed {status}" if status else ""), self.log

    def has_ended(self):
        return self.sandbox.process.poll() is not None

    def own_cpu_seconds(self):
        """The CPU time of the process itself, from /proc"""
        stat = self.sandbox.ask(f"cat /proc/{self.pid}/stat")
        utime, stime = stat.rpartition(")")[2].split()[11:13]
        return (int(utime) + int(stime)) / os.sysconf("SC_CLK_TCK")

    def __exit__(self, *_):
        """It ends with its sandbox at the latest"""


class SandboxedRecorder(Recorder):
    def start_in(self, sandbox):
        sandbox.start_inside(self.command)
        self.wait_until_past(0)
        return self
