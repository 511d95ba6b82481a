# SPDX-License-Identifier: MIT
"""VictoriaMetrics, with three ways to receive from collectd. It answers as
Prometheus does."""
import math
import shutil
import textwrap

import pytest

import examples
import store_prometheus

WRITERS = ("write_graphite_victoriametrics",
           "write_influxdb_udp_victoriametrics")
# Queries find what was stored until now, and each is computed anew.
AT_ONCE = ["-search.latencyOffset=0s", "-search.disableCache"]


class VictoriaMetrics(store_prometheus.Prometheus):
    port = 8428
    ready = "/health"

    def __init__(self, host):
        super().__init__(host)
        self.directory = host.directory / "victoria-metrics"

    def start(self):
        """As all the examples say, at the same time"""
        if not shutil.which("victoria-metrics"):
            pytest.skip("needs victoria-metrics")
        self.directory.mkdir()
        scrape = self.directory / "prometheus.yml"
        scrape.write_text(self.configuration())
        relabel = self.directory / "relabel.yml"
        relabel.write_text("".join(map(examples.other_side, WRITERS))
                           + container_rules())
        options = [option for name in WRITERS
                   for option in examples.command(name)[1:]
                   if option != "-relabelConfig=relabel.yml"]
        assert len(options) == len(WRITERS)
        self.host.start(
            "victoria-metrics", "victoria-metrics", *options, *AT_ONCE,
            f"-relabelConfig={relabel}", f"-promscrape.config={scrape}",
            f"-storageDataPath={self.directory}/data", "-loggerLevel=WARN")
        return self

    def samples(self, selector, begin, end):
        """Without the marks that a fetch failed, or did not have a series any more,
        which Prometheus leaves out by itself"""
        found = [(labels, [(time, value) for time, value in values
                           if not math.isnan(value)])
                 for labels, values in super().samples(selector, begin, end)]
        return [(labels, values) for labels, values in found if values]


def container_rules():
    """Those of the example for Prometheus"""
    head, *rules = examples.additions("write_prometheus").splitlines(True)
    assert head.strip() == "metric_relabel_configs:"
    return textwrap.dedent("".join(rules))
