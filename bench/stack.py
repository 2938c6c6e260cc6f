"""stack: what the measurements of this folder have in common: a running engine with its services
(started by tools/demo --keep), sales, the load generator, counters. Standard library only."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parent.parent
NGINX_PORT = 18090
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_us(pid):
    """utime + stime of a process."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * 1e6 / TICKS


def run(*command, **options):
    return subprocess.run([str(word) for word in command], check=True, text=True,
                          stdout=subprocess.PIPE, **options).stdout


class Stack:
    """One engine, worker, Redis, Kafka and MariaDB of their own; a context manager."""

    def __init__(self, name):
        self.directory = ROOT / ".run" / name
        self.env = {}
        self.last_sale = 100

    def __enter__(self):
        demo = [ROOT / "tools" / "demo", "--dir", self.directory]
        subprocess.run([*demo, "--stop"], stdout=subprocess.DEVNULL, check=False)
        # A small sale first: it warms up the broker's JVM, and shows that all works.
        process = subprocess.run([*demo, "--keep", "--stock", "10000", "--buyers", "10000",
                                  "--rate", "4000"], stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT, text=True, check=False)
        if process.returncode != 0:
            raise SystemExit(process.stdout)
        for line in (self.directory / "env").read_text().splitlines():
            key, _, value = line.partition("=")
            self.env[key] = value
        return self

    def __exit__(self, *_):
        run(ROOT / "tools" / "demo", "--dir", self.directory, "--stop")

    @property
    def build(self):
        return pathlib.Path(os.environ.get("SECKILL_BUILD", ROOT / "build")).resolve()

    def ctl(self, *arguments):
        return run(self.build / "tools" / "seckillctl" / "seckillctl", *arguments,
                   env={**os.environ, **self.env}, stderr=subprocess.DEVNULL)

    def open_sale(self, stock):
        """A sale with one sku "a"; returns its number once it can be bought from."""
        self.last_sale += 1
        sale = self.last_sale
        self.ctl("sale", "create", "--sale", sale, "--name", "measured", "--sku", f"a:1:{stock}",
                 "--closes", "+86400")
        self.ctl("sale", "load", sale)
        deadline = time.monotonic() + 30
        while json.loads(self.ctl("sale", "show", sale, "--json"))["redis"]["state"] != "open":
            if time.monotonic() > deadline:
                raise SystemExit(f"sale {sale} does not open")
            time.sleep(0.1)
        return sale

    def load(self, sale, *arguments):
        """seckill-bench; returns its report. Arguments replace nothing: they come last."""
        with tempfile.NamedTemporaryFile(suffix=".json") as report:
            subprocess.run([self.build / "bench" / "seckill-bench", "--url",
                            self.env["SECKILL_URL"], "--sale", str(sale), "--sku", "a",
                            "--secret-file", self.env["SECKILL_JWT_SECRET_FILE"],
                            "--quiet", "--json", report.name, *map(str, arguments)],
                           check=True, stdout=subprocess.DEVNULL)
            return json.load(report)

    def cpu_options(self):
        """--cpu options for all processes."""
        pids = {"engine": "SECKILLD_PID", "redis": "REDIS_PID", "broker": "KAFKA_PID",
                "worker": "SECKILL_WORKER_PID", "mysql": "MYSQL_PID"}
        return [word for name, key in pids.items() for word in ("--cpu", f"{name}={self.env[key]}")]

    def metric(self, name, label=""):
        """The sum of a metric's series that have the label."""
        with urllib.request.urlopen(self.env["SECKILL_OPS_URL"] + "/metrics", timeout=10) as answer:
            text = answer.read().decode()
        return sum(float(line.rpartition(" ")[2]) for line in text.splitlines()
                   if line.startswith((name + " ", name + "{")) and label in line)

    def redis(self, *words):
        """One command; the answer as text."""
        host, _, port = self.env["REDIS_URL"].removeprefix("redis://").partition(":")
        with socket.create_connection((host, int(port)), timeout=10) as link:
            parts = [str(word).encode() for word in words]
            link.sendall(b"*%d\r\n" % len(parts) + b"".join(
                b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
            stream = link.makefile("rb")
            head = stream.readline()
            if head[:1] == b"$":
                return stream.read(int(head[1:])).decode()
            if head[:1] != b"+":
                raise SystemExit(f"redis: {head}")
            return head[1:].strip().decode()

    def command_calls(self):
        """How often Redis ran each command since CONFIG RESETSTAT."""
        calls = {}
        for line in self.redis("INFO", "commandstats").splitlines():
            if line.startswith("cmdstat_"):
                name, _, values = line.removeprefix("cmdstat_").partition(":")
                calls[name] = int(values.split(",")[0].removeprefix("calls="))
        return calls


class Nginx:
    """The measure N: CPU per request of nginx' smallest answer; a context manager."""

    def __init__(self):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="seckill-nginx-"))
        self.process = None

    def __enter__(self):
        shutil.copy(ROOT / "bench" / "peers" / "nginx_n.conf", self.directory / "nginx.conf")
        self.process = subprocess.Popen(["nginx", "-p", self.directory, "-c", "nginx.conf",
                                         "-e", "error.log"])
        deadline = time.monotonic() + 10
        while True:
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", NGINX_PORT), timeout=1).close()
                break
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise SystemExit(f"nginx does not run; is port {NGINX_PORT} taken?")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        shutil.rmtree(self.directory, ignore_errors=True)

    def measure(self):
        """Microseconds of CPU per request."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        worker = int(children.read_text().split()[0])
        before = cpu_us(worker)
        text = run("wrk", "-t1", "-c64", "-d5s", f"http://127.0.0.1:{NGINX_PORT}/")
        requests = next(int(line.split()[0]) for line in text.splitlines()
                        if " requests in " in line)
        return (cpu_us(worker) - before) / requests
