"""The rights that each role needs: schemas/redis.md's list is enough for the real scripts."""
import re

import pytest

from redis_server import RedisError
from scripts import CATALOGUE, ROOT, Attempt, Sale, Scripts

PASSWORD = "access"


def rights(role):
    """The words of the role's `ACL SETUSER` line in schemas/redis.md."""
    text = (ROOT / "schemas" / "redis.md").read_text()
    return re.search(rf"^    ACL SETUSER {role} (.*)$", text, re.M).group(1).split()


@pytest.fixture
def login(server, redis):
    """A connection that has the rights of a role and no others."""
    made = []

    def call(role):
        words = [">" + PASSWORD if word == ">PASSWORD" else word for word in rights(role)]
        redis("ACL", "SETUSER", role, "reset", *words)
        client = server.client()
        client("AUTH", role, PASSWORD)
        made.append(role)
        return client
    yield call
    redis("ACL", "DELUSER", *made)


def test_an_engine_can_do_its_work_and_no_more(login, sale):
    sale.load({"a": 5}, members=["ann"], listed=1)
    sale.scripts.call("catalogue_put", [CATALOGUE], 7, "{}")
    client = login("engine")
    assert client("PING") == "PONG" and client("ROLE")[0] == "master"
    mine = Sale(Scripts(client), sale.number)
    assert mine.buy("ann") == "W0"
    assert mine.poll(["1-1"]).header.outbox_first == 0
    client("HSET", mine.key("meta"), "closes", 2)
    assert mine.poll().header.state == "ended"
    assert mine.own_orders("ann").status == "ok"
    assert mine.call("relay_lease", "me", 1000).status == "held"
    assert mine.scripts.call("catalogue", [CATALOGUE], "").status == "ok"
    assert client("HSCAN", mine.key("buyers"), 0, "COUNT", 1000)[1][0] == "ann"
    assert client("HLEN", mine.key("buyers")) == 1
    assert client("XRANGE", mine.key("outbox"), "-", "+") == []
    for command in (("FLUSHALL",), ("CONFIG", "GET", "*"), ("KEYS", "*"), ("DEL", mine.key("meta")),
                    ("SET", "other", "x"), ("UNLINK", mine.key("meta"))):
        with pytest.raises(RedisError, match="^NOPERM "):
            client(*command)


def test_a_worker_can_load_and_change_a_sale(login, sale):
    client = login("worker")
    mine = Sale(Scripts(client), sale.number)
    mine.load({"a": 5}, members=["ann"], applied=["1"], buyers={"ann": "1;,0-1,a,1,0,N,5"})
    assert mine.announce([(2, "a", 1)], [("ann", "0-1", "C")]).status == "ok"
    assert mine.apply().status == "ok"
    assert mine.set_state("end").status == "ok"
    assert mine.scripts.call("catalogue_put", [CATALOGUE], 7, "{}").status == "ok"
    assert mine.purchase([Attempt("ann")]).results == ["E"]
    assert mine.close_fence().status == "ok"
    assert client("XRANGE", mine.key("outbox"), "-", "+") == []
    assert client("XDEL", mine.key("outbox"), "1-1") == 0
    assert client("CONFIG", "GET", "maxmemory-policy") == ["maxmemory-policy", "noeviction"]
    for command in (("FLUSHALL",), ("KEYS", "*"), ("CONFIG", "SET", "save", ""), ("GET", "other")):
        with pytest.raises(RedisError, match="^NOPERM "):
            client(*command)
