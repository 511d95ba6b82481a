# SPDX-License-Identifier: MIT
"""Every cgroup can be distinguished from all others, whatever its name, and a
receiver gets nothing but values."""
import collections
import contextlib
import itertools
import re

import pytest

from cgroups import Cgroup, require_both
from daemon import HOST, Collectd
from delivered import (MILLICORES, USAGE, complaints, instances, kinds,
                       wait_for_passes)
from forest import Forest, with_parents
from precedence import FIRST
from sinks import GraphiteSink, HttpSink, free_port, plugin, scrape

pytest_plugins = ["watched"]

ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
TWIN_ID = ID[:12] + ID[:11:-1]

# The expected names. "#" stands for "~" and the eight digits of a hash.
NAMES = {
    # nothing special, but in places where it might be
    b"-": "-",
    b"--help": "--help",
    b"..x": "..x",
    b"...": "...",
    b".hidden": ".hidden",
    b"a@b+c:d": "a@b+c:d",
    b"derive-cpu_usage_usec": "derive-cpu__usage__usec",
    # not the root
    b"root": "root#",
    # not what the plugin reports on itself
    b"_plugin": "__plugin",
    b" plugin": "_plugin#",
    b"\\x5fplugin": "_x5fplugin#",
    # slashes and underscores
    b"a/b": "a_b",
    b"a_b": "a__b",
    b"a__b": "a____b#",
    b"a/_b": "a___b#",
    b"a_/b": "a___b#",
    b"_": "__",
    b"__": "____#",
    # blanks and other separators in lines
    b"with blank": "with_blank#",
    b" leading": "_leading#",
    b"trailing ": "trailing_#",
    b" ": "_#",
    b"tab\there": "tab_here#",
    b"x 1 1\rinjected 2 2\r": "x_1_1_injected_2_2_#",
    b"\x01\x1b[31m\x7f": "___31m_#",
    # ends of strings, labels, tags and values, and other special characters
    b'quo"te': "quo_te#",
    b'"} 1\r': "___1_#",
    b"apo'strophe": "apo_strophe#",
    b"a;b": "a_b#",
    b"a=b": "a_b#",
    b"a,b": "a_b#",
    b"a;b=c": "a_b_c#",
    b"{a}": "_a_#",
    b"a#b": "a_b#",
    b"100%25": "100_25#",
    b"a~b": "a_b#",
    b"a*?[b]": "a___b_#",
    b"%s%n%5$s": "_s_n_5_s#",
    b"$(id)`id`": "__id__id_#",
    # backslashes, escapes of systemd, and what only looks like them
    b"back\\slash": "back_slash#",
    b"end\\": "end_#",
    b"\\": "_#",
    b"\\n": "_n#",
    b"\\x": "_x#",
    b"\\x2": "_x2#",
    b"\\xzz": "_xzz#",
    b"esc\\x2daped": "esc-aped",
    b"esc\\x2faped": "esc_x2faped#",
    b"esc\\x00aped": "esc_x00aped#",
    b"esc\\x22aped": "esc_x22aped#",
    # bytes beyond ASCII: UTF-8, and other encodings
    "caf\u00e9".encode(): "caf__#",
    b"caf\xe9!": "caf__#",
    b"\xff\xfe": "__#",
    b"\xf0\x9f\x90": "___#",
    # long names
    b"x" * 126: "x" * 126,
    b"x" * 127: "x" * 127,
    b"x" * 128: "x" * 40 + "~" + "x" * 77 + "#",
    b"x" * 254 + b"y": "x" * 40 + "~" + "x" * 76 + "y#",
    b"x" * 100 + b"z" + b"x" * 153 + b"y": "x" * 40 + "~" + "x" * 76 + "y#",
    b"\xff" * 160: "_" * 40 + "~" + "_" * 77 + "#",
    # container identifiers, and what only looks like them
    b"docker/" + ID.encode(): "docker_" + ID[:12],
    b"docker/x" + ID.encode(): "docker_x" + ID,
    b"docker/" + ID[:63].encode(): "docker_" + ID[:63],
    b"docker/" + ID.upper().encode(): "docker_" + ID.upper(),
}
# For these pairs, the older cgroup has the name without a hash.
RIVALS = [
    (b"machine-a.scope", b"machine\\x2da.scope"),
    (b"containers/" + ID.encode(), b"containers/" + TWIN_ID.encode()),
]
# The longest path, including that of the root.
LONGEST = 4032
HASH = "~[0-9a-f]{8}"


def encoded(path):
    """The metadata of that path: percent-encoded unless it is plain ASCII"""
    return "".join(chr(byte) if 0x20 <= byte < 0x7f and byte != 0x25
                   else f"%{byte:02X}" for byte in path)


def pattern(name):
    return "".join(HASH if part == "#" else re.escape(part)
                   for part in re.split("(#)", name))


def names_by_path(values):
    """Of all but what the plugin reports on itself"""
    found = collections.defaultdict(set)
    for value in values:
        if value["plugin_instance"] == "_plugin":
            assert "meta" not in value
            continue
        found[value["meta"]["cgroup_cpu:path"]].add(value["plugin_instance"])
    return dict(found)


class Run:
    """One life of a collectd with all of the writers"""

    def __init__(self, directory, root):
        with contextlib.ExitStack() as stack:
            graphite, dotted = (stack.enter_context(GraphiteSink())
                                for _ in range(2))
            http = stack.enter_context(HttpSink())
            port = free_port()
            collectd = Collectd(directory, f'Root "{root}"\nMetadata true', 0.5, [
                plugin("write_graphite", "\n".join(
                    [graphite.node(), dotted.node("PreserveSeparator true")])),
                plugin("write_http", http.node()),
                plugin("write_prometheus",
                       f'Host "127.0.0.1"\nPort "{port}"')])
            with collectd.start(FIRST):
                wait_for_passes(collectd, 3)
                self.prometheus = scrape(port)
                self.complaints = complaints(collectd)
                collectd.stop()
            self.kinds = kinds(collectd)
            self.graphite = graphite.lines
            self.dotted = dotted.lines
            self.values = http.values

    @property
    def names(self):
        """The names, by path"""
        return names_by_path(self.values)


@pytest.fixture(scope="module", params=["v1", "v2"])
def runs(request, tmp_path_factory):
    """Two runs, one after the other"""
    directory = tmp_path_factory.mktemp("names")
    version = request.param
    paths = [*NAMES, *itertools.chain(*RIVALS)]
    with Cgroup({version: require_both()[version]}) as cgroup, \
            Forest(cgroup.directory(version), paths):
        yield [Run(directory / number, cgroup.directory(version))
               for number in "12"]


@pytest.fixture
def run(runs):
    return runs[0]


PATHS = {b"/", *(b"/" + path for path in with_parents(
    [*NAMES, *itertools.chain(*RIVALS)]))}


def test_paths_are_told_apart_by_the_test_itself():
    assert len({encoded(path) for path in PATHS}) == len(PATHS)


def test_each_has_an_identity_of_its_own(run):
    assert len(run.kinds) == len(PATHS)
    assert all(found == {USAGE, MILLICORES} for found in run.kinds.values())
    assert all(re.fullmatch(r"[A-Za-z0-9._@:+~-]{1,127}", instance)
               for instance in run.kinds)
    assert not run.complaints


def test_names_are_as_documented(run):
    (root,) = run.names["/"]
    assert root == "root"
    for path, name in NAMES.items():
        (instance,) = run.names["/" + encoded(path)]
        assert re.fullmatch(pattern(name), instance), (path, instance)
    for rivals in RIVALS:
        first, second = sorted(
            instance for path in rivals
            for instance in run.names["/" + encoded(path)])
        assert re.fullmatch(re.escape(first) + HASH, second)


def test_names_are_the_same_after_a_restart(runs):
    assert runs[0].names == runs[1].names


def test_json_has_each_path_and_its_own_name(run):
    assert run.names.keys() == {encoded(path) for path in PATHS}
    assert all(len(found) == 1 for found in run.names.values())
    assert set.union(*run.names.values()) == run.kinds.keys()
    for value in run.values:
        assert (value["host"], value["plugin"]) == (HOST, "cgroup_cpu")
        assert (value["type"], value["type_instance"]) in {
            ("derive", "cpu_usage_usec"), ("gauge", "millicores")}


def check_graphite(lines, names):
    """Each line is as expected, and no two lines of a name have the same
    time"""
    seen = set()
    for line in lines:
        metric, value, moment = line.rstrip(b"\r").decode("ascii").split(" ")
        host, name, kind = metric[:len(HOST)], *re.fullmatch(
            r"\.cgroup_cpu-(.*)\.([^.]*)", metric[len(HOST):]).groups()
        assert host == HOST
        assert name in names, line
        assert kind in {"derive-cpu_usage_usec", "gauge-millicores"}
        assert value == "nan" or float(value) >= 0
        assert moment.isdigit()
        seen.add((name, kind))
    assert seen == {(name, kind) for name in names for kind in
                    ("derive-cpu_usage_usec", "gauge-millicores")}


def test_lines_to_graphite(run):
    """The writer replaces dots and colons by underscores"""
    assert run.graphite
    check_graphite(run.graphite, {
        re.sub("[.:]", "_", name) for name in run.kinds})


def test_lines_to_graphite_with_dots(run):
    names = {name.replace(":", "_") for name in run.kinds}
    assert len(names) == len(run.kinds)
    check_graphite(run.dotted, names)


SAMPLE = re.compile(
    r'collectd_cgroup_cpu_(?P<kind>derive_total|gauge)'
    r'\{cgroup_cpu="(?P<name>[^"\\\n]*)",type="(?P<type>[a-z_]+)",'
    rf'instance="{HOST}"\}} [0-9.e+]+ [0-9]+')


def test_what_prometheus_scrapes(run):
    lines = [line for line in run.prometheus.split("\n")
             if line and not line.startswith("#")]
    samples = [SAMPLE.fullmatch(line) for line in lines]
    assert all(samples), lines
    assert len(lines) == 2 * len(PATHS)
    for kind, instance in (("derive_total", "cpu_usage_usec"),
                           ("gauge", "millicores")):
        assert {sample["name"] for sample in samples
                if (sample["kind"], sample["type"]) == (kind, instance)
                } == run.kinds.keys()


@pytest.fixture
def start_with_http(start):
    """Also returns the receiver of write_http"""
    with contextlib.ExitStack() as sinks:
        def begin(options=""):
            sink = sinks.enter_context(HttpSink())
            return start(f"Metadata true\n{options}", 0.2,
                         [plugin("write_http", sink.node())]), sink

        yield begin


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("rivals", RIVALS, ids=["escape", "container"])
def test_rivals_keep_their_names(directory, start_with_http, rivals, order):
    """A restart does not exchange the names of two cgroups, whichever was
    created first"""
    names = []
    with Forest(directory) as forest:
        collectd, sink = start_with_http()
        for path in rivals[::order]:
            forest.add(path)
            wait_for_passes(collectd, 2)
        collectd.stop()
        names.append(names_by_path(sink.values))
        collectd, sink = start_with_http()
        wait_for_passes(collectd, 2)
        collectd.stop()
        names.append(names_by_path(sink.values))

    for path in rivals:
        assert len(names[0]["/" + encoded(path)]) == 1
    assert names[0] == names[1]


def test_leaves_of_the_same_name(directory, start_with_http):
    paths = [f"{parent}/{leaf}" for parent in ("a", "b", "c/d")
             for leaf in ("my_app.service", "root", "with blank", "d",
                          "_plugin")]
    with Forest(directory, paths):
        collectd, sink = start_with_http(
            'InstanceFormat "leaf"\nReportSelf true')
        wait_for_passes(collectd, 3)
        logged = complaints(collectd)
        collectd.stop()

    names = {path: name for path, (name,) in
             names_by_path(sink.values).items()}
    assert len(set(names.values())) == len(names)
    assert names.keys() == {"/", *("/" + path.decode() for path in
                                   with_parents(paths))}
    assert names["/"] == "root"
    for leaf, shown in (("my_app.service", "my_app.service"), ("d", "d")):
        same = sorted(name for path, name in names.items()
                      if path.endswith(f"/{leaf}"))
        assert same[0] == shown
        assert all(re.fullmatch(re.escape(shown) + HASH, name)
                   for name in same[1:])
    for leaf, shown in (("root", "root"), ("with blank", "with_blank"),
                        ("_plugin", "_plugin")):
        assert all(re.fullmatch(shown + HASH, name)
                   for path, name in names.items()
                   if path.endswith(f"/{leaf}"))
    assert kinds(collectd)["_plugin"] == {
        f"gauge-{what}" for what in (
            "cgroups_read", "cgroups_idle", "cgroups_left_out",
            "cgroups_unreadable", "pass_usec")}
    assert not logged


def test_long_paths_reach_all_writers(directory, start_with_http):
    """collectd's JSON writers refuse a value with more than 511 bytes of
    metadata"""
    paths = [b"a" * 250 + b"/" + b"b" * 255, b"a" * 250 + b"/" + b'"' * 255,
             b"a" * 250 + b"/" + b"c" * 255 + b"/" + b"d" * 255, b"\xff" * 255]
    with Forest(directory, paths):
        collectd, sink = start_with_http()
        wait_for_passes(collectd, 3)
        logged = complaints(collectd)
        collectd.stop()

    expected = instances(collectd)
    assert len(expected) == 7
    assert {value["plugin_instance"] for value in sink.values} == expected
    assert not logged


@pytest.mark.parametrize("length", [LONGEST - 1, LONGEST, LONGEST + 1])
def test_the_longest_paths(directory, start, length):
    """Longer paths are not reported, and cause no trouble"""
    path = "/".join(["x" * 249] * 15)
    path += "/" + "y" * (length - len(f"{directory}/{path}/"))
    assert len(f"{directory}/{path}") == length
    with Forest(directory, [path]):
        collectd = start(interval=0.2)
        wait_for_passes(collectd, 3)
        logged = complaints(collectd)

    assert len(instances(collectd, MILLICORES)) == 1 + 15 + (length <= LONGEST)
    assert not logged
