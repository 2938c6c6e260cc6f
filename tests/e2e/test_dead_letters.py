"""Dead letters and QUARANTINED orders, as an operator deals with them (PROTOCOL §6)."""

import contextlib
import dataclasses
import json
import threading

import pytest

from support.admin import AdminError
from support.crowd import ask_all
from support.ctl import ctl
from support.db import OrderEvent, compose_order_no
from support.expect import expect_won
from support.wait import wait_until

DONE, REFUSED = 0, 3


@pytest.fixture
def letters(mysql):
    """letters(sale): its dead letters, newest last; all of this test are resolved after it."""
    before = mysql.value("SELECT COALESCE(MAX(id), 0) FROM dead_letters")
    yield lambda sale: mysql.rows(
        "SELECT * FROM dead_letters WHERE id > %s AND sale = %s ORDER BY id", before, sale)
    mysql.execute("UPDATE dead_letters SET resolved = 1 WHERE id > %s AND resolved IS NULL", before)


@contextlib.contextmanager
def sku_missing(mysql, sale):
    """The sale has no sku "a" in MySQL, as a botched restore would leave it."""
    rename = "UPDATE sale_skus SET sku = %s WHERE sale = %s AND sku = %s"
    with mysql.connect() as session, session.cursor() as cursor:
        cursor.execute("SET SESSION foreign_key_checks = 0")
        cursor.execute(rename, ("gone", sale, "a"))
        yield
        cursor.execute(rename, ("a", sale, "gone"))


def admin_rows(mysql, sale, action):
    return mysql.rows("SELECT actor, detail, request_id FROM admin_log WHERE sale = %s AND "
                      "action = %s", sale, action)


def problem(call, *arguments):
    with pytest.raises(AdminError) as refused:
        call(*arguments)
    return refused.value.response


def test_a_letter_whose_cause_is_gone_becomes_its_order(admin, open_sale, new_buyer, mysql,
                                                        letters):
    sale = open_sale(stock=5)
    buyer = new_buyer()
    with sku_missing(mysql, sale):
        order = expect_won(buyer.purchase(sale))
        [letter] = wait_until(lambda: letters(sale), 30, "a dead letter")
        assert letter["reason"] == "unknown_sku"
        answer = problem(admin.redrive, letter["id"])
        assert answer.status == 409 and answer.json()["code"] == "stays-dead"
        assert answer.json()["detail"] == f"Sale {sale} still has no such sku."
    first = admin.redrive(letter["id"])
    assert first["resolution"] == "admin: applied as PENDING" and not first["repeated"]
    assert first["order_no"] == order["order_no"] and first["sale"] == sale
    assert admin.redrive(letter["id"]) == {**first, "repeated": True}
    row = admin.order(order["order_no"])
    assert (row["state"], row["offset"], row["partition"]) == (
        "PENDING", letter["log_offset"], letter["part"])
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1
    assert len(admin_rows(mysql, sale, "redrive_dead_letter")) == 1
    assert not [each for each in admin.dead_letters(open="true")["dead_letters"]
                if each["sale"] == sale]
    assert admin.audit(sale)["ok"]


def test_many_redrives_at_once_apply_it_once(stack, admin, open_sale, new_buyer, mysql, letters):
    sale = open_sale(stock=5)
    with sku_missing(mysql, sale):
        expect_won(new_buyer().purchase(sale))
        [letter] = wait_until(lambda: letters(sale), 30, "a dead letter")
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(admin.redrive(letter["id"])))
               for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer["repeated"] for answer in answers].count(False) == 1 and len(answers) == 6
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1
    assert admin.audit(sale)["ok"]


def test_what_still_cannot_be_read_stays_and_says_why(stack, admin, kafka, mysql, letters):
    kafka.produce("seckill.orders", b"\x9c\x01\xcf\x00")
    [letter] = wait_until(lambda: letters(0), 30, "a dead letter")
    done = ctl(stack, "dead", "redrive", letter["id"])
    assert done.returncode == REFUSED
    assert "It still cannot be read: truncated. [stays-dead]" in done.stderr
    [line] = [line for line in ctl(stack, "dead", "list", "--open").stdout.splitlines()
              if line.startswith(f"{letter['id']} ")]
    [listed] = [each for each in admin.dead_letters(open="true")["dead_letters"]
                if each["id"] == letter["id"]]
    assert line.endswith(f"  {listed['created_at']}  {len(letter['payload'])} bytes  open"), line
    [after] = letters(0)
    assert after["resolved"] is None
    assert ctl(stack, "dead", "redrive", 2 ** 40).returncode == REFUSED
    assert admin.call("POST", "dead-letters/0/redrive").json()["code"] == "bad-query"
    assert admin.call("POST", "dead-letters/1x/redrive").json()["code"] == "bad-query"
    assert problem(admin.redrive, 2 ** 40).json()["code"] == "unknown-dead-letter"
    assert admin.call("GET", "dead-letters?open=yes").json()["code"] == "bad-query"


def test_what_cannot_be_settled_is_closed_with_a_reason(stack, admin, kafka, mysql, letters):
    """Once; the reason is kept, and no load waits for it any more."""
    sale = admin.open_sale(stock=1)
    kafka.produce("seckill.orders", b"nobody's win")
    [letter] = wait_until(lambda: letters(0), 30, "a dead letter")
    admin.recover(sale)
    wait_until(lambda: "dead letter" in admin.sale(sale)["load"]["note"], 30, "it is not loaded")
    assert ctl(stack, "dead", "close", letter["id"]).returncode == 2
    done = ctl(stack, "dead", "close", letter["id"], "--reason",
               "ticket 815: 測試 of another team…")
    assert done.returncode == DONE and "admin: closed" in done.stdout, done
    assert admin.close(letter["id"])["repeated"]
    assert admin.redrive(letter["id"])["repeated"]
    [row] = mysql.rows("SELECT actor, detail FROM admin_log WHERE action = 'close_dead_letter' AND "
                       "detail LIKE %s", f"id={letter['id']} %")
    assert row["actor"] == "admin" and row["detail"].endswith(
        " closed: ticket 815: 測試 of another team…")
    assert letters(0)[0]["resolution"] == "admin: closed"
    admin.recover(sale)
    wait_until(lambda: admin.sale(sale)["load"]["step"] == "done", 60, "it is loaded again")
    assert admin.call("POST", f"dead-letters/{letter['id']}/close", {"reason": ""}).status == 400
    assert problem(admin.close, 2 ** 40).json()["code"] == "unknown-dead-letter"


def test_a_letter_that_can_be_settled_is_not_closed(admin, open_sale, new_buyer, mysql, letters):
    sale = open_sale(stock=5)
    with sku_missing(mysql, sale):
        expect_won(new_buyer().purchase(sale))
        [letter] = wait_until(lambda: letters(sale), 30, "a dead letter")
    answer = problem(admin.close, letter["id"])
    assert answer.status == 409 and answer.json()["code"] == "conflict"
    assert letters(sale)[0]["resolved"] is None
    assert not mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale)
    assert admin.redrive(letter["id"])["resolution"] == "admin: applied as PENDING"
    assert admin.audit(sale)["ok"]


def test_letters_are_listed_by_pages(stack, admin, kafka, letters):
    for _ in range(3):
        kafka.produce("seckill.orders", b"hello")
    mine = wait_until(lambda: (found := letters(0))[2:] and found, 30, "three dead letters")
    page = admin.dead_letters(after=mine[0]["id"] - 1, limit=2)
    assert [each["id"] for each in page["dead_letters"]] == [mine[0]["id"], mine[1]["id"]]
    assert page["next"] == mine[1]["id"]
    listed = ctl(stack, "dead", "list", "--after", mine[1]["id"], "--json")
    assert mine[2]["id"] in [each["id"] for each in json.loads(listed.stdout)["dead_letters"]]


def settled_order(admin, mysql, sale, buyer):
    order_no = int(expect_won(buyer.purchase(sale))["order_no"])
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE order_no = %s", order_no),
               30, "its row")
    assert mysql.quarantine(order_no)
    assert [order["order_no"] for order in admin.orders(sale=sale, state="QUARANTINED")[
        "orders"]] == [str(order_no)]
    return order_no


def test_a_quarantined_order_becomes_pending(stack, admin, open_sale, new_buyer, mysql):
    sale = open_sale(stock=5)
    order_no = settled_order(admin, mysql, sale, new_buyer())
    mysql.execute("UPDATE orders SET pay_by = 1000 WHERE order_no = %s", order_no)
    first = admin.redrive_order(order_no)
    assert (first["state"], first["reason"], first["version"], first["slot"]) == (
        "PENDING", "", 2, 0)
    assert mysql.value("SELECT pay_by - changed FROM orders WHERE order_no = %s",
                       order_no) >= 900 * 1000 - 1
    assert admin.redrive_order(order_no) == first, "nothing changes the second time"
    assert len(admin_rows(mysql, sale, "redrive_order")) == 1
    answer = problem(admin.void_order, order_no)
    assert answer.status == 409 and "is PENDING" in answer.json()["detail"]
    wait_until(lambda: admin.audit(sale)["ok"], 30, "it holds")
    assert problem(admin.redrive_order, compose_order_no(sale, 1, 9999)).status == 404


def test_a_void_that_comes_twice_gives_its_units_back_once(stack, admin, open_sale, new_buyer,
                                                           mysql, redis_db):
    """By the operator: six at once and one more; the unit is sold again, once."""
    sale = open_sale(stock=2)
    buyer = new_buyer()
    order_no = settled_order(admin, mysql, sale, buyer)
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(
        admin.call("POST", f"orders/{order_no}/void"))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status for answer in answers] == [200] * 6
    done = ctl(stack, "order", "void", order_no, "--json")
    assert done.returncode == DONE and json.loads(done.stdout) == answers[0].json()
    assert {(answer.json()["state"], answer.json()["reason"], answer.json()["version"])
            for answer in answers} == {("VOIDED", "operator", 2)}
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 0
    assert mysql.value("SELECT COUNT(*) FROM stock_ledger WHERE sale = %s AND cause = 'void' AND "
                       "ref = %s AND delta = 1", sale, str(order_no)) == 1
    assert mysql.value("SELECT COUNT(*) FROM outbox WHERE sale = %s AND verb = 'order.voided'",
                       sale) == 1
    assert len(admin_rows(mysql, sale, "void_order")) == 1
    wait_until(lambda: redis_db.stock(sale) == {"a": 2}, 30, "the unit is there again")
    assert [entry[5] for entry in redis_db.buyers(sale)[buyer.name]] == ["V"]
    told = ask_all(stack, sale, [(f"next-{i}", f"key-of-the-next-{i:04}", "a") for i in range(4)])
    assert sorted(answer.status for answer in told) == [201, 201, 409, 409]
    wait_until(lambda: admin.audit(sale)["ok"], 30, "it holds")


def test_a_void_after_the_end_gives_back_what_is_offered_no_more(admin, open_sale, new_buyer,
                                                                  mysql, redis_db):
    sale = open_sale(stock=5)
    order_no = settled_order(admin, mysql, sale, new_buyer())
    admin.end(sale)
    wait_until(lambda: redis_db.meta(sale)["state"] == "ended", 30, "ended")
    admin.void_order(order_no)
    report = wait_until(lambda: (found := admin.audit(sale))["at_rest"] and found, 30, "at rest")
    assert report["ok"], report
    assert [check["found"] for check in report["checks"] if check["id"] == "I3"] == [
        "left 4 + held 0 + live 0 of 5; 1 came after the end"]


def test_an_order_without_a_slot_is_pending_only_within_the_limit(stack, admin, open_sale, kafka,
                                                                  mysql, new_buyer):
    sale = open_sale(stock=5)
    buyer = new_buyer()
    expect_won(buyer.purchase(sale))
    wait_until(lambda: mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1, 30,
               "sold")
    other = OrderEvent(1, compose_order_no(sale, 1, 100), buyer.name, "a", 1, 199900, "CNY", 0, "",
                       1795000000000, 1795000900000, "")
    kafka.produce("seckill.orders", other.encode())
    wait_until(lambda: admin.order(other.order_no)["state"] == "QUARANTINED", 30, "quarantined",
               AdminError)
    answer = problem(admin.redrive_order, other.order_no)
    assert answer.status == 409 and "2 units of at most 1" in answer.json()["detail"]
    done = ctl(stack, "order", "void", other.order_no)
    assert done.returncode == DONE and "VOIDED" in done.stdout
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1


def test_a_record_that_is_voided_twice_is_told_once(admin, open_sale, kafka, mysql, new_buyer):
    """For want of stock: copies of its record find the VOIDED row, though it would fit by now."""
    sale = open_sale(stock=1)
    expect_won(new_buyer().purchase(sale))
    wait_until(lambda: mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 1, 30,
               "sold")
    over = OrderEvent(1, compose_order_no(sale, 1, 100), "over", "a", 1, 199900, "CNY", 0, "",
                      1795000000000, 1795000900000, "")
    kafka.produce("seckill.orders", over.encode(), partition=0)
    wait_until(lambda: admin.order(over.order_no), 30, "its row", AdminError)
    mysql.execute("UPDATE sale_skus SET total = 9 WHERE sale = %s", sale)
    for partition in range(4):  # a copy in each, and one behind it that is settled afterwards
        kafka.produce("seckill.orders", over.encode(), partition=partition)
        last = dataclasses.replace(over, order_no=over.order_no + 1 + partition,
                                   buyer=f"last-{partition}")
        kafka.produce("seckill.orders", last.encode(), partition=partition)
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND buyer LIKE "
                                   "'last-%%'", sale) == 4, 30, "all partitions are settled")
    assert mysql.rows("SELECT state, reason FROM orders WHERE sale = %s AND buyer = 'over'",
                      sale) == [{"state": "VOIDED", "reason": "stock"}]
    assert mysql.value("SELECT COUNT(*) FROM outbox WHERE sale = %s AND verb = 'order.voided' AND "
                       "order_no = %s", sale, over.order_no) == 1
    assert mysql.value("SELECT COUNT(*) FROM outbox WHERE sale = %s AND kind = 'letter' AND "
                       "buyer = 'over'", sale) == 1
