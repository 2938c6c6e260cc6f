"""The SQL that docs/RUNBOOK.md tells an operator to type does what the page says."""

import re

from support.paths import ROOT


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


def test_a_gap_is_passed_over(stack, mysql):
    """A partition that the topic does not have: no worker looks at its place."""
    mysql.execute("INSERT INTO consumer_offsets (topic, part, next, owner_epoch, owner, changed) "
                  "VALUES ('seckill.orders', 200, 17, 1, 'nobody', 1)")
    place = "SELECT next FROM consumer_offsets WHERE topic = 'seckill.orders' AND part = 200"
    try:
        type_in(mysql, runbook_sql("consumer_offsets", BEFORE_OFFSET=30, PARTITION=200,
                                   FROM_OFFSET=18))
        assert mysql.value(place) == 17, "it was not there: nothing is moved"
        type_in(mysql, runbook_sql("consumer_offsets", BEFORE_OFFSET=30, PARTITION=200,
                                   FROM_OFFSET=17))
        assert mysql.value(place) == 30
    finally:
        mysql.execute("DELETE FROM consumer_offsets WHERE topic = 'seckill.orders' AND part = 200")
