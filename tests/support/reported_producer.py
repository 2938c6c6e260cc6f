"""reported_producer: writes records and waits until each is in the log."""

import confluent_kafka

from support.wait import wait_until

REPORTS_S = 60


class ReportedProducer:
    """acks=all; what wait() has let pass is in the log."""

    def __init__(self, brokers, **settings):
        self.producer = confluent_kafka.Producer(
            {"bootstrap.servers": brokers, "acks": "all", **settings})
        self.sent = 0
        self.reports = []  # None, or the error, of each record

    def send(self, topic, value, key=None, partition=None):
        where = {} if partition is None else {"partition": partition}
        self.producer.produce(topic, value, key,
                              on_delivery=lambda error, _: self.reports.append(error), **where)
        self.sent += 1
        self.producer.poll(0)

    def _is_all_reported(self):
        self.producer.poll(0.05)
        return len(self.reports) == self.sent

    def wait(self):
        wait_until(self._is_all_reported, REPORTS_S, f"reports of {self.sent} records")
        assert set(self.reports) <= {None}, self.reports
