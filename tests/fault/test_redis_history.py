"""Redis comes back with another history: the guard rebuilds without an operator (FR1 to FR4)."""

import dataclasses
import time

import msgpack
import pytest

from support.buyer import Buyer
from support.crowd import Bench, Told, ask_all, codes_of, fresh_buyers
from support.db import OrderEvent, compose_order_no
from support.expect import expect, expect_won
from support.failpoints import arm
from support.wait import hold_for, wait_until

BOTH = (0, 1)
# Q, hold, and what a busy machine takes for the rest.
BACK_S = 40
# Longer than a claim whose owner is silent, a rebuild, and the session of a dead worker's consumer:
# another must have settled its partitions.
TAKEN_OVER_S = 120
WINS_MEASURED = 10000
# What may be told while a sale is rebuilt. Never a plain no.
MEANWHILE = {None, "rebuilding", "outcome-unknown", "overloaded"}


@pytest.fixture(autouse=True)
def no_other_sales(mysql):
    """Those of earlier tests have left the catalogue: they are not loaded again here."""
    mysql.execute("UPDATE sales SET opens = 1, closes = 2, pay_window = 1000 WHERE epoch > 0")


def data_directory(services):
    return services.directory / "redis" / "data"


def many_wins(stack, sale, count):
    """Quickly: what the load generator's buyers were told. Who was told "unknown" asks again."""
    def ask():
        bench = Bench(stack, sale, "--mode", "replay", "--closed", "--buyers", count,
                      "--connections", 64, engines=BOTH)
        return bench.wait(120).orders()

    found = wait_until(lambda: len(orders := ask()) == count and orders, 120, "all have won")
    now = time.monotonic()
    return [Told(buyer, f"of-{buyer}", "a", 0, now, now, 201, None, order_no, False)
            for buyer, order_no in found.items()]


def append_only_file(services):
    """The file that Redis appends to now."""
    files = (data_directory(services) / "appendonlydir").glob("*.incr.aof")
    return max(files, key=lambda path: path.stat().st_mtime_ns)


def restarted(services, _):
    services.kill("redis")
    services.start("redis")


def restarted_empty(services, _):
    services.kill("redis")
    for path in data_directory(services).rglob("*"):
        if path.is_file():
            path.unlink()
    services.start("redis")


def flushed(_, redis_db):
    redis_db.client.flushall()


def promoted_again(services, redis_db):
    """As a failover that was taken back: its run id stays, only the history is another one."""
    before = redis_db.client.info("server")["run_id"]
    redis_db.client.execute_command("REPLICAOF", "127.0.0.1", services.env["KAFKA_PROXIED_PORT"])
    redis_db.client.execute_command("REPLICAOF", "NO", "ONE")
    assert redis_db.client.info("server")["run_id"] == before


def epoch_of(order_no):
    return order_no >> 26 & 0x3fff


def first_win_after(told, when):
    """Seconds from `when` to the end of the first 201 that was asked for later."""
    ends = [answer.ended for answer in list(told) if answer.status == 201 and answer.began > when]
    return min(ends) - when if ends else None


def sells_again(crowd, when):
    return wait_until(lambda: first_win_after(crowd.told, when), BACK_S, "it sells again")


def steps_of(mysql, sale):
    """What the guard has done, in its own order: [(actor, action, detail)]."""
    return [(row["actor"], row["action"], row["detail"]) for row in mysql.rows(
        "SELECT actor, action, detail FROM admin_log WHERE sale = %s AND action = 'recover' "
        "OR sale = %s AND action = 'load_step' AND id > (SELECT MIN(id) FROM admin_log WHERE "
        "sale = %s AND action = 'recover') ORDER BY id", sale, sale, sale)]


def assert_guard_recovered(mysql, sale, cause):
    """One repair by the guard alone: why, and each of its steps."""
    steps = steps_of(mysql, sale)
    assert {actor for actor, _, _ in steps} == {"guard"}, steps
    details = [detail for _, _, detail in steps]
    assert details[0] == cause
    assert [detail.split()[0] for detail in details[1:]] == [
        "fencing", "waiting", "draining", "cutting", "loading", "opening", "done"], details


@pytest.mark.parametrize("lose, cause", [
    pytest.param(restarted, "Redis has another history",
                 marks=pytest.mark.representative),  # FR1
    (restarted_empty, "Redis has lost it"),          # FR2
    pytest.param(flushed, "Redis has lost it", marks=pytest.mark.representative),  # FR2
    (promoted_again, "Redis has another history"),   # FR4
])
def test_it_sells_again_without_an_operator(stack, faults, crowd, holds, mysql, redis_db, lose,
                                            cause):
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_until(lambda: len(buyers.wins()) > 200, 30, "they win")
        lose(faults.services, redis_db)
        sells_again(buyers, time.monotonic())
    assert codes_of(buyers.told) <= MEANWHILE | {"lost"}
    assert {epoch_of(order) for order in buyers.wins().values()} == {1, 2}
    holds(sale, buyers.told)
    assert_guard_recovered(mysql, sale, cause)


def test_a_file_whose_tail_is_cut_off(stack, faults, crowd, holds, mysql):
    """FR3: Redis wakes up with fewer wins than it told of. They are kept, their units too."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_until(lambda: len(buyers.wins()) > 100, 30, "they win")
        size = append_only_file(faults.services).stat().st_size
        seen = len(buyers.wins())
        wait_until(lambda: len(buyers.wins()) > seen + 300, 30, "they win more")
        faults.services.kill("redis")
        with open(append_only_file(faults.services), "r+b") as file:
            file.truncate(size)
        faults.services.start("redis")
        sells_again(buyers, time.monotonic())
    holds(sale, buyers.told)
    assert_guard_recovered(mysql, sale, "Redis has another history")


@pytest.mark.parametrize("lose", [restarted, restarted_empty])
def test_how_long_it_takes(stack, faults, crowd, holds, mysql, redis_db, lose, capsys):
    """FR1, FR2 with 10,000 wins: printed; no time is asserted but the deadline."""
    sale = stack.admin.open_sale(stock=100000)
    before = many_wins(stack, sale, WINS_MEASURED)
    with crowd(sale, threads=2) as buyers:
        wait_until(buyers.wins, 30, "they win")
        lose(faults.services, redis_db)
        answers = time.monotonic()
        seconds = sells_again(buyers, answers)
    loaded = mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale)
    with capsys.disabled():
        print(f"\n{lose.__name__}: {seconds:.1f} s from Redis' answer to the first sale, "
              f"about {loaded} orders loaded")
    assert loaded >= WINS_MEASURED
    holds(sale, [*before, *buyers.told])


def test_many_sales_are_lost_at_once(stack, mysql, redis_db, faults):
    """They share the waits: one after the other would take Q and hold for each of them."""
    sales = [stack.admin.create_sale(stock=5) for _ in range(60)]
    for sale in sales:
        stack.admin.load(sale)
    for sale in sales:
        stack.admin.wait_state(sale, "open")
    won = expect_won(Buyer(stack, "ann").purchase(sales[7], key="key-of-ann-in-the-8th"))
    flushed(faults.services, redis_db)
    wait_until(lambda: mysql.value(
        "SELECT COUNT(*) FROM sales s JOIN guard g USING (sale) WHERE s.sale >= %s AND "
        "s.epoch = 2 AND g.step = 'done'", sales[0]) == len(sales), BACK_S, "all are loaded",
        interval_s=0.2)
    again = wait_until(lambda: (answer := Buyer(stack, "ann").purchase(
        sales[7], key="key-of-ann-in-the-8th")).status == 201 and answer, 30, "it is told again")
    assert again.json()["order_no"] == won["order_no"]
    for sale in sales[::10]:
        expect_won(Buyer(stack, "bob", 1).purchase(sale))


def lose_and_hit(stack, point, action, redis_db):
    """Redis forgets; the worker that rebuilds passes the point. (it, the other)."""
    shot = arm(stack.workers, point, action)
    redis_db.client.flushall()
    found = shot.wait()
    return found, next(worker for worker in stack.workers if worker is not found)


@pytest.mark.parametrize("point", ["fence_closed", "history_drained", "epoch_raised", "load_begun",
                                   "load_part_sent", "load_ended", "catalogue_written"])
def test_a_load_that_is_cut_off(stack, crowd, holds, redis_db, point):
    """The worker that loads is ended; another finds the load half done and begins again."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_until(lambda: len(buyers.wins()) > 100, 30, "they win")
        lose_and_hit(stack, point, "kill", redis_db)
        ended = time.monotonic()
        wait_until(lambda: first_win_after(buyers.told, ended), TAKEN_OVER_S, "it sells again")
    holds(sale, buyers.told)


@pytest.mark.parametrize("point", ["fence_proven", "fence_closed", "load_proven",
                                   "load_part_sent"])
def test_a_guard_that_was_stopped_in_mid_load(stack, crowd, holds, mysql, redis_db, point):
    """Another takes over and sells; the first one wakes up and changes nothing."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale, fresh_buyers(f"stopped-{point}"), threads=3) as buyers:
        wait_until(lambda: len(buyers.wins()) > 100, 30, "they win")
        stopped, _ = lose_and_hit(stack, point, "stop", redis_db)
        since = time.monotonic()
        wait_until(lambda: first_win_after(buyers.told, since), TAKEN_OVER_S, "it sells again")
        epoch, logged = redis_db.meta(sale)["epoch"], len(stopped.log_text())
        stopped.thaw()
        stopped.wait_log("event=load_left", logged)
        awake = time.monotonic()
        wait_until(lambda: first_win_after(buyers.told, awake), 30, "it goes on selling")
        hold_for(lambda: redis_db.meta(sale)["epoch"] == epoch, 2, "nobody loads it again")
    assert mysql.value("SELECT epoch FROM sales WHERE sale = %s", sale) == int(epoch)
    holds(sale, buyers.told)


@pytest.mark.parametrize("lose_again", [False, True])
def test_a_guard_that_wakes_up_under_its_successor(stack, crowd, holds, redis_db, lose_again):
    """It has cut an epoch and proven its claim: what it would open now, the next cut would void."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale, fresh_buyers(f"woken-{lose_again}"), threads=3) as buyers:
        wait_until(lambda: len(buyers.wins()) > 100, 30, "they win")
        first, other = lose_and_hit(stack, "load_proven", "stop", redis_db)
        other.arm("fence_closed", "stop").wait(TAKEN_OVER_S)
        if lose_again:
            redis_db.client.flushall()
        logged = len(first.log_text())
        first.thaw()
        first.wait_log("event=load_left", logged)
        meta = redis_db.meta(sale)
        since = time.monotonic()
        other.thaw()
        sells_again(buyers, since)
    if not lose_again:
        assert (meta["epoch"], meta["replid"]) == ("2", ""), "the fence stays closed"
    assert 2 not in {epoch_of(order) for order in buyers.wins().values()}
    holds(sale, buyers.told)


def test_a_late_record_of_the_old_history(stack, crowd, holds, kafka, mysql, redis_db):
    """Its buyer was told nothing: it is voided, and told to nobody."""
    sale = stack.admin.open_sale(stock=1000)
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        redis_db.client.flushall()
        sells_again(buyers, time.monotonic())
        late = OrderEvent(1, compose_order_no(sale, 1, 60000), "late", "a", 1, 199900, "CNY", 0,
                          "", int(time.time() * 1000), int(time.time() * 1000) + 900000, "")
        kafka.produce("seckill.orders", late.encode())
        row = wait_until(lambda: mysql.rows(
            "SELECT state, reason, slot FROM orders WHERE order_no = %s", late.order_no), 30,
            "it is settled")[0]
    assert row == {"state": "VOIDED", "reason": "epoch", "slot": None}
    assert Buyer(stack, "late").orders(sale).json()["orders"] == []
    assert "late" not in redis_db.buyers(sale)
    assert mysql.value("SELECT COUNT(*) FROM outbox WHERE order_no = %s", late.order_no) == 0
    holds(sale, buyers.told)
    expect_won(Buyer(stack, "late").purchase(sale))


def newer_record(sale, seq, buyer):
    """A win as a later version tells it: this one settles it as QUARANTINED."""
    now = int(time.time() * 1000)
    return msgpack.packb([2, compose_order_no(sale, 1, seq), buyer, "a", 1, 199900, "CNY", 0, "",
                          now, now + 900000, "", {"of": "version 2"}])


def test_quarantined_wins_keep_unit_and_slot(stack, crowd, holds, kafka, mysql, redis_db):
    """A rebuild beside them: they count as sold, and their buyers hold them."""
    sale = stack.admin.open_sale(stock=1000)
    attempt = ("ann", "key-of-the-quarantined", "a")
    first = ask_all(stack, sale, [attempt])[0]
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        wait_until(lambda: mysql.quarantine(first.order_no), 30, "it is settled, and quarantined")
        guard = arm(stack.workers, "fence_closed", "delay:2000")
        redis_db.client.flushall()
        guard.wait()  # Q is still to come
        kafka.produce("seckill.orders", newer_record(sale, 60000, "quinn"))
        sells_again(buyers, time.monotonic())
    again = ask_all(stack, sale, [attempt])[0]
    assert (again.status, again.order_no, again.replayed) == (201, first.order_no, True)
    for holder in ("ann", "quinn"):
        expect(Buyer(stack, holder).purchase(sale), 409, "limit-reached")
        assert Buyer(stack, holder).orders(sale).json()["orders"][0]["state"] == "PENDING"
    assert mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND state = 'QUARANTINED'",
                       sale) == 2
    quinn = dataclasses.replace(first, buyer="quinn", key="key-of-the-log-alone", code="lost",
                                status=0, order_no=0)
    holds(sale, [first, again, quinn, *buyers.told])


def test_by_hand(stack, crowd, holds, mysql):
    """`recover` of a sale that sells: it stops, is loaded again, and sells; nothing is lost."""
    sale = stack.admin.open_sale(stock=100000)
    with crowd(sale) as buyers:
        wait_until(lambda: len(buyers.wins()) > 100, 30, "they win")
        stack.admin.recover(sale)
        wait_until(lambda: 2 in {epoch_of(order) for order in buyers.wins().values()}, BACK_S,
                   "it sells on a new history")
    holds(sale, buyers.told)
    steps = steps_of(mysql, sale)
    assert {actor for actor, _, _ in steps} == {"admin"}
    assert steps[0][2] == "asked for" and steps[-1][2].startswith("done epoch=2 ")


def test_an_outbox_that_cannot_be_read_takes_no_sale_down(stack, crowd, holds, redis_db):
    """`recover` of a sale that sells is refused with words before anything is touched."""
    sale = stack.admin.open_sale(stock=100000)
    outbox = f"{{s:{sale}}}:outbox"
    redis_db.client.xadd(outbox, {"x": "y"}, id="0-1")
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        stack.admin.recover(sale)
        load = wait_until(lambda: (load := stack.admin.sale(sale)["load"])["step"] == "failed"
                          and load, 30, "it is told")
        since = time.monotonic()
        wait_until(lambda: first_win_after(buyers.told, since), 30, "it goes on selling")
        redis_db.client.xdel(outbox, "0-1")
    assert "an entry of its outbox in Redis cannot be read" in load["note"]
    assert {epoch_of(order) for order in buyers.wins().values()} == {1}
    holds(sale, buyers.told)


def test_dead_letters_stop_it_until_they_are_closed(stack, crowd, holds, kafka, mysql, redis_db):
    """They may be wins that somebody was told of: an alarm, no rebuild, and no hot loop."""
    sale = stack.admin.open_sale(stock=1000)
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        kafka.produce("seckill.orders", b"\xc1 nobody can read this")
        wait_until(lambda: mysql.value(
            "SELECT COUNT(*) FROM dead_letters WHERE resolved IS NULL AND sale = 0") == 1, 30,
            "it is put aside")
        try:
            redis_db.client.flushall()
            wait_until(lambda: any("load-blocked" in str(worker.ops_get("/readyz").body)
                                   for worker in stack.workers), 30, "it is told")
            wait_until(lambda: any(f"event=load_blocked sale={sale} " in worker.log_text()
                                   for worker in stack.workers), 30, "by one of them, in its log")
            wait_until(lambda: stack.admin.sale(sale)["load"]["note"].startswith(
                "blocked: 0 dead letters of it"), 30, "and in the sale's row")
            rows = len(steps_of(mysql, sale))
            hold_for(lambda: len(steps_of(mysql, sale)) == rows, 3,
                     "it is not tried again and again")
            assert mysql.value("SELECT epoch FROM sales WHERE sale = %s", sale) == 1
        finally:
            mysql.execute("UPDATE dead_letters SET resolved = 1, resolution = 'test: not a win' "
                          "WHERE resolved IS NULL AND sale = 0")
        sells_again(buyers, time.monotonic())
    holds(sale, buyers.told)
