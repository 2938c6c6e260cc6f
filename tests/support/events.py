"""events: what the shop is told (schemas/events.md), read from the topic and checked.

Each event is checked against schemas/events.schema.json, and the topic as a whole against what is
promised: what comes again is the same, and comes for the first time in the order of its versions.
"""

import dataclasses
import functools
import json

import jsonschema
import jsonschema_rs

from support import paths

TOPIC = "seckill.events"
CONTENT_TYPE = b"application/cloudevents+json"


@functools.lru_cache(maxsize=None)
def validators():
    """One that is a thousand times as fast, for whole topics, and one that says what is wrong."""
    with open(paths.ROOT / "schemas" / "events.schema.json", encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft202012Validator.check_schema(schema)
    return (jsonschema_rs.Draft202012Validator(schema, validate_formats=True),
            jsonschema.Draft202012Validator(
                schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER))


def check(event):
    """Asserts that it is as the schema says."""
    fast, exact = validators()
    if not fast.is_valid(event):
        errors = [f"{'/'.join(map(str, error.path)) or '(whole)'}: {error.message}"
                  for error in exact.iter_errors(event)]
        raise AssertionError(f"no event of events.schema.json: {event}\n  " + "\n  ".join(errors))
    data = event["data"]
    assert event["source"] == f"/seckill/sales/{data['sale']}"
    assert event["subject"] == data.get("order_no", f"sale:{data['sale']}")
    if "amount" in data:
        assert data["amount"] == data["unit_price"] * data["quantity"]


@dataclasses.dataclass(frozen=True)
class Told:
    """A record of the topic."""

    raw: bytes
    event: dict

    @property
    def name(self):
        return self.event["type"].removeprefix("example.seckill.")

    @property
    def subject(self):
        return self.event["subject"]

    @property
    def version(self):
        return self.event["orderversion"]

    @property
    def data(self):
        return self.event["data"]


def read(kafka):
    """All of the topic, partition by partition, each record checked."""
    found = []
    for message in kafka.messages(TOPIC):
        assert message.headers() == [("content-type", CONTENT_TYPE)]
        told = Told(message.value(), json.loads(message.value()))
        check(told.event)
        assert message.key().decode() == told.subject
        found.append(told)
    return found


def of(kafka, subject):
    """The records about an order or a sale, in their order."""
    return [told for told in read(kafka) if told.subject == str(subject)]


def check_topic(kafka):
    """What is promised of the whole topic; returns its records."""
    records = read(kafka)
    bytes_of, last = {}, {}
    for told in records:
        event_id = told.event["source"], told.event["id"]
        if bytes_of.setdefault(event_id, told.raw) != told.raw:
            raise AssertionError(f"one id, two contents: {bytes_of[event_id]} {told.raw}")
    seen = set()
    for told in records:
        event_id = told.event["source"], told.event["id"]
        if event_id not in seen:
            seen.add(event_id)
            assert told.version > last.get(told.subject, 0), (
                f"{told.subject}: version {told.version} comes behind {last[told.subject]}")
            last[told.subject] = told.version
    return records
