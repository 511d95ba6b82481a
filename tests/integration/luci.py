# SPDX-License-Identifier: MIT
"""The files for LuCI's statistics, run by Node.js"""
import json

from packages import SOURCE, run

HTDOCS = SOURCE / "packaging/openwrt/luci/htdocs/luci-static/resources"
VIEW = HTDOCS / "view/statistics/plugins/cgroup_cpu.js"
DEFINITION = HTDOCS / "statistics/rrdtool/definitions/cgroup_cpu.js"
LOADER = SOURCE / "tests/integration/luci.js"


def page(settings):
    """The options of the page with settings, and the summary of these"""
    return json.loads(run("node", LOADER, "view", VIEW, json.dumps(settings)))


def diagrams(directory, host, cgroup):
    """The diagrams of a cgroup whose RRD files are below `directory`"""
    return json.loads(run("node", LOADER, "diagrams", DEFINITION, directory,
                          host, cgroup))
