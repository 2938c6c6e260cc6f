#!/usr/bin/env python3
"""Turns a text file into the C array of its bytes, with a zero at the end.

usage: embed_text.py OUT.c NAME FILE
"""
import pathlib
import sys


def main() -> int:
    out, name, source = pathlib.Path(sys.argv[1]), sys.argv[2], pathlib.Path(sys.argv[3])
    codes = [str(byte) for byte in source.read_bytes()]
    if "0" in codes:
        raise SystemExit(f"embed_text: {source} holds a zero byte")
    codes.append("0")
    lines = [", ".join(codes[i:i + 24]) for i in range(0, len(codes), 24)]
    out.write_text(f"/* Made from {source.name} by tools/embed_text.py. */\n"
                   f"extern const char {name}[];\n"
                   f"const char {name}[] = {{\n    " + ",\n    ".join(lines) + "};\n",
                   encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
