"""What happens in the moment in which a rebuild cuts (PROTOCOL §4, §6)."""

import threading
import time

import pytest

from support.crowd import ask_all
from support.db import OrderEvent, compose_order_no, lock_waits
from support.failpoints import arm
from support.wait import wait_until

BACK_S = 60
HELD_MS = 3000     # the guard before, or behind, its cut
BEYOND_MS = 7000   # a transaction that began before the cut; MySQL ends one that is silent for 10 s


@pytest.fixture(autouse=True)
def no_other_sales(mysql):
    """Those of earlier tests have left the catalogue: they are not loaded again here."""
    mysql.execute("UPDATE sales SET opens = 1, closes = 2, pay_window = 1000 WHERE epoch > 0")


def sells_again(buyers, since):
    wait_until(lambda: any(answer.status == 201 and answer.began > since
                           for answer in list(buyers.told)), BACK_S, "it sells again")



def test_a_worker_that_stands_in_its_transaction_while_a_rebuild_cuts(
        stack, crowd, holds, kafka, mysql, redis_db):
    """It has read the old epoch and nothing is written yet: what it writes after the cut must not
    count, for the cut has not counted it, and nobody was told of it."""
    sale = stack.admin.open_sale(stock=100000)
    late = OrderEvent(1, compose_order_no(sale, 1, 60000), "late", "a", 1, 199900, "CNY", 0, "",
                      int(time.time() * 1000), int(time.time() * 1000) + 900000, "")
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        guard = arm(stack.workers, "history_drained", f"delay:{HELD_MS}")
        redis_db.client.flushall()
        guard.wait()  # all that was told is settled
        settling = arm(stack.workers, "settle_read", f"delay:{BEYOND_MS}")
        kafka.produce("seckill.orders", late.encode())
        settling.wait()
        sells_again(buyers, time.monotonic())
        row = wait_until(lambda: mysql.rows(
            "SELECT state, reason, slot FROM orders WHERE order_no = %s", late.order_no), BACK_S,
            "the transaction is over")[0]
    assert row == {"state": "VOIDED", "reason": "epoch", "slot": None}
    assert "late" not in redis_db.buyers(sale)
    holds(sale, buyers.told)


@pytest.mark.parametrize("point, counted_by_the_cut", [
    pytest.param("history_drained", True, marks=pytest.mark.representative),
    ("epoch_raised", False)])
def test_units_that_come_back_while_a_rebuild_cuts(stack, crowd, holds, mysql, redis_db, point,
                                                   counted_by_the_cut):
    """Before the cut they are counted by it, and must not be added again; behind it they are
    added, for it has not seen them."""
    sale = stack.admin.open_sale(stock=100000)
    void = ask_all(stack, sale, [("ann", "key-of-the-voided-one", "a")])[0]
    wait_until(lambda: mysql.quarantine(void.order_no), 30,
               "it is settled, and quarantined")
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        guard = arm(stack.workers, point, f"delay:{HELD_MS}")
        redis_db.client.flushall()
        guard.wait()
        stack.admin.void_order(void.order_no)
        stack.admin.add_stock(sale, "a", 7, "while-it-cuts")
        sells_again(buyers, time.monotonic())
    told = mysql.rows("SELECT epoch, units FROM outbox WHERE sale = %s AND kind = 'units' "
                      "ORDER BY id", sale)
    assert [row["units"] for row in told] == [1, 7]
    if {row["epoch"] for row in told} == {1}:  # else a busy machine was late
        assert counted_by_the_cut
    holds(sale, buyers.told)


@pytest.mark.parametrize("how", ["void", "add-stock"])
def test_who_returns_units_waits_for_a_cut_and_reads_its_epoch(stack, holds, mysql, how):
    """With the epoch of before the cut they would be dropped as counted by it: lost for good."""
    sale = stack.admin.open_sale(stock=10)
    told = ask_all(stack, sale, [("ann", "key-of-the-voided-one", "a")])
    wait_until(lambda: mysql.quarantine(told[0].order_no), 30,
               "it is settled, and quarantined")
    change = {"void": lambda: stack.admin.void_order(told[0].order_no),
              "add-stock": lambda: stack.admin.add_stock(sale, "a", 1, "while-it-cuts")}[how]
    changing = threading.Thread(target=change)
    with mysql.connect_root() as root, mysql.connect() as cut, cut.cursor() as cursor:
        waiting = lock_waits(root)
        cursor.execute("BEGIN")
        cursor.execute("SELECT epoch FROM sale_skus WHERE sale = %s FOR UPDATE", (sale,))
        changing.start()
        wait_until(lambda: lock_waits(root) > waiting, 30, "it waits for the sku", interval_s=0.2)
        cursor.execute("UPDATE sale_skus SET epoch = 2 WHERE sale = %s", (sale,))
        cursor.execute("UPDATE sales SET epoch = 2 WHERE sale = %s", (sale,))
        cursor.execute("COMMIT")
    changing.join(30)
    assert mysql.rows("SELECT epoch FROM stock_ledger WHERE sale = %s ORDER BY id DESC LIMIT 1",
                      sale) == [{"epoch": 2}]
    assert mysql.rows("SELECT epoch, units FROM outbox WHERE sale = %s AND kind = 'units'",
                      sale) == [{"epoch": 2, "units": 1}]
    wait_until(lambda: stack.admin.sale(sale)["load"]["epoch"] == 3, BACK_S,
               "the guard sees the epoch of that cut")
    stack.admin.wait_state(sale, "open")
    holds(sale, told if how == "add-stock" else [])
