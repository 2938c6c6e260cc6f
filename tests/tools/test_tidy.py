"""tools/tidy.py: each rule bites on its fixture, and on nothing else.

Why: a checker that finds nothing looks like a tidy tree.
"""
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "tidy"


def tidy(*arguments):
    run = subprocess.run([sys.executable, str(ROOT / "tools" / "tidy.py"), *map(str, arguments)],
                         capture_output=True, text=True, timeout=60, check=False)
    assert run.stderr == ""
    return run.returncode, run.stdout.splitlines()


RULES = tidy("--list-rules")[1]


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_bites_once_on_its_fixture(rule):
    status, lines = tidy("--root", FIXTURES / rule)
    assert status == 1
    assert len(lines) == 1, lines
    assert re.match(rf"^[^:]+:[0-9]+: {rule}: .", lines[0]), lines


def test_every_fixture_belongs_to_a_rule():
    folders = {path.name for path in FIXTURES.iterdir() if path.is_dir()}
    assert folders == set(RULES) | {"good"}


def test_what_is_in_order_passes():
    assert tidy("--root", FIXTURES / "good") == (0, [])


def test_a_missing_exemption_bites(tmp_path):
    """The table of exemptions is looked up, not guessed: another folder has none."""
    for layer, wanted in (("bin", 0), ("common", 1)):
        folder = tmp_path / layer / "engine" / layer
        folder.mkdir(parents=True)
        (folder / "thing.c").write_text("int thing_run(void);\n")
        assert tidy("--root", tmp_path / layer)[0] == wanted


@pytest.mark.parametrize("name,call", [
    ("stripe", "strncasecmp(a, b, 2);"), ("stripe", "secret_equal(a, 2, b, 2);"),
    ("stripe", "CRYPTO_memcmp(a, b, 32);"), ("signature", "text_is(a, b);"),
    ("signature", "break;"), ("signature", "goto found;")])
def test_signatures_are_compared_in_one_place_and_to_the_end(tmp_path, name, call):
    folders = tmp_path / "engine" / "payments", tmp_path / "tests" / "unit" / "payments"
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / f"{name}.c").write_text(f"void thing_run(void)\n{{\n    {call}\n}}\n")
    (folders[1] / f"test_{name}.c").write_text("int thing_test(void);\n")
    status, lines = tidy("--root", tmp_path)
    assert status == 1 and len(lines) == 1 and ": constant-time: " in lines[0], lines
