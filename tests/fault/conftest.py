"""Fixtures of the fault tests (INVARIANTS §5): services behind a proxy, two engines, two workers.

Each test gets a sale of its own, breaks something under load, heals it, and ends with
support.history.assert_history_holds(). The build has failpoints (-Dfailpoints=true).
"""

import itertools

import pytest

from support.crowd import Crowd, fresh_buyers
from support.db import Kafka, Mysql, Redis
from support.fault_proxy import FaultProxy
from support.history import assert_history_holds
from support.processes import Stack
from support.services import Services

BOTH = (0, 1)
_numbers = itertools.count(1)


class Faults:
    """Services, the ways to them, and the processes: all that can be broken."""

    def __init__(self):
        self.services = Services(proxied=True).up()
        env = self.services.env
        self.proxy = FaultProxy()
        redis_port = self.services.redis_address[1]
        self.engine_redis = self.proxy.route("engine-redis", redis_port)
        self.worker_redis = self.proxy.route("worker-redis", redis_port)
        self.kafka = self.proxy.route("kafka", int(env["KAFKA_PROXIED_PORT"]),
                                      port=int(env["KAFKA_PROXY_PORT"]))
        self.mysql = self.proxy.route("mysql", int(env["MYSQL_PORT"]))

    def stack(self, engines=2, workers=2, engine_settings=None, worker_settings=None):
        """Not started. Every way to a service leads through the proxy."""
        return Stack(
            self.services, engines=engines, workers=workers,
            common_settings={"kafka.brokers": f"127.0.0.1:{self.kafka.port}"},
            engine_settings={"redis.port": self.engine_redis.port, **(engine_settings or {})},
            worker_settings={"redis.port": self.worker_redis.port, "mysql.port": self.mysql.port,
                             "sale.lease_ms": 300, "sale.hold_ms": 800, **(worker_settings or {})})

    def heal(self):
        """No faults on the ways, all services run."""
        self.proxy.clear()
        self.services.up()

    def close(self):
        self.proxy.close()
        self.services.down()


def revive(stack):
    """All processes of a stack run and are ready, whatever a test did to them."""
    for process in [*stack.workers, *stack.engines]:
        process.disarm()
        if process.is_alive():
            process.thaw()
        else:
            process.start()
    for process in [*stack.workers, *stack.engines]:
        process.wait_ready(60)


@pytest.fixture(scope="session")
def session_faults():
    faults = Faults()
    yield faults
    faults.close()


@pytest.fixture(scope="module")
def module_stack(session_faults):
    """Two engines and two workers that the tests of a module share."""
    running = session_faults.stack()
    try:
        yield running.start()
    finally:
        session_faults.heal()
        running.stop()


@pytest.fixture
def stack(module_stack, faults):
    """All of it alive and ready; what a test ended is started again after it."""
    yield module_stack
    revive(module_stack)


@pytest.fixture
def faults(session_faults):
    """The ways and services; healed after the test."""
    yield session_faults
    session_faults.heal()


@pytest.fixture
def mysql(faults):
    return Mysql(faults.services)


@pytest.fixture
def redis_db(faults):
    return Redis(faults.services)


@pytest.fixture
def kafka(faults):
    return Kafka(faults.services)


@pytest.fixture
def crowd(stack):
    """crowd(sale): buyers at both engines, as a context manager; each tries once, without end."""
    def make(sale, attempts=None, threads=6, engines=BOTH):
        return Crowd(stack, sale, attempts or fresh_buyers(f"crowd{next(_numbers)}"), threads,
                     engines)

    return make


@pytest.fixture
def holds(stack, faults):
    """holds(sale, told): heals, asks again, and asserts that history and audit hold."""
    def check(sale, told):
        faults.heal()
        revive(stack)
        return assert_history_holds(stack, faults.services, sale, list(told), BOTH)

    return check
