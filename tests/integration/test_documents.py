# SPDX-License-Identifier: MIT
"""collectd accepts every configuration in the documents."""
import re
import subprocess
from pathlib import Path

import pytest

import examples
import report_table
from daemon import BUILD, Collectd

SOURCE = Path(__file__).parents[2]
MANUAL = "plugin/collectd-cgroup_cpu.pod"


def configurations():
    """The blocks in the man page's examples, and the fenced blocks of
    Markdown"""
    examples = (SOURCE / MANUAL).read_text().split("=head1 EXAMPLES\n")[1]
    blocks = [(MANUAL, block) for block in re.findall(
        r"(?m)(?:^  .*\n)+", examples.split("=head1")[0])]
    for name in ("README.md", "packaging/alerts/README.md",
                 "packaging/container/README.md"):
        blocks += [(name, block) for block in re.findall(
            r"(?ms)^```\n(.*?)^```$", (SOURCE / name).read_text())
            if re.match(r"\s*<?(LoadPlugin|Plugin) ", block)]
    return blocks


CONFIGURATIONS = configurations()


def test_there_are_some():
    names = [name for name, _ in CONFIGURATIONS]
    assert names.count(MANUAL) == 5
    assert names.count("README.md") == 2
    assert names.count("packaging/alerts/README.md") == 1
    assert names.count("packaging/container/README.md") == 2


@pytest.mark.parametrize("name, text", CONFIGURATIONS)
def test_collectd_takes_it(tmp_path, name, text):
    """Unchanged, except for the directory of the host's cgroups in a
    container"""
    text = text.replace('"/host/sys/fs/cgroup"', '"/sys/fs/cgroup"')
    if "LoadPlugin" not in text:
        text = "LoadPlugin cgroup_cpu\n" + text
    example = tmp_path / "example.conf"
    example.write_text(f'PluginDir "{BUILD}/.libs"\n{text}')
    collectd = Collectd(tmp_path / "collectd", None, include=[example])
    subprocess.run([*collectd.command, "-T"], check=True, timeout=60,
                   stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)
    assert any("Cgroup version: v" in line for line
               in collectd.messages("info")), collectd.log
    for severity in ("error", "warning", "notice"):
        assert not collectd.messages(severity), collectd.log


@pytest.mark.parametrize("path", [
    *map(examples.DIRECTORY.joinpath, examples.names()),
    SOURCE / "packaging/container/collectd.conf"], ids=lambda path: path.name)
def test_the_queue_is_bounded(path):
    """It drops nothing before it is full. A pass over the most cgroups fits
    in."""
    text = path.read_text()
    assert text.count("\nWriteThreads 1\n") == 1
    limits = dict(re.findall(r"(?m)^WriteQueueLimit(\w+) (\d+)$", text))
    assert limits["High"] == limits["Low"]
    assert int(limits["High"]) > 2 * 10_000
    if path.parent == examples.DIRECTORY:
        assert text.count("\nCollectInternalStats true\n") == 1


def test_figures_go_between_the_comments(tmp_path, monkeypatch):
    """New figures replace the old ones in their order. Those of other
    environments and all other text stay."""
    document = tmp_path / "README.md"
    text = ("before\n<!-- a: begin -->\n{}<!-- a: end -->\nbetween\n"
            "<!-- b: begin -->\n{}<!-- b: end -->\nafter\n")
    head = ("| host | load | mean |", "|---|---|--:|")
    table = "| host | load | mean |\n|---|---|--:|\n"
    document.write_text(text.format(
        table + "| v1 | idle | 1 |\n| v2 | idle | 2 |\n", "old\n"))
    monkeypatch.setenv("CGROUP_CPU_REPORT", str(document))
    report_table.update("a", report_table.merge(
        head, ["| v3 | idle | 3 |", "| v1 | idle | 4 |"]))
    report_table.update("b", lambda _: "new\n")
    assert document.read_text() == text.format(
        table + "| v1 | idle | 4 |\n| v2 | idle | 2 |\n| v3 | idle | 3 |\n",
        "new\n")
    monkeypatch.delenv("CGROUP_CPU_REPORT")
    report_table.update("b", lambda _: "no document is named\n")
    assert "no document" not in document.read_text()
