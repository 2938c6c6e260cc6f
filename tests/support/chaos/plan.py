"""plan: what is broken when, and which sales there are, all of it from the seed alone.

`python -m support.chaos.plan SEED MINUTES` prints it. One target has one fault at a time, and at
most FAULTS_AT_ONCE have one. Faults by which Redis loses its history keep a distance: sales must
come to sell again in between.
"""

import dataclasses
import random
import sys

PROCESSES = ("engine0", "engine1", "worker0", "worker1")
SERVICES = ("redis", "kafka", "mysql")
WAYS = ("engine-redis-way", "worker-redis-way", "kafka-way", "mysql-way")

FAULTS_AT_ONCE = 3
FIRST_S, LAST_S = 4.0, 4.0   # nothing begins before, nothing is broken after (from the end)
PAUSE_S = (1.0, 8.0)         # between the beginnings of two faults
REST_S = 1.0                 # a target's, after its fault
HISTORY_REST_S = 20.0
SALE_S = (70.0, 100.0)
LANES = 2                    # sales at once
SCARCE_UNITS = (100, 600)
PLENTY_UNITS = 1000000
SHOP_PAUSE_S = (5.0, 15.0)
PAY_WINDOW_S = (4, 20)


@dataclasses.dataclass(frozen=True)
class Kind:
    """targets; for how long; how often in a round; {detail: (least, most)}."""

    targets: tuple
    seconds: tuple
    weight: int = 1
    details: dict = dataclasses.field(default_factory=dict)


KINDS = {
    "kill": Kind(PROCESSES + SERVICES, (0.5, 6.0), weight=4),
    "stop": Kind(PROCESSES + SERVICES, (0.5, 14.0), weight=4),
    "latency": Kind(WAYS, (2.0, 8.0), details={"latency_ms": (20, 400)}),
    "jitter": Kind(WAYS, (2.0, 8.0), details={"latency_ms": (5, 50), "jitter_ms": (20, 300)}),
    "bandwidth": Kind(WAYS, (2.0, 8.0), details={"bandwidth": (4000, 64000)}),
    "slicer": Kind(WAYS, (2.0, 8.0), details={"slice": (1, 64), "slice_gap_us": (10, 500)}),
    "blackhole": Kind(WAYS, (1.0, 8.0)),
    "reset": Kind(WAYS, (0.5, 4.0), details={"every_ms": (100, 800)}),
    "refuse": Kind(WAYS, (0.5, 5.0)),
    "flushall": Kind(("redis",), (0.0, 0.0)),
    "aof-cut": Kind(("redis",), (0.5, 3.0), details={"bytes": (1, 100000)}),
    "wipe": Kind(("redis",), (0.5, 3.0)),
    "script-flush": Kind(("redis",), (0.0, 0.0)),
}


@dataclasses.dataclass(frozen=True)
class Fault:
    """at_s: from the beginning of the load; seconds: until it is mended."""

    at_s: float
    kind: str
    target: str
    seconds: float
    details: dict

    @property
    def ends_s(self):
        return self.at_s + self.seconds

    @property
    def loses_history(self):
        """Redis comes back on another history, or without one."""
        return loses_history(self.kind, self.target)

    def __str__(self):
        details = "".join(f" {name}={value}" for name, value in self.details.items())
        lasts = f"{self.seconds:4.1f} s" if self.seconds else "  once"
        return f"{self.at_s:6.1f} s  {self.kind:<12} {self.target:<16} {lasts}{details}"


@dataclasses.dataclass(frozen=True)
class Sale:
    """acts: [(at_s, "add-stock" | "pause", number)]: units, or how many ms."""

    number: int
    lane: int
    at_s: float
    ends_s: float
    limit: int
    scarce: int
    is_ended: bool
    acts: tuple
    pay_window_s: int = 0

    def __str__(self):
        acts = ", ".join(f"{act} {number} at {at_s:.1f} s" for at_s, act, number in self.acts)
        return (f"{self.at_s:6.1f} s  sale {self.number}, until {self.ends_s:.1f} s, limit "
                f"{self.limit}, {self.scarce} units of a, {self.pay_window_s} s to pay"
                + (", then ended" if self.is_ended else "") + (f"; {acts}" if acts else ""))


@dataclasses.dataclass(frozen=True)
class Plan:
    seed: int
    seconds: float
    faults: tuple
    sales: tuple

    def __str__(self):
        head = f"seed {self.seed}, {self.seconds:g} s: {len(self.faults)} faults"
        return "\n".join([head, *map(str, self.faults), f"{len(self.sales)} sales",
                          *map(str, self.sales)])


def loses_history(kind, target):
    return kind in ("flushall", "aof-cut", "wipe") or (kind, target) == ("kill", "redis")


class Deck:
    """Deals all its cards, then again, shuffled each time."""

    def __init__(self, chance, cards):
        self.chance, self.cards, self.left = chance, list(cards), []

    def deal(self):
        if not self.left:
            self.left = self.chance.sample(self.cards, len(self.cards))
        return self.left.pop()


class Dealer:
    """Kinds come in rounds, and each kind's targets in rounds of their own, so that none is left
    out for long. A fault that does not fit now is kept for later."""

    def __init__(self, chance, seconds):
        self.chance, self.seconds = chance, seconds
        self.kinds = Deck(chance, [name for name, kind in KINDS.items()
                                   for _ in range(kind.weight)])
        self.targets = {name: Deck(chance, kind.targets) for name, kind in KINDS.items()}
        self.kept, self.faults = [], []

    def _draw(self, at_s):
        name = self.kinds.deal()
        return self._make(at_s, name, self.targets[name].deal())

    def _make(self, at_s, name, target):
        kind = KINDS[name]
        details = {key: self.chance.randint(*bounds) for key, bounds in kind.details.items()}
        return Fault(round(at_s, 1), name, target, round(self.chance.uniform(*kind.seconds), 1),
                     details)

    def _fits(self, fault):
        on = [other for other in self.faults if other.ends_s > fault.at_s]
        if len(on) >= FAULTS_AT_ONCE or fault.ends_s > self.seconds - LAST_S:
            return False
        return not any(
            other.target == fault.target and other.ends_s + REST_S > fault.at_s
            or other.loses_history and fault.loses_history
            and other.ends_s + HISTORY_REST_S > fault.at_s
            for other in self.faults)

    def _next(self, at_s):
        """One that fits, or None; what was drawn in vain is kept."""
        for at, (name, target) in enumerate(self.kept):
            fault = self._make(at_s, name, target)
            if self._fits(fault):
                del self.kept[at]
                return fault
        for _ in range(8):
            fault = self._draw(at_s)
            if self._fits(fault):
                return fault
            self.kept.append((fault.kind, fault.target))
        return None

    def deal(self):
        at_s = FIRST_S
        while at_s < self.seconds - LAST_S:
            fault = self._next(at_s)
            if fault is not None:
                self.faults.append(fault)
            at_s += self.chance.uniform(*PAUSE_S)
        return tuple(self.faults)


def _acts(chance, at_s, ends_s):
    """What the shop does to a sale: now and then units come, now and then it is paused."""
    found = []
    at_s += chance.uniform(*SHOP_PAUSE_S)
    while at_s < ends_s - SHOP_PAUSE_S[0]:
        act = chance.choice(("add-stock", "add-stock", "pause"))
        number = chance.randint(5, 80) if act == "add-stock" else chance.randint(200, 3000)
        found.append((round(at_s, 1), act, number))
        at_s += chance.uniform(*SHOP_PAUSE_S)
    return tuple(found)


def _sales(chance, seconds):
    """LANES at a time, one after the other; those of a lane begin in the middle of the other's."""
    found = []
    for lane in range(LANES):
        at_s = 0.0
        while at_s < seconds:
            life_s = chance.uniform(*SALE_S)
            if at_s == 0.0 and lane > 0:
                life_s /= 2
            ends_s = min(at_s + life_s, seconds)
            if seconds - ends_s < SALE_S[0] / 2:
                ends_s = seconds
            found.append(Sale(0, lane, round(at_s, 1), round(ends_s, 1), chance.randint(1, 2),
                              chance.randint(*SCARCE_UNITS),
                              ends_s < seconds and chance.random() < 0.5,
                              _acts(chance, at_s, ends_s)))
            at_s = ends_s
    found.sort(key=lambda sale: (sale.at_s, sale.lane))
    return tuple(dataclasses.replace(sale, number=number,
                                     pay_window_s=chance.randint(*PAY_WINDOW_S))
                 for number, sale in enumerate(found, 1))


def make_plan(seed, seconds):
    """The same for the same seed and time, on any machine."""
    chance = random.Random(f"faults {seed}")
    faults = Dealer(chance, seconds).deal()
    return Plan(seed, seconds, faults, _sales(random.Random(f"sales {seed}"), seconds))


if __name__ == "__main__":
    print(make_plan(int(sys.argv[1]), float(sys.argv[2]) * 60))
