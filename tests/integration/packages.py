# SPDX-License-Identifier: MIT
"""Packages of this source tree, and Debian systems to install them on."""
import contextlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from debian import LIBRARY
from waiting import wait_until

SOURCE = Path(__file__).resolve().parents[2]
HEADERS = Path("/usr/include/collectd")
PACKAGE = "collectd-plugin-cgroup-cpu"
UNIT_TESTS = "tests/unit/unit_tests"
CSV = "var/lib/collectd/csv/test"
CONFIGURATION = """\
Hostname "test"
FQDNLookup false
Interval 1
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "/var/log/collectd.log"
  PrintSeverity true
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "/var/lib/collectd/csv"
</Plugin>
LoadPlugin uptime
"""
CHANGE = """
<Plugin cgroup_cpu>
  ReportUserSystem true
</Plugin>
"""
OTHER = "uptime/uptime"
USER = "cgroup_cpu-root/derive-user_usec"
# What changes in normal use without being part of the system's set-up
VOLATILE = re.compile(r"(proc|sys|dev|run|tmp|root|srv|var/(log|cache|tmp)"
                      r"|var/lib/(apt|dpkg|collectd)|etc/ld.so.cache)(/|$)")
MISSING = [tool for tool in (
    "dpkg-buildpackage", "dh", "lintian", "mmdebstrap", "rpmbuild", "rpmlint",
    "diffoscope", "bsdtar", "autopkgtest", "blhc") if not shutil.which(tool)]
needs_debian = pytest.mark.skipif(
    os.geteuid() != 0 or bool(MISSING),
    reason=f"needs root, Debian and {', '.join(MISSING)}")


def run(*command, **options):
    """Its output, which is shown on failure"""
    result = subprocess.run(
        list(map(str, command)), stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    assert result.returncode == 0, f"{command}\n{result.stdout[-8000:]}"
    return result.stdout


class Build:
    """A new build directory. $CGROUP_CPU_SCRATCH is a directory in which many
    small files can be created fast. Archives are compressed in little time: they
    are only unpacked again."""

    def __init__(self, source, directory, umask=0o022, **environment):
        directory.mkdir(exist_ok=True)
        scratch = os.environ.get("CGROUP_CPU_SCRATCH", tempfile.gettempdir())
        self.directory = directory
        self.options = {"cwd": directory, "umask": umask, "env": {
            **os.environ, "TMPDIR": scratch, "XZ_OPT": "-1", **environment}}
        run(source / "configure", **self.options)

    def make(self, target, *arguments):
        """Its output is in TARGET.log in the directory"""
        log = run("make", target, *arguments, **self.options)
        (self.directory / f"{target}.log").write_text(log)


def only(directory, pattern):
    path, = directory.glob(pattern)
    return path


def older(package, directory):
    """An older release: another version, another configuration"""
    tree = directory / "tree"
    run("dpkg-deb", "--raw-extract", package, tree)
    control = tree / "DEBIAN" / "control"
    control.write_text(re.sub(r"(?m)^(Version: .*)$", r"\1~older",
                              control.read_text()))
    conffile = tree / "etc/collectd/collectd.conf.d/cgroup_cpu.conf"
    conffile.write_text("# Of an older release\n" + conffile.read_text())
    run("dpkg-deb", "--root-owner-group", "--build", tree, directory)
    shutil.rmtree(tree)


def older_rpm(package, directory):
    """An older release of it: the same files and scripts. Only the parts of the
    spec that make the files are left out."""
    files = directory / "files"
    files.mkdir(parents=True)
    run("bsdtar", "-xf", package, "-C", files)
    shutil.rmtree(files / "usr/lib/.build-id", ignore_errors=True)
    spec = (SOURCE / "packaging/rpm/collectd-cgroup_cpu.spec").read_text()
    before, _ = spec.split("\n%prep\n")
    _, after = spec.split("\n%posttrans\n")
    after, count = re.subn(r"(?m)^%license .*\n%doc .*$",
                           "/usr/share/licenses/*\n/usr/share/doc/*", after)
    assert count == 1
    (directory / "older.spec").write_text(
        re.sub(r"(?m)^(Source|BuildRequires).*$", "", before)
        + f"\n%install\ncp -a {files}/. %{{buildroot}}\n"
        + f"\n%posttrans\n{after}")
    defined = {"_topdir": directory, "_rpmdir": directory, "dist": "~older",
               "__os_install_post": "%{nil}", "_build_name_fmt": "%{NAME}.rpm"}
    run("rpmbuild", "-bb", *[argument for name, value in defined.items() for
                             argument in ("--define", f"{name} {value}")],
        directory / "older.spec")


def make_repository(directory):
    (directory / "Packages").write_text(subprocess.run(
        ["dpkg-scanpackages", "--multiversion", "."], cwd=directory,
        check=True, capture_output=True, text=True).stdout)


def stub(name, version, directory):
    """A package with only a name and a version"""
    tree = directory / "tree"
    (tree / "DEBIAN").mkdir(parents=True)
    (tree / "DEBIAN" / "control").write_text(
        f"Package: {name}\nVersion: {version}\nArchitecture: all\n"
        "Maintainer: test <test@localhost>\nDescription: test\n")
    run("dpkg-deb", "--build", tree, directory)
    shutil.rmtree(tree)


class System:
    """A copy of a Debian with its own processes. Their output goes to
    `directory`. Nothing of it stays running or mounted."""

    # bash, because it is the first process and has to reap orphaned daemons.
    SCRIPT = """
cd "$1"
mkdir upper work root
mount -t overlay overlay -o "lowerdir=$2,upperdir=upper,workdir=work" root
mount -t proc proc root/proc
mount --rbind /dev root/dev
[ "$3" = False ] || mount --rbind /sys root/sys
echo ready
cat
exit
"""

    def __init__(self, debian, directory, cgroups=True):
        directory.mkdir()
        self.directory = directory
        self.process = subprocess.Popen(
            ["unshare", "--mount", "--pid", "--fork", "--kill-child",
             "bash", "-ec", self.SCRIPT, "bash", directory, debian.root,
             str(cgroups)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)

    def __enter__(self):
        assert self.process.stdout.readline() == "ready\n"
        pid = self.process.pid
        self.first = Path(f"/proc/{pid}/task/{pid}/children"
                          ).read_text().strip()
        self.root = Path(f"/proc/{self.first}/root{self.directory}/root")
        # Allows services to run, as on a host with SysV init.
        for program, line in (("usr/sbin/runlevel", "echo N 2"),
                              ("usr/sbin/policy-rc.d", "exit 0")):
            self.write(program, f"#!/bin/sh\n{line}\n")
            (self.root / program).chmod(0o755)
        return self

    def __exit__(self, *_):
        # The first process ends, and all others with it.
        self.process.stdin.close()
        self.process.wait()
        shutil.rmtree(self.directory)

    def beside(self, *command):
        """Runs a program of the host that sees the system's mounts"""
        return run("nsenter", "--mount", "--pid", "-t", self.first, *command)

    def run(self, *command):
        return self.beside(
            "chroot", self.directory / "root", "env", "-i",
            "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8",
            "DEBIAN_FRONTEND=noninteractive", *command)

    def add_repository(self, packages):
        shutil.copytree(packages, self.root / "srv" / packages.name)
        source = f"sources.list.d/{packages.name}.list"
        self.write(f"etc/apt/{source}",
                   f"deb [trusted=yes] file:/srv/{packages.name} ./\n")
        # The Debian has the lists of the other sources.
        self.run("apt-get", "update", "-o", f"Dir::Etc::SourceList={source}",
                 "-o", "Dir::Etc::SourceParts=-",
                 "-o", "APT::Get::List-Cleanup=false")

    def apt(self, *arguments):
        return self.run("apt-get", "-y", "--no-install-recommends",
                        "-o", "Dpkg::Options::=--force-confold", *arguments)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def read(self, path):
        return (self.root / path).read_text()

    def exists(self, path):
        return os.path.lexists(self.root / path)

    @property
    def log(self):
        path = self.root / "var/log/collectd.log"
        return path.read_text() if path.exists() else ""

    def collectd(self):
        """The number of its process if it runs"""
        for name in self.root.glob("proc/[0-9]*/comm"):
            with contextlib.suppress(OSError):
                if name.read_text() == "collectd\n":
                    return name.parent.name
        return None

    def last_value(self, series="cgroup_cpu-root/derive-cpu_usage_usec"):
        """The time of the last value, or 0 if there is none"""
        lines = [line for path in self.root.glob(f"{CSV}/{series}-*")
                 for line in path.read_text().splitlines(keepends=True)[1:]
                 if line.endswith("\n")]
        return max((float(line.split(",")[0]) for line in lines), default=0)

    def contents(self):
        """Type, mode, owner and contents of all installed files"""
        found = {}
        for directory, folders, files in os.walk(self.root):
            relative = Path(directory).relative_to(self.root)
            folders[:] = [name for name in folders
                          if not VOLATILE.match(str(relative / name))]
            for name in [*folders, *files]:
                path, key = Path(directory, name), str(relative / name)
                status = path.lstat()
                if not VOLATILE.match(key):
                    found[key] = (
                        status.st_mode, status.st_uid, status.st_gid,
                        os.readlink(path) if path.is_symlink() else
                        path.read_bytes() if path.is_file() else None)
        return found


def install_collectd(system):
    """Waits until it has started, because collectdmon forgets a stop that comes
    earlier. What the package needs stays when it is purged, so it is there
    before."""
    system.write("etc/collectd/collectd.conf", CONFIGURATION + (
        'Include "/etc/collectd/collectd.conf.d/*.conf"\n'))
    system.apt("install", "collectd", LIBRARY)
    wait_for_values(system, OTHER)


def wait_for_values(system, *series):
    before = system.last_value(*series)
    wait_until(lambda: system.last_value(*series) > before, 20,
               lambda: system.log)
