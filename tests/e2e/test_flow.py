"""Where the units and the money of a sale are: `sale show`; what providers said of an order."""

import json

import pytest

from support.crowd import ask_all
from support.ctl import ctl
from support.expect import expect
from support.wait import wait_until

PRICE = 199900
COUNTED = ("initial", "added", "left", "pending", "paid", "quarantined", "refunded_kept")


def change(mysql, order_no, state, reason=""):
    assert mysql.execute("UPDATE orders SET state = %s, reason = %s, slot = IF(%s, slot, NULL), "
                         "version = version + 1 WHERE order_no = %s", state, reason,
                         state in ("PENDING", "PAID", "QUARANTINED"), order_no) == 1


def give_back(mysql, sale, order_no, cause):
    mysql.execute("INSERT INTO stock_ledger (sale, sku, delta, cause, ref, epoch, created) VALUES "
                  "(%s, 'a', 1, %s, %s, 1, 1)", sale, cause, str(order_no))
    mysql.execute("UPDATE sale_skus SET sold = sold - 1 WHERE sale = %s AND sku = 'a'", sale)


@pytest.fixture
def orders(stack, mysql):
    """(sale, its orders): ten, of one unit each, the sale ended."""
    sale = stack.admin.open_sale(stock={"a": 30, "b": 5}, limit=1)
    told = ask_all(stack, sale, [(f"flow-{number}", f"key-of-the-flow-{number:04}", "a")
                                 for number in range(10)])
    numbers = sorted(int(answer.order_no) for answer in told)
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 10, 30,
               "the rows")
    stack.admin.add_stock(sale, "b", 7, "more")
    stack.admin.end(sale)
    return sale, numbers


def test_units_and_money_by_state(stack, mysql, orders):
    sale, numbers = orders
    before = stack.admin.flow(sale)
    assert before["orders"]["PENDING"] == {"orders": 10, "units": 10, "amount": 10 * PRICE}
    assert [before["units"][name] for name in COUNTED] == [35, 7, 32, 10, 0, 0, 0]
    assert before["units"]["balanced"] is True

    for index, state, reason, cause in ((0, "PAID", "", None), (1, "PAID", "", None),
                                        (2, "CLOSED", "", "close"),
                                        (3, "REFUNDED", "", "refund"), (4, "REFUNDED", "", None),
                                        (5, "VOIDED", "operator", "void"),
                                        (6, "QUARANTINED", "version", None)):
        change(mysql, numbers[index], state, reason)
        if cause:
            give_back(mysql, sale, numbers[index], cause)
    after = stack.admin.flow(sale)
    assert {state: sums["orders"] for state, sums in after["orders"].items()} == {
        "PENDING": 3, "PAID": 2, "CLOSED": 1, "REFUNDED": 2, "VOIDED": 1, "QUARANTINED": 1}
    assert all(sums["amount"] == sums["units"] * PRICE for sums in after["orders"].values())
    assert [after["units"][name] for name in COUNTED] == [35, 7, 35, 3, 2, 1, 1]
    assert after["units"]["balanced"] is True
    assert after["units"]["came_back"] == {"closed": 1, "refunded": 1, "voided": 1}


def test_sale_show_prints_them(stack, mysql, orders):
    sale, numbers = orders
    change(mysql, numbers[0], "PAID")
    shown = ctl(stack, "sale", "show", sale)
    assert shown.returncode == 0, shown
    assert f"PAID                    1            1               {PRICE} CNY" in shown.stdout
    assert ("units    initial 35 + added 7 = left 32 + pending 9 + paid 1 + quarantined 0 + "
            "refunded, kept 0\n") in shown.stdout
    asked = json.loads(ctl(stack, "sale", "show", sale, "--json").stdout)
    assert asked["flow"]["orders"] == stack.admin.flow(sale)["orders"]

    mysql.execute("UPDATE sale_skus SET sold = sold - 1 WHERE sale = %s AND sku = 'a'", sale)
    spoiled = ctl(stack, "sale", "show", sale)
    assert "added 7 IS NOT left 33 + pending 9" in spoiled.stdout, "a unit is missing, and told"


def test_sums_beyond_64_bits_are_capped(stack, mysql, orders):
    sale, numbers = orders
    mysql.execute("UPDATE orders SET unit_price = %s, quantity = 1000 WHERE order_no IN (%s, %s)",
                  2**63 - 1, numbers[0], numbers[1])
    assert stack.admin.flow(sale)["orders"]["PENDING"]["amount"] == 2**63 - 1


def test_an_unknown_sale(stack):
    expect(stack.admin.call("GET", "sales/8388607/flow"), 404, "unknown-sale")


def test_an_order_with_its_payments(stack, mysql, orders):
    _, numbers = orders
    assert "payment  none was told" in ctl(stack, "order", "show", numbers[0]).stdout
    for event, state in (("flow-event-1", "APPLIED"), ("flow-event-2", "REFUND_DUE")):
        mysql.execute(
            "INSERT INTO payments (provider, event_id, transaction_id, kind, order_no, amount, "
            "currency, state, occurred, received, created, changed, topic, part, log_offset) "
            "VALUES ('standard', %s, %s, 'paid', %s, %s, 'CNY', %s, 1763712000000, 1763712001000, "
            "1763712001000, 1763712001000, 'none', 1, 7)",
            event, f"tr-{event}-{numbers[0]}", numbers[0], PRICE, state)
    found = stack.admin.order(numbers[0])
    assert [(each["event_id"], each["state"]) for each in found["payments"]] == [
        ("flow-event-2", "REFUND_DUE"), ("flow-event-1", "APPLIED")], "the newest first"
    assert found["payments"][0]["occurred_at"] == "2025-11-21T08:00:00.000Z"
    shown = ctl(stack, "order", "show", numbers[0]).stdout
    assert f"payment  paid APPLIED standard {PRICE} CNY  transaction tr-flow-event-1-" in shown
    assert "state    PENDING, version 1, since" in shown
