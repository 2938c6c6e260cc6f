"""A worker, MySQL or the log of notices breaks while payments flow: each payment counts once, none
is skipped (I13, I14; FW1 to FW4, FW6, FK8, FP1, FP2 for the notices' topic)."""

import dataclasses

import pymysql
import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from support.admin import AdminError
from support.crowd import fresh_buyers
from support.failpoints import arm
from support.faults import revive
from support.notice_producer import TOPIC, NoticeProducer, Payers, payment_of
from support.processes import Stack
from support.wait import wait_until

PARTITIONS = 4
SETTLED_S = 90
POINTS = ["notice_begun", "notice_written", "notice_advanced", "notice_committed"]


@pytest.fixture
def payers(faults):
    """payers(buyers): pays what they win, as a context manager."""
    return lambda buyers: Payers(faults.services, buyers)


@pytest.fixture
def notices(faults):
    return NoticeProducer(faults.services)


def causes(worker):
    return {cause["name"]: cause["detail"] for cause in worker.ops_get("/readyz").json()["causes"]}


def places(mysql):
    """{partition: next} of the notices, as MySQL has them."""
    return {row["part"]: row["next"] for row in mysql.rows(
        "SELECT part, next FROM consumer_offsets WHERE topic = %s", TOPIC)}


def ends(kafka):
    """{partition: end} of the log of notices, where there is a record."""
    found = {}
    for message in kafka.messages(TOPIC):
        found[message.partition()] = message.offset() + 1
    return found


def wait_settled(stack, mysql, kafka):
    """I13: the places are those of the log's ends."""
    revive(stack)
    wanted = ends(kafka)
    wait_until(lambda: {part: next for part, next in places(mysql).items() if next} == wanted,
               SETTLED_S, f"all notices are settled: {wanted}")


def states(mysql, order_nos):
    return {row["order_no"]: row["state"] for row in mysql.rows(
        "SELECT order_no, state FROM orders WHERE order_no IN %s", tuple(order_nos))}


def payments(mysql, order_nos):
    """{order_no: [state of each payment's row]}"""
    found = {}
    for row in mysql.rows("SELECT order_no, state FROM payments WHERE order_no IN %s ORDER BY id",
                          tuple(order_nos)):
        found.setdefault(row["order_no"], []).append(row["state"])
    return found


def assert_paid_once(mysql, paid):
    """Each paid order is PAID by one payment that had its effect; the other was the same event."""
    assert paid
    wait_until(lambda: set(states(mysql, paid).values()) == {"PAID"}, SETTLED_S,
               "every payment has counted", interval_s=0.2)
    assert payments(mysql, paid) == {order_no: ["APPLIED"] for order_no in paid}


def wait_for(buyers, payer, count=30):
    """So many more wins, and payments sent, than there are now."""
    wins, paid = len(buyers.wins()), len(payer.paid)
    wait_until(lambda: len(buyers.wins()) >= wins + count, 60, "buyers win")
    wait_until(lambda: len(payer.paid) >= paid + count, 60, "payers pay")


# --- FW1 to FW3: the worker


@pytest.mark.parametrize("point", [
    *POINTS[:2], pytest.param(POINTS[2], marks=pytest.mark.representative), *POINTS[3:]])
def test_killed_in_the_transaction_of_notices(stack, crowd, payers, holds, mysql, kafka, point):
    """FW1: the other worker, and this one after its restart, go on from the stored offset."""
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale, threads=3) as buyers, payers(buyers) as payer:
        wait_for(buyers, payer)
        arm(stack.workers, point, "kill").wait()
        wait_for(buyers, payer)
    wait_settled(stack, mysql, kafka)
    holds(sale, buyers.told)
    assert_paid_once(mysql, payer.paid)


def postponed(stack):
    return any("event=settling_postponed topic=seckill.notices" in worker.log_text()
               for worker in stack.workers)


def test_the_reply_of_commit_is_lost(stack, crowd, notices, holds, mysql, kafka):
    """FW2: what MySQL did is read back; no payment counts twice, none is left out."""
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale, threads=3) as buyers:
        wait_until(lambda: len(buyers.wins()) > 200, 60, "they win")
    order_nos = sorted(buyers.wins().values())
    wait_until(lambda: len(states(mysql, order_nos)) == len(order_nos), SETTLED_S, "all have rows")
    paid = set()
    while not postponed(stack):  # almost all that commits now are notices
        shot = arm(stack.workers, "commit_lost", "fail")
        some = [order_no for order_no in order_nos if order_no not in paid][:20]
        assert some, "no commit of notices was hit"
        notices.pay(some)
        paid.update(some)
        shot.wait()
    wait_settled(stack, mysql, kafka)
    holds(sale, buyers.told)
    assert_paid_once(mysql, paid)


def claims(worker):
    return worker.log_text().count("event=partition_claimed topic=seckill.notices")


def test_a_stopped_worker_wakes_up_as_nobody(stack, crowd, payers, holds, mysql, kafka):
    """FW3: stopped inside its transaction until another owns its partitions; then continued."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, fresh_buyers("notices-zombie"), threads=2) as buyers, payers(buyers) as payer:
        wait_for(buyers, payer)
        stopped = arm(stack.workers, "notice_written", "stop").wait()
        other = next(worker for worker in stack.workers if worker is not stopped)
        before = claims(other)
        wait_until(lambda: claims(other) >= before + PARTITIONS, 90, "the other claims all")
        logged = len(stopped.log_text())
        stopped.thaw()
        wait_until(lambda: any(word in stopped.log_text()[logged:]
                               for word in ("fenced", "partition_left")), 60, "it finds out")
    wait_settled(stack, mysql, kafka)
    holds(sale, buyers.told)
    assert_paid_once(mysql, payer.paid)


# --- FW4: what cannot be applied


def letters_since(mysql, last):
    return mysql.rows("SELECT id, topic, reason, order_no, LENGTH(payload) AS size FROM "
                      "dead_letters WHERE id > %s ORDER BY id", last)


def test_poison_is_set_aside_and_driven_again(stack, crowd, notices, mysql, kafka):
    """FW4: dead letters in the transaction of the others; one that can be read later has its
    effect then, so have one of a newer version and one whose order's row was broken. No sale waits
    for them."""
    last = mysql.value("SELECT COALESCE(MAX(id), 0) FROM dead_letters")
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 30, 60, "they win")
    first, newer, broken, *others = wins = sorted(buyers.wins().values())
    wait_until(lambda: len(states(mysql, wins)) == len(wins), SETTLED_S, "all have rows")
    mysql.execute("UPDATE orders SET reason = 'odd' WHERE order_no = %s", broken)
    good = payment_of(first).encode()
    poison = [b"", b"\xc1garbage", good[:-5], good + b"\x00", b"\x91" * 5000]
    for value in poison:
        notices.send(value, first)
    unknown = dataclasses.replace(payment_of(newer), version=2, kind="captured")
    notices.send(unknown.encode(["more"]), newer)
    notices.pay([broken, *others])
    wait_settled(stack, mysql, kafka)
    letters = letters_since(mysql, last)
    assert {letter["topic"] for letter in letters} == {TOPIC}
    kept = {letter["reason"]: letter for letter in letters}
    assert set(kept) == {"unreadable", "version", "broken_row"}
    assert (kept["version"]["order_no"], kept["broken_row"]["order_no"]) == (newer, broken)
    letters = [letter for letter in letters if letter["reason"] == "unreadable"]
    assert [letter["size"] for letter in letters] == [len(value) for value in poison]
    assert states(mysql, wins[:3]) == dict.fromkeys(wins[:3], "PENDING")
    assert payments(mysql, wins[:3]) == {}
    assert_paid_once(mysql, others)
    assert all(worker.is_ready() for worker in stack.workers)
    for which, why in ((letters[1], "cannot be read"), (kept["version"], "know version 2"),
                       (kept["broken_row"], "cannot be read")):
        with pytest.raises(AdminError) as refused:
            stack.admin.redrive(which["id"])
        assert why in str(refused.value)
    mysql.execute("UPDATE orders SET reason = '' WHERE order_no = %s", broken)
    mysql.execute("UPDATE dead_letters SET payload = %s WHERE id = %s",
                  payment_of(newer).encode(), kept["version"]["id"])
    for reason in ("version", "broken_row"):
        assert stack.admin.redrive(kept[reason]["id"])["resolution"] == "admin: notice applied"
    assert_paid_once(mysql, [newer, broken])
    stack.admin.recover(sale)
    stack.admin.wait_state(sale, "open")
    mysql.execute("UPDATE dead_letters SET payload = %s WHERE id = %s", good, letters[2]["id"])
    done = stack.admin.redrive(letters[2]["id"])
    assert done["resolution"] == "admin: notice applied" and not done["repeated"]
    assert stack.admin.redrive(letters[2]["id"])["repeated"]
    assert_paid_once(mysql, [first])
    mysql.execute("UPDATE dead_letters SET resolved = created, resolution = 'test: poison' "
                  "WHERE id > %s AND resolved IS NULL", last)
    # The test has written the bytes that were driven again: the log does not hold them.
    report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 90,
                        "the sale is at rest")
    assert {check["id"] for check in report["checks"] if check["result"] == "violated"} == {"I14"}


# --- FW6, FK8: MySQL or the log


def left_group(stack):
    return sum(worker.log_text().count("event=partition_left topic=seckill.notices")
               for worker in stack.workers)


@pytest.mark.representative
def test_mysql_is_away_for_a_while(stack, faults, crowd, payers, holds, mysql, kafka):
    """FW6: nothing is lost or set aside, and nobody leaves the group."""
    sale = stack.admin.open_sale(stock=5000)
    letters = mysql.value("SELECT COUNT(*) FROM dead_letters")
    with crowd(sale, threads=2) as buyers, payers(buyers) as payer:
        wait_for(buyers, payer)
        left = left_group(stack)
        faults.services.kill("mysql")
        for worker in stack.workers:
            wait_until(lambda worker=worker: causes(worker).get("notices", "").startswith("MySQL"),
                       60, f"{worker.name} names the cause")
        wait_for(buyers, payer, 100)
        faults.services.start("mysql")
        wait_until(lambda: set(states(mysql, payer.paid).values()) >= {"PAID"}, SETTLED_S,
                   "payments count again", ignoring=(OSError, pymysql.Error))
        assert left_group(stack) == left, "nobody left the group"
    wait_settled(stack, mysql, kafka)
    holds(sale, buyers.told)
    assert_paid_once(mysql, payer.paid)
    assert mysql.value("SELECT COUNT(*) FROM dead_letters") == letters


def test_notices_that_the_log_has_lost(stack, faults, crowd, notices, holds, mysql, kafka):
    """FK8: the partition stops and says so, orders go on, nothing is skipped; once an operator has
    brought the notices back they count."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 60, 60, "they win")
    order_nos = sorted(buyers.wins().values())
    wait_until(lambda: len(states(mysql, order_nos)) == len(order_nos), SETTLED_S, "all have rows")
    notices.pay(order_nos[:10], partition=0)
    wait_settled(stack, mysql, kafka)
    for worker in stack.workers:
        worker.kill()
    before = places(mysql)[0]
    notices.pay(order_nos[10:30], partition=0)
    end = ends(kafka)[0]
    lost = [message for message in kafka.messages(TOPIC)
            if message.partition() == 0 and message.offset() >= before]
    assert len(lost) == 20
    where = TopicPartition(TOPIC, 0, end)
    admin = AdminClient({"bootstrap.servers": kafka.brokers})
    admin.delete_records([where])[where].result(30)
    for worker in stack.workers:
        worker.start()
    told = wait_until(lambda: " ".join(causes(worker).get("notices-stopped", "")
                                       for worker in stack.workers).strip(), 90,
                      "readiness names the partition", ignoring=(OSError,))
    assert "log gap" in told and "partition 0" in told, told
    notices.pay(order_nos[30:40], partition=1)
    wait_until(lambda: set(states(mysql, order_nos[30:40]).values()) == {"PAID"}, SETTLED_S,
               "the others go on")
    assert places(mysql)[0] == before and set(states(mysql, order_nos[10:30]).values()) == {
        "PENDING"}, "nothing is skipped"
    for message in lost:  # RUNBOOK: a partition is stopped
        kafka.produce(TOPIC, message.value(), partition=0)
    assert mysql.execute("UPDATE consumer_offsets SET next = %s WHERE topic = %s AND part = 0 AND "
                         "next = %s", end, TOPIC, before) == 1
    wait_settled(stack, mysql, kafka)
    holds(sale, buyers.told)
    assert_paid_once(mysql, order_nos[:40])


def test_workers_come_and_go(stack, faults, crowd, payers, holds, mysql, kafka):
    """FK9: rebalances while notices are settled; each counts once."""
    sale = stack.admin.open_sale(stock=5000)
    extra = Stack(faults.services, engines=0, workers=1, common_settings=stack.common_settings,
                  worker_settings=stack.worker_settings)
    try:
        with crowd(sale, threads=2) as buyers, payers(buyers) as payer:
            for number in range(2):
                before = claims(extra.worker)
                extra.worker.start().wait_ready(60)
                wait_until(lambda: claims(extra.worker) > before, 60, "it has a partition")
                wait_for(buyers, payer)
                if number == 0:
                    extra.worker.kill()
                else:
                    extra.worker.terminate()
                wait_for(buyers, payer)
    finally:
        extra.stop()
    wait_settled(stack, mysql, kafka)
    holds(sale, buyers.told)
    assert_paid_once(mysql, payer.paid)
