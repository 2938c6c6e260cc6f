#!/usr/bin/env python3
"""A shop that listens to seckill: reads seckill.events and keeps its own view of the orders.

    pip install confluent-kafka
    ./shop_events.py --brokers 127.0.0.1:9092 --database shop.sqlite

Events come at least once, and an old one may come again behind a newer one. Two rules make that
harmless (schemas/events.md):

1. Take an event only if its orderversion is above the last one taken of the same source and
   subject. What is not newer was taken already.
2. Note the version in the transaction of what the event changes, then tell Kafka. Whoever dies in
   between reads the event again, and rule 1 drops it.
"""

import argparse
import json
import sqlite3
import sys
import time

from confluent_kafka import Consumer

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

    def take(self, event):
        """True: the event was new, and the database says what it says. False: it was dropped."""
        with self.database:  # one transaction: the version and what it changes
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
        message = consumer.poll(0.5)
        if message is None:
            continue
        if message.error():
            print(f"kafka: {message.error()}", file=sys.stderr)
            continue
        last = time.monotonic()
        event = json.loads(message.value())
        said = "taken" if shop.take(event) else "dropped: not newer"
        consumer.commit(message, asynchronous=False)
        print(f"{event['subject']} version {event['orderversion']}: {event['type']}: {said}",
              flush=True)


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
