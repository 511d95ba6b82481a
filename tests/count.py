# SPDX-License-Identifier: MIT
"""Counts the tests of a step: count.py STATUS FILE... writes how many passed,
failed and were skipped.

The files are TAP of the Check library and JUnit's XML of pytest. A test
function of Check counts once, even if it runs in a loop, and fails if it failed
once. A step without tests of its own counts as one test. So does a failure that
no test reports.
"""
import itertools
import re
import sys
import xml.etree.ElementTree
from pathlib import Path

# The file of the last assertion: it may differ within a test.
TAP = re.compile(r"(ok|not ok) \d+ - [^:]*:([^:]*:\w+): ")


def count_tap(path):
    results = [TAP.match(line).groups() for line
               in path.read_text(errors="replace").splitlines()
               if re.match("(not )?ok ", line)]
    # The iterations of a loop are consecutive.
    tests = [all(result == "ok" for result, _ in group) for _, group
             in itertools.groupby(results, key=lambda row: row[1])]
    return tests.count(True), tests.count(False), 0


def count_xml(path):
    suite = xml.etree.ElementTree.parse(path).getroot().find("testsuite")
    total, failures, errors, skipped = (
        int(suite.get(key))
        for key in ("tests", "failures", "errors", "skipped"))
    passed = max(total - failures - errors - skipped, 0)
    return passed, failures + errors, skipped


def main(status, *names):
    counts = [(count_xml if path.suffix == ".xml" else count_tap)(path)
              for path in map(Path, names) if path.exists()]
    passed, failed, skipped = map(sum, zip((0, 0, 0), *counts))
    if status != "0" and failed == 0:
        failed = 1
    if passed + failed + skipped == 0:
        passed = 1
    print(passed, failed, skipped)


if __name__ == "__main__":
    main(*sys.argv[1:])
