#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Compares what all of collectd uses with the plugin, with collectd's own
plugin for cgroups, with a plugin that only dispatches values, and with none,
and with Netdata if it is installed.

It uses real cgroups (v1), which all use some CPU in each interval, or none if
they are to be idle. Each daemon has a cgroup of its own, whose counter is
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
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from types import SimpleNamespace

from daemons import COLLECTD, NETDATA, STOCK, Collectd, Netdata

NAME = f"cgroup_cpu_bench.{os.getpid()}"
LEAF = f"bench{os.getpid()}-"
LEAVES = 100
COUNT = 1000
MANY = 10000
# The most that is allowed: of a plugin that only reads and dispatches, of
# collectd's own, of Netdata; and of a core, in ms/s, with many cgroups and
# values each ten seconds.
AIM_READ = 1.15
AIM_PEER = 0.2
AIM_NETDATA = 0.6
AIM_MANY = 10


def variant(name, plugin=None, options="", interval=1, global_options="",
            kind=Collectd, least=COUNT):
    """`least`: the series that it must have; 0: none"""
    return SimpleNamespace(name=name, plugin=plugin, options=options,
                           interval=interval, global_options=global_options,
                           kind=kind, least=least)


def ours(name, selected=".group*", more="", **settings):
    """By default with what they are in, as without CGroup"""
    return variant(name, "cgroup_cpu", f'CGroup "/{NAME}{selected}"\n{more}',
                   **settings)


def floor(name, targets, more=""):
    return variant(name, "dispatch_floor", f'Cgroups "{targets}"\n{more}')


def compared(targets):
    variants = [
        ours("cgroup_cpu"),
        ours("cgroup_cpu with metadata", more="Metadata true"),
        variant("collectd's cgroups", "cgroups", f'CGroup "/^{LEAF}/"'),
        floor("hand over", targets),
        floor("hand over with metadata", targets, "Metadata true"),
        floor("hand over and read", targets, "Read true"),
        variant("no plugin", least=0),
    ]
    if NETDATA:
        variants.append(variant("Netdata", options=f"*{LEAF}*", kind=Netdata))
    return variants


def settings():
    return [
        ours("defaults"),
        ours("`WriteThreads 1`", global_options="WriteThreads 1"),
        ours("`Interval 10`", interval=10),
        ours("`LeavesOnly true`", more="LeavesOnly true"),
        ours("`CGroup` selects 10 %", ".group0.slice/*", least=LEAVES),
        ours("`KeepOpen 0`", more="KeepOpen 0"),
        ours("`Metadata true`", more="Metadata true"),
        ours("`ReportMillicores false`", more="ReportMillicores false"),
        ours("`ReportCounter false`", more="ReportCounter false"),
        ours("`PeakInterval 0.1`", more="PeakInterval 0.1"),
        ours("`ReportAll true`", more="ReportAll true"),
    ]


def many():
    """With room for those of the machine as well"""
    more = f"MaxCgroups {2 * MANY}"
    return [
        ours("defaults", more=more, interval=10, least=2 * MANY),
        ours("`WriteThreads 1`", more=more, interval=10, least=2 * MANY,
             global_options="WriteThreads 1"),
    ]


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


def plant(mount, count, already=0):
    """The paths of the reported cgroups, similar to many units of systemd"""
    paths = []
    for group in range(already // LEAVES, count // LEAVES):
        parent = f"{NAME}.group{group}.slice"
        (mount / parent).mkdir()
        for leaf in range(LEAVES):
            paths.append(f"{parent}/{LEAF}{group * LEAVES + leaf:05}.service")
            (mount / paths[-1]).mkdir()
    return paths


@contextlib.contextmanager
def using_cpu(mount, paths, interval, idle):
    """Lets each cgroup use some CPU, once per interval or, if they are to be
    idle afterwards, once"""
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
            time.sleep(max(0, begin + interval - time.monotonic()))
    if idle:
        os.waitpid(child, 0)
    try:
        yield
    finally:
        if not idle:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def list_targets(mount, paths, target):
    """The cgroups and their parents, with the names that cgroup_cpu gives them"""
    paths = sorted({*paths, *(path.rsplit("/", 1)[0] for path in paths)})
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

    def side_by_side(self, variants, port, warm_up, window):
        """One measurement of each, in daemons started for it"""
        start = time.monotonic()
        daemons = {}
        for number, what in enumerate(variants):
            time.sleep(max(0, start + number * what.interval / len(variants) -
                           time.monotonic()))
            daemons[what.name] = what.kind(
                self.scratch / str(number),
                self.mount / f"{NAME}.daemon{number}", what, port)
        time.sleep(warm_up)
        for daemon in daemons.values():
            daemon.check()
        begin = time.monotonic()
        busy = busy_seconds()
        before = {name: daemon.usage() for name, daemon in daemons.items()}
        time.sleep(begin + window - time.monotonic())
        after = {name: daemon.usage() for name, daemon in daemons.items()}
        self.busy += busy_seconds() - busy
        self.seconds += time.monotonic() - begin
        for daemon in daemons.values():
            daemon.check()
        result = {name: daemon.measurement(before[name], after[name], window)
                  for name, daemon in daemons.items()}
        self.busy -= sum(one.cpu for one in result.values()) * window / 1000
        for daemon in daemons.values():
            daemon.process.terminate()
        for daemon in daemons.values():
            daemon.stop()
        return result

    def measure(self, variants, port, warm_up, window):
        """Each round starts them in another order"""
        found = {what.name: [] for what in variants}
        for turn in range(self.options.rounds):
            first = turn % len(variants)
            order = variants[first:] + variants[:first]
            for batch in [[n] for n in order] if self.options.alone else [order]:
                for name, measurement in self.side_by_side(
                        batch, port, warm_up, window).items():
                    found[name].append(measurement)
        return found


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


def print_aim(writer, text, value, most):
    row(writer, text, value, f"{most}", "yes" if value <= most else "no")


def begin_aims():
    print()
    row("writer", "aim of cgroup_cpu", "is", "at most", "met")
    print("|---|---|--:|--:|---|")


def print_aims(found, writer):
    own = found["cgroup_cpu"]
    peer = found["collectd's cgroups"]
    more = middle(own, "values") / middle(peer, "values")
    print_aim(writer, "CPU of collectd's cgroups, per value",
              ratio(own, peer) / more, AIM_PEER)
    print_aim(writer, "CPU of hand over and read",
              ratio(own, found["hand over and read"]), AIM_READ)
    if "Netdata" in found:
        print_aim(writer, "CPU of Netdata", ratio(own, found["Netdata"]),
                  AIM_NETDATA)


def compare(bench, writers, targets, window):
    found = {}
    print(f"{COUNT} {bench.options.kind} cgroups (v1), a pass each second, "
          f"windows of {window} s, medians of {bench.options.rounds}\n")
    row("writer", "plugin", *COSTS, "of hand over", "of cgroups, per value")
    print("|---|---" + "|--:" * (len(COSTS) + 2) + "|")
    for writer, port in writers.items():
        # Netdata needs that long until it has all charts.
        found[writer] = bench.measure(compared(targets), port,
                                      30 if NETDATA else 5, window)
        print_comparison(found[writer], writer)
    begin_aims()
    for writer in writers:
        print_aims(found[writer], writer)


def compare_settings(bench, writers, variants, window):
    row("writer", "settings", *COSTS, "of the defaults")
    print("|---|---" + "|--:" * (len(COSTS) + 1) + "|")
    for writer, port in writers.items():
        # The second pass has the first rate.
        found = bench.measure(variants, port, 12, window)
        for name, own in found.items():
            row(writer, name, *costs(own), ratio(own, found["defaults"]))
    return found


def compare_many(bench, writers, window):
    print(f"\n{MANY} {bench.options.kind} cgroups (v1), a pass each ten seconds,"
          f" windows of {window} s\n")
    found = compare_settings(bench, writers, many(), window)
    begin_aims()
    for name, own in found.items():
        print_aim(list(writers)[-1], f"{name}: ms/s of a core",
                  middle(own, "cpu"), AIM_MANY)


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
    parser.add_argument("--table", choices=("plugins", "settings", "many"),
                        help="only this one")
    options = parser.parse_args()
    options.kind = "idle" if options.idle else "active"
    if options.quick:
        options.rounds = 1
    return options


def run_tables(bench, options, paths):
    """The many cgroups come last: others would have to look through them"""
    writers = {"none": None, "write_graphite": bench.port}
    quick = options.quick
    targets = bench.scratch / "targets"
    list_targets(bench.mount, paths, targets)
    if options.writer:
        writers = {options.writer: writers[options.writer]}
    with using_cpu(bench.mount, paths, 1, options.idle):
        if options.table in (None, "plugins"):
            compare(bench, writers, targets, 10 if quick else 30)
        if options.table in (None, "settings"):
            window = 10 if quick else 20
            print(f"\ncgroup_cpu with other settings, windows of {window} s\n")
            compare_settings(bench, writers, settings(), window)
    if options.table in (None, "many"):
        paths += plant(bench.mount, MANY, len(paths))
        with using_cpu(bench.mount, paths, 10, options.idle):
            compare_many(bench, writers, 20 if quick else 60)


def main():
    options = parse_arguments()
    if os.geteuid() != 0 or not COLLECTD or not STOCK:
        sys.exit("daemon_bench: needs root, and collectd")
    mount = find_mount()
    scratch = Path(tempfile.mkdtemp(prefix=f"{NAME}."))
    for ending in signal.SIGTERM, signal.SIGHUP:
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with cleaned_up(mount, scratch):
        bench = Bench(mount, scratch, options)
        run_tables(bench, options, plant(mount, COUNT))
        share = bench.busy / bench.seconds / os.cpu_count()
        print(f"\nAll else on the machine used {share:.0%} of its CPUs.")


if __name__ == "__main__":
    main()
