"""contenders: what bench/compare measures: the engine, and what one would pick instead, each with
the same requests, sales and checks of its answers. Standard library only."""

import contextlib
import hashlib
import os
import subprocess
import time

from stack import (PEERS, ROOT, Nginx, Peer, cpu_options, cpu_us, free_port, read_env,
                   redis_command, seckill_bench, sell_out, wrk)
from windows import must_be

CONNECTIONS = 256
WINNERS = 20000
BUYERS_PER_S = 60000  # more than anybody serves: an accepted buyer does not come twice
TOLD = {"accepted": "accepted", "sold_out": "sold-out", "replay": "replayed",
        "bad_token": "token-bad"}
MODES = {"accepted": "purchase", "sold_out": "purchase", "replay": "replay",
         "bad_token": "bad-token"}
IDLE_S, IDLE_DEADLINE_S = 0.2, 20
RENEWED = ("accepted",)  # workloads that use a sale up


def check(system, workload, outcomes):
    """Raises WrongAnswers unless all was told what the workload means."""
    must_be(f"{system}, {workload}", TOLD[workload], outcomes)


class Contender:
    """Sales for the workloads, each made when it is first needed."""

    name = ""
    workloads = tuple(TOLD)
    durable = {}       # workload: why an answer that was told lasts
    after_answer = ()  # processes that work on what was told: not part of the cost

    def __init__(self):
        self.sales = {}

    def pids(self):
        """{name: [process id]} of all that works."""
        raise NotImplementedError

    def open_sale(self, stock):
        """A new sale of one sku "a"; its number."""
        raise NotImplementedError

    def fill(self, workload, buyers):
        """A sale in the state that the workload means; its number."""
        raise NotImplementedError

    def run(self, sale, workload, warmup, seconds):
        """Loads it; what was told and measured: requests_per_s, cpu_us, p50_ms, p99_ms."""
        raise NotImplementedError

    def settle(self):
        """Returns when nothing works any more on what was told."""

    def window(self, workload, warmup, seconds):
        """One measured window; raises WrongAnswers."""
        if workload in RENEWED or workload not in self.sales:
            self.sales[workload] = self.fill(workload, BUYERS_PER_S * (warmup + seconds))
            self.settle()
        result = self.run(self.sales[workload], workload, warmup, seconds)
        self.settle()
        return result


class Shop(Contender):
    """A system that speaks the engine's API, loaded by seckill-bench."""

    url = secret_file = ""

    def load(self, sale, *arguments, must=True):
        return seckill_bench(self.url, sale, self.secret_file, *arguments, check=must)

    def fill(self, workload, buyers):
        if workload == "accepted":
            return self.open_sale(buyers)
        if workload == "replay":
            sale = self.open_sale(WINNERS)
            self.load(sale, "--mode", "replay", "--closed", "--buyers", WINNERS)
            return sale
        sale = self.open_sale(1)
        if workload == "sold_out":
            sell_out(self.load, sale)
        return sale

    def run(self, sale, workload, warmup, seconds):
        buyers = WINNERS if workload == "replay" else BUYERS_PER_S * (warmup + seconds)
        report = self.load(sale, "--mode", MODES[workload], "--closed", "--connections",
                           CONNECTIONS, "--duration", warmup + seconds, "--warmup", warmup,
                           "--buyers", buyers, *cpu_options(self.pids()), must=False)
        check(self.name, workload, report["outcomes"])
        latency = report["latency_ms"]["all"]
        return {"requests_per_s": report["window_answers"] / report["window_seconds"],
                "cpu_us": report["cpu_us_per_request"],
                "p50_ms": latency["p50"], "p99_ms": latency["p99"]}


class Engine(Shop):
    """seckilld with Redis and Kafka; worker and MySQL settle after the answer."""

    name = "seckill"
    durable = {"accepted": "in the order log", "replay": "in the order log"}
    after_answer = ("worker", "mysql")

    def __init__(self, stack):
        super().__init__()
        self.stack = stack
        self.url = stack.env["SECKILL_URL"]
        self.secret_file = stack.env["SECKILL_JWT_SECRET_FILE"]

    def pids(self):
        return self.stack.pids()

    def open_sale(self, stock):
        return self.stack.open_sale(stock)

    def settle(self):
        self.stack.settle()


class Redis:
    """One for the peers, with the engine's settings (tools/services); a context manager."""

    def __init__(self, directory):
        self.directory = directory
        self.env = {}
        self.last_sale = 0

    def services(self, *words):
        subprocess.run([ROOT / "tools" / "services", *words, "--dir", self.directory], check=True,
                       stdout=subprocess.DEVNULL)

    def __enter__(self):
        self.services("down", "--wipe")
        self.services("start", "redis")
        self.env = read_env(self.directory)
        return self

    def __exit__(self, *_):
        self.services("down", "--wipe")

    @property
    def port(self):
        return self.env["REDIS_URL"].rpartition(":")[2]

    def pids(self):
        return [int(self.env["REDIS_PID"])]

    def command(self, *words):
        return redis_command(self.env["REDIS_URL"], *words)

    def open_sale(self, stock):
        """As peers/redis.lua knows sales."""
        self.last_sale += 1
        self.command("HSET", f"{{s:{self.last_sale}}}:stock", "a", stock)
        return self.last_sale


class NginxLua(Shop):
    """nginx with Lua: token, checks, one script."""

    name = "nginx+Lua+Redis"

    def __init__(self, nginx, redis, secret_file):
        super().__init__()
        self.nginx, self.redis, self.secret_file = nginx, redis, secret_file
        self.url = nginx.url
        self.open_sale = redis.open_sale

    def pids(self):
        return {"nginx": self.nginx.workers(), "redis": self.redis.pids()}


class NginxLuaFlag(NginxLua):
    """The same with a flag "sold out" in shared memory. It tells a winner who asks again that all
    is sold, so a replay means nothing here; the other workloads do not meet the flag."""

    name = "nginx+Lua+Redis, flag"
    workloads = ("sold_out",)

    def __init__(self, nginx, redis, secret_file):
        super().__init__(nginx, redis, secret_file)
        self.url = f"http://127.0.0.1:{nginx.values['FLAG_PORT']}"


class WebdisServer(Peer):
    """webdis with one thread for each core."""

    def __init__(self, redis):
        super().__init__("webdis.json", REDIS_PORT=redis.port, THREADS=os.cpu_count())

    def command(self):
        return ["webdis", self.directory / self.config]


class Webdis(Contender):
    """The same script over HTTP, loaded by wrk. It knows no buyers: whoever asks may name one.

    wrk leaves with requests on their way, and webdis sends their answers to whoever gets the
    descriptor next: each window has a webdis of its own."""

    name = "webdis"
    workloads = ("accepted", "sold_out")

    def __init__(self, redis):
        super().__init__()
        self.redis = redis
        self.server = None
        script = (PEERS / "redis.lua").read_text()
        redis.command("SCRIPT", "LOAD", script)
        self.sha = hashlib.sha1(script.encode()).hexdigest()
        self.runs = 0

    def pids(self):
        servers = {"webdis": [self.server.process.pid]} if self.server else {}
        return {**servers, "redis": self.redis.pids()}

    def fill(self, workload, buyers):
        return self.redis.open_sale(buyers if workload == "accepted" else 0)

    def used(self):
        """CPU so far: {process: us}."""
        return {name: sum(map(cpu_us, ids)) for name, ids in self.pids().items()}

    def rest(self):
        """Returns when nothing works any more."""
        deadline = time.monotonic() + IDLE_DEADLINE_S
        used, before = self.used(), None
        while used != before:
            if time.monotonic() > deadline:
                raise SystemExit("webdis does not come to rest")
            time.sleep(IDLE_S)
            used, before = self.used(), used

    def load(self, sale, workload, seconds):
        """wrk's report of a run with new buyers."""
        self.runs += 1
        report, outcomes = wrk("wrk_webdis.lua", CONNECTIONS, seconds, self.server.url, self.sha,
                               str(sale), f"run{self.runs}-")
        check(self.name, workload, outcomes)
        return report

    def run(self, sale, workload, warmup, seconds):
        with WebdisServer(self.redis) as self.server:
            self.load(sale, workload, warmup)
            self.rest()
            before = self.used()
            report = self.load(sale, workload, seconds)
            cpu = {name: us - before[name] for name, us in self.used().items()}
        self.server = None
        return {"requests_per_s": report["requests"] / report["seconds"],
                "cpu_us": {name: us / report["requests"] for name, us in cpu.items()},
                "p50_ms": report["p50_ms"], "p99_ms": report["p99_ms"]}


@contextlib.contextmanager
def peers(directory, secret_file):
    """All but the engine, running."""
    with Redis(directory) as redis:
        nginx = Nginx("nginx_lua.conf", SECRET_FILE=secret_file, REDIS_PORT=redis.port,
                      FLAG_PORT=free_port())
        with nginx:
            yield [NginxLua(nginx, redis, secret_file), NginxLuaFlag(nginx, redis, secret_file),
                   Webdis(redis)]
