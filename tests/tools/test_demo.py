"""tools/demo: the README's first command. A small sale is enough."""

import fcntl
import os
import re
import signal
import subprocess

import pytest

from support import paths
from support.processes import command_lines_in
from support.wait import wait_until

DEMO = paths.ROOT / "tools" / "demo"
ENVIRONMENT = {**os.environ, "SECKILL_BUILD": str(paths.BUILD)}
DONE, FAILED, USAGE, INTERRUPTED = 0, 1, 2, 130


def demo(*arguments, timeout_s=280):
    return subprocess.run([DEMO, *arguments], env=ENVIRONMENT, text=True, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout_s,
                          check=False)


def running(directory):
    return command_lines_in(directory, (f"{DEMO} ", f"{paths.ROOT / 'tools' / 'services'} "))


@pytest.fixture
def directory():
    path = paths.work_directory("demo")
    yield path
    demo("--dir", path, "--stop")
    assert not running(path)


def test_help():
    result = demo("--help")
    assert result.returncode == DONE
    for option in ("--stock", "--buyers", "--rate", "--engines", "--keep", "--stop", "--dir",
                   "130 interrupted"):
        assert option in result.stdout


@pytest.mark.parametrize("arguments", [["--colour"], ["--stock"], ["--stock", "none"],
                                       ["--stock", "-5"], ["--buyers", "0"], ["--engines", "9"],
                                       ["more"]])
def test_wrong_use_starts_nothing(arguments):
    result = demo(*arguments)
    assert result.returncode == USAGE
    assert result.stdout.startswith("demo: ") and result.stdout.count("\n") == 1


def test_a_kept_demo_answers_the_lines_it_prints(directory):
    small = ("--dir", directory, "--stock", "200", "--buyers", "2000", "--rate", "2000")
    result = demo(*small, "--engines", "2", "--keep")
    assert result.returncode == DONE, result.stdout
    for text in ("audit of sale 1: holds", "accepted", "units came back", "buyers who waited",
                 "initial 200 + added 0 = left ", "all is well", "from memory"):
        assert text in result.stdout, result.stdout
    assert re.search(r"^services [\d.]+ s, .*, audit [\d.]+ s", result.stdout, re.M), result.stdout
    counted = re.search(r"(\d+) orders in MySQL for (\d+) orders that buyers", result.stdout)
    assert int(counted[1]) >= int(counted[2]) > 200, "what came back was sold again"
    again = demo(*small)
    assert again.returncode == USAGE and "was left running" in again.stdout
    pasted = re.findall(r"^(?:curl|\((?:set|order|answer)).*(?:\n  .*)*", result.stdout, re.M)
    assert len(pasted) == 7
    show, buy, own, pay, cancel, metrics, sale = pasted
    answer = paste(show)
    assert answer.startswith("HTTP/1.1 200 ") and '"state":"open"' in answer
    assert paste(pay, status=1) == "no order of alice waits to be paid: buy one first\n"
    answer = paste(buy)
    assert answer.startswith("HTTP/1.1 201 ") and '"order_no":"' in answer
    assert paste(cancel).startswith("HTTP/1.1 202 ")
    wait_until(lambda: '"state":"CLOSED"' in paste(own), 60, "the newest order is closed")
    assert paste(pay).startswith("HTTP/1.1 20"), "the one that waits is paid"
    wait_until(lambda: '"state":"PAID"' in paste(own), 60, "the first order is paid")
    assert paste(pay, status=1).startswith("no order"), "neither the paid one nor the closed one"
    assert 'result="accepted"' in paste(metrics)
    assert "sale 2" in paste(sale)
    assert demo("--dir", directory, "--stop").returncode == DONE
    assert not running(directory)
    assert not (directory / "secrets").exists()


def paste(text, status=DONE):
    result = subprocess.run(["bash", "-c", text], capture_output=True, text=True, timeout=60,
                            check=False)
    assert result.returncode == status, (text, result)
    return result.stdout


def heed_sigint():
    """A test run in the background of a shell ignores SIGINT, and so would its children."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.mark.timeout(300)
def test_ctrl_c_leaves_nothing_behind(directory, tmp_path):
    log = tmp_path / "demo.log"
    with open(log, "wb") as output:
        process = subprocess.Popen([DEMO, "--dir", directory, "--rate", "500", "--buyers", "50000"],
                                   env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, start_new_session=True, preexec_fn=heed_sigint)
    try:
        wait_until(lambda: any("seckill-bench" in line for line in running(directory)), 200,
                   "the buyers run")
    finally:  # a failure must not leave a whole sale running
        os.killpg(process.pid, signal.SIGINT)
        status = process.wait(60)
    told = log.read_text()
    assert status == INTERRUPTED, told[-2000:]
    assert "== interrupted: stopping what was started" in told, told[-2000:]
    assert told.endswith(f"== interrupted: nothing of it runs any more; logs: {directory}/*.log\n")
    assert "FAILED" not in told, told[-2000:]
    assert not running(directory)
    assert not (directory / "secrets").exists()
    assert not list(directory.parent.glob(f"{directory.name}.*")), "nothing beside its directory"


@pytest.mark.timeout(300)
def test_what_a_killed_demo_left_is_stopped(directory, tmp_path):
    log = tmp_path / "demo.log"
    with open(log, "wb") as output:
        process = subprocess.Popen([DEMO, "--dir", directory, "--rate", "500", "--buyers", "50000"],
                                   env=ENVIRONMENT, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=output, start_new_session=True)
    try:
        wait_until(lambda: any("seckill-bench" in line for line in running(directory)), 200,
                   "the buyers run")
    finally:
        process.kill()
        process.wait(60)
    left = running(directory)
    assert any("seckilld" in line for line in left), left
    stopped = demo("--stop", "--dir", directory)
    assert stopped.returncode == 0, stopped
    assert not running(directory)
    assert not (directory / "secrets").exists()


def test_a_directory_of_somebody_else_is_not_emptied(directory):
    precious = directory / "thesis.txt"
    precious.write_text("three years")
    result = demo("--dir", directory)
    assert result.returncode == USAGE and "not empty" in result.stdout
    assert precious.read_text() == "three years"
    assert os.listdir(directory) == ["thesis.txt"]


def test_two_demos_do_not_share_a_directory(directory):
    marker = directory / ".seckill-demo"
    with open(marker, "w", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        result = demo("--dir", directory)
    assert result.returncode == USAGE and "a demo is at work" in result.stdout
