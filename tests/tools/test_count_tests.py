"""tools/count_tests.py: what cannot be counted is never counted as passed."""

import json
import subprocess
import sys

import pytest

from support import paths

sys.path.insert(0, str(paths.ROOT / "tools"))
from count_tests import Count, count_tap, junit_results, meson_results  # noqa: E402

PROGRAM = paths.ROOT / "tools" / "count_tests.py"
CRITERION = """TAP version 13
1..5
# Criterion v2.4.1
#
# Running 5 tests from a
ok - a::good  (0.00s)
not ok - a::crash unexpected signal after ../t.c:7
not ok - a::bad  (0.00s)
  ---
  assertions: 1
  failures:
  - ../t.c:6: |+
      Assertion failed: not ok
  ...
ok - a::skipped  # SKIP no
ok - a::number  # 7 of them
"""


def test_criterion_output():
    assert count_tap(CRITERION, 1) == Count(2, 2, 1)


@pytest.mark.parametrize("text, status, expected", [
    ("1..2\nok 1 - a\nok 2 - b\n", 0, Count(2, 0, 0)),
    ("1..2\nok 1 - a\nnot ok 2 - b\n", 0, Count(1, 1, 0)),
    ("1..3\nok 1 - a\n", 0, Count(1, 2, 0)),
    ("1..3\nok 1 - a\n", -11, Count(1, 2, 0)),
    ("1..1\nok 1 - a\n", -11, Count(1, 1, 0)),
    ("1..1\nok 1 - a\n", 1, Count(1, 1, 0)),
    ("ok 1 - a\n", 0, Count(1, 1, 0)),
    ("1..1\nok 1 - a\nok 2 - b\n", 0, Count(2, 1, 0)),
    ("1..0\n", 0, Count(0, 1, 0)),
    ("1..0 # SKIP no service\n", 0, Count(0, 0, 1)),
    ("", 0, Count(0, 1, 0)),
    ("", -9, Count(0, 1, 0)),
    ("1..2\nok 1 - a\nBail out! no memory\n", 0, Count(1, 1, 0)),
    ("1..1\nok 1 - later # TODO write it\n", 0, Count(0, 0, 1)),
    ("1..1\nokay then\nok 1 - a\n", 0, Count(1, 0, 0)),
])
def test_tap(text, status, expected):
    count = count_tap(text, status)
    assert count == expected
    if status != 0 or expected.failed:
        assert count.failed > 0


def entry(**fields):
    return {"name": "seckill:unit / x", "stdout": "", "result": "OK", "returncode": 0,
            "command": ["x"], **fields}


def write_log(tmp_path, *entries):
    path = tmp_path / "log.json"
    path.write_text("".join(json.dumps(one) + "\n" for one in entries))
    return path


@pytest.mark.parametrize("fields, expected", [
    ({}, Count(1, 0, 0)),
    ({"result": "FAIL", "returncode": 1}, Count(0, 1, 0)),
    ({"result": "TIMEOUT", "returncode": -15}, Count(0, 1, 0)),
    ({"result": "ERROR", "returncode": 99}, Count(0, 1, 0)),
    ({"result": "SKIP", "returncode": 77}, Count(0, 0, 1)),
    ({"result": "UNEXPECTEDPASS"}, Count(0, 1, 0)),
    ({"command": ["x", "--tap=-"], "stdout": CRITERION, "returncode": 1, "result": "ERROR"},
     Count(2, 2, 1)),
    ({"command": ["x", "--tap=-"], "stdout": "", "returncode": -11, "result": "ERROR"},
     Count(0, 1, 0)),
    ({"command": ["x", "--tap=-"], "stdout": "1..1\nok 1 - a\n", "result": "TIMEOUT"},
     Count(1, 1, 0)),
    ({"stdout": "1..2\nok 1 - one file\nok 2 - another\n"}, Count(2, 0, 0)),
    ({"stdout": "1..2\nok 1 - one file\n", "returncode": -6, "result": "ERROR"}, Count(1, 1, 0)),
    ({"stdout": "1..\nno TAP\n"}, Count(1, 0, 0)),
])
def test_meson_log(tmp_path, fields, expected):
    results, failures = meson_results(write_log(tmp_path, entry(**fields)), 0)
    assert results == [("unit / x", expected)]
    assert bool(failures) == bool(expected.failed)


def test_a_failed_program_shows_its_output(tmp_path):
    log = write_log(tmp_path, entry(result="FAIL", returncode=3, stdout="out ", stderr="err"))
    assert meson_results(log, 1)[1] == [("unit / x: FAIL, status 3", "out err")]


def test_meson_that_ran_nothing_failed(tmp_path):
    assert meson_results(write_log(tmp_path), 0)[0] == [("meson", Count(0, 1, 0))]
    assert meson_results(tmp_path / "absent", 0)[0] == [("meson", Count(0, 1, 0))]
    (tmp_path / "cut").write_text('{"name": "x", "stdo')
    assert meson_results(tmp_path / "cut", 0)[0] == [("meson", Count(0, 1, 0))]


def test_meson_that_fails_without_a_failed_test_failed(tmp_path):
    assert ("meson", Count(0, 1, 0)) in meson_results(write_log(tmp_path, entry()), 1)[0]


JUNIT = """<?xml version="1.0"?><testsuites><testsuite>
<testcase name="good"/><testcase name="bad"><failure message="x">y</failure></testcase>
<testcase name="worse"><error message="x">y</error></testcase>
<testcase name="none"><skipped message="x">y</skipped></testcase></testsuite></testsuites>"""


@pytest.mark.parametrize("text, status, expected", [
    (JUNIT, 1, Count(1, 2, 1)),
    (JUNIT, 0, Count(1, 2, 1)),
    ("<testsuites><testsuite><testcase/></testsuite></testsuites>", 0, Count(1, 0, 0)),
    ("<testsuites><testsuite><testcase/></testsuite></testsuites>", 3, Count(1, 1, 0)),
    ("<testsuites><testsuite/></testsuites>", 0, Count(0, 1, 0)),
    ("<testsuites><testsuite/></testsuites>", 5, Count(0, 1, 0)),
    ("<testsuites><testsu", 0, Count(0, 1, 0)),
    ("", -9, Count(0, 1, 0)),
])
def test_junit(tmp_path, text, status, expected):
    path = tmp_path / "report.xml"
    path.write_text(text)
    assert junit_results("py", path, status)[0] == [("py", expected)]


def test_junit_without_a_report_failed(tmp_path):
    assert junit_results("py", tmp_path / "absent", 0)[0] == [("py", Count(0, 1, 0))]


def run(*words):
    return subprocess.run([sys.executable, PROGRAM, *map(str, words)], capture_output=True,
                          text=True, check=False)


@pytest.mark.parametrize("rows, line, status", [
    (["a\t3\t0\t0", "b\t4\t0\t0"], "7 passed, 0 failed, 0 skipped", 0),
    (["a\t3\t1\t0"], "3 passed, 1 failed, 0 skipped", 1),
    (["a\t3\t0\t2"], "3 passed, 0 failed, 2 skipped", 1),
    (["a\t0\t0\t0"], "0 passed, 0 failed, 0 skipped", 1),
    ([], "0 passed, 0 failed, 0 skipped", 1),
])
def test_sum_ends_with_the_line(tmp_path, rows, line, status):
    path = tmp_path / "results"
    path.write_text("".join(row + "\n" for row in rows))
    done = run("sum", path)
    assert done.stdout.splitlines()[-1] == line
    assert done.stdout.count(" passed, ") == 1
    assert done.returncode == status


def test_results_add_up(tmp_path):
    path = tmp_path / "results"
    (tmp_path / "report.xml").write_text(JUNIT)
    assert run("step", "lint", 0, path).returncode == 0
    assert run("step", "format", 2, path).returncode == 0
    assert run("junit", "py", tmp_path / "report.xml", 1, path).returncode == 0
    assert run("meson", write_log(tmp_path, entry()), 0, path).returncode == 0
    assert run("sum", path).stdout.splitlines()[-1] == "3 passed, 3 failed, 1 skipped"


def test_wrong_usage_is_told():
    assert run("sum").returncode == 2
    assert run().returncode == 2
