"""Cancel at the engine: whose order, in which state, and 202 only for what is in the log.

What the worker makes of it: test_order_life.py. Here no answer waits for the worker, and a test
that needs an order in some state writes it into Redis, as the worker's relay would.
"""

import signal
import threading

import pytest

from support import http_raw, notices, openapi
from support.buyer import Buyer
from support.expect import expect, expect_common, expect_won
from support.metrics import scrape
from support.wait import wait_until

TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CANCEL = "/v1/sales/{sale}/orders/{order_no}/cancel"


def expect_cancelling(response, order_no, states=("PENDING", "CONFIRMING")):
    expect_common(response)
    assert response.status == 202, response
    told = response.json()
    assert told["order_no"] == order_no and told["state"] in states, told
    return told


@pytest.fixture
def sale(open_sale):
    return open_sale(stock=100, limit=5)


@pytest.fixture
def winner(sale, new_buyer):
    return new_buyer()


@pytest.fixture
def order_no(sale, winner):
    return expect_won(winner.purchase(sale))["order_no"]


def set_letter(redis_db, sale, buyer, letter):
    """What the worker's relay writes when the order's state changed (schemas/redis.md)."""
    key = redis_db.key(sale, "buyers")
    text = redis_db.client.hget(key, buyer.name)
    slot = "0" if letter in "NPQ" else ""
    assert text.count(",0,N,") == 1, text
    redis_db.client.hset(key, buyer.name, text.replace(",0,N,", f",{slot},{letter},"))


# --- refused: nothing is written

@pytest.mark.parametrize("number", ["0", "1", "abc", "-7", "99999999999999999999", "07"])
def test_what_is_no_order_number(plain_sale, new_buyer, number):
    expect(new_buyer().cancel(plain_sale, number), 400, "bad-order-no")


def test_without_a_good_token(stack, sale, order_no):
    path = f"/v1/sales/{sale}/orders/{order_no}/cancel"
    for headers, code in (({}, "token-missing"), ({"Authorization": "Bearer x.y.z"}, "token-bad")):
        response = http_raw.request(stack.address(), "POST", path, headers)
        openapi.check("POST", CANCEL, response)
        expect(response, 401, code)


def test_another_method(stack, winner, sale, order_no):
    for method in ("GET", "PUT", "DELETE"):
        response = http_raw.request(stack.address(), method,
                                    f"/v1/sales/{sale}/orders/{order_no}/cancel", winner.headers())
        expect(response, 405, "method-not-allowed")
        assert response.header("allow") == "POST"


def test_an_unknown_sale(new_buyer, order_no):
    expect(new_buyer().cancel(8388000, order_no), 404, "unknown-sale")


def test_of_another_buyer(sale, order_no, new_buyer, kafka):
    """Told as one that does not exist: whose order a number is stays untold."""
    other = new_buyer()
    expect(other.cancel(sale, order_no), 404, "not-found")
    expect_won(other.purchase(sale))
    expect(other.cancel(sale, order_no), 404, "not-found")
    assert notices.of_order(kafka, order_no) == []


def test_of_another_sale(open_sale, winner, order_no, kafka):
    other = open_sale(stock=10)
    expect(winner.cancel(other, order_no), 404, "not-found")
    expect_won(winner.purchase(other))
    expect(winner.cancel(other, order_no), 404, "not-found")
    assert notices.of_order(kafka, order_no) == []


@pytest.mark.parametrize("letter, state", [("P", "PAID"), ("C", "CLOSED"), ("R", "REFUNDED"),
                                           ("V", "VOIDED")])
def test_of_an_order_that_is_not_pending(stack, sale, winner, order_no, redis_db, kafka, letter,
                                         state):
    set_letter(redis_db, sale, winner, letter)
    response = winner.cancel(sale, order_no)
    expect(response, 409, "order-not-pending")
    assert response.json()["state"] == state
    assert winner.order(sale, order_no).json()["state"] == state
    assert notices.of_order(kafka, order_no) == []


# --- taken

def test_is_told_when_it_is_in_the_log(stack, sale, winner, order_no, kafka):
    before = scrape(stack.engine).get("seckill_cancel_requests_total", result="taken")
    response = http_raw.request(stack.address(), "POST",
                                f"/v1/sales/{sale}/orders/{order_no}/cancel",
                                winner.headers(traceparent=TRACE))
    openapi.check("POST", CANCEL, response)
    expect_cancelling(response, order_no)
    [notice] = notices.of_order(kafka, order_no)
    assert notice.key == order_no.encode()
    assert (notice.kind, notice.provider, notice.event_id, notice.transaction_id) == (
        "cancel", "cancel", order_no, "")
    assert (notice.amount, notice.currency, notice.buyer) == (0, "", winner.name)
    assert notice.occurred_at == notice.received_at > 1_700_000_000_000
    assert notice.traceparent == TRACE
    assert scrape(stack.engine).get("seckill_cancel_requests_total", result="taken") == before + 1


def test_a_body_of_whatever_kind_is_not_looked_at(stack, sale, winner, order_no):
    response = http_raw.request(
        stack.address(), "POST", f"/v1/sales/{sale}/orders/{order_no}/cancel",
        winner.headers(**{"Content-Type": "text/plain"}), b"please")
    expect_cancelling(response, order_no)


def test_of_a_quarantined_order(sale, winner, order_no, redis_db):
    """Its buyer sees PENDING, and what he is told fits."""
    set_letter(redis_db, sale, winner, "Q")
    assert winner.order(sale, order_no).json()["state"] == "PENDING"
    expect_cancelling(winner.cancel(sale, order_no), order_no, ("PENDING",))


# --- the log is away, the engine ends

@pytest.fixture
def lonely(private_services, make_stack):
    """One engine and one worker on their own services."""
    return make_stack(private_services, engines=1, common_settings={
        "payments.answer_ms": 1500, "kafka.message_timeout_ms": 5000,
        "sale.deadline_ms": 5000, "sale.guard_ms": 8000})


def bought(stack, name):
    sale = stack.admin.open_sale(stock=10)
    buyer = Buyer(stack, name)
    return sale, buyer, expect_won(buyer.purchase(sale))["order_no"]


def test_kafka_away(lonely, private_services):
    """Nobody is told 202 for what nobody wrote; asked again when Kafka is back it is taken."""
    sale, buyer, order_no = bought(lonely, "patient")
    with private_services.frozen("kafka"):
        expect(buyer.cancel(sale, order_no), 503, "outcome-unknown")
        wait_until(lambda: buyer.cancel(sale, order_no).code == "overloaded", 60,
                   "the engine knows that the topic takes nothing")
    # What was not known may have been written: then the worker has closed the order by now.
    wait_until(lambda: buyer.cancel(sale, order_no).status in (202, 409), 60, "it is taken again")
    wait_until(lambda: buyer.order(sale, order_no).json()["state"] == "CLOSED", 60, "it is closed")
    expect(buyer.cancel(sale, order_no), 409, "order-not-pending")


def test_drain_with_a_cancel_under_way(lonely, private_services):
    """It is answered, and the process ends in order."""
    sale, buyer, order_no = bought(lonely, "hasty")
    told = []
    with private_services.frozen("kafka"):
        asking = threading.Thread(target=lambda: told.append(buyer.cancel(sale, order_no)))
        asking.start()
        wait_until(lambda: scrape(lonely.engine).get("seckill_notices_inflight") == 1, 30,
                   "it is under way")
        lonely.engine.send(signal.SIGTERM)
        asking.join(60)
    assert not asking.is_alive()
    assert told[0].status in (202, 503), told[0]
    assert lonely.engine.wait_for_exit(60) == 0, lonely.engine.log_tail()
