"""A win that its engine could not write to the log: another engine's relay does (PROTOCOL §3.6)."""

import pytest

from support.buyer import Buyer
from support.crowd import request
from support.expect import expect_won
from support.http_raw import Connection
from support.metrics import scrape
from support.wait import hold_for, wait_until

KEY = "key-of-this-test-{:04}"
WINS = 40


def win_and_die(stack, services, sale, redis_db, buyers):
    """Engine 0 wins for all buyers while Kafka stands still, and is killed; then Kafka goes on."""
    connections = [Connection(stack.address(0)) for _ in buyers]
    requests = [request(stack, sale, buyer, key) for buyer, key in buyers.items()]
    with services.frozen("kafka"):
        for connection, data in zip(connections, requests):
            connection.send(data)
        wait_until(lambda: set(buyers) <= set(redis_db.buyers(sale)), 30, "all are decided")
        assert redis_db.outbox(sale), "the wins wait in the outbox"
        stack.engines[0].kill()
    for connection in connections:
        connection.close()


@pytest.fixture
def cut(stack, services, open_sale, redis_db):
    """A sale whose engine died between winning and writing; {buyer: key} of its wins."""
    sale = open_sale(stock=WINS * 2)
    expect_won(Buyer(stack, "first").purchase(sale))
    wait_until(lambda: not redis_db.outbox(sale), 30, "the first win is acknowledged")
    buyers = {f"cut-{number}": KEY.format(number) for number in range(WINS)}
    try:
        win_and_die(stack, services, sale, redis_db, buyers)
        yield sale, buyers
    finally:
        stack.engines[0].kill()
        stack.engines[0].start().wait_ready()


def rows_of(mysql, sale):
    return mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale)


def test_the_relay_of_another_engine_produces_it(stack, cut, mysql, redis_db, kafka):
    """Without any buyer coming back the rows appear, one each."""
    sale, buyers = cut
    before = scrape(stack.engines[1]).get("seckill_relay_records_total")
    wait_until(lambda: rows_of(mysql, sale) == WINS + 1, 30, "a row for each win")
    wait_until(lambda: not redis_db.outbox(sale), 30, "the outbox is empty")
    assert scrape(stack.engines[1]).get("seckill_relay_records_total") - before >= WINS
    orders = {event.buyer: event.order_no for event in kafka.orders(sale)}
    assert len(orders) == WINS + 1
    for buyer, key in buyers.items():
        response = Buyer(stack, buyer, engine=1).purchase(sale, key=key)
        assert int(expect_won(response, replayed=True)["order_no"]) == orders[buyer]
    audit = stack.admin.audit(sale)
    assert audit["ok"], audit


def test_a_retry_at_another_engine_is_told_only_after_its_record(stack, cut, mysql, kafka):
    """That engine never saw the win: 201 of an order that only Redis knows would be a lie."""
    sale, buyers = cut
    told = {}
    for buyer, key in list(buyers.items())[:5]:
        asker = Buyer(stack, buyer, engine=1)
        response = wait_until(
            lambda: (answer := asker.purchase(sale, key=key)).status == 201 and answer, 30,
            "a 201")
        told[buyer] = int(expect_won(response, replayed=True)["order_no"])
        logged = {event.buyer: event.order_no for event in kafka.orders(sale)}
        assert logged.get(buyer) == told[buyer], "told before it was logged"
    wait_until(lambda: rows_of(mysql, sale) == WINS + 1, 30, "a row for each win")
    rows = {row["buyer"]: row["order_no"] for row in mysql.rows(
        "SELECT buyer, order_no FROM orders WHERE sale = %s", sale)}
    assert len(rows) == WINS + 1, "one row each"
    assert {buyer: rows[buyer] for buyer in told} == told
    hold_for(lambda: rows_of(mysql, sale) == WINS + 1, 0.5, "copies of records make no row")
    assert stack.admin.audit(sale)["ok"]


def test_engines_that_come_back_find_their_own_wins(stack, services, open_sale, redis_db, mysql):
    """All engines die between win and log: after a restart one of them is the relay."""
    sale = open_sale(stock=10)
    expect_won(Buyer(stack, "first").purchase(sale))
    try:
        win_and_die(stack, services, sale, redis_db, {"buyer": KEY.format(1)})
        stack.engines[1].kill()
    finally:
        for engine in stack.engines:
            engine.kill()
            engine.start()
        for engine in stack.engines:
            engine.wait_ready()
    wait_until(lambda: rows_of(mysql, sale) == 2, 30, "the row of the win")
    wait_until(lambda: not redis_db.outbox(sale), 30, "the outbox is empty")
    expect_won(Buyer(stack, "buyer").purchase(sale, key=KEY.format(1)), replayed=True)
