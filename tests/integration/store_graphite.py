# SPDX-License-Identifier: MIT
"""carbon-cache and graphite-web, from Debian's packages."""
import json
import re
import shutil
from urllib.parse import urlencode

import pytest

import examples

WEB_PORT = 8080
CARBON = """\
[{service}]
STORAGE_DIR = {directory}
LOCAL_DATA_DIR = {directory}/whisper
CONF_DIR = {directory}
LOG_DIR = {directory}
PID_DIR = {directory}
ENABLE_LOGROTATION = False
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
LINE_RECEIVER_INTERFACE = 0.0.0.0
LINE_RECEIVER_PORT = 2003
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = 7002
"""
DEFAULT_SCHEMA = """
[default]
pattern = .*
retentions = 60s:1h
"""
SETTINGS = """\
SECRET_KEY = "test"
CONF_DIR = STORAGE_DIR = LOG_DIR = {directory!r}
WHISPER_DIR = {directory!r} + "/whisper"
LOG_ROTATION = False
CARBONLINK_HOSTS = ["127.0.0.1:7002"]
FIND_CACHE_DURATION = 0
DEFAULT_CACHE_DURATION = 0
"""
SERVE = """
from wsgiref.simple_server import make_server
from graphite.wsgi import application
from django.core.management import call_command
call_command("migrate", run_syncdb=True, verbosity=0)
make_server("0.0.0.0", {port}, application).serve_forever()
"""


def start_carbon(host, rules=None):
    """A carbon on `host`, and its directory, which it finds again after a
    stop. With `rules`, it renames what it gets."""
    if not shutil.which("carbon-cache"):
        pytest.skip("needs graphite-carbon")
    directory = host.directory / "graphite"
    (directory / "whisper").mkdir(parents=True, exist_ok=True)
    service = "cache" if rules is None else "aggregator-cache"
    (directory / "carbon.conf").write_text(
        CARBON.format(directory=directory, service=service))
    if rules is not None:
        (directory / "aggregation-rules.conf").write_text("")
        (directory / "rewrite-rules.conf").write_text(rules)
    (directory / "storage-schemas.conf").write_text(
        schema(examples.other_side("write_graphite")) + DEFAULT_SCHEMA)
    host.start("carbon", f"carbon-{service}", "--nodaemon",
               f"--config={directory}/carbon.conf", "start")
    return directory


class Graphite:
    """Runs on `host`. With `rules`, carbon renames what it gets."""

    def __init__(self, host, rules=None):
        self.host = host
        self.rules = rules

    def start(self):
        if not shutil.which("graphite-manage"):
            pytest.skip("needs graphite-web")
        self.directory = start_carbon(self.host, self.rules)
        settings = self.directory / "graphite_test_settings.py"
        settings.write_text(SETTINGS.format(directory=str(self.directory)))
        self.host.start("graphite-web", "/usr/bin/python3", "-c",
                        SERVE.format(port=WEB_PORT),
                        PYTHONPATH=str(self.directory),
                        GRAPHITE_SETTINGS_MODULE="graphite_test_settings")
        return self

    def is_ready(self):
        return self.host.get(WEB_PORT, "/metrics/find?query=*") is not None

    def render(self, **parameters):
        return self.host.get(WEB_PORT, "/render",
                             urlencode(parameters, doseq=True).encode())

    def query(self, target, begin, end):
        """{name: [(time, value), ...]}"""
        answer = json.loads(self.render(
            target=target, format="json", noNullPoints="true",
            **{"from": int(begin), "until": int(end)}))
        return {series["target"]: [(time, value) for value, time
                                   in series["datapoints"]]
                for series in answer}

    def find(self, pattern):
        """The names that Grafana lists for a variable"""
        answer = json.loads(self.host.get(
            WEB_PORT, "/metrics/find", urlencode({"query": pattern}).encode()))
        return [node["text"] for node in answer]


def schema(text):
    """The example's, for an interval of 1 s"""
    changed, count = re.subn(r"retentions = 10s:\S+", "retentions = 1s:1h",
                             text)
    assert count == 1, text
    return changed
