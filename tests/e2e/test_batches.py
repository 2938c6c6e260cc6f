"""Batches are real: many purchases in one script call, one write per key a call (PROTOCOL §3.3)."""

import os
import re

import pytest

from support.crowd import Bench
from support.metrics import scrape
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


@pytest.fixture
def lone(services, make_stack):
    """One engine; the worker settles beside it."""
    return make_stack(services, engines=1)


def test_batches_at_256_connections(lone, redis_db):
    sale = lone.admin.open_sale(stock=BUYERS * 2)
    with Counted(lone, redis_db) as counted:
        bench = Bench(lone, sale, "--closed", "--buyers", BUYERS, "--connections",
                      CONNECTIONS).wait()
        wait_until(lambda: not redis_db.outbox(sale), 10, "acknowledged")
    assert bench.report["outcomes"] == {"accepted": BUYERS}
    calls = counted.metric("script_call_duration_seconds_count")
    batches = counted.metric("script_batch_purchases_count")
    assert counted.metric("script_batch_purchases_sum") == BUYERS
    assert BUYERS / batches >= 16, f"{BUYERS} purchases in {batches} calls"
    assert calls >= batches
    # Every call reads meta by one HMGET (the fence); at most one more reads its buyers. Only calls
    # with wins write. What else calls scripts (polls, catalogue, relay) has fences of its own.
    scripts = counted.calls("evalsha") + counted.calls("eval")
    assert counted.calls("hmget") <= scripts + batches, "more than one HMGET of buyers a call"
    assert counted.calls("xadd") <= batches, "more than one XADD a call"
    assert counted.calls("hset") <= 2 * batches + 10, "buyers once, meta once"
    assert counted.calls("hincrby") <= batches, "one sku, once a call"
    assert lone.admin.audit(sale)["ok"]


def test_at_rest_a_purchase_waits_for_no_batch(lone, redis_db):
    """One buyer after the other: batches of one, and no timer in the way."""
    sale = lone.admin.open_sale(stock=1000)
    with Counted(lone, redis_db) as counted:
        bench = Bench(lone, sale, "--closed", "--buyers", 50, "--connections", 1).wait()
    assert counted.metric("script_batch_purchases_count") == 50
    waited = counted.metric("purchase_stage_duration_seconds_sum", stage="batch")
    assert waited / 50 < 0.005, f"{waited / 50 * 1000} ms in front of the call"
    assert bench.report["latency_ms"]["all"]["p50"] < 50


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
    remembered = counted.metric("purchases_from_memory_total", result="sold-out")
    assert remembered >= 0.5 * (BUYERS - 1000), "after the sell-out, memory answers"
    assert len(bench.orders()) == 1000
    assert lone.admin.audit(sale)["ok"]


def test_twice_in_a_batch_one_order(lone, redis_db):
    """The same buyers again and again, keys and no keys, at the same moment."""
    sale = lone.admin.open_sale(stock=5000)
    bench = Bench(lone, sale, "--rate", 3000, "--buyers", 2000, "--connections", CONNECTIONS,
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
    stack = make_stack(services, engines=1, engine_settings={"http.reactors": 2})
    sale = stack.admin.open_sale(stock=BUYERS * 2)
    before = threads_of(stack.engine.pid)
    bench = Bench(stack, sale, "--closed", "--buyers", BUYERS, "--connections", 64).wait()
    assert bench.report["outcomes"] == {"accepted": BUYERS}
    spent = {name: cpu - before.get(name, 0) for name, cpu in threads_of(stack.engine.pid).items()
             if re.fullmatch(r"seckilld-\d+", name[1])}
    assert len(spent) == 2, threads_of(stack.engine.pid)
    assert min(spent.values()) >= 0.1 * max(spent.values()) > 0, spent
    assert stack.admin.audit(sale)["ok"]
