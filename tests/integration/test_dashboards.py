# SPDX-License-Identifier: MIT
"""Grafana accepts the dashboards, and every part of them is used."""
import itertools
import re

import pytest

import grafana

# Since version 36 a data source is an object with a type and a uid, and may be
# a variable. Grafana 9 and later can read it.
SCHEMA_VERSION = 36
WIDTH = 24
ALL_STORES = pytest.mark.parametrize("store", grafana.STORES)


@pytest.fixture
def dashboard(store):
    return grafana.load(store)


@ALL_STORES
def test_what_grafana_needs(store, dashboard):
    assert dashboard["schemaVersion"] == SCHEMA_VERSION
    assert dashboard["id"] is None
    assert re.fullmatch(r"[\w-]{1,40}", dashboard["uid"])
    assert dashboard["title"] and dashboard["time"].keys() == {"from", "to"}
    assert dashboard["annotations"]["list"] == []
    for panel in dashboard["panels"]:
        assert panel["type"] in ("row", "timeseries", "bargauge", "table")
        assert panel["title"]


def test_they_can_be_imported_side_by_side():
    dashboards = [grafana.load(store) for store in grafana.STORES]
    for key in ("uid", "title"):
        assert len({dashboard[key] for dashboard in dashboards}) == 3


@ALL_STORES
def test_panels_have_ids_and_places_of_their_own(store, dashboard):
    ids = [panel["id"] for panel in dashboard["panels"]]
    assert len(set(ids)) == len(ids)
    taken = []
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] >= 0 and place["x"] + place["w"] <= WIDTH
        taken += itertools.product(
            range(place["x"], place["x"] + place["w"]),
            range(place["y"], place["y"] + place["h"]))
    assert len(set(taken)) == len(taken)
    # There are no holes either.
    assert len(taken) == WIDTH * (1 + max(y for _, y in taken))


@ALL_STORES
def test_every_query_is_shown(store, dashboard):
    key = grafana.QUERY_KEYS[store]
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            assert panel["panels"] == [] and "targets" not in panel
            continue
        targets = panel["targets"]
        assert targets
        names = [target["refId"] for target in targets]
        assert names == sorted(set(names))
        for target in targets:
            assert target[key].strip() and not target.get("hide")
    # Nothing else in the file is a query.
    assert sum(grafana.path(store).read_text().count(f'"{word}":')
               for word in ("refId",)) == sum(
        len(panel["targets"]) for panel in grafana.panels(dashboard)) + sum(
        isinstance(variable["query"], dict)
        for variable in dashboard["templating"]["list"])


@ALL_STORES
def test_the_data_source_is_chosen_by_who_imports(store, dashboard):
    wanted = {"type": store, "uid": "${datasource}"}
    known = grafana.variables(dashboard)
    assert known["datasource"]["type"] == "datasource"
    assert known["datasource"]["query"] == store
    for panel in grafana.panels(dashboard):
        assert panel["datasource"] == wanted
        assert all(target["datasource"] == wanted
                   for target in panel["targets"])
    for variable in known.values():
        if variable["type"] == "query":
            assert variable["datasource"] == wanted


@ALL_STORES
def test_variables_are_known_and_used(store, dashboard):
    key = grafana.QUERY_KEYS[store]
    known = grafana.variables(dashboard)
    texts = [target[key] for panel in grafana.panels(dashboard)
             for target in panel["targets"]]
    texts += [grafana.variable_query(variable) for variable in known.values()
              if variable["type"] == "query"]
    found = set().union(*map(grafana.used, texts))
    assert found - grafana.BUILT_IN[store] == known.keys() - {"datasource"}
    assert {"host", "cgroup"} <= known.keys()
    assert known["host"]["multi"] and known["host"]["includeAll"]
    assert not known["cgroup"]["multi"]
    for panel in dashboard["panels"]:
        assert grafana.used(panel["title"]) <= known.keys()


@ALL_STORES
def test_units(store, dashboard):
    """The unit of a panel is that of its queries"""
    key = grafana.QUERY_KEYS[store]
    for panel in grafana.panels(dashboard):
        unit = panel["fieldConfig"]["defaults"]["unit"]
        for target in panel["targets"]:
            assert unit == grafana.unit(target[key]), panel["title"]


def test_all_stores_have_the_same_panels():
    first, *others = ([
        (panel["id"], panel["gridPos"],
         panel["fieldConfig"]["defaults"]["unit"])
        for panel in grafana.panels(grafana.load(store))]
        for store in grafana.STORES)
    assert others == [first, first]
