# SPDX-License-Identifier: MIT
"""A host with a busy cgroup, and a collectd with the example for a receiver"""
import contextlib

from cgroups import Cgroup, require_both
from daemon import Collectd
from network import Network
from precedence import FIRST

HOST = "one.example.com"
# Some of what it reports
SERIES = {("busy", "gauge", "millicores"), ("root", "percent", "pressure_some"),
          ("busy", "derive", "cpu_usage_usec")}


@contextlib.contextmanager
def busy_host(directory, configuration):
    """The collectd, which has started, and its host"""
    with Network(directory / "network", {HOST: None}) as network, \
            Cgroup({"v2": require_both()["v2"]}) as cgroup:
        cgroup.child("busy").use(200)
        with Collectd(directory / "collectd", host=HOST,
                      options=f'Root "{cgroup.directory("v2")}"\n'
                              "ReportAll true",
                      include=[configuration]) as collectd:
            yield collectd.start([*FIRST, *network.hub.prefix]), network.hub
