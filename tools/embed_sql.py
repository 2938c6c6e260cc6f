#!/usr/bin/env python3
"""Turns schemas/mysql/NNN_*.sql into the C source of migrations_embedded[].

usage: embed_sql.py OUT.c FILE.sql...
"""
import pathlib
import re
import sys


def c_bytes(text: str) -> str:
    """C bounds the length of a string literal, not that of an array."""
    if not text.isascii():
        raise SystemExit("embed_sql: a migration must be ASCII")
    codes = [str(byte) for byte in text.encode("ascii")] + ["0"]
    lines = [", ".join(codes[i:i + 24]) for i in range(0, len(codes), 24)]
    return ",\n    ".join(lines)


def main() -> int:
    out, files = pathlib.Path(sys.argv[1]), sorted(map(pathlib.Path, sys.argv[2:]))
    texts, rows, last = [], [], 0
    for path in files:
        match = re.fullmatch(r"(\d{3})_[a-z0-9_]+\.sql", path.name)
        if not match or int(match[1]) <= last:
            raise SystemExit(f"embed_sql: bad or repeated number: {path.name}")
        last = int(match[1])
        texts.append(f"static const char text_{last}[] = {{\n    "
                     f"{c_bytes(path.read_text(encoding='utf-8'))}}};\n")
        rows.append(f'    {{{last}, "{path.name}", text_{last}}},')
    out.write_text(
        "/* Made from schemas/mysql by tools/embed_sql.py. */\n"
        '#include "ledger/migrations.h"\n\n'
        + "\n".join(texts) + "\nconst struct migration migrations_embedded[] = {\n"
        + "\n".join(rows) + "\n};\n"
        "const size_t migrations_embedded_count =\n"
        "    sizeof migrations_embedded / sizeof migrations_embedded[0];\n",
        encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
