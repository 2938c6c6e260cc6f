"""A broken promise stops its sale, says why, and only what was judged sells again (PROTOCOL §6)."""

import dataclasses

import pytest

from support.admin import AdminError
from support.buyer import Buyer, get_sale
from support.ctl import ctl, ctl_once_reached
from support.expect import expect, expect_won
from support.metrics import scrape
from support.wait import wait_until

KEY = "the-key-of-a-frozen-sale"


def freeze_by_hand(mysql, sale):
    """As the worker does it: control, outbox row."""
    mysql.execute("UPDATE sales SET control = 'frozen', version = version + 1 "
                  "WHERE sale = %s", sale)
    mysql.execute("INSERT INTO outbox (sale, kind, verb, epoch, created) SELECT sale, 'state', "
                  "'freeze', epoch, 1 FROM sales WHERE sale = %s", sale)


def wait_frozen(redis_db, sale):
    wait_until(lambda: redis_db.meta(sale)["state"] == "frozen", 30, "frozen in Redis")


def admin_rows(mysql, sale):
    return [(row["actor"], row["action"], row["detail"]) for row in mysql.rows(
        "SELECT actor, action, detail FROM admin_log WHERE sale = %s ORDER BY id", sale)]


class Clashed:
    """A sale with one order, frozen because a second record has that order's number."""

    def __init__(self, stack, mysql, redis_db, kafka, first=lambda sale: None):
        self.stack, self.mysql = stack, mysql
        self.violations = self.counted()
        self.sale = stack.admin.open_sale(stock=5)
        self.winner = Buyer(stack, f"winner-of-{self.sale}")
        self.order = expect_won(self.winner.purchase(self.sale, key=KEY))
        wait_until(lambda: self.rows() == 1, 30, "its row")
        self.record = wait_until(lambda: kafka.orders(self.sale), 30, "its record")[0]
        first(self.sale)
        kafka.produce("seckill.orders", dataclasses.replace(self.record, buyer="other").encode())
        wait_until(lambda: stack.admin.sale(self.sale)["control"] == "frozen", 30, "frozen")
        wait_frozen(redis_db, self.sale)

    def rows(self):
        return self.mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", self.sale)

    def counted(self):
        return scrape(self.stack.worker).get("seckill_invariant_violations_total", id="I7")

    def resolve(self):
        self.mysql.execute("UPDATE dead_letters SET resolved = 1 WHERE sale = %s", self.sale)


@pytest.fixture
def clashed(stack, mysql, redis_db, kafka):
    made = Clashed(stack, mysql, redis_db, kafka)
    yield made
    made.resolve()


def test_who_froze_it_and_why_is_told_everywhere(clashed, stack, mysql):
    cause = f"I7: order {clashed.order['order_no']} has two contents"
    frozen = [row for row in admin_rows(mysql, clashed.sale) if row[1] == "freeze"]
    assert len(frozen) == 1 and frozen[0][0] == "worker", frozen
    assert frozen[0][2].startswith(f"open; {cause}"), frozen
    lines = wait_until(lambda: [line for line in stack.worker.log_text().splitlines()
                                if "event=sale_frozen" in line and f"sale={clashed.sale} " in line],
                       30, "the log tells it")
    assert len(lines) == 1 and "level=error" in lines[0], lines
    for part in ("invariant=I7", f"order {clashed.order['order_no']}", "RUNBOOK: a sale is frozen"):
        assert part in lines[0], lines
    assert "other" not in lines[0], "no buyer is named"
    wait_until(lambda: clashed.counted() == clashed.violations + 1, 30, "counted once")
    wait_until(lambda: scrape(stack.worker).get("seckill_frozen") >= 1, 30, "shown")


def test_nobody_buys_and_winners_still_hear_of_their_orders(clashed, stack):
    for engine in range(2):
        expect(Buyer(stack, "late").purchase(clashed.sale, engine=engine), 503, "rebuilding")
        replay = clashed.winner.purchase(clashed.sale, key=KEY, engine=engine)
        assert expect_won(replay, replayed=True) == clashed.order
        assert clashed.winner.orders(clashed.sale, engine).status == 200
        assert get_sale(stack, clashed.sale, engine).code == "rebuilding"
    refused = stack.admin.call("POST", f"sales/{clashed.sale}/resume")
    assert refused.code == "conflict", "resume is not the way"


def test_an_audit_that_does_not_hold_keeps_it_frozen(clashed, stack, redis_db):
    done = ctl_once_reached(stack, "sale", "unfreeze", clashed.sale, "--reason", "looks fine")
    assert done.returncode == 3 and "[conflict]" in done.stderr, done
    assert "I7" in done.stderr and "I14" in done.stderr, done
    assert redis_db.meta(clashed.sale)["state"] == "frozen"


def test_it_is_forced_with_a_reason(clashed, stack, mysql, new_buyer):
    done = ctl(stack, "sale", "unfreeze", clashed.sale, "--force")
    assert done.returncode == 2 and "--reason" in done.stderr, done
    problem = stack.admin.call("POST", f"sales/{clashed.sale}/unfreeze", {"force": True})
    assert problem.code == "bad-body" and "reason" in problem.json()["detail"]
    done = ctl_once_reached(stack, "sale", "unfreeze", clashed.sale, "--force",
                            "--reason", "our own test")
    assert done.returncode == 0, done
    stack.admin.wait_state(clashed.sale, "open")
    wait_until(lambda: new_buyer().purchase(clashed.sale).status == 201, 30, "it sells")
    assert admin_rows(mysql, clashed.sale)[-2:] == [
        ("admin", "unfreeze", "frozen; forced: our own test"),
        ("admin", "resume", "paused; forced: our own test")]


def test_a_second_cause_is_noted_too(clashed, mysql, kafka):
    """While it is frozen: what was about to be released on the first one is not."""
    kafka.produce("seckill.orders", dataclasses.replace(clashed.record, buyer="third").encode())
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM dead_letters WHERE sale = %s",
                                   clashed.sale) == 2, 30, "a second dead letter")
    frozen = [row for row in admin_rows(mysql, clashed.sale) if row[1] == "freeze"]
    assert [row[2].split(";")[0] for row in frozen] == ["open", "frozen"]


@pytest.mark.parametrize("paused", [False, True])
def test_where_the_audit_holds_it_is_released(stack, mysql, redis_db, new_buyer, paused):
    sale = stack.admin.open_sale(stock=5)
    expect_won(new_buyer().purchase(sale))
    freeze_by_hand(mysql, sale)
    wait_frozen(redis_db, sale)
    version = int(redis_db.meta(sale)["version"])
    done = ctl_once_reached(stack, "sale", "unfreeze", sale, *(["--paused"] if paused else []))
    assert done.returncode == 0, done
    found = stack.admin.wait_state(sale, "paused" if paused else "open")
    assert found["control"] == ("paused" if paused else "open")
    # unfreeze: at once, + 2. Then announced (odd) and applied (even), as by resume.
    assert int(redis_db.meta(sale)["version"]) == version + (2 if paused else 4)
    if paused:
        expect(new_buyer().purchase(sale), 409, "paused")
        stack.admin.resume(sale)
        stack.admin.wait_state(sale, "open")
    expect_won(new_buyer().purchase(sale))
    assert [row[2] for row in admin_rows(mysql, sale) if row[1] == "unfreeze"] == [
        "frozen; the audit holds; "]


def test_what_was_paused_before_comes_back_paused(stack, kafka, mysql, redis_db, new_buyer):
    """The release undoes the alarm, not what the operator did before it."""
    found = Clashed(stack, mysql, redis_db, kafka, first=stack.admin.pause)
    try:
        done = ctl_once_reached(stack, "sale", "unfreeze", found.sale, "--force",
                                "--reason", "our own test")
        assert done.returncode == 0, done
        assert stack.admin.wait_state(found.sale, "paused")["control"] == "paused"
        expect(new_buyer().purchase(found.sale), 409, "paused")
        stack.admin.resume(found.sale)
        stack.admin.wait_state(found.sale, "open")
        wait_until(lambda: new_buyer().purchase(found.sale).status == 201, 30, "it sells")
    finally:
        found.resolve()


def test_what_is_not_frozen_is_not_released(stack, plain_sale):
    done = ctl_once_reached(stack, "sale", "unfreeze", plain_sale)
    assert done.returncode == 3 and "not frozen" in done.stderr, done
    with pytest.raises(AdminError, match="unknown-sale"):
        stack.admin.ask("POST", "sales/8388607/unfreeze", {})


def test_a_frozen_sale_can_be_ended(stack, mysql, redis_db, new_buyer):
    sale = stack.admin.open_sale(stock=5)
    freeze_by_hand(mysql, sale)
    wait_frozen(redis_db, sale)
    stack.admin.end(sale)
    stack.admin.wait_state(sale, "ended")
    expect(new_buyer().purchase(sale), 409, "ended")
