# SPDX-License-Identifier: MIT
"""packaging/try shows true figures and leaves nothing behind."""
import contextlib
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from cgroups import COUNTERS, Cgroup, hierarchies
from command_line import check_output, check_refusal
from daemon import BURN
from precedence import FIRST, come_first
from waiting import wait_until

SOURCE = Path(__file__).resolve().parents[2]
TRY = SOURCE / "packaging" / "try"
USAGE = ("Usage: packaging/try [--seconds N | --follow] [--millicores N]"
         " [--output FILE]")

# As LXC calls the cgroup of a container
CONTAINER = f"lxc.payload.cgroup_cpu_test.{os.getpid()}"

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="must be root")


def microseconds(cgroup, version):
    counter = (cgroup / COUNTERS[version]).read_text()
    return int(counter) / 1000 if version == "v1" else int(counter.split()[1])


def source_state():
    """Every file of the source tree, and the time of its last change"""
    return {path: path.lstat().st_mtime_ns for path in SOURCE.rglob("*")
            if ".git" not in path.parts and not path.is_dir()}


def processes_naming(path):
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            command = (process / "cmdline").read_bytes().decode(
                errors="replace")
            if str(path) in command:
                found.append(command)
    return found


class Run:
    """One run of the script in its own directory. If it has to build, there is
    no earlier build."""

    def __init__(self, folder, *arguments, builds=False):
        self.chart = folder / "chart.png"
        self.scratch = folder / "scratch"
        self.scratch.mkdir()
        self.source_before = source_state()
        self.log = folder / "log"
        environment = {**os.environ, "TMPDIR": str(self.scratch)}
        if builds:
            del environment["CGROUP_CPU_BUILD"]
        with open(self.log, "w") as log:
            self.process = subprocess.Popen(
                [TRY, "--output", self.chart, *arguments], cwd=folder,
                env=environment, stdout=log, stderr=subprocess.STDOUT,
                preexec_fn=come_first)
        self.version, self.root = min(hierarchies().items())
        self.cgroup = self.root / f"cgroup-cpu-try.{self.process.pid}"

    def usage(self):
        """The usage of all cgroups, and that of the burner's"""
        return (microseconds(self.root, self.version),
                microseconds(self.cgroup, self.version))

    def used_elsewhere(self):
        """The use of the burner's process that is not in its cgroup's counter.
        The counter is read first, so the result is never less than the use of
        the process when it entered its cgroup."""
        _, usage = self.usage()
        pid, = (self.cgroup / "cgroup.procs").read_text().split()
        cpu_clock = (~int(pid) << 3) | 2
        return 1e6 * time.clock_gettime(cpu_clock) - usage

    @property
    def output(self):
        return self.log.read_text()

    def wait_for(self, pattern):
        wait_until(lambda: re.search(pattern, self.output)
                   or self.process.poll() is not None,
                   120, lambda: self.output)
        assert re.search(pattern, self.output), self.output

    def assert_nothing_is_left(self):
        assert not self.cgroup.exists()
        assert list(self.scratch.iterdir()) == []
        assert processes_naming(self.scratch) == []
        assert source_state() == self.source_before


@contextlib.contextmanager
def running(folder, *arguments, **options):
    run = Run(folder, *arguments, **options)
    try:
        yield run
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(run.process.pid, signal.SIGTERM)
        run.process.wait(60)


def table(output):
    """The figures of the summary by series"""
    rows = re.findall(r"^(\S+) +(\d+)((?: +[\d.]+){5})$", output, re.M)
    names = ("mean", "min", "max", "idle", "burning")
    return {name: SimpleNamespace(
                samples=int(samples),
                **dict(zip(names, map(float, figures.split()))))
            for name, samples, figures in rows}


def assert_is_chart(path):
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    assert width > 600 and height > 300
    assert b"IEND" in content[-12:]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A whole run, and the kernel's record of it: (time, root, own)"""
    kernel, elsewhere = [], []
    with running(tmp_path_factory.mktemp("try"), "--seconds", "8") as run, \
            Cgroup({run.version: run.root}, CONTAINER) as container:
        container.start(*FIRST, BURN, "--millicores", "50")
        while run.process.poll() is None:
            with contextlib.suppress(OSError):
                kernel.append((time.monotonic(), *run.usage()))
            # There may be no process, or two for a moment.
            with contextlib.suppress(OSError, ValueError):
                elsewhere.append(run.used_elsewhere())
            time.sleep(0.05)
    run.kernel, run.before_entering = kernel, min(elsewhere)
    return run


@pytest.mark.timing
@needs_root
def test_it_ends_well(finished):
    assert finished.process.returncode == 0, finished.output
    assert_is_chart(finished.chart)
    assert finished.output.endswith(f"\nchart: {finished.chart}\n")
    finished.assert_nothing_is_left()


@pytest.mark.timing
@needs_root
def test_it_shows_samples_live(finished):
    lines = re.findall(
        r"^root: CPU μs: (\d+)(?: \| delta: \+(\d+) \| CPU: \d+m)?$",
        finished.output, re.M)

    assert len(lines) >= 8
    assert sum(int(delta or 0) for _, delta in lines) == (
        int(lines[-1][0]) - int(lines[0][0]))


def moment(kernel, usage):
    """The time at which the root cgroup's usage had this value, according to
    the kernel and our clock"""
    pairs = zip(kernel, kernel[1:])
    (start, before, _), (end, after, _) = next(
        pair for pair in pairs if pair[0][1] <= usage < pair[1][1])
    return start + (end - start) * (usage - before) / (after - before)


def burning_window(output, name):
    """The counter at both ends of the script's "burning" time: from the second
    sample under load to the last one"""
    burning = output.split("\n---")[1]
    _, first, *_, last = map(int, re.findall(
        rf"^{re.escape(name)}: CPU μs: (\d+)", burning, re.M))
    return first, last


@needs_root
@pytest.mark.timing
def test_its_figures_are_those_of_the_kernel(finished):
    burner = re.search(r"^burner: +used ([\d.]+) millicores over ([\d.]+) s$",
                       finished.output, re.M)
    asked, seconds = map(float, burner.groups())
    series = table(finished.output)
    used = finished.kernel[-1][2] - finished.kernel[0][2]

    # The burner counts the whole use of its process, also before it entered its
    # cgroup.
    assert asked == pytest.approx(100, abs=5)
    assert (used + finished.before_entering) / seconds / 1000 == (
        pytest.approx(asked, abs=3))

    assert "root" in series, finished.output
    root = series["root"]
    assert root.samples >= 8
    assert root.min <= root.idle <= root.max
    assert root.min <= root.mean <= root.max
    first, last = burning_window(finished.output, "root")
    took = moment(finished.kernel, last) - moment(finished.kernel, first)
    assert root.burning == pytest.approx((last - first) / 1000 / took, rel=0.1)
    if finished.cgroup.name in series:
        own = series[finished.cgroup.name]
        first, last = burning_window(finished.output, finished.cgroup.name)
        assert own.burning == pytest.approx((last - first) / 1000 / took, abs=3)
        assert finished.kernel[0][2] <= first < last <= finished.kernel[-1][2]
        assert own.idle == pytest.approx(0, abs=1)


@needs_root
@pytest.mark.timing
def test_it_shows_containers_by_name(finished):
    shown = table(finished.output)[CONTAINER.replace("lxc.payload.", "lxc_")]
    assert shown.samples >= 6
    assert shown.burning == pytest.approx(50, abs=3)


def press_ctrl_c(folder, send, moment, builds=False):
    with running(folder, "--follow", builds=builds) as run:
        run.wait_for(moment)
        assert run.cgroup.exists()
        assert processes_naming(run.scratch)
        send(run.process.pid, signal.SIGINT)
        run.process.wait(15)

    assert run.process.returncode == 0, run.output
    assert "burner:     used" in run.output
    assert re.search(r"^root +\d+ ", run.output, re.M)
    assert_is_chart(run.chart)
    run.assert_nothing_is_left()


@needs_root
@pytest.mark.parametrize("send, builds", [
    (os.kill, True), (os.killpg, False)], ids=["script", "terminal"])
def test_ctrl_c_ends_the_watch(tmp_path, send, builds):
    press_ctrl_c(tmp_path, send, "--- the load begins(.*\n){3}", builds)


@needs_root
def test_ctrl_c_can_come_before_the_burner_has_started(tmp_path):
    press_ctrl_c(tmp_path, os.killpg, "--- the load begins")


def end_by_signal(folder, send, sent, moment):
    with running(folder, "--seconds", "8", builds=moment == "Building") as run:
        run.wait_for(moment)
        send(run.process.pid, sent)
        run.process.wait(15)

    assert run.process.returncode != 0
    assert "chart:" not in run.output
    run.assert_nothing_is_left()


@needs_root
@pytest.mark.parametrize("moment", ["Building", "root: CPU", "--- the load"])
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP])
def test_other_signals_end_it_at_once(tmp_path, sent, moment):
    end_by_signal(tmp_path, os.killpg, sent, moment)


# It ends some time after its signal, and makes files until then.
LATE = """\
#!/bin/sh
trap "" HUP
touch running
number=0
until [ -e "$END" ]; do
  number=$((number + 1))
  : >"$TMPDIR/$number"
done
"""


@needs_root
def test_a_build_that_ends_late(tmp_path, monkeypatch):
    stub, end = tmp_path / "bin/autoreconf", tmp_path / "end"
    stub.parent.mkdir()
    stub.write_text(LATE)
    stub.chmod(0o755)
    monkeypatch.setenv("PATH", f"{stub.parent}:{os.environ['PATH']}")
    monkeypatch.setenv("END", str(end))
    with running(tmp_path, builds=True) as run:
        wait_until(lambda: [*run.scratch.glob("*/build/running")], 20,
                   lambda: run.output)
        os.killpg(run.process.pid, signal.SIGHUP)
        with contextlib.suppress(subprocess.TimeoutExpired):
            run.process.wait(1)
        end.touch()
        run.process.wait(15)
    run.assert_nothing_is_left()


@needs_root
def test_it_ends_its_processes_itself(tmp_path):
    """The signal interrupts a read, and no other process has it"""
    end_by_signal(tmp_path, os.kill, signal.SIGTERM, "--- the load(.*\n){3}")


@pytest.mark.parametrize("arguments, named", [
    (["--seconds"], "--seconds"),
    (["--seconds", "7"], "--seconds '7'"),
    (["--seconds", "3601"], "--seconds '3601'"),
    (["--seconds", "long"], "--seconds 'long'"),
    (["--millicores", "-1"], "--millicores '-1'"),
    (["--millicores=1000000"], "--millicores '1000000'"),
    (["--output", "/"], "--output '/'"),
    (["--output="], "--output ''"),
    (["--fast"], "'--fast'"),
    (["more"], "'more'"),
])
def test_bad_arguments(arguments, named):
    check_refusal([TRY, *arguments], named, USAGE)


def test_help():
    assert check_output(TRY, "--help").startswith(USAGE + "\n")


@needs_root
def test_it_refuses_to_run_without_root():
    # Only its file is needed, because the checkout may be closed to other
    # users.
    with open(TRY) as script:
        result = subprocess.run(["bash", "/dev/stdin"], stdin=script,
                                user=65534, group=65534, extra_groups=[],
                                cwd="/", capture_output=True, text=True)

    assert result.returncode == 1
    assert "root" in result.stderr


@needs_root
def test_it_refuses_without_tools_and_apt_get(tmp_path):
    for tool in ("dirname", "mktemp", "realpath", "rm"):
        (tmp_path / tool).symlink_to(shutil.which(tool))
    result = subprocess.run(["/bin/bash", TRY], cwd=tmp_path,
                            env={"PATH": str(tmp_path)}, capture_output=True,
                            text=True)

    assert result.returncode == 1
    assert "no apt-get" in result.stderr
    assert "autoreconf" in result.stderr
