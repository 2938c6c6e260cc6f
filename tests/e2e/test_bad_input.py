"""Bad input: each malformed body, token, number, key gets its own 4xx and changes nothing (I22)."""

import hashlib

import pytest

from support import http_raw, tokens
from support.db import Mysql, Redis
from support.expect import expect, expect_won
from support.wait import wait_until


def everything(redis_db, mysql):
    """All that a refused request must leave as it is."""
    keys = {}
    for key in redis_db.client.scan_iter("{s:*", count=1000):
        kind = redis_db.client.type(key)
        if not key.endswith(":relay"):
            keys[key] = (redis_db.client.hgetall(key) if kind == "hash" else
                         redis_db.client.xrange(key) if kind == "stream" else
                         sorted(redis_db.client.smembers(key)) if kind == "set" else kind)
    tables = ("sales", "sale_skus", "orders", "outbox", "stock_ledger", "admin_log", "dead_letters")
    counts = {table: mysql.rows(f"SELECT COUNT(*) AS n FROM {table}") for table in tables}
    return hashlib.sha256(repr((sorted(keys.items()), counts)).encode()).hexdigest()


@pytest.fixture(scope="module")
def quiet(session_stack, session_sale, services):
    """Nothing moves: what was bought before is settled and acknowledged."""
    redis_db, mysql = Redis(services), Mysql(services)

    def state():
        before = everything(redis_db, mysql)
        moving = [key for key in redis_db.client.scan_iter("{s:*}:outbox")
                  if redis_db.client.xlen(key)]
        return before if not moving and everything(redis_db, mysql) == before else None

    return lambda: wait_until(state, 30, "nothing moves", interval_s=0.3)


BODIES = {
    "empty": (b"", "bad-json"),
    "no JSON": (b"{", "bad-json"),
    "text behind": (b'{"sku":"a"} x', "bad-json"),
    "two objects": (b'{"sku":"a"}{"sku":"a"}', "bad-json"),
    "an array": (b'[{"sku":"a"}]', "bad-json"),
    "a text": (b'"a"', "bad-json"),
    "null": (b"null", "bad-json"),
    "a member twice": (b'{"sku":"a","sku":"b"}', "bad-json"),
    "no UTF-8": (b'{"sku":"\xff"}', "bad-json"),
    "a byte order mark": (b'\xef\xbb\xbf{"sku":"a"}', "bad-json"),
    "too deep": (b'{"sku":' + b"[" * 1000 + b"]" * 1000 + b"}", "bad-json"),
    "NaN": (b'{"sku":"a","quantity":NaN}', "bad-json"),
    "a zero byte": (b'{"sku":"a\0"}', "bad-json"),
    "no sku": (b'{"quantity":1}', "bad-body"),
    "empty object": (b"{}", "bad-body"),
    "sku a number": (b'{"sku":1}', "bad-body"),
    "sku null": (b'{"sku":null}', "bad-body"),
    "sku a list": (b'{"sku":["a"]}', "bad-body"),
    "unknown member": (b'{"sku":"a","buyer":"other"}', "bad-body"),
    "sku empty": (b'{"sku":""}', "bad-sku"),
    "sku too long": (b'{"sku":"' + b"a" * 33 + b'"}', "bad-sku"),
    "sku with a blank": (b'{"sku":"a b"}', "bad-sku"),
    "sku with a slash": (b'{"sku":"../a"}', "bad-sku"),
    "sku not ASCII": ('{"sku":"ä"}'.encode(), "bad-sku"),
    "sku escaped zero byte": (b'{"sku":"a\\u0000b"}', ("bad-sku", "bad-json")),
    "quantity 0": (b'{"sku":"a","quantity":0}', "bad-quantity"),
    "quantity negative": (b'{"sku":"a","quantity":-1}', "bad-quantity"),
    "quantity 1001": (b'{"sku":"a","quantity":1001}', "bad-quantity"),
    "quantity 2^32 + 1": (b'{"sku":"a","quantity":4294967297}', "bad-quantity"),
    "quantity 2^63": (b'{"sku":"a","quantity":9223372036854775808}', ("bad-quantity", "bad-json")),
    "quantity huge": (b'{"sku":"a","quantity":' + b"9" * 400 + b"}", ("bad-quantity", "bad-json")),
    "quantity 1e400": (b'{"sku":"a","quantity":1e400}', ("bad-quantity", "bad-json")),
    "quantity a fraction": (b'{"sku":"a","quantity":1.5}', "bad-quantity"),
    "quantity 1.0": (b'{"sku":"a","quantity":1.0}', "bad-quantity"),
    "quantity a text": (b'{"sku":"a","quantity":"1"}', "bad-quantity"),
    "quantity true": (b'{"sku":"a","quantity":true}', "bad-quantity"),
    "quantity null": (b'{"sku":"a","quantity":null}', "bad-quantity"),
    "quantity a list": (b'{"sku":"a","quantity":[1]}', "bad-quantity"),
}


def send_body(stack, sale, buyer, body, **fields):
    headers = {**buyer.headers(), "Content-Type": "application/json", **fields}
    return http_raw.request(stack.address(), "POST", f"/v1/sales/{sale}/orders",
                            {name: value for name, value in headers.items() if value is not None},
                            body)


def test_bad_bodies_have_their_own_problem_and_change_nothing(stack, plain_sale, new_buyer, quiet,
                                                              redis_db, mysql):
    before = quiet()
    for what, (body, codes) in BODIES.items():
        response = send_body(stack, plain_sale, new_buyer(), body)
        assert response.code in codes, f"{what}: {response}"
        expect(response, 400, response.code)
    assert everything(redis_db, mysql) == before


def test_body_of_another_type_or_none(stack, plain_sale, new_buyer):
    buyer = new_buyer()
    for kind in (None, "text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""):
        expect(send_body(stack, plain_sale, buyer, b'{"sku":"a"}', **{"Content-Type": kind}), 415,
               "unsupported-media-type")
    expect(send_body(stack, plain_sale, buyer, None), 411, "length-required")
    expect_won(send_body(stack, plain_sale, buyer, b'{"sku":"a"}'))


TOKEN_DETAILS = {  # what whoever mints tokens must be told to find the mistake
    "two parts": "The token is not a well-formed JWT.",
    "alg none": "The token is not signed.", "alg none, old signature": "The token is not signed.",
    "empty signature": "The token is not signed.",
    "alg HS512": "The token's algorithm is not that of its key.",
    "alg absent": "The token is not a well-formed JWT.",
    "kid absent": "The token's header has no kid: it must name the key.",
    "unknown kid": "The token names no key of ours.",
    "crit": "The token's header has crit, or brings a key.",
    "typ of another use": "The token's typ is neither JWT nor at+jwt.",
    "other secret": "The token's signature does not fit.",
    "expired": "The token has expired.",
    "exp absent": "The token has no exp: it would never expire.",
    "nbf in the future": "The token is not valid yet.",
    "issuer absent": "The token is of another issuer.",
    "audience absent": "The token is for another audience.",
    "sub absent": "The token's subject is not a buyer id.",
    "too long": "The token is larger than 4096 bytes.",
}


def test_each_bad_token_is_told_its_fault(stack, plain_sale):
    forgeries = tokens.forgeries(stack.secret, "forger")
    for what, detail in TOKEN_DETAILS.items():
        response = http_raw.get(stack.address(), f"/v1/sales/{plain_sale}/orders",
                                {"Authorization": f"Bearer {forgeries[what]}"})
        assert expect(response, 401, response.code)["detail"] == detail, what


def test_forged_tokens_are_refused_and_change_nothing(stack, plain_sale, quiet, redis_db, mysql):
    before = quiet()
    for what, token in tokens.forgeries(stack.secret, "forger").items():
        for method, path, body in (("POST", f"/v1/sales/{plain_sale}/orders", b'{"sku":"a"}'),
                                   ("GET", f"/v1/sales/{plain_sale}/orders", None)):
            response = http_raw.request(
                stack.address(), method, path,
                {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}, body)
            assert response.status == 401, f"{what}: {response}"
            in_time = what not in ("expired", "expired long ago", "nbf in the future",
                                   "iat in the future")
            assert in_time or response.code == "token-expired", f"{what}: {response}"
            assert response.code in ("token-bad", "token-expired"), f"{what}: {response}"
            expect(response, 401, response.code)
            assert "forger" not in response.body.decode()
    assert everything(redis_db, mysql) == before


@pytest.mark.parametrize("value", [None, "", "Bearer", "Bearer ", "Basic dTpw", "bearer", "Token"])
def test_no_token(stack, plain_sale, value):
    fields = {"Content-Type": "application/json"}
    if value is not None:
        fields["Authorization"] = value
    response = http_raw.request(stack.address(), "POST", f"/v1/sales/{plain_sale}/orders", fields,
                                b'{"sku":"a"}')
    assert response.code in ("token-missing", "token-bad"), response
    expect(response, 401, response.code)


def test_tokens_that_are_good(stack, plain_sale, new_buyer):
    """Small letters of the scheme, an audience among others, a sub with every visible byte."""
    assert new_buyer(aud=["other", tokens.AUDIENCE]).orders(plain_sale).status == 200
    odd = "".join(map(chr, range(0x21, 0x61)))
    assert len(odd) == 64
    buyer = new_buyer(odd)
    order = expect_won(buyer.purchase(plain_sale))
    assert [entry["order_no"] for entry in buyer.orders(plain_sale).json()["orders"]] == [
        order["order_no"]]
    response = http_raw.get(stack.address(), f"/v1/sales/{plain_sale}/orders",
                            {"Authorization": f"bearer {buyer.token}"})
    assert response.status == 200


BAD_SALES = ["0", "8388608", "-1", "01", "1.0", "x", "99999999999999999999", "%31", "1%20", "+1"]


@pytest.mark.parametrize("sale", BAD_SALES)
def test_bad_sale(stack, new_buyer, sale):
    buyer = new_buyer()
    for method, path, body in (("GET", f"/v1/sales/{sale}", None),
                               ("GET", f"/v1/sales/{sale}/orders", None),
                               ("POST", f"/v1/sales/{sale}/orders", b'{"sku":"a"}')):
        expect(http_raw.request(stack.address(), method, path, buyer.headers(
            **{"Content-Type": "application/json"}), body), 400, "bad-sale")


@pytest.mark.parametrize("number", ["0", "-1", "01", "x", "1.5", "1", "9223372036854775808",
                                    "9" * 30, "%31"])
def test_bad_order_no(stack, plain_sale, new_buyer, number):
    expect(http_raw.get(stack.address(), f"/v1/sales/{plain_sale}/orders/{number}",
                        new_buyer().headers()), 400, "bad-order-no")


@pytest.mark.parametrize("key", ["", "short", "x" * 15, "x" * 65, '"' + "x" * 15 + '"',
                                 '"' + "x" * 65 + '"', '"no end of the key', 'a b c d e f g h i',
                                 '"a\\x' + "x" * 20 + '"', "käse-käse-käse-käse"])
def test_bad_idempotency_key(stack, plain_sale, new_buyer, redis_db, key):
    buyer = new_buyer()
    response = http_raw.request(
        stack.address(), "POST", f"/v1/sales/{plain_sale}/orders", buyer.headers(
            key, **{"Content-Type": "application/json"}), b'{"sku":"a"}')
    expect(response, 400, "bad-idempotency-key")
    assert buyer.name not in redis_db.buyers(plain_sale)


@pytest.mark.parametrize("key", ["x" * 16, "x" * 64, '"' + "y" * 16 + '"',
                                 '"quote\\"backslash\\\\end"'])
def test_good_idempotency_key(plain_sale, new_buyer, key):
    buyer = new_buyer()
    order = expect_won(buyer.purchase(plain_sale, key=key))
    assert expect_won(buyer.purchase(plain_sale, key=key), replayed=True) == order


def test_traceparent_reaches_the_record(stack, plain_sale, new_buyer, kafka):
    trace = "4bf92f3577b34da6a3ce929d0e0e4736"
    good, bad = new_buyer(), new_buyer()
    for buyer, value in ((good, f"00-{trace}-00f067aa0ba902b7-01"), (bad, f"00-{'0' * 32}-1-01")):
        expect_won(send_body(stack, plain_sale, buyer, b'{"sku":"a"}', traceparent=value))
    records = {event.buyer: event.traceparent for event in kafka.orders(plain_sale)}
    assert records[good.name].split("-")[1] == trace
    assert "0" * 32 not in records[bad.name]
