"""buyer: a buyer of the public API. Every answer is checked against schemas/openapi.yaml."""

import json

from support import http_raw, openapi


class Buyer:
    """One identity; each call uses a connection of its own unless one is given."""

    def __init__(self, stack, name, engine=0, **claims):
        self.stack, self.name, self.engine = stack, name, engine
        self.token = stack.token(name, **claims)

    def headers(self, key=None, **more):
        fields = {"Authorization": f"Bearer {self.token}"}
        if key is not None:
            fields["Idempotency-Key"] = key
        return {**fields, **more}

    def _call(self, method, template, path, headers, body=None, connection=None, engine=None):
        if connection is None:
            address = self.stack.address(self.engine if engine is None else engine)
            response = http_raw.request(address, method, path, headers, body)
        else:
            response = connection.request(method, path, headers, body)
        openapi.check(method, template, response)
        return response

    def purchase(self, sale, sku="a", quantity=1, key=None, connection=None, engine=None):
        body = json.dumps({"sku": sku, "quantity": quantity}).encode()
        headers = self.headers(key, **{"Content-Type": "application/json"})
        return self._call("POST", "/v1/sales/{sale}/orders", f"/v1/sales/{sale}/orders", headers,
                          body, connection, engine)

    def orders(self, sale, engine=None):
        return self._call("GET", "/v1/sales/{sale}/orders", f"/v1/sales/{sale}/orders",
                          self.headers(), engine=engine)

    def order(self, sale, order_no, engine=None):
        return self._call("GET", "/v1/sales/{sale}/orders/{order_no}",
                          f"/v1/sales/{sale}/orders/{order_no}", self.headers(), engine=engine)

    def cancel(self, sale, order_no, engine=None, connection=None):
        return self._call("POST", "/v1/sales/{sale}/orders/{order_no}/cancel",
                          f"/v1/sales/{sale}/orders/{order_no}/cancel", self.headers(),
                          connection=connection, engine=engine)


def get_sale(stack, sale, engine=0):
    """GET of a sale, which anyone may."""
    response = http_raw.get(stack.address(engine), f"/v1/sales/{sale}")
    openapi.check("GET", "/v1/sales/{sale}", response)
    return response
