"""processes: engine and worker under test, as real processes with generated configuration."""

import ctypes
import itertools
import os
import secrets
import shutil
import signal
import subprocess

from support import failpoints, http_raw, paths, tokens
from support.admin import Admin
from support.ports import free_port
from support.wait import stands_still, wait_until

READY_DEADLINE_S = 60
# A D that no busy machine comes near to, for tests of something else than D.
PATIENT = {"sale.deadline_ms": 10000, "sale.guard_ms": 12000, "kafka.message_timeout_ms": 10000}
PATIENT_ENGINE = {**PATIENT, "purchase.unreported_max_ms": 30000, "redis.reply_timeout_ms": 10000}
DISTRUSTED = "redis_reply_distrusted"
TAIL_BYTES = 6000
PR_SET_PDEATHSIG = 1

_libc = ctypes.CDLL(None, use_errno=True)
_live = []  # processes whose logs a failing test shows


def _die_with_parent():
    _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _config_value(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    escaped = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def config_text(settings):
    """libconfig text of {"group.key": value}; a group is written once."""
    groups = {}
    for key, value in settings.items():
        group, _, name = key.rpartition(".")
        groups.setdefault(group, []).append(f"{name} = {_config_value(value)};")
    lines = groups.pop("", [])
    for group, entries in groups.items():
        lines.append(f"{group}: {{ {' '.join(entries)} }};")
    return "\n".join(lines) + "\n"


class Process:
    """One program: started, watched, ended by its pid. Its output goes to a log file."""

    def __init__(self, name, argv, directory, environment=None):
        self.name, self.argv = name, [str(word) for word in argv]
        self.log_path = directory / f"{name}.log"
        self.environment = environment
        self.popen = None

    def start(self):
        assert not self.is_alive(), f"{self.name} runs already"
        with open(self.log_path, "ab") as log:
            self.popen = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT,
                env=self.environment, start_new_session=True, preexec_fn=_die_with_parent)
        if self not in _live:
            _live.append(self)
        return self

    @property
    def pid(self):
        return self.popen.pid

    def is_alive(self):
        return self.popen is not None and self.popen.poll() is None

    def send(self, number):
        assert self.is_alive(), f"{self.name} has ended with {self.popen.returncode}"
        os.kill(self.popen.pid, number)

    def freeze(self):
        """SIGSTOP; returns when each of its threads stands."""
        self.send(signal.SIGSTOP)
        wait_until(lambda: stands_still(self.pid), 30, f"{self.name} stands still")

    def thaw(self):
        self.send(signal.SIGCONT)

    def wait_for_exit(self, deadline_s):
        """Its exit status; negative: the signal that ended it."""
        try:
            return self.popen.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(
                f"{self.name} (pid {self.pid}) does not end within {deadline_s} s") from None

    def terminate(self, deadline_s=30):
        """SIGTERM; asserts that it ends with status 0."""
        if self.popen is None:
            return
        if self.is_alive():
            self.send(signal.SIGTERM)
        if self.is_alive():  # it may be quick
            self.popen.send_signal(signal.SIGCONT)
        status = self.wait_for_exit(deadline_s)
        self.forget()
        assert status == 0, f"{self.name} ended with status {status}:\n{self.log_tail()}"
        # A reply of Redis that was another request's: the link is dropped, the test has failed.
        assert DISTRUSTED not in self.log_text(), f"{self.name}:\n{self.log_tail()}"

    def kill(self):
        """SIGKILL: no farewell."""
        if self.is_alive():
            self.send(signal.SIGKILL)
            self.wait_for_exit(30)

    def forget(self):
        if self in _live:
            _live.remove(self)

    def log_text(self):
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def wait_log(self, text, since=0, deadline_s=30):
        """Waits until the text is in what it logged behind `since`, a length of log_text(): lines
        are written by a thread of their own, a moment after what they tell of."""
        wait_until(lambda: text in self.log_text()[since:], deadline_s,
                   f"{self.name} logs {text!r}")

    def log_tail(self):
        return self.log_text()[-TAIL_BYTES:]


class Daemon(Process):
    """seckilld or seckill-worker: a config file, an ops listener, readiness."""

    def __init__(self, name, program, settings, directory, ops_port, environment=None):
        self.settings = settings
        self.config_path = directory / f"{name}.conf"
        self.failpoint_path = directory / f"{name}.failpoint"
        self.shot, self._shots = None, itertools.count(1)
        self.ops = ("127.0.0.1", ops_port)
        super().__init__(name, [paths.program(program), "--config", self.config_path], directory,
                         {**(environment or os.environ),
                          "SECKILL_FAILPOINT_FILE": str(self.failpoint_path)})

    def start(self):
        self.config_path.write_text(config_text(self.settings))
        return super().start()

    def arm(self, point, action):
        """The next time this process passes the failpoint it does the action, once: kill, stop,
        delay:MS or fail. Several of which one is to do it: support.failpoints.arm()."""
        return failpoints.arm([self], point, action)

    def next_shot(self):
        """A number for a shot of this process."""
        return next(self._shots)

    def load_shot(self, shot):
        """Tells the process of it; from now on it may take it."""
        self.shot = shot
        new = self.failpoint_path.with_suffix(".new")
        new.write_text(f"{shot.point} {shot.action} {shot.claim} {shot.taken_by(self)}\n")
        new.rename(self.failpoint_path)

    def was_hit(self):
        """Whether it has done what it was armed with last."""
        return self.shot is not None and self.shot.taken_by(self).exists()

    def disarm(self):
        """What it was armed with is done by nobody any more."""
        if self.shot is not None:
            self.shot.disarm()

    def ops_get(self, path):
        return http_raw.get(self.ops, path)

    def is_ready(self):
        assert self.is_alive(), (
            f"{self.name} ended with {self.popen.returncode} before it was ready:\n"
            f"{self.log_tail()}")
        return self.ops_get("/readyz").status == 200

    def causes(self):
        """{name: detail} of what keeps it from being ready. A set: parts find trouble when they
        next look, so a service that is away has one cause first and others a moment later."""
        told = {}
        for cause in self.ops_get("/readyz").json()["causes"]:
            told.setdefault(cause["name"], []).append(cause["detail"])
        return {name: "; ".join(details) for name, details in told.items()}

    def wait_ready(self, deadline_s=READY_DEADLINE_S):
        wait_until(self.is_ready, deadline_s, f"{self.name} is ready",
                   ignoring=(OSError, http_raw.ProtocolError))
        return self


def tails():
    """[(name, end of log)] of the processes that were not ended in order."""
    return [(process.name, process.log_tail()) for process in _live]


class Stack:
    """Workers and engines on the given services, sharing one token secret.

    common_settings: for all of them, over those of the services. The admin API is worker 0's.
    """

    def __init__(self, services, engines=1, engine_settings=None, worker_settings=None, workers=1,
                 common_settings=None):
        self.services = services
        self.directory = paths.work_directory("stack")
        self.secret = secrets.token_hex(32).encode()
        self.admin_token = secrets.token_hex(24)
        self.secret_file = self._private_file("jwt.secret", self.secret)
        self.admin_token_file = self._private_file("admin.token", self.admin_token.encode())
        self.worker_settings = worker_settings or {}
        self.engine_settings = engine_settings or {}
        self.common_settings = common_settings or {}
        self.workers = [self._make_worker(number) for number in range(workers)]
        self.engines = [self._make_engine(number) for number in range(engines)]
        self.admin = Admin(("127.0.0.1", self.worker.settings["worker.admin_port"]),
                           self.admin_token)

    def _private_file(self, name, content):
        path = self.directory / name
        path.touch(mode=0o600)
        path.write_bytes(content + b"\n")
        return path

    def _common(self):
        return {**self.services.config(), "log.level": "info", **self.common_settings}

    def _make_worker(self, number):
        ops_port = free_port()
        settings = {
            **self._common(),
            "worker.admin_port": free_port(), "worker.ops_port": ops_port,
            "worker.admin_token_file": str(self.admin_token_file),
            "worker.return_interval_ms": 1000,
            **self.worker_settings,
        }
        return Daemon(f"worker{number or ''}", "seckill-worker", settings, self.directory, ops_port)

    def _make_engine(self, number):
        ops_port = free_port()
        settings = {
            **self._common(),
            "http.port": free_port(), "ops.port": ops_port,
            "jwt.secret_file": str(self.secret_file),
            **self.engine_settings,
        }
        return Daemon(f"engine{number}", "seckilld", settings, self.directory, ops_port)

    def start(self):
        """The workers first: they apply the schemas and write the catalogue."""
        for worker in self.workers:
            worker.start().wait_ready()
        for engine in self.engines:
            engine.start()
        return self.wait_ready()

    def wait_ready(self):
        """Returns when all of them can work; asserts that they live."""
        for process in [self.worker, *self.engines]:
            process.wait_ready()
        return self

    def stop(self, keep=False):
        """Ends all, each in order; asserts their exit status; then the files go, unless kept."""
        failures = []
        for process in [*self.engines, *self.workers]:
            try:
                process.terminate()
            except AssertionError as error:
                failures.append(str(error))
                process.kill()
            process.forget()
        assert not failures, "\n".join(failures)
        if not keep:
            shutil.rmtree(self.directory, ignore_errors=True)

    @property
    def engine(self):
        return self.engines[0]

    @property
    def worker(self):
        return self.workers[0]

    def address(self, number=0):
        """(host, port) of an engine's public listener."""
        settings = self.engines[number].settings
        return settings.get("http.address", "127.0.0.1"), settings["http.port"]

    def token(self, buyer, **claims):
        return tokens.mint(self.secret, buyer, **claims)

    def assert_alive(self):
        for process in [*self.workers, *self.engines]:
            assert process.is_alive(), (
                f"{process.name} died with {process.popen.returncode}:\n{process.log_tail()}")


def command_lines_in(directory, but):
    """Command lines of those that work in the directory and have none of the texts of `but`."""
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/cmdline", "rb") as file:
                    line = file.read().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if f"{directory}/" in line and not any(text in line for text in but):
                found.append(line)
    return found
