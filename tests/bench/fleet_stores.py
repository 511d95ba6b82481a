# SPDX-License-Identifier: MIT
"""What receives from a fleet: a collectd and the stores behind it, run as the
examples for users say, on loopback and with their files in one directory."""
import os
import pickle
import re
import shutil
import socket
import struct
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

from daemons import (COLLECTD, CONFIGURATION, LOOPBACK, STOCK, end, free_port,
                     resident)

sys.path.append(str(Path(__file__).resolve().parents[1] / "integration"))
import examples  # noqa: E402

CARBON = """\
[cache]
STORAGE_DIR = {directory}
LOCAL_DATA_DIR = {directory}/whisper
CONF_DIR = {directory}
LOG_DIR = {directory}
PID_DIR = {directory}
ENABLE_LOGROTATION = False
LOG_UPDATES = False
LOG_CREATES = False
LOG_CACHE_QUEUE_SORTS = False
ENABLE_TAGS = False
MAX_CREATES_PER_MINUTE = inf
WHISPER_SPARSE_CREATE = True
CARBON_METRIC_INTERVAL = 1
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = {port}
ENABLE_UDP_LISTENER = False
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = {pickle_port}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = {query_port}
"""
OWN_SCHEMA = "[carbon]\npattern = ^carbon\\.\nretentions = 1s:1h\n"


def fail(text):
    sys.exit(f"fleet_bench: {text}")


def example(name, **changes):
    """Its text, changed once at each place"""
    text = examples.path(name).read_text()
    for old, new in changes.values():
        if text.count(old) != 1:
            fail(f"{name}.conf does not have {old} once")
        text = text.replace(old, new)
    return text


def without_plugin(text):
    return text.replace("LoadPlugin cgroup_cpu\n", "")


def wait_until(condition, seconds, what):
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            fail(f"{what}: not within {seconds} s")
        time.sleep(0.05)
    return value


class Process:
    """A program that ends with the benchmark, however that ends"""

    def __init__(self, directory, *command, **environment):
        self.directory = directory
        self.name = Path(command[0]).name
        with open(directory / "output", "ab") as output:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=output, stderr=output,
                env={**os.environ, **environment})
        self.pid = self.process.pid

    def cpu(self):
        """In ms"""
        text = Path(f"/proc/{self.pid}/stat").read_text()
        user, system = text.rsplit(")", 1)[1].split()[11:13]
        return 1000 * (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        """In MB"""
        return resident(self.pid)[0]

    def check(self):
        if self.process.poll() is not None:
            text = (self.directory / "output").read_text(errors="replace")
            fail(f"{self.name} ended:\n{text[-2000:]}")

    def stop(self):
        end(self.process, 60)


class Collectd(Process):
    def __init__(self, directory, host, text, interval):
        directory.mkdir()
        configuration = directory / "collectd.conf"
        configuration.write_text(CONFIGURATION.format(
            host=host, directory=directory, interval=interval, stock=STOCK,
            global_options="") + text)
        self.socket = directory / "socket"
        super().__init__(directory, COLLECTD, "-f", "-C",
                         configuration)

    def wait(self):
        wait_until(lambda: self.check() or self.socket.exists(), 30,
                   "the start of collectd")

    def flush(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            client.sendall(b"FLUSH\n")
            client.recv(1000)


class Store:
    """What receives from collectd. Without a store, what collectd has dispatched
    counts."""

    def __init__(self, directory):
        self.directory = directory
        self.processes = []

    def start(self, *command, **environment):
        self.directory.mkdir(exist_ok=True)
        if not shutil.which(command[0]):
            fail(f"needs {command[0]}")
        self.processes.append(
            Process(self.directory, *command, **environment))

    def configuration(self):
        return ""

    def ready(self):
        return True

    def received(self):
        """The values that it has, collectd's own included; None if it cannot
        tell"""
        return None

    @staticmethod
    def own(lists):
        """As how many of these it counts collectd's own values"""
        return sum(len(one.values) for one in lists)

    def check(self):
        for process in self.processes:
            process.check()

    def stop(self):
        for process in self.processes:
            process.stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def listening(port):
    with socket.socket() as client:
        return client.connect_ex((LOOPBACK, port)) == 0


class RRD(Store):
    def __init__(self, directory):
        super().__init__(directory)
        for name in ("db", "journal"):
            (directory / "rrdcached" / name).mkdir(parents=True)
        self.socket = directory / "socket"
        command = [self.moved(word)
                   for word in examples.command("rrdcached")]
        self.start(*command, "-g", "-p", directory / "pid")

    def moved(self, text):
        return text.replace("/var/lib/rrdcached",
                            f"{self.directory}/rrdcached").replace(
                                "/run/rrdcached.sock", f"{self.socket}")

    def configuration(self):
        return self.moved(without_plugin(example("rrdcached")))

    def ready(self):
        return self.socket.exists()

    def received(self):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.socket))
            with client.makefile("rw") as stream:
                stream.write("STATS\n")
                stream.flush()
                count = int(stream.readline().split()[0])
                lines = [stream.readline() for _ in range(count)]
        return int(dict(line.split(": ") for line in lines)["UpdatesReceived"])

    @staticmethod
    def own(lists):
        return len(list(lists))


class WritingRRD(RRD):
    """It writes each file in each window, instead of every half hour"""

    def moved(self, text):
        return super().moved({"1800": "10"}.get(text, text))


class Graphite(Store):
    """One carbon"""

    count = 1

    def __init__(self, directory):
        super().__init__(directory)
        directory.mkdir()
        self.carbons = [self.start_carbon(directory / f"carbon{number}")
                        for number in range(self.count)]
        self.port = self.carbons[0].port

    def start_carbon(self, directory):
        ports = {name: free_port()
                 for name in ("port", "pickle_port", "query_port")}
        directory.mkdir()
        (directory / "carbon.conf").write_text(
            CARBON.format(directory=directory, **ports))
        (directory / "storage-schemas.conf").write_text(
            OWN_SCHEMA + examples.other_side("write_graphite"))
        self.start("carbon-cache", "--nodaemon",
                   f"--config={directory}/carbon.conf", "start")
        return SimpleNamespace(directory=directory, **ports)

    def configuration(self):
        return without_plugin(example(
            "write_graphite", host=('"graphite.example.com"', f'"{LOOPBACK}"'),
            port=('Port "2003"', f'Port "{self.port}"')))

    def ready(self):
        return all(listening(carbon.port) for carbon in self.carbons)

    def received(self):
        return sum(map(self.received_by, self.carbons))

    @staticmethod
    def received_by(carbon):
        """The sum of what carbon says of each second, which is in its cache
        or already in a file"""
        import whisper  # Comes with carbon.

        name = f"carbon.agents.{socket.gethostname().replace('.', '_')}-a" \
               ".metricsReceived"
        file = carbon.directory / "whisper" / f"{name.replace('.', '/')}.wsp"
        counts = {}
        if file.exists():
            (begin, end, step), values = whisper.fetch(str(file), 0)
            counts = {moment: value for moment, value
                      in zip(range(begin, end, step), values) if value}
        query = pickle.dumps({"type": "cache-query", "metric": name}, 2)
        with socket.create_connection((LOOPBACK, carbon.query_port)) as client:
            client.sendall(struct.pack("!L", len(query)) + query)
            with client.makefile("rb") as stream:
                length, = struct.unpack("!L", stream.read(4))
                answer = pickle.loads(stream.read(length))
        counts.update({int(moment): value
                       for moment, value in answer["datapoints"]})
        return int(sum(counts.values()))


class Relay(Graphite):
    """Three carbons behind a relay"""

    count = 3

    def __init__(self, directory):
        super().__init__(directory)
        self.port = free_port()
        text = examples.additions("write_graphite_relay").replace(
            "linemode 2003", f"linemode {self.port}")
        for number, carbon in enumerate(self.carbons, 1):
            text = text.replace(f"graphite{number}.example.com:2003",
                                f"{LOOPBACK}:{carbon.port}")
        configuration = directory / "carbon-c-relay.conf"
        configuration.write_text(text)
        command = examples.command("write_graphite_relay")
        command[command.index(configuration.name)] = configuration
        self.start(*command)

    def ready(self):
        return super().ready() and listening(self.port)


class VictoriaMetrics(Store):
    def __init__(self, directory):
        super().__init__(directory)
        directory.mkdir()
        self.port, self.web = free_port(), free_port()
        relabel = directory / "relabel.yml"
        relabel.write_text(examples.other_side("write_graphite_victoriametrics"))
        self.start("victoria-metrics", f"-storageDataPath={directory}/data",
                   f"-graphiteListenAddr={LOOPBACK}:{self.port}",
                   f"-httpListenAddr={LOOPBACK}:{self.web}",
                   f"-relabelConfig={relabel}", "-loggerLevel=WARN")

    def configuration(self):
        return without_plugin(example(
            "write_graphite_victoriametrics",
            host=('"victoriametrics.example.com"', f'"{LOOPBACK}"'),
            port=('Port "2003"', f'Port "{self.port}"')))

    def ready(self):
        return listening(self.port) and listening(self.web)

    def received(self):
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(
                f"http://{LOOPBACK}:{self.web}/metrics") as answer:
            text = answer.read().decode()
        return int(re.search(
            r'vm_rows_inserted_total\{type="graphite"\} (\d+)', text)[1])


STORES = {"none": Store, "rrdcached": RRD,
          "rrdcached -w 10 -z 10": WritingRRD, "carbon": Graphite,
          "relay and 3 carbons": Relay, "VictoriaMetrics": VictoriaMetrics}
