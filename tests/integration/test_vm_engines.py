# SPDX-License-Identifier: MIT
"""Containers of real engines under systemd on pure v2, in an emulated machine:
they have the names that the engines tell, and the values of the kernel."""
import ast
import json
import re

import pytest

import measurement
from daemon import BUILD
from delivered import Delivered, complaints, instances, moments
from recorder import Recorder

pytest_plugins = ["vm"]
pytestmark = [pytest.mark.machines, pytest.mark.xdist_group("machine")]

# An emulated processor is slow. At times the kernel accounts no time to a
# container for seconds, then all at once, and its quota is used up for as long.
DELAY = 0.5
SHARE = 100
SPINNING = ["docker_web", "podman_web", "podman@1234_web"]
RENAMED = [("docker_web", "docker_web_backend.1"),
           ("podman_web", "podman_web_backend.1"),
           ("podman@1234_web", "podman@1234_web_backend.1")]
NAMED = [*SPINNING, "podman_front", "podman_in-unit", "podman@1234_front",
         "podman@1234_in-unit", "machine_tpl", "machine_my-web", "machine_odd",
         "lxc_jail"]
PREFIXES = {"docker": "docker_", "podman": "podman_", "pods": "podman_pod+",
            "rootless": "podman@1234_", "rootless pods": "podman@1234_pod+",
            "machines": "machine_", "lxc": "lxc_"}
OURS = tuple(PREFIXES.values())


def called(path, names):
    """What a cgroup must be called if these are the names of cgroups: after
    the innermost of them that it is in"""
    above = path
    while above and above not in names:
        above = above.rpartition("/")[0]
    rest = re.sub("[0-9a-f]{64}", lambda found: found[0][:12],
                  path[len(above):].strip("/")).replace("/", "_")
    return "+".join(filter(None, (names.get(above), rest)))


class Guest:
    """The results. `names` are those that containers, machines and pods must
    have, by their cgroups."""

    def __init__(self, results):
        self.collectd = Delivered(results / "collectd")
        self.nobody = Delivered(results / "nobody")
        self.truth = ast.literal_eval((results / "truth").read_text())
        self.names = {
            cgroup: prefix + (name[:12] if "pods" in kind else name)
            for kind, prefix in PREFIXES.items()
            for name, *_, cgroup in self.truth[kind]}
        self.recorder = Recorder(results / "record", self.truth["files"])

    def record(self, name):
        cgroup, = (cgroup for cgroup, found in self.names.items()
                   if found == name)
        return self.recorder.of(f"/sys/fs/cgroup/{cgroup}/cpu.stat")

    def usage(self, name):
        """From the time that is recorded"""
        return measurement.between(
            self.collectd.usage(name), self.truth["recorded"] + 1,
            self.truth["until"])

    def expected(self, names):
        """What these and all that is in them must be called"""
        return {name for name in (called(path, names)
                                  for path in self.truth["all"])
                if name.startswith(OURS)}

    def ids(self):
        return {row[1][:12] for kind in ("docker", "podman", "rootless")
                for row in self.truth[kind]}


def ours(collectd):
    return {name for name in instances(collectd) if name.startswith(OURS)}


@pytest.fixture(scope="module")
def guest(image):
    return Guest(image.run(
        "guest_engines.py", ["daemon.py", "delivered.py", "precedence.py",
                             "recorder.py", "waiting.py"],
        {"build/.libs/cgroup_cpu.so": BUILD / ".libs/cgroup_cpu.so"}))


def test_all_were_there(guest):
    pods = re.compile(r"podman(@1234)?_(pod\+\w{12}|\w{12}-infra)")
    names = {name for name in guest.names.values() if not pods.fullmatch(name)}
    assert names == {*NAMED}
    assert len(guest.names) == len(NAMED) + 4


def test_all_have_their_names(guest):
    """From the first value on, and nothing else has one"""
    new = dict(RENAMED)
    renamed = {cgroup: new.get(name, name)
               for cgroup, name in guest.names.items()}
    found = instances(guest.collectd)
    assert ours(guest.collectd) == (
        guest.expected(guest.names) | guest.expected(renamed))
    assert not [name for name in found for identifier in guest.ids()
                if identifier in name and "-conmon-" not in name]


def test_nothing_is_complained_of(guest):
    assert not [line for line in complaints(guest.collectd)
                if "cgroup_cpu" in line]


@pytest.mark.parametrize("name", NAMED)
def test_values_are_the_kernels(guest, name):
    usage = guest.usage(name)
    gauges = guest.collectd.millicores(name)
    record = guest.record(name)
    assert len(usage) >= 5
    measurement.check_counter(usage, record, DELAY)
    measurement.check_rates(usage, gauges, delay=DELAY)
    if name in SPINNING:
        assert usage[-1][1] > 500_000


def test_the_engines_own_stats(guest):
    """Podman shows the mean since the start. Docker shows one second, in which
    an emulated processor may do nothing for the container, and divides by the
    ticks that it counts."""
    stats = guest.truth["stats"]
    for engine, least, most in (
            ("docker", 0, 5 * SHARE), ("podman", SHARE / 2, 5 * SHARE)):
        mean = measurement.mean_of_gauges(
            guest.usage(f"{engine}_web"),
            guest.collectd.millicores(f"{engine}_web"))
        print(f"{engine} {10 * stats[engine]:.1f}m, plugin {mean:.1f}m")
        assert least <= 10 * stats[engine] < most


@pytest.mark.parametrize("old, new", RENAMED)
def test_renamed(guest, old, new):
    """Within a minute, and each pass has one of the two names"""
    before, after, passes = (
        [moment for moment in moments(guest.collectd, name)
         if moment > guest.truth["recorded"]] for name in (old, new, "root"))
    assert before[-1] < after[0] <= guest.truth["renamed"] + 60
    assert [*before, *after] == [
        moment for moment in passes if moment <= after[-1]]


def test_restarted(guest):
    """The same name and a counter that begins again: the first rate is that of
    the new one alone, which was not there in the pass before"""
    usage = guest.collectd.usage("docker_web")
    rates = dict(guest.collectd.millicores("docker_web"))
    (begun, used), = (
        later for (_, before), later in measurement.intervals(usage)
        if later[1] < before)
    passed = max(moment for moment in moments(guest.collectd)
                 if moment < begun)
    assert used / 1000 == pytest.approx(
        rates[begun] * (begun - passed), abs=rates[begun] * DELAY + 1)
    assert {moment for moment, _ in usage if moment > begun} <= rates.keys()


def test_labels_of_compose(guest):
    described = [value["meta"] for line in guest.collectd.log.splitlines()
                 if line.startswith("[{") for value in json.loads(line)]
    assert described
    (_, identifier, cgroup), = guest.truth["docker"]
    for found in described:
        assert found == {
            "cgroup_cpu:path": f"/{cgroup}", "container.id": identifier,
            "container.name": "web",
            "container.image.name": "busybox",
            "container.runtime.name": "docker",
            "container.label.com.docker.compose.project": "shop",
            "container.label.com.docker.compose.service": "web"}


def test_not_root(guest):
    """Only what anybody may read has names, and no value is lost. The reason
    is said once for each engine. Podman shows the name of a container nowhere
    else if it was started in a service of systemd or by a user."""
    hidden = re.compile(r"docker_|podman_(front|\w{12}-infra)$"
                        r"|podman@1234_(?!pod\+)")
    known = {cgroup: name for cgroup, name in guest.names.items()
             if not hidden.match(name)}
    assert ours(guest.nobody) == guest.expected(known)
    passes = {*moments(guest.nobody)[1:-1]}
    assert passes
    for cgroup in guest.names:
        assert {*moments(guest.nobody, called(cgroup, known))} >= passes
    docker, podman = guest.nobody.messages("notice")
    assert "/var/lib/docker/containers: some containers of Docker" in docker
    assert "some containers of Podman" in podman
