"""The fault proxy itself: what it is told happens, and nothing else (INVARIANTS T4)."""

import os
import select
import socket
import threading
import time

import pytest

from support.fault_proxy import FaultProxy
from support.ports import free_port
from support.wait import hold_for, wait_until

DEADLINE_S = 20


class Echo:
    """Sends back what it gets; an ended side ends the other."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    @staticmethod
    def _serve(connection):
        with connection:
            try:
                while data := connection.recv(65536):
                    connection.sendall(data)
            except OSError:
                pass  # the proxy reset it, as it was told


@pytest.fixture
def proxy():
    with FaultProxy() as running:
        yield running


@pytest.fixture
def echo():
    server = Echo()
    yield server
    server.listener.close()


@pytest.fixture
def route(proxy, echo):
    return proxy.route("echo", echo.port)


def connect(route):
    return socket.create_connection(route.address, timeout=DEADLINE_S)


def ask(connection, data):
    connection.sendall(data)
    return read(connection, len(data))


def read(connection, size):
    got = b""
    while len(got) < size:
        part = connection.recv(size - len(got))
        assert part, f"ended after {len(got)} of {size} bytes"
        got += part
    return got


def has_bytes(connection):
    return bool(select.select([connection], [], [], 0)[0])


def test_bytes_pass_unchanged_in_order(route):
    data = os.urandom(3 << 20)
    with connect(route) as connection:
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        assert read(connection, len(data)) == data
        sender.join()


def test_an_ended_side_is_passed_on(route):
    with connect(route) as connection:
        connection.sendall(b"last words")
        connection.shutdown(socket.SHUT_WR)
        assert read(connection, 10) == b"last words"
        assert connection.recv(1) == b""
    wait_until(lambda: route.count() == 0, DEADLINE_S, "the link is gone")


def test_latency_delays_each_direction(route):
    with connect(route) as connection:
        ask(connection, b"warm")
        route.set(latency_ms=100)
        began = time.monotonic()
        assert ask(connection, b"slow") == b"slow"
        assert time.monotonic() - began >= 0.2


def test_jitter_does_not_reorder(route):
    route.set(jitter_ms=20)
    data = b"".join(b"%06d" % number for number in range(2000))
    with connect(route) as connection:
        for at in range(0, len(data), 600):
            connection.sendall(data[at:at + 600])
        assert read(connection, len(data)) == data


def test_bandwidth_is_a_ceiling(route):
    route.set("up", bandwidth=50000)
    data = os.urandom(20000)
    with connect(route) as connection:
        began = time.monotonic()
        assert ask(connection, data) == data
        assert time.monotonic() - began >= 0.3


def test_slices_arrive_apart(route):
    route.set("down", slice=1, slice_gap_us=2000)
    with connect(route) as connection:
        connection.sendall(b"0123456789")
        assert wait_until(lambda: has_bytes(connection), DEADLINE_S, "the first")
        assert len(connection.recv(10)) < 10
        connection.settimeout(DEADLINE_S)


def test_a_blackhole_holds_and_later_lets_go(route):
    with connect(route) as connection:
        ask(connection, b"warm")
        route.set(blackhole=1)
        connection.sendall(b"held")
        hold_for(lambda: not has_bytes(connection), 0.3, "silence")
        with connect(route) as second:  # a network that is silent still has a listener's queue
            second.sendall(b"too")
            hold_for(lambda: not has_bytes(second), 0.2, "silence")
            route.clear()
            assert read(second, 3) == b"too"
        assert read(connection, 4) == b"held"


def test_a_cut_resets_what_is_open(route):
    with connect(route) as connection:
        ask(connection, b"warm")
        route.cut()
        with pytest.raises(ConnectionError):
            while True:
                ask(connection, b"gone")
    with connect(route) as connection:
        assert ask(connection, b"again") == b"again"


def test_a_refused_route_lets_old_ones_live(route):
    with connect(route) as connection:
        ask(connection, b"warm")
        route.refuse()
        with pytest.raises(ConnectionRefusedError):
            connect(route).close()
        assert ask(connection, b"alive") == b"alive"
        route.clear()
        with connect(route) as second:
            assert ask(second, b"back") == b"back"


def test_a_limit_resets_in_mid_reply(route):
    route.set("down", limit=5)
    with connect(route) as connection:
        connection.sendall(b"0123456789")
        got = b""
        with pytest.raises(ConnectionError):
            while part := connection.recv(10):
                got += part
        assert len(got) <= 5


def test_a_service_that_is_away_resets(proxy):
    route = proxy.route("away", free_port())
    with pytest.raises(ConnectionError):  # perhaps already when it connects
        with connect(route) as connection:
            while True:
                ask(connection, b"?")


@pytest.mark.parametrize("line", ["", "nonsense", "cut nobody", "set echo sideways blackhole=1",
                                  "set echo up gravity=1", "set echo up latency_ms=x",
                                  "route echo 1 2", "route x 99999999 1"])
def test_a_command_it_does_not_know_is_an_error(proxy, route, line):
    assert route.name == "echo"
    with pytest.raises(AssertionError, match="error"):
        proxy.command(line)
