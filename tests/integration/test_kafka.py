# SPDX-License-Identifier: MIT
"""A consumer of Kafka gets what csv has. The brokers are those that librdkafka
simulates in the process of collectd."""
import json
import re
import shutil
import subprocess

import pytest

import examples
from busy_host import HOST, SERIES, busy_host
from waiting import wait_until

TOPIC = "collectd"
SIMULATED = 'Property "test.mock.num.brokers" "3"\n'


def example(directory):
    """The example, with brokers"""
    path = directory / "write_kafka.conf"
    path.write_text(examples.changed(
        examples.path("write_kafka").read_text(),
        ("<Plugin write_kafka>\n", f"<Plugin write_kafka>\n{SIMULATED}")))
    return path


def brokers(collectd):
    found = re.search(r"Mock cluster enabled: .* replaced with (\S+)",
                      collectd.log)
    return found and found[1]


def consume(host, servers):
    """All values in the topic"""
    result = subprocess.run(
        [*host.prefix, "kcat", "-C", "-b", servers, "-t", TOPIC, "-o",
         "beginning", "-e", "-q"], check=True, capture_output=True, text=True,
        timeout=60)
    return [value for line in result.stdout.splitlines()
            for value in json.loads(line)]


def arrived(values):
    """{(cgroup, type, type instance): [(time, value), ...]}"""
    found = {}
    for value in values:
        if value["plugin"] == "cgroup_cpu":
            assert value["host"] == HOST and value["dsnames"] == ["value"]
            assert value["dstypes"] == [
                {"percent": "gauge"}.get(value["type"], value["type"])]
            found.setdefault((value["plugin_instance"], value["type"],
                              value["type_instance"]), []).append(
                (value["time"], value["values"][0]))
    return {key: sorted(rows) for key, rows in found.items()}


@pytest.fixture
def collectd(tmp_path):
    if not shutil.which("kcat"):
        pytest.skip("needs kcat")
    with busy_host(tmp_path, example(tmp_path)) as found:
        yield found


def test_values(collectd):
    collectd, host = collectd
    collectd.wait_for(lambda: brokers(collectd))
    collectd.wait_for_samples(5)
    csv = collectd.complete()

    def complete():
        found = arrived(consume(host, brokers(collectd)))
        return found if all(found.get(key, [(0, 0)])[-1][0] >= rows[-1][0] - 0.5
                            for key, rows in csv.items()) else None

    found = wait_until(complete, 20, lambda: collectd.log)
    assert SERIES <= csv.keys()
    for key, rows in csv.items():
        assert found[key][:len(rows)] == [
            (pytest.approx(moment, abs=0.0015), pytest.approx(value, abs=2e-6))
            for moment, value in rows]
