"""bench_server: a server that a test of seckill-bench writes: what it answers, and when."""

import json
import re
import socket
import threading

DONE, ERRORS, USAGE, NOT_STARTED = 0, 1, 2, 3  # exit statuses of seckill-bench
HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n"


def answer(status, body, fields=b""):
    data = json.dumps(body).encode()
    return HEAD % (status, len(data), fields) + data


def won(number, replayed=False):
    return answer(201, {"order_no": str(number)},
                  b"Idempotent-Replayed: true\r\n" if replayed else b"")


SOLD_OUT = answer(409, {"status": 409, "code": "sold-out"})


class Server:
    """Answers each request by decide(number, head, body): bytes, or None to close."""

    def __init__(self, decide):
        self.decide, self.heads, self.lock = decide, [], threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            connection, _ = self.listener.accept()
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        data = b""
        with connection:
            while True:
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                head, _, data = data.partition(b"\r\n\r\n")
                length = re.search(rb"Content-Length: (\d+)", head)
                size = int(length[1]) if length else 0
                while len(data) < size:
                    data += connection.recv(65536)
                body, data = data[:size], data[size:]
                with self.lock:
                    number = len(self.heads)
                    self.heads.append(head.decode())
                reply = self.decide(number, head.decode(), body)
                if reply is None:
                    return
                connection.sendall(reply)
