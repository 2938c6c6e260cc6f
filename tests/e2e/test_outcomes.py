"""Every outcome that exists, through the public API: status, headers, body (PROTOCOL §3, §7)."""

import concurrent.futures
import datetime

import pytest

from support import http_raw, openapi
from support.admin import AdminError, rfc3339
from support.buyer import Buyer, get_sale
from support.crowd import request
from support.expect import expect, expect_common, expect_won
from support.metrics import scrape
from support.wait import hold_for, wait_until

KEY = "key-of-this-test-0001"
OTHER_KEY = "key-of-this-test-0002"


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def settled(mysql, sale, count):
    """Waits until the sale has so many rows."""
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == count,
               30, f"{count} rows of sale {sale}")


def causes(daemon):
    """The names of what keeps it from being ready."""
    return {cause["name"] for cause in daemon.ops_get("/readyz").json()["causes"]}


def test_accepted(plain_sale, new_buyer, mysql):
    buyer = new_buyer()
    response = buyer.purchase(plain_sale, sku="b", key=KEY)
    order = expect_won(response)
    assert order["sale"] == plain_sale and order["sku"] == "b" and order["quantity"] == 1
    assert order["unit_price"] == 199900 and order["currency"] == "CNY"
    assert order["state"] == "PENDING"
    paid_within = parse_time(order["pay_by"]) - parse_time(order["won_at"])
    assert paid_within.total_seconds() == 900
    row = wait_until(lambda: mysql.rows("SELECT * FROM orders WHERE order_no = %s",
                                        int(order["order_no"])), 30, "the row of the order")[0]
    assert (row["sale"], row["buyer"], row["sku"], row["quantity"], row["slot"]) == (
        plain_sale, buyer.name, "b", 1, 0)
    assert (row["unit_price"], row["currency"], row["state"]) == (199900, "CNY", "PENDING")
    assert row["pay_by"] >= parse_time(order["pay_by"]).timestamp() * 1000


def test_accepted_without_a_key(plain_sale, new_buyer):
    expect_won(new_buyer().purchase(plain_sale))


def test_quantity_is_one_when_left_out(stack, plain_sale, new_buyer):
    buyer = new_buyer()
    response = http_raw.request(
        stack.address(), "POST", f"/v1/sales/{plain_sale}/orders",
        buyer.headers(**{"Content-Type": "application/json; charset=utf-8"}), b'{"sku":"a"}')
    assert expect_won(response)["quantity"] == 1


@pytest.mark.parametrize("second", [KEY, f'"{KEY}"'])
def test_replayed_at_both_engines(stack, plain_sale, new_buyer, second):
    """A quoted key (structured field) and the bare one are the same key."""
    buyer = new_buyer()
    order = expect_won(buyer.purchase(plain_sale, key=KEY))
    for engine in range(len(stack.engines)):
        again = expect_won(buyer.purchase(plain_sale, key=second, engine=engine), replayed=True)
        assert again == order


def test_key_reused(plain_sale, new_buyer, redis_db):
    buyer = new_buyer()
    expect_won(buyer.purchase(plain_sale, sku="a", key=KEY))
    before = redis_db.buyers(plain_sale)[buyer.name]
    expect(buyer.purchase(plain_sale, sku="b", key=KEY), 422, "key-reused")
    expect(buyer.purchase(plain_sale, sku="a", quantity=2, key=KEY), 422, "key-reused")
    assert redis_db.buyers(plain_sale)[buyer.name] == before


def test_keys_belong_to_their_buyer(plain_sale, new_buyer):
    first, second = new_buyer(), new_buyer()
    order = expect_won(first.purchase(plain_sale, key=KEY))
    assert expect_won(second.purchase(plain_sale, key=KEY))["order_no"] != order["order_no"]


def test_limit_reached_links_the_order_held(plain_sale, new_buyer):
    buyer = new_buyer()
    order = expect_won(buyer.purchase(plain_sale, key=KEY))
    for key in (None, OTHER_KEY):
        problem = expect(buyer.purchase(plain_sale, key=key), 409, "limit-reached")
        assert problem["order_no"] == order["order_no"]
        assert problem["order"] == f"/v1/sales/{plain_sale}/orders/{order['order_no']}"
        example = openapi.document()["components"]["examples"]["limit-reached"]["value"]
        assert problem.keys() == example.keys() and problem["detail"] == example["detail"]


def test_quantity_over_the_limit(plain_sale, new_buyer, redis_db):
    buyer = new_buyer()
    problem = expect(buyer.purchase(plain_sale, quantity=2), 409, "limit-reached")
    assert "order" not in problem and "order_no" not in problem
    assert "hold" not in problem["detail"], "he holds nothing"
    assert buyer.name not in redis_db.buyers(plain_sale)


def test_units_and_slots_of_a_higher_limit(open_sale, new_buyer, redis_db, mysql):
    sale = open_sale(stock=10, limit=3)
    buyer = new_buyer()
    first = expect_won(buyer.purchase(sale, quantity=2, key=KEY))
    assert expect(buyer.purchase(sale, quantity=2), 409, "limit-reached")["order_no"] == first[
        "order_no"]
    second = expect_won(buyer.purchase(sale, quantity=1))
    problem = expect(buyer.purchase(sale, quantity=1), 409, "limit-reached")
    assert problem["order_no"] == second["order_no"], "the newest order held"
    assert [entry[4] for entry in redis_db.buyers(sale)[buyer.name]] == ["0", "1"]
    assert redis_db.stock(sale) == {"a": 7}
    settled(mysql, sale, 2)
    rows = mysql.rows("SELECT slot, quantity FROM orders WHERE sale = %s ORDER BY order_no", sale)
    assert [(row["slot"], row["quantity"]) for row in rows] == [(0, 2), (1, 1)]
    assert mysql.value("SELECT sold FROM sale_skus WHERE sale = %s", sale) == 3


def test_sold_out_and_the_winners_replay(stack, open_sale, new_buyer, redis_db):
    sale = open_sale(stock=1)
    winner = new_buyer()
    order = expect_won(winner.purchase(sale, key=KEY))
    loser = new_buyer()
    for engine in range(2):
        for _ in range(20):
            expect(loser.purchase(sale, key=KEY, engine=engine), 409, "sold-out")
            again = expect_won(winner.purchase(sale, key=KEY, engine=engine), replayed=True)
            assert again == order
    assert redis_db.stock(sale) == {"a": 0}
    assert loser.name not in redis_db.buyers(sale), "only wins are stored"


def test_fewer_units_left_than_asked(open_sale, new_buyer, redis_db):
    sale = open_sale(stock=3, limit=5)
    expect(new_buyer().purchase(sale, quantity=4), 409, "sold-out")
    assert redis_db.stock(sale) == {"a": 3}
    expect_won(new_buyer().purchase(sale, quantity=3))
    expect(new_buyer().purchase(sale), 409, "sold-out")


def test_one_sku_sold_out_leaves_the_other(stack, open_sale, new_buyer, redis_db):
    sale = open_sale(stock={"red": 1, "blue": 2})
    expect_won(new_buyer().purchase(sale, sku="red"))
    expect(new_buyer().purchase(sale, sku="red"), 409, "sold-out")
    expect_won(new_buyer().purchase(sale, sku="blue"))
    expect(new_buyer().purchase(sale, sku="red"), 409, "sold-out")
    expect_won(new_buyer().purchase(sale, sku="blue"))
    expect(new_buyer().purchase(sale, sku="blue"), 409, "sold-out")
    assert redis_db.stock(sale) == {"red": 0, "blue": 0}


def test_not_open_tells_when_to_come_back(admin, open_sale, new_buyer, redis_db):
    sale = open_sale(opens_in_s=8)  # time enough to load it before
    buyer = new_buyer()
    response = buyer.purchase(sale, key=KEY)
    problem = expect(response, 409, "not-open")
    assert problem["retryable"] is True
    assert 1 <= int(response.header("retry-after")) <= 8
    opens = parse_time(admin.sale(sale)["opens_at"])

    def bought():
        response = buyer.purchase(sale, key=KEY)
        return response if response.status == 201 else expect(response, 409, "not-open") and None

    order = expect_won(wait_until(bought, 30, "the sale opens by itself"))
    assert parse_time(order["won_at"]) >= opens


def test_not_open_far_away(open_sale, new_buyer, redis_db):
    sale = open_sale(opens_in_s=86400, closes_in_s=2 * 86400)
    response = new_buyer().purchase(sale)
    expect(response, 409, "not-open")
    assert int(response.header("retry-after")) == 3600
    assert redis_db.meta(sale)["seq"] == "0"


def test_from_load_to_open_no_answer_is_wrong(services, make_stack):
    """Created: unknown. Loaded: not open until the announced opening has held. Then: won."""
    stack = make_stack(services, worker_settings={"sale.hold_ms": 4000})  # so that it is seen
    sale = stack.admin.create_sale()
    buyer = Buyer(stack, "early")
    expect(buyer.purchase(sale, key=KEY), 404, "unknown-sale")
    stack.admin.load(sale)
    seen = []

    def won():
        response = buyer.purchase(sale, key=KEY)
        seen.append(response.code)
        return response.status == 201 and response

    expect_won(wait_until(won, 30, "the loaded sale opens"))
    order = ["unknown-sale", "rebuilding", "not-open", None]
    assert set(seen) <= set(order), seen
    assert "not-open" in seen, seen
    places = [order.index(code) for code in seen if code != "rebuilding"]
    assert places == sorted(places), seen


def test_a_sale_that_is_loaded_again_has_been_open_before(services, make_stack):
    """What a buyer reads of it until it sells is what a purchase is told: rebuilding."""
    stack = make_stack(services, worker_settings={"sale.hold_ms": 4000})  # so that it is seen
    sale = stack.admin.open_sale()
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] == "done", 30, "loaded")
    stack.admin.recover(sale)
    stack.admin.wait_state(sale, "loaded")
    seen, held = set(), {"loaded"}
    while held == {"loaded"}:
        answer = get_sale(stack, sale)
        seen.add(answer.code or answer.json()["state"])
        held = {stack.admin.sale(sale)["state"]}
    assert "rebuilding" in seen and "not-open" not in seen, seen
    stack.admin.wait_state(sale, "open")
    wait_until(lambda: get_sale(stack, sale).status == 200, 30, "it sells again")


def test_paused_and_resumed(stack, admin, open_sale, new_buyer, redis_db):
    sale = open_sale()
    winner, other = new_buyer(), new_buyer()
    order = expect_won(winner.purchase(sale, key=KEY))
    admin.pause(sale)
    admin.wait_state(sale, "paused")
    for engine in range(2):
        for _ in range(10):
            assert expect(other.purchase(sale, engine=engine), 409, "paused")["retryable"] is True
            assert expect_won(winner.purchase(sale, key=KEY, engine=engine), True) == order
    assert get_sale(stack, sale).json()["state"] == "paused"
    admin.resume(sale)
    admin.wait_state(sale, "open")
    for engine in range(2):
        expect_won(new_buyer().purchase(sale, engine=engine))


def test_ended_by_the_operator(stack, admin, open_sale, new_buyer):
    sale = open_sale()
    winner, other = new_buyer(), new_buyer()
    order = expect_won(winner.purchase(sale, key=KEY))
    admin.end(sale)
    admin.wait_state(sale, "ended")
    for engine in range(2):
        for _ in range(10):
            expect(other.purchase(sale, engine=engine), 409, "ended")
            assert expect_won(winner.purchase(sale, key=KEY, engine=engine), True) == order
    assert get_sale(stack, sale).json()["state"] == "ended"
    with pytest.raises(AdminError) as refused:
        admin.resume(sale)
    assert refused.value.response.status == 409


def test_ended_by_its_window_is_latched(open_sale, new_buyer, redis_db):
    sale = open_sale(closes_in_s=8)  # time enough to load it and to win
    winner, other = new_buyer(), new_buyer()
    order = expect_won(winner.purchase(sale, key=KEY))

    def ended():
        response = other.purchase(sale, quantity=2)
        return response.code == "ended" or expect(response, 409, "limit-reached") and None

    wait_until(ended, 30, "the window closes")
    assert redis_db.meta(sale)["state"] == "ended"
    assert expect_won(winner.purchase(sale, key=KEY), True) == order


def test_not_eligible(open_sale, new_buyer, redis_db):
    """Lists have no API yet; the script's exact set decides."""
    sale = open_sale()
    listed, other = new_buyer(), new_buyer()
    redis_db.client.sadd(redis_db.key(sale, "listed"), listed.name)
    redis_db.client.hset(redis_db.key(sale, "meta"), "listed", "1")
    expect(other.purchase(sale), 403, "not-eligible")
    expect_won(listed.purchase(sale))


def test_unknown_sale(admin, new_buyer):
    expect(new_buyer().purchase(8388607), 404, "unknown-sale")
    sale = admin.create_sale()
    expect(new_buyer().purchase(sale), 404, "unknown-sale")
    expect(new_buyer().orders(sale), 404, "unknown-sale")


def test_get_of_an_unknown_sale(stack):
    expect(get_sale(stack, 8388607), 404, "unknown-sale")


def test_unknown_sku(plain_sale, new_buyer, redis_db):
    buyer = new_buyer()
    expect(buyer.purchase(plain_sale, sku="c"), 404, "unknown-sku")
    expect(buyer.purchase(plain_sale, sku="A"), 404, "unknown-sku")
    assert buyer.name not in redis_db.buyers(plain_sale)


def test_get_sale(stack, open_sale, new_buyer):
    sale = open_sale(stock={"red": 5, "blue": 7}, limit=2, name="Phones, 5 % off")
    expect_won(new_buyer().purchase(sale, sku="red", quantity=2))
    for engine in range(2):
        def fresh():
            answer = expect_common(get_sale(stack, sale, engine)).json()
            return answer if sum(sku["left"] for sku in answer["skus"]) == 10 else None
        answer = wait_until(fresh, 30, "what is left is at most a second old")
        assert sorted(answer["skus"], key=lambda sku: sku["sku"]) == [
            {"sku": "blue", "price": 199900, "left": 7}, {"sku": "red", "price": 199900, "left": 3}]
        assert answer["state"] == "open" and answer["limit_per_buyer"] == 2
        assert answer["name"] == "Phones, 5 % off" and answer["currency"] == "CNY"
        assert answer["pay_window_s"] == 900
        assert parse_time(answer["opens_at"]) < parse_time(answer["as_of"]) < parse_time(
            answer["closes_at"])


def test_own_orders(open_sale, new_buyer, mysql):
    sale = open_sale(limit=2)
    buyer, other = new_buyer(), new_buyer()
    assert buyer.orders(sale).json() == {"sale": sale, "orders": []}
    orders = [expect_won(buyer.purchase(sale)) for _ in range(2)]
    for engine in range(2):
        listed = wait_until(
            lambda: [order for order in buyer.orders(sale, engine).json()["orders"]
                     if order["state"] == "PENDING"] == orders and buyer.orders(sale, engine),
            30, "both orders are known to be in the log")
        assert expect_common(listed).status == 200
        for order in orders:
            assert expect_common(buyer.order(sale, order["order_no"], engine)).json() == order
    assert other.orders(sale).json()["orders"] == []


def test_an_order_of_another_buyer_is_not_found(plain_sale, new_buyer):
    order = expect_won(new_buyer().purchase(plain_sale))
    other = new_buyer()
    expect(other.order(plain_sale, order["order_no"]), 404, "not-found")
    expect_won(other.purchase(plain_sale))
    expect(other.order(plain_sale, order["order_no"]), 404, "not-found")
    expect(other.order(plain_sale, int(order["order_no"]) + 1000000), 404, "not-found")


def test_an_order_under_another_sale_is_not_found(plain_sale, open_sale, new_buyer):
    sale = open_sale()
    buyer = new_buyer()
    order = expect_won(buyer.purchase(plain_sale))
    expect(buyer.order(sale, order["order_no"]), 404, "not-found")


@pytest.mark.parametrize("spoil", ["meta gone", "fence closed", "other history", "frozen"])
def test_rebuilding_and_nothing_is_done(stack, open_sale, new_buyer, redis_db, spoil):
    sale = open_sale()
    winner, buyer = new_buyer(), new_buyer()
    order = expect_won(winner.purchase(sale, key=KEY))
    meta = redis_db.key(sale, "meta")
    kept = redis_db.meta(sale)
    wait_until(lambda: not redis_db.outbox(sale), 30, "the win is acknowledged")
    if spoil == "meta gone":
        redis_db.client.delete(meta)
    elif spoil == "fence closed":
        redis_db.client.hset(meta, "replid", "")
    elif spoil == "other history":
        redis_db.client.hset(meta, "replid", "0" * 40)
    else:
        redis_db.client.hset(meta, mapping={"state": "frozen",
                                            "version": str(int(kept["version"]) + 2)})
    before = (redis_db.stock(sale), redis_db.buyers(sale), redis_db.outbox(sale))
    for engine in range(2):
        expect(buyer.purchase(sale, key=KEY, engine=engine), 503, "rebuilding")
        replay = winner.purchase(sale, key=KEY, engine=engine)
        if spoil == "frozen":
            assert expect_won(replay, replayed=True) == order, "frozen: a replay is answered"
            assert winner.orders(sale, engine).status == 200
        else:
            expect(replay, 503, "rebuilding")
            expect(winner.orders(sale, engine), 503, "rebuilding")
            expect(winner.order(sale, order["order_no"], engine), 503, "rebuilding")
        wait_until(lambda: get_sale(stack, sale, engine).code == "rebuilding", 30,
                   "GET of the sale says so, too")
    assert (redis_db.stock(sale), redis_db.buyers(sale), redis_db.outbox(sale)) == before
    redis_db.client.delete(meta)
    redis_db.client.hset(meta, mapping=kept)
    assert expect_won(winner.purchase(sale, key=KEY), replayed=True) == order


def test_garbage_in_a_key_is_refused_and_left_alone(open_sale, new_buyer, redis_db):
    sale = open_sale()
    redis_db.client.delete(redis_db.key(sale, "stock"))
    redis_db.client.set(redis_db.key(sale, "stock"), "not a hash")
    expect(new_buyer().purchase(sale), 503, "rebuilding")
    assert redis_db.client.get(redis_db.key(sale, "stock")) == "not a hash"
    assert redis_db.meta(sale)["seq"] == "0"


def test_outcome_unknown_then_confirming_then_the_same_order(stack, services, open_sale, new_buyer,
                                                             mysql):
    """Kafka stands still: no 201. The way out is the same key, or a read of one's orders."""
    sale = open_sale()
    buyer = new_buyer()
    expect_won(new_buyer().purchase(sale))
    with services.frozen("kafka"), concurrent.futures.ThreadPoolExecutor(1) as pool:
        first = pool.submit(buyer.purchase, sale, key=KEY)
        orders = wait_until(lambda: buyer.orders(sale).json()["orders"], 30, "it is decided")
        assert [order["state"] for order in orders] == ["CONFIRMING"]
        one = buyer.order(sale, orders[0]["order_no"], engine=1).json()
        assert one == orders[0]
        expect(buyer.purchase(sale, key=KEY, engine=1), 503, "outcome-unknown")
        expect(first.result(), 503, "outcome-unknown")
    order = wait_until(lambda: (answer := buyer.purchase(sale, key=KEY)).status == 201 and answer,
                       30, "the key tells the truth").json()
    assert order["order_no"] == orders[0]["order_no"]
    wait_until(lambda: buyer.order(sale, order["order_no"]).json()["state"] == "PENDING", 30,
               "known to be in the log")
    settled(mysql, sale, 2)
    hold_for(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 2, 0.5,
             "copies of a record make no second row")


def test_redis_stands_still_then_nothing_was_taken(stack, services, open_sale, new_buyer, redis_db):
    """Unknown at D; overloaded once the link is given up; the late calls decide nothing.

    So many that they fill a call even when a poll is on its way before them: who only waited
    behind it is told truly that nothing was done.
    """
    sale = open_sale()
    buyers, second = [new_buyer() for _ in range(80)], new_buyer()
    expect_won(new_buyer().purchase(sale))
    before = redis_db.stock(sale)
    connections = [http_raw.Connection(stack.address()) for _ in buyers]
    requests = [request(stack, sale, buyer.name, KEY) for buyer in buyers]
    with services.frozen("redis"):
        for connection, data in zip(connections, requests):
            connection.send(data)
        codes = [connection.read_response("POST").code for connection in connections]
        assert "outcome-unknown" in codes and set(codes) <= {"outcome-unknown", "overloaded"}, codes
        wait_until(lambda: "Redis" in second.purchase(sale).json()["detail"], 30,
                   "the link is given up")
        for response in (second.purchase(sale), second.orders(sale), get_sale(stack, sale)):
            assert "Redis" in expect(response, 503, "overloaded")["detail"]
        wait_until(lambda: "redis" in causes(stack.engines[0]), 30, "readiness names Redis")
    wait_until(lambda: all(engine.is_ready() for engine in stack.engines), 30, "links are back")
    for connection in connections:
        connection.close()
    assert redis_db.stock(sale) == before, "a call that came after its deadline took a unit"
    for buyer in buyers[:3]:
        expect_won(buyer.purchase(sale, key=KEY))


def test_overloaded_when_no_slot_is_free(services, make_stack, new_buyer):
    """purchase.max is the slab's size; over it the answer is at once, not a longer wait."""
    stack = make_stack(services, worker_settings={"sale.deadline_ms": 3000, "sale.guard_ms": 5000},
                       engine_settings={"sale.deadline_ms": 3000, "sale.guard_ms": 5000,
                                        "redis.reply_timeout_ms": 30000, "purchase.max": 16})
    sale = stack.admin.open_sale()
    expect_won(Buyer(stack, "first").purchase(sale))
    connections = [http_raw.Connection(stack.address()) for _ in range(40)]
    with services.frozen("redis"):
        for number, connection in enumerate(connections):
            connection.send(request(stack, sale, f"crowd-{number}"))
        codes = [connection.read_response("POST").code for connection in connections]
    for connection in connections:
        connection.close()
    # Of the 16 that found a slot those in the call on its way are unknown; those behind it, which
    # were never sent, are told at D that nothing was done. The other 24 were told so at once.
    # (A poll may have been the call on its way.)
    assert set(codes) <= {"outcome-unknown", "overloaded"}, codes
    assert codes.count("outcome-unknown") <= 16, codes
    assert scrape(stack.engine).get("seckill_shed_total", cause="purchases") == 24


def test_request_id_is_echoed_or_made(stack, plain_sale):
    def id_of(wanted):
        fields = {"X-Request-Id": wanted} if wanted is not None else {}
        answer = http_raw.get(stack.address(), f"/v1/sales/{plain_sale}", fields)
        return expect_common(answer).header("x-request-id")

    assert id_of("my.Request_1-x") == "my.Request_1-x"
    assert id_of("x" * 64) == "x" * 64
    made = {id_of(bad) for bad in (None, "", "a b", "x" * 65, "ü".encode().decode("latin-1"))}
    assert len(made) == 5 and not made & {"a b", "x" * 65}


def test_window_times_are_checked(admin):
    with pytest.raises(AdminError) as refused:
        admin.create_sale(opens_at=rfc3339(100), closes_at=rfc3339(50))
    expect(refused.value.response, 400, "bad-body")
