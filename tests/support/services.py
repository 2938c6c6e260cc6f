"""services: a private Redis, Kafka and MariaDB, through tools/services.

A missing service is an error, never a skip.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import urllib.parse

from support import paths
from support.wait import stands_still, wait_until

NAMES = ("redis", "kafka", "mysql")


class Services:
    """The services of one directory. Ports and data outlive kill() and stop()."""

    def __init__(self, directory=None, proxied=False, redis_environment=None):
        """`proxied`: Kafka can be reached through a proxy, too (tests/support/fault_proxy).
        `redis_environment`: what Redis alone is started with."""
        self.directory = directory or paths.work_directory("services")
        self.proxied = proxied
        self.environment = {**os.environ, "SERVICES_REDIS_ENVIRONMENT": " ".join(
            f"{name}={value}" for name, value in (redis_environment or {}).items())}

    def _run(self, *words):
        done = subprocess.run(
            [paths.ROOT / "tools" / "services", *words, "--dir", self.directory],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, timeout=300, check=False, env=self.environment,
            start_new_session=True)  # Ctrl-C is ours alone
        assert done.returncode == 0, f"tools/services {' '.join(words)}: {done.stdout}"
        return done.stdout

    def up(self):
        """Starts what does not run; returns when all three answer."""
        self._run("up", *(["--proxied"] if self.proxied else []))
        return self

    def down(self):
        """Ends all and forgets the data."""
        self._run("down", "--wipe")
        shutil.rmtree(self.directory, ignore_errors=True)

    def halt(self):
        """Ends all; the data stays."""
        self._run("down")

    def start(self, name):
        """Returns when it answers, on the port it had."""
        self._run("start", name)

    def stop(self, name):
        """SIGTERM, and waits for the end."""
        self._run("stop", name)

    def kill(self, name):
        """SIGKILL, and waits for the end."""
        self._run("kill", name)

    @property
    def env(self):
        """D/env as it is now: the addresses and pids."""
        with open(self.directory / "env", encoding="ascii") as lines:
            return dict(line.rstrip("\n").split("=", 1) for line in lines)

    def pid(self, name):
        return int(self.env[f"{name.upper()}_PID"])

    def freeze(self, name):
        """SIGSTOP: it holds its connections and, from the return on, answers nothing."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        wait_until(lambda: stands_still(pid), 30, f"{name} stands still")

    def thaw(self, name):
        os.kill(self.pid(name), signal.SIGCONT)

    def thaw_all(self):
        """Whoever a test left frozen goes on; who does not run stays away."""
        for name in NAMES:
            with contextlib.suppress(ValueError, ProcessLookupError):
                self.thaw(name)

    @contextlib.contextmanager
    def frozen(self, name):
        self.freeze(name)
        try:
            yield
        finally:
            self.thaw(name)

    @property
    def redis_address(self):
        url = urllib.parse.urlsplit(self.env["REDIS_URL"])
        return url.hostname, url.port

    def log(self, name):
        return self.directory / name / "log"

    def config(self):
        """The settings by which engine and worker find these services."""
        env = self.env
        host, port = self.redis_address
        return {
            "redis.address": host, "redis.port": port,
            "kafka.brokers": env["KAFKA_BROKERS"],
            "mysql.host": env["MYSQL_HOST"], "mysql.port": int(env["MYSQL_PORT"]),
            "mysql.user": env["MYSQL_USER"], "mysql.password": env["MYSQL_PASSWORD"],
            "mysql.database": env["MYSQL_DATABASE"],
        }
