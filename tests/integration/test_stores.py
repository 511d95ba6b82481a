# SPDX-License-Identifier: MIT
"""With the examples for users, the stores have the same values as csv."""
import itertools
import math
import os
import re
import struct
from pathlib import Path

import pytest

import examples
import grafana
import luci
import panels
import store_rrdtool
from expected import (DECIMALS, as_stored, check_seconds, check_series,
                      check_slots, is_counter, rates_of_steps, spread)
from measurement import mean_of_gauges
from store_influxdb import NAMES
from stores import BATCH, BURNED, KUBERNETES, ONE, QUOTA, TWO, WEB
from waiting import wait_until

HOSTS = pytest.mark.parametrize("host", [ONE, TWO])
TICK = 0.010
# What LuCI's diagrams leave out
NOT_DRAWN = {"nice_usec", "force_idle_usec", "nr_periods", "nr_throttled",
             "nr_bursts", "burst_usec", "pressure_some_usec",
             "pressure_full_usec", "pressure_irq_usec", "of_limit",
             "limit_level", "weight"}
# However Prometheus misses one sample of a phase, it has so many in a row.
IN_A_ROW = 4
pytestmark = pytest.mark.xdist_group("loads of a core")


def arrived(stores, host, look):
    """The {series: samples} that look() finds, once they include csv's last
    values"""
    ends = {series: rows[-1][0] for series, rows in stores.csv(host).items()}

    def found():
        series = look()
        return series if series.keys() >= ends.keys() and all(
            rows and rows[-1][0] >= ends[key] - 0.6
            for key, rows in series.items() if key in ends) else None
    return wait_until(found, 20, stores.network.hub.log)


def graphite_name(host, cgroup, kind, instance):
    return ".".join(["collectd", host.replace(".", "~"),
                     f"cgroup_cpu-{cgroup.replace('.', '~')}",
                     f"{kind}-{instance}"])


def graphite_series(stores, host):
    """{(cgroup, type, type instance): [(time, value), ...]}"""
    begin, end = stores.window(host)
    names = {graphite_name(host, *series): series
             for series in stores.csv(host)}
    found = stores.graphite.query(graphite_name(host, "*", "*", "*"),
                                  begin - 2, end + 2)
    return {names.get(name, name): rows for name, rows in found.items()}


@HOSTS
def test_graphite(stores, host):
    csv = stores.csv(host)
    found = arrived(stores, host, lambda: graphite_series(stores, host))
    assert found.keys() == csv.keys()
    for key, series in csv.items():
        check_seconds(found[key], as_stored(key[1], series))


def test_graphite_draws_the_example(stores):
    target, _ = examples.queries("write_graphite")
    begin, end = map(int, stores.window(ONE))
    series = stores.graphite.query(target, begin, end)
    assert {name.split(".")[2] for name in series} == {
        f"cgroup_cpu-{name.replace('.', '~')}"
        for name in (WEB, BATCH, "system.slice", *KUBERNETES)}
    size = {"width": 400, "height": 200, "from": begin, "until": end}
    image, empty = (stores.graphite.render(format="png", target=name, **size)
                    for name in (target, "collectd.none"))
    for picture in (image, empty):
        assert png_size(picture) == (400, 200)
    assert len(image) > 2 * len(empty)


def influxdb_series(stores, host, measurement):
    """{(cgroup, type, type instance): [(time, value), ...]}"""
    found = {}
    for name, tags, _, rows in stores.influxdb.query(
            f'SELECT "value" FROM "{measurement}" '
            f"WHERE \"host\" = '{host}' GROUP BY *"):
        assert name == measurement and set(tags) == {
            "host", "instance", "type", "type_instance"}
        found[tags["instance"], tags["type"], tags["type_instance"]] = [
            (time / 1e9, value) for time, value in rows]
    return found


@HOSTS
@pytest.mark.parametrize("way", NAMES)
def test_influxdb(stores, host, way):
    """One way stores counters, the other way stores rates"""
    csv = stores.csv(host)
    found = arrived(stores, host,
                    lambda: influxdb_series(stores, host, NAMES[way]))
    assert found.keys() == csv.keys()
    for key, series in csv.items():
        kind = "gauge" if way == "network_influxdb" else key[1]
        check_series(found[key], as_stored(kind, series), digits=3)


def prometheus_series(stores, host):
    """{(cgroup, type, type instance): [(time, value), ...]}"""
    begin, end = stores.window(host)
    found = {}
    for kind, family in (("gauge", "gauge"), ("derive", "derive_total"),
                         ("percent", "percent")):
        for labels, samples in stores.prometheus.samples(
                f'collectd_cgroup_cpu_{family}{{instance="{host}"}}',
                begin, end):
            assert labels["__name__"] == f"collectd_cgroup_cpu_{family}"
            assert set(labels) - {"namespace", "pod", "container"} == {
                "__name__", "cgroup_cpu", "instance", "job", "type"}
            found[labels["cgroup_cpu"], kind, labels["type"]] = samples
    return found


@HOSTS
def test_prometheus(stores, host):
    """Its fetches are not synchronized: it misses some values, but has no
    others"""
    csv = stores.csv(host)
    found = prometheus_series(stores, host)
    assert found.keys() == csv.keys()
    for key, samples in found.items():
        values = {round(time * 1000): value for time, value in csv[key]}
        last = max(values)
        samples = [(round(time * 1000), value) for time, value in samples]
        samples = [(time, value) for time, value in samples if time <= last]
        assert len(samples) >= len(values) / 2
        for time, value in samples:
            assert any(abs(values.get(time + off, -1) - value) <= DECIMALS
                       for off in (0, -1, 1)), (key, time, value)


def test_prometheus_forgets_soon(stores):
    """Three intervals of the example after the last value"""
    selector = ("collectd_cgroup_cpu_gauge"
                f'{{instance="{ONE}",cgroup_cpu="{WEB}",type="millicores"}}')
    begin, end = stores.window(ONE)
    # The pass after the window belongs to it as well.
    (_, samples), = stores.prometheus.samples(selector, begin, end + 10)
    last, _ = samples[-1]
    assert stores.prometheus.query(selector, last + 29)
    assert not stores.prometheus.query(selector, last + 31)


def in_a_row(stores, host, series, selectors):
    """The times of values in a row that Prometheus has of all the selectors, in
    the phase in which there is a load: it can miss some"""
    begin, end = stores.phases[1]
    times = [round(1000 * time) for time, _ in stores.csv(host)[series]
             if begin + 1 <= time < end]
    # In csv, times are rounded in another way.
    stored = [{round(1000 * time) + off for time, _ in samples
               for off in (-1, 0, 1)}
              for selector in selectors
              for _, samples in stores.prometheus.samples(selector, begin, end)]
    assert len(stored) == len(selectors)
    for row in zip(*(times[n:] for n in range(IN_A_ROW))):
        if all(time in one for one in stored for time in row):
            return row[0] / 1000, row[-1] / 1000
    raise AssertionError(f"no {IN_A_ROW} of {times} in a row in {stored}")


@pytest.mark.parametrize("host, cgroup", [(ONE, WEB), (TWO, BATCH)])
def test_rate_in_prometheus(stores, host, cgroup):
    """The rate of the counter is the gauge, within 1 % and a tick"""
    labels = f'instance="{host}",cgroup_cpu="{cgroup}",type='
    counter = ("collectd_cgroup_cpu_derive_total"
               f'{{{labels}"cpu_usage_usec"}}')
    millicores = f'collectd_cgroup_cpu_gauge{{{labels}"millicores"}}'
    first, last = in_a_row(stores, host, (cgroup, "derive", "cpu_usage_usec"),
                           (counter, millicores))
    # rate() extrapolates to the ends of its window, but not far. So the window
    # ends where the samples do.
    margin = 0.05
    window = int(1000 * (last - first + 2 * margin))
    (rate,) = stores.prometheus.query(
        f"rate({counter}[{window}ms])", last + margin).values()
    usage, gauges = (
        samples for selector in (counter, millicores)
        for _, samples in stores.prometheus.samples(
            selector, first - margin, last + margin))
    assert len(usage) == len(gauges) == IN_A_ROW
    # On a busy machine the intervals are not equally long.
    gauge = mean_of_gauges(usage, gauges)
    assert gauge > 50
    assert abs(rate / 1000 - gauge) <= (
        gauge / 100 + 1000 * TICK / (last - first))


def test_promtool(stores):
    """It has no complaint about our families that it does not have about
    collectd's own"""
    found = stores.complaints
    ours = {(family, what) for family, what in found if "cgroup_cpu" in family}
    others = {what for _, what in found - ours}
    assert {what for _, what in ours} <= others


@HOSTS
def test_rrdtool(stores, host):
    """Its times are whole seconds, which makes its rates slightly uneven"""
    directory = stores.collectds[host].directory / "rrd" / host
    csv = stores.csv(host)
    for (cgroup, kind, instance), series in csv.items():
        file = directory / f"cgroup_cpu-{cgroup}" / f"{kind}-{instance}.rrd"
        stored = dict(store_rrdtool.fetch(file, series[0][0] - 1,
                                          series[-1][0]))
        check_slots(stored, kind, series)
    assert {f"{path.parent.name}/{path.stem}"
            for path in directory.glob("cgroup_cpu-*/*.rrd")} == {
        f"cgroup_cpu-{cgroup}/{kind}-{instance}"
        for cgroup, kind, instance in csv}


@HOSTS
def test_luci(stores, host, tmp_path):
    """LuCI's diagrams of the same RRD files show what was stored: the mean of
    every value of a cgroup, in one diagram of the overview and in those of its own
    page"""
    directory = stores.collectds[host].directory / "rrd"
    begin, end = stores.window(host)
    csv = stores.csv(host)
    cgroup = {ONE: WEB, TWO: BATCH}[host]
    found = luci.diagrams(directory, host, cgroup)
    assert [diagram["detail"] for diagram in found] == [
        False, *[True] * (len(found) - 1)]
    means = {}
    for number, diagram in enumerate(found):
        picture = tmp_path / f"{number}.png"
        printed = store_rrdtool.rrdtool(
            "graph", picture, "-a", "PNG", "-s", int(begin), "-e", int(end),
            *diagram["arguments"])
        assert png_size(picture.read_bytes())[0] > 400
        for name, mean in re.findall(r"^(\S+) (\S+)$", printed, re.M):
            means[tuple(name.split("-", 1))] = float(mean)
    shown = means.keys()
    assert ("gauge", "millicores") in shown
    available = {series[1:] for series in csv if series[0] == cgroup}
    # Rates are drawn instead of the counters that they are made from, and some
    # values are of no use in a picture.
    assert available - shown <= {
        ("derive", "cpu_usage_usec"), ("derive", "user_usec"),
        ("derive", "system_usec"), *[series for series in available if series[1]
                                     in NOT_DRAWN]}
    assert shown <= available
    for kind, instance in shown:
        file = directory / host / f"cgroup_cpu-{cgroup}" / f"{kind}-{instance}.rrd"
        stored = [value for _, value in store_rrdtool.fetch(
            file, int(begin), int(end))]
        scale = 1000 if kind == "derive" else 1
        assert math.isclose(means[kind, instance],
                            sum(stored) / len(stored) / scale, rel_tol=0.02,
                            abs_tol=0.5), (kind, instance)


def png_size(picture):
    assert picture.startswith(b"\x89PNG\r\n\x1a\n")
    assert picture.endswith(b"IEND\xaeB`\x82")
    return struct.unpack(">II", picture[16:24])


def test_a_picture_of_the_phases(stores, tmp_path):
    """CGROUP_CPU_PICTURE=FILE keeps it. The README shows it."""
    picture = Path(os.environ.get("CGROUP_CPU_PICTURE")
                   or tmp_path / "phases.png")
    (begin, _), *_, (_, end) = stores.phases
    printed = store_rrdtool.draw(
        stores.collectds[ONE].directory / "rrd" / ONE / f"cgroup_cpu-{WEB}",
        picture, begin + 1, end - 1)
    size = png_size(picture.read_bytes())
    assert printed == "{}x{}\n".format(*size)
    assert size > (700, 220)


def test_the_phases_show(stores):
    """Idle, burning, throttled: otherwise the tests above would compare very
    little"""
    _, millicores = stores.collectds[ONE].samples(WEB)
    idle, burning, throttled = (
        [value for time, value in millicores if begin + 1 < time < end]
        for begin, end in stores.phases)
    assert set(idle) == {0}
    assert sum(burning) / len(burning) == pytest.approx(BURNED, rel=0.2)
    assert sum(throttled) / len(throttled) == pytest.approx(QUOTA, rel=0.1)


STORES = pytest.mark.parametrize("store", grafana.STORES)
TARGETS = [pytest.param(store, target, id=f"{store}-{panel['id']}-"
                                          f"{target['refId']}")
           for store in grafana.STORES
           for panel in grafana.panels(grafana.load(store))
           if panel["id"] not in grafana.CONDITIONS
           for target in panel["targets"]]


def has(csv, host, cgroup, instances):
    """All of these; cgroup=None: any cgroup"""
    found = {}
    for (name, _, what), rows in csv[host].items():
        if len(rows) >= 4 and cgroup in (None, name):
            found.setdefault(name, set()).add(what)
    return any(instances <= known for known in found.values())


@pytest.mark.parametrize("store, target", TARGETS)
def test_every_query_finds_what_there_is(stores, store, target):
    """It has data for the hosts and the cgroup for which csv has data"""
    csv = {host: stores.csv(host) for host in (ONE, TWO)}
    query = target[grafana.QUERY_KEYS[store]]
    begin, end = stores.window(ONE)
    expectations = []
    for hosts, cgroup in itertools.product(
            ([ONE], [TWO], [ONE, TWO], grafana.ALL), (WEB, BATCH)):
        expected = any(
            has(csv, host, cgroup if "$cgroup" in query else None,
                grafana.asked(query))
            for host in (csv if hosts == grafana.ALL else hosts))
        found = panels.ask(stores, store, target,
                           panels.chosen(store, hosts, cgroup), begin, end)
        assert bool(found) == expected, (hosts, cgroup, found)
        expectations.append(expected)
    assert any(expectations)


@STORES
def test_variables_of_the_dashboards(stores, store):
    def names(values):
        return {panels.named(store, value) for value in values}

    cgroups = {host: {cgroup for cgroup, *_ in stores.csv(host)}
               for host in (ONE, TWO)}
    everything = panels.chosen(store, grafana.ALL, "")
    assert panels.options(stores, store, "host", everything) == names([ONE, TWO])
    for hosts, expected in (([ONE], cgroups[ONE]), ([TWO], cgroups[TWO]),
                            ([ONE, TWO], cgroups[ONE] | cgroups[TWO]),
                            (grafana.ALL, cgroups[ONE] | cgroups[TWO])):
        assert panels.options(
            stores, store, "cgroup",
            panels.chosen(store, hosts, "")) == names(expected)


@STORES
@pytest.mark.parametrize("number, kind, instance, unit, phase", [
    (5, "gauge", "millicores", 1, 1), (7, "percent", "throttled_periods", 1, 2),
    (8, "derive", "throttled_usec", 1e-6, 2),
    (8, "derive", "throttled_local_usec", 1e-6, 2),
    (6, "gauge", "user_millicores", 1, 1), (14, "gauge", "limit_level", 1, 2),
    (15, "gauge", "millicores", 1, 1), (15, "gauge", "peak_millicores", 1, 1)])
def test_panels_show_what_csv_has(stores, store, number, kind, instance, unit,
                                  phase):
    begin, end = stores.phases[phase]
    series = stores.csv(ONE)[WEB, kind, instance]
    least, most = spread((kind, series), begin, end)
    if store == "influxdb" and is_counter(kind):
        most = max(most, *rates_of_steps(
            [(time, value) for time, value in series
             if begin - 4 <= time <= end + 4], panels.STEP))
    target, *_ = (
        target for target in panels.panel(store, number)["targets"]
        if grafana.asked(target[grafana.QUERY_KEYS[store]]) == {instance})
    found = panels.ask(stores, store, target,
                       panels.chosen(store, [ONE], WEB), begin + 2, end - 1)
    assert found
    for rows in found.values():
        for _, value in rows:
            assert least * unit * 0.99 <= value <= most * unit * 1.01
    if instance != "limit_level":
        assert max(value for rows in found.values() for _, value in rows) > 0


SIZES = [("millicores", 95), ("millicores", 99), ("peak_millicores", 95),
         ("peak_millicores", 99)]


def percentile_bounds(values, percent):
    """Stores define percentiles in several ways, and Prometheus misses some
    values"""
    values = sorted(values)
    rank = (len(values) - 1) * percent / 100
    return (values[max(0, math.floor(rank) - 2)],
            values[min(len(values) - 1, math.ceil(rank) + 2)])


@STORES
@pytest.mark.parametrize("number, of_use", [
    (17, lambda used: QUOTA - used), (18, lambda used: 100 * used / QUOTA)],
    ids=["wasted", "tight"])
def test_the_right_size(stores, store, number, of_use):
    """A row for each cgroup that has a limit: the container has a use and a
    peak as well"""
    csv = stores.csv(ONE)
    begin, end = stores.window(ONE)
    targets = panels.panel(store, number)["targets"]
    assert len(targets) == len(SIZES)
    for target, (instance, percent) in zip(targets, SIZES):
        found = panels.ask(stores, store, target,
                           panels.chosen(store, grafana.ALL, ""), begin, end)
        assert {tuple(word for word in name.split()[:3]
                      if not word.startswith("cgroup_cpu"))[:2]
                for name in found} == {
            (panels.named(store, ONE), panels.named(store, WEB))}
        least, most = sorted(of_use(used) for used in percentile_bounds(
            [value for _, value in csv[WEB, "gauge", instance]], percent))
        for rows in found.values():
            _, value = rows[-1]
            assert least - 0.01 <= value <= most + 0.01


@STORES
def test_panels_of_all_hosts_and_cgroups(stores, store):
    begin, end = stores.window(ONE)
    shown = {number: panels.show(
        stores, store, number,
        panels.chosen(store, grafana.ALL, WEB), begin, end)
        for number in (2, 3, 11, 12, 13)}

    def mentions(number):
        """The hosts and cgroups in the names"""
        return {tuple(word for word in name.split()
                      if not word.startswith("cgroup_cpu"))
                for name in shown[number]}

    def name(*words):
        return tuple(panels.named(store, word) for word in words)

    assert mentions(2) == mentions(3) == {
        name(TWO, BATCH), *(name(ONE, cgroup) for cgroup in
                            (WEB, "system.slice", *KUBERNETES))}
    assert mentions(11) == mentions(13) == {name(ONE), name(TWO)}
    assert mentions(12) == {name(ONE)}
    for rows in shown[12].values():
        assert 50 <= max(value for _, value in rows) <= 100
    for host, cgroups in ((ONE, 7), (TWO, 2)):
        assert {max(value for _, value in rows)
                for names, rows in shown[13].items()
                if panels.named(store, host) in names} == {cgroups}


@STORES
def test_a_choice_of_containers(stores, store):
    """Graphite knows only the namespace"""
    pod, container = KUBERNETES[-2:]
    begin, end = stores.window(ONE)
    namespace = {"graphite": "k8s_default_"}.get(store, "default")
    known = {"namespace": namespace, "pod": "web-0", "container": "app"}
    if store == "graphite":
        known = {"namespace": namespace}
    before = {}
    for variable, value in known.items():
        choices = panels.chosen(store, [ONE], "", **before)
        assert panels.options(stores, store, variable, choices) == {value}
        before[variable] = value
    for variable in known:
        choices = panels.chosen(store, grafana.ALL, "",
                                **{variable: known[variable]})
        chosen = {container} if variable == "container" else {pod, container}
        assert panels.options(stores, store, "cgroup", choices) == chosen
        for number in (2, 3):
            shown = panels.show(stores, store, number, choices, begin, end)
            assert {name.split()[-1] for name in shown} == chosen
