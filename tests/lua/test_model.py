"""Random calls, compared with the model reply by reply and key by key.

SECKILL_SEED gives the seed (printed), SECKILL_LUA_STEPS the number of calls.
"""
import collections
import os
import random

from model import Model, Order
from scripts import FOREVER, NAMES, TERMS, Attempt, Sale, flatten, key_hash

STEPS = int(os.environ.get("SECKILL_LUA_STEPS", 4000))
SEED = int(os.environ.get("SECKILL_SEED", random.SystemRandom().randrange(2 ** 32)))
STEPS_A_SALE = 60
BUYERS = [f"buyer-{n}" for n in range(9)] + ["a,b;c", "1", "x" * 64]
SKUS = ["a", "b.white", "3-1"]  # the last looks like an order
TRACES = ["", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"]
VERBS = ["pause", "pause", "resume", "open", "end", "freeze", "unfreeze"]
# key → a script call that must notice that it holds something else
READERS = {"meta": "set_state", "stock": "purchase", "buyers": "own_orders", "outbox": "poll",
           "held": "apply", "applied": "announce"}


class Run:
    """One random life of a sale."""

    def __init__(self, rng, scripts, seen):
        self.rng, self.seen, self.sale = rng, seen, Sale(scripts, rng.randrange(1, 2 ** 23))
        self.replid = scripts.redis.own_replid()
        self.ledger_id = 100
        self.load(1)

    # --- loading

    def load(self, epoch, orders=()):
        rng, sale = self.rng, self.sale
        now = sale.now()
        terms = dict(TERMS, limit=rng.choice([1, 2, 3, 5, 9]), listed=int(rng.random() < 0.25))
        if rng.random() < 0.15:
            terms["opens"] = now + rng.randrange(60)
        if rng.random() < 0.15:
            terms["closes"] = now + 61 + rng.randrange(60)
        stock = {sku: rng.choice([0, 1, 3, 10, 40, 1000]) for sku in SKUS[:rng.randint(1, 3)]}
        listed = rng.sample(BUYERS, 6) if terms["listed"] else []
        applied = [str(n) for n in range(90, 90 + rng.randrange(3))]
        self.model = Model(epoch, self.replid, terms, stock, orders or self.old_orders(terms),
                           listed, applied)
        dump = self.model.dump()
        assert sale.load_begin(epoch).status == "ok"
        self.compare(Model(epoch, self.replid, terms, {}))
        for kind in ("stock", "buyers"):
            self.must(sale.load_part(kind, *flatten(dump.get(kind, {}))))
        if rng.random() < 0.1:
            self.purchase()
        self.must(sale.load_part("listed", *listed))
        self.must(sale.load_part("applied", *applied))
        state = rng.choices(["loaded", "paused", "ended", "frozen"], [9, 2, 1, 1])[0]
        self.model.load_end(state)
        self.must(sale.load_end(state, **terms))
        if state == "loaded" and rng.random() < 0.8:
            self.model.set_state("open", epoch)
            self.must(sale.set_state("open"))
        if rng.random() < 0.08:
            self.model.seq = 2 ** 26 - 1 - rng.randrange(4)
            sale.redis("HSET", sale.key("meta"), "seq", self.model.seq)

    def old_orders(self, terms):
        """What a reload brings: orders of an earlier epoch in every state."""
        orders = []
        for buyer in self.rng.sample(BUYERS, self.rng.randrange(4)):
            slots = list(range(terms["limit"]))
            for n in range(self.rng.choice([1, 2, terms["limit"] + 7])):
                state = self.rng.choice("NPQCRV") if slots else "C"
                slot = slots.pop(0) if state in "NPQ" else None
                if state == "Q" and self.rng.random() < 0.5:
                    slot = None
                orders.append(Order(buyer, key_hash(n) if n % 2 else "", 0, len(orders) + 1,
                                    SKUS[0], 1, slot, state, 1000))
        return orders

    def must(self, reply):
        assert reply.status == "ok", reply

    # --- calls

    def epoch(self):
        return self.model.epoch + (self.rng.choice([-1, 1, 7]) if self.rng.random() < 0.03 else 0)

    def attempt(self):
        rng = self.rng
        sku = rng.choice(list(self.model.stock)) if rng.random() < 0.97 else "unknown"
        quantity = rng.choices([1, 2, 3, 1000], [12, 3, 1, 0.3])[0]
        key = key_hash(rng.randrange(4)) if rng.random() < 0.6 else ""
        return Attempt(rng.choice(BUYERS), sku, quantity, key, rng.choice(TRACES))

    def acks(self):
        rng = self.rng
        known = [wins[0].ref for wins, _ in self.model.outbox]
        acks = [ref for ref in known if rng.random() < 0.4]
        if rng.random() < 0.2:
            acks += [f"{self.model.epoch}-{rng.randrange(1, 999)}", "9-9"]
        return acks

    def purchase(self, attempts=None):
        rng, sale = self.rng, self.sale
        if attempts is None:
            attempts = [self.attempt() for _ in range(rng.choice([0, 1, 2, 5, 12]))]
        acks, epoch, before = self.acks(), self.epoch(), sale.now()
        sent, deadline = before - 5, before + 5000
        if rng.random() < 0.06:
            sent, deadline = rng.choice([(before - 9000, before - 1), (before + 5000, FOREVER)])
        reply = sale.purchase(attempts, acks, sent, deadline, epoch)
        after = sale.now()
        time = reply.header.time if reply.status in ("ok", "late") else before
        assert before <= time <= after
        expected = self.model.purchase(attempts, acks, sent, deadline, epoch, time)
        self.judge(reply, expected)
        if expected.told:
            assert reply.results == expected.results
            assert reply.stock == self.model.stock
            self.judge_outbox_first(reply)
            self.seen.update(token[0] for token in reply.results)

    def judge_outbox_first(self, reply):
        letters, first = {token[0] for token in reply.results}, self.model.outbox_first()
        if "W" in letters and "R" not in letters:
            assert 1 <= reply.header.outbox_first <= first
        else:
            assert reply.header.outbox_first == first

    def own_orders(self):
        buyer, epoch = self.rng.choice(BUYERS), self.epoch()
        reply, expected = self.sale.own_orders(buyer, epoch), self.model.own_orders(buyer, epoch)
        self.judge(reply, expected)
        if expected.told:
            assert reply.rest[1:] == expected.results
            assert reply.header.outbox_first == self.model.outbox_first()

    def units(self):
        rows = []
        for _ in range(self.rng.randrange(3)):
            self.ledger_id += 1
            sku = self.rng.choice(list(self.model.stock))
            rows.append((self.ledger_id, sku, self.rng.randrange(1, 6)))
            if self.rng.random() < 0.3:
                rows.append(rows[0])
        if self.rng.random() < 0.2:
            rows.append((self.rng.randrange(90, self.ledger_id), SKUS[0], 1))
        if self.rng.random() < 0.03:
            rows.append((1, "unknown", 1))
        return rows

    def moves(self):
        rows = []
        for _ in range(self.rng.randrange(4)):
            order = self.rng.choice(self.model.orders) if self.model.orders else None
            if order and self.rng.random() < 0.9:
                rows.append((order.buyer, order.ref, self.rng.choice("NPCRVQ")))
            else:
                rows.append((self.rng.choice(BUYERS), "3-1", "C"))
        return rows

    def adjust(self):
        mode, epoch = self.rng.choice(["announce", "apply", "letters"]), self.epoch()
        if mode == "announce":
            units, letters = self.units(), self.moves()
            expected = self.model.adjust(mode, epoch, units, letters)
            self.judge(self.sale.announce(units, letters, epoch), expected)
        elif mode == "letters":
            letters = self.moves()
            expected = self.model.adjust(mode, epoch, letters=letters)
            self.judge(self.sale.letters(letters, epoch), expected)
        else:
            version = self.announced()
            self.judge(self.sale.apply(epoch, version),
                       self.model.adjust(mode, epoch, version=version))

    def announced(self):
        """The version of an announcement: now and then that of an older one."""
        return max(0, self.model.version - self.rng.choice([0, 0, 0, 1, 2]))

    def set_state(self):
        verb, epoch = self.rng.choice(VERBS), self.epoch()
        if self.rng.random() < 0.6:  # towards open, where most can happen
            verb = {"frozen": "unfreeze", "paused": "resume"}.get(self.model.state, "open")
        version = self.announced() if verb == "open" and self.rng.random() < 0.5 else None
        self.judge(self.sale.set_state(verb, epoch, version),
                   self.model.set_state(verb, epoch, version))

    def other_history(self):
        """The same data on a server that is not the one it was loaded on."""
        key = self.sale.key("meta")
        self.sale.redis("HSET", key, "replid", "f" * 40)
        self.model.replid, self.model.fence = "f" * 40, False
        for call in (self.purchase, self.own_orders, self.adjust, self.set_state):
            call()
        self.sale.redis("HSET", key, "replid", self.replid)
        self.model.replid, self.model.fence = self.replid, True

    def spoil(self):
        """Another type under one of the keys: noticed, and nothing is written."""
        sale, model = self.sale, self.model
        name = self.rng.choice(list(READERS))
        if model.state in ("frozen", "loading"):
            return
        key, there = sale.key(name), sale.redis("EXISTS", sale.key(name))
        if there:
            sale.redis("RENAME", key, key + ".kept")
        sale.redis("SET", key, "spoilt")
        before = sale.dump()
        sku, acks = list(model.stock)[0], self.acks() + ["1-1"]
        reply = {
            "set_state": lambda: sale.set_state("pause"),
            "purchase": lambda: sale.purchase([self.attempt() for _ in range(5)], acks),
            "own_orders": lambda: sale.own_orders(BUYERS[0]),
            "poll": lambda: sale.poll(acks),
            "apply": sale.apply,
            "announce": lambda: sale.announce([(self.ledger_id + 1, sku, 1)]),
        }[READERS[name]]()
        assert reply.status == "type", (name, reply)
        assert sale.dump() == before
        self.seen["type"] += 1
        sale.redis("DEL", key)
        if there:
            sale.redis("RENAME", key + ".kept", key)

    def reload(self):
        """The guard's procedure, or one that is refused."""
        for epoch in {self.model.epoch, max(1, self.model.epoch - 1)}:
            assert self.sale.load_begin(epoch).epoch == self.model.epoch
        if self.rng.random() < 0.5:
            self.close_fence()
        orders = [order for order in self.model.orders if self.rng.random() < 0.8]
        for order in orders:
            order.slot = order.slot if order.slot != 0 or order.is_live else None
        self.load(self.model.epoch + self.rng.randint(1, 3), orders)

    def close_fence(self):
        """By the epoch of MySQL, which may be one that was never loaded; now and then twice."""
        for _ in range(self.rng.randint(1, 2)):
            lower = self.model.epoch - 1
            assert lower < 1 or self.sale.close_fence(lower).epoch == self.model.epoch
            epoch = self.model.epoch + self.rng.randrange(3)
            assert self.sale.close_fence(epoch).rest == [self.model.close_fence(epoch)]
            self.compare()
            for lost in {lower, epoch}:
                assert lost < 1 or self.sale.load_begin(lost).epoch == epoch
            for call in (self.purchase, self.own_orders, self.adjust, self.set_state):
                call()
            self.sale.epoch = epoch

    # --- judgement

    def judge(self, reply, expected):
        self.seen[reply.status] += 1
        assert reply.status == expected.status, (reply, expected)
        if reply.status == "epoch":
            assert reply.epoch == self.model.epoch
        elif expected.told:
            header, model = reply.header, self.model
            assert (header.epoch, header.version, header.state, header.seq) == (
                model.epoch, model.version, model.state, model.seq)
        else:
            assert reply.rest == []

    def compare(self, model=None):
        assert self.sale.dump() == (model or self.model).dump()

    def step(self):
        calls = [(self.purchase, 60), (self.own_orders, 6), (self.adjust, 18),
                 (self.set_state, 9), (self.other_history, 1), (self.spoil, 2), (self.reload, 2)]
        call = self.rng.choices([c for c, _ in calls], [w for _, w in calls])[0]
        if self.model.state != "open" and self.rng.random() < 0.2:
            call = self.reload if self.model.state == "ended" else self.set_state
        call()
        self.compare()
        self.model.check()


def test_random_calls_agree_with_the_model(scripts):
    print(f"SECKILL_SEED={SEED} SECKILL_LUA_STEPS={STEPS}")
    rng, seen = random.Random(SEED), collections.Counter()
    for _ in range(max(1, STEPS // STEPS_A_SALE)):
        run = Run(rng, scripts, seen)
        for _ in range(STEPS_A_SALE):
            run.step()
        scripts.redis("UNLINK", *[run.sale.key(name) for name in NAMES])
    print(dict(seen))
    if STEPS >= 4000:
        for what in (*"WRKBNUEZXLSF", "ok", "late", "epoch", "replid", "type", "frozen",
                     "state"):
            assert seen[what], f"no call came to {what}: the run proves too little"
