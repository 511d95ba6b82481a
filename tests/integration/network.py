# SPDX-License-Identifier: MIT
"""Hosts on a network of their own. The examples for users run there unchanged:
with their names, their ports and their files in /etc.

Everything is inside the namespaces, which end with the processes that hold
them.
"""
import concurrent.futures
import ctypes
import http
import os
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from daemon import BUILD, STOCK
from precedence import FIRST
from waiting import wait_until

CLONE_NEWNET = 0x40000000
SUBNET = "192.0.2.{}"
OWN_FILES = """
mount -t overlay overlay -o "lowerdir=$1:/etc" /etc
mount -t overlay overlay -o "lowerdir=$2:$3" "$3"
"""
HOLD = """
ip link set lo up
echo ready
exec cat
"""
libc = ctypes.CDLL(None, use_errno=True)


class Namespace:
    """A network namespace, and a mount namespace for the mounts of `script`"""

    def __init__(self, address, script="", *arguments):
        self.address = address
        self.holder = subprocess.Popen(
            ["unshare", "-n", "-m", "sh", "-ec", script + HOLD, "sh",
             *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.holder.stdout.readline() == b"ready\n"
        self.prefix = ["nsenter", "-t", str(self.holder.pid), "-n", "-m"]
        self.path = f"/proc/{self.holder.pid}/ns/net"

    def run(self, *command):
        subprocess.run([*self.prefix, *command], check=True)

    def connect(self, device, other):
        """A cable from this device to eth0 of the other"""
        self.run("ip", "link", "add", device, "type", "veth", "peer", "name",
                 "eth0", "netns", str(other.holder.pid))
        other.set_address("eth0")

    def set_address(self, device):
        self.run("ip", "address", "add", f"{self.address}/24", "dev", device)
        self.run("ip", "link", "set", device, "up")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.holder.stdin.close()
        self.holder.wait()
        self.holder.stdout.close()


class Host(Namespace):
    """It has its own /etc over the real one, and the plugin in the directory of
    collectd's own plugins"""

    def __init__(self, directory, address, etc):
        super().__init__(address, OWN_FILES, etc, BUILD / ".libs", STOCK)
        self.directory = directory
        self.processes = []
        self.executor = concurrent.futures.ThreadPoolExecutor(
            1, initializer=self.enter)

    def enter(self):
        """Moves the calling thread to the host's network"""
        namespace = os.open(self.path, os.O_RDONLY)
        status = libc.setns(namespace, CLONE_NEWNET)
        os.close(namespace)
        assert status == 0, os.strerror(ctypes.get_errno())

    def start(self, name, *command, **environment):
        """A server on this host, which ends with the host. It keeps up with what
        it gets, whatever else the machine does: what comes by UDP would be
        lost."""
        with open(self.directory / f"{name}.log", "ab") as log:
            process = subprocess.Popen(
                [*FIRST, *self.prefix, *command], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log, env={**os.environ, **environment})
        self.processes.append((name, process))

    def stop(self, name, seconds=30):
        """Ends the server as an administrator does"""
        (process,) = (one for known, one in self.processes if known == name)
        process.terminate()
        process.wait(seconds)
        self.processes.remove((name, process))

    def log(self):
        return "\n".join(
            f"{path.name}:\n{path.read_text(errors='replace')[-3000:]}"
            for path in sorted(self.directory.glob("*.log")))

    def get(self, port, path, data=None):
        """The answer of a server here; None while there is none, or while it says
        that it is not ready"""
        def answer():
            try:
                with urllib.request.urlopen(
                        f"http://127.0.0.1:{port}{path}", data, 30) as response:
                    return response.read()
            except ConnectionError:
                return None
            except urllib.error.HTTPError as error:
                if error.code == http.HTTPStatus.SERVICE_UNAVAILABLE:
                    return None
                raise AssertionError(
                    f"{path} {data}: {error} {error.read()}") from error
            except urllib.error.URLError as error:
                if not isinstance(error.reason, ConnectionError):
                    raise
                return None
        return self.executor.submit(answer).result()

    def send(self, port, datagram):
        def sent():
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
                sender.sendto(datagram, ("127.0.0.1", port))
        self.executor.submit(sent).result()

    def listens(self, port):
        return f":{port} " in self.sockets("-l")

    def sockets(self, *options):
        return subprocess.run([*self.prefix, "ss", "-Htn", *options],
                              check=True, capture_output=True, text=True).stdout

    def wait_for(self, condition, seconds=30):
        def condition_while_running():
            for name, process in self.processes:
                assert process.poll() is None, f"{name} ended\n{self.log()}"
            return condition()
        return wait_until(condition_while_running, seconds, self.log)

    def end(self):
        self.executor.shutdown()
        for _, process in self.processes:
            process.terminate()
        for _, process in self.processes:
            try:
                process.wait(3)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        super().end()


class Network:
    """A host called `hub`, and others, each with a cable to it"""

    def __init__(self, directory, names, files=()):
        """All hosts know `names`, each of the hub (None) or of the host with
        this number. `files` are put into /etc."""
        self.directory = directory
        self.names = names
        self.files = dict(files)
        self.hosts = []

    def address(self, number):
        return SUBNET.format(1 if number is None else 11 + number)

    def write_etc(self):
        etc = self.directory / "etc"
        etc.mkdir(parents=True)
        (etc / "hosts").write_text("127.0.0.1 localhost\n" + "".join(
            f"{self.address(number)} {name}\n"
            for name, number in self.names.items()))
        for name, text in self.files.items():
            (etc / name).parent.mkdir(exist_ok=True)
            (etc / name).write_text(text)
        return etc

    def add(self, number):
        directory = self.directory / f"host{len(self.hosts)}"
        directory.mkdir()
        host = Host(directory, self.address(number), self.directory / "etc")
        self.hosts.append(host)
        return host

    def connect(self, number, host):
        self.hub.connect(f"host{number}", host)
        self.hub.run("ip", "link", "set", f"host{number}", "master", "hub",
                     "up")

    def cut(self, number):
        """Like a cut between two switches: the host itself does not notice
        it"""
        self.hub.run("ip", "link", "set", f"host{number}", "nomaster")

    def mend(self, number):
        self.hub.run("ip", "link", "set", f"host{number}", "master", "hub")

    def __enter__(self):
        if os.geteuid() != 0 or not shutil.which("ip"):
            pytest.skip("needs root and ip (Debian: iproute2)")
        self.write_etc()
        try:
            self.hub = self.add(None)
            # With its own address, the bridge keeps it when a port is removed.
            self.hub.run("ip", "link", "add", "hub", "address",
                         "02:00:00:00:00:01", "type", "bridge")
            self.hub.set_address("hub")
            numbers = {number for number in self.names.values()
                       if number is not None}
            for number in sorted(numbers):
                self.connect(number, self.add(number))
        except BaseException:
            self.__exit__()
            raise
        return self

    def __getitem__(self, number):
        return self.hosts[1 + number]

    def __exit__(self, *_):
        for host in reversed(self.hosts):
            host.end()
