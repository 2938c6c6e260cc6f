"""The log's end breaks while a notice is on its way: nobody is told "taken" for what may be lost.

A cancel stands for all notices here; payments go the same way (api_notices).
"""

import pytest

from support import notices
from support.buyer import Buyer
from support.expect import expect, expect_won
from support.metrics import scrape
from support.wait import wait_until


@pytest.fixture
def order(stack):
    """(sale, buyer, order_no) of an order that waits to be paid."""
    sale = stack.admin.open_sale(stock=10)
    buyer = Buyer(stack, "canceller")
    return sale, buyer, expect_won(buyer.purchase(sale))["order_no"]


def quiet(engine):
    """No record of the order log is under way, which would take the failpoint."""
    wait_until(lambda: scrape(engine).get("seckill_outbox_depth") == 0, 30, "the log is quiet")


def test_a_report_that_failed(stack, order, kafka):
    """It may be written: not known. Asked again it is taken, and it is the same event."""
    sale, buyer, order_no = order
    quiet(stack.engine)
    shot = stack.engine.arm("report_failed", "fail")
    expect(buyer.cancel(sale, order_no), 503, "outcome-unknown")
    shot.wait()
    assert buyer.cancel(sale, order_no).status in (202, 409)
    written = notices.of_order(kafka, order_no)
    assert written and {notice.event_id for notice in written} == {order_no}


def test_a_producer_that_died_is_made_anew(stack, order, kafka):
    """FK5 for the topic of notices: nothing told before, taken again behind it."""
    sale, buyer, order_no = order
    quiet(stack.engine)
    before = scrape(stack.engine).get("seckill_kafka_fatal_total")
    shot = stack.engine.arm("producer_fatal", "fail")
    response = buyer.cancel(sale, order_no)
    assert (response.status, response.code) in ((503, "outcome-unknown"), (503, "overloaded"))
    shot.wait()
    wait_until(lambda: scrape(stack.engine).get("seckill_kafka_fatal_total") == before + 1, 30,
               "counted")
    wait_until(lambda: buyer.cancel(sale, order_no).status in (202, 409), 30, "taken again")
    written = notices.of_order(kafka, order_no)
    assert written and {notice.event_id for notice in written} == {order_no}
    assert [line for line in stack.engine.log_text().splitlines()
            if "kafka_producer_made" in line and "seckill.notices" in line]
