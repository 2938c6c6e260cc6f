"""set_state.lua: the whole table of moves."""
import pytest

STATES = ["loaded", "open", "paused", "resuming", "frozen", "ended"]
# (verb, from) → to, what is added to the version (2: parity stays)
MOVES = {
    ("pause", "open"): ("paused", 2), ("pause", "resuming"): ("paused", 1),
    ("pause", "loaded"): ("paused", 1),
    ("resume", "paused"): ("resuming", 1),
    ("open", "loaded"): ("open", 1), ("open", "resuming"): ("open", 1),
    ("end", "loaded"): ("ended", 1), ("end", "resuming"): ("ended", 1),
    ("end", "open"): ("ended", 2), ("end", "paused"): ("ended", 2), ("end", "frozen"): ("ended", 2),
    ("freeze", "loaded"): ("frozen", 1), ("freeze", "resuming"): ("frozen", 1),
    ("freeze", "open"): ("frozen", 2), ("freeze", "paused"): ("frozen", 2),
    ("unfreeze", "frozen"): ("paused", 2),
}
NOTHING_TO_DO = {("pause", "paused"), ("resume", "resuming"), ("resume", "open"), ("open", "open"),
                 ("open", "ended"), ("end", "ended"), ("freeze", "frozen"), ("freeze", "ended"),
                 ("unfreeze", "paused")}


def bring(sale, state):
    ways = {"loaded": ("loaded", []), "open": ("open", []), "paused": ("open", ["pause"]),
            "resuming": ("open", ["pause", "resume"]), "frozen": ("open", ["freeze"]),
            "ended": ("open", ["end"])}
    first, verbs = ways[state]
    sale.load({"a": 5}, state=first)
    for verb in verbs:
        sale.set_state(verb)
    meta = sale.dump()["meta"]
    assert meta["state"] == state
    return int(meta["version"])


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("verb", ["pause", "resume", "open", "end", "freeze", "unfreeze"])
def test_every_move(sale, verb, state):
    version = bring(sale, state)
    before = sale.dump()
    reply = sale.set_state(verb)
    to, added = MOVES.get((verb, state), (state, 0))
    allowed = (verb, state) in MOVES or (verb, state) in NOTHING_TO_DO
    assert reply.status == ("ok" if allowed else "state")
    assert (reply.header.state, reply.header.version) == (to, version + added)
    before["meta"].update(state=to, version=str(version + added))
    assert sale.dump() == before


@pytest.mark.parametrize("verb", ["pause", "resume", "open", "end", "freeze", "unfreeze"])
def test_a_sale_that_is_loading_stays_so(sale, verb):
    sale.load_begin(1)
    before = sale.dump()
    reply = sale.set_state(verb)
    assert (reply.status, reply.header.state) == ("state", "loading")
    assert sale.dump() == before


@pytest.mark.parametrize("verbs", [["pause"], ["freeze"], ["end"], ["freeze", "unfreeze"]])
def test_announced_units_keep_the_version_odd(sale, verbs):
    sale.load({"a": 5})
    sale.announce([(1, "a", 1)])
    for n, verb in enumerate(verbs, 1):
        assert sale.set_state(verb).header.version == 3 + 2 * n


def test_resume_keeps_a_version_that_is_odd_already(sale):
    sale.load({"a": 5}, state="paused")
    assert sale.announce([(1, "a", 1)]).header.version == 3
    assert sale.set_state("resume").header.version == 3
    assert sale.set_state("open").header.version == 4


def test_a_relay_that_slept_does_not_open_what_another_announced(sale):
    sale.load({"a": 5})
    sale.set_state("pause")
    mine = sale.set_state("resume").header.version
    sale.set_state("pause")
    other = sale.set_state("resume").header.version
    before = sale.dump()
    reply = sale.set_state("open", version=mine)
    assert (reply.status, reply.header.state, reply.header.version) == ("hold", "resuming", other)
    assert sale.dump() == before
    assert sale.set_state("open", version=other).header.state == "open"
    assert sale.set_state("open", version=mine).status == "ok"


def test_only_open_takes_a_version(sale):
    sale.load({"a": 5})
    before = sale.dump()
    for args in (["pause", 2], ["resume", 2], ["open", "x"], ["open", 2, 2]):
        assert sale.call("set_state", 1, *args).status == "args", args
    assert sale.dump() == before


@pytest.mark.parametrize("verb", ["", "close", "Pause", "open ", "loaded"])
def test_an_unknown_verb_is_refused(sale, verb):
    sale.load({"a": 5})
    before = sale.dump()
    assert sale.set_state(verb).status == "args"
    assert sale.dump() == before
