"""notice_producer: writes records of seckill.notices as the engine does (schemas/notice_event.md),
for tests of who consumes them. Payments through the engine's door are support.payments."""

import dataclasses
import threading
import time

import msgpack

from support.reported_producer import REPORTS_S, ReportedProducer

TOPIC = "seckill.notices"
PRICE = 199900  # of support.admin's sales


@dataclasses.dataclass(frozen=True)
class NoticeEvent:
    """A record of version 1, its elements in order."""

    order_no: int
    kind: str = "paid"
    event_id: str = ""
    transaction_id: str = ""
    amount: int = PRICE
    currency: str = "CNY"
    provider: str = "standard"
    version: int = 1

    def encode(self, extra=()):
        """extra: elements of a newer version."""
        now_ms = int(time.time() * 1000)
        return msgpack.packb([
            self.version, self.order_no, self.kind, self.provider, self.event_id,
            self.transaction_id, self.amount, self.currency, "", now_ms, now_ms, "", *extra])


def payment_of(order_no):
    """The one payment of an order: sent again it is the same event."""
    return NoticeEvent(order_no, event_id=f"event-{order_no}", transaction_id=f"tx-{order_no}")


class NoticeProducer:
    """Writes notices; what flush() has let pass is in the log."""

    def __init__(self, services):
        self.producer = ReportedProducer(services.env["KAFKA_BROKERS"], **{
            "message.max.bytes": 8 << 20, "compression.type": "gzip"})

    def send(self, value, key="0", partition=None):
        self.producer.send(TOPIC, value, str(key), partition)

    def pay(self, order_nos, partition=None):
        """The payment of each, in the log when it returns."""
        for order_no in order_nos:
            self.send(payment_of(order_no).encode(), order_no, partition)
        self.flush()

    def flush(self):
        self.producer.wait()


class Payers:
    """Pays the wins of a crowd while it buys, each twice: the second is the same event again.

    A context manager. paid: {order_no} whose notices are in the log once the block has ended.
    """

    def __init__(self, services, buyers):
        self.producer, self.buyers = NoticeProducer(services), buyers
        self.paid = set()
        self.failures = []
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stopped.set()
        self.thread.join(REPORTS_S * 2)
        assert not self.thread.is_alive(), "a payer has no end"
        assert not self.failures, self.failures

    def _run(self):
        try:
            while not self.stopped.wait(0.05):
                self._pay()
            self._pay()
            self.producer.flush()
        except Exception as error:  # told at the end of the block
            self.failures.append(error)

    def _pay(self):
        for order_no in set(self.buyers.wins().values()) - self.paid:
            for _ in range(2):
                self.producer.send(payment_of(order_no).encode(), order_no)
            self.paid.add(order_no)
