# SPDX-License-Identifier: MIT
"""The dashboards in packaging/dashboards, and how Grafana changes their queries
before it sends them."""
import json
import re
from pathlib import Path

DIRECTORY = Path(__file__).parents[2] / "packaging" / "dashboards"
STORES = ("graphite", "influxdb", "prometheus")
VARIABLE = re.compile(r"\$(\w+)|\$\{(\w+)(?::\w+)?\}")
ALL = "$__all"
# The variables of Grafana itself.
BUILT_IN = {
    "graphite": set(),
    "influxdb": {"timeFilter", "__interval"},
    "prometheus": {"__interval", "__rate_interval", "__range"},
}
# Aliases contain marks for the store's own labels.
QUERY_KEYS = {"graphite": "target", "influxdb": "query", "prometheus": "expr"}

# What the queries ask for, and its unit in Grafana.
MILLICORES, PERCENT, SECONDS, NUMBER = (
    "suffix:m", "percent", "suffix: s/s", "none")
UNITS = {"millicores": MILLICORES, "limit_millicores": MILLICORES,
         "user_millicores": MILLICORES, "system_millicores": MILLICORES,
         "throttled_periods": PERCENT, "of_limit": PERCENT,
         "peak_millicores": MILLICORES, "limit_level": NUMBER,
         "pressure_some": PERCENT, "pressure_full": PERCENT,
         "throttled_usec": SECONDS, "throttled_local_usec": SECONDS,
         "cgroups_read": NUMBER, "cgroups_left_out": NUMBER,
         "cgroups_unreadable": NUMBER}
# The panels of the last row show only what meets a condition.
CONDITIONS = range(20, 26)
TYPE_INSTANCE = re.compile("|".join(sorted(UNITS, key=len, reverse=True)))


def path(store):
    return DIRECTORY / f"{store}.json"


def load(store):
    return json.loads(path(store).read_text())


def variables(dashboard):
    return {variable["name"]: variable
            for variable in dashboard["templating"]["list"]}


def panels(dashboard):
    """The panels with data"""
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


def variable_query(variable):
    """The text of the query, which is in an object or is the value itself"""
    query = variable["query"]
    return query["query"] if isinstance(query, dict) else query


def used(text):
    """The names of the variables in a query"""
    return {first or second for first, second in VARIABLE.findall(text)}


def asked(query):
    """The type instances in a query; in InfluxDB's they are the quoted ones"""
    found = set(TYPE_INSTANCE.findall(query))
    return set(re.findall("""type_instance" = '(\\w+)'""", query)) or found


def unit(query):
    """Of its values. Several type instances are compared: by the difference, or
    in percent. What excludes some of them does not matter."""
    query, *_ = query.split(" unless ")
    if "count" in query:
        return NUMBER
    units = {UNITS[name] for name in asked(query)}
    if len(asked(query)) > 1 and re.search(r"100 \*|asPercent", query):
        return PERCENT
    (found,) = units
    return found


def escaped(value):
    return re.sub(r"([.*+?^${}()|[\]\\])", r"\\\1", value)


def in_regex(values):
    joined = "|".join(map(escaped, values))
    return f"({joined})" if len(values) > 1 else joined


def in_prometheus(values):
    """Within a string, where backslashes are doubled"""
    return in_regex(values).replace("\\", "\\\\")


def in_glob(values):
    return f"{{{','.join(values)}}}" if len(values) > 1 else values[0]


FORMATS = {"graphite": in_glob, "influxdb": in_regex,
           "prometheus": in_prometheus}


def interpolate(store, dashboard, text, choices):
    """`text` with the chosen values of the variables: a list for those with
    several choices, or ALL"""
    known = variables(dashboard)

    def value_of(match):
        name = match[1] or match[2]
        if name not in choices:
            raise KeyError(f"${name} in {text}")
        chosen = choices[name]
        if chosen == ALL:
            return known[name]["allValue"]
        if isinstance(chosen, list):
            assert known[name]["multi"]
            return FORMATS[store](chosen)
        return chosen
    return VARIABLE.sub(value_of, text)


def matched(variable, values):
    """The values that a variable's regex selects or extracts. It can have a group
    for what is shown and another for the value."""
    if not variable["regex"]:
        return values
    expression = re.compile(re.sub(r"\(\?<(value|text)>", r"(?P<\1>",
                                   variable["regex"].strip("/")))
    group = "value" if "value" in expression.groupindex else 1
    return [match[group] for match in map(expression.search, values) if match]
