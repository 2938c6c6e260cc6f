#!/usr/bin/env python3
"""Checks what no compiler checks: lengths, layers, fences, banned calls, headers, mirrors.

Why: the rules of CONTRIBUTING.md and the dependency rule of docs/ARCHITECTURE.md hold by a test.
Never: changes a file. Each rule has a fixture in tests/tidy/ that proves that it bites.

usage: tidy.py [--root DIR] [--list-rules]   prints path:line: rule: text; status 1 if there is any
"""
import argparse
import ast
import pathlib
import re
import sys

import tidy_c
from tidy_rules import (BANNED, FENCES, FORBIDDEN, GENERATED, IMPURE, IMPURE_LAYERS, LAYERS,
                        LEFTOVER_EXEMPT, LIBRARIES, MIRROR_EXEMPT, WAITERS)

COLUMNS = 100
FILE_LINES = 500
FUNCTION_LINES = 70
LEVELS = 3

SKIPPED = re.compile(r"^(build.*|\..*|__pycache__|node_modules)$")
LINED = {".c", ".h", ".lua", ".py"}
WORDED = LINED | {".def", ".build", ".sql", ".md", ".yaml", ".sh", ".in"}
# In pieces, or this file would find itself.
LEFTOVER = re.compile(r"\b(" + "|".join(("FIX" + "ME", "TO" + "DO", "X" + "XX")) + r")\b")

RULES = {
    "columns": "a line has at most 100 columns",
    "file-length": "a file has at most 500 lines",
    "function-length": "a function has at most 70 lines",
    "nesting": "a function has at most 3 levels",
    "layer": "a folder includes only what stands before it",
    "include-root": "an include names its folder: \"http/http_conn.h\"",
    "wing": "engine and worker stay apart",
    "fence": "a library is used only where it is fenced",
    "banned": "a call that is not to be used",
    "constant-time": "how long a signature's check takes tells nothing about it",
    "simulated": "no clock, sleep, socket or random number but through loop/",
    "header": "a header says Why, Never and Thread",
    "pragma-once": "a header has #pragma once",
    "mirror": "engine/<layer>/x.c has tests/unit/<layer>/test_x.c",
    "dead-test": "tests/unit/<layer>/test_x.c has engine/<layer>/x.c or x.h",
    "leftover": "no work is left for later in a comment",
    "switch-default": "a switch over an enum lists every value",
    "python": "Python compiles",
    "bare-sleep": "tests wait for something, with a deadline, and never just for a time",
}


class Tidy:
    def __init__(self, root):
        self.root = root
        self.found = []
        self.files = sorted(self.walk(root))

    def walk(self, folder):
        for path in folder.iterdir():
            if SKIPPED.match(path.name) or path == self.root / "tests" / "tidy":
                continue
            if path.is_dir():
                yield from self.walk(path)
            else:
                yield path

    def report(self, path, line, rule, text):
        assert rule in RULES, rule
        self.found.append((self.name_of(path), line, rule, text))

    def name_of(self, path):
        return path.relative_to(self.root).as_posix()

    def run(self):
        for path in self.files:
            name = self.name_of(path)
            is_script = path.suffix == "" and path.parent == self.root / "tools"
            if path.suffix not in WORDED and not is_script:
                continue
            text = path.read_text(encoding="utf-8", errors="replace")
            self.check_lines(path, text)
            if path.suffix in (".c", ".h"):
                self.check_c(path, name, text)
            elif path.suffix == ".py" or text.startswith("#!/usr/bin/env python3"):
                self.check_python(path, name, text)
        self.check_mirrors()
        return self.found

    # Any text.

    def check_lines(self, path, text):
        lines = text.split("\n")
        for number, line in enumerate(lines, 1):
            if path.suffix in LINED and len(line) > COLUMNS:
                self.report(path, number, "columns", f"{len(line)} columns")
            if LEFTOVER.search(line) and self.name_of(path) not in LEFTOVER_EXEMPT:
                self.report(path, number, "leftover", line.strip()[:60])
        if path.suffix in LINED and len(lines) - 1 > FILE_LINES:
            self.report(path, len(lines) - 1, "file-length", f"{len(lines) - 1} lines")

    # Python.

    def check_python(self, path, name, text):
        try:
            tree = ast.parse(text, str(path))
        except SyntaxError as error:
            self.report(path, error.lineno or 1, "python", error.msg)
            return
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                size = node.end_lineno - node.lineno + 1
                if size > FUNCTION_LINES:
                    self.report(path, node.lineno, "function-length", f"{node.name}: {size} lines")
            if name.startswith("tests/") and name not in WAITERS and is_sleep(node):
                self.report(path, node.lineno, "bare-sleep", "use the helper with a deadline")

    # C.

    def check_c(self, path, name, text):
        clean = tidy_c.blank(text)
        parts = name.split("/")
        layer = parts[1] if parts[0] == "engine" and len(parts) == 3 else None

        for function in tidy_c.functions(clean):
            if function.line_count > FUNCTION_LINES:
                self.report(path, function.line, "function-length", f"{function.line_count} lines")
            if function.levels > LEVELS:
                self.report(path, function.deep_line, "nesting", f"{function.levels} levels")
        for rule, pattern, why, where, exempt in BANNED:
            if re.match(where, name) and not (exempt and re.match(exempt, name)):
                self.report_matches(path, clean, rule, pattern, why)
        if layer in IMPURE_LAYERS:
            self.report_matches(path, clean, "simulated", IMPURE, "through loop/ only")
        if layer:
            self.check_includes(path, name, layer, text)
            self.check_switches(path, clean)
            if path.suffix == ".h":
                self.check_header(path, text)

    def report_matches(self, path, clean, rule, pattern, why):
        for match in re.finditer(pattern, clean):
            self.report(path, tidy_c.line_of(clean, match.start()), rule, f"{match[1]}: {why}")

    def check_includes(self, path, name, layer, text):
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', text, re.M):
            line = tidy_c.line_of(text, match.start())
            included = match[2]
            if match[1] == "<":
                self.check_library(path, name, line, included)
            elif included in GENERATED:
                if layer != GENERATED[included]:
                    self.report(path, line, "layer", f"{included} is of {GENERATED[included]}/")
            elif "/" not in included:
                self.report(path, line, "include-root", included)
            elif not included.endswith(".def"):  # a table is data without code: no dependency
                self.check_layer(path, line, layer, included)

    def check_layer(self, path, line, layer, included):
        other = included.split("/")[0]
        if layer not in LAYERS or other not in LAYERS:
            self.report(path, line, "layer", f"{layer} or {other} is no layer")
        elif other != layer and LAYERS[other] >= LAYERS[layer]:
            self.report(path, line, "layer", f"{layer}/ must not include {included}")
        else:
            name = self.name_of(path)
            for where, what in FORBIDDEN:
                if re.match(where, name) and re.match(what, included):
                    self.report(path, line, "wing", f"{path.name} must not include {included}")

    def check_library(self, path, name, line, included):
        for library, pattern in LIBRARIES.items():
            if re.match(pattern, included) and not re.fullmatch(FENCES[library], name):
                self.report(path, line, "fence", f"{library} is fenced in: {FENCES[library]}")

    def check_header(self, path, text):
        head = text.split("*/")[0]
        if not head.startswith(f"/* {path.stem}: "):
            self.report(path, 1, "header", f"does not begin with: /* {path.stem}: what it is")
        for word in ("Why:", "Never:", "Thread:"):
            if not re.search(rf"^ \* (.*\. +)?{word}", head, re.M):
                self.report(path, 1, "header", f"has no {word}")
        if not re.search(r"^#pragma once$", text, re.M):
            self.report(path, 1, "pragma-once", "is missing")

    def check_switches(self, path, clean):
        for line, labels, has_default in tidy_c.switches(clean):
            if has_default and any(tidy_c.is_own_enum(label) for label in labels):
                self.report(path, line, "switch-default", "a new value would pass unseen")

    # The tree.

    def check_mirrors(self):
        names = {self.name_of(path) for path in self.files}
        for name in sorted(names):
            source = re.fullmatch(r"engine/(\w+)/(\w+)\.c", name)
            test = re.fullmatch(r"tests/unit/(\w+)/test_(\w+)\.c", name)
            if source and not has_test(source[1], source[2], names):
                if not any(re.fullmatch(pattern, name) for pattern in MIRROR_EXEMPT):
                    self.report(self.root / name, 1, "mirror", f"no test_{source[2]}.c")
            home = f"engine/{test[1]}" if test and test[1] != "bench" else "bench/load"
            if test and not {f"{home}/{test[2]}{end}" for end in (".c", ".h")} & names:
                self.report(self.root / name, 1, "dead-test", f"no {home}/{test[2]}.c")


def has_test(layer, module, names):
    kinds = ("unit", "integration")
    return any(f"tests/{kind}/{layer}/test_{module}.c" in names for kind in kinds)


def is_sleep(node):
    if not isinstance(node, ast.Call):
        return False
    function = node.func
    return (isinstance(function, ast.Attribute) and function.attr == "sleep"
            or isinstance(function, ast.Name) and function.id == "sleep")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent)
    parser.add_argument("--list-rules", action="store_true")
    args = parser.parse_args()

    if args.list_rules:
        print("\n".join(RULES))
        return 0
    found = Tidy(args.root.resolve()).run()
    for path, line, rule, text in sorted(found):
        print(f"{path}:{line}: {rule}: {text} ({RULES[rule]})")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
