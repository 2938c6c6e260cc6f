#!/usr/bin/env python3
"""What purchase.lua costs Redis: microseconds a win, a refusal and a replay, by batch size.

Starts a private redis-server by tools/services (AOF everysec), runs the committed script and prints
two figures for each: `script` (INFO commandstats, usec of evalsha) and `cpu` (the whole process,
user + system: reading the call, writing the reply and the AOF as well). The best of some rounds:
whatever else the machine does can only make a round slower.
Use: bench/micro/lua_cost.py [--purchases N] [--rounds N] [--lua DIR]
"""
import argparse
import hashlib
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "lua"))

from redis_server import Client, Server  # noqa: E402
from scripts import Attempt, pack_columns, script_text  # noqa: E402

BATCHES = (1, 16, 64, 128)
KEYS = ["{s:7}:" + name for name in ("meta", "stock", "buyers", "outbox", "listed")]
FAR_MS = 10 ** 14
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def load_sale(client, stock):
    client("FLUSHALL")
    client("HSET", KEYS[0], "epoch", 1, "replid", client.own_replid(), "version", 2,
           "state", "open", "opens", 0, "closes", FAR_MS, "limit", 1, "listed", 0, "seq", 0)
    client("HSET", KEYS[1], "phone-black", stock, "phone-white", stock)


def call(sha, first, batch, acks):
    ids = range(first, first + batch)
    now = 0
    return ["EVALSHA", sha, len(KEYS), *KEYS, first, 1, now, FAR_MS, len(acks), *acks,
            *pack_columns([Attempt("buyer-%09d" % i, ("phone-black", "phone-white")[i & 1], 1,
                                   hashlib.md5(b"%d" % i).hexdigest(), TRACE) for i in ids])]


def figures(client):
    usec = [line for line in client("INFO", "commandstats").split("\r\n")
            if line.startswith("cmdstat_evalsha:")]
    script = float(usec[0].split("usec=")[1].split(",")[0]) if usec else 0.0
    cpu = sum(float(line.split(":")[1]) for line in client("INFO", "cpu").split("\r\n")
              if line.startswith(("used_cpu_user:", "used_cpu_sys:")))
    return script, cpu * 1e6


def measure(client, sha, batch, purchases, letter, first=1):
    """Calls are on their way for 256 purchases (at least two calls), so that Redis never idles;
    each call of wins acknowledges the call before the last, as an engine does."""
    data, acks, pending = [], [], []
    for start in range(first, first + purchases, batch):
        data.append(Client.pack(call(sha, start, batch, acks)))
        pending.append("1-%d" % start)
        acks = [pending.pop(0)] if len(pending) > 2 and letter == "W" else []
    ahead = max(2, 256 // batch)
    before = figures(client)
    client.send(b"".join(data[:ahead]))
    for i in range(len(data)):
        if i + ahead < len(data):
            client.send(data[i + ahead])
        reply = client.read()
        tokens = reply[4].split()
        if reply[1] != "ok" or len(tokens) != batch or any(t[0] != letter for t in tokens):
            raise SystemExit("expected only %s, got %r" % (letter, reply[:3]))
    after = figures(client)
    done = len(data) * batch
    return (after[0] - before[0]) / done, (after[1] - before[1]) / done


def one_round(client, sha, batch, purchases):
    load_sale(client, 10 ** 9)
    win = measure(client, sha, batch, purchases, "W")
    client("DEL", KEYS[3])
    replay = measure(client, sha, batch, purchases, "R")
    client("HSET", KEYS[1], "phone-black", 0, "phone-white", 0)
    return win, measure(client, sha, batch, purchases, "S", 10 ** 8 + 1), replay


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--purchases", type=int, default=60000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--lua", type=pathlib.Path, default=ROOT / "lua")
    options = parser.parse_args()
    server = Server()
    try:
        client = server.client()
        sha = client("SCRIPT", "LOAD", script_text(options.lua / "purchase.lua"))
        print("us of Redis a purchase (script / cpu of the process)")
        print("%6s %16s %16s %16s" % ("batch", "win", "sold out", "replay"))
        for batch in BATCHES:
            purchases = options.purchases if batch > 1 else options.purchases // 4
            rounds = [one_round(client, sha, batch, purchases) for _ in range(options.rounds)]
            best = [tuple(min(r[kind][i] for r in rounds) for i in (0, 1)) for kind in range(3)]
            print("%6d" % batch, *["%7.2f / %6.2f" % cell for cell in best])
    finally:
        server.stop()


if __name__ == "__main__":
    main()
