# SPDX-License-Identifier: MIT
"""The packages are built and checked, and do what they are for."""
import os
import re
import shutil
import subprocess

import pytest

import alerting
import examples
import grafana
from debian import LIBRARY
from packages import (CHANGE, CONFIGURATION, OTHER, PACKAGE, SOURCE,
                      USER, needs_debian, only, run, wait_for_values)
from waiting import wait_until

pytest_plugins = ["package_builds", "vm"]
pytestmark = [pytest.mark.guests, pytest.mark.xdist_group("packages")]


def test_versions_agree():
    def first(pattern, path):
        return re.search(pattern, (SOURCE / path).read_text(), re.M).group(1)

    version = first(r"^AC_INIT\(\[.*\], \[(.*)\]\)", "configure.ac")
    spec = "packaging/rpm/collectd-cgroup_cpu.spec"
    assert version == first(r"^## (\d\S*)", "NEWS.md")
    assert version == first(r"\((.*)-\d+\)", "packaging/debian/changelog")
    assert version == first(r"^Version: +(\S+)", spec)
    assert version == first(r"^\*.* - (\S+)-\d+$", spec)


@needs_debian
def test_packages_run_their_tests(builds):
    def runs(build, kind):
        return "check-TESTS" in (build / f"{kind}.log").read_text()

    assert runs(builds.first, "deb") and runs(builds.first, "rpm")
    assert not runs(builds.second, "deb")
    spec = only(SOURCE / "packaging/rpm", "*.spec")
    for with_check in True, False:
        parts = run("rpmspec", "--parse", spec,
                    *([] if with_check else ["--without", "check"]))
        assert bool(re.search(r"(?m)^%check$", parts)) == with_check


@needs_debian
@pytest.mark.parametrize("pattern", [
    "*[0-9].tar.xz", "*.orig.tar.xz", "*.debian.tar.xz", "*.dsc",
    "collectd-plugin-cgroup-cpu_*.deb", "*-dbgsym_*.deb", "*.src.rpm",
    "*[!c].rpm"])
def test_builds_are_reproducible(builds, pattern):
    first, second = only(builds.first, pattern), only(builds.second, pattern)
    if first.read_bytes() != second.read_bytes():
        run("diffoscope", first, second)
        pytest.fail("they differ in what diffoscope does not see")


@needs_debian
def test_lintian(builds):
    result = subprocess.run(
        ["lintian", "--pedantic", "--allow-root",
         only(builds.first, "*.changes")], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@needs_debian
def test_examples_dashboards_and_alerts_in_the_debian_package(builds, tmp_path):
    run("dpkg-deb", "--extract", only(builds.first, f"{PACKAGE}_*.deb"),
        tmp_path)
    for directory, source, names in (
            (f"doc/{PACKAGE}/examples", examples.DIRECTORY, examples.names()),
            ("collectd-cgroup_cpu/dashboards", grafana.DIRECTORY,
             [f"{store}.json" for store in grafana.STORES]),
            ("collectd-cgroup_cpu/alerts", alerting.DIRECTORY,
             [alerting.RULES.name])):
        shared = tmp_path / "usr" / "share" / directory
        assert {path.name for path in shared.iterdir()} >= {*names}
        for name in names:
            assert (shared / name).read_bytes() == (source / name).read_bytes()


@needs_debian
def test_rpmlint(builds):
    directory = SOURCE / "packaging" / "rpm"
    output = run("rpmlint", "-r", only(directory, "*.rpmlintrc"),
                 only(directory, "*.spec"), *builds.first.glob("*.rpm"))
    assert " 0 errors, 0 warnings" in output, output


@needs_debian
@pytest.mark.parametrize("system, expected", [
    ({}, "values arrive\n"),
    ({"cgroups": False}, "no cgroups here, and collectd runs nevertheless\n"),
], indirect=["system"], ids=["cgroups", "none"])
def test_package_test(system, tmp_path, expected):
    """autopkgtest runs the test in packaging/debian/tests, with the package from
    the repository"""
    shutil.copytree(SOURCE / "packaging/debian", tmp_path / "debian")
    (tmp_path / "debian/files").touch()  # autopkgtest builds nothing
    output = system.beside("autopkgtest", f"{tmp_path}/", "--", "chroot",
                           system.directory / "root")
    assert expected in output
    assert re.search(r"^values +PASS$", output, re.M), output


@needs_debian
def test_blhc(builds):
    """Every command of the build has Debian's flags that harden a program"""
    run("blhc", "--bindnow", builds.first / "deb.log")


INTERVAL = 5
MACHINE = f"""\
Hostname "test"
FQDNLookup false
Interval {INTERVAL}
LoadPlugin syslog
<Plugin syslog>
  LogLevel info
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "/var/lib/collectd/csv"
</Plugin>
Include "/etc/collectd/collectd.conf.d/*.conf"
"""


@pytest.fixture(scope="module")
def machine(image, builds, scratch):
    """The results of the package's installation in a machine with systemd"""
    given = scratch / "machine"
    given.mkdir()
    (given / "collectd.conf").write_text(MACHINE)
    unit = "contrib/systemd.collectd.service"
    run("tar", "-xf", builds.collectd_archive, "-C", given, "--strip-components=2",
        "--wildcards", f"*/{unit}")
    return image.run("guest_package.py", ["waiting.py"], {
        "collectd.conf": given / "collectd.conf",
        "collectd.service": given / os.path.basename(unit),
        "package.deb": only(builds.first, f"{PACKAGE}_*.deb")})


@pytest.mark.machines
def test_installation_restarts_the_service(machine):
    before, after = (machine / "restarted").read_text().split()
    assert before != after
    assert "0" not in (before, after)


@pytest.mark.machines
@pytest.mark.parametrize("unit", ["debian", "upstream"])
def test_the_service_is_healthy(machine, unit):
    """collectd's own unit gives it no capabilities"""
    def read(name):
        return (machine / unit / name).read_text()

    assert set(read("status").split()) == {
        "ActiveState=active", "SubState=running", "NRestarts=0"}
    journal = read("journal")
    assert "cgroup_cpu plugin: Cgroup version: v2" in journal
    assert not re.search(r"(?i)error|warning|fail|cannot", journal), journal
    capabilities, = re.findall(r"CapEff:\s+(\S+)", read("process"))
    assert (int(capabilities, 16) == 0) == (unit == "upstream")


@pytest.mark.machines
@pytest.mark.parametrize("unit", ["debian", "upstream"])
def test_services_are_there_within_two_intervals(machine, unit):
    directory = machine / unit
    started = float((directory / "started").read_text())
    services = (directory / "services").read_text().split()
    assert {"dbus.service", "systemd-journald.service"} <= {*services}
    for service in services:
        series = directory / f"csv/test/cgroup_cpu-system.slice_{service}"
        for kind in "derive-cpu_usage_usec", "gauge-millicores":
            day = min(series.glob(f"{kind}-*"))
            _, first, *_ = day.read_text().splitlines()
            assert float(first.split(",")[0]) <= started + 2 * INTERVAL


def binary_rpm(directory):
    return only(directory, "*[!c].rpm")


@needs_debian
def test_rpm_files(builds):
    listing = run("rpm", "-qp", "--qf",
                  "[%{FILEMODES:perms} %{FILENAMES}\n]",
                  binary_rpm(builds.first)).splitlines()
    assert [line for line in listing if ".build-id" not in line] == [
        "-rw-r--r-- /etc/collectd.d/cgroup_cpu.conf",
        "-rwxr-xr-x /usr/bin/cgroup_cpu_burn",
        "-rwxr-xr-x /usr/lib64/collectd/cgroup_cpu.so",
        "drwxr-xr-x /usr/share/collectd-cgroup_cpu",
        "drwxr-xr-x /usr/share/collectd-cgroup_cpu/alerts",
        "-rw-r--r-- /usr/share/collectd-cgroup_cpu/alerts/README.md",
        "-rw-r--r-- /usr/share/collectd-cgroup_cpu/alerts/prometheus.yml",
        "drwxr-xr-x /usr/share/collectd-cgroup_cpu/dashboards",
        *[f"-rw-r--r-- /usr/share/collectd-cgroup_cpu/dashboards/{store}.json"
          for store in grafana.STORES],
        "drwxr-xr-x /usr/share/doc/collectd-cgroup_cpu",
        "-rw-r--r-- /usr/share/doc/collectd-cgroup_cpu/NEWS.md",
        "-rw-r--r-- /usr/share/doc/collectd-cgroup_cpu/README.md",
        "drwxr-xr-x /usr/share/doc/collectd-cgroup_cpu/examples",
        *[f"-rw-r--r-- /usr/share/doc/collectd-cgroup_cpu/examples/{name}"
          for name in examples.names()],
        "drwxr-xr-x /usr/share/licenses/collectd-cgroup_cpu",
        "-rw-r--r-- /usr/share/licenses/collectd-cgroup_cpu/COPYING",
        "-rw-r--r-- /usr/share/man/man1/cgroup_cpu_burn.1.gz",
        "-rw-r--r-- /usr/share/man/man5/collectd-cgroup_cpu.5.gz"]


@needs_debian
def test_rpm_relations(builds):
    def ask(what):
        return run("rpm", "-qp", what, binary_rpm(builds.first)).splitlines()

    assert {"collectd(x86-64) >= 5.12",
            "collectd(x86-64) < 6"} <= {*ask("--requires")}
    assert not [line for line in ask("--provides") if ".so" in line]
    assert ask("--configfiles") == ["/etc/collectd.d/cgroup_cpu.conf"]


@needs_debian
def test_life_of_the_rpm(builds, system):
    """With RPM's transactions and paths. Debian's mirrors have no Fedora, so
    Debian's daemon replaces its own."""
    configuration = "etc/collectd.d/cgroup_cpu.conf"

    def rpm(*arguments):
        """The restarts that it requested from systemd"""
        system.write("tmp/calls", "")
        system.beside("rpm", "--root", system.directory / "root",
                      "--nodeps", *arguments)
        return system.read("tmp/calls").splitlines()

    def restart(*series):
        if pid := system.collectd():
            system.beside("kill", pid)
            wait_until(lambda: not system.collectd(), 10, lambda: system.log)
        system.run("collectd", "-C", "/etc/collectd.conf",
                   "-P", "/run/collectd.pid")
        wait_for_values(system, *series)

    system.apt("install", "collectd-core", LIBRARY)
    (system.root / "run/systemd/system").mkdir(parents=True)
    system.write("usr/bin/systemctl",
                 '#!/bin/sh\necho "$*" >>/tmp/calls\n')
    (system.root / "usr/bin/systemctl").chmod(0o755)
    (system.root / "etc/collectd.d").mkdir()
    # Like Fedora's configuration, it includes all files, whatever their names
    system.write("etc/collectd.conf", 'PluginDir "/usr/lib/collectd"\n'
                 + CONFIGURATION + 'PluginDir "/usr/lib64/collectd"\n'
                 'Include "/etc/collectd.d"\n')
    restarts = ["try-restart collectd.service"]

    assert rpm("--install", builds.older / "collectd-cgroup_cpu.rpm") == restarts
    restart()

    changed = system.read(configuration) + CHANGE
    system.write(configuration, changed)
    assert rpm("--upgrade", binary_rpm(builds.first)) == restarts
    assert system.read(configuration) == changed
    restart(USER)

    # A new default configuration beside the changed file does no harm.
    system.write(configuration + ".rpmnew",
                 (SOURCE / "collectd.conf.d/cgroup_cpu.conf").read_text())
    restart(USER)
    (system.root / (configuration + ".rpmnew")).unlink()

    assert rpm("--erase", "collectd-cgroup_cpu") == restarts
    assert not system.exists("usr/lib64/collectd/cgroup_cpu.so")
    assert os.listdir(system.root / "etc/collectd.d") == [
        ".cgroup_cpu.conf.rpmsave"]
    restart(OTHER)
    assert "[error]" not in system.log
