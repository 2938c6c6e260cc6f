"""The order log is gone, made anew, or has lost what was not settled yet (FK7, FK8).

What is lost from the log is lost for good, so these tests have services of their own.
"""

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic

from support.crowd import fresh_buyers
from support.faults import Faults
from support.metrics import scrape
from support.processes import Stack
from support.wait import hold_for, wait_until

TOPIC, PARTITIONS = "seckill.orders", 4
SETTINGS = {"min.insync.replicas": "1", "retention.ms": "-1", "retention.bytes": "-1"}


@pytest.fixture(scope="module")
def session_faults():
    """In place of those that other modules share."""
    faults = Faults()
    yield faults
    faults.close()


@pytest.fixture
def topics(faults):
    return AdminClient({"bootstrap.servers": faults.services.env["KAFKA_BROKERS"]})


def create_topic(topics, name, partitions=PARTITIONS, **settings):
    topic = NewTopic(name, partitions, 1, config={**SETTINGS, **settings})

    def created():
        try:
            topics.create_topics([topic])[name].result(30)
            return True
        except Exception as error:  # while the old one of that name is being deleted
            assert "EXISTS" in str(error) or "deletion" in str(error), error
            return False

    wait_until(created, 30, f"{name} is created", interval_s=0.2)


def places(mysql):
    return {row["part"]: row["next"] for row in mysql.rows(
        "SELECT part, next FROM consumer_offsets WHERE topic = %s", TOPIC)}


def causes(process):
    """{name: detail} of what keeps it from being ready."""
    return {cause["name"]: cause["detail"] for cause in process.ops_get("/readyz").json().get(
        "causes", [])}


def why_stopped(stack):
    """All that the workers say of it: each of their consumer threads may name a partition."""
    return " ".join(cause["detail"] for worker in stack.workers
                    for cause in worker.ops_get("/readyz").json().get("causes", [])
                    if cause["name"] == "partition-stopped")


def stopped(stack):
    return sum(scrape(worker).get("seckill_partitions_stopped") for worker in stack.workers)


def kill_workers(stack):
    for worker in stack.workers:
        worker.kill()


def start_workers(stack):
    for worker in stack.workers:
        worker.start()


def restart_workers(stack):
    """A stopped partition is claimed again within 30 s; a new worker does so at once."""
    for worker in stack.workers:
        worker.terminate()
        worker.start()


def wait_for_wins(buyers, count=30):
    begun = len(buyers.wins())
    wait_until(lambda: len(buyers.wins()) >= begun + count, 40, f"{count} more wins")


def ended(process):
    """Its exit status: it was to end by itself, and nobody else ends it."""
    status = process.wait_for_exit(30)
    process.popen = None
    return status


@pytest.mark.parametrize("setting, text", [
    ({"retention.ms": "3600000"}, "retention.ms is 3600000, -1 is wanted"),
    ({}, "1 replica(s), 3 are wanted"),
])
def test_a_strict_engine_refuses_a_log_that_forgets(faults, topics, setting, text):
    """FK7, wrong settings: it says which, and ends."""
    topic = "seckill.weak." + "-".join([*setting, "rf"])
    create_topic(topics, topic, **setting)
    weak = Stack(faults.services, engines=1, engine_settings={
        "strict": True, "kafka.orders_topic": topic})
    engine = weak.engine.start()
    try:
        assert ended(engine) != 0
        engine.wait_log("strict: Kafka: ")
        engine.wait_log(text)
    finally:
        weak.stop()


def test_a_topic_that_is_missing(faults, topics):
    """FK7: no engine is ready, no worker starts; once it is made the engine is ready by itself."""
    topic = "seckill.absent"
    lonely = Stack(faults.services, engines=1, common_settings={"kafka.orders_topic": topic})
    try:
        worker = lonely.worker.start()
        assert ended(worker) != 0
        worker.wait_log(f"Kafka has no such topic: {topic}")
        engine = lonely.engine.start()
        wait_until(lambda: "does not exist" in causes(engine).get("kafka", ""), 30, "it says why",
                   ignoring=(OSError,))
        create_topic(topics, topic)
        wait_until(lambda: "kafka" not in causes(engine), 30, "it has found the topic")
    finally:
        lonely.stop()


@pytest.mark.representative
def test_records_that_retention_took_before_they_were_settled(stack, topics, mysql, kafka, crowd,
                                                              holds):
    """FK8: the partitions stop and say so, others go on, nothing is skipped; once an operator has
    brought the records back, all that was told is settled."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        wait_until(lambda: len(places(mysql)) == PARTITIONS, 60, "something of each is settled")
        kill_workers(stack)
        before = places(mysql)
        wait_until(lambda: len(behind(kafka, before)) >= 3, 60, "three partitions are behind")
        lost_parts = sorted(behind(kafka, before))[:2]
        lost = {part: [message for message in kafka.messages(TOPIC) if message.partition() == part
                       and message.offset() >= before[part]] for part in lost_parts}
        first = {part: lost[part][-1].offset() + 1 for part in lost_parts}
        for done in topics.delete_records([TopicPartition(TOPIC, part, first[part])
                                           for part in lost_parts]).values():
            done.result(30)
        start_workers(stack)
        wait_until(lambda: stopped(stack) == len(lost_parts), 60, "the partitions stop",
                   ignoring=(OSError,))
        wait_until(lambda: "log gap" in why_stopped(stack) and all(
            f"partition {part}" in why_stopped(stack) for part in lost_parts), 30, "it says which")
        wait_for_wins(buyers)  # buyers do not feel it
        others = [part for part in range(PARTITIONS) if part not in lost_parts]
        wait_until(lambda: any(places(mysql)[part] > before[part] for part in others), 30,
                   "the others go on")
        hold_for(lambda: all(places(mysql)[part] == before[part] for part in lost_parts), 3,
                 "nothing is skipped")
        assert stopped(stack) == len(lost_parts)
    wait_until(lambda: any("event=log_place_missing" in worker.log_text()
                           for worker in stack.workers), 30, "the log tells it")
    for part in lost_parts:  # RUNBOOK: a partition is stopped
        for message in lost[part]:
            kafka.produce(TOPIC, message.value(), partition=part)
        assert mysql.execute(
            "UPDATE consumer_offsets SET next = %s WHERE topic = %s AND part = %s AND next = %s",
            first[part], TOPIC, part, before[part]) == 1
    restart_workers(stack)
    holds(sale, buyers.told)


def behind(kafka, before):
    """The partitions with records that are not settled."""
    return {message.partition() for message in kafka.messages(TOPIC)
            if message.offset() >= before[message.partition()]}


def test_a_topic_that_is_made_anew(stack, topics, mysql, crowd, holds):
    """FK7: engines refuse while it is missing and sell again by themselves; the worker's places
    lie beyond the new end: it stops all of them, and resets none."""
    old = stack.admin.open_sale(stock=100000)
    with crowd(old) as buyers:
        wait_until(lambda: len(places(mysql)) == PARTITIONS and min(places(mysql).values()) > 20,
                   60, "all partitions have been far")
    holds(old, buyers.told)
    sale = stack.admin.open_sale(stock=100000)
    kill_workers(stack)
    before = places(mysql)
    topics.delete_topics([TOPIC])[TOPIC].result(30)
    for engine in stack.engines:
        wait_until(lambda: "does not exist" in causes(engine).get("kafka", ""), 30,
                   "readiness names it")
    with crowd(sale, fresh_buyers("anew")) as buyers:  # of what was told before nothing is left
        wait_until(lambda: len(buyers.told) > 100, 30, "they are refused")
        assert {answer.code for answer in list(buyers.told)} == {"overloaded"}
        create_topic(topics, TOPIC)
        wait_for_wins(buyers, 10)
    start_workers(stack)
    wait_until(lambda: stopped(stack) == PARTITIONS, 60, "all stop", ignoring=(OSError,))
    wait_until(lambda: "beyond the end" in why_stopped(stack), 30, "it says why")
    hold_for(lambda: places(mysql) == before, 3, "never reset")
    assert told_of(stack, old) == {"I6", "I13"}
    for part, offset in before.items():
        mysql.execute("UPDATE consumer_offsets SET next = 0 WHERE topic = %s AND part = %s AND "
                      "next = %s", TOPIC, part, offset)
    restart_workers(stack)
    holds(sale, buyers.told)
    assert told_of(stack, old) == {"I6"}, "its records are gone, its units are not"


def told_of(stack, sale):
    """The promises that an audit finds broken; it has not frozen the sale."""
    report = stack.admin.audit(sale)
    assert not report["frozen"] and stack.admin.sale(sale)["control"] == "open", report
    return {check["id"] for check in report["checks"] if check["result"] == "violated"}
