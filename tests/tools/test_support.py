"""tests/support: the helpers that other tests trust."""

import base64
import hashlib
import hmac
import json
import os
import signal
import socket
import subprocess
import threading

import pytest

from support import failpoints, http_raw, metrics, ports, processes, tokens
from support.db import OrderEvent, compose_order_no, decode_order
from support.wait import hold_for, stands_still, wait_until


class Server:
    """Answers one connection with fixed bytes; keeps what was sent."""

    def __init__(self, answer):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        self.answer, self.received = answer, b""
        self.thread = threading.Thread(target=self._serve)
        self.thread.start()

    def _serve(self):
        connection, _ = self.listener.accept()
        with connection:
            connection.sendall(self.answer)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                self.received += data

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.thread.join(10)
        self.listener.close()


def read_one(answer):
    with Server(answer) as server:
        with http_raw.Connection(server.address) as connection:
            return connection.read_response()


def test_wait_until_returns_the_value():
    values = iter([0, None, "here"])
    assert wait_until(lambda: next(values), 5, "a value") == "here"


def test_wait_until_fails_at_the_deadline_and_says_why():
    with pytest.raises(AssertionError, match="not within 0.05 s: the moon .*last value 0"):
        wait_until(lambda: 0, 0.05, "the moon")


def test_wait_until_tells_the_ignored_error_and_passes_on_others():
    def refuse():
        raise ConnectionRefusedError("nobody")
    with pytest.raises(AssertionError, match="nobody"):
        wait_until(refuse, 0.05, "somebody", ignoring=(OSError,))
    with pytest.raises(ConnectionRefusedError):
        wait_until(refuse, 0.05, "somebody")


def test_hold_for_fails_at_the_first_false():
    values = iter([True, False])
    with pytest.raises(AssertionError, match="did not hold"):
        hold_for(lambda: next(values), 5, "it")


def test_ports_are_free_different_and_not_for_outgoing_connections():
    found = [ports.free_port() for _ in range(20)]
    assert len(set(found)) == 20
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        low, high = map(int, file.read().split())
    assert not [port for port in found if low <= port <= high]


def test_a_good_answer_is_read():
    response = read_one(b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nA:  b \r\n\r\n{}")
    assert (response.status, response.reason, response.body) == (201, "Created", b"{}")
    assert response.header("a") == "b"
    assert response.header("absent") is None


def test_pipelined_answers_are_read_in_order():
    one = b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n"
    with Server(one + b"a" + one + b"b") as server:
        with http_raw.Connection(server.address) as connection:
            assert connection.read_response().body == b"a"
            assert connection.read_response().body == b"b"
            connection.expect_close()


@pytest.mark.parametrize("answer", [
    b"", b"HTTP/1.1 200 OK\r\n", b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab",
    b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent Length: 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
])
def test_a_bad_answer_is_refused(answer):
    with pytest.raises(http_raw.ProtocolError):
        read_one(answer)


def test_expect_close_sees_more_bytes():
    with Server(b"x") as server:
        with http_raw.Connection(server.address) as connection:
            with pytest.raises(AssertionError, match="unexpected"):
                connection.expect_close()


def test_a_request_is_encoded():
    assert http_raw.encode("POST", "/p", {"A": "b"}, b"{}") == (
        b"POST /p HTTP/1.1\r\nHost: seckill.test\r\nContent-Length: 2\r\nA: b\r\n\r\n{}")
    assert http_raw.encode("GET", "/", [("host", "h")]) == b"GET / HTTP/1.1\r\nhost: h\r\n\r\n"


def decode_part(text):
    return json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))


def test_a_token_verifies():
    secret = b"s" * 32
    head, body, signature = tokens.mint(secret, "b1").split(".")
    good = hmac.new(secret, f"{head}.{body}".encode(), hashlib.sha256).digest()
    assert tokens.b64url(good) == signature
    assert decode_part(head) == {"alg": "HS256", "typ": "JWT", "kid": "default"}
    assert decode_part(body)["sub"] == "b1"


def test_forgeries_differ_from_each_other_and_from_good_ones():
    forged = tokens.forgeries(b"s" * 32, "b1")
    assert len(set(forged.values())) == len(forged) > 40
    assert tokens.mint(b"s" * 32, "b1") not in forged.values()


def test_a_claim_can_be_left_out():
    body = tokens.mint(b"s" * 32, "b1", exp=tokens.ABSENT).split(".")[1]
    assert "exp" not in decode_part(body)


def test_order_events_go_there_and_back():
    event = OrderEvent(1, compose_order_no(7, 3, 9), "b", "a", 1, 199900, "CNY", 0, "", 1, 2, "")
    again = decode_order(event.encode())
    assert again == event
    assert (again.sale, again.epoch, again.seq) == (7, 3, 9)


def test_config_text_groups_and_quotes():
    text = processes.config_text({"a.x": 1, "b.y": 'q"\\', "a.z": True})
    assert text == 'a: { x = 1; z = true; };\nb: { y = "q\\"\\\\"; };\n'


GOOD_METRICS = """# HELP s_seconds Time.
# TYPE s_seconds histogram
s_seconds_bucket{le="0.1",r="a"} 1
s_seconds_bucket{le="+Inf",r="a"} 3
s_seconds_sum{r="a"} 0.5
s_seconds_count{r="a"} 3
# TYPE c_total counter
c_total{r="x \\"y\\""} 2
c_total{r="z"} 5
"""


def test_metrics_are_read():
    read = metrics.Metrics(GOOD_METRICS)
    assert read.check_histograms() == 1
    assert read.total("c_total") == 7
    assert read.get("c_total", r="z") == 5
    with pytest.raises(KeyError):
        read.get("c_total")


@pytest.mark.parametrize("bad, what", [
    (GOOD_METRICS.replace('le="+Inf",r="a"} 3', 'le="+Inf",r="a"} 0'), "cumulative"),
    (GOOD_METRICS.replace("count{r=\"a\"} 3", "count{r=\"a\"} 4"), "count"),
    (GOOD_METRICS.replace('le="+Inf"', 'le="7"'), "no .Inf"),
])
def test_a_broken_histogram_is_seen(bad, what):
    with pytest.raises(AssertionError, match=what):
        metrics.Metrics(bad).check_histograms()


@pytest.mark.parametrize("bad", ["a 1", "a{b} 1\n", "a{b=c} 1\n", "a 1\na 1\n", "9a 1\n",
                                 "# TYPE a counter\n# TYPE a counter\n"])
def test_malformed_metrics_are_refused(bad):
    with pytest.raises(AssertionError):
        metrics.Metrics(bad)


def test_a_process_is_started_frozen_and_ended(tmp_path):
    process = processes.Process("sleeper", ["sleep", "600"], tmp_path).start()
    process.freeze()
    assert process.is_alive()
    process.thaw()
    process.kill()
    assert not process.is_alive()
    process.forget()


def test_a_process_that_distrusted_a_reply_of_redis_fails_its_test(tmp_path):
    script = "trap 'exit 0' TERM; echo event=redis_reply_distrusted; while :; do sleep 0.1; done"
    process = processes.Process("mixed-up", ["bash", "-c", script], tmp_path).start()
    wait_until(lambda: "distrusted" in process.log_text(), 10, "it tells")
    with pytest.raises(AssertionError, match="redis_reply_distrusted"):
        process.terminate()


def test_a_process_that_fails_shows_its_log(tmp_path):
    process = processes.Process("liar", ["sh", "-c", "echo oh no; exit 3"], tmp_path).start()
    assert process.wait_for_exit(10) == 3
    assert processes.tails()[-1] == ("liar", "oh no\n")
    with pytest.raises(AssertionError, match="status 3:\noh no"):
        process.terminate()


def test_terminate_asks_for_a_clean_end(tmp_path):
    script = "trap 'exit 0' TERM; echo up; while :; do sleep 0.01; done"
    process = processes.Process("good", ["bash", "-c", script], tmp_path).start()
    wait_until(lambda: "up" in process.log_text(), 10, "it runs")
    process.terminate()
    assert process.popen.returncode == 0
    process = processes.Process("deaf", ["sleep", "600"], tmp_path).start()
    with pytest.raises(AssertionError, match=f"status {-signal.SIGTERM}"):
        process.terminate()


class Armed(processes.Daemon):
    """A daemon that is not started; it takes what it is armed with as failpoint_hit() does."""

    def __init__(self, name, directory):
        super().__init__(name, "seckilld", {}, directory, 0)

    def pass_point(self, point):
        try:
            armed, action, claim, taken = self.failpoint_path.read_text().split()
            if armed == point:
                os.rename(claim, taken)
                return action
        except FileNotFoundError:
            pass
        return None


@pytest.fixture
def armed(tmp_path, monkeypatch):
    monkeypatch.setattr(processes.paths, "program", lambda name: name)
    return [Armed("one", tmp_path), Armed("two", tmp_path)]


def test_of_several_armed_daemons_one_acts(armed):
    one, two = armed
    shot = failpoints.arm(armed, "here", "fail")
    assert shot.taker() is None and not one.was_hit()
    assert one.pass_point("there") is None
    assert [two.pass_point("here"), one.pass_point("here"), two.pass_point("here")] == [
        "fail", None, None]
    assert shot.wait(1) is two and two.was_hit() and not one.was_hit()
    assert not shot.disarm(), "it is done"


def test_a_disarmed_shot_is_taken_by_nobody(armed):
    shot = failpoints.arm(armed, "here", "fail")
    assert shot.disarm() and shot.disarm()
    assert [each.pass_point("here") for each in armed] == [None, None]
    with pytest.raises(AssertionError, match="somebody passes here"):
        shot.wait(0.05)


def test_who_read_an_old_shot_does_not_take_the_new_one(armed):
    one, two = armed
    old = failpoints.arm(armed, "here", "fail")
    line = one.failpoint_path.read_text()
    new = failpoints.arm(armed, "here", "fail")
    one.failpoint_path.write_text(line)  # as if it had been read before
    assert one.pass_point("here") is None
    assert two.pass_point("here") == "fail"
    assert (old.taker(), new.taker()) == (None, two) and two.was_hit()


def test_a_stop_is_done_when_the_process_stands(armed):
    daemon = armed[0]
    daemon.popen = subprocess.Popen(["sleep", "60"])
    try:
        shot = failpoints.arm([daemon], "here", "stop")
        daemon.pass_point("here")
        thread = threading.Timer(0.2, lambda: daemon.send(signal.SIGSTOP))
        thread.start()
        assert shot.wait() is daemon and stands_still(daemon.pid)
        thread.join()
    finally:
        daemon.kill()
    shot = failpoints.arm([daemon], "here", "kill")
    daemon.pass_point("here")
    assert shot.wait(1) is daemon
