"""The audit of what orders became: one thing spoiled each, it names which promise is broken."""

import contextlib
import re

import pytest

from support import notice_records
from support.admin import AdminError
from support.crowd import ask_all, ask_until_told
from support.ctl import ctl
from support.db import Kafka, Mysql, Redis
from support.spoil import Spoiled
from support.wait import wait_until

PENDING, PAID, CANCELLED, RESTOCKED, KEPT, OVERDUE = range(6)
HARD = ("I1", "I10", "I11", "I12", "I13")


class Lived(Spoiled):
    """A sale with an order of each kind, as the worker made them."""

    def __init__(self, stack, mysql, redis_db, kafka):
        self.stack, self.mysql, self.redis, self.kafka = stack, mysql, redis_db, kafka
        self.sale = stack.admin.open_sale(stock={"a": 20}, limit=1)
        self.orders = [int(answer.order_no) for answer in ask_all(
            stack, self.sale, [(f"lived-{number}", f"key-of-lived-{number:08}", "a")
                               for number in range(6)], threads=1)]
        wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s",
                                       self.sale) == 6, 30, "the rows")
        self._live()
        wait_until(lambda: stack.admin.audit(self.sale)["ok"], 90, "the audit holds",
                   ignoring=(AdminError,))

    def _live(self):
        for index in (PAID, RESTOCKED, KEPT):
            notice_records.pay(self.kafka, self.mysql, self.orders[index])
        notice_records.cancel(self.kafka, self.mysql, self.orders[CANCELLED],
                              f"lived-{CANCELLED}")
        for index in (RESTOCKED, KEPT):
            self.stack.admin.ask("POST", f"orders/{self.orders[index]}/refund",
                                 {"restock": index == RESTOCKED, "reason": "a test"})
        self.mysql.execute("UPDATE orders SET pay_by = 1000 WHERE order_no = %s",
                           self.orders[OVERDUE])
        wait_until(lambda: notice_records.state_of(self.mysql, self.orders[OVERDUE]) == "CLOSED",
                   60, "the reaper closes it")

    def of_order(self, index, **columns):
        names = ", ".join(columns)
        kept = self.mysql.rows(f"SELECT {names} FROM orders WHERE order_no = %s",
                               self.orders[index])[0]
        change = ("UPDATE orders SET " + ", ".join(f"{name} = %s" for name in columns)
                  + " WHERE order_no = %s")
        return self.sql((change, *columns.values(), self.orders[index]),
                        (change, *kept.values(), self.orders[index]))

    def of_payment(self, index, column, value):
        return self.column("payments", column, value, "order_no = %s AND kind IN ('paid', "
                           "'cancel')", self.orders[index])

    def place(self, index):
        return self.mysql.rows("SELECT part, log_offset FROM payments WHERE order_no = %s",
                               self.orders[index])[0]

    def gone(self, table, where, *values):
        """A row deleted and back; what the database makes of others is left out."""
        row = self.mysql.rows(f"SELECT * FROM {table} WHERE {where}", *values)[0]
        row.pop("claimed", None)
        names = ", ".join(row)
        return self.sql((f"DELETE FROM {table} WHERE {where}", *values),
                        (f"INSERT INTO {table} ({names}) VALUES ({', '.join(['%s'] * len(row))})",
                         *row.values()))

    def payment_gone(self, index):
        return self.gone("payments", "order_no = %s", self.orders[index])

    def second_payment(self, index):
        return self.extra("payments", provider="test", event_id=f"second-{self.orders[index]}",
                          kind="paid", order_no=self.orders[index], amount=notice_records.PRICE,
                          currency="CNY", state="APPLIED", occurred=1, received=1, created=1,
                          changed=1, topic="none", part=0, log_offset=4000000000)

    def return_gone(self, index):
        return self.gone("stock_ledger", "sale = %s AND ref = %s", self.sale,
                         str(self.orders[index]))

    @contextlib.contextmanager
    def overdue_and_not_closed(self):
        """The reaper waits for the sku's row, which is locked meanwhile."""
        with self.mysql.connect() as session, session.cursor() as cursor:
            session.begin()
            cursor.execute("SELECT sold FROM sale_skus WHERE sale = %s FOR UPDATE",
                           (self.sale,))
            with self.of_order(PENDING, pay_by=1000):
                yield
            session.rollback()


@pytest.fixture(scope="module")
def lived(session_stack, services):
    return Lived(session_stack, Mysql(services), Redis(services), Kafka(services))


# What is spoiled, and the ids that must be named; who breaks a hard one is frozen for it.
SPOILS = {
    "another sum": (lambda s: s.of_payment(PAID, "amount", 199901), {"I12"}),
    "another currency": (lambda s: s.of_payment(PAID, "currency", "EUR"), {"I12"}),
    "a paid order whose payment has no effect": (
        lambda s: s.of_payment(PAID, "state", "IGNORED"), {"I12"}),
    "a payment without a trace": (lambda s: s.payment_gone(PAID), {"I12", "I14"}),
    "a payment of no record": (lambda s: s.of_payment(PAID, "log_offset", 4000000000), {"I14"}),
    "a second payment that had an effect": (lambda s: s.second_payment(PAID), {"I12", "I14"}),
    "a payment of an order that was cancelled": (
        lambda s: s.second_payment(CANCELLED), {"I12", "I14"}),
    "a cancel that changed nothing": (
        lambda s: s.of_payment(CANCELLED, "state", "IGNORED"), {"I11"}),
    "closed for another reason": (
        lambda s: s.of_order(CANCELLED, reason="overdue"), {"I11", "I20"}),
    "closed early": (lambda s: s.of_order(OVERDUE, changed=5), {"I20"}),
    "paid without a change": (lambda s: s.of_order(PAID, version=1), {"I11"}),
    "closed without a reason": (lambda s: s.of_order(OVERDUE, reason=""), {"I11"}),
    "refunded units that did not come back": (
        lambda s: s.of_order(KEPT, reason="restocked"), {"I1", "I2", "I3", "I10"}),
    "a return that is gone": (lambda s: s.return_gone(RESTOCKED), {"I10", "I21"}),
    "a return of another order": (lambda s: s.returned(s.orders[PAID]), {"I10", "I21"}),
    "a second return": (lambda s: s.returned(s.orders[OVERDUE], cause="refund"), {"I10", "I21"}),
    "overdue, and not closed": (lambda s: s.overdue_and_not_closed(), {"I23"}),
    "a dead letter of the notices": (
        lambda s: s.dead_letter(s.sale, notice_records.TOPIC), {"I14"}),
    "the place in the notices put back": (lambda s: s.column(
        "consumer_offsets", "next", 0, "topic = %s AND part = %s", notice_records.TOPIC,
        s.place(PAID)["part"]), {"I13"}),
}


@pytest.mark.parametrize("what", SPOILS)
def test_it_names_what_was_spoiled_and_freezes_for_a_hard_one(lived, what):
    spoil, ids = SPOILS[what]
    hard = [name for name in HARD if name in ids]
    with spoil(lived):
        found = lived.violated(at_rest=False)
        assert found == ids, f"{what}: found {sorted(found)}, expected {sorted(ids)}"
        assert lived.frozen_for() in (hard or [None]), what
        assert ctl(lived.stack, "audit", lived.sale).returncode == 1
    if hard:
        lived.release()
    wait_until(lambda: lived.violated(at_rest=False) == set(), 30, "nothing is left behind")


def test_the_flow_of_such_a_sale_is_balanced(lived):
    flow = lived.stack.admin.flow(lived.sale)
    assert {state: sums["orders"] for state, sums in flow["orders"].items()} == {
        "PENDING": 1, "PAID": 1, "CLOSED": 2, "REFUNDED": 2, "VOIDED": 0, "QUARANTINED": 0}
    assert flow["units"]["came_back"] == {"closed": 2, "refunded": 1, "voided": 0}
    assert flow["units"]["refunded_kept"] == 1 and flow["units"]["balanced"] is True


def repeated(admin, sale):
    """How many notices the audit takes for repetitions."""
    [found] = [check["found"] for check in admin.audit(sale)["checks"]
               if " repeated, " in check["found"]]
    return int(re.search(r"(\d+) repeated", found)[1])


def test_an_event_that_is_told_again_for_another_sale_is_no_loss(lived):
    admin, mysql = lived.stack.admin, lived.mysql
    event = mysql.value("SELECT event_id FROM payments WHERE order_no = %s", lived.orders[PAID])
    other = admin.open_sale(stock={"a": 1})
    [answer] = ask_until_told(lived.stack, other, [("told-again", "key-of-told-again-1", "a")])
    wait_until(lambda: notice_records.state_of(mysql, answer.order_no) == "PENDING", 30, "its row")
    before = wait_until(lambda: (repeated(admin, other),), 30, "an audit", (AdminError,))[0]
    notice_records.send(lived.kafka, answer.order_no, event=event)
    wait_until(lambda: repeated(admin, other) == before + 1, 60, "a repetition", (AdminError,))
    wait_until(lambda: admin.audit(other)["ok"], 30, "the audit holds", (AdminError,))
    assert notice_records.state_of(mysql, answer.order_no) == "PENDING"
