"""seckillctl without an admin API: its help, its complaints, its tokens. (With one: tests/e2e.)"""

import base64
import hashlib
import hmac
import json
import re
import os
import socket
import subprocess
import threading

import pytest

from support import paths, ports

SECRET = b"0123456789abcdef0123456789abcdef"
DONE, VIOLATED, USAGE, FAILED_CALL = 0, 1, 2, 3


def run(*arguments, admin_token="an-admin-token-of-24-byte", **environment):
    clean = {name: value for name, value in os.environ.items() if not name.startswith("SECKILL_")}
    if admin_token:
        clean["SECKILL_ADMIN_TOKEN"] = admin_token
    program = paths.program("seckillctl")
    return subprocess.run([program, *arguments], env={**clean, **environment}, text=True,
                          capture_output=True, timeout=30, check=False)


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


@pytest.fixture
def secret_file(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(SECRET + b"\n")
    return path


class Api:
    """Answers every request with the next of the given answers; keeps what was asked."""

    def __init__(self, *answers):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.asked = []
        self.thread = threading.Thread(target=self._serve, args=(answers,), daemon=True)
        self.thread.start()

    def _serve(self, answers):
        for status, body in answers:
            connection, _ = self.listener.accept()
            with connection:
                self.asked.append(self._read(connection))
                data = body if isinstance(body, bytes) else json.dumps(body).encode()
                head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
                connection.sendall(head % (status, len(data)) + data)

    @staticmethod
    def _read(connection):
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n")
        for line in head.split(b"\r\n"):
            if line.lower().startswith(b"content-length:"):
                while len(body) < int(line.split(b":")[1]):
                    body += connection.recv(65536)
        return head.decode(), body


def audit_answer(ok):
    return {"sale": 7, "ok": ok, "at_rest": True, "violations": 0 if ok else 1,
            "checks": [{"id": "I1", "name": "sold <= total", "ok": ok,
                        "result": "holds" if ok else "violated", "found": "1 of 1"}]}


def order(number, buyer, reason=""):
    return {"order_no": str(number), "buyer": buyer, "state": "PENDING", "reason": reason}


def test_help_names_every_verb_and_every_exit_status():
    result = run("--help")
    assert result.returncode == DONE and result.stderr == ""
    for text in ["sale create", "sale list", "sale show", "sale load", "sale recover", "sale pause",
                 "sale resume", "sale end", "sale add-stock", "order list", "order show",
                 "order redrive", "order void", "dead list", "dead redrive", "audit", "token",
                 "exit status: 0"]:
        assert text in result.stdout
    assert run("sale", "load", "--help").stdout == result.stdout


@pytest.mark.parametrize("arguments, complaint", [
    ([], "a command is needed: sale, order, payment, dead, audit, token (see --help)"),
    (["sell"], 'unknown command "sell"; there is sale, order, payment, dead, audit, token'),
    (["sale"], "a verb is needed: sale create, sale list, sale show, sale load, sale recover, "
               "sale pause, sale resume, sale end, sale unfreeze, sale add-stock (see --help)"),
    (["sale", "sell"], 'unknown verb "sell"; there is sale create, sale list, '),
    (["order", "sell", "7"], 'unknown verb "sell"; there is order list, order show, order '
                             'redrive, order void, order refund (see --help)'),
    (["dead", "redrive", "x"], "the dead letter's id is a whole number from 1 on, not \"x\""),
    (["dead", "redrive"], "usage: seckillctl dead redrive ID"),
    (["order", "void", "-1"], 'an order number is decimal digits, not "-1"'),
    (["-v"], "unknown option -v"),
    (["--url"], "--url needs a value"),
    (["--colour", "sale", "list"], "unknown option --colour"),
    (["sale", "list", "--colour"], "unknown option --colour; usage: seckillctl sale list\n"),
    (["sale", "list", "7"], "0 arguments expected, 1 given; usage: seckillctl sale list\n"),
    (["sale", "show"], "1 argument expected, 0 given; usage: seckillctl sale show SALE\n"),
    (["audit"], "1 argument expected, 0 given; usage: seckillctl audit SALE [--told FILE]\n"),
    (["sale", "show", "zero"], "a sale is a number"),
    (["sale", "show", "0"], "a sale is a number"),
    (["sale", "show", "8388608"], "a sale is a number"),
    (["sale", "show", "-1"], "a sale is a number"),
    (["sale", "create"], "--sku SKU:PRICE:STOCK is needed"),
    (["sale", "create", "--sku", "a:1"], "--sku is SKU:PRICE:STOCK"),
    (["sale", "create", "--sku", "a:1:2:3"], "--sku is SKU:PRICE:STOCK"),
    (["sale", "create", "--sku", "a:1:2", "--limit", "x"], "--limit is a whole number"),
    (["sale", "create", "--sku", "a:1:2", "--opens", "+soon"], "--opens is a whole number"),
    (["sale", "create", "--sku"], "--sku needs a value; usage: seckillctl sale create --file"),
    (["sale", "create", "--name", "--sku", "a:1:1"], "--name needs a value"),
    (["sale", "create", "--file", "/nonexistent"],
     "seckillctl: unable to open /nonexistent: No such file or directory\n"),
    (["sale", "create", "--file", "x", "--limit", "2"], "no other option goes with it"),
    (["order", "show", "seven"], 'an order number is decimal digits, not "seven"'),
    (["order", "show", ""], 'an order number is decimal digits, not ""'),
    (["audit", "7", "--told", "/nonexistent"],
     "seckillctl: /nonexistent: No such file or directory\n"),
    (["audit", "7", "--told", "/tmp"], "seckillctl: /tmp: Is a directory\n"),
    (["--token-file", "/nonexistent", "sale", "list"], "/nonexistent: No such file or directory"),
    (["--token-file", "/dev/null", "sale", "list"], "/dev/null: it is empty"),
    (["sale", "add-stock", "7", "a", "5"], "--ref is needed"),
    (["sale", "add-stock", "7", "a", "5x", "--ref", "r"], "UNITS is a whole number"),
    (["sale", "add-stock", "7", "a", "0", "--ref", "r"], "UNITS is a whole number"),
    (["token"], "--buyer is needed"),
    (["token", "--buyer", "a b"], "--buyer is needed"),
    (["token", "--buyer", "b" * 65], "--buyer is needed"),
    (["token", "--buyer", "b"], "--secret-file is needed"),
    (["token", "--buyer", "b", "--ttl", "soon"], "--ttl is a number"),
    (["token", "--buyer", "b", "--secret-file", "/nonexistent"], "/nonexistent"),
])
def test_wrong_use_is_told_in_one_line(arguments, complaint):
    result = run(*arguments)
    assert result.returncode == USAGE and result.stdout == ""
    assert complaint in result.stderr and result.stderr.count("\n") == 1


def test_a_fault_of_a_file_has_its_line(tmp_path):
    path = tmp_path / "sale.json"
    path.write_text("{\n oops}")
    result = run("sale", "create", "--file", str(path))
    assert result.returncode == USAGE and result.stderr.startswith(f"seckillctl: {path}:2: ")


def test_no_line_ends_in_a_blank():
    load = {"step": "done", "note": "", "done": 1, "expected": 1}
    sale = {"sale": 7, "name": "n", "skus": [], "redis": None, "load": load}
    audit = audit_answer(True)
    audit["checks"][0]["found"] = None
    flow = {"currency": "CNY", "units": {"balanced": True, "came_back": {}},
            "orders": {"PAID": {"orders": 1, "units": 1, "amount": 5}}}
    api = Api((202, sale), (200, sale), (200, sale), (200, flow), (200, audit),
              (200, {"orders": []}), (200, {"dead_letters": [], "next": None}))
    for words in (("--help",), ("sale", "load", "7"), ("sale", "show", "7"), ("audit", "7"),
                  ("order", "list"), ("dead", "list")):
        result = run("--url", api.url + "/", *words)
        assert result.returncode == DONE and result.stdout, result
        for line in (result.stdout + result.stderr).splitlines():
            assert line == line.rstrip(), repr(line)
    assert "GET /v1/admin/sales/7 " in api.asked[1][0], "the URL's own slash is left out"


def test_an_address_that_is_not_the_admin_apis_is_asked_about():
    problem = {"title": "Not found", "detail": "There is nothing.", "code": "not-found"}
    result = run("--url", Api((404, problem)).url, "sale", "list")
    assert re.search(r" \[not-found\]; is http://\S+ the worker's admin API\?\n$", result.stderr)


def test_a_token_that_is_too_long_is_not_cut():
    result = run("sale", "list", admin_token="x" * 512)
    assert result.returncode == USAGE and "too long" in result.stderr


def test_without_an_admin_token_nothing_is_asked():
    result = run("sale", "list", admin_token=None)
    assert result.returncode == USAGE and "no admin token" in result.stderr


def test_an_api_that_cannot_be_reached_is_named():
    url = f"http://127.0.0.1:{ports.free_port()}"
    result = run("--url", url, "sale", "list")
    assert result.returncode == FAILED_CALL and result.stdout == ""
    assert url in result.stderr and result.stderr.count("\n") == 1


def test_a_problem_is_shown_and_the_token_is_not():
    api = Api((409, {"title": "Conflict", "detail": "It has ended.", "code": "conflict"}))
    result = run("--url", api.url, "sale", "pause", "7")
    assert result.returncode == FAILED_CALL
    assert result.stderr == "seckillctl: 409 Conflict: It has ended. [conflict]\n"
    head, _ = api.asked[0]
    assert head.startswith("POST /v1/admin/sales/7/pause HTTP/1.1\r\n")
    assert "Authorization: Bearer an-admin-token-of-24-byte" in head


def test_an_answer_that_is_no_json_is_an_error():
    api = Api((200, b"<html>"))
    result = run("--url", api.url, "sale", "list")
    assert result.returncode == FAILED_CALL and "no JSON" in result.stderr


def test_options_may_stand_before_or_behind_the_arguments():
    answer = {"sale": 7, "sku": "a", "added": 5, "total": 10, "ref": "r", "repeated": False}
    api = Api((200, answer), (200, answer))
    for arguments in (["--ref", "r", "7", "a", "5"], ["7", "a", "5", "--ref", "r"]):
        result = run("--url", api.url, "sale", "add-stock", *arguments)
        assert (result.returncode, result.stdout) == (DONE, "a: total 10\n")
    assert api.asked[0] == api.asked[1]
    assert json.loads(api.asked[0][1]) == {"add": 5, "ref": "r"}


def test_json_prints_the_answer_as_it_is():
    answer = {"sales": [], "next": None}
    api = Api((200, answer))
    result = run("--url", api.url, "sale", "list", "--json")
    assert json.loads(result.stdout) == answer


def test_a_violated_audit_is_exit_status_1():
    api = Api((200, audit_answer(False)))
    result = run("--url", api.url, "audit", "7")
    assert result.returncode == VIOLATED and "audit of sale 7: VIOLATED" in result.stdout


@pytest.mark.parametrize("told, rows, status", [
    (["accepted b1 11", "replayed b1 11", "sold-out b2 -"], [order(11, "b1")], DONE),
    (["outcome-unknown b1 -"], [order(11, "b1")], DONE),
    (["lost b1 -"], [order(11, "b1")], DONE),
    (["timeout b1 -"], [], DONE),
    (["accepted b1 11"], [], VIOLATED),
    (["accepted b1 11"], [order(12, "b1"), order(11, "b1")], VIOLATED),
    (["accepted b1 11"], [order(11, "b2")], VIOLATED),
    (["sold-out b1 -"], [order(11, "b1")], VIOLATED),
    ([], [order(11, "b1")], VIOLATED),
    ([], [order(11, "b1", "epoch")], DONE),
])
def test_what_buyers_were_told_is_compared_with_the_rows(tmp_path, told, rows, status):
    path = tmp_path / "told"
    path.write_text("".join(line + "\n" for line in told))
    answers = [(200, audit_answer(True)), (200, {"orders": rows, "next": None})]
    for form in ([], ["--json"]):
        api = Api(*answers)
        result = run("--url", api.url, "audit", "7", "--told", str(path), *form)
        assert result.returncode == status, result
        if form:
            assert json.loads(result.stdout)["told"]["ok"] == (status == DONE)


@pytest.mark.parametrize("line", ["accepted", "accepted b1 -"])
def test_a_file_of_another_form_is_refused(tmp_path, line):
    path = tmp_path / "told"
    path.write_text(line + "\n")
    api = Api((200, audit_answer(True)))
    result = run("--url", api.url, "audit", "7", "--told", str(path))
    assert result.returncode == USAGE and f"{path}:1" in result.stderr


def test_a_load_is_followed_to_its_end():
    def sale(step):
        return {"sale": 7, "name": "n", "skus": [], "redis": None,
                "load": {"step": step, "note": "n", "done": 1, "expected": 2}}
    api = Api((202, sale("wait")), (200, sale("wait")), (200, sale("done")))
    result = run("--url", api.url, "sale", "load", "7")
    assert result.returncode == DONE and "load: done" in result.stderr
    api = Api((202, sale("wait")), (200, sale("failed")))
    assert run("--url", api.url, "sale", "load", "7").returncode == VIOLATED
    api = Api((202, sale("wait")))
    assert run("--url", api.url, "sale", "load", "7", "--no-wait").returncode == DONE


def test_a_token_is_signed_for_its_buyer(secret_file):
    result = run("token", "--buyer", "alice", "--ttl", "60", "--kid", "k", admin_token=None,
                 SECKILL_JWT_SECRET_FILE=str(secret_file), SECKILL_JWT_ISSUER="shop")
    assert result.returncode == DONE
    head, claims, signature = result.stdout.strip().split(".")
    assert json.loads(decode(head)) == {"alg": "HS256", "kid": "k", "typ": "JWT"}
    body = json.loads(decode(claims))
    assert (body["sub"], body["iss"], body["aud"]) == ("alice", "shop", "seckill")
    assert body["exp"] - body["iat"] == 60
    mac = hmac.new(SECRET, f"{head}.{claims}".encode(), hashlib.sha256).digest()
    assert decode(signature) == mac


def test_a_short_secret_is_refused(tmp_path):
    path = tmp_path / "secret"
    path.write_bytes(b"x" * 31 + b"\n")
    result = run("token", "--buyer", "b", "--secret-file", str(path))
    assert result.returncode == USAGE and "fewer than 32 bytes" in result.stderr
