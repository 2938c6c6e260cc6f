"""Redis is slow, silent, refuses or holds garbage, under load (FR5 to FR13).

What is the same in all: nobody is told no by guessing, nothing is taken of what was refused,
selling goes on by itself.
"""

import threading
import time

import pytest
import redis

from support.buyer import Buyer
from support.crowd import codes_of, win_all
from support.db import Redis
from support.expect import expect
from support.metrics import scrape
from support.wait import wait_until

D_S = 1.0
# While Redis is away or refuses, and nothing else is wrong.
ONLY_NOT_DONE = {None, "overloaded"}
UNSURE_TOO = {None, "overloaded", "outcome-unknown"}


def codes_since(buyers, began, *, asked=True):
    """Codes of what was asked (or answered) since then."""
    return {answer.code for answer in list(buyers.told)
            if (answer.began if asked else answer.ended) > began}


def wait_for_wins(buyers, count=50):
    """`count` more than there are now: they win, they win again."""
    before = len(buyers.wins())
    wait_until(lambda: len(buyers.wins()) >= before + count, 90, "buyers win")


def total(stack, name, **labels):
    """Of both engines."""
    return sum(scrape(engine).total(f"seckill_{name}", **labels) for engine in stack.engines)


def causes(engine):
    return {cause["name"]: cause["detail"] for cause in engine.ops_get("/readyz").json()["causes"]}


def connects(stack):
    """How often engines tried to reach Redis in vain, and how often they did."""
    return sum(engine.log_text().count("event=redis_link_") for engine in stack.engines)


@pytest.mark.parametrize("stopped_s", [5, 20])
def test_redis_stands_still(stack, faults, crowd, holds, redis_db, stopped_s):
    """FR5: unknown at D, then refused; what Redis had in its socket decides nothing late."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        with faults.services.frozen("redis"):
            stopped = time.monotonic()
            wait_until(lambda: {"outcome-unknown", "overloaded"} <= codes_since(
                buyers, stopped, asked=False), 30, "unknown first, then the link is given up")
            for engine in stack.engines:
                wait_until(lambda: "redis" in causes(engine), 30, "readiness names Redis")
                wait_until(lambda: scrape(engine).get("seckill_purchases_inflight") == 0, 30,
                           "nothing is on its way")
            wait_until(lambda: time.monotonic() > stopped + stopped_s, 30, "it stands still")
            # In the first turn in which all of it lay in the socket.
            assert codes_since(buyers, stopped + 4) <= {"overloaded"}
            thawing = time.monotonic()
        wait_for_wins(buyers)
    assert codes_since(buyers, stopped) <= UNSURE_TOO
    during = [answer for answer in buyers.told
              if stopped < answer.began and answer.ended < thawing]
    assert all(answer.status == 503 for answer in during), during[:5]
    holds(sale, buyers.told)


@pytest.mark.parametrize("fault", [
    {"latency_ms": 100, "jitter_ms": 50},
    {"latency_ms": 20, "slice": 64, "slice_gap_us": 10},
], ids=["latency and jitter", "sliced"])
def test_redis_is_far_away(stack, faults, crowd, holds, fault):
    """FR6: answers come later, and no other ones."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        faults.engine_redis.set(**fault)
        slow = time.monotonic()
        wait_for_wins(buyers)
        healing = time.monotonic()
        faults.engine_redis.clear()
        wait_for_wins(buyers)
    assert codes_of(buyers.told) == {None}
    took = [answer.seconds for answer in buyers.told
            if answer.status == 201 and slow < answer.began and answer.ended < healing]
    assert took and min(took) >= 2 * fault["latency_ms"] / 1000
    holds(sale, buyers.told)


def test_connections_are_reset_in_the_middle_of_replies(stack, faults, crowd, holds):
    """FR7: who was on his way is told unknown at D; the same key tells him the truth."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        began = time.monotonic()
        for _ in range(3):
            faults.engine_redis.set("down", limit=333)
            wait_until(lambda: faults.engine_redis.count() == 0 or any(
                "redis" in causes(engine) for engine in stack.engines), 30, "links are lost")
            faults.engine_redis.clear()
            wait_for_wins(buyers, 30)
    assert codes_since(buyers, began) <= UNSURE_TOO
    unknown = [answer for answer in buyers.told if answer.code == "outcome-unknown"]
    assert all(answer.seconds >= D_S for answer in unknown), "told before D"
    holds(sale, buyers.told)


def test_scripts_are_forgotten(stack, crowd, holds, redis_db):
    """FR8: what finds no script is sent once more with its text; buyers see nothing."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        before = redis_db.command_calls().get("eval", 0)
        missed = total(stack, "redis_errors_total", cause="noscript")
        for _ in range(5):
            redis_db.client.script_flush()
            wait_for_wins(buyers, 20)
        missed = total(stack, "redis_errors_total", cause="noscript") - missed
    assert codes_of(buyers.told) == {None}
    # The worker's scripts are among Redis' calls; each call that missed was repeated once.
    assert 5 <= missed <= redis_db.command_calls()["eval"] - before
    holds(sale, buyers.told)


def test_an_evicting_policy_stops_selling(stack, faults, crowd, holds, redis_db):
    """FR9: seen at the next connection; not ready, with the reason; goes on once it is mended."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        redis_db.client.config_set("maxmemory-policy", "allkeys-lru")
        try:
            faults.engine_redis.cut()
            for engine in stack.engines:
                wait_until(lambda: "noeviction" in causes(engine).get("redis", ""), 30, "named")
            began = time.monotonic()
            wait_until(lambda: codes_since(buyers, began) == {"overloaded"}, 30, "refused")
            detail = expect(Buyer(stack, "named").purchase(sale), 503, "overloaded")["detail"]
            assert "takes no purchase" in detail
        finally:
            redis_db.client.config_set("maxmemory-policy", "noeviction")
        wait_for_wins(buyers)
    holds(sale, buyers.told)


class Refusal:
    """A Redis that lives and refuses: how it comes, and goes."""

    def __init__(self, redis_db, services):
        self.client, self.other = redis_db.client, Redis(services).client
        self.services = services

    def settings(self, setting, value, back):
        self.client.config_set(setting, value)
        return lambda: self.client.config_set(setting, back)

    def oom(self):
        return self.settings("maxmemory", "1mb", "0")

    def noreplicas(self):
        return self.settings("min-replicas-to-write", "1", "0")

    def misconf(self):
        """The snapshot cannot be written: a directory has its name."""
        path = self.services.directory / "redis" / "data" / "dump.rdb"
        path.unlink(missing_ok=True)
        path.mkdir()
        self.client.config_set("save", "3600 1000000")
        self.client.bgsave()
        wait_until(lambda: self._saved() == "err", 30, "it fails")

        def mend():
            path.rmdir()
            self.client.bgsave()
            wait_until(lambda: self._saved() == "ok", 30, "it is written")
            self.client.config_set("save", "")
            path.unlink()

        return mend

    def _saved(self):
        return self.client.info("persistence")["rdb_last_bgsave_status"]

    def busy(self):
        """A script without end."""
        self.client.config_set("busy-reply-threshold", "50")
        thread = threading.Thread(target=self._run_script)
        thread.start()

        def mend():
            self.client.script_kill()
            thread.join()
            self.client.config_set("busy-reply-threshold", "5000")

        return mend

    def _run_script(self):
        with pytest.raises(redis.ResponseError, match="killed by user"):
            self.other.eval("while true do end", 0)

    def readonly(self):
        """Demoted, of a primary that is not there; the promotion begins another history."""
        self.client.execute_command("REPLICAOF", "127.0.0.1", "1")
        return lambda: self.client.execute_command("REPLICAOF", "NO", "ONE")


@pytest.mark.parametrize("how, text, words", [
    pytest.param("oom", "OOM", "no memory left", marks=pytest.mark.representative),
    ("misconf", "MISCONF", "cannot write to its disk"),
    ("busy", "BUSY", "busy with something else"),
    ("noreplicas", "NOREPLICAS", "misses its replicas"),
    ("readonly", "no primary but a slave", "is a replica"),
])
def test_a_living_redis_refuses(stack, faults, crowd, holds, redis_db, how, text, words):
    """FR9, FR10: refused by cause, nothing taken; goes on by itself when the cause has gone."""
    sale = stack.admin.open_sale(stock=5000)
    shed = total(stack, "shed_total", cause=f"redis-{how}")
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        mend = getattr(Refusal(redis_db, faults.services), how)()
        try:
            for engine in stack.engines:
                wait_until(lambda: text in causes(engine).get("redis", ""), 30,
                           "readiness has the server's text")
            began = time.monotonic()
            refused = [Buyer(stack, "named", number).purchase(sale) for number in (0, 1)]
            assert all(words in expect(each, 503, "overloaded")["detail"] for each in refused)
            seq = how != "busy" and redis_db.meta(sale)["seq"]
            wait_until(lambda: len([answer for answer in list(buyers.told)
                                    if answer.began > began]) > 20, 30, "they go on asking")
            assert codes_since(buyers, began) == {"overloaded"}
            assert how == "busy" or redis_db.meta(sale)["seq"] == seq
            assert total(stack, "shed_total", cause=f"redis-{how}") >= shed + 20
        finally:
            mend()
        wait_for_wins(buyers)
    # A promotion is another history: the guard loads the sale, and it is opened.
    rebuilt = {"rebuilding"} if how == "readonly" else set()
    assert codes_since(buyers, began) <= UNSURE_TOO | rebuilt
    for engine in stack.engines:
        if how != "readonly":
            engine.wait_log("redis_refuses")
        wait_until(engine.is_ready, 30, "ready again")
    holds(sale, buyers.told)


@pytest.mark.parametrize("how", ["maxclients", "password"])
def test_redis_lets_nobody_in(stack, faults, crowd, holds, redis_db, how):
    """FR11: not ready, with the server's text; it is tried again at a slower and slower pace."""
    sale = stack.admin.open_sale(stock=5000)
    client = redis_db.client
    setting, value, back, text = {
        "maxclients": ("maxclients", "1", "10000", "max number of clients reached"),
        "password": ("requirepass", "another", "", "NOAUTH"),
    }[how]
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        client.config_set(setting, value)  # this connection is in
        try:
            faults.engine_redis.cut()
            for engine in stack.engines:
                wait_until(lambda: text in causes(engine).get("redis", ""), 30, "named")
            began, before = time.monotonic(), connects(stack)
            wait_until(lambda: time.monotonic() > began + 4, 30, "4 s")
            # The mean wait grows to 1 s; the shortest is 10 ms.
            assert connects(stack) - before <= 2 * 4 * 8
            assert codes_since(buyers, began) == {"overloaded"}
            detail = expect(Buyer(stack, "named").purchase(sale), 503, "overloaded")["detail"]
            assert "takes no purchase" in detail
        finally:
            client.config_set(setting, back)
        wait_for_wins(buyers)
    holds(sale, buyers.told)


def test_nothing_comes_back(stack, faults, crowd, holds):
    """FR7: the way is silent: unknown at D, then refused."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        faults.engine_redis.set("down", blackhole=1)
        silent = time.monotonic()
        for engine in stack.engines:
            wait_until(lambda: "in time" in causes(engine).get("redis", ""), 30, "given up")
        wait_until(lambda: "overloaded" in codes_since(buyers, silent), 30, "refused")
        faults.engine_redis.clear()
        faults.engine_redis.cut()
        wait_for_wins(buyers)
    assert codes_since(buyers, silent) <= UNSURE_TOO
    holds(sale, buyers.told)


def test_links_that_come_up_and_go(stack, faults, crowd, holds):
    """FR7: a way that breaks after each greeting brings no storm of connections."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        before = connects(stack)
        faults.engine_redis.set("down", limit=12000)
        faults.engine_redis.cut()
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + 6, 30, "6 s")
        count = connects(stack) - before
        faults.engine_redis.clear()
        wait_for_wins(buyers)
    # Two lines a connection; the nth try of an engine waits up to 50 ms * 2^n, at most 2 s.
    assert 4 <= count <= 2 * 2 * 20, count
    assert codes_since(buyers, began) <= UNSURE_TOO
    holds(sale, buyers.told)


GARBAGE = {
    "stock is no hash": ("stock", lambda client, key: client.set(key, "x")),
    "units are no number": ("stock", lambda client, key: client.hset(key, "a", "many")),
    "buyers are no hash": ("buyers", lambda client, key: client.set(key, "x")),
    "the outbox is no stream": ("outbox", lambda client, key: client.set(key, "x")),
    "the limit is no number": ("meta", lambda client, key: client.hset(key, "limit", "-")),
}


def content(redis_db, sale):
    return {each: redis_db.client.dump(redis_db.key(sale, each))
            for each in ("meta", "stock", "buyers", "outbox")}


def at_rest(redis_db, sale):
    """Its keys, once what was won before is acknowledged: no change for half a second."""
    seen = [content(redis_db, sale)]

    def rests():
        began = time.monotonic()
        wait_until(lambda: time.monotonic() > began + 0.5, 10, "half a second")
        seen.append(content(redis_db, sale))
        return seen[-1] == seen[-2]
    wait_until(rests, 30, "nothing changes any more")
    return seen[-1]


@pytest.mark.parametrize("what", [
    pytest.param("units are no number", marks=pytest.mark.representative),
    *[name for name in GARBAGE if name != "units are no number"]])
def test_garbage_in_a_key(stack, crowd, holds, redis_db, what):
    """FR13: refused before the first write, told to the operator with the next step; that step,
    a load, brings the sale back."""
    sale = stack.admin.open_sale(stock=5000)
    other = stack.admin.open_sale(stock=50)
    name, spoil = GARBAGE[what]
    key = redis_db.key(sale, name)
    with crowd(sale, threads=2) as buyers:
        wait_for_wins(buyers)
        alarms = total(stack, "redis_errors_total", cause="type")
        spoil(redis_db.client, key)
        began = time.monotonic()
        wait_until(lambda: codes_since(buyers, began) == {"rebuilding"}, 30, "refused")
        before = at_rest(redis_db, sale)
        for engine in (0, 1):
            expect(Buyer(stack, "named", engine).purchase(sale), 503, "rebuilding")
            assert win_all(stack, other, [(f"other-{engine}", f"key-of-other-{engine:04}", "a")],
                           engines=(engine,))
            stack.engines[engine].wait_log(f"event=sale_unreadable sale={sale}")
        assert total(stack, "redis_errors_total", cause="type") > alarms
        assert before == content(redis_db, sale)
        stack.admin.recover(sale)
        wait_for_wins(buyers)
    assert codes_since(buyers, began) <= UNSURE_TOO | {"rebuilding"}
    holds(sale, buyers.told)
