"""The scripts as texts: what they share stands once, and their heads tell the truth."""
import re

from scripts import KEYS_OF, LUA_DIR, script_text

FENCED = {"purchase", "own_orders", "adjust", "set_state", "load_part", "load_end"}


def test_every_fenced_script_passes_the_one_fence():
    """And none has a copy of it, or of anything else that is shared."""
    users = set()
    for path in LUA_DIR.glob("*.lua"):
        own = path.read_text()
        for shared in (LUA_DIR / "shared").glob("*.lua"):
            for name in re.findall(r"^local function (\w+)", shared.read_text(), re.M):
                assert f"function {name}(" not in own, f"{path.stem} has its own {name}"
        if re.search(r"^--@ include fence$", own, re.M):
            users.add(path.stem)
            assert len(re.findall(r"^    local sale, status, epoch = pass_fence\(KEYS\[1\], "
                                  r"ARGV\[2\]\)$", own, re.M)) == 1, path
        assert "--@ include" not in script_text(path)
    assert users == FENCED


def test_every_script_declares_its_keys_and_statuses():
    for path in LUA_DIR.glob("*.lua"):
        text = script_text(path)
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
