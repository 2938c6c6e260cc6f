"""shoppers: buyers of a sale as real ones are, at both engines; and the shop that sells.

A buyer is new, asks with a key, and asks again with the same key, at the other engine, when the
answer told nothing sure. Some winners repeat, some try once more, some read their orders; then
they pay, cancel, or do nothing (payers.py).
"""

import random
import threading
import time

from support import http_raw
from support.admin import Admin, AdminError
from support.chaos.payers import Payers
from support.chaos.plan import PLENTY_UNITS
from support.crowd import Crowd
from support.history import NOT_DONE, UNSURE

SKUS = ("a", "b")  # a is scarce, of b there is always some
SCARCE_SHARE = 0.5
PATIENCE_S = 4
PAUSE_S = (0.02, 0.12)
RETRY_PAUSE_S = (0.2, 1.5)
RETRIES_MAX = 3
REPEAT_SHARE, SECOND_SHARE, READ_SHARE = 0.10, 0.10, 0.10
ABSENT_S = 2.0  # "no such sale" is believed for 1 s
ASK_AGAIN_S = 0.5


class Shoppers(Crowd):
    """A crowd of one sale. `wrong`: answers that cannot be, one text each."""

    def __init__(self, stack, sale, seed, payers, threads=6):
        super().__init__(stack, sale, (), threads, (0, 1), PATIENCE_S)
        self.seed, self.payers, self.reads, self.wrong = seed, payers, 0, []

    def shop(self, number, connections):
        chance = random.Random(f"shoppers {self.seed} {self.sale} {number}")
        count = 0
        while not self.stopped.wait(chance.uniform(*PAUSE_S)):
            count += 1
            self._visit(chance, connections, f"s{self.sale}-{number}-{count}")

    def _visit(self, chance, connections, buyer):
        engine = chance.randrange(2)
        attempt = (buyer, f"key-of-{buyer}-in-chaos",
                   SKUS[0] if chance.random() < SCARCE_SHARE else SKUS[1])
        answer = self.ask(connections, engine, *attempt)
        for _ in range(RETRIES_MAX):
            if answer.code not in UNSURE or self.stopped.wait(chance.uniform(*RETRY_PAUSE_S)):
                break
            engine = 1 - engine
            answer = self.ask(connections, engine, *attempt)
        won = answer if answer.status == 201 else None
        if won:
            self.payers.won(won)
        if won and chance.random() < REPEAT_SHARE:
            self.ask(connections, 1 - engine, *attempt)
        if won and chance.random() < SECOND_SHARE:
            second = self.ask(connections, engine, buyer, f"key-2-of-{buyer}-in-chaos", SKUS[1])
            if second.status == 201:
                self.payers.won(second)
        if chance.random() < READ_SHARE:
            self._read(connections, chance.randrange(2), buyer, won)

    def _read(self, connections, engine, buyer, won):
        """One's own orders: who was told of a win finds it there, or hears 503."""
        try:
            if engine not in connections:
                connections[engine] = http_raw.Connection(self.stack.address(engine), PATIENCE_S)
            response = connections[engine].request(
                "GET", f"/v1/sales/{self.sale}/orders",
                {"Authorization": f"Bearer {self.stack.token(buyer)}"})
        except (OSError, http_raw.ProtocolError):
            if engine in connections:
                connections.pop(engine).close()
            return
        if response.header("connection") == "close":
            connections.pop(engine).close()
        self.reads += 1
        if won is None or response.status == 503:
            return
        found = response.status == 200 and [int(order["order_no"])
                                            for order in response.json()["orders"]]
        if not found or won.order_no not in found:
            self.wrong.append(f"a told win is not among one's own orders: {won}, "
                              f"{response.status} {response.body[:300]}")


class Counter:
    """A sale of the plan: opened, changed now and then, ended; its shoppers, and when what was."""

    def __init__(self, shop, sale):
        self.shop, self.sale = shop, sale
        self.payers = Payers(shop.stack, shop.keys, sale.number, shop.seed, sale.pay_window_s)
        self.shoppers = Shoppers(shop.stack, sale.number, shop.seed, self.payers)
        self.opened = self.end_asked = None  # time.monotonic()
        self.pauses = []                     # [(asked, resumed)]

    def run(self):
        if not self._open():
            return
        for at_s, act, number in self.sale.acts:
            if not self.shop.wait(at_s):
                break
            self._act(act, number, f"chaos-{self.sale.number}-{at_s}")
        self.shop.wait(self.sale.ends_s)
        if self.sale.is_ended:
            self.end_asked = time.monotonic()
            self.shop.insist(lambda admin: admin.end(self.sale.number))
            self.shop.pause(3)
        self.shoppers.stop()

    def _open(self):
        """False: the run is over before the sale is open."""
        number = self.sale.number
        if not self.shop.insist(lambda admin: admin.create_sale(
                sale=number, stock={"a": self.sale.scarce, "b": PLENTY_UNITS},
                limit=self.sale.limit, pay_window_s=self.sale.pay_window_s)):
            return False
        self.payers.start()
        self.shoppers.__enter__()  # while it is loaded, too

        def is_open(admin):
            found = admin.sale(number)
            load = found["load"] or {}
            if found.get("state") != "open" and load.get("step") in (None, "failed"):
                admin.load(number)
            return found.get("state") == "open"

        if self.shop.insist(is_open):
            self.opened = time.monotonic()
        return self.opened is not None

    def _act(self, act, number, ref):
        if act == "add-stock":
            self.shop.insist(lambda admin: admin.add_stock(self.sale.number, "a", number, ref))
            return
        asked = time.monotonic()
        self.shop.insist(lambda admin: admin.pause(self.sale.number))
        # Redis may be away: until it hears of it the sale is open, and paused for long after.
        self.shop.insist(lambda admin: admin.sale(self.sale.number).get("state") == "paused")
        self.shop.pause(number / 1000)
        self.shop.insist(lambda admin: admin.resume(self.sale.number), whatever=True)
        self.shop.insist(lambda admin: admin.sale(self.sale.number).get("state") == "open",
                         whatever=True)
        self.pauses.append((asked, time.monotonic()))

    def wrong(self):
        """Definite noes that were not true: nothing in this sale could have been the cause."""
        keys = {}
        for answer in self.shoppers.told:
            keys.setdefault(answer.buyer, set()).add(answer.key)
        for answer in self.shoppers.told:
            if not self._can_be(answer, keys):
                yield f"it cannot be: {answer}"
        yield from self.shoppers.wrong

    def _can_be(self, answer, keys):
        code = answer.code
        if answer.status == 201 or code in UNSURE | NOT_DONE:
            return True
        if code == "sold-out":
            return answer.sku == "a"
        if code == "limit-reached":
            return len(keys[answer.buyer]) > 1
        if code == "ended":
            return self.end_asked is not None and answer.ended > self.end_asked
        if code == "paused":
            return any(answer.ended > asked and answer.began < resumed + self.shop.hold_s
                       for asked, resumed in self.pauses)
        if code == "unknown-sale":
            return self.opened is None or answer.began < self.opened + ABSENT_S
        return code == "not-open"  # so is a sale that was loaded again, until its hold is over


class Shop:
    """Lanes of sales, a thread each. Asks any worker until one has done it, as operators do."""

    def __init__(self, plan, stack, keys):
        self.keys = keys
        self.stack, self.seed, self.hold_s = stack, plan.seed, 2.0
        self.admins = [Admin(("127.0.0.1", worker.settings["worker.admin_port"]),
                             stack.admin_token) for worker in stack.workers]
        self.counters = [Counter(self, sale) for sale in plan.sales]
        self.failures = []
        self._stopped, self._closed = threading.Event(), threading.Event()
        self._began = None
        lanes = {}
        for counter in self.counters:
            lanes.setdefault(counter.sale.lane, []).append(counter)
        self._threads = [threading.Thread(target=self._run, args=(lane,), daemon=True)
                         for lane in lanes.values()]

    def start(self, began):
        self._began = began
        for thread in self._threads:
            thread.start()

    def _run(self, lane):
        try:
            for counter in lane:
                if self.wait(counter.sale.at_s):
                    counter.run()
        except Exception as error:  # told by the run
            self.failures.append(f"the shop: {type(error).__name__}: {error}")

    def wait(self, at_s):
        """Until then; False: the run was stopped."""
        return not self._stopped.wait(max(0.0, self._began + at_s - time.monotonic()))

    def pause(self, seconds):
        self._stopped.wait(seconds)

    def insist(self, what, whatever=False):
        """what(admin) at one worker after the other until it is true. A conflict: it was done
        already, or need not be. `whatever`: also when the run is stopped, until close()."""
        turn, over = 0, self._closed if whatever else self._stopped
        while not over.is_set():
            try:
                if what(self.admins[turn % len(self.admins)]) is not False:
                    return True
            except AdminError as error:
                if error.response.status == 409 and not error.response.code == "load-running":
                    return True
            except (OSError, http_raw.ProtocolError):
                pass  # that worker is away
            turn += 1
            over.wait(ASK_AGAIN_S)
        return False

    def stop(self):
        """No further sales; all buyers go."""
        self._stopped.set()
        for counter in self.counters:
            counter.shoppers.stopped.set()

    def close(self, deadline_s):
        """After stop(), with everything mended: what was begun is finished. Returns when it is."""
        end = time.monotonic() + deadline_s
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        self._closed.set()
        for thread in self._threads:
            thread.join(70)
            assert not thread.is_alive(), "the shop does not end"
        for counter in self.counters:
            if counter.shoppers.threads[0].ident is not None:
                counter.shoppers.stop()
