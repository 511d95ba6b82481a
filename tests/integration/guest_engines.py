# SPDX-License-Identifier: MIT
"""Runs in a guest with systemd: starts containers of several engines, renames
and restarts some, and records their counters, while one collectd with root's
rights and one without report them.

What the engines and the kernel themselves say of the containers is in the file
`truth` of the results.
"""
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from daemon import Collectd
from delivered import moments, wait_for_passes
from precedence import ORDINARY_USER
from recorder import Recorder
from waiting import wait_until

ALL = Path("/sys/fs/cgroup")
RECORDED = 0.1
PASSES = 6
RENAMED = "web_backend.1"
USER, UID = "alice", 1234
RUNTIME = f"/run/user/{UID}"
AS_USER = ["runuser", "-u", USER, "--", "env", "--chdir=/", "HOME=/home/alice",
           f"XDG_RUNTIME_DIR={RUNTIME}",
           f"DBUS_SESSION_BUS_ADDRESS=unix:path={RUNTIME}/bus"]
METADATA = """\
Metadata true
NameLabel "com.docker.compose.project"
NameLabel "com.docker.compose.service"
"""
# All that JSON would take long.
JSON = """\
write_log
LoadPlugin match_regex
<Plugin write_log>
  Format "JSON"
</Plugin>
<Chain "chosen">
  <Rule>
    <Match "regex">
      PluginInstance "^docker_web$"
    </Match>
    <Target "write">
      Plugin "write_log"
    </Target>
  </Rule>
  <Target "write">
    Plugin "csv"
  </Target>
</Chain>
PostCacheChain "chosen"
"""
IMAGE = "/image.tar"
MACHINES = ["tpl", "my-web", "odd"]
REST = ["sleep", "1000"]
SPIN = ["sh", "-c", "while :; do :; done"]
MAKE_ROOT = f"""
mkdir /first
cd /first
mkdir bin dev etc proc run sys tmp usr
touch etc/os-release
cp /bin/busybox bin
ln -s busybox bin/sh
ln -s busybox bin/sleep
tar -cf {IMAGE} .
for copy in lxc/jail/rootfs machines/my-web machines/odd machines/tpl; do
  mkdir -p "/var/lib/$copy"
  cp -a . "/var/lib/$copy"
done
"""
# No engine makes a network.
FILES = {
    "/etc/docker/daemon.json":
        '{"iptables": false, "ip6tables": false, "bridge": "none"}',
    "/etc/systemd/nspawn/tpl.nspawn":
        "[Exec]\nBoot=no\nProcessTwo=yes\nParameters=sleep 1000\n"
        "PrivateUsers=no\n[Network]\nPrivate=no\nVirtualEthernet=no\n",
    "/var/lib/lxc/jail/config":
        "lxc.uts.name=jail\nlxc.rootfs.path=dir:/var/lib/lxc/jail/rootfs\n"
        "lxc.net.0.type=empty\nlxc.init.cmd=/bin/sleep 1000\n"
        "lxc.apparmor.profile=unconfined\n",
}


def run(*command):
    result = subprocess.run(command, text=True, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE)
    print(f"{time.monotonic():.1f}", *command, result.stderr, flush=True)
    assert result.returncode == 0, (command, result)
    return result.stdout.strip()


def cgroup_of(process):
    """Its path, without a "/" before it"""
    return Path(f"/proc/{process}/cgroup").read_text().strip().split(":/")[1]


class Engine:
    """Docker, or Podman of a user. `user` comes before commands of a user."""

    def __init__(self, program, user=()):
        self.program = program
        self.user = user

    def __call__(self, *arguments):
        return run(*self.user, self.program, *arguments)

    def spin(self, name, *options):
        """The host's network takes no time."""
        self("run", "--detach", "--network=host", f"--name={name}",
             "--cpus=0.1", *options, "busybox", *SPIN)

    def used(self, name):
        """In percent of a processor, as it says itself"""
        return float(self("stats", "--no-stream", "--format={{.CPUPerc}}",
                          name).rstrip("%"))


class Docker(Engine):
    def containers(self):
        """(name, id, cgroup) of each"""
        name, identifier, process = self(
            "inspect", "--format={{.Name}} {{.Id}} {{.State.Pid}}", "web").split()
        return [(name.strip("/"), identifier, cgroup_of(process))]


class Podman(Engine):
    def in_unit(self, *options):
        """Runs something in a service of systemd that it may divide"""
        run(*self.user, "systemd-run", *(["--user"] if self.user else []),
            "--property=Delegate=yes", *options)

    def make_pod(self):
        """Its containers are started in a service, where Podman makes no
        cgroup for conmon."""
        self("pod", "create", "--name=shop", "--network=host",
             "--infra-image=busybox", "--infra-command=sleep 1000")
        self.in_unit("--wait", "--property=KillMode=process", "podman", "run",
                     "--detach", "--pod=shop", "--name=front", "busybox",
                     *REST)

    def split(self):
        """As in the units that Podman generates"""
        self.in_unit(
            "--unit=split", "--property=Type=notify",
            "--property=NotifyAccess=all", "podman", "run", "--detach",
            "--sdnotify=conmon", "--network=host", "--name=in-unit",
            "--cgroups=split", "busybox", *REST)

    def containers(self):
        """(name, id, cgroup) of each, and (id, cgroup) of each pod. crun puts
        the processes one cgroup deeper."""
        lines = self("ps", "--no-trunc", "--format={{.Names}} {{.ID}} {{.Pid}}"
                     " {{.Pod}}").splitlines()
        found = [(name, identifier,
                  cgroup_of(process).removesuffix("/container"), pod)
                 for name, identifier, process, *pod in map(str.split, lines)]
        return ([row[:3] for row in found],
                sorted({(pod, os.path.dirname(cgroup))
                        for _, _, cgroup, pods in found for pod in pods}))


DOCKER = Docker("docker")
PODMAN = Podman("podman")
ROOTLESS = Podman("podman", AS_USER)


def start_docker():
    run("systemctl", "start", "docker.service")
    DOCKER("import", IMAGE, "busybox")
    DOCKER.spin("web", "--label=com.docker.compose.project=shop",
                "--label=com.docker.compose.service=web")


def start_podman():
    PODMAN("import", IMAGE, "busybox")
    PODMAN.spin("web")
    PODMAN.make_pod()
    PODMAN.split()


def start_rootless():
    run("useradd", "--create-home", f"--uid={UID}", USER)
    run("loginctl", "enable-linger", USER)
    wait_until(Path(RUNTIME, "bus").exists, 20, lambda: "no user manager")
    ROOTLESS("import", IMAGE, "busybox")
    ROOTLESS.spin("web")
    ROOTLESS.make_pod()
    ROOTLESS.split()


def start_machines():
    """The unit of one has a name that says nothing of the machine."""
    run("systemctl", "start", "systemd-nspawn@tpl.service")
    for unit, *options in (
            ("nspawn", "--machine=my-web"),
            ("vendor", "--keep-unit", "--machine=odd")):
        run("systemd-run", f"--unit={unit}", "--property=Type=notify",
            "--property=NotifyAccess=all", "--property=Delegate=yes",
            "systemd-nspawn", "--quiet", "--notify-ready=no", "--as-pid2",
            *options, *REST)
    run("lxc-start", "--name=jail")


def start_all():
    """At the same time, since each often waits"""
    failed = []

    def start(what):
        try:
            what()
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=start, args=[what]) for what in (
        start_docker, start_podman, start_rootless, start_machines)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]


def machines():
    """(name, cgroup) of each that machined knows"""
    units = run("machinectl", "show", "--property=Unit", "--value",
                *MACHINES).split()
    groups = run("systemctl", "show", "--property=ControlGroup", "--value",
                 *units).split()
    return [(name, group.strip("/")) for name, group in zip(MACHINES, groups)]


def truth():
    podman, pods = PODMAN.containers()
    rootless, rootless_pods = ROOTLESS.containers()
    jail = run("lxc-info", "--name=jail", "--pid", "--no-humanize")
    return {
        "docker": DOCKER.containers(), "podman": podman, "rootless": rootless,
        "pods": pods, "rootless pods": rootless_pods, "machines": machines(),
        "lxc": [("jail", cgroup_of(jail))],
        "all": [str(path.relative_to(ALL)) for path in ALL.glob("**/")]}


def main(results):
    # As in a session of a user, where Podman makes cgroups for conmon
    del os.environ["INVOCATION_ID"]
    run("sh", "-ec", MAKE_ROOT)
    for file, text in FILES.items():
        Path(file).parent.mkdir(parents=True, exist_ok=True)
        Path(file).write_text(text)
    collectd = Collectd(results / "collectd", METADATA, beside=[JSON])
    nobody = Collectd(results / "nobody")
    nobody.directory.chmod(0o777)
    with collectd.start():
        start_all()
        wait_for_passes(collectd, 2, "docker_web")
        DOCKER("restart", "--time=0", "web")
        found = truth()
        found["files"] = [
            str(ALL / cgroup / "cpu.stat") for kind, rows in found.items()
            if kind != "all" for *_, cgroup in rows]
        with Recorder(results / "record", found["files"], RECORDED) \
                as recorder, nobody.start(ORDINARY_USER):
            found["recorded"] = time.time()
            found["stats"] = {"docker": DOCKER.used("web"),
                              "podman": PODMAN.used("web")}
            wait_for_passes(nobody, PASSES)
            passes = wait_for_passes(collectd, 1)
            recorder.wait_until_past(passes[-1] + 1)
        found["until"] = passes[-1]
        for engine in DOCKER, PODMAN, ROOTLESS:
            engine("rename", "web", RENAMED)
        found["renamed"] = time.time()
        for kind in "docker", "podman", f"podman@{UID}":
            collectd.wait_for(
                lambda: moments(collectd, f"{kind}_{RENAMED}"), 60)
        wait_for_passes(collectd, 2)
        collectd.stop()
    (results / "truth").write_text(repr(found))


main(Path(sys.argv[1]))
