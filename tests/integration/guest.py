# SPDX-License-Identifier: MIT
"""Runs in a guest: commands that start loads, then a collectd that reports
them, while the kernel's files are recorded.

The file `scenario` has commands, those that undo them, options of the plugin,
files, passes.
"""
import ast
import subprocess
import sys
import time
from pathlib import Path

from daemon import Collectd
from recorder import Recorder

ALL = Path("/sys/fs/cgroup")
# Emulated processors also need time for other work.
RECORDED = 0.1
SECONDS = 180


def cgroups():
    return "".join(f"{path}/\n" for path in ALL.glob("**/"))


def is_enough(usage, passes):
    """So many passes in as many seconds: after a late one, collectd makes the next
    ones sooner. Without the first two, which can be far apart."""
    return (len(usage) >= passes
            and usage[-1][0] - usage[1][0] >= passes - 2)


def main(results):
    scenario = ast.literal_eval(Path("scenario").read_text())
    for command in scenario["commands"]:
        subprocess.run(command, check=True)
    (results / "before").write_text(cgroups())
    collectd = Collectd(results / "collectd", scenario["options"])
    with Recorder(results / "record", scenario["files"],
                  RECORDED) as recorder, collectd.start():
        collectd.wait_for(lambda: is_enough(collectd.usage(),
                                            scenario["passes"]), SECONDS)
        recorder.wait_until_past(time.time() + 1)
    (results / "after").write_text(cgroups())
    for command in scenario["undo"]:
        subprocess.run(command, check=True)


main(Path(sys.argv[1]))
