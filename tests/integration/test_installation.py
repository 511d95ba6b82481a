# SPDX-License-Identifier: MIT
"""The Debian package is installed, upgraded and removed, each time in a system
of its own."""
import pytest

from debian import LIBRARY
from packages import (CHANGE, OTHER, PACKAGE, SOURCE, USER, install_collectd,
                      make_repository, needs_debian, stub, wait_for_values)

CONFFILE = "etc/collectd/collectd.conf.d/cgroup_cpu.conf"
MODULE = "usr/lib/collectd/cgroup_cpu.so"

pytest_plugins = ["package_builds"]
pytestmark = [pytest.mark.guests, pytest.mark.xdist_group("installation"),
              needs_debian]


def assert_restarted(system, before, *series):
    """The package restarted it: it is another process, and delivers values"""
    assert system.collectd() != before, system.log
    wait_for_values(system, *series)
    assert system.collectd() is not None, system.log
    return system.collectd()


@pytest.mark.parametrize("system", [
    {"release": "bookworm"}, {"release": "trixie"}], indirect=True,
    ids=["bookworm", "trixie"])
def test_life_of_the_debian_package(system):
    install_collectd(system)
    before, daemon = system.contents(), system.collectd()

    version = system.run("apt-cache", "madison", PACKAGE).split()[2]
    system.apt("install", f"{PACKAGE}={version}~older")
    daemon = assert_restarted(system, daemon)

    changed = system.read(CONFFILE) + CHANGE
    system.write(CONFFILE, changed)
    system.apt("install", PACKAGE)
    assert version in system.run("dpkg-query", "-W", PACKAGE).split()
    assert system.read(CONFFILE) == changed
    assert "older" not in system.read(CONFFILE + ".dpkg-dist")
    daemon = assert_restarted(system, daemon, USER)

    system.apt("remove", PACKAGE)
    daemon = assert_restarted(system, daemon, OTHER)
    assert not system.exists(MODULE)
    assert not system.exists(CONFFILE)

    system.apt("install", PACKAGE)
    assert system.read(CONFFILE) == changed
    daemon = assert_restarted(system, daemon, USER)

    system.apt("purge", PACKAGE)
    assert_restarted(system, daemon, OTHER)
    after = system.contents()
    assert {path for path in {*before, *after}
            if before.get(path) != after.get(path)} == set()
    assert "[error]" not in system.log


def test_an_unchanged_conffile_is_upgraded(system):
    install_collectd(system)
    system.apt("install", f"{PACKAGE}=*~older")
    wait_for_values(system)
    system.apt("install", PACKAGE)
    assert system.read(CONFFILE) == (
        SOURCE / "collectd.conf.d/cgroup_cpu.conf").read_text()
    assert not system.exists(CONFFILE + ".dpkg-old")

    # A failed removal leaves it as it was.
    system.write("var/lib/dpkg/info/" + PACKAGE + ".prerm",
                 system.read("var/lib/dpkg/info/" + PACKAGE + ".prerm")
                 + "\nexit 1\n")
    with pytest.raises(AssertionError, match="returned error exit status 1"):
        system.apt("remove", PACKAGE)
    wait_for_values(system)
    assert system.exists(CONFFILE)


def test_a_stopped_daemon_stays_stopped(system):
    install_collectd(system)
    system.run("service", "collectd", "stop")
    for command in ("install", "remove", "install", "purge"):
        system.apt(command, PACKAGE)
        assert not system.collectd()


def test_without_debians_configuration(system):
    """collectd-core alone is for administrators with their own configuration"""
    system.apt("install", "collectd-core", LIBRARY)
    before = system.contents()
    system.apt("install", PACKAGE)
    assert not system.exists("etc/collectd/collectd.conf")
    system.apt("purge", PACKAGE)
    assert system.contents() == before


@pytest.mark.parametrize("version", ["5.11.0-1", "6.0.0-1"])
def test_other_daemons_are_refused(system, version, tmp_path):
    stub("collectd-core", version, tmp_path)
    make_repository(tmp_path)
    system.add_repository(tmp_path)
    with pytest.raises(AssertionError, match="unmet dependencies"):
        system.apt("install", PACKAGE, f"collectd-core={version}")
