"""An engine is stopped, ended in order, starved, misled or of another version (FE5 to FE12)."""

import contextlib
import fcntl
import hashlib
import os
import resource
import shutil
import signal
import time

import msgpack
import pytest

from support import http_raw, paths, tokens
from support.buyer import Buyer
from support.crowd import ask_all, ask_until_told, codes_of, request, wins_of
from support.db import compose_order_no
from support.expect import expect
from support.metrics import scrape
from support.wait import wait_until
from support.wall_clock import Clock

HOUR_S = 3600


def wait_for_wins(buyers, count=50, engine=None):
    """`count` more than there are now, of one engine or of all."""
    def wins():
        return len([answer for answer in list(buyers.told) if answer.status == 201
                    and engine in (None, answer.engine)])

    before = wins()
    wait_until(lambda: wins() >= before + count, 30, "buyers win")


def causes(engine):
    return {cause["name"]: cause["detail"] for cause in engine.ops_get("/readyz").json()["causes"]}


@contextlib.contextmanager
def restarted(engine, **changes):
    """The engine with other settings or another environment; as it was after the block."""
    kept = {name: getattr(engine, name) for name in changes}
    engine.terminate()
    for name, value in changes.items():
        setattr(engine, name, {**kept[name], **value} if isinstance(value, dict) else value)
    try:
        yield engine.start().wait_ready()
    finally:
        if engine.is_alive():
            engine.terminate()
        for name, value in kept.items():
            setattr(engine, name, value)
        engine.start()


# --- stopped

@pytest.mark.representative
def test_stopped_with_calls_under_way(stack, faults, crowd, holds, redis_db):
    """FE5: what of it still reaches Redis is late and decides nothing; buyers go elsewhere; when it
    goes on it tells nobody anything but what the clock says then."""
    sale = stack.admin.open_sale(stock=5000)
    engine = stack.engines[0]
    attempts = [(f"still-{number}", f"key-of-still-{number:08}", "a") for number in range(40)]
    with crowd(sale, threads=2, engines=(1,)) as others:
        wait_for_wins(others)
        connections = [http_raw.Connection(stack.address(0)) for _ in attempts]
        with faults.services.frozen("redis"):
            for connection, attempt in zip(connections, attempts):
                connection.send(request(stack, sale, *attempt))
            sent = time.monotonic()
            wait_until(lambda: scrape(engine).get("seckill_redis_inflight") > 0, 30,
                       "a call lies in the socket of Redis")
            engine.freeze()
            wait_until(lambda: time.monotonic() > sent + 2, 30, "D is over")
        wait_for_wins(others)
        assert not {buyer for buyer, _, _ in attempts} & set(redis_db.buyers(sale)), "a late win"
        elsewhere = ask_until_told(stack, sale, attempts[:20], engines=(1,))
        assert {answer.code for answer in elsewhere} == {None}
        wait_until(lambda: time.monotonic() > sent + 6, 30, "links and leases run out")
        engine.thaw()
        answers = [connection.read_response("POST") for connection in connections]
    for connection in connections:
        connection.close()
    # One that was not read yet when it stopped is a fresh attempt when it goes on.
    assert {answer.code for answer in answers} <= {"outcome-unknown", "overloaded", None}
    assert "outcome-unknown" in {answer.code for answer in answers}
    engine.wait_ready()
    again = ask_all(stack, sale, attempts, engines=(0,))
    final = wins_of([*again, *elsewhere])
    for (buyer, key, _), answer in zip(attempts, answers):
        assert answer.status != 201 or int(answer.json()["order_no"]) == final[buyer, key]
    holds(sale, [*others.told, *elsewhere, *again])


# --- ended in order

def test_ended_in_order(stack, faults, crowd, holds, redis_db):
    """FE6: not ready first; what is in work ends whole and says close; exit status 0."""
    sale = stack.admin.open_sale(stock=5000)
    in_work = {f"in-work-{number}" for number in range(20)}
    with restarted(stack.engines[0], settings={"drain.wait_ms": 500}) as engine:
        with crowd(sale) as buyers:
            wait_for_wins(buyers, engine=0)
            connections = [http_raw.Connection(stack.address(0)) for _ in range(20)]
            with faults.services.frozen("kafka"):  # nothing is told before the signal
                for number, connection in enumerate(connections):
                    connection.send(request(stack, sale, f"in-work-{number}",
                                            "key-of-one-in-work"))
                wait_until(lambda: in_work <= set(redis_db.buyers(sale)), 30, "decided")
                engine.send(signal.SIGTERM)
                wait_until(lambda: "draining" in causes(engine), 30, "not ready")
            answers = [connection.read_response("POST") for connection in connections]
            assert engine.wait_for_exit(30) == 0
            wait_for_wins(buyers, engine=1)
    assert all(answer.status == 201 or answer.code == "outcome-unknown" for answer in answers)
    for connection in connections:
        connection.expect_close()
        connection.close()
    assert {answer.code for answer in buyers.told} <= {None, "lost", "overloaded",
                                                       "outcome-unknown"}
    holds(sale, [*buyers.told, *ask_all(stack, sale, [
        (buyer, "key-of-one-in-work", "a") for buyer in in_work], engines=(1,))])


# --- starved

def lowest_free_file(engine):
    """A process with this limit gets no descriptor any more. Some are used for a moment only: a
    probe that was answered, the file of failpoints; the number counts once it stays."""
    seen = []

    def stays():
        used = set(map(int, os.listdir(f"/proc/{engine.pid}/fd")))
        seen.append(next(number for number in range(len(used) + 1) if number not in used))
        return len(seen) >= 20 and min(seen[-20:]) == min(seen[-10:]) and min(seen[-20:])

    return wait_until(stays, 30, "the same are used")


def cpu_s(engine):
    with open(f"/proc/{engine.pid}/stat", encoding="ascii") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def is_turned_away(address):
    """A connection that is closed without an answer, soon."""
    try:
        with http_raw.Connection(address, 30) as connection:
            connection.send(http_raw.encode("GET", "/v1/sales/1"))
            connection.read_response()
    except TimeoutError:
        raise
    except (OSError, http_raw.ProtocolError):
        return True
    return False


def test_no_descriptors(stack, crowd, holds):
    """FE7: newcomers are turned away at once, those who are in are served, no busy loop."""
    sale = stack.admin.open_sale(stock=20000)
    engine = stack.engines[0]
    _, hard = resource.prlimit(engine.pid, resource.RLIMIT_NOFILE)
    soft = resource.prlimit(engine.pid, resource.RLIMIT_NOFILE)[0]
    with crowd(sale, engines=(0,)) as buyers:
        wait_for_wins(buyers)
        errors = scrape(engine).get("seckill_accept_errors_total")
        resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (lowest_free_file(engine), hard))
        try:
            began = time.monotonic()
            assert all([is_turned_away(stack.address(0)) for _ in range(20)])
            wait_for_wins(buyers)
            buyers.stop()
            waiting = [http_raw.Connection(stack.address(0)) for _ in range(50)]
            before, at = cpu_s(engine), time.monotonic()
            wait_until(lambda: time.monotonic() > at + 2, 30, "2 s")
            assert cpu_s(engine) - before < 1, "it turns without end"
        finally:
            resource.prlimit(engine.pid, resource.RLIMIT_NOFILE, (soft, hard))
    for connection in waiting:
        connection.close()
    assert codes_of(answer for answer in buyers.told if answer.began < began) == {None}
    assert "lost" not in {answer.code for answer in buyers.told}
    wait_until(lambda: not is_turned_away(stack.address(0)), 30, "they come in again")
    assert scrape(engine).get("seckill_accept_errors_total") >= errors + 20
    with crowd(sale, engines=(0,)) as later:
        wait_for_wins(later)
    holds(sale, [*buyers.told, *later.told])


TINY = {"purchase.max": 16, "http.exchanges_max": 16, "http.connections_max": 32,
        "outbox.entries_max": 16, "redis.queued_bytes_max": 65536}


def rss_mb(engine):
    with open(f"/proc/{engine.pid}/status", encoding="ascii") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmRSS")) // 1024


def limit_memory(engine, more_mb):
    """So much more than it has now, and no page over it; None: no limit."""
    with open(f"/proc/{engine.pid}/statm", encoding="ascii") as file:
        data = int(file.read().split()[5]) * resource.getpagesize()
    limit = resource.RLIM_INFINITY if more_mb is None else data + (more_mb << 20)
    resource.prlimit(engine.pid, resource.RLIMIT_DATA, (limit, resource.RLIM_INFINITY))


def test_all_bounds_are_met_at_once(stack, faults, crowd, holds):
    """FE8: at its configured limits it sheds with 503 and stays as large as it is."""
    sale = stack.admin.open_sale(stock=20000)
    with restarted(stack.engines[0], settings=TINY) as engine:
        limit_memory(engine, 32)
        before = rss_mb(engine)
        with crowd(sale, threads=64, engines=(0,)) as buyers:
            wait_for_wins(buyers)
            faults.kafka.set("down", latency_ms=400)
            wait_until(lambda: len([answer for answer in list(buyers.told)
                                    if answer.code == "overloaded"]) > 500, 30, "it sheds")
            faults.kafka.clear()
            wait_for_wins(buyers)
        shed = {cause for cause in ("connections", "exchanges", "purchases", "outbox")
                if scrape(engine).total("seckill_shed_total", cause=cause) > 0}
        assert "connections" in shed and len(shed) >= 2, shed
        assert engine.is_alive() and rss_mb(engine) < before + 32
    # Who was turned away before his request was read may see the reset of it.
    codes = {answer.code for answer in buyers.told}
    assert codes <= {None, "overloaded", "outcome-unknown", "lost"}, codes
    holds(sale, buyers.told)


def test_no_more_memory(stack, crowd, holds):
    """FE8: what a reactor works with was taken at start: it goes on with next to no page more."""
    sale = stack.admin.open_sale(stock=20000)
    engine = stack.engines[0]
    body = b'{"sku":"a","note":"' + b"x" * 12000
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
        limit_memory(engine, 4)
        held = [http_raw.Connection(stack.address(0)) for _ in range(600)]
        for connection in held:  # unfinished requests, 7 MB of them
            with contextlib.suppress(OSError):
                connection.send(http_raw.encode("POST", f"/v1/sales/{sale}/orders", {
                    "Content-Type": "application/json", "Content-Length": "16000"}) + body)
        for number in (0, 1):
            wait_for_wins(buyers, engine=number)
        for connection in held:
            connection.close()
        wait_for_wins(buyers, engine=0)
        assert engine.is_alive()
        limit_memory(engine, None)
    assert codes_of(buyers.told) <= {None, "overloaded"}
    holds(sale, buyers.told)


# --- misled

def test_its_wall_clock_steps(stack, monkeypatch, crowd, holds):
    """FE9: sales and timers go on; tokens are judged by what it takes for the time."""
    sale = stack.admin.open_sale(stock=20000)
    clock = Clock()
    mint = lambda buyer, **claims: tokens.mint(stack.secret, buyer, **{
        "iat": int(time.time()) - 2 * HOUR_S, "exp": int(time.time()) + 2 * HOUR_S, **claims})
    monkeypatch.setattr(stack, "token", mint)
    now = int(time.time())
    with restarted(stack.engines[0], environment=clock.environment()) as engine:
        with crowd(sale) as buyers:
            for hours, claims, why in ((1, {"exp": now + 1800}, "The token has expired."),
                                       (-1, {"iat": now}, "The token is not valid yet."),
                                       (0, None, None)):
                wait_for_wins(buyers, engine=0)
                clock.shift(hours * HOUR_S)
                began = time.monotonic()
                wait_for_wins(buyers, engine=0)
                assert causes(engine) == {}
                if claims:
                    buyer = Buyer(stack, f"out-of-time-{hours}", 0, **claims)
                    detail = expect(buyer.purchase(sale), 401, "token-expired")["detail"]
                    assert detail == why
                    assert buyer.orders(sale, engine=1).status == 200
                assert max(answer.seconds for answer in list(buyers.told)
                           if answer.began > began) < 5, "a timer stood still"
    assert codes_of(buyers.told) == {None}
    holds(sale, buyers.told)


# --- its log

@contextlib.contextmanager
def full_device(_):
    yield "/dev/full"


@contextlib.contextmanager
def blocked_pipe(directory):
    """A pipe that nobody reads, and that takes nothing more."""
    path = directory / "blocked.pipe"
    os.mkfifo(path)
    reader = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(reader, b"x")
    try:
        yield path
    finally:
        os.close(reader)
        path.unlink()


@pytest.mark.parametrize("place", [full_device, blocked_pipe])
def test_its_log_takes_nothing(stack, faults, crowd, holds, place):
    """FE10: selling goes on, also through what is worth lines; it ends in order."""
    sale = stack.admin.open_sale(stock=20000)
    engine = stack.engines[0]
    engine.terminate()
    kept = engine.log_path
    with place(stack.directory) as path:
        engine.log_path = type(kept)(path)
        engine.start()
        engine.log_path = kept  # what it tells now is nowhere
        engine.wait_ready()
        with crowd(sale) as buyers:
            for _ in range(3):
                wait_for_wins(buyers, engine=0)
                faults.engine_redis.cut()
            wait_for_wins(buyers, engine=0)
        if place is full_device:
            assert scrape(engine).get("seckill_log_dropped_total") >= 3
        engine.terminate()
    engine.start()
    assert {answer.code for answer in buyers.told} <= {None, "outcome-unknown", "overloaded"}
    holds(sale, buyers.told)


# --- its settings

@pytest.mark.parametrize("change, status, words", [
    ({"redis.prot": 6379}, 2, ["redis.prot"]),
    ({"sale.hold_ms": 1100}, 2, ["sale.hold_ms"]),
    ({"jwt.secret_file": "/nowhere/secret"}, 2, ["jwt.secret_file", "/nowhere/secret"]),
    ({"http.port": None}, 1, ["http.port", "is served by another seckilld"]),
    ({"strict": True}, 1, ["strict"]),
], ids=["unknown setting", "times that break the protocol", "no secret", "a port in use",
        "weak durability"])
def test_settings_that_cannot_be_sold_on(stack, crowd, holds, change, status, words):
    """FE11: it does not start, and says why in one line; the other engine goes on."""
    sale = stack.admin.open_sale(stock=5000)
    engine = stack.engines[0]
    change = {name: stack.engines[1].settings[name] if value is None else value
              for name, value in change.items()}
    with crowd(sale, threads=2, engines=(1,)) as buyers:
        wait_for_wins(buyers)
        engine.terminate()
        size, kept = len(engine.log_text()), engine.settings
        engine.settings = {**kept, **change}
        try:
            engine.start()
            assert engine.wait_for_exit(30) == status
        finally:
            engine.settings = kept
        engine.wait_log("seckilld: ", size)
        lines = [line for line in engine.log_text()[size:].splitlines()
                 if line.startswith("seckilld: ")]
        assert len(lines) == 1 and all(word in lines[0] for word in words), lines
        wait_for_wins(buyers)
    assert codes_of(buyers.told) == {None}
    holds(sale, buyers.told)


# --- of another version

def another_version(program, directory):
    """A copy of the program whose purchase script is another one: other text, other SHA-1, the
    same rules. Returns its path and both SHA-1."""
    binary = program.read_bytes()
    begin = binary.index(b"#!lua\n-- purchase: decides")
    text = binary[begin:binary.index(b"\0", begin)]
    other = text.replace(b"-- purchase: decides", b"-- Purchase: decides", 1)
    shas = [hashlib.sha1(each).hexdigest().encode() for each in (text, other)]
    assert binary.count(text) == 1 and binary.count(shas[0]) == 1
    path = directory / "seckilld-of-another-version"
    path.write_bytes(binary.replace(text, other).replace(*shas))
    shutil.copymode(program, path)
    return path, [sha.decode() for sha in shas]


def test_two_versions_at_once(stack, crowd, holds, redis_db):
    """FE12: each has its script, by its SHA-1; neither takes the other's away."""
    sale = stack.admin.open_sale(stock=20000)
    engine = stack.engines[0]
    other, shas = another_version(paths.program("seckilld"), stack.directory)
    with restarted(engine, argv=[str(other), *engine.argv[1:]]):
        assert redis_db.client.script_exists(*shas) == [True, True]
        with crowd(sale) as buyers:
            for number in (0, 1):
                wait_for_wins(buyers, engine=number)
            redis_db.client.script_flush()
            for number in (0, 1):
                wait_for_wins(buyers, engine=number)
        assert redis_db.client.script_exists(*shas) == [True, True]
    assert codes_of(buyers.told) == {None}
    holds(sale, buyers.told)


def test_a_record_of_a_newer_version(stack, crowd, holds, redis_db, mysql, kafka):
    """FE12: the worker keeps what it knows of it, as QUARANTINED; its buyer has his order."""
    sale = stack.admin.open_sale(stock=5000)
    with crowd(sale) as buyers:
        wait_for_wins(buyers)
    attempt = ("ann", "key-of-the-one-who-asks", "a")
    wait_until(lambda: not redis_db.outbox(sale), 30, "all is in the log")
    stack.engines[1].freeze()  # its relay
    stack.engines[0].arm("script_replied", "kill")
    told = ask_all(stack, sale, [attempt], threads=1, engines=(0,))
    entry = redis_db.client.hget(redis_db.key(sale, "buyers"), "ann").split(";")[1].split(",")
    key_hash, ref, sku, quantity, slot, _, won_at = entry
    epoch, seq = map(int, ref.split("-"))
    order_no = compose_order_no(sale, epoch, seq)
    kafka.produce("seckill.orders", msgpack.packb([
        2, order_no, "ann", sku, int(quantity), 199900, "CNY", int(slot), key_hash, int(won_at),
        int(won_at) + 900000, "", {"of": "version 2"}]))
    redis_db.client.delete(redis_db.key(sale, "outbox"))
    state = lambda: mysql.rows("SELECT state FROM orders WHERE order_no = %s", order_no)
    wait_until(lambda: state() == [{"state": "QUARANTINED"}], 30, "its row")
    stack.engines[1].thaw()
    again = wait_until(lambda: (answer := ask_all(stack, sale, [attempt], threads=1, engines=(1,))[
        0]).status == 201 and answer, 30, "the same key tells it")
    assert again.order_no == order_no and again.replayed
    holds(sale, [*buyers.told, *told, again])
    assert state() == [{"state": "QUARANTINED"}]
