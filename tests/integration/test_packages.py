# SPDX-License-Identifier: MIT
"""The packages are built, checked, installed, upgraded and removed, each in its
own system."""
import contextlib
import os
import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

import examples
import grafana
from apt import Apt
from debian import Debian
from packages import (CONFIGURATION, PACKAGE, SOURCE, System, build,
                      make_repository, missing_tools, older, only, run, stub)
from waiting import wait_until

CONFFILE = "etc/collectd/collectd.conf.d/cgroup_cpu.conf"
MODULE = "usr/lib/collectd/cgroup_cpu.so"
CHANGE = """
<Plugin cgroup_cpu>
  ReportUserSystem true
</Plugin>
"""
UNIT_TESTS = "tests/unit/unit_tests"
OTHER = "uptime/uptime"
USER = "cgroup_cpu-root/derive-user_usec"

pytest_plugins = ["vm"]
pytestmark = [pytest.mark.guests, pytest.mark.xdist_group("packages")]
needs_debian = pytest.mark.skipif(
    os.geteuid() != 0 or bool(missing_tools()),
    reason=f"needs root, Debian and {', '.join(missing_tools())}")


def test_versions_agree():
    def first(pattern, path):
        return re.search(pattern, (SOURCE / path).read_text(), re.M).group(1)

    version = first(r"^AC_INIT\(\[.*\], \[(.*)\]\)", "configure.ac")
    spec = "packaging/rpm/collectd-cgroup_cpu.spec"
    assert version == first(r"^## (\d\S*)", "NEWS.md")
    assert version == first(r"\((.*)-\d+\)", "packaging/debian/changelog")
    assert version == first(r"^Version: +(\S+)", spec)
    assert version == first(r"^\*.* - (\S+)-\d+$", spec)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory):
    """pytest would keep its directories, but systems are large"""
    directory = tmp_path_factory.mktemp("packages")
    yield directory
    shutil.rmtree(directory)


@pytest.fixture(scope="module")
def debians(debian_directory, scratch):
    with contextlib.ExitStack() as stack:
        yield {release: stack.enter_context(
                   Debian(release, debian_directory, scratch / release))
               for release in ("bookworm", "trixie")}


@pytest.fixture(scope="module")
def collectd_archive(scratch):
    """collectd's own source, from Debian's package"""
    directory = scratch / "collectd"
    directory.mkdir()
    Apt(directory, "deb-src http://deb.debian.org/debian bookworm main").get(
        "source", "--download-only", "--tar-only", "collectd")
    return only(directory, "*.orig.tar.*")


@pytest.fixture(scope="module")
def builds(debians, scratch, collectd_archive):
    """Builds from this tree and, later in another place, from its archive; and
    an older release of each package"""
    def home(name, macros):
        (scratch / name).mkdir()
        (scratch / name / ".rpmmacros").write_text(macros)
        return str(scratch / name)

    rpm = ("rpm", f"COLLECTD_ARCHIVE={collectd_archive}")
    # Of each kind, one package runs its tests. Those with faults take long, and
    # run elsewhere with the same options for the compiler.
    untested = home("untested", "%_without_check --without-check\n")
    tests = f"TESTS={UNIT_TESTS}"
    first = build(SOURCE, scratch / "first", ("deb", tests), rpm,
                  HOME=untested)
    run("tar", "-xf", only(first, "*[0-9].tar.xz"), "-C", scratch)
    second = only(scratch, "collectd-cgroup_cpu-*")
    build(second, second, ("deb",), rpm, umask=0o077, TZ="Asia/Tokyo",
          LC_ALL="C", DEB_BUILD_OPTIONS="nocheck", HOME=untested)
    return SimpleNamespace(
        first=first, second=second, older=build(
            SOURCE, scratch / "older", ("rpm", tests),
            HOME=home("home", "%dist ~older\n")))


@needs_debian
def test_packages_run_their_tests(builds):
    passed = f"PASS: {UNIT_TESTS}\n"
    for log in builds.first / "deb.log", builds.older / "rpm.log":
        assert passed in log.read_text()
    for log in builds.first / "rpm.log", builds.second / "deb.log":
        assert "PASS: tests/" not in log.read_text()


@needs_debian
@pytest.mark.parametrize("pattern", [
    "*[0-9].tar.xz", "*.orig.tar.xz", "*.debian.tar.xz", "*.dsc",
    "collectd-plugin-cgroup-cpu_*.deb", "*-dbgsym_*.deb", "*.src.rpm",
    "*[!c].rpm"])
def test_builds_are_reproducible(builds, pattern):
    first, second = only(builds.first, pattern), only(builds.second, pattern)
    run("diffoscope", first, second)
    assert first.read_bytes() == second.read_bytes()


@needs_debian
def test_lintian(builds):
    result = subprocess.run(
        ["lintian", "--pedantic", "--allow-root",
         only(builds.first, "*.changes")], capture_output=True, text=True)
    assert (result.returncode, result.stdout) == (0, ""), result.stderr


@needs_debian
def test_examples_and_dashboards_in_the_debian_package(builds, tmp_path):
    run("dpkg-deb", "--extract", only(builds.first, f"{PACKAGE}_*.deb"),
        tmp_path)
    for directory, source, names in (
            (f"doc/{PACKAGE}/examples", examples.DIRECTORY, examples.names()),
            ("collectd-cgroup_cpu/dashboards", grafana.DIRECTORY,
             [f"{store}.json" for store in grafana.STORES])):
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


@pytest.fixture(scope="module")
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


def install_collectd(system):
    """Waits until it has started, because collectdmon forgets a stop that comes
    earlier"""
    system.write("etc/collectd/collectd.conf", CONFIGURATION + (
        'Include "/etc/collectd/collectd.conf.d/*.conf"\n'))
    system.apt("install", "collectd")
    wait_for_values(system, OTHER)


def wait_for_values(system, *series):
    before = system.last_value(*series)
    wait_until(lambda: system.last_value(*series) > before, 20,
               lambda: system.log)


def assert_restarted(system, before, *series):
    """The package restarted it: it is another process, and delivers values"""
    assert system.collectd() != before, system.log
    wait_for_values(system, *series)
    assert system.collectd() is not None, system.log
    return system.collectd()


@needs_debian
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


@needs_debian
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


@needs_debian
def test_a_stopped_daemon_stays_stopped(system):
    install_collectd(system)
    system.run("service", "collectd", "stop")
    for command in ("install", "remove", "install", "purge"):
        system.apt(command, PACKAGE)
        assert not system.collectd()


@needs_debian
def test_without_debians_configuration(system):
    """collectd-core alone is for administrators with their own configuration"""
    system.apt("install", "collectd-core")
    before = system.contents()
    system.apt("install", PACKAGE)
    assert not system.exists("etc/collectd/collectd.conf")
    system.apt("purge", PACKAGE)
    assert system.contents() == before


@needs_debian
@pytest.mark.parametrize("version", ["5.11.0-1", "6.0.0-1"])
def test_other_daemons_are_refused(system, version, tmp_path):
    stub("collectd-core", version, tmp_path)
    make_repository(tmp_path)
    system.add_repository(tmp_path)
    with pytest.raises(AssertionError, match="unmet dependencies"):
        system.apt("install", PACKAGE, f"collectd-core={version}")


@needs_debian
@pytest.mark.parametrize("system, expected", [
    ({}, "values arrive\n"),
    ({"cgroups": False}, "no cgroups here, and collectd runs nevertheless\n"),
], indirect=["system"], ids=["cgroups", "none"])
def test_package_test(system, expected):
    """The test in packaging/debian/tests, run like autopkgtest"""
    system.apt("install", PACKAGE, "collectd")
    system.write("srv/values",
                 (SOURCE / "packaging/debian/tests/values").read_text())
    assert system.run("sh", "/srv/values").endswith(expected)


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
IN_MACHINE = """\
#!/bin/sh
exec python3 guest_package.py /results
"""


@pytest.fixture(scope="module")
def machine(image, builds, collectd_archive, scratch):
    """The results of the package's installation in a machine with systemd"""
    here = Path(__file__).parent
    given = scratch / "machine"
    given.mkdir()
    (given / "run").write_text(IN_MACHINE)
    (given / "run").chmod(0o755)
    (given / "collectd.conf").write_text(MACHINE)
    unit = "contrib/systemd.collectd.service"
    run("tar", "-xf", collectd_archive, "-C", given, "--strip-components=2",
        "--wildcards", f"*/{unit}")
    return image.run({
        "run": given / "run", "collectd.conf": given / "collectd.conf",
        "collectd.service": given / os.path.basename(unit),
        "package.deb": only(builds.first, f"{PACKAGE}_*.deb"),
        "guest_package.py": here / "guest_package.py",
        "waiting.py": here / "waiting.py"})


def test_installation_restarts_the_service(machine):
    before, after = (machine / "restarted").read_text().split()
    assert before != after
    assert "0" not in (before, after)


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


@pytest.mark.parametrize("unit", ["debian", "upstream"])
def test_services_are_there_within_two_intervals(machine, unit):
    directory = machine / unit
    started = float((directory / "started").read_text())
    services = (directory / "services").read_text().split()
    assert {"dbus.service", "systemd-journald.service"} <= {*services}
    for service in services:
        series = directory / f"csv/test/cgroup_cpu-system.slice_{service}"
        for kind in "derive-cpu_usage_usec", "gauge-millicores":
            _, first, *_ = only(series, f"{kind}-*").read_text().splitlines()
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

    system.apt("install", "collectd-core")
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

    assert rpm("--install", binary_rpm(builds.older)) == restarts
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
