# SPDX-License-Identifier: MIT
"""A private collectd with the plugin, and the values that it delivers."""
import contextlib
import os
import re
import signal
import subprocess
from pathlib import Path

from waiting import wait_until

BUILD = Path(os.environ["CGROUP_CPU_BUILD"]).resolve()
BURN = BUILD / "cgroup_cpu_burn"
DAEMON = "/usr/sbin/collectd"
STOCK = next((path for path in ("/usr/lib/collectd", "/usr/lib64/collectd")
              if Path(path).is_dir()), None)
HOST = "cgroup-cpu-test"
DATE = re.compile(r"-\d{4}-\d\d-\d\d$")
CONFIGURATION = """\
Hostname "{host}"
FQDNLookup false
BaseDir "{directory}"
PIDFile "{directory}/pid"
Interval {interval}
WriteThreads 1
PluginDir "{stock}"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  PrintSeverity true
  File "{directory}/log"
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "{directory}/csv"
  StoreRates false
</Plugin>
{beside}
"""
LOAD = """\
PluginDir "{build}/.libs"
LoadPlugin cgroup_cpu
"""
OPTIONS = """\
<Plugin cgroup_cpu>
{options}
</Plugin>
"""


def kind_of(path):
    """The type and the type instance of a csv file"""
    return DATE.sub("", path.name)


class Collectd:
    """It writes only below `directory`.

    With `include`, these files load the plugin from the directory of collectd's
    own plugins. With options=None it is not loaded at all.
    """

    host = HOST

    def __init__(self, directory, options="", interval=1, beside=(),
                 build=BUILD, host=HOST, include=()):
        self.directory = directory
        self.host = host
        self.process = None
        directory.mkdir(parents=True)
        configuration = directory / "collectd.conf"
        text = CONFIGURATION.format(
            host=host, directory=directory, interval=interval, stock=STOCK,
            beside="\n".join(f"LoadPlugin {plugin}" for plugin in beside))
        text += "".join(f'Include "{path}"\n' for path in include)
        if not include:
            text += LOAD.format(build=build)
        if options is not None:
            text += OPTIONS.format(options=options)
        configuration.write_text(text)
        self.command = [DAEMON, "-f", "-C", str(configuration)]

    def start(self, prefix=(), **environment):
        with open(self.directory / "output", "w") as output:
            self.process = subprocess.Popen(
                [*prefix, *self.command], stdin=subprocess.DEVNULL,
                stdout=output, stderr=output, env={**os.environ, **environment})
        return self

    def stop(self, status=0):
        """Ends it as an administrator does"""
        self.process.terminate()
        assert self.process.wait(30) == status, self.log

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    @property
    def log(self):
        return "".join(path.read_text(errors="replace") for path in (
            self.directory / "output", self.directory / "log")
            if path.exists())

    def messages(self, severity):
        """The messages of the plugin, without the date and its name"""
        mark = f"[{severity}] cgroup_cpu plugin: "
        return [line.split(mark)[1] for line in self.log.splitlines()
                if mark in line]

    def series(self, plugin, instance, kind, host=None):
        """(time, value) pairs in their order, of all days"""
        directory = self.directory / "csv" / (host or self.host) / "-".join(
            filter(None, (plugin, instance)))
        return [tuple(map(float, line.split(",")))
                for path in sorted(directory.glob(f"{kind}-????-??-??"))
                for line in path.read_text().splitlines(keepends=True)[1:]
                if line.endswith("\n")]

    def usage(self, instance="root"):
        return self.series("cgroup_cpu", instance, "derive-cpu_usage_usec")

    def millicores(self, instance="root"):
        return self.series("cgroup_cpu", instance, "gauge-millicores")

    @contextlib.contextmanager
    def paused(self):
        """It does nothing meanwhile"""
        tasks = Path(f"/proc/{self.process.pid}/task")
        self.process.send_signal(signal.SIGSTOP)
        try:
            wait_until(lambda: all(
                "State:\tT" in (task / "status").read_text()
                for task in tasks.iterdir()), 10, lambda: "it does not stop")
            yield
        finally:
            self.process.send_signal(signal.SIGCONT)

    def has_ended(self):
        return self.process.poll() is not None

    def wait_for(self, condition, seconds=30):
        def condition_while_running():
            assert not self.has_ended(), self.log
            return condition()

        return wait_until(condition_while_running, seconds, lambda: self.log)

    def samples(self, instance="root"):
        """usage() and millicores() without the last pass: a collectd that is
        ended drops the values that it has not written yet. Earlier passes are
        complete, because its single writer thread keeps the order."""
        *_, (last, _) = self.usage()
        return tuple([(time, value) for time, value in series if time < last]
                     for series in (self.usage(instance),
                                    self.millicores(instance)))

    def kinds(self):
        """{(cgroup, type-type instance), ...} of the plugin"""
        return {(path.parent.name.split("-", 1)[1], kind_of(path)) for path in
                self.directory.glob("csv/*/cgroup_cpu-*/*-????-??-??")}

    def complete(self):
        """{(cgroup, type, type instance): [(time, value), ...]} of the plugin,
        without the last pass"""
        *_, (last, _) = self.usage()
        found = {}
        for cgroup, kind in self.kinds():
            found[cgroup, *kind.split("-", 1)] = [
                row for row in self.series("cgroup_cpu", cgroup, kind)
                if row[0] < last]
        return found

    def wait_for_samples(self, count, seconds=60):
        self.wait_for(lambda: len(self.usage()) >= count, seconds)
