"""The admin API: every verb, its errors, its rows in admin_log (PROTOCOL §7)."""

import itertools

import pytest

from support import http_raw
from support.admin import rfc3339
from support.crowd import ask_until_told, codes_of, fresh_buyers
from support.db import compose_order_no
from support.expect import expect, expect_won
from support.wait import hold_for, wait_until

_numbers = itertools.count(700000)


def definition(**fields):
    """A body that creates a sale; a member set to `...` is left out."""
    body = {"name": "test", "currency": "CNY", "opens_at": rfc3339(-60),
            "closes_at": rfc3339(3600), "limit_per_buyer": 1, "pay_window_s": 900,
            "skus": [{"sku": "a", "price": 100, "stock": 5}], **fields}
    return {name: value for name, value in body.items() if value is not ...}


def log_of(mysql, sale):
    return [row["action"] for row in mysql.rows(
        "SELECT action FROM admin_log WHERE sale = %s ORDER BY id", sale)]


def refused(admin, status, code, method, path, body=None):
    problem = expect(admin.call(method, path, body), status, code)
    return problem["detail"]


# --- who may

@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic x", "Bearer wrong"])
def test_without_the_token_nothing(stack, mysql, value):
    fields = {"Content-Type": "application/json"}
    if value is not None:
        fields["Authorization"] = value
    before = mysql.value("SELECT COUNT(*) FROM sales")
    for method, path, body in (("GET", "/v1/admin/sales", None), ("GET", "/v1/admin/orders", None),
                               ("POST", "/v1/admin/sales", b"{}"),
                               ("POST", "/v1/admin/sales/1/end", b"")):
        response = http_raw.request(stack.admin.address, method, path, fields, body)
        assert response.code in ("token-missing", "token-bad")
        assert "admin token" in expect(response, 401, response.code)["detail"]
    assert mysql.value("SELECT COUNT(*) FROM sales") == before


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", str.upper,
                                    lambda t: t + "\0".encode().decode("latin-1")])
def test_the_token_is_exact(stack, change):
    token = change(stack.admin_token)
    try:
        response = http_raw.get(stack.admin.address, "/v1/admin/sales",
                                {"Authorization": f"Bearer {token}"})
    except http_raw.ProtocolError:
        return
    assert response.status in (400, 401), response


def test_a_buyers_token_is_no_admin_token(stack):
    response = http_raw.get(stack.admin.address, "/v1/admin/sales",
                            {"Authorization": f"Bearer {stack.token('buyer')}"})
    assert "admin token" in expect(response, 401, "token-bad")["detail"]


# --- create, read

def test_create_and_read(admin, mysql):
    number = next(_numbers)
    made = admin.ask("POST", "sales", definition(
        sale=number, name="Zweite Größe ✓", limit_per_buyer=3,
        skus=[{"sku": "x.1", "price": 0, "stock": 0}, {"sku": "a", "price": 5, "stock": 7}]))
    assert made["sale"] == number and made["name"] == "Zweite Größe ✓"
    assert made["control"] == "open" and made["epoch"] == 0 and made["state"] == "not-loaded"
    assert made["skus"] == [{"sku": "x.1", "price": 0, "total": 0, "sold": 0, "left": 0},
                            {"sku": "a", "price": 5, "total": 7, "sold": 0, "left": 7}]
    assert admin.sale(number) == made
    assert log_of(mysql, number) == ["create"]
    assert refused(admin, 409, "conflict", "POST", "sales", definition(sale=number))


def test_numbers_are_given_when_left_out(admin):
    first, second = (admin.ask("POST", "sales", definition())["sale"] for _ in range(2))
    assert second > first


BAD_DEFINITIONS = {
    "no name": {"name": ...}, "name empty": {"name": ""}, "name too long": {"name": "n" * 1000},
    "no currency": {"currency": ...}, "currency small": {"currency": "cny"},
    "currency long": {"currency": "CNYX"},
    "no window": {"opens_at": ...}, "window no time": {"opens_at": "tomorrow"},
    "window without zone": {"opens_at": "2026-01-01T00:00:00"},
    "window a number": {"opens_at": 5}, "window backwards": {"closes_at": rfc3339(-120)},
    "window empty": {"opens_at": "2030-01-01T00:00:00Z", "closes_at": "2030-01-01T00:00:00Z"},
    "window over": {"opens_at": rfc3339(-7200), "closes_at": rfc3339(-3600)},
    "no limit": {"limit_per_buyer": ...}, "limit 0": {"limit_per_buyer": 0},
    "limit 1001": {"limit_per_buyer": 1001}, "limit a text": {"limit_per_buyer": "1"},
    "limit a fraction": {"limit_per_buyer": 1.5},
    "pay window 0": {"pay_window_s": 0}, "pay window negative": {"pay_window_s": -1},
    "sale 0": {"sale": 0}, "sale too large": {"sale": 8388608}, "sale a text": {"sale": "7"},
    "no skus": {"skus": ...}, "skus empty": {"skus": []}, "skus no list": {"skus": {}},
    "65 skus": {"skus": [{"sku": f"s{n}", "price": 1, "stock": 1} for n in range(65)]},
    "a sku twice": {"skus": [{"sku": "a", "price": 1, "stock": 1}] * 2},
    "sku a text": {"skus": ["a"]}, "sku without price": {"skus": [{"sku": "a", "stock": 1}]},
    "sku without stock": {"skus": [{"sku": "a", "price": 1}]},
    "sku misnamed": {"skus": [{"sku": "a b", "price": 1, "stock": 1}]},
    "price negative": {"skus": [{"sku": "a", "price": -1, "stock": 1}]},
    "price a fraction": {"skus": [{"sku": "a", "price": 1.5, "stock": 1}]},
    "stock negative": {"skus": [{"sku": "a", "price": 1, "stock": -1}]},
    "stock huge": {"skus": [{"sku": "a", "price": 1, "stock": 1 << 40}]},
    "sku with an unknown member": {"skus": [{"sku": "a", "price": 1, "stock": 1, "x": 1}]},
    "unknown member": {"epoch": 5}, "state": {"state": "open"},
}


def test_bad_definitions_create_nothing(admin, mysql):
    before = mysql.value("SELECT COUNT(*) FROM sales")
    for what, fields in BAD_DEFINITIONS.items():
        response = admin.call("POST", "sales", definition(**fields))
        assert (response.status, response.code) == (400, "bad-body"), f"{what}: {response}"
        assert expect(response, 400, "bad-body")["detail"], what
    for body in (b"", b"{", b"[]", b"null", b'{"name":"a","name":"b"}', b"\xff"):
        response = admin.call("POST", "sales", body)
        assert response.code in ("bad-json", "bad-body"), (body, response)
    assert mysql.value("SELECT COUNT(*) FROM sales") == before


def test_list_of_sales_in_pages(admin):
    made = [admin.create_sale() for _ in range(3)]
    page = admin.ask("GET", f"sales?after={made[0] - 1}&limit=2")
    assert [sale["sale"] for sale in page["sales"]] == made[:2] and page["next"] == made[1]
    rest = admin.ask("GET", f"sales?after={page['next']}")
    assert made[2] in [sale["sale"] for sale in rest["sales"]] and rest["next"] is None


@pytest.mark.parametrize("path,code", [
    ("sales/0", "bad-sale"), ("sales/x", "bad-sale"), ("sales/8388608/load", "bad-sale"),
    ("sales/1/skus/a b/stock", "bad-request"), ("sales/1/skus/" + "a" * 33 + "/stock", "bad-sku")])
def test_bad_paths(admin, path, code):
    method = "GET" if path.count("/") == 1 else "POST"
    body = {"add": 1, "ref": "r"} if path.endswith("stock") else None
    refused(admin, 400, code, method, path, body)


@pytest.mark.parametrize("method,path", [
    ("GET", "sales/8388607"), ("POST", "sales/8388607/load"), ("POST", "sales/8388607/pause"),
    ("POST", "sales/8388607/resume"), ("POST", "sales/8388607/end"),
    ("GET", "sales/8388607/audit")])
def test_unknown_sale(admin, mysql, method, path):
    refused(admin, 404, "unknown-sale", method, path)
    assert log_of(mysql, 8388607) == [], "what did not happen is not logged"


# --- control

def test_pause_resume_end(admin, open_sale, mysql):
    sale = open_sale()
    for verb, state in (("pause", "paused"), ("pause", "paused"), ("resume", "open"),
                        ("resume", "open"), ("end", "ended"), ("end", "ended")):
        assert admin.ask("POST", f"sales/{sale}/{verb}")["control"] == state
        admin.wait_state(sale, state)
    assert [action for action in log_of(mysql, sale) if action in ("pause", "resume", "end")] == [
        "pause", "resume", "end"], "what changed nothing is not logged"
    for verb in ("pause", "resume"):
        refused(admin, 409, "conflict", "POST", f"sales/{sale}/{verb}")
    assert admin.sale(sale)["control"] == "ended"


def test_control_before_the_load_holds_after_it(admin, redis_db, new_buyer):
    sale = admin.create_sale()
    admin.pause(sale)
    admin.load(sale)
    wait_until(lambda: admin.sale(sale)["load"]["step"] == "done", 30, "loaded")
    assert redis_db.meta(sale)["state"] == "paused"
    buyer = new_buyer()
    wait_until(lambda: buyer.purchase(sale).code == "paused", 30, "engines know the sale")
    admin.resume(sale)
    admin.wait_state(sale, "open")
    expect_won(new_buyer().purchase(sale))


# --- load

def wait_loaded(admin, sale, epoch):
    wait_until(lambda: (load := admin.sale(sale)["load"])["step"] == "done"
               and load["epoch"] == epoch, 30, f"epoch {epoch} is loaded")


def test_load_twice(admin, mysql):
    sale = admin.create_sale()
    answer = admin.call("POST", f"sales/{sale}/load")
    assert answer.status == 202, answer
    refused(admin, 409, "load-running", "POST", f"sales/{sale}/load")
    found = admin.wait_state(sale, "open")
    wait_until(lambda: admin.sale(sale)["load"]["step"] == "done", 30, "done")
    assert found["epoch"] == 1 and found["redis"]["epoch"] == 1
    assert log_of(mysql, sale).count("load") == 1


def test_a_sale_that_sells_is_not_stopped_by_a_load(admin, redis_db, new_buyer, mysql):
    sale = admin.open_sale()
    wait_loaded(admin, sale, 1)
    before = redis_db.meta(sale)
    detail = refused(admin, 409, "conflict", "POST", f"sales/{sale}/load")
    assert detail == (f"Sale {sale} is selling, or about to: a load would stop it for some "
                      "seconds. If you want that, recover it.")
    assert redis_db.meta(sale) == before and log_of(mysql, sale).count("load") == 1
    expect_won(new_buyer().purchase(sale))
    admin.recover(sale)
    wait_loaded(admin, sale, 2)
    admin.wait_state(sale, "open")
    admin.pause(sale)
    admin.wait_state(sale, "paused")
    admin.load(sale)
    wait_loaded(admin, sale, 3)


@pytest.mark.parametrize("state", ["loaded", "resuming"])
def test_a_sale_that_is_about_to_sell_is_not_stopped_by_a_load(admin, redis_db, state):
    """As an announcement leaves it that nobody applies yet: it would open within the hold."""
    sale = admin.open_sale()
    wait_loaded(admin, sale, 1)
    redis_db.client.hset(redis_db.key(sale, "meta"), "state", state)
    refused(admin, 409, "conflict", "POST", f"sales/{sale}/load")
    assert admin.sale(sale)["epoch"] == 1


def test_a_sale_that_does_not_sell_yet_is_loaded_as_often_as_one_likes(admin):
    sale = admin.open_sale(opens_in_s=3600, closes_in_s=7200)
    wait_loaded(admin, sale, 1)
    admin.load(sale)
    wait_loaded(admin, sale, 2)


# --- stock

def test_add_stock_is_once_per_ref(admin, open_sale, redis_db, mysql):
    sale = open_sale(stock={"a": 5, "b": 0})
    assert admin.add_stock(sale, "b", 3, "delivery-1") == {
        "sale": sale, "sku": "b", "added": 3, "total": 3, "ref": "delivery-1", "repeated": False}
    assert admin.add_stock(sale, "b", 3, "delivery-1")["repeated"] is True
    for sku, units in (("b", 4), ("a", 3)):
        refused(admin, 409, "conflict", "POST", f"sales/{sale}/skus/{sku}/stock",
                {"add": units, "ref": "delivery-1"})
    wait_until(lambda: redis_db.stock(sale) == {"a": 5, "b": 3}, 30, "applied in Redis")
    hold_for(lambda: redis_db.stock(sale) == {"a": 5, "b": 3}, 0.5, "not twice")
    assert mysql.value("SELECT SUM(delta) FROM stock_ledger WHERE sale = %s", sale) == 8
    assert [action for action in log_of(mysql, sale) if "stock" in action] == ["add_stock"]
    assert admin.audit(sale)["ok"]


@pytest.mark.parametrize("body", [
    {}, {"add": 0, "ref": "r"}, {"add": -1, "ref": "r"}, {"add": 1.5, "ref": "r"},
    {"add": "1", "ref": "r"}, {"add": 1}, {"add": 1, "ref": ""}, {"add": 1, "ref": "r" * 65},
    {"add": 1 << 40, "ref": "r"}, {"add": 1, "ref": 5}, {"add": 1, "ref": "r", "x": 1},
    {"add": 1, "ref": "a b"}])
def test_bad_additions(admin, plain_sale, redis_db, body):
    before = redis_db.meta(plain_sale)["version"]
    refused(admin, 400, "bad-body", "POST", f"sales/{plain_sale}/skus/a/stock", body)
    assert redis_db.meta(plain_sale)["version"] == before


def test_stock_of_an_unknown_sku_or_an_ended_sale(admin, open_sale):
    sale = open_sale()
    refused(admin, 404, "unknown-sku", "POST", f"sales/{sale}/skus/zz/stock",
            {"add": 1, "ref": "r"})
    admin.end(sale)
    refused(admin, 409, "conflict", "POST", f"sales/{sale}/skus/a/stock", {"add": 1, "ref": "r"})


def test_stock_added_before_the_load_is_loaded(admin, redis_db, new_buyer):
    sale = admin.create_sale(stock=1)
    admin.add_stock(sale, "a", 2, "early")
    admin.load(sale)
    admin.wait_state(sale, "open")
    assert redis_db.stock(sale) == {"a": 3}
    hold_for(lambda: redis_db.stock(sale) == {"a": 3}, 0.5, "counted once")
    assert admin.audit(sale)["ok"]


# --- orders

def test_orders_pages_and_filters(stack, admin, open_sale, mysql):
    sale = open_sale(limit=2)
    told = ask_until_told(stack, sale, [*itertools.islice(fresh_buyers("page"), 5),
                                        ("page-0", "key-of-a-second-order", "a")], threads=1)
    assert codes_of(told) == {None}
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 6, 30,
               "the rows")
    numbers = sorted(str(answer.order_no) for answer in told)
    found, after = [], 0
    while after is not None:
        page = admin.orders(sale=sale, limit=4, after=after)
        assert len(page["orders"]) <= 4
        found += [order["order_no"] for order in page["orders"]]
        after = page["next"]
    assert found == numbers
    of_buyer = admin.orders(sale=sale, buyer="page-0")["orders"]
    assert len(of_buyer) == 2 and {order["buyer"] for order in of_buyer} == {"page-0"}
    assert len(admin.orders(sale=sale, state="PENDING")["orders"]) == 6
    assert admin.orders(sale=sale, state="PAID") == {"orders": [], "next": None}
    one = admin.order(numbers[0])
    assert one.pop("payments") == []
    assert one == [order for order in admin.orders(sale=sale)["orders"]
                   if order["order_no"] == numbers[0]][0]
    assert one["sale"] == sale and one["epoch"] == 1 and one["state"] == "PENDING"
    assert one["slot"] == 0 and one["reason"] == "" and one["unit_price"] == 199900


@pytest.mark.parametrize("query", ["sale=0x", "sale=-1", "sale=8388608", "sale=", "limit=1001",
                                   "limit=x", "after=x", "after=9223372036854775808", "buyer=",
                                   "buyer=" + "b" * 65, "state=OPEN", "state=pending", "state="])
def test_bad_queries(admin, query):
    refused(admin, 400, "bad-query", "GET", f"orders?{query}")


def test_unknown_and_bad_order(admin):
    refused(admin, 404, "unknown-order", "GET", f"orders/{compose_order_no(8388607, 1, 1)}")
    for number in ("0", "x", "1", "01"):
        refused(admin, 400, "bad-order-no", "GET", f"orders/{number}")
