# SPDX-License-Identifier: MIT
"""Fixtures: a cgroup that a test created, and collectds that have it as
root."""
import contextlib
import itertools
import shutil
import tempfile
from pathlib import Path

import pytest

from cgroups import Cgroup, require_both
from daemon import BUILD, Collectd
from precedence import FIRST


@pytest.fixture(params=["v1", "v2"])
def version(request):
    return request.param


@pytest.fixture
def cgroup(version):
    with Cgroup({version: require_both()[version]}) as cgroup:
        yield cgroup


@pytest.fixture
def directory(cgroup, version):
    return cgroup.directory(version)


@pytest.fixture
def start(tmp_path, directory):
    """start(options="", interval=0.5, beside=(), prefix=(), root=the cgroup,
    priority=FIRST)"""
    numbers = itertools.count()

    with contextlib.ExitStack() as running:
        def begin(options="", interval=0.5, beside=(), prefix=(),
                  root=directory, priority=FIRST):
            collectd = Collectd(tmp_path / f"collectd{next(numbers)}",
                                (f'Root "{root}"\n' if root else "") + options,
                                interval, beside)
            return running.enter_context(collectd.start(
                [*priority, *prefix]))

        yield begin


@pytest.fixture
def open_place():
    """A directory that everybody can use, with the plugin in it"""
    with tempfile.TemporaryDirectory(prefix="cgroup_cpu_test.") as name:
        place = Path(name)
        build = place / "build"
        (build / ".libs").mkdir(parents=True)
        shutil.copy(BUILD / ".libs/cgroup_cpu.so", build / ".libs")
        place.chmod(0o777)
        yield place
