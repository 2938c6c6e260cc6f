"""The scripts as texts: what they share is the same, and their heads tell the truth."""
import re

import pytest

from scripts import KEYS_OF, LUA_DIR

FENCED = {"purchase", "own_orders", "adjust", "set_state", "load_part", "load_end"}


def blocks(name):
    """The text between `-- [name]` and `-- [/name]` of each script that has it."""
    found = {}
    for path in sorted(LUA_DIR.glob("*.lua")):
        match = re.search(rf"^-- \[{name}\].*?^-- \[/{name}\]$", path.read_text(), re.M | re.S)
        if match:
            found[path.stem] = match.group()
    return found


@pytest.mark.parametrize("name, users", [
    ("fence", FENCED), ("header", {"own_orders", "adjust", "set_state", "load_end"}),
    ("value", {"own_orders", "adjust", "load_part"}),
    ("number", {"close_fence", "load_begin", "catalogue_put", "relay_lease"})])
def test_shared_texts_are_the_same(name, users):
    copies = blocks(name)
    assert set(copies) == users
    assert len(set(copies.values())) == 1


def test_every_script_declares_its_keys_and_statuses():
    for path in LUA_DIR.glob("*.lua"):
        text = path.read_text()
        assert text.startswith(f"#!lua\n-- {path.stem}: "), path
        keys = re.search(r"^--@ keys (.*)$", text, re.M).group(1).split()
        names = [key.split("=")[0].lower() for key in keys[:-1]]
        assert tuple(names) == KEYS_OF[path.stem], path
        assert [key.split("=")[1] for key in keys] == [
            *map(str, range(1, len(keys))), str(len(keys) - 1)], path
        declared = re.findall(r'[A-Z]="(\w+)"', "".join(re.findall("^--@ status .*$", text, re.M)))
        code = "\n".join(line for line in text.splitlines() if not line.startswith("--"))
        for status in declared:
            assert re.search(rf"'{status}'", code), f"{path.stem} never says {status}"
