"""catalogue.lua and catalogue_put.lua."""
import pytest

from scripts import CATALOGUE
from support.wait import wait_until


@pytest.fixture
def put(scripts):
    def call(*pairs):
        return scripts.call("catalogue_put", [CATALOGUE], *pairs)
    return call


@pytest.fixture
def get(scripts):
    def call(known=""):
        return scripts.call("catalogue", [CATALOGUE], known)
    return call


def read(reply):
    assert reply.status == "ok", reply
    return dict(zip(reply.rest[1::2], reply.rest[2::2]))


def test_without_a_catalogue_all_is_rebuilding(get, redis):
    assert get().status == "rebuilding"
    assert redis("EXISTS", CATALOGUE) == 0


def test_it_is_read_as_it_was_put(put, get):
    revision = put(7, '{"sale":7}', 8388607, '{"name":"é, ü"}').rest[0]
    reply = get()
    assert reply.rest[0] == revision
    assert read(reply) == {"7": '{"sale":7}', "8388607": '{"name":"é, ü"}'}


def test_the_known_revision_is_not_sent_again(put, get):
    first = put(7, "{}").rest[0]
    reply = get(first)
    assert (reply.status, reply.rest) == ("unchanged", [first])
    second = put(7, "{}").rest[0]
    assert int(second) == int(first) + 1
    assert get(first).status == "ok" and get(second).status == "unchanged"


def test_a_rewrite_drops_what_is_not_given(put, get):
    put(7, "{}", 8, "{}")
    put(9, '{"v":1}')
    assert read(get()) == {"9": '{"v":1}'}


def test_an_empty_catalogue_is_one(put, get):
    put()
    assert read(get()) == {}


@pytest.mark.parametrize("replid", ["", "0" * 40, "x"])
def test_a_catalogue_of_another_history_is_rebuilding(put, get, redis, replid):
    revision = put(7, "{}").rest[0]
    redis("HSET", CATALOGUE, "replid", replid)
    assert get().status == get(revision).status == "rebuilding"


def test_after_a_restart_it_is_rebuilding(put, get, server, scripts):
    revision = put(7, "{}").rest[0]
    server.restart()
    scripts.redis = server.client()
    scripts.load()
    assert get(revision).status == "rebuilding"
    assert int(put(7, "{}").rest[0]) == int(revision) + 1
    assert get(revision).status == "ok"


def test_a_lost_catalogue_never_repeats_a_revision(put, get, redis):
    revision = put(7, "{}").rest[0]
    redis("DEL", CATALOGUE)
    assert get(revision).status == "rebuilding"
    wait_until(lambda: int(redis("TIME")[1]) // 1000 != int(revision) % 1000, 5, "another ms")
    put(8, "{}")
    assert read(get(revision)) == {"8": "{}"}


@pytest.mark.parametrize("spoil", [("SET", "x"), ("HDEL", "replid"), ("HDEL", "revision"),
                                   ("HSET", "revision", "x"), ("HSET", "revision", "")])
def test_a_catalogue_that_cannot_be_read_is_rebuilding_until_it_is_put(put, get, redis, spoil):
    put(7, "{}")
    redis(*(spoil[:1] + (CATALOGUE,) + spoil[1:]))
    assert get().status == "rebuilding"
    assert put(7, "{}").status == "ok"
    assert read(get()) == {"7": "{}"}


@pytest.mark.parametrize("pairs", [(7,), ("x", "{}"), (0, "{}"), (8388608, "{}"), (7, ""),
                                   ("replid", "x"), ("revision", "5"), (7, "{}", 8)])
def test_a_wrong_pair_changes_nothing(put, get, pairs):
    put(1, "{}")
    assert put(*pairs).status == "args"
    assert read(get()) == {"1": "{}"}


def test_the_largest_catalogue(put, get):
    pairs = {str(n): '{"v":1}' for n in range(1, 3001)}
    assert put(*[item for pair in pairs.items() for item in pair]).status == "ok"
    assert read(get()) == pairs
    assert put(*[item for n in range(1, 3002) for item in (n, "{}")]).status == "args"


def test_wrong_counts_are_refused(scripts):
    for name in ("catalogue", "catalogue_put"):
        assert scripts.raw(name, [CATALOGUE]).status == "args"
        assert scripts.raw(name, [CATALOGUE, "{seckill:catalogue}:x"][:0], 1, "").status == "args"
    assert scripts.raw("catalogue", [CATALOGUE], 1, "", "").status == "args"
