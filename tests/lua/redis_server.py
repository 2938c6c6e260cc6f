"""A private redis-server (tools/services) and a small RESP2 client.

Why:   thousands of calls a second, raw error replies, and no package to install (bench/micro
       uses it too).
Never: touches a server that it did not start.
"""
import pathlib
import socket
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from support.services import Services  # noqa: E402


class RedisError(Exception):
    """An error reply of the server."""


class Client:
    """One blocking connection. Texts come as str, bytes that are no UTF-8 as surrogates, and go the
    same way; an error reply is raised as RedisError."""

    def __init__(self, address):
        self.sock = socket.create_connection(address, timeout=30)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.sock.makefile("rb", 1 << 16)

    def close(self):
        self.file.close()
        self.sock.close()

    @staticmethod
    def pack(args):
        out = [b"*%d\r\n" % len(args)]
        for arg in args:
            data = arg if isinstance(arg, bytes) else str(arg).encode(errors="surrogateescape")
            out.append(b"$%d\r\n%b\r\n" % (len(data), data))
        return b"".join(out)

    def send(self, data):
        self.sock.sendall(data)

    def read(self, inside=False):
        line = self.file.readline()
        if not line.endswith(b"\r\n"):
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self.file.read(size + 2)[:-2].decode(
                errors="surrogateescape")
        if kind == b"*":
            size = int(rest)
            return None if size < 0 else [self.read(True) for _ in range(size)]
        if kind == b"-":
            error = RedisError(rest.decode())
            if inside:
                return error
            raise error
        raise ConnectionError(f"not RESP2: {line!r}")

    def __call__(self, *args):
        self.send(self.pack(args))
        return self.read()

    def pipeline(self, commands):
        """All commands in one write; the replies in order, errors as values."""
        self.send(b"".join(self.pack(command) for command in commands))
        return [self.read(True) for _ in commands]

    def hash(self, key):
        flat = self("HGETALL", key)
        return dict(zip(flat[::2], flat[1::2]))

    def own_replid(self):
        lines = self("INFO", "replication").split("\r\n")
        return next(line.split(":")[1] for line in lines if line.startswith("master_replid:"))


class Server:
    """The Redis of a directory of its own."""

    def __init__(self):
        self.services = Services()
        self.services.start("redis")

    @property
    def pid(self):
        return self.services.pid("redis")

    def client(self):
        return Client(self.services.redis_address)

    def restart(self):
        """The same data under another replication id."""
        self.services.stop("redis")
        self.services.start("redis")

    def stop(self):
        self.services.down()
