# SPDX-License-Identifier: MIT
"""The reports of valgrind and the sanitizers about a daemon, and which of them
concern the plugin."""
import re
import subprocess
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "plugin"
OURS = re.compile(r"cgroup_cpu\.so|\b(?:%s):\d" % "|".join(
    re.escape(source.name) for source in SOURCES.glob("*.c")))


def reports_of_valgrind(text):
    """Blocks of lines, separated by empty lines"""
    return re.split(r"\n\s*\n", re.sub(r"(?m)^==\d+== ?", "", text))


def reports_of_sanitizers(directory):
    for log in directory.glob("sanitizer.*"):
        yield from re.split(r"\n\s*\n", log.read_text())


def reports_of_threads(text):
    """From one separator line to the next"""
    return re.findall(r"(?ms)^WARNING: ThreadSanitizer.*?^={18}$", text)


def ours(reports):
    """The reports with one of our functions on a stack"""
    return [report for report in reports if OURS.search(report)]


def sanitizer_library(build, name="asan"):
    """The plugin is linked to this library, but the daemon is not"""
    listed = subprocess.run(["ldd", build / ".libs/cgroup_cpu.so"], check=True,
                            stdout=subprocess.PIPE, text=True).stdout
    return re.search(rf"lib{name}\S* => (\S+)", listed)[1]
