"""The audit can fail: one thing spoiled each, it names which promise is broken (I1 to I23)."""

import contextlib

import pytest

from support.admin import AdminError
from support.buyer import Buyer
from support.crowd import ask_all
from support.ctl import ctl
from support.db import Kafka, Mysql, OrderEvent, Redis, compose_order_no
from support.expect import expect_won
from support.metrics import scrape
from support.wait import wait_until

BUYERS = 6


class Audited:
    """A clean sale of skus a and b, limit 2, with orders of BUYERS buyers; buyer-0 has two."""

    def __init__(self, stack, mysql, redis_db, kafka):
        self.stack, self.mysql, self.redis, self.kafka = stack, mysql, redis_db, kafka
        self.sale = stack.admin.open_sale(stock={"a": 10, "b": 5}, limit=2)
        attempts = [(f"buyer-{number}", f"key-of-audit-{number:08}", "ab"[number % 2])
                    for number in range(BUYERS)]
        self.told = ask_all(stack, self.sale, [*attempts, ("buyer-0", "key-of-second-order", "a")],
                            threads=1)
        self.orders = [answer.order_no for answer in self.told]
        wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s",
                                       self.sale) == BUYERS + 1, 30, "the rows")
        wait_until(lambda: not redis_db.outbox(self.sale), 30, "acknowledged")

    def key(self, name):
        return self.redis.key(self.sale, name)

    def violated(self):
        """The ids that do not hold; asserts that the report agrees with itself."""
        report = self.stack.admin.audit(self.sale)
        broken = [check for check in report["checks"] if check["result"] == "violated"]
        assert report["at_rest"], report
        assert report["violations"] == len(broken)
        assert report["ok"] == (not broken)
        assert all(check["ok"] == (check["result"] == "holds") for check in report["checks"])
        return {check["id"] for check in broken}

    @contextlib.contextmanager
    def sql(self, change, undo):
        """Rows changed by one statement and back by another."""
        assert self.mysql.execute(*change) >= 1, change
        try:
            yield
        finally:
            assert self.mysql.execute(*undo) >= 1, undo

    @contextlib.contextmanager
    def field(self, key, field, value):
        """A hash field set (None: deleted) and back."""
        client, kept = self.redis.client, self.redis.client.hget(self.key(key), field)
        put = lambda new: (client.hdel(self.key(key), field) if new is None
                           else client.hset(self.key(key), field, new))
        put(value)
        try:
            yield
        finally:
            put(kept)

    def column(self, table, column, value, where, *values):
        """A column of one row changed and back."""
        kept = self.mysql.value(f"SELECT {column} FROM {table} WHERE {where}", *values)
        change = f"UPDATE {table} SET {column} = %s WHERE {where}"
        return self.sql((change, value, *values), (change, kept, *values))

    def of_order(self, column, value, index=1):
        return self.column("orders", column, value, "order_no = %s", self.orders[index])

    def row_deleted(self):
        row = self.mysql.rows("SELECT * FROM orders WHERE order_no = %s", self.orders[1])[0]
        names = ", ".join(row)
        return self.sql(("DELETE FROM orders WHERE order_no = %s", self.orders[1]),
                        (f"INSERT INTO orders ({names}) VALUES ({', '.join(['%s'] * len(row))})",
                         *row.values()))

    def extra_row(self):
        number = compose_order_no(self.sale, 1, 4000)
        return self.sql(
            ("INSERT INTO orders SELECT %s, sale, 'nobody', sku, quantity, unit_price, currency, 0,"
             " '', state, reason, version, won_at, pay_by, created, changed, topic, part,"
             " log_offset FROM orders WHERE order_no = %s", number, self.orders[1]),
            ("DELETE FROM orders WHERE order_no = %s", number))

    def ledger_row_removed(self):
        where = "sale = %s AND sku = 'a' AND cause = 'create'"
        row = self.mysql.rows(f"SELECT * FROM stock_ledger WHERE {where}", self.sale)[0]
        names = ", ".join(row)
        return self.sql((f"DELETE FROM stock_ledger WHERE {where}", self.sale),
                        (f"INSERT INTO stock_ledger ({names}) VALUES "
                         f"({', '.join(['%s'] * len(row))})", *row.values()))

    def dead_letter(self, sale):
        return self.sql(
            ("INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, payload,"
             " created) VALUES ('seckill.orders', 0, 4000000000, %s, 0, 'unreadable', 'x', 1)",
             sale),
            ("DELETE FROM dead_letters WHERE log_offset = 4000000000",))

    def same_key_twice(self):
        first = self.mysql.value("SELECT key_hash FROM orders WHERE order_no = %s", self.orders[0])
        return self.of_order("key_hash", first, index=-1)


@pytest.fixture(scope="module")
def audited(session_stack, services):
    return Audited(session_stack, Mysql(services), Redis(services), Kafka(services))


# What is spoiled, the ids that must be named, and no other.
SPOILS = {
    "row deleted": (lambda a: a.row_deleted(), {"I1", "I2", "I3", "I5", "I21"}),
    "quantity of a row": (lambda a: a.of_order("quantity", 2), {"I1", "I2", "I3", "I5", "I21"}),
    "quantity over the limit": (lambda a: a.of_order("quantity", 3),
                                {"I1", "I2", "I3", "I4", "I5", "I21"}),
    "buyer of a row": (lambda a: a.of_order("buyer", "other"), {"I2", "I5"}),
    "price of a row": (lambda a: a.of_order("unit_price", 1), {"I5"}),
    "currency of a row": (lambda a: a.of_order("currency", "EUR"), {"I5"}),
    "sku of a row": (lambda a: a.of_order("sku", "a"), {"I1", "I2", "I3", "I5", "I21"}),
    "key of a row": (lambda a: a.of_order("key_hash", "0" * 32), {"I2", "I5"}),
    "extra row": (lambda a: a.extra_row(), {"I1", "I2", "I3", "I6", "I21"}),
    "state of a row": (lambda a: a.of_order("state", "PAID"), {"I2"}),
    "slot out of range": (lambda a: a.of_order("slot", 7), {"I4"}),
    "live without a slot": (lambda a: a.of_order("slot", None), {"I4"}),
    "one key, two orders": (lambda a: a.same_key_twice(), {"I2", "I5", "I8"}),
    "sold + 1": (lambda a: a.column("sale_skus", "sold", 5, "sale = %s AND sku = 'a'", a.sale),
                 {"I1", "I21"}),
    "total + 1": (lambda a: a.column("sale_skus", "total", 11, "sale = %s AND sku = 'a'", a.sale),
                  {"I3", "I21"}),
    "stock + 1": (lambda a: a.field("stock", "a", "7"), {"I3"}),
    "stock - 1": (lambda a: a.field("stock", "b", "1"), {"I3"}),
    "stock of a sku gone": (lambda a: a.field("stock", "b", None), {"I3"}),
    "held + 1": (lambda a: a.field("held", "a", "1"), {"I3"}),
    "buyer gone from Redis": (lambda a: a.field("buyers", "buyer-1", None), {"I2"}),
    "buyer's units in Redis": (lambda a: a.field(
        "buyers", "buyer-1", a.redis.client.hget(a.key("buyers"), "buyer-1").replace(
            ",b,1,0,N", ",b,2,0,N")), {"I2"}),
    "buyer's state in Redis": (lambda a: a.field(
        "buyers", "buyer-1", a.redis.client.hget(a.key("buyers"), "buyer-1").replace(
            ",0,N,", ",,C,")), {"I2"}),
    "order in Redis that was never won": (lambda a: a.field(
        "buyers", "ghost", "1;,1-4000,a,1,0,N,1"), {"I2"}),
    "fence closed": (lambda a: a.field("meta", "replid", ""), {"I15"}),
    "other epoch in Redis": (lambda a: a.field("meta", "epoch", "9"), {"I15"}),
    "ledger row removed": (lambda a: a.ledger_row_removed(), {"I21"}),
    "ledger row changed": (lambda a: a.column(
        "stock_ledger", "delta", 11, "sale = %s AND sku = 'a' AND cause = 'create'", a.sale),
        {"I21"}),
    "dead letter of this sale": (lambda a: a.dead_letter(a.sale), {"I14"}),
    "dead letter of no known sale": (lambda a: a.dead_letter(0), {"I14"}),
    "worker's place beyond the log": (lambda a: a.column(
        "consumer_offsets", "next", 4000000000, "topic = 'seckill.orders' AND part = 0"), {"I13"}),
}


def test_a_clean_sale_holds(audited):
    assert audited.violated() == set()
    done = ctl(audited.stack, "audit", audited.sale)
    assert done.returncode == 0, done
    assert f"audit of sale {audited.sale}: holds" in done.stdout and "VIOLATED" not in done.stdout


@pytest.mark.parametrize("what", SPOILS)
def test_it_names_what_was_spoiled(audited, what):
    spoil, ids = SPOILS[what]
    with spoil(audited):
        found = audited.violated()
    assert found == ids, f"{what}: found {sorted(found)}, expected {sorted(ids)}"
    assert audited.violated() == set(), "the test left something behind"


def test_the_command_fails_and_names_it(audited):
    with audited.field("stock", "a", "9"):
        done = ctl(audited.stack, "audit", audited.sale)
        as_json = ctl(audited.stack, "--json", "audit", audited.sale)
    assert done.returncode == 1, done
    line = next(line for line in done.stdout.splitlines() if "VIOLATED" in line)
    assert line.split()[0] == "I3", done.stdout
    assert as_json.returncode == 1 and '"violated"' in as_json.stdout


def test_the_metric_counts_what_was_found(audited):
    worker = audited.stack.worker
    before = scrape(worker).get("seckill_invariant_violations_total", id="I3")
    with audited.field("stock", "a", "9"):
        audited.violated()
        found = scrape(worker)
    assert found.get("seckill_invariant_violations_total", id="I3") == before + 1
    assert found.get("seckill_reconcile_diff") == 1
    audited.violated()
    assert scrape(worker).get("seckill_reconcile_diff") == 0


def told_file(tmp_path, answers):
    path = tmp_path / "told"
    path.write_text("".join(
        f"{'replayed' if answer.replayed else answer.code or 'accepted'} {answer.buyer} "
        f"{answer.order_no or '-'}\n" for answer in answers))
    return path


def test_what_buyers_were_told_is_compared(audited, tmp_path):
    path = told_file(tmp_path, audited.told)
    done = ctl(audited.stack, "audit", audited.sale, "--told", path)
    assert done.returncode == 0, done


def test_a_201_without_row_is_found(audited, tmp_path):
    path = told_file(tmp_path, audited.told)
    path.write_text(path.read_text() + f"accepted liar {compose_order_no(audited.sale, 1, 999)}\n")
    done = ctl(audited.stack, "audit", audited.sale, "--told", path)
    assert done.returncode == 1, done
    assert str(compose_order_no(audited.sale, 1, 999)) in done.stdout + done.stderr


def test_a_row_that_nobody_was_told_is_found(audited, tmp_path):
    path = told_file(tmp_path, audited.told[1:])
    done = ctl(audited.stack, "audit", audited.sale, "--told", path)
    assert done.returncode == 1, done
    assert str(audited.orders[0]) in done.stdout + done.stderr
    path.write_text(path.read_text() + f"outcome-unknown {audited.told[0].buyer} -\n")
    assert ctl(audited.stack, "audit", audited.sale, "--told", path).returncode == 0


def test_a_told_order_of_another_buyer_is_found(audited, tmp_path):
    path = told_file(tmp_path, audited.told)
    path.write_text(path.read_text().replace("buyer-3 ", "buyer-x "))
    assert ctl(audited.stack, "audit", audited.sale, "--told", path).returncode == 1


def test_two_orders_under_one_number_in_the_log(stack, open_sale, kafka, mysql):
    """A record with the number of another order: dead letter, sale frozen, the audit names it."""
    sale = open_sale(limit=2)
    order = expect_won(Buyer(stack, "first").purchase(sale))
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 1, 30,
               "the row")
    record = kafka.orders(sale)[0]
    forged = OrderEvent(1, record.order_no, "second", *list(vars(record).values())[3:12])
    kafka.produce("seckill.orders", forged.encode())
    try:
        wait_until(lambda: mysql.value("SELECT COUNT(*) FROM dead_letters WHERE sale = %s AND "
                                       "reason = 'clash'", sale) == 1, 30, "a dead letter")
        report = wait_until(lambda: (found := stack.admin.audit(sale))["at_rest"] and found, 30,
                            "rest")
        broken = {check["id"] for check in report["checks"] if check["result"] == "violated"}
        assert {"I7", "I14"} <= broken, report
        rows = mysql.rows("SELECT buyer FROM orders WHERE order_no = %s", int(order["order_no"]))
        assert rows == [{"buyer": "first"}], "the first one stands"
    finally:
        mysql.execute("UPDATE dead_letters SET resolved = 1 WHERE sale = %s", sale)


def test_an_audit_during_a_sale_says_not_at_rest(stack, services, open_sale, new_buyer):
    """It never says "holds" of what it could not compare, nor "violated" of what is on its way."""
    sale = open_sale()
    expect_won(new_buyer().purchase(sale))
    wait_until(lambda: stack.admin.audit(sale)["ok"], 30, "at rest")
    with services.frozen("kafka"):
        new_buyer().purchase(sale)
        report = stack.admin.call("GET", f"sales/{sale}/audit")  # it has a time-out
        assert report.status == 503 or not report.json()["at_rest"], report
    wait_until(lambda: stack.admin.audit(sale)["ok"], 60, "it holds once all has arrived",
               ignoring=(AdminError,))


def test_audit_of_an_unknown_sale(stack):
    assert stack.admin.call("GET", "sales/8388607/audit").code == "unknown-sale"
    done = ctl(stack, "audit", 8388607)
    assert done.returncode == 3 and "unknown-sale" in done.stderr
