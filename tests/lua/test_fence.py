"""The fence, the same for every script that has one."""
import pytest

from scripts import TERMS, Attempt, pack_columns

LOAD_END = [item for pair in {**TERMS, "state": "paused"}.items() for item in pair]
ARGS = {
    "purchase": [0, 10 ** 13, 0, *pack_columns([Attempt("ann")])],
    "own_orders": ["ann"],
    "adjust": ["announce", 1, 1, "a", 1, 0],
    "set_state": ["pause"],
    "load_part": ["stock", "a", 1],
    "load_end": LOAD_END,
}
LOADING = ("load_part", "load_end")


@pytest.fixture(params=sorted(ARGS))
def script(request):
    return request.param


def ready(sale, script, epoch=1):
    """The sale in a state in which the script would be accepted."""
    if script in LOADING:
        assert sale.load_begin(epoch).status == "ok"
    else:
        sale.load({"a": 5}, epoch)


def refused(sale, script, status, epoch=1):
    before = sale.dump()
    reply = sale.call(script, epoch, *ARGS[script])
    assert reply.status == status, reply
    assert sale.dump() == before
    return reply


def test_it_passes_on_the_history_that_it_was_loaded_on(sale, script):
    ready(sale, script)
    assert sale.call(script, 1, *ARGS[script]).status == "ok"


def test_no_meta(sale, script):
    assert refused(sale, script, "gone").rest == []


def test_another_epoch(sale, script):
    ready(sale, script, epoch=2)
    for epoch in (1, 3, 22):
        assert refused(sale, script, "epoch", epoch).epoch == 2


def test_another_history(sale, script):
    ready(sale, script)
    for replid in ("0" * 40, "", "a" * 39):
        sale.redis("HSET", sale.key("meta"), "replid", replid)
        assert refused(sale, script, "replid").rest == []


def test_a_closed_fence(sale, script):
    ready(sale, script)
    sale.close_fence()
    refused(sale, script, "replid")


@pytest.mark.parametrize("field", ["epoch", "version", "state", "seq"])
def test_garbage_in_meta(sale, script, field):
    ready(sale, script)
    sale.redis("HSET", sale.key("meta"), field, "?")
    refused(sale, script, "type")


def test_meta_of_another_type(sale, script):
    sale.redis("SADD", sale.key("meta"), "x")
    reply = sale.call(script, 1, *ARGS[script])
    assert (reply.status, reply.rest) == ("type", [])


def test_meta_with_other_fields_only(sale, script):
    sale.redis("HSET", sale.key("meta"), "name", "x")
    refused(sale, script, "type")


@pytest.mark.parametrize("epoch", ["", "x", "-1", "1.0", "9" * 16])
def test_an_epoch_that_is_no_number(sale, script, epoch):
    ready(sale, script)
    refused(sale, script, "args", epoch)


def test_wrong_counts(sale, script):
    ready(sale, script)
    before = sale.dump()
    keys, args = sale.keys(script), [9, 1, *ARGS[script]]
    for some in (args[:-1], args + ["x"], args[:2], args[:1], []):
        assert sale.scripts.raw(script, keys, *some).status == "args", some
    assert sale.scripts.raw(script, keys + ["{s:7}:more"], *args).status == "args"
    assert sale.dump() == before


def test_one_sale_does_not_touch_another(scripts, sale):
    other = type(sale)(scripts, 8).load({"a": 5}, epoch=2)
    before = other.dump()
    sale.load({"a": 5})
    sale.purchase([Attempt("ann")])
    sale.set_state("end")
    assert other.dump() == before
