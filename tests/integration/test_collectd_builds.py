# SPDX-License-Identifier: MIT
"""The plugin with the headers of collectds that were built with other options.
Of these options, only config.h tells."""
import re
import shutil
import subprocess

import pytest

from daemon import BUILD, Collectd
from packages import HEADERS, SOURCE, run

pytestmark = [pytest.mark.platforms, pytest.mark.skipif(
    not HEADERS.is_dir(), reason="needs collectd's headers (collectd-dev)")]

# The options of collectd's configure, and what they change in config.h.
NAME_LENGTH = r"(#define DATA_MAX_NAME_LEN) \d+"
NAN_STATIC = r"#define NAN_STATIC_DEFAULT 1"
NAN_EMULATION = NAN_STATIC, "#define NAN_ZERO_ZERO 1"
LAYOUT = r"(#define FP_LAYOUT_NEED_)NOTHING 1"
OPTIONS = {
    "--with-data-max-name-len=256": [(NAME_LENGTH, r"\1 256")],
    "--with-nan-emulation": [NAN_EMULATION],
    "--with-nan-emulation --with-fp-layout=endianflip": [
        NAN_EMULATION, (LAYOUT, r"\1ENDIANFLIP 1")],
    "--with-nan-emulation --with-fp-layout=intswap": [
        NAN_EMULATION, (LAYOUT, r"\1INTSWAP 1")],
}


def headers_of(directory, changes):
    """collectd's headers as with these options"""
    shutil.copytree(HEADERS, directory / "collectd")
    configuration = directory / "collectd/core/config.h"
    text = configuration.read_text()
    for pattern, replacement in changes:
        text, count = re.subn(pattern, replacement, text)
        assert count == 1, pattern
    configuration.write_text(text)


def compile_plugin(directory):
    """With these headers and the core of the build. It is where Collectd() looks
    for the plugin of a build."""
    headers = directory / "collectd"
    (directory / ".libs").mkdir()
    run("gcc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow",
        "-Wconversion", "-Werror", "-D_GNU_SOURCE", "-DHAVE_CONFIG_H",
        "-isystem", directory, "-isystem", headers, "-isystem",
        headers / "core", "-isystem", headers / "core/daemon",
        f"-I{SOURCE / 'include'}", "-shared", "-fPIC",
        "-o", directory / ".libs/cgroup_cpu.so", SOURCE / "plugin/cgroup_cpu.c",
        BUILD / ".libs/libcgroup_cpu_core.a", "-ljansson")


@pytest.mark.parametrize("options", OPTIONS)
def test_compiles(options, tmp_path):
    headers_of(tmp_path, OPTIONS[options])
    compile_plugin(tmp_path)


def test_short_names_are_refused(tmp_path):
    """Before anything is compiled"""
    headers_of(tmp_path, [(NAME_LENGTH, r"\1 64")])
    result = subprocess.run(
        [SOURCE / "configure", f"--with-collectd-headers={tmp_path}"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True)
    assert result.returncode != 0
    assert result.stdout.splitlines()[-1] == (
        "configure: error: this collectd cuts names after less than 127 bytes, "
        "so that two containers could get one name: build it with "
        "--with-data-max-name-len=128 or more")
    assert not (tmp_path / "Makefile").exists()


def test_another_length_at_run_time_is_refused(tmp_path):
    """A value list with longer names would be read at the wrong places. collectd
    itself runs on."""
    headers_of(tmp_path, OPTIONS["--with-data-max-name-len=256"])
    compile_plugin(tmp_path)
    with Collectd(tmp_path / "run", build=tmp_path,
                  beside=["uptime"]).start() as collectd:
        collectd.wait_for(lambda: collectd.series("uptime", "", "uptime"))
        assert any(message.startswith(
            'The type "derive" is not collectd\'s own')
            for message in collectd.messages("error")), collectd.log
        assert not collectd.usage()
        collectd.stop(status=1)
