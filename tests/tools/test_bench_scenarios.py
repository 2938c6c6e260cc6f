"""The scenarios of bench/scenarios, and what a scenario file may say."""

import base64
import hashlib
import hmac
import json
import re
import subprocess
import threading

import pytest

from support import paths
from support.bench_server import (DONE, ERRORS, NOT_STARTED, SOLD_OUT, USAGE, Server,
                                  Shop, won)

SCENARIOS = sorted((paths.ROOT / "bench" / "scenarios").glob("*.conf"))


def small(**extra):
    """Options that make any scenario a small one."""
    words = {"buyers": 200, "rate": 2000, "connections": 8, "warmup": 0, "duration": 0,
             "profile": "constant", "stock": 100000, **extra}
    return [word for name, value in words.items() for word in ("--" + name, str(value))]


def test_there_are_scenarios_for_all_that_a_crowd_does():
    names = {path.stem for path in SCENARIOS}
    assert names >= {"win", "sold-out", "mixed", "duplicate-clicks", "bad-token", "unknown-sale",
                     "retry", "replay", "pay-lapse"}
    built = (paths.ROOT / "bench" / "scenarios" / "meson.build").read_text()
    assert names == set(re.findall(r"'([a-z-]+)'", built.partition("foreach")[2].partition("]")[0]))


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.stem)
def test_every_scenario_runs_by_its_name_and_opens_with_a_sentence(bench, path):
    assert re.match(r"# [A-Z].*\.\n", path.read_text())
    result = bench(Server(Shop()).url, "--scenario", path.stem, *small())
    assert result.returncode == DONE, result
    assert result.report["sent"] >= 200 and result.report["scenario"] == path.stem


def test_a_million_buyers_want_ten_thousand_units():
    text = (paths.ROOT / "bench" / "scenarios" / "mixed.conf").read_text()
    assert re.search(r"^buyers = 1000000;$", text, re.M)
    assert re.search(r"^stock = 10000;$", text, re.M)


def test_the_command_line_overrides_the_file_and_lists_are_replaced(bench, tmp_path):
    path = tmp_path / "mine.conf"
    path.write_text('buyers = 30;\nrate = 1000;\nsku = ["red", "blue"];\nquantity = 2;\n'
                    'closed = false;\nkeyed = 0.0;\n')
    seen = []

    def decide(_, head, body):
        seen.append((json.loads(body), "Idempotency-Key" in head))
        return SOLD_OUT
    assert bench(Server(decide).url, "--scenario", path).returncode == DONE
    assert len(seen) == 30
    assert {body["sku"] for body, _ in seen} == {"red", "blue"}
    assert {body["quantity"] for body, _ in seen} == {2} and not any(keyed for _, keyed in seen)
    seen.clear()
    bench(Server(decide).url, "--buyers", 10, "--sku", "green", "--scenario", path)
    assert [body for body, _ in seen] == [{"sku": "green", "quantity": 2}] * 10


@pytest.mark.parametrize("text, complaint", [
    ("buyers = ;", "syntax error"),
    ("pace = 5;", 'no setting of a scenario is "pace"'),
    ('url = "http://127.0.0.1:1";', 'no setting of a scenario is "url"'),
    ("rate = 0;", '--rate is a number from 1 to 1000000, not "0"'),
    ("closed = 5;", 'true or false is the value of "closed"'),
    ("sku = { a = 1; };", "sku is neither text nor number nor a list of them"),
])
def test_what_a_file_says_wrong_is_told_with_its_line(bench, tmp_path, text, complaint):
    path = tmp_path / "wrong.conf"
    path.write_text("# One line before.\n" + text + "\n")
    result = bench("http://127.0.0.1:1", "--scenario", path)
    assert result.returncode == USAGE
    assert complaint in result.stderr and f"{path}:2" in result.stderr, result.stderr


def test_clicks_go_out_at_once_with_one_key(bench):
    """Nobody is answered before all four of a key have come: one after the other would wait."""
    keys, came = {}, threading.Condition()

    def decide(number, head, _):
        key = re.search(r"Idempotency-Key: (\S+)", head)[1]
        with came:
            numbers = keys.setdefault(key, [])
            numbers.append(number)
            is_first = len(numbers) == 1
            came.notify_all()
            assert came.wait_for(lambda: len(numbers) == 4, 30), f"{key} came {len(numbers)} times"
            return won(1000 + min(numbers), not is_first)
    result = bench(Server(decide).url, "--buyers", 20, "--click", 1, "--clicks", 4, "--rate", 200)
    assert result.returncode == DONE
    assert result.report["outcomes"] == {"accepted": 20, "replayed": 60}
    assert {len(numbers) for numbers in keys.values()} == {4}


def test_bad_tokens_and_unknown_sales_are_asked_for_in_their_share(bench):
    result = bench(Server(Shop()).url, "--buyers", 1000, "--rate", 4000, "--unknown-sale", 0.3,
                   "--bad-token", 0.2)
    assert result.returncode == DONE and result.report["errors"] == 0
    outcomes = result.report["outcomes"]
    assert outcomes["unknown-sale"] == pytest.approx(300, abs=60)
    assert outcomes["token-bad"] == pytest.approx(200, abs=60)
    assert outcomes["accepted"] == 1000 - outcomes["unknown-sale"] - outcomes["token-bad"]


def test_winners_pay_cancel_or_let_it_lapse(bench, payment_secret):
    """Each notice once, signed, for the whole amount, after its time; cancels by their buyers."""
    shop, paid, cancelled, lock = Shop(stock=400), {}, set(), threading.Lock()

    def decide(number, head, body):
        fields = dict(re.findall(r"^([\w-]+): (.*?)\r?$", head, re.M))
        if head.startswith("POST /v1/payments/standard "):
            text = ".".join((fields["webhook-id"], fields["webhook-timestamp"], body.decode()))
            mac = hmac.new(payment_secret, text.encode(), hashlib.sha256).digest()
            assert fields["webhook-signature"] == "v1," + base64.b64encode(mac).decode()
            with lock:
                data = json.loads(body)["data"]
                assert paid.setdefault(data["order_no"], data) is data
        elif "/cancel HTTP" in head:
            with lock:
                cancelled.add(re.search(r"orders/(\d+)/cancel", head)[1])
        return shop(number, head, body)
    result = bench(Server(decide).url, "--buyers", 500, "--rate", 2000, "--pay", 0.7, "--cancel",
                   0.1, "--after", 300, "--quantity", 2, "--stock", 400)
    assert result.returncode == DONE, result
    winners = result.report["winners"]
    assert winners == {"paid": len(paid), "cancelled": len(cancelled),
                       "lapsed": 400 - len(paid) - len(cancelled)}
    assert len(paid) == pytest.approx(280, abs=50) and len(cancelled) == pytest.approx(40, abs=25)
    assert {(data["amount"], data["currency"]) for data in paid.values()} == {(500, "CNY")}
    assert not cancelled & paid.keys()
    assert result.report["outcomes"] == {"accepted": 400, "sold-out": 100,
                                         "ok": len(paid) + len(cancelled)}
    told = {line.split()[2] for line in result.told if line.startswith("accepted")}
    assert len(result.told) == 500 and paid.keys() <= told and cancelled <= told
    assert "winners: " in result.stdout


@pytest.mark.parametrize("arguments, complaint", [
    (["--pay", "0.7", "--cancel", "0.4"], "more than 1 together"),
    (["--pay", "1", "--mode", "replay"], "--mode"),
    (["--cancel", "1", "--sign", "live"], "--sign"),
])
def test_winners_who_cannot_be_are_refused(bench, arguments, complaint):
    result = bench("http://127.0.0.1:1", "--buyers", 1, *arguments)
    assert result.returncode == USAGE and complaint in result.stderr, result.stderr


def test_a_server_that_sells_to_a_broken_signature_fails_the_run(bench):
    result = bench(Server(lambda number, *_: won(number + 1)).url, "--buyers", 100, "--rate", 1000,
                   "--bad-token", 0.5)
    assert result.returncode == ERRORS and "BROKEN SIGNATURE" in result.stdout
    assert result.report["generator"]["wrong"] == pytest.approx(50, abs=25)


def test_more_orders_than_stock_fail_the_run(bench):
    server = Server(lambda number, *_: won(1000 + number))
    assert bench(server.url, "--buyers", 10, "--rate", 1000, "--stock", 10).returncode == DONE
    result = bench(server.url, "--buyers", 11, "--rate", 1000, "--stock", 10)
    assert result.returncode == ERRORS
    assert "OVERSOLD: 11 units were told to be won, of 10" in result.stderr


def test_a_ramp_and_a_spike_go_out_in_their_time(bench):
    server = Server(lambda *_: SOLD_OUT)
    result = bench(server.url, "--profile", "ramp", "--rate", 300, "--duration", 1.5)
    assert result.report["sent"] == pytest.approx(285, abs=6)
    assert "on a ramp to 300 a second" in result.stdout
    result = bench(server.url, "--profile", "spike", "--buyers", 500, "--rate", 1)
    assert result.report["sent"] == 500 and result.returncode == DONE
    assert "all in the first second" in result.stdout


def test_installed_scenarios_are_found_by_name(tmp_path):
    """Away from its build, the program looks where scenarios are installed."""
    program = tmp_path / "seckill-bench"
    program.write_bytes(paths.program("seckill-bench").read_bytes())
    program.chmod(0o755)
    result = subprocess.run([program, "--scenario", "no-such"], capture_output=True, text=True,
                            timeout=30, check=False)
    assert result.returncode == USAGE and "share/seckill/scenarios" in result.stderr


def test_a_replay_measures_only_second_answers(bench):
    shop = Shop()
    result = bench(Server(shop).url, "--scenario", "replay", "--buyers", 50, "--rate", 500,
                   "--duration", 0.5, "--connections", 8)
    assert result.returncode == DONE and len(shop.keys) == 50
    assert result.report["outcomes"] == {"replayed": 250}
    outcomes = [line.split()[0] for line in result.told]
    assert outcomes.count("accepted") == 50 and outcomes.count("replayed") == 250


def test_a_replay_of_buyers_who_cannot_win_does_not_begin(bench):
    result = bench(Server(Shop(stock=20)).url, "--mode", "replay", "--win-first", "--buyers", 50)
    assert result.returncode == NOT_STARTED
    assert "only 20 of 50 won before the start" in result.stderr
