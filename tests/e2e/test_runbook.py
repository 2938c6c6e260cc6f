"""The SQL that docs/RUNBOOK.md tells an operator to type does what the page says."""

import re

from support.paths import ROOT
from support.wait import wait_until

NOW = "FLOOR(UNIX_TIMESTAMP(NOW(3)) * 1000)"


def runbook_sql(word, **values):
    """The statements of the one block that has `word`, its capital words replaced."""
    text = (ROOT / "docs" / "RUNBOOK.md").read_text(encoding="utf-8")
    [block] = [block for block in re.findall(r"```sql\n(.*?)```", text, re.S) if word in block]
    for name, value in values.items():
        block = re.sub(rf"\b{name}\b", str(value), block)
    return [statement for statement in block.split(";") if statement.strip()]


def type_in(mysql, statements):
    """In one session, as the operator does."""
    with mysql.connect() as session, session.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def test_a_frozen_sale_becomes_paused_and_can_be_resumed(stack, mysql, redis_db):
    sale = stack.admin.open_sale(stock=5)
    mysql.execute("UPDATE sales SET control = 'frozen' WHERE sale = %s", sale)
    mysql.execute("INSERT INTO outbox (sale, kind, verb, epoch, created) SELECT sale, 'state', "
                  f"'freeze', epoch, {NOW} FROM sales WHERE sale = %s", sale)
    wait_until(lambda: redis_db.meta(sale)["state"] == "frozen", 30, "Redis is frozen")
    type_in(mysql, runbook_sql("unfreeze", N=sale, WHO="ann"))
    wait_until(lambda: redis_db.meta(sale)["state"] == "paused", 30, "Redis is paused")
    assert mysql.value("SELECT control FROM sales WHERE sale = %s", sale) == "paused"
    assert mysql.value("SELECT actor FROM admin_log WHERE sale = %s AND action = 'unfreeze'",
                       sale) == "ann"
    stack.admin.resume(sale)
    stack.admin.wait_state(sale, "open")


def test_a_dead_letter_is_closed(stack, mysql):
    sale = stack.admin.create_sale(stock=5)
    mysql.execute("INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                  f"payload, created) VALUES ('runbook', 0, %s, %s, 0, 'value', 'x', {NOW})",
                  sale, sale)
    letter = mysql.value("SELECT id FROM dead_letters WHERE sale = %s", sale)
    type_in(mysql, runbook_sql("dead_letters", ID=letter, WHO="ann", WHY="never told"))
    row = mysql.rows("SELECT resolved, resolution FROM dead_letters WHERE id = %s", letter)[0]
    assert row["resolved"] > 0 and row["resolution"] == "ann: never told"
    stack.admin.load(sale)
    stack.admin.wait_state(sale, "open")
