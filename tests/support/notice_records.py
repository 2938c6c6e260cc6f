"""notice_records: notices put into their topic past the engine (schemas/notice_event.md)."""

import itertools
import secrets
import time

import msgpack

from support.wait import wait_until

TOPIC = "seckill.notices"
PRICE = 199900  # of support.admin's sales
_run = secrets.token_hex(4)  # ids of two runs never meet
_numbers = itertools.count(1)


def encode(order_no, kind="paid", event=None, transaction=None, amount=PRICE, currency="CNY",
           provider="standard", buyer=""):
    now_ms = int(time.time() * 1000)
    number = f"{_run}-{next(_numbers)}"
    event = event or f"event-{number}"
    transaction = f"tx-{number}" if transaction is None else transaction
    return msgpack.packb([1, int(order_no), kind, provider, event, transaction, amount, currency,
                          buyer, now_ms, now_ms, ""])


def send(kafka, order_no, **fields):
    """One record in the log; the worker has applied it or not."""
    kafka.produce(TOPIC, encode(order_no, **fields), key=str(order_no))


def state_of(mysql, order_no):
    """None: its row is not there (yet)."""
    rows = mysql.rows("SELECT state FROM orders WHERE order_no = %s", order_no)
    return rows[0]["state"] if rows else None


def pay(kafka, mysql, order_no, **fields):
    """Returns once the order is PAID."""
    send(kafka, order_no, **fields)
    wait_until(lambda: state_of(mysql, order_no) == "PAID", 60, f"order {order_no} is paid")


def cancel(kafka, mysql, order_no, buyer):
    """As a buyer's request; returns once the order is CLOSED."""
    send(kafka, order_no, kind="cancel", event=str(order_no), transaction="", amount=0,
         currency="", provider="cancel", buyer=buyer)
    wait_until(lambda: state_of(mysql, order_no) == "CLOSED", 60, f"order {order_no} is closed")
