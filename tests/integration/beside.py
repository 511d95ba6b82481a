# SPDX-License-Identifier: MIT
"""A program that runs beside a test until its standard input ends."""
import subprocess
import sys

from precedence import FIRST


class Beside:
    """`file` is a module of the tests that is a program as well"""

    def __init__(self, file, *arguments):
        self.output = ""
        self.process = subprocess.Popen(
            [*FIRST, sys.executable, file, *map(str, arguments)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.output, _ = self.process.communicate("")
        assert self.process.returncode == 0
