"""What seckill-bench measures: servers with known delays, stalls and faults, and what it then says.

Times are compared loosely: only what the server itself makes long is asserted.
"""

import re
import resource
import threading
import time

import pytest

from support import ports
from support.bench_server import DONE, ERRORS, NOT_STARTED, SOLD_OUT, ManyServer, Server, Shop
from support.wait import wait_until

CLOSING = SOLD_OUT.replace(b"X\r\n", b"X\r\nConnection: close\r\n", 1)
CONNECTIONS = 15000


class Stall:
    """Answers at once, but for the time from `begin_s` to `end_s` after its first request."""

    def __init__(self, begin_s, end_s):
        self.begin_s, self.end_s, self.lock, self.first = begin_s, end_s, threading.Lock(), None

    def __call__(self, *_):
        with self.lock:
            now = time.monotonic()
            self.first = self.first or now
        wait_until(lambda: not self.begin_s <= time.monotonic() - self.first < self.end_s, 30,
                   "the end of the stall", interval_s=0.005)
        return SOLD_OUT


def delay(seconds):
    end = time.monotonic() + seconds
    wait_until(lambda: time.monotonic() >= end, seconds + 30, "the delay", interval_s=0.005)


def test_percentiles_are_those_of_the_server_s_delays(bench):
    """One request in twenty takes 0.4 s, the others nothing."""
    def decide(number, *_):
        if number % 20 == 7:
            delay(0.4)
        return SOLD_OUT
    result = bench(Server(decide).url, "--buyers", 400, "--rate", 200, "--connections", 32)
    latency = result.report["latency_ms"]["sold-out"]
    assert result.returncode == DONE and latency["count"] == 400
    assert latency["p50"] < 400 and latency["p90"] < 400
    assert latency["p99"] >= 396 and latency["max"] >= 400  # buckets are 1 % wide
    assert latency["mean"] >= 0.05 * 400


@pytest.mark.parametrize("connections", [4, 64])
def test_a_stall_of_a_second_is_seen_by_all_who_were_meant_to_come_in_it(bench, connections):
    """400 a second for 3 s, a stall of 1 s: a third waits, half of these for more than 0.5 s."""
    stall = Stall(1, 2)
    result = bench(Server(stall).url, "--rate", 400, "--duration", 3, "--connections", connections)
    assert result.returncode == DONE and result.report["answered"] == 1200
    latency = result.report["latency_ms"]["all"]
    assert latency["max"] >= 900
    assert latency["p90"] >= 600  # the slowest tenth came in the first 0.3 s of the stall
    rows = result.report["timeline"]["rows"]
    assert sum(row["sent"] for row in rows) == 1200
    if connections == 4:
        assert result.report["late"] > 200  # no connection was free for them
        assert result.report["generator"]["late"] < result.report["late"] / 2


def test_a_closed_loop_hides_that_stall(bench):
    """The reason why the open loop is the default."""
    result = bench(Server(Stall(1, 2)).url, "--closed", "--duration", 3)
    assert result.report["latency_ms"]["all"]["p90"] < 600
    assert result.report["latency_ms"]["all"]["max"] >= 900


def test_who_waits_at_the_end_of_the_time_is_still_served(bench):
    result = bench(Server(Stall(0.5, 1.5)).url, "--rate", 200, "--duration", 1)
    assert result.returncode == DONE
    assert result.report["sent"] == result.report["answered"] == 200
    assert result.report["latency_ms"]["all"]["p90"] >= 400


def test_a_server_that_stalls_for_good_ends_the_run(bench):
    result = bench(Server(Stall(0.3, 8)).url, "--rate", 100, "--duration", 1, "--timeout", 500)
    assert result.returncode == ERRORS
    assert result.report["answered"] == 100  # all are told of, sent or not
    outcomes = result.report["outcomes"]
    assert outcomes["timeout"] == 100 - outcomes["sold-out"] > 50
    assert result.report["generator"]["unsent"] == 100 - result.report["sent"] > 0
    assert "never sent" in result.stdout


def test_a_server_that_goes_away_ends_a_run_of_buyers(bench):
    gone = threading.Event()

    def decide(number, *_):
        if number == 20 and not gone.is_set():
            gone.set()
            server.stop_listening()
        return None if gone.is_set() else SOLD_OUT
    server = Server(decide)
    result = bench(server.url, "--rate", 200, "--buyers", 100, "--timeout", 300)
    assert result.returncode == ERRORS and result.report["answered"] == 100
    outcomes = result.report["outcomes"]
    assert outcomes["sold-out"] == 20 and outcomes["lost"] + outcomes["timeout"] == 80
    assert sum(line.startswith("lost ") for line in result.told) == outcomes["lost"]


@pytest.mark.parametrize("words", [["--reconnect"], ["--threads", "2"]], ids=" ".join)
def test_a_refused_connection_before_the_start_is_named(bench, words):
    port = ports.free_port()
    result = bench(f"http://127.0.0.1:{port}", "--buyers", 10, *words)
    assert result.returncode == NOT_STARTED
    assert f"no connection to 127.0.0.1:{port}: Connection refused" in result.stderr


@pytest.mark.parametrize("reply", [SOLD_OUT, CLOSING], ids=["stays", "closes"])
@pytest.mark.parametrize("loop", [["--rate", "300", "--buyers", "300"],
                                  ["--closed", "--buyers", "300"]], ids=["open", "closed"])
def test_reconnect_is_a_connection_for_each_request(bench, reply, loop):
    server = Server(lambda *_: reply)
    result = bench(server.url, "--reconnect", *loop)
    assert result.returncode == DONE, result
    assert result.report["outcomes"] == {"sold-out": 300} and result.report["reconnect"]
    assert server.accepted == 301  # and one to see whether there is a server
    assert all("\nConnection: close\r" in head for head in server.heads)


def test_reconnect_counts_the_connections_that_are_cut(bench):
    server = Server(lambda number, *_: None if number % 10 == 3 else SOLD_OUT)
    result = bench(server.url, "--reconnect", "--rate", 300, "--buyers", 100)
    assert result.returncode == ERRORS
    assert result.report["outcomes"] == {"sold-out": 90, "lost": 10}


@pytest.mark.parametrize("words", [[], ["--reconnect"], ["--closed"], ["--sign", "live"]],
                         ids=lambda words: " ".join(words) or "open")
def test_who_drops_the_connection_asks_again_with_the_same_bytes(bench, words):
    shop, seen = Shop(), []

    def decide(number, head, body):
        seen.append(re.sub(r"\r\nHost: \S+", "", head))
        return shop(number, head, body)
    result = bench(Server(decide).url, "--drop", 1, "--buyers", 100, "--rate", 300, *words)
    assert result.returncode == DONE, result
    assert result.report["generator"]["dropped"] == 100 and result.report["sent"] == 200
    assert result.report["answered"] == len(result.told) == 100
    assert sum(result.report["outcomes"].values()) == 100
    assert set(result.report["outcomes"]) <= {"accepted", "replayed"}
    # The server may not read what was on a connection that is closed; all asked in the end.
    assert len(set(seen)) == len(shop.keys) == 100


def test_tokens_signed_on_the_way_are_as_good(bench):
    shop = Shop()
    result = bench(Server(shop).url, "--sign", "live", "--threads", 3, "--buyers", 500,
                   "--rate", 1500, "--twice", 0.2, "--click", 0.2)
    assert result.returncode == DONE and result.report["sign"] == "live"
    assert set(result.report["outcomes"]) == {"accepted", "replayed"}
    assert len({line.split()[1] for line in result.told}) == 500


def test_tokens_are_signed_as_long_as_the_time_lasts(bench):
    """The crowd begins anew: the ring goes round."""
    with ManyServer(SOLD_OUT) as server:
        result = bench(server.url, "--sign", "live", "--buyers", 3, "--closed", "--duration", 2)
    assert result.returncode == DONE and result.report["answered"] > 100


def test_connections_come_from_all_sources(bench):
    with ManyServer(SOLD_OUT) as server:
        result = bench(server.url, "--sources", "127.0.0.5,127.0.0.9", "--connections", 20,
                       "--buyers", 50)
        assert result.returncode == DONE and server.peers == {"127.0.0.5": 10, "127.0.0.9": 10}
        server.peers.clear()
        assert bench(server.url, "--sources", 3, "--connections", 30,
                     "--buyers", 50).returncode == DONE
        assert server.peers == {f"127.0.0.{number}": 10 for number in (1, 2, 3)}


def test_free_connections_take_turns(bench):
    server = Server(lambda *_: SOLD_OUT)
    result = bench(server.url, "--connections", 10, "--buyers", 100, "--rate", 200)
    assert result.returncode == DONE
    assert len(server.asked_on) == 10 and min(server.asked_on.values()) > 1, server.asked_on


def test_thousands_of_connections(bench):
    """15,000 where the descriptor limit allows it, else as many as it does."""
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    wanted = min(CONNECTIONS, hard - 1000)
    if wanted < CONNECTIONS:
        print(f"only {wanted} connections: the descriptor limit is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    try:
        with ManyServer(SOLD_OUT) as server:
            result = bench(server.url, "--connections", wanted, "--sources", 4, "--threads", 2,
                           "--rate", 4000, "--buyers", wanted + 5000)
            assert result.returncode == DONE, result
            assert server.most == wanted and len(server.peers) == 4
            assert result.report["outcomes"] == {"sold-out": wanted + 5000}
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_too_many_connections_for_the_limit_are_refused(bench):
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    result = bench("http://127.0.0.1:1", "--connections", hard, "--buyers", 1)
    assert result.returncode == NOT_STARTED and f"the limit is {hard}" in result.stderr


def test_the_generator_says_that_it_is_the_bottleneck(bench):
    """More than one thread can send, whatever the machine."""
    with ManyServer(SOLD_OUT) as server:
        result = bench(server.url, "--rate", 1000000, "--duration", 0.2, "--connections", 4000,
                       "--timeout", 500)
    assert result.report["generator"]["bottleneck"]
    assert "THE GENERATOR WAS THE BOTTLENECK" in result.stdout
    # A busy machine may hold up one of few for some milliseconds; a second it is not.
    slow = bench(Server(lambda *_: SOLD_OUT).url, "--rate", 20, "--buyers", 20, "--late", 1000)
    assert not slow.report["generator"]["bottleneck"], slow.report["generator"]
