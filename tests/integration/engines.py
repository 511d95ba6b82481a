# SPDX-License-Identifier: MIT
"""Fixtures: the containers of a running engine, and collectds that watch them.
The test gives `daemon`, the engine."""
import contextlib

import pytest

from daemon import Collectd
from precedence import FIRST


@pytest.fixture
def engine(daemon):
    """Without containers"""
    yield daemon
    daemon.remove_containers()


@pytest.fixture
def watch(engine, tmp_path):
    """watch(interval, name_root): a collectd"""
    with contextlib.ExitStack() as stack:
        def start(interval=1, name_root=None):
            return stack.enter_context(Collectd(
                tmp_path / "collectd", engine.collectd_options(name_root),
                interval).start(FIRST))

        yield start
