"""A worker ends, stops or loses a reply inside a settling transaction (FW1 to FW3, I13)."""

import pytest

from support.crowd import fresh_buyers
from support.wait import wait_until

POINTS = ["settle_begun", "settle_read", "settle_written", "settle_advanced", "settle_committed",
          "commit_lost"]


def arm_all(stack, point, action):
    """Whichever worker settles next; the others stay as they are."""
    for worker in stack.workers:
        worker.arm(point, action)


def hit(stack):
    return [worker for worker in stack.workers if worker.was_hit()]


def orders_claims(worker):
    return worker.log_text().count("event=partition_claimed topic=seckill.orders")


def disarm_others(stack):
    for worker in stack.workers:
        worker.disarm()


@pytest.mark.parametrize("point", [
    *POINTS[:3], pytest.param(POINTS[3], marks=pytest.mark.representative), *POINTS[4:]])
def test_killed_in_the_transaction(stack, crowd, holds, mysql, point):
    """FW1: the other worker, and this one after its restart, go on from the stored offset."""
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale) as buyers:
        wait_until(lambda: len(buyers.wins()) > 50, 20, "they win")
        arm_all(stack, point, "kill")
        dead = wait_until(lambda: hit(stack), 20, "a worker passes the point")
        disarm_others(stack)
        wait_until(lambda: not dead[0].is_alive(), 10, "it ends")
        before = len(buyers.wins())
        wait_until(lambda: len(buyers.wins()) > before + 50, 20, "buyers do not feel it")
    told = holds(sale, buyers.told)
    assert mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == len(
        {answer.order_no for answer in told if answer.status == 201})


@pytest.mark.representative
def test_the_reply_of_commit_is_lost(stack, crowd, holds):
    """FW2: what MySQL did is read back; nothing is settled twice, nothing is left out."""
    sale = stack.admin.open_sale(stock=3000)
    with crowd(sale) as buyers:
        for _ in range(3):
            arm_all(stack, "commit_lost", "fail")
            wait_until(lambda: hit(stack), 20, "a reply is lost")
            disarm_others(stack)
    holds(sale, buyers.told)


def test_a_stopped_worker_wakes_up_as_nobody(stack, crowd, holds):
    """FW3: stopped inside its transaction until another owns its partitions; then continued."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, fresh_buyers("zombie"), threads=2) as buyers:
        wait_until(lambda: len(buyers.wins()) > 20, 20, "they win")
        arm_all(stack, "settle_written", "stop")
        stopped = wait_until(lambda: hit(stack), 20, "a worker passes the point")[0]
        disarm_others(stack)
        other = next(worker for worker in stack.workers if worker is not stopped)
        claims = orders_claims(other)
        # The session of a consumer, and of a MySQL session that says nothing, run out.
        wait_until(lambda: orders_claims(other) >= claims + 4, 90,
                   "the other claims all partitions")
        stopped.thaw()
        wait_until(lambda: "fenced" in stopped.log_text() or "partition_left" in
                   stopped.log_text(), 30, "it finds out")
    holds(sale, buyers.told)
