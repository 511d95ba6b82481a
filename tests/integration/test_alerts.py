# SPDX-License-Identifier: MIT
"""Whoever is woken is woken by the right one: the alerts and notifications for a
cgroup that is really throttled, and none for one that only looks like it."""
import contextlib
import datetime
import itertools
import re
import shutil
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

import alerting
import examples
from cgroups import Cgroup, controller, require_both, with_cpu
from daemon import Collectd
from network import Network
from precedence import FIRST
from sinks import plugin
from waiting import wait_until

ONE = "one.example.com"
QUOTA, WANTED = 200, 600
# 65 milliseconds of CPU time in a row, once a second: three times what the quota
# allows in a period
BURSTS = """
import time
for _ in range(300):
    end = time.process_time() + 0.065
    while time.process_time() < end:
        pass
    time.sleep(1 - time.time() % 1)
"""
# Instead of logger(1), for the program of the example
LOGGER = """#!/bin/sh
printf '%s\\n' "$3" >>{}
"""
CASES = ["alert_cases.yml", "alert_cases_week.yml"]
LOADS = pytest.mark.xdist_group("small loads")


@pytest.mark.skipif(not shutil.which("promtool"), reason="needs prometheus")
@pytest.mark.parametrize("name", CASES)
def test_cases(name):
    subprocess.run(["promtool", "test", "rules", name], check=True,
                   cwd=Path(__file__).parent)


def alerts():
    return re.findall(r"(?m)^ +- alert: (\w+)$", alerting.RULES.read_text())


def test_each_alert_has_cases_and_a_paragraph():
    cases = "".join((Path(__file__).parent / name).read_text()
                    for name in CASES)
    readme = (alerting.DIRECTORY / "README.md").read_text()
    assert len(alerts()) == 6
    for alert in alerts():
        assert f"\n## {alert}\n" in readme
        assert f"runbook: /usr/share/collectd-cgroup_cpu/alerts/README.md#{alert.lower()}\n" in cases
        # Both that it fires and that it does not
        assert re.search(f"alertname: {alert}\n +exp_alerts", cases)
        assert re.search(f"alertname: {alert}\n(?! +exp_alerts)", cases)


class Watched:
    """Cgroups on v1, a collectd, Prometheus and Alertmanager. The pod has the quota,
    and its app the load."""

    def __init__(self, directory, stack):
        self.stack = stack
        self.directory = directory
        self.place = Path(stack.enter_context(
            tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.")))
        self.make_cgroups()
        self.network = stack.enter_context(
            Network(directory / "network", {ONE: None}))
        hub = self.network.hub
        self.alertmanager = alerting.Alertmanager(hub)
        stack.enter_context(self.alertmanager.receiver)
        self.alertmanager.start()
        self.prometheus = alerting.Prometheus(hub).start()
        for server in (self.alertmanager, self.prometheus):
            hub.wait_for(server.is_ready, 60)
        self.collectd = stack.enter_context(Collectd(
            directory / "collectd", host=ONE, include=self.configurations(),
            options=f'Root "{self.root.directory("v1")}"'))
        self.collectd.start([*FIRST, *hub.prefix],
                            PATH=f"{self.place}:/usr/sbin:/usr/bin:/sbin:/bin")

    def make_cgroups(self):
        self.cpu = controller("cpu")
        self.root = self.stack.enter_context(
            Cgroup(with_cpu({"v1": require_both()["v1"]})))
        # Other work on the machine must not affect the test.
        (self.cpu / self.root.path / "cpu.shares").write_text("262144")
        self.throttled, self.bursty, self.pod, self.idle = (
            self.root.child(name)
            for name in ("throttled", "bursty", "pod", "idle"))
        for cgroup in (self.throttled, self.bursty, self.pod):
            self.set_quota(cgroup, QUOTA)
        self.app = self.pod.child("app")

    def set_quota(self, cgroup, millicores):
        (self.cpu / cgroup.path / "cpu.cfs_quota_us").write_text(
            str(millicores * 100))

    def configurations(self):
        """That of the example, with its own program for notifications, which an
        ordinary user can run here"""
        program = self.place / "cgroup_cpu_alert"
        program.write_text(examples.changed(
            examples.other_side("threshold"),
            ("/var/lib/cgroup_cpu_alert", f"{self.place}/open")))
        self.notifications = self.place / "notifications"
        (self.place / "logger").write_text(LOGGER.format(self.notifications))
        for file in (program, self.place / "logger"):
            file.chmod(0o755)
        self.place.chmod(0o777)
        text = alerting.short_threshold()
        changed = self.directory / "threshold.conf"
        changed.write_text(text + examples.changed(
            alerting.switched_on("exec", text),
            ("/usr/local/bin/cgroup_cpu_alert", str(program))))
        return [changed, examples.path("write_prometheus")]

    def load(self):
        for cgroup in (self.throttled, self.app):
            cgroup.use(WANTED)
        self.bursty.start(sys.executable, "-c", BURSTS)

    def notified(self):
        """{(cgroup, value): severities in their order}"""
        found = {}
        for line in (self.notifications.read_text().splitlines()
                     if self.notifications.exists() else []):
            severity, cgroup, value = re.fullmatch(
                rf"(\w+): Host {ONE}, plugin cgroup_cpu \(instance (\S+)\) type "
                r"percent \(instance (\w+)\): .*", line).groups()
            found.setdefault((cgroup, value), []).append(severity)
        return found

    def wait_for(self, condition, seconds=60):
        return self.collectd.wait_for(condition, seconds)

    def cgroups(self):
        return {path.name.split("-", 1)[1] for path in
                self.collectd.directory.glob(f"csv/{ONE}/cgroup_cpu-*")}

    def values(self, cgroup, kind):
        return self.collectd.series("cgroup_cpu", cgroup, kind)


# All that may be sent. The pod is itself at its limit, with its app.
THROTTLED = ("CgroupThrottled", "throttled")
HELD_BACK = ("CgroupThrottledByAncestor", "pod_app")
POD = ("CgroupThrottled", "pod")
NOTIFIED = ("throttled", "throttled_periods")


@pytest.fixture(scope="module")
def watched(tmp_path_factory):
    """What came, in this order: all are idle, then throttled, then one has its
    quota raised, and then collectd ends"""
    with contextlib.ExitStack() as stack:
        watched = Watched(tmp_path_factory.mktemp("alerts"), stack)
        watched.collectd.wait_for_samples(3)
        watched.before = watched.prometheus.alerts()
        watched.load()
        watched.wait_for(
            lambda: watched.alertmanager.received().keys() >= wanted(watched)
            and NOTIFIED in watched.notified())
        # A little longer, for those that must not come
        watched.collectd.wait_for_samples(len(watched.collectd.usage()) + 3)
        watched.during = watched.prometheus.alerts()
        watched.set_quota(watched.throttled, 2 * WANTED)
        watched.wait_for(
            lambda: THROTTLED in watched.alertmanager.received("resolved")
            and watched.notified()[NOTIFIED][-1] == "OKAY")
        watched.collectd.stop()
        wait_until(lambda: UNREPORTED in watched.alertmanager.received(), 60,
                   watched.network.hub.log)
        yield watched


UNREPORTED = ("CgroupCpuUnreported", "_plugin")


def wanted(watched):
    """Linux before 6.6 does not tell who is held back by others"""
    local = watched.cpu / watched.app.path / "cpu.stat.local"
    return {THROTTLED, POD, *([HELD_BACK] if local.exists() else [])}


@LOADS
def test_what_is_throttled_arrives(watched):
    """Through Prometheus and Alertmanager, in the time that the rules say: a
    window, and as long again, counted in values. One more on either side is that
    of the fetch, and one that of the evaluation."""
    received = watched.alertmanager.received()
    throttled = [moment for moment, percent in watched.values(
        "throttled", "percent-throttled_periods") if percent > 25]
    for alert in wanted(watched):
        began = datetime.datetime.fromisoformat(
            received[alert]["startsAt"][:26].rstrip("Z") + "+00:00").timestamp()
        passed = sum(moment <= began for moment in throttled)
        assert alerting.FOR <= passed <= alerting.WINDOW + alerting.FOR + 4
        assert received[alert]["labels"]["instance"] == ONE
        assert received[alert]["labels"]["severity"] == "warning"
    assert "is throttled at its limit" in received[THROTTLED][
        "annotations"]["summary"]


@LOADS
def test_nothing_else_arrives(watched):
    """Neither of the idle one nor of the one with bursts, which is throttled in
    many of its periods"""
    assert watched.cgroups() == {
        "root", "throttled", "bursty", "pod", "pod_app", "idle", "_plugin"}
    assert not watched.before
    assert watched.during == wanted(watched)
    assert watched.alertmanager.received().keys() == {
        *wanted(watched), UNREPORTED}
    periods, throttled, of_limit = (
        watched.values("bursty", kind) for kind in (
            "derive-nr_periods", "derive-nr_throttled", "percent-of_limit"))
    share = ((throttled[-1][1] - throttled[0][1])
             / (periods[-1][1] - periods[0][1]))
    assert share > 0.25
    assert sum(value for _, value in of_limit) / len(of_limit) < 40


@LOADS
def test_notifications(watched):
    """The program of the example passes on no OKAY at first sight. Where the machine
    itself stands still, nothing is throttled, which can be a pause between two."""
    found = watched.notified()
    percents = [value for _, value in watched.values(
        "throttled", "percent-throttled_periods")]
    lengths = [len(list(values)) for high, values in itertools.groupby(
        percents, lambda value: value > 75) if high]
    warnings = sum(length > alerting.HITS for length in lengths)
    assert warnings and found[NOTIFIED] == ["WARNING", "OKAY"] * warnings
    assert {cgroup for cgroup, _ in found} <= {"throttled", "pod", "pod_app"}
    assert watched.collectd.log.count("severity = OKAY") > len(
        watched.cgroups())
    # So many values in a row were too high.
    assert sum(value > 75 for value in percents) >= alerting.HITS + 2


@LOADS
def test_a_host_that_falls_silent(watched):
    alert = watched.alertmanager.received()[UNREPORTED]
    assert alert["labels"]["severity"] == "critical"
    assert alert["labels"]["instance"] == ONE


class Mail(socketserver.StreamRequestHandler):
    """A server for mail that takes everything"""

    def handle(self):
        self.answer("220 mail")
        for line in self.rfile:
            if line.upper().startswith(b"DATA"):
                self.answer("354 go on")
                self.server.mails.append(b"".join(
                    iter(self.rfile.readline, b".\r\n")).decode())
            if line.upper().startswith(b"QUIT"):
                self.answer("221 bye")
                return
            self.answer("250 ok")

    def answer(self, text):
        self.wfile.write(f"{text}\r\n".encode())


@pytest.fixture
def mail_server():
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Mail) as server:
        server.daemon_threads = True
        server.mails = []
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_mail(tmp_path, mail_server):
    """As the example says, with values from a test"""
    text = alerting.short_threshold()
    options = examples.changed(
        alerting.switched_on("notify_email", text).split("\n", 1)[1],
        ("SMTPPort 25", f"SMTPPort {mail_server.server_address[1]}"))
    (tmp_path / "threshold.conf").write_text(
        "LoadPlugin threshold" + text.split("\nLoadPlugin threshold")[1])
    control = tmp_path / "socket"
    with Collectd(tmp_path / "collectd", None, host=ONE, beside=[
            f"notify_email\n{options}",
            plugin("unixsock", f'SocketFile "{control}"\nSocketGroup "root"')],
            include=[tmp_path / "threshold.conf"]) as collectd:
        collectd.start()
        collectd.wait_for(control.exists)
        with socket.socket(socket.AF_UNIX) as sender:
            sender.connect(str(control))
            with sender.makefile("rw") as stream:
                for _ in range(alerting.HITS + 2):
                    stream.write(f'PUTVAL "{ONE}/cgroup_cpu-web/percent-'
                                 'throttled_periods" interval=1 N:100\n')
                    stream.flush()
                    assert stream.readline().startswith("0 ")
        collectd.wait_for(lambda: mail_server.mails)
    (mail,) = mail_server.mails
    assert f"Subject: collectd WARNING on {ONE}" in mail
    assert "oncall@example.com" in mail
    assert "That is above the warning threshold of 75.000000." in mail
