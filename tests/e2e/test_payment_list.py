"""Payments that wait for a human are found without the number of an order."""

import json

import pytest

from support.ctl import ctl
from support.expect import expect_won
from support.payments import Notice

DONE, REFUSED = 0, 3


@pytest.fixture
def waiting(open_sale, new_buyer, life):
    """What waits: a payment of a wrong amount, one that names no order, and a second one, in this
    order; the last id before them."""
    before = life.mysql.value("SELECT COALESCE(MAX(id), 0) FROM payments")
    order_no = int(expect_won(new_buyer().purchase(open_sale(stock=2)))["order_no"])
    life.settled(order_no)
    short = Notice(order_no, amount=1)
    life.send(short)
    life.payment_became(short, "QUARANTINED")
    lost = Notice("not-an-order")
    life.send(lost)
    life.payment_became(lost, "QUARANTINED")
    life.pay(order_no)
    life.became(order_no, "PAID")
    second = life.pay(order_no)
    life.payment_became(second, "REFUND_DUE")
    return before, order_no, [short, lost, second]


def test_what_waits_is_listed(stack, admin, waiting):
    before, order_no, notices = waiting
    found = admin.payments(after=before)["payments"]
    assert [each["transaction_id"] for each in found] == [each.transaction for each in notices]
    assert [(each["state"], each["reason"], each["order_no"]) for each in found] == [
        ("QUARANTINED", "amount", str(order_no)), ("QUARANTINED", "order", None),
        ("REFUND_DUE", "second", str(order_no))]
    assert [each["amount"] for each in found] == [each.amount for each in notices]


def test_a_state_is_listed_by_pages(stack, admin, waiting):
    before, _, notices = waiting
    page = admin.payments(state="QUARANTINED", after=before, limit=1)
    assert [each["transaction_id"] for each in page["payments"]] == [notices[0].transaction]
    page = admin.payments(state="QUARANTINED", after=page["next"], limit=1)
    assert [each["transaction_id"] for each in page["payments"]] == [notices[1].transaction]
    assert admin.payments(state="QUARANTINED", after=page["next"]) == {"payments": [], "next": None}
    assert len(admin.payments(state="APPLIED", after=before)["payments"]) == 1
    answer = admin.call("GET", "payments?state=PENDING")
    assert answer.status == 400 and "REFUND_DUE" in answer.json()["detail"]
    assert admin.call("GET", "payments?limit=0").json()["code"] == "bad-query"


def test_the_command_line_lists_them(stack, admin, waiting):
    before, order_no, notices = waiting
    done = ctl(stack, "payment", "list", "--state", "REFUND_DUE", "--after", before)
    assert done.returncode == DONE, done
    [line] = done.stdout.splitlines()
    for word in ("REFUND_DUE", "second", str(order_no), notices[2].transaction):
        assert word in line, line
    done = ctl(stack, "payment", "list", "--after", before, "--limit", 2, "--json")
    assert json.loads(done.stdout) == admin.payments(after=before, limit=2)
    done = ctl(stack, "payment", "list", "--after", before, "--limit", 1)
    first = admin.payments(after=before, limit=1)["next"]
    assert f"more: --after {first}" in done.stdout and f"order {order_no}" in done.stdout
    done = ctl(stack, "payment", "list", "--after", before, "--state", "PARKED")
    assert done.returncode == DONE and done.stdout == "no such payments\n"
    assert ctl(stack, "payment", "list", "--state", "PENDING").returncode == REFUSED
