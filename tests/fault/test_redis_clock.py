"""The clock of Redis steps by an hour, under load (FR12, I20, R13, R16)."""

import time

import pytest

from support.buyer import Buyer
from support.crowd import codes_of
from support.expect import expect
from support.faults import Faults
from support.metrics import scrape
from support.wait import wait_until
from support.wall_clock import Clock

HOUR_S = 3600


@pytest.fixture(scope="module")
def clock():
    return Clock()


@pytest.fixture(scope="module")
def session_faults(clock):
    """Instead of the session's: a Redis whose clock can be shifted."""
    faults = Faults(redis_environment=clock.environment())
    yield faults
    faults.close()


@pytest.fixture(autouse=True)
def true_time(clock):
    yield
    clock.shift(0)


def late_calls(stack):
    return sum(scrape(engine).total("seckill_script_late_total") for engine in stack.engines)


def wait_for_wins(buyers, count=50):
    before = len(buyers.wins())
    wait_until(lambda: len(buyers.wins()) >= before + count, 30, "buyers win")


@pytest.mark.parametrize("hours", [
    pytest.param([1, 0], id="forward and back"),
    pytest.param([-1, 0], id="back and forward"),
])
def test_it_steps_and_buyers_do_not_feel_it(stack, clock, crowd, holds, redis_db, hours):
    """Calls refused as late teach the new time, and are sent once more."""
    sale = stack.admin.open_sale(stock=5000, closes_in_s=3 * HOUR_S, opens_in_s=-3 * HOUR_S)
    keys = len(redis_db.client.keys(f"{{s:{sale}}}:*"))
    with crowd(sale) as buyers:
        for each in hours:
            wait_for_wins(buyers)
            before, late = int(redis_db.client.time()[0]), late_calls(stack)
            clock.shift(each * HOUR_S)
            assert abs(int(redis_db.client.time()[0]) - before) > HOUR_S - 60, "it has stepped"
            wait_until(lambda: late_calls(stack) > late, 30, "calls are late")
            wait_for_wins(buyers)
    # At most a call whose purchases had no time left to be sent again.
    assert codes_of(buyers.told) <= {None, "overloaded"}
    assert len([answer for answer in buyers.told if answer.code]) <= len(hours) * 2 * 3
    assert len(redis_db.client.keys(f"{{s:{sale}}}:*")) >= keys, "nothing has expired"
    holds(sale, buyers.told)


def test_an_ended_sale_stays_ended(stack, clock, crowd, holds, redis_db):
    """The first call behind the end latches it: no clock opens the sale again."""
    sale = stack.admin.open_sale(stock=5000, closes_in_s=HOUR_S // 2)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        clock.shift(HOUR_S)
        wait_until(lambda: {answer.code for answer in list(buyers.told)} >= {"ended"}, 30, "ended")
        assert redis_db.meta(sale)["state"] == "ended"
        clock.shift(0)
        back = time.monotonic()
        wait_until(lambda: len([answer for answer in list(buyers.told)
                                if answer.began > back]) > 50, 30, "they go on asking")
    assert codes_of(answer for answer in buyers.told
                    if answer.began > back) <= {"ended", "overloaded"}
    for number in (0, 1):
        expect(Buyer(stack, "later", number).purchase(sale), 409, "ended")
    assert_winner_is_told(stack, sale, buyers)
    holds(sale, buyers.told)


def assert_winner_is_told(stack, sale, buyers):
    (winner, key), order_no = next(iter(buyers.wins().items()))
    replay = Buyer(stack, winner).purchase(sale, key=key)
    assert replay.status == 201 and int(replay.json()["order_no"]) == order_no


def loaded_again(stack, sale, _, __):
    stack.admin.recover(sale)
    wait_until(lambda: (load := stack.admin.sale(sale)["load"])["step"] == "done"
               and load["epoch"] == 2, 60, "it is loaded")


def frozen_and_released(stack, sale, mysql, redis_db):
    """As an alarm does it that came before MySQL heard of the end."""
    version = redis_db.meta(sale)["version"]
    mysql.execute("UPDATE sales SET control = 'frozen', version = version + 1 WHERE sale = %s",
                  sale)
    for verb in ("freeze", "unfreeze", "resume"):
        mysql.execute("INSERT INTO outbox (sale, kind, verb, epoch, created) SELECT sale, 'state', "
                      "%s, epoch, 1 FROM sales WHERE sale = %s", verb, sale)
    mysql.execute("UPDATE sales SET control = 'open', version = version + 2 WHERE sale = %s", sale)
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM outbox WHERE sale = %s AND target = "
                                   "'redis' AND confirmed IS NULL", sale) == 0, 30, "Redis is told")
    assert redis_db.meta(sale)["version"] == version, "nothing has moved there"


@pytest.mark.parametrize("what", [loaded_again, frozen_and_released])
def test_what_has_ended_outlasts_a_load_and_a_freeze(stack, clock, crowd, holds, mysql, redis_db,
                                                     what):
    """Its end was latched by a clock that MySQL's never reached, and that is right again now."""
    sale = stack.admin.open_sale(stock=5000, closes_in_s=HOUR_S // 2)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        clock.shift(HOUR_S)
        wait_until(lambda: {answer.code for answer in list(buyers.told)} >= {"ended"}, 30, "ended")
        clock.shift(0)
        what(stack, sale, mysql, redis_db)
        back = time.monotonic()
        wait_until(lambda: len([answer for answer in list(buyers.told)
                                if answer.began > back]) > 50, 30, "they go on asking")
    assert codes_of(answer for answer in buyers.told
                    if answer.began > back) <= {"ended", "overloaded"}
    wait_until(lambda: mysql.value("SELECT control FROM sales WHERE sale = %s", sale) == "ended",
               30, "MySQL knows")
    assert_winner_is_told(stack, sale, buyers)
    holds(sale, buyers.told)
