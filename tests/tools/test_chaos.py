"""tools/chaos: its schedule, its arguments, and that it finds what is spoiled."""

import collections
import json
import os
import signal
import subprocess

import pytest

from support import paths
from support.chaos.nemesis import Done, cut_tail
from support.chaos.plan import (FAULTS_AT_ONCE, FIRST_S, HISTORY_REST_S, KINDS, LANES, LAST_S,
                                PROCESSES, SERVICES, make_plan)
from support.chaos.shoppers import Counter
from support.chaos.verdict import slowest_recovery
from support.crowd import Told
from support.processes import command_lines_in
from support.wait import wait_until

CHAOS = paths.ROOT / "tools" / "chaos"
ENVIRONMENT = {**os.environ, "SECKILL_BUILD": str(paths.BUILD)}
GOOD, VIOLATED, USAGE, INTERRUPTED = 0, 1, 2, 130
SEEDS = range(60)


def chaos(*arguments, timeout_s=290):
    return subprocess.run([CHAOS, *map(str, arguments)], env=ENVIRONMENT, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=timeout_s, check=False)


def running(directory):
    return command_lines_in(directory, ("tools/services",))


@pytest.fixture
def directory():
    path = paths.work_directory("chaos")
    yield path
    assert not running(path)


# The schedule.

def test_a_seed_is_a_schedule():
    assert make_plan(7, 120) == make_plan(7, 120)
    assert make_plan(7, 120).faults != make_plan(8, 120).faults
    assert make_plan(7, 120).sales != make_plan(8, 120).sales


def test_the_plan_is_printed_and_nothing_runs(directory):
    first, again = (chaos("--plan", "--seed", 7, "--minutes", 1, "--dir", directory / "new")
                    for _ in range(2))
    assert first.returncode == GOOD and first.stdout == again.stdout
    assert first.stdout.startswith("seed 7, 60 s: ") and "sale 1, until" in first.stdout
    assert not (directory / "new").exists()


@pytest.mark.parametrize("seconds", [12, 60, 600])
def test_faults_stay_within_their_bounds(seconds):
    for seed in SEEDS:
        faults = make_plan(seed, seconds).faults
        assert faults
        for fault in faults:
            kind = KINDS[fault.kind]
            assert fault.at_s >= FIRST_S and fault.ends_s <= seconds - LAST_S + 0.1
            assert fault.target in kind.targets
            assert kind.seconds[0] <= fault.seconds <= kind.seconds[1]
            assert fault.details.keys() == kind.details.keys()
            for name, (least, most) in kind.details.items():
                assert least <= fault.details[name] <= most
            on = [other for other in faults if other.at_s <= fault.at_s < other.ends_s]
            assert len(on) <= FAULTS_AT_ONCE
            assert len({other.target for other in on}) == len(on), "one fault at a time each"


def test_redis_keeps_its_history_for_a_while():
    for seed in SEEDS:
        lost = [fault for fault in make_plan(seed, 600).faults if fault.loses_history]
        for before, after in zip(lost, lost[1:]):
            assert after.at_s >= before.ends_s + HISTORY_REST_S - 0.1


def test_ten_minutes_have_every_fault_at_every_process():
    for seed in SEEDS:
        faults = make_plan(seed, 600).faults
        assert {fault.kind for fault in faults} == set(KINDS)
        for kind in ("kill", "stop"):
            assert {fault.target for fault in faults if fault.kind == kind} == {
                *PROCESSES, *SERVICES}


def test_there_is_always_a_sale_in_each_lane():
    for seed in SEEDS:
        sales = make_plan(seed, 300).sales
        assert [sale.number for sale in sales] == list(range(1, len(sales) + 1))
        for lane in range(LANES):
            of_lane = [sale for sale in sales if sale.lane == lane]
            assert of_lane[0].at_s == 0 and of_lane[-1].ends_s == 300
            for before, after in zip(of_lane, of_lane[1:]):
                assert after.at_s == before.ends_s
        for sale in sales:
            assert all(sale.at_s < at_s < sale.ends_s for at_s, _, _ in sale.acts)


# Its parts.

def test_the_end_of_the_newest_aof_is_cut(tmp_path):
    for number, size in ((9, 500), (10, 300)):
        path = tmp_path / "appendonlydir" / f"appendonly.aof.{number}.incr.aof"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"x" * size)
    cut_tail(tmp_path, 100)
    assert path.stat().st_size == 200
    cut_tail(tmp_path, 1000)
    assert path.stat().st_size == 0


def told(code=None, sku="b", buyer="ann", key="1", began=10.0):
    return Told(buyer, key, sku, 0, began, began + 0.1, 201 if code is None else 409, code,
                1 if code is None else 0, False)


@pytest.fixture
def counter():
    """A sale that was open from 5 on, paused from 20 to 22; of b there are always units."""
    class NoShop:
        stack, keys, seed, hold_s = None, None, 1, 2.0

    made = Counter(NoShop, make_plan(1, 60).sales[0])
    made.opened, made.pauses = 5.0, [(20.0, 22.0)]
    return made


@pytest.mark.parametrize("answer", [
    told(), told("sold-out", sku="a"), told("overloaded"), told("rebuilding"), told("lost"),
    told("outcome-unknown"), told("paused", began=20.5), told("paused", began=23.0),
    told("unknown-sale", began=4.0)])
def test_an_answer_that_can_be(counter, answer):
    counter.shoppers.told.append(answer)
    assert not list(counter.wrong())


@pytest.mark.parametrize("answer", [
    told("sold-out", sku="b"), told("limit-reached"), told("ended"), told("paused", began=15.0),
    told("paused", began=30.0), told("unknown-sale"), told("unknown-sku"), told("internal"),
    told("key-reused"), told("not-eligible")])
def test_an_answer_that_cannot_be(counter, answer):
    counter.shoppers.told.append(answer)
    assert len(list(counter.wrong())) == 1


def test_the_slowest_recovery_is_that_to_the_next_win():
    faults = make_plan(1, 60).faults
    done = [Done(faults[0], 1.0, 2.0), Done(faults[1], 5.0, 6.0), Done(faults[2], 7.0, 8.0)]
    wins = [told(began=began) for began in (0.5, 2.5, 9.0)]
    seconds, fault, others = slowest_recovery(done, wins)
    assert (round(seconds, 1), fault, others) == (3.1, faults[1], 1)
    assert slowest_recovery(done, []) is None


# The tool.

def test_help():
    result = chaos("--help")
    assert result.returncode == GOOD
    for text in ("--minutes", "--seed", "--plan", "--json", "--dir", "--before-audit",
                 "130 interrupted"):
        assert text in result.stdout


@pytest.mark.parametrize("arguments", [
    ["--colour"], ["more"], ["--minutes"], ["--minutes", "0.1"], ["--minutes", "2000"],
    ["--minutes", "ten"], ["--seed", "-1"], ["--seed", "x"], ["--json", "/no/such/place"]])
def test_wrong_use_starts_nothing(arguments):
    result = chaos(*arguments)
    assert result.returncode == USAGE
    assert result.stdout.startswith("chaos: ") and result.stdout.count("\n") == 1


def test_a_directory_of_somebody_else_is_left_alone(directory):
    (directory / "thesis.txt").write_text("three years")
    result = chaos("--dir", directory)
    assert result.returncode == USAGE and "is not empty" in result.stdout
    assert os.listdir(directory) == ["thesis.txt"]


@pytest.mark.timeout(300)
def test_a_row_that_is_gone_before_the_audit_is_found(directory, tmp_path):
    spoil = ('MYSQL_PWD=$MYSQL_PASSWORD mariadb --no-defaults -h $MYSQL_HOST -P $MYSQL_PORT '
             '-u $MYSQL_USER $MYSQL_DATABASE -e "DELETE FROM orders ORDER BY order_no LIMIT 1"')
    result = chaos("--minutes", 0.4, "--seed", 3, "--dir", directory, "--json",
                   tmp_path / "report.json", "--before-audit", spoil)
    assert result.returncode == VIOLATED, result.stdout
    report = json.loads((tmp_path / "report.json").read_text())
    assert any("a told win has no row" in text for text in report["violations"]), result.stdout
    assert any("seckillctl audit: 1" in text for text in report["violations"]), result.stdout
    assert all(text.startswith("sale 1: ") for text in report["violations"]), result.stdout
    assert report["wins"] == report["rows"] + 1
    assert report["faults"] == dict(collections.Counter(
        fault.kind for fault in make_plan(3, 24).faults))
    assert f"kept: {directory}:" in result.stdout and (directory / "told-1.jsonl").exists()
    assert not running(directory)


def heed_sigint():
    """A test run in the background of a shell ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(300)
def test_ctrl_c_leaves_nothing_behind(directory, tmp_path):
    log = tmp_path / "log"
    with open(log, "wb") as output:
        process = subprocess.Popen([CHAOS, "--dir", directory, "--seed", "1"], env=ENVIRONMENT,
                                   stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                   start_new_session=True, preexec_fn=heed_sigint)
    try:
        wait_until(lambda: "jitter mysql-way" in log.read_text(), 200, "something is broken")
    finally:
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(90)
    assert status == INTERRUPTED, log.read_text()
    assert log.read_text().endswith("== interrupted: nothing of it runs any more\n")
    assert not running(directory) and not directory.exists()
