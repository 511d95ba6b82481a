# SPDX-License-Identifier: MIT
"""VictoriaMetrics has the same values as csv, whichever way they come, and answers
the queries of the dashboard for Prometheus."""
import contextlib
from types import SimpleNamespace

import pytest

import examples
import grafana
import panels
from cgroups import Cgroup, controller, require_both, with_cpu
from daemon import Collectd
from expected import DECIMALS
from kubelet import ID, NAME, POD, Node
from network import Network
from precedence import FIRST
from store_victoriametrics import WRITERS, VictoriaMetrics
from waiting import wait_until

SCRAPED = "one.example.com"
# Which host has which way, the digits of its times, and its cgroup version.
WAYS = {SCRAPED: ("write_prometheus", 3, "v1"),
        "two.example.com": (WRITERS[0], 0, "v1"),
        "three.example.com": (WRITERS[1], 3, "v2")}
WEB = "web.service"
PASSES = 10
FAMILIES = {"gauge": "gauge", "derive": "derive_total", "percent": "percent"}


class Filled:
    """Three hosts, which see the same cgroups, have sent to it"""

    def __init__(self, directory, stack):
        self.directory = directory
        numbers = {name: number for number, name in enumerate(WAYS)}
        self.network = stack.enter_context(Network(
            directory / "network",
            {"victoriametrics.example.com": None, **numbers}))
        hub = self.network.hub
        self.prometheus = VictoriaMetrics(hub).start()
        hub.wait_for(self.prometheus.is_ready, 60)
        self.node = Node(directory / "node")
        self.node.add_pod()
        self.node.add_container(ID)
        mounts = require_both()
        cpu = controller("cpu")
        cgroup = stack.enter_context(Cgroup(with_cpu(mounts)))
        self.load(cgroup, cpu)
        self.collectds = {
            host: stack.enter_context(self.start(number, host, cgroup))
            for number, host in enumerate(WAYS)}
        for collectd in self.collectds.values():
            collectd.wait_for_samples(PASSES)
            collectd.stop()
        cgroup.remove_children()

    @staticmethod
    def load(cgroup, cpu):
        """A service that its quota throttles, and a container"""
        web = cgroup.child(WEB)
        (cpu / web.path / "cpu.cfs_quota_us").write_text("10000")
        web.use(200)
        pod = cgroup
        for name in (*POD.split("/"), ID):
            pod = pod.child(name)
        pod.use(50)

    def start(self, number, host, cgroup):
        example, _, version = WAYS[host]
        return Collectd(
            self.directory / host, host=host,
            options=f'Root "{cgroup.directory(version)}"\n'
                    f'NameRoot "{self.node.root}"\nReportAll true\n'
                    "PeakInterval 0.1",
            include=[examples.path(example)]).start(
                [*FIRST, *self.network[number].prefix])

    def csv(self, host):
        return self.collectds[host].complete()

    def window(self, host):
        usage = self.collectds[host].usage()
        return usage[0][0] - 1, usage[-2][0] + 1

    def stored(self, host):
        """The same as csv(), from the store"""
        begin, end = self.window(host)
        found = {}
        for kind, family in FAMILIES.items():
            for labels, samples in self.prometheus.samples(
                    f'collectd_cgroup_cpu_{family}{{instance="{host}"}}',
                    begin, end):
                assert set(labels) - {"namespace", "pod", "container",
                                      "job"} == {
                    "__name__", "cgroup_cpu", "instance", "type"}
                found[labels["cgroup_cpu"], kind, labels["type"]] = samples
        return found


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    with contextlib.ExitStack() as stack:
        yield Filled(tmp_path_factory.mktemp("victoriametrics"), stack)


@pytest.mark.parametrize("host", WAYS)
def test_values(filled, host):
    """It has all values of csv, except that fetches miss some. A time in whole
    seconds is rounded, and then two passes can share one."""
    csv = filled.csv(host)
    _, digits, _ = WAYS[host]

    def arrived():
        stored = filled.stored(host)
        return stored if stored.keys() >= csv.keys() and all(
            stored[key][-1][0] >= rows[-1][0] - 0.6 or host == SCRAPED
            for key, rows in csv.items()) else None

    stored = wait_until(arrived, 20, filled.network.hub.log)
    assert stored.keys() == csv.keys()
    near = 1.5 * 10 ** -digits
    for key, samples in stored.items():
        rows = csv[key]
        for moment, value in samples:
            if moment <= rows[-1][0]:
                assert any(abs(when - moment) <= near and abs(
                    value - csv_value) <= max(DECIMALS, 1e-12 * csv_value)
                           for when, csv_value in rows), (key, moment, value)
        least = len(rows) / 2 if host == SCRAPED else len(
            {round(when, digits) for when, _ in rows}) - 1
        assert len(samples) >= least


def test_what_is_compared(filled):
    for host in WAYS:
        csv = filled.csv(host)
        assert {cgroup for cgroup, *_ in csv} >= {"root", WEB, NAME}
        assert len(csv[WEB, "gauge", "millicores"]) >= PASSES - 3
    csv = filled.csv(SCRAPED)
    assert csv[WEB, "derive", "throttled_usec"][-1][1] > 0


def targets(conditions):
    return pytest.mark.parametrize("target", [
        pytest.param(target, id=f"{panel['id']}-{target['refId']}")
        for panel in grafana.panels(grafana.load("prometheus"))
        if (panel["id"] in grafana.CONDITIONS) == conditions
        for target in panel["targets"]])


@targets(conditions=True)
def test_every_condition_is_understood(filled, target):
    begin, end = filled.window(SCRAPED)
    panels.ask(SimpleNamespace(prometheus=filled.prometheus), "prometheus",
               target, panels.chosen("prometheus", [SCRAPED], WEB), begin, end)


@targets(conditions=False)
def test_every_query_of_the_dashboard(filled, target):
    """For each host, it finds something where csv has something"""
    stores = SimpleNamespace(prometheus=filled.prometheus)
    query = target["expr"]
    expectations = []
    for host in WAYS:
        csv = filled.csv(host)
        begin, end = filled.window(host)
        for cgroup in (WEB, NAME):
            known = {}
            for name, _, what in csv:
                if "$cgroup" not in query or name == cgroup:
                    known.setdefault(name, set()).add(what)
            expected = any(grafana.asked(query) <= found
                           for found in known.values())
            found = panels.ask(stores, "prometheus", target,
                               panels.chosen("prometheus", [host], cgroup),
                               begin, end)
            assert bool(found) == expected, (host, cgroup, found)
            expectations.append(expected)
    assert any(expectations)


@pytest.mark.parametrize("variable, expected", [
    ("host", set(WAYS)), ("namespace", {"default"}), ("pod", {"web-0"}),
    ("container", {"app"})])
def test_variables_of_the_dashboard(filled, variable, expected):
    stores = SimpleNamespace(prometheus=filled.prometheus)
    assert panels.options(
        stores, "prometheus", variable,
        panels.chosen("prometheus", grafana.ALL, "")) == expected
