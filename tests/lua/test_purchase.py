"""purchase.lua: every status, every token, and what is written."""
import pytest

from redis_server import RedisError
from scripts import FOREVER, KEYS_OF, Attempt, key_hash

KEY = key_hash(1)
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def load_listed(sale):
    sale.load({"a": 5}, members=["ann"], listed=1)


# --- the deadline of the call

def test_a_late_call_decides_nothing_but_acknowledges(sale):
    sale.load({"a": 5})
    sale.buy("ann")
    now = sale.now()
    reply = sale.purchase([Attempt("bob")], acks=["1-1"], deadline=now - 1)
    assert reply.status == "late" and reply.results == [] and reply.stock == {"a": 4}
    assert (reply.header.seq, reply.header.outbox_first) == (1, 0)
    assert "bob" not in sale.dump()["buyers"] and "outbox" not in sale.dump()


def test_a_call_from_the_future_is_late(sale):
    """The engine's idea of the Redis clock is wrong: its deadline would be too."""
    sale.load({"a": 5})
    assert sale.purchase([Attempt("ann")], sent=sale.now() + 3000).status == "late"
    assert sale.purchase([Attempt("ann")], sent=sale.now() + 900).status == "ok"


def test_a_late_call_does_not_end_the_sale(sale):
    sale.load({"a": 5}, closes=2)
    assert sale.purchase([Attempt("ann")], deadline=1).status == "late"
    assert sale.dump()["meta"]["state"] == "open"


def test_a_poll_is_never_late(sale):
    sale.load({"a": 5, "b": 0})
    reply = sale.purchase([], sent=FOREVER, deadline=0)
    assert reply.status == "ok" and reply.results == [] and reply.stock == {"a": 5, "b": 0}


# --- a win

def test_a_win_is_written_everywhere(sale):
    sale.load({"a": 5, "b": 5}, limit=3)
    reply = sale.purchase([Attempt("ann", "b", 2, KEY, TRACE), Attempt("b,o", "a", 1)])
    time = reply.header.time
    assert reply.results == ["W0", "W0"] and reply.stock == {"a": 4, "b": 3}
    assert (reply.header.seq, reply.header.outbox_first, reply.header.version) == (2, 1, 2)
    dump = sale.dump()
    assert dump["stock"] == {"a": "4", "b": "3"}
    assert dump["meta"]["seq"] == "2"
    assert dump["buyers"] == {"ann": f"1;{KEY},1-1,b,2,0,N,{time}", "b,o": f"1;,1-2,a,1,0,N,{time}"}
    assert dump["outbox"] == {"1-1": {
        "2": str(time), "results": "W0 W0", "buyers": ["ann", "b,o"],
        "items": [("b", "2"), ("a", "1")], "keys": [KEY, ""], "traces": [TRACE, ""]}}


def test_time_is_that_of_redis(sale):
    sale.load({"a": 5})
    before = sale.now()
    reply = sale.purchase([Attempt("ann")])
    assert before <= reply.header.time <= sale.now()


def test_the_largest_call(sale):
    sale.load({"a": 500}, limit=2)
    for n in range(256):
        sale.buy(f"first-{n}")
    attempts = [Attempt(f"{n:064d}", "a", 1, key_hash(n), TRACE) for n in range(128)]
    reply = sale.purchase(attempts, acks=[f"1-{n}" for n in range(1, 257)])
    assert reply.results == ["W0"] * 128 and reply.header.seq == 384
    assert reply.stock == {"a": 116} and sale.poll().header.outbox_first == 257
    kept = sale.dump()["outbox"]
    assert list(kept) == ["1-257"] and kept["1-257"]["buyers"] == [a.buyer for a in attempts]


def test_the_last_unit_is_sold_once(sale):
    sale.load({"a": 1})
    reply = sale.purchase([Attempt("ann"), Attempt("bob"), Attempt("cat")])
    assert reply.results == ["W0", "S", "S"] and reply.stock == {"a": 0}
    assert sale.buy("bob") == "S"


def test_fewer_left_than_asked_takes_nothing(sale):
    sale.load({"a": 2}, limit=5)
    reply = sale.purchase([Attempt("ann", quantity=3), Attempt("bob", quantity=2),
                           Attempt("cat")])
    assert reply.results == ["S", "W0", "S"] and reply.stock == {"a": 0}


def test_two_skus_are_counted_apart(sale):
    sale.load({"a": 1, "b": 2}, limit=3)
    reply = sale.purchase([Attempt("ann", "a"), Attempt("ann", "b"), Attempt("bob", "b"),
                           Attempt("cat", "b"), Attempt("cat", "a")])
    assert reply.results == ["W0", "W1", "W0", "S", "S"]
    assert sale.dump()["stock"] == {"a": "0", "b": "0"}


def test_large_numbers_stay_plain(sale):
    sale.load({"a": 4294967295, "b": 1})
    sale.redis("HSET", sale.key("meta"), "version", 10 ** 14)
    reply = sale.purchase([Attempt("ann")])
    assert reply.rest[1].split()[0] == "a=4294967294"
    assert reply.header.version == 10 ** 14
    assert sale.dump()["stock"]["a"] == "4294967294"


def test_seq_ends_before_its_field_does(sale):
    sale.load({"a": 9})
    sale.redis("HSET", sale.key("meta"), "seq", 2 ** 26 - 3)
    attempts = [Attempt(f"b{n}") for n in range(4)]
    reply = sale.purchase(attempts)
    assert reply.results == ["W0", "W0", "F", "F"]
    assert reply.stock == {"a": 7} and sale.buy("zoe") == "F"


# --- replay: first of all, and always

def replay_text(sale, buyer="ann"):
    return "R" + sale.dump()["buyers"][buyer].split(";")[1]


def test_a_repeat_is_the_same_order(sale):
    sale.load({"a": 5}, limit=2)
    assert sale.buy("ann", key=KEY) == "W0"
    dump = sale.dump()
    assert sale.buy("ann", key=KEY) == replay_text(sale)
    assert sale.dump() == dump


def test_a_repeat_in_the_same_call_is_the_same_order(sale):
    sale.load({"a": 5}, limit=2)
    reply = sale.purchase([Attempt("ann", key=KEY), Attempt("ann", key=KEY), Attempt("ann"),
                           Attempt("ann", key=KEY), Attempt("ann")])
    assert reply.results == ["W0", replay_text(sale), "W1", replay_text(sale), "L1-2"]
    assert reply.stock == {"a": 3}


def test_a_key_is_the_buyers_own(sale):
    sale.load({"a": 5})
    assert sale.buy("ann", key=KEY) == "W0"
    assert sale.buy("bob", key=KEY) == "W0"


def test_a_key_for_something_else_is_told(sale):
    sale.load({"a": 5, "b": 5}, limit=5)
    sale.buy("ann", "a", 1, key=KEY)
    assert sale.buy("ann", "b", 1, key=KEY) == "K"
    assert sale.buy("ann", "a", 2, key=KEY) == "K"
    assert sale.buy("ann", "unknown", 1, key=KEY) == "K"


def test_a_key_for_a_quantity_that_begins_alike_is_told(sale):
    sale.load({"a": 50}, limit=20)
    sale.buy("ann", "a", 10, key=KEY)
    assert sale.buy("ann", "a", 1, key=KEY) == "K"
    assert sale.buy("ann", "a", 100, key=KEY) == "K"
    assert sale.buy("ann", "a", 10, key=KEY) == replay_text(sale)


def test_without_a_key_a_repeat_is_the_limit(sale):
    sale.load({"a": 5})
    sale.buy("ann")
    assert sale.buy("ann") == "L1-1"


@pytest.mark.parametrize("verbs", [["pause"], ["pause", "resume"], ["end"], ["freeze"]])
def test_a_winner_is_never_told_no(sale, verbs):
    sale.load({"a": 1})
    sale.buy("ann", key=KEY)
    for verb in verbs:
        sale.set_state(verb)
    assert sale.buy("ann", key=KEY) == replay_text(sale)


def test_a_winner_is_told_the_order_when_all_is_sold(sale):
    sale.load({"a": 1})
    sale.buy("ann", key=KEY)
    assert sale.buy("ann", key=KEY) == replay_text(sale)


def test_a_winner_is_told_the_order_after_the_window(sale):
    sale.load({"a": 2})
    sale.buy("ann", key=KEY)
    sale.redis("HSET", sale.key("meta"), "closes", 2)
    reply = sale.purchase([Attempt("ann", key=KEY), Attempt("bob")])
    assert reply.results == [replay_text(sale), "E"]


def test_a_closed_order_keeps_its_key(sale):
    sale.load({"a": 5})
    sale.buy("ann", key=KEY)
    sale.letters([("ann", "1-1", "C")])
    assert sale.buy("ann", key=KEY) == replay_text(sale)
    assert ",C," in replay_text(sale)


# --- state and window

@pytest.mark.parametrize("verbs, token", [
    (["pause"], "U"), (["pause", "resume"], "U"), (["end"], "E"), (["freeze"], "B")])
def test_a_sale_that_is_not_open_refuses(sale, verbs, token):
    sale.load({"a": 5})
    for verb in verbs:
        sale.set_state(verb)
    dump = sale.dump()
    assert sale.purchase([Attempt("ann"), Attempt("bob", "unknown")]).results == [token, token]
    assert sale.dump() == dump


def test_a_loaded_sale_is_not_open_yet(sale):
    sale.load({"a": 5}, state="loaded")
    assert sale.buy("ann") == "N"


def test_a_sale_that_is_loaded_again_is_rebuilding_until_it_opens(sale):
    """It was open a moment ago: "not yet" would be untrue. Before its window it is true."""
    sale.load({"a": 5}, epoch=2, state="loaded")
    assert sale.purchase([Attempt("ann")], epoch=2).results == ["B"]
    sale.load({"a": 5}, epoch=3, state="loaded", opens=FOREVER - 1)
    assert sale.purchase([Attempt("ann")], epoch=3).results == ["N"]


def test_a_loading_sale_answers_rebuilding_even_to_winners(sale):
    """Its buyers are half there: who is not found may be one that comes later."""
    sale.load_begin(1)
    assert sale.buy("ann") == "B"
    sale.load_part("stock", "a", 5)
    sale.load_part("buyers", "ann", f"1;{KEY},0-1,a,1,0,N,5")
    reply = sale.purchase([Attempt("ann", key=KEY), Attempt("bob")])
    assert reply.results == ["B", "B"] and reply.stock == {"a": 5}
    assert reply.header.state == "loading"


def test_before_it_opens_nothing_is_sold(sale):
    sale.load({"a": 5}, opens=FOREVER - 1)
    assert sale.buy("ann") == "N"
    assert sale.dump()["meta"]["state"] == "open"


def test_closing_time_ends_the_sale_for_good(sale):
    sale.load({"a": 5}, closes=2)
    reply = sale.purchase([Attempt("ann")])
    assert reply.results == ["E"]
    assert (reply.header.state, reply.header.version) == ("ended", 4)
    # The clock steps back: the latch holds.
    sale.redis("HSET", sale.key("meta"), "closes", FOREVER)
    assert sale.buy("ann") == "E"
    assert sale.dump()["meta"]["version"] == "4"


def test_a_poll_finds_closing_time_too(sale):
    sale.load({"a": 5}, closes=2)
    assert sale.poll().header.state == "ended"
    assert sale.dump()["meta"]["state"] == "ended"


def test_closing_time_keeps_an_odd_version_odd(sale):
    sale.load({"a": 5})
    sale.announce([(1, "a", 1)])
    sale.redis("HSET", sale.key("meta"), "closes", 2)
    assert sale.poll().header.version == 5


# --- who, how much

def test_an_unknown_sku_is_told(sale):
    sale.load({"a": 5})
    assert sale.buy("ann", "b") == "Z"
    assert sale.buy("ann", "a;b,c d") == "Z"
    assert sale.buy("ann", "") == "Z"


def test_only_listed_buyers_buy_in_a_listed_sale(sale):
    load_listed(sale)
    reply = sale.purchase([Attempt("ann"), Attempt("bob"), Attempt("bob", "unknown")])
    assert reply.results == ["W0", "X", "Z"]


def test_a_winner_who_is_no_longer_listed_is_told_the_order(sale):
    load_listed(sale)
    sale.buy("ann", key=KEY)
    sale.redis("SREM", sale.key("listed"), "ann")
    assert sale.buy("ann", key=KEY) == replay_text(sale)


def test_the_limit_counts_units(sale):
    sale.load({"a": 9}, limit=3)
    assert sale.buy("ann", quantity=4) == "L"
    assert sale.buy("ann", quantity=2) == "W0"
    assert sale.buy("ann", quantity=2) == "L1-1"
    assert sale.buy("ann", quantity=1) == "W1"
    assert sale.buy("ann", quantity=1) == "L1-2"


@pytest.mark.parametrize("letter, counts", [("P", True), ("Q", True), ("N", True), ("C", False),
                                            ("R", False), ("V", False)])
def test_only_live_orders_count(sale, letter, counts):
    slot = "0" if counts else ""
    sale.load({"a": 9}, epoch=2, buyers={"ann": f"1;,1-1,a,1,{slot},{letter},5"})
    assert sale.buy("ann") == ("L1-1" if counts else "W0")


def test_the_limit_names_the_newest_live_order(sale):
    sale.load({"a": 9}, epoch=2, limit=2, buyers={
        "ann": "1;,1-1,a,1,0,N,5;,1-2,a,1,1,P,5;,1-3,a,1,,C,5",
        "bob": "1;" + ";".join(f",1-{n},a,1,,C,5" for n in range(10, 20))})
    assert sale.buy("ann") == "L1-2"
    assert sale.buy("bob") == "L", "ten closed orders: none is held"


def test_the_smallest_free_slot_is_given(sale):
    sale.load({"a": 99}, limit=4)
    assert [sale.buy("ann") for _ in range(4)] == ["W0", "W1", "W2", "W3"]
    sale.letters([("ann", "1-2", "C"), ("ann", "1-4", "C")])
    assert [sale.buy("ann"), sale.buy("ann"), sale.buy("ann")] == ["W1", "W3", "L1-6"]


def test_an_order_without_a_slot_still_counts(sale):
    sale.load({"a": 9}, epoch=2, limit=2, buyers={"ann": "1;,1-1,a,1,,Q,5"})
    assert [sale.buy("ann"), sale.buy("ann")] == ["W0", "L2-1"]


def test_a_buyer_has_at_most_eight_orders_over_the_limit(sale):
    closed = ";".join(f",1-{n},a,1,,C,5" for n in range(1, 9))
    sale.load({"a": 9}, epoch=2, buyers={"ann": "1;" + closed})
    assert sale.buy("ann") == "W0"
    sale.letters([("ann", "2-1", "C")])
    assert sale.buy("ann") == "L"


# --- the outbox

def test_acknowledged_entries_go_and_the_first_left_is_told(sale):
    sale.load({"a": 9})
    for buyer in "xyz":
        sale.buy(buyer)
    assert sale.poll(["1-2", "1-99", "7-1", "1-2"]).header.outbox_first == 1
    assert sale.poll(["1-1"]).header.outbox_first == 3
    assert list(sale.dump()["outbox"]) == ["1-3"]
    assert sale.poll(["1-3"]).header.outbox_first == 0


def test_a_call_with_wins_looks_at_the_outbox_for_its_replays(sale):
    sale.load({"a": 9})
    for buyer in "xyz":
        sale.purchase([Attempt(buyer, key=KEY)])
    assert sale.purchase([Attempt("ann")], acks=["1-1"]).header.outbox_first == 1
    reply = sale.purchase([Attempt("bob"), Attempt("x", key=KEY)])
    assert reply.results[0] == "W0" and reply.results[1].startswith("R")
    assert reply.header.outbox_first == 2


def test_an_acknowledgement_never_meets_an_entry_of_its_own_call(sale):
    sale.load({"a": 9})
    assert sale.purchase([Attempt("ann")], acks=["1-1"]).header.outbox_first == 1


@pytest.mark.parametrize("verb", ["pause", "end", "freeze"])
def test_acknowledgements_count_in_every_state(sale, verb):
    sale.load({"a": 9})
    sale.buy("ann")
    sale.set_state(verb)
    assert sale.purchase([Attempt("bob")], acks=["1-1"]).header.outbox_first == 0


def test_ids_grow_after_everything_was_acknowledged(sale):
    sale.load({"a": 9})
    sale.buy("ann")
    sale.poll(["1-1"])
    assert sale.buy("bob") == "W0"
    assert list(sale.dump()["outbox"]) == ["1-2"]


# --- cost and memory

def test_a_call_makes_few_commands(sale):
    """Each key is read once and written once, however many purchases there are."""
    sale.load({"a": 500, "b": 500}, limit=2)
    sale.redis("CONFIG", "RESETSTAT")
    sale.purchase([Attempt(f"b{n % 100}", "ab"[n % 2]) for n in range(128)], acks=["1-999"])
    calls = {line.split(":")[0][8:]: int(line.split("calls=")[1].split(",")[0])
             for line in sale.redis("INFO", "commandstats").split("\r\n")
             if line.startswith("cmdstat_")}
    calls = {name: count for name, count in calls.items() if name not in ("info", "evalsha")}
    assert calls == {"config|resetstat": 1, "hmget": 2, "hgetall": 1, "time": 1, "xdel": 1,
                     "xadd": 1, "xrange": 1, "hset": 2, "hincrby": 2}


def test_at_maxmemory_nothing_is_half_done(sale):
    """A `#!lua` script is refused before it starts (no eviction, no partial write)."""
    sale.load({"a": 5})
    sale.buy("ann")
    before = sale.dump()
    sale.redis("CONFIG", "SET", "maxmemory", "1")
    try:
        for call in (lambda: sale.buy("bob"), sale.poll, sale.apply,
                     lambda: sale.set_state("pause"), lambda: sale.load_begin(2)):
            with pytest.raises(RedisError, match="^OOM "):
                call()
    finally:
        sale.redis("CONFIG", "SET", "maxmemory", "0")
    assert sale.dump() == before
    assert sale.buy("bob") == "W0"


def test_nothing_has_a_time_to_live(sale):
    sale.load({"a": 5, "b": 1}, members=["ann"], applied=["1"])
    sale.buy("ann")
    sale.announce([(2, "a", 1)])
    for name in KEYS_OF["load_begin"]:
        assert sale.redis("PTTL", sale.key(name)) == -1, name
