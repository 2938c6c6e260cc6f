"""An order after it was won: paid, closed, cancelled, refunded; its units sold again (I10-I12)."""

import threading

import pytest

from support import http_raw
from support.admin import AdminError
from support.buyer import get_sale
from support.crowd import LATER, ask_all, win_all
from support.ctl import ctl
from support.db import compose_order_no
from support.expect import expect, expect_won
from support.life import expect_taken
from support.payments import PRICE, Notice, new_id
from support.wait import hold_for, wait_until

BOTH = (0, 1)
LONG_S, SHORT_S = 900, 1
# Idempotency-Keys
FIRST = "key-of-the-first-purchase"
SECOND = "key-of-the-second-purchase"
EARLY = "key-of-the-early-purchase"
LATE = "key-of-the-late-purchase"
NEXT = "key-of-the-next-purchase"
AGAIN = "key-of-the-again-purchase"


def buy(buyer, sale, key=FIRST, **fields):
    """His order's number; who is told "later" asks again with the same key."""
    def ask():
        answer = buyer.purchase(sale, key=key, **fields)
        return None if answer.code in LATER else answer

    answer = wait_until(ask, 60, "he is told", interval_s=0.2)
    is_replayed = answer.header("idempotent-replayed") == "true"
    return int(expect_won(answer, replayed=is_replayed)["order_no"])


def wait_left(redis_db, sale, units):
    wait_until(lambda: redis_db.stock(sale) == units, 60, f"Redis has {units} of sale {sale}")


def assert_audit(stack, sale):
    """At rest, and all of it holds."""
    report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 60,
                        f"sale {sale} is at rest", ignoring=(AdminError,))
    assert report["ok"], report


def test_what_is_not_paid_is_closed_and_sold_again(stack, open_sale, new_buyer, life, redis_db):
    sale = open_sale(stock=1, pay_window_s=LONG_S)
    late, next_one = new_buyer(), new_buyer()
    order_no = buy(late, sale)
    for engine in BOTH:
        expect(next_one.purchase(sale, key=EARLY, engine=engine), 409, "sold-out")
    life.lapse(order_no)
    order = life.shown(late, order_no, "CLOSED")
    assert order["pay_by"] and int(order["order_no"]) == order_no
    row = life.row(order_no)
    assert (row["slot"], row["reason"], row["version"]) == (None, "overdue", 2)
    assert life.ledger(order_no) == [("close", 1)]
    assert life.events(order_no) == ["order.closed"]
    wait_left(redis_db, sale, {"a": 1})
    again = wait_until(lambda: (answer := next_one.purchase(sale, key=LATE)).status == 201
                       and answer, 30, "the unit can be bought again")
    second = int(again.json()["order_no"])
    assert second != order_no
    life.pay(second)
    life.shown(next_one, second, "PAID")
    assert life.states(sale) == {"CLOSED": 1, "PAID": 1}
    assert_audit(stack, sale)


def test_who_was_closed_may_buy_again_and_the_old_key_tells_the_old_order(
        stack, open_sale, new_buyer, life, redis_db):
    sale = open_sale(stock=5, pay_window_s=LONG_S)
    buyer = new_buyer()
    first = buy(buyer, sale)
    life.lapse(first)
    life.shown(buyer, first, "CLOSED")
    second = wait_until(lambda: (answer := buyer.purchase(sale, key=SECOND)).status == 201
                        and answer, 30, "a new key wins").json()
    assert int(second["order_no"]) != first
    old = expect_won(buyer.purchase(sale, key=FIRST), replayed=True)
    assert (int(old["order_no"]), old["state"]) == (first, "CLOSED")
    life.pay(second["order_no"])
    life.shown(buyer, int(second["order_no"]), "PAID")
    old = expect_won(buyer.purchase(sale, key=FIRST, engine=1), replayed=True)
    assert (int(old["order_no"]), old["state"]) == (first, "CLOSED")
    states = {int(order["order_no"]): order["state"]
              for order in buyer.orders(sale).json()["orders"]}
    assert states == {first: "CLOSED", int(second["order_no"]): "PAID"}
    wait_left(redis_db, sale, {"a": 4})
    assert_audit(stack, sale)


def test_a_paid_order_is_never_closed(stack, open_sale, new_buyer, life):
    sale = open_sale(stock=5, pay_window_s=LONG_S)
    kept, unpaid = buy(new_buyer(), sale), buy(new_buyer(), sale)
    life.pay(kept)
    life.became(kept, "PAID")
    for order_no in (kept, unpaid):
        life.lapse(order_no)
    life.became(unpaid, "CLOSED")
    hold_for(lambda: life.row(kept)["state"] == "PAID", 1, "the paid one stays")
    assert life.row(kept)["version"] == 2
    assert_audit(stack, sale)


def test_a_payment_after_the_close_is_to_be_given_back(stack, open_sale, new_buyer, life,
                                                       redis_db):
    """FP7."""
    sale = open_sale(stock=2, pay_window_s=SHORT_S)
    buyer = new_buyer()
    order_no = buy(buyer, sale)
    life.became(order_no, "CLOSED")
    wait_left(redis_db, sale, {"a": 2})
    notice = life.pay(order_no)
    life.payment_became(notice, "REFUND_DUE")
    row = life.row(order_no)
    assert (row["state"], row["version"]) == ("CLOSED", 3)
    assert life.events(order_no) == ["order.closed", "order.refund_due"]
    assert life.ledger(order_no) == [("close", 1)]
    assert redis_db.stock(sale) == {"a": 2}
    assert life.mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 0
    assert_audit(stack, sale)


# --- cancel


def test_a_buyer_cancels(stack, open_sale, new_buyer, life, redis_db):
    sale = open_sale(stock=1, pay_window_s=LONG_S)
    buyer, next_one = new_buyer(), new_buyer()
    order_no = buy(buyer, sale)
    answer = buyer.cancel(sale, order_no)
    assert answer.status == 202, answer
    assert answer.json()["order_no"] == str(order_no)
    life.shown(buyer, order_no, "CLOSED")
    row = life.row(order_no)
    assert (row["slot"], row["reason"], row["version"]) == (None, "cancel", 2)
    assert life.ledger(order_no) == [("close", 1)]
    assert life.events(order_no) == ["order.closed"]
    wait_left(redis_db, sale, {"a": 1})
    wait_until(lambda: next_one.purchase(sale, key=NEXT).status == 201, 30, "it is sold again")
    assert_audit(stack, sale)


def test_a_hundred_cancels_are_one(stack, open_sale, new_buyer, life, redis_db):
    sale = open_sale(stock=3, pay_window_s=LONG_S)
    buyer = new_buyer()
    order_no = buy(buyer, sale)
    answers = []

    def cancel(number):
        for _ in range(10):
            answers.append(buyer.cancel(sale, order_no, engine=number % 2))

    threads = [threading.Thread(target=cancel, args=(number,)) for number in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(answers) == 100
    assert {answer.status for answer in answers} <= {202, 409}, answers
    assert answers[0].status == 202
    life.shown(buyer, order_no, "CLOSED")
    wait_left(redis_db, sale, {"a": 3})
    assert life.ledger(order_no) == [("close", 1)]
    assert life.row(order_no)["version"] == 2
    assert_audit(stack, sale)


def test_only_ones_own_pending_order_can_be_cancelled(stack, open_sale, new_buyer, life):
    sale = open_sale(stock=5, pay_window_s=LONG_S)
    buyer, other = new_buyer(), new_buyer()
    order_no = buy(buyer, sale)
    buy(other, sale)
    assert other.cancel(sale, order_no).status == 404
    assert new_buyer().cancel(sale, order_no).status == 404
    assert buyer.cancel(sale, compose_order_no(sale, 1, 999)).status == 404
    assert buyer.cancel(8388606, compose_order_no(8388606, 1, 1)).status == 404
    life.pay(order_no)
    life.shown(buyer, order_no, "PAID")
    expect(buyer.cancel(sale, order_no), 409, "order-not-pending")
    assert life.row(order_no)["state"] == "PAID"


def test_a_cancel_behind_a_payment_is_too_late(open_sale, new_buyer, life):
    """Both are taken; whichever came first in the log is done, and one alone."""
    sale = open_sale(stock=40, pay_window_s=LONG_S)
    numbers = []
    for at in range(20):
        buyer = new_buyer()
        order_no = buy(buyer, sale)
        pay = threading.Thread(target=life.pay, args=(order_no,))
        pay.start()
        answer = buyer.cancel(sale, order_no, engine=at % 2)
        assert answer.status in (202, 409), answer
        pay.join(60)
        numbers.append(order_no)

    def all_done():
        rows = life.rows(sale)
        return all(rows[number]["state"] in ("PAID", "CLOSED") for number in numbers
                   if number in rows) and len(rows) == len(numbers)

    wait_until(all_done, 60, "each is paid or closed")
    for number, row in life.rows(sale).items():
        [payment] = wait_until(lambda number=number: life.mysql.rows(
            "SELECT state FROM payments WHERE order_no = %s AND kind = 'paid'", number), 60,
            "its payment is consumed")
        assert payment["state"] == {"PAID": "APPLIED", "CLOSED": "REFUND_DUE"}[row["state"]], row
    print(life.states(sale))


def test_a_cancel_before_the_row_waits_for_it(open_sale, new_buyer, stack, life, redis_db):
    """The worker stands still: the order is in the log alone, its cancel behind it."""
    sale = open_sale(stock=2, pay_window_s=LONG_S)
    buyer = new_buyer()
    stack.worker.freeze()
    try:
        order_no = buy(buyer, sale)
        assert buyer.cancel(sale, order_no).status == 202
        assert life.row(order_no) is None
    finally:
        stack.worker.thaw()
    life.shown(buyer, order_no, "CLOSED")
    wait_left(redis_db, sale, {"a": 2})


def test_cancel_wants_a_token(stack, open_sale, new_buyer):
    sale = open_sale(stock=2, pay_window_s=LONG_S)
    order_no = buy(new_buyer(), sale)
    answer = http_raw.request(stack.address(), "POST",
                              f"/v1/sales/{sale}/orders/{order_no}/cancel")
    assert answer.status == 401, answer


# --- refund


@pytest.fixture
def paid(open_sale, new_buyer, life):
    """paid(stock=2): (sale, buyer, order_no) of a paid order."""
    def make(stock=2, **fields):
        sale, buyer = open_sale(stock=stock, **fields), new_buyer()
        order_no = buy(buyer, sale)
        life.pay(order_no)
        life.shown(buyer, order_no, "PAID")
        return sale, buyer, order_no
    return make


def test_a_refund_with_restock_gives_the_unit_back(stack, paid, life, redis_db, new_buyer):
    sale, buyer, order_no = paid(stock=1)
    expect(new_buyer().purchase(sale), 409, "sold-out")
    stack.admin.refund(order_no, restock=True)
    life.shown(buyer, order_no, "REFUNDED")
    row = life.row(order_no)
    assert (row["slot"], row["version"]) == (None, 3)
    assert life.ledger(order_no) == [("refund", 1)]
    assert life.events(order_no) == ["order.paid", "order.refunded"]
    wait_left(redis_db, sale, {"a": 1})
    assert buy_when_there(new_buyer(), sale)
    assert_audit(stack, sale)


def buy_when_there(buyer, sale, key=AGAIN):
    answer = wait_until(lambda: (found := buyer.purchase(sale, key=key)).status == 201 and found,
                        30, f"{buyer.name} wins")
    return int(answer.json()["order_no"])


def test_a_refund_without_restock_keeps_the_unit(stack, paid, life, redis_db):
    sale, buyer, order_no = paid(stock=2)
    stack.admin.refund(order_no, restock=False)
    life.shown(buyer, order_no, "REFUNDED")
    assert life.ledger(order_no) == []
    assert redis_db.stock(sale) == {"a": 1}
    second = buy_when_there(buyer, sale)
    assert second != order_no
    life.settled(second)
    assert redis_db.stock(sale) == {"a": 0}
    assert life.mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 2
    assert_audit(stack, sale)


def test_a_refund_asked_again_gives_the_same_answer(stack, paid, life, redis_db):
    sale, _, order_no = paid(stock=3)
    first = stack.admin.refund(order_no, restock=True)
    for _ in range(5):
        again = stack.admin.refund(order_no, restock=True)
        assert again["state"] == first["state"] == "REFUNDED", (first, again)
    threads = [threading.Thread(target=stack.admin.refund, args=(order_no, True))
               for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    wait_left(redis_db, sale, {"a": 3})
    assert life.ledger(order_no) == [("refund", 1)]
    assert life.row(order_no)["version"] == 3
    assert len(life.mysql.rows("SELECT id FROM admin_log WHERE sale = %s AND action LIKE %s",
                               sale, "%refund%")) == 1
    assert_audit(stack, sale)


@pytest.mark.parametrize("state", ["PENDING", "CLOSED"])
def test_only_a_paid_order_is_refunded(stack, open_sale, new_buyer, life, state):
    sale = open_sale(stock=3, pay_window_s=LONG_S if state == "PENDING" else SHORT_S)
    order_no = buy(new_buyer(), sale)
    life.became(order_no, state)
    with pytest.raises(AdminError) as refused:
        stack.admin.refund(order_no, restock=True)
    assert refused.value.response.status == 409, refused.value
    assert life.row(order_no)["state"] == state
    assert life.ledger(order_no) == ([] if state == "PENDING" else [("close", 1)])


@pytest.mark.parametrize("provider", ["standard", "stripe", "wechatpay"])
def test_a_refund_that_the_provider_made(stack, open_sale, new_buyer, life, redis_db, provider):
    """The money went back without the operator: the order is over, its unit is not sold again."""
    sale, buyer = open_sale(stock=2), new_buyer()
    order_no = buy(buyer, sale)
    notice = life.pay(order_no, provider)
    life.shown(buyer, order_no, "PAID")
    refund = notice.but(kind="refunded", event=new_id("evt"))
    for _ in range(2):
        expect_taken(life.send(refund, provider), provider)
    life.shown(buyer, order_no, "REFUNDED")
    assert life.events(order_no) == ["order.paid", "order.refunded"]
    assert life.row(order_no)["version"] == 3
    assert life.ledger(order_no) == []
    assert redis_db.stock(sale) == {"a": 1}
    assert_audit(stack, sale)


def test_what_was_to_be_given_back_is_given_back(stack, open_sale, new_buyer, life):
    """A payment after the close; later its provider says that the money went back."""
    sale = open_sale(stock=2, pay_window_s=SHORT_S)
    order_no = buy(new_buyer(), sale)
    life.became(order_no, "CLOSED")
    notice = life.pay(order_no)
    life.payment_became(notice, "REFUND_DUE")
    refund = life.pay(order_no, kind="refunded", transaction=notice.transaction)
    life.payment_became(notice, "REFUNDED")
    again = refund.but(event=new_id("evt"))
    expect_taken(life.send(again))
    life.consumed()
    assert life.payment(again) is None, "the same refund, told again"
    assert life.row(order_no)["state"] == "CLOSED"
    assert_audit(stack, sale)


def test_a_payment_for_a_refunded_order_is_to_be_given_back(paid, life):
    sale, _, order_no = paid()
    life.stack.admin.refund(order_no, restock=True)
    life.became(order_no, "REFUNDED")
    notice = life.pay(order_no, transaction=new_id("tx"))
    life.payment_became(notice, "REFUND_DUE")
    assert life.row(order_no)["state"] == "REFUNDED"
    assert_audit(life.stack, sale)


def test_a_payment_for_a_voided_order_is_to_be_given_back(stack, open_sale, new_buyer, life):
    sale = open_sale(stock=3, pay_window_s=LONG_S)
    buyer = new_buyer()
    order_no = buy(buyer, sale)
    life.settled(order_no)
    assert life.mysql.quarantine(order_no)
    stack.admin.void_order(order_no)
    life.shown(buyer, order_no, "VOIDED")
    notice = life.pay(order_no)
    life.payment_became(notice, "REFUND_DUE")
    assert life.row(order_no)["state"] == "VOIDED"


def test_a_payment_for_a_quarantined_order_waits_for_the_decision(stack, open_sale, new_buyer,
                                                                  life):
    sale = open_sale(stock=3, pay_window_s=LONG_S)
    buyer = new_buyer()
    order_no = buy(buyer, sale)
    life.settled(order_no)
    assert life.mysql.quarantine(order_no)
    notice = life.pay(order_no)
    life.payment_became(notice, "PARKED")
    stack.admin.redrive_order(order_no)
    life.shown(buyer, order_no, "PAID")
    assert life.payment(notice)["state"] == "APPLIED"


# --- the sale around it


def test_units_that_come_back_after_the_end_are_not_sold(stack, open_sale, new_buyer, life,
                                                         redis_db):
    """FP8."""
    sale = open_sale(stock=2, pay_window_s=SHORT_S)
    order_no = buy(new_buyer(), sale)
    stack.admin.end(sale)
    life.became(order_no, "CLOSED")
    wait_until(lambda: not life.mysql.rows(
        "SELECT id FROM outbox WHERE sale = %s AND target = 'redis' AND confirmed IS NULL", sale),
        60, "Redis was told")
    expect(new_buyer().purchase(sale), 409, "ended")
    assert redis_db.stock(sale) == {"a": 1}
    assert_audit(stack, sale)


def test_a_whole_sale_lapses_and_is_sold_again(stack, open_sale, new_buyer, life, redis_db):
    """Two hundred units: won, not paid, come back, won again by others, all paid."""
    sale = open_sale(stock={"a": 120, "b": 80}, pay_window_s=LONG_S)
    attempts = [(f"lapse-{sale}-{at}", f"key-of-lapse-{sale}-{at:04}", "a" if at < 120 else "b")
                for at in range(200)]
    win_all(stack, sale, attempts, engines=BOTH)
    wait_until(lambda: life.states(sale) == {"PENDING": 200}, 60, "all have their rows")
    life.mysql.execute("UPDATE orders SET pay_by = 1000 WHERE sale = %s", sale)
    wait_until(lambda: life.states(sale) == {"CLOSED": 200}, 60, "all are closed")
    wait_left(redis_db, sale, {"a": 120, "b": 80})
    wait_until(lambda: all({each["sku"]: each["left"] for each in
                            get_sale(stack, sale, engine).json()["skus"]} == {"a": 120, "b": 80}
                           for engine in BOTH), 30, "both engines tell the units")
    second = [(f"again-{sale}-{at}", f"key-of-again-{sale}-{at:04}", "a" if at < 120 else "b")
              for at in range(200)]
    won = {}

    def all_won():
        for answer in ask_all(stack, sale, [each for each in second if each[0] not in won],
                              engines=BOTH):
            if answer.status == 201:
                won[answer.buyer] = answer.order_no
                life.pay(answer.order_no)
        return len(won) == 200

    wait_until(all_won, 60, "all are sold again")
    wait_until(lambda: life.states(sale) == {"CLOSED": 200, "PAID": 200}, 60, "all are paid")
    assert redis_db.stock(sale) == {"a": 0, "b": 0}
    assert life.mysql.rows("SELECT sku, total, sold FROM sale_skus WHERE sale = %s ORDER BY sku",
                           sale) == [{"sku": "a", "total": 120, "sold": 120},
                                     {"sku": "b", "total": 80, "sold": 80}]
    assert_audit(stack, sale)


def test_the_operator_sees_it_all(stack, open_sale, new_buyer, life, redis_db):
    sale = open_sale(stock=10, pay_window_s=LONG_S)
    buyers = [new_buyer() for _ in range(4)]
    pending, closed, kept, back = (buy(buyer, sale) for buyer in buyers)
    assert buyers[1].cancel(sale, closed).status == 202
    for order_no in (kept, back):
        life.pay(order_no)
        life.became(order_no, "PAID")
    life.became(closed, "CLOSED")
    wait_left(redis_db, sale, {"a": 7})
    done = ctl(stack, "order", "refund", back, "--restock", "--reason", "a test")
    assert done.returncode == 0, done.stderr
    life.became(back, "REFUNDED")
    wait_left(redis_db, sale, {"a": 8})
    shown = ctl(stack, "order", "show", kept).stdout
    assert "PAID" in shown and "standard" in shown, shown
    told = ctl(stack, "sale", "show", sale).stdout
    print(told)
    for word in ("PENDING", "PAID", "CLOSED", "REFUNDED"):
        assert word in told or word.lower() in told, told
    assert life.row(pending)["state"] == "PENDING"
    assert_audit(stack, sale)


def test_notices_of_the_same_order_in_any_order(open_sale, new_buyer, life):
    """A failed try, a second one that works, and the first told again, at once."""
    sale = open_sale(stock=30, pay_window_s=LONG_S)
    numbers = [buy(new_buyer(), sale) for _ in range(10)]
    for order_no in numbers:
        failed = Notice(order_no, kind="failed")
        notices = [failed, Notice(order_no), failed]
        threads = [threading.Thread(target=life.send, args=(notice,)) for notice in notices]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    wait_until(lambda: life.states(sale) == {"PAID": 10}, 60, "all are paid")
    assert all(row["version"] == 2 for row in life.rows(sale).values())
    assert life.mysql.value("SELECT SUM(amount) FROM payments p JOIN orders o USING (order_no) "
                            "WHERE o.sale = %s AND p.state = 'APPLIED'", sale) == 10 * PRICE
