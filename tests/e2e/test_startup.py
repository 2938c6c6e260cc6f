"""Starting and ending: services that are away are waited for, a taken port is named, SIGTERM
ends in order (FE6, FE11, FR9, FK7). Broken settings are in test_settings.py."""

import signal
import socket
import threading

import pytest

from support import http_raw
from support.buyer import Buyer
from support.crowd import Crowd, fresh_buyers, request, wins_of
from support.expect import expect, expect_won
from support.ports import free_port
from support.processes import PATIENT, PATIENT_ENGINE, Stack, config_text
from support.programs import PROGRAMS, run, settings
from support.wait import wait_until

FAILED = 1


def why(done):
    """The one line that is no log line: why it did not start."""
    lines = [line for line in done.stderr.splitlines() if line.startswith(PROGRAMS)]
    assert len(lines) == 1, done
    return lines[0]


@pytest.mark.parametrize("setting", ["http.port", "ops.port"])
def test_a_port_in_use_by_another_program(services, secret_file, tmp_path, setting):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        path = tmp_path / "seckill.conf"
        path.write_text(config_text({**settings("seckilld", secret_file), **services.config(),
                                     setting: number}))
        done = run("seckilld", "--config", path)
    assert done.returncode == FAILED, done
    last = why(done)
    assert last.startswith("seckilld: ") and str(number) in last, done.stderr


def test_a_port_of_another_engine(stack, secret_file, tmp_path):
    """SO_REUSEPORT would share it silently."""
    path = tmp_path / "seckill.conf"
    path.write_text(config_text({**stack.engine.settings, "ops.port": free_port()}))
    done = run("seckilld", "--config", path)
    assert done.returncode == FAILED, done
    assert "is served by another seckilld" in why(done)


@pytest.mark.parametrize("setting", ["worker.admin_port", "worker.ops_port"])
def test_a_port_of_another_worker(stack, tmp_path, setting):
    beside = {**stack.worker.settings, "worker.admin_port": free_port(),
              "worker.ops_port": free_port()}
    beside[setting] = stack.worker.settings[setting]
    path = tmp_path / "seckill.conf"
    path.write_text(config_text(beside))
    done = run("seckill-worker", "--config", path)
    assert done.returncode == FAILED, done
    assert str(beside[setting]) in why(done), done.stderr


def test_the_worker_needs_its_topic(stack, tmp_path):
    path = tmp_path / "seckill.conf"
    path.write_text(config_text({**stack.worker.settings, "worker.admin_port": free_port(),
                                 "worker.ops_port": free_port(),
                                 "kafka.orders_topic": "seckill.no-such-topic"}))
    done = run("seckill-worker", "--config", path)
    assert done.returncode == FAILED, done
    assert "seckill.no-such-topic" in why(done), done.stderr


def test_the_worker_names_a_wrong_password(stack, tmp_path):
    path = tmp_path / "seckill.conf"
    path.write_text(config_text({**stack.worker.settings, "worker.admin_port": free_port(),
                                 "worker.ops_port": free_port(), "mysql.password": "wrong"}))
    done = run("seckill-worker", "--config", path)
    assert done.returncode == FAILED, done
    assert "Access denied" in why(done), done.stderr


def causes(daemon):
    return {cause["name"]: cause["detail"] for cause in
            daemon.ops_get("/readyz").json()["causes"]}


@pytest.fixture
def lone_engine(services):
    """lone_engine(**settings): an engine beside the session's, started, not waited for."""
    made = []

    def make(**changes):
        stack = Stack(services, engines=1, engine_settings={
            key.replace("__", "."): value for key, value in changes.items()})
        made.append(stack)
        stack.engine.start()
        wait_until(lambda: stack.engine.ops_get("/livez").status == 200, 30, "it is alive",
                   ignoring=(OSError,))
        return stack

    yield make
    for stack in made:
        stack.engine.terminate()
        stack.stop()


def test_a_missing_topic_is_a_named_cause(lone_engine):
    stack = lone_engine(kafka__orders_topic="seckill.no-such-topic")
    wait_until(lambda: "topic" in causes(stack.engine).get("kafka", ""), 30, "the cause is named")
    assert stack.engine.ops_get("/readyz").status == 503


def test_redis_away_at_start(services, stack, lone_engine, plain_sale):
    """Not ready, alive, refusing at once; ready when Redis comes."""
    port = free_port()
    lone = lone_engine(redis__port=port)
    wait_until(lambda: "redis" in causes(lone.engine), 30, "not ready")
    buyer, key = Buyer(lone, "early"), "key-of-the-early-buyer"
    response = buyer.purchase(plain_sale, key=key)
    assert response.status == 503 and response.code in ("rebuilding", "overloaded")
    with Forwarder(port, services.redis_address):
        lone.engine.wait_ready()
        wait_until(lambda: buyer.purchase(plain_sale, key=key).status == 201, 30, "it sells")
    wait_until(lambda: "redis" in causes(lone.engine), 30, "not ready again")


class Forwarder:
    """Carries bytes from a port to an address, while the block lasts."""

    def __init__(self, port, target):
        self.port, self.target, self.sockets = port, target, []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", self.port), reuse_port=True)
        self.sockets.append(self.listener)
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_):
        for each in self.sockets:
            try:
                each.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            each.close()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            far = socket.create_connection(self.target)
            self.sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    @staticmethod
    def _carry(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
        except OSError:
            pass


def test_an_evicting_policy_at_start_is_a_named_cause(lone_engine, redis_db):
    redis_db.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        lone = lone_engine()
        text = "maxmemory-policy must be noeviction, is allkeys-lru"
        wait_until(lambda: text in causes(lone.engine).get("redis", ""), 30, "the cause is named")
        lone.engine.wait_log("allkeys-lru")
    finally:
        redis_db.client.config_set("maxmemory-policy", "noeviction")
    lone.engine.wait_ready()


def test_an_evicting_policy_later_is_a_named_cause(services, stack, redis_db):
    """Read at each handshake: a Redis that came back with another policy is not sold on."""
    redis_db.client.config_set("maxmemory-policy", "allkeys-lru")
    try:
        redis_db.client.client_kill_filter(_type="normal", skipme=True)
        wait_until(lambda: "noeviction" in causes(stack.engine).get("redis", ""), 30,
                   "the cause is named")
    finally:
        redis_db.client.config_set("maxmemory-policy", "noeviction")
    for engine in stack.engines:
        engine.wait_ready()


def test_strict_refuses_weak_services(stack, redis_db, tmp_path):
    """One broker, or no append-only file: strict processes say so and do not start."""
    def start(process, program, *ports):
        path = tmp_path / "strict.conf"
        path.write_text(config_text({**process.settings, "strict": True,
                                     **{name: free_port() for name in ports}}))
        done = run(program, "--config", path)
        assert done.returncode == FAILED, done
        return why(done)

    engine = (stack.engine, "seckilld", "http.port", "ops.port")
    worker = (stack.worker, "seckill-worker", "worker.admin_port", "worker.ops_port")
    assert "replica" in start(*engine)
    redis_db.client.config_set("no-appendfsync-on-rewrite", "yes")
    try:
        for process in (engine, worker):
            last = start(*process)
            assert "strict" in last and "append-only" in last, last
    finally:
        redis_db.client.config_set("no-appendfsync-on-rewrite", "no")


# --- the end

@pytest.fixture
def own_stack(services, make_stack):
    """An engine that drains slowly: what a test does meanwhile, it does in time."""
    return make_stack(services, engines=1, worker_settings=PATIENT,
                      engine_settings={**PATIENT_ENGINE, "drain.wait_ms": 2000,
                                       "drain.limit_ms": 60000})


def test_sigterm_drains(own_stack, services):
    """Ready turns 503 first; what is in work ends; connections are told to close; exit 0."""
    stack = own_stack
    sale = stack.admin.open_sale(stock=1000)
    idle = http_raw.Connection(stack.address())
    kept = http_raw.Connection(stack.address())
    assert kept.request("GET", f"/v1/sales/{sale}").status == 200
    busy = http_raw.Connection(stack.address())
    with services.frozen("kafka"):
        busy.send(request(stack, sale, "in-work", "key-of-the-one-in-work"))
        wait_until(lambda: stack.admin.sale(sale)["redis"]["seq"] == 1, 30, "it was decided")
        stack.engine.send(signal.SIGTERM)
        wait_until(lambda: "draining" in causes(stack.engine), 30, "readiness says so")
        late = http_raw.Connection(stack.address())  # drain.wait_ms is for those who come yet
        late.close()
    order = expect_won(busy.read_response("POST"))
    assert order["sale"] == sale
    busy.expect_close()
    idle.expect_close()
    kept.expect_close()
    assert stack.engine.wait_for_exit(30) == 0
    stack.engine.start().wait_ready()
    again = Buyer(stack, "in-work").purchase(sale, key="key-of-the-one-in-work")
    assert expect_won(again, replayed=True)["order_no"] == order["order_no"]


def test_a_drain_under_load_breaks_no_answer(own_stack):
    """Who was answered 201 holds an order; nobody's answer stops in the middle."""
    stack = own_stack
    sale = stack.admin.open_sale(stock=100000)
    with Crowd(stack, sale, fresh_buyers("drain"), threads=6) as crowd:
        wait_until(lambda: len(crowd.wins()) > 100, 30, "they win")
        stack.engine.send(signal.SIGTERM)
        assert stack.engine.wait_for_exit(30) == 0
    codes = {answer.code for answer in crowd.told}
    assert codes <= {None, "lost", "overloaded"}, codes
    stack.engine.start().wait_ready()
    lost = [answer for answer in crowd.told if answer.code == "lost"]
    assert stack.admin.audit(sale)["at_rest"]
    rows = {order["order_no"] for order in all_orders(stack.admin, sale)}
    assert {str(order) for order in crowd.wins().values()} <= rows
    for answer in lost[:20]:
        response = Buyer(stack, answer.buyer).purchase(sale, key=answer.key)
        assert response.status == 201, "a key tells the truth after the restart"
    assert wins_of(crowd.told)


def all_orders(admin, sale):
    found, after = [], 0
    while after is not None:
        page = admin.orders(sale=sale, limit=1000, after=after)
        found += page["orders"]
        after = page["next"]
    return found


def test_a_request_during_the_drain_is_told_to_go(own_stack):
    stack = own_stack
    sale = stack.admin.open_sale()
    with http_raw.Connection(stack.address()) as connection:
        assert connection.request("GET", f"/v1/sales/{sale}").header("connection") is None
        stack.engine.send(signal.SIGTERM)
        wait_until(lambda: "draining" in causes(stack.engine), 30, "draining")
        response = connection.request("GET", f"/v1/sales/{sale}")
    assert response.status in (200, 503), response
    assert stack.engine.wait_for_exit(30) == 0


def test_a_second_signal_ends_it_at_once(own_stack, services):
    stack = own_stack
    sale = stack.admin.open_sale()
    connection = http_raw.Connection(stack.address())
    with services.frozen("kafka"):
        connection.send(request(stack, sale, "in-work", "key-of-the-one-in-work"))
        wait_until(lambda: stack.admin.sale(sale)["redis"]["seq"] == 1, 30, "it was decided")
        stack.engine.send(signal.SIGTERM)
        wait_until(lambda: "draining" in causes(stack.engine), 30, "draining")
        stack.engine.send(signal.SIGTERM)
        assert stack.engine.wait_for_exit(30) == FAILED  # long before the limit of the drain
    connection.close()
    stack.engine.start().wait_ready()
    response = wait_until(
        lambda: (answer := Buyer(stack, "in-work").purchase(
            sale, key="key-of-the-one-in-work")).status == 201 and answer, 30, "the order is there")
    expect_won(response, replayed=True)


def test_the_worker_drains_and_starts_again(services, make_stack):
    stack = make_stack(services, engines=0)
    stack.worker.send(signal.SIGTERM)
    assert stack.worker.wait_for_exit(30) == 0
    stack.worker.start().wait_ready()
    sale = stack.admin.create_sale()
    assert stack.admin.sale(sale)["sale"] == sale
    expect(stack.admin.call("GET", "sales/8388607"), 404, "unknown-sale")
