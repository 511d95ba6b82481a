# SPDX-License-Identifier: MIT
"""The recipes for Alpine and Arch build packages that collectd loads."""
import re
import shutil
import subprocess

import pytest

import examples
import grafana
from debian import LIBRARY
from packages import (CONFIGURATION, OTHER, SOURCE, System, needs_debian, run,
                      wait_for_values)
from recipes import abuild, listing, makepkg

pytest_plugins = ["package_builds"]
pytestmark = [
    pytest.mark.guests, pytest.mark.xdist_group("recipes"), needs_debian,
    pytest.mark.skipif(not all(map(shutil.which, (
        "makepkg", "pacman", "bsdtar", "busybox"))), reason="needs makepkg,"
        " pacman-package-manager, libarchive-tools and busybox")]
SHARED_FILES = [
    "usr/bin/cgroup_cpu_burn",
    "usr/lib/collectd/cgroup_cpu.so",
    *[f"usr/share/collectd-cgroup_cpu/alerts/{name}"
      for name in ("README.md", "prometheus.yml")],
    *[f"usr/share/collectd-cgroup_cpu/dashboards/{store}.json"
      for store in grafana.STORES],
    *[f"usr/share/doc/collectd-cgroup_cpu/examples/{name}"
      for name in ("cgroup_cpu.conf", *examples.names())],
    "usr/share/licenses/collectd-cgroup_cpu/COPYING"]
MANUALS = ["usr/share/man/man1/cgroup_cpu_burn.1",
           "usr/share/man/man5/collectd-cgroup_cpu.5"]


@pytest.fixture
def bare(debians, scratch):
    """A Debian with collectd's daemon, without the plugin"""
    with System(debians["bookworm"].ready(), scratch / "bare") as system:
        system.apt("install", "collectd-core", LIBRARY)
        yield system


@pytest.fixture(scope="module")
def alpine(builds, tmp_path_factory):
    return abuild(builds, tmp_path_factory.mktemp("abuild"))


@pytest.fixture(scope="module")
def arch(builds, tmp_path_factory):
    return makepkg(builds, tmp_path_factory.mktemp("makepkg"))


def start(system, include):
    system.write("etc/collectd/collectd.conf", CONFIGURATION + include)
    system.run("collectd", "-C", "/etc/collectd/collectd.conf", "-P",
               "/run/collectd.pid")


def test_alpine(alpine):
    package, log = alpine
    assert "check-TESTS" in log
    assert listing(package) == sorted([
        *SHARED_FILES, *MANUALS, "etc/collectd.d/cgroup_cpu.conf"])


def test_alpine_loads_and_keeps_the_configuration(alpine, bare):
    """As apk installs and removes it"""
    package, _ = alpine
    configuration = "etc/collectd.d/cgroup_cpu.conf"
    include = '<Include "/etc/collectd.d">\n  Filter "*.conf"\n</Include>\n'

    def script(name):
        bare.write("tmp/script", (SOURCE / (
            f"packaging/alpine/collectd-cgroup_cpu.{name}")).read_text())
        bare.run("busybox", "sh", "/tmp/script")

    bare.write("etc/collectd.d/other.conf", "LoadPlugin load\n")
    shutil.copy(shutil.which("busybox"), bare.root / "usr/bin/busybox")
    script("pre-install")
    shutil.copytree(package, bare.root, dirs_exist_ok=True)
    changed = bare.read(configuration) + "# changed\n"
    bare.write(configuration, changed)
    start(bare, include)
    wait_for_values(bare)
    bare.beside("kill", bare.collectd())

    (bare.root / "usr/lib/collectd/cgroup_cpu.so").unlink()
    script("post-deinstall")
    assert sorted(path.name for path in (bare.root / "etc/collectd.d").iterdir()
                  ) == ["cgroup_cpu.conf.apk-removed", "other.conf"]
    start(bare, include)
    wait_for_values(bare, OTHER)
    assert "[error]" not in bare.log

    script("pre-install")
    assert bare.read(configuration) == changed
    # An unchanged one is removed by apk, before the script.
    (bare.root / configuration).unlink()
    script("post-deinstall")
    assert [path.name for path in (bare.root / "etc/collectd.d").iterdir()
            ] == ["other.conf"]


def test_arch(arch):
    package, log = arch
    assert "==> Starting check()" in log
    assert "==> WARNING: Package contains reference" not in log
    information = run("bsdtar", "-xOf", package, ".PKGINFO")
    assert {"depend = collectd>=5.12", "depend = collectd<6",
            "depend = jansson"} <= {*information.splitlines()}


def test_arch_loads(arch, bare):
    package, _ = arch

    def pacman(*arguments):
        return bare.beside("pacman", "--root", bare.directory / "root",
                           "--noconfirm", *arguments)

    (bare.root / "var/lib/pacman").mkdir(parents=True)
    pacman("--upgrade", "--nodeps", "--nodeps", package)
    files = re.findall(r" /(\S+[^/\s])$", pacman(
        "--query", "--list", "collectd-cgroup_cpu"), re.M)
    root = str(bare.directory / "root")[1:] + "/"
    assert sorted(name.replace(root, "") for name in files) == sorted([
        *SHARED_FILES, *[f"{manual}.gz" for manual in MANUALS]])
    start(bare, 'Include "/usr/share/doc/collectd-cgroup_cpu/examples/'
          'cgroup_cpu.conf"\n')
    wait_for_values(bare)
    assert "[error]" not in bare.log


def test_versions_of_the_recipes(builds):
    """Also that the checksums are those of the archive"""
    version = re.search(r"^AC_INIT\(\[.*\], \[(.*)\]\)",
                        (SOURCE / "configure.ac").read_text(), re.M)[1]
    archive = f"collectd-cgroup_cpu-{version}.tar.xz"
    for name, file, field in (("alpine", "APKBUILD", "pkgver="),
                              ("arch", "PKGBUILD", "pkgver="),
                              ("openwrt", "Makefile", "PKG_VERSION:=")):
        place = builds.first / "recipes" / name
        text = (place / file).read_text()
        assert f"\n{field}{version}\n" in text
        kind = "sha512sum" if name == "alpine" else "sha256sum"
        checksum, _ = subprocess.run(
            [kind, archive], cwd=place, check=True, capture_output=True,
            text=True).stdout.split()
        assert checksum in text
