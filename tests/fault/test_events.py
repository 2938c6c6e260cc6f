"""The shop is told everything, whoever dies meanwhile (PROTOCOL §5, schemas/events.md)."""

import pytest

from support import events
from support.buyer import Buyer
from support.crowd import fresh_buyers
from support.expect import expect_won
from support.faults import revive
from support.metrics import scrape
from support.wait import wait_until

DEADLINE_S = 90
buyers = fresh_buyers("told")


@pytest.fixture
def orders(stack, mysql):
    """orders(count): settled orders of a new sale that were set aside, so that they can be
    voided; their numbers."""
    def make(count):
        sale = stack.admin.open_sale(stock=100)
        numbers = [int(expect_won(Buyer(stack, next(buyers)[0]).purchase(sale))["order_no"])
                   for _ in range(count)]
        wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale)
                   == count, DEADLINE_S, "they are settled")
        mysql.execute("UPDATE orders SET state = 'QUARANTINED', reason = 'version' WHERE sale = %s",
                      sale)
        return numbers
    return make


def wait_told(kafka, mysql, order_nos):
    """All of the topic, once it has an event of each and MySQL knows."""
    wanted = {str(order_no) for order_no in order_nos}
    wait_until(lambda: mysql.value(
        "SELECT COUNT(*) FROM outbox WHERE kind = 'event' AND confirmed IS NULL") == 0,
        DEADLINE_S, "all are marked")
    told = events.check_topic(kafka)
    assert wanted <= {each.subject for each in told}
    return told


def copies(told, order_no):
    return [each for each in told if each.subject == str(order_no)]


@pytest.mark.representative
def test_a_worker_killed_between_report_and_mark(stack, kafka, mysql, orders):
    """The topic has the events, MySQL does not know: they are told again, none is lost."""
    numbers = orders(3)
    wait_told(kafka, mysql, [])  # what was before them is marked, so that it dies of one of these
    for worker in stack.workers:
        worker.arm("event_reported", "kill")
    for order_no in numbers:
        # the admin API is worker 0's, which may be the one that dies
        mysql.execute(
            "INSERT INTO outbox (sale, kind, verb, order_no, order_version, created) SELECT sale, "
            "'event', 'order.paid', order_no, 2, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) FROM orders "
            "WHERE order_no = %s", order_no)
    wait_until(lambda: not all(worker.is_alive() for worker in stack.workers), DEADLINE_S,
               "a worker ends")
    revive(stack)  # the other may have gone the same way
    told = wait_told(kafka, mysql, numbers)
    twice = [order_no for order_no in numbers if len(copies(told, order_no)) > 1]
    assert twice, "what was reported and not marked comes again"


def test_a_relay_that_slept_while_another_told(stack, kafka, mysql, orders):
    """Two relays at once: stopped with events in the topic and not marked, until its session has
    run out and the other leads; then it goes on."""
    numbers = orders(4)
    wait_told(kafka, mysql, [])  # what was before them is marked, so that it is these that are told
    for worker in stack.workers:
        worker.arm("event_reported", "stop")
    mysql.execute(
        "INSERT INTO outbox (sale, kind, verb, order_no, order_version, created) SELECT sale, "
        "'event', verb, order_no, order_version, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000) FROM orders "
        "CROSS JOIN (SELECT 2 AS order_version, 'order.paid' AS verb UNION ALL "
        "SELECT 3, 'order.refunded') AS told WHERE order_no IN %s ORDER BY order_version", numbers)
    stopped = wait_until(lambda: [worker for worker in stack.workers if worker.was_hit()],
                         DEADLINE_S, "a worker passes the point")
    for worker in stack.workers:
        worker.disarm()
    try:
        told = wait_told(kafka, mysql, numbers)  # by the other, once the session has ended
        assert any(len(copies(told, order_no)) > 2 for order_no in numbers), "told again"
    finally:
        stopped[0].thaw()
    stopped[0].wait_ready()
    told = wait_told(kafka, mysql, numbers)
    for order_no in numbers:
        assert {each.version for each in copies(told, order_no)} == {2, 3}


@pytest.mark.representative
def test_the_broker_is_stopped_while_events_wait(stack, faults, kafka, mysql, orders):
    """They wait in MySQL and readiness says so; changes go on meanwhile, and all are told after."""
    numbers = orders(5)
    faults.services.stop("kafka")
    for order_no in numbers:
        stack.admin.void_order(order_no)
    assert mysql.value("SELECT COUNT(*) FROM outbox WHERE kind = 'event' AND confirmed IS NULL") \
        >= len(numbers)
    wait_until(lambda: scrape(stack.worker).get("seckill_events_pending") >= len(numbers),
               DEADLINE_S, "counted")
    wait_until(lambda: "events wait" in stack.worker.ops_get("/readyz").body.decode(), DEADLINE_S,
               "readiness names them")
    faults.services.start("kafka")
    told = wait_told(kafka, mysql, numbers)
    for order_no in numbers:
        assert {each.name for each in copies(told, order_no)} == {"order.voided"}
