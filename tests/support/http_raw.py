"""http_raw: HTTP/1.1 over a plain socket, byte by byte where a test wants it.

Answers are read strictly: what is not exactly well formed raises ProtocolError.
"""

import json
import re
import socket

from support import openapi

TIMEOUT_S = 30
STATUS_LINE = re.compile(rb"HTTP/1\.1 ([1-5][0-9]{2}) ([\x20-\x7e]*)")
FIELD_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x20-\x7e\t]*?)[ \t]*")
HEAD_MAX = 64 * 1024


class ProtocolError(Exception):
    """The answer is not well-formed HTTP/1.1, or stops in the middle."""


class Response:
    """An answer: status, reason, fields as [(name, value)], body as bytes."""

    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def header(self, name):
        """The value; None if absent. It must not be there twice."""
        values = self.all(name)
        if len(values) > 1:
            raise ProtocolError(f"{name} is there {len(values)} times")
        return values[0] if values else None

    def json(self):
        return json.loads(self.body)

    @property
    def code(self):
        """A problem's `code`, else None."""
        kind = self.header("content-type") or ""
        return self.json()["code"] if kind.startswith("application/problem+json") else None

    def __repr__(self):
        return f"<{self.status} {self.body[:300]!r}>"


class Connection:
    """One TCP connection. Use as a context manager, or close() it."""

    def __init__(self, address, timeout_s=TIMEOUT_S, source=None):
        self.socket = socket.create_connection(
            address, timeout_s, source_address=(source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def reset(self):
        """Closes with RST: the answer on its way finds nobody."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data)
        return self

    def send_bytewise(self, data):
        for at in range(len(data)):
            self.socket.sendall(data[at:at + 1])
        return self

    def half_close(self):
        self.socket.shutdown(socket.SHUT_WR)
        return self

    def _fill(self):
        """False at the end of the stream."""
        data = self.socket.recv(65536)
        self.buffer += data
        return bool(data)

    def _take(self, size):
        taken, self.buffer = self.buffer[:size], self.buffer[size:]
        return taken

    def _read_head(self):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEAD_MAX:
                raise ProtocolError("the head has no end")
            if not self._fill():
                raise ProtocolError(f"closed before an answer was complete: {self.buffer!r}")
        return self._take(self.buffer.index(b"\r\n\r\n") + 4)[:-4]

    def read_response(self, method="GET"):
        """The next answer; `method` of the request it answers (HEAD has no body)."""
        while True:
            lines = self._read_head().split(b"\r\n")
            status = STATUS_LINE.fullmatch(lines[0])
            if not status:
                raise ProtocolError(f"no status line: {lines[0]!r}")
            fields = [self._parse_field(line) for line in lines[1:]]
            code = int(status[1])
            if code >= 200:
                break
        response = Response(code, status[2].decode(), fields, b"")
        response.body = self._read_body(response, method)
        return response

    @staticmethod
    def _parse_field(line):
        field = FIELD_LINE.fullmatch(line)
        if not field:
            raise ProtocolError(f"no header field: {line!r}")
        return field[1].decode(), field[2].decode()

    def _read_body(self, response, method):
        if response.header("transfer-encoding") is not None:
            raise ProtocolError("chunked answers are not in use here")
        length = response.header("content-length")
        if response.status in (204, 304):
            if length is not None and response.status == 204:
                raise ProtocolError("204 with Content-Length")
            return b""
        if length is None or not re.fullmatch("[0-9]+", length):
            raise ProtocolError(f"Content-Length: {length}")
        if method == "HEAD":
            return b""
        while len(self.buffer) < int(length):
            if not self._fill():
                raise ProtocolError("closed in the middle of a body")
        return self._take(int(length))

    def expect_close(self):
        """Asserts that nothing more comes and that the other side closes."""
        try:
            while self._fill():
                pass
        except ConnectionResetError:
            pass
        assert self.buffer == b"", f"unexpected bytes: {self.buffer!r}"

    def request(self, method, path, headers=(), body=None):
        """One request and its answer, which must be as schemas/openapi.yaml says."""
        self.send(encode(method, path, headers, body))
        response = self.read_response(method)
        openapi.check_path(method, path, response)
        return response


def encode(method, path, headers=(), body=None, host="seckill.test"):
    """The bytes of a well-formed request. headers: a dict or [(name, value)]."""
    pairs = list(headers.items() if isinstance(headers, dict) else headers)
    names = {name.lower() for name, _ in pairs}
    lines = [f"{method} {path} HTTP/1.1"]
    if "host" not in names:
        lines.append(f"Host: {host}")
    if body is not None and "content-length" not in names:
        lines.append(f"Content-Length: {len(body)}")
    lines += [f"{name}: {value}" for name, value in pairs]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


def request(address, method, path, headers=(), body=None, timeout_s=TIMEOUT_S):
    """One request on a connection of its own."""
    with Connection(address, timeout_s) as connection:
        return connection.request(method, path, headers, body)


def get(address, path, headers=()):
    return request(address, "GET", path, headers)
