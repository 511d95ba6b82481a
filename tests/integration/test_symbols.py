# SPDX-License-Identifier: MIT
"""The module exports the functions that collectd calls. All symbols that it
needs are available when collectd loads it."""
import re
import subprocess

from daemon import BUILD, DAEMON

MODULE = BUILD / ".libs" / "cgroup_cpu.so"


def output(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True).stdout


def symbols(path, *options):
    """Without versions and weak undefined symbols"""
    return {fields[-1].split("@")[0]
            for line in output("nm", "-D", *options, path).splitlines()
            if (fields := line.split())[-2] not in ("w", "v")}


def libraries():
    """The libraries that the module itself names"""
    needed = re.findall(r"NEEDED\s+(\S+)", output("objdump", "-p", MODULE))
    found = dict(re.findall(r"(\S+) => (\S+)", output("ldd", MODULE)))
    return [found[name] for name in needed]


def test_exports_its_entry_only():
    assert symbols(MODULE, "--defined-only") == {"module_register"}


def test_imports_are_there():
    given = set().union(*(symbols(path, "--defined-only")
                          for path in [DAEMON, *libraries()]))
    assert symbols(MODULE, "--undefined-only") - given == set()


def test_it_does_import_from_the_daemon():
    """Otherwise the previous test would prove nothing about it"""
    daemon = symbols(DAEMON, "--defined-only")
    assert "plugin_dispatch_values" in (
        symbols(MODULE, "--undefined-only") & daemon)
