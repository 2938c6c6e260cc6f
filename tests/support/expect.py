"""expect: what an answer must be, with everything that every such answer must have."""

import re

PROBLEM_BASE = "https://seckill.example/problems/"
REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
RETRY_AFTER_S = range(1, 6)


def expect_common(response):
    """Headers of every answer."""
    assert response.header("cache-control") == "no-store", response.fields
    assert response.header("date"), response.fields
    assert REQUEST_ID.fullmatch(response.header("x-request-id") or ""), response.fields
    server = response.header("server")
    assert server is None or not re.search("[0-9]", server), server
    return response


def expect(response, status, code):
    """A problem with this status and code, whole. Returns its body."""
    assert (response.status, response.code) == (status, code), response
    expect_common(response)
    problem = response.json()
    assert problem["type"] == PROBLEM_BASE + code, problem
    assert problem["status"] == status, problem
    assert problem["title"] and problem["detail"], problem
    assert isinstance(problem["retryable"], bool), problem
    assert problem["request_id"] == response.header("x-request-id"), problem
    if status in (429, 503):
        assert int(response.header("retry-after")) in RETRY_AFTER_S, response.fields
        assert problem["retryable"], problem
    if status == 401:
        scheme = "Signature" if code == "notice-untrusted" else "Bearer"
        assert response.header("www-authenticate").startswith(scheme), response.fields
    return problem


def expect_won(response, replayed=False):
    """201 with an order. Returns the order."""
    assert response.status == 201, response
    expect_common(response)
    assert response.header("idempotent-replayed") == ("true" if replayed else None), response.fields
    order = response.json()
    path = f"/v1/sales/{order['sale']}/orders/{order['order_no']}"
    assert response.header("location") == path, response.fields
    return order
