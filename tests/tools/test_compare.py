"""bench/compare: the peers have the duties that the table says, and a broken one ends the run."""

import importlib.machinery
import importlib.util
import json
import os
import re
import signal
import subprocess
import sys

import pytest

from support import http_raw, paths, tokens

BENCH = paths.ROOT / "bench"
sys.path.insert(0, str(BENCH))
import contenders  # noqa: E402
import windows  # noqa: E402

SECRET = b"0123456789abcdef0123456789abcdef"
KEY = "key-of-a-buyer-000"
QUICK_DEADLINE_S = 580
# What Debian's own services have.
SYSTEM = ("/etc/nginx", "/etc/redis", "/etc/webdis", "/var/log/nginx", "/var/log/redis",
          "/var/log/webdis", "/var/lib/nginx", "/var/lib/redis", "/run/nginx.pid", "/run/redis",
          "/run/webdis")
DEFAULT_PORTS = (80, 6379, 7379)


@pytest.fixture(scope="module")
def directory():
    return paths.work_directory("compare")


@pytest.fixture(scope="module")
def secret_file(directory):
    path = directory / "secret"
    path.write_bytes(SECRET + b"\n")
    return path


@pytest.fixture(scope="module")
def peers(directory, secret_file):
    with contenders.peers(directory / "peers", secret_file) as running:
        yield running


@pytest.fixture(params=[0, 1], ids=["without the flag", "with the flag"])
def shop(peers, request):
    return peers[request.param]


def purchase(shop, sale, buyer="alice", key=KEY, token=None, body=None, method="POST",
             content_type="application/json"):
    """The answer to one purchase."""
    fields = {"Authorization": f"Bearer {token or tokens.mint(SECRET, buyer)}",
              "Content-Type": content_type}
    if key:
        fields["Idempotency-Key"] = key
    body = b'{"sku":"a","quantity":1}' if body is None else body
    address = ("127.0.0.1", int(shop.url.rpartition(":")[2]))
    with http_raw.Connection(address) as connection:
        connection.send(http_raw.encode(method, f"/v1/sales/{sale}/orders", fields, body))
        return connection.read_response(method)


def test_a_peer_sells_what_there_is_and_no_more(shop):
    sale = shop.open_sale(2)
    answers = [purchase(shop, sale, buyer) for buyer in ("alice", "bob", "carol", "dave")]
    assert [one.status for one in answers] == [201, 201, 409, 409]
    assert len({one.json()["order_no"] for one in answers[:2]}) == 2
    assert [one.code for one in answers[2:]] == ["sold-out", "sold-out"]
    assert shop.redis.command("XLEN", f"{{s:{sale}}}:log") == "2"
    assert shop.redis.command("HGET", f"{{s:{sale}}}:stock", "a") == "0"


def test_a_peer_gives_a_buyer_one_order(shop):
    sale = shop.open_sale(5)
    first = purchase(shop, sale)
    again = purchase(shop, sale)
    assert (again.status, again.json()) == (201, first.json())
    assert (first.header("Idempotent-Replayed"), again.header("Idempotent-Replayed")) == (
        None, "true")
    for other in ({"key": "another-key-000000"}, {"key": None},
                  {"body": b'{"sku":"a","quantity":2}'}):
        assert purchase(shop, sale, **other).code == "limit-reached"
    assert shop.redis.command("HGET", f"{{s:{sale}}}:stock", "a") == "4"


def test_the_flag_is_not_set_while_there_is_a_unit(peers):
    flagged = peers[1]
    sale = flagged.open_sale(1)
    assert purchase(flagged, sale, "alice", body=b'{"sku":"a","quantity":2}').code == "sold-out"
    assert purchase(flagged, sale, "bob").status == 201


def test_what_the_flag_cannot_do(peers):
    """The README's sentence: a winner who asks again is told "sold out"."""
    sale = peers[1].open_sale(1)
    assert [purchase(peers[1], sale, buyer).status for buyer in ("alice", "bob")] == [201, 409]
    assert purchase(peers[1], sale, "alice").code == "sold-out"
    assert purchase(peers[0], sale, "alice").status == 201


@pytest.mark.parametrize("name", sorted(tokens.forgeries(SECRET, "alice")))
def test_a_peer_refuses_what_the_engine_refuses(peers, name):
    forged = tokens.forgeries(SECRET, "alice")[name]
    answer = purchase(peers[0], peers[0].open_sale(1), token=forged)
    assert answer.status == 401, answer
    assert answer.code in ("token-bad", "token-expired")


@pytest.mark.parametrize("what, status, code", [
    ({"body": b'{"sku":"b","quantity":1}'}, 404, "unknown-sku"),
    ({"body": b'{"sku":"a b","quantity":1}'}, 400, "bad-sku"),
    ({"body": b'{"quantity":1}'}, 400, "bad-sku"),
    ({"body": b'{"sku":"a","quantity":0}'}, 400, "bad-quantity"),
    ({"body": b'{"sku":"a","quantity":1.5}'}, 400, "bad-quantity"),
    ({"body": b'{"sku":"a","quantity":1001}'}, 400, "bad-quantity"),
    ({"body": b'{"sku":"a","quantity":"1"}'}, 400, "bad-quantity"),
    ({"body": b'{"sku":'}, 400, "bad-json"),
    ({"body": b"7"}, 400, "bad-json"),
    ({"body": b""}, 400, "bad-json"),
    ({"content_type": "text/plain"}, 415, "unsupported-media-type"),
    ({"key": "short"}, 400, "bad-idempotency-key"),
    ({"method": "PUT"}, 405, "method-not-allowed"),
])
def test_a_peer_checks_the_request(peers, what, status, code):
    answer = purchase(peers[0], peers[0].open_sale(1), **what)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("workload", contenders.TOLD)
def test_a_peer_that_answers_wrongly_ends_the_run(peers, directory, workload):
    """As if it had another secret, or, for bad_token, none."""
    broken = contenders.NginxLua(peers[0].nginx, peers[0].redis, directory / "other")
    broken.secret_file.write_bytes(b"another secret of at least 32 bytes\n")
    sale = broken.open_sale(1)
    if workload == "bad_token":
        broken.secret_file.write_bytes(SECRET)
        broken.load = lambda sale, mode, _, *rest, **more: contenders.NginxLua.load(
            broken, sale, mode, "purchase", *rest, **more)
    with pytest.raises(windows.WrongAnswers, match=f"nginx.*, {workload}: wanted nothing but"):
        broken.run(sale, workload, 0, 1)


@pytest.mark.parametrize("outcomes", [{}, {"accepted": 0}, {"sold-out": 9}, {"timeout": 1},
                                      {"accepted": 9, "sold-out": 1}, {"accepted": 9, "lost": 1}])
def test_nothing_but_what_is_meant_will_do(outcomes):
    contenders.check("x", "accepted", {"accepted": 9})
    with pytest.raises(windows.WrongAnswers):
        contenders.check("x", "accepted", outcomes)


def test_wrong_answers_are_a_failure(monkeypatch, capsys):
    loader = importlib.machinery.SourceFileLoader("compare", str(BENCH / "compare"))
    compare = importlib.util.module_from_spec(importlib.util.spec_from_loader("compare", loader))
    loader.exec_module(compare)

    def broken(_):
        contenders.check("seckill", "accepted", {"accepted": 5, "lost": 1})

    monkeypatch.setattr(compare, "compare", broken)
    monkeypatch.setattr(sys, "argv", ["compare"])
    assert compare.main() == 1
    assert "compare: seckill, accepted: wanted nothing but \"accepted\"" in capsys.readouterr().err


def system_files():
    """{path: (size, time of change)} of what belongs to Debian's services."""
    found = {}
    for top in SYSTEM:
        for folder, _, names in os.walk(top):
            for path in (folder, *(os.path.join(folder, name) for name in names)):
                status = os.lstat(path)
                found[path] = (status.st_size, status.st_mtime_ns)
        if os.path.isfile(top):
            found[top] = os.stat(top).st_mtime_ns
    return found


def listeners(ports):
    """Those of the ports that somebody listens on."""
    lines = []
    for name in ("tcp", "tcp6"):
        with open(f"/proc/net/{name}", encoding="ascii") as table:
            lines += [line.split() for line in table.readlines()[1:]]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if line[3] == "0A"} & set(ports)


def processes_of(directory):
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{entry}/cmdline", "rb") as file:
                line = file.read().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(directory) in line:
            found.append(line)
    return found


@pytest.fixture
def whole(directory):
    """Starts the comparison, all of it in a directory of its own: whole(argument...)."""
    home = directory / "whole"
    (home / "tmp").mkdir(parents=True, exist_ok=True)

    def start(*arguments):
        environment = {**os.environ, "SECKILL_BUILD": str(paths.BUILD), "TMPDIR": str(home / "tmp")}
        return subprocess.Popen([BENCH / "compare", "--quick", "--dir", home / "run", *arguments],
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, text=True, env=environment)

    yield start
    assert not processes_of(home)


def test_an_end_from_outside_leaves_nothing_behind(whole):
    process = whole()
    said = []
    try:
        for line in process.stderr:
            said.append(line)
            if "nginx+Lua" in line:
                break
    finally:
        process.send_signal(signal.SIGTERM)
        _, rest = process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGTERM, "".join(said) + rest
    assert "Traceback" not in rest


@pytest.mark.timeout(QUICK_DEADLINE_S + 20)
def test_the_whole_comparison_and_nothing_else_is_touched(whole, tmp_path):
    before, listened = system_files(), listeners(DEFAULT_PORTS)
    result = tmp_path / "compare.json"
    process = whole("--json", result)
    try:
        printed, said = process.communicate(timeout=QUICK_DEADLINE_S)
    finally:
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=60)
    assert process.returncode == 0, printed + said
    assert (system_files(), listeners(DEFAULT_PORTS)) == (before, listened)
    written = json.loads(result.read_text())
    assert written["n_us"] > 0
    rows = {(row["system"], row["workload"]): row for row in written["rows"]}
    assert set(rows) == {
        *(("seckill", workload) for workload in contenders.TOLD),
        *(("nginx+Lua+Redis", workload) for workload in contenders.TOLD),
        ("nginx+Lua+Redis, flag", "sold_out"), ("webdis", "accepted"), ("webdis", "sold_out"),
        ("nginx return 200", "any")}
    for row in rows.values():
        assert set(row) == {"system", "workload", "requests_per_s", "cpu_us", "n", "p50_ms",
                            "p99_ms", "durable"}
        assert row["requests_per_s"] > 0 and row["n"] > 0 and 0 < row["p50_ms"] <= row["p99_ms"]
    assert {key for key, row in rows.items() if row["durable"]} == {
        ("seckill", "accepted"), ("seckill", "replay")}
    assert set(rows["seckill", "accepted"]["cpu_us"]) == {"engine", "redis", "broker", "worker",
                                                          "mysql"}
    lines = [line for line in printed.splitlines() if line.startswith("| ")]
    assert len(lines) == 1 + len(rows)
    assert re.search(r"load average [0-9.]+ before", printed)
