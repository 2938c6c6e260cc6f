"""Told means logged: a broker that stands still means no 201, and nothing is lost (I5, FK2)."""

import time

import pytest

from support.buyer import Buyer
from support.crowd import Bench, Crowd, ask_all, fresh_buyers, wins_of
from support.expect import expect
from support.metrics import scrape
from support.wait import wait_until

D_S, GRACE_S = 1.0, 0.05
NOISE_S = 0.2  # a client or an engine that waits for a core of a busy machine
UNREPORTED_S = 2.0
IN_FLIGHT_S = 0.1  # an answer that left the engine before the broker stopped


def rows_of(mysql, sale):
    return {row["order_no"]: row["buyer"] for row in mysql.rows(
        "SELECT order_no, buyer FROM orders WHERE sale = %s", sale)}


def in_histogram(stack, result):
    """{bound in seconds: answers within it} by the engine's own clock."""
    metrics = scrape(stack.engine)
    bounds = {float(dict(labels)["le"]): value for (name, labels), value in metrics.samples.items()
              if name == "seckill_purchase_duration_seconds_bucket"
              and dict(labels)["result"] == result}
    return bounds


@pytest.fixture
def frozen_run(stack, services, open_sale, redis_db):
    """A crowd buys, the broker stops for 4 s in the middle and goes on."""
    sale = open_sale(stock=100000)
    with Crowd(stack, sale, fresh_buyers("told"), threads=8, engines=(0, 1)) as crowd:
        wait_until(lambda: len(crowd.wins()) > 200, 20, "they win")
        with services.frozen("kafka"):
            stopped = time.monotonic()
            codes = lambda: {answer.code for answer in list(crowd.told) if answer.ended > stopped}
            wait_until(lambda: {"outcome-unknown", "overloaded"} <= codes(), 10,
                       "unknown first, then back-pressure")
            wait_until(lambda: time.monotonic() > stopped + 4, 10, "4 s")
            seq = int(redis_db.meta(sale)["seq"])
        thawed = time.monotonic()
        wait_until(lambda: any(answer.status == 201 and answer.began > thawed
                               for answer in list(crowd.told)), 20, "they win again")
    return sale, crowd, stopped, thawed, seq


def test_no_201_while_the_broker_stands_still(stack, frozen_run, mysql, redis_db):
    sale, crowd, stopped, thawed, seq = frozen_run
    during = [answer for answer in crowd.told if stopped < answer.ended < thawed]
    early = [answer for answer in during
             if answer.status == 201 and answer.ended > stopped + IN_FLIGHT_S]
    assert not early, early[:3]
    assert {answer.code for answer in during} <= {None, "outcome-unknown", "overloaded"}
    # Back-pressure stands before the script: it starts when the oldest record is 2 s old ...
    refused = [answer for answer in during if answer.code == "overloaded"]
    assert min(answer.ended for answer in refused) - stopped < UNREPORTED_S + 1.0
    assert all(answer.seconds < 0.5 for answer in refused), max(refused, key=lambda a: a.seconds)
    # ... and from then on nothing is taken: few wins are unknown, however long the broker is away.
    unknown = {(answer.buyer, answer.key) for answer in crowd.told
               if answer.code == "outcome-unknown"}
    assert 0 < len(unknown) < 200
    wait_until(lambda: not redis_db.outbox(sale), 15, "the outbox is empty")
    again = ask_all(stack, sale, [(buyer, key, "a") for buyer, key in
                                  sorted(unknown) + sorted(crowd.wins())], engines=(0, 1))
    assert {answer.code for answer in again} == {None}, "the same keys tell the truth"
    told = wins_of(crowd.told + again)
    assert {pair: told[pair] for pair in crowd.wins()} == crowd.wins(), "one key, one order"
    wait_until(lambda: len(rows_of(mysql, sale)) >= len(set(told.values())), 15, "the rows")
    rows = rows_of(mysql, sale)
    assert {order: buyer for (buyer, _), order in told.items()} == rows, "one row each, no other"
    assert stack.admin.audit(sale)["ok"]


def test_every_answer_comes_by_its_deadline(stack, services, open_sale):
    """Measured by the load generator in C, from the sending of each request, at a modest rate."""
    sale = open_sale(stock=100000)
    Bench(stack, sale, "--rate", 100, "--buyers", 50, "--connections", 16).wait()
    with services.frozen("kafka"):
        bench = Bench(stack, sale, "--rate", 100, "--duration", 3, "--connections", 400,
                      "--prefix", "frozen").wait()
    outcomes = bench.report["outcomes"]
    assert set(outcomes) == {"outcome-unknown", "overloaded"}, outcomes
    assert outcomes["outcome-unknown"] > 0 and outcomes["overloaded"] > 0, outcomes
    latency = bench.report["latency_ms"]["all"]
    assert latency["p99"] <= (D_S + GRACE_S) * 1000, latency
    assert latency["max"] <= (D_S + GRACE_S + NOISE_S) * 1000, latency
    bounds = in_histogram(stack, "outcome-unknown")
    late = [bound for bound, value in bounds.items()
            if bound > D_S + GRACE_S and value < bounds[float("inf")]]
    assert not late, f"by the engine's own clock some were later than {late}: {bounds}"


def test_back_pressure_takes_nothing(stack, services, open_sale, redis_db):
    """Once refused before the script, a broker that stays away costs no unit."""
    sale = open_sale(stock=1000)
    ask_all(stack, sale, list(zip(["b"], ["key-of-back-pressure"], ["a"])))
    with services.frozen("kafka"):
        with Crowd(stack, sale, fresh_buyers("press"), threads=4) as crowd:
            wait_until(lambda: any(answer.code == "overloaded" for answer in list(crowd.told)), 10,
                       "refused before the script")
        seq = redis_db.meta(sale)["seq"]
        response = Buyer(stack, "press-named").purchase(sale)
        assert "Kafka" in expect(response, 503, "overloaded")["detail"]
        with Crowd(stack, sale, fresh_buyers("shed"), threads=4) as crowd:
            wait_until(lambda: len(crowd.told) > 200, 10, "refused")
        assert {answer.code for answer in crowd.told} == {"overloaded"}
        assert redis_db.meta(sale)["seq"] == seq
    shed = scrape(stack.engine).get("seckill_shed_total", cause="unreported")
    assert shed >= 200
    buyer = fresh_buyers("after")
    wait_until(lambda: any(answer.status == 201 for answer in ask_all(
        stack, sale, [next(buyer)], threads=1)), 15, "selling goes on by itself")
