# SPDX-License-Identifier: MIT
"""collectd can be started, confined, run several times and ended in any way."""
import os
import signal
import sys
import time
from pathlib import Path

import pytest

import confinement
from daemon import Collectd
from delivered import instance_of, wait_for_passes
from inspection import descriptors
from standins import Standins

pytest_plugins = ["watched"]
RESTARTS = 100
CLOSE_ON_EXEC = 0o2000000


@pytest.fixture
def version():
    return "v1"


def quiet(collectd):
    return not collectd.messages("warning") + collectd.messages("error")


def rewrite(collectd, change):
    file = collectd.directory / "collectd.conf"
    file.write_text(change(file.read_text()))


def check_usage(collectd, instance="root"):
    """One value in each interval"""
    moments = [moment for moment, _ in collectd.usage(instance)]
    assert moments == sorted(set(moments))
    assert len(moments) >= 3


@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGINT])
def test_signals(start, sent):
    collectd = start()
    wait_for_passes(collectd, 2)
    collectd.process.send_signal(sent)
    assert collectd.process.wait(10) == 0
    assert "Exiting normally." in collectd.log
    assert quiet(collectd)


def test_a_hundred_restarts(tmp_path, cgroup, directory):
    """Each of them reads, and ends without an error. If the signal comes just
    before collectd sleeps, it sleeps on for an interval."""
    cgroup.child("one")
    read = str(directory / "one/cpuacct.usage")
    collectd = Collectd(tmp_path / "collectd", f'Root "{directory}"', 5)
    for _ in range(RESTARTS):
        with collectd.start():
            collectd.wait_for(lambda: read in descriptors(
                collectd.process.pid).values())
            collectd.stop()
    found = collectd.messages("info")
    assert len(found) == RESTARTS and len(set(found)) == 1
    assert collectd.log.count("Exiting normally.") == RESTARTS
    assert quiet(collectd)


def test_loaded_twice(tmp_path, directory):
    collectd = Collectd(tmp_path / "collectd", f'Root "{directory}"', 0.3)
    rewrite(collectd, lambda text: text + "LoadPlugin cgroup_cpu\n")
    with collectd.start():
        wait_for_passes(collectd, 4)
        collectd.stop()
    check_usage(collectd)
    assert quiet(collectd)
    assert "Value too old" not in collectd.log


def test_two_blocks(tmp_path, cgroup, directory):
    """The settings of both blocks apply"""
    for name in "abc":
        cgroup.child(name)
    collectd = Collectd(tmp_path / "collectd",
                        f'Root "{directory}"\nCGroup "/a"', 0.3)
    rewrite(collectd, lambda text: text + """
<Plugin cgroup_cpu>
  CGroup "/b"
  ReportUserSystem true
</Plugin>
""")
    with collectd.start():
        wait_for_passes(collectd, 3, "b")
        collectd.stop()
    for name in "ab":
        check_usage(collectd, name)
        assert collectd.series("cgroup_cpu", name, "derive-user_usec")
    assert not collectd.usage("c") + collectd.usage()
    assert quiet(collectd)


def test_two_on_one_host(cgroup, start):
    cgroup.child("one")
    both = [start(interval=0.3), start("ReportAll true", interval=0.3)]
    for collectd in both:
        wait_for_passes(collectd, 4, "one")
    for collectd in both:
        collectd.stop()
        check_usage(collectd, "one")
        assert quiet(collectd)


def test_ended_during_a_read(tmp_path, cgroup, directory, start):
    standins = Standins(tmp_path / "standins")
    for name in "abc":
        cgroup.child(name)
    collectd = start(interval=0.3, prefix=standins.prefix)
    wait_for_passes(collectd, 2, "a")
    # One call for each of its four files.
    standins.order("pread", late=1, path=str(directory))
    collectd.wait_for(lambda: standins.hits > 0)
    began = time.monotonic()
    collectd.stop()
    assert 0.5 < time.monotonic() - began < 10
    assert quiet(collectd)


SCRIPT = """\
#!/bin/sh
# Not the shell's own: a child's, which has what it was given.
ls -l /proc/self/fd >{place}/descriptors.new
mv {place}/descriptors.new {place}/descriptors
exec sleep 60
"""


def test_children_inherit_nothing(cgroup, directory, open_place):
    """Descriptors would not be inherited even if the exec plugin did not close
    the known ones"""
    cgroup.child("one")
    script = open_place / "script"
    script.write_text(SCRIPT.format(place=open_place))
    script.chmod(0o755)
    collectd = Collectd(open_place / "collectd", f'Root "{directory}"', 0.3,
                        beside=["exec"])
    collectd.directory.chmod(0o755)
    rewrite(collectd, lambda text: text + f"""
<Plugin exec>
  Exec "nobody:nogroup" "{script}"
</Plugin>
""")
    with collectd.start():
        wait_for_passes(collectd, 3, "one")
        collectd.wait_for((open_place / "descriptors").exists)
        inherited = (open_place / "descriptors").read_text()
        pid = collectd.process.pid
        ours = {number: target for number, target in descriptors(pid).items()
                if "inotify" in target or target.startswith(str(directory))}
        flags = {number: int(line.split()[1], 8) for number in ours for line in
                 Path(f"/proc/{pid}/fdinfo/{number}").read_text().splitlines()
                 if line.startswith("flags:")}
        collectd.stop()
    assert len(ours) >= 3 and flags.keys() == ours.keys()
    assert all(value & CLOSE_ON_EXEC for value in flags.values())
    assert "inotify" not in inherited and "cgroup" not in "".join(
        line.split(" -> ")[-1] for line in inherited.splitlines()
        if str(open_place) not in line)
    assert quiet(collectd)


UNPRIVILEGED = {
    "user": ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"],
    "no capabilities": ["setpriv", "--bounding-set=-all", "--inh-caps=-all",
                        "--no-new-privs"],
}


@pytest.mark.parametrize("case", UNPRIVILEGED)
def test_unprivileged(cgroup, directory, open_place, case):
    """It runs twice: the first run leaves nothing that disturbs the second"""
    cgroup.child("one")
    collectd = Collectd(open_place / "collectd",
                        f'Root "{directory}"\nReportAll true', 0.3,
                        build=open_place / "build")
    collectd.directory.chmod(0o777)
    for _ in range(2):
        with collectd.start(UNPRIVILEGED[case]):
            pid = collectd.process.pid
            wait_for_passes(collectd, 3, "one")
            status = Path(f"/proc/{pid}/status").read_text()
            collectd.stop()
        assert "CapEff:\t0000000000000000" in status
        assert ("Uid:\t0" in status) == (case != "user")
        assert quiet(collectd)
    check_usage(collectd, "one")


READ_ONLY = """
mount --make-rprivate /
mount --bind {place} {place}
for mount in $(findmnt -rno TARGET | grep -vxF {place}); do
  mount -o remount,bind,ro "$mount" || true
done
if touch /usr/cgroup_cpu_test || mkdir {cgroup}/new; then exit 9; fi
exec "$@"
"""
CHROOT = """
mount --make-rprivate /
mkdir -p {place}/root
mount -t tmpfs tmpfs {place}/root
cd {place}/root
for name in usr lib lib64 etc proc sys dev {place}; do
  [ ! -e "/$name" ] || { mkdir -p "./$name"; mount --rbind "/$name" "./$name"; }
done
[ -e bin ] || ln -s usr/bin bin
exec chroot . "$@"
"""


def in_namespace(script, **names):
    """A prefix for commands"""
    for name, value in names.items():
        script = script.replace(f"{{{name}}}", str(value))
    return ["unshare", "-m", "sh", "-ec", script, "sh"]


def test_read_only(cgroup, directory, open_place):
    cgroup.child("one")
    collectd = Collectd(open_place / "collectd", f'Root "{directory}"', 0.3)
    with collectd.start(in_namespace(
            READ_ONLY, place=open_place, cgroup=directory)):
        wait_for_passes(collectd, 3, "one")
        collectd.stop()
    check_usage(collectd, "one")
    assert quiet(collectd)


def test_chroot(cgroup, open_place):
    """It finds the hierarchy among the mounts that are visible in there"""
    cgroup.child("one")
    collectd = Collectd(open_place / "collectd", 'CGroup "*/one"', 0.3,
                        build=open_place / "build")
    instance = instance_of(f"{cgroup.path}/one")
    with collectd.start(in_namespace(CHROOT, place=open_place)):
        wait_for_passes(collectd, 3, instance)
        assert os.readlink(f"/proc/{collectd.process.pid}/root") == str(
            open_place / "root")
        collectd.stop()
    check_usage(collectd, instance)
    assert quiet(collectd)


@pytest.mark.parametrize("error", ["ENOSYS", "EPERM"])
def test_confined_by_seccomp(cgroup, start, error):
    """No inotify, no openat2, no higher limit: it is slower, but complete"""
    cgroup.child("one")
    collectd = start(interval=0.3, prefix=[
        sys.executable, confinement.__file__, error])
    wait_for_passes(collectd, 3, "one")
    cgroup.child("new")
    wait_for_passes(collectd, 3, "new")
    collectd.stop()
    check_usage(collectd, "one")
    assert quiet(collectd)
    (notice,) = collectd.messages("notice")
    assert "inotify cannot watch all cgroups" in notice
