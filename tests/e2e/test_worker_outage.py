"""MySQL dies, the worker stands still: buyers are told the truth (FW3, FW6, PROTOCOL §4)."""

import time

import pytest

from support.admin import AdminError
from support.crowd import Crowd, ask_all, ask_until_told, codes_of, fresh_buyers, wins_of
from support.expect import expect
from support.http_raw import ProtocolError
from support.processes import Stack
from support.wait import wait_until

OUTAGE_S = 10
BOTH = (0, 1)


def rows_of(mysql, sale):
    return {row["order_no"]: row["buyer"] for row in mysql.rows(
        "SELECT order_no, buyer FROM orders WHERE sale = %s", sale)}


def dead_letters_of(mysql):
    return mysql.value("SELECT COUNT(*) FROM dead_letters")


def test_mysql_killed_under_load(stack, services, open_sale, mysql):
    sale = open_sale(stock=1000000)
    dead_before = dead_letters_of(mysql)  # of tests that put some there
    with Crowd(stack, sale, fresh_buyers("outage"), threads=4, engines=BOTH) as crowd:
        wait_until(lambda: len(crowd.wins()) > 100, 30, "they win")
        services.kill("mysql")
        killed = time.monotonic()
        try:
            wait_until(lambda: not stack.worker.is_ready(), 30, "the worker says it is not ready")
            wait_until(lambda: time.monotonic() > killed + OUTAGE_S, OUTAGE_S + 5, "10 s")
        finally:
            services.start("mysql")
        back = time.monotonic()
        wait_until(lambda: any(answer.began > back for answer in list(crowd.told)), 30, "goes on")
    during = [answer for answer in crowd.told if killed < answer.began < back]
    assert codes_of(crowd.told) == {None}, "a dead database touched a purchase"
    assert len(during) > 100
    unsure = [(answer.buyer, answer.key, answer.sku) for answer in crowd.told if answer.code]
    told = wins_of(crowd.told + ask_until_told(stack, sale, unsure, engines=BOTH))
    assert len(told) == len(crowd.told)
    wait_until(lambda: len(rows_of(mysql, sale)) == len(told), 120,
               f"{len(told)} rows after its return", interval_s=0.2)
    assert {order: buyer for (buyer, _), order in told.items()} == rows_of(mysql, sale)
    assert dead_letters_of(mysql) == dead_before
    wait_until(stack.worker.is_ready, 30, "the worker is ready again")
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == len(told)
    assert stack.admin.audit(sale)["ok"]


def test_admin_api_without_mysql_says_so(stack, services, open_sale):
    sale = open_sale()
    services.kill("mysql")
    try:
        for method, path in (("GET", f"sales/{sale}"), ("GET", "sales"), ("GET", "orders"),
                             ("GET", f"sales/{sale}/audit"), ("POST", f"sales/{sale}/pause"),
                             ("POST", f"sales/{sale}/recover"), ("GET", "dead-letters")):
            expect(stack.admin.call(method, path), 503, "unavailable")
    finally:
        services.start("mysql")
    wait_until(stack.worker.is_ready, 30, "the worker is ready again")
    assert wait_until(lambda: stack.admin.sale(sale), 30, "it answers again", (
        AdminError, ProtocolError))["state"] == "open"


@pytest.fixture
def second_worker(stack):
    """A worker beside the session's: admin API of its own, the same services."""
    beside = Stack(stack.services, engines=0)
    beside.worker.start().wait_ready()
    yield beside
    beside.stop()


def test_reload_under_load(stack, open_sale, mysql, redis_db):
    """Told wins of the old history are kept, their keys still tell them; nothing is oversold."""
    sale = open_sale(stock=3000)
    with Crowd(stack, sale, fresh_buyers("reload"), threads=4, engines=BOTH) as crowd:
        wait_until(lambda: len(crowd.wins()) > 200, 30, "they win")
        stack.admin.recover(sale)
        assert {"waiting", "done"} <= reloaded(stack, sale, 2), "its progress can be read"
        wait_until(lambda: any(order >> 26 & 0x3fff == 2 for order in crowd.wins().values()), 30,
                   "sold on the new history")
    check_reloaded(stack, sale, crowd, mysql, redis_db)


def test_reload_waits_for_a_worker_that_stands_still(stack, open_sale, second_worker, mysql,
                                                     redis_db):
    """The first worker has records in hand when it stands still; a second one loads meanwhile."""
    sale = open_sale(stock=3000)
    admin = second_worker.admin
    with Crowd(stack, sale, fresh_buyers("stop"), threads=4, engines=BOTH) as crowd:
        wait_until(lambda: len(crowd.wins()) > 200, 30, "they win")
        stack.worker.freeze()
        try:
            seen = len(crowd.wins())
            wait_until(lambda: len(crowd.wins()) > seen + 100, 30, "201s go on")
            admin.recover(sale)
            step = wait_until(lambda: admin.sale(sale)["load"]["step"] == "draining"
                              and admin.sale(sale)["load"], 30, "the load waits for settling")
            assert redis_db.meta(sale)["epoch"] == "1", step
            wait_until(lambda: crowd.told[-1].code == "rebuilding", 30, "nothing is decided")
        finally:
            stack.worker.thaw()
        reloaded(second_worker, sale, 2)
        wait_until(lambda: any(order >> 26 & 0x3fff == 2 for order in crowd.wins().values()), 30,
                   "sold on the new history")
    check_reloaded(stack, sale, crowd, mysql, redis_db)


def reloaded(stack, sale, epoch):
    """Waits until it is loaded; returns the steps that could be read."""
    steps = set()

    def done():
        load = stack.admin.sale(sale)["load"]
        steps.add(load["step"])
        assert load["step"] != "failed", load
        return load["step"] == "done" and load["epoch"] == epoch

    wait_until(done, 60, f"epoch {epoch} is loaded")
    return steps


def check_reloaded(stack, sale, crowd, mysql, redis_db):
    told = crowd.wins()
    assert {answer.code for answer in crowd.told} <= {None, "rebuilding", "sold-out",
                                                      "outcome-unknown", "overloaded"}
    unknown = {(answer.buyer, answer.key) for answer in crowd.told
               if answer.code == "outcome-unknown"}
    again = ask_until_told(stack, sale, [(buyer, key, "a") for buyer, key in told], engines=BOTH)
    assert {answer.code for answer in again} == {None}
    assert wins_of(again) == told, "a key tells another order after the reload"
    wait_until(lambda: not redis_db.outbox(sale), 30, "the outbox is empty")
    wait_until(lambda: set(told.values()) <= set(rows_of(mysql, sale)), 30, "every told win")
    rows = mysql.rows("SELECT order_no, buyer, state, reason FROM orders WHERE sale = %s", sale)
    voided = [row for row in rows if row["state"] == "VOIDED"]
    assert all(row["reason"] == "epoch" for row in voided), voided
    live = {row["order_no"]: row["buyer"] for row in rows if row["state"] == "PENDING"}
    assert {order: buyer for (buyer, _), order in told.items()}.items() <= live.items()
    assert {buyer for order, buyer in live.items() if order not in told.values()} <= {
        buyer for buyer, _ in unknown}, "a row that nobody was told of"
    assert len(live) == mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) <= 3000
    assert redis_db.stock(sale) == {"a": 3000 - len(live)}
    audit = stack.admin.audit(sale)
    assert audit["ok"], audit
