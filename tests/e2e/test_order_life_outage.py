"""Orders live on when a service or the worker was away: nothing paid is closed, nothing comes back
twice (FP8, FP9, DESIGN 6)."""

import time

import pytest

from support.admin import AdminError
from support.buyer import Buyer
from support.crowd import win_all
from support.db import Mysql, Redis
from support.expect import expect, expect_won
from support.http_raw import ProtocolError
from support.life import Life
from support.payments import Notice, post
from support.processes import Stack
from support.services import Services
from support.wait import hold_for, wait_until

BOTH = (0, 1)
# Idempotency-Keys
FIRST = "key-of-the-first-purchase"
SECOND = "key-of-the-second-purchase"
AWAY = (AdminError, OSError, ProtocolError)


@pytest.fixture(scope="module")
def services():
    """Services of this module, whose sales nobody else has."""
    running = Services().up()
    yield running
    running.down()


@pytest.fixture(scope="module")
def module_stack(services, payment_keys):
    stack = Stack(services, engines=2, workers=2, engine_settings=payment_keys.settings,
                  worker_settings={"sale.lease_ms": 300, "sale.hold_ms": 800,
                                   "worker.reaper_ms": 200, "worker.reaper_grace_ms": 0})
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def stack(module_stack, services):
    services.up()
    for process in [*module_stack.workers, *module_stack.engines]:
        if not process.is_alive():
            process.start()
    for process in [*module_stack.workers, *module_stack.engines]:
        process.wait_ready()
    return module_stack


@pytest.fixture
def life(stack, services, payment_keys):
    return Life(stack, Mysql(services), payment_keys)


@pytest.fixture
def redis_db(services):
    return Redis(services)


def buy_all(stack, sale, count, prefix):
    """Order numbers of so many new buyers, in their order."""
    attempts = [(f"{prefix}-{sale}-{at}", f"key-of-{prefix}-{sale}-{at:04}", "a")
                for at in range(count)]
    won = win_all(stack, sale, attempts, engines=BOTH)
    return [won[buyer] for buyer, _, _ in attempts]


def assert_audit(stack, sale):
    report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 60,
                        f"sale {sale} is at rest", ignoring=AWAY)
    assert report["ok"], report


def wait_told(life, sale):
    """Redis has all that MySQL wanted to tell it."""
    wait_until(lambda: not life.mysql.rows(
        "SELECT id FROM outbox WHERE sale = %s AND target = 'redis' AND confirmed IS NULL", sale),
        60, f"Redis was told all of sale {sale}")


def test_payments_that_waited_while_mysql_was_away_are_kept(stack, services, life, redis_db):
    """Away for longer than the pay window: what was paid in time is in Kafka, so it is paid."""
    sale = stack.admin.open_sale(stock=100, pay_window_s=900)
    paid = buy_all(stack, sale, 30, "kept")
    unpaid = buy_all(stack, sale, 10, "lapsed")
    wait_until(lambda: life.states(sale) == {"PENDING": 40}, 60, "all settle")
    life.mysql.execute("UPDATE orders SET pay_by = UNIX_TIMESTAMP() * 1000 + 4000 WHERE sale = %s",
                       sale)
    services.kill("mysql")
    try:
        for at, order_no in enumerate(paid):
            life.pay(order_no, engine=at % 2)
        late = time.time() + 5
        wait_until(lambda: time.time() > late, 10, "the pay window is over")
    finally:
        services.start("mysql")
    wait_until(lambda: life.states(sale) == {"PAID": 30, "CLOSED": 10}, 90,
               "the paid are paid, the others closed", ignoring=(Exception,))
    rows = life.rows(sale)
    for order_no in paid:
        assert (rows[order_no]["state"], rows[order_no]["version"]) == ("PAID", 2)
        assert life.events(order_no) == ["order.paid"]
    for order_no in unpaid:
        assert life.ledger(order_no) == [("close", 1)]
    assert not life.mysql.rows("SELECT p.id FROM payments p JOIN orders o USING (order_no) "
                               "WHERE o.sale = %s AND p.state <> 'APPLIED'", sale)
    wait_told(life, sale)
    assert redis_db.stock(sale) == {"a": 70}
    assert_audit(stack, sale)


def test_a_backlog_of_overdue_orders_is_closed_once(stack, life, redis_db):
    """FP8: both workers were down for longer than the window; then both look at once."""
    sale = stack.admin.open_sale(stock=300, pay_window_s=1)
    numbers = buy_all(stack, sale, 250, "backlog")
    for worker in stack.workers:
        worker.kill()
    overdue = time.time() + 2
    wait_until(lambda: time.time() > overdue, 10, "all are overdue")
    for worker in stack.workers:
        worker.start()
    wait_until(lambda: life.states(sale) == {"CLOSED": 250}, 90, "all are closed")
    refs = [int(row["ref"]) for row in life.mysql.rows(
        "SELECT ref FROM stock_ledger WHERE sale = %s AND cause = 'close'", sale)]
    assert sorted(refs) == sorted(numbers)
    assert {row["version"] for row in life.rows(sale).values()} == {2}
    wait_told(life, sale)
    wait_until(lambda: redis_db.stock(sale) == {"a": 300}, 30, "all units are back")
    assert_audit(stack, sale)


def test_a_worker_killed_while_it_closes_closes_each_once(stack, life, redis_db):
    sale = stack.admin.open_sale(stock=400, pay_window_s=1)
    buy_all(stack, sale, 400, "killed")
    for turn in range(6):
        worker = stack.workers[turn % 2]
        worker.kill()
        worker.start()
        worker.wait_ready()
    wait_until(lambda: life.states(sale) == {"CLOSED": 400}, 90, "all are closed")
    assert life.mysql.value("SELECT COUNT(*) FROM stock_ledger WHERE sale = %s AND "
                            "cause = 'close'", sale) == 400
    wait_told(life, sale)
    wait_until(lambda: redis_db.stock(sale) == {"a": 400}, 30, "all units are back")
    assert_audit(stack, sale)


def lose_redis(services, how):
    if how == "flushed":
        Redis(services).client.flushall()
        return
    services.start("redis")


@pytest.mark.parametrize("how", ["down", "flushed"])
def test_units_come_back_once_when_redis_was_away(stack, services, life, redis_db, how):
    """FP9: closed in MySQL while Redis is down, or rebuilt in between: counted once."""
    sale = stack.admin.open_sale(stock=6, pay_window_s=900)
    buyers = [Buyer(stack, f"fp9-{how}-{sale}-{at}") for at in range(4)]
    numbers = [int(expect_won(buyer.purchase(sale, key=FIRST))["order_no"])
               for buyer in buyers]
    life.pay(numbers[0])
    for order_no in numbers:
        life.settled(order_no)
    if how == "down":
        services.kill("redis")
    for order_no in numbers[1:]:
        life.lapse(order_no)
    wait_until(lambda: life.states(sale) == {"PAID": 1, "CLOSED": 3}, 60, "three are closed")
    lose_redis(services, how)
    wait_until(lambda: redis_db.meta(sale).get("epoch") == "2"
               and redis_db.meta(sale)["state"] == "open", 60, "it is loaded again",
               ignoring=(Exception,))
    wait_told(life, sale)
    assert redis_db.stock(sale) == {"a": 5}
    hold_for(lambda: redis_db.stock(sale) == {"a": 5}, 1.5, "no unit comes twice")
    again = wait_until(lambda: (answer := buyers[1].purchase(sale, key=SECOND)).status == 201
                       and answer, 30, "who was closed buys again")
    assert int(again.json()["order_no"]) not in numbers
    for buyer, order_no, state in zip(buyers, numbers, ("PAID", "CLOSED", "CLOSED", "CLOSED")):
        for engine in BOTH:
            old = expect_won(buyer.purchase(sale, key=FIRST, engine=engine), replayed=True)
            assert (int(old["order_no"]), old["state"]) == (order_no, state)
    assert_audit(stack, sale)


def test_a_close_that_the_cut_has_counted_is_not_told_again(stack, services, life, redis_db):
    """A load while closes wait to be told: their units are of the older epoch."""
    sale = stack.admin.open_sale(stock=50, pay_window_s=1)
    buy_all(stack, sale, 40, "cut")
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 60, "its load has ended")
    stack.admin.recover(sale)
    wait_until(lambda: life.states(sale) == {"CLOSED": 40}, 60, "all are closed")
    wait_until(lambda: redis_db.meta(sale).get("epoch") == "2"
               and redis_db.meta(sale)["state"] == "open", 60, "it is loaded again")
    wait_told(life, sale)
    wait_until(lambda: redis_db.stock(sale) == {"a": 50}, 30, "all units are back")
    hold_for(lambda: redis_db.stock(sale) == {"a": 50}, 1.5, "once")
    assert_audit(stack, sale)


def test_without_kafka_nothing_is_closed(stack, services, life):
    """Nobody can know what was paid: the reaper waits, and goes on by itself."""
    sale = stack.admin.open_sale(stock=10, pay_window_s=1)
    buy_all(stack, sale, 5, "unheard")
    services.kill("kafka")
    try:
        overdue = time.time() + 3
        wait_until(lambda: time.time() > overdue, 10, "all are overdue")
        seen = life.states(sale)
        hold_for(lambda: life.states(sale) == seen, 2, "nothing is closed")
    finally:
        services.start("kafka")
    wait_until(lambda: life.states(sale) == {"CLOSED": 5}, 90, "closed when Kafka is back")
    for engine in stack.engines:
        engine.wait_ready()
    assert_audit(stack, sale)


def test_an_engine_killed_with_a_notice_in_hand(stack, life):
    """The provider hears nothing and sends it again, to the other engine: once is once."""
    sale = stack.admin.open_sale(stock=20, pay_window_s=900)
    numbers = buy_all(stack, sale, 20, "repeated")
    notices = [life.keys.request("standard", notice) for notice in map(Notice, numbers)]
    for at, (headers, body) in enumerate(notices):
        if at == 10:
            stack.engines[0].kill()
        for engine in (0, 1, 1):
            send_anyhow(stack, engine, headers, body)
    stack.engines[0].start()
    stack.engines[0].wait_ready()
    wait_until(lambda: life.states(sale) == {"PAID": 20}, 60, "all are paid")
    assert {row["version"] for row in life.rows(sale).values()} == {2}
    expect(Buyer(stack, f"repeated-{sale}-0").cancel(sale, numbers[0]), 409, "order-not-pending")
    assert_audit(stack, sale)


def send_anyhow(stack, engine, headers, body):
    try:
        post(stack.address(engine), "standard", headers, body)
    except (OSError, ProtocolError):
        assert not stack.engines[engine].is_alive()
