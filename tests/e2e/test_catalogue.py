"""The catalogue: years of sales behind it, and one in it that cannot be read (PROTOCOL §4)."""

import pytest

from support.buyer import get_sale
from support.expect import expect, expect_won
from support.wait import wait_until

DAY_MS = 86400000
FIRST_OLD, OLD = 3000000, 3100
LAST_OLD = FIRST_OLD + OLD - 1


@pytest.fixture
def old_sales(mysql):
    """More sales than one catalogue holds, loaded once, closed long ago."""
    values = ",".join(f"({FIRST_OLD + i},'old','CNY',1,2,1,1000,'ended',1,1)" for i in range(OLD))
    skus = ",".join(f"({FIRST_OLD + i},'a',0,1,1,1)" for i in range(OLD))
    mysql.execute("INSERT INTO sales (sale, name, currency, opens, closes, buyer_limit, pay_window,"
                  f" control, epoch, created) VALUES {values}")
    mysql.execute(f"INSERT INTO sale_skus (sale, sku, position, price, total, epoch) VALUES {skus}")
    yield
    mysql.execute("DELETE FROM sale_skus WHERE sale BETWEEN %s AND %s", FIRST_OLD,
                  LAST_OLD)
    mysql.execute("DELETE FROM sales WHERE sale BETWEEN %s AND %s", FIRST_OLD, LAST_OLD)


def test_sales_of_long_ago_do_not_fill_it(stack, mysql, redis_db, new_buyer, old_sales):
    closed = stack.admin.open_sale()
    buyer = new_buyer()
    won = expect_won(buyer.purchase(closed))
    # Closed four days ago: its buyers still look for their orders.
    mysql.execute("UPDATE sales SET closes = closes - %s, opens = 1 WHERE sale = %s", 4 * DAY_MS,
                  closed)
    sale = stack.admin.open_sale()
    expect_won(new_buyer().purchase(sale))
    held = redis_db.client.hkeys("seckill:catalogue")
    assert str(sale) in held and str(closed) in held
    assert str(FIRST_OLD) not in held
    assert buyer.order(closed, won["order_no"]).json()["order_no"] == won["order_no"]


def test_a_sale_that_cannot_be_read_stops_no_other(stack, redis_db, new_buyer):
    broken, sold = stack.admin.open_sale(), stack.admin.open_sale()
    buyers = [new_buyer() for _ in range(4)]
    expect_won(buyers[0].purchase(broken))
    redis_db.client.hset("seckill:catalogue", str(broken), '{"v":1}')
    redis_db.client.hincrby("seckill:catalogue", "revision", 1)
    wait_until(lambda: buyers[1].purchase(broken).code == "rebuilding", 30, "it cannot be read")
    expect_won(buyers[1].purchase(sold))
    expect(buyers[2].purchase(4999999), 404, "unknown-sale")
    expect(buyers[2].orders(broken), 503, "rebuilding")
    stack.admin.recover(broken)
    stack.admin.wait_state(broken, "open")
    won = wait_until(lambda: (r := buyers[3].purchase(broken)).status == 201 and r, 30, "it sells")
    expect_won(won)


def test_skus_are_shown_in_the_operators_order(stack):
    stock = {"z": 1, "a": 2, "m": 3}
    sale = stack.admin.open_sale(stock=stock)
    shown = get_sale(stack, sale).json()["skus"]
    assert [(sku["sku"], sku["left"]) for sku in shown] == list(stock.items())
