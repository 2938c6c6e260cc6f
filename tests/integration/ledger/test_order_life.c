#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/order_life.h"
#include "ledger/order_settle.h"
#include "ledger/sql_text.h"
#include "settlement/settle.h"
#include "support/notices.h"

static const struct admin_actor actor = {.name = "ann", .request_id = "r", .why = "broken"};

static struct mysql_link *link;
static struct sale_id sale; /* of 300 units of "a" and of "b", loaded */
static uint32_t epoch;

static void begin(void)
{
    link = fixture_link();
    sale = fixture_sale(link, 300, 3);
    epoch = fixture_load(link, sale);
}

static void end(void)
{
    mysql_link_destroy(link);
}

TestSuite(order_life, .init = begin, .fini = end);

/* PENDING orders of "a" from `seq` on, settled as the log's records. */
static struct order_no settled(uint32_t seq, uint32_t count, uint32_t quantity)
{
    struct settle *settle = fixture_settle(link, 0);
    struct settle_stats stats;

    for (uint32_t i = 0; i < count; i++) {
        struct order_record record = fixture_record(sale, epoch, seq + i);
        record.quantity = quantity;
        const struct settle_item item = fixture_item(settle_next(settle), &record);
        cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_DONE && stats.inserted == 1);
    }
    settle_destroy(settle);
    return fixture_order_no(sale, epoch, seq);
}

static struct order_row row_of(struct order_no order_no)
{
    struct order_row row;

    cr_assert(order_store_find(link, order_no, &row) == ERR_OK);
    return row;
}

static uint64_t outbox(const char *kind)
{
    static const struct sql sql = {
        .head = "SELECT CAST(COUNT(*) AS UNSIGNED) FROM outbox WHERE sale = ? AND (kind = ? OR "
                "verb = ? OR letter = ?)"};
    const struct sql_value params[] = {sql_u64(sale.value), sql_text(kind), sql_text(kind),
                                       sql_text(kind)};
    uint64_t count = 0;

    cr_assert(mysql_link_query(link, &sql, 0, params, 4, sql_read_u64, &count) == ERR_OK);
    return count;
}

/* A move in a transaction of its own. */
enum move { PAY, CANCEL, REFUND };

static enum err move_in(struct mysql_link *session, struct order_no order_no, enum move what)
{
    struct order_held held;
    enum err err = order_life_lock_in(session, order_no,
                                      what != PAY ? ORDER_UNITS_ALWAYS : ORDER_UNITS_NEVER, &held);

    if (err != ERR_OK) {
        return err;
    }
    switch (what) {
    case PAY: return order_life_pay_in(session, &held);
    case CANCEL: return order_life_close_in(session, &held, ORDER_REASON_CANCEL);
    case REFUND: return order_life_refund_in(session, &held, ORDER_REASON_PROVIDER);
    }
    return ERR_REFUSED;
}

static void make(struct order_no order_no, enum move what)
{
    cr_assert(mysql_link_ensure(link) == ERR_OK);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(move_in(link, order_no, what) == ERR_OK, "%s", mysql_link_error_text(link));
    cr_assert(mysql_link_commit(link) == ERR_OK);
}

Test(order_life, what_is_not_there_is_not_moved)
{
    struct order_changed changed;
    struct order_held held;

    cr_assert(mysql_link_ensure(link) == ERR_OK);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_lock_in(link, fixture_order_no(sale, epoch, 1), ORDER_UNITS_ALWAYS, &held)
              == ERR_NOT_FOUND);
    mysql_link_rollback(link);
    cr_assert(order_life_refund(link, fixture_order_no(sale, epoch, 1), true, &actor, &changed)
              == ERR_NOT_FOUND);
}

/* Settling and loads want the sku's row; who gives nothing back does not stand in their way. */
Test(order_life, a_close_that_has_nothing_to_close_waits_for_no_sku)
{
    const struct order_no order_no = settled(1, 1, 1);
    struct mysql_link *settling = fixture_link();
    struct order_stock stock;
    struct order_held held;

    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_lock_in(link, order_no, ORDER_UNITS_OF_PENDING, &held) == ERR_OK);
    cr_assert(held.has_units && order_life_pay_in(link, &held) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(mysql_link_ensure(settling) == ERR_OK && mysql_link_begin(settling) == ERR_OK);
    cr_assert(order_settle_stock_in(settling, sale, &held.row.record.sku, &stock) == ERR_OK);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_lock_in(link, order_no, ORDER_UNITS_OF_PENDING, &held) == ERR_OK);
    cr_assert(!held.has_units && held.row.state == ORDER_STATE_PAID);
    mysql_link_rollback(link);
    mysql_link_rollback(settling);
    mysql_link_destroy(settling);
}

Test(order_life, a_paid_order_is_told_to_redis_and_the_shop)
{
    const struct order_no order_no = settled(1, 1, 1);

    make(order_no, PAY);
    const struct order_row row = row_of(order_no);
    cr_assert(row.state == ORDER_STATE_PAID && row.reason == ORDER_REASON_NONE);
    cr_assert(row.version == 2 && row.has_slot);
    cr_assert(outbox("P") == 1 && outbox("order.paid") == 1 && outbox("units") == 0);
    cr_assert(fixture_sold(link, sale) == 1);
}

Test(order_life, a_closed_order_frees_slot_and_units_once)
{
    const struct order_no order_no = settled(1, 1, 2);

    make(order_no, CANCEL);
    const struct order_row row = row_of(order_no);
    cr_assert(row.state == ORDER_STATE_CLOSED && row.reason == ORDER_REASON_CANCEL);
    cr_assert(row.version == 2 && !row.has_slot && fixture_sold(link, sale) == 0);
    cr_assert(VALUE(link,
                    COUNT "stock_ledger l JOIN outbox b ON b.ledger_id = l.id WHERE l.sale = ? "
                          "AND l.cause = 'close' AND l.delta = 2 AND l.ref = ? AND l.epoch = ? AND "
                          "b.kind = 'units' AND b.units = 2 AND b.epoch = l.epoch",
                    sale.value, order_no.value, epoch)
              == 1);
    cr_assert(outbox("C") == 1 && outbox("order.closed") == 1);
}

Test(order_life, an_operators_refund_gives_units_back_only_if_asked_to)
{
    const struct order_no kept = settled(1, 2, 2);
    const struct order_no restocked = fixture_order_no(sale, epoch, 2);
    struct order_changed changed;

    cr_assert(order_life_refund(link, kept, false, &actor, &changed) == ERR_CONFLICT);
    cr_assert(strstr(changed.why, "is PENDING") != NULL, "%s", changed.why);
    make(kept, PAY);
    make(restocked, PAY);
    cr_assert(order_life_refund(link, kept, false, &actor, &changed) == ERR_OK);
    cr_assert(changed.row.state == ORDER_STATE_REFUNDED && !changed.is_repeated);
    cr_assert(changed.row.reason == ORDER_REASON_KEPT && !changed.row.has_slot);
    cr_assert(order_life_refund(link, restocked, true, &actor, &changed) == ERR_OK);
    cr_assert(changed.row.reason == ORDER_REASON_RESTOCKED && changed.row.version == 3);
    cr_assert(fixture_sold(link, sale) == 2, "what was kept stays in sold");
    cr_assert(order_life_refund(link, restocked, true, &actor, &changed) == ERR_OK);
    cr_assert(changed.is_repeated && changed.row.version == 3);
    cr_assert(order_life_refund(link, kept, true, &actor, &changed) == ERR_CONFLICT);
    cr_assert(strstr(changed.why, "its units were kept") != NULL, "%s", changed.why);
    cr_assert(VALUE(link, COUNT "stock_ledger WHERE sale = ? AND cause = 'refund' AND delta = 2",
                    sale.value)
              == 1);
    cr_assert(VALUE(link, COUNT "admin_log WHERE sale = ? AND action = 'refund_order'", sale.value)
              == 2);
    cr_assert(outbox("R") == 2 && outbox("order.refunded") == 2);
}

/* What it closes in a transaction of its own. */
static uint32_t close_overdue(const struct order_overdue *overdue)
{
    uint32_t closed = UINT32_MAX;

    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_close_overdue_in(link, overdue, &closed) == ERR_OK, "%s",
              mysql_link_error_text(link));
    cr_assert(mysql_link_commit(link) == ERR_OK);
    return closed;
}

Test(order_life, overdue_orders_are_closed_in_one_batch_without_those_that_a_notice_waits_for)
{
    struct order_overdue overdue = {.sale = sale,
                                    .sku = {1, "a"},
                                    .before_ms = INT64_MAX,
                                    .notices_topic = "life-notices",
                                    .max = 100};
    static const struct sql lapse = {
        .head = "UPDATE orders SET pay_by = 1 WHERE sale = ? AND state = 'PENDING'"};
    const struct sql_value of_sale[] = {sql_u64(sale.value)};
    uint32_t closed = UINT32_MAX;

    (void)settled(1, 7, 2);
    make(fixture_order_no(sale, epoch, 2), PAY);
    cr_assert(close_overdue(&overdue) == 0, "never before pay_by by NOW(3), whatever is asked for");
    cr_assert(mysql_link_execute(link, &lapse, 0, of_sale, 1, NULL) == ERR_OK);
    static const struct sql park = {
        .head = "INSERT INTO payments (provider, event_id, kind, order_no, state, occurred, "
                "received, created, changed, topic, part, log_offset) VALUES ('p', ?, 'cancel', ?, "
                "'PARKED', 1, 1, 1, 1, 't', 0, 0)"};
    const uint64_t waiting = fixture_order_no(sale, epoch, 3).value;
    const struct sql_value params[] = {sql_u64(waiting), sql_u64(waiting)};
    cr_assert(mysql_link_execute(link, &park, 0, params, 2, NULL) == ERR_OK, "%s",
              mysql_link_error_text(link));

    static const struct sql bury = {
        .head = "INSERT INTO dead_letters (topic, part, log_offset, sale, order_no, reason, "
                "payload, created) VALUES ('life-notices', 0, ?, 0, ?, 'value', 'x', 1)"};
    const uint64_t dead = fixture_order_no(sale, epoch, 4).value;
    const struct sql_value letter[] = {sql_u64(dead), sql_u64(dead)};
    cr_assert(mysql_link_execute(link, &bury, 0, letter, 2, NULL) == ERR_OK);

    cr_assert(close_overdue(&overdue) == 4 && fixture_sold(link, sale) == 6);
    cr_assert(row_of((struct order_no){dead}).state == ORDER_STATE_PENDING);
    static const struct sql resolve = {
        .head = "UPDATE dead_letters SET resolved = 1 WHERE order_no = ?"};
    cr_assert(mysql_link_execute(link, &resolve, 0, letter, 1, NULL) == ERR_OK);
    cr_assert(close_overdue(&overdue) == 1 && fixture_sold(link, sale) == 4);
    cr_assert(row_of(fixture_order_no(sale, epoch, 7)).reason == ORDER_REASON_OVERDUE);
    cr_assert(row_of((struct order_no){waiting}).state == ORDER_STATE_PENDING);
    cr_assert(VALUE(link,
                    COUNT "stock_ledger l JOIN outbox b ON b.ledger_id = l.id JOIN orders o ON "
                          "o.order_no = CAST(l.ref AS UNSIGNED) WHERE l.sale = ? AND l.cause = "
                          "'close' AND l.delta = 2 AND o.state = 'CLOSED' AND o.version = 2",
                    sale.value)
              == 5);
    cr_assert(outbox("C") == 5 && outbox("order.closed") == 5);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_close_overdue_in(link, &overdue, &closed) == ERR_OK && closed == 0);
    mysql_link_rollback(link);
    overdue.sku.text[0] = 'z';
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_close_overdue_in(link, &overdue, &closed) == ERR_NOT_FOUND);
    mysql_link_rollback(link);
}

Test(order_life, money_that_is_due_back_raises_the_version_and_is_told_in_json)
{
    const struct order_no order_no = settled(1, 1, 1);
    const struct notice due = notice_of(NOTICE_KIND_PAID, order_no, "e", "t\"1\\");
    struct order_held held;

    fixture_run(link, "UPDATE orders SET changed = 1 WHERE state = 'PENDING'");
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_life_lock_in(link, order_no, ORDER_UNITS_NEVER, &held) == ERR_OK);
    cr_assert(order_life_refund_due_in(link, &held, &due, 0) == ERR_OK);
    cr_assert(order_life_refund_due_alone_in(link, &due, 4) == ERR_OK);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(row_of(order_no).version == 2 && row_of(order_no).state == ORDER_STATE_PENDING);
    cr_assert(row_of(order_no).changed_ms == 1, "it is in its state since then");
    cr_assert(VALUE(link,
                    COUNT "outbox WHERE sale = ? AND verb = 'order.refund_due' AND order_version "
                          "IN (2, 4) AND JSON_VALUE(payload, '$.transaction_id') = 't\"1\\\\' AND "
                          "JSON_VALUE(payload, '$.amount') = 100 AND JSON_VALUE(payload, "
                          "'$.currency') = 'CNY' AND JSON_VALUE(payload, '$.provider') = "
                          "'standard'",
                    sale.value)
              == 2);
}
