"""A reaper that sleeps or ends between reading the log's ends and closing (PROTOCOL §6, FP8)."""

import pytest

from support.buyer import Buyer
from support.expect import expect_won
from support.failpoints import arm
from support.wait import wait_until

ORDERS = 6


@pytest.fixture
def overdue(stack, mysql):
    """(sale, its orders): their pay windows are over once lapse() is called."""
    sale = stack.admin.open_sale(stock=100)
    orders = [int(expect_won(Buyer(stack, f"reaped-{sale}-{number}").purchase(sale))["order_no"])
              for number in range(ORDERS)]
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == ORDERS,
               30, "the rows")
    return sale, orders


def lapse(mysql, sale):
    assert mysql.execute("UPDATE orders SET pay_by = 1000 WHERE sale = %s", sale) == ORDERS


def count(mysql, sale, state):
    return mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND state = %s", sale, state)


def assert_each_once(mysql, sale, closed):
    found = mysql.rows(
        "SELECT (SELECT COUNT(*) FROM stock_ledger WHERE sale = %s AND cause = 'close') AS returns,"
        " (SELECT COUNT(*) FROM outbox WHERE sale = %s AND verb = 'order.closed') AS told, "
        "(SELECT SUM(sold) FROM sale_skus WHERE sale = %s) AS sold", *[sale] * 3)[0]
    assert found == {"returns": closed, "told": closed, "sold": ORDERS - closed}, found


def test_what_is_paid_while_it_sleeps_behind_its_reading_is_not_closed(stack, overdue, mysql):
    """It wakes up with ends of an hour ago; the compare-and-set decides. Another may have led."""
    sale, orders = overdue
    shot = arm(stack.workers, "reaper_goal_set", "stop")
    lapse(mysql, sale)
    leader = shot.wait()
    try:
        paid = mysql.execute("UPDATE orders SET state = 'PAID', version = version + 1 WHERE "
                             "order_no = %s AND state = 'PENDING'", orders[0])
    finally:
        leader.thaw()
    wait_until(lambda: count(mysql, sale, "CLOSED") == ORDERS - paid, 60, "the others are closed")
    assert count(mysql, sale, "PAID") == paid
    assert_each_once(mysql, sale, ORDERS - paid)


@pytest.mark.representative
def test_killed_before_its_commit_another_closes_each_once(stack, overdue, mysql):
    sale, _ = overdue
    shot = arm(stack.workers, "reaper_batch_written", "kill")
    lapse(mysql, sale)
    shot.wait()
    wait_until(lambda: count(mysql, sale, "CLOSED") == ORDERS, 60, "the other closes them")
    assert_each_once(mysql, sale, ORDERS)
