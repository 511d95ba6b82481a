# SPDX-License-Identifier: MIT
"""The files for LuCI's statistics, run by Node.js"""
import json
import shutil

import pytest

from packages import SOURCE, run

HTDOCS = SOURCE / "packaging/openwrt/luci/htdocs/luci-static/resources"
VIEW = HTDOCS / "view/statistics/plugins/cgroup_cpu.js"
DEFINITION = HTDOCS / "statistics/rrdtool/definitions/cgroup_cpu.js"
LOADER = SOURCE / "tests/integration/luci.js"


def node(*arguments):
    if not shutil.which("node"):
        pytest.skip("needs Node.js")
    return json.loads(run("node", LOADER, *arguments))


def page(settings):
    """The options of the page with settings, and the summary of these"""
    return node("view", VIEW, json.dumps(settings))


def diagrams(directory, host, cgroup):
    """The diagrams of a cgroup whose RRD files are below `directory`"""
    return node("diagrams", DEFINITION, directory, host, cgroup)
