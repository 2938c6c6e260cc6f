"""Notices at the engine: 2xx only for what is in the log, and what the topic's absence stops.

What they do to orders: test_payments.py, test_order_life.py.
"""

import base64
import hashlib
import hmac
import itertools
import json
import secrets
import signal
import socket
import threading
import time

import pytest

from support import http_raw, notices, openapi
from support.buyer import Buyer
from support.expect import expect, expect_won
from support.metrics import scrape
from support.processes import Stack
from support.wait import hold_for, wait_until

PATH = "/v1/payments/standard"
ANSWER_MS = 1500
SETTINGS = {"payments.answer_ms": ANSWER_MS, "sale.deadline_ms": 5000, "sale.guard_ms": 8000}
_numbers = itertools.count(1)


class Standard:
    """A provider that signs by Standard Webhooks."""

    def __init__(self, directory):
        self.key = secrets.token_bytes(32)
        self.file = directory / "standard.secret"
        self.file.write_bytes(b"whsec_" + base64.b64encode(self.key) + b"\n")

    @property
    def settings(self):
        return {"payments.standard_secret_files": str(self.file)}

    def signed(self, order_no, event=None, at=None):
        """(headers, body) of a payment."""
        event = event or f"evt-{secrets.token_hex(4)}-{next(_numbers)}"
        stamp = str(int(at or time.time()))
        body = json.dumps({
            "type": "payment.succeeded", "timestamp": "2026-01-01T00:00:00Z",
            "data": {"order_no": str(order_no), "transaction_id": f"tx-{event}",
                     "amount": 199900, "currency": "CNY"}}).encode()
        mac = hmac.new(self.key, f"{event}.{stamp}.".encode() + body, hashlib.sha256).digest()
        return {"Content-Type": "application/json", "webhook-id": event,
                "webhook-timestamp": stamp,
                "webhook-signature": "v1," + base64.b64encode(mac).decode()}, body

    def send(self, stack, order_no, **more):
        headers, body = self.signed(order_no, **more)
        response = http_raw.request(stack.address(), "POST", PATH, headers, body)
        openapi.check("POST", "/v1/payments/{provider}", response)
        return response


@pytest.fixture
def provider(tmp_path):
    return Standard(tmp_path)


@pytest.fixture
def lonely(services, stack, provider):
    """lonely(**settings): an engine beside the session's, which knows the provider."""
    made = []

    def make(services=services, **changes):
        alone = Stack(services, engines=1, engine_settings={
            **SETTINGS, **provider.settings,
            **{key.replace("__", "."): value for key, value in changes.items()}})
        alone.secret = stack.secret
        alone.engine.settings["jwt.secret_file"] = str(stack.secret_file)
        made.append(alone)
        alone.engine.start().wait_ready()
        return alone

    yield make
    for alone in made:
        if alone.engine.is_alive():
            alone.engine.terminate()
        alone.stop()


def unused_order(sale):
    """A number that nobody won."""
    return sale << 40 | 1 << 26 | 60_000_000 + next(_numbers)


def notices_of(daemon, result, provider="standard"):
    return scrape(daemon).get("seckill_payment_notices_total", provider=provider, result=result)


def test_a_provider_without_keys_is_unknown(lonely, provider, plain_sale):
    headers, body = provider.signed(unused_order(plain_sale))
    alone = lonely()
    for name in ("stripe", "nobody", "cancel", "STANDARD"):
        response = http_raw.request(alone.address(), "POST", f"/v1/payments/{name}", headers, body)
        expect(response, 404, "unknown-provider")


def test_another_method_or_no_body(lonely):
    alone = lonely()
    response = http_raw.request(alone.address(), "GET", PATH, {})
    expect(response, 405, "method-not-allowed")
    assert response.header("allow") == "POST"
    response = http_raw.request(alone.address(), "POST", PATH, {})
    expect(response, 411, "length-required")


def test_a_body_above_the_ceiling(lonely):
    alone = lonely()
    response = http_raw.request(alone.address(), "POST", PATH, {}, b"x" * 16385)
    expect(response, 413, "body-too-large")


def test_of_any_content_type(lonely, provider, plain_sale, kafka):
    """The bytes are signed, not their type: a form is no 415 here, and one elsewhere."""
    alone = lonely()
    order_no = unused_order(plain_sale)
    headers, body = provider.signed(order_no)
    headers["Content-Type"] = "application/x-www-form-urlencoded"
    assert http_raw.request(alone.address(), "POST", PATH, headers, body).status == 200
    assert [notice.kind for notice in notices.of_order(kafka, order_no)] == ["paid"]
    buyer = Buyer(alone, "typed")
    response = http_raw.request(alone.address(), "POST", f"/v1/sales/{plain_sale}/orders",
                                buyer.headers(**headers), b'{"sku":"a"}')
    expect(response, 415, "unsupported-media-type")


def test_what_is_told_is_in_the_log(lonely, provider, plain_sale, kafka):
    alone = lonely()
    order_no = unused_order(plain_sale)
    before = notices_of(alone.engine, "ok")
    sent = [provider.send(alone, order_no, event=event) for event in ("one-event", "one-event")]
    assert [response.status for response in sent] == [200, 200]
    written = notices.of_order(kafka, order_no)
    assert [notice.event_id for notice in written] == ["one-event", "one-event"]
    assert {notice.key for notice in written} == {str(order_no).encode()}
    assert {(notice.provider, notice.amount, notice.currency, notice.buyer)
            for notice in written} == {("standard", 199900, "CNY", "")}
    assert notices_of(alone.engine, "ok") == before + 2


def test_what_is_not_trusted_is_not_written(lonely, provider, plain_sale, kafka):
    alone = lonely()
    order_no = unused_order(plain_sale)
    headers, body = provider.signed(order_no)
    forged = http_raw.request(alone.address(), "POST", PATH, headers, body + b" ")
    openapi.check("POST", "/v1/payments/{provider}", forged)
    expect(forged, 401, "notice-untrusted")
    expect(provider.send(alone, order_no, at=time.time() - 4000), 401, "notice-untrusted")
    expect(provider.send(alone, order_no, at=time.time() + 4000), 401, "notice-untrusted")
    del headers["webhook-signature"]
    unsigned = http_raw.request(alone.address(), "POST", PATH, headers, body)
    expect(unsigned, 400, "notice-unreadable")
    assert notices.of_order(kafka, order_no) == []
    counted = {result: notices_of(alone.engine, result)
               for result in ("bad_signature", "too_old", "too_new", "not_signed", "ok")}
    assert counted == {"bad_signature": 1, "too_old": 1, "too_new": 1, "not_signed": 1, "ok": 0}
    log = alone.engine.log_text()
    assert "payment_notice_refused" in log and base64.b64encode(provider.key).decode() not in log


def test_a_topic_that_is_missing_stops_no_sale(lonely, provider, plain_sale):
    """Ready, with a warning; it sells; payments and cancels are refused and nothing is told 2xx."""
    alone = lonely(kafka__notices_topic="seckill.no-such-notices")

    def warned():
        told = alone.engine.ops_get("/readyz")
        assert told.status == 200, told
        openapi.check("GET", "/readyz", told)
        return any("topic" in warning["detail"] for warning in told.json().get("warnings", [])
                   if warning["name"] == "notices")

    wait_until(warned, 30, "the warning names the topic")
    assert scrape(alone.engine).get("seckill_notices_ready") == 0
    buyer = Buyer(alone, f"buyer-without-notices-{next(_numbers)}")
    order_no = expect_won(buyer.purchase(plain_sale))["order_no"]
    expect(buyer.cancel(plain_sale, order_no), 503, "overloaded")
    expect(provider.send(alone, order_no), 503, "overloaded")
    assert notices_of(alone.engine, "unavailable") == 1
    assert "kafka_topic_checked" in alone.engine.log_text()


@pytest.fixture
def apart(private_services, make_stack, provider):
    """Services, a worker and an engine of this test alone, and a sale."""
    stack = make_stack(private_services, engines=1, common_settings={**SETTINGS},
                       engine_settings=provider.settings)
    return stack, stack.admin.open_sale(stock=10)


def under_way(daemon, count):
    wait_until(lambda: scrape(daemon).get("seckill_notices_inflight") == count, 30,
               f"{count} under way")


def test_kafka_away(apart, private_services, provider):
    stack, sale = apart
    order_no = unused_order(sale)
    assert provider.send(stack, order_no).status == 200
    with private_services.frozen("kafka"):
        expect(provider.send(stack, order_no), 503, "outcome-unknown")
        wait_until(lambda: provider.send(stack, order_no).code == "overloaded", 60,
                   "the engine knows that the topic takes nothing")
    wait_until(lambda: provider.send(stack, order_no).status == 200, 60, "it is taken again")


def test_a_report_that_is_read_too_late_is_no_yes(apart, private_services, provider):
    """The engine stands still while the report comes: the time for an answer is over."""
    stack, sale = apart
    told = []
    with private_services.frozen("kafka"):
        asking = threading.Thread(
            target=lambda: told.append(provider.send(stack, unused_order(sale))))
        asking.start()
        under_way(stack.engine, 1)
        stack.engine.freeze()
    hold_for(lambda: not told, ANSWER_MS / 1000 + 0.5, "it stands still")
    stack.engine.thaw()
    asking.join(60)
    assert not asking.is_alive()
    expect(told[0], 503, "outcome-unknown")


def test_a_client_that_has_gone(apart, private_services, provider):
    """His notice is written all the same, and the engine goes on."""
    stack, sale = apart
    order_no = unused_order(sale)
    headers, body = provider.signed(order_no)
    with private_services.frozen("kafka"):
        with socket.create_connection(stack.address(), 30) as client:
            head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
            client.sendall(f"POST {PATH} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
                           f"{head}\r\n".encode() + body)
            under_way(stack.engine, 1)
    under_way(stack.engine, 0)
    assert provider.send(stack, unused_order(sale)).status in (200, 503)
    stack.assert_alive()


def test_drain_with_notices_under_way(apart, private_services, provider):
    """Each of them is answered, and the process ends in order."""
    stack, sale = apart
    told = []
    with private_services.frozen("kafka"):
        asking = [threading.Thread(
            target=lambda: told.append(provider.send(stack, unused_order(sale))))
            for _ in range(3)]
        for thread in asking:
            thread.start()
        under_way(stack.engine, 3)
        stack.engine.send(signal.SIGTERM)
        for thread in asking:
            thread.join(60)
    assert len(told) == 3 and {response.status for response in told} <= {200, 503}
    assert stack.engine.wait_for_exit(60) == 0, stack.engine.log_tail()
