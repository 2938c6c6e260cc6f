"""The operator's refund: once, with or without its units, told to buyer and shop (I10, I11)."""

import json

import pytest

from support import notice_records
from support.admin import AdminError
from support.buyer import Buyer
from support.ctl import ctl
from support.db import compose_order_no
from support.expect import expect, expect_won
from support.wait import wait_until

REASON = "ticket 815: broken on arrival"


@pytest.fixture
def paid(stack, mysql, kafka):
    """paid(): (sale, order, buyer) of a PAID order of a sale with two units."""
    def make():
        sale = stack.admin.open_sale(stock=2)
        buyer = Buyer(stack, f"refunded-{sale}")
        order = int(expect_won(buyer.purchase(sale))["order_no"])
        wait_until(lambda: mysql.rows("SELECT 1 FROM orders WHERE order_no = %s", order), 30,
                   "its row")
        notice_records.pay(kafka, mysql, order)
        return sale, order, buyer

    return make


def refund(admin, order, restock, reason=REASON):
    return admin.call("POST", f"orders/{order}/refund", {"restock": restock, "reason": reason})


def refunded(admin, order, restock, reason=REASON):
    """The order as it is then."""
    response = refund(admin, order, restock, reason)
    assert response.status == 200, response
    return response.json()


def sold(mysql, sale):
    return int(mysql.value("SELECT SUM(sold) FROM sale_skus WHERE sale = %s", sale))


def audit_holds(stack, sale):
    wait_until(lambda: stack.admin.audit(sale)["ok"], 60, "the audit holds", ignoring=(AdminError,))


def test_with_its_units(stack, admin, mysql, paid, redis_db):
    sale, order, buyer = paid()
    first = refunded(admin, order, True)
    assert (first["state"], first["reason"], first["slot"]) == ("REFUNDED", "restocked", None)
    assert refunded(admin, order, True, "again") == first, "the same answer"
    assert mysql.value("SELECT COUNT(*) FROM stock_ledger WHERE sale = %s AND cause = 'refund'",
                       sale) == 1
    assert sold(mysql, sale) == 0
    log = mysql.rows("SELECT action, detail FROM admin_log WHERE sale = %s AND action = "
                     "'refund_order'", sale)
    assert len(log) == 1 and REASON in log[0]["detail"], log
    wait_until(lambda: redis_db.stock(sale) == {"a": 2}, 60, "its unit is on sale again")
    wait_until(lambda: buyer.order(sale, order).json()["state"] == "REFUNDED", 30, "he is told")
    assert buyer.purchase(sale, key="a-key-after-the-refund").status == 201, "he may buy again"
    audit_holds(stack, sale)


def test_without_its_units_they_stay_sold(stack, admin, mysql, paid):
    sale, order, _ = paid()
    kept = refunded(admin, order, False)
    assert (kept["state"], kept["reason"]) == ("REFUNDED", "kept")
    assert sold(mysql, sale) == 1
    flow = admin.flow(sale)["units"]
    assert (flow["left"], flow["refunded_kept"], flow["balanced"]) == (1, 1, True)
    problem = expect(refund(admin, order, True), 409, "conflict")
    assert "its units were kept" in problem["detail"]
    audit_holds(stack, sale)


def test_what_cannot_be_refunded(stack, admin, mysql, open_sale):
    sale = open_sale()
    order = int(expect_won(Buyer(stack, f"unpaid-{sale}").purchase(sale))["order_no"])
    wait_until(lambda: mysql.rows("SELECT 1 FROM orders WHERE order_no = %s", order), 30, "its row")
    problem = expect(refund(admin, order, True), 409, "conflict")
    assert "is PENDING; only a PAID order is refunded" in problem["detail"]
    expect(refund(admin, compose_order_no(8388607, 1, 1), True), 404, "unknown-order")
    for body in ({}, {"restock": True}, {"reason": "x"}, {"restock": 1, "reason": "x"},
                 {"restock": True, "reason": ""}, {"restock": True, "reason": "r" * 201},
                 {"restock": True, "reason": "x", "amount": 5}):
        expect(admin.call("POST", f"orders/{order}/refund", body), 400, "bad-body")
    assert notice_records.state_of(mysql, order) == "PENDING"


def test_by_the_command_line(stack, paid):
    _, order, _ = paid()
    done = ctl(stack, "order", "refund", order)
    assert done.returncode == 2 and "--reason TEXT is needed" in done.stderr
    done = ctl(stack, "order", "refund", order, "--restock", "--reason", REASON)
    assert done.returncode == 0 and "REFUNDED" in done.stdout, done
    again = ctl(stack, "--json", "order", "refund", order, "--restock", "--reason", "again")
    assert json.loads(again.stdout)["state"] == "REFUNDED", again
    other = ctl(stack, "order", "refund", order, "--reason", "no units")
    assert other.returncode == 3 and "its units came back then" in other.stderr, other
    shown = ctl(stack, "order", "show", order).stdout
    assert "REFUNDED for restocked" in shown and "payment  paid APPLIED standard" in shown, shown


def test_a_cancelled_order_is_not_refunded(stack, admin, mysql, kafka, open_sale):
    sale = open_sale()
    buyer = f"cancels-{sale}"
    order = int(expect_won(Buyer(stack, buyer).purchase(sale))["order_no"])
    wait_until(lambda: mysql.rows("SELECT 1 FROM orders WHERE order_no = %s", order), 30, "its row")
    notice_records.cancel(kafka, mysql, order, buyer)
    assert "is CLOSED" in expect(refund(admin, order, False), 409, "conflict")["detail"]
    audit_holds(stack, sale)
