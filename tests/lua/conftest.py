"""Fixtures of the script tests: a Redis of their own, empty for each test."""
import pytest

from redis_server import Server
from scripts import Sale, Scripts


@pytest.fixture(scope="session")
def server():
    running = Server()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def session_scripts(server):
    return Scripts(server.client())


@pytest.fixture
def redis(session_scripts):
    session_scripts.redis("FLUSHALL")
    return session_scripts.redis


@pytest.fixture
def scripts(session_scripts, redis):
    return session_scripts


@pytest.fixture
def sale(scripts):
    return Sale(scripts)
