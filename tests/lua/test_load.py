"""load_begin, load_part, load_end, close_fence: a history begins, and another ends."""
import pytest

from scripts import FOREVER, NAMES, TERMS, Attempt, flatten, key_hash

KEY = key_hash(1)
VALUE = f"1;{KEY},1-1,a,1,0,N,5"


def test_a_first_load_step_by_step(sale):
    assert sale.load_begin(1).rest == []
    meta = {"epoch": "1", "replid": sale.redis.own_replid(), "state": "loading", "version": "1",
            "seq": "0"}
    assert sale.dump() == {"meta": meta}
    assert sale.load_part("stock", "a", 5, "b", 0).rest == []
    sale.load_part("buyers", "ann", VALUE)
    sale.load_part("listed", "ann", "bob")
    sale.load_part("applied", 3, 4)
    parts = {"stock": {"a": "5", "b": "0"}, "buyers": {"ann": VALUE}, "listed": {"ann", "bob"},
             "applied": {"3", "4"}}
    assert sale.dump() == {"meta": meta, **parts}
    header = sale.load_end("loaded", limit=2).header
    assert (header.epoch, header.version, header.state, header.seq) == (1, 1, "loaded", 0)
    terms = {name: str(value) for name, value in {**TERMS, "limit": 2}.items()}
    assert sale.dump() == {"meta": {**meta, **terms, "state": "loaded"}, **parts}
    assert sale.buy("bob") == "N"
    assert sale.set_state("open").header.version == 2
    assert sale.buy("bob") == "W0"


@pytest.mark.parametrize("state, version", [("loaded", 1), ("paused", 2), ("ended", 2),
                                            ("frozen", 2)])
def test_the_state_after_a_load(sale, state, version):
    sale.load({"a": 5}, state=state)
    header = sale.poll().header
    assert (header.state, header.version) == (state, version)


def test_a_reload_begins_anew_and_keeps_what_it_is_given(sale):
    sale.load({"a": 5}, members=["x"], applied=["1"])
    sale.buy("ann", key=KEY)
    sale.announce([(2, "a", 1)])
    sale.redis("SET", sale.key("relay"), "token", "PX", 60000)
    assert sale.close_fence().rest == ["1 3 open 1 other"]
    assert sale.purchase([Attempt("bob")]).status == "replid"
    assert sale.load_begin(2).status == "ok"
    dump = sale.dump()
    assert set(dump) == {"meta", "relay"} and dump["meta"]["epoch"] == "2"
    assert sale.redis("EXISTS", sale.key("outbox")) == 0
    sale.load_part("stock", "a", 4)
    sale.load_part("buyers", "ann", VALUE)
    sale.load_end("loaded")
    sale.set_state("open")
    assert sale.buy("ann", key=KEY) == "R" + VALUE[2:]
    assert sale.buy("bob") == "W0"
    assert list(sale.dump()["outbox"]) == ["2-1"]


def test_an_epoch_that_is_not_higher_is_refused(sale):
    sale.load({"a": 5}, epoch=3)
    before = sale.dump()
    for epoch in (1, 2, 3):
        assert sale.load_begin(epoch).epoch == 3
    assert sale.dump() == before
    assert sale.load_begin(10).status == "ok"
    assert sale.load_begin(9).epoch == 10


@pytest.mark.parametrize("spoil", [
    ("SET", "x"), ("HSET", "epoch", "x"), ("HSET", "epoch", ""), ("HDEL", "epoch")])
def test_a_meta_that_cannot_be_read_protects_nothing(sale, spoil):
    sale.load({"a": 5}, epoch=3)
    sale.redis(spoil[0], sale.key("meta"), *spoil[1:])
    assert sale.load_begin(2).status == "ok"
    assert set(sale.dump()) == {"meta"}


def test_keys_of_another_type_go_with_the_old_history(sale):
    for name in NAMES:
        sale.redis("SET", sale.key(name), "x")
    sale.load({"a": 5}, buyers={"ann": VALUE}, members=["ann"], applied=["1"])
    assert sale.buy("bob") == "W0"


@pytest.mark.parametrize("epoch", [0, -1, "", "x", 16384, "1.0"])
def test_a_wrong_epoch_begins_nothing(sale, epoch):
    assert sale.load_begin(epoch).status == "args"
    assert sale.dump() == {}


def test_the_highest_epoch(sale):
    sale.load({"a": 5}, epoch=16383)
    assert sale.buy("ann") == "W0"


def test_a_loader_that_was_overtaken_writes_nothing(sale):
    """It was stopped in mid-load; another began; it wakes up."""
    sale.load_begin(1)
    sale.load_part("stock", "a", 5)
    sale.load_begin(2)
    before = sale.dump()
    assert sale.load_part("stock", "a", 99, epoch=1).epoch == 2
    assert sale.load_end("loaded", epoch=1).epoch == 2
    assert sale.dump() == before


def test_a_load_goes_on_only_on_its_server(sale):
    sale.load_begin(1)
    sale.redis("HSET", sale.key("meta"), "replid", "0" * 40)
    assert sale.load_part("stock", "a", 5).status == "replid"
    assert sale.load_end().status == "replid"


@pytest.mark.parametrize("state", ["loaded", "open", "paused", "ended", "frozen"])
def test_a_sale_that_is_not_loading_takes_no_parts(sale, state):
    sale.load({"a": 5}, state=state)
    before = sale.dump()
    assert sale.load_part("stock", "a", 99).status == "state"
    assert sale.load_end("paused").status == "state"
    assert sale.dump() == before


def test_a_part_that_is_sent_twice_says_the_same(sale):
    sale.load_begin(1)
    for _ in range(2):
        sale.load_part("stock", "a", 5)
        sale.load_part("applied", 1)
        sale.load_part("buyers", "ann", VALUE)
    assert sale.dump()["stock"] == {"a": "5"} and sale.dump()["applied"] == {"1"}


def test_the_largest_and_the_smallest_part(sale):
    sale.load_begin(1)
    assert sale.load_part("buyers", *flatten({f"b{n}": VALUE for n in range(3000)})).status == "ok"
    assert sale.load_part("listed", *range(3000)).status == "ok"
    for kind in ("stock", "buyers", "listed", "applied"):
        assert sale.load_part(kind).status == "ok"
    assert sale.load_part("listed", *range(3001)).status == "args"
    assert sale.load_part("applied", *range(3001)).status == "args"
    assert sale.load_part("buyers", *flatten({f"b{n}": VALUE for n in range(3001)})
                          ).status == "args"
    assert len(sale.dump()["buyers"]) == len(sale.dump()["listed"]) == 3000


@pytest.mark.parametrize("kind, items", [
    ("stock", ["b"]), ("stock", ["a b", 1]), ("stock", ["", 1]), ("stock", ["s" * 33, 1]),
    ("stock", ["b", -1]), ("stock", ["b", ""]), ("stock", ["b", "1.5"]), ("stock", ["b", 2 ** 32]),
    ("buyers", ["bob"]), ("buyers", ["bob", "2"]), ("buyers", ["bob", VALUE + ";"]),
    ("buyers", ["", VALUE]), ("buyers", ["b b", VALUE]), ("buyers", ["b" * 65, VALUE]),
    ("listed", [""]), ("listed", ["b\n"]), ("applied", ["x"]), ("applied", ["-1"]),
    ("held", ["b", 1]), ("", ["b", 1]), ("Stock", ["b", 1])])
def test_one_wrong_item_refuses_the_part(sale, kind, items):
    sale.load_begin(1)
    good = {"stock": ["a", 5], "buyers": ["ann", VALUE], "listed": ["ann"], "applied": [1]}
    before = sale.dump()
    assert sale.load_part(kind, *good.get(kind, []), *items).status == "args"
    assert sale.dump() == before


@pytest.mark.parametrize("kind, name", [("stock", "stock"), ("buyers", "buyers"),
                                        ("listed", "listed"), ("applied", "applied")])
def test_a_key_of_another_type_is_told(sale, kind, name):
    sale.load_begin(1)
    sale.redis("SET", sale.key(name), "x")
    before = sale.dump()
    items = {"stock": ["a", 5], "buyers": ["ann", VALUE]}.get(kind, ["1"])
    assert sale.load_part(kind, *items).status == "type"
    assert sale.dump() == before


@pytest.mark.parametrize("change", [
    {"limit": 0}, {"limit": 1001}, {"limit": ""}, {"opens": "x"}, {"closes": 1}, {"closes": -5},
    {"opens": FOREVER}, {"listed": 2}, {"listed": ""}, {"hold": "1s"}, {"state": "open"},
    {"state": "loading"}, {"state": "resuming"}, {"state": ""}])
def test_wrong_terms_do_not_end_the_load(sale, change):
    sale.load_begin(1)
    before = sale.dump()
    assert sale.load_end(**{"state": "loaded", **change}).status == "args"
    assert sale.dump() == before


def test_every_term_is_needed_once(sale):
    sale.load_begin(1)
    pairs = list({**TERMS, "state": "loaded"}.items())
    for n, (name, value) in enumerate(pairs):
        rest = pairs[:n] + pairs[n + 1:]
        for wrong in (rest, rest + [("extra", value)], rest + [rest[0]], pairs + [(name, value)]):
            reply = sale.call("load_end", 1, *[item for pair in wrong for item in pair])
            assert reply.status == "args", wrong
    assert sale.call("load_end", 1, *[i for pair in reversed(pairs) for i in pair]).status == "ok"


# --- the fence is closed

def test_closing_the_fence_tells_what_was(sale):
    sale.load({"a": 5}, epoch=4)
    sale.buy("ann")
    before = sale.dump()
    for fence in ("other", "closed", "closed"):
        assert sale.close_fence().rest == [f"4 2 open 1 {fence}"]
    before["meta"]["replid"] = ""
    assert sale.dump() == before


def closed(epoch):
    """A meta that only keeps the fence closed."""
    return {"meta": {"epoch": str(epoch), "replid": "", "state": "loading", "version": "1",
                     "seq": "0"}}


def must_stay_closed(sale, epoch):
    """A loader that lost its claim wakes up: it has no higher epoch than MySQL had by then."""
    before = sale.dump()
    for old in range(1, epoch + 1):
        assert sale.load_begin(old).epoch == epoch
        assert sale.load_part("stock", "a", 5, epoch=old).status in ("epoch", "replid")
        assert sale.load_end(epoch=old).status in ("epoch", "replid")
        assert sale.purchase([Attempt("ann")], epoch=old).status in ("epoch", "replid")
    assert sale.dump() == before
    sale.load({"a": 5}, epoch=epoch + 1)
    assert sale.buy("ann") == "W0"


def test_a_sale_that_is_gone_stays_closed(sale):
    assert sale.close_fence(3).status == "gone"
    assert sale.dump() == closed(3)
    assert sale.close_fence(3).rest == ["3 1 loading 0 closed"]
    must_stay_closed(sale, 3)


def test_a_meta_of_another_type_stays_closed(sale):
    sale.redis("SET", sale.key("meta"), "x")
    assert sale.close_fence(2).status == "type"
    assert sale.dump() == closed(2)
    must_stay_closed(sale, 2)


def test_the_epoch_of_mysql_is_closed_too(sale):
    """It was given to a loader that has not begun to load."""
    sale.load({"a": 5}, epoch=4)
    sale.buy("ann")
    before = sale.dump()
    assert sale.close_fence(6).rest == ["4 2 open 1 other"]
    before["meta"].update(replid="", epoch="6")
    assert sale.dump() == before
    assert sale.close_fence(6).rest == ["6 2 open 1 closed"]
    must_stay_closed(sale, 6)


def test_a_load_that_has_begun_is_stopped(sale):
    sale.load_begin(2)
    sale.load_part("stock", "a", 5)
    assert sale.close_fence(2).rest == ["2 1 loading 0 other"]
    must_stay_closed(sale, 2)


def test_a_higher_epoch_is_not_closed(sale):
    """A loader that lost its claim wakes up after another one has loaded the sale."""
    sale.load({"a": 5}, epoch=4)
    before = sale.dump()
    assert sale.close_fence(3).epoch == 4
    assert sale.dump() == before
    assert sale.buy("ann") == "W0"
    assert sale.close_fence(4).rest == ["4 2 open 1 other"]


@pytest.mark.parametrize("epoch", ["", "x", "0", "-1", "1.5", "16384"])
def test_an_epoch_that_is_none_closes_nothing(sale, epoch):
    sale.load({"a": 5})
    before = sale.dump()
    assert sale.close_fence(epoch).status == "args"
    assert sale.dump() == before


def test_an_epoch_that_cannot_be_read_does_not_keep_the_fence_open(sale):
    sale.load({"a": 5}, epoch=4)
    sale.redis("HSET", sale.key("meta"), "epoch", "4x")
    assert sale.close_fence(3).rest == ["4x 2 open 0 other"]
    meta = sale.dump()["meta"]
    assert (meta["replid"], meta["epoch"]) == ("", "3")


def test_garbage_does_not_keep_the_fence_open(sale):
    sale.load({"a": 5})
    sale.redis("HSET", sale.key("meta"), "version", "a b", "seq", "")
    assert sale.close_fence().rest == ["1 - open - other"]
    assert sale.dump()["meta"]["replid"] == ""


def test_wrong_counts_are_refused(sale):
    for script in ("close_fence", "load_begin"):
        keys = sale.keys(script)
        assert sale.scripts.raw(script, keys).status == "args"
        assert sale.scripts.raw(script, keys + ["{s:7}:x"], 1, 1).status == "args"
        assert sale.scripts.raw(script, keys, 1, 1, 1).status == "args"
    assert sale.dump() == {}
