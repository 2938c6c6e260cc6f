"""The operator's refund: once, with or without its units, told to buyer and shop (I10, I11)."""

from support import notice_records
from support.buyer import Buyer
from support.ctl import ctl
from support.db import compose_order_no
from support.expect import expect, expect_won
from support.wait import wait_until

REASON = "ticket 815: broken on arrival"


def refund(admin, order, restock, reason=REASON):
    return admin.call("POST", f"orders/{order}/refund", {"restock": restock, "reason": reason})


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


def test_the_command_line_needs_a_reason(stack):
    done = ctl(stack, "order", "refund", compose_order_no(8388607, 1, 1))
    assert done.returncode == 2 and "--reason TEXT is needed" in done.stderr
    done = ctl(stack, "order", "refund", compose_order_no(8388607, 1, 1), "--reason", REASON)
    assert done.returncode == 3 and "unknown-order" in done.stderr, done
