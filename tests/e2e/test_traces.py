"""A winner asks again when much has changed, at both engines: always that order (PROTOCOL §3.4).

After the end, in a pause and while units come back: test_outcomes.py and test_leases.py.
"""

from support.expect import expect, expect_won
from support.wait import wait_until

KEY = "the-key-of-the-winner"
BOTH = (0, 1)


def spoil(redis_db, sale, buyer, old, new):
    """Changes the buyer's value in Redis as the worker would."""
    key = redis_db.key(sale, "buyers")
    text = redis_db.client.hget(key, buyer.name)
    assert text.count(old) == 1, text
    redis_db.client.hset(key, buyer.name, text.replace(old, new))


def test_after_the_buyer_was_taken_off_the_list(open_sale, new_buyer, redis_db):
    sale = open_sale(stock=10)
    winner, other = new_buyer(), new_buyer()
    for buyer in (winner, other):
        redis_db.client.sadd(redis_db.key(sale, "listed"), buyer.name)
    redis_db.client.hset(redis_db.key(sale, "meta"), "listed", "1")
    order = expect_won(winner.purchase(sale, key=KEY))
    redis_db.client.srem(redis_db.key(sale, "listed"), winner.name)
    for engine in BOTH:
        assert expect_won(winner.purchase(sale, key=KEY, engine=engine), True) == order
        expect(winner.purchase(sale, engine=engine), 403, "not-eligible")
    expect_won(other.purchase(sale))


def test_after_the_order_was_closed(open_sale, new_buyer, redis_db, mysql):
    """Its unit may be bought again, also by him, but under its key it is that order."""
    sale = open_sale(stock=2)
    winner = new_buyer()
    order = expect_won(winner.purchase(sale, key=KEY))
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s", sale) == 1, 30,
               "its row")
    spoil(redis_db, sale, winner, ",0,N,", ",,C,")
    for engine in BOTH:
        told = expect_won(winner.purchase(sale, key=KEY, engine=engine), True)
        assert told == {**order, "state": "CLOSED"}
    again = expect_won(winner.purchase(sale, key="another-key-of-his"))
    assert again["order_no"] != order["order_no"]
    assert expect_won(winner.purchase(sale, key=KEY), True)["order_no"] == order["order_no"]
