"""A unit too many stops its sale though nobody audits it (I1, PROTOCOL §6 frozen)."""

from support.ctl import ctl_once_reached
from support.expect import expect, expect_won
from support.wait import wait_until


def test_a_unit_too_many_in_redis_is_found_and_freezes(stack, open_sale, mysql, redis_db,
                                                       new_buyer):
    sale = open_sale(stock={"a": 5, "b": 5})
    expect_won(new_buyer().purchase(sale))
    wait_until(lambda: stack.admin.audit(sale)["ok"], 30, "it holds")
    stock = redis_db.key(sale, "stock")
    redis_db.client.hincrby(stock, "a", 1)
    wait_until(lambda: redis_db.meta(sale)["state"] == "frozen", 60, "frozen by itself")
    row = mysql.rows("SELECT actor, detail FROM admin_log WHERE sale = %s AND action = 'freeze'",
                     sale)
    assert [(each["actor"], each["detail"]) for each in row] == [
        ("worker", "open; I1: sku a: sold 1 and offered 5 of 5")]
    expect(new_buyer().purchase(sale), 503, "rebuilding")
    found = ctl_once_reached(stack, "sale", "unfreeze", sale)
    assert found.returncode == 3, "the audit finds it, too"
    redis_db.client.hincrby(stock, "a", -1)
    assert ctl_once_reached(stack, "sale", "unfreeze", sale).returncode == 0
    stack.admin.wait_state(sale, "open")
    expect_won(new_buyer().purchase(sale))


def test_a_sale_that_runs_is_not_frozen_by_it(stack, open_sale, mysql, new_buyer):
    """Through one whole round: the sale that is spoiled behind it in the list is found."""
    sound, spoiled = open_sale(stock=50), open_sale(stock=5)
    mysql.execute("UPDATE sale_skus SET total = total - 1 WHERE sale = %s", spoiled)
    try:
        wait_until(lambda: (new_buyer().purchase(sound),
                            stack.admin.sale(spoiled)["control"] == "frozen")[1], 60, "one round",
                   interval_s=0.5)
    finally:
        mysql.execute("UPDATE sale_skus SET total = total + 1 WHERE sale = %s", spoiled)
    assert stack.admin.sale(sound)["control"] == "open"
    wait_until(lambda: stack.admin.audit(sound)["ok"], 30, "it holds")
