"""Fixtures of the end-to-end tests: real services, real processes, a sale for each test."""

import itertools
import shutil

import pytest

from support import events, paths
from support.buyer import Buyer
from support.db import Kafka, Mysql, Redis
from support.life import Life
from support.payments import Payments
from support.processes import Stack
from support.services import Services

# Orders are closed as soon as their time is over.
SOON_CLOSED = {"worker.reaper_ms": 200, "worker.reaper_grace_ms": 0}
# Few tests are about D; to the others a stolen core is no reason to be told "unknown". Not as long
# as PATIENT: who waits for D on purpose, waits.
D = {"sale.deadline_ms": 5000, "sale.guard_ms": 7000}
D_ENGINE = {**D, "purchase.unreported_max_ms": 15000, "redis.reply_timeout_ms": 8000}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def services():
    """Redis, Kafka and MariaDB for the whole session. A test that ends one starts it again. What
    the shop was told meanwhile is checked in the end."""
    running = Services().up()
    yield running
    try:
        events.check_topic(Kafka(running.up()))
    finally:
        running.down()


@pytest.fixture(scope="session")
def payment_keys():
    """All payment providers: their keys, and the engines' settings that name them."""
    directory = paths.work_directory("payments")
    yield Payments(directory / "keys")
    shutil.rmtree(directory)


@pytest.fixture(scope="session")
def session_stack(services, payment_keys):
    """One worker, two engines. Sales open sooner than by default: T and hold are shorter."""
    stack = Stack(services, engines=2,
                  engine_settings={"board.poll_ms": 100, **payment_keys.settings, **D_ENGINE},
                  worker_settings={"sale.lease_ms": 300, "sale.hold_ms": 800, **SOON_CLOSED, **D})
    try:
        stack.start()
        yield stack
    finally:
        stack.stop()


@pytest.fixture
def stack(session_stack):
    """The session's stack, ready whatever the test before did to the services; a test that
    crashes one of its processes fails."""
    session_stack.wait_ready()
    yield session_stack
    session_stack.assert_alive()


@pytest.fixture
def private_services():
    """Services of this test alone, to be frozen, killed and restarted."""
    running = Services().up()
    yield running
    running.down()


@pytest.fixture
def make_stack():
    """make_stack(services, engines=…, engine_settings=…, worker_settings=…): started, stopped
    after the test."""
    stacks = []

    def make(services, **options):
        stack = Stack(services, **options)
        stacks.append(stack)
        return stack.start()

    yield make
    failures = []
    for stack in stacks:
        try:
            stack.stop()
        except AssertionError as error:
            failures.append(str(error))
    assert not failures, "\n".join(failures)


@pytest.fixture
def admin(stack):
    return stack.admin


@pytest.fixture
def open_sale(stack):
    """open_sale(stock=…, limit=…): a new sale that can be bought from; its number."""
    return stack.admin.open_sale


@pytest.fixture(scope="session")
def session_sale(session_stack):
    return session_stack.admin.open_sale(stock={"a": 1000000, "b": 1000000}, limit=1)


@pytest.fixture
def plain_sale(stack, session_sale):
    """An open sale of skus a and b, limit 1, with units enough for all tests: its number.

    For tests that change nothing but their own buyers.
    """
    return session_sale


@pytest.fixture
def new_buyer(stack):
    """new_buyer(): a buyer that no other test has."""
    def make(name=None, **options):
        return Buyer(stack, name or f"buyer-{next(_numbers)}", **options)
    return make


@pytest.fixture
def mysql(services):
    return Mysql(services)


@pytest.fixture
def life(stack, mysql, payment_keys):
    """Orders after they were won: pays them, waits for their states."""
    return Life(stack, mysql, payment_keys)


@pytest.fixture
def redis_db(services):
    return Redis(services)


@pytest.fixture
def kafka(services):
    return Kafka(services)


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.touch(mode=0o600)
    path.write_text("s" * 64)
    return path
