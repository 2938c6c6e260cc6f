"""own_orders.lua: a buyer's orders and the first outbox entry."""
import pytest

from scripts import key_hash

KEY = key_hash(1)


def test_a_buyer_without_orders_has_an_empty_value(sale):
    sale.load({"a": 5})
    reply = sale.own_orders("ann")
    assert (reply.status, reply.rest[1:], reply.header.outbox_first) == ("ok", [""], 0)


def test_the_value_and_the_first_entry_are_of_one_moment(sale):
    sale.load({"a": 5}, limit=2)
    sale.buy("bob")
    sale.buy("ann", key=KEY)
    reply = sale.own_orders("ann")
    assert reply.rest[1] == sale.dump()["buyers"]["ann"]
    assert reply.header.outbox_first == 1
    sale.poll(["1-1"])
    assert sale.own_orders("ann").header.outbox_first == 2
    sale.poll(["1-2"])
    assert sale.own_orders("ann").header.outbox_first == 0


@pytest.mark.parametrize("verb", ["pause", "end", "freeze"])
def test_it_answers_in_every_state_but_loading(sale, verb):
    sale.load({"a": 5})
    sale.buy("ann")
    sale.set_state(verb)
    assert sale.own_orders("ann").rest[1] == sale.dump()["buyers"]["ann"]


def test_half_loaded_it_does_not_answer(sale):
    sale.load_begin(1)
    reply = sale.own_orders("ann")
    assert (reply.status, reply.rest) == ("loading", [])


@pytest.mark.parametrize("value", ["", "2;x", "1;", "1;,1-1,a,1,0,N,5;", "1;,1-1,a,1,0,X,5"])
def test_garbage_is_told(sale, value):
    sale.load({"a": 5})
    sale.redis("HSET", sale.key("buyers"), "ann", value)
    assert sale.own_orders("ann").status == "type"
    assert sale.own_orders("bob").status == "ok"


@pytest.mark.parametrize("name", ["buyers", "outbox"])
def test_a_key_of_another_type_is_told(sale, name):
    sale.load({"a": 5})
    sale.redis("SET", sale.key(name), "x")
    assert sale.own_orders("ann").status == "type"


@pytest.mark.parametrize("buyer", ["", "b" * 65])
def test_wrong_arguments_are_refused(sale, buyer):
    sale.load({"a": 5})
    assert sale.own_orders(buyer).status == "args"


def test_it_writes_nothing(sale):
    sale.load({"a": 5}, closes=2)
    before = sale.dump()
    sale.own_orders("ann")
    assert sale.dump() == before
