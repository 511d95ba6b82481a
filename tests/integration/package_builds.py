# SPDX-License-Identifier: MIT
"""The packages, built once, and systems to install them on."""
import contextlib
import shutil
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

import shared
from apt import get_source
from debian import Debian
from packages import (PACKAGE, SOURCE, Build, System, make_repository, older,
                      older_rpm, only, run)


@pytest.fixture(scope="session")
def scratch(tmp_path_factory):
    """pytest would keep its directories, but systems are large"""
    directory = tmp_path_factory.mktemp("packages")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def debians(debian_directory, scratch):
    with contextlib.ExitStack() as stack:
        yield {release: stack.enter_context(
                   Debian(release, debian_directory, scratch / release))
               for release in ("bookworm", "trixie")}


def get_collectd(directory):
    """collectd's own source, from Debian's package"""
    directory.mkdir()
    get_source(directory, "collectd")
    return only(directory, "*.orig.tar.*")


def make_packages(place):
    """Builds from this tree and, later in another place, from its archive; and
    an older release of each package"""
    # The tests of the core take long, and run elsewhere with the same options for
    # the compiler.
    without_tests = "check_PROGRAMS="
    rpm = ("rpm", without_tests,
           f"COLLECTD_ARCHIVE={get_collectd(place / 'collectd')}")

    def make_second():
        second = only(place, "collectd-cgroup_cpu-*")
        build = Build(second, second, umask=0o077, TZ="Asia/Tokyo", LC_ALL="C",
                      DEB_BUILD_OPTIONS="nocheck")
        build.make("deb")
        build.make(*rpm)

    def make_first_rpm():
        first.make(*rpm)
        older_rpm(only(first.directory, "*[!c].rpm"), place / "older")

    # Most of a build uses one processor.
    first = Build(SOURCE, place / "first")
    first.make("recipes")
    first.make("deb", without_tests)
    run("tar", "-xf", only(first.directory, "*[0-9].tar.xz"), "-C", place)
    with ThreadPoolExecutor() as pool:
        for other in [pool.submit(make_second), pool.submit(make_first_rpm)]:
            other.result()


@pytest.fixture(scope="session")
def builds(debians):
    """Only the first caller makes them, while the Debians are made"""
    with shared.directory("packages") as place:
        with shared.turn(place) as first:
            if first:
                make_packages(place)
        yield SimpleNamespace(
            first=place / "first", older=place / "older",
            second=only(place, "collectd-cgroup_cpu-*"),
            collectd_archive=only(place / "collectd", "*.orig.tar.*"))


@pytest.fixture(scope="session")
def repository(builds, scratch):
    """The apt repository of the Debian packages"""
    directory = scratch / "repository"
    directory.mkdir()
    package = only(builds.first, f"{PACKAGE}_*.deb")
    shutil.copy(package, directory)
    older(package, directory)
    make_repository(directory)
    return directory


@pytest.fixture
def system(repository, debians, scratch, request):
    """A Debian; by default the oldest supported one"""
    options = getattr(request, "param", {})
    debian = debians[options.get("release", "bookworm")].ready()
    with System(debian, scratch / "system",
                options.get("cgroups", True)) as system:
        system.add_repository(repository)
        yield system
