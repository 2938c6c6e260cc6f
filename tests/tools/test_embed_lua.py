"""tools/embed_lua.py: a script becomes C, byte by byte, with the constants of its head.

Why: what Redis runs and what C believes of it come from one file.
"""
import hashlib
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
GOOD = b'#!lua\n--@ status OK="ok" LATE="late"\n--@ limit MOST=128\n' \
       b'return {"a\\\\b??/", "\xc3\xa4"}\n'

PROGRAM = r"""
#include "lua_scripts.h"
#include <stdio.h>
int main(void)
{
    for (int i = 0; i < LUA_SCRIPT_COUNT; i++) {
        printf("%s %s %zu ", lua_scripts[i].name, lua_scripts[i].sha1, lua_scripts[i].text_size);
        fwrite(lua_scripts[i].text, 1, lua_scripts[i].text_size, stdout);
    }
    printf("%s %s %d", LUA_BUY_STATUS_OK, LUA_BUY_STATUS_LATE, LUA_BUY_LIMIT_MOST);
    return 0;
}
"""


def embed(folder, scripts):
    for name, data in scripts.items():
        (folder / name).write_bytes(data)
    return subprocess.run(
        [sys.executable, str(ROOT / "tools" / "embed_lua.py"), "--source",
         str(folder / "lua_scripts.c"), "--header", str(folder / "lua_scripts.h"),
         *[str(folder / name) for name in scripts]],
        capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("data,why", [
    (b"return 1\n", "starts with the line #!lua"),
    (b"#!lua\nreturn 1", "ends with a newline"),
    (b"#!lua\n\0\n", "no NUL"),
    (b"#!lua\n--@ status\n", "not of the form"),
    (b"#!lua\n--@status OK=1\n", "not of the form"),
    (b"#!lua\n--@ status ok=1\n", "cannot read: ok=1"),
    (b'#!lua\n--@ status OK="a\n', "cannot read"),
    (b"#!lua\n--@ status OK=1.5\n", "cannot read"),
    (b"#!lua\n--@ status OK=1 OK=2\n", "is there twice"),
])
def test_a_bad_script_stops_the_build(tmp_path, data, why):
    run = embed(tmp_path, {"buy.lua": data})
    assert run.returncode != 0
    assert re.search(r"buy\.lua:[0-9]+: .*" + re.escape(why), run.stderr), run.stderr
    assert not (tmp_path / "lua_scripts.c").exists()


def test_a_bad_name_stops_the_build(tmp_path):
    run = embed(tmp_path, {"Buy-it.lua": GOOD})
    assert run.returncode != 0 and "the name of a script" in run.stderr


def test_the_text_survives_the_compiler(tmp_path):
    other = b"#!lua\nreturn {}\n"
    assert embed(tmp_path, {"sell.lua": other, "buy.lua": GOOD}).returncode == 0
    (tmp_path / "main.c").write_text(PROGRAM)
    subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-o",
                    str(tmp_path / "main"), str(tmp_path / "main.c"),
                    str(tmp_path / "lua_scripts.c")], check=True, timeout=60)
    output = subprocess.run([str(tmp_path / "main")], capture_output=True, check=True, timeout=60)
    assert output.stdout == b"".join([
        b"buy %s %d " % (hashlib.sha1(GOOD).hexdigest().encode(), len(GOOD)), GOOD,
        b"sell %s %d " % (hashlib.sha1(other).hexdigest().encode(), len(other)), other,
        b"ok late 128"])


def test_the_same_input_gives_the_same_output(tmp_path):
    embed(tmp_path, {"a.lua": GOOD, "b.lua": GOOD})
    first = (tmp_path / "lua_scripts.c").read_text(), (tmp_path / "lua_scripts.h").read_text()
    embed(tmp_path, {"b.lua": GOOD, "a.lua": GOOD})
    second = (tmp_path / "lua_scripts.c").read_text(), (tmp_path / "lua_scripts.h").read_text()
    assert first == second
