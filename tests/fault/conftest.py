"""Fixtures of the fault tests (INVARIANTS §5): services behind a proxy, two engines, two workers.

Each test gets a sale of its own, breaks something under load, heals it, and ends with
support.history.assert_history_holds(). The build has failpoints (-Dfailpoints=true).
"""

import itertools

import pytest

from support import events
from support.crowd import Crowd, fresh_buyers
from support.db import Kafka, Mysql, Redis
from support.faults import Faults, revive
from support.history import assert_history_holds

BOTH = (0, 1)
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def session_faults():
    faults = Faults()
    yield faults
    try:
        faults.heal()
        events.check_topic(Kafka(faults.services))
    finally:
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
    faults.heal()  # else nobody is ready
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
