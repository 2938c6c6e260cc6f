"""The scripts as a test calls them: arguments packed, replies taken apart (schemas/redis.md).

SECKILL_LUA_DIR names another directory with scripts: the mutants.
"""
import dataclasses
import os
import pathlib
import sys

from redis_server import RedisError

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

from embed_lua import script_text  # noqa: E402

LUA_DIR = pathlib.Path(os.environ.get("SECKILL_LUA_DIR", ROOT / "lua"))

FOREVER = 10 ** 13  # ms, later than any clock
NAMES = ("meta", "stock", "held", "buyers", "outbox", "applied", "listed")
KEYS_OF = {
    "purchase": ("meta", "stock", "buyers", "outbox", "listed"),
    "own_orders": ("meta", "buyers", "outbox"),
    "adjust": ("meta", "stock", "held", "applied", "buyers"),
    "set_state": ("meta",),
    "close_fence": ("meta",),
    "load_begin": NAMES,
    "load_part": NAMES,
    "load_end": ("meta",),
    "relay_lease": ("relay",),
    "catalogue": ("catalogue",),
    "catalogue_put": ("catalogue",),
}
READ = {"meta": ("HGETALL",), "stock": ("HGETALL",), "held": ("HGETALL",), "buyers": ("HGETALL",),
        "outbox": ("XRANGE",), "applied": ("SMEMBERS",), "listed": ("SMEMBERS",),
        "relay": ("GET",)}
READ_MORE = {"outbox": ("-", "+")}
CATALOGUE = "seckill:catalogue"
TERMS = {"opens": 1, "closes": FOREVER, "limit": 1, "listed": 0, "pay_window": 900000,
         "D": 1000, "T": 1000, "hold": 1500, "Q": 3000}


@dataclasses.dataclass(frozen=True)
class Header:
    time: int
    epoch: int
    version: int
    state: str
    seq: int
    outbox_first: int

    @classmethod
    def parse(cls, text):
        time, epoch, version, state, seq, first = text.split(" ")
        return cls(int(time), int(epoch), int(version), state, int(seq), int(first))


@dataclasses.dataclass(frozen=True)
class Reply:
    """What every reply has; `rest` is all after the status, as it came."""
    status: str
    rest: list

    @property
    def header(self):
        return Header.parse(self.rest[0])

    @property
    def epoch(self):
        assert self.status == "epoch"
        return int(self.rest[0])

    @property
    def stock(self):
        return {sku: int(left) for sku, left in (t.split("=") for t in self.rest[1].split())}

    @property
    def results(self):
        return self.rest[2].split()


@dataclasses.dataclass(frozen=True)
class Attempt:
    buyer: str
    sku: str = "a"
    quantity: object = 1
    key: str = ""
    trace: str = ""

    @property
    def item(self):
        return f"{self.sku},{self.quantity}"


def key_hash(number):
    return f"{number + 1:032x}"  # all zeros: no key


class Scripts:
    """All scripts of LUA_DIR on one connection."""

    def __init__(self, redis):
        self.redis = redis
        self.texts = {path.stem: script_text(path) for path in sorted(LUA_DIR.glob("*.lua"))}
        self.load()
        self.request = 0

    def load(self):
        self.sha = {name: self.redis("SCRIPT", "LOAD", text) for name, text in self.texts.items()}

    def raw(self, name, keys, *args):
        """The reply as it came; its shape and the echo of the request id are checked."""
        reply = self.redis("EVALSHA", self.sha[name], len(keys), *keys, *args)
        assert isinstance(reply, list) and len(reply) >= 2, reply
        assert all(isinstance(item, str) for item in reply), reply
        assert reply[0] == (str(args[0]) if args else ""), reply
        return Reply(reply[1], reply[2:])

    def call(self, name, keys, *args):
        self.request += 1
        return self.raw(name, keys, self.request, *args)


class Sale:
    """One sale on a real Redis, and every way to call its scripts."""

    def __init__(self, scripts, number=7):
        self.scripts, self.redis, self.number, self.epoch = scripts, scripts.redis, number, 1

    def key(self, name):
        return f"{{s:{self.number}}}:{name}"

    def at(self, epoch):
        return self.epoch if epoch is None else epoch

    def keys(self, script):
        return [self.key(name) for name in KEYS_OF[script]]

    def call(self, script, *args):
        return self.scripts.call(script, self.keys(script), *args)

    def now(self):
        seconds, micros = self.redis("TIME")
        return int(seconds) * 1000 + int(micros) // 1000

    def purchase(self, attempts, acks=(), sent=0, deadline=FOREVER, epoch=None):
        return self.call("purchase", self.at(epoch), sent, deadline, len(acks), *acks,
                         *(pack_columns(attempts) if attempts else []))

    def buy(self, *args, **fields):
        """One purchase; its token."""
        reply = self.purchase([Attempt(*args, **fields)])
        assert reply.status == "ok", reply
        return reply.results[0]

    def poll(self, acks=(), epoch=None):
        return self.purchase([], acks, epoch=epoch)

    def own_orders(self, buyer, epoch=None):
        return self.call("own_orders", self.at(epoch), buyer)

    def announce(self, units=(), letters=(), epoch=None):
        flat = [item for row in units for item in row]
        moves = [item for row in letters for item in row]
        return self.call("adjust", self.at(epoch), "announce", len(units), *flat,
                         len(letters), *moves)

    def letters(self, letters, epoch=None):
        return self.call("adjust", self.at(epoch), "letters", len(letters),
                         *[item for row in letters for item in row])

    def version(self):
        """As meta tells it now; 0 when it cannot be read."""
        try:
            text = self.redis("HGET", self.key("meta"), "version")
        except RedisError:  # another type
            text = None
        return int(text) if text and text.isdigit() else 0

    def apply(self, epoch=None, version=None):
        """`version`: of the announcement; without one, the present one."""
        version = self.version() if version is None else version
        return self.call("adjust", self.at(epoch), "apply", version)

    def set_state(self, verb, epoch=None, version=None):
        return self.call("set_state", self.at(epoch), verb,
                         *([] if version is None else [version]))

    def close_fence(self, epoch=None):
        return self.call("close_fence", self.at(epoch))

    def load_begin(self, epoch):
        reply = self.call("load_begin", epoch)
        if reply.status == "ok":
            self.epoch = epoch
        return reply

    def load_part(self, kind, *items, epoch=None):
        return self.call("load_part", self.at(epoch), kind, *items)

    def load_end(self, state="loaded", epoch=None, **terms):
        fields = {**TERMS, **terms, "state": state}
        return self.call("load_end", self.at(epoch),
                         *[item for pair in fields.items() for item in pair])

    def load(self, stock, epoch=1, state="open", buyers=None, members=(), applied=(), **terms):
        """The whole procedure, each step of which must be accepted."""
        steps = [self.load_begin(epoch), self.load_part("stock", *flatten(stock))]
        if buyers:
            steps.append(self.load_part("buyers", *flatten(buyers)))
        if members:
            steps.append(self.load_part("listed", *members))
        if applied:
            steps.append(self.load_part("applied", *applied))
        first = state if state in ("loaded", "paused", "ended", "frozen") else "loaded"
        steps.append(self.load_end(first, **terms))
        if state == "open":
            steps.append(self.set_state("open"))
        assert [step.status for step in steps] == ["ok"] * len(steps), steps
        return self

    def dump(self):
        """All that is stored of the sale, as plain values; of another type: its text."""
        found = self.redis.pipeline([(*READ[name], self.key(name), *READ_MORE.get(name, ()))
                                     for name in READ])
        seen = {}
        for name, value in zip(READ, found):
            if isinstance(value, RedisError):
                value = self.redis("GET", self.key(name))
            elif READ[name] == ("HGETALL",):
                value = pairs_of(value)
            elif READ[name] == ("SMEMBERS",):
                value = set(value)
            elif name == "outbox":
                value = {entry: outbox_fields(fields) for entry, fields in value}
            seen[name] = value
        # A stream of which everything is deleted is still there; to us it is none.
        return {name: value for name, value in seen.items() if value}


def pack_texts(texts):
    """A msgpack array of texts, as an engine packs it."""
    out = [pack_head(len(texts), 0x90, 16, None, 0xdc)]
    for text in texts:
        data = text.encode() if isinstance(text, str) else text
        out += [pack_head(len(data), 0xa0, 32, 0xd9, 0xda), data]
    return b"".join(out)


def pack_head(size, short, short_end, byte_tag, word_tag):
    if size < short_end:
        return bytes([short | size])
    if byte_tag and size < 256:
        return bytes([byte_tag, size])
    return bytes([word_tag, size >> 8, size & 255])


def pack_columns(attempts):
    """The columns of a call's purchases; a column that nobody has anything in is left empty."""
    items = list(dict.fromkeys(attempt.item for attempt in attempts))
    return [pack_texts([attempt.buyer for attempt in attempts]), pack_texts(items),
            bytes(33 + items.index(attempt.item) for attempt in attempts),
            fixed_column([attempt.key for attempt in attempts], 32),
            fixed_column([attempt.trace for attempt in attempts], 55)]


def unpack_texts(packed):
    """The texts of a msgpack array as pack_texts() makes it."""
    data, at = packed.encode(errors="surrogateescape"), 1
    if data[0] == 0xdc:
        count, at = data[1] << 8 | data[2], 3
    else:
        assert 0x90 <= data[0] <= 0x9f
        count = data[0] & 15
    texts = []
    for _ in range(count):
        size, at = (data[at + 1], at + 2) if data[at] == 0xd9 else (data[at] - 0xa0, at + 1)
        texts.append(data[at:at + size].decode())
        at += size
    assert at == len(data)
    return texts


def outbox_fields(flat):
    """An entry of the outbox, its columns taken apart by purchase."""
    assert flat[::2] == ["2", "results", "buyers", "items", "choices", "keys", "traces"], flat
    fields = pairs_of(flat)
    buyers, items = unpack_texts(fields["buyers"]), unpack_texts(fields["items"])
    choices = fields.pop("choices").encode(errors="surrogateescape")
    assert len(choices) == len(buyers) and len(set(items)) == len(items)
    return {**fields, "buyers": buyers,
            "items": [tuple(items[choice - 33].rsplit(",", 1)) for choice in choices],
            "keys": cut_column(fields["keys"], 32, len(buyers)),
            "traces": cut_column(fields["traces"], 55, len(buyers))}


def cut_column(text, size, count):
    assert len(text) in (0, size * count)
    cut = [text[i * size:(i + 1) * size] for i in range(count)]
    return ["" if part == "0" * size else part for part in cut]


def fixed_column(texts, size):
    return "".join(text or "0" * size for text in texts) if any(texts) else ""


def pairs_of(flat):
    return dict(zip(flat[::2], flat[1::2]))


def flatten(pairs):
    return [item for pair in pairs.items() for item in pair]
