"""Orders that nobody paid in time are closed, once, behind the notices' log; their units come back.

On services of its own: the worker that leads the reaper must be one of these, with their settings.
"""

import itertools

import pytest

from support.admin import AdminError
from support.buyer import Buyer
from support.crowd import ask_all
from support.db import Kafka, Mysql, Redis, compose_order_no
from support.expect import expect_won
from support.metrics import scrape
from support.processes import Stack
from support.services import Services
from support.wait import hold_for, wait_until

NOTICES = "seckill.notices"
RATE = 2000
FAST = {"sale.lease_ms": 300, "sale.hold_ms": 800, "worker.reaper_ms": 100,
        "worker.reaper_grace_ms": 0, "worker.reaper_rate": RATE}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def reaped():
    """Two workers, so that a second reaper stands by; the admin API is the first one's."""
    services = Services().up()
    stack = Stack(services, engines=1, workers=2, engine_settings={"board.poll_ms": 100},
                  worker_settings=FAST)
    try:
        yield stack.start()
    finally:
        stack.stop()
        services.down()


@pytest.fixture
def stack(reaped):
    reaped.wait_ready()
    yield reaped
    reaped.assert_alive()


@pytest.fixture
def mysql(stack):
    return Mysql(stack.services)


def state_of(mysql, order_no):
    rows = mysql.rows("SELECT state, reason FROM orders WHERE order_no = %s", order_no)
    return (rows[0]["state"], rows[0]["reason"]) if rows else None


def closed(mysql, order_no):
    return state_of(mysql, order_no) == ("CLOSED", "overdue")


def won(stack, sale, buyer=None):
    """An order's number, once it has its row."""
    order = int(expect_won(Buyer(stack, buyer or f"late-{next(_numbers)}").purchase(sale))[
        "order_no"])
    wait_until(lambda: state_of(Mysql(stack.services), order), 30, "its row")
    return order


def lapse(mysql, order_no):
    """Its pay window was over long ago."""
    assert mysql.execute("UPDATE orders SET pay_by = 1000 WHERE order_no = %s", order_no) == 1


def waits(stack, why):
    return sum(scrape(worker).get("seckill_reaper_waits_total", why=why)
               for worker in stack.workers)


def closes_once(mysql, sale):
    """Each closed order gave its units back once, and sold counts the others alone."""
    found = mysql.rows(
        "SELECT (SELECT COUNT(*) FROM orders WHERE sale = %s AND state = 'CLOSED') AS closed, "
        "(SELECT COUNT(*) FROM stock_ledger WHERE sale = %s AND cause = 'close') AS returns, "
        "(SELECT COUNT(*) FROM outbox WHERE sale = %s AND verb = 'order.closed') AS told, "
        "(SELECT SUM(sold) FROM sale_skus WHERE sale = %s) AS sold, (SELECT COALESCE(SUM(quantity),"
        " 0) FROM orders WHERE sale = %s AND state IN ('PENDING', 'PAID')) AS live",
        *[sale] * 5)[0]
    assert found["closed"] == found["returns"] == found["told"], found
    assert found["sold"] == found["live"], found
    return found["closed"]


def many_overdue(mysql, sale, count):
    """Rows of orders that were overdue long ago; Redis and the log know none of them."""
    mysql.execute(
        "INSERT INTO orders (order_no, sale, buyer, sku, quantity, unit_price, currency, slot, "
        "key_hash, state, reason, version, won_at, pay_by, created, changed, topic, part, "
        "log_offset) SELECT %s + seq, %s, CONCAT('b', seq), 'a', 1, 1, 'CNY', 0, '', 'PENDING', "
        f"'', 1, 1000, 1000 + seq, 1000, 1000, 'none', 0, seq FROM seq_1_to_{count}",
        compose_order_no(sale, 1, 0), sale)
    assert mysql.execute("UPDATE sale_skus SET sold = sold + %s WHERE sale = %s", count, sale) == 1


# --- what a buyer and the sale see

def test_a_unit_that_is_not_paid_is_sold_again(stack, mysql):
    sale = stack.admin.open_sale(stock=1, pay_window_s=1)
    first, second = Buyer(stack, "slow"), Buyer(stack, "next")
    order = int(expect_won(first.purchase(sale))["order_no"])
    assert second.purchase(sale).code == "sold-out"
    wait_until(lambda: closed(mysql, order), 30, "it is closed")
    row = mysql.rows("SELECT pay_by, changed, slot, version FROM orders WHERE order_no = %s",
                     order)[0]
    assert row["changed"] >= row["pay_by"] and row["slot"] is None and row["version"] == 2
    assert closes_once(mysql, sale) == 1
    again = wait_until(lambda: (answer := second.purchase(sale)).status == 201 and answer, 60,
                       "the unit comes back")
    assert again.json()["order_no"] != str(order)
    wait_until(lambda: first.order(sale, order).json()["state"] == "CLOSED", 30, "it is told")
    wait_until(lambda: stack.admin.audit(sale)["ok"], 60, "the audit holds", ignoring=(AdminError,))


def test_an_order_is_not_closed_before_its_pay_by(stack, mysql):
    sale = stack.admin.open_sale(stock=10, limit=1)
    early, late = won(stack, sale), won(stack, sale)
    lapse(mysql, late)
    wait_until(lambda: closed(mysql, late), 30, "that one is overdue")
    assert state_of(mysql, early) == ("PENDING", "")


# --- what it waits for

def test_while_kafka_cannot_tell_its_ends_nothing_is_closed(stack, mysql):
    sale = stack.admin.open_sale(stock=10)
    order = won(stack, sale)
    with stack.services.frozen("kafka"):
        before = waits(stack, "kafka")
        lapse(mysql, order)
        wait_until(lambda: waits(stack, "kafka") >= before + 2, 60, "rounds that closed nothing")
        assert state_of(mysql, order) == ("PENDING", "")
    wait_until(lambda: closed(mysql, order), 60, "closed once it can")


@pytest.fixture
def letter(mysql):
    """letter(sale, order_no): an open dead letter of the notices' topic, resolved in the end."""
    made = []

    def put(sale, order_no):
        offset = 5000000000 + next(_numbers)
        mysql.execute("INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                      "payload, created) VALUES (%s, 0, %s, %s, %s, 'unreadable', 'x', 1)",
                      NOTICES, offset, sale, order_no)
        made.append(offset)
        return lambda: mysql.execute("UPDATE dead_letters SET resolved = 1 WHERE log_offset = %s",
                                     offset)

    yield put
    for offset in made:
        mysql.execute("DELETE FROM dead_letters WHERE log_offset = %s", offset)


@pytest.mark.parametrize("names", ["the order", "its sale", "nothing"])
def test_a_dead_letter_that_may_be_its_payment_holds_it(stack, mysql, letter, names):
    sale, other_sale = (stack.admin.open_sale(stock=10) for _ in range(2))
    held, other = won(stack, sale), won(stack, other_sale)
    resolve = letter(0 if names == "nothing" else sale, held if names == "the order" else 0)
    before = waits(stack, "dead-letter")
    lapse(mysql, held)
    lapse(mysql, other)
    if names == "nothing":
        wait_until(lambda: waits(stack, "dead-letter") >= before + 2, 30, "rounds that held all")
        assert state_of(mysql, other) == ("PENDING", "")
    else:
        wait_until(lambda: closed(mysql, other), 30, "another sale's is closed")
    hold_for(lambda: state_of(mysql, held) == ("PENDING", ""), 0.5, "it waits")
    resolve()
    wait_until(lambda: closed(mysql, held) and closed(mysql, other), 30, "closed in the end")


# --- backlogs and several reapers

def test_a_backlog_is_closed_at_a_limited_rate(stack, mysql):
    sale = stack.admin.create_sale(stock=20000)
    many_overdue(mysql, sale, 10000)
    wait_until(lambda: any(scrape(worker).get("seckill_overdue_orders") > 0
                           for worker in stack.workers), 30, "the metric tells it")
    wait_until(lambda: closes_once(mysql, sale) == 10000, 120, "all are closed")
    times = mysql.rows("SELECT MIN(changed) AS first, MAX(changed) AS last FROM orders "
                       "WHERE sale = %s", sale)[0]
    assert times["last"] - times["first"] >= 10000 / RATE * 1000 * 0.8, "not faster than the rate"
    rows = mysql.rows("SELECT order_no, changed FROM orders WHERE sale = %s ORDER BY pay_by", sale)
    assert rows[0]["changed"] < rows[-1]["changed"], "the longest overdue first"


def test_a_reaper_that_stood_still_and_its_successor_close_each_once(stack, mysql):
    """SIGSTOP in mid-backlog: the other takes over; both go on when the first wakes up."""
    sale = stack.admin.create_sale(stock=20000)
    counts = [worker.log_text().count("event=orders_closed") for worker in stack.workers]
    many_overdue(mysql, sale, 4000)
    leader = wait_until(lambda: [worker for worker, count in zip(stack.workers, counts)
                                 if worker.log_text().count("event=orders_closed") > count], 60,
                        "one of them closes")[0]
    other = next(worker for worker in stack.workers if worker is not leader)
    leader.freeze()
    try:
        many = mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND state = 'CLOSED'", sale)
        if many < 4000:  # MySQL ends the silent session, and the lock with it
            wait_until(lambda: "event=orders_closed" in other.log_text(), 60, "the other goes on")
    finally:
        leader.thaw()
    wait_until(lambda: closes_once(mysql, sale) == 4000, 120, "all are closed, each once")


# --- the operator

def test_orders_of_a_buyer_count_no_more_once_they_are_closed(stack, mysql):
    sale = stack.admin.open_sale(stock=5, limit=1)
    buyer = Buyer(stack, "twice")
    first = expect_won(buyer.purchase(sale, key="the-first-key-of-twice"))
    assert buyer.purchase(sale, key="the-second-key-of-twice").code == "limit-reached"
    wait_until(lambda: state_of(mysql, int(first["order_no"])), 30, "its row")
    lapse(mysql, int(first["order_no"]))
    again = wait_until(lambda: (answer := buyer.purchase(
        sale, key="the-second-key-of-twice")).status == 201 and answer, 60, "he may buy again")
    old = buyer.purchase(sale, key="the-first-key-of-twice")
    assert old.json()["order_no"] == first["order_no"] != again.json()["order_no"]
    assert old.json()["state"] == "CLOSED", "the old key answers with the closed order"
