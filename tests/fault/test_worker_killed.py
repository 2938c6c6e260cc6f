"""A worker ends, stops or loses a reply inside a settling transaction (FW1 to FW3, I13)."""

import pytest

from support.crowd import fresh_buyers
from support.failpoints import arm
from support.metrics import scrape
from support.wait import stands_still, wait_until

POINTS = ["settle_begun", "settle_read", "settle_written", "settle_advanced", "settle_committed",
          "commit_lost"]


def orders_claims(worker):
    return worker.log_text().count("event=partition_claimed topic=seckill.orders")


@pytest.mark.parametrize("point", [
    *POINTS[:3], pytest.param(POINTS[3], marks=pytest.mark.representative), *POINTS[4:]])
def test_killed_in_the_transaction(stack, crowd, holds, mysql, point):
    """FW1: the other worker, and this one after its restart, go on from the stored offset."""
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale) as buyers:
        wait_until(lambda: len(buyers.wins()) > 50, 30, "they win")
        arm(stack.workers, point, "kill").wait()
        before = len(buyers.wins())
        wait_until(lambda: len(buyers.wins()) > before + 50, 30, "buyers do not feel it")
    told = holds(sale, buyers.told)
    assert mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == len(
        {answer.order_no for answer in told if answer.status == 201})


@pytest.mark.representative
def test_the_reply_of_commit_is_lost(stack, crowd, holds):
    """FW2: what MySQL did is read back; nothing is settled twice, nothing is left out."""
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale) as buyers:
        for _ in range(3):
            arm(stack.workers, "commit_lost", "fail").wait()
    holds(sale, buyers.told)


def settled(worker):
    return scrape(worker).get("seckill_settled_records_total", result="new")


def test_of_both_workers_one_is_hit(stack, crowd, holds):
    """What all of these tests rest on: the other one passes the point as often as it likes."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        stopped = arm(stack.workers, "settle_begun", "stop").wait()
        other = next(worker for worker in stack.workers if worker is not stopped)
        before = settled(other)
        wait_until(lambda: settled(other) > before + 20, 60, "the other goes on")
        assert stands_still(stopped.pid) and not other.was_hit()
        stopped.thaw()
    holds(sale, buyers.told)


def test_a_stopped_worker_wakes_up_as_nobody(stack, crowd, holds):
    """FW3: stopped inside its transaction until another owns its partitions; then continued."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, fresh_buyers("zombie"), threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 30, "they win")
        stopped = arm(stack.workers, "settle_written", "stop").wait()
        other = next(worker for worker in stack.workers if worker is not stopped)
        claims = orders_claims(other)
        # The session of a consumer, and of a MySQL session that says nothing, run out.
        wait_until(lambda: orders_claims(other) >= claims + 4, 90,
                   "the other claims all partitions")
        logged = len(stopped.log_text())
        stopped.thaw()
        wait_until(lambda: any(word in stopped.log_text()[logged:]
                               for word in ("fenced", "partition_left")), 30, "it finds out")
    holds(sale, buyers.told)
