# SPDX-License-Identifier: MIT
"""Prometheus, which fetches from collectd's write_prometheus."""
import json
import re
import shutil
import subprocess
from urllib.parse import urlencode

import pytest

import examples

PORT = 9090
EXPORTER_PORT = 9103


class Prometheus:
    """Runs on `host`"""

    port = PORT
    ready = "/-/ready"

    def __init__(self, host):
        self.host = host
        self.directory = host.directory / "prometheus"

    def start(self):
        if not (shutil.which("prometheus") and shutil.which("promtool")):
            pytest.skip("needs prometheus")
        self.directory.mkdir()
        configuration = self.directory / "prometheus.yml"
        configuration.write_text(self.configuration())
        self.host.start(
            "prometheus", *self.command(),
            f"--config.file={configuration}",
            f"--storage.tsdb.path={self.directory}/data",
            f"--web.listen-address=0.0.0.0:{PORT}", "--log.level=warn")
        return self

    def command(self):
        return examples.command("write_prometheus")

    def configuration(self):
        return twice_a_second(examples.other_side("write_prometheus")
                              + examples.additions("write_prometheus"))

    def is_ready(self):
        return self.host.get(self.port, self.ready) is not None

    def ask(self, path, **parameters):
        answer = json.loads(self.host.get(
            self.port, f"/api/v1/{path}?{urlencode(parameters, doseq=True)}"))
        assert answer["status"] == "success", answer
        return answer["data"]

    def query(self, text, moment):
        """{labels: value}"""
        return {tuple(sorted(series["metric"].items())):
                float(series["value"][1]) for series in
                self.ask("query", query=text, time=moment)["result"]}

    def samples(self, selector, begin, end):
        """[(labels, [(time, value), ...]), ...], as stored"""
        window = round(1000 * (end - begin))
        data = self.ask("query", time=end, query=f"{selector}[{window}ms]")
        return [(series["metric"],
                 [(time, float(value)) for time, value in series["values"]])
                for series in data["result"]]

    def query_range(self, text, begin, end, step):
        """[(labels, [(time, value), ...]), ...]"""
        data = self.ask("query_range", query=text, start=begin, end=end,
                        step=step)
        return [(series["metric"],
                 [(time, float(value)) for time, value in series["values"]])
                for series in data["result"]]


def twice_a_second(text):
    """The example's configuration, for an interval of 1 s. At the same rate as
    collectd it would sometimes miss a value."""
    changed, count = re.subn("scrape_interval: 10s", "scrape_interval: 500ms",
                             text)
    assert count == 1, text
    return changed


def exposed(host):
    """The output of a collectd on `host`"""
    return host.get(EXPORTER_PORT, "/metrics").decode()


def complaints(text):
    """promtool's complaints, as (family, complaint) pairs"""
    result = subprocess.run(["promtool", "check", "metrics"], text=True,
                            input=text, capture_output=True, check=False)
    return {tuple(line.split(" ", 1)) for line in
            (result.stdout + result.stderr).splitlines()}
