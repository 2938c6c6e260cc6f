"""stack: what the measurements of this folder have in common: a running engine with its services
(started by tools/demo --keep), sales, the load generator, counters. Standard library only."""

import concurrent.futures
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.append(str(ROOT / "tests"))
from support.ports import free_port  # noqa: E402

PEERS = ROOT / "bench" / "peers"
OPENED_AT_ONCE = 32
START_DEADLINE_S = 10
SETTLE_DEADLINE_S = 60
PARTS = {"engine": "SECKILLD_PID", "redis": "REDIS_PID", "broker": "KAFKA_PID",
         "worker": "SECKILL_WORKER_PID", "mysql": "MYSQL_PID"}
# A broker as it is after its first day, in a minute or two: both compilers, the second one early.
WARM_JVM = ("-Xmx512m -Xmn256m -XX:+UseSerialGC -XX:Tier4InvocationThreshold=1500 "
            "-XX:Tier4MinInvocationThreshold=300 -XX:Tier4CompileThreshold=3000")
WARM_CONNECTIONS = 16
WARM_UP_S = 90
WARM_BUYERS = 900000
BUILD = pathlib.Path(os.environ.get("SECKILL_BUILD", ROOT / "build")).resolve()
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_us(pid):
    """utime + stime of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / TICKS


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          stdout=subprocess.PIPE, **options).stdout


def wrk(script, connections, seconds, url, *arguments):
    """Runs wrk with a script of bench/peers for whole seconds; the lines of JSON that it wrote."""
    text = run("wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", PEERS / script, url, "--",
               *arguments)
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def cpu_options(pids):
    """--cpu options of seckill-bench for {name: [process id]}."""
    return [word for name, ids in pids.items()
            for word in ("--cpu", f"{name}={','.join(map(str, ids))}")]


def read_env(directory):
    """The addresses and pids that tools/services and tools/demo leave in D/env."""
    lines = (directory / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def seckill_bench(url, sale, secret_file, *arguments, check=True):
    """Runs the load generator; returns its report. check: wrong answers end the program."""
    with tempfile.NamedTemporaryFile(suffix=".json") as report:
        done = subprocess.run([BUILD / "bench" / "seckill-bench", "--url", url, "--sale", str(sale),
                               "--sku", "a", "--secret-file", secret_file, "--quiet",
                               "--json", report.name, *map(str, arguments)],
                              check=check, stdout=subprocess.DEVNULL)
        if done.returncode > 1:
            raise SystemExit(f"seckill-bench ended with status {done.returncode}")
        return json.load(report)


def sell_out(load, sale):
    """A sale of one unit: somebody buys it, others are told. load(sale, argument...)."""
    load(sale, "--buyers", 1, "--prefix", "winner", "--connections", 1, "--rate", 10)
    load(sale, "--buyers", 2000, "--prefix", "early", "--rate", 1000)


def redis_command(url, *words):
    """One command to redis://HOST:PORT; the answer as text."""
    host, _, port = url.removeprefix("redis://").partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as link:
        parts = [str(word).encode() for word in words]
        link.sendall(b"*%d\r\n" % len(parts) + b"".join(
            b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        stream = link.makefile("rb")
        head = stream.readline()
        if head[:1] == b"$":
            return stream.read(int(head[1:])).decode()
        if head[:1] not in (b"+", b":"):
            raise SystemExit(f"redis: {head}")
        return head[1:].strip().decode()


class Stack:
    """One engine, worker, Redis, Kafka and MariaDB of their own; a context manager."""

    def __init__(self, directory, warm_up_s=0):
        self.directory = directory
        self.warm_up_s = warm_up_s
        self.env = {}
        self.last_sale = 100

    def __enter__(self):
        demo = [ROOT / "tools" / "demo", "--dir", self.directory]
        subprocess.run([*demo, "--stop"], stdout=subprocess.DEVNULL, check=False)
        # A small sale first: it warms up the broker's JVM, and shows that all works.
        environment = {**os.environ, **({"SERVICES_KAFKA_JVM": WARM_JVM} if self.warm_up_s else {})}
        process = subprocess.run([*demo, "--keep", "--stock", "10000", "--buyers", "10000",
                                  "--rate", "4000"], stdout=subprocess.PIPE, env=environment,
                                 stderr=subprocess.STDOUT, text=True, check=False)
        if process.returncode != 0:
            self.__exit__()
            raise SystemExit(process.stdout)
        self.env = read_env(self.directory)
        if self.warm_up_s:
            self.warm_up()
        return self

    def __exit__(self, *_):
        run(ROOT / "tools" / "demo", "--dir", self.directory, "--stop")

    def warm_up(self):
        """Many requests to the broker with few orders in each, until its compilers are done."""
        self.load(self.open_sale(WARM_BUYERS), "--closed", "--connections", WARM_CONNECTIONS,
                  "--duration", self.warm_up_s, "--buyers", WARM_BUYERS)
        self.settle()

    def ctl(self, *arguments):
        return run(BUILD / "tools" / "seckillctl" / "seckillctl", *arguments,
                   env={**os.environ, **self.env}, stderr=subprocess.DEVNULL)

    def open_sale(self, stock):
        """A sale with one sku "a"; returns its number once it can be bought from."""
        self.last_sale += 1
        self.create_and_open(self.last_sale, stock)
        return self.last_sale

    def open_sales(self, count, stock):
        """The same for many, several at a time."""
        sales = range(self.last_sale + 1, self.last_sale + 1 + count)
        self.last_sale += count
        with concurrent.futures.ThreadPoolExecutor(OPENED_AT_ONCE) as pool:
            list(pool.map(lambda sale: self.create_and_open(sale, stock), sales))
        return list(sales)

    def create_and_open(self, sale, stock):
        self.ctl("sale", "create", "--sale", sale, "--name", "measured", "--sku", f"a:1:{stock}",
                 "--closes", "+86400")
        self.ctl("sale", "load", sale)
        deadline = time.monotonic() + 30
        while json.loads(self.ctl("sale", "show", sale, "--json"))["redis"]["state"] != "open":
            if time.monotonic() > deadline:
                raise SystemExit(f"sale {sale} does not open")
            time.sleep(0.1)

    def load(self, sale, *arguments, check=True):
        """seckill-bench; returns its report. Arguments replace nothing: they come last."""
        return seckill_bench(self.env["SECKILL_URL"], sale, self.env["SECKILL_JWT_SECRET_FILE"],
                             *arguments, check=check)

    def pids(self):
        """[process id] by the name of its part."""
        return {name: [int(self.env[key])] for name, key in PARTS.items()}

    def cpu_options(self):
        """--cpu options for all processes."""
        return cpu_options(self.pids())

    def metric(self, name, label="", ops="SECKILL_OPS_URL"):
        """The sum of a metric's series that have the label; ops: the engine's, or the worker's."""
        with urllib.request.urlopen(self.env[ops] + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                   if line.startswith((name + " ", name + "{")) and label in line)

    @contextlib.contextmanager
    def unsettled(self):
        """A block in which the worker stands still: what is sold waits in Kafka."""
        worker = self.pids()["worker"][0]
        os.kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(worker, signal.SIGCONT)

    def settle(self):
        """Returns when the worker has settled all that was sold."""
        deadline = time.monotonic() + SETTLE_DEADLINE_S
        while self.metric("seckill_consumer_lag_records", ops="SECKILL_WORKER_OPS_URL") > 0:
            if time.monotonic() > deadline:
                raise SystemExit("the worker does not settle what was sold")
            time.sleep(0.1)

    def audit(self, sale):
        """Returns once all checks of its audit hold; one that is violated ends the run."""
        deadline = time.monotonic() + SETTLE_DEADLINE_S
        while True:
            try:
                return self.ctl("audit", sale)
            except subprocess.CalledProcessError as error:
                # 4: a check could not be told, for orders are still settled.
                if error.returncode != 4 or time.monotonic() > deadline:
                    raise SystemExit(f"the audit of sale {sale} does not hold:\n"
                                     f"{error.stdout}") from error

    def redis(self, *words):
        """One command; the answer as text."""
        return redis_command(self.env["REDIS_URL"], *words)

    def command_calls(self):
        """How often Redis ran each command since CONFIG RESETSTAT."""
        calls = {}
        for line in self.redis("INFO", "commandstats").splitlines():
            if line.startswith("cmdstat_"):
                name, _, values = line.removeprefix("cmdstat_").partition(":")
                calls[name] = int(values.split(",")[0].removeprefix("calls="))
        return calls


class Peer:
    """A server from a file of bench/peers, in which @NAME@ stands for a value, in a directory and
    on a port of its own; a context manager."""

    def __init__(self, config, **values):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="seckill-peer-"))
        self.port = free_port()
        self.config = config
        self.values = {"PORT": self.port, "PEERS": PEERS, "DIRECTORY": self.directory, **values}
        self.process = None

    def command(self):
        """argv, once the config is written."""
        raise NotImplementedError

    def __enter__(self):
        text = (PEERS / self.config).read_text()
        for name, value in self.values.items():
            text = text.replace(f"@{name}@", str(value))
        (self.directory / self.config).write_text(text)
        command = self.command()
        if not shutil.which(command[0]):
            shutil.rmtree(self.directory)
            raise SystemExit(f"{command[0]} is missing; `tools/setup compare` installs it")
        log = self.directory / "log"
        with open(log, "wb") as output:
            self.process = subprocess.Popen(command, cwd=self.directory, stdout=output,
                                            stderr=output, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_DEADLINE_S
        while not self.answers():
            if time.monotonic() > deadline or self.process.poll() is not None:
                said = log.read_text(errors="replace")
                self.__exit__()
                raise SystemExit(f"{self.config}: {self.process.args[0]} does not run: {said}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def answers(self):
        """Whether its port is open."""
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        return False

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


class Nginx(Peer):
    """nginx with one of the configurations."""

    def command(self):
        return ["nginx", "-p", self.directory, "-c", self.config, "-e", "error.log"]

    def workers(self):
        """Process ids."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]


class NginxN(Nginx):
    """The measure N: CPU per request of nginx' smallest answer."""

    def __init__(self):
        super().__init__("nginx_n.conf")

    def look(self, seconds=5):
        """What wrk reports, with "cpu_us" of nginx for each request."""
        worker = self.workers()[0]
        before = cpu_us(worker)
        report = wrk("wrk_report.lua", 64, seconds, self.url)[0]
        report["cpu_us"] = (cpu_us(worker) - before) / report["requests"]
        return report

    def measure(self):
        """Microseconds of CPU per request."""
        return self.look()["cpu_us"]
