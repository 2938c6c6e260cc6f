"""admin: a client of the worker's admin API."""

import datetime
import json
import time
import urllib.parse

from support import http_raw
from support.stalls import machine
from support.wait import wait_until

LOAD_DEADLINE_S = 60
UNAVAILABLE_S = 30


class AdminError(Exception):
    """The admin API refused; `response` says why."""

    def __init__(self, response):
        super().__init__(f"{response.status} {response.body.decode(errors='replace')}")
        self.response = response


def rfc3339(seconds_from_now):
    when = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(
        seconds=seconds_from_now)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class Admin:
    """Methods return the decoded answer; anything but 2xx raises AdminError.

    A question (GET) is asked again while a service is "unavailable" that the machine held up.
    """

    def __init__(self, address, token):
        self.address, self.token = address, token

    def call(self, method, path, body=None):
        """The raw response, whatever its status."""
        headers = {"Authorization": f"Bearer {self.token}"}
        data = None
        if body is not None:
            headers["Content-Type"] = "application/json"
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return http_raw.request(self.address, method, f"/v1/admin/{path}", headers, data,
                                timeout_s=60)

    def ask(self, method, path, body=None):
        began = time.monotonic()
        response = self.call(method, path, body)
        while (method == "GET" and response.code == "unavailable" and machine.excuses(began)
               and time.monotonic() < began + UNAVAILABLE_S):
            response = self.call(method, path, body)
        if not 200 <= response.status < 300:
            raise AdminError(response)
        return response.json() if response.body else None

    def create_sale(self, stock=100, limit=1, opens_in_s=-60, closes_in_s=3600, **fields):
        """Creates a sale; `stock`: units of sku "a", or {sku: units}. Returns its number."""
        skus = stock if isinstance(stock, dict) else {"a": stock}
        answer = self.ask("POST", "sales", {
            "name": "test sale", "currency": "CNY", "limit_per_buyer": limit,
            "opens_at": rfc3339(opens_in_s), "closes_at": rfc3339(closes_in_s),
            "pay_window_s": 900,
            "skus": [{"sku": sku, "price": 199900, "stock": units}
                     for sku, units in skus.items()],
            **fields})
        return answer["sale"]

    def sale(self, sale):
        return self.ask("GET", f"sales/{sale}")

    def flow(self, sale):
        return self.ask("GET", f"sales/{sale}/flow")

    def load(self, sale):
        """Starts a load; it goes on in the worker."""
        return self.ask("POST", f"sales/{sale}/load")

    def recover(self, sale):
        """Starts a load of a sale that was loaded before; it goes on in the worker."""
        return self.ask("POST", f"sales/{sale}/recover")

    def wait_state(self, sale, *states, deadline_s=LOAD_DEADLINE_S):
        """Waits until the operator's view of the sale has one of these states."""
        def reached():
            found = self.sale(sale)
            assert (found["load"] or {}).get("step") != "failed", found["load"]
            return found.get("state") in states and found

        return wait_until(reached, deadline_s, f"sale {sale} is {' or '.join(states)}")

    def open_sale(self, **fields):
        """Creates, loads and waits until it can be bought from. Returns its number."""
        sale = self.create_sale(**fields)
        self.load(sale)
        self.wait_state(sale, "open")
        return sale

    def pause(self, sale):
        return self.ask("POST", f"sales/{sale}/pause")

    def resume(self, sale):
        return self.ask("POST", f"sales/{sale}/resume")

    def end(self, sale):
        return self.ask("POST", f"sales/{sale}/end")

    def add_stock(self, sale, sku, units, ref):
        return self.ask("POST", f"sales/{sale}/skus/{sku}/stock", {"add": units, "ref": ref})

    def orders(self, **query):
        return self.ask("GET", "orders?" + urllib.parse.urlencode(query))

    def order(self, order_no):
        return self.ask("GET", f"orders/{order_no}")

    def audit(self, sale):
        return self.ask("GET", f"sales/{sale}/audit")

    def redrive_order(self, order_no):
        return self.ask("POST", f"orders/{order_no}/redrive")

    def void_order(self, order_no):
        return self.ask("POST", f"orders/{order_no}/void")

    def refund(self, order_no, restock, reason="a test"):
        return self.ask("POST", f"orders/{order_no}/refund",
                        {"restock": restock, "reason": reason})

    def dead_letters(self, **query):
        return self.ask("GET", "dead-letters?" + urllib.parse.urlencode({"limit": 1000, **query}))

    def payments(self, **query):
        return self.ask("GET", "payments?" + urllib.parse.urlencode(query))

    def close(self, letter, reason="a test"):
        return self.ask("POST", f"dead-letters/{letter}/close", {"reason": reason})

    def redrive(self, letter):
        return self.ask("POST", f"dead-letters/{letter}/redrive")
