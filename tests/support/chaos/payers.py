"""payers: what winners do next, as seen by the provider and the buyer, and what they were told.

A notice is sent until it is taken, to one engine after the other, as providers do; some are sent
twice. A cancel is asked for until the answer is sure. What is left at the end is sent by finish().
"""

import dataclasses
import heapq
import itertools
import random
import threading
import time

from support import http_raw
from support.history import Cancel, Payment
from support.payments import Notice

PAY_SHARE, CANCEL_SHARE, TWICE_SHARE = 0.6, 0.15, 0.2
LATE = 1.3           # payments come until so many pay windows after the win
THREADS = 2
PATIENCE_S = 4
AGAIN_S = (0.3, 1.5)
SURE = {202, 404, 409}  # what a cancel may be told for good


@dataclasses.dataclass
class Step:
    """One thing to do. doing: the notice, or None for a cancel."""

    order_no: int
    buyer: str
    notice: Notice = None


class Payers:
    """Of one sale. payments, cancels: what was done and told, for the judge."""

    def __init__(self, stack, keys, sale, seed, window_s):
        self.stack, self.keys, self.sale, self.window_s = stack, keys, sale, window_s
        self.chance = random.Random(f"payers {seed} {sale}")
        self.payments, self.cancels = [], []
        self._steps, self._numbers = [], itertools.count()  # heap of (when, number, Step)
        self._known = set()
        self._condition, self._over = threading.Condition(), False
        self._busy = 0
        self._threads = [threading.Thread(target=self._run, args=(number,), daemon=True)
                         for number in range(THREADS)]
        self.failures = []

    def start(self):
        for thread in self._threads:
            thread.start()

    def won(self, answer):
        """A winner decides, once for each order."""
        with self._condition:
            if self._over or answer.order_no in self._known:
                return
            self._known.add(answer.order_no)
            share = self.chance.random()
            if share < PAY_SHARE:
                step = Step(answer.order_no, answer.buyer, Notice(answer.order_no))
                self._put(self.chance.uniform(0, LATE * self.window_s), step)
                if self.chance.random() < TWICE_SHARE:
                    self._put(self.chance.uniform(0, LATE * self.window_s), step)
            elif share < PAY_SHARE + CANCEL_SHARE:
                self._put(self.chance.uniform(0, self.window_s),
                          Step(answer.order_no, answer.buyer))

    def _put(self, wait_s, step):
        heapq.heappush(self._steps, (time.monotonic() + wait_s, next(self._numbers), step))
        self._condition.notify()

    def _take(self):
        """The next step when it is due; None: all is over."""
        with self._condition:
            while True:
                if not self._steps and self._over and not self._busy:
                    self._condition.notify_all()
                    return None
                wait_s = self._steps[0][0] - time.monotonic() if self._steps else 1.0
                if self._steps and wait_s <= 0:
                    self._busy += 1
                    return heapq.heappop(self._steps)[2]
                self._condition.wait(min(wait_s, 1.0))

    def _run(self, number):
        connections = {}
        try:
            while (step := self._take()) is not None:
                is_done = self._do(connections, step)
                with self._condition:
                    if not is_done:
                        self._put(self.chance.uniform(*AGAIN_S), step)
                    self._busy -= 1
                    self._condition.notify_all()
        except Exception as error:  # told by finish()
            self.failures.append(error)
        finally:
            for connection in connections.values():
                connection.close()

    def _do(self, connections, step):
        """True: the answer was sure."""
        began = time.time()
        if step.notice is None:
            status = self._send(connections, self._cancel(step))
            self.cancels.append(Cancel(step.order_no, began, time.time(), status))
            return status in SURE
        status = self._send(connections, self.keys.encode("standard", step.notice.but(at=began)))
        is_taken = 200 <= status < 300
        self.payments.append(Payment(step.order_no, step.notice.event, step.notice.transaction,
                                     began, time.time(), is_taken))
        return is_taken

    def _cancel(self, step):
        return http_raw.encode(
            "POST", f"/v1/sales/{self.sale}/orders/{step.order_no}/cancel",
            {"Authorization": f"Bearer {self.stack.token(step.buyer)}", "Content-Length": "0"})

    def _send(self, connections, data):
        """The status; 0: the connection ended without an answer."""
        engine = self.chance.randrange(len(self.stack.engines))
        try:
            if engine not in connections:
                connections[engine] = http_raw.Connection(self.stack.address(engine), PATIENCE_S)
            response = connections[engine].send(data).read_response("POST")
        except (OSError, http_raw.ProtocolError):
            if engine in connections:
                connections.pop(engine).close()
            return 0
        if response.header("connection") == "close":
            connections.pop(engine).close()
        return response.status

    def finish(self, deadline_s):
        """With everything mended: what is left is done at once."""
        with self._condition:
            self._over = True
            self._steps = [(0.0, number, step) for _, number, step in self._steps]
            heapq.heapify(self._steps)
            self._condition.notify_all()
        end = time.monotonic() + deadline_s
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()))
                assert not thread.is_alive(), f"sale {self.sale}: a notice is never taken"
        assert not self.failures, self.failures
