# SPDX-License-Identifier: MIT
"""The example for Prometheus takes the names of containers apart."""
import contextlib
import http.server
import json
import re
import shutil
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

import pytest

import examples
from sinks import LOOPBACK, free_port
from waiting import wait_until

ID = "4f1c2d9e8b7a"
# The labels that are added
NAMES = {
    "k8s_default_web-0_app": ("default", "web-0", "app"),
    "k8s_default_web-0_app+init": ("default", "web-0", "app"),
    "k8s_kube-system_etcd-node.example.com_POD": (
        "kube-system", "etcd-node.example.com", "POD"),
    "k8s_default_web-0": ("default", "web-0", None),
    "k8s_default_web-0+other": ("default", "web-0", None),
    f"k8s_default_web-0_+{ID}": ("default", "web-0", None),
    "k8s_default_a234~789_app~0a1b2c3d": ("default", "a234~789", "app"),
    "docker_my_web-1.2": (None, None, "my_web-1.2"),
    "docker_web+init": (None, None, "web"),
    "docker_web~0a1b2c3d": (None, None, "web"),
    "podman_job": (None, None, "job"),
    "nerdctl_job+init": (None, None, "job"),
    f"podman_pod+{ID}": (None, None, None),
    "podman@1000_job": (None, None, "job@1000"),
    f"podman@1000_pod+{ID}": (None, None, None),
    "system.slice_ssh.service": (None, None, None),
    "kubepods.slice": (None, None, None),
    "root": (None, None, None),
}


class Page(http.server.BaseHTTPRequestHandler):
    """As write_prometheus shows the names"""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        for name in NAMES:
            self.wfile.write(
                f'collectd_cgroup_cpu_gauge{{cgroup_cpu="{name}",'
                'type="millicores",instance="one.example.com"} 1\n'.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def page():
    with http.server.ThreadingHTTPServer((LOOPBACK, 0), Page) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def prometheus(directory, target):
    """A Prometheus with the example's configuration, that fetches from the
    port"""
    text = (examples.other_side("write_prometheus")
            + examples.additions("write_prometheus"))
    text, changed = re.subn(r"targets: \[.*\]",
                            f'targets: ["{LOOPBACK}:{target}"]', text)
    assert changed == 1
    text = text.replace("scrape_interval: 10s", "scrape_interval: 1s")
    (directory / "prometheus.yml").write_text(text)
    port = free_port()
    with subprocess.Popen([
            "prometheus", f"--config.file={directory}/prometheus.yml",
            f"--storage.tsdb.path={directory}/data",
            f"--web.listen-address={LOOPBACK}:{port}", "--log.level=warn"
            ]) as process:
        try:
            yield port
        finally:
            process.terminate()


def series(port):
    """The labels of all that is stored, or None"""
    query = urllib.parse.urlencode({"query": "collectd_cgroup_cpu_gauge"})
    try:
        with urllib.request.urlopen(
                f"http://{LOOPBACK}:{port}/api/v1/query?{query}") as answer:
            found = json.load(answer)["data"]["result"]
    except (urllib.error.URLError, ConnectionError):
        return None
    return [each["metric"] for each in found]


@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs prometheus")
def test_labels(page, tmp_path):
    with prometheus(tmp_path, page) as port:
        found = wait_until(lambda: series(port), 60, lambda: "nothing stored")
    assert {labels["cgroup_cpu"]: tuple(
        labels.get(name) for name in ("namespace", "pod", "container"))
        for labels in found} == NAMES
    assert {labels["instance"] for labels in found} == {"one.example.com"}
