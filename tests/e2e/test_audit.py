"""The audit can fail: one thing spoiled each, it names which promise is broken (I1 to I23)."""

import concurrent.futures
import contextlib
import itertools
import threading

import pytest

from support.admin import AdminError
from support.buyer import Buyer
from support.crowd import ask_all
from support.ctl import ctl, ctl_once_reached
from support.db import Kafka, Mysql, OrderEvent, Redis, compose_order_no
from support.expect import expect_won
from support.metrics import scrape
from support.spoil import Spoiled
from support.wait import wait_until

BUYERS = 6


class Audited(Spoiled):
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
        # The worker's own look at sold and offered, every ten seconds, leaves out what is not on:
        # else it freezes now and then what the audit is to freeze.
        mysql.execute("UPDATE sales SET opens = closes - 1 WHERE sale = %s", self.sale)

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

    def applied_but_gone(self):
        client, key = self.redis.client, self.key("applied")
        stack = contextlib.ExitStack()
        client.sadd(key, 0)
        stack.callback(client.srem, key, 0)
        return stack

    def offset_of(self, index):
        return self.mysql.rows("SELECT part, log_offset FROM orders WHERE order_no = %s",
                               self.orders[index])[0]

    def same_key_twice(self):
        first = self.mysql.value("SELECT key_hash FROM orders WHERE order_no = %s", self.orders[0])
        return self.of_order("key_hash", first, index=-1)


@pytest.fixture(scope="module")
def audited(session_stack, services):
    return Audited(session_stack, Mysql(services), Redis(services), Kafka(services))


# What is spoiled, the ids that must be named, and no other. Who breaks a hard one is frozen for it;
# of I13 only a place that was put back.
HARD = ("I1", "I4", "I7", "I10", "I11", "I12", "I13", "I15")
SPOILS = {
    "row deleted": (lambda a: a.row_deleted(), {"I1", "I2", "I3", "I5", "I14", "I21"}),
    "quantity of a row": (lambda a: a.of_order("quantity", 2), {"I1", "I2", "I3", "I5", "I21"}),
    "quantity over the limit": (lambda a: a.of_order("quantity", 3),
                                {"I1", "I2", "I3", "I4", "I5", "I21"}),
    "buyer of a row": (lambda a: a.of_order("buyer", "other"), {"I2", "I5"}),
    "price of a row": (lambda a: a.of_order("unit_price", 1), {"I5"}),
    "currency of a row": (lambda a: a.of_order("currency", "EUR"), {"I5"}),
    "sku of a row": (lambda a: a.of_order("sku", "a"), {"I1", "I2", "I3", "I5", "I21"}),
    "key of a row": (lambda a: a.of_order("key_hash", "0" * 32), {"I2", "I5"}),
    "extra row": (lambda a: a.extra_row(), {"I1", "I2", "I3", "I6", "I21"}),
    "place of a row": (lambda a: a.of_order("log_offset", a.offset_of(2)["log_offset"] + 1000000,
                                            index=2), {"I6"}),
    "state of a row": (lambda a: a.of_order("state", "PAID"), {"I2", "I11", "I12"}),
    "slot out of range": (lambda a: a.of_order("slot", 7), {"I4"}),
    "live without a slot": (lambda a: a.of_order("slot", None), {"I4"}),
    "one key, two orders": (lambda a: a.same_key_twice(), {"I2", "I5", "I8"}),
    "sold + 1": (lambda a: a.column("sale_skus", "sold", 5, "sale = %s AND sku = 'a'", a.sale),
                 {"I1", "I21"}),
    "total + 1": (lambda a: a.column("sale_skus", "total", 11, "sale = %s AND sku = 'a'", a.sale),
                  {"I2", "I3", "I21"}),
    "stock + 1": (lambda a: a.field("stock", "a", "7"), {"I1", "I2", "I3"}),
    "stock - 1": (lambda a: a.field("stock", "b", "1"), {"I2", "I3"}),
    "stock of a sku gone": (lambda a: a.field("stock", "b", None), {"I2", "I3"}),
    "held + 1": (lambda a: a.field("held", "a", "1"), {"I1", "I2", "I3"}),
    "buyer gone from Redis": (lambda a: a.field("buyers", "buyer-1", None), {"I2"}),
    "buyer's units in Redis": (lambda a: a.field(
        "buyers", "buyer-1", a.redis.client.hget(a.key("buyers"), "buyer-1").replace(
            ",b,1,0,N", ",b,2,0,N")), {"I2"}),
    "buyer's state in Redis": (lambda a: a.field(
        "buyers", "buyer-1", a.redis.client.hget(a.key("buyers"), "buyer-1").replace(
            ",0,N,", ",,C,")), {"I2"}),
    "order in Redis that was never won": (lambda a: a.field(
        "buyers", "ghost", "1;,1-4000,a,1,0,N,1"), {"I2"}),
    "order in Redis of a second epoch": (lambda a: a.field(
        "buyers", "ghost", "1;,2-1,a,1,0,N,1"), {"I2", "I15"}),
    "second epoch in MySQL": (lambda a: a.column(
        "sale_skus", "epoch", 2, "sale = %s AND sku = 'a'", a.sale), {"I15"}),
    "units back without an order": (lambda a: a.returned(1), {"I10", "I21"}),
    "units back of a live order": (lambda a: a.returned(a.orders[0]), {"I10", "I21"}),
    "ledger row removed": (lambda a: a.ledger_row_removed(), {"I21"}),
    "ledger row changed": (lambda a: a.column(
        "stock_ledger", "delta", 11, "sale = %s AND sku = 'a' AND cause = 'create'", a.sale),
        {"I21"}),
    "ledger row that was applied is gone": (lambda a: a.applied_but_gone(), {"I21"}),
    "dead letter of this sale": (lambda a: a.dead_letter(a.sale), {"I14"}),
    "dead letter of no known sale": (lambda a: a.dead_letter(0), {"I14"}),
    "worker's place beyond the log": (lambda a: a.column(
        "consumer_offsets", "next", 4000000000, "topic = 'seckill.orders' AND part = 0"), {"I13"}),
    "worker's place of nobody": (lambda a: a.column(
        "consumer_offsets", "owner_epoch", 0, "topic = 'seckill.orders' AND part = %s",
        a.offset_of(0)["part"]), {"I13"}),
}
SOFT_PLACES = ("worker's place beyond the log", "worker's place of nobody")
# With the place put back there is no rest; MySQL and the log are judged all the same.
MOVING = {
    "worker's place put back": (lambda a: a.column(
        "consumer_offsets", "next", 0, "topic = 'seckill.orders' AND part = %s",
        a.offset_of(0)["part"]), {"I13"}),
}


def test_a_clean_sale_holds(audited):
    assert audited.violated() == set()
    done = ctl(audited.stack, "audit", audited.sale)
    assert done.returncode == 0, done
    assert f"audit of sale {audited.sale}: holds" in done.stdout and "VIOLATED" not in done.stdout


@pytest.mark.parametrize("what", [*SPOILS, *MOVING])
def test_it_names_what_was_spoiled_and_freezes_for_a_hard_one(audited, what):
    spoil, ids = {**SPOILS, **MOVING}[what]
    hard = [name for name in HARD if name in ids and what not in SOFT_PLACES]
    with spoil(audited):
        found = audited.violated(at_rest=what in SPOILS)
        assert found == ids, f"{what}: found {sorted(found)}, expected {sorted(ids)}"
        assert audited.frozen_for() in (hard or [None]), what
    if hard:
        audited.release()
    assert audited.violated() == set(), "the test left something behind"


@pytest.fixture
def spoiled_meta(stack, open_sale, new_buyer, redis_db):
    """spoiled_meta(field, value): a sale of its own, audited at once; the guard mends it."""
    def spoil(field, value):
        sale = open_sale(stock=5)
        expect_won(new_buyer().purchase(sale))
        wait_until(lambda: stack.admin.audit(sale)["ok"], 30, "it holds")
        redis_db.client.hset(redis_db.key(sale, "meta"), field, value)
        report = stack.admin.audit(sale)
        return sale, report, {check["id"]: check for check in report["checks"]}

    return spoil


def test_without_the_fence_redis_is_not_judged(stack, spoiled_meta):
    """Nothing is sold then: a load is due, and no promise of Redis is broken."""
    sale, report, checks = spoiled_meta("replid", "")
    assert report["violations"] == 0 and not report["ok"] and not report["frozen"], report
    for name in ("I2", "I3", "I15"):
        assert checks[name]["result"] == "not-told", report
        assert "a load is due" in checks[name]["found"], report
    wait_until(lambda: stack.admin.audit(sale)["ok"], 60, "the guard has loaded it",
               ignoring=(AdminError,))


def test_another_epoch_in_redis(stack, spoiled_meta):
    """Who sells on it is frozen, unless the guard was faster and nothing is sold on it."""
    sale, report, checks = spoiled_meta("epoch", "9")
    assert checks["I15"]["result"] == ("violated" if report["frozen"] else "not-told"), report
    wait_until(lambda: stack.admin.audit(sale)["ok"], 60, "the guard has loaded it",
               ignoring=(AdminError,))
    assert (stack.admin.sale(sale)["control"] == "frozen") == report["frozen"]


def test_what_is_not_told_has_its_exit_status(stack, services, open_sale, new_buyer):
    sale = open_sale(stock=5)
    with services.frozen("kafka"):
        new_buyer().purchase(sale)
        done = ctl(stack, "audit", sale)
    assert done.returncode in (3, 4) and "VIOLATED" not in done.stdout, done
    wait_until(lambda: ctl(stack, "audit", sale).returncode == 0, 60, "it holds in the end")


def test_the_command_fails_and_names_it(audited):
    with audited.field("stock", "a", "9"):
        done = ctl(audited.stack, "audit", audited.sale)
        as_json = ctl(audited.stack, "--json", "audit", audited.sale)
    assert done.returncode == 1, done
    named = [line.split()[0] for line in done.stdout.splitlines() if "VIOLATED" in line]
    assert named == ["I1", "I2", "I3", "audit"], done.stdout
    assert "the sale is frozen" in done.stdout, done
    assert as_json.returncode == 1 and '"violated"' in as_json.stdout
    audited.release()


def test_the_metric_counts_what_was_found(audited):
    worker = audited.stack.worker
    before = scrape(worker).get("seckill_invariant_violations_total", id="I3")
    with audited.field("stock", "a", "9"):
        audited.violated()
        found = scrape(worker)
    assert found.get("seckill_invariant_violations_total", id="I3") == before + 1
    assert found.get("seckill_reconcile_diff") == 3
    audited.release()
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
    assert stack.admin.audit(sale)["ok"], "an operator has dealt with it"
    assert ctl_once_reached(stack, "sale", "unfreeze", sale).returncode == 0


def test_an_audit_while_kafka_stands_still_says_not_at_rest(stack, services, open_sale, new_buyer):
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


def test_an_audit_while_it_sells_finds_nothing_and_tells_what_it_can(stack, open_sale, mysql):
    """Under load: no false alarm, ever; MySQL and the log are judged, Redis where it can be."""
    still = open_sale(stock=5)
    expect_won(Buyer(stack, "still").purchase(still))
    sale = open_sale(stock={"a": 100000}, limit=1)
    told = {"I1", "I4", "I5", "I6", "I7", "I8", "I10", "I12", "I13", "I14", "I15", "I21"}
    stop = threading.Event()

    def buy(number):
        for attempt in itertools.count():
            if stop.is_set():
                return attempt
            Buyer(stack, f"mover-{number}-{attempt}", engine=number % 2).purchase(sale)

    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        buyers = [pool.submit(buy, number) for number in range(4)]
        try:
            wait_until(lambda: mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) > 50,
                       30, "it sells")
            reports = [stack.admin.audit(sale) for _ in range(3)]
            stack.admin.add_stock(sale, "a", 10, "while-it-sells")
            reports += [stack.admin.audit(sale) for _ in range(2)]
            at_rest = [stack.admin.audit(still) for _ in range(3)]
        finally:
            stop.set()
        sold = sum(buyer.result() for buyer in buyers)
    assert all(report["ok"] and report["at_rest"] for report in at_rest), at_rest
    for report in reports:
        results = {check["id"]: check["result"] for check in report["checks"]}
        assert "violated" not in results.values() and not report["frozen"], report
        assert {name for name, result in results.items() if result == "holds"} >= told, report
    assert any(not report["at_rest"] for report in reports), "it did not move"
    final = wait_until(lambda: (report := stack.admin.audit(sale))["ok"] and report, 60, "holds")
    i1 = next(check for check in final["checks"] if check["id"] == "I1")
    assert f"live {sold}, sold {sold}, " in i1["found"], final


def test_a_sale_that_was_never_loaded_holds(stack):
    sale = stack.admin.create_sale(stock=5)
    assert stack.admin.audit(sale)["ok"]
    assert ctl(stack, "audit", sale).returncode == 0


def test_audit_of_an_unknown_sale(stack):
    assert stack.admin.call("GET", "sales/8388607/audit").code == "unknown-sale"
    done = ctl(stack, "audit", 8388607)
    assert done.returncode == 3 and "unknown-sale" in done.stderr
