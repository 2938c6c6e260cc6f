"""seckillctl: each verb against the running worker, --json, exit statuses, good errors."""

import json
import re

import pytest

from support.buyer import Buyer
from support.ctl import ctl
from support.expect import expect_won
from support.ports import free_port
from support.wait import wait_until

DONE, FAILED, USAGE, REFUSED = 0, 1, 2, 3


def ok(stack, *words):
    done = ctl(stack, *words)
    assert done.returncode == DONE and done.stdout, done
    return done.stdout


def as_json(stack, *words):
    return json.loads(ok(stack, "--json", *words))


@pytest.fixture(scope="module")
def sale(session_stack):
    """Created and loaded by the command line alone."""
    made = as_json(session_stack, "sale", "create", "--name", "by hand", "--sku", "a:100:5",
                   "--sku", "b:200:7", "--limit", 2, "--opens", "now", "--closes", "+600",
                   "--pay-window", 60, "--currency", "EUR")
    done = ctl(session_stack, "sale", "load", made["sale"])
    assert done.returncode == DONE, done
    assert "load: done" in done.stderr, "its steps are told"
    session_stack.admin.wait_state(made["sale"], "open")
    return made["sale"]


def test_create(stack, sale):
    found = as_json(stack, "sale", "show", sale)
    assert found["name"] == "by hand" and found["currency"] == "EUR"
    assert found["limit_per_buyer"] == 2 and found["pay_window_s"] == 60
    assert [(sku["sku"], sku["price"], sku["total"]) for sku in found["skus"]] == [
        ("a", 100, 5), ("b", 200, 7)]
    assert found.pop("flow")["units"]["initial"] == 12
    assert found == stack.admin.sale(sale)


def test_create_from_a_file(stack, tmp_path):
    path = tmp_path / "sale.json"
    path.write_text(json.dumps({
        "name": "from a file", "currency": "CNY", "opens_at": "2026-01-01T00:00:00Z",
        "closes_at": "2099-01-01T00:00:00Z", "limit_per_buyer": 1,
        "skus": [{"sku": "x", "price": 1, "stock": 1}]}))
    assert as_json(stack, "sale", "create", "--file", path)["name"] == "from a file"
    path.write_text("{")
    done = ctl(stack, "sale", "create", "--file", path)
    assert done.returncode == USAGE and str(path) in done.stderr


def test_show_and_list(stack, sale):
    assert re.search(rf"sale {sale}\b.*by hand", ok(stack, "sale", "show", sale))
    assert re.search(rf"^{sale}\b.*by hand$", ok(stack, "sale", "list"), re.M)
    assert sale in [each["sale"] for each in as_json(stack, "sale", "list")["sales"]]


def test_pause_resume_end(stack):
    sale = stack.admin.open_sale()
    for verb, state in (("pause", "paused"), ("resume", "open"), ("end", "ended")):
        assert ok(stack, "sale", verb, sale)
        stack.admin.wait_state(sale, state)
    done = ctl(stack, "sale", "resume", sale)
    assert done.returncode == REFUSED and "[conflict]" in done.stderr


def test_add_stock(stack):
    sale = stack.admin.create_sale(stock={"a": 5, "b": 7})
    first = ok(stack, "sale", "add-stock", sale, "b", 3, "--ref", "by-hand")
    assert "10" in first
    again = as_json(stack, "sale", "add-stock", sale, "b", 3, "--ref", "by-hand")
    assert again["repeated"] is True and again["total"] == 10
    done = ctl(stack, "sale", "add-stock", sale, "b", 3)
    assert done.returncode == USAGE and "--ref" in done.stderr


def test_orders_and_audit(stack, sale, mysql):
    order = expect_won(Buyer(stack, "by-hand").purchase(sale))
    wait_until(lambda: mysql.rows("SELECT 1 FROM orders WHERE order_no = %s",
                                  int(order["order_no"])), 30, "the row")
    listed = as_json(stack, "order", "list", "--sale", sale, "--buyer", "by-hand")["orders"]
    assert [each["order_no"] for each in listed] == [order["order_no"]]
    assert as_json(stack, "order", "show", order["order_no"]) == {**listed[0], "payments": []}
    assert order["order_no"] in ok(stack, "order", "list", "--sale", sale, "--state", "PENDING")
    assert as_json(stack, "order", "list", "--sale", sale, "--state", "PAID")["orders"] == []
    assert "by-hand" in ok(stack, "order", "show", order["order_no"])
    assert "holds" in ok(stack, "audit", sale)
    assert as_json(stack, "audit", sale)["ok"] is True


def test_dead_list(stack):
    assert "dead_letters" in as_json(stack, "dead", "list")


def test_a_minted_token_buys(stack, sale):
    done = ctl(stack, "token", "--buyer", "minted", "--secret-file", stack.secret_file,
               token=False, url=False)
    assert done.returncode == DONE, done
    buyer = Buyer(stack, "minted")
    buyer.token = done.stdout.strip()
    expect_won(buyer.purchase(sale))


@pytest.mark.parametrize("words", [
    (), ("sale",), ("sale", "fly"), ("fly",), ("--fly",), ("sale", "show"), ("sale", "show", "x"),
    ("sale", "show", "0"), ("sale", "show", "8388608"), ("sale", "show", "-1"),
    ("sale", "show", "1", "2"), ("sale", "show", "1", "--fly"), ("sale", "load"),
    ("sale", "create", "--sku", "a"), ("sale", "create", "--sku", "a:x:1"),
    ("sale", "create", "--name"), ("sale", "add-stock", "1", "a"), ("order", "show"),
    ("order", "list", "--state"), ("audit",), ("audit", "x"), ("token",),
    ("sale", "unfreeze"), ("sale", "unfreeze", "1", "--force"),
    ("sale", "unfreeze", "1", "--reason"), ("sale", "unfreeze", "--force", "--reason", "why"),
    ("token", "--buyer", "a b"), ("token", "--buyer", "x" * 65),
    ("token", "--buyer", "b", "--ttl", "soon")])
def test_wrong_use(stack, words):
    done = ctl(stack, *words)
    assert done.returncode == USAGE, done
    assert done.stderr.startswith("seckillctl: ") and done.stdout == "", done
    assert done.stderr.count("\n") == 1, "one clear line"


def test_refusals_of_the_api(stack):
    for words, code, told in (
            (("sale", "show", 8388607), "unknown-sale", "no sale 8388607"),
            (("order", "show", "9223372036854775807"), "unknown-order", "no order 92233"),
            (("order", "show", "1"), "bad-order-no", "No purchase gives such an order number"),
            (("order", "list", "--state", "SOLD"), "bad-query", "PENDING, PAID, "),
            (("order", "list", "--sale", "x"), "bad-query", "sale is a whole number from 1 to"),
            (("order", "list", "--limit", "5000"), "bad-query", "limit is a whole number from 1"),
            (("order", "list", "--limit", "0"), "bad-query", "limit is a whole number from 1"),
            (("order", "list", "--buyer", "a b"), "bad-query", "buyer is 1 to 64"),
            (("sale", "create", "--sku", "a:1:1", "--currency", "x"), "bad-body", "currency")):
        done = ctl(stack, *words)
        assert done.returncode == REFUSED and f"[{code}]" in done.stderr, (words, done)
        assert told in done.stderr, (words, done)
        assert done.stderr.count("\n") == 1, "one clear line"


def test_without_a_token_or_with_a_wrong_one(stack, tmp_path):
    done = ctl(stack, "sale", "list", token=False)
    assert done.returncode == USAGE and "SECKILL_ADMIN_TOKEN" in done.stderr
    path = tmp_path / "token"
    path.write_text("wrong-token-of-24-bytes!\n")
    done = ctl(stack, "--token-file", path, "sale", "list")
    assert done.returncode == REFUSED and "[token-bad]" in done.stderr
    path.write_text(stack.admin_token + "\n")
    assert ctl(stack, "--token-file", path, "sale", "list", token=False).returncode == DONE
    assert ctl(stack, "--token-file", tmp_path / "none", "sale", "list").returncode == USAGE


def test_a_worker_that_is_away(stack):
    done = ctl(stack, "--url", f"http://127.0.0.1:{free_port()}", "sale", "list")
    assert done.returncode == REFUSED, done
    assert done.stderr.startswith("seckillctl: http://127.0.0.1:"), done


def test_help(stack):
    for words in (("--help",), ("sale", "load", "--help")):
        done = ctl(stack, *words, token=False, url=False)
        assert done.returncode == DONE, done
        for verb in ("sale create", "sale load", "add-stock", "order list", "audit", "token"):
            assert verb in done.stdout
        assert "exit status" in done.stdout


def test_a_load_that_fails_exits_1(stack, mysql):
    sale = stack.admin.open_sale()
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 30, "loaded")
    mysql.execute("INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                  "payload, created) VALUES ('seckill.orders', 0, 4000000001, 0, 0, 'unreadable', "
                  "'x', 1)")
    try:
        done = ctl(stack, "sale", "recover", sale)
    finally:
        mysql.execute("DELETE FROM dead_letters WHERE log_offset = 4000000001")
    assert done.returncode == FAILED, done
    assert "load: failed" in done.stderr and "dead letters" in done.stderr


def test_a_load_that_is_not_waited_for(stack):
    sale = stack.admin.open_sale()  # a second load waits Q: it is running yet when it is asked for
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 30, "loaded")
    done = ctl(stack, "sale", "recover", sale, "--no-wait")
    assert done.returncode == DONE, done
    again = ctl(stack, "sale", "recover", sale)
    assert again.returncode == REFUSED and "[load-running]" in again.stderr
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 60, "loaded again")
    stack.admin.wait_state(sale, "open")


def test_recover(stack, mysql):
    """Of a sale that sells: loaded again with a higher epoch. Of one that never was: refused."""
    sale, other = stack.admin.open_sale(), stack.admin.create_sale()
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 30, "loaded")
    done = ctl(stack, "sale", "recover", sale)
    assert done.returncode == DONE, done
    assert f"sale {sale} load: waiting" in done.stderr and "load: done" in done.stderr
    assert stack.admin.sale(sale)["epoch"] == 2
    assert mysql.value("SELECT COUNT(*) FROM admin_log WHERE sale = %s AND action = 'recover' "
                       "AND actor = 'admin'", sale) == 1
    refused = ctl(stack, "sale", "recover", other)
    assert refused.returncode == REFUSED and "was never loaded" in refused.stderr


def test_many_sales_are_loaded_at_once(stack):
    sales = [stack.admin.create_sale() for _ in range(5)]
    done = ctl(stack, "sale", "load", *sales)
    assert done.returncode == DONE, done
    assert {stack.admin.sale(sale)["state"] for sale in sales} == {"open"}
    assert ctl(stack, "sale", "load", sales[0], "no number").returncode == USAGE
