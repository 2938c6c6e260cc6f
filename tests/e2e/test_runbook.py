"""The SQL that docs/RUNBOOK.md tells an operator to type does what the page says."""

import re

from support.paths import ROOT

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
