"""schemas/openapi.yaml: well formed, of one mind with the engine's tables and routes, and its
examples are what it says that answers are. (That answers are so: every call of tests/e2e.)"""

import re
import subprocess
import sys

import jsonschema
import pytest
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from support import openapi, paths

METHODS = ("get", "head", "post", "put", "delete", "patch")
URI = "urn:test:openapi"


def operations():
    for template, item in openapi.document()["paths"].items():
        for method in METHODS:
            if method in item:
                yield template, method, item[method]


def resolve(node):
    while "$ref" in node:
        target = openapi.document()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        node = target
    return node


def references(node):
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def validator(schema):
    resource = Resource(contents=openapi.document(), specification=DRAFT202012)

    def absolute(node):
        if isinstance(node, dict):
            return {key: URI + value if key == "$ref" else absolute(value)
                    for key, value in node.items()}
        return [absolute(value) for value in node] if isinstance(node, list) else node

    return jsonschema.Draft202012Validator(
        absolute(schema), registry=Registry().with_resource(URI, resource))


def bodies():
    """(what, body) of every request and answer; those that operations share, once."""
    for name, body in openapi.document()["components"]["responses"].items():
        yield name, body
    for template, method, operation in operations():
        if "requestBody" in operation:
            yield f"{method} {template} request", operation["requestBody"]
        for status, body in operation["responses"].items():
            if "$ref" not in body:
                yield f"{method} {template} {status}", body


def contents():
    """(what, schema, example) of every example in the document."""
    for what, body in bodies():
        for content in body.get("content", {}).values():
            for name, example in content.get("examples", {}).items():
                yield f"{what} {name}", content["schema"], resolve(example)["value"]


def test_problem_types_are_those_of_the_tables():
    result = subprocess.run([sys.executable, paths.ROOT / "tools" / "openapi.py"],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_every_code_of_the_tables_is_described():
    codes = set()
    for name in ("engine/http/problem.def", "engine/domain/outcome.def"):
        rows = re.findall(r'^(?:PROBLEM|OUTCOME)\(\w+, "([a-z-]+)", (\d+)',
                          (paths.ROOT / name).read_text(), re.M)
        codes |= {code for code, status in rows if int(status) >= 400}
    assert len(codes) > 30
    described = {name.removeprefix("problem-") for name in
                 openapi.document()["components"]["schemas"] if name.startswith("problem-")}
    assert codes <= described


def test_every_reference_leads_somewhere():
    for reference in set(references(openapi.document())):
        assert reference.startswith("#/")
        resolve({"$ref": reference})


def test_operations_are_named_once_and_have_answers():
    names = [operation["operationId"] for _, _, operation in operations()]
    assert len(names) == len(set(names)) > 20
    for template, method, operation in operations():
        assert operation["responses"], (template, method)
        assert operation["tags"][0] in ("buyers", "providers", "operator", "operations")
        if template.startswith("/v1/admin/"):
            assert operation["security"] == [{"admin": []}]


def test_every_route_of_the_code_is_described_and_no_other():
    routes = set()
    for path in [*paths.ROOT.glob("engine/api/*.c"), *paths.ROOT.glob("engine/admin/*.c")]:
        routes |= set(re.findall(r'"(/(?:v1/[a-z_{}/-]+|livez|readyz|metrics))"', path.read_text()))
    assert routes - {"/v1/sales/"} == set(openapi.document()["paths"])


@pytest.mark.parametrize("what, schema, value", [pytest.param(*row, id=row[0])
                                                 for row in contents()])
def test_an_example_is_valid(what, schema, value):
    errors = [error.message for error in validator(schema).iter_errors(value)]
    assert not errors, f"{what}: {errors}"


def test_a_wrong_answer_is_noticed():
    schema = {"$ref": "#/components/schemas/Order"}
    good = openapi.document()["components"]["examples"]["order"]["value"]
    assert validator(schema).is_valid(good)
    for change in ({"order_no": 5}, {"state": "WON"}, {"quantity": 0}, {"more": 1}):
        assert not validator(schema).is_valid({**good, **change}), change
    problem = openapi.document()["components"]["examples"]["sold-out"]["value"]
    schema = {"$ref": "#/components/schemas/Problem409"}
    assert validator(schema).is_valid(problem)
    for change in ({"status": 404}, {"code": "ended"}, {"retryable": True}, {"type": "a:b"}):
        assert not validator(schema).is_valid({**problem, **change}), change
