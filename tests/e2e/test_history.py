"""Another history of Redis is never sold on: restart, loss, a stopped engine (FR1 to FR3, FE5)."""

import time

import pytest

from support.admin import AdminError
from support.buyer import Buyer, get_sale
from support.crowd import Crowd, ask_all, ask_until_told, fresh_buyers, request, wins_of
from support.db import Mysql, Redis
from support.expect import expect, expect_won
from support.http_raw import Connection
from support.services import Services
from support.wait import wait_until

BOTH = (0, 1)
STOPPED_S = 2.5
FAR_OFFSET = 10 ** 12  # where no record is


@pytest.fixture(scope="module")
def own_services():
    """Services of this module: what happens to Redis here happens to no other test's sales."""
    running = Services().up()
    yield running
    running.down()


@pytest.fixture
def stack(own_services, make_stack):
    return make_stack(own_services, engines=2)


def lose(services, how):
    """Redis comes back with another history; its data is there or not."""
    if how == "flushed":
        Redis(services).client.flushall()
        return
    services.kill("redis")
    if how == "restarted empty":
        for name in ("appendonlydir", "dump.rdb"):
            path = services.directory / "redis" / "data" / name
            if path.is_dir():
                for each in path.iterdir():
                    each.unlink()
            elif path.exists():
                path.unlink()
    services.start("redis")


@pytest.fixture
def dead_letter(own_services):
    """dead_letter(sale): what stops the guard from loading the sale (0: any); and its removal."""
    mysql = Mysql(own_services)

    def put(sale):
        mysql.execute("INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                      "payload, created) VALUES ('seckill.orders', 0, %s, %s, 0, 'unreadable', "
                      "'x', 1)", FAR_OFFSET, sale)
        return remove

    def remove():
        mysql.execute("DELETE FROM dead_letters WHERE log_offset = %s", FAR_OFFSET)

    yield put
    remove()


def wait_loaded(admin, sale, epoch):
    wait_until(lambda: (load := admin.sale(sale)["load"])["step"] == "done"
               and load["epoch"] == epoch, 30, f"epoch {epoch} is loaded", ignoring=(AdminError,))


@pytest.mark.parametrize("how", ["restarted", "restarted empty", "flushed"])
def test_a_sale_stands_until_it_is_loaded_again_and_told_wins_are_kept(stack, own_services, how,
                                                                       dead_letter):
    """The guard is held up by a dead letter: in that time nothing is sold and nobody hears no."""
    sale = stack.admin.open_sale(stock=1000)
    go_on = dead_letter(0)
    with Crowd(stack, sale, fresh_buyers(f"loss-{how.replace(' ', '-')}"), threads=4,
               engines=BOTH) as crowd:
        wait_until(lambda: len(crowd.wins()) > 100, 30, "they win")
        lose(own_services, how)
        lost = time.monotonic()
        wait_until(lambda: {answer.code for answer in list(crowd.told) if answer.began > lost}
                   >= {"rebuilding"}, 30, "the sale is being rebuilt")
    told = crowd.wins()
    assert {answer.code for answer in crowd.told} <= {None, "rebuilding", "outcome-unknown",
                                                      "overloaded"}
    assert not [answer for answer in crowd.told if answer.began > lost and answer.status == 201]
    winner, key = next(iter(told))
    for engine in BOTH:
        wait_until(lambda: stack.engines[engine].is_ready() or "catalogue" in str(
            stack.engines[engine].ops_get("/readyz").body), 30, "the link is back")
        expect(Buyer(stack, winner, engine).purchase(sale, key=key), 503, "rebuilding")
        expect(Buyer(stack, winner, engine).orders(sale), 503, "rebuilding")
        wait_until(lambda: get_sale(stack, sale, engine).code == "rebuilding", 30,
                   "what is known of the sale is at most a second old")
    if how == "flushed":  # else the audit waits for an outbox that nobody may acknowledge
        checks = stack.admin.audit(sale)["checks"]
        assert "I15" in {check["id"] for check in checks if check["result"] == "not-told"}
    go_on()
    wait_loaded(stack.admin, sale, 2)
    again = ask_until_told(stack, sale, [(buyer, key, "a") for buyer, key in told], engines=BOTH)
    assert wins_of(again) == told, "a told win is lost, or is another one"
    expect_won(Buyer(stack, f"later-{how}".replace(" ", "-")).purchase(sale))
    mysql, redis_db = Mysql(own_services), Redis(own_services)
    wait_until(lambda: not redis_db.outbox(sale), 30, "acknowledged")
    report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 30, "rest")
    assert report["ok"], report
    live = mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND state = 'PENDING'", sale)
    assert live >= len(told) + 1 and redis_db.stock(sale) == {"a": 1000 - live}


def test_a_sale_that_is_lost_does_not_hurt_one_that_is_loaded(stack, own_services, dead_letter):
    """Two sales of their first epoch, both lost; one is loaded. The other has a dead letter."""
    kept, lost = stack.admin.open_sale(stock=10), stack.admin.open_sale(stock=10)
    won = expect_won(Buyer(stack, "of-the-lost").purchase(lost, key="key-of-the-lost-one"))
    go_on = dead_letter(lost)
    own_services.kill("redis")
    own_services.start("redis")
    Redis(own_services).client.flushall()
    wait_loaded(stack.admin, kept, 2)
    for engine in BOTH:
        wait_until(lambda: get_sale(stack, kept, engine).status == 200, 30, "it is known")
        expect_won(Buyer(stack, f"buyer-{engine}", engine).purchase(kept))
        for _ in range(3):
            assert get_sale(stack, lost, engine).code == "rebuilding"
            expect(Buyer(stack, "other", engine).purchase(lost), 503, "rebuilding")
    stack.assert_alive()
    go_on()
    wait_loaded(stack.admin, lost, 2)
    again = wait_until(lambda: (answer := Buyer(stack, "of-the-lost").purchase(
        lost, key="key-of-the-lost-one")).status == 201 and answer, 30, "it sells again")
    assert again.json()["order_no"] == won["order_no"]


def test_an_engine_that_stood_still(stack, own_services):
    """Stopped with requests in hand: none is told anything untrue, before or after CONT."""
    sale = stack.admin.open_sale(stock=1000)
    redis_db = Redis(own_services)
    expect_won(Buyer(stack, "first").purchase(sale))
    attempts = [(f"still-{number}", f"key-of-still-{number:08}", "a") for number in range(60)]
    connections = [Connection(stack.address(0)) for _ in attempts]
    for connection, attempt in zip(connections, attempts):
        connection.send(request(stack, sale, *attempt))
        if attempt is attempts[30]:
            stack.engines[0].freeze()
    stopped = time.monotonic()
    elsewhere = ask_all(stack, sale, attempts[:20], engines=(1,))
    wait_until(lambda: time.monotonic() > stopped + STOPPED_S, 30, "it stands still")
    stack.engines[0].thaw()
    answers = [connection.read_response("POST") for connection in connections]
    for connection in connections:
        connection.close()
    assert {answer.code for answer in answers} <= {None, "outcome-unknown", "overloaded"}
    told = {attempt[0]: int(answer.json()["order_no"])
            for attempt, answer in zip(attempts, answers) if answer.status == 201}
    stack.engines[0].wait_ready()
    last = ask_until_told(stack, sale, attempts, engines=BOTH)
    assert {answer.code for answer in last} == {None}, "a key tells the truth"
    final = wins_of(last + elsewhere)
    for attempt in attempts:
        assert told.get(attempt[0], final[attempt[:2]]) == final[attempt[:2]], "two orders"
    wait_until(lambda: not redis_db.outbox(sale), 30, "acknowledged")
    assert redis_db.stock(sale) == {"a": 1000 - 61}
    assert wait_until(lambda: stack.admin.audit(sale)["ok"], 30, "it holds")
