"""history: what buyers were told, against what MySQL and Redis hold in the end (INVARIANTS T5).

Clients note each attempt: when it began and ended, and what it was told: won with a number, a
definite no, not done, or nothing sure (`outcome-unknown`, or the connection was lost). So do
payment providers, of each notice, and buyers, of each cancel. When all is healed the checker
compares. An attempt that was told nothing sure may have won or not; anything else that differs is a
violation, told in words.
"""

import dataclasses

from support.crowd import ask_all
from support.db import Mysql, Redis
from support.wait import wait_until

UNSURE = {"lost", "outcome-unknown"}
# Nothing happened: neither won nor refused.
NOT_DONE = {"overloaded", "rebuilding", "rate-limited"}
# What a winner's key must never hear (I9).
NO = {"sold-out", "limit-reached", "not-open", "ended", "paused", "not-eligible", "unknown-sale",
      "unknown-sku", "key-reused"}
LIVE = {"PENDING", "PAID", "QUARANTINED"}
NEVER_BACK = {"kept", "provider"}  # reasons of a refund whose unit is not sold again
# Others than these show that the wait for rest can end.
HEAL_DEADLINE_S = 60


@dataclasses.dataclass(frozen=True)
class Row:
    """An order in MySQL."""

    order_no: int
    buyer: str
    sku: str
    quantity: int
    state: str
    reason: str = ""
    pay_by: int = 0   # ms since the Unix epoch, as `changed`
    changed: int = 0

    @property
    def holds_units(self):
        return self.state in LIVE or self.state == "REFUNDED" and self.reason in NEVER_BACK


@dataclasses.dataclass(frozen=True)
class Payment:
    """One sending of a notice that the order is paid; times are time.time()."""

    order_no: int
    event: str
    transaction: str
    began: float
    ended: float
    is_taken: bool  # 2xx


@dataclasses.dataclass(frozen=True)
class Cancel:
    """A buyer asked to cancel. status 0: no answer came."""

    order_no: int
    began: float
    ended: float
    status: int


@dataclasses.dataclass
class History:
    """told: support.crowd.Told of all clients; rows: of the sale; total: {sku: units}."""

    told: list
    rows: list
    total: dict

    def violations(self):
        """What cannot be, one text each; empty: the history holds."""
        return [*self._two_orders(), *self._told_and_not_there(), *self._there_and_refused(),
                *self._no_after_won(), *self._oversold()]

    def _wins(self):
        return [answer for answer in self.told if answer.status == 201]

    def _by_key(self):
        found = {}
        for answer in self.told:
            found.setdefault((answer.buyer, answer.key), []).append(answer)
        return found

    def _two_orders(self):
        """I8: one key tells one order, for ever; one order belongs to one key."""
        order_of, key_of = {}, {}
        for answer in self._wins():
            key = (answer.buyer, answer.key)
            if order_of.setdefault(key, answer.order_no) != answer.order_no:
                yield f"two orders under one key: {answer}, and {order_of[key]}"
            if key_of.setdefault(answer.order_no, key) != key:
                yield f"one order told to two: {answer}, and {key_of[answer.order_no]}"

    def _told_and_not_there(self):
        """I5: each told win has its row, which says the same and was not voided."""
        rows = {row.order_no: row for row in self.rows}
        for answer in self._wins():
            row = rows.get(answer.order_no)
            if row is None:
                yield f"a told win has no row: {answer}"
            elif (row.buyer, row.sku) != (answer.buyer, answer.sku):
                yield f"a told win has the row of another: {answer}, {row}"
            elif row.state == "VOIDED":
                yield f"a told win was voided: {answer}, {row}"

    def _there_and_refused(self):
        """A row whose buyer was refused in every attempt, and told so for sure."""
        may_have_won = {answer.buyer for answer in self.told
                        if answer.status == 201 or answer.code in UNSURE}
        for row in self.rows:
            if row.state in LIVE and row.buyer not in may_have_won:
                yield f"an order of somebody who was refused each time: {row}"

    def _no_after_won(self):
        """I9: who was told of a win is never refused under its key, nor told something else."""
        for answers in self._by_key().values():
            won = min((answer.ended for answer in answers if answer.status == 201), default=None)
            for answer in answers:
                if won is not None and answer.began > won and answer.code in NO:
                    yield f"a winner was told no: {answer}"

    def _oversold(self):
        """I1."""
        for sku, total in self.total.items():
            live = sum(row.quantity for row in self.rows if row.sku == sku and row.holds_units)
            if live > total:
                yield f"oversold: {live} of {total} units of {sku}"


@dataclasses.dataclass
class LifeHistory:
    """What became of the orders: rows of the sale, at rest; payments and cancels as they were
    told; found: {event: (state, transaction, order_no)} of MySQL's payments."""

    rows: list
    payments: list
    cancels: list
    found: dict

    def violations(self):
        return [*self._taken(), *self._decided(), *self._paid(), *self._closed()]

    def _taken(self):
        """2xx means that it is kept."""
        for payment in self.payments:
            if payment.is_taken and payment.event not in self.found:
                yield f"a notice was taken and is not there: {payment}"

    def _decided(self):
        """At rest nobody waits: neither a notice for its order, nor an order for its payment."""
        for event, (state, _, order_no) in self.found.items():
            if state in ("PARKED", "QUARANTINED"):
                yield f"the payment {event} of {order_no} is {state}"
        asked = {cancel.order_no for cancel in self.cancels if cancel.status == 202}
        for row in self.rows:
            if row.state == "PENDING" and row.order_no in asked:
                yield f"a cancel was taken and not done: {row}"

    def _paid(self):
        """I12: an order is PAID by one transaction, and all others of it are to be given back."""
        sent = {(payment.order_no, payment.transaction) for payment in self.payments}
        by_order = {}
        for state, transaction, order_no in self.found.values():
            by_order.setdefault(order_no, []).append((state, transaction))
        for row in self.rows:
            states = sorted(state for state, _ in by_order.get(row.order_no, ()))
            applied = [transaction for state, transaction in by_order.get(row.order_no, ())
                       if state == "APPLIED"]
            if row.state == "PAID" and len(applied) != 1:
                yield f"paid, but not by one transaction: {row}, {states}"
            if row.state != "PAID" and applied and row.state != "REFUNDED":
                yield f"a payment was applied to an order that is not paid: {row}"
            if any((row.order_no, transaction) not in sent for transaction in applied):
                yield f"paid by a transaction that nobody told: {row}, {applied}"

    def _closed(self):
        """I11, I20: closed for a reason that is true, and never what was paid in time."""
        in_time = {payment.order_no: payment for payment in reversed(self.payments)
                   if payment.is_taken}
        asked = {cancel.order_no for cancel in self.cancels}
        for row in self.rows:
            payment = in_time.get(row.order_no)
            if row.state != "CLOSED":
                continue
            if row.reason == "cancel" and row.order_no not in asked:
                yield f"cancelled, but nobody asked: {row}"
            if row.reason == "overdue" and row.changed < row.pay_by:
                yield f"closed before its time: {row}"
            if row.reason == "overdue" and payment and payment.ended * 1000 < row.pay_by:
                yield f"paid in time and closed: {row}, {payment}"


def read_rows(services, sale):
    return [Row(row["order_no"], row["buyer"], row["sku"], row["quantity"], row["state"],
                row["reason"], row["pay_by"], row["changed"])
            for row in Mysql(services).rows(
                "SELECT order_no, buyer, sku, quantity, state, reason, pay_by, changed "
                "FROM orders WHERE sale = %s", sale)]


def read_payments(services, sale):
    """{event: (state, transaction, order_no)} of what says "paid"."""
    return {row["event_id"]: (row["state"], row["transaction_id"], row["order_no"])
            for row in Mysql(services).rows(
                "SELECT event_id, state, transaction_id, order_no FROM payments "
                "WHERE kind = 'paid' AND order_no >> 40 = %s", sale)}


def wait_for_decisions(services, sale, deadline_s):
    """I23: each order is paid, or closed when its time is over."""
    wait_until(lambda: Mysql(services).value(
        "SELECT COUNT(*) FROM orders WHERE sale = %s AND state = 'PENDING'", sale) == 0,
        deadline_s, f"no order of sale {sale} waits for its payment", interval_s=0.3)


def totals(services, sale):
    return {row["sku"]: row["total"] for row in Mysql(services).rows(
        "SELECT sku, total FROM sale_skus WHERE sale = %s", sale)}


def ask_again(stack, sale, told, engines=(0,), deadline_s=HEAL_DEADLINE_S):
    """Every key that was told nothing sure asks until it hears something sure; the answers."""
    known = {(answer.buyer, answer.key) for answer in told
             if answer.status == 201 or answer.code in NO}
    open_keys = {(answer.buyer, answer.key, answer.sku) for answer in told
                 if answer.code in UNSURE and (answer.buyer, answer.key) not in known}
    answers = []

    def all_sure():
        answers.extend(ask_all(stack, sale, sorted(open_keys), engines=engines))
        for answer in answers:
            if answer.code not in UNSURE | NOT_DONE:
                open_keys.discard((answer.buyer, answer.key, answer.sku))
        return not open_keys

    wait_until(all_sure, deadline_s, "each key has a sure answer", interval_s=0.2)
    return answers


def wait_for_rest(stack, services, sale, deadline_s=HEAL_DEADLINE_S):
    """I23: all faults healed, the outbox runs empty and the log is settled. The last audit."""
    redis_db = Redis(services)
    wait_until(lambda: not redis_db.outbox(sale), deadline_s, "the outbox is empty")
    return wait_until(lambda: (report := stack.admin.audit(sale))["at_rest"] and report,
                      deadline_s, "the log is settled", ignoring=(Exception,))


def is_shortened(report):
    """Retention took records of rows that were settled before, orders (I6) or payments (I14): what
    they said cannot be told."""
    untold = {check["id"] for check in report["checks"] if check["result"] != "holds"}
    return untold <= {"I6", "I14"} and any(
        check["id"] in ("I6", "I14") and " older than the log" in check["found"]
        and ", 0 older than the log" not in check["found"] for check in report["checks"])


def judge(services, sale, told, report, payments=None, cancels=()):
    """A sale at rest, with its last audit: what does not hold, one text each. payments: None where
    they were written past the engine's door; the audit alone judges them then."""
    rows = read_rows(services, sale)
    history = History(told, rows, totals(services, sale))
    found = history.violations()
    if payments is not None:
        found += LifeHistory(rows, list(payments), list(cancels),
                             read_payments(services, sale)).violations()
    found += [f"the audit's {check}" for check in report["checks"]
              if check["result"] == "violated"]
    if not report["ok"] and not found and not is_shortened(report):
        found.append(f"the audit does not hold: {report}")
    left = {sku: total - sum(row.quantity for row in rows if row.sku == sku and row.holds_units)
            for sku, total in history.total.items()}
    stock = Redis(services).stock(sale)
    if stock != left:
        found.append(f"Redis and MySQL differ on what is left: {stock}, {left}")
    return found


def assert_history_holds(stack, services, sale, told, engines=(0,)):
    """After healing: open keys ask again; then history and audit must hold. All that was told."""
    told = [*told, *ask_again(stack, sale, told, engines)]
    violations = judge(services, sale, told, wait_for_rest(stack, services, sale))
    assert not violations, f"{len(violations)} violations: " + "\n".join(violations[:20])
    return told
