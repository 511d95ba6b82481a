# SPDX-License-Identifier: MIT
"""Whatever tenants call their cgroups: each has an identity of its own, and what
writers send is well formed."""
import contextlib
import http.server
import json
import os
import re
import socket
import socketserver
import threading
import urllib.request

import pytest

from cgroups import Cgroup, require_both
from daemon import Collectd
from test_many import Forest, instances

ID = "4f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a60514f1c2d9e8b7a6051"
PATHS = [os.fsencode(path) for path in (
    "a b", "a\tb", "a_b", "a/b", "a__b", "..x", "-", "--", ".hidden", '"',
    'a"b', "a;b", "a=b", "a,b=c", "a{b}", "a\\b", "a\\nb", "root", "café",
    "x" * 255, "x" * 254 + "y", "machine-a", r"machine\x2da",
    ID, ID[:12] + "0" * 52, ID[:12],
    "b value=1 1700000000", "c{type=\"x\"} 1")]
PATHS += [b"\xff\xfe", b"\xff\xfd", b"\x01\x1b[31m"]
CLEAN = re.compile(r"[A-Za-z0-9._@:+~-]{1,127}")


class Sink(socketserver.ThreadingTCPServer):
    """Keeps what is sent to it"""
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, handler):
        super().__init__(("127.0.0.1", 0), handler)
        self.received = []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def port(self):
        return self.server_address[1]


class Lines(socketserver.StreamRequestHandler):
    def handle(self):
        for line in self.rfile:
            self.server.received.append(line)


class Posts(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        length = int(self.headers["Content-Length"])
        self.server.received.append(self.rfile.read(length))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def sink(handler):
    with Sink(handler) as server:
        yield server
        server.shutdown()


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def cgroup():
    with Cgroup({"v2": require_both()["v2"]}) as cgroup:
        yield cgroup


class ByteForest(Forest):
    def __init__(self, directory):
        super().__init__(directory, [os.fsdecode(path) for path in PATHS])

    @property
    def all_paths(self):
        return {"/", "/a", *(f"/{path}" for path in self.paths)}


def scrape(port):
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
        return answer.read().decode()


def test_writers(tmp_path, cgroup):
    directory = cgroup.directory("v2")
    scraped = free_port()
    with ByteForest(directory) as forest, sink(Lines) as graphite, \
            sink(Posts) as posts:
        writers = f"""
LoadPlugin write_graphite
<Plugin write_graphite>
  <Node "test">
    Host "127.0.0.1"
    Port "{graphite.port}"
  </Node>
</Plugin>
LoadPlugin write_http
<Plugin write_http>
  <Node "test">
    URL "http://127.0.0.1:{posts.port}/"
    Format "JSON"
  </Node>
</Plugin>
LoadPlugin write_prometheus
<Plugin write_prometheus>
  Host "127.0.0.1"
  Port "{scraped}"
</Plugin>
"""
        collectd = Collectd(tmp_path / "first", f'Root "{directory}"')
        configuration = tmp_path / "first" / "collectd.conf"
        configuration.write_text(writers + configuration.read_text())
        with collectd.start():
            count = len(forest.all_paths)
            collectd.wait_for(lambda: len(
                instances(collectd, "gauge-millicores")) >= count)
            names = instances(collectd)
            text = scrape(scraped)
            collectd.stop()

        check_csv(names, count)
        check_graphite(graphite.received, count)
        check_prometheus(text, names)
        check_http(posts.received, names, forest.all_paths)
        assert not collectd.messages("warning") + collectd.messages("error")

        # The same after a restart.
        again = Collectd(tmp_path / "second", f'Root "{directory}"')
        with again.start():
            again.wait_for(lambda: len(instances(again)) >= count)
            assert instances(again) == names


def check_csv(names, count):
    assert len(names) == count
    for name in names:
        assert CLEAN.fullmatch(name), name
    assert {"root", "a_b", "a__b"} <= names


def check_graphite(lines, count):
    """Path, value and time, and no line of a tenant's own"""
    paths = set()
    for line in lines:
        path, value, moment = line.decode("ascii").rstrip("\r\n").split(" ")
        assert re.fullmatch(r"[A-Za-z0-9._@:+~-]+", path.replace("/", "_"))
        assert re.fullmatch(r"nan|-?\d+(\.\d+)?", value)
        assert moment.isdigit()
        if path.endswith("gauge-millicores"):
            paths.add(path)
    assert len(paths) == count


def check_prometheus(text, names):
    sample = re.compile(
        r'collectd_cgroup_cpu_(?:derive_total|gauge)\{cgroup_cpu="([^"\\]*)",'
        r'type="(?:cpu_usage_usec|millicores)",instance="[^"]*"\} \S+ \d+')
    lines = [line for line in text.splitlines()
             if line and not line.startswith("#")]
    found = [sample.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found) if not match]
    assert {match[1] for match in found} == names


def check_http(bodies, names, paths):
    """JSON that can be read, and the whole path in the metadata"""
    shown = {}
    for body in bodies:
        for value in json.loads(body):
            assert value["plugin"] == "cgroup_cpu"
            shown[value["plugin_instance"]] = value["meta"]["cgroup_cpu:path"]
    assert shown.keys() == names
    readable = {path for path in paths
                if all(" " <= c <= "~" and c not in '\\"' for c in path)}
    assert readable <= set(shown.values())
