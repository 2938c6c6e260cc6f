#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "integration/ledger/ledger_fixture.h"
#include "ledger/payment_store.h"
#include "support/notices.h"

static struct mysql_link *link;
static char database[65];   /* its own: sweeps look at all sales */
static struct sale_id sale; /* of 10 units, loaded */
static uint32_t epoch;

static void begin(void)
{
    link = fixture_own(database);
    sale = fixture_sale(link, 10, 1);
    epoch = fixture_load(link, sale);
    cr_assert(mysql_link_ensure(link) == ERR_OK);
}

static void end(void)
{
    fixture_drop(link, database);
}

TestSuite(payment_store, .init = begin, .fini = end);

/* The ids of a test are told apart by its sale. */
static const char *id(const char *name)
{
    static char ids[8][64];
    static int next;
    char *text = ids[next++ % 8];

    snprintf(text, sizeof ids[0], "%u-%s", sale.value, name);
    return text;
}

static struct payment_row row_of(enum notice_kind kind, uint32_t seq, const char *event,
                                 const char *transaction, enum payment_state state)
{
    return (struct payment_row){.notice =
                                    notice_of(kind, fixture_order_no(sale, epoch, seq), id(event),
                                              transaction[0] != '\0' ? id(transaction) : ""),
                                .state = state,
                                .topic = "notices",
                                .part = 3,
                                .offset = 44};
}

static enum err put(const struct payment_row *row)
{
    cr_assert(mysql_link_begin(link) == ERR_OK);
    const enum err err = payment_store_put_in(link, row);
    cr_assert(mysql_link_commit(link) == ERR_OK, "a refused statement leaves the transaction");
    return err;
}

Test(payment_store, keys_have_the_last_word)
{
    struct payment_row row = row_of(NOTICE_KIND_PAID, 1, "e1", "t1", PAYMENT_APPLIED);
    struct payment_row found;

    cr_assert(payment_store_by_event(link, "standard", id("e1"), &found) == ERR_NOT_FOUND);
    cr_assert(payment_store_by_claim(link, "standard", id("t1"), NOTICE_KIND_PAID, &found)
              == ERR_NOT_FOUND);
    cr_assert(put(&row) == ERR_OK && put(&row) == ERR_CONFLICT);
    row = row_of(NOTICE_KIND_PAID, 1, "e2", "t1", PAYMENT_REFUND_DUE);
    cr_assert(put(&row) == ERR_CONFLICT);
    row.state = PAYMENT_QUARANTINED;
    cr_assert(put(&row) == ERR_OK, "what is set aside claims nothing");
    row = row_of(NOTICE_KIND_REFUNDED, 1, "e3", "t1", PAYMENT_APPLIED);
    cr_assert(put(&row) == ERR_OK, "another kind");
    cr_assert(payment_store_by_claim(link, "standard", id("t1"), NOTICE_KIND_PAID, &found)
              == ERR_OK);
    cr_assert_str_eq(found.notice.event_id, id("e1"));
}

Test(payment_store, a_row_is_read_as_it_was_put)
{
    struct payment_row row = row_of(NOTICE_KIND_PAID, 1, "e1", "t1", PAYMENT_QUARANTINED);
    struct payment_row found;

    row.reason = PAYMENT_REASON_AMOUNT;
    row.notice.amount = UINT64_C(1) << 53;
    cr_assert(put(&row) == ERR_OK);
    cr_assert(payment_store_by_event(link, "standard", id("e1"), &found) == ERR_OK);
    cr_assert(found.id > 0 && found.created_ms > 0 && found.changed_ms == found.created_ms);
    cr_assert(found.state == PAYMENT_QUARANTINED && found.reason == PAYMENT_REASON_AMOUNT);
    cr_assert(found.notice.has_amount && found.notice.amount == UINT64_C(1) << 53);
    cr_assert_str_eq(found.notice.transaction_id, id("t1"));
    cr_assert_str_eq(found.notice.currency, "CNY");
    cr_assert(found.notice.occurred_ms == row.notice.occurred_ms);
    cr_assert(found.notice.received_ms == row.notice.received_ms && found.notice.buyer.size == 0);
    cr_assert_str_eq(found.topic, "notices");
    cr_assert(found.part == 3 && found.offset == 44);

    row = row_of(NOTICE_KIND_CANCEL, 2, "e2", "", PAYMENT_PARKED);
    row.notice = notice_cancel(row.notice.order_no, "ann");
    cr_assert(put(&row) == ERR_OK);
    cr_assert(payment_store_by_event(link, "cancel", row.notice.event_id, &found) == ERR_OK);
    cr_assert_str_eq(found.notice.buyer.text, "ann");
    cr_assert(!found.notice.has_amount && found.notice.currency[0] == '\0');
    cr_assert(found.notice.transaction_id[0] == '\0' && found.notice.kind == NOTICE_KIND_CANCEL);
    cr_assert(notice_check(&found.notice) == ERR_OK);
}

Test(payment_store, every_state_and_reason_can_be_written)
{
    for (int state = 0; state < PAYMENT_STATE_COUNT; state++) {
        for (int reason = 0; reason < PAYMENT_REASON_COUNT; reason++) {
            char event[32];
            struct payment_row found;
            snprintf(event, sizeof event, "s%d-%d", state, reason);
            struct payment_row row =
                row_of(NOTICE_KIND_PAID, 1, event, "", (enum payment_state)state);
            row.reason = (enum payment_reason)reason;
            cr_assert(put(&row) == ERR_OK, "%s", mysql_link_error_text(link));
            cr_assert(payment_store_by_event(link, "standard", id(event), &found) == ERR_OK);
            cr_assert(found.state == row.state && found.reason == row.reason);
        }
    }
}

Test(payment_store, a_move_is_made_once)
{
    const struct payment_row row = row_of(NOTICE_KIND_PAID, 1, "e1", "t1", PAYMENT_PARKED);
    struct payment_row found;

    cr_assert(put(&row) == ERR_OK);
    cr_assert(payment_store_by_event(link, "standard", id("e1"), &found) == ERR_OK);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(payment_store_move_in(link, found.id, PAYMENT_PARKED, PAYMENT_REFUND_DUE,
                                    PAYMENT_REASON_CLOSED)
              == ERR_OK);
    cr_assert(
        payment_store_move_in(link, found.id, PAYMENT_PARKED, PAYMENT_APPLIED, PAYMENT_REASON_NONE)
        == ERR_NOT_FOUND);
    cr_assert(mysql_link_commit(link) == ERR_OK);
    cr_assert(payment_store_by_event(link, "standard", id("e1"), &found) == ERR_OK);
    cr_assert(found.state == PAYMENT_REFUND_DUE && found.reason == PAYMENT_REASON_CLOSED);
}

static enum err count_row(void *arg, const struct payment_row *row)
{
    uint64_t *last = arg;

    cr_assert(row->id > *last, "by id");
    *last = row->id;
    return ERR_OK;
}

Test(payment_store, what_waits_for_an_order_is_counted)
{
    const struct order_no order_no = fixture_order_no(sale, epoch, 1);
    struct payment_row row = row_of(NOTICE_KIND_PAID, 1, "e1", "t1", PAYMENT_PARKED);
    struct payment_waiting waiting;
    struct payment_parked parked;
    uint64_t last = 0;
    uint32_t due = 9;

    cr_assert(payment_store_parked_of(link, order_no, &parked) == ERR_OK && parked.count == 0);
    cr_assert(put(&row) == ERR_OK);
    row = row_of(NOTICE_KIND_PAID, 1, "e2", "t2", PAYMENT_REFUND_DUE);
    cr_assert(put(&row) == ERR_OK);
    row = row_of(NOTICE_KIND_PAID, 1, "e3", "t3", PAYMENT_REFUNDED);
    row.reason = PAYMENT_REASON_SECOND;
    cr_assert(put(&row) == ERR_OK);
    row = row_of(NOTICE_KIND_PAID, 1, "e4", "t4", PAYMENT_REFUNDED);
    row.reason = PAYMENT_REASON_AMOUNT; /* it was set aside, never due */
    cr_assert(put(&row) == ERR_OK);
    cr_assert(payment_store_parked_of(link, order_no, &parked) == ERR_OK);
    cr_assert(parked.count == 1 && !parked.has_cancel);
    row.notice = notice_cancel(order_no, "ann");
    row.state = PAYMENT_PARKED;
    cr_assert(put(&row) == ERR_OK);
    cr_assert(payment_store_parked_of(link, order_no, &parked) == ERR_OK);
    cr_assert(parked.count == 2 && parked.has_cancel);
    cr_assert(payment_store_due_count(link, order_no, &due) == ERR_OK && due == 2);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(payment_store_lock_of_in(link, order_no, count_row, &last) == ERR_OK && last > 0);
    mysql_link_rollback(link);
    cr_assert(payment_store_waiting(link, &waiting) == ERR_OK && waiting.parked == 2);
    cr_assert(waiting.oldest_ms >= 0);
}

Test(payment_store, only_what_can_be_decided_is_joinable)
{
    struct order_no found[4], after = {fixture_order_no(sale, epoch, 1).value - 1};
    size_t count = 9;

    for (uint32_t seq = 1; seq <= 4; seq++) {
        char event[8];
        snprintf(event, sizeof event, "e%u", seq);
        const struct payment_row row = row_of(NOTICE_KIND_PAID, seq, event, event, PAYMENT_PARKED);
        cr_assert(put(&row) == ERR_OK);
    }
    cr_assert(payment_store_joinable(link, after, found, 4, &count) == ERR_OK);
    cr_assert(count == 0, "no rows yet");
    struct settle *settle = fixture_settle(link, 0);
    for (uint32_t seq = 1; seq <= 2; seq++) {
        struct order_record record = fixture_record(sale, epoch, seq);
        struct settle_stats stats;
        record.version = seq; /* the second is QUARANTINED */
        const struct settle_item item = fixture_item(settle_next(settle), &record);
        cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_DONE);
    }
    settle_destroy(settle);
    cr_assert(payment_store_joinable(link, after, found, 1, &count) == ERR_OK && count == 1);
    cr_assert(found[0].value == fixture_order_no(sale, epoch, 1).value);
    cr_assert(payment_store_joinable(link, found[0], found, 4, &count) == ERR_OK);
    cr_assert(count == 0, "one is QUARANTINED");
    (void)fixture_load(link, sale);
    cr_assert(payment_store_joinable(link, after, found, 3, &count) == ERR_OK && count == 3);
    cr_assert(found[1].value == fixture_order_no(sale, epoch, 3).value);
    cr_assert(found[2].value == fixture_order_no(sale, epoch, 4).value);
}
