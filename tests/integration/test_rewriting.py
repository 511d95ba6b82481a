# SPDX-License-Identifier: MIT
"""The examples for Graphite and InfluxDB take the names of containers apart."""
import collections
import contextlib
import shutil
import time

import pytest

import examples
from network import Network
from precedence import FIRST
from sender import Sender
from store_graphite import Graphite
from store_influxdb import NAMES as MEASUREMENTS, InfluxDB
from waiting import wait_until

HOST = "one.example.com"
PLACES = {"graphite.example.com": None, "influxdb.example.com": None, HOST: 0}
ID = "4f1c2d9e8b7a"
# Namespace, pod and container
NAMES = {
    "k8s_default_web-0_app": ("default", "web-0", "app"),
    "k8s_default_web-0_POD": ("default", "web-0", "POD"),
    "k8s_default_web-0": ("default", "web-0", None),
    f"k8s_default_web-0_+{ID}": ("default", "web-0", f"+{ID}"),
    "k8s_default_web-0_app+init_x": (None, None, None),
    "k8s_default_web-0+other": (None, None, None),
    # The pod a.b, and the container b of the pod a
    "k8s_default_a.b": ("default", "a~b", None),
    "k8s_default_a_b": ("default", "a", "b"),
    "k8s_kube-system_etcd-1.example.com_etcd": (
        "kube-system", "etcd-1~example~com", "etcd"),
    "k8s_default_a234~789_app~0a1b2c3d": (
        "default", "a234~789", "app~0a1b2c3d"),
    "docker_my_web-1.2": (None, None, "my_web-1~2"),
    "docker_my_web-1.2+init": (None, None, None),
    "nerdctl_job": (None, None, "job"),
    "podman_job": (None, None, "job"),
    f"podman_pod+{ID}": (None, None, None),
    "podman@1000_job": (None, None, "job@1000"),
    f"podman@1000_pod+{ID}": (None, None, None),
    "system.slice_user@0.service": (None, None, None),
    "root": (None, None, None),
}
VALUES = {name: 10.0 * number for number, name in enumerate(NAMES, 1)}


@pytest.fixture
def network(tmp_path):
    with Network(tmp_path / "network", PLACES) as network:
        yield network


@pytest.fixture
def sender_of(network, tmp_path):
    """sender_of(example, ...): a collectd"""
    with contextlib.ExitStack() as stack:
        def start(*names):
            return stack.enter_context(Sender(tmp_path, HOST, names)).start(
                [*FIRST, *network[0].prefix])

        yield start


def escaped(name):
    return name.replace(".", "~")


def graphite_name(name):
    namespace, pod, container = NAMES[name]
    if container and pod:
        middle = f"containers.{namespace}.{pod}.{container}"
    elif pod:
        middle = f"pods.{namespace}.{pod}"
    else:
        middle = f"cgroup_cpu-{escaped(name)}"
    return f"collectd.{escaped(HOST)}.{middle}.gauge-millicores"


def test_graphite(network, sender_of):
    hub = network.hub
    graphite = Graphite(hub, examples.additions("write_graphite")).start()
    hub.wait_for(graphite.is_ready, 60)
    begin = time.time()
    sender = sender_of("write_graphite")
    sender.send(VALUES)

    def check(targets, expected):
        """What carbon is just writing is missing for a moment"""
        def found():
            return {name: value for name, ((_, value),) in graphite.query(
                targets, begin - 2, time.time() + 2).items()}
        wait_until(lambda: sender.has_delivered(lambda: found() == expected),
                   30, lambda: f"{found()}\n{hub.log()}")

    names = {graphite_name(name): value for name, value in VALUES.items()}
    check([*names], names)
    files = graphite.directory / "whisper"
    stored = {".".join(path.relative_to(files).with_suffix("").parts)
              for path in files.glob("collectd/**/*.wsp")}
    assert {*names} == {
        name for name in stored if ".collectd-" not in name}
    _, query = examples.queries("write_graphite")
    pods = collections.Counter()
    for name, (namespace, pod, container) in NAMES.items():
        if pod and not container:
            pods[namespace] += VALUES[name]
    check(query, pods)


def stored(influxdb, name):
    """[(tags, value), ...]"""
    return [(tags, value) for _, tags, _, ((_, value),) in influxdb.query(
        f'SELECT last("value") FROM "{name}" GROUP BY *')]


def use_of_containers():
    """By namespace"""
    found = collections.Counter()
    for name, (namespace, pod, container) in NAMES.items():
        if pod and container:
            found[namespace] += VALUES[name]
    return found


def start_influxdb(hub, names):
    influxdb = InfluxDB(hub, names).start()
    hub.wait_for(influxdb.is_ready, 60)
    influxdb.query("CREATE DATABASE collectd")
    return influxdb


def test_influxdb(network, sender_of):
    """The parts are found in a query"""
    influxdb = start_influxdb(network.hub, list(MEASUREMENTS))
    sender = sender_of(*MEASUREMENTS)

    def has_arrived(name):
        """It is sent again, as in each interval: over UDP, nothing tells whether it
        came"""
        sender.send(VALUES)
        return sender.has_delivered(
            lambda: len(stored(influxdb, name)) >= len(VALUES))

    for example, name in MEASUREMENTS.items():
        network.hub.wait_for(lambda: has_arrived(name))
        query, = examples.queries(example)
        assert name in query and "k8s_default_" in query
        (_, _, _, ((_, value),)), = influxdb.query(query)
        assert value == use_of_containers()["default"]


def test_influxdb_with_tags(network, sender_of, tmp_path):
    example = "write_graphite_influxdb"
    program, *options = examples.command(example)
    if not shutil.which(program):
        pytest.skip(f"needs {program}")
    hub = network.hub
    influxdb = start_influxdb(hub, [example])
    configuration = tmp_path / "carbon-c-relay.conf"
    configuration.write_text(examples.additions(example))
    options[options.index(configuration.name)] = str(configuration)
    hub.start("relay", program, *options, TMPDIR=str(tmp_path))
    wait_until(lambda: "startup sequence complete" in hub.log(), 30, hub.log)
    sender = sender_of(example)
    sender.send(VALUES)
    hub.wait_for(lambda: sender.has_delivered(
        lambda: len(stored(influxdb, "cgroup_cpu")) >= len(VALUES)))

    found = {}
    for tags, value in stored(influxdb, "cgroup_cpu"):
        assert (tags["host"], tags["type"], tags["type_instance"]) == (
            escaped(HOST), "gauge", "millicores")
        found[tags["instance"]] = value, tuple(
            tags.get(key) or None for key in ("namespace", "pod", "container"))
    assert found == {escaped(name): (VALUES[name], parts)
                     for name, parts in NAMES.items()}
    query, = examples.queries(example)
    assert {tags["namespace"]: value for _, tags, _, ((_, value),)
            in influxdb.query(query)} == use_of_containers()
