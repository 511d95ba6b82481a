#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what all of collectd uses with the plugin, with collectd's own
plugin for cgroups, with a plugin that only dispatches values, and with none.

It uses 1000 real cgroups (v1), which all use some CPU each second, or none if
they are to be idle. Each collectd has a cgroup of its own, whose counter is
exact. The daemons of a table run side by side, so that anything else
on the machine disturbs all of them, but their passes come one after the other.
The output has the medians of the rounds. It needs root, and cpuacct of cgroup
v1.
"""
import argparse
import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from pathlib import Path
from statistics import median
from types import SimpleNamespace

BUILD = Path(os.environ.get("CGROUP_CPU_BUILD", ".")).resolve()
DAEMON = shutil.which("collectd", path="/usr/sbin:/sbin:/usr/bin")
STOCK = next((path for path in ("/usr/lib/collectd", "/usr/lib64/collectd")
              if Path(path).is_dir()), None)
NAME = f"cgroup_cpu_bench.{os.getpid()}"
LEAF = f"bench{os.getpid()}-"
GROUPS = 10
LEAVES = 100
COUNT = GROUPS * LEAVES
# The most that is allowed, relative to a plugin that only reads and dispatches,
# and to collectd's own.
AIM_READ = 1.15
AIM_PEER = 0.2
CONFIGURATION = """\
Hostname "benchmark"
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


def variant(plugin=None, options="", interval=1, global_options=""):
    return SimpleNamespace(plugin=plugin, options=options, interval=interval,
                           global_options=global_options)


def ours(selected=".group*/*", more="", **settings):
    return variant("cgroup_cpu", f'CGroup "/{NAME}{selected}"\n{more}',
                   **settings)


def floor(targets, more=""):
    return variant("dispatch_floor", f'Cgroups "{targets}"\n{more}')


def compared(targets):
    return {
        "cgroup_cpu": ours(),
        "cgroup_cpu with metadata": ours(more="Metadata true"),
        "collectd's cgroups": variant("cgroups", f'CGroup "/^{LEAF}/"'),
        "hand over": floor(targets),
        "hand over with metadata": floor(targets, "Metadata true"),
        "hand over and read": floor(targets, "Read true"),
        "no plugin": variant(),
    }


def settings():
    return {
        "defaults": ours(),
        "`WriteThreads 1`": ours(global_options="WriteThreads 1"),
        "`Interval 10`": ours(interval=10),
        "`LeavesOnly true`": ours(".group*", "LeavesOnly true"),
        "`CGroup` selects 10 %": ours(".group0.slice/*"),
        "`KeepOpen 0`": ours(more="KeepOpen 0"),
        "`Metadata true`": ours(more="Metadata true"),
        "`ReportMillicores false`": ours(more="ReportMillicores false"),
        "`ReportCounter false`": ours(more="ReportCounter false"),
        "`PeakInterval 0.1`": ours(more="PeakInterval 0.1"),
        "`ReportAll true`": ours(more="ReportAll true"),
    }


def find_mount():
    """The mount of the whole cpuacct hierarchy"""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _, _, _, root, directory, *_ = line.split()
        kind, _, options = line.split(" - ")[1].split()
        if kind == "cgroup" and root == "/" and "cpuacct" in options.split(","):
            return Path(directory)
    sys.exit("daemon_bench: needs cgroup v1 with its cpuacct controller")


def remove_cgroups(mount):
    """Ends the processes in this benchmark's cgroups and removes the cgroups"""
    while cgroups := sorted(path for top in mount.glob(f"{NAME}*")
                            for path in (top, *top.rglob("*/"))):
        for cgroup in reversed(cgroups):
            with contextlib.suppress(OSError):
                for pid in (cgroup / "cgroup.procs").read_text().split():
                    os.kill(int(pid), signal.SIGKILL)
                cgroup.rmdir()
        time.sleep(0.01)


@contextlib.contextmanager
def cleaned_up(mount, scratch):
    """Leaves nothing behind. A child cleans up, because it sees the end of this
    process in any case."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        os.close(writing)
        os.read(reading, 1)
        remove_cgroups(mount)
        shutil.rmtree(scratch, ignore_errors=True)
        os._exit(0)
    os.close(reading)
    try:
        yield
    finally:
        os.close(writing)
        os.waitpid(child, 0)


def plant(mount):
    """The paths of the reported cgroups, similar to many units of systemd"""
    paths = []
    for group in range(GROUPS):
        parent = f"{NAME}.group{group}.slice"
        (mount / parent).mkdir()
        for leaf in range(LEAVES):
            paths.append(f"{parent}/{LEAF}{group * LEAVES + leaf:04}.service")
            (mount / paths[-1]).mkdir()
    return paths


@contextlib.contextmanager
def using_cpu(mount, paths, idle):
    """Lets each cgroup use some CPU, once per second or, if they are to be idle
    afterwards, once"""
    child = os.fork()
    if child == 0:
        os.setsid()
        while True:
            begin = time.monotonic()
            for path in paths:
                (mount / path / "cgroup.procs").write_text("0")
                end = time.process_time() + 0.00005
                while time.process_time() < end:
                    pass
            if idle:
                os._exit(0)
            time.sleep(max(0, begin + 1 - time.monotonic()))
    if idle:
        os.waitpid(child, 0)
    try:
        yield
    finally:
        if not idle:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def list_targets(mount, paths, target):
    """Uses the names that cgroup_cpu gives to the cgroups"""
    target.write_text("".join(
        f"{path.replace('_', '__').replace('/', '_')} /{path} "
        f"{mount}/{path}/cpuacct.usage\n" for path in paths))


class Sink(threading.Thread):
    """Accepts what write_graphite sends and drops it"""

    def __init__(self):
        super().__init__(daemon=True)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.start()

    def run(self):
        selector = selectors.DefaultSelector()
        selector.register(self.listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fileobj is self.listener:
                    connection, _ = self.listener.accept()
                    selector.register(connection, selectors.EVENT_READ)
                elif not key.fileobj.recv(1 << 20):
                    selector.unregister(key.fileobj)
                    key.fileobj.close()


class Collectd:
    """It writes only below `directory`"""

    def __init__(self, directory, cgroup, what, port):
        self.what = what
        self.directory = directory
        self.cgroup = cgroup
        directory.mkdir()
        cgroup.mkdir()
        text = CONFIGURATION.format(
            directory=directory, interval=what.interval, stock=STOCK,
            global_options=what.global_options)
        if port:
            text += GRAPHITE.format(port=port)
        if what.plugin:
            home = {"cgroup_cpu": BUILD / ".libs", "cgroups": STOCK,
                    "dispatch_floor": BUILD / "tests/bench/.libs"}
            text += PLUGIN.format(name=what.plugin, options=what.options,
                                  directory=home[what.plugin])
        configuration = directory / "collectd.conf"
        configuration.write_text(text)
        enter = f"echo $$ >{cgroup}/cgroup.procs; ulimit -Sn 4096; exec \"$@\""
        with open(directory / "output", "w") as output:
            self.process = subprocess.Popen(
                ["sh", "-ec", enter, "sh", DAEMON, "-f", "-C", configuration],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    def usage(self):
        """The CPU time of the whole process and of the threads that read, in
        ms"""
        reading = 0
        for thread in Path(f"/proc/{self.process.pid}/task").iterdir():
            if (thread / "comm").read_text().startswith("reader"):
                schedstat = (thread / "schedstat").read_text()
                reading += int(schedstat.split()[0]) / 1e6
        return int((self.cgroup / "cpuacct.usage").read_text()) / 1e6, reading

    def memory(self):
        """The resident memory now, and the maximum, in MB"""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        fields = dict(line.split(":", 1) for line in status.splitlines())
        return [int(fields[name].split()[0]) / 1024
                for name in ("VmRSS", "VmHWM")]

    def series(self):
        """The number of series with a value in the last two intervals"""
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(self.directory / "socket"))
            client.sendall(b"LISTVAL\n")
            with client.makefile() as answers:
                count = int(answers.readline().split()[0])
                times = [float(answers.readline().split()[0])
                         for _ in range(count)]
        return sum(time.time() - value <= 2 * self.what.interval
                   for value in times)

    def fail(self):
        for name in ("output", "log"):
            if (log := self.directory / name).exists():
                sys.stderr.write(log.read_text())
        sys.exit(f"daemon_bench: trouble with collectd and {self.what.plugin}")

    def measurement(self, before, after, seconds):
        series = self.series()
        if (series == 0) != (self.what.plugin is None):
            self.fail()
        memory, peak = self.memory()
        cpu, reading = [(late - early) / seconds
                        for early, late in zip(before, after)]
        return SimpleNamespace(cpu=cpu, reading=reading, memory=memory,
                               values=series / self.what.interval, peak=peak)

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.cgroup.rmdir()
        shutil.rmtree(self.directory)


def busy_seconds():
    """The CPU time of the whole machine"""
    _, user, nice, system, _, _, *interrupts = (
        Path("/proc/stat").read_text().splitlines()[0].split())
    ticks = sum(map(int, [user, nice, system, *interrupts[:2]]))
    return ticks / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, mount, scratch, options):
        self.mount = mount
        self.scratch = scratch
        self.options = options
        self.port = Sink().port
        # Over all windows: the CPU time of everything except the daemons, and
        # the length.
        self.busy = 0
        self.seconds = 0

    def side_by_side(self, names, variants, port, warm_up, window):
        """One measurement of each, in daemons started for it"""
        start = time.monotonic()
        daemons = {}
        for number, name in enumerate(names):
            time.sleep(max(0, start + number / len(names) - time.monotonic()))
            daemons[name] = Collectd(
                self.scratch / str(number),
                self.mount / f"{NAME}.daemon{number}", variants[name], port)
        time.sleep(warm_up)
        self.check(daemons)
        begin = time.monotonic()
        busy = busy_seconds()
        before = {name: daemon.usage() for name, daemon in daemons.items()}
        time.sleep(begin + window - time.monotonic())
        after = {name: daemon.usage() for name, daemon in daemons.items()}
        self.busy += busy_seconds() - busy
        self.seconds += time.monotonic() - begin
        self.check(daemons)
        result = {name: daemon.measurement(before[name], after[name], window)
                  for name, daemon in daemons.items()}
        self.busy -= sum(one.cpu for one in result.values()) * window / 1000
        for daemon in daemons.values():
            daemon.process.terminate()
        for daemon in daemons.values():
            daemon.stop()
        return result

    @staticmethod
    def check(daemons):
        for daemon in daemons.values():
            if daemon.process.poll() is not None:
                daemon.fail()

    def measure(self, variants, port, warm_up, window):
        """Each round starts them in another order"""
        found = defaultdict(list)
        names = list(variants)
        for turn in range(self.options.rounds):
            order = names[turn % len(names):] + names[:turn % len(names)]
            for batch in [[n] for n in order] if self.options.alone else [order]:
                for name, measurement in self.side_by_side(
                        batch, variants, port, warm_up, window).items():
                    found[name].append(measurement)
        return {name: found[name] for name in names}


def middle(measurements, field):
    return median(getattr(one, field) for one in measurements)


def ratio(measurements, others):
    """The ratio within each round: a disturbance affects both"""
    return median(one.cpu / other.cpu
                  for one, other in zip(measurements, others))


def row(*cells):
    print("|", " | ".join(
        cell if isinstance(cell, str) else "–" if cell is None
        else f"{cell:.2f}" for cell in cells), "|", flush=True)


def costs(measurements):
    """The cells of a row"""
    cpu = middle(measurements, "cpu")
    values = middle(measurements, "values")
    all_cpu = [one.cpu for one in measurements]
    return (cpu, f"{min(all_cpu):.2f}–{max(all_cpu):.2f}",
            middle(measurements, "reading"), f"{values:.0f}",
            cpu / values * 1000 if values else None,
            f"{middle(measurements, 'memory'):.1f}",
            f"{middle(measurements, 'peak'):.1f}")


COSTS = ("CPU ms/s", "range", "of it reading", "values/s", "CPU μs/value",
         "RSS MB", "RSS peak MB")


def print_comparison(found, writer):
    peer = found["collectd's cgroups"]
    values = middle(peer, "values")
    for name, own in found.items():
        share = middle(own, "values") / values
        row(writer, name, *costs(own), ratio(own, found["hand over"]),
            ratio(own, peer) / share if share else None)


def print_aims(found, writer):
    own = found["cgroup_cpu"]
    peer = found["collectd's cgroups"]
    more = middle(own, "values") / middle(peer, "values")
    for text, value, most in (
            ("of collectd's cgroups, per value", ratio(own, peer) / more,
             AIM_PEER),
            ("of hand over and read", ratio(own, found["hand over and read"]),
             AIM_READ)):
        row(writer, f"CPU {text}", value, f"{most}",
            "yes" if value <= most else "no")


def compare(bench, writers, targets, window):
    found = {}
    kind = "idle" if bench.options.idle else "active"
    print(f"{COUNT} {kind} cgroups (v1), a pass each second, windows of {window} "
          f"s, medians of {bench.options.rounds}\n")
    row("writer", "plugin", *COSTS, "of hand over", "of cgroups, per value")
    print("|---|---" + "|--:" * (len(COSTS) + 2) + "|")
    for writer, port in writers.items():
        found[writer] = bench.measure(compared(targets), port, 5, window)
        print_comparison(found[writer], writer)
    print()
    row("writer", "aim of cgroup_cpu", "is", "at most", "met")
    print("|---|---|--:|--:|---|")
    for writer in writers:
        print_aims(found[writer], writer)


def compare_settings(bench, writers, window):
    print(f"\ncgroup_cpu with other settings, windows of {window} s\n")
    row("writer", "settings", *COSTS, "of the defaults")
    print("|---|---" + "|--:" * (len(COSTS) + 1) + "|")
    for writer, port in writers.items():
        # The second pass has the first rate.
        found = bench.measure(settings(), port, 12, window)
        for name, own in found.items():
            row(writer, name, *costs(own), ratio(own, found["defaults"]))


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true",
                        help="one round, short windows")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--idle", action="store_true",
                        help="the cgroups use no CPU meanwhile")
    parser.add_argument("--alone", action="store_true",
                        help="one daemon at a time: takes seven times as long")
    parser.add_argument("--writer", choices=("none", "write_graphite"),
                        help="only with this one")
    parser.add_argument("--table", choices=("plugins", "settings"),
                        help="only this one")
    options = parser.parse_args()
    if options.quick:
        options.rounds = 1
    return options


def main():
    options = parse_arguments()
    if os.geteuid() != 0 or not DAEMON or not STOCK:
        sys.exit("daemon_bench: needs root, and collectd")
    mount = find_mount()
    scratch = Path(tempfile.mkdtemp(prefix=f"{NAME}."))
    for ending in signal.SIGTERM, signal.SIGHUP:
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with cleaned_up(mount, scratch):
        targets = scratch / "targets"
        paths = plant(mount)
        list_targets(mount, paths, targets)
        bench = Bench(mount, scratch, options)
        writers = {"none": None, "write_graphite": bench.port}
        if options.writer:
            writers = {options.writer: writers[options.writer]}
        with using_cpu(mount, paths, options.idle):
            if options.table != "settings":
                compare(bench, writers, targets, 10 if options.quick else 30)
            if options.table != "plugins":
                compare_settings(bench, writers, 10 if options.quick else 20)
        share = bench.busy / bench.seconds / os.cpu_count()
        print(f"\nAll else on the machine used {share:.0%} of its CPUs.")


if __name__ == "__main__":
    main()
