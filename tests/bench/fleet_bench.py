#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures how many hosts one receiving collectd takes, and what that and the
stores behind it cost.

A collectd with the plugin reads 100 real cgroups and sends them as
fleet_sender.conf says. The packets of one pass are recorded, and played as those of
many hosts, each every ten seconds, to a collectd with fleet_receiver.conf and the
example for a store. Sent and stored values are counted, the latter by the
stores. It needs root.
"""
import argparse
import contextlib
import ctypes
import multiprocessing
import os
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

import daemon_bench
from daemons import BUILD, COLLECTD, LOOPBACK, STOCK, free_port
from fleet_packets import SECOND, Security, Template, value_lists
from fleet_stores import (STORES, Collectd, example, examples, fail,
                          wait_until)

CGROUPS = 100
INTERVAL = 10
RECORDED = "host00000.example.com"
USER, PASSWORD = "fleet", "change-me"
# Of the example fleet_receiver.conf.
BUFFER = 33554432
# Of what the receiver says of itself, in seconds.
PERIOD = 3
# It says nothing while its queue is full of values whose files have to be made.
SILENT = 900
# Per counter and interval, in microseconds.
INCREASE = 1_000_000
SYS_PIDFD_GETFD = 438
SO_RCVBUFFORCE = 33
STATISTICS = """\
<Plugin network>
  Server "{address}" "{port}"
</Plugin>
"""


class Listener(threading.Thread):
    """Keeps the packets that arrive"""

    def __init__(self):
        super().__init__(daemon=True)
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.bind((LOOPBACK, 0))
        self.port = self.socket.getsockname()[1]
        self.packets = []
        self.start()

    def run(self):
        while True:
            self.packets.append(self.socket.recv(65536))

    def settled(self):
        """How many there are, once no more arrive for a fifth of a second"""
        while True:
            count = len(self.packets)
            time.sleep(0.2)
            if count == len(self.packets):
                return count


def record(mount, scratch, security):
    """The packets of one pass of the real plugin"""
    root = mount / daemon_bench.NAME
    leaves = root / "system.slice"
    for path in [root, leaves] + [leaves / f"app-{number:03}.service"
                                  for number in range(CGROUPS - 2)]:
        path.mkdir()
    listener = Listener()
    sender = Collectd(scratch / "recorded", RECORDED, example(
        "fleet_sender",
        server=('Server "collectd.example.com" "25826"',
                f'Server "{LOOPBACK}" "{listener.port}"'),
        internal=("CollectInternalStats true\n", ""),
        plugin=("LoadPlugin cgroup_cpu\n",
                f'PluginDir "{BUILD}/.libs"\n'
                "LoadPlugin cgroup_cpu\n"
                f'<Plugin cgroup_cpu>\n  Root "{root}"\n</Plugin>\n'
                f'PluginDir "{STOCK}"\n')), 1)
    try:
        sender.wait()
        for _ in range(10):
            # Between two passes nothing is sent, and a flush ends a packet.
            begin = listener.settled()
            sender.flush()
            begin = listener.settled()
            wait_until(lambda: len(listener.packets) > begin, 10, "a pass")
            end = listener.settled()
            sender.flush()
            end = listener.settled()
            packets = [security.decrypt(packet)
                       for packet in listener.packets[begin:end]]
            lists = [one for packet in packets for one in value_lists(packet)]
            if (len(lists) == 2 * CGROUPS
                    and len({one.time for one in lists}) == 1):
                return [Template(packet) for packet in packets]
        fail(f"no pass of {2 * CGROUPS} values was recorded: {len(lists)}")
    finally:
        sender.stop()


def play(templates, security, address, hosts, passes, first, spread, pipe):
    """Plays that many passes of that many hosts, which send one after the other
    within `spread` seconds of the ten. Puts the values and packets sent and the
    greatest delay into the pipe."""
    with contextlib.suppress(OSError):
        os.nice(-10)
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(address)
    begin = time.time()
    sent = packets = 0
    delay = 0
    for number in range(passes * hosts):
        turn, host = divmod(number, hosts)
        due = begin + INTERVAL * turn + spread * host / hosts
        now = time.time()
        if due > now:
            time.sleep(due - now)
        delay = max(delay, time.time() - due)
        name = f"host{host:05}.example.com".encode()
        for template in templates:
            sender.send(security.encrypt(template.play(
                name, int(due * SECOND), INTERVAL * SECOND,
                INCREASE * (first + turn))))
            sent += template.count
            packets += 1
    rest = begin + INTERVAL * passes - time.time()
    if rest > 0:
        time.sleep(rest)
    pipe.send((sent, packets, delay))


class Receiver:
    """collectd, its store, and what both say of themselves"""

    def __init__(self, scratch, store, buffer):
        self.port = free_port(socket.SOCK_DGRAM)
        self.store = store
        self.listener = Listener()
        passwords = scratch / "passwd"
        passwords.write_text(examples.other_side("fleet_receiver"))
        self.text = (
            store.configuration()
            + example("fleet_receiver",
                      listen=('<Listen "0.0.0.0" "25826">',
                              f'<Listen "{LOOPBACK}" "{self.port}">'),
                      file=('"/etc/collectd/fleet.passwd"', f'"{passwords}"'))
            + STATISTICS.format(address=LOOPBACK, port=self.listener.port))
        wait_until(lambda: store.check() or store.ready(), 60,
                   "the start of the store")
        self.collectd = Collectd(scratch / "receiver", "receiver", self.text,
                                 PERIOD)
        self.collectd.wait()
        wait_until(lambda: self.socket_line(), 10, "the socket of collectd")
        if buffer:
            set_buffer(self.collectd.pid, self.inode(), buffer)

    def socket_line(self):
        for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
            words = line.split()
            if words[1].endswith(f":{self.port:04X}"):
                return words
        return None

    def inode(self):
        return self.socket_line()[9]

    def processes(self):
        return [self.collectd, *self.store.processes]

    def own(self):
        """The value lists of collectd itself until now"""
        self.collectd.flush()
        self.listener.settled()
        return [one for packet in list(self.listener.packets)
                for one in value_lists(packet)]

    def wait_for_own(self):
        """Until collectd has just said something of itself. Nothing else comes for
        nearly PERIOD then, once the fleet is silent."""
        count = len(self.own())
        wait_until(lambda: len(self.own()) > count, SILENT,
                   "a sign of life of collectd")

    def said(self):
        """What collectd says of itself, and how many values that were"""
        own = self.own()
        latest = {(one.plugin, one.plugin_instance, one.type,
                   one.type_instance): one.values[0] for one in own}
        return SimpleNamespace(
            dispatched=sum(value for key, value in latest.items() if key[2:] == (
                "total_values", "dispatch-accepted")),
            dropped=sum(value for key, value in latest.items()
                        if key[2:] == ("derive", "dropped")),
            own=self.store.own(own))

    def counts(self):
        """Of everything from the fleet until now, once nothing waits any
        more"""
        before = now = None
        for _ in range(40):
            self.wait_for_own()
            # carbon counts by the second.
            time.sleep(PERIOD / 2)
            said = self.said()
            stored = self.store.received()
            now = said.dispatched if stored is None else stored - said.own
            if now == before:
                break
            before = now
        return SimpleNamespace(stored=now, kernel=int(self.socket_line()[12]),
                               dropped=said.dropped)

    def stop(self):
        self.collectd.stop()
        self.store.stop()


def set_buffer(pid, inode, size):
    """Of the socket in another process, as if rmem_default were this"""
    libc = ctypes.CDLL(None, use_errno=True)
    for link in Path(f"/proc/{pid}/fd").iterdir():
        if os.readlink(link) == f"socket:[{inode}]":
            process = os.pidfd_open(pid)
            number = libc.syscall(SYS_PIDFD_GETFD, process, int(link.name), 0)
            if number < 0:
                fail(f"pidfd_getfd: {os.strerror(ctypes.get_errno())}")
            with socket.socket(fileno=number) as shared:
                # The kernel doubles it.
                shared.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE,
                                  size // 2)
            os.close(process)


class Bench:
    def __init__(self, scratch, templates, security, options):
        self.scratch = scratch
        self.templates = templates
        self.security = security
        self.options = options
        self.delay = 0

    def play(self, receiver, hosts, passes, first):
        reading, writing = multiprocessing.Pipe(False)
        player = multiprocessing.Process(daemon=True, target=play, args=(
            self.templates, self.security, (LOOPBACK, receiver.port), hosts,
            passes, first, self.options.spread, writing))
        player.start()
        writing.close()
        sent, packets, delay = reading.recv()
        player.join()
        self.delay = max(self.delay, delay)
        return sent, packets

    def measure(self, kind, hosts):
        """One round. The first pass, in which stores make their files, does not
        count."""
        directory = Path(tempfile.mkdtemp(dir=self.scratch))
        store = STORES[kind](directory / "store")
        receiver = Receiver(directory, store, self.options.buffer)
        try:
            self.play(receiver, hosts, 1, 0)
            before = receiver.counts()
            passes = self.options.seconds // INTERVAL
            cpu = [process.cpu() for process in receiver.processes()]
            begin = time.monotonic()
            sent, packets = self.play(receiver, hosts, passes, 1)
            seconds = time.monotonic() - begin
            cpu = [(process.cpu() - then) / seconds for process, then
                   in zip(receiver.processes(), cpu)]
            memory = [process.memory() for process in receiver.processes()]
            after = receiver.counts()
            for process in receiver.processes():
                process.check()
        finally:
            receiver.stop()
            shutil.rmtree(directory)
        return SimpleNamespace(
            sent=sent, stored=after.stored - before.stored,
            lost=100 * (1 - (after.stored - before.stored) / sent),
            kernel=after.kernel - before.kernel,
            dropped=after.dropped - before.dropped, packets=packets,
            cpu=cpu[0], memory=memory[0], store_cpu=sum(cpu[1:]),
            store_memory=sum(memory[1:]), rate=sent / seconds)


def middle(rounds, field, digits):
    """The median, and the range if there is one"""
    values = [getattr(one, field) for one in rounds]
    least, most = f"{min(values):.{digits}f}", f"{max(values):.{digits}f}"
    spread = "" if least == most else f" ({least}–{most})"
    return f"{median(values):.{digits}f}{spread}"


HEAD = ("store", "hosts", "values/s", "sent", "stored", "lost %",
        "packets dropped by the kernel", "values dropped by the queue",
        "collectd CPU ms/s", "RSS MB", "store CPU ms/s", "RSS MB")


def print_row(kind, hosts, rounds):
    cells = [kind, str(hosts), *(
        middle(rounds, field, digits) for field, digits in (
            ("rate", 0), ("sent", 0), ("stored", 0), ("lost", 2),
            ("kernel", 0), ("dropped", 0), ("cpu", 0), ("memory", 0)))]
    cells += [middle(rounds, field, 0) if kind != "none" else "–"
              for field in ("store_cpu", "store_memory")]
    print("|", " | ".join(cells), "|", flush=True)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=30,
                        help="of each measurement, a multiple of ten")
    parser.add_argument("--hosts", default="100,300,1000",
                        help="how many, separated by commas")
    parser.add_argument("--stores", default=",".join(STORES),
                        help=f"some of: {', '.join(STORES)}")
    parser.add_argument("--buffer", type=int, default=BUFFER,
                        help="bytes for packets that wait for collectd; 0: as "
                             "this machine has it")
    parser.add_argument("--spread", type=float, default=INTERVAL,
                        help="seconds of the ten within which all hosts send")
    parser.add_argument("--scratch", default=None,
                        help="a directory for the stores' files: with 1000 "
                             "hosts, up to 40 GB")
    options = parser.parse_args()
    options.hosts = [int(number) for number in options.hosts.split(",")]
    options.stores = options.stores.split(",")
    for name in options.stores:
        if name not in STORES:
            parser.error(f"unknown store {name}")
    if options.seconds < INTERVAL or options.seconds % INTERVAL:
        parser.error("--seconds must be a multiple of ten")
    return options


def main():
    options = parse_arguments()
    if os.geteuid() != 0 or not COLLECTD or not STOCK:
        fail("needs root, and collectd")
    mount = daemon_bench.find_mount()
    scratch = Path(tempfile.mkdtemp(prefix="fleet.", dir=options.scratch))
    for ending in signal.SIGTERM, signal.SIGHUP:
        signal.signal(ending, lambda number, _: sys.exit(128 + number))
    with daemon_bench.cleaned_up(mount, scratch):
        security = Security(USER, PASSWORD)
        templates = record(mount, scratch, security)
        daemon_bench.remove_cgroups(mount)
        bench = Bench(scratch, templates, security, options)
        size = sum(len(security.encrypt(one.packet)) for one in templates)
        print(f"{CGROUPS} cgroups on each host, every {INTERVAL} s: "
              f"{len(templates)} encrypted packets with {size} bytes. Windows of "
              f"{options.seconds} s, medians of {options.rounds}. Machine with "
              f"{os.cpu_count()} CPUs\n")
        print("|", " | ".join(HEAD), "|")
        print("|---" + "|--:" * (len(HEAD) - 1) + "|")
        for kind in options.stores:
            for hosts in options.hosts:
                print_row(kind, hosts, [bench.measure(kind, hosts) for _
                                        in range(options.rounds)])
        print(f"\nNo packet was sent more than {1000 * bench.delay:.0f} ms late.")


if __name__ == "__main__":
    main()
