# SPDX-License-Identifier: MIT
"""The alerts of packaging/alerts and the notifications of the example
threshold.conf, with shorter times, and their receivers."""
import json
import re
import shutil
from pathlib import Path

import pytest

import examples
import store_prometheus
from sinks import HttpSink

DIRECTORY = Path(__file__).parents[2] / "packaging" / "alerts"
RULES = DIRECTORY / "prometheus.yml"
ALERTMANAGER_PORT = 9093
# Of the copies of the rules and of the example, in seconds and in intervals
WINDOW, FOR, HITS = 6, 6, 4


def block(first):
    """The block of the README that begins with this line"""
    (found,) = re.findall(rf"(?ms)^```\n({re.escape(first)}\n.*?)^```$",
                          (DIRECTORY / "README.md").read_text())
    return found


def short_rules():
    """Minutes are seconds: five of a window and fifteen to wait become six and
    six"""
    return examples.changed(
        RULES.read_text(), (r"\[5m\]", f"[{WINDOW}s]"),
        ("for: 15m", f"for: {FOR}s"), ("for: 5m", f"for: {FOR}s"))


def short_threshold():
    """The numbers of values in a row that are too high"""
    return examples.changed(examples.path("threshold").read_text(),
                            ("Hits 88", f"Hits {HITS}"))


def switched_on(plugin, text):
    """The lines of the example that are commented out, for one plugin"""
    (found,) = re.findall(rf"(?m)^#LoadPlugin {plugin}\n(?:#[ <].*\n)+", text)
    lines = re.sub("(?m)^#", "", found)
    return lines[:lines.index("</Plugin>\n") + len("</Plugin>\n")]


class Prometheus(store_prometheus.Prometheus):
    """With the rules. It shows a value for no longer than a window: its default is
    five minutes."""

    def command(self):
        return ["prometheus", f"--query.lookback-delta={WINDOW}s"]

    def configuration(self):
        rules = self.directory / "rules.yml"
        rules.write_text(short_rules())
        return (super().configuration()
                + examples.changed(block("rule_files:"),
                                   ("(?m)^  - /usr.*$", f"  - {rules}"))
                + "global:\n  evaluation_interval: 500ms\n")

    def alerts(self):
        """{(alert, cgroup), ...} with those that wait"""
        return {(alert["labels"]["alertname"], alert["labels"]["cgroup_cpu"])
                for alert in self.ask("alerts")["alerts"]}


class Alertmanager:
    """Runs on `host`, and sends to a receiver of the test there"""

    def __init__(self, host):
        self.host = host
        self.directory = host.directory / "alertmanager"
        # The socket belongs to the host's network.
        self.receiver = host.executor.submit(HttpSink).result()

    def start(self):
        if not shutil.which("prometheus-alertmanager"):
            pytest.skip("needs prometheus-alertmanager")
        self.directory.mkdir()
        configuration = self.directory / "alertmanager.yml"
        configuration.write_text(examples.changed(
            block("route:"),
            (":9099/", f":{self.receiver.port}/"),
            ("group_wait: 30s", "group_wait: 500ms"),
            ("group_interval: 5m", "group_interval: 1s")))
        self.host.start(
            "alertmanager", "prometheus-alertmanager",
            f"--config.file={configuration}",
            f"--storage.path={self.directory}/data",
            f"--web.listen-address=127.0.0.1:{ALERTMANAGER_PORT}",
            "--cluster.listen-address=", "--log.level=warn")
        return self

    def is_ready(self):
        return self.host.get(ALERTMANAGER_PORT, "/-/ready") is not None

    def received(self, status="firing"):
        """{(alert, cgroup): what came of it first}"""
        found = {}
        for body in list(self.receiver.received):
            for alert in json.loads(body)["alerts"]:
                if alert["status"] == status:
                    found.setdefault((alert["labels"]["alertname"],
                                      alert["labels"]["cgroup_cpu"]), alert)
        return found
