#!/usr/bin/env python3
"""openapi: keeps the problem types of schemas/openapi.yaml as the engine's tables have them.

  tools/openapi.py            check; exit status 1 and a line when they differ
  tools/openapi.py --write    write the parts between "# >>> name" and "# <<< name"

The tables: engine/http/problem.def, engine/domain/outcome.def, and the refusals of
engine/admin/admin_api.c. All else in the document is written by hand.
"""

import collections
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "schemas" / "openapi.yaml"
TYPE_BASE = "https://seckill.example/problems/"
TEXT = r'"((?:[^"\\]|\\.)*)"'

Problem = collections.namedtuple("Problem", "code status retryable title detail")


def title_of(code):
    return code[0].upper() + code[1:].replace("-", " ")


def edge_problems():
    """What ends before the gate."""
    text = (ROOT / "engine/http/problem.def").read_text(encoding="utf-8")
    rows = re.findall(rf"^PROBLEM\(\w+, {TEXT}, (\d+), (true|false), {TEXT}, {TEXT}\)", text, re.M)
    return [Problem(code, int(status), retry == "true", title, detail)
            for code, status, retry, title, detail in rows]


def outcome_problems():
    """The outcomes of a purchase that are refusals."""
    text = (ROOT / "engine/domain/outcome.def").read_text(encoding="utf-8")
    rows = re.findall(rf"^OUTCOME\(\w+, {TEXT}, (\d+), (true|false), {TEXT}\)", text, re.M)
    return [Problem(code, int(status), retry == "true", title_of(code), detail)
            for code, status, retry, detail in rows if int(status) >= 400]


def admin_problems():
    """Refusals of the admin API that are in neither table."""
    text = (ROOT / "engine/admin/admin_api.c").read_text(encoding="utf-8")
    rows = re.findall(rf"http_problem_init\(&\w+\[\w+\], (\d+), {TEXT},\s*{TEXT},\s*{TEXT},\s*"
                      r"(true|false)\)", text)
    return [Problem(code, int(status), retry == "true", title, detail)
            for status, code, title, detail, retry in rows]


def all_problems():
    """Each code once; tables may share a code, but then they agree on it."""
    found = {}
    for problem in edge_problems() + outcome_problems() + admin_problems():
        known = found.setdefault(problem.code, problem)
        if known[:4] != problem[:4]:
            raise SystemExit(f"openapi: the tables do not agree on {problem.code}")
    return list(found.values())


def quoted(text):
    return json.dumps(text, ensure_ascii=False)


def write_schemas():
    for problem in all_problems():
        yield f"    problem-{problem.code}:"
        yield f"      description: {quoted(problem.detail)}"
        yield "      allOf: [{$ref: '#/components/schemas/Problem'}]"
        yield "      properties:"
        yield f"        type: {{const: {quoted(TYPE_BASE + problem.code)}}}"
        yield f"        title: {{const: {quoted(problem.title)}}}"
        yield f"        status: {{const: {problem.status}}}"
        yield f"        code: {{const: {problem.code}}}"
        yield f"        retryable: {{const: {str(problem.retryable).lower()}}}"


def groups():
    """(name, status, codes): the problems of the public API and of the admin API by status."""
    for name, problems in (("Problem", edge_problems() + outcome_problems()),
                           ("AdminProblem", edge_problems() + admin_problems())):
        by_status = {}
        for problem in problems:
            by_status.setdefault(problem.status, []).append(problem.code)
        for status, codes in sorted(by_status.items()):
            yield name, status, codes


def write_groups():
    for name, status, codes in groups():
        yield f"    {name}{status}:"
        yield "      oneOf:"
        for code in codes:
            yield f"        - $ref: '#/components/schemas/problem-{code}'"


STATUS_HEADERS = {401: "WWW-Authenticate", 405: "Allow", 409: "Retry-After-Maybe",
                  429: "Retry-After", 503: "Retry-After"}


def write_responses():
    for name, status, codes in groups():
        yield f"    {name}{status}:"
        yield f"      description: {quoted(', '.join(codes))}"
        yield "      headers:"
        for header in ["X-Request-Id", "Date", "Cache-Control"]:
            yield f"        {header}: {{$ref: '#/components/headers/{header}'}}"
        if status in STATUS_HEADERS:
            header = STATUS_HEADERS[status]
            yield (f"        {header.removesuffix('-Maybe')}: "
                   f"{{$ref: '#/components/headers/{header}'}}")
        yield "      content:"
        yield "        application/problem+json:"
        yield f"          schema: {{$ref: '#/components/schemas/{name}{status}'}}"
        yield "          examples:"
        for code in codes:
            yield f"            {code}: {{$ref: '#/components/examples/{code}'}}"


def write_examples():
    for problem in all_problems():
        value = {"type": TYPE_BASE + problem.code, "title": problem.title,
                 "status": problem.status, "code": problem.code, "retryable": problem.retryable,
                 "detail": problem.detail, "instance": "/requests/7b38b9ab452fd61e",
                 "request_id": "7b38b9ab452fd61e"}
        if problem.code == "limit-reached":
            value["detail"] = ("With what you hold already, this is more than one buyer may order "
                               "in this sale.")
            value["order_no"] = "2199090364417"
            value["order"] = "/v1/sales/2/orders/2199090364417"
        if problem.code == "order-not-pending":
            value["state"] = "PAID"
        yield f"    {problem.code}:"
        yield f"      summary: {quoted(problem.title)}"
        yield f"      value: {json.dumps(value, ensure_ascii=False)}"


PARTS = {"schemas": write_schemas, "groups": write_groups, "responses": write_responses,
         "examples": write_examples}


def rewrite(text):
    for name, write in PARTS.items():
        begin, end = f"    # >>> {name}\n", f"    # <<< {name}\n"
        head, found, rest = text.partition(begin)
        _, found_end, tail = rest.partition(end)
        if not found or not found_end:
            raise SystemExit(f"openapi: {DOCUMENT.name} has no part {name}")
        text = head + begin + "".join(line + "\n" for line in write()) + end + tail
    return text


def main(arguments):
    if arguments not in ([], ["--write"]):
        print(__doc__.strip(), file=sys.stderr)
        return 2
    old = DOCUMENT.read_text(encoding="utf-8")
    new = rewrite(old)
    if arguments:
        DOCUMENT.write_text(new, encoding="utf-8")
    elif new != old:
        print("openapi: schemas/openapi.yaml differs from the tables: tools/openapi.py --write",
              file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
