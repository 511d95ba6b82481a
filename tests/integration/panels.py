# SPDX-License-Identifier: MIT
"""The contents of the dashboards' panels, queried from the real stores."""
import re

import grafana

STEP = 2


def named(store, name):
    """The name of a host or cgroup in that store"""
    return name.replace(".", "~") if store == "graphite" else name


def chosen(store, hosts, cgroup, **more):
    """Choices for the variables; hosts is a list or grafana.ALL"""
    if hosts != grafana.ALL:
        hosts = [named(store, host) for host in hosts]
    return {"host": hosts, "cgroup": named(store, cgroup),
            "namespace": grafana.ALL, "pod": grafana.ALL,
            "container": grafana.ALL, **more}


def graphite(stores, dashboard, target, choices, begin, end):
    return stores.graphite.query(
        grafana.interpolate("graphite", dashboard, target["target"], choices),
        begin, end)


def influxdb(stores, dashboard, target, choices, begin, end):
    query = grafana.interpolate("influxdb", dashboard, target["query"], {
        "least": "1", **choices, "__interval": f"{STEP}s",
        "timeFilter": f"time >= {begin * 1e3:.0f}ms "
                      f"and time <= {end * 1e3:.0f}ms"})
    found = {}
    for name, tags, columns, rows in stores.influxdb.query(query):
        for time, value, *labels in rows:
            key = " ".join([name, *tags.values(), *labels])
            found.setdefault(key, []).append((time / 1e9, value))
        assert len(columns) == 2 or target["resultFormat"] == "table"
    return found


def prometheus(stores, dashboard, target, choices, begin, end):
    query = grafana.interpolate("prometheus", dashboard, target["expr"], {
        **choices, "__interval": f"{STEP}s", "__rate_interval": "4s",
        "__range": f"{end - begin:.0f}s"})
    if target["instant"]:
        found = [(dict(labels), [(end, value)]) for labels, value
                 in stores.prometheus.query(query, end).items()]
    else:
        found = stores.prometheus.query_range(query, begin, end, STEP)
    return {re.sub(r"\{\{(\w+)\}\}", lambda mark: labels[mark[1]],
                   target["legendFormat"]): rows for labels, rows in found}


ASK = {"graphite": graphite, "influxdb": influxdb, "prometheus": prometheus}


def ask(stores, store, target, choices, begin, end):
    """{name: [(time, value), ...]} with at least one value each"""
    found = ASK[store](stores, grafana.load(store), target, choices, begin,
                       end)
    return {name: rows for name, rows in found.items() if rows}


def panel(store, number):
    (found,) = (panel for panel in grafana.panels(grafana.load(store))
                if panel["id"] == number)
    return found


def show(stores, store, number, choices, begin, end):
    """All series of the panel with this id"""
    return {name: rows for target in panel(store, number)["targets"]
            for name, rows in ask(stores, store, target, choices, begin,
                                  end).items()}


def options(stores, store, name, choices):
    """The choices for a variable"""
    dashboard = grafana.load(store)
    variable = grafana.variables(dashboard)[name]
    query = grafana.interpolate(store, dashboard,
                                grafana.variable_query(variable), choices)
    if store == "graphite":
        values = stores.graphite.find(query)
    elif store == "influxdb":
        values = [value for _, _, _, rows in stores.influxdb.query(query)
                  for _, value in rows]
    else:
        selector, label = re.fullmatch(r"label_values\((.*), (\w+)\)",
                                       query).groups()
        values = stores.prometheus.ask(f"label/{label}/values",
                                       **{"match[]": selector})
    return set(grafana.matched(variable, values))
