"""Payment notices: who may send them, what one does, what a second one does not (FP1 to FP5)."""

import collections
import threading
import time

import pytest

from support import http_raw
from support.db import compose_order_no
from support.expect import expect, expect_won
from support.life import expect_taken
from support.metrics import scrape
from support.payments import PRICE, PROVIDERS, Notice, new_id, post
from support.wait import hold_for, wait_until

NAMES = [provider.name for provider in PROVIDERS]
COPIES = 100
# Idempotency-Keys
ONLY = "key-of-the-only-purchase"
ANOTHER = "key-of-the-another-purchase"


@pytest.fixture
def won(plain_sale, new_buyer):
    """won(): (buyer, order_no) of a new order of plain_sale."""
    def make():
        buyer = new_buyer()
        return buyer, int(expect_won(buyer.purchase(plain_sale, key=ONLY))["order_no"])
    return make


@pytest.mark.parametrize("provider", NAMES)
def test_a_payment_makes_its_order_paid(won, life, provider):
    buyer, order_no = won()
    notice = life.pay(order_no, provider)
    order = life.shown(buyer, order_no, "PAID")
    assert order["unit_price"] == PRICE
    row = life.payment_became(notice, "APPLIED", provider)
    assert (row["transaction_id"], row["kind"], row["order_no"]) == (
        notice.transaction, "paid", order_no)
    assert (row["amount"], row["currency"]) == (PRICE, "CNY")
    assert life.events(order_no) == ["order.paid"]
    assert life.row(order_no)["version"] == 2


def test_the_winners_key_tells_the_paid_order(won, life, plain_sale):
    buyer, order_no = won()
    life.pay(order_no)
    life.shown(buyer, order_no, "PAID")
    again = expect_won(buyer.purchase(plain_sale, key=ONLY), replayed=True)
    assert (int(again["order_no"]), again["state"]) == (order_no, "PAID")
    refused = buyer.purchase(plain_sale, key=ANOTHER)
    expect(refused, 409, "limit-reached")


@pytest.mark.parametrize("provider", NAMES)
def test_a_hundred_copies_at_once_have_one_effect(stack, won, life, provider):
    """FP1."""
    _, order_no = won()
    notice = Notice(order_no)
    headers, body = life.keys.request(provider, notice)
    answers, gate = [], threading.Barrier(COPIES)

    def send(number):
        with http_raw.Connection(stack.address(number % 2)) as connection:
            gate.wait(60)
            answers.append(post(None, provider, headers, body, connection))

    threads = [threading.Thread(target=send, args=(number,)) for number in range(COPIES)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    assert len(answers) == COPIES
    for answer in answers:
        expect_taken(answer, provider)
    assert life.became(order_no, "PAID")["version"] == 2
    life.consumed()
    assert life.row(order_no)["version"] == 2
    rows = life.mysql.rows("SELECT state FROM payments WHERE order_no = %s", order_no)
    assert [row["state"] for row in rows] == ["APPLIED"]
    assert life.events(order_no) == ["order.paid"]


def test_a_notice_before_its_order_waits_for_it(open_sale, new_buyer, life):
    """FP2: the number of a new sale's first order is known before it is won."""
    sale = open_sale(stock=10)
    order_no = compose_order_no(sale, 1, 1)
    notice = life.pay(order_no)
    life.payment_became(notice, "PARKED")
    buyer = new_buyer()
    assert int(expect_won(buyer.purchase(sale))["order_no"]) == order_no
    life.shown(buyer, order_no, "PAID")
    assert life.payment(notice)["state"] == "APPLIED"
    assert life.row(order_no)["version"] == 2


def test_a_notice_and_its_order_at_once(open_sale, new_buyer, life):
    """FP2: neither of the two transactions may miss the other."""
    sale = open_sale(stock=1000)
    notices = []
    for seq in range(1, 41):
        order_no = compose_order_no(sale, 1, seq)
        buyer, notice = new_buyer(), Notice(order_no)
        thread = threading.Thread(target=lambda notice=notice: life.send(notice))
        thread.start()
        assert int(expect_won(buyer.purchase(sale))["order_no"]) == order_no
        thread.join(60)
        notices.append(notice)
    wait_until(lambda: life.states(sale) == {"PAID": 40}, 60, "all are paid")
    for notice in notices:
        assert life.payment(notice)["state"] == "APPLIED"


def standard(keys, notice, **twist):
    provider = keys["standard"]
    body = provider.body(notice)
    return provider.headers(notice, body, **twist), body


def without(headers, name):
    return [pair for pair in headers if pair[0].lower() != name.lower()]


def swapped(headers, name, value):
    return [(key, value if key.lower() == name.lower() else old) for key, old in headers]


def forged_standard(keys, notice):
    good, body = standard(keys, notice)
    signature = dict(good)["webhook-signature"]
    return {
        "other secret": standard(keys, notice, secret=b"x" * 32),
        "another body signed": standard(keys, notice, signed=body.replace(b"CNY", b"USD")),
        "another id": (swapped(good, "webhook-id", new_id("evt")), body),
        "a reordered body": (good, b'{"data":' + body.split(b'"data":')[1][:-1] + b"}"),
        "no signature": (without(good, "webhook-signature"), body),
        "no id": (without(good, "webhook-id"), body),
        "no timestamp": (without(good, "webhook-timestamp"), body),
        "an empty signature": (swapped(good, "webhook-signature", "v1,"), body),
        "a cut signature": (swapped(good, "webhook-signature", signature[:-4]), body),
        "another version": (swapped(good, "webhook-signature", "v9" + signature[2:]), body),
        "a timestamp that is none": (swapped(good, "webhook-timestamp", "soon"), body),
        "an old one": standard(keys, notice.but(at=time.time() - 3600)),
        "one of tomorrow": standard(keys, notice.but(at=time.time() + 3600)),
    }


def forged_stripe(keys, notice):
    provider = keys["stripe"]
    body = provider.body(notice)
    good = provider.headers(notice, body)
    value = dict(good)["Stripe-Signature"]
    old, new = (notice.but(at=time.time() + shift) for shift in (-3600, 3600))
    return {
        "other secret": (provider.headers(notice, body, secret=b"whsec_x"), body),
        "another body signed": (provider.headers(notice, body, signed=body + b" "), body),
        "no header": (without(good, "Stripe-Signature"), body),
        "no time": (swapped(good, "Stripe-Signature", value.partition(",")[2]), body),
        "no v1": (swapped(good, "Stripe-Signature", value.partition(",")[0]), body),
        "only v0": (swapped(good, "Stripe-Signature", value.replace("v1=", "v0=")), body),
        "another time": (swapped(good, "Stripe-Signature",
                                 f"t={int(notice.at) + 1},{value.partition(',')[2]}"), body),
        "an old one": (provider.headers(old, body), body),
        "one of tomorrow": (provider.headers(new, body), body),
    }


def forged_alipay(keys, notice):
    provider = keys["alipay"]
    other = provider.fields(notice, total_amount="0.01")
    headers = provider.headers(notice, b"")
    return {
        "other key": (headers, provider.body(notice, key=keys["wechatpay"].key)),
        "another amount signed": (headers, provider.body(notice, signed=other)),
        "no signature": (headers, provider.body(notice).partition(b"&sign=")[0]),
        "no base64": (headers, provider.body(notice, sign="????")),
        "a field more than signed": (headers, provider.body(notice) + b"&extra=1"),
        "another app": (headers, provider.body(notice, app_id="2099")),
        "an old one": (headers, provider.body(notice.but(at=time.time() - 7200))),
        "one of tomorrow": (headers, provider.body(notice.but(at=time.time() + 7200))),
    }


def forged_wechatpay(keys, notice):
    provider = keys["wechatpay"]
    body = provider.body(notice)
    good = provider.headers(notice, body)
    old, new = (notice.but(at=time.time() + shift) for shift in (-3600, 3600))
    bad_seal = provider.body(notice, api_key=b"0" * 32)
    return {
        "other key": (provider.headers(notice, body, key=keys["alipay"].key), body),
        "unknown serial": (provider.headers(notice, body, serial="00FF"), body),
        "another body signed": (provider.headers(notice, body, signed=body + b" "), body),
        "another nonce": (swapped(good, "Wechatpay-Nonce", "n" * 32), body),
        "no signature": (without(good, "Wechatpay-Signature"), body),
        "no serial": (without(good, "Wechatpay-Serial"), body),
        "sealed by another": (provider.headers(notice, bad_seal), bad_seal),
        "an old one": (provider.headers(old, body), body),
        "one of tomorrow": (provider.headers(new, body), body),
    }


FORGED = {"standard": forged_standard, "stripe": forged_stripe, "alipay": forged_alipay,
          "wechatpay": forged_wechatpay}


@pytest.mark.parametrize("provider", NAMES)
def test_what_is_not_signed_has_no_effect(stack, won, life, provider):
    """FP3."""
    _, order_no = won()
    life.settled(order_no)
    before = scrape(stack.engine)
    notice = Notice(order_no)
    forged = FORGED[provider](life.keys, notice)
    for what, (headers, body) in forged.items():
        answer = post(stack.address(), provider, headers, body)
        assert answer.status in (400, 401), (what, answer)
        if provider == "alipay":
            assert answer.body != b"success", (what, answer)
    life.consumed()
    assert life.payment(notice, provider) is None
    assert life.row(order_no)["state"] == "PENDING"
    after = scrape(stack.engine)
    counted = (after.total("seckill_payment_notices_total", provider=provider)
               - before.total("seckill_payment_notices_total", provider=provider))
    assert counted == len(forged), "each is counted"
    log = stack.engine.log_text()
    assert notice.transaction not in log and notice.event not in log
    life.pay(order_no, provider)
    life.became(order_no, "PAID")


@pytest.mark.parametrize("provider", ["standard", "stripe"])
def test_a_second_secret_is_as_good(stack, won, life, provider):
    """While secrets are rotated, notices signed by either are taken."""
    _, order_no = won()
    keys, notice = life.keys[provider], Notice(order_no)
    body = keys.body(notice)
    expect_taken(post(stack.address(), provider,
                      keys.headers(notice, body, secret=keys.next_secret), body))
    life.became(order_no, "PAID")


def test_several_signatures_one_of_them_good(stack, won, life):
    """As a sender does that rotates its secret: old and new beside each other."""
    _, order_no = won()
    headers, body = standard(life.keys, notice := Notice(order_no))
    good = dict(headers)["webhook-signature"]
    bad = dict(standard(life.keys, notice, secret=b"y" * 32)[0])["webhook-signature"]
    expect_taken(post(stack.address(), "standard",
                      swapped(headers, "webhook-signature", f"{bad} v1a,AAAA {good}"), body))
    life.became(order_no, "PAID")


@pytest.mark.parametrize("provider", NAMES)
def test_a_replayed_event_is_taken_and_does_nothing(stack, won, life, provider):
    """FP4: signed anew, at another time, whatever it says; another content is told."""
    def differing():
        return scrape(stack.worker).total("seckill_payment_trouble_total", reason="event")

    _, order_no = won()
    before = differing()
    notice = life.pay(order_no, provider)
    life.became(order_no, "PAID")
    expect_taken(life.send(notice, provider), provider)
    expect_taken(life.send(notice.but(at=time.time() + 1), provider), provider)
    life.consumed()
    assert differing() == before
    expect_taken(life.send(notice.but(transaction=new_id("tx")), provider), provider)
    life.consumed()
    wait_until(lambda: differing() == before + 1, 30, "it is counted")
    stack.worker.wait_log(f"event=payment_event_differs provider={provider} kind=paid "
                          f"order_no={order_no}")
    assert life.row(order_no)["version"] == 2
    assert life.payment(notice, provider)["state"] == "APPLIED"
    assert life.events(order_no) == ["order.paid"]


def test_a_transaction_counts_once_whatever_event_tells_it(won, life):
    _, order_no = won()
    notice = life.pay(order_no)
    life.became(order_no, "PAID")
    expect_taken(life.send(notice.but(event=new_id("evt"))))
    life.consumed()
    assert life.row(order_no)["version"] == 2
    assert life.events(order_no) == ["order.paid"]


@pytest.mark.parametrize("provider", NAMES)
def test_a_payment_without_a_transaction_pays_nothing(won, life, provider):
    """The same payment under another event id could not be told from a second one."""
    _, order_no = won()
    life.settled(order_no)
    for _ in range(2):
        notice = Notice(order_no, transaction="")
        expect_taken(life.send(notice, provider), provider)
        row = life.payment_became(notice, "QUARANTINED", provider)
        assert row["reason"] == "no_transaction", row
    assert life.row(order_no)["state"] == "PENDING"
    assert life.events(order_no) == []
    life.pay(order_no, provider)
    life.became(order_no, "PAID")


def test_a_transaction_of_another_order_pays_nothing(won, life):
    _, first = won()
    _, second = won()
    notice = life.pay(first)
    life.became(first, "PAID")
    life.settled(second)
    expect_taken(life.send(notice.but(event=new_id("evt"), order_no=second)))
    life.consumed()
    assert life.row(second)["state"] == "PENDING"
    assert life.events(second) == []


def test_two_transactions_for_one_order(won, life, stack):
    """One pays it; the other must be given back, and the shop hears so."""
    buyer, order_no = won()
    first = life.pay(order_no)
    second = life.pay(order_no, transaction=new_id("tx"))
    life.shown(buyer, order_no, "PAID")
    rows = wait_until(lambda: (found := life.mysql.rows(
        "SELECT state FROM payments WHERE order_no = %s ORDER BY state", order_no))[1:] and found,
        60, "both are consumed")
    assert [row["state"] for row in rows] == ["APPLIED", "REFUND_DUE"]
    assert {life.payment(first)["state"], life.payment(second)["state"]} == {
        "APPLIED", "REFUND_DUE"}
    assert life.events(order_no) == ["order.paid", "order.refund_due"]
    assert life.row(order_no)["state"] == "PAID"
    assert life.row(order_no)["version"] == 3


MISMATCHES = {
    "too little": {"amount": PRICE - 1},
    "too much": {"amount": PRICE + 1},
    "nothing": {"amount": 0},
    "another currency": {"currency": "USD"},
    "another's number": {"order_no": "12x"},
    "no number": {"order_no": ""},
}


@pytest.mark.parametrize("provider", ["standard", "stripe"])
@pytest.mark.parametrize("what", MISMATCHES)
def test_what_does_not_match_is_taken_and_quarantined(stack, won, life, provider, what):
    """FP5: the provider must not try for ever; an operator must see it."""
    _, order_no = won()
    life.settled(order_no)
    before = scrape(stack.worker).total("seckill_payment_trouble_total")
    notice = Notice(order_no).but(**MISMATCHES[what])
    expect_taken(life.send(notice, provider))
    row = life.payment_became(notice, "QUARANTINED", provider)
    assert row["reason"], row
    assert life.row(order_no)["state"] == "PENDING"
    assert life.row(order_no)["version"] == 1
    assert life.events(order_no) == []
    wait_until(lambda: scrape(stack.worker).total("seckill_payment_trouble_total") == before + 1,
               30, "it is counted")
    life.pay(order_no, provider)
    life.became(order_no, "PAID")


def test_a_quantity_is_paid_in_full(open_sale, new_buyer, life):
    sale = open_sale(stock=10, limit=3)
    buyer = new_buyer()
    order_no = int(expect_won(buyer.purchase(sale, quantity=3))["order_no"])
    short = life.pay(order_no)
    life.payment_became(short, "QUARANTINED")
    life.pay(order_no, amount=3 * PRICE)
    life.shown(buyer, order_no, "PAID")


def test_a_failed_payment_changes_nothing(won, life):
    _, order_no = won()
    life.settled(order_no)
    notice = life.pay(order_no, kind="failed")
    life.payment_became(notice, "IGNORED")
    assert life.row(order_no)["state"] == "PENDING"
    life.pay(order_no)
    life.became(order_no, "PAID")


@pytest.mark.parametrize("provider", NAMES)
def test_an_event_of_another_kind_is_taken_and_passed_over(won, life, provider):
    _, order_no = won()
    life.settled(order_no)
    life.pay(order_no, provider, kind="customer.created")
    life.consumed()
    assert life.row(order_no)["state"] == "PENDING"


def test_who_is_no_provider_is_told_so(stack, life):
    headers, body = standard(life.keys, Notice(1))
    for name in ("nobody", "Standard", "cancel", "standard2"):
        answer = post(stack.address(), name, headers, body)
        assert answer.status == 404, (name, answer)


def test_a_notice_that_is_too_large_is_refused(stack, life):
    headers, _ = standard(life.keys, Notice(1))
    answer = post(stack.address(), "standard", headers, b"x" * 16385)
    assert answer.status == 413, answer


def test_notices_go_to_both_engines(stack, won, life):
    """Any engine takes any order's notice."""
    numbers = [won()[1] for _ in range(6)]
    for at, order_no in enumerate(numbers):
        life.pay(order_no, engine=at % 2)
    for order_no in numbers:
        life.became(order_no, "PAID")


def test_a_burst_of_notices_is_kept(stack, open_sale, new_buyer, life):
    """Pipelined on one connection: each is answered, each counts."""
    sale = open_sale(stock=100)
    numbers = [int(expect_won(new_buyer().purchase(sale))["order_no"]) for _ in range(60)]
    data = b"".join(life.keys.encode("standard", Notice(number)) for number in numbers)
    with http_raw.Connection(stack.address()) as connection:
        connection.send(data)
        statuses = collections.Counter(connection.read_response("POST").status
                                       for _ in numbers)
    assert all(200 <= status < 300 for status in statuses), statuses
    wait_until(lambda: life.states(sale) == {"PAID": 60}, 60, "all are paid")
    hold_for(lambda: life.states(sale) == {"PAID": 60}, 0.5, "and stay so")
