# SPDX-License-Identifier: MIT
"""InfluxDB 1.6, with both ways to receive from collectd."""
import json
import shutil
from urllib.parse import urlencode

import pytest

import examples

PORT = 8086
NAMES = {"network_influxdb": "cgroup_cpu_value",
         "write_influxdb_udp": "cgroup_cpu"}
CONFIGURATION = """\
reporting-disabled = true
bind-address = "127.0.0.1:8088"
[meta]
  dir = "{directory}/meta"
[data]
  dir = "{directory}/data"
  wal-dir = "{directory}/wal"
  query-log-enabled = false
[monitor]
  store-enabled = false
[http]
  bind-address = ":8086"
  log-enabled = false
"""
# A test can wait one second.
QUICK = '  batch-timeout = "1s"\n'


class InfluxDB:
    """Runs on `host`, and receives as these examples say"""

    def __init__(self, host, names=tuple(NAMES)):
        self.host = host
        self.names = names
        self.directory = host.directory / "influxdb"

    def start(self):
        if not shutil.which("influxd"):
            pytest.skip("needs influxdb")
        self.directory.mkdir()
        configuration = self.directory / "influxdb.conf"
        configuration.write_text(
            CONFIGURATION.format(directory=self.directory) + "".join(
                examples.other_side(name) + QUICK for name in self.names))
        self.host.start("influxdb", "influxd", "-config", str(configuration))
        return self

    def is_ready(self):
        return self.host.get(PORT, "/ping") is not None

    def query(self, text):
        """[(name, tags, columns, rows), ...]; times are in seconds"""
        answer = json.loads(self.host.get(PORT, "/query?" + urlencode(
            {"db": "collectd", "epoch": "ns", "q": text})))
        assert "error" not in str(answer.keys()), answer
        (result,) = answer["results"]
        assert "error" not in result, (text, result)
        return [(series["name"], series.get("tags", {}), series["columns"],
                 series["values"]) for series in result.get("series", [])]
