"""seckill-bench plan: its arithmetic on a fixed report, and the reports that it refuses."""

import json
import os
import subprocess

import pytest

from support import paths

DONE, DOES_NOT_FIT, USAGE, NOT_MEASURED = 0, 1, 2, 3
REPORT = {
    "version": "0.1.0", "started": "2026-01-02T03:04:05Z", "mode": "purchase",
    "window_seconds": 15.3, "window_answers": 61351, "errors": 0,
    "measured": {"accepted": 12574, "sold-out": 48369},
    "cpu_us_per_request": {"engine": 28.0, "redis": 7.0, "worker": None}, "audit": None,
    "settle": {"orders": 20000, "busy_seconds": 10.0, "orders_per_second_per_consumer": 2000.0},
    "redis_bytes_per_order": None,
}


@pytest.fixture
def plan(tmp_path):
    def run(*arguments, report=None, without=(), text=None, asked=("3000", "20", "0.3")):
        content = {**REPORT, **(report or {})}
        for name in without:
            del content[name]
        path = tmp_path / "report.json"
        path.write_text(json.dumps(content) if text is None else text)
        baseline, factor, headroom = asked
        result = subprocess.run(
            [paths.program("seckill-bench"), "plan", "--baseline-qps", baseline, "--factor",
             factor, "--headroom", headroom, "--measured", str(path), "--json",
             str(tmp_path / "plan.json"), *map(str, arguments)],
            capture_output=True, text=True, timeout=30, check=False)
        result.plan = json.loads((tmp_path / "plan.json").read_text()) \
            if result.returncode in (DONE, DOES_NOT_FIT) else None
        return result
    return run


def test_the_arithmetic_is_shown_line_by_line(plan):
    result = plan("--orders", 1000000, "--settle-within", 100, "--reactors", 2, "--consumers", 4)
    assert result.returncode == DONE and result.stderr == ""
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    for line in [
            "peak 3000 attempts/s x 20 = 60000 attempts/s",
            "engines: 2",
            'measured 28.00 us of CPU a request ("engine")',
            "cores 60000/s x 28.00 us = 1.68 cores busy",
            "reactors 1.68 / 0.70 = 2.40, rounded up: 3, each a thread on a core of its own",
            "engines 3 / 2 reactors an engine (--reactors), rounded up: 2",
            "Redis memory: 477 MiB (maxmemory, for this sale)",
            "orders 1000000 x 350 bytes = 350000000 bytes",
            "room 350000000 / 0.70 = 500000000 bytes, rounded up: 477 MiB",
            "CPU 60000/s x 7.00 us = 0.42 of the one core that decides a sale: within 0.70",
            "partitions of seckill.orders: 8 workers: 2",
            "wanted 1000000 orders / 100 s = 10000 orders/s",
            "measured one busy consumer settles 2000 orders/s",
            "consumers 10000 / (2000 x 0.70) = 7.14, rounded up: 8",
            "workers 8 / 4 consumers a worker (--consumers), rounded up: 2"]:
        assert line in lines, line
    assert any(line.startswith("assumed 350 bytes an order") for line in lines)
    assert "61351 answers in 15.3 s, 20.6 % accepted" in result.stdout


def test_the_plan_as_json_holds_question_sources_and_answer(plan):
    result = plan("--orders", 1000000, "--settle-within", 100, "--reactors", 2, "--consumers", 4)
    assert result.plan["asked"] == {
        "baseline_qps": 3000, "factor": 20, "headroom": 0.3, "orders": 1000000,
        "settle_within_s": 100, "reactors_per_engine": 2, "consumers_per_worker": 4}
    measured = result.plan["measured"]
    assert measured["report"].endswith("report.json") and measured["started"] == REPORT["started"]
    assert measured["bytes_per_order"] == 350 and measured["bytes_per_order_is"] == "assumed"
    assert measured["orders_per_second_per_consumer_is"] == "measured"
    assert result.plan["needed"] == {
        "peak_qps": 60000, "engine_cores": 1.68, "reactors": 3, "engines": 2,
        "redis_memory_mib": 477, "redis_cores": 0.42, "redis_fits": True, "consumers": 8,
        "partitions": 8, "workers": 2}


def test_what_is_told_goes_before_what_is_measured_and_that_before_what_is_assumed(plan):
    measured = {"redis_bytes_per_order": 150.0}
    result = plan("--stock", 1000, report=measured)
    assert result.plan["measured"]["bytes_per_order_is"] == "measured"
    assert "measured  150 bytes an order" in result.stdout
    result = plan("--stock", 1000, "--bytes-per-order", 500, "--settle-rate", 50, report=measured)
    assert result.plan["measured"]["bytes_per_order"] == 500
    assert result.plan["measured"]["bytes_per_order_is"] == "told"
    assert result.plan["measured"]["orders_per_second_per_consumer"] == 50
    assert plan("--orders", 1000, "--settle-rate", 50, report={"settle": None}).returncode == DONE


def test_other_names_of_the_processes_can_be_told(plan):
    named = {"cpu_us_per_request": {"seckilld": 14.0, "valkey": 3.5}}
    assert plan("--orders", 1000, report=named).returncode == NOT_MEASURED
    result = plan("--orders", 1000, "--engine", "seckilld", "--redis", "valkey", report=named)
    assert result.plan["needed"]["engine_cores"] == pytest.approx(0.84)
    assert result.plan["needed"]["redis_cores"] == pytest.approx(0.21)


def test_a_redis_that_is_too_slow_or_unknown_is_told(plan):
    slow = {"cpu_us_per_request": {"engine": 28.0, "redis": 12.0}}
    result = plan("--orders", 1000, report=slow)
    assert result.returncode == DOES_NOT_FIT and "DOES NOT FIT into 0.70" in result.stdout
    result = plan("--orders", 1000, report={"cpu_us_per_request": {"engine": 28.0}})
    assert result.returncode == DONE and "NOT CHECKED" in result.stdout
    assert result.plan["needed"]["redis_fits"] is None


def test_doubts_about_the_report_are_told(plan):
    doubtful = {"errors": 3, "audit": {"holds": False}, "measured": {"sold-out": 61351}}
    result = plan("--orders", 1000, report=doubtful)
    assert result.returncode == DONE
    assert "WARNING   3 errors in the report" in result.stdout
    assert "WARNING   the audit of that run does not hold" in result.stdout
    assert "WARNING   no order was accepted" in result.stdout
    assert "WARNING" not in plan("--orders", 1000).stdout


@pytest.mark.parametrize("change, complaint", [
    ({"without": ["mode"]}, "has no mode: it is no report of seckill-bench --json"),
    ({"report": {"mode": "get"}}, "was measured with --mode get, which buys nothing"),
    ({"report": {"window_answers": 0}}, "nothing was measured"),
    ({"report": {"window_seconds": "15"}}, "nothing was measured"),
    ({"without": ["cpu_us_per_request"]}, 'has no cpu_us_per_request of "engine"'),
    ({"report": {"cpu_us_per_request": {"engine": None}}}, 'has no cpu_us_per_request of "engine"'),
    ({"report": {"cpu_us_per_request": {"engine": 0}}}, 'has no cpu_us_per_request of "engine"'),
    ({"report": {"settle": None}}, "has no settle.orders_per_second_per_consumer"),
    ({"text": ""}, "report.json: "),
    ({"text": "[1]"}, "has no mode"),
    ({"text": '{"mode": "purchase"'}, "report.json: "),
])
def test_a_report_that_lacks_what_a_plan_needs_is_refused(plan, change, complaint):
    result = plan("--orders", 1000, **change)
    assert result.returncode == NOT_MEASURED and result.stdout == ""
    assert complaint in result.stderr and result.stderr.count("\n") == 1


@pytest.mark.parametrize("arguments, complaint", [
    ([], "--orders or --stock is needed"),
    (["--orders", "0"], "--orders is a number from 1"),
    (["--orders", "5", "--headroom", "1"], "--headroom is a number from 0 to 0.95"),
    (["--orders", "5", "--factor", "0"], "--factor is above zero"),
    (["--orders", "5", "--baseline-qps", "x"], "--baseline-qps is a number"),
    (["--orders", "5", "--settle-rate", "0"], "--settle-rate is above zero"),
    (["--orders", "5", "--reactors", "0"], "--reactors is a number from 1 to 64"),
    (["--orders", "5", "more"], 'what is "more"'),
])
def test_wrong_use_is_refused(plan, arguments, complaint):
    result = plan(*arguments)
    assert result.returncode == USAGE and result.stdout == ""
    assert complaint in result.stderr and result.stderr.count("\n") == 1


def test_every_part_of_the_question_is_needed(tmp_path):
    given = {"--baseline-qps": "1", "--factor": "1", "--headroom": "0", "--orders": "1",
             "--measured": str(tmp_path / "none")}
    for missing in given:
        words = [word for pair in given.items() if pair[0] != missing for word in pair]
        result = subprocess.run([paths.program("seckill-bench"), "plan", *words],
                                capture_output=True, text=True, timeout=30, check=False)
        assert result.returncode == USAGE and f"{missing} " in result.stderr
    words = [word for pair in given.items() for word in pair]
    result = subprocess.run([paths.program("seckill-bench"), "plan", *words],
                            capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == NOT_MEASURED and os.fspath(tmp_path / "none") in result.stderr


def test_the_program_s_help_leads_to_it():
    result = subprocess.run([paths.program("seckill-bench"), "--help"], capture_output=True,
                            text=True, timeout=30, check=False)
    assert "seckill-bench plan --help" in result.stdout


def test_help_names_every_option():
    result = subprocess.run([paths.program("seckill-bench"), "plan", "--help"],
                            capture_output=True, text=True, timeout=30, check=False)
    assert result.returncode == DONE
    for option in ("baseline-qps", "factor", "headroom", "orders", "stock", "settle-within",
                   "measured", "engine", "redis", "settle-rate", "bytes-per-order", "reactors",
                   "consumers", "json"):
        assert "--" + option in result.stdout, option
