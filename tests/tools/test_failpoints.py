"""Each failpoint stands in the engine, and has a fault test that uses it."""

import ast
import re

from support.paths import ROOT

POINTS = re.findall(r"^FAILPOINT\((\w+),", (ROOT / "engine/common/failpoint.def").read_text(), re.M)


def texts_of(path):
    """Text constants of a Python file's code; a name in a comment or docstring is none."""
    return {node.value for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_each_failpoint_has_a_fault_test():
    used = set().union(*map(texts_of, (ROOT / "tests/fault").glob("test_*.py")))
    assert POINTS and [point for point in POINTS if point not in used] == []


def test_each_failpoint_stands_in_one_place():
    """By its name: in a call, or in a table of those that a kind of work passes."""
    passed = [name for path in (ROOT / "engine").rglob("*.c")
              for name in re.findall(r"FAILPOINT_(?:(?:PASS|FAILS)\()?([a-z]\w*)",
                                     path.read_text())]
    assert sorted(passed) == sorted(POINTS)
