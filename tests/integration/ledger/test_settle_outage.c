#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

#include "integration/ledger/settling.h"
#include "ledger/offset_store.h"
#include "ledger/order_settle.h"

TestSuite(settle_outage, .init = begin, .fini = end);

Test(settle_outage, a_session_killed_between_batches_is_made_anew_and_nothing_is_twice)
{
    struct order_record records[2] = {fixture_record(sale, epoch, 1),
                                      fixture_record(sale, epoch, 2)};
    struct settle_item items[2] = {fixture_item(0, &records[0]), fixture_item(1, &records[1])};
    struct settle_stats stats;

    cr_assert(settle_batch(settle, items, 1, &stats) == SETTLE_DONE);
    fixture_kill(link);
    cr_assert(settle_batch(settle, items + 1, 1, &stats) == SETTLE_AGAIN);
    cr_assert(stats.taken == 0 && stats.error_code != 0);
    cr_assert(settle_batch(settle, items + 1, 1, &stats) == SETTLE_DONE && stats.inserted == 1);
    cr_assert(fixture_sold(link, sale) == 2 && fixture_next(link) == 2);
}

/* The sku row is locked: the settling transaction waits in its middle, and is killed there. */
Test(settle_outage, a_session_killed_between_statements_leaves_nothing_and_is_repeated)
{
    static const struct sql waiting = {
        .head = COUNT "information_schema.processlist WHERE id = ? AND info LIKE 'UPDATE "
                      "sale_skus%'"};
    struct fixture_moment killed = {.waiting = &waiting, .watched = link};
    struct mysql_link *holder = fixture_link();
    struct order_record records[2] = {fixture_record(sale, epoch, 1),
                                      fixture_record(sale, epoch, 2)};
    struct settle_item items[2] = {fixture_item(0, &records[0]), fixture_item(1, &records[1])};
    struct settle_stats stats;
    struct order_stock stock;
    pthread_t thread;

    cr_assert(mysql_link_begin(holder) == ERR_OK);
    cr_assert(order_settle_stock_in(holder, sale, &records[0].sku, &stock) == ERR_OK);
    cr_assert(pthread_create(&thread, NULL, fixture_at_moment, &killed) == 0);
    cr_assert(settle_batch(settle, items, 2, &stats) == SETTLE_AGAIN);
    cr_assert(pthread_join(thread, NULL) == 0);
    mysql_link_rollback(holder);
    cr_assert(VALUE(holder, COUNT "orders WHERE sale = ?", sale.value) == 0);
    cr_assert(settle_batch(settle, items, 2, &stats) == SETTLE_DONE);
    cr_assert(stats.inserted == 2 && stats.found == 0 && fixture_sold(link, sale) == 2);
    mysql_link_destroy(holder);
}

Test(offset_store, a_commit_that_still_goes_on_is_waited_for)
{
    static const struct sql asking = {
        .head = COUNT "information_schema.processlist WHERE id = ? AND info LIKE 'SELECT part, "
                      "next, %'"};
    struct mysql_link *links[2] = {fixture_link(), fixture_link()};
    struct fixture_moment asked = {.waiting = &asking, .watched = links[1], .holder = links[0]};
    struct offset_claim claim;
    pthread_t thread;
    uint64_t next = 0;

    cr_assert(offset_store_claim(links[0], fixture_topic(), 0, "one", &claim) == ERR_OK);
    cr_assert(mysql_link_begin(links[0]) == ERR_OK);
    cr_assert(offset_store_advance_in(links[0], &claim, 0, 5) == ERR_OK);
    cr_assert(pthread_create(&thread, NULL, fixture_at_moment, &asked) == 0);
    cr_assert(offset_store_resolve(links[1], &claim, &next) == ERR_OK && next == 5);
    cr_assert(pthread_join(thread, NULL) == 0);
    claim.owner_epoch--;
    cr_assert(offset_store_resolve(links[1], &claim, &next) == ERR_FENCED);
    mysql_link_destroy(links[0]);
    mysql_link_destroy(links[1]);
}

Test(settle_outage, a_commit_whose_reply_was_lost_is_found_and_not_repeated)
{
    struct order_record records[2] = {fixture_record(sale, epoch, 1),
                                      fixture_record(sale, epoch, 2)};
    struct settle_item items[2] = {fixture_item(3, &records[0]), fixture_item(4, &records[1])};
    struct settle_stats stats;
    char text[128];

    /* What a COMMIT leaves whose reply never came: the offset moved, this side does not know it. */
    snprintf(text, sizeof text, "UPDATE consumer_offsets SET next = 4 WHERE topic = '%s'",
             fixture_topic());
    fixture_run(link, text);
    mysql_link_drop(link);
    cr_assert(settle_batch(settle, items, 2, &stats) == SETTLE_DONE);
    cr_assert(stats.taken == 2 && stats.found == 1 && stats.inserted == 1);
    cr_assert(VALUE(link, COUNT "orders WHERE sale = ?", sale.value) == 1);
}

Test(settle_outage, offsets_that_went_back_are_no_place_to_write_from)
{
    struct order_record record = fixture_record(sale, epoch, 1);
    struct settle_item item = fixture_item(0, &record);
    struct settle_stats stats;
    char text[128];

    cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_DONE);
    snprintf(text, sizeof text, "UPDATE consumer_offsets SET next = 0 WHERE topic = '%s'",
             fixture_topic());
    fixture_run(link, text);
    mysql_link_drop(link);
    item.offset = 1;
    cr_assert(settle_batch(settle, &item, 1, &stats) == SETTLE_FENCED);
}
