# SPDX-License-Identifier: MIT
"""RabbitMQ, from Debian's package, as a node of its own on a host of a test."""
import contextlib
import os
import signal
import subprocess
from pathlib import Path

import pytest

import examples
from precedence import FIRST

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
PORT = 5672
NAME = "rabbitmq"


class RabbitMQ:
    """Keeps its queues in `directory` when it is stopped"""

    def __init__(self, host, directory):
        if not PROGRAM.exists():
            pytest.skip("needs rabbitmq-server")
        self.host = host
        (directory / "home").mkdir(parents=True)
        configuration = directory / "rabbitmq.conf"
        configuration.write_text(examples.other_side("amqp_sender"))
        self.environment = {
            "HOME": str(directory / "home"),
            "RABBITMQ_NODENAME": "test@localhost",
            "RABBITMQ_CONF_ENV_FILE": "/dev/null",
            "RABBITMQ_CONFIG_FILE": str(configuration),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
            "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(directory / "log"),
            "RABBITMQ_PID_FILE": str(directory / "pid"),
            "RABBITMQ_LOGS": "-",
            # Erlang itself is the process that is started.
            "RUNNING_UNDER_SYSTEMD": "true",
        }
        # Otherwise Erlang starts one that outlives it.
        host.start("epmd", "epmd")
        self.process = None

    def start(self):
        with open(self.host.directory / f"{NAME}.log", "ab") as log:
            self.process = subprocess.Popen(
                [*FIRST, *self.host.prefix, PROGRAM], stdin=subprocess.DEVNULL,
                stdout=log, stderr=log,
                env={**os.environ, **self.environment})
        return self

    def is_ready(self):
        assert self.process.poll() is None, self.host.log()
        return self.host.listens(PORT)

    def stop(self):
        """As an administrator does"""
        self.process.terminate()
        assert self.process.wait(60) == 0, self.host.log()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
