# SPDX-License-Identifier: MIT
"""The container image, built once and run as our Kubernetes manifests say, by
real runtimes on v1 and v2 and in gVisor."""
import contextlib
import os
import shutil
import subprocess
import time
from types import SimpleNamespace

import pytest

import kubelet
import measurement
import shared
from cgroups import Cgroup, require_both
from containers import MEMORY, GvisorContainer, V1Container, V2Container
from daemon import BURN
from debian import Debian
from image import CONFIGURATION, Image
from pod_network import POD, PodNetwork
from precedence import come_first, put_first
from recorder import Recorder
from scraper import Scraper

pytestmark = [pytest.mark.containers, pytest.mark.xdist_group("image")]

# The sandbox's tests mostly wait, and run beside the others.
in_gvisor = pytest.mark.xdist_group("image in gVisor")
ENVIRONMENTS = ["v1", "v2", pytest.param("gVisor", marks=in_gvisor)]
TOOLS = ("buildah", "mmdebstrap", "runc", "crun", "runsc", "ip",
         "nsenter")
TICK = {"gVisor": 0.01}
SAMPLES = 13


@pytest.fixture(scope="module")
def mounts():
    found = require_both()
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing or not MEMORY.is_dir():
        pytest.skip(f"needs {', '.join(missing) or MEMORY}")
    return found


@pytest.fixture(scope="module")
def image(mounts, debian_directory):
    with Debian("bookworm", debian_directory) as debian, \
            shared.directory("image") as place:
        built = Image(place, debian)
        yield built
        built.remove()


@pytest.fixture(scope="module")
def new_container(mounts, runsc_of):
    """new_container(environment, directory, specification)"""
    def make(environment, directory, specification):
        if environment == "v1":
            return V1Container(directory, specification)
        if environment == "v2":
            return V2Container(directory, specification, mounts)
        return GvisorContainer(directory, specification, mounts,
                               runsc_of("2024"))

    return make


def every_second(directory):
    """The image's configuration with another interval, mounted over it"""
    text = CONFIGURATION.read_text()
    assert text.count("\nInterval 10\n") == 1
    changed = directory / "collectd.conf"
    changed.write_text(text.replace("\nInterval 10\n", "\nInterval 1\n"))
    return {"destination": "/etc/collectd/collectd.conf", "type": "bind",
            "source": str(changed), "options": ["rbind", "ro"]}


@pytest.fixture
def run_pod(image, new_container, tmp_path):
    """run_pod(environment, pod, ...): the container and its scraper"""
    with contextlib.ExitStack() as stack:
        def run(environment, pod, *mounts, wrapper=()):
            interval = 1 if mounts else 10
            network = stack.enter_context(PodNetwork())
            specification = pod.oci(image, tmp_path, network.path, mounts)
            specification["process"]["args"][:0] = wrapper
            container = stack.enter_context(
                new_container(environment, tmp_path, specification))
            return container, stack.enter_context(Scraper(
                network, pod.probe_url(POD), tmp_path / "scraped", interval))

        yield run


def wait_for_values(container, scraper, count, seconds=30):
    """Its processes have sessions of their own, so they get their priority
    when they run"""
    container.wait_for(scraper.usage)
    put_first(container.processes())
    container.wait_for(lambda: len(scraper.usage()) >= count, seconds)


def watch(container, scraper):
    """The delivered values, and a record of the counter"""
    wait_for_values(container, scraper, 2)
    with container.recorder() as recorder:
        began = time.time()

        def recorded():
            return measurement.between(scraper.usage(), began, time.time())

        container.wait_for(lambda: len(recorded()) >= SAMPLES, 60)
        usage = recorded()
        recorder.wait_until_past(time.time() + measurement.BUSY_DELAY)
        record = recorder.of(container.counter)
    return SimpleNamespace(usage=usage, millicores=scraper.millicores(),
                           record=record)


def mount_options(container, directory):
    options, = (fields[3] for fields in map(str.split, container.ask(
        "cat", "/proc/mounts").splitlines()) if fields[1] == directory)
    return options.split(",")


def settings(container):
    """The settings of the manifest, as they are seen from inside"""
    def status(key):
        line, = (line for line in container.ask(
            "cat", "/proc/1/status").splitlines() if line.startswith(key))
        return line.split()[1:]

    return SimpleNamespace(
        user=status("Uid:"), group=status("Gid:"),
        capabilities=[status(key) for key in ("CapEff:", "CapBnd:")],
        seccomp=status("Seccomp:"), root=mount_options(container, "/"))


def end(container, seconds):
    """Ends it like a node, and returns its status if it ended by itself"""
    container.signal("TERM")
    container.wait_for_log("Exiting normally.")
    try:
        return container.process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


@pytest.fixture(scope="module", params=ENVIRONMENTS)
def watched(request, image, new_container, pod_of, tmp_path_factory):
    directory = tmp_path_factory.mktemp("container")
    pod = pod_of("gvisor" if request.param == "gVisor" else "pod")
    with PodNetwork() as network:
        url = pod.probe_url(POD)
        specification = pod.oci(image, directory, network.path,
                                [every_second(directory)])
        with new_container(request.param, directory, specification) as running:
            with Scraper(network, url, directory / "scraped") as scraper:
                observed = watch(running, scraper)
            return SimpleNamespace(
                **vars(observed), environment=request.param, pod=pod,
                settings=settings(running),
                healthy=running.exec(*pod.probe_command()),
                end=end(running, 2), log=running.log)


def tolerance(watched, truth):
    if watched.environment not in TICK:
        return measurement.tolerance(truth)
    return measurement.tolerance_in_ticks(
        TICK[watched.environment], watched.usage, watched.record, truth)


def test_values_are_the_kernels(watched, report):
    usage, record = watched.usage, watched.record
    measurement.check_values(usage, watched.millicores, record)

    truth = record.millicores(usage[0][0], usage[-1][0])
    gauges = measurement.mean_of_gauges(usage, watched.millicores)
    report(f"image, {watched.environment}", "burn", gauges, truth)
    allowed = tolerance(watched, truth)
    assert gauges == pytest.approx(truth, abs=allowed)
    assert measurement.mean_of_derives(usage) == pytest.approx(
        truth, abs=allowed)


def check_burn(usage, millicores, used=100, tick=0):
    """The values show what is used. If time counts in ticks, one tick per
    interval may be for other processes."""
    seconds = measurement.length(usage)
    mean = measurement.mean_of_gauges(usage, millicores)
    print(f"burn: {mean:.2f}m")
    assert mean == pytest.approx(
        used, abs=2 + 1000 * tick * (len(usage) + 1) / seconds)
    assert measurement.usual(usage, millicores) == pytest.approx(used, rel=0.1)


@pytest.mark.parametrize("watched", ["v1", "v2"], indirect=True)
def test_burn_shows(watched):
    check_burn(watched.usage, watched.millicores)


def ticks_of(container):
    """The moment, and the CPU time of collectd and the burner in ticks"""
    *processes, moment = container.ask(
        "bash", "-c", "cat /proc/1/stat /proc/2/stat; echo $EPOCHREALTIME"
    ).splitlines()
    names, fields = zip(*(line.split(" (")[1].split(") ")
                          for line in processes))
    assert names == ("collectd", "cgroup_cpu_burn")
    return float(moment), *(sum(map(int, each.split()[11:13]))
                            for each in fields)


@in_gvisor
def test_burn_shows_in_gvisor(run_pod, pod_of):
    """With an interval of one second, ticks of 10 ms would be too coarse. So
    the interval is that of the manifest. On a busy machine gVisor counts ticks
    for collectd while it waits for a processor."""
    tick = TICK["gVisor"]
    container, scraper = run_pod("gVisor", pod_of("gvisor"))

    # What is asked costs time as well: before and after the values.
    wait_for_values(container, scraper, 2, 60)
    began, *before = ticks_of(container)
    container.wait_for(lambda: len(scraper.usage()) >= 6, 60)
    usage, millicores = scraper.usage()[2:], scraper.millicores()
    ended, *after = ticks_of(container)

    collectd, burner = (1000 * tick * (later - earlier) / (ended - began)
                        for earlier, later in zip(before, after))
    print(f"collectd {collectd:.2f}m, burner {burner:.2f}m")
    assert burner == pytest.approx(
        100, abs=2 + 2000 * tick / (ended - began))
    check_burn(usage, millicores, collectd + burner, tick)


def test_it_has_no_privileges(watched):
    found = watched.settings
    assert found.user == found.group == ["10001"] * 4
    assert {int(value, 16) for value, in found.capabilities} == {0}
    # gVisor's own seccomp filter cannot be seen from inside.
    assert found.seccomp == ["0" if watched.environment == "gVisor" else "2"]
    assert "ro" in found.root


def test_it_is_well_and_ends(watched):
    assert watched.healthy.returncode == 0, watched.healthy
    assert "[error]" not in watched.log and "ailed" not in watched.log
    if watched.environment == "gVisor":
        # It has to be killed there, after the whole grace period.
        assert watched.end is None and watched.pod.grace_seconds == 5
    else:
        assert watched.end == 0


def test_burn_takes_arguments(run_pod, pod_of, tmp_path):
    pod = pod_of("pod")
    pod.arguments += ["--millicores", "250"]
    container, scraper = run_pod("v1", pod, every_second(tmp_path))
    wait_for_values(container, scraper, 8)
    usage = scraper.usage()[1:]
    # On a busy machine it can be late at an end.
    assert measurement.mean_of_derives(usage) == pytest.approx(250, rel=0.1)
    assert measurement.usual(usage, scraper.millicores()) == pytest.approx(
        250, abs=measurement.tolerance(250))


@pytest.mark.image
def test_users_agree(image, pod_of):
    """Without the manifests, the image runs as the same user"""
    user = pod_of("pod").process(image.configuration)["user"]
    assert image.configuration["User"] == f"{user['uid']}:{user['gid']}"


def test_healthcheck(run_pod, pod_of, image):
    """With the unchanged image and no arguments, and with a process in the
    container that survives collectd"""
    kind, *command = image.configuration["Healthcheck"]["Test"]
    pod = pod_of("pod")
    assert kind == "CMD" and command == pod.probe_command()
    pod.arguments = None
    container, scraper = run_pod(
        "v1", pod, wrapper=["sh", "-c", '"$@"; exec sleep 600', "sh"])

    def is_well(*arguments):
        return container.exec(*command, *arguments).returncode == 0

    def collectd(name):
        subprocess.run(["kill", f"-{name}", container.find("collectd")],
                       check=True)

    container.wait_for(is_well)
    # Values come every 10 s, so the last one is sometimes older than 3 s.
    container.wait_for(lambda: not is_well("3"))
    assert is_well()
    container.wait_for(lambda: is_well("3"))
    container.wait_for(scraper.millicores)

    collectd("STOP")
    assert not is_well()
    collectd("CONT")
    container.wait_for(is_well)
    collectd("TERM")
    container.wait_for(lambda: not container.find("collectd"))
    assert container.process.poll() is None
    assert not is_well()


@contextlib.contextmanager
def container_of_pod(environment, container, mounts):
    """The cgroup of another container on the node"""
    path = f"{kubelet.SLICE}/crio-{kubelet.ID}.scope"
    if environment == "v1":
        # A kubelet can have its own below any slice.
        with Cgroup({"v1": mounts["v1"]},
                    f"cgroup_cpu_test.{os.getpid()}.slice") as cgroup:
            yield descendant(cgroup, path)
    else:
        yield descendant(container.host, path)


def descendant(cgroup, path):
    for name in path.split("/"):
        cgroup = cgroup.child(name)
    return cgroup


@pytest.mark.parametrize("environment", ["v1", "v2"])
def test_node(run_pod, pod_of, mounts, tmp_path, environment):
    """The values of the DaemonSet for a pod elsewhere on the node, by its
    name"""
    node = kubelet.Node(tmp_path / "node")
    node.add_pod()
    node.add_container(kubelet.ID)
    pod, name = pod_of("node"), kubelet.NAME
    pod.move_logs(node.root)
    container, scraper = run_pod(environment, pod, every_second(tmp_path))
    with container_of_pod(environment, container, mounts) as cgroup:
        counter = cgroup.counter(environment)
        cgroup.start(BURN, "--millicores", "300", stdout=subprocess.DEVNULL,
                     preexec_fn=come_first)
        with Recorder(tmp_path / "truth", [counter]) as truth:
            began = time.time()
            container.wait_for(lambda: len(scraper.usage(name)) >= 8)
            ended = time.time()
            truth.wait_until_past(ended + measurement.BUSY_DELAY)
    usage = measurement.between(scraper.usage(name), began, ended)
    record = truth.of(counter)
    measurement.check_values(usage, scraper.millicores(name), record)
    mean = record.millicores(usage[0][0], usage[-1][0])
    assert len(usage) >= 6 and mean > 50
    for shown in (measurement.mean_of_derives(usage),
                  measurement.mean_of_gauges(
                      usage, scraper.millicores(name))):
        assert shown == pytest.approx(
            mean, abs=measurement.tolerance(mean))

    assert "ro" in mount_options(container, "/host/sys/fs/cgroup")
    assert "[error]" not in container.log and "ailed" not in container.log
