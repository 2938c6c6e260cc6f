"""spoil: one thing of a sale changed and back, and what the audit says of it meanwhile."""

import contextlib

from support.ctl import ctl_once_reached


class Spoiled:
    """A sale whose audit holds. Subclasses make it: they set stack, mysql, redis, kafka, sale."""

    def key(self, name):
        return self.redis.key(self.sale, name)

    def report(self):
        """The audit; asserts that it agrees with itself."""
        report = self.stack.admin.audit(self.sale)
        results = [check["result"] for check in report["checks"]]
        assert report["violations"] == results.count("violated")
        assert report["ok"] == (set(results) == {"holds"})
        assert all(check["ok"] == (check["result"] == "holds") for check in report["checks"])
        return report

    def violated(self, at_rest=True):
        """The ids that do not hold."""
        report = self.report()
        assert report["at_rest"] or not at_rest, report
        return {check["id"] for check in report["checks"] if check["result"] == "violated"}

    def frozen_for(self):
        """The id in the last freeze that the audit made, None when the sale is not frozen."""
        if self.stack.admin.sale(self.sale)["control"] != "frozen":
            return None
        row = self.mysql.rows("SELECT actor, detail FROM admin_log WHERE sale = %s AND action = "
                              "'freeze' ORDER BY id DESC LIMIT 1", self.sale)[0]
        assert row["actor"] == "audit", row
        return row["detail"].removeprefix("open; ").split(":")[0]

    def release(self):
        """What the operator does once it is mended."""
        done = ctl_once_reached(self.stack, "sale", "unfreeze", self.sale)
        assert done.returncode == 0, done
        self.stack.admin.wait_state(self.sale, "open")

    @contextlib.contextmanager
    def sql(self, change, undo):
        """Rows changed by one statement and back by another."""
        assert self.mysql.execute(*change) >= 1, change
        try:
            yield
        finally:
            assert self.mysql.execute(*undo) >= 1, undo

    @contextlib.contextmanager
    def field(self, key, field, value):
        """A hash field set (None: deleted) and back."""
        client, kept = self.redis.client, self.redis.client.hget(self.key(key), field)
        put = lambda new: (client.hdel(self.key(key), field) if new is None
                           else client.hset(self.key(key), field, new))
        put(value)
        try:
            yield
        finally:
            put(kept)

    def column(self, table, column, value, where, *values):
        """A column of one row changed and back."""
        kept = self.mysql.value(f"SELECT {column} FROM {table} WHERE {where}", *values)
        change = f"UPDATE {table} SET {column} = %s WHERE {where}"
        return self.sql((change, value, *values), (change, kept, *values))

    def extra(self, table, **columns):
        """A row more, and away again."""
        names = ", ".join(columns)
        where = " AND ".join(f"{name} = %s" for name in columns)
        return self.sql((f"INSERT INTO {table} ({names}) VALUES "
                         f"({', '.join(['%s'] * len(columns))})", *columns.values()),
                        (f"DELETE FROM {table} WHERE {where}", *columns.values()))

    def returned(self, order, cause="close", delta=1, sku="a"):
        return self.extra("stock_ledger", sale=self.sale, sku=sku, delta=delta, cause=cause,
                          ref=str(order), epoch=1, created=1)

    def dead_letter(self, sale, topic="seckill.orders"):
        return self.sql(
            ("INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, payload,"
             " created) VALUES (%s, 0, 4000000000, %s, 0, 'unreadable', 'x', 1)",
             topic, sale),
            ("DELETE FROM dead_letters WHERE log_offset = 4000000000",))
