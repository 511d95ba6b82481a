# SPDX-License-Identifier: MIT
"""The panels for what needs attention show that, and nothing that looks like it,
from values that a test made up, in all stores."""
import contextlib
import math
import time

import pytest

import grafana
import panels
from network import Network
from precedence import FIRST
from sender import Sender
from store_graphite import Graphite
from store_influxdb import NAMES as WAYS, InfluxDB
from store_prometheus import Prometheus
from waiting import wait_until

HOST = "one.example.com"
PLACES = {"graphite.example.com": None, "influxdb.example.com": None, HOST: 0}
SECONDS = 10
# Prometheus' rates do not begin before a counter can have been 0.
COUNTED = 10 ** 9
# A counter rises by this number each second, all others are the value.
VALUES = {
    "throttled": {"percent-throttled_periods": 60, "percent-of_limit": 95,
                  "derive-throttled_usec": 500000,
                  "derive-throttled_local_usec": 500000,
                  "gauge-limit_millicores": 200, "gauge-limit_level": 0,
                  "gauge-millicores": 190, "gauge-peak_millicores": 400},
    "bursty": {"percent-throttled_periods": 60, "percent-of_limit": 12.5,
               "derive-throttled_usec": 50000,
               "derive-throttled_local_usec": 50000,
               "gauge-limit_millicores": 200, "gauge-limit_level": 0,
               "gauge-millicores": 25},
    "full": {"percent-throttled_periods": 5, "percent-of_limit": 97},
    "held.back": {"derive-throttled_usec": 0,
                  "derive-throttled_local_usec": 700000,
                  "gauge-limit_millicores": 4000, "gauge-limit_level": 1,
                  "gauge-millicores": 100},
    "brief": {"derive-throttled_usec": 0,
              "derive-throttled_local_usec": 30000},
    "starved": {"percent-pressure_some": 70},
    "calm": {"percent-pressure_some": 30},
    "limited": {"percent-pressure_some": 90, "gauge-limit_millicores": 200},
    "root": {"percent-pressure_some": 99},
    "large": {"gauge-limit_millicores": 4000, "gauge-limit_level": 0,
              "gauge-millicores": 50, "gauge-peak_millicores": 3900},
    "vast": {"gauge-limit_millicores": 4000, "gauge-limit_level": 0,
             "gauge-millicores": 50, "gauge-peak_millicores": 100},
    "_plugin": {"gauge-cgroups_read": 40, "gauge-cgroups_left_out": 12,
                "gauge-cgroups_unreadable": 0},
}
# What the queries of each panel find. Only Prometheus can leave out what has a
# limit.
FOUND = {
    20: [{"throttled": 60}],
    21: [{"held.back": 0.7}],
    22: [{"starved": 70, "limited": 90}],
    # Graphite's names have what they are of, too.
    23: [{"large mean 99 %": 1.25, "vast mean 99 %": 1.25},
         {"vast peak 99 %": 2.5}],
    24: [{"cgroups_left_out": 12}],
    25: [{"": 40}],
}


class Filled:
    """All stores, with the values"""

    def __init__(self, directory, stack):
        self.network = stack.enter_context(
            Network(directory / "network", PLACES))
        hub = self.network.hub
        self.graphite = Graphite(hub).start()
        self.influxdb = InfluxDB(hub).start()
        self.prometheus = Prometheus(hub).start()
        for store in (self.graphite, self.influxdb, self.prometheus):
            hub.wait_for(store.is_ready, 60)
        self.sender = stack.enter_context(Sender(
            directory, HOST, ["write_graphite", "write_prometheus", *WAYS]))
        self.sender.start([*FIRST, *self.network[0].prefix])
        hub.wait_for(self.prometheus_fetches, 60)
        # InfluxDB's rates are exact if its groups of values are full, Prometheus'
        # if the time begins and ends less than 1.1 intervals from a value, even
        # if it misses the first one.
        began = panels.STEP * math.ceil(time.time() / panels.STEP)
        self.send(began)
        self.begin, self.end = began - 0.05, began + SECONDS - 0.05

    def prometheus_fetches(self):
        return 1 in self.prometheus.query("up", time.time()).values()

    def send(self, began):
        for second in range(SECONDS):
            time.sleep(max(0, began + second - time.time()))
            self.sender.send({
                f"{name}/{kind}": COUNTED + round(value * second)
                if kind.startswith("derive-") else value
                for name, kinds in VALUES.items()
                for kind, value in kinds.items()}, began + second)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Filled(tmp_path_factory.mktemp("conditions"), stack)


def named(store, names):
    """The name of a series without the host, and without the measurement: InfluxDB
    has everything in two"""
    return " ".join(word for word in names.split()
                    if word not in (panels.named(store, HOST), *WAYS.values()))


@pytest.mark.parametrize("store", grafana.STORES)
@pytest.mark.parametrize("number", FOUND)
def test_what_needs_attention(filled, store, number):
    queries = [dict(found) for found in FOUND[number]]
    if store != "graphite":
        queries = [{name.split(" ")[0]: value for name, value in found.items()}
                   for found in queries]
    if store == "prometheus":
        queries[0].pop("limited", None)
    if (store, number) == ("influxdb", 21):
        # One way stores counters, the other rates.
        queries *= 2
    targets = panels.panel(store, number)["targets"]
    assert len(targets) == len(queries)
    for target, expected in zip(targets, queries):
        expected = {panels.named(store, name): value
                    for name, value in expected.items()}

        def found():
            filled.sender.tell("FLUSH")
            return {named(store, names): rows[-1][1] for names, rows in
                    panels.ask(filled, store, target, panels.chosen(
                        store, grafana.ALL, ""), filled.begin,
                        filled.end).items()}

        # What a store is just writing is missing for a moment.
        wait_until(lambda: found() == pytest.approx(expected), 4,
                   lambda: f"{found()} is not {expected}")
