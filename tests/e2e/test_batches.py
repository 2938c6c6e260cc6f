"""Batches are real: many purchases in one script call, one write per key a call (PROTOCOL §3.3)."""

import os
import re

import pytest

from support.buyer import Buyer
from support.crowd import Bench
from support.metrics import scrape
from support.processes import PATIENT, PATIENT_ENGINE
from support.services import Services
from support.wait import wait_until

CONNECTIONS = 256
BUYERS = 10000


class Counted:
    """Metrics of all engines, and Redis' own count of commands, over a block."""

    def __init__(self, stack, redis_db):
        self.stack, self.redis_db = stack, redis_db

    def __enter__(self):
        self.before = self._read()
        return self

    def __exit__(self, *_):
        self.after = self._read()

    def _read(self):
        return [scrape(engine) for engine in self.stack.engines], self.redis_db.command_calls()

    def metric(self, name, **labels):
        return sum(after.total("seckill_" + name, **labels) - before.total("seckill_" + name,
                                                                           **labels)
                   for before, after in zip(self.before[0], self.after[0]))

    def calls(self, command):
        return self.after[1].get(command, 0) - self.before[1].get(command, 0)


@pytest.fixture(scope="module")
def services():
    """Of this file alone: Redis' own count has nothing of the sales of other tests."""
    running = Services().up()
    yield running
    running.down()


@pytest.fixture
def lone(services, make_stack):
    """One engine that keeps nobody from an answer; the worker settles beside it."""
    return make_stack(services, engines=1, engine_settings=PATIENT_ENGINE, worker_settings=PATIENT)


def within(daemon, name, bound, **labels):
    """How many a histogram counted up to one of its bounds."""
    return scrape(daemon).get(f"seckill_{name}_bucket", le=bound, **labels)


def test_what_waits_while_a_call_is_on_its_way_leaves_in_one_call(services, make_stack):
    """Redis stands still until all have come: two calls on their way, the rest 128 in each."""
    stack = make_stack(services, engines=1,
                       engine_settings={**PATIENT_ENGINE, "redis.reply_timeout_ms": 30000},
                       worker_settings=PATIENT)
    sale = stack.admin.open_sale(stock=BUYERS)
    with services.frozen("redis"):
        bench = Bench(stack, sale, "--closed", "--buyers", CONNECTIONS, "--connections",
                      CONNECTIONS)
        wait_until(lambda: scrape(stack.engine).get("seckill_purchases_inflight") == CONNECTIONS,
                   30, "all wait")
    assert bench.wait().report["outcomes"] == {"accepted": CONNECTIONS}
    metrics = scrape(stack.engine)
    assert metrics.get("seckill_script_batch_purchases_sum") == CONNECTIONS
    calls = metrics.get("seckill_script_batch_purchases_count")
    assert calls <= 2 + CONNECTIONS / 128, f"{CONNECTIONS} purchases in {calls} calls"


def test_batches_at_256_connections(lone, redis_db):
    sale = lone.admin.open_sale(stock=BUYERS * 2)
    with Counted(lone, redis_db) as counted:
        bench = Bench(lone, sale, "--closed", "--buyers", BUYERS, "--connections",
                      CONNECTIONS).wait()
        wait_until(lambda: not redis_db.outbox(sale), 30, "acknowledged")
    assert bench.report["outcomes"] == {"accepted": BUYERS}
    calls = counted.metric("script_call_duration_seconds_count")
    batches = counted.metric("script_batch_purchases_count")
    assert counted.metric("script_batch_purchases_sum") == BUYERS
    # How many come while a call is on its way is up to the machine; that they go together is not.
    assert BUYERS / batches >= 2, f"{BUYERS} purchases in {batches} calls"
    assert calls >= batches
    # Every call reads meta by one HMGET (the fence); at most one more reads its buyers. Only calls
    # with wins write. What else calls scripts (polls, catalogue, relay) has fences of its own, and
    # the worker's guard looks at meta now and then: a quarter more is far from two a call.
    scripts = counted.calls("evalsha") + counted.calls("eval")
    assert counted.calls("hmget") <= scripts + 1.25 * batches, "one HMGET of buyers a call"
    assert counted.calls("xadd") <= batches, "more than one XADD a call"
    assert counted.calls("hset") <= 2 * batches + 10, "buyers once, meta once"
    assert counted.calls("hincrby") <= batches, "one sku, once a call"
    assert lone.admin.audit(sale)["ok"]


def test_at_rest_a_purchase_waits_for_no_batch(lone, redis_db):
    """One buyer after the other: batches of one, and no timer in the way.

    Half of them by the engine's own clock: whom the machine gave no core is in the other half.
    """
    sale = lone.admin.open_sale(stock=1000)
    with Counted(lone, redis_db) as counted:
        Bench(lone, sale, "--closed", "--buyers", 50, "--connections", 1).wait()
    assert counted.metric("script_batch_purchases_count") == 50
    assert within(lone.engine, "purchase_stage_duration_seconds", "0.001", stage="batch") >= 25
    assert within(lone.engine, "purchase_duration_seconds", "0.1", result="accepted") >= 25


def test_two_skus_in_a_batch(lone, redis_db):
    sale = lone.admin.open_sale(stock={"red": 2000, "blue": 2000})
    with Counted(lone, redis_db) as counted:
        bench = Bench(lone, sale, "--closed", "--buyers", 4000, "--connections", CONNECTIONS,
                      "--sku", "red", "--sku", "blue").wait()
    batches = counted.metric("script_batch_purchases_count")
    assert bench.report["outcomes"] == {"accepted": 4000}
    assert counted.calls("xadd") <= batches and counted.calls("hincrby") <= 2 * batches
    assert redis_db.stock(sale) == {"red": 0, "blue": 0}


def test_losers_in_a_batch_write_nothing(lone, redis_db):
    """The sell-out in the middle of batches: exactly the stock is sold."""
    sale = lone.admin.open_sale(stock=1000)
    with Counted(lone, redis_db) as counted:
        bench = Bench(lone, sale, "--closed", "--buyers", BUYERS, "--connections",
                      CONNECTIONS).wait()
    outcomes = bench.report["outcomes"]
    assert outcomes == {"accepted": 1000, "sold-out": BUYERS - 1000}
    assert len(bench.orders()) == 1000
    assert redis_db.stock(sale) == {"a": 0} and len(redis_db.buyers(sale)) == 1000

    def remembers():
        assert Buyer(lone, "stranger").purchase(sale).code == "sold-out"
        return scrape(lone.engine).get("seckill_purchases_from_memory_total", result="sold-out")

    wait_until(remembers, 30, "memory answers")
    with Counted(lone, redis_db) as counted:
        bench = Bench(lone, sale, "--closed", "--buyers", BUYERS, "--connections", CONNECTIONS,
                      "--prefix", "late").wait()
    assert bench.report["outcomes"] == {"sold-out": BUYERS}
    assert counted.metric("purchases_from_memory_total", result="sold-out") >= 0.9 * BUYERS
    assert lone.admin.audit(sale)["ok"]


def test_twice_in_a_batch_one_order(lone, redis_db):
    """The same buyers again and again, keys and no keys, at the same moment."""
    sale = lone.admin.open_sale(stock=5000)
    bench = Bench(lone, sale, "--closed", "--buyers", 2000, "--connections", CONNECTIONS,
                  "--twice", "0.5", "--repeat", "0.5", "--again-after", "0").wait()
    outcomes = bench.report["outcomes"]
    assert outcomes["accepted"] == 2000 and set(outcomes) <= {"accepted", "replayed",
                                                              "limit-reached"}, outcomes
    assert len(bench.orders()) == 2000
    assert redis_db.stock(sale) == {"a": 3000}
    assert lone.admin.audit(sale)["ok"]


def threads_of(pid):
    """{(id, name): CPU time in clock ticks}."""
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as file:
            text = file.read()
        fields = text.rpartition(")")[2].split()
        name = text[text.index("(") + 1:text.rindex(")")]
        found[(int(thread), name)] = int(fields[11]) + int(fields[12])
    return found


def test_two_reactors_both_work(services, make_stack):
    """From 64 connections on each serves a part of them on its own thread."""
    stack = make_stack(services, engines=1, engine_settings={**PATIENT_ENGINE, "http.reactors": 2},
                       worker_settings=PATIENT)
    sale = stack.admin.open_sale(stock=BUYERS * 2)
    before = threads_of(stack.engine.pid)
    bench = Bench(stack, sale, "--closed", "--buyers", BUYERS, "--connections", 64).wait()
    assert bench.report["outcomes"] == {"accepted": BUYERS}
    spent = {name: cpu - before.get(name, 0) for name, cpu in threads_of(stack.engine.pid).items()
             if re.fullmatch(r"seckilld-\d+", name[1])}
    assert len(spent) == 2, threads_of(stack.engine.pid)
    assert min(spent.values()) >= 0.1 * max(spent.values()) > 0, spent
    assert stack.admin.audit(sale)["ok"]
