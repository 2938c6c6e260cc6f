"""Settings: what is broken is told in one line that names it, and nothing starts (FE6)."""

import re
import subprocess

import pytest

from support import paths
from support.processes import config_text
from support.programs import CONFIG, PROGRAMS, refused, run, settings


BROKEN_TEXTS = {
    "unknown key": ("redis: { prot = 6379; };", "redis.prot"),
    "unknown group": ("reddis: { port = 6379; };", "reddis"),
    "wrong type": ('redis: { port = "six"; };', "redis.port"),
    "fraction": ("redis: { port = 1.5; };", "redis.port"),
    "too large": ("redis: { port = 65536; };", "redis.port"),
    "zero": ("http: { reactors = 0; };", "http.reactors"),
    "negative": ("batch: { max = -1; };", "batch.max"),
    "over its bound": ("batch: { max = 129; };", "batch.max"),
    "text too long": (f'redis: {{ address = "{"1" * 50}"; }};', "redis.address"),
    "no address": ('http: { address = "localhost"; }; '
                   'worker: { admin_address = "localhost"; };', "numeric address"),
    "bool as text": ('strict = "yes";', "strict"),
    "bad level": ('log: { level = "loud!"; };', "log.level"),
    "bad format": ('log: { format = "yaml"; };', "log.format"),
    "no syntax": ("redis: { port = ", "syntax error"),
    "hold below T + 500": ("sale: { hold_ms = 1400; };", "sale.hold_ms"),
    "Q below D + 2000": ("sale: { guard_ms = 2500; };", "sale.guard_ms"),
    "poll not below T": ("sale: { lease_ms = 200; };", "board.poll_ms"),
    "message time-out below D": ("sale: { deadline_ms = 8000; guard_ms = 10000; };",
                                 "kafka.message_timeout_ms"),
    "relay age below sweep": ("relay: { age_ms = 499; };", "relay.age_ms"),
    "two topics alike": ('kafka: { orders_topic = "seckill.notices"; };',
                         "kafka.orders_topic and kafka.notices_topic must differ"),
    "topic with a blank": ('kafka: { events_topic = "the events"; };', "kafka.events_topic"),
    "topic with a slash": ('kafka: { dead_topic = "a/b"; };', "kafka.dead_topic"),
    "topic of dots": ('kafka: { notices_topic = ".."; };', "kafka.notices_topic"),
    "broker a URL": ('kafka: { brokers = "http://kafka:9092"; };', "kafka.brokers"),
    "broker with a blank": ('kafka: { brokers = "a b"; };', "kafka.brokers"),
    "broker's port too large": ('kafka: { brokers = "a:9092,b:65536"; };', "kafka.brokers"),
    "broker missing": ('kafka: { brokers = "a:9092,"; };', "kafka.brokers"),
}


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("what", BROKEN_TEXTS)
def test_broken_settings_say_why_in_one_line(program, secret_file, tmp_path, what):
    text, word = BROKEN_TEXTS[what]
    name = "jwt" if program == "seckilld" else "worker"
    member = "secret_file" if program == "seckilld" else "admin_token_file"
    path = tmp_path / "broken.conf"
    if f"{name}:" in text:
        text = text.replace(f"{name}: {{", f'{name}: {{ {member} = "{secret_file}";')
    else:
        text += f'\n{name}: {{ {member} = "{secret_file}"; }};'
    path.write_text(text + "\n")
    for words in (("--check-config",), ()):
        refused(run(program, "--config", path, *words), CONFIG, f"{program}: ", word)


@pytest.mark.parametrize("brokers", ["kafka", "kafka-1.shop:9092, kafka_2:9093", "[::1]:9092",
                                     "127.0.0.1:9092,10.0.0.7:9092"])
@pytest.mark.parametrize("program", PROGRAMS)
def test_names_of_brokers(program, secret_file, tmp_path, brokers):
    path = tmp_path / "good.conf"
    path.write_text(config_text(settings(program, secret_file, kafka__brokers=brokers)))
    done = run(program, "--config", path, "--check-config")
    assert done.returncode == 0 and done.stderr == "", done


@pytest.mark.parametrize("program,setting", [
    ("seckilld", "jwt.kid=a b"), ("seckilld", "jwt.previous_kid=ä"),
    ("seckill-worker", "mysql.host=a b")])
def test_names_that_nobody_can_name(program, setting, secret_file, tmp_path):
    path = tmp_path / "good.conf"
    path.write_text(config_text(settings(program, secret_file)))
    refused(run(program, "--config", path, "--set", setting, "--check-config"), CONFIG,
            setting.split("=", maxsplit=1)[0])


def test_as_many_reactors_as_the_bound_says(secret_file, tmp_path):
    path = tmp_path / "many.conf"
    path.write_text(config_text(settings("seckilld", secret_file, http__reactors=64,
                                         http__connections_max=16, purchase__max=16)))
    with subprocess.Popen([paths.program("seckilld"), "--config", path], text=True,
                          stderr=subprocess.PIPE) as engine:
        try:
            line = next((line for line in engine.stderr if "event=started" in line), "not started")
        finally:
            engine.kill()
    assert "reactors=64" in line


BROKEN_KEYS = {
    "no file": ("payments.standard_secret_files", "none",
                "payments.standard_secret_files: "),
    "no secret": ("payments.standard_secret_files", "text", "does not begin with whsec_"),
    "short secret": ("payments.standard_secret_files", "short", "24 to 64 bytes"),
    "two commas": ("payments.stripe_secret_files", "stripe,,", "an entry of the list is empty"),
    "no application": ("payments.alipay_key_files", "text", "payments.alipay_app_id"),
    "no serial number": ("payments.wechatpay_key_files", "text", "payments.wechatpay_api_key_file"),
    "zero is not off": ("payments.tolerance_s", "0", "payments.tolerance_s"),
}


@pytest.mark.parametrize("what", BROKEN_KEYS)
def test_payment_keys_that_cannot_be_used_are_named_and_not_told(secret_file, tmp_path, what):
    name, value, word = BROKEN_KEYS[what]
    (tmp_path / "text").write_text("hidden-text")
    (tmp_path / "short").write_text("whsec_aGlkZGVu")
    (tmp_path / "stripe").write_text("whsec_hidden-0123456789abcdef")
    value = value if value.isdigit() else tmp_path / value
    path = tmp_path / "seckill.conf"
    path.write_text(config_text(settings("seckilld", secret_file)))
    for words in (("--check-config",), ()):
        done = run("seckilld", "--config", path, "--set", f"{name}={value}", *words)
        refused(done, CONFIG, "seckilld: ", word)
        assert "hidden" not in done.stderr and "aGlkZGVu" not in done.stderr, done


@pytest.mark.parametrize("program", PROGRAMS)
def test_good_settings_are_checked_and_nothing_starts(program, secret_file, tmp_path):
    path = tmp_path / "good.conf"
    path.write_text(config_text(settings(program, secret_file)))
    done = run(program, "--config", path, "--check-config")
    assert done.returncode == 0 and done.stderr == "", done


@pytest.mark.parametrize("program", PROGRAMS)
def test_sources_of_settings(program, secret_file, tmp_path):
    """The file, the environment over it, --set over both; unknown names are refused everywhere."""
    path = tmp_path / "seckill.conf"
    path.write_text(config_text(settings(program, secret_file, redis__port=1111)))

    def port(*words, **environment):
        done = run(program, "--config", path, *words, "--print-values", environment=environment)
        assert done.returncode == 0, done
        return int(re.search(r"redis\.port\s*=\s*(\d+)|port = (\d+)", done.stdout[
            done.stdout.index("redis"):]).group(1) or 0)

    assert port() == 1111
    assert port(SECKILL_CONF_REDIS__PORT="2222") == 2222
    assert port("--set", "redis.port=3333", SECKILL_CONF_REDIS__PORT="2222") == 3333
    for words, environment in ((("--set", "redis.prot=1"), {}), (("--set", "redis.port"), {}),
                               (("--set", "redis.port=x"), {}), (("--set",), {}), (("--fly",), {}),
                               (("--config",), {}), (("--config", tmp_path / "none"), {}),
                               ((), {"SECKILL_CONF_REDIS__PROT": "1"})):
        refused(run(program, "--config", path, "--check-config", *words, environment=environment)
                if words[:1] != ("--config",) else run(program, *words), CONFIG, program)


@pytest.mark.parametrize("program", PROGRAMS)
def test_secrets_are_not_printed(program, secret_file, tmp_path):
    path = tmp_path / "seckill.conf"
    path.write_text(config_text(settings(program, secret_file, mysql__password="hidden-one",
                                         redis__password="hidden-two")))
    done = run(program, "--config", path, "--print-values")
    assert done.returncode == 0 and "hidden" not in done.stdout + done.stderr


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("content,word", [(None, "cannot be read"), ("", "must hold"),
                                          ("short", "must hold"), ("x" * 5000, "")])
def test_secret_files(program, tmp_path, secret_file, content, word):
    if content is None:
        secret_file.unlink()
    else:
        secret_file.write_text(content)
    path = tmp_path / "seckill.conf"
    path.write_text(config_text(settings(program, secret_file)))
    refused(run(program, "--config", path), CONFIG, str(secret_file), word)


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_secret_file_must_be_named(program):
    refused(run(program), CONFIG, "must be set")


@pytest.mark.parametrize("program", PROGRAMS)
def test_help_version_and_documents(program):
    done = run(program, "--help")
    assert done.returncode == 0 and f"usage: {program}" in done.stdout and not done.stderr
    assert re.fullmatch(rf"{program} \d+\.\d+\.\d+\n", run(program, "--version").stdout)
    sample = run(program, "--print-sample")
    assert sample.returncode == 0
    assert sample.stdout == (paths.ROOT / "deploy" / "seckill.conf").read_text()
