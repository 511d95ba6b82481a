# SPDX-License-Identifier: MIT
"""What is selected is reported, nothing else, and what cannot be is not walked."""
from pathlib import Path

import pytest

from cgroups import Cgroup, require_both
from daemon import Collectd
from test_many import Forest, instances

PATHS = ["system.slice/ssh.service", "system.slice/cron.service",
         "system.slice/docker-1.scope/inner", "user.slice/user-1.slice",
         "kubepods.slice/pod.slice/box.scope"]
SERVICES = {"system.slice_ssh.service", "system.slice_cron.service"}
ALL = {"root", "system.slice", *SERVICES, "system.slice_docker-1.scope",
       "system.slice_docker-1.scope_inner", "user.slice",
       "user.slice_user-1.slice", "kubepods.slice", "kubepods.slice_pod.slice",
       "kubepods.slice_pod.slice_box.scope"}
LEAVES = {*SERVICES, "system.slice_docker-1.scope_inner",
          "user.slice_user-1.slice", "kubepods.slice_pod.slice_box.scope"}
KUBEPODS = {name for name in ALL if name.startswith("kubepods")}

CASES = {
    "": ALL,
    'CGroup "/"': {"root"},
    'CGroup "/system.slice"': {"system.slice"},
    'CGroup "/system.slice/"': {"system.slice"},
    'CGroup "/system.slice/*.service"': SERVICES,
    'CGroup "/kubepods.slice*"': KUBEPODS,
    'CGroup "*docker-*"': {"system.slice_docker-1.scope",
                           "system.slice_docker-1.scope_inner"},
    'CGroup "/(ssh|cron).service$/"': SERVICES,
    'CGroup "/user.slice"\nCGroup "/kubepods.slice*"':
        {"user.slice", *KUBEPODS},
    'CGroup "/kubepods.slice*"\nIgnoreSelected true': ALL - KUBEPODS,
    "LeavesOnly true": LEAVES,
    'CGroup "/system.slice*"\nLeavesOnly true':
        {*SERVICES, "system.slice_docker-1.scope_inner"},
    "MaxDepth 0": {"root"},
    "MaxDepth 1": {"root", "system.slice", "user.slice", "kubepods.slice"},
    'InstanceFormat "leaf"': {name.split("_")[-1] for name in ALL},
}


@pytest.fixture(scope="module")
def shown(tmp_path_factory):
    """What each configuration shows, all at the same time"""
    with Cgroup({"v1": require_both()["v1"]}) as cgroup:
        directory = cgroup.directory("v1")
        with Forest(directory, PATHS):
            running = {
                options: Collectd(
                    tmp_path_factory.mktemp("selected") / "collectd",
                    f'Root "{directory}"\n{options}').start()
                for options in CASES}
            try:
                yield {options: settled(collectd, len(CASES[options]))
                       for options, collectd in running.items()}
            finally:
                for collectd in running.values():
                    collectd.__exit__()


def settled(collectd, count):
    """Once the expected number is there, and was for some intervals"""
    def passes():
        files = (collectd.directory / "csv").glob("*/cgroup_cpu-*/derive-*")
        return max((len(path.read_text().splitlines()) for path in files),
                   default=0)
    collectd.wait_for(lambda: len(instances(collectd)) >= count
                      and passes() > 4)
    return instances(collectd)


@pytest.mark.parametrize("options", CASES, ids=lambda text: text or "all")
def test_selection(shown, options):
    assert shown[options] == CASES[options]


def watches(collectd):
    """How many directories are watched for changes"""
    return sum(path.read_text().count("inotify wd:") for path in
               Path(f"/proc/{collectd.process.pid}/fdinfo").iterdir())


def test_what_cannot_match_is_not_walked(tmp_path):
    with Cgroup({"v1": require_both()["v1"]}) as cgroup:
        directory = cgroup.directory("v1")
        with Forest(directory, PATHS), Collectd(
                tmp_path / "collectd",
                f'Root "{directory}"\nCGroup "/system.slice/*.service"'
        ).start() as collectd:
            collectd.wait_for(lambda: instances(collectd) == SERVICES)
            # The root, the slice and what is in it; nothing of the others.
            assert watches(collectd) == 1 + 1 + 4
