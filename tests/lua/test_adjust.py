"""adjust.lua: announced, applied, once; letters only forward."""
import pytest

from scripts import key_hash

KEY = key_hash(1)
LETTERS = "QNPCRV"
FORWARD = {("Q", "N"), ("Q", "P"), ("Q", "C"), ("Q", "R"), ("Q", "V"), ("N", "P"), ("N", "C"),
           ("N", "R"), ("N", "V"), ("P", "R")}


def test_units_are_announced_then_applied(sale):
    sale.load({"a": 0, "b": 3}, limit=9)
    reply = sale.announce([(11, "a", 2), (12, "b", 1), (13, "a", 3)])
    assert (reply.status, reply.header.version) == ("ok", 3)
    dump = sale.dump()
    assert dump["stock"] == {"a": "0", "b": "3"} and dump["held"] == {"a": "5", "b": "1"}
    assert dump["applied"] == {"11", "12", "13"}
    assert sale.buy("ann") == "S"
    reply = sale.apply()
    assert (reply.status, reply.header.version) == ("ok", 4)
    assert sale.dump()["stock"] == {"a": "5", "b": "4"} and "held" not in sale.dump()
    assert sale.buy("ann", quantity=5) == "W0"


def test_a_ledger_row_counts_once(sale):
    sale.load({"a": 0}, applied=["9"])
    sale.announce([(9, "a", 5), (10, "a", 1), (10, "a", 1)])
    sale.announce([(10, "a", 1)])
    sale.apply()
    assert sale.announce([(10, "a", 1)]).header.version == 4
    assert sale.apply().header.version == 4
    assert sale.dump()["stock"] == {"a": "1"}


def test_only_new_units_make_the_version_odd(sale):
    sale.load({"a": 5}, applied=["9"])
    sale.buy("ann")
    assert sale.announce([(9, "a", 1)], [("ann", "1-1", "P")]).header.version == 2
    assert sale.announce([(10, "a", 1)]).header.version == 3
    assert sale.announce([(11, "a", 1)]).header.version == 3
    assert sale.apply().header.version == 4
    assert sale.apply().header.version == 4


def test_returned_units_are_conserved(sale):
    sale.load({"a": 2})
    sale.buy("ann"), sale.buy("bob")
    sale.announce([(1, "a", 1)], [("ann", "1-1", "C")])
    sale.apply()
    assert [sale.buy("cat"), sale.buy("dan")] == ["W0", "S"]


def test_after_the_end_no_unit_is_added(sale):
    sale.load({"a": 5})
    sale.announce([(1, "a", 1)])
    sale.set_state("end")
    sale.announce([(2, "a", 7)])
    dump = sale.dump()
    assert dump["held"] == {"a": "1"} and dump["applied"] == {"1", "2"}
    reply = sale.apply()
    assert (reply.status, reply.header.version, reply.header.state) == ("ok", 6, "ended")
    assert sale.dump()["stock"] == {"a": "5"} and "held" not in sale.dump()
    sale.announce([(3, "a", 1)])
    assert "held" not in sale.dump() and sale.dump()["meta"]["version"] == "6"


@pytest.mark.parametrize("verbs, version", [(["pause", "resume"], 5), ([], 1)])
def test_an_announced_opening_keeps_its_odd_version(sale, verbs, version):
    sale.load({"a": 5}, state="open" if verbs else "loaded")
    for verb in verbs:
        sale.set_state(verb)
    assert sale.announce([(1, "a", 2)]).header.version == version
    assert sale.apply().header.version == version
    assert sale.dump()["stock"] == {"a": "7"}
    assert sale.set_state("open").header.version == version + 1


def test_units_held_under_an_even_version_wait_once_more(sale):
    """Opened while units were announced: engines may hold leases on the even version."""
    sale.load({"a": 0}, state="loaded")
    sale.announce([(1, "a", 2)])
    assert sale.set_state("open").header.version == 2
    reply = sale.apply()
    assert (reply.status, reply.header.version) == ("hold", 3)
    assert sale.dump()["stock"] == {"a": "0"} and sale.dump()["held"] == {"a": "2"}
    reply = sale.apply()
    assert (reply.status, reply.header.version) == ("ok", 4)
    assert sale.dump()["stock"] == {"a": "2"}


def test_a_relay_that_slept_applies_nothing_that_another_announced(sale):
    """Its own announcement was applied by the other; leases were given in between."""
    sale.load({"a": 0})
    mine = sale.announce([(1, "a", 2)]).header.version
    sale.apply(version=sale.announce([(1, "a", 2)]).header.version)
    other = sale.announce([(2, "a", 3)]).header.version
    before = sale.dump()
    reply = sale.apply(version=mine)
    assert (reply.status, reply.header.version) == ("hold", other)
    assert sale.dump() == before
    assert sale.apply(version=other).status == "ok"
    assert sale.dump()["stock"] == {"a": "5"}
    assert sale.apply(version=mine).status == "ok"
    assert sale.dump()["stock"] == {"a": "5"}


def test_two_relays_announce_under_one_version(sale):
    """Odd without a break since the first: no lease stands, whoever applies."""
    sale.load({"a": 0})
    mine = sale.announce([(1, "a", 2)]).header.version
    assert sale.announce([(1, "a", 2), (2, "a", 3)]).header.version == mine
    assert sale.apply(version=mine).status == "ok"
    assert sale.dump()["stock"] == {"a": "5"}


def test_after_the_end_apply_asks_for_no_version(sale):
    sale.load({"a": 0})
    sale.announce([(1, "a", 2)])
    sale.set_state("end")
    assert sale.apply(version=0).status == "ok"
    assert "held" not in sale.dump()


def test_a_paused_sale_takes_units(sale):
    sale.load({"a": 0}, state="paused")
    assert sale.announce([(1, "a", 2)]).header.version == 3
    assert sale.apply().header.version == 4
    assert sale.dump()["stock"] == {"a": "2"}


def test_a_sale_that_is_loading_refuses_all(sale):
    sale.load_begin(1)
    sale.load_part("stock", "a", 5)
    before = sale.dump()
    for reply in (sale.announce([(1, "a", 1)]), sale.apply(), sale.letters([("x", "1-1", "C")])):
        assert (reply.status, reply.rest) == ("loading", [])
    assert sale.dump() == before


def test_a_frozen_sale_takes_letters_alone(sale):
    sale.load({"a": 5})
    sale.buy("ann")
    sale.set_state("freeze")
    before = sale.dump()
    assert sale.announce([(1, "a", 1)], [("ann", "1-1", "C")]).status == "frozen"
    assert sale.apply().status == "frozen"
    assert sale.dump() == before
    assert sale.letters([("ann", "1-1", "P")]).status == "ok"
    assert sale.announce([], [("ann", "1-1", "R")]).status == "ok"
    assert ",R," in sale.dump()["buyers"]["ann"]


# --- letters

@pytest.mark.parametrize("was", LETTERS)
def test_letters_only_move_forward(sale, was):
    for epoch, letter in enumerate(LETTERS, 1):
        slot = "0" if was in "QNP" else ""
        value = f"1;{KEY},0-1,a,1,{slot},{was},5"
        sale.load({"a": 5}, epoch=epoch, buyers={"ann": value})
        assert sale.letters([("ann", "0-1", letter)]).status == "ok"
        if (was, letter) in FORWARD:
            value = f"1;{KEY},0-1,a,1,{'0' if letter in 'QNP' else ''},{letter},5"
        assert sale.dump()["buyers"] == {"ann": value}, (was, letter)


def test_a_letter_finds_its_order_among_others(sale):
    """A sku, a buyer and a key may look like an order."""
    value = f"1;{KEY},1-1,2-1,1,0,N,5;,2-1,1-1,2,1,N,6;{KEY[:-1]}f,12-1,a,1,2,N,7"
    sale.load({"a": 5}, epoch=3, limit=9, buyers={"ann": value, "2-1": value, "bob": "1"})
    reply = sale.letters([("ann", "2-1", "C"), ("ann", "2-12", "C"), ("ann", "1-", "C")])
    assert reply.status == "args"
    reply = sale.letters([("ann", "2-1", "C"), ("ann", "2-12", "C"), ("zoe", "2-1", "C"),
                          ("bob", "2-1", "C")])
    assert reply.status == "ok"
    assert sale.dump()["buyers"] == {"ann": value.replace(",2,1,N,6", ",2,,C,6"), "2-1": value,
                                     "bob": "1"}


def test_letters_of_one_call_are_taken_in_order(sale):
    value = "1;,1-1,a,1,0,N,5;,1-2,a,1,1,N,6"
    sale.load({"a": 5}, epoch=2, limit=9, buyers={"ann": value})
    sale.letters([("ann", "1-1", "P"), ("ann", "1-2", "C"), ("ann", "1-1", "R"),
                  ("ann", "1-1", "P")])
    assert sale.dump()["buyers"] == {"ann": "1;,1-1,a,1,,R,5;,1-2,a,1,,C,6"}


def test_a_letter_frees_the_buyers_limit(sale):
    sale.load({"a": 5})
    sale.buy("ann")
    assert sale.buy("ann") == "L1-1"
    sale.letters([("ann", "1-1", "C")])
    assert sale.buy("ann") == "W0"


# --- refusals: nothing is written

def refused(sale, status, units=(), letters=()):
    before = sale.dump()
    reply = sale.announce(units, letters)
    assert (reply.status, reply.rest) == (status, [])
    assert sale.dump() == before


@pytest.mark.parametrize("units, letters", [
    ([(1, "a", 1), (2, "b", 1)], []), ([(1, "a", 0)], []), ([(1, "a", -1)], []),
    ([(1, "a", "x")], []), ([(1, "a", 2 ** 32)], []), ([("x", "a", 1)], []), ([("", "a", 1)], []),
    ([(1, "a", 1)], [("ann", "1-1", "X")]), ([(1, "a", 1)], [("ann", "1", "C")]),
    ([(1, "a", 1)], [("", "1-1", "C")]), ([(1, "a", 1)], [("x" * 65, "1-1", "C")]),
    ([(1, "a", 1)], [("ann", "1-1", "")]), ([(n, "a", 1) for n in range(1001)], []),
    ([], [("ann", "1-1", "C")] * 1001)])
def test_one_wrong_row_refuses_the_whole_call(sale, units, letters):
    sale.load({"a": 5})
    sale.buy("ann")
    refused(sale, "args", units, letters)


def test_wrong_modes_and_counts_are_refused(sale):
    sale.load({"a": 5})
    for args in (["add"], [], ["apply"], ["apply", "x"], ["apply", 3, 0], ["announce"],
                 ["announce", 0], ["announce", 1, 0], ["announce", 0, 1], ["letters"],
                 ["letters", 0, 0], ["letters", "x"], ["announce", "", 0]):
        assert sale.call("adjust", 1, *args).status == "args", args


def test_the_largest_call(sale):
    sale.load({"a": 5})
    assert sale.announce([(n, "a", 1) for n in range(1000)],
                         [(f"b{n}", "1-1", "C") for n in range(1000)]).status == "ok"
    assert sale.dump()["held"] == {"a": "1000"}


@pytest.mark.parametrize("name", ["stock", "held", "applied", "buyers"])
def test_a_key_of_another_type_is_told(sale, name):
    sale.load({"a": 5})
    sale.redis("DEL", sale.key(name))
    sale.redis("SET", sale.key(name), "x")
    refused(sale, "type", [(1, "a", 1)], [("ann", "1-1", "C")])


@pytest.mark.parametrize("name", ["stock", "held"])
@pytest.mark.parametrize("garbage", ["x", "-1", "1.5", "", "007"])
def test_garbage_in_units_is_told(sale, name, garbage):
    sale.load({"a": 5, "b": 5})
    sale.announce([(1, "a", 1)])
    sale.redis("HSET", sale.key(name), "b", garbage)
    refused(sale, "type", [(2, "a", 1)])
    before = sale.dump()
    assert sale.apply().status == "type"
    assert sale.dump() == before


def test_held_units_of_no_sku_are_told(sale):
    sale.load({"a": 5})
    sale.announce([(1, "a", 1)])
    sale.redis("HSET", sale.key("held"), "b", 1)
    before = sale.dump()
    assert sale.apply().status == "type"
    assert sale.dump() == before


def test_garbage_in_a_buyers_value_is_told(sale):
    sale.load({"a": 5})
    sale.buy("ann")
    sale.redis("HSET", sale.key("buyers"), "bob", "1;?")
    refused(sale, "type", [(1, "a", 1)], [("ann", "1-1", "C"), ("bob", "1-1", "C")])


def test_a_sale_without_its_stock_is_told(sale):
    sale.load({"a": 5})
    sale.redis("DEL", sale.key("stock"))
    refused(sale, "type")
