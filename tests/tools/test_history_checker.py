"""The history checker finds what it is there for (INVARIANTS T5)."""

import itertools

import pytest

from support.crowd import Told
from support.history import Cancel, History, LifeHistory, Payment, Row, is_shortened
from support.paths import ROOT

TOTAL = {"a": 2}


def told(buyer="ann", code=None, order_no=0, began=0.0, **fields):
    status = fields.pop("status", 201 if code is None else 409)
    return Told(buyer=buyer, key=fields.pop("key", f"key-of-{buyer}"), sku=fields.pop("sku", "a"),
                engine=0, began=began, ended=began + 0.5, status=status, code=code,
                order_no=order_no, replayed=False, **fields)


def row(order_no=1, buyer="ann", state="PENDING", sku="a"):
    return Row(order_no, buyer, sku, 1, state)


@pytest.mark.parametrize("answers, rows", [
    ([], []),
    ([told(order_no=1)], [row()]),
    ([told(order_no=1), told(order_no=1, began=5)], [row()]),
    ([told(code="lost"), told(code="sold-out", began=2)], []),
    ([told(code="lost")], [row()]),
    ([told(code="outcome-unknown"), told(order_no=1, began=2)], [row()]),
    ([told(code="sold-out"), told(order_no=1, began=9)], [row()]),  # a unit came back
    ([told(code="sold-out", began=0.1), told(order_no=1)], [row()]),  # at the same time
    ([told(order_no=1), told(code="overloaded", began=2)], [row()]),
    ([told(order_no=1), told(code="rebuilding", began=2)], [row()]),
    ([told(code="outcome-unknown")], [row(state="VOIDED")]),
    ([told(order_no=1)], [row(state="CLOSED")]),
])
def test_what_can_be_holds(answers, rows):
    assert History(answers, rows, TOTAL).violations() == []


@pytest.mark.parametrize("answers, rows, text", [
    ([told(order_no=1), told(order_no=2, began=3)], [row(), row(2)], "two orders under one key"),
    ([told(order_no=1), told("bob", order_no=1)], [row()], "one order told to two"),
    ([told(order_no=1)], [], "a told win has no row"),
    ([told(order_no=1)], [row(buyer="bob")], "the row of another"),
    ([told(order_no=1)], [row(sku="b")], "the row of another"),
    ([told(order_no=1)], [row(state="VOIDED")], "was voided"),
    ([told(code="sold-out")], [row()], "refused each time"),
    ([told(code="overloaded", status=503)], [row()], "refused each time"),
    ([], [row()], "refused each time"),
    ([told(order_no=1), told(code="sold-out", began=0.6)], [row()], "a winner was told no"),
    ([told(order_no=1), told(code="ended", began=0.6)], [row()], "a winner was told no"),
    ([told(order_no=1), told(code="limit-reached", began=0.6)], [row()], "a winner was told no"),
    ([told(str(n), order_no=n) for n in range(1, 4)], [row(n, str(n)) for n in range(1, 4)],
     "oversold: 3 of 2"),
])
def test_what_cannot_be_is_told(answers, rows, text):
    found = History(answers, rows, TOTAL).violations()
    assert any(text in violation for violation in found), found


def test_the_order_of_the_log_does_not_matter():
    answers = [told(order_no=1), told(code="sold-out", began=2), told("bob", "lost")]
    for shuffled in itertools.permutations(answers):
        assert len(History(list(shuffled), [row()], TOTAL).violations()) == 1


def audit(*checks):
    """(id, result, found) each, as `seckillctl audit --json` tells them."""
    return {"ok": False, "checks": [{"id": each, "result": result, "found": found}
                                    for each, result, found in checks]}


GONE = ("I6", "not-told", "5 rows, 0 without record, 0 at another place, 3 older than the log")
NOTICES_GONE = ("I14", "not-told", "30 kept, 0 skipped, 10 older than the log, 0 dead letters")


@pytest.mark.parametrize("report, is_so", [
    (audit(("I1", "holds", "2 of 5"), GONE), True),
    (audit(GONE, ("I14", "not-told", "2 of 5")), True),
    (audit(("I6", "holds", GONE[2].replace("3 older", "0 older")), NOTICES_GONE), True),
    (audit(("I14", "not-told", NOTICES_GONE[2].replace("10 older", "0 older"))), False),
    (audit(("I6", "not-told", GONE[2].replace("3 older", "0 older"))), False),
    (audit(("I6", "not-told", "the log cannot be read")), False),
    (audit(("I14", "not-told", "2 of 5")), False),
    (audit(GONE, ("I3", "not-told", "in flight")), False),
    (audit(GONE, ("I1", "violated", "6 of 5")), False),
    (audit(), False),
])
def test_only_rows_that_are_older_than_the_log_are_excused(report, is_so):
    assert is_shortened(report) == is_so


def test_the_audit_still_speaks_of_rows_that_are_older_than_the_log():
    """What is_shortened() looks for is what the audit writes."""
    text = (ROOT / "engine/settlement/audit_checks.c").read_text()
    assert text.count('" older than the log') == 2  # orders, notices


def paid(order_no=1, event="e1", transaction="t1", ended=10.0, is_taken=True):
    return Payment(order_no, event, transaction, ended - 0.1, ended, is_taken)


def lived(state, reason="", pay_by=20000, changed=15000):
    return Row(1, "ann", "a", 1, state, reason, pay_by, changed)


APPLIED, DUE = ("APPLIED", "t1", 1), ("REFUND_DUE", "t1", 1)


@pytest.mark.parametrize("row, payments, cancels, found", [
    (lived("PENDING"), [], [], {}),
    (lived("PAID"), [paid()], [], {"e1": APPLIED}),
    (lived("PAID"), [paid(is_taken=False)], [], {"e1": APPLIED}),
    (lived("PAID"), [paid(), paid(event="e2", transaction="t2")], [],
     {"e1": APPLIED, "e2": ("REFUND_DUE", "t2", 1)}),
    (lived("CLOSED", "overdue", changed=20001), [], [], {}),
    (lived("CLOSED", "overdue", changed=20001), [paid(ended=21)], [], {"e1": DUE}),
    (lived("CLOSED", "overdue", changed=20001), [paid(ended=12, is_taken=False)], [], {}),
    (lived("CLOSED", "cancel"), [paid()], [Cancel(1, 0, 1, 202)], {"e1": DUE}),
    (lived("CLOSED", "cancel"), [], [Cancel(1, 0, 1, 0)], {}),
    (lived("REFUNDED", "kept"), [paid()], [], {"e1": APPLIED}),
])
def test_a_life_that_can_be_holds(row, payments, cancels, found):
    assert LifeHistory([row], payments, cancels, found).violations() == []


@pytest.mark.parametrize("row, payments, cancels, found, says", [
    (lived("PENDING"), [paid()], [], {}, "is not there"),
    (lived("PENDING"), [paid()], [], {"e1": ("PARKED", "t1", 1)}, "is PARKED"),
    (lived("PENDING"), [], [Cancel(1, 0, 1, 202)], {}, "not done"),
    (lived("PAID"), [paid()], [], {"e1": DUE}, "not by one transaction"),
    (lived("PAID"), [paid(), paid(event="e2", transaction="t2")], [],
     {"e1": APPLIED, "e2": ("APPLIED", "t2", 1)}, "not by one transaction"),
    (lived("PAID"), [], [], {"e9": ("APPLIED", "t9", 1)}, "nobody told"),
    (lived("CLOSED", "overdue", changed=20001), [paid(ended=30)], [], {"e1": APPLIED},
     "not paid"),
    (lived("CLOSED", "overdue", changed=19999), [], [], {}, "before its time"),
    (lived("CLOSED", "overdue", changed=20001), [paid(ended=19)], [], {"e1": DUE},
     "paid in time and closed"),
    (lived("CLOSED", "cancel"), [], [], {}, "nobody asked"),
])
def test_a_life_that_cannot_be_is_found(row, payments, cancels, found, says):
    violations = LifeHistory([row], payments, cancels, found).violations()
    assert any(says in text for text in violations), violations


@pytest.mark.parametrize("reason, is_oversold", [("kept", True), ("restocked", False)])
def test_a_unit_that_was_refunded_and_kept_is_not_sold_twice(reason, is_oversold):
    rows = [row(1), row(2, "bob"), Row(3, "eve", "a", 1, "REFUNDED", reason)]
    told_all = [told(order_no=1), told("bob", order_no=2), told("eve", order_no=3)]
    assert bool(History(told_all, rows, TOTAL).violations()) == is_oversold
