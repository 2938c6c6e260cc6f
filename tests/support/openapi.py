"""openapi: is an answer one that schemas/openapi.yaml describes?

OpenAPI 3.1 schemas are JSON Schema 2020-12, so the whole document serves as one resource to
which the references of its schemas point.
"""

import functools
import re

import jsonschema
import yaml
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from support import paths

URI = "urn:seckill:openapi"


@functools.lru_cache(maxsize=None)
def document():
    with open(paths.ROOT / "schemas" / "openapi.yaml", encoding="utf-8") as file:
        return yaml.safe_load(file)


@functools.lru_cache(maxsize=None)
def _registry():
    resource = Resource(contents=document(), specification=DRAFT202012)
    return Registry().with_resource(URI, resource)


def _resolve(node):
    """Follows $ref of a part of the document (not of a schema's inside)."""
    while "$ref" in node:
        target = document()
        for step in node["$ref"].removeprefix("#/").split("/"):
            target = target[step.replace("~1", "/").replace("~0", "~")]
        node = target
    return node


def _pointer(*steps):
    return "#/" + "/".join(step.replace("~", "~0").replace("/", "~1") for step in steps)


def _validate(pointer, value, what):
    validator = jsonschema.Draft202012Validator(
        {"$ref": URI + pointer}, registry=_registry(),
        format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER)
    errors = [f"{'/'.join(map(str, error.path)) or '(whole)'}: {error.message}"
              for error in validator.iter_errors(value)]
    assert not errors, f"{what} is not as in openapi.yaml:\n  " + "\n  ".join(errors)


@functools.lru_cache(maxsize=None)
def _templates():
    """[(pattern, template)], those without parameters first: /orders before /{order_no}."""
    templates = sorted(document()["paths"], key=lambda template: template.count("{"))
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template))), template)
            for template in templates]


def check_path(method, target, response):
    """check() of an answer to a request target, if the document has that path and method."""
    path = re.sub(r"^https?://[^/?]*", "", target).partition("?")[0]
    for pattern, template in _templates():
        if pattern.fullmatch(path) and method.lower() in document()["paths"][template]:
            check(method, template, response)
            return


def check(method, template, response):
    """Asserts that openapi.yaml has this answer: status, content type, headers, body."""
    what = f"{method} {template} → {response.status}"
    path = document()["paths"].get(template)
    assert path and method.lower() in path, f"{what}: the operation is not described"
    responses = path[method.lower()]["responses"]
    status = str(response.status)
    assert status in responses, f"{what}: the status is not described: {response!r}"
    node = responses[status]
    steps = ["paths", template, method.lower(), "responses", status]
    while "$ref" in node:
        steps = node["$ref"].removeprefix("#/").split("/")
        node = _resolve(node)
    _check_headers(node, response, what)
    if not node.get("content"):
        assert response.body == b"", f"{what}: a body that is not described: {response!r}"
        return
    if node.get("x-may-be-empty") and response.body == b"" and not response.header("content-type"):
        return
    kind = (response.header("content-type") or "").split(";")[0].strip()
    assert kind in node["content"], f"{what}: content type {kind!r} is not described"
    if kind.endswith("json"):
        _validate(_pointer(*steps, "content", kind, "schema"), response.json(), what)


def _check_headers(node, response, what):
    for name, header in node.get("headers", {}).items():
        value = response.header(name)
        if value is None:
            required = _resolve(header).get("required", False)
            assert not required, f"{what}: header {name} is missing"
