"""A payment races the time-out, a thousand times: each ends in one of two worlds (FP6)."""

import collections
import itertools
import random
import threading
import time

import pytest

from support import http_raw
from support.admin import AdminError
from support.crowd import win_all
from support.payments import Notice
from support.wait import wait_until

ORDERS = 1000
WINDOW_S = 3
EARLY_S, LATE_S = 0.5, 2.5  # around pay_by
BUYING_THREADS, PAYING_THREADS = 8, 6
WORLDS = {("PAID", "APPLIED"), ("CLOSED", "REFUND_DUE")}


class Payers:
    """Each notice at its time, some before pay_by, some after; the answers' statuses."""

    def __init__(self, stack, keys, due):
        """due: [(seconds since the epoch, Notice)], soonest first."""
        self.stack, self.keys, self.due = stack, keys, iter(due)
        self.lock, self.statuses, self.failures = threading.Lock(), collections.Counter(), []
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                        for number in range(PAYING_THREADS)]

    def run(self, deadline_s):
        for thread in self.threads:
            thread.start()
        end = time.monotonic() + deadline_s
        for thread in self.threads:
            thread.join(max(0.0, end - time.monotonic()))
        self.stopped.set()
        assert not any(thread.is_alive() for thread in self.threads), "a payment has no end"
        assert not self.failures, self.failures

    def _run(self, number):
        try:
            with http_raw.Connection(self.stack.address(number % 2)) as connection:
                while True:
                    with self.lock:
                        at, notice = next(self.due, (0, None))
                    if notice is None:
                        return
                    self.stopped.wait(max(0.0, at - time.time()))
                    connection.send(self.keys.encode("standard", notice.but(at=time.time())))
                    status = connection.read_response("POST").status
                    with self.lock:
                        self.statuses[status] += 1
        except Exception as error:  # told by run()
            self.failures.append(error)


@pytest.mark.timeout(240)
def test_each_payment_that_races_the_time_out_ends_in_one_of_two_worlds(stack, open_sale, life):
    sale = open_sale(stock=ORDERS, pay_window_s=WINDOW_S)
    attempts = [(f"race-{sale}-{at}", f"key-of-race-{sale}-{at:04}", "a") for at in range(ORDERS)]
    win_all(stack, sale, attempts, engines=(0, 1), threads=BUYING_THREADS)
    rows = wait_until(lambda: len(found := life.rows(sale)) == ORDERS and found, 60, "all settle")
    chance = random.Random(6)
    notices = {number: Notice(number) for number in rows}
    due = sorted(((row["pay_by"] / 1000 + chance.uniform(-EARLY_S, LATE_S), notices[number])
                  for number, row in rows.items()), key=lambda pair: pair[0])
    payers = Payers(stack, life.keys, due)
    payers.run(120)
    assert sum(count for status, count in payers.statuses.items()
               if 200 <= status < 300) == ORDERS, payers.statuses
    worlds = wait_until(lambda: settled_worlds(life, sale), 60, "each is in one of two worlds")
    print(f"{ORDERS} races: {dict(worlds)}")
    assert sum(worlds.values()) == ORDERS
    check_rows(life, sale)
    report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 60,
                        "the sale is at rest", ignoring=(AdminError,))
    assert report["ok"], report


def settled_worlds(life, sale):
    """{(state of the order, state of its payment): how many}, when there are no others."""
    rows = life.mysql.rows(
        "SELECT o.state AS order_state, p.state AS payment_state, COUNT(*) AS times FROM orders o "
        "LEFT JOIN payments p ON p.order_no = o.order_no WHERE o.sale = %s GROUP BY 1, 2", sale)
    worlds = {(row["order_state"], row["payment_state"]): row["times"] for row in rows}
    return worlds.keys() <= WORLDS and worlds


def check_rows(life, sale):
    """Each order made one move; the units of the closed ones, and no others, came back once."""
    rows = life.rows(sale)
    back = collections.Counter(row["ref"] for row in life.mysql.rows(
        "SELECT ref FROM stock_ledger WHERE sale = %s AND cause = 'close'", sale))
    events = collections.defaultdict(list)
    for row in life.mysql.rows("SELECT order_no, verb FROM outbox WHERE sale = %s AND "
                               "kind = 'event' AND order_no > 0 ORDER BY id", sale):
        events[row["order_no"]].append(row["verb"])
    for number, row in rows.items():
        is_closed = row["state"] == "CLOSED"
        assert back[str(number)] == is_closed, row
        assert row["version"] == (3 if is_closed else 2), row
        assert (row["slot"] is None) == is_closed, row
        assert events[number] == (["order.closed", "order.refund_due"] if is_closed
                                  else ["order.paid"]), (row, events[number])
    paid = sum(row["state"] == "PAID" for row in rows.values())
    assert life.mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == paid


def test_a_cancel_races_the_time_out(stack, open_sale, new_buyer, life):
    """Both close it; it is closed once, its unit comes back once."""
    sale = open_sale(stock=60, pay_window_s=1)
    orders = []
    for at in range(60):
        buyer = new_buyer()
        answer = buyer.purchase(sale, engine=at % 2)
        assert answer.status == 201, answer
        orders.append((buyer, int(answer.json()["order_no"])))
    for (buyer, number), engine in zip(orders, itertools.cycle((0, 1))):
        answer = buyer.cancel(sale, number, engine=engine)
        assert answer.status in (202, 409), answer
    wait_until(lambda: life.states(sale) == {"CLOSED": 60}, 60, "all are closed")
    assert life.mysql.value("SELECT COUNT(*) FROM stock_ledger WHERE sale = %s AND "
                            "cause = 'close'", sale) == 60
    report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 60,
                        "the sale is at rest", ignoring=(AdminError,))
    assert report["ok"], report
