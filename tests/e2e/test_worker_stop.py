"""SIGTERM to the worker with loads and an audit in work: it answers, and ends with 0."""

import concurrent.futures
import signal

import pytest

from support import http_raw
from support.metrics import scrape
from support.wait import wait_until

STOP_DEADLINE_S = 10
LONG_MS = 30000  # a hold or a Q that no test waits for


@pytest.fixture
def stop(make_stack, services):
    """stop(**worker settings): a stack of one worker; and its end, asserted."""
    def make(**settings):
        return make_stack(services, engines=0,
                          worker_settings={key.replace("__", "."): value
                                           for key, value in settings.items()})
    return make


def head(stack):
    return ("GET /v1/admin/sales HTTP/1.1\r\nHost: worker\r\n"
            f"Authorization: Bearer {stack.admin.token}\r\n").encode()


def load_row(mysql, sale):
    return mysql.rows("SELECT step, note FROM guard WHERE sale = %s", sale)[0]


def test_an_audit_and_an_opening_in_work(stop, mysql):
    """What waits for rest, and what waits for a hold, must not hold the worker up."""
    stack = stop(sale__hold_ms=LONG_MS)
    sale = stack.admin.create_sale(stock=5)
    stack.admin.load(sale)
    stack.admin.wait_state(sale, "loaded")
    wait_until(lambda: load_row(mysql, sale)["step"] == "opening", 10, "the load waits")
    with concurrent.futures.ThreadPoolExecutor() as pool, \
            http_raw.Connection(stack.admin.address) as idle, \
            http_raw.Connection(stack.admin.address) as half:
        idle.send(head(stack) + b"\r\n")
        assert idle.read_response().status == 200
        half.send(head(stack))
        audit = pool.submit(stack.admin.call, "GET", f"sales/{sale}/audit")
        wait_until(lambda: scrape(stack.worker).get("seckill_open_connections") >= 3, 5,
                   "the audit was asked for")
        assert not audit.done()
        stack.worker.terminate(STOP_DEADLINE_S)
        answer = audit.result(timeout=STOP_DEADLINE_S)
        assert answer.status == 503 and b"being stopped" in answer.body
        assert answer.header("Connection") == "close"
        idle.expect_close()
    row = load_row(mysql, sale)
    assert row["step"] == "failed" and "cut short" in row["note"]


def test_a_load_in_work_and_one_that_waits_for_its_turn(stop, mysql, redis_db):
    """The second must not close the fence of a sale that it will not load."""
    stack = stop(sale__guard_ms=LONG_MS)
    first, second = stack.admin.open_sale(stock=5), stack.admin.open_sale(stock=5)
    stack.admin.load(first)
    wait_until(lambda: load_row(mysql, first)["step"] == "waiting", 10, "the fence is closed")
    stack.admin.load(second)
    stack.worker.terminate(STOP_DEADLINE_S)
    for sale in (first, second):
        assert load_row(mysql, sale)["step"] == "failed"
        assert "stopped" in load_row(mysql, sale)["note"]
    assert redis_db.meta(first)["replid"] == ""
    assert len(redis_db.meta(second)["replid"]) == 40, "the second sale goes on selling"


def test_a_hangup_reloads_and_does_not_end_it(stop):
    stack = stop(log__level="info")
    stack.worker.send(signal.SIGHUP)
    wait_until(lambda: "settings_reloaded" in stack.worker.log_text(), 5, "the settings are read")
    assert stack.worker.is_alive() and stack.worker.is_ready()
    stack.worker.terminate(STOP_DEADLINE_S)
