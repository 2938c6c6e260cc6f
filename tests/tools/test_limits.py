"""bench/limits: that it works, by short windows; what it costs is for a quiet machine."""

import json
import subprocess

import pytest

from support import paths

PROGRAM = paths.ROOT / "bench" / "limits"
DEADLINE_S = 580  # it takes minutes on a busy machine

pytestmark = pytest.mark.timeout(DEADLINE_S + 20)


def run(*words, timeout=DEADLINE_S):
    return subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=timeout, check=False)


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    report = tmp_path_factory.mktemp("limits") / "limits.json"
    done = run("--quick", "--only", "latency", "--only", "settle", "--json", report)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(report.read_text())


def test_latency_counts_orders_told_in_time(found):
    latency = found["latency"]
    assert latency["outcomes"].keys() == {"accepted"} and not latency["errors"]
    assert latency["half_rate"] == int(latency["highest_rate"] / 2)
    assert 0 < latency["idle_p50_ms"] and latency["p50_ms"] <= latency["p99_ms"]
    assert latency["p99_ms"] <= latency["max_ms"]


def test_settling_stands_beside_inserts_of_the_same_rows(found):
    settle = found["settle"]
    assert settle["ratio"] == pytest.approx(settle["settled_per_s"] / settle["plain_per_s"])
    assert settle["sold_per_s"] > 0 and settle["lag_max"] >= 0


def test_wrong_use_is_told():
    done = run("--only", "miracles")
    assert done.returncode == 2 and "latency" in done.stderr
