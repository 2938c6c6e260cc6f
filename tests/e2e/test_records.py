"""Records of the order log gone wrong: poison, clashes, copies, old and new (PROTOCOL §5, §6)."""

import dataclasses

import msgpack
import pytest

from support.admin import AdminError
from support.buyer import Buyer
from support.crowd import fresh_buyers
from support.db import OrderEvent, compose_order_no
from support.expect import expect, expect_won
from support.metrics import scrape
from support.wait import wait_until


@pytest.fixture
def dead_letters(mysql):
    """Those that this test makes; resolved after it, for they stop loads."""
    before = mysql.value("SELECT COALESCE(MAX(id), 0) FROM dead_letters")
    yield lambda: mysql.rows("SELECT * FROM dead_letters WHERE id > %s ORDER BY id", before)
    mysql.execute("UPDATE dead_letters SET resolved = 1 WHERE id > %s", before)


def event_of(sale, seq, **fields):
    """A well-formed record that no engine produced."""
    return dataclasses.replace(OrderEvent(
        1, compose_order_no(sale, 1, seq), f"forged-{seq}", "a", 1, 199900, "CNY", 0, "",
        1795000000000, 1795000900000, ""), **fields)


POISON = {
    "empty": b"", "no msgpack": b"\xc1", "text": b"hello", "half a record": b"\x9c\x01\xcf\x00",
    "a map": msgpack.packb({"v": 1}), "deep": b"\x91" * 5000, "null": b"\xc0",
    "too few": msgpack.packb([1, 2, 3]), "large": b"\xdb\x7f\xff\xff\xff" + b"x" * 1000,
}


def dead(stack):
    return scrape(stack.worker).get("seckill_dlq_total", reason="unreadable")


def test_poison_goes_to_dead_letters_and_the_rest_is_settled(stack, admin, open_sale, kafka, mysql,
                                                             dead_letters):
    sale = open_sale()
    buyers = fresh_buyers("poison")
    before = dead(stack)
    for number, value in enumerate(POISON.values()):
        kafka.produce("seckill.orders", value, partition=number % 4)
        expect_won(Buyer(stack, next(buyers)[0]).purchase(sale))
    wait_until(lambda: len(dead_letters()) == len(POISON), 30, "all are dead letters")
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == len(
        POISON), 30, "the good ones are rows")
    assert {row["payload"] for row in dead_letters()} == set(POISON.values()), "byte for byte"
    assert {row["reason"] for row in dead_letters()} == {"unreadable"}
    ids = {row["id"] for row in dead_letters()}
    listed = [letter for letter in admin.dead_letters()["dead_letters"] if letter["id"] in ids]
    assert len(listed) == len(POISON) and {letter["reason"] for letter in listed} == {"unreadable"}
    assert {letter["topic"] for letter in listed} == {"seckill.orders"}
    wait_until(lambda: dead(stack) >= before + len(POISON), 30, "counted")
    assert dead(stack) == before + len(POISON)
    assert stack.worker.is_ready()


def test_records_of_nobody(admin, plain_sale, kafka, mysql, dead_letters):
    """Of an unknown sale, of an unknown sku: dead letters with their sale."""
    kafka.produce("seckill.orders", event_of(8388607, 1).encode())
    kafka.produce("seckill.orders", event_of(plain_sale, 60000000, sku="zz").encode())
    wait_until(lambda: len(dead_letters()) == 2, 30, "both are dead letters")
    assert {(row["sale"], row["reason"]) for row in dead_letters()} == {
        (8388607, "unknown_sale"), (plain_sale, "unknown_sku")}
    assert mysql.value("SELECT COUNT(*) FROM orders WHERE order_no = %s",
                       compose_order_no(plain_sale, 1, 60000000)) == 0


def test_a_newer_version_is_quarantined(stack, admin, open_sale, kafka, mysql):
    """What it knows is settled and holds its units; an operator decides."""
    sale = open_sale(stock=5)
    fields = list(dataclasses.astuple(event_of(sale, 100)))[:12]
    kafka.produce("seckill.orders", msgpack.packb([2, *fields[1:], "new field", {"a": [1]}]))
    order = str(compose_order_no(sale, 1, 100))
    found = wait_until(lambda: admin.order(order), 30, "the row", AdminError)
    assert found["state"] == "QUARANTINED" and found["reason"] == "version"
    assert found["buyer"] == "forged-100" and found["quantity"] == 1
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1
    assert found.pop("payments") == []  # a list of orders leaves them out
    assert admin.orders(sale=sale, state="QUARANTINED")["orders"] == [found]


def test_a_record_over_the_total_is_voided(stack, admin, open_sale, kafka, mysql, new_buyer):
    """MySQL's own bound: told openly, counted, the winner's row stands."""
    sale = open_sale(stock=1)
    order = expect_won(new_buyer().purchase(sale))
    wait_until(lambda: mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1, 30,
               "sold")
    kafka.produce("seckill.orders", event_of(sale, 100).encode())
    voided = str(compose_order_no(sale, 1, 100))
    found = wait_until(lambda: admin.order(voided), 30, "the row", AdminError)
    assert (found["state"], found["reason"], found["slot"]) == ("VOIDED", "stock", None)
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1
    assert admin.order(order["order_no"])["state"] == "PENDING"


def test_a_second_order_in_a_taken_slot_freezes_the_sale(stack, admin, open_sale, kafka, mysql,
                                                         new_buyer, redis_db):
    """(sale, buyer, slot) is the real guard: quarantined without slot, frozen, nothing sold."""
    sale = open_sale(stock=5)
    buyer = new_buyer()
    expect_won(buyer.purchase(sale))
    wait_until(lambda: mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1, 30,
               "sold")
    kafka.produce("seckill.orders", event_of(sale, 100, buyer=buyer.name).encode())
    order = str(compose_order_no(sale, 1, 100))
    found = wait_until(lambda: admin.order(order), 30, "the row", AdminError)
    assert (found["state"], found["reason"], found["slot"]) == ("QUARANTINED", "slot_clash", None)
    assert admin.sale(sale)["control"] == "frozen"
    wait_until(lambda: redis_db.meta(sale)["state"] == "frozen", 30, "frozen in Redis")
    expect(new_buyer().purchase(sale), 503, "rebuilding")


def test_copies_of_a_record_make_one_row(admin, open_sale, kafka, mysql, new_buyer, stack):
    sale = open_sale()
    expect_won(new_buyer().purchase(sale))
    record = wait_until(lambda: kafka.orders(sale), 30, "its record")[0]
    before = scrape(stack.worker).get("seckill_settled_records_total", result="duplicate")
    for partition in range(4):
        kafka.produce("seckill.orders", record.encode(), partition=partition)
    wait_until(lambda: scrape(stack.worker).get("seckill_settled_records_total",
                                                result="duplicate") >= before + 4, 30, "counted")
    assert mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 1
    assert admin.audit(sale)["ok"]


def test_a_record_of_an_older_epoch_is_voided_and_told_to_nobody(admin, open_sale, kafka, mysql,
                                                                 redis_db, new_buyer):
    sale = open_sale(stock=5)
    wait_until(lambda: admin.sale(sale)["load"]["step"] == "done", 30, "the first load ends")
    admin.recover(sale)
    wait_until(lambda: (load := admin.sale(sale)["load"])["step"] == "done" and load["epoch"] == 2,
               60, "epoch 2")
    kafka.produce("seckill.orders", event_of(sale, 1).encode())
    order = str(compose_order_no(sale, 1, 1))
    found = wait_until(lambda: admin.order(order), 30, "the row", AdminError)
    assert (found["state"], found["reason"], found["slot"]) == ("VOIDED", "epoch", None)
    assert redis_db.buyers(sale) == {}, "no letter"
    expect_won(new_buyer().purchase(sale))
    wait_until(lambda: admin.audit(sale)["ok"], 30, "it holds")
