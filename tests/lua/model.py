"""A reference of what the scripts promise, written from schemas/redis.md and docs/PROTOCOL.md.

Orders are objects, rules are questions asked in turn, and nothing is a text until it is compared.
It knows no clock: the caller tells TIME.
"""
import dataclasses
import typing

SEQ_MAX = 2 ** 26 - 1
LIVE = frozenset("NPQ")
MOVES = {"Q": frozenset("NPCRV"), "N": frozenset("PCRV"), "P": frozenset("R")}
BY_STATE = {"frozen": "B", "loading": "B", "loaded": "N", "paused": "U", "resuming": "U",
            "ended": "E"}


@dataclasses.dataclass
class Order:
    buyer: str
    key: str
    epoch: int
    seq: int
    sku: str
    quantity: int
    slot: typing.Optional[int]
    state: str
    won_at: int

    @property
    def is_live(self):
        return self.state in LIVE

    @property
    def ref(self):
        return f"{self.epoch}-{self.seq}"

    def text(self):
        slot = "" if self.slot is None else self.slot
        return (f"{self.key},{self.ref},{self.sku},{self.quantity},{slot},{self.state},"
                f"{self.won_at}")

    def move(self, letter):
        if letter in MOVES.get(self.state, ()):
            self.state = letter
            if not self.is_live:
                self.slot = None


def kept_as(attempts, results, time):
    """A call as the outbox keeps it, taken apart as scripts.outbox_fields() does."""
    return {"2": str(time), "results": " ".join(results),
            "buyers": [attempt.buyer for attempt in attempts],
            "items": [(attempt.sku, str(attempt.quantity)) for attempt in attempts],
            "keys": [attempt.key for attempt in attempts],
            "traces": [attempt.trace for attempt in attempts]}


@dataclasses.dataclass
class Expected:
    """A status, and for a purchase its tokens. `told`: the header says what the model says now."""
    status: str
    results: list = dataclasses.field(default_factory=list)
    told: bool = True


class Model:
    """One sale that is loaded. `fence`: its replid is the server's own."""

    def __init__(self, epoch, replid, terms, stock, orders=(), listed=(), applied=()):
        self.epoch, self.replid, self.fence, self.terms = epoch, replid, True, dict(terms)
        self.state, self.version, self.seq = "loading", 1, 0
        self.stock, self.held = dict(stock), {}
        self.orders = list(orders)
        self.listed, self.applied = set(listed), set(map(str, applied))
        self.outbox = []  # (orders won, what they are kept as) by call
        self.allotted = sum(stock.values())
        self.taken = self.returned = 0

    # --- what is asked of a sale

    def orders_of(self, buyer):
        return [order for order in self.orders if order.buyer == buyer]

    def outbox_first(self):
        return self.outbox[0][0][0].seq if self.outbox else 0

    def refusal(self, epoch):
        if epoch != self.epoch:
            return Expected("epoch", told=False)
        if not self.fence:
            return Expected("replid", told=False)
        return None

    # --- purchase

    def purchase(self, attempts, acks, sent, deadline, epoch, time):
        refusal = self.refusal(epoch)
        if refusal:
            return refusal
        self.outbox = [entry for entry in self.outbox if entry[0][0].ref not in acks]
        if attempts and not sent - 1000 <= time <= deadline:
            return Expected("late")
        if self.state == "open" and time >= self.terms["closes"]:
            self.state, self.version = "ended", self.version + 2
        wins = []
        results = [self.decide(attempt, time, wins) for attempt in attempts]
        if wins:
            self.outbox.append((wins, kept_as(attempts, results, time)))
        return Expected("ok", results)

    def decide(self, attempt, time, wins):
        mine = self.orders_of(attempt.buyer)
        live = [order for order in mine if order.is_live]
        for ask in (self.ask_replay, self.ask_state, self.ask_sku, self.ask_limit, self.ask_stock):
            token = ask(attempt, time, mine, live)
            if token is not None:
                return token
        self.seq += 1
        used = {order.slot for order in live}
        slot = min(set(range(len(live) + 1)) - used)
        order = Order(attempt.buyer, attempt.key, self.epoch, self.seq, attempt.sku,
                      int(attempt.quantity), slot, "N", time)
        self.orders.append(order)
        wins.append(order)
        self.stock[attempt.sku] -= order.quantity
        self.taken += order.quantity
        return f"W{slot}"

    def ask_replay(self, attempt, _time, mine, _live):
        if self.state == "loading" or not attempt.key:
            return None
        for order in mine:
            if order.key == attempt.key:
                same = (order.sku, order.quantity) == (attempt.sku, int(attempt.quantity))
                return "R" + order.text() if same else "K"
        return None

    def ask_state(self, _attempt, time, _mine, _live):
        if self.state == "open":
            return "N" if time < self.terms["opens"] else None
        if self.state == "loaded" and self.epoch > 1 and time >= self.terms["opens"]:
            return "B"
        return BY_STATE[self.state]

    def ask_sku(self, attempt, _time, _mine, _live):
        if attempt.sku not in self.stock:
            return "Z"
        if self.terms["listed"] and attempt.buyer not in self.listed:
            return "X"
        return None

    def ask_limit(self, attempt, _time, mine, live):
        units = sum(order.quantity for order in live) + int(attempt.quantity)
        if units <= self.terms["limit"] and len(mine) < self.terms["limit"] + 8:
            return None
        return "L" + (live[-1].ref if live else "")

    def ask_stock(self, attempt, _time, _mine, _live):
        if self.stock[attempt.sku] < int(attempt.quantity):
            return "S"
        return "F" if self.seq == SEQ_MAX else None

    # --- the worker's calls

    def own_orders(self, buyer, epoch):
        refusal = self.refusal(epoch)
        if refusal:
            return refusal
        if self.state == "loading":
            return Expected("loading", told=False)
        mine = [order.text() for order in self.orders_of(buyer)]
        return Expected("ok", [";".join(["1", *mine]) if mine else ""])

    def adjust(self, mode, epoch, units=(), letters=(), version=0):
        refusal = self.refusal(epoch)
        if refusal:
            return refusal
        if self.state == "loading":
            return Expected("loading", told=False)
        if self.state == "frozen" and (units or mode == "apply"):
            return Expected("frozen", told=False)
        if any(sku not in self.stock for _, sku, _ in units):
            return Expected("args", told=False)
        if mode == "apply":
            return self.apply(version)
        for ledger_id, sku, delta in units:
            if str(ledger_id) not in self.applied:
                self.applied.add(str(ledger_id))
                if self.state != "ended":
                    self.held[sku] = self.held.get(sku, 0) + delta
                    self.version |= 1
        for buyer, ref, letter in letters:
            for order in self.orders_of(buyer):
                if order.ref == ref:
                    order.move(letter)
        return Expected("ok")

    def apply(self, announced):
        announced_opening = self.state in ("loaded", "resuming")
        if self.state == "ended":
            self.held = {}
        if self.held and self.version % 2 == 0 and not announced_opening:
            self.version += 1
            return Expected("hold")
        if self.state != "ended" and self.version % 2 and self.version != announced:
            return Expected("hold")
        for sku, units in self.held.items():
            self.stock[sku] += units
            self.returned += units
        self.held = {}
        if self.version % 2 and not announced_opening:
            self.version += 1
        return Expected("ok")

    def set_state(self, verb, epoch, version=None):
        refusal = self.refusal(epoch)
        if refusal:
            return refusal
        before = self.state
        if before == "loading":
            return Expected("state")
        target = {"pause": "paused", "resume": "resuming", "open": "open", "end": "ended",
                  "freeze": "frozen", "unfreeze": "paused"}[verb]
        stays = {"resume": "open", "open": "ended", "freeze": "ended"}.get(verb)
        if before in (target, stays):
            return Expected("ok")
        allowed = {"pause": ("loaded", "open", "resuming"), "resume": ("paused",),
                   "open": ("loaded", "resuming"), "unfreeze": ("frozen",)}.get(verb)
        if allowed and before not in allowed:
            return Expected("state")
        if version not in (None, self.version):
            return Expected("hold")
        self.state = target
        if verb == "resume":
            self.version |= 1
        elif before in ("loaded", "resuming"):
            self.version += 1
        else:
            self.version += 2
        return Expected("ok")

    def close_fence(self, epoch):
        """As it was; from now on only a higher epoch than this can be loaded."""
        was = (f"{self.epoch} {self.version} {self.state} {self.seq} "
               f"{'other' if self.fence else 'closed'}")
        self.epoch, self.fence = epoch, False
        return was

    def load_end(self, state):
        self.state, self.version = state, 1 if state == "loaded" else 2

    # --- all of it as Redis should hold it

    def dump(self):
        buyers = {}
        for order in self.orders:
            buyers[order.buyer] = buyers.get(order.buyer, "1") + ";" + order.text()
        outbox = {wins[0].ref: kept for wins, kept in self.outbox}
        meta = {"epoch": self.epoch, "replid": self.replid if self.fence else "",
                "version": self.version, "state": self.state, "seq": self.seq}
        if self.state != "loading":
            meta.update(self.terms)
        dump = {"meta": texts(meta), "stock": texts(self.stock), "held": texts(self.held),
                "buyers": buyers, "outbox": outbox, "applied": self.applied,
                "listed": self.listed}
        return {name: value for name, value in dump.items() if value}

    def check(self):
        """I2: nothing below zero, nothing made, nothing lost."""
        assert min(self.stock.values()) >= 0
        assert sum(self.stock.values()) + self.taken - self.returned == self.allotted


def texts(mapping):
    return {key: str(value) for key, value in mapping.items()}
