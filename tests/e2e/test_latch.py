"""The end of a sale reaches MySQL by itself; gauges of epoch and frozen sales (PROTOCOL §3.8)."""

from support.metrics import scrape
from support.wait import wait_until


def control_of(mysql, sale):
    return mysql.value("SELECT control FROM sales WHERE sale = %s", sale)


def test_a_sale_that_its_window_ended_is_ended_in_mysql(stack, admin, mysql, redis_db):
    sale = admin.open_sale(stock=5, closes_in_s=15)  # time enough to load it
    assert control_of(mysql, sale) == "open"
    wait_until(lambda: control_of(mysql, sale) == "ended", 60, "the worker copies the latch")
    rows = mysql.rows("SELECT actor, action FROM admin_log WHERE sale = %s ORDER BY id", sale)
    assert (rows[-1]["actor"], rows[-1]["action"]) == ("worker", "end")
    wait_until(lambda: redis_db.meta(sale)["state"] == "ended", 30, "it is latched")
    response = admin.call("POST", f"sales/{sale}/skus/a/stock", {"add": 1, "ref": "late"})
    assert response.status == 409


def test_a_paused_sale_ends_too(admin, mysql, redis_db):
    sale = admin.open_sale(stock=5, closes_in_s=15)
    admin.ask("POST", f"sales/{sale}/pause")
    wait_until(lambda: control_of(mysql, sale) == "ended", 60, "the worker copies the latch")
    wait_until(lambda: redis_db.meta(sale)["state"] == "ended", 30, "Redis is told")


def test_epoch_and_frozen_sales_are_shown(stack, mysql, plain_sale):
    def shown(name):
        return scrape(stack.worker).get(name)

    highest = mysql.value("SELECT MAX(epoch) FROM sales")
    wait_until(lambda: shown("seckill_epoch") == highest, 30, "the highest epoch")
    before = shown("seckill_frozen")
    mysql.execute("UPDATE sales SET control = 'frozen' WHERE sale = %s", plain_sale)
    try:
        wait_until(lambda: shown("seckill_frozen") == before + 1, 30, "one more is frozen")
    finally:
        mysql.execute("UPDATE sales SET control = 'open' WHERE sale = %s", plain_sale)
    wait_until(lambda: shown("seckill_frozen") == before, 30, "and none any more")
