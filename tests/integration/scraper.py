# SPDX-License-Identifier: MIT
"""The values that Prometheus would get from a collectd.

As a program: scraper.py URL FILE INTERVAL asks when a new sample is due and
appends it to FILE, until it or its parent is ended.
"""
import collections
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

SAMPLE = re.compile(r"(collectd_cgroup_cpu_\w+)\{(.*)\} (\S+) (\d+)")
LABEL = re.compile(r'(\w+)="([^"]*)"')


def ask(url):
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()
    except (urllib.error.URLError, ConnectionError):
        return ""


def append_samples(url, file, interval):
    parent = os.getppid()
    with open(file, "a", buffering=1) as lines:
        while os.getppid() == parent:
            text = ask(url)
            lines.write(text)
            latest = max((int(moment) / 1000 for *_, moment
                          in SAMPLE.findall(text)), default=0)
            time.sleep(max(latest + interval + 0.2 - time.time(), 0.2))


class Scraper:
    """Asks from the node, over the link of `network` to the pod"""

    def __init__(self, network, url, file, interval=1):
        self.file = Path(file)
        self.interval = interval
        self.command = network.from_node(
            sys.executable, __file__, url, str(file), str(interval))

    def __enter__(self):
        self.file.touch()
        self.process = subprocess.Popen(self.command)
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def samples(self):
        """{(cgroup, type): [(time, value)]}, without repeated samples"""
        found = collections.defaultdict(dict)
        for line in self.file.read_text().splitlines(keepends=True):
            if match := SAMPLE.fullmatch(line.rstrip("\n")):
                _, labels, value, moment = match.groups()
                labels = dict(LABEL.findall(labels))
                found[labels["cgroup_cpu"], labels["type"]][
                    int(moment) / 1000] = float(value)
        return {series: sorted(values.items())
                for series, values in found.items()}

    def usage(self, cgroup="root"):
        """The samples after the last missed one"""
        usage = self.samples().get((cgroup, "cpu_usage_usec"), [])
        gaps = [number for number, ((begin, _), (end, _))
                in enumerate(zip(usage, usage[1:]), 1)
                if end - begin > 1.5 * self.interval]
        return usage[gaps[-1] if gaps else 0:]

    def millicores(self, cgroup="root"):
        return self.samples().get((cgroup, "millicores"), [])


if __name__ == "__main__":
    append_samples(*sys.argv[1:3], float(sys.argv[3]))
