"""tools/services: the embedded default, by itself."""

import os
import signal
import socket
import subprocess

import pytest
from confluent_kafka.admin import AdminClient

from support import paths
from support.db import Kafka, Mysql, Redis
from support.fault_proxy import FaultProxy
from support.services import NAMES, Services
from support.wait import hold_for, wait_until

PROGRAM = paths.ROOT / "tools" / "services"


def run(*words, **options):
    return subprocess.run([PROGRAM, *words], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, timeout=280, check=False, **options)


def is_alive(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def running():
    """Services that the tests of this file share."""
    services = Services().up()
    yield services
    services.down()


@pytest.fixture
def started(running):
    """The same, all three running."""
    running.up()
    return running


def test_wrong_usage_is_told_by_status_2():
    for words in ([], ["jump"], ["up", "redis"], ["start"], ["start", "postgres"], ["up", "--bad"],
                  ["up", "--dir"], ["up", "--wipe"], ["status", "--dir="], ["down", "--proxied"]):
        done = run(*words)
        assert done.returncode == 2, (words, done)
        assert done.stderr, words


def test_help_names_every_command():
    done = run("--help")
    assert done.returncode == 0
    for word in ("up", "down", "status", "start", "stop", "kill", "--dir", "--wipe", "--proxied"):
        assert word in done.stdout


def test_status_of_an_unused_directory_is_3_and_makes_nothing(tmp_path):
    done = run("status", "--dir", tmp_path / "none")
    assert done.returncode == 3
    assert not (tmp_path / "none").exists()


def test_down_in_an_unused_directory_is_harmless(tmp_path):
    assert run("down", "--dir", tmp_path / "none").returncode == 0
    assert not (tmp_path / "none").exists()


def test_a_directory_that_cannot_be_is_told(tmp_path):
    (tmp_path / "file").write_text("")
    done = run("up", "--dir", tmp_path / "file")
    assert done.returncode == 1
    assert "cannot write" in done.stderr


def test_all_three_answer_at_the_addresses_of_env(started):
    assert Redis(started).client.ping()
    assert Mysql(started).value("SELECT 1") == 1
    assert Kafka(started).messages("seckill.orders") == []


def test_env_is_for_a_shell(started):
    names = ("REDIS_URL KAFKA_BROKERS MYSQL_HOST MYSQL_PORT MYSQL_USER MYSQL_PASSWORD"
             " MYSQL_DATABASE REDIS_PID KAFKA_PID MYSQL_PID").split()
    script = f'. "{started.directory}/env"; for n in {" ".join(names)}; do echo "$n=${{!n}}"; done'
    shown = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, check=True)
    assert dict(line.split("=", 1) for line in shown.stdout.splitlines()) == started.env
    for name in NAMES:
        assert is_alive(started.pid(name))


def test_lines_of_other_tools_in_env_stay(started):
    with open(started.directory / "env", "a", encoding="ascii") as env:
        env.write("SECKILL_URL=http://127.0.0.1:1\n")
    started.kill("redis")
    started.start("redis")
    assert started.env["SECKILL_URL"] == "http://127.0.0.1:1"


def test_only_loopback_listens(started):
    ports = [started.redis_address[1], int(started.env["MYSQL_PORT"]),
             int(started.env["KAFKA_BROKERS"].rpartition(":")[2])]
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as lines:
            for line in list(lines)[1:]:
                address, state = line.split()[1], line.split()[3]
                host, _, port = address.rpartition(":")
                if state == "0A" and int(port, 16) in ports:
                    assert host.endswith("0100007F"), line


def test_settings_the_promises_rest_on(started):
    redis = Redis(started).client
    for name, value in (("appendonly", "yes"), ("appendfsync", "everysec"),
                        ("maxmemory-policy", "noeviction"), ("repl-backlog-ttl", "0")):
        assert redis.config_get(name)[name] == value
    mysql = Mysql(started)
    for name in ("sync_binlog", "innodb_flush_log_at_trx_commit", "skip_name_resolve"):
        assert int(mysql.value(f"SELECT @@{name}")) == 1


def test_temporary_tables_are_where_no_other_server_starts(started, tmp_path, monkeypatch):
    """A server that starts deletes in its tmpdir what looks like one of its own."""
    assert Mysql(started).value("SELECT @@tmpdir") == str(started.directory / "mysql" / "tmp")
    fake = tmp_path / "mariadb-install-db"
    fake.write_text('#!/bin/sh\necho "tmpdir is $TMPDIR"\nexit 1\n')
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    result = run("up", "--dir", tmp_path / "other")
    run("down", "--dir", tmp_path / "other", "--wipe")
    assert result.returncode != 0
    assert f"tmpdir is {tmp_path / 'other' / 'mysql' / 'tmp'}" in result.stdout + result.stderr


def test_topics_are_as_the_design_says(started):
    metadata = Kafka(started)._consumer().list_topics(timeout=10).topics
    counts = {name: len(topic.partitions) for name, topic in metadata.items()
              if not name.startswith("__")}
    assert counts == {"seckill.orders": 4, "seckill.notices": 4, "seckill.events": 4,
                      "seckill.dead": 1}


def test_an_unknown_topic_is_not_made_by_asking(started):
    metadata = Kafka(started)._consumer().list_topics("nobody.made.me", timeout=10)
    assert metadata.topics["nobody.made.me"].error is not None


def test_up_again_starts_nothing(started):
    before = started.env
    started.up()
    assert started.env == before


def test_its_passwords_are_its_own(started):
    file = started.directory / "env"
    file.write_text(file.read_text() + "TOKEN_OF_ANOTHER_TOOL=x\n")
    started.kill("redis")
    started.start("redis")
    assert "TOKEN_OF_ANOTHER_TOOL=x" in file.read_text()
    assert file.stat().st_mode & 0o077 == 0


def test_status_tells_what_died(started):
    assert run("status", "--dir", started.directory).returncode == 0
    started.kill("mysql")
    done = run("status", "--dir", started.directory)
    assert done.returncode == 3
    assert "mysql  stopped" in done.stdout
    assert "redis  answers" in done.stdout


def test_status_tells_what_hangs(started):
    with started.frozen("redis"):
        done = run("status", "--dir", started.directory)
    assert done.returncode == 3
    assert "redis  runs but does not answer" in done.stdout


def test_up_restarts_only_what_died(started):
    before = started.env
    os.kill(started.pid("redis"), signal.SIGKILL)
    wait_until(lambda: not is_alive(int(before["REDIS_PID"])), 30, "redis is gone")
    started.up()
    after = started.env
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"REDIS_PID"}


@pytest.mark.parametrize("end", ["kill", "stop"])
def test_a_service_comes_back_with_port_and_data(started, end):
    redis, mysql = Redis(started), Mysql(started)
    redis.client.set("kept", end)
    mysql.execute("CREATE TABLE IF NOT EXISTS kept (word VARCHAR(9) PRIMARY KEY)")
    mysql.execute("REPLACE INTO kept VALUES (%s)", end)
    Kafka(started).produce("seckill.dead", end.encode())
    before = started.env
    for name in NAMES:
        getattr(started, end)(name)
        assert not is_alive(int(before[f"{name.upper()}_PID"]))
        started.start(name)
    after = started.env
    for name, value in before.items():
        assert (after[name] != value) == name.endswith("_PID"), name
    assert Redis(started).client.get("kept") == end
    assert mysql.rows("SELECT word FROM kept WHERE word = %s", end)
    values = [message.value() for message in Kafka(started).messages("seckill.dead")]
    assert end.encode() in values


def test_a_stale_pid_file_is_not_believed(started):
    """The pid of a dead service may belong to another process by now."""
    started.stop("redis")
    with subprocess.Popen(["sleep", "600"]) as foreign:
        try:
            (started.directory / "redis" / "pid").write_text(f"{foreign.pid} 1 boot\n")
            started.stop("redis")
            started.start("redis")
            assert is_alive(foreign.pid)
            assert started.pid("redis") != foreign.pid
        finally:
            foreign.kill()


def test_a_taken_port_is_told(started):
    started.stop("redis")
    with socket.socket() as thief:
        thief.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        thief.bind(started.redis_address)
        thief.listen()
        done = run("start", "redis", "--dir", started.directory)
    assert done.returncode == 1
    assert "in use" in done.stderr
    assert "redis did not start" in done.stderr
    started.start("redis")


def test_a_broken_setting_is_told_with_the_log(started):
    """A service that dies at once is not waited for until the deadline."""
    started.stop("mysql")
    data = started.directory / "mysql" / "data"
    data.rename(started.directory / "mysql" / "away")
    data.mkdir()
    try:
        done = run("start", "mysql", "--dir", started.directory)
    finally:
        subprocess.run(["rm", "-rf", data], check=True)
        (started.directory / "mysql" / "away").rename(data)
    assert done.returncode == 1
    assert "mysql did not start; the end of" in done.stderr
    started.start("mysql")


def test_two_directories_run_side_by_side(started):
    other = Services().up()
    try:
        mine, its = started.env, other.env
        for name in ("REDIS_URL", "KAFKA_BROKERS", "MYSQL_PORT", "REDIS_PID", "KAFKA_PID",
                     "MYSQL_PID", "MYSQL_PASSWORD"):
            assert mine[name] != its[name]
        Redis(started).client.set("whose", "mine")
        assert Redis(other).client.get("whose") is None
        other._run("down")
        assert not any(is_alive(int(its[f"{name.upper()}_PID"])) for name in NAMES)
        assert started.env == mine
        assert Redis(started).client.get("whose") == "mine"
        assert (other.directory / "redis" / "data").is_dir(), "down keeps the data"
        assert not (other.directory / "env").exists()
    finally:
        other.down()


def test_down_ends_a_frozen_service_and_no_foreign_one(tmp_path):
    services = Services(tmp_path / "d")
    services.directory.mkdir()
    services.up()
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as foreign:
        try:
            pids = [services.pid(name) for name in NAMES]
            services.freeze("redis")
            services.down()
            assert not any(map(is_alive, pids))
            hold_for(lambda: is_alive(foreign.pid), 0.2, "a foreign process lives")
        finally:
            foreign.kill()


def test_ups_at_the_same_time_start_each_service_once(tmp_path):
    services = Services(tmp_path)
    try:
        jobs = [subprocess.Popen([PROGRAM, "up", "--dir", tmp_path], stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, text=True) for _ in range(3)]
        answers = [job.communicate(timeout=280)[0] for job in jobs]
        assert [job.returncode for job in jobs] == [0, 0, 0]
        assert answers[0] == answers[1] == answers[2]
    finally:
        services.down()


def test_output_is_not_held_open_by_the_services(tmp_path):
    """A caller that reads until the end of `up`'s output must come to that end."""
    services = Services(tmp_path)
    try:
        assert run("up", "--dir", tmp_path).returncode == 0
    finally:
        services.down()


def test_a_client_of_kafka_stays_behind_the_proxy(tmp_path):
    services = Services(tmp_path, proxied=True).up()
    try:
        env = services.env
        proxy_port = int(env["KAFKA_PROXY_PORT"])
        with FaultProxy() as proxy:
            route = proxy.route("kafka", int(env["KAFKA_PROXIED_PORT"]), port=proxy_port)
            client = AdminClient({"bootstrap.servers": f"127.0.0.1:{proxy_port}"})
            brokers = client.list_topics(timeout=30).brokers.values()
            assert [broker.port for broker in brokers] == [proxy_port]
            # librdkafka leaves the address that it was given for the one that it was told.
            wait_until(lambda: client.list_topics(timeout=30) and route.count() > 0, 30,
                       "it is connected through the proxy")
        direct = AdminClient({"bootstrap.servers": env["KAFKA_BROKERS"]})
        brokers = direct.list_topics(timeout=30).brokers.values()
        assert [f"127.0.0.1:{broker.port}" for broker in brokers] == [env["KAFKA_BROKERS"]]
    finally:
        services.down()
