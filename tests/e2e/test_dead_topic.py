"""Dead letters are told in their topic, too; without it they stay in MySQL (FW10, PROTOCOL §5)."""

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from support.buyer import Buyer
from support.crowd import fresh_buyers
from support.expect import expect_won
from support.metrics import scrape
from support.wait import wait_until

TOPIC = "seckill.dead"
HEADERS = {"id", "topic", "partition", "offset", "sale", "order_no", "reason", "size"}


@pytest.fixture
def letters(mysql):
    """Those of this test; resolved after it, for they stop loads."""
    before = mysql.value("SELECT COALESCE(MAX(id), 0) FROM dead_letters")
    yield lambda: mysql.rows("SELECT * FROM dead_letters WHERE id > %s ORDER BY id", before)
    mysql.execute("UPDATE dead_letters SET resolved = 1 WHERE id > %s", before)


def told(kafka):
    """{id: (value, headers)} of the topic; a letter may be there twice."""
    found = {}
    for message in kafka.messages(TOPIC):
        headers = {name: value.decode() for name, value in message.headers()}
        assert set(headers) == HEADERS
        found[int(headers["id"])] = (message.value(), headers)
    return found


def all_told(letters, count):
    return len(rows := letters()) == count and all(row["published"] for row in rows) and rows


def test_a_letter_is_told_with_its_bytes_its_place_and_the_reason(stack, kafka, letters):
    kafka.produce("seckill.orders", b"hello", partition=2)
    [row] = wait_until(lambda: all_told(letters, 1), 30, "it is told")
    value, headers = told(kafka)[row["id"]]
    assert value == b"hello"
    assert headers == {"id": str(row["id"]), "topic": "seckill.orders", "partition": "2",
                       "offset": str(row["log_offset"]), "sale": "0", "order_no": "0",
                       "reason": "unreadable", "size": "5"}
    wait_until(lambda: scrape(stack.worker).get("seckill_dead_letters_open") >= 1, 30, "counted")


def topic_exists(client):
    found = client.list_topics(timeout=10).topics
    return TOPIC in found and len(found[TOPIC].partitions) == 1


def test_without_the_topic_letters_stay_and_settling_goes_on(stack, open_sale, kafka, mysql,
                                                             services, letters):
    sale = open_sale()
    buyers = fresh_buyers("fw10")
    client = AdminClient({"bootstrap.servers": services.env["KAFKA_BROKERS"]})
    client.delete_topics([TOPIC])[TOPIC].result(30)
    try:
        wait_until(lambda: not topic_exists(client), 30, "the topic is gone")
        for number in range(3):
            kafka.produce("seckill.orders", b"poison", partition=number)
            expect_won(Buyer(stack, next(buyers)[0]).purchase(sale))
        wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 3,
                   30, "settling goes on")
        wait_until(lambda: scrape(stack.worker).get("seckill_dead_letters_untold") == 3, 30,
                   "counted as untold")
        assert len(letters()) == 3 and not any(row["published"] for row in letters())
        assert stack.worker.is_ready()
    finally:
        client.create_topics([NewTopic(TOPIC, 1, 1)])[TOPIC].result(30)
    rows = wait_until(lambda: all_told(letters, 3), 60, "they are told once it is back")
    assert {row["id"] for row in rows} <= set(told(kafka))
    wait_until(lambda: scrape(stack.worker).get("seckill_dead_letters_untold") == 0, 30, "none")
