#!/usr/bin/env python3
"""topics.py HOST:PORT TOPICS: creates the topics that are missing; is done when all have leaders.

Exit status 0: every topic of the file TOPICS exists and every partition has a leader.
Exit status 1: not yet; stderr says what is missing. The caller asks again.

Kafka's own tool needs a JVM and two seconds for this; two requests of the protocol need none.
CreateTopics version 2 and Metadata version 5 are the plain encodings: big-endian integers,
strings and arrays with their length in front.
"""

import socket
import struct
import sys

CREATE_TOPICS, METADATA = 19, 3
TOPIC_ALREADY_EXISTS = 36
TIMEOUT_S = 5


def read_topics(path):
    """[(name, partitions, {setting: value})] of a topics file."""
    topics = []
    with open(path, encoding="ascii") as lines:
        for line in lines:
            words = line.split("#")[0].split()
            if not words:
                continue
            settings = dict(pair.split("=", 1) for pair in ",".join(words[2:]).split(",") if pair)
            topics.append((words[0], int(words[1]), settings))
    return topics


def string(text):
    raw = text.encode("ascii")
    return struct.pack(">h", len(raw)) + raw


def array(items):
    return struct.pack(">i", len(items)) + b"".join(items)


class Reader:
    """Walks over the bytes of an answer."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def number(self, code):
        (value,) = struct.unpack_from(">" + code, self.data, self.at)
        self.at += struct.calcsize(">" + code)
        return value

    def string(self):
        size = self.number("h")
        if size < 0:
            return None
        self.at += size
        return self.data[self.at - size:self.at].decode()

    def array(self, read_item):
        return [read_item() for _ in range(self.number("i"))]


def ask(connection, api, version, body):
    """Sends one request, returns a Reader of the answer's body."""
    request = struct.pack(">hhi", api, version, api) + string("seckill-services") + body
    connection.sendall(struct.pack(">i", len(request)) + request)
    stream = connection.makefile("rb")
    head = stream.read(4)
    size = struct.unpack(">i", head)[0] if len(head) == 4 else -1
    data = stream.read(size) if size >= 0 else b""
    if size < 0 or len(data) != size:
        raise OSError("the broker closed the connection")
    reader = Reader(data)
    if reader.number("i") != api:
        raise OSError("the broker answered another request")
    return reader


def create_topics(connection, topics):
    """Raises OSError if the broker refuses a topic for another reason than that it exists."""
    def encode(topic):
        name, partitions, settings = topic
        pairs = [string(key) + string(value) for key, value in settings.items()]
        return string(name) + struct.pack(">ih", partitions, 1) + array([]) + array(pairs)

    body = array([encode(topic) for topic in topics]) + struct.pack(">i?", TIMEOUT_S * 1000, False)
    reader = ask(connection, CREATE_TOPICS, 2, body)
    reader.number("i")
    for name, error, text in reader.array(
            lambda: (reader.string(), reader.number("h"), reader.string())):
        if error not in (0, TOPIC_ALREADY_EXISTS):
            raise OSError(f"cannot create {name}: error {error} {text or ''}")


def partitions_with_leader(connection, topics):
    """{topic: how many of its partitions have a leader}"""
    def broker():
        return (reader.number("i"), reader.string(), reader.number("i"), reader.string())

    def partition():
        error, _, leader = (reader.number("h"), reader.number("i"), reader.number("i"))
        for _ in range(3):
            reader.array(lambda: reader.number("i"))
        return error == 0 and leader >= 0

    def topic():
        error, name, _ = (reader.number("h"), reader.string(), reader.number("b"))
        ready = sum(reader.array(partition))
        return (name, ready if error == 0 else 0)

    body = array([string(name) for name, _, _ in topics]) + struct.pack(">?", False)
    reader = ask(connection, METADATA, 5, body)
    reader.number("i")
    reader.array(broker)
    reader.string()
    reader.number("i")
    return dict(reader.array(topic))


def missing(topics, ready):
    return [name for name, partitions, _ in topics if ready.get(name, 0) < partitions]


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    host, _, port = sys.argv[1].rpartition(":")
    topics = read_topics(sys.argv[2])
    try:
        with socket.create_connection((host, int(port)), TIMEOUT_S) as connection:
            absent = missing(topics, partitions_with_leader(connection, topics))
            if absent:
                create_topics(connection, [topic for topic in topics if topic[0] in absent])
                absent = missing(topics, partitions_with_leader(connection, topics))
    except (OSError, struct.error) as error:
        print(f"{sys.argv[1]}: {error}", file=sys.stderr)
        return 1
    if absent:
        print("no leader yet: " + " ".join(absent), file=sys.stderr)
    return 1 if absent else 0


if __name__ == "__main__":
    sys.exit(main())
