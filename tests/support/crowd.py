"""crowd: buyers who try at the same time, each on a connection of their own; what each was told.

A small load of known history: who asked what when, and what came back. seckill-bench is the load.
"""

import dataclasses
import itertools
import json
import shutil
import subprocess
import threading
import time

from support import http_raw, paths
from support.stalls import machine
from support.wait import wait_until


@dataclasses.dataclass(frozen=True)
class Told:
    """One answer. code: None = 201, "lost" = the connection ended without one."""

    buyer: str
    key: str
    sku: str
    engine: int
    began: float  # time.monotonic()
    ended: float
    status: int
    code: str
    order_no: int
    replayed: bool

    @property
    def seconds(self):
        return self.ended - self.began


def fresh_buyers(prefix, sku="a"):
    """Endless attempts (buyer, key, sku), each of a buyer of its own."""
    for number in itertools.count():
        yield f"{prefix}-{number}", f"key-of-{prefix}-{number:08}", sku


class Crowd:
    """`threads` threads take attempts one by one. Use as a context manager: it ends with the block.

    attempts: an iterator of (buyer, key, sku); it may end. engines: they take turns by thread.
    """

    def __init__(self, stack, sale, attempts, threads=8, engines=(0,), timeout_s=30):
        self.stack, self.sale, self.engines, self.timeout_s = stack, sale, engines, timeout_s
        self.attempts, self.lock = iter(attempts), threading.Lock()
        self.stopped = threading.Event()
        self.told = []
        self.failures = []
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                        for number in range(threads)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Ends after the answers under way."""
        self.stopped.set()
        self.join()

    def join(self, deadline_s=60):
        """Until all attempts are answered, for attempts that end."""
        end = time.monotonic() + deadline_s
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
            assert not thread.is_alive(), "an attempt has no end"
        assert not self.failures, self.failures

    def _next(self):
        with self.lock:
            return next(self.attempts, None)

    def _run(self, number):
        connections = {}
        try:
            self.shop(number, connections)
        except Exception as error:  # told by join()
            self.failures.append(error)
        finally:
            for connection in connections.values():
                connection.close()

    def shop(self, number, connections):
        """What one thread does, until stopped. connections: {engine: Connection}, its own."""
        engine = self.engines[number % len(self.engines)]
        while not self.stopped.is_set() and (attempt := self._next()) is not None:
            self.ask(connections, engine, *attempt)

    def ask(self, connections, engine, buyer, key, sku):
        """Asks, notes the answer, and returns it. Keeps the connection if it can be used again."""
        data = request(self.stack, self.sale, buyer, key, sku)
        began = time.monotonic()
        try:
            if engine not in connections:
                connections[engine] = http_raw.Connection(self.stack.address(engine),
                                                          self.timeout_s)
            response = connections[engine].send(data).read_response("POST")
        except (OSError, http_raw.ProtocolError):
            answer = Told(buyer, key, sku, engine, began, time.monotonic(), 0, "lost", 0, False)
        else:
            won = response.status == 201
            answer = Told(
                buyer, key, sku, engine, began, time.monotonic(), response.status, response.code,
                int(response.json()["order_no"]) if won else 0,
                response.header("idempotent-replayed") == "true")
        self.told.append(answer)
        is_over = answer.code == "lost" or response.header("connection") == "close"
        if is_over and engine in connections:
            connections.pop(engine).close()
        return answer

    def wins(self):
        """{(buyer, key): order_no} of all 201 told; one key must never tell two orders."""
        return wins_of(self.told)


def wins_of(told):
    found = {}
    for answer in list(told):
        if answer.status == 201:
            known = found.setdefault((answer.buyer, answer.key), answer.order_no)
            assert known == answer.order_no, f"two orders under one key: {answer}, {known}"
    return found


def request(stack, sale, buyer, key=None, sku="a", quantity=1):
    """The bytes of a purchase."""
    fields = {"Authorization": f"Bearer {stack.token(buyer)}", "Content-Type": "application/json"}
    if key is not None:
        fields["Idempotency-Key"] = key
    return http_raw.encode("POST", f"/v1/sales/{sale}/orders", fields,
                           json.dumps({"sku": sku, "quantity": quantity}).encode())


def ask_all(stack, sale, attempts, threads=8, engines=(0,)):
    """Every attempt once; the answers."""
    with Crowd(stack, sale, list(attempts), threads, engines) as crowd:
        crowd.join()
    return crowd.told


LATER = ("outcome-unknown", "confirming", "overloaded")
LATER_S = 3.0  # for so long a stall is felt: records 2 s old, then one is tried after the other


def codes_of(told):
    """What these answers say; "later" is left out where the machine stood still meanwhile."""
    return {answer.code for answer in list(told)
            if not (answer.code in LATER
                    and machine.excuses(answer.began - LATER_S, answer.ended))}


def ask_until_told(stack, sale, attempts, engines=(0,), threads=8, deadline_s=120):
    """The answer of each attempt; who is told no more than "later" asks again."""
    told, asked = [], list(attempts)

    def all_told():
        answers = ask_all(stack, sale, asked, threads, engines)
        told.extend(answer for answer in answers if answer.code not in LATER)
        asked[:] = [(answer.buyer, answer.key, answer.sku) for answer in answers
                    if answer.code in LATER]
        return not asked

    wait_until(all_told, deadline_s, "all are told", interval_s=0.2)
    return told


def win_all(stack, sale, attempts, engines=(0,), threads=8, deadline_s=120):
    """{buyer: order_no} of attempts that all win; who is told no more than "later" asks again."""
    told = ask_until_told(stack, sale, attempts, engines, threads, deadline_s)
    assert {answer.code for answer in told} <= {None}, told
    return {answer.buyer: answer.order_no for answer in told}


class Bench:
    """A run of seckill-bench; `report` is its JSON, `told` its [(outcome, buyer, order_no)]."""

    def __init__(self, stack, sale, *words, engines=(0,)):
        self.directory = paths.work_directory("bench")
        self.argv = [paths.program("seckill-bench"), "--sale", str(sale), "--quiet",
                     "--secret-file", stack.secret_file, "--json", self.directory / "report.json",
                     "--told", self.directory / "told", *map(str, words)]
        for engine in engines:
            host, port = stack.address(engine)
            self.argv += ["--url", f"http://{host}:{port}"]
        self.popen = subprocess.Popen(list(map(str, self.argv)), stdin=subprocess.DEVNULL,
                                      stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self, deadline_s=60, statuses=(0,)):
        try:
            output, _ = self.popen.communicate(timeout=deadline_s)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            raise AssertionError(f"seckill-bench does not end within {deadline_s} s") from None
        assert self.popen.returncode in statuses, f"{self.popen.returncode}: {output}"
        with open(self.directory / "report.json", encoding="ascii") as file:
            self.report = json.load(file)
        with open(self.directory / "told", encoding="ascii") as file:
            self.told = [(outcome, buyer, 0 if order_no == "-" else int(order_no))
                         for outcome, buyer, order_no in map(str.split, file)]
        shutil.rmtree(self.directory)
        return self

    def orders(self):
        """{buyer: order_no} of the 201; a buyer must not be told two."""
        found = {}
        for outcome, buyer, order_no in self.told:
            if outcome in ("accepted", "replayed"):
                assert found.setdefault(buyer, order_no) == order_no, f"two orders of {buyer}"
        return found
