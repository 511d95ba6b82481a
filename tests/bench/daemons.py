# SPDX-License-Identifier: MIT
"""The daemons that daemon_bench.py compares. Each has a cgroup of its own, whose
counter is exact, and writes only below its directory."""
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

BUILD = Path(os.environ.get("CGROUP_CPU_BUILD", ".")).resolve()
LOOPBACK = "127.0.0.1"
COLLECTD = shutil.which("collectd", path="/usr/sbin:/sbin:/usr/bin")
NETDATA = shutil.which("netdata", path="/usr/sbin:/sbin:/usr/bin")
STOCK = next((path for path in ("/usr/lib/collectd", "/usr/lib64/collectd")
              if Path(path).is_dir()), None)
CONFIGURATION = """\
Hostname "{host}"
FQDNLookup false
BaseDir "{directory}"
PIDFile "{directory}/pid"
Interval {interval}
{global_options}
PluginDir "{stock}"
LoadPlugin logfile
<Plugin logfile>
  LogLevel warning
  File "{directory}/log"
</Plugin>
LoadPlugin unixsock
<Plugin unixsock>
  SocketFile "{directory}/socket"
</Plugin>
"""
GRAPHITE = """\
LoadPlugin write_graphite
<Plugin write_graphite>
  <Node "sink">
    Host "127.0.0.1"
    Port "{port}"
  </Node>
</Plugin>
"""
PLUGIN = """\
PluginDir "{directory}"
LoadPlugin {name}
<Plugin {name}>
{options}
</Plugin>
"""

# Only the CPU time of cgroups, kept in memory for a minute.
NETDATA_CONFIGURATION = """\
[global]
    run as user = root
[directories]
    config = {directory}
    stock config = {directory}
    log = {directory}
    cache = {directory}
    lib = {directory}
    home = {directory}
[logs]
    error = {directory}/log
    access = none
    debug = none
[db]
    mode = ram
    update every = {interval}
    retention = 60
[ml]
    enabled = no
[health]
    enabled = no
[registry]
    enabled = no
[web]
    bind to = 127.0.0.1:{port}
[plugins]
    enable running new plugins = no
    {without}
    cgroups = yes
[plugin:cgroups]
    update every = {interval}
    use unified cgroups = no
    enable cpuacct stat (total CPU) = yes
    enable cpuacct usage (per core CPU) = no
    enable cpuacct cpu throttling = no
    enable cpuacct cpu shares = no
    enable memory = no
    enable detailed memory = no
    enable memory limits fail count = no
    enable swap memory = no
    enable blkio IO = no
    enable blkio operations = no
    enable blkio throttle IO = no
    enable blkio throttle operations = no
    enable blkio queued operations = no
    enable blkio merged operations = no
    enable cpu pressure = no
    enable io some pressure = no
    enable io full pressure = no
    enable memory some pressure = no
    enable memory full pressure = no
    max cgroups to allow = 20000
    max cgroups depth to monitor = 0
    enable by default = no
    enable by default cgroups matching = {options}
    search for cgroups in subpaths matching = *
    run script to rename cgroups matching = !*
    cgroups to match as systemd services = !*
"""
NETDATA_WITHOUT = (
    "timex", "idlejitter", "proc", "diskspace", "tc", "netdata monitoring",
    "netdata monitoring extended", "profile", "slabinfo", "apps", "charts.d",
    "python.d", "go.d", "fping", "ioping", "perf", "nfacct", "xenstat", "ebpf",
    "freeipmi", "cups", "statsd")


def free_port(kind=socket.SOCK_STREAM):
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def resident(pid):
    """The resident memory now, and the maximum, in MB"""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = dict(line.split(":", 1) for line in status.splitlines())
    return [int(fields[name].split()[0]) / 1024 for name in ("VmRSS", "VmHWM")]


def end(process, seconds):
    """With time to finish what it does"""
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Daemon:
    """Started in its cgroup by `command`"""

    def __init__(self, directory, cgroup, what, command):
        self.what = what
        self.directory = directory
        self.cgroup = cgroup
        cgroup.mkdir()
        enter = f"echo $$ >{cgroup}/cgroup.procs; ulimit -Sn 4096; exec \"$@\""
        with open(directory / "output", "w") as output:
            self.process = subprocess.Popen(
                ["sh", "-ec", enter, "sh", *command],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def usage(self):
        """The CPU time of the whole process and of the threads that read, in
        ms"""
        reading = 0
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (thread / "comm").read_text().startswith(self.READERS):
                schedstat = (thread / "schedstat").read_text()
                reading += int(schedstat.split()[0]) / 1e6
        return int((self.cgroup / "cpuacct.usage").read_text()) / 1e6, reading

    def is_recent(self, when):
        return time.time() - when <= 2 * self.what.interval

    def check(self):
        if self.process.poll() is not None:
            self.fail()

    def fail(self):
        for name in ("output", "log"):
            if (log := self.directory / name).exists():
                sys.stderr.write(log.read_text())
        sys.exit(f"daemon_bench: trouble with {self.what.name}")

    def measurement(self, before, after, seconds):
        series = self.series()
        if self.what.least > 0 and series < self.what.least or (
                self.what.least == 0 and series > 0):
            self.fail()
        memory, peak = resident(self.process.pid)
        cpu, reading = [(late - early) / seconds
                        for early, late in zip(before, after)]
        return SimpleNamespace(cpu=cpu, reading=reading, memory=memory,
                               values=series / self.what.interval, peak=peak)

    def stop(self):
        end(self.process, 30)
        self.cgroup.rmdir()
        shutil.rmtree(self.directory)


class Collectd(Daemon):
    READERS = "reader"

    def __init__(self, directory, cgroup, what, port):
        directory.mkdir()
        text = CONFIGURATION.format(
            host="benchmark", directory=directory, interval=what.interval,
            stock=STOCK, global_options=what.global_options)
        if port:
            text += GRAPHITE.format(port=port)
        if what.plugin:
            home = {"cgroup_cpu": BUILD / ".libs", "cgroups": STOCK,
                    "dispatch_floor": BUILD / "tests/bench/.libs"}
            text += PLUGIN.format(name=what.plugin, options=what.options,
                                  directory=home[what.plugin])
        configuration = directory / "collectd.conf"
        configuration.write_text(text)
        super().__init__(directory, cgroup, what,
                         [COLLECTD, "-f", "-C", configuration])

    def series(self):
        """The number of series with a value in the last two intervals"""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.directory / "socket"))
            client.sendall(b"LISTVAL\n")
            with client.makefile() as answers:
                count = int(answers.readline().split()[0])
                times = [float(answers.readline().split()[0])
                         for _ in range(count)]
        return sum(map(self.is_recent, times))


class Netdata(Daemon):
    """It stores what it reads, so it has no writer"""
    READERS = "PLUGIN[cgroups"

    def __init__(self, directory, cgroup, what, _):
        directory.mkdir()
        self.port = free_port()
        configuration = directory / "netdata.conf"
        configuration.write_text(NETDATA_CONFIGURATION.format(
            directory=directory, interval=what.interval, port=self.port,
            options=what.options,
            without="\n    ".join(f"{name} = no" for name in NETDATA_WITHOUT)))
        super().__init__(directory, cgroup, what,
                         [NETDATA, "-D", "-c", configuration])

    def series(self):
        """The number of dimensions of recent charts: user and system time"""
        with urllib.request.urlopen(
                f"http://{LOOPBACK}:{self.port}/api/v1/charts") as answer:
            charts = json.load(answer)["charts"].values()
        return sum(len(chart["dimensions"]) for chart in charts
                   if chart["context"] == "cgroup.cpu" and
                   self.is_recent(chart["last_entry"]))
