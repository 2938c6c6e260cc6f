"""SIGTERM to the worker with loads and an audit in work: it answers, and ends with 0."""

import select
import signal
import socket

import pytest

from support import http_raw
from support.processes import Stack
from support.services import Services
from support.wait import wait_until

STOP_DEADLINE_S = 30
LONG_MS = 60000  # a hold or a Q that no test waits for


@pytest.fixture(scope="module")
def services():
    """Services of this module: a hold that no test waits for keeps a row of the SQL outbox waiting
    when its worker has ended, and other tests wait for rest."""
    running = Services().up()
    yield running
    running.down()


@pytest.fixture
def stop(make_stack, services):
    """stop(**worker settings): a stack of one worker; and its end, asserted."""
    def make(**settings):
        return make_stack(services, engines=0,
                          worker_settings={key.replace("__", "."): value
                                           for key, value in settings.items()})
    return make


def head(stack, path="sales"):
    return (f"GET /v1/admin/{path} HTTP/1.1\r\nHost: worker\r\n"
            f"Authorization: Bearer {stack.admin.token}\r\n").encode()


def load_row(mysql, sale):
    return mysql.rows("SELECT step, note FROM guard WHERE sale = %s", sale)[0]


def test_an_audit_and_an_opening_in_work(stop, mysql):
    """What waits for rest, and what waits for a hold, must not hold the worker up."""
    stack = stop(sale__hold_ms=LONG_MS)
    sale = stack.admin.create_sale(stock=5)
    stack.admin.load(sale)
    stack.admin.wait_state(sale, "loaded")
    wait_until(lambda: load_row(mysql, sale)["step"] == "opening", 30, "the load waits")
    with http_raw.Connection(stack.admin.address) as audit, \
            http_raw.Connection(stack.admin.address) as idle, \
            http_raw.Connection(stack.admin.address) as half:
        audit.send(head(stack, f"sales/{sale}/audit") + b"\r\n")
        half.send(head(stack))
        idle.send(head(stack) + b"\r\n")
        assert idle.read_response().status == 200, "what was asked for after the audit is done"
        assert not select.select([audit.socket], [], [], 0)[0], "the audit is in work"
        stack.worker.terminate(STOP_DEADLINE_S)
        answer = audit.read_response()
        assert answer.status == 503 and b"being stopped" in answer.body
        assert answer.header("Connection") == "close"
        idle.expect_close()
    row = load_row(mysql, sale)
    assert row["step"] == "failed" and "was being opened" in row["note"]


def test_loads_in_work(stop, mysql, redis_db):
    """Both wait for Q: they go on beside each other, and both are told as stopped."""
    stack = stop(sale__guard_ms=LONG_MS)
    first, second = stack.admin.open_sale(stock=5), stack.admin.open_sale(stock=5)
    wait_until(lambda: load_row(mysql, second)["step"] == "done", 30, "both are loaded")
    stack.admin.recover(first)
    wait_until(lambda: load_row(mysql, first)["step"] == "waiting", 30, "the fence is closed")
    stack.admin.recover(second)
    wait_until(lambda: load_row(mysql, second)["step"] == "waiting", 30, "its fence, too")
    stack.worker.terminate(STOP_DEADLINE_S)
    for sale in (first, second):
        assert load_row(mysql, sale)["step"] == "failed"
        assert "stopped" in load_row(mysql, sale)["note"]
        assert redis_db.meta(sale)["replid"] == ""


def test_a_hangup_reloads_and_does_not_end_it(stop):
    stack = stop(log__level="info")
    stack.worker.send(signal.SIGHUP)
    wait_until(lambda: "settings_reloaded" in stack.worker.log_text(), 30, "the settings are read")
    assert stack.worker.is_alive() and stack.worker.is_ready()
    stack.worker.terminate(STOP_DEADLINE_S)


@pytest.mark.parametrize("service,patience", [
    ("mysql", {"mysql.timeout_ms": 60000}),
    ("redis", {"redis.connect_timeout_ms": 60000, "redis.reply_timeout_ms": 60000})])
def test_a_worker_that_waits_for_a_service_at_its_start_ends_at_once(services, service, patience):
    """The service takes the connection and says nothing; its own time-out is far away."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        stack = Stack(services, engines=0, worker_settings={
            f"{service}.port": silent.getsockname()[1], **patience})
        stack.worker.start()
        with silent.accept()[0]:
            stack.worker.terminate(20)
    assert "event=stopped_before_start" in stack.worker.log_text()
    stack.stop()
