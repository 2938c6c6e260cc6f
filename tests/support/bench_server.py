"""bench_server: a server that a test of seckill-bench writes: what it answers, and when."""

import base64
import hashlib
import hmac
import json
import re
import selectors
import socket
import threading

DONE, ERRORS, USAGE, NOT_STARTED = 0, 1, 2, 3  # exit statuses of seckill-bench
HEAD = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n"


def answer(status, body, fields=b""):
    data = json.dumps(body).encode()
    return HEAD % (status, len(data), fields) + data


def won(number, replayed=False):
    return answer(201, {"order_no": str(number), "unit_price": 250, "currency": "CNY"},
                  b"Idempotent-Replayed: true\r\n" if replayed else b"")


SOLD_OUT = answer(409, {"status": 409, "code": "sold-out"})


class Server:
    """Answers each request by decide(number, head, body): bytes, or None to close."""

    def __init__(self, decide):
        self.decide, self.heads, self.lock = decide, [], threading.Lock()
        self.accepted, self.asked_on = 0, {}  # connections; {peer: requests}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return  # stop_listening()
            self.accepted += 1
            threading.Thread(target=self._serve, args=(connection, peer), daemon=True).start()

    def stop_listening(self):
        self.listener.shutdown(socket.SHUT_RDWR)

    def _serve(self, connection, peer):
        try:
            self._answer_all(connection, peer)
        except ConnectionError:
            pass  # who was there has gone

    def _answer_all(self, connection, peer):
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
                    self.asked_on[peer] = self.asked_on.get(peer, 0) + 1
                reply = self.decide(number, head.decode(), body)
                if reply is None:
                    return
                connection.sendall(reply)


SECRET = b"0123456789abcdef0123456789abcdef"
TOKEN_BAD = answer(401, {"status": 401, "code": "token-bad"})
NOTICE_TAKEN = b"HTTP/1.1 204 No Content\r\n\r\n"
UNKNOWN_SALE = answer(404, {"status": 404, "code": "unknown-sale"})


def is_signed(head):
    """The request's token has SECRET's signature."""
    text, _, signature = re.search(r"Bearer (\S+)", head)[1].rpartition(".")
    mac = hmac.new(SECRET, text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(mac).decode().rstrip("=") == signature


class Shop:
    """Decides as an engine does, as far as tokens, keys, the sale (7) and stock go."""

    def __init__(self, stock=10**9):
        self.stock, self.keys, self.lock = stock, {}, threading.Lock()

    def __call__(self, number, head, body):
        if head.startswith("POST /v1/payments/"):
            return NOTICE_TAKEN
        if not is_signed(head):
            return TOKEN_BAD
        if "/sales/7/" not in head:
            return UNKNOWN_SALE
        if "/cancel HTTP" in head:
            return answer(202, {"order_no": re.search(r"orders/(\d+)", head)[1]})
        key = re.search(r"Idempotency-Key: (\S+)", head)
        with self.lock:
            if key is not None and key[1] in self.keys:
                return won(self.keys[key[1]], replayed=True)
            if self.stock == 0:
                return SOLD_OUT
            self.stock -= 1
            if key is not None:
                self.keys[key[1]] = 1000 + number
            return won(1000 + number)


class ManyServer:
    """One thread for thousands of connections; each request gets the same answer."""

    def __init__(self, reply):
        self.reply, self.peers, self.most = reply, {}, 0
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=4096)
        self.url = "http://127.0.0.1:%d" % self.listener.getsockname()[1]
        self.listener.setblocking(False)
        self.selector = selectors.EpollSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.stopped = False
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stopped = True
        self.thread.join(10)
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()
        self.selector.close()

    def _run(self):
        while not self.stopped:
            for key, _ in self.selector.select(0.1):
                if key.fileobj is self.listener:
                    self._accept()
                else:
                    self._serve(key.fileobj)

    def _accept(self):
        try:
            while True:
                connection, peer = self.listener.accept()
                connection.setblocking(False)
                self.peers[peer[0]] = self.peers.get(peer[0], 0) + 1
                self.selector.register(connection, selectors.EVENT_READ)
                self.most = max(self.most, len(self.selector.get_map()) - 1)
        except BlockingIOError:
            pass

    def _serve(self, connection):
        try:
            data = connection.recv(65536)
            if data:
                connection.sendall(self.reply)  # a test's requests come whole
                return
        except ConnectionError:
            pass
        self.selector.unregister(connection)
        connection.close()
