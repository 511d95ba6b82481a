# SPDX-License-Identifier: MIT
"""Two hosts that fill all stores at the same time, with the examples for users.

On host one (v1) web.service is idle, then burns, and then a quota throttles it,
beside a pod of Kubernetes with one container.
On host two (v2) the tasks of batch.service wait for one CPU.
"""
import contextlib
import os
import subprocess
import time

import examples
import store_prometheus
from cgroups import Cgroup, controller, require_both, with_cpu
from daemon import BURN, Collectd
from kubelet import ID, NAME, POD, Node
from network import Network
from precedence import FIRST
from store_graphite import Graphite
from store_influxdb import InfluxDB

ONE, TWO = "one.example.com", "two.example.com"
NAMES = {"graphite.example.com": None, "influxdb.example.com": None,
         ONE: 0, TWO: 1}
WRITERS = ("write_graphite", "network_influxdb", "write_influxdb_udp",
           "write_prometheus", "rrdtool")
WEB = "system.slice_web.service"
# All that the pod adds. The last two are the pod itself and the container.
KUBERNETES = ("kubepods", "kubepods_besteffort", "k8s_default_web-0", NAME)
BATCH = "batch.service"
BURNED, QUOTA = 600, 200
# On a busy machine, passes can be two seconds apart. By default collectd then
# forgets a counter, and the next value has no rate.
PATIENCE = "Timeout 10\n"
PHASE = int(os.environ.get("CGROUP_CPU_PHASE", 9))


class Stores:
    """graphite, influxdb, prometheus, and the collectds one and two"""

    def __init__(self, directory):
        mounts = require_both()
        self.directory = directory
        self.phases = []
        self.stack = contextlib.ExitStack()
        self.cpu = controller("cpu")
        self.v1 = Cgroup(with_cpu({"v1": mounts["v1"]}))
        self.v2 = Cgroup({"v2": mounts["v2"]})

    def __enter__(self):
        with self.stack:
            self.start_servers()
            self.start_collectds()
            self.load()
            self.stack = self.stack.pop_all()
        return self

    def __exit__(self, *_):
        self.stack.close()

    def start_servers(self):
        self.network = self.stack.enter_context(
            Network(self.directory / "network", NAMES))
        hub = self.network.hub
        self.graphite = Graphite(hub).start()
        self.influxdb = InfluxDB(hub).start()
        self.prometheus = store_prometheus.Prometheus(hub).start()
        for store in (self.graphite, self.influxdb, self.prometheus):
            hub.wait_for(store.is_ready, 60)

    def start_collectds(self):
        self.collectds = {}
        self.node = Node(self.directory / "node")
        self.node.add_pod()
        self.node.add_container(ID)
        patience = self.directory / "patience.conf"
        patience.write_text(PATIENCE)
        for number, (host, cgroup, version) in enumerate((
                (ONE, self.v1, "v1"), (TWO, self.v2, "v2"))):
            self.stack.enter_context(cgroup)
            collectd = self.stack.enter_context(Collectd(
                self.directory / host, host=host,
                beside=["cpu", "statsd"],
                options=f'Root "{cgroup.directory(version)}"\n'
                        f'NameRoot "{self.node.root}"\nReportAll true\n'
                        "PeakInterval 0.1",
                include=[patience, *map(examples.path, WRITERS)]))
            collectd.start([*FIRST, *self.network[number].prefix])
            self.collectds[host] = collectd

    def load(self):
        self.run_phases()
        for collectd in self.collectds.values():
            collectd.stop()
        for cgroup in (self.v1, self.v2):
            cgroup.remove_children()

    def run_phases(self):
        one, two = self.collectds.values()
        batch = self.v2.child(BATCH)
        for _ in range(2):
            batch.start(*FIRST, "taskset", "-c", "0", BURN, "--millicores",
                        "300", stdout=subprocess.DEVNULL)
        # Other work on the machine must not affect the test.
        (self.cpu / self.v1.path / "cpu.shares").write_text("262144")
        web = self.v1.child("system.slice").child("web.service")
        pod = self.v1
        for name in (*POD.split("/"), ID):
            pod = pod.child(name)
        pod.use(100)
        self.wait_for_phase(one)
        web.start(BURN, "--millicores", str(BURNED), stdout=subprocess.DEVNULL)
        self.wait_for_phase(one)
        quota = self.cpu / web.path / "cpu.cfs_quota_us"
        quota.write_text(str(QUOTA * 100))
        # These values have the same types as the plugin's.
        self.network[0].send(8125, b"some:1|c\nother:1|g\n")
        self.wait_for_phase(one)
        self.complaints = store_prometheus.complaints(
            store_prometheus.exposed(self.network[0]))

    def wait_for_phase(self, collectd):
        begin = time.time()
        count = len(collectd.usage(WEB))
        collectd.wait_for(lambda: len(collectd.usage(WEB)) >= count + PHASE,
                          PHASE + 30)
        self.phases.append((begin, time.time()))

    def csv(self, host):
        return self.collectds[host].complete()

    def window(self, host):
        """From before the first complete sample to after the last one"""
        usage, _ = self.collectds[host].samples()
        return usage[0][0] - 1, usage[-1][0] + 1
