"""life: an order after it was won, as tests look at it: its state, its rows, its payments."""

import time

from support import payments as providers
from support.db import Kafka
from support.wait import wait_until

STATE_DEADLINE_S = 60


class Life:
    """Of the orders of one stack. Payments by `keys` (support.payments.Payments)."""

    def __init__(self, stack, mysql, keys):
        self.stack, self.mysql, self.keys = stack, mysql, keys

    def send(self, notice, provider="standard", engine=0):
        """A good notice; the provider's answer."""
        return providers.post(self.stack.address(engine), provider,
                              *self.keys.request(provider, notice))

    def pay(self, order_no, provider="standard", engine=0, **fields):
        """A payment that the engine must take. The notice."""
        notice = providers.Notice(order_no, **fields)
        expect_taken(self.send(notice, provider, engine), provider)
        return notice

    def consumed(self):
        """Waits until the worker is behind all notices that were taken until now."""
        ends = Kafka(self.stack.services).ends("seckill.notices")

        def is_behind():
            places = {row["part"]: row["next"] for row in self.mysql.rows(
                "SELECT part, next FROM consumer_offsets WHERE topic = 'seckill.notices'")}
            return all(places.get(part, 0) >= end for part, end in ends.items())

        wait_until(is_behind, STATE_DEADLINE_S, f"notices are consumed up to {ends}")

    def row(self, order_no):
        """Of MySQL; None: not settled."""
        rows = self.mysql.rows("SELECT * FROM orders WHERE order_no = %s", order_no)
        return rows[0] if rows else None

    def rows(self, sale):
        return {row["order_no"]: row for row in self.mysql.rows(
            "SELECT * FROM orders WHERE sale = %s", sale)}

    def states(self, sale):
        """{state: orders} of MySQL."""
        return {row["state"]: row["orders"] for row in self.mysql.rows(
            "SELECT state, COUNT(*) AS orders FROM orders WHERE sale = %s GROUP BY state", sale)}

    def settled(self, order_no):
        """Waits for its row."""
        return wait_until(lambda: self.row(order_no), STATE_DEADLINE_S, f"{order_no} has a row")

    def lapse(self, order_no):
        """Its time to pay is over from now on, however long its sale gives."""
        self.settled(order_no)
        self.mysql.execute("UPDATE orders SET pay_by = 1000 WHERE order_no = %s", order_no)

    def became(self, order_no, state):
        """Waits until MySQL says so; the row."""
        return wait_until(lambda: (row := self.row(order_no)) and row["state"] == state and row,
                          STATE_DEADLINE_S, f"{order_no} is {state}")

    def payment(self, notice, provider="standard"):
        """The row of its event; None: not consumed."""
        rows = self.mysql.rows("SELECT * FROM payments WHERE provider = %s AND event_id = %s",
                               provider, notice.event)
        return rows[0] if rows else None

    def payment_became(self, notice, state, provider="standard"):
        """Waits until its payment has this state; the row."""
        return wait_until(
            lambda: (row := self.payment(notice, provider)) and row["state"] == state and row,
            STATE_DEADLINE_S, f"payment {notice.event} is {state}")

    def events(self, order_no):
        """Types of its events, as they were written for the shop, in order."""
        return [row["verb"] for row in self.mysql.rows(
            "SELECT verb FROM outbox WHERE kind = 'event' AND order_no = %s ORDER BY id",
            order_no)]

    def ledger(self, order_no):
        """[(cause, units)] that the order gave back."""
        return [(row["cause"], row["delta"]) for row in self.mysql.rows(
            "SELECT cause, delta FROM stock_ledger WHERE ref = %s ORDER BY id", str(order_no))]

    def shown(self, buyer, order_no, state, engine=None):
        """Waits until the buyer's own read says so; the order. Prints how long MySQL was ahead."""
        sale = int(order_no) >> 40
        changed = self.became(order_no, state)["changed"] / 1000

        def read():
            response = buyer.order(sale, order_no, engine=engine)
            return response.status == 200 and response.json()["state"] == state and (
                response.json())

        order = wait_until(read, STATE_DEADLINE_S, f"the buyer of {order_no} reads {state}")
        print(f"{state}: shown {time.time() - changed:.3f} s after MySQL had it")
        return order


def expect_taken(response, provider="standard"):
    """2xx, in the words that this provider understands."""
    assert 200 <= response.status < 300, response
    if provider == "alipay":
        assert response.body == b"success", response
    return response
