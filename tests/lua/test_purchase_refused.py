"""purchase.lua refuses: bad arguments, another history, garbage. Nothing is ever written."""
import pytest

from redis_server import RedisError
from scripts import FOREVER, Attempt, key_hash, pack_columns, pack_texts

KEY = key_hash(1)


def refused(sale, status, attempts=(Attempt("ann"),), **how):
    before = sale.dump()
    reply = sale.purchase(list(attempts), **how)
    assert reply.status == status, reply
    assert sale.dump() == before
    return reply


def test_without_meta_the_sale_is_gone_and_no_stock_is_made(sale):
    assert refused(sale, "gone").rest == []
    assert sale.dump() == {}


def test_stock_alone_is_not_a_sale(sale):
    sale.load({"a": 5})
    sale.redis("DEL", sale.key("meta"))
    refused(sale, "gone")


def test_another_epoch_is_told_the_one_of_meta(sale):
    sale.load({"a": 5}, epoch=3)
    assert refused(sale, "epoch", epoch=2).epoch == 3
    assert refused(sale, "epoch", epoch=4).epoch == 3


def test_another_history_is_refused(sale):
    sale.load({"a": 5})
    for replid in ("f" * 40, "", sale.redis.own_replid()[:39], "master_replid"):
        sale.redis("HSET", sale.key("meta"), "replid", replid)
        assert refused(sale, "replid").rest == []


def test_after_a_restart_nothing_is_decided(sale, server, scripts):
    """The data is all there, but the server may have forgotten the last two seconds."""
    sale.load({"a": 5})
    assert sale.buy("ann") == "W0"
    dump = sale.dump()
    server.restart()
    scripts.redis = sale.redis = server.client()
    scripts.load()
    assert sale.dump() == dump
    refused(sale, "replid", acks=["1-1"])
    assert sale.load_begin(2).status == "ok"


def test_refused_by_the_fence_nothing_is_acknowledged(sale):
    sale.load({"a": 5})
    sale.buy("ann")
    refused(sale, "epoch", acks=["1-1"], epoch=2)
    sale.close_fence()
    refused(sale, "replid", acks=["1-1"])
    assert "outbox" in sale.dump()


@pytest.mark.parametrize("field, garbage", [
    ("epoch", "x1"), ("version", "two"), ("version", "-2"), ("state", "sold"), ("state", ""),
    ("seq", "1.5"), ("seq", "1e3"), ("opens", "now"), ("closes", ""), ("limit", "0x10"),
    ("limit", " 1"), ("listed", "yes"), ("limit", "9" * 16)])
def test_garbage_in_meta_is_told(sale, field, garbage):
    sale.load({"a": 5})
    sale.redis("HSET", sale.key("meta"), field, garbage)
    assert refused(sale, "type").rest == []


@pytest.mark.parametrize("field", ["epoch", "version", "state", "seq", "opens", "closes", "limit",
                                   "listed"])
def test_a_missing_field_of_meta_is_told(sale, field):
    sale.load({"a": 5})
    sale.redis("HDEL", sale.key("meta"), field)
    refused(sale, "type")


@pytest.mark.parametrize("garbage", ["", "-1", "many", "1.5", "1e3", "007"])
def test_garbage_in_stock_is_told(sale, garbage):
    sale.load({"a": 5, "b": 5})
    sale.redis("HSET", sale.key("stock"), "b", garbage)
    refused(sale, "type")


def test_a_sale_without_its_stock_is_told(sale):
    sale.load({"a": 5})
    sale.redis("DEL", sale.key("stock"))
    refused(sale, "type")


@pytest.mark.parametrize("value", [
    "", "2", "1;", "1;;", "x", f"1;{KEY},1-1,a,1,0,N", f"1;{KEY},1-1,a,1,0,Z,5",
    f"1;{KEY},1,a,1,0,N,5", "1;,1-1,a,one,0,N,5", "1;,1-1,a,1,0,N,5;", "1;,1-1,a,1,0,N,5 ",
    "1;,1-1,a,1,0,N,5;,1-2,a b,1,0,N,5"])
def test_garbage_in_a_buyers_value_is_told(sale, value):
    sale.load({"a": 5}, limit=3)
    sale.redis("HSET", sale.key("buyers"), "bob", value)
    refused(sale, "type", [Attempt("ann"), Attempt("bob", key=KEY)])


@pytest.mark.parametrize("name", ["meta", "stock", "buyers", "outbox", "listed"])
@pytest.mark.parametrize("acks", [[], ["1-1"]])
def test_a_key_of_another_type_is_told(sale, name, acks):
    sale.load({"a": 5}, members=["ann"], listed=1)
    sale.redis("DEL", sale.key(name))
    sale.redis("SET", sale.key(name), "x")
    refused(sale, "type", acks=acks)


def test_an_outbox_ahead_of_seq_is_told_and_nothing_is_won(sale):
    """meta lost the last wins that the outbox still has: XADD is refused by its id."""
    sale.load({"a": 5})
    sale.buy("ann")
    sale.redis("HSET", sale.key("meta"), "seq", 0)
    refused(sale, "type", [Attempt("bob")])


@pytest.mark.parametrize("change", [
    {"sent": "x"}, {"deadline": ""}, {"deadline": "-1"}, {"epoch": "one"}, {"epoch": ""},
    {"acks": ["1"]}, {"acks": ["1-"]}, {"acks": ["1-1-1"]}, {"acks": ["9" * 21]},
    {"acks": ["1-1"] * 257}, {"attempts": [Attempt("ann")] * 129}])
def test_wrong_arguments_are_refused(sale, change):
    sale.load({"a": 5})
    refused(sale, "args", **change)


@pytest.mark.parametrize("bad", [
    Attempt("bob", quantity=0), Attempt("bob", quantity=-1), Attempt("bob", quantity="01"),
    Attempt("bob", quantity=1001), Attempt("bob", quantity="1.5"), Attempt("bob", quantity=""),
    Attempt("bob", quantity="1e2"), Attempt("bob", key="abc"), Attempt("bob", key="g" * 32),
    Attempt("bob", key="A" * 32), Attempt("bob", trace="a,b"), Attempt("bob", trace="t" * 129),
    Attempt(""), Attempt("b" * 65)])
def test_one_wrong_purchase_refuses_the_whole_call(sale, bad):
    sale.load({"a": 5}, limit=9)
    sale.buy("ann")
    refused(sale, "args", [Attempt("ann"), bad], acks=["1-1"])
    refused(sale, "args", [bad, Attempt("ann")])


GOOD = pack_columns([Attempt("ann", key=KEY), Attempt("bob", "b")])
BAD_COLUMNS = [
    # buyers: none, no array, cut off, more behind it, not as many as the choices
    (0, b"\x90"), (0, b"ann"), (0, b""), (0, b"\xc1"), (0, GOOD[0][:-1]), (0, b"\x91\xa3ann"),
    (0, pack_texts(["b"] * 129)), (0, b"\x92\xa3ann\xa0"),
    # items: not enough, no quantity, no texts
    (1, pack_texts(["a,1"])), (1, pack_texts(["a,1", "b"])), (1, pack_texts(["a,1", "b,01"])),
    (1, b"\x92\xa3a,1\xc0"), (1, b"\x92\xa3a,1\x05"), (1, b"\x81\xa3a,1\x05"), (1, b"no"),
    # choices: none, too many, of no item
    (2, b""), (2, b"!"), (2, b"!!!"), (2, b"!#"), (2, b" !"), (2, b"!\x00"),
    # keys: cut off, no hex, and what strtoul takes
    (3, KEY), (3, KEY * 2 + "0"), (3, KEY + "g" * 32), (3, KEY + "A" * 32), (3, KEY + "0x" * 16),
    (3, " " + KEY + "0" * 31), (3, "-" + KEY + "0" * 31), (3, "+" + KEY + "0" * 31),
    (3, "0x" + KEY + "0" * 30), (3, KEY + "0" * 31 + " "), (3, KEY + "0" * 31 + "\0"),
    (3, KEY + "\0" + "0" * 31), (3, KEY + "0" * 31 + ";"),
    # traces: cut off
    (4, "0" * 55), (4, "0" * 111)]


@pytest.mark.parametrize("column, text", BAD_COLUMNS)
def test_columns_that_are_not_of_the_form_are_refused(sale, column, text):
    sale.load({"a": 5, "b": 5})
    before = sale.dump()
    columns = [*GOOD[:column], text, *GOOD[column + 1:]]
    assert sale.call("purchase", 1, 0, FOREVER, 0, *columns).status == "args"
    assert sale.dump() == before
    assert sale.call("purchase", 1, 0, FOREVER, 0, *GOOD).results == ["W0", "W0"]


def test_buyers_that_are_no_texts_end_in_an_error_before_any_write(sale):
    sale.load({"a": 5, "b": 5})
    before = sale.dump()
    for packed in (b"\x92\xa3ann\x05", b"\x92\xa3ann\xc3", b"\x92\xa3ann\x90"):
        try:
            assert sale.call("purchase", 1, 0, FOREVER, 0, packed, *GOOD[1:]).status == "type"
        except RedisError as error:
            assert "length" in str(error)
        assert sale.dump() == before


def test_counts_must_fit_the_arguments(sale):
    sale.load({"a": 5, "b": 5})
    good = [1, 0, FOREVER, 1, "1-1", *GOOD]
    wrong = [good[:-1], good + ["x"], [1, 0, FOREVER, 2, *good[4:]], [1, 0, FOREVER, 0, *good[4:]],
             [1, 0, FOREVER, "", *good[4:]], good[:6], [1, 0], []]
    before = sale.dump()
    for args in wrong:
        assert sale.call("purchase", *args).status == "args", args
        assert sale.dump() == before
    assert sale.scripts.raw("purchase", sale.keys("purchase")).status == "args"
    keys = sale.keys("purchase")
    assert sale.scripts.call("purchase", keys[:-1], *good).status == "args"
    assert sale.call("purchase", *good).results == ["W0", "W0"]
