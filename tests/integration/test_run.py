# SPDX-License-Identifier: MIT
"""tests/run describes its arguments, and counts every test once."""
import re
import sys
from pathlib import Path

import pytest

from command_line import check_output, check_refusal

TESTS = Path(__file__).resolve().parents[1]
USAGE = "Usage: tests/run [--quick | STEP...]"
FILE = "ok 1 - tests/unit/test_a.c"
TAP = f"""\
{FILE}:all:loop_test: Passed
{FILE}:all:loop_test: Passed
not ok 3 - tests/unit/files.c:all:fails_once: Assertion 'a == b' failed: ok 1
ok 4 - tests/unit/test_a.c:all:fails_once: Passed
{FILE}:limits:loop_test: Passed
1..5
"""
XML = """\
<testsuites><testsuite name="pytest" tests="9" failures="1" errors="2"
skipped="3"/></testsuites>
"""


def count(status, *files):
    return check_output(
        sys.executable, TESTS / "count.py", str(status), *files).split()


@pytest.mark.parametrize("status, texts, expected", [
    (1, {"a.tap": TAP}, "2 1 0"),
    (1, {"a.tap": TAP, "b.tap": TAP}, "4 2 0"),
    (1, {"a.xml": XML}, "3 3 3"),
    # A step without tests of its own, and steps that end without a reason.
    (0, {}, "1 0 0"),
    (1, {}, "0 1 0"),
    (139, {"a.tap": f"{FILE}:all:passes: Passed\n"}, "1 1 0"),
])
def test_counts(tmp_path, status, texts, expected):
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    missing = tmp_path / "missing.xml"
    assert count(status, *map(tmp_path.joinpath, texts), missing) == (
        expected.split())


@pytest.mark.parametrize("arguments, named", [
    (["--fast"], "'--fast'"), (["unit"], "unknown step 'unit'"),
    (["lint", "more"], "'more'"), (["--quick", "lint"], "--quick")])
def test_bad_arguments(arguments, named):
    check_refusal([TESTS / "run", *arguments], named, USAGE)


def test_help_names_every_step():
    summary, steps = check_output(TESTS / "run", "--help").split("Steps:\n")
    assert summary.startswith(USAGE + "\n")
    assert {line.split()[0] for line in steps.splitlines()} == set(
        re.findall(r"^(\w+)_step\(\)", (TESTS / "steps").read_text(), re.M))
