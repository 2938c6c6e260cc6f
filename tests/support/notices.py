"""notices: records of seckill.notices, as schemas/notice_event.md has them."""

import dataclasses

import msgpack

TOPIC = "seckill.notices"
FIELDS = 12


@dataclasses.dataclass(frozen=True)
class Notice:
    """A record of version 1, its key and where it lies."""

    version: int
    order_no: int
    kind: str
    provider: str
    event_id: str
    transaction_id: str
    amount: int
    currency: str
    buyer: str
    occurred_at: int
    received_at: int
    traceparent: str
    key: bytes = b""
    partition: int = -1
    offset: int = -1

    def encode(self):
        """The bytes of the record, for tests that produce one themselves."""
        return msgpack.packb(list(dataclasses.astuple(self))[:FIELDS])


def decode(message):
    fields = msgpack.unpackb(message.value(), raw=False, strict_map_key=True)
    assert isinstance(fields, list) and len(fields) == FIELDS, fields
    return Notice(*fields, key=message.key(), partition=message.partition(),
                  offset=message.offset())


def of_order(kafka, order_no, topic=TOPIC):
    """All notices of an order, oldest first: they lie in one partition. Poison that a test put
    into the topic is passed over."""
    found = []
    for message in kafka.messages(topic):
        try:
            found.append(decode(message))
        except (ValueError, AssertionError, TypeError):
            continue
    return [notice for notice in found if notice.order_no == int(order_no)]
