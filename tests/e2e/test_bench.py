"""seckill-bench against the real thing: it makes the sale, and its result stands on the audit."""

import concurrent.futures
import json
import re
import subprocess

import pytest

from support import paths
from support.admin import AdminError
from support.bench_server import DONE, ERRORS, NOT_STARTED, USAGE
from support.crowd import ask_all
from support.wait import wait_until

SMALL = ["--rate", "400", "--connections", "16", "--warmup", "0", "--profile", "constant"]


@pytest.fixture
def bench(stack, tmp_path):
    def run(*words, token_file=stack.admin_token_file):
        host, port = stack.address()
        report = tmp_path / "report.json"
        result = subprocess.run(
            list(map(str, [  # the fixture's defaults first: a test's own words override them
                paths.program("seckill-bench"), "--url", f"http://{host}:{port}", "--secret-file",
                stack.secret_file, "--admin", "http://%s:%d" % stack.admin.address,
                "--admin-token-file", token_file, "--quiet", "--json", report, *words])),
            capture_output=True, text=True, timeout=100, check=False)
        result.report = json.loads(report.read_text()) if report.exists() else None
        return result
    return run


def made_sale(result):
    return int(re.search(r"sale (\d+) is open", result.stderr)[1])


@pytest.mark.parametrize("scenario, buyers, stock, outcomes", [
    ("win", 300, 300, {"accepted": 300}),
    ("sold-out", 300, 20, {"accepted": 20, "sold-out": 280}),
    ("duplicate-clicks", 200, 200, {"accepted": 200, "replayed": 400}),
    ("replay", 100, 100, None),
    ("retry", 200, 100, None),
    ("mixed", 400, 50, None),
    ("bad-token", 300, 300, None),
    ("unknown-sale", 300, 300, None),
])
def test_each_scenario_makes_its_sale_and_its_audit_holds(bench, stack, scenario, buyers, stock,
                                                          outcomes):
    result = bench("--scenario", scenario, "--buyers", buyers, "--stock", stock, "--duration",
                   1 if scenario == "replay" else 0, "--prefix", f"e2e-{scenario}", *SMALL)
    assert result.returncode == DONE, result.stdout + result.stderr
    assert result.report["audit"]["holds"] and "audit: holds" in result.stdout
    assert "told holds" in result.stdout  # what buyers heard was compared with the rows
    told = result.report["outcomes"]
    assert outcomes is None or told == outcomes
    if scenario == "replay":
        assert set(told) == {"replayed"}
    sale = stack.admin.sale(made_sale(result))
    assert sale["name"] == scenario and sale["skus"][0]["total"] == stock
    assert sum(sku["sold"] for sku in sale["skus"]) <= stock


def test_stock_is_shared_among_skus_and_the_number_is_taken(bench, stack):
    result = bench("--sale", 4242, "--sku", "red", "--sku", "blue", "--sku", "green", "--stock", 31,
                   "--limit", 2, "--buyers", 60, *SMALL)
    assert result.returncode == DONE, result.stdout + result.stderr
    sale = stack.admin.sale(4242)
    assert {sku["sku"]: sku["total"] for sku in sale["skus"]} == {
        "red": 11, "blue": 10, "green": 10}
    assert sale["limit_per_buyer"] == 2
    again = bench("--sale", 4242, "--stock", 31, "--buyers", 60, *SMALL)
    assert again.returncode == NOT_STARTED and again.stderr.count("\n") == 1


def test_an_order_that_the_crowd_was_not_told_of_fails_the_run(bench, stack):
    """A stranger buys in the sale while the crowd does: for this run that is a row untold."""
    def buy():
        wait_until(lambda: stack.admin.sale(4243)["redis"]["state"] == "open", 30, "the sale",
                   ignoring=(AdminError, TypeError))
        wait_until(lambda: [answer.status for answer in ask_all(
            stack, 4243, [("stranger", "key-of-the-stranger", "a")])] == [201], 30, "the order")
    with concurrent.futures.ThreadPoolExecutor() as pool:
        bought = pool.submit(buy)
        result = bench("--sale", 4243, "--stock", 1000, "--buyers", 600, "--rate", 200)
        bought.result()
    assert result.returncode == ERRORS, result.stdout + result.stderr
    assert "1 rows untold" in result.stdout and "audit: DOES NOT HOLD" in result.stdout
    assert not result.report["audit"]["holds"]


def test_what_the_admin_api_refuses_is_one_line(bench, tmp_path):
    wrong = tmp_path / "wrong-token"
    wrong.write_text("x" * 48 + "\n")
    result = bench("--buyers", 1, "--stock", 1, token_file=wrong)
    assert result.returncode == NOT_STARTED
    assert result.stderr.startswith("seckill-bench: 401 ") and result.stderr.count("\n") == 1


@pytest.mark.parametrize("words, complaint", [
    (["--buyers", "1"], "--stock, for the sale that --admin makes, is needed"),
    (["--buyers", "1", "--stock", "1", "--audit", "true"], "it needs no --audit"),
    (["--buyers", "1", "--stock", "1", "--admin-token-file", "/nonexistent"], "/nonexistent: No"),
])
def test_wrong_use_is_told(bench, words, complaint):
    result = bench(*words)
    assert result.returncode == USAGE
    assert complaint in result.stderr and result.stderr.count("\n") == 1
