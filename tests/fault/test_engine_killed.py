"""An engine ends at a chosen place of the purchase path or behind it (FE1 to FE4, I16)."""

import pytest

from support.crowd import ask_all
from support.faults import revive
from support.wait import wait_until

ATTEMPT = ("ann", "key-of-the-one-who-asks", "a")


def ask(stack, sale, engine):
    return ask_all(stack, sale, [ATTEMPT], threads=1, engines=(engine,))[0]


def rows_of_ann(mysql, sale):
    return mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND buyer = 'ann'", sale)


@pytest.mark.parametrize("point, is_replay", [
    ("purchase_received", False),  # FE1: nothing was decided
    pytest.param("script_replied", True, marks=pytest.mark.representative),  # FE2: outbox alone
    ("producer_fatal", True),      # the same; the producer has taken it, librdkafka has not
    ("win_produced", True),        # FE3: perhaps in the log, perhaps twice
    ("win_reported", True),        # FE4: in the log, told to nobody
    ("buyer_told", True),          # before the acknowledgement
])
def test_the_same_key_gets_the_one_truth(stack, crowd, holds, mysql, point, is_replay):
    sale = stack.admin.open_sale(stock=1000)
    with crowd(sale, engines=(1,)) as others:
        wait_until(others.wins, 30, "others win")
        stack.engines[0].arm(point, "kill")
        first = ask(stack, sale, engine=0)
        assert first.code == "lost" or point == "buyer_told"
        wait_until(lambda: not stack.engines[0].is_alive(), 30, "the engine ends")
        second = wait_until(lambda: (answer := ask(stack, sale, engine=1)).status == 201 and answer,
                            30, "the same key wins at the other engine")
    assert second.replayed == is_replay
    holds(sale, [*others.told, first, second])
    assert rows_of_ann(mysql, sale) == 1


def test_killed_with_an_acknowledgement_in_hand(stack, crowd, holds, mysql):
    """Told and reported; its outbox entry stays, is produced again, and changes nothing."""
    sale = stack.admin.open_sale(stock=1000)
    with crowd(sale, engines=(1,)) as others:
        first = wait_until(lambda: (answer := ask(stack, sale, engine=0)).status == 201 and answer,
                           30, "a win")
        stack.engines[0].arm("acks_taken", "kill")
        more = ask_all(stack, sale, [("bea", "key-of-the-second-one", "a")], engines=(0,))
        wait_until(lambda: not stack.engines[0].is_alive(), 30, "the engine ends")
        second = wait_until(lambda: (answer := ask(stack, sale, engine=1)).status == 201 and answer,
                            30, "the same key wins at the other engine")
    assert second.replayed and second.order_no == first.order_no
    holds(sale, [*others.told, first, *more, second])
    assert rows_of_ann(mysql, sale) == 1


@pytest.mark.parametrize("point", [
    "entry_found", pytest.param("entry_relayed", marks=pytest.mark.representative)])
def test_the_relay_is_killed_too(stack, holds, mysql, point):
    """One engine dies with a win in the outbox, the next one while it relays that win."""
    sale = stack.admin.open_sale(stock=10)
    others = ask_all(stack, sale, [("first", "key-of-the-first-one", "a")], engines=(1,))
    stack.engines[1].arm(point, "kill")
    stack.engines[0].arm("script_replied", "kill")
    first = ask(stack, sale, engine=0)
    assert first.code == "lost"
    wait_until(lambda: not stack.engines[1].is_alive(), 30, "the other engine relays, and ends")
    revive(stack)
    second = wait_until(lambda: (answer := ask(stack, sale, engine=1)).status == 201 and answer, 30,
                        "the same key wins")
    assert second.replayed
    holds(sale, [*others, first, second])
    assert rows_of_ann(mysql, sale) == 1


def test_a_win_in_the_outbox_alone_is_relayed_without_a_retry(stack, holds, mysql):
    """FE2: nobody asks again; the other engine produces it."""
    sale = stack.admin.open_sale(stock=10)
    others = ask_all(stack, sale, [("first", "key-of-the-first-one", "a")], engines=(1,))
    stack.engines[0].arm("script_replied", "kill")
    told = ask(stack, sale, engine=0)
    assert told.code == "lost"
    wait_until(lambda: rows_of_ann(mysql, sale) == 1, 30, "its row")
    holds(sale, [*others, told])
