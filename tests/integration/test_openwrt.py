# SPDX-License-Identifier: MIT
"""The packages for OpenWrt, its configuration of collectd, and what the plugin costs
a small machine"""
import json
import re
import shutil

import pytest

import luci
import views
from cgroups import Cgroup, require_both
from daemon import Collectd
from inspection import resident
from packages import SOURCE, needs_debian, run
from recipes import buildroot, listing

pytest_plugins = ["package_builds"]
pytestmark = [pytest.mark.guests, pytest.mark.xdist_group("recipes"),
              needs_debian]
DIRECTORY = SOURCE / "packaging/openwrt"
PLUGIN, LUCI = "collectd-mod-cgroup-cpu", "luci-app-statistics-cgroup-cpu"
SCHEMA = "usr/share/collectd/plugin/cgroup_cpu.json"
STATISTICS = "usr/share/luci/statistics/plugins/cgroup_cpu.json"
DEFAULTS = "etc/uci-defaults/60_"
SERVICES = 25
MEGABYTE = 1 << 20
# A value of each option that has no default.
EXAMPLES = {"Root": "/sys/fs/cgroup", "CGroup": "/services/*", "NameRoot": "/",
            "PeakInterval": "0.5", "NameLabel": "com.example.label"}


@pytest.fixture(scope="module")
def packages(builds, tmp_path_factory):
    return buildroot(builds, tmp_path_factory.mktemp("openwrt"))


def test_packages(packages):
    assert listing(packages / PLUGIN) == [
        f"{DEFAULTS}{PLUGIN}", "usr/lib/collectd/cgroup_cpu.so", SCHEMA]
    assert listing(packages / LUCI) == [
        f"{DEFAULTS}{LUCI}", STATISTICS, *[
        f"www/luci-static/resources/{path.relative_to(luci.HTDOCS)}"
        for path in (luci.DEFINITION, luci.VIEW)]]
    assert (packages / f"{PLUGIN}.depends").read_text().split() == [
        "collectd", "@KERNEL_CGROUPS"]
    assert (packages / f"{LUCI}.depends").read_text().split() == [
        "+luci-app-statistics", f"+{PLUGIN}"]
    # No library is needed that the package does not depend on.
    needed = re.findall(r"NEEDED.*\[(.*)\]", run(
        "readelf", "-d", packages / PLUGIN / "usr/lib/collectd/cgroup_cpu.so"))
    assert needed == ["libc.so.6"]


def options():
    """{option: a value for it}, of all options in the example configuration"""
    found = dict(re.findall(r"^#  ([A-Z]\w+) (.*)$", (
        SOURCE / "collectd.conf.d/cgroup_cpu.conf").read_text(), re.M))
    assert len(found) > 20
    return {name: EXAMPLES.get(name, value.strip('"'))
            for name, value in found.items()}


def defaults(package, directory):
    """What a script in uci-defaults sets: {option: value} of the section, and
    the file of settings. uci is a stand-in; the section is not there before."""
    program = directory / "uci"
    program.write_text('#!/bin/sh\n[ "$2" = batch ] && cat >"$OUTPUT"\n')
    program.chmod(0o755)
    output = directory / "batch"
    run("sh", package / f"{DEFAULTS}{package.name}", env={
        "PATH": f"{directory}:/usr/bin:/bin", "OUTPUT": str(output)})
    lines = output.read_text().split("\n")
    first, *values, commit, _ = [line.strip() for line in lines]
    file, section, kind = re.fullmatch(
        r"set (\w+)\.(\w+)=(\w+)", first).groups()
    assert commit == f"commit {file}"
    found = {}
    for line in values:
        name, value = re.fullmatch(
            rf"set {file}\.{section}\.(\w+)='(.*)'", line).groups()
        found[name] = value
    return found, (file, section, kind)


def configuration(settings, schema):
    """What collectd's init script makes of a section: every text and number in
    quotes"""
    lines = []
    for kind, names in schema.items():
        for name in names:
            if name not in settings:
                continue
            value = settings[name]
            if kind == "bool":
                lines.append(f"{name} {'true' if value == '1' else 'false'}")
            else:
                lines.append(f'{name} "{value}"')
    return "\n".join(lines)


def test_schema_has_all_options():
    schema = json.loads((DIRECTORY / "files" / SCHEMA).read_text())
    named = [name for names in schema.values() for name in names]
    assert sorted(named) == sorted(options())
    for name, value in options().items():
        assert (name in schema["bool"]) == (value in ("true", "false")), name


def test_settings_that_are_there_stay(packages, tmp_path):
    (tmp_path / "uci").write_text(
        f'#!/bin/sh\n[ "$2" = get ] || touch {tmp_path}/changed\n')
    (tmp_path / "uci").chmod(0o755)
    for name in PLUGIN, LUCI:
        run("sh", packages / name / f"{DEFAULTS}{name}",
            env={"PATH": f"{tmp_path}:/usr/bin:/bin"})
    assert not (tmp_path / "changed").exists()


@pytest.fixture(scope="module")
def router():
    """A v2 host with the cgroups of 25 services of procd, each with one
    instance, and nothing else"""
    with Cgroup({"v2": require_both()["v2"]}) as root:
        services = root.child("services")
        for number in range(SERVICES):
            services.child(f"web{number}").child("instance1")
        yield root


@pytest.fixture
def start(packages, router, tmp_path):
    """start(name, options): a collectd on that host with the package's plugin"""
    build = tmp_path / "build"
    shutil.copytree(packages / PLUGIN / "usr/lib/collectd", build / ".libs")
    view = views.prefix(views.V2_CONTAINER, v2=router.mounts["v2"],
                        cgroup=router.path, scratch=tmp_path)

    (tmp_path / "nothing.conf").touch()

    def make(name, text):
        include = [tmp_path / "nothing.conf"] if text is None else ()
        return Collectd(tmp_path / name, text, build=build, beside=["uptime"],
                        include=include).start(view)

    return make


def reported(collectd):
    return {cgroup for cgroup, _ in collectd.kinds()}


def test_every_option_as_the_init_script_writes_it(start):
    schema = json.loads((DIRECTORY / "files" / SCHEMA).read_text())
    settings = {name: {"true": "1", "false": "0"}.get(value, value)
                for name, value in options().items()}
    with start("all", configuration(settings, schema)) as collectd:
        collectd.wait_for(lambda: len(reported(collectd)) >= SERVICES)
        assert not collectd.messages("error")


def test_a_small_machine(start, packages, tmp_path):
    """With the package's defaults, the plugin costs at most a megabyte at 50
    cgroups. It names services like procd, and shows no limit, throttling or
    pressure that the kernel does not have."""
    settings, place = defaults(packages / PLUGIN, tmp_path)
    assert place == ("collectd", "cgroup_cpu", "plugin")
    assert settings.pop("enable") == "0"
    schema = json.loads((packages / PLUGIN / SCHEMA).read_text())
    chosen = configuration(settings, schema)
    with start("with", chosen) as ours, start("without", None) as bare:
        expected = {"root", "services", *[
            f"services_web{number}{instance}" for number in range(SERVICES)
            for instance in ("", "_instance1")]}
        ours.wait_for(lambda: reported(ours) == expected)
        # All of its memory is in use after some passes.
        for collectd in ours, bare:
            collectd.wait_for(lambda: len(collectd.series(
                "uptime", "", "uptime")) >= 5)
        assert not bare.usage() and "cgroup_cpu" not in bare.log
        used, needed = (resident(collectd.process.pid)
                        for collectd in (ours, bare))
        assert 0 < used - needed <= MEGABYTE, (used, needed)
        assert {kind for _, kind in ours.kinds()} == {"gauge-millicores"}
        assert not ours.messages("error")


def test_settings_of_luci(packages, tmp_path):
    """The page offers what the generator of collectd's configuration knows, and
    proposes what the package sets"""
    settings, place = defaults(packages / LUCI, tmp_path)
    assert place == ("luci_statistics", "collectd_cgroup_cpu", "statistics")
    assert settings == defaults(packages / PLUGIN, tmp_path)[0]
    singles, booleans, lists = json.loads(
        (packages / LUCI / STATISTICS).read_text())["legend"]
    page = luci.page({"CGroups": ["/a", "/b"]})
    kinds = {name: option["kind"] for name, option in page["options"].items()}
    assert kinds.pop("enable") == "Flag"
    assert {name for name, kind in kinds.items() if kind == "Flag"
            } == {*booleans}
    assert {name for name, kind in kinds.items() if kind == "DynamicList"
            } == {*lists}
    assert {name for name, kind in kinds.items()
            if kind in ("Value", "ListValue")} == {*singles}
    # The generator takes the last letter off a list's name.
    assert {*singles, *booleans, *[name[:-1] for name in lists]
            } <= {*options()}
    for name in "MaxCgroups", "KeepOpen":
        assert page["options"][name]["default"] == settings[name]
    assert page["options"]["InstanceFormat"]["values"] == [
        "name", "path", "leaf"]
    assert page["summary"] == "Monitoring cgroups /a, /b"
    assert luci.page({})["summary"] == "Monitoring all cgroups"
    assert luci.page({"CGroups": "/a", "IgnoreSelected": "1"})["summary"] == (
        "Monitoring all cgroups except /a")
