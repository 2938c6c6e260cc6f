"""seckill-bench against a server that the test writes: what it sends, counts, tells and refuses."""

import html.parser
import json
import os
import re
import socket
import subprocess
import threading

import pytest

from support import paths, ports
from support.bench_server import (DONE, ERRORS, HEAD, NOT_STARTED, SOLD_OUT, USAGE, Server, answer,
                                  won)


def test_help_lists_every_option():
    result = subprocess.run([paths.program("seckill-bench"), "--help"], capture_output=True,
                            text=True, timeout=30, check=False)
    assert result.returncode == DONE
    assert all(len(line) <= 100 for line in result.stdout.splitlines())
    source = (paths.ROOT / "bench" / "load" / "options.def").read_text()
    options = re.findall(r'^OPTION\(\w+, "([a-z-]+)"', source, re.M)
    assert len(options) > 30
    for option in options:
        assert "--" + option in result.stdout, option


@pytest.mark.parametrize("arguments, complaint", [
    (["--buyers", "0"], "--buyers is a number from 1"),
    (["--rate", "1k"], '--rate is a number from 1 to 1000000, not "1k"'),
    (["--twice", "1.5", "--buyers", "1"], "--twice is a number from 0 to 1"),
    (["--twice", "0.6", "--repeat", "0.6", "--buyers", "1"], "more than 1 together"),
    (["--sku", "a b", "--buyers", "1"], "--sku is 1 to 32"),
    (["--mode", "fast", "--buyers", "1"], "--mode is purchase"),
    (["--cpu", "engine", "--buyers", "1"], "--cpu is NAME=PID"),
    (["--cpu", "engine=x", "--buyers", "1"], "--cpu needs process ids"),
    (["--warmup", "5", "--duration", "5"], "--warmup leaves nothing"),
    (["--threads", "9", "--connections", "8", "--buyers", "1"], "--threads"),
    (["--secret-file", "/nonexistent", "--buyers", "1"], "/nonexistent"),
    (["--url", "https://127.0.0.1:1", "--buyers", "1"], "--url is http://"),
    (["--url", "http://shop:80", "--buyers", "1"], "numeric"),
    (["--buyers", "1", "more"], 'what is "more"'),
    (["--warm-up", "5"], 'unknown option "--warm-up"'),
    (["-x"], 'unknown option "-x"'),
    (["--rate"], "--rate needs a value"),
    (["--closed=5"], 'no value belongs to "--closed=5"'),
    (["--profile", "steep"], '--profile is constant, ramp or spike, not "steep"'),
    (["--profile", "ramp", "--closed", "--buyers", "1"], "--closed has no times"),
    (["--click", "0.5", "--bad-token", "0.6", "--buyers", "1"], "more than 1 together"),
    (["--clicks", "1"], "--clicks is a number from 2 to 16"),
    (["--sources", "0"], "--sources is a number from 1 to 64"),
    (["--sources", "127.0.0.1,127.0.0.x"], "--sources is a count, or IPv4 addresses"),
    (["--stock", "-5"], "--stock is a number from 1"),
    (["--scenario", "no-such"], 'no scenario is called "no-such"'),
    (["--scenario", "/nonexistent/a.conf"], "/nonexistent/a.conf: No such file"),
    ([], "--buyers or --duration is needed"),
])
def test_wrong_use_is_refused_before_anything_is_sent(bench, arguments, complaint):
    result = bench("http://127.0.0.1:1", *arguments)
    assert result.returncode == USAGE
    assert complaint in result.stderr and result.stderr.count("\n") == 1


def test_a_server_that_is_not_there_is_named(bench):
    port = ports.free_port()
    result = bench(f"http://127.0.0.1:{port}", "--buyers", 1)
    assert result.returncode == NOT_STARTED
    assert f"127.0.0.1:{port}" in result.stderr and "refused" in result.stderr


def test_outcomes_are_counted_and_told(bench):
    def decide(number, head, body):
        assert json.loads(body)["quantity"] == 2
        return won(1000 + number) if number < 10 else SOLD_OUT
    result = bench(Server(decide).url, "--buyers", 50, "--rate", 1000, "--quantity", 2)
    assert result.returncode == DONE, result
    assert result.report["outcomes"] == {"accepted": 10, "sold-out": 40}
    assert result.report["latency_ms"]["won"]["count"] == 10
    assert sorted(line.split()[0] for line in result.told) == ["accepted"] * 10 + ["sold-out"] * 40
    assert {line.split()[2] for line in result.told} == {"-", *map(str, range(1000, 1010))}
    assert len({line.split()[1] for line in result.told}) == 50


def test_only_accepted_orders_count_as_sales(bench):
    """Replays, sold-out answers and refusals are apart in every part of the report."""
    replies = [won(1), won(1, replayed=True), SOLD_OUT,
               answer(409, {"status": 409, "code": "limit-reached"}),
               answer(503, {"status": 503, "code": "outcome-unknown"})]
    result = bench(Server(lambda number, *_: replies[number % 5]).url, "--buyers", 50,
                   "--rate", 500)
    report = result.report
    assert result.returncode == DONE
    assert {name: latency["count"] for name, latency in report["latency_ms"].items()} == {
        "all": 50, "won": 20, "accepted": 10, "replayed": 10, "sold-out": 10, "refused": 10,
        "unknown": 10, "other": 0, "error": 0}
    assert report["orders_per_second"] == pytest.approx(10 / report["window_seconds"], rel=0.01)
    assert report["best_orders_per_second"] == max(
        row["answers"]["accepted"] for row in report["timeline"]["rows"])
    assert "orders a second (accepted only): " in result.stdout


def test_the_timeline_holds_every_second_of_the_run(bench):
    result = bench(Server(lambda *_: SOLD_OUT).url, "--buyers", 250, "--rate", 100,
                   "--cpu", f"test={os.getpid()}")
    report, timeline = result.report, result.report["timeline"]
    assert timeline["width_s"] == 1 and timeline["complete"] and timeline["measured_from_s"] == 0
    rows = timeline["rows"]
    assert [row["second"] for row in rows] == list(range(len(rows))) and len(rows) >= 3
    assert sum(row["sent"] for row in rows) == report["sent"] == 250
    assert sum(row["answers"]["sold-out"] for row in rows) == 250
    assert all(set(row["answers"]) == set(report["latency_ms"]) - {"all", "won"} for row in rows)
    assert list(rows[0]["latency_ms"]) == ["sold-out"]
    assert list(rows[0]["latency_ms"]["sold-out"]) == ["p50", "p90", "p99", "p99.9", "max"]
    assert max(row["latency_ms"]["sold-out"]["max"] for row in rows if row["latency_ms"]) == \
        report["latency_ms"]["all"]["max"]
    assert sum(row["cpu_us"]["test"] for row in rows) > 0
    assert report["cpu_seconds"]["test"] > 0


def test_the_report_says_what_was_asked_where_and_when(bench):
    note = 'redis 7.0, "ours" \\ <b>'
    result = bench(Server(lambda *_: SOLD_OUT).url, "--buyers", 5, "--note", note,
                   "--note", "kafka 3.9")
    report = result.report
    assert report["notes"] == [note, "kafka 3.9"]
    assert report["asked"][0].endswith("seckill-bench") and note in report["asked"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", report["started"])
    assert re.fullmatch(r"\d+\.\d+\.\d+", report["version"])
    assert report["machine"]["cores"] == os.cpu_count()
    assert report["machine"]["kernel"].startswith("Linux ") and report["machine"]["cpu"]
    assert report["audit"] is None and report["mode"] == "purchase"


class Page(html.parser.HTMLParser):
    """Checks that every element is closed in its turn; keeps texts, attributes, elements."""

    EMPTY = {"meta", "path", "rect", "br"}

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_the_page_stands_alone_and_says_what_the_report_says(bench, tmp_path):
    replies = [won(1), won(1, replayed=True), SOLD_OUT, None]
    note = "redis 7.0 <script>alert('\"&')</script>"
    result = bench(Server(lambda number, *_: replies[number % 4]).url, "--buyers", 200, "--rate",
                   100, "--html", tmp_path / "page.html", "--note", note, "--warmup", 0.5,
                   "--audit", "echo '<b>I1</b> holds'", "--cpu", f"<i>={os.getpid()}")
    text = (tmp_path / "page.html").read_text()
    page = Page(text)
    said = " ".join(page.texts)
    assert result.returncode == ERRORS and f"{result.report['errors']} errors" in said
    # Alone: nothing is loaded, nothing runs.
    assert not {"script", "link", "img", "iframe", "object"} & set(page.elements)
    assert not {"src", "href", "onload", "style"} & {name for name, _ in page.attributes}
    assert "http" not in text.replace(f"http://127.0.0.1:{result.report['asked'][2][17:]}", "")
    assert "url(" not in text and "@import" not in text
    # What came from outside is text.
    assert note in page.texts and "<b>I1</b> holds\n" in page.texts and "<i>" in page.texts
    assert 'name="viewport"' in text and "prefers-color-scheme: dark" in text
    # Classes are apart, and only accepted ones are orders.
    for title in ["Answers by outcome", "Latency: accepted", "Latency: replayed",
                  "Latency: sold-out", "Latency: error", "Latency distribution",
                  "CPU for each request"]:
        assert title in page.texts, title
    assert "Latency: refused" not in page.texts
    assert "Generator" in page.texts
    assert "A sold-out answer is not a sale" in said
    assert result.report["started"] in said and result.report["machine"]["kernel"] in said
    assert result.report["version"] in said and "Audit: " in page.texts


@pytest.mark.parametrize("option", ["--json", "--html"])
def test_a_report_that_cannot_be_written_is_told(bench, option):
    result = bench(Server(lambda *_: SOLD_OUT).url, "--buyers", 5, option, "/nonexistent/report")
    assert result.returncode == ERRORS
    assert "/nonexistent/report: No such file or directory" in result.stderr


def test_every_member_of_the_report_is_documented(bench):
    report = bench(Server(lambda *_: SOLD_OUT).url, "--buyers", 5, "--stock", 3, "--cpu",
                   f"test={os.getpid()}", "--audit", "true").report
    text = (paths.ROOT / "bench" / "README.md").read_text()
    documented = set(re.findall(r"`([a-z0-9_.-]+)`", text))
    members = {*report, *report["machine"], *report["timeline"], *report["timeline"]["rows"][0],
               *report["latency_ms"]["all"], *report["audit"], *report["generator"]}
    assert members <= documented, members - documented
    assert all(f"**{name}**" in text for name in report["timeline"]["rows"][0]["answers"])


def test_cpu_times_that_are_not_known_are_not_zero(bench, tmp_path):
    # The server is in this process; 2,000 answers are many of the kernel's ticks of 10 ms.
    result = bench(Server(lambda *_: SOLD_OUT).url, "--buyers", 2000, "--rate", 2000, "--html",
                   tmp_path / "page.html", "--cpu", f"here={os.getpid()}",
                   "--cpu", "gone=999999999")
    report, page = result.report, Page((tmp_path / "page.html").read_text())
    assert report["cpu_us_per_request"]["gone"] is None and report["cpu_seconds"]["gone"] is None
    assert {row["cpu_us"]["gone"] for row in report["timeline"]["rows"]} == {None}
    assert sum(row["cpu_us"]["here"] for row in report["timeline"]["rows"]) > 0
    assert "unknown: a process ended" in page.texts
    # In legend and table; the other one in the table alone.
    assert page.texts.count("here") == 2 and page.texts.count("gone") == 1


def test_the_audit_s_verdict_is_told_and_decides_the_status(bench, tmp_path):
    url = Server(lambda *_: SOLD_OUT).url
    # It runs when --told is written.
    result = bench(url, "--buyers", 5, "--audit", f"wc -l <{tmp_path}/told")
    assert result.returncode == DONE and "audit: holds" in result.stdout
    assert result.report["audit"] == {"holds": True, "status": 0, "text": "5\n"}
    result = bench(url, "--buyers", 5, "--audit", "echo sold twice; exit 1")
    assert result.returncode == ERRORS and "audit: DOES NOT HOLD" in result.stdout
    assert result.report["audit"] == {"holds": False, "status": 1, "text": "sold twice\n"}


def worker_metrics(orders, busy_s):
    text = (f'seckill_settled_records_total{{result="new"}} {orders}\n'
            f"seckill_settle_duration_seconds_sum {busy_s}\n").encode()
    return HEAD % (200, len(text), b"") + text


def fake_redis(sizes):
    """A server that answers INFO with the next of `sizes`; its ADDRESS:PORT."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve():
        for size in sizes:
            connection, _ = listener.accept()
            with connection:
                assert b"INFO" in connection.recv(4096)
                text = b"# Memory\r\nused_memory_dataset:%d\r\n" % size
                connection.sendall(b"$%d\r\n%s\r\n" % (len(text), text))
    threading.Thread(target=serve, daemon=True).start()
    return "127.0.0.1:%d" % listener.getsockname()[1]


def test_what_orders_cost_worker_and_redis_is_measured_around_the_load(bench, tmp_path):
    worker = Server(lambda number, head, _: worker_metrics(1000 + 3000 * number, 2 + 1.5 * number))
    result = bench(Server(lambda number, *_: won(number + 1)).url, "--buyers", 1000, "--rate", 4000,
                   "--worker", worker.url, "--redis", fake_redis([50000, 250000]),
                   "--html", tmp_path / "page.html")
    assert result.returncode == DONE, result.stderr
    assert result.report["settle"] == {"orders": 3000, "busy_seconds": 1.5,
                                       "orders_per_second_per_consumer": 2000}
    assert result.report["redis_bytes_per_order"] == 200
    assert [head.split()[1] for head in worker.heads] == ["/metrics"] * 2
    page = (tmp_path / "page.html").read_text()
    assert "makes rows of 2,000 orders a second" in page and "an order takes 200 bytes" in page


@pytest.mark.parametrize("option, where, complaint", [
    ("--worker", "http://127.0.0.1:1", "--worker http://127.0.0.1:1: "),
    ("--redis", "127.0.0.1:1", "--redis 127.0.0.1:1: Connection refused"),
    ("--redis", "127.0.0.1", "it is ADDRESS:PORT"),
])
def test_a_worker_or_redis_that_does_not_answer_stops_the_start(bench, option, where, complaint):
    server = Server(lambda *_: SOLD_OUT)
    result = bench(server.url, "--buyers", 5, option, where)
    assert result.returncode == NOT_STARTED and complaint in result.stderr
    assert server.heads == []


def test_a_line_each_second_unless_quiet(secret_file):
    server = Server(lambda *_: SOLD_OUT)
    command = [paths.program("seckill-bench"), "--url", server.url, "--sale", "7", "--secret-file",
               str(secret_file), "--connections", "4", "--buyers", "250", "--rate", "100"]
    loud = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    lines = loud.stderr.splitlines()
    assert re.match(r" +\d+ s  sent +\d+  answered +\d+  sold-out \d+  p50 .* ms  p99 ", lines[0])
    seconds = [int(line.split()[0]) for line in lines]
    assert seconds == sorted(set(seconds)) and seconds[0] >= 1
    quiet = subprocess.run([*command, "--quiet"], capture_output=True, text=True, timeout=60,
                           check=True)
    assert quiet.stderr == ""


def test_some_try_twice_and_some_repeat_with_their_key(bench):
    keys = {}

    def decide(number, head, _):
        key = re.search(r"Idempotency-Key: (\S+)", head)
        if key is None:
            return SOLD_OUT
        assert 16 <= len(key[1]) <= 64
        keys[key[1]] = keys.get(key[1], 0) + 1
        return won(5000 + number, replayed=keys[key[1]] == 2)
    server = Server(decide)
    result = bench(server.url, "--buyers", 1000, "--rate", 3000, "--twice", 0.2, "--repeat", 0.3,
                   "--keyed", 0, "--again-after", 50)
    outcomes = result.report["outcomes"]
    assert outcomes["accepted"] == outcomes["replayed"] == pytest.approx(300, abs=60)
    assert outcomes["sold-out"] == pytest.approx(500 + 400, abs=120)
    assert set(keys.values()) == {2}


def test_a_lost_connection_is_neither_a_win_nor_a_no(bench):
    result = bench(Server(lambda number, *_: None if number == 3 else SOLD_OUT).url,
                   "--buyers", 20, "--rate", 1000)
    assert result.returncode == ERRORS
    assert result.report["outcomes"] == {"sold-out": 19, "lost": 1}
    assert sum(line.startswith("lost ") for line in result.told) == 1


def test_bytes_that_are_no_http_are_an_error(bench):
    result = bench(Server(lambda number, *_: b"what?\r\n\r\n" if number == 3 else SOLD_OUT).url,
                   "--buyers", 20, "--rate", 1000)
    assert result.returncode == ERRORS and result.report["outcomes"]["malformed"] == 1


def test_an_answer_that_never_comes_is_a_timeout_and_holds_nobody_up(bench):
    result = bench(Server(lambda number, *_: b"" if number == 3 else SOLD_OUT).url,
                   "--buyers", 50, "--rate", 500, "--timeout", 3000)
    assert result.returncode == ERRORS
    assert result.report["outcomes"] == {"sold-out": 49, "timeout": 1}
    assert result.report["latency_ms"]["all"]["max"] >= 3000


def test_latency_counts_from_the_intended_time(bench):
    """One connection, and a server that stalls once: those who had to wait are seen waiting."""
    release = threading.Event()

    def decide(number, *_):
        if number == 10:
            release.wait(0.5)
        return SOLD_OUT
    result = bench(Server(decide).url, "--buyers", 100, "--rate", 200, "--connections", 1)
    assert result.returncode == DONE
    assert result.report["latency_ms"]["all"]["p50"] > 100
    assert result.report["late"] > 50


def test_half_an_answer_is_waited_for(bench):
    result = bench(Server(lambda *_: SOLD_OUT[:20]).url, "--buyers", 1, "--timeout", 300)
    assert result.report["outcomes"] == {"timeout": 1}


def test_a_polite_close_costs_nothing(bench):
    body = json.dumps({"status": 409, "code": "sold-out"}).encode()
    closing = HEAD % (409, len(body), b"Connection: close\r\n") + body
    result = bench(Server(lambda number, *_: closing if number % 5 == 0 else SOLD_OUT).url,
                   "--buyers", 50, "--rate", 500)
    assert result.returncode == DONE
    assert result.report["outcomes"] == {"sold-out": 50} and result.report["reopened"] == 10


def test_a_bad_token_is_what_bad_token_mode_wants(bench):
    refusal = answer(401, {"status": 401, "code": "token-bad"})
    server = Server(lambda *_: refusal)
    assert bench(server.url, "--buyers", 5, "--rate", 100).returncode == ERRORS
    assert bench(server.url, "--buyers", 5, "--rate", 100, "--mode", "bad-token").returncode == DONE


def test_a_closed_loop_sends_when_it_was_answered_and_cpu_is_told(bench):
    result = bench(Server(lambda *_: SOLD_OUT).url, "--closed", "--duration", 3, "--warmup", 1.5,
                   "--cpu", f"test={os.getpid()}", "--threads", 2)
    assert result.returncode == DONE
    assert result.report["sent"] == result.report["answered"] > 100
    assert result.report["window_seconds"] == pytest.approx(1.5, abs=0.7)
    assert result.report["cpu_us_per_request"]["test"] > 0
