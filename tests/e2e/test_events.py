"""What the shop is told: CloudEvents in seckill.events (PROTOCOL §5, schemas/events.md)."""

import json
import sqlite3
import subprocess
import sys

import pytest
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   NewTopic, ResourceType)

from support import events, paths
from support.expect import expect_won
from support.metrics import scrape
from support.wait import wait_until

DEADLINE_S = 60


@pytest.fixture
def won(open_sale, new_buyer, mysql):
    """won(sale, sku): a settled order of a new buyer; its row."""
    def make(sale, sku="a"):
        order_no = int(expect_won(new_buyer().purchase(sale, sku=sku))["order_no"])
        rows = wait_until(lambda: mysql.rows("SELECT * FROM orders WHERE order_no = %s", order_no),
                          DEADLINE_S, "its row")
        return rows[0]
    return make


def void(admin, mysql, order_no):
    """As an operator decides about an order that was set aside."""
    assert mysql.quarantine(order_no)
    admin.void_order(order_no)


def wait_told(kafka, subject, count=1):
    def found():
        told = events.of(kafka, subject)
        return len(told) >= count and told
    return wait_until(found, DEADLINE_S, f"{count} events of {subject}", interval_s=0.2)


def put(mysql, row, verb, version, payload=None):
    """An event as the worker's transactions write it."""
    mysql.execute("INSERT INTO outbox (sale, kind, verb, order_no, order_version, payload, created)"
                  " VALUES (%s, 'event', %s, %s, %s, %s, FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000))",
                  row["sale"], verb, row["order_no"], version, payload and json.dumps(payload))


def untold(mysql):
    return mysql.value("SELECT COUNT(*) FROM outbox WHERE kind = 'event' AND confirmed IS NULL")


def test_a_voided_order_is_told_with_all_that_a_shop_needs(stack, admin, open_sale, won, kafka,
                                                           mysql):
    row = won(open_sale(stock=3))
    before = scrape(stack.worker).get("seckill_events_sent_total")
    void(admin, mysql, row["order_no"])
    [told] = wait_told(kafka, row["order_no"])
    assert told.name == "order.voided" and told.version == row["version"] + 1
    assert told.data == {
        "sale": row["sale"], "order_no": str(row["order_no"]), "buyer": row["buyer"], "sku": "a",
        "quantity": 1, "unit_price": 199900, "amount": 199900, "currency": "CNY",
        "won_at": told.data["won_at"], "state": "VOIDED", "reason": "operator"}
    wait_until(lambda: untold(mysql) == 0, DEADLINE_S, "it is marked")
    wait_until(lambda: scrape(stack.worker).get("seckill_events_sent_total") > before, DEADLINE_S,
               "it is counted")
    wait_until(lambda: scrape(stack.worker).get("seckill_events_pending") == 0, DEADLINE_S, "none")


def test_events_of_one_order_come_in_their_order(open_sale, won, kafka, mysql, stack):
    row = won(open_sale(stock=3))
    refund = {"provider": "stripe", "transaction_id": "pi_1", "amount": 199900, "currency": "CNY"}
    put(mysql, row, "order.paid", 2)
    put(mysql, row, "order.refund_due", 3, refund)
    put(mysql, row, "order.refunded", 4)
    told = wait_told(kafka, row["order_no"], 3)
    assert [each.name for each in told] == ["order.paid", "order.refund_due", "order.refunded"]
    assert [each.data.get("state") for each in told] == ["PAID", None, "REFUNDED"]
    assert told[1].data["refund"] == refund


def test_money_for_a_number_without_an_order_is_told(open_sale, kafka, mysql, stack):
    sale = open_sale()
    refund = {"provider": "alipay", "transaction_id": "t", "amount": 5, "currency": "CNY"}
    row = {"sale": sale, "order_no": (sale << 40) | (1 << 26) | 77}
    put(mysql, row, "order.refund_due", 1, refund)
    [told] = wait_told(kafka, row["order_no"])
    assert told.data == {"sale": sale, "order_no": str(row["order_no"]), "refund": refund}


def test_a_sale_that_is_sold_out_is_told_each_time(stack, admin, open_sale, won, kafka, mysql,
                                                   redis_db):
    sale = open_sale(stock={"a": 2, "b": 1})
    first = won(sale)
    won(sale)
    assert events.of(kafka, f"sale:{sale}") == [], "b is there"
    won(sale, sku="b")
    [told] = wait_told(kafka, f"sale:{sale}")
    assert (told.name, told.version) == ("sale.sold_out", 1)
    assert told.data == {"sale": sale, "units": 3}
    void(admin, mysql, first["order_no"])
    wait_until(lambda: redis_db.stock(sale)["a"] == 1, DEADLINE_S, "its unit can be bought")
    won(sale)
    told = wait_told(kafka, f"sale:{sale}", 2)
    assert [each.version for each in told] == [1, 2]


@pytest.fixture
def largest_record(services):
    """largest_record(bytes): what the topic takes from now on; None: as before. Undone after."""
    client = AdminClient({"bootstrap.servers": services.env["KAFKA_BROKERS"]})

    def alter(size):
        entry = ConfigEntry("max.message.bytes", str(size) if size else None,
                            incremental_operation=AlterConfigOpType.SET if size
                            else AlterConfigOpType.DELETE)
        resource = ConfigResource(ResourceType.TOPIC, events.TOPIC, incremental_configs=[entry])
        client.incremental_alter_configs([resource])[resource].result(30)

    yield alter
    alter(None)


def test_what_the_topic_refuses_holds_back_its_own_order_alone(stack, open_sale, won, kafka, mysql,
                                                               largest_record):
    sale = open_sale(stock=20)
    large, *small = [won(sale) for _ in range(12)]
    put(mysql, small[0], "order.paid", 2)
    size = len(wait_told(kafka, small[0]["order_no"])[0].raw)
    largest_record(size + 250)  # one takes no more than that, many in one batch do
    refund = {"provider": "p" * 32, "transaction_id": "t" * 128, "amount": 1, "currency": "CNY"}
    put(mysql, large, "order.refund_due", 2, refund)
    put(mysql, large, "order.paid", 3)
    for row in small[1:]:
        put(mysql, row, "order.paid", 2)
    for row in small[1:]:
        wait_told(kafka, row["order_no"])
    wait_until(lambda: scrape(stack.worker).get("seckill_events_held") == 1, DEADLINE_S, "counted")
    assert events.of(kafka, large["order_no"]) == []
    wait_until(lambda: "refused for good: 1" in stack.worker.ops_get("/readyz").body.decode(),
               DEADLINE_S, "readiness names it")
    largest_record(None)
    told = wait_told(kafka, large["order_no"], 2)
    assert [each.version for each in told] == [2, 3]
    stack.worker.wait_ready()


def has_topic(client, wanted):
    found = client.list_topics(timeout=10).topics
    return (events.TOPIC in found and len(found[events.TOPIC].partitions) == 4) == wanted


def test_without_the_topic_events_wait_and_all_else_goes_on(stack, admin, open_sale, won, kafka,
                                                            mysql, services):
    events.check_topic(kafka)  # what it has is deleted
    sale = open_sale(stock=5)
    row, other = won(sale), won(sale)
    client = AdminClient({"bootstrap.servers": services.env["KAFKA_BROKERS"]})
    client.delete_topics([events.TOPIC])[events.TOPIC].result(30)
    try:
        wait_until(lambda: has_topic(client, False), DEADLINE_S, "the topic is gone")
        void(admin, mysql, row["order_no"])
        won(sale)
        wait_until(lambda: scrape(stack.worker).get("seckill_events_pending") >= 1, DEADLINE_S,
                   "counted")
        wait_until(lambda: "events wait" in stack.worker.ops_get("/readyz").body.decode(),
                   DEADLINE_S, "readiness names it")
    finally:
        client.create_topics([NewTopic(events.TOPIC, 4, 1)])[events.TOPIC].result(30)
    wait_told(kafka, row["order_no"])
    void(admin, mysql, other["order_no"])
    wait_told(kafka, other["order_no"])
    stack.worker.wait_ready()


# --- the consumer of docs/examples

def event(subject, version, name, **data):
    return {"specversion": "1.0", "id": str(version), "source": "/seckill/sales/7",
            "type": f"example.seckill.{name}", "subject": subject,
            "time": "2026-01-01T00:00:00.000Z", "datacontenttype": "application/json",
            "orderversion": version, "data": {"sale": 7, **data}}


def order_event(subject, version, name, state, **data):
    return event(subject, version, name, order_no=subject, buyer="b", sku="a", quantity=1,
                 unit_price=5, amount=5, currency="CNY", won_at="2026-01-01T00:00:00.000Z",
                 state=state, **data)


def run_shop(services, topic, directory):
    """Its output lines: what became of each event that it had not told Kafka about."""
    done = subprocess.run(
        [sys.executable, paths.ROOT / "docs/examples/shop_events.py", "--topic", topic,
         "--brokers", services.env["KAFKA_BROKERS"], "--group", topic,
         "--database", directory / "shop.sqlite", "--idle", "10"],
        capture_output=True, text=True, timeout=240, check=True)
    return [line.rpartition(": example.seckill.")[2] for line in done.stdout.splitlines()]


def test_a_shop_drops_what_two_relays_tell_twice_and_out_of_order(services, kafka, tmp_path):
    """One relay told all; another, which was stopped long ago, tells what it had begun with."""
    topic = f"shop-{tmp_path.name}"
    client = AdminClient({"bootstrap.servers": services.env["KAFKA_BROKERS"]})
    client.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    refund = {"provider": "stripe", "transaction_id": "pi_2", "amount": 5, "currency": "CNY"}
    paid = order_event("70", 2, "order.paid", "PAID")
    due = {**event("70", 3, "order.refund_due", order_no="70", refund=refund)}
    refunded = order_event("70", 4, "order.refunded", "REFUNDED")
    closed = order_event("71", 2, "order.closed", "CLOSED", reason="overdue")
    sold_out = event("sale:7", 1, "sale.sold_out", units=9)

    def produce(*told):
        for each in told:
            kafka.produce(topic, json.dumps(each).encode(), each["subject"].encode())

    for each in (paid, due, refunded, closed, sold_out):
        events.check(each)
    produce(paid, due, closed, paid, refunded, sold_out)
    assert run_shop(services, topic, tmp_path) == [
        "order.paid: taken", "order.refund_due: taken", "order.closed: taken",
        "order.paid: dropped: not newer", "order.refunded: taken", "sale.sold_out: taken"]
    produce(due, paid, sold_out, refunded, closed)
    assert all(line.endswith(": dropped: not newer")
               for line in run_shop(services, topic, tmp_path))
    with sqlite3.connect(tmp_path / "shop.sqlite") as shop:
        assert shop.execute("SELECT order_no, state, reason FROM orders ORDER BY 1").fetchall() == [
            ("70", "REFUNDED", ""), ("71", "CLOSED", "overdue")]
        assert shop.execute("SELECT * FROM money_to_return").fetchall() == [
            ("70", "stripe", "pi_2", 5, "CNY")]
        assert shop.execute("SELECT * FROM sold_out").fetchall() == [(7, 1)]
