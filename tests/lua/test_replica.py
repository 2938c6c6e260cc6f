"""What a replica, a first replica's attachment and a promotion mean for the fence (PROTOCOL §4)."""
import pytest

from redis_server import RedisError, Server
from scripts import Attempt, Sale, Scripts, key_hash
from support.wait import wait_until

KEY = key_hash(1)


@pytest.fixture
def replica(server, redis):
    """A second Redis that follows the first."""
    redis("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    running = Server()
    client = running.client()
    client("CONFIG", "SET", "appendonly", "no")  # SIGTERM is refused while a first AOF is written
    client("REPLICAOF", *server.services.redis_address)
    wait_until(lambda: "master_link_status:up" in client("INFO", "replication"), 20, "in sync")
    yield client
    running.stop()


def in_sync(redis, replica, sale):
    wait_until(lambda: Sale(Scripts(replica), sale.number).dump() == sale.dump(), 10, "same data")


def test_a_replica_decides_nothing_and_a_promoted_one_neither(sale, redis, replica):
    sale.load({"a": 5})
    assert sale.buy("ann", key=KEY) == "W0"
    in_sync(redis, replica, sale)
    # The replica's replid is its primary's: only the missing `no-writes` flag refuses the call.
    assert replica.own_replid() == redis.own_replid()
    there = Sale(Scripts(replica), sale.number)
    for call in (there.poll, lambda: there.buy("bob"), lambda: there.buy("ann", key=KEY),
                 lambda: there.own_orders("ann")):
        with pytest.raises(RedisError, match="^READONLY "):
            call()
    replica("REPLICAOF", "NO", "ONE")
    before = there.dump()
    assert there.purchase([Attempt("bob")]).status == "replid"
    assert there.own_orders("ann").status == "replid"
    assert there.dump() == before
    there.load({"a": 4}, epoch=2)
    assert there.buy("bob") == "W0"


def test_without_its_replica_a_primary_stops_deciding(sale, redis, replica):
    """min-replicas-to-write: an old primary that was cut off refuses even a poll."""
    sale.load({"a": 5})
    in_sync(redis, replica, sale)
    redis("CONFIG", "SET", "min-replicas-to-write", "1")
    try:
        assert sale.buy("ann", key=KEY) == "W0"
        replica("REPLICAOF", "NO", "ONE")
        wait_until(lambda: "connected_slaves:0" in redis("INFO", "replication"), 10, "cut off")
        for attempts in ([], [Attempt("bob")], [Attempt("ann", key=KEY)]):
            with pytest.raises(RedisError, match="^NOREPLICAS "):
                sale.purchase(attempts)
    finally:
        redis("CONFIG", "SET", "min-replicas-to-write", "0")
