"""What the rules of PROTOCOL close, where it takes a fault to see it."""

import itertools

import pytest

from support.crowd import ask_all
from support.metrics import scrape
from support.wait import wait_until

BOTH = (0, 1)
_numbers = itertools.count(1)


def stranger(name="stranger"):
    number = next(_numbers)
    return f"{name}-{number}", f"key-of-{name}-{number:08}", "a"


def ask_at(stack, sale, engine, attempt):
    return ask_all(stack, sale, [attempt], threads=1, engines=(engine,))[0]


def remembers_sold_out(stack, sale, engine, told):
    """Waits until the engine answers strangers from memory."""
    def from_memory():
        return scrape(stack.engines[engine]).get("seckill_purchases_from_memory_total",
                                                 result="sold-out")

    before = from_memory()

    def answered():
        told.append(ask_at(stack, sale, engine, stranger()))
        return from_memory() > before

    wait_until(answered, 30, f"engine {engine} says sold-out from memory")


@pytest.mark.representative
def test_a_unit_comes_back_while_engines_hear_nothing(stack, faults, holds, redis_db):
    """§3.8: a "no" from memory is a lease. It has run out before the unit can be bought."""
    sale = stack.admin.open_sale(stock=1)
    winner = stranger("winner")
    told = [ask_at(stack, sale, 0, winner)]
    assert told[0].status == 201
    for engine in BOTH:
        remembers_sold_out(stack, sale, engine, told)
    faults.engine_redis.set(blackhole=1)
    stack.admin.add_stock(sale, "a", 1, "one-more")
    wait_until(lambda: redis_db.stock(sale) == {"a": 1}, 30, "it can be bought")
    others = [stranger(f"late-{engine}") for engine in BOTH]
    for engine in BOTH:
        for attempt in (others[engine], winner):
            told.append(ask_at(stack, sale, engine, attempt))
            assert told[-1].code in ("overloaded", "outcome-unknown")
    faults.heal()
    told.append(wait_until(lambda: (answer := ask_at(stack, sale, 0, others[0])).code in
                           (None, "sold-out") and answer, 30, "Redis is asked again"))
    told.append(wait_until(lambda: (answer := ask_at(stack, sale, 1, others[1])).code in
                           (None, "sold-out") and answer, 30, "Redis is asked again"))
    assert sorted(str(answer.code) for answer in told[-2:]) == ["None", "sold-out"]
    told.append(wait_until(lambda: (answer := ask_at(stack, sale, 1, winner)).status == 201
                           and answer, 30, "the winner is told his order"))
    holds(sale, told)
