# SPDX-License-Identifier: MIT
import os
import signal
from pathlib import Path

import pytest

from stores import Stores

HEAD = ("| environment | load | plugin | kernel's counter | difference |",
        "|---|---|--:|--:|--:|")


def interrupt(*_):
    raise KeyboardInterrupt


def pytest_configure(config):
    """Ended in whatever way, the tests take away what they made"""
    config.addinivalue_line("markers", "elsewhere: does not mind what else the"
                            " machine does, having one of its own")
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, interrupt)


@pytest.fixture(scope="session")
def report():
    """report(environment, load, plugin's mean, true mean): rows of a table,
    written to $CGROUP_CPU_REPORT, in Markdown, when that is set"""
    rows = []

    def add(environment, load, plugin, truth):
        rows.append(f"| {environment} | {load} | {plugin:.2f}m | {truth:.2f}m "
                    f"| {plugin - truth:+.2f}m |")

    yield add
    if target := os.environ.get("CGROUP_CPU_REPORT"):
        Path(target).write_text("\n".join([*HEAD, *rows]) + "\n")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """All stores, filled"""
    with Stores(tmp_path_factory.mktemp("stores")) as filled:
        yield filled
