#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "integration/ledger/settling.h"
#include "ledger/offset_store.h"
#include "ledger/order_settle.h"
#include "ledger/outbox_store.h"

enum { MANY = 40 };

TestSuite(settle, .init = begin, .fini = end);
TestSuite(order_settle, .init = begin, .fini = end);

static void assert_order(struct order_no order_no, enum order_state state, enum order_reason reason)
{
    struct order_row row;

    cr_assert(order_store_find(link, order_no, &row) == ERR_OK);
    cr_assert(row.state == state, "%s", order_state_name(row.state));
    cr_assert(row.reason == reason, "%s", order_reason_name(row.reason));
    cr_assert(row.has_slot == order_state_is_live(state) || reason == ORDER_REASON_SLOT_CLASH);
}

static bool is_frozen(void)
{
    struct sale_row row;

    cr_assert(sale_store_read(link, sale, &row) == ERR_OK);
    return row.control == SALE_CONTROL_FROZEN;
}

/* --- what must not go on --- */

static uint32_t retries_of(const struct settle_stats *stats)
{
    uint32_t sum = 0;

    for (uint32_t label = 0; label < LABEL_SQL_COUNT; label++) {
        sum += stats->retries[label];
    }
    return sum;
}

Test(settle, a_former_owner_writes_nothing)
{
    struct mysql_link *other = fixture_link();
    struct settle *second = NULL;
    struct settle_stats stats;
    struct order_record record = fixture_record(sale, epoch, 1);
    struct settle_item item = fixture_item(0, &record);

    second = fixture_settle(other, 0);
    cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_FENCED);
    cr_assert(stats.taken == 0 && fixture_sold(link, sale) == 0);
    cr_assert(settle_batch(second, &item, 1, &stats) == SETTLE_DONE && stats.inserted == 1);
    cr_assert(fixture_sold(link, sale) == 1);
    settle_destroy(second);
    mysql_link_destroy(other);
}

Test(settle, a_newer_epoch_stops_the_partition_before_its_record)
{
    struct order_record records[3] = {fixture_record(sale, epoch, 1),
                                      fixture_record(sale, epoch + 1, 3),
                                      fixture_record(sale, epoch, 2)};
    struct settle_item items[3];
    struct settle_stats stats;

    for (size_t i = 0; i < 3; i++) {
        items[i] = fixture_item(i, &records[i]);
    }
    cr_assert(settle_batch(settle, items, 3, &stats) == SETTLE_DONE);
    cr_assert(stats.taken == 1 && stats.inserted == 1 && settle_next(settle) == 1);
    cr_assert(settle_batch(settle, items + 1, 2, &stats) == SETTLE_NEWER_EPOCH);
    cr_assert(stats.taken == 0 && fixture_next(link) == 1 && fixture_sold(link, sale) == 1);
    cr_assert(fixture_load(link, sale) == epoch + 1, "MySQL has it now: goes on");
    cr_assert(settle_batch(settle, items + 1, 2, &stats) == SETTLE_DONE);
    cr_assert(stats.inserted == 1 && stats.voided_epoch == 1 && stats.taken == 2);
}

/* --- what is not sold --- */

Test(settle, an_older_epoch_is_voided_and_nobody_is_told)
{
    struct order_record late = fixture_record(sale, epoch, 1);
    struct order_record good = fixture_record(sale, epoch + 1, 1);
    struct settle_item items[2] = {fixture_item(0, &late), fixture_item(1, &good)};
    struct settle_stats stats;
    uint64_t pending = 1;

    cr_assert(fixture_load(link, sale) == epoch + 1);
    cr_assert(settle_batch(settle, items, 2, &stats) == SETTLE_DONE);
    cr_assert(stats.voided_epoch == 1 && stats.inserted == 1 && retries_of(&stats) == 0);
    assert_order(late.order_no, ORDER_STATE_VOIDED, ORDER_REASON_EPOCH);
    cr_assert(fixture_sold(link, sale) == 1);
    cr_assert(outbox_store_pending_count(link, sale, &pending) == ERR_OK && pending == 0);
    cr_assert(VALUE(link, COUNT "outbox WHERE sale = ?", sale.value) == 0);
    cr_assert(!is_frozen());
}

Test(settle, what_does_not_fit_total_is_voided_and_told)
{
    struct order_record records[5];
    struct settle_item items[5];
    struct outbox_row rows[4];
    struct settle_stats stats;
    size_t count = 0;

    sale = fixture_sale(link, 3, 1);
    epoch = fixture_load(link, sale);
    for (uint32_t i = 0; i < 5; i++) {
        records[i] = fixture_record(sale, epoch, i + 1);
        items[i] = fixture_item(i, &records[i]);
    }
    records[1].quantity = 2; /* 1 + 2 fit, the rest does not */
    cr_assert(settle_batch(settle, items, 5, &stats) == SETTLE_DONE);
    cr_assert(stats.taken == 5 && stats.inserted == 2 && stats.voided_stock == 3);
    cr_assert(fixture_sold(link, sale) == 3 && fixture_next(link) == 5);
    assert_order(records[1].order_no, ORDER_STATE_PENDING, ORDER_REASON_NONE);
    assert_order(records[4].order_no, ORDER_STATE_VOIDED, ORDER_REASON_STOCK);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 3 && rows[0].kind == OUTBOX_LETTER && rows[0].letter == 'V');
    cr_assert(rows[0].order_no.value == records[2].order_no.value);
    cr_assert(strcmp(rows[0].buyer.text, "buyer-3") == 0);
    cr_assert(VALUE(link,
                    COUNT "outbox WHERE sale = ? AND kind = 'event' AND verb = "
                          "'order.voided' AND order_version = 1",
                    sale.value)
              == 3);
}

Test(order_settle, stock_is_taken_in_the_epoch_of_its_row_only)
{
    const struct sku sku = {1, "a"};
    uint64_t sold = 0;

    sale = fixture_sale(link, 3, 1);
    cr_assert(fixture_load(link, sale) == 1 && fixture_load(link, sale) == 2);
    cr_assert(mysql_link_begin(link) == ERR_OK);
    cr_assert(order_settle_take_in(link, sale, &sku, 1, 1, &sold) == ERR_NOT_FOUND);
    cr_assert(order_settle_take_in(link, sale, &sku, 3, 1, &sold) == ERR_NOT_FOUND);
    cr_assert(order_settle_take_in(link, sale, &sku, 2, 4, &sold) == ERR_NOT_FOUND);
    cr_assert(sold == 0 && order_settle_take_in(link, sale, &sku, 2, 2, &sold) == ERR_OK);
    cr_assert(sold == 2 && order_settle_take_in(link, sale, &sku, 2, 1, &sold) == ERR_OK);
    cr_assert(sold == 3);
    cr_assert(mysql_link_commit(link) == ERR_OK && fixture_sold(link, sale) == 3);
}

/* --- what comes twice --- */

Test(settle, a_duplicate_in_the_batch_and_from_another_partition_is_one_row)
{
    struct settle *two = fixture_settle(link, 1);
    struct order_record records[2] = {fixture_record(sale, epoch, 2),
                                      fixture_record(sale, epoch, 1)};
    struct order_record again = records[0];
    struct settle_item items[3] = {fixture_item(0, &records[0]), fixture_item(1, &records[1]),
                                   fixture_item(2, &again)};
    struct settle_stats stats;
    struct order_row row;

    again.traceparent.text[0] = '0'; /* of another attempt; not part of the content */
    again.pay_by_ms++;
    cr_assert(settle_batch(settle, items, 3, &stats) == SETTLE_DONE);
    cr_assert(stats.inserted == 2 && stats.duplicates == 1 && settle_next(settle) == 3);
    cr_assert(settle_batch(two, items, 3, &stats) == SETTLE_DONE);
    cr_assert(stats.inserted == 0 && stats.duplicates == 3 && retries_of(&stats) == 0);
    cr_assert(fixture_sold(link, sale) == 2);
    cr_assert(order_store_find(link, records[0].order_no, &row) == ERR_OK);
    cr_assert(row.offset == 0 && row.part == 0 && strcmp(row.topic, fixture_topic()) == 0);
    settle_destroy(two);
}

struct racer {
    struct settle *settle;
    const struct settle_item *items;
    size_t count;
    struct settle_stats stats;
    enum settle_result result;
};

static void *race(void *arg)
{
    struct racer *racer = arg;

    racer->result = SETTLE_AGAIN;
    for (int i = 0; i < 20 && racer->result == SETTLE_AGAIN; i++) {
        racer->result = settle_batch(racer->settle, racer->items, racer->count, &racer->stats);
    }
    mysql_link_thread_end();
    return NULL;
}

Test(settle, two_partitions_that_race_with_the_same_records_write_each_once)
{
    struct mysql_link *other = fixture_link();
    struct settle *second = fixture_settle(other, 1);
    struct order_record records[MANY];
    struct settle_item items[2][MANY];
    struct racer racers[2] = {{.settle = settle, .items = items[0], .count = MANY},
                              {.settle = second, .items = items[1], .count = MANY}};
    pthread_t threads[2];

    sale = fixture_sale(link, MANY, 1);
    epoch = fixture_load(link, sale);
    for (uint32_t i = 0; i < MANY; i++) {
        records[i] = fixture_record(sale, epoch, i + 1);
        items[0][i] = fixture_item(i, &records[i]);
    }
    for (uint32_t i = 0; i < MANY; i++) { /* the other way round: they must collide */
        items[1][i] = fixture_item(i, &records[MANY - 1 - i]);
    }
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert(pthread_create(&threads[i], NULL, race, &racers[i]) == 0);
    }
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert(pthread_join(threads[i], NULL) == 0);
        cr_assert(racers[i].result == SETTLE_DONE && settle_next(racers[i].settle) == MANY);
    }
    cr_assert(racers[0].stats.inserted + racers[1].stats.inserted == MANY);
    cr_assert(racers[0].stats.duplicates + racers[1].stats.duplicates == MANY);
    cr_assert(fixture_sold(link, sale) == MANY && !is_frozen());
    settle_destroy(second);
    mysql_link_destroy(other);
}

/* A row that is written but not committed yet: the INSERT waits for it, then finds it (1062). */
static struct settle_stats settle_behind(struct order_record *mine, struct order_record *theirs)
{
    static const struct sql inserting = {
        .head = COUNT "information_schema.processlist WHERE id = ? AND info LIKE 'INSERT INTO "
                      "orders%'"};
    struct mysql_link *other = fixture_link();
    struct settle_item item = fixture_item(0, mine);
    struct order_row row = {.record = *theirs,
                            .has_slot = true,
                            .state = ORDER_STATE_PENDING,
                            .version = 1,
                            .topic = "t"};
    const struct order_row *rows[1] = {&row};
    struct fixture_moment inserts = {.waiting = &inserting, .watched = link, .holder = other};
    struct settle_stats stats;
    pthread_t thread;

    cr_assert(mysql_link_begin(other) == ERR_OK);
    cr_assert(order_settle_insert_in(other, rows, 1) == ERR_OK);
    cr_assert(pthread_create(&thread, NULL, fixture_at_moment, &inserts) == 0);
    cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_DONE);
    cr_assert(pthread_join(thread, NULL) == 0);
    mysql_link_destroy(other);
    return stats;
}

Test(settle, a_copy_that_wins_the_race_makes_a_duplicate)
{
    struct order_record record = fixture_record(sale, epoch, 1);
    struct settle_stats stats = settle_behind(&record, &record);

    cr_assert(stats.duplicates == 1 && stats.inserted == 0 && stats.taken == 1);
    cr_assert(fixture_sold(link, sale) == 0 && !is_frozen());
}

Test(settle, another_order_that_wins_the_race_for_the_slot_quarantines_and_freezes)
{
    struct order_record mine = fixture_record(sale, epoch, 2);
    struct order_record theirs = fixture_record(sale, epoch, 1);
    struct settle_stats stats;

    mine.buyer = theirs.buyer;
    stats = settle_behind(&mine, &theirs);
    cr_assert(stats.quarantined == 1 && stats.frozen == 1);
    assert_order(mine.order_no, ORDER_STATE_QUARANTINED, ORDER_REASON_SLOT_CLASH);
    cr_assert(fixture_sold(link, sale) == 1, "held until an operator decides");
    cr_assert(is_frozen());
}

/* --- clashes --- */

Test(settle, another_content_under_the_same_number_is_a_dead_letter_and_freezes)
{
    struct order_record first = fixture_record(sale, epoch, 1);
    struct order_record clash = first;
    struct order_record good = fixture_record(sale, epoch, 2);
    struct settle_item items[3] = {fixture_item(0, &first), fixture_item(1, &clash),
                                   fixture_item(2, &good)};
    struct outbox_row rows[4];
    struct settle_stats stats;
    size_t count = 0;

    clash.quantity = 2;
    cr_assert(settle_batch(settle, items, 3, &stats) == SETTLE_DONE);
    cr_assert(stats.inserted == 2 && stats.dead[DEAD_REASON_CLASH] == 1 && stats.frozen == 1);
    cr_assert(is_frozen() && fixture_sold(link, sale) == 2 && fixture_next(link) == 3);
    cr_assert(outbox_store_pending(link, sale, rows, 4, &count) == ERR_OK);
    cr_assert(count == 1 && strcmp(rows[0].verb, "freeze") == 0);
    cr_assert(VALUE(link,
                    COUNT "dead_letters WHERE sale = ? AND reason = 'clash' AND "
                          "log_offset = 1 AND payload = 'bytes'",
                    sale.value)
              == 1);
    cr_assert(VALUE(link,
                    COUNT "admin_log WHERE sale = ? AND actor = 'worker' AND action = 'freeze' AND "
                          "detail LIKE 'open; I7: order %'",
                    sale.value)
              == 1);
}

Test(settle, a_slot_that_is_taken_is_quarantined_and_the_rest_of_the_batch_goes_on)
{
    struct order_record records[6];
    struct settle_item items[6];
    struct settle_stats stats;

    for (uint32_t i = 0; i < 6; i++) {
        records[i] = fixture_record(sale, epoch, i + 1);
        items[i] = fixture_item(i, &records[i]);
    }
    records[4].buyer = records[1].buyer;
    cr_assert(settle_batch(settle, items, 6, &stats) == SETTLE_DONE);
    cr_assert(stats.taken == 6 && stats.inserted == 5 && stats.quarantined == 1);
    cr_assert(stats.frozen == 1 && retries_of(&stats) > 0);
    assert_order(records[4].order_no, ORDER_STATE_QUARANTINED, ORDER_REASON_SLOT_CLASH);
    cr_assert(fixture_sold(link, sale) == 6 && fixture_next(link) == 6);
}

/* --- what cannot be read, or only in part --- */

Test(settle, poison_goes_to_dead_letters_and_the_rest_is_applied)
{
    struct order_record good = fixture_record(sale, epoch, 1);
    struct order_record nowhere = fixture_record((struct sale_id){SALE_ID_MAX}, 1, 1);
    struct order_record nothing = fixture_record(sale, epoch, 2);
    struct settle_item items[5] = {fixture_item(0, NULL),
                                   fixture_item(1, &good),
                                   fixture_item(2, &nowhere),
                                   fixture_item(3, &nothing),
                                   {.offset = 4, .payload = NULL, .hint = good.order_no}};
    struct settle_stats stats;

    nothing.sku = (struct sku){1, "z"};
    cr_assert(settle_batch(settle, items, 5, &stats) == SETTLE_DONE);
    cr_assert(stats.taken == 5 && stats.inserted == 1);
    cr_assert(stats.dead[DEAD_REASON_UNREADABLE] == 2 && stats.dead[DEAD_REASON_UNKNOWN_SALE] == 1);
    cr_assert(stats.dead[DEAD_REASON_UNKNOWN_SKU] == 1);
    cr_assert(fixture_sold(link, sale) == 1 && fixture_next(link) == 5 && !is_frozen());
    cr_assert(VALUE(link, COUNT "dead_letters WHERE sale = ? AND reason = 'unreadable'", sale.value)
                  == 1,
              "by its hint");
    cr_assert(
        VALUE(link, COUNT "dead_letters WHERE sale = ? AND reason = 'unknown_sku'", sale.value)
        == 1);
}

Test(settle, a_newer_record_version_is_quarantined_in_sold_and_slot)
{
    struct order_record record = fixture_record(sale, epoch, 1);
    struct settle_item item = fixture_item(0, &record);
    struct settle_stats stats;

    record.version = 2;
    cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_DONE);
    cr_assert(stats.quarantined == 1 && stats.frozen == 0);
    assert_order(record.order_no, ORDER_STATE_QUARANTINED, ORDER_REASON_VERSION);
    cr_assert(fixture_sold(link, sale) == 1 && !is_frozen());
}

/* --- the plain case --- */

Test(settle, a_batch_becomes_rows_stock_and_offset)
{
    struct sale_id sales[2] = {fixture_sale(link, MANY, 1), fixture_sale(link, MANY, 1)};
    uint32_t epochs[2] = {fixture_load(link, sales[0]), fixture_load(link, sales[1])};
    struct order_record records[MANY];
    struct settle_item items[MANY];
    struct settle_stats stats;
    struct order_row row;

    for (uint32_t i = 0; i < MANY; i++) {
        records[i] = fixture_record(sales[i % 2], epochs[i % 2], i + 1);
        records[i].sku.text[0] = i % 3 == 0 ? 'a' : 'b';
        items[i] = fixture_item(i, &records[i]);
    }
    records[5].key_hash.hex[0] = '\0'; /* without a key */
    records[6].pay_by_ms = 4000000000000;
    cr_assert(settle_batch(settle, items, MANY, &stats) == SETTLE_DONE);
    cr_assert(stats.taken == MANY && stats.inserted == MANY && retries_of(&stats) == 0);
    cr_assert(fixture_sold(link, sales[0]) == MANY / 2 && fixture_sold(link, sales[1]) == MANY / 2);
    cr_assert(fixture_next(link) == MANY && settle_next(settle) == MANY);
    cr_assert(order_store_find(link, records[5].order_no, &row) == ERR_OK);
    cr_assert(row.state == ORDER_STATE_PENDING && row.version == 1 && row.has_slot);
    cr_assert(row.record.slot == 0 && row.record.unit_price == 100 && row.offset == 5);
    cr_assert(strcmp(row.record.buyer.text, "buyer-6") == 0 && row.record.key_hash.hex[0] == '\0');
    cr_assert(strcmp(row.record.currency, "CNY") == 0);
    cr_assert(row.record.won_at_ms == 1700000000000);
    cr_assert(row.record.pay_by_ms == row.created_ms + 900000, "settled late: the whole window");
    cr_assert(order_store_find(link, records[6].order_no, &row) == ERR_OK);
    cr_assert(row.record.pay_by_ms == 4000000000000, "never earlier than the buyer was told");
}
