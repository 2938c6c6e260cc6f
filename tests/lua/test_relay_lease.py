"""relay_lease.lua: one engine sweeps a sale."""
import pytest


def lease(sale, token, life=60000):
    return sale.call("relay_lease", token, life)


def test_a_free_lease_is_taken_and_runs_out(sale):
    assert lease(sale, "me").status == "held"
    assert sale.dump() == {"relay": "me"}
    assert 59000 < sale.redis("PTTL", sale.key("relay")) <= 60000


def test_its_owner_prolongs_it(sale):
    lease(sale, "me", 1000)
    assert lease(sale, "me", 60000).status == "held"
    assert sale.redis("PTTL", sale.key("relay")) > 1000


def test_another_does_not_get_it(sale):
    lease(sale, "me", 60000)
    assert lease(sale, "you", 600000).status == "other"
    assert sale.dump() == {"relay": "me"}
    assert sale.redis("PTTL", sale.key("relay")) <= 60000


def test_a_lease_that_ran_out_is_free(sale):
    lease(sale, "me")
    sale.redis("DEL", sale.key("relay"))
    assert lease(sale, "you").status == "held"


def test_a_key_of_another_type_is_told(sale):
    sale.redis("SADD", sale.key("relay"), "me")
    assert lease(sale, "me").status == "type"


@pytest.mark.parametrize("token, life", [("", 1000), ("me", 0), ("me", -1), ("me", ""),
                                         ("me", 600001), ("me", "1s")])
def test_wrong_arguments_are_refused(sale, token, life):
    assert lease(sale, token, life).status == "args"
    assert sale.dump() == {}
