"""Kafka is away, slow, cut off, fatal, or takes nothing (FE2's bound, FK1 to FK5, FK9, FK11).

Each test prints what it measured; `pytest -s` or -rP shows it.
"""

import datetime
import re
import time

import pytest
from confluent_kafka.admin import (AdminClient, AlterConfigOpType, ConfigEntry, ConfigResource,
                                   ResourceType)

from support.crowd import Crowd, ask_all, fresh_buyers
from support.metrics import scrape
from support.processes import Stack
from support.stalls import machine
from support.wait import hold_for, wait_until

BOTH = (0, 1)
TOPIC = "seckill.orders"
REFUSED = {"overloaded"}
NOT_TOLD = {None, "outcome-unknown", "overloaded"}
RELAY_BOUND_S = 5.0
FATAL_BOUND_S = 2.0


def told_since(crowd, moment):
    return [answer for answer in list(crowd.told) if answer.began > moment]


def wait_for_wins(crowd, count=30):
    """`count` wins more than now, of attempts that began from now on; when the first was told."""
    moment = time.monotonic()
    wait_until(lambda: sum(answer.status == 201 for answer in told_since(crowd, moment)) >= count,
               40, f"{count} more wins")
    return min(answer.ended for answer in told_since(crowd, moment) if answer.status == 201)


def wait_for_engine(crowd, number):
    """This engine tells wins again, of attempts that began from now on."""
    moment = time.monotonic()
    wait_until(lambda: any(answer.status == 201 and answer.engine == number
                           for answer in told_since(crowd, moment)), 40, f"engine {number} sells")


def wait_for_code(crowd, moment, code):
    wait_until(lambda: any(answer.code == code for answer in told_since(crowd, moment)), 30,
               f"an answer {code}")


def seq_of(redis_db, sale):
    return int(redis_db.meta(sale)["seq"])


def events(process, name, also=""):
    """The times (s) at which its log has this event (and `also` in its line), with their lines."""
    found = []
    for line in process.log_text().splitlines():
        if f" event={name} " in line and also in line:
            stamp = re.match(r"time=(\S+)Z ", line)[1]
            when = datetime.datetime.fromisoformat(stamp).replace(tzinfo=datetime.timezone.utc)
            found.append((when.timestamp(), line))
    return found


def orders_claims(worker):
    return len(events(worker, "partition_claimed", "topic=seckill.orders"))


@pytest.fixture
def topic_setting(faults):
    """topic_setting(name, value) of the order log; what was changed is as before after the test."""
    admin = AdminClient({"bootstrap.servers": faults.services.env["KAFKA_BROKERS"]})
    changed = set()

    def change(name, value, kind=AlterConfigOpType.SET):
        resource = ConfigResource(ResourceType.TOPIC, TOPIC, incremental_configs=[
            ConfigEntry(name, value, incremental_operation=kind)])
        for done in admin.incremental_alter_configs([resource]).values():
            done.result(30)

    def choose(name, value):
        changed.add(name)
        change(name, value)

    yield choose
    for name in changed:
        change(name, None, AlterConfigOpType.DELETE)


def test_a_win_in_the_outbox_alone_is_in_the_log_within_5_s(stack, holds, kafka, crowd):
    """FE2's bound: an engine dies with the sale's relay lease or without it, again and again."""
    sale = stack.admin.open_sale(stock=100000)
    died, bounds, answers = {}, {}, []
    for number in range(4):
        buyer, victim = f"left-behind-{number}", stack.engines[number % 2]
        victim.arm("script_replied", "kill")
        answers += ask_all(stack, sale, [(buyer, f"key-of-{buyer}", "a")], threads=1,
                           engines=(number % 2,))
        wait_until(lambda: not victim.is_alive(), 30, "it ends")
        died[buyer], began = time.time(), time.monotonic()
        wait_until(lambda: any(record.buyer == buyer for record in kafka.orders(sale)), 30,
                   "its record", interval_s=0.2)
        bounds[buyer] = RELAY_BOUND_S + machine.taken(began)
        victim.start().wait_ready()
    assert {answer.code for answer in answers} == {"lost"}
    delays = {}
    for message in kafka.messages(TOPIC):
        for buyer, moment in died.items():
            if buyer.encode() in message.value():
                delays.setdefault(buyer, message.timestamp()[1] / 1000 - moment)
    print(f"FE2: relayed after {sorted(round(delay, 2) for delay in delays.values())} s")
    assert len(delays) == len(died)
    assert all(delay <= bounds[buyer] for buyer, delay in delays.items()), (delays, bounds)
    holds(sale, answers)


def test_the_fence_does_not_stop_the_relay(stack, redis_db, kafka, holds):
    """What was decided reaches the log, though the sale is stopped and no worker does anything."""
    sale = stack.admin.open_sale(stock=100)
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 30, "the load is over")
    others = ask_all(stack, sale, [("first", "key-of-the-first-one", "a")], engines=(1,))
    stack.engines[0].arm("script_replied", "kill")
    lost = ask_all(stack, sale, [("left", "key-of-who-is-left", "a")], engines=(0,))
    wait_until(lambda: not stack.engines[0].is_alive(), 30, "it ends")
    for worker in stack.workers:
        worker.freeze()
    redis_db.client.hset(redis_db.key(sale, "meta"), "replid", "0" * 40)
    wait_until(lambda: "left" in {record.buyer for record in kafka.orders(sale)}, 30, "its record",
               interval_s=0.2)
    for worker in stack.workers:
        worker.thaw()
    reload(stack, sale)
    holds(sale, [*others, *lost])


def reload(stack, sale):
    """As the runbook says of a sale that answers `rebuilding`; or the guard was first."""
    answer = stack.admin.call("POST", f"sales/{sale}/recover")
    assert answer.status in (202, 409), answer
    stack.admin.wait_state(sale, "open")


def test_an_entry_that_cannot_be_read_keeps_no_other_one_back(stack, redis_db, crowd, holds):
    """It is told by log and metric, and stays; whose engine died behind it is relayed."""
    sale = stack.admin.open_sale(stock=100)
    outbox = redis_db.key(sale, "outbox")
    redis_db.client.xadd(outbox, {"some": "thing"}, id="0-1")
    first = ask_all(stack, sale, [("first", "key-of-the-first-one", "a")], engines=(1,))
    stack.engines[0].arm("script_replied", "kill")
    lost = ask_all(stack, sale, [("left", "key-of-who-is-left", "a")], engines=(0,))
    wait_until(lambda: redis_db.outbox(sale) == ["0-1"], 30, "all others are in the log")
    relay = stack.engines[1]
    wait_until(lambda: scrape(relay).get("seckill_outbox_unreadable") == 1, 30, "counted")
    wait_until(lambda: any("first=0-1" in line for _, line in events(
        relay, "outbox_entry_unreadable")), 30, "the log names it")
    redis_db.client.xdel(outbox, "0-1")  # as the runbook says
    holds(sale, [*first, *lost])


def test_acknowledgements_are_forgotten_at_a_new_link(stack, faults, redis_db, holds):
    """An engine that lost its link knows nothing of the history behind the new one: what it was
    told meanwhile it does not acknowledge there; the relay produces those entries again."""
    sale = stack.admin.open_sale(stock=100)
    before = relayed(stack)
    links = scrape(stack.engine).get("seckill_redis_lost_total")
    faults.kafka.set("down", latency_ms=600)  # the log has them; the reports are on their way
    attempts = [(f"linked-{number}", f"key-of-the-linked-{number}", "a") for number in range(6)]
    with Crowd(stack, sale, attempts, threads=6, engines=(0,)) as buyers:
        wait_until(lambda: seq_of(redis_db, sale) == 6, 30, "all have won")
        faults.engine_redis.cut()
        wait_until(lambda: scrape(stack.engine).get("seckill_redis_lost_total") > links, 30,
                   "the link was lost")
        buyers.join()
    faults.kafka.clear()
    entries = len(redis_db.outbox(sale))
    assert entries > 0, "acknowledged on the new link"
    wait_until(lambda: not redis_db.outbox(sale), 30, "the relay has done it")
    assert relayed(stack) - before >= 6
    holds(sale, buyers.told)


def relayed(stack):
    return sum(scrape(engine).get("seckill_relay_records_total") for engine in stack.engines)


def test_the_broker_is_killed_and_comes_back(stack, faults, crowd, holds):
    """FK1, with the one broker there is: unknown at the deadline, then as before."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        faults.services.kill("kafka")
        faults.services.start("kafka")
        back = time.monotonic()
        first = wait_for_wins(buyers)
        print(f"FK1: first win told {first - back:.2f} s after the broker answered again")
    assert {answer.code for answer in buyers.told} <= NOT_TOLD
    holds(sale, buyers.told)


@pytest.mark.parametrize("how", [
    pytest.param("frozen", marks=pytest.mark.representative), "refused"])
def test_all_brokers_are_down(stack, faults, crowd, holds, redis_db, how):
    """FK2: no win is told, purchases are refused before the script, all resumes by itself."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        if how == "frozen":
            faults.services.freeze("kafka")
        else:
            faults.kafka.down()
        down = time.monotonic()
        wait_for_code(buyers, down, "overloaded")
        wait_until(lambda: all(engine.ops_get("/readyz").status == 503
                               for engine in stack.engines), 30, "no engine is ready")
        assert "kafka" in stack.engine.ops_get("/readyz").body.decode()
        wait_until(lambda: {answer.code for answer in told_since(buyers, time.monotonic() - 0.5)}
                   == REFUSED, 30, "all are refused")
        seq = seq_of(redis_db, sale)
        hold_for(lambda: seq_of(redis_db, sale) == seq, 2, "no unit is given out")
        early = [answer for answer in told_since(buyers, down) if answer.status == 201]
        assert not early, early[:3]
        if how == "frozen":
            faults.services.thaw("kafka")
        else:
            faults.kafka.clear()
        up = time.monotonic()
        print(f"FK2: {how}: first win told {wait_for_wins(buyers) - up:.2f} s after the return")
    unknown = [answer for answer in buyers.told if answer.code == "outcome-unknown"]
    assert unknown, "some had won before"
    told = holds(sale, buyers.told)
    wins = {(answer.buyer, answer.key) for answer in told if answer.status == 201}
    assert {(answer.buyer, answer.key) for answer in unknown} <= wins, "delivered, each of them"


def test_after_a_failed_report_few_try_until_one_is_reported(stack, faults, redis_db, holds):
    """FK3: a broker that answers may still take no record; a good report ends the doubt."""
    sale = stack.admin.open_sale(stock=100)
    attempts = iter([(f"doubting-{n}", f"key-of-doubting-{n}", "a") for n in range(5)])
    told = []

    def under_way(seq):
        """One more who has won, and waits for his report."""
        one = Crowd(stack, sale, [next(attempts)], threads=1).__enter__()
        wait_until(lambda: seq_of(redis_db, sale) == seq, 30, "decided")
        wait_until(lambda: scrape(stack.engine).get("seckill_outbox_depth") > 0, 30, "handed over")
        return one

    def join(one):
        one.join()
        told.extend(one.told)
        return one.told[0].code

    def win(*ones):
        """They are told; if the machine took their time, their reports come all the same."""
        codes = {join(one) for one in ones}
        assert codes == {None} or (codes <= {None, "outcome-unknown"} and machine.excuses(began))
        wait_until(lambda: scrape(stack.engine).get("seckill_outbox_depth") == 0, 30, "reported")

    began = time.monotonic()
    faults.kafka.set("down", latency_ms=700)
    stack.engine.arm("report_failed", "fail")
    assert join(under_way(1)) == "outcome-unknown"
    trying = under_way(2)
    told += ask_all(stack, sale, [next(attempts)], threads=1)
    assert told[-1].code == "overloaded" and told[-1].seconds < 0.5 and not told[-1].order_no
    win(trying)
    win(under_way(3), under_way(4))  # no doubt any more
    faults.kafka.clear()
    told = holds(sale, told)
    assert {answer.buyer for answer in told if answer.status == 201} == {
        "doubting-0", "doubting-1", "doubting-3", "doubting-4"}


def test_a_slow_broker(stack, faults, crowd, holds):
    """FK3: below the deadline they still win; above it unknown, never a no."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        faults.kafka.set("down", latency_ms=400)
        wait_for_wins(buyers, 20)
        faults.kafka.set("down", latency_ms=1500)
        slow = time.monotonic()
        wait_for_code(buyers, slow, "outcome-unknown")
        faults.kafka.clear()
        wait_for_wins(buyers)
    assert {answer.code for answer in buyers.told} <= NOT_TOLD
    holds(sale, buyers.told)


def test_cut_in_mid_produce(stack, faults, crowd, holds, kafka):
    """FK4: the broker may have it, the engine cannot know: produced again, one row."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        for number in range(6):
            wait_for_wins(buyers, 10)
            if number % 2:
                faults.kafka.cut()
            else:  # the request arrives, of its reply a few bytes
                faults.kafka.set("down", limit=10)
                faults.kafka.refuse()  # else there are new ones all the time
                wait_until(lambda: faults.kafka.count() == 0, 30, "all are cut")
                faults.kafka.clear()
        wait_for_wins(buyers, 10)
    holds(sale, buyers.told)
    records = [record.order_no for record in kafka.orders(sale)]
    print(f"FK4: {len(records) - len(set(records))} records twice in the log")
    assert set(records) >= {answer.order_no for answer in buyers.told if answer.status == 201}


@pytest.mark.representative
def test_a_fatal_error_of_the_producer(stack, crowd, holds):
    """FK5: another producer in its place, ready again within 2 s, none lost."""
    sale = stack.admin.open_sale(stock=100000)
    times = []
    with crowd(sale) as buyers:
        for number in BOTH:
            engine = stack.engines[number]
            wait_for_wins(buyers)
            before = scrape(engine).get("seckill_kafka_fatal_total")
            deaths = len(events(engine, "kafka_producer_died"))
            began = time.monotonic()
            engine.arm("producer_fatal", "fail").wait()
            wait_until(lambda: scrape(engine).get("seckill_kafka_fatal_total") == before + 1, 30,
                       "counted")
            wait_for_engine(buyers, number)
            died = wait_until(lambda: events(engine, "kafka_producer_died")[deaths:], 30,
                              "it died")[-1][0]
            ready = wait_until(lambda: [when for when, line in events(
                engine, "kafka_topic_checked") if when >= died and "ready=true" in line], 30,
                "ready again")
            times.append((ready[0] - died, machine.taken(began)))
    print(f"FK5: ready again after {[round(seconds, 3) for seconds, _ in times]} s")
    assert all(seconds <= FATAL_BOUND_S + taken for seconds, taken in times), times
    assert {answer.code for answer in buyers.told} <= NOT_TOLD
    holds(sale, buyers.told)


def test_rebalances_in_mid_batch(stack, faults, crowd, holds):
    """FK9: workers come and go while they settle; no double row, none left out."""
    sale = stack.admin.open_sale(stock=100000)
    extra = Stack(faults.services, engines=0, workers=1, common_settings=stack.common_settings,
                  worker_settings=stack.worker_settings)
    try:
        with crowd(sale, fresh_buyers("rebalance"), engines=BOTH) as buyers:
            for number in range(3):
                claims = orders_claims(extra.worker)
                extra.worker.start().wait_ready(60)
                wait_until(lambda: orders_claims(extra.worker) > claims, 60, "it has partitions")
                wait_for_wins(buyers)
                if number == 1:
                    extra.worker.kill()
                else:
                    extra.worker.terminate(30)
        holds(sale, buyers.told)
    finally:
        extra.stop()


def test_an_outbox_at_its_cap(stack, faults, redis_db, crowd, holds):
    """FK2, the other brake: an engine that waits for as many entries as it may takes no more."""
    sale = stack.admin.open_sale(stock=1000)
    small = Stack(faults.services, engines=1, common_settings=stack.common_settings,
                  engine_settings={**stack.engine_settings, "outbox.entries_max": 16,
                                   "purchase.unreported_max_ms": 60000,
                                   "kafka.message_timeout_ms": 60000})
    try:
        engine = small.engine.start().wait_ready()
        with crowd(sale, engines=(1,)) as others:
            wait_for_wins(others)
            faults.kafka.set("down", blackhole=1)
            with Crowd(small, sale, fresh_buyers("capped"), threads=24) as buyers:
                wait_until(lambda: scrape(engine).get("seckill_shed_total", cause="outbox") > 20,
                           30, "refused before the script")
                assert scrape(engine).get("seckill_outbox_depth") <= 16
            faults.kafka.clear()
            again = Crowd(small, sale, fresh_buyers("uncapped"), threads=4)
            with again:
                wait_for_wins(again)
        holds(sale, [*others.told, *buyers.told, *again.told])
    finally:
        small.stop()


def test_a_topic_that_takes_only_small_records(stack, topic_setting, crowd, holds, redis_db):
    """FK11: refused before the script as soon as it is seen; the biggest record fits else."""
    sale = stack.admin.open_sale(stock={"a": 100000, "s" * 32: 1000}, limit=1000)
    biggest = ("b" * 64, "k" * 64, "s" * 32)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        topic_setting("max.message.bytes", "100")
        moment = time.monotonic()
        for engine in stack.engines:
            wait_until(lambda: "max.message.bytes is 100" in engine.ops_get(
                "/readyz").body.decode(), 30, "readiness names it")
        wait_until(lambda: {answer.code for answer in told_since(buyers, time.monotonic() - 0.5)}
                   == REFUSED, 30, "all are refused")
        seq = seq_of(redis_db, sale)
        hold_for(lambda: seq_of(redis_db, sale) == seq, 2, "no unit is given out")
        assert not [answer for answer in told_since(buyers, moment + 1) if answer.status == 201]
        topic_setting("max.message.bytes", "1048588")
        for number in BOTH:
            wait_for_engine(buyers, number)
    told = ask_all(stack, sale, [biggest], threads=1)
    assert told[0].status == 201, told
    holds(sale, [*buyers.told, *told])
