#!/usr/bin/env python3
"""A shop that listens to seckill: reads seckill.events and keeps its own view of the orders.

    pip install confluent-kafka
    ./shop_events.py --brokers 127.0.0.1:9092 --database shop.sqlite

After `tools/demo --keep` the brokers are KAFKA_BROKERS in .run/demo/env.

Events come at least once, and an old one may come again behind a newer one. Two rules make that
harmless (schemas/events.md):

1. Take an event only if its orderversion is above the last one taken of the same source and
   subject. What is not newer was taken already.
2. Note the version in the transaction of what the event changes, then tell Kafka. Whoever dies in
   between reads the event again, and rule 1 drops it. A transaction may hold many events.
"""

import argparse
import json
import sqlite3
import sys
import time

from confluent_kafka import Consumer

BATCH_MAX = 500
TABLES = """
CREATE TABLE IF NOT EXISTS seen (
    source TEXT, subject TEXT, version INTEGER NOT NULL, PRIMARY KEY (source, subject));
CREATE TABLE IF NOT EXISTS orders (
    order_no TEXT PRIMARY KEY, buyer TEXT, state TEXT, reason TEXT, amount INTEGER, currency TEXT);
CREATE TABLE IF NOT EXISTS money_to_return (
    order_no TEXT, provider TEXT, transaction_id TEXT, amount INTEGER, currency TEXT);
CREATE TABLE IF NOT EXISTS sold_out (sale INTEGER PRIMARY KEY, times INTEGER);
"""


class Shop:
    """The shop's own database."""

    def __init__(self, path):
        self.database = sqlite3.connect(path)
        self.database.executescript(TABLES)

    def take(self, events):
        """Of each event: was it new? Then the database says what it says; else it was dropped."""
        with self.database:  # one transaction: the versions and what they change
            return [self.take_one(event) for event in events]

    def take_one(self, event):
        if not self.is_newer(event):
            return False
        name = event["type"].removeprefix("example.seckill.")
        data = event["data"]
        if name == "order.refund_due":
            self.return_money(data["order_no"], data["refund"])
        elif name.startswith("order."):
            self.set_order(data)
        elif name == "sale.sold_out":
            self.database.execute("INSERT OR REPLACE INTO sold_out VALUES (?, ?)",
                                  (data["sale"], event["orderversion"]))
        return True  # what this program does not know is taken, too, and passed over

    def is_newer(self, event):
        changed = self.database.execute(
            "INSERT INTO seen VALUES (:source, :subject, :orderversion) "
            "ON CONFLICT DO UPDATE SET version = excluded.version "
            "WHERE excluded.version > version", event)
        return changed.rowcount == 1

    def set_order(self, data):
        self.database.execute(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?)",
            (data["order_no"], data["buyer"], data["state"], data.get("reason", ""),
             data["amount"], data["currency"]))

    def return_money(self, order_no, refund):
        self.database.execute(
            "INSERT INTO money_to_return VALUES (?, ?, ?, ?, ?)",
            (order_no, refund["provider"], refund["transaction_id"], refund["amount"],
             refund["currency"]))


def listen(consumer, shop, idle_s):
    """Until Ctrl-C, or until no event came for `idle_s`."""
    last = time.monotonic()
    while idle_s is None or time.monotonic() - last < idle_s:
        messages = consumer.consume(BATCH_MAX, timeout=0.5)
        for message in messages:
            if message.error():
                print(f"kafka: {message.error()}", file=sys.stderr)
        events = [json.loads(message.value()) for message in messages if not message.error()]
        if not events:
            continue
        last = time.monotonic()
        taken = shop.take(events)
        consumer.commit(asynchronous=False)  # all that was read
        for event, is_new in zip(events, taken):
            print(f"{event['subject']} version {event['orderversion']}: {event['type']}: "
                  f"{'taken' if is_new else 'dropped: not newer'}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--brokers", default="127.0.0.1:9092")
    parser.add_argument("--topic", default="seckill.events")
    parser.add_argument("--group", default="shop")
    parser.add_argument("--database", default="shop.sqlite")
    parser.add_argument("--idle", type=float, help="end after so many seconds without an event")
    arguments = parser.parse_args()
    consumer = Consumer({
        "bootstrap.servers": arguments.brokers, "group.id": arguments.group,
        "auto.offset.reset": "earliest",  # a new shop begins at the first event
        "enable.auto.commit": False})     # rule 2
    consumer.subscribe([arguments.topic])
    try:
        listen(consumer, Shop(arguments.database), arguments.idle)
    except KeyboardInterrupt:
        pass
    finally:
        consumer.close()


if __name__ == "__main__":
    main()
