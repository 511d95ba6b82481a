# SPDX-License-Identifier: MIT
"""The burner holds the requested load, according to the kernel."""
import contextlib
import os
import re
import select
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from command_line import check_output, check_refusal
from daemon import BURN
from measurement import tolerance
from precedence import come_first
from waiting import wait_until

CPUS = len(os.sched_getaffinity(0))
USAGE = "Usage: cgroup_cpu_burn [--millicores N] [--seconds S]"
REPORT = re.compile(r"used (\d+\.\d\d) millicores over (\d+\.\d\d) s\n")


@contextlib.contextmanager
def burner(*arguments):
    with subprocess.Popen([BURN, *arguments], preexec_fn=come_first,
                          stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def wait(process):
    """The report, and the CPU seconds of the process according to the kernel"""
    report = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return report, usage.ru_utime + usage.ru_stime


def waits_for_signals(process):
    """Its first thread sleeps for nothing else."""
    return re.match(r"Name:\s*cgroup_cpu_burn\n(.*\n)*State:\s*S",
                    Path(f"/proc/{process.pid}/status").read_text())


def wait_until_it_burns(process):
    wait_until(lambda: waits_for_signals(process), 5,
               lambda: "the burner did not start")


def taken_from_the_machine():
    """The CPU seconds of all CPUs that no process could have: of interrupts,
    and of other virtual machines"""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return sum(map(int, fields[6:9])) / os.sysconf("SC_CLK_TCK")


def waited_for_a_cpu(process):
    """The seconds until its report in which a thread of it was ready to run
    and others ran, as happens at any priority: the second field, see
    Documentation/scheduler/sched-stats.rst. Its last 0.1 s may be missing."""
    waited = 0
    while not select.select([process.stdout], [], [], 0.1)[0]:
        with contextlib.suppress(OSError):  # of threads that are ending
            fields = [(thread / "schedstat").read_text().split() for thread
                      in Path(f"/proc/{process.pid}/task").iterdir()]
            waited = max(waited, sum(int(field) for _, field, _ in fields))
    return waited / 1e9


def hold(*loads):
    """Runs all loads over the same seconds: (exit status, report, CPU seconds,
    wall seconds, those that it could not have) by load"""
    found = {}
    taken = taken_from_the_machine()
    with contextlib.ExitStack() as stack:
        started = time.monotonic()
        processes = {load: stack.enter_context(burner(
            "--millicores", str(load), "--seconds", "4")) for load in loads}
        for load, process in processes.items():
            waited = waited_for_a_cpu(process)
            report, cpu = wait(process)
            found[load] = (process.returncode, report, cpu,
                           time.monotonic() - started,
                           waited + taken_from_the_machine() - taken)
    return found


@pytest.fixture(scope="module")
def held():
    """Never more loads at a time than CPUs"""
    return {**hold(0, 1, 100), **hold(1000), **(
        hold(1500) if CPUS >= 2 else {})}


@pytest.fixture(scope="module")
def starting():
    """The CPU seconds of one that only starts and ends"""
    with burner("--millicores", "0", "--seconds", "0.01") as process:
        return wait(process)[1]


@pytest.mark.timing
@pytest.mark.parametrize("millicores", [
    0, 1, 100, 1000,
    pytest.param(1500, marks=pytest.mark.skipif(CPUS < 2, reason="one CPU")),
])
def test_mean(held, starting, millicores):
    """A load of a whole CPU cannot make up for what it was not given."""
    status, report, cpu, wall, withheld = held[millicores]
    allowed = tolerance(millicores)
    missing = 1000 * withheld / wall if millicores == 1000 else 0

    assert status == 0
    measured = 1000 * cpu / wall
    assert (-allowed - missing <= measured - millicores
            <= allowed + 1000 * starting / wall)
    reported, seconds = map(float, REPORT.fullmatch(report).groups())
    assert reported == pytest.approx(measured, abs=allowed)
    assert seconds == pytest.approx(4, abs=0.05)


def sample(pid):
    """(time, CPU time), but not if the test was interrupted in between"""
    cpu_clock = (~pid << 3) | 2
    while True:
        wall = time.monotonic()
        cpu = time.clock_gettime(cpu_clock)
        if time.monotonic() - wall < 0.0005:
            return wall, cpu


@pytest.fixture(scope="module")
def sampled():
    """Two loads at the same time: [(time, CPU time), ...] of each"""
    with burner("--millicores", "100") as low, \
            burner("--millicores", "500") as high:
        processes = {100: low, 500: high}
        samples = {load: [] for load in processes}
        for process in processes.values():
            wait_until_it_burns(process)
        for _ in range(61):
            for load, process in processes.items():
                samples[load].append(sample(process.pid))
            time.sleep(0.1)
    return samples


@pytest.mark.timing
@pytest.mark.parametrize("millicores", [100, 500])
def test_every_second(sampled, millicores):
    samples = sampled[millicores]
    rates = [1000 * (cpu_later - cpu) / (wall_later - wall)
             for (wall, cpu), (wall_later, cpu_later)
             in zip(samples, samples[10:])]
    errors = [abs(rate - millicores) for rate in rates]
    # A virtual machine sometimes stops long enough to show, if a second begins
    # or ends at that moment: up to a tenth of a second.
    inside = [error for error in errors if error <= tolerance(millicores)]
    assert len(inside) >= 0.9 * len(errors), rates
    assert max(errors) <= millicores / 10


@pytest.mark.timing
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("millicores", [0, 100, 1000])
def test_signal_ends_it(sent, millicores):
    with burner("--millicores", str(millicores)) as process:
        wait_until_it_burns(process)
        sent_at = time.monotonic()
        process.send_signal(sent)
        report, _ = wait(process)

    assert time.monotonic() - sent_at < 0.5
    assert process.returncode == 0
    assert REPORT.fullmatch(report)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_signal_ends_it_even_where_ignored_before(sent):
    """A shell's trap '' has this effect on its children"""
    before = signal.signal(sent, signal.SIG_IGN)
    try:
        with burner() as process:
            wait_until_it_burns(process)
            process.send_signal(sent)
            report, _ = wait(process)
    finally:
        signal.signal(sent, before)

    assert process.returncode == 0
    assert REPORT.fullmatch(report)


@pytest.mark.timing
def test_seconds_may_be_a_fraction():
    started = time.monotonic()
    with burner("--seconds=0.25") as process:
        report, _ = wait(process)

    assert 0.25 <= time.monotonic() - started < 0.5
    assert report.endswith(" over 0.25 s\n")


@pytest.mark.parametrize("arguments, named", [
    (["--millicores", "-1"], "--millicores '-1': must be"),
    (["--millicores", ""], "--millicores '': must be"),
    (["--millicores", "many"], "--millicores 'many': must be"),
    (["--millicores", "12.5"], "--millicores '12.5': must be"),
    (["--millicores", "1e2"], "--millicores '1e2': must be"),
    (["--millicores", f"{1000 * CPUS + 1}"], f"from 0 to {1000 * CPUS} "),
    (["--millicores"], "'--millicores' requires an argument"),
    (["--seconds", "0"], "--seconds '0': must be"),
    (["--seconds", "-1"], "--seconds '-1': must be"),
    (["--seconds", "."], "--seconds '.': must be"),
    (["--seconds", "1.2.3"], "--seconds '1.2.3': must be"),
    (["--seconds", "inf"], "--seconds 'inf': must be"),
    (["--seconds", "nan"], "--seconds 'nan': must be"),
    (["--seconds", "1000000001"], "up to 1000000000"),
    (["--seconds"], "'--seconds' requires an argument"),
    (["--load", "5"], "'--load'"),
    (["-x"], "'x'"),
    (["--seconds", "1", "more"], "unexpected argument 'more'"),
])
def test_bad_arguments(arguments, named):
    check_refusal([BURN, *arguments], named, USAGE)


def test_help_and_version():
    assert check_output(BURN, "--help").startswith(USAGE + "\n")
    assert re.fullmatch(r"cgroup_cpu_burn \d+\.\d+\S*\n",
                        check_output(BURN, "--version"))


def test_lost_report_is_an_error():
    with open("/dev/full", "w") as full:
        result = subprocess.run([BURN, "--seconds", "0.01"], stdout=full,
                                stderr=subprocess.PIPE, text=True)

    assert result.returncode == 1
    assert result.stderr == "cgroup_cpu_burn: No space left on device\n"


@pytest.fixture(scope="module")
def held_in_gvisor():
    """Both loads over the same seconds: the output by load"""
    script = f"""
        mount -t tmpfs none /sys/fs/cgroup
        mount -t cgroup -o cpuacct none /sys/fs/cgroup
        mkdir /sys/fs/cgroup/burn
        before=$(cat /sys/fs/cgroup/burn/cpuacct.usage)
        sh -c 'echo $$ > /sys/fs/cgroup/burn/cgroup.procs
          exec {BURN} --millicores '$0' --seconds 10'
        echo $before $(cat /sys/fs/cgroup/burn/cpuacct.usage)
    """
    with contextlib.ExitStack() as stack:
        processes = {load: stack.enter_context(subprocess.Popen(
            ["runsc", "--network=none", "--ignore-cgroups", "do", "sh", "-ec",
             script, str(load)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, text=True)) for load in (100, 500)}
        return {load: process.communicate()[0]
                for load, process in processes.items()}


@pytest.mark.timing
@pytest.mark.skipif(os.geteuid() != 0, reason="gVisor needs root here")
@pytest.mark.skipif(not shutil.which("runsc"), reason="runsc is missing")
@pytest.mark.parametrize("millicores", [100, 500])
def test_mean_in_gvisor(held_in_gvisor, millicores):
    """In gVisor, CPU time counts in ticks of 10 ms."""
    report, counters = held_in_gvisor[millicores].splitlines(keepends=True)
    reported, seconds = map(float, REPORT.fullmatch(report).groups())
    before, after = map(int, counters.split())
    counted = (after - before) / 1e6 / seconds
    assert reported == pytest.approx(millicores, abs=tolerance(millicores))
    # The start of two programs may take a tick each.
    assert counted == pytest.approx(millicores, abs=tolerance(millicores) + 3)
