#!/usr/bin/env python3
"""How long an audit of a large sale takes, and how much memory: on real services of its own.

Fills the order log with the wins of one sale, lets the worker settle them, closes some as overdue,
pays some, loads the sale into Redis anew, and audits it. Needs the tests' environment:
SECKILL_BUILD=build ~/.cache/seckill/venv-*/bin/python bench/audit_scale.py --orders 1000000
"""

import argparse
import json
import pathlib
import resource
import sys
import time

import confluent_kafka
import msgpack

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "tests"))
from support import notice_records  # noqa: E402
from support.ctl import ctl  # noqa: E402
from support.db import Mysql, compose_order_no  # noqa: E402
from support.processes import Stack  # noqa: E402
from support.services import Services  # noqa: E402
from support.wait import wait_until  # noqa: E402

PATIENCE_S = 3600
PRICE = notice_records.PRICE


def produce(brokers, topic, records):
    """(key, bytes) of each; returns when all are in the log."""
    producer = confluent_kafka.Producer({"bootstrap.servers": brokers, "acks": "all",
                                         "linger.ms": 50,
                                         "queue.buffering.max.messages": 200000})
    for key, value in records:
        while True:
            try:
                producer.produce(topic, value, key)
                break
            except BufferError:
                producer.poll(0.1)
        producer.poll(0)
    assert producer.flush(PATIENCE_S) == 0


def wins(sale, count):
    now_ms = int(time.time() * 1000)
    for seq in range(1, count + 1):
        yield None, msgpack.packb([1, compose_order_no(sale, 1, seq), f"buyer-{seq}", "a", 1,
                                   PRICE, "CNY", 0, f"{seq:032x}", now_ms, now_ms + 900000, ""])


def payments(sale, count):
    for seq in range(1, count + 1):
        order = compose_order_no(sale, 1, seq)
        yield str(order), notice_records.encode(order)


def memory_mb(pid, name):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name):
            return int(line.split()[1]) // 1024
    return 0


def timed(what, action):
    begun = time.monotonic()
    result = action()
    print(f"{what:42} {time.monotonic() - begun:8.1f} s", flush=True)
    return result


def wait_state(mysql, sale, state, count):
    wait_until(lambda: mysql.value("SELECT COUNT(*) FROM orders WHERE sale = %s AND state = %s",
                                   sale, state) == count, PATIENCE_S, f"{count} are {state}",
               interval_s=1)


def fill(stack, mysql, sale, args):
    brokers = stack.services.env["KAFKA_BROKERS"]
    timed("records produced", lambda: produce(brokers, "seckill.orders", wins(sale, args.orders)))
    timed("all settled", lambda: wait_state(mysql, sale, "PENDING", args.orders))
    if args.paid:
        produce(brokers, notice_records.TOPIC, payments(sale, args.paid))
        timed("payments applied", lambda: wait_state(mysql, sale, "PAID", args.paid))
    if args.closed:
        mysql.execute("UPDATE orders SET pay_by = 1000 WHERE sale = %s AND state = 'PENDING' "
                      "ORDER BY order_no DESC LIMIT %s", sale, args.closed)
        timed("overdue ones closed", lambda: wait_state(mysql, sale, "CLOSED", args.closed))


def recover(stack, sale):
    stack.admin.recover(sale)
    wait_until(lambda: stack.admin.sale(sale)["load"]["step"] in ("done", "failed"), PATIENCE_S,
               "loaded again", interval_s=0.5)
    stack.admin.wait_state(sale, "open", deadline_s=PATIENCE_S)


def audit(stack, sale):
    pid = stack.worker.pid
    before = memory_mb(pid, "VmRSS")
    done = timed("audit", lambda: ctl(stack, "--json", "audit", sale,
                                      timeout_s=PATIENCE_S))
    print(f"{'worker resident before, at most':42} {before} MB, {memory_mb(pid, 'VmHWM')} MB")
    if done.returncode not in (0, 1, 4):
        print(done.stderr)
        return done.returncode
    report = json.loads(done.stdout)
    for check in report["checks"]:
        if check["result"] != "holds":
            print(f"  {check['id']} {check['result']}: {check['found']}")
    print(f"{'audit holds':42} {report['ok']}")
    return done.returncode


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--orders", type=int, default=100000)
    parser.add_argument("--paid", type=int, default=0)
    parser.add_argument("--closed", type=int, default=0)
    args = parser.parse_args()

    services = Services().up()
    stack = Stack(services, engines=0, worker_settings={"worker.reaper_grace_ms": 0})
    try:
        stack.start()
        mysql = Mysql(services)
        # Its window is to come: Redis, which knows of no win yet, still offers what MySQL has sold.
        sale = stack.admin.open_sale(stock=args.orders, opens_in_s=43200, closes_in_s=86400)
        fill(stack, mysql, sale, args)
        timed("loaded into Redis", lambda: recover(stack, sale))
        timed("sale show", lambda: ctl(stack, "sale", "show", sale, timeout_s=300))
        status = audit(stack, sale)
    finally:
        stack.stop()
        services.down()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(f"{'user and system time of all':42} {used.ru_utime + used.ru_stime:8.1f} s")
    return status


if __name__ == "__main__":
    sys.exit(main())
