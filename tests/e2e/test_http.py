"""The strict edge over raw sockets: FH1 to FH3, FH5 and FH7 (PROTOCOL §3.1).

What is malformed gets its own 4xx and a closed connection.
"""

import json
import random
import socket
import threading

import pytest

from support import http_raw
from support.expect import expect, expect_common, expect_won
from support.wait import wait_until

KEY = "key-of-this-test-0001"
LINE = b"GET /v1/sales/1 HTTP/1.1\r\n"
HOST = b"Host: seckill.test\r\n"


def post(body=b'{"sku":"a"}', *fields, line=b"POST /v1/sales/1/orders HTTP/1.1\r\n"):
    """A purchase whose framing is up to the test."""
    return line + HOST + b"Content-Type: application/json\r\n" + b"".join(
        field + b"\r\n" for field in fields) + b"\r\n" + body


MALFORMED = {
    # the start line (FH1)
    "no version": (b"GET /v1/sales/1\r\n" + HOST + b"\r\n", "bad-request"),
    "version 2.0": (b"GET /v1/sales/1 HTTP/2.0\r\n" + HOST + b"\r\n", "bad-request"),
    "version 1.2": (b"GET /v1/sales/1 HTTP/1.2\r\n" + HOST + b"\r\n", "bad-request"),
    "version in small letters": (b"GET /v1/sales/1 http/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "two blanks": (b"GET  /v1/sales/1 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "blank at the end": (b"GET /v1/sales/1 HTTP/1.1 \r\n" + HOST + b"\r\n", "bad-request"),
    "tab between": (b"GET\t/v1/sales/1 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "blank before": (b" GET /v1/sales/1 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "method no token": (b"G(T /v1/sales/1 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "method too long": (b"G" * 33 + b" / HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "target without slash": (b"GET v1/sales/1 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "target with a fragment": (b"GET /v1#x HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "target with a zero byte": (b"GET /v1\0 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "target with a raw byte": (b"GET /v1\xff HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "target with half an escape": (b"GET /v1%4 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "target with a bad escape": (b"GET /v1%zz HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "asterisk for GET": (b"GET * HTTP/1.1\r\n" + HOST + b"\r\n", "bad-request"),
    "bare LF": (LINE.replace(b"\r\n", b"\n") + HOST + b"\r\n", "bad-request"),
    "bare CR": (b"GET /v1/sales/1 HTTP/1.1\rX: y\r\n" + HOST + b"\r\n", "bad-request"),
    # fields (FH1)
    "field with a zero byte": (LINE + HOST + b"X: a\0b\r\n\r\n", "bad-request"),
    "field with a bare CR": (LINE + HOST + b"X: a\rb\r\n\r\n", "bad-request"),
    "field ended by LF": (LINE + HOST + b"X: a\n\r\n", "bad-request"),
    "field with a control byte": (LINE + HOST + b"X: a\x07b\r\n\r\n", "bad-request"),
    "folded field": (LINE + HOST + b"X: a\r\n b\r\n\r\n", "bad-request"),
    "first field folded": (LINE + b" X: a\r\n" + HOST + b"\r\n", "bad-request"),
    "blank before the colon": (LINE + HOST + b"X : a\r\n\r\n", "bad-request"),
    "no colon": (LINE + HOST + b"X\r\n\r\n", "bad-request"),
    "no name": (LINE + HOST + b": a\r\n\r\n", "bad-request"),
    "name no token": (LINE + HOST + b"X(y): a\r\n\r\n", "bad-request"),
    "two Authorization": (LINE + HOST + b"Authorization: Bearer a\r\n" * 2 + b"\r\n",
                          "bad-request"),
    "two Idempotency-Key": (post(b"", b"Content-Length: 0", b"Idempotency-Key: " + b"a" * 16,
                                 b"Idempotency-Key: " + b"b" * 16), "bad-request"),
    # Host (FH1)
    "no Host": (LINE + b"\r\n", "bad-host"),
    "two Host": (LINE + HOST + HOST + b"\r\n", "bad-host"),
    "empty Host": (LINE + b"Host:\r\n\r\n", "bad-host"),
    "Host with a blank": (LINE + b"Host: a b\r\n\r\n", "bad-host"),
    "Host with a path": (LINE + b"Host: a/b\r\n\r\n", "bad-host"),
    "Host with user": (LINE + b"Host: u@a\r\n\r\n", "bad-host"),
    "Host with a bad port": (LINE + b"Host: a:http\r\n\r\n", "bad-host"),
    "Host list": (LINE + b"Host: a, b\r\n\r\n", "bad-host"),
    "Host unlike the absolute target": (
        b"GET http://other.test/v1/sales/1 HTTP/1.1\r\n" + HOST + b"\r\n", "bad-host"),
    # framing (FH2)
    "TE and CL": (post(b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"Content-Length: 5"),
                  "bad-request"),
    "CL and TE": (post(b"0\r\n\r\n", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
                  "bad-request"),
    "two CL": (post(b"12", b"Content-Length: 2", b"Content-Length: 2"), "bad-request"),
    "CL list": (post(b"12", b"Content-Length: 2, 2"), "bad-request"),
    "CL with a sign": (post(b"12", b"Content-Length: +2"), "bad-request"),
    "CL negative": (post(b"12", b"Content-Length: -2"), "bad-request"),
    "CL with a blank inside": (post(b"12", b"Content-Length: 1 2"), "bad-request"),
    "CL hexadecimal": (post(b"12", b"Content-Length: 0x2"), "bad-request"),
    "CL empty": (post(b"12", b"Content-Length:"), "bad-request"),
    "CL a fraction": (post(b"12", b"Content-Length: 2.0"), "bad-request"),
    "CL of 20 digits": (post(b"12", b"Content-Length: " + b"1" * 20), "bad-request"),
    "two TE": (post(b"0\r\n\r\n", *[b"Transfer-Encoding: chunked"] * 2), "bad-request"),
    "TE in HTTP/1.0": (post(b"0\r\n\r\n", b"Transfer-Encoding: chunked",
                            line=b"POST /v1/sales/1/orders HTTP/1.0\r\n"), "bad-request"),
    "chunk size 0x": (post(b"0x2\r\n12\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
                      "bad-request"),
    "chunk size with a sign": (post(b"+2\r\n12\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
                               "bad-request"),
    "chunk size empty": (post(b"\r\n12\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
                         "bad-request"),
    "chunk size overflows": (post(b"fffffffffffffffff\r\n", b"Transfer-Encoding: chunked"),
                             "bad-request"),
    "chunk without end": (post(b"2\r\n12X\r\n", b"Transfer-Encoding: chunked"), "bad-request"),
    "chunk ended by LF": (post(b"2\n12\r\n0\r\n\r\n", b"Transfer-Encoding: chunked"),
                          "bad-request"),
    "trailer no field": (post(b"0\r\nX\r\n\r\n", b"Transfer-Encoding: chunked"), "bad-request"),
    # other protocols (FH7)
    "TLS": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(range(200)), "bad-request"),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "bad-request"),
    "SSH": (b"SSH-2.0-OpenSSH_9.2\r\n", "bad-request"),
}

OTHER_REFUSALS = {
    "TE gzip": (post(b"", b"Transfer-Encoding: gzip"), 501, "not-implemented"),
    "TE gzip, chunked": (post(b"", b"Transfer-Encoding: gzip, chunked"), 501, "not-implemented"),
    "TE identity": (post(b"", b"Transfer-Encoding: identity"), 501, "not-implemented"),
    "target over 2048": (b"GET /" + b"a" * 2048 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414,
                         "uri-too-long"),
    "target without end": (b"GET /" + b"a" * 5000, 414, "uri-too-long"),
    "65 fields": (LINE + HOST + b"X: y\r\n" * 64 + b"\r\n", 431, "headers-too-large"),
    "fields over 8192": (LINE + HOST + b"X: " + b"y" * 8192 + b"\r\n\r\n", 431,
                         "headers-too-large"),
    "field without end": (LINE + HOST + b"X: " + b"y" * 20000, 431, "headers-too-large"),
    "body over 16 KiB": (post(b"", b"Content-Length: 16385"), 413, "body-too-large"),
    "body over 16 KiB, expected": (post(b"", b"Content-Length: 16385", b"Expect: 100-continue"),
                                   413, "body-too-large"),
    "chunks over 16 KiB": (post(b"4001\r\n", b"Transfer-Encoding: chunked"), 413,
                           "body-too-large"),
    "many chunks over 16 KiB": (post(b"2000\r\n" + b"x" * 0x2000 + b"\r\n2000\r\n" + b"x" * 0x2000
                                     + b"\r\n1\r\n", b"Transfer-Encoding: chunked"), 413,
                                "body-too-large"),
    "huge CL": (post(b"", b"Content-Length: 9999999999999999999"), 413, "body-too-large"),
    "Expect something else": (post(b"", b"Content-Length: 2", b"Expect: 200-ok"), 417,
                              "expectation-failed"),
}


def ask_raw(address, data, method="GET"):
    """One answer to these bytes; then the connection must be closed."""
    with http_raw.Connection(address) as connection:
        connection.send(data)
        response = connection.read_response(method)
        assert response.header("connection") == "close", response.fields
        connection.expect_close()
    return response


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_is_refused_and_closed(stack, what):
    data, code = MALFORMED[what]
    expect(ask_raw(stack.address(), data), 400, code)


@pytest.mark.parametrize("what", MALFORMED)
def test_malformed_byte_by_byte_is_refused_the_same(stack, what):
    data, code = MALFORMED[what]
    with http_raw.Connection(stack.address()) as connection:
        try:
            connection.send_bytewise(data)
        except OSError:
            pass  # refused before the last byte was sent
        expect(connection.read_response(), 400, code)


@pytest.mark.parametrize("what", OTHER_REFUSALS)
def test_limits_and_codings(stack, what):
    data, status, code = OTHER_REFUSALS[what]
    expect(ask_raw(stack.address(), data), status, code)


def test_refusals_left_the_engine_well_and_logged_no_bytes(stack):
    """Garbage from the network is counted, never logged.

    A line each would be ten a second at least, the log's own rate; other things log one or two.
    """
    before = len(stack.engine.log_text())
    for _ in range(50):
        ask_raw(stack.address(), MALFORMED["TLS"][0])
    log = stack.engine.log_text()
    assert log.count("\n", before) < 10, log[before:]
    assert "SSH" not in log and "\\x16" not in log


def test_largest_accepted(stack, plain_sale):
    """Exactly at each limit a request is served."""
    head = f"GET /v1/sales/{plain_sale}?".encode()
    target = head + b"a" * (2048 - len(head) + len("GET ")) + b" HTTP/1.1\r\n"
    assert len(target.split(b" ")[1]) == 2048
    with http_raw.Connection(stack.address()) as connection:
        assert connection.send(target + HOST + b"\r\n").read_response().status == 200
        line = f"GET /v1/sales/{plain_sale} HTTP/1.1\r\n".encode()
        connection.send(line + HOST + b"X: y\r\n" * 63 + b"\r\n")
        assert connection.read_response().status == 200
        filler = 8192 - len(HOST) - len(b"X: \r\n\r\n")
        connection.send(line + HOST + b"X: " + b"y" * filler + b"\r\n\r\n")
        assert connection.read_response().status == 200


def test_largest_body(stack, plain_sale, new_buyer):
    body = b'{"sku":"a"}'.ljust(16384)
    response = http_raw.request(
        stack.address(), "POST", f"/v1/sales/{plain_sale}/orders",
        new_buyer().headers(**{"Content-Type": "application/json"}), body)
    expect_won(response)


def chunked(data, size):
    parts = [data[at:at + size] for at in range(0, len(data), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n"


@pytest.mark.parametrize("size,trailers", [(1, b""), (3, b"X-Trailer: ignored\r\n"), (1000, b"")])
def test_chunked_body(stack, plain_sale, new_buyer, size, trailers):
    buyer = new_buyer()
    data = b'{"sku":"b","quantity":1}'
    fields = buyer.headers(KEY, **{"Content-Type": "application/json",
                                   "Transfer-Encoding": "chunked"})
    request = http_raw.encode("POST", f"/v1/sales/{plain_sale}/orders", fields) + chunked(
        data, size) + trailers + b"\r\n"
    with http_raw.Connection(stack.address()) as connection:
        order = expect_won(connection.send(request).read_response("POST"))
        again = expect_won(connection.send_bytewise(request).read_response("POST"), replayed=True)
    assert again == order and order["sku"] == "b"


def test_expect_continue(stack, plain_sale, new_buyer):
    """100 before the body; the body's answer after it."""
    body = b'{"sku":"a"}'
    request = http_raw.encode("POST", f"/v1/sales/{plain_sale}/orders", new_buyer().headers(
        **{"Content-Type": "application/json", "Expect": "100-continue"}), body)
    with http_raw.Connection(stack.address()) as connection:
        connection.send(request[:-len(body)])
        interim = b""
        while not interim.endswith(b"\r\n\r\n"):
            interim += connection.socket.recv(1)
        assert interim == b"HTTP/1.1 100 Continue\r\n\r\n"
        expect_won(connection.send(body).read_response("POST"))


def test_http_1_0(stack, plain_sale):
    """Closed after the answer, Host not needed."""
    response = ask_raw(stack.address(), f"GET /v1/sales/{plain_sale} HTTP/1.0\r\n\r\n".encode())
    assert response.status == 200


def test_connection_close_is_honoured(stack, plain_sale):
    response = ask_raw(stack.address(), f"GET /v1/sales/{plain_sale} HTTP/1.1\r\n".encode() + HOST
                       + b"Connection: close\r\n\r\n")
    assert response.status == 200


def test_keep_alive(stack, plain_sale):
    with http_raw.Connection(stack.address()) as connection:
        for _ in range(50):
            response = connection.request("GET", f"/v1/sales/{plain_sale}")
            assert response.status == 200 and response.header("connection") is None


def test_absolute_form(stack, plain_sale):
    for authority in ("seckill.test", "SECKILL.test"):
        response = http_raw.get(stack.address(), f"http://{authority}/v1/sales/{plain_sale}")
        assert response.status == 200, response


def test_head_has_no_body(stack, plain_sale):
    with http_raw.Connection(stack.address()) as connection:
        response = connection.request("HEAD", f"/v1/sales/{plain_sale}")
        assert response.status == 200 and int(response.header("content-length")) > 0
        assert connection.request("GET", f"/v1/sales/{plain_sale}").status == 200


@pytest.mark.parametrize("method,path,allow", [
    ("DELETE", "/v1/sales/1", {"GET", "HEAD"}),
    ("PUT", "/v1/sales/1/orders", {"GET", "HEAD", "POST"}),
    ("BREW", "/v1/sales/1/orders", {"GET", "HEAD", "POST"}),
    ("POST", "/v1/sales/1/orders/1099578736641", {"GET", "HEAD"})])
def test_method_not_allowed(stack, method, path, allow):
    response = http_raw.request(stack.address(), method, path, body=b"")
    expect(response, 405, "method-not-allowed")
    assert {name.strip() for name in response.header("allow").split(",")} == allow


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/sales", "/v1/sales/", "/v1/sales/1/",
                                  "/v1/sales//orders", "/v2/sales/1", "/v1/admin/sales",
                                  "/metrics", "/livez", "/v1/sales/1/orders/2/cancel/x"])
def test_not_found(stack, path):
    expect(http_raw.get(stack.address(), path), 404, "not-found")


def test_pipelined_requests_are_answered_in_order(stack, plain_sale, new_buyer):
    """A thousand on one connection, memory answers between script calls; a purchase among them."""
    buyer = new_buyer()
    path = f"/v1/sales/{plain_sale}"
    wanted, data = [], []
    for number in range(1000):
        name = f"pipe-{number}"
        fields = {"X-Request-Id": name}
        if number % 100 == 50:
            fields.update(buyer.headers(KEY, **{"Content-Type": "application/json"}))
            data.append(http_raw.encode("POST", path + "/orders", fields, b'{"sku":"a"}'))
        elif number % 100 == 51:
            data.append(http_raw.encode("GET", path + "/orders", {**fields, **buyer.headers()}))
        elif number % 10 == 5:
            data.append(http_raw.encode("GET", "/v1/nothing", fields))
        else:
            data.append(http_raw.encode("GET", path, fields))
        wanted.append(name)
    with http_raw.Connection(stack.address(), timeout_s=30) as connection:
        sender = threading.Thread(target=connection.send, args=(b"".join(data),))
        sender.start()
        answers = [connection.read_response() for _ in wanted]
        sender.join(10)
    assert [answer.header("x-request-id") for answer in answers] == wanted
    assert {answer.status for answer in answers} == {200, 201, 404}
    orders = {answer.json()["order_no"] for answer in answers if answer.status == 201}
    assert len(orders) == 1, "one key, one order"


def test_half_close_still_gets_its_answers(stack, plain_sale, new_buyer):
    buyer = new_buyer()
    path = f"/v1/sales/{plain_sale}/orders"
    request = http_raw.encode("POST", path, buyer.headers(
        KEY, **{"Content-Type": "application/json"}), b'{"sku":"a"}')
    with http_raw.Connection(stack.address()) as connection:
        connection.send(request * 3).half_close()
        first = expect_won(connection.read_response("POST"))
        for _ in range(2):
            assert expect_won(connection.read_response("POST"), replayed=True) == first
        connection.expect_close()


@pytest.mark.parametrize("farewell", ["close", "reset"])
def test_client_gone_then_the_result_is_under_its_key(stack, plain_sale, new_buyer, redis_db,
                                                      farewell):
    buyers = [new_buyer() for _ in range(20)]
    path = f"/v1/sales/{plain_sale}/orders"
    for buyer in buyers:
        connection = http_raw.Connection(stack.address())
        connection.send(http_raw.encode("POST", path, buyer.headers(
            KEY, **{"Content-Type": "application/json"}), b'{"sku":"a"}'))
        wait_until(lambda: buyer.name in redis_db.buyers(plain_sale), 30, "it was decided")
        connection.close() if farewell == "close" else connection.reset()
    for buyer in buyers:
        order = expect_won(buyer.purchase(plain_sale, key=KEY, engine=1), replayed=True)
        assert order["order_no"].isdigit()


def test_request_cut_short_changes_nothing(stack, plain_sale, new_buyer, redis_db):
    buyer = new_buyer()
    request = http_raw.encode("POST", f"/v1/sales/{plain_sale}/orders", buyer.headers(
        KEY, **{"Content-Type": "application/json"}), b'{"sku":"a"}')
    for size in (1, 20, len(request) - 20, len(request) - 1):
        with http_raw.Connection(stack.address()) as connection:
            connection.send(request[:size]).half_close()
            answer = connection.socket.recv(65536)
            assert answer == b"" or answer.startswith(b"HTTP/1.1 400 "), answer
    assert buyer.name not in redis_db.buyers(plain_sale)
    expect_won(buyer.purchase(plain_sale, key=KEY))


def test_random_bytes_never_crash_it(stack, plain_sale):
    """Connections of seeded noise; the engine answers or closes, and lives."""
    noise = random.Random(7)
    for number in range(300):
        with http_raw.Connection(stack.address()) as connection:
            data = noise.randbytes(noise.randrange(1, 3000))
            if number % 3 == 0:
                data = LINE + HOST + data
            try:
                connection.send(data).half_close()
                while connection.socket.recv(65536):
                    pass
            except OSError:
                pass  # it may reset what it does not read on
    assert http_raw.get(stack.address(), f"/v1/sales/{plain_sale}").status == 200


def test_personal_answers_are_not_stored(stack, plain_sale, new_buyer):
    buyer = new_buyer()
    for response in (buyer.purchase(plain_sale), buyer.orders(plain_sale),
                     http_raw.get(stack.address(), "/nothing")):
        expect_common(response)


def test_problem_bodies_are_json_of_their_type(stack):
    response = http_raw.get(stack.address(), "/nothing")
    assert response.header("content-type") == "application/problem+json"
    assert json.loads(response.body)["instance"].startswith("/requests/")


def test_a_listener_of_one_host_only(services, make_stack):
    stack = make_stack(services, engine_settings={"http.host": "shop.test"})
    for host, status in (("shop.test", 404), ("SHOP.test:443", 404), ("other.test", 400)):
        response = http_raw.request(stack.address(), "GET", "/nothing", {"Host": host})
        assert response.status == status, (host, response)


def test_ipv4_peer_resets_do_not_harm_others(stack, plain_sale):
    for _ in range(50):
        connection = http_raw.Connection(stack.address())
        connection.send(LINE)
        connection.reset()
    assert http_raw.get(stack.address(), f"/v1/sales/{plain_sale}").status == 200
    with socket.create_connection(stack.address()):
        assert http_raw.get(stack.address(), f"/v1/sales/{plain_sale}").status == 200
