# SPDX-License-Identifier: MIT
"""Runs in a guest with systemd: installs the Debian package on a system with
collectd, and keeps the results, with Debian's unit and with collectd's own."""
import subprocess
import sys
import time
from pathlib import Path

from waiting import wait_until

SECONDS = 120
CSV = Path("/var/lib/collectd/csv")
SERVICES = Path("/sys/fs/cgroup/system.slice")
MILLICORES = "cgroup_cpu-*/gauge-millicores-*"


def run(*command):
    return subprocess.run(command, check=True, text=True,
                          stdout=subprocess.PIPE).stdout


def process():
    return run("systemctl", "show", "--value", "-p", "MainPID", "collectd")


def passes():
    """Complete lines after the heading, in the file with the most"""
    return max((path.read_text().count("\n") - 1
                for path in CSV.glob(f"*/{MILLICORES}")), default=0)


def watch(results):
    """The result of a restart. While collectd runs, its directory cannot be
    removed: it would write there again."""
    results.mkdir()
    since = time.time()
    run("systemctl", "stop", "collectd")
    run("rm", "-rf", CSV)
    services = {path.name for path in SERVICES.glob("*.service")}
    run("systemctl", "start", "collectd")
    (results / "started").write_text(repr(time.time()))
    wait_until(lambda: passes() >= 2, SECONDS,
               lambda: run("journalctl", "-u", "collectd"))
    services &= {path.name for path in SERVICES.glob("*.service")}
    (results / "services").write_text("\n".join(sorted(services)))
    (results / "status").write_text(run(
        "systemctl", "show", "-p", "ActiveState,SubState,NRestarts",
        "collectd"))
    (results / "process").write_text(
        Path("/proc", process().strip(), "status").read_text())
    (results / "journal").write_text(run(
        "journalctl", "-u", "collectd", "-o", "cat", f"--since=@{since:.6f}"))
    run("cp", "-r", CSV, results / "csv")


def main(results):
    run("cp", "collectd.conf", "/etc/collectd")
    run("systemctl", "start", "collectd")
    before = process()
    (results / "dpkg").write_text(run("dpkg", "-i", "package.deb"))
    (results / "restarted").write_text(f"{before}{process()}")
    watch(results / "debian")
    run("cp", "collectd.service", "/etc/systemd/system")
    run("systemctl", "daemon-reload")
    watch(results / "upstream")
    run("systemctl", "stop", "collectd")
    run("rm", "/etc/systemd/system/collectd.service")
    run("dpkg", "--purge", run("dpkg-deb", "--field", "package.deb",
                               "Package").strip())


main(Path(sys.argv[1]))
