#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "settlement/settle.h"
#include "settlement/settle_orders.h"
#include "support/fakes/fake_ledger.h"

enum { RECORDS = 8, SALE = 7, EPOCH = 3 };

struct bench {
    struct mysql_link *link;
    struct settle *settle;
    struct order_record records[RECORDS];
    struct settle_item items[RECORDS];
    struct settle_stats stats;
};

static void set_up(struct bench *bench, uint64_t total)
{
    const struct settle_options options = {
        .kind = &settle_orders_kind, .topic = "orders", .part = 1, .owner = "me"};
    struct settle_options own = options;
    uint64_t next = 1;

    *bench = (struct bench){.link = fake_ledger_create()};
    fake_ledger_add_sale(bench->link, SALE, EPOCH, total);
    for (uint32_t i = 0; i < RECORDS; i++) {
        struct order_record *record = &bench->records[i];
        *record = (struct order_record){.version = 1,
                                        .sku = {1, "a"},
                                        .quantity = 1,
                                        .currency = "CNY",
                                        .won_at_ms = 1,
                                        .pay_by_ms = 2};
        cr_assert(order_no_make((struct sale_id){SALE}, EPOCH, i + 1, &record->order_no) == ERR_OK);
        record->buyer.size =
            (uint8_t)snprintf(record->buyer.text, sizeof record->buyer.text, "b%u", i);
        bench->items[i] = (struct settle_item){.offset = i, .record = record};
    }
    own.link = bench->link;
    bench->settle = settle_create(&own);
    cr_assert(settle_claim(bench->settle, &next) == SETTLE_DONE && next == 0);
}

static void tear_down(struct bench *bench)
{
    settle_destroy(bench->settle);
    fake_ledger_destroy(bench->link);
}

static enum settle_result run(struct bench *bench)
{
    return settle_batch(bench->settle, bench->items, RECORDS, &bench->stats);
}

static uint64_t sold(const struct bench *bench)
{
    return bench->link->data.sales[0].skus[0].sold;
}

Test(settle, a_lost_commit_that_happened_is_found_and_not_repeated)
{
    struct bench bench;

    set_up(&bench, 100);
    bench.link->lost_commit_happened = true;
    fake_ledger_fail(bench.link, FAKE_COMMIT, ERR_LOST, 1);
    cr_assert(run(&bench) == SETTLE_AGAIN && bench.stats.taken == 0);
    cr_assert(bench.stats.error_code == 2013);
    cr_assert(run(&bench) == SETTLE_DONE);
    cr_assert(bench.stats.found == RECORDS && bench.stats.taken == RECORDS);
    cr_assert(bench.stats.inserted == 0 && sold(&bench) == RECORDS);
    cr_assert(bench.link->calls[FAKE_INSERT] == 1);
    tear_down(&bench);
}

Test(settle, a_lost_commit_that_did_not_happen_is_repeated)
{
    struct bench bench;

    set_up(&bench, 100);
    fake_ledger_fail(bench.link, FAKE_COMMIT, ERR_LOST, 1);
    cr_assert(run(&bench) == SETTLE_AGAIN);
    cr_assert(sold(&bench) == 0);
    cr_assert(run(&bench) == SETTLE_DONE);
    cr_assert(bench.stats.found == 0 && bench.stats.inserted == RECORDS);
    cr_assert(sold(&bench) == RECORDS && settle_next(bench.settle) == RECORDS);
    tear_down(&bench);
}

Test(settle, after_a_lost_session_nothing_is_written_before_mysql_was_asked)
{
    struct bench bench;

    set_up(&bench, 100);
    fake_ledger_fail(bench.link, FAKE_TAKE, ERR_LOST, 1);
    fake_ledger_fail(bench.link, FAKE_RESOLVE, ERR_BUSY, 1);
    cr_assert(run(&bench) == SETTLE_AGAIN);
    cr_assert(run(&bench) == SETTLE_AGAIN, "cannot be told yet");
    cr_assert(bench.link->calls[FAKE_INSERT] == 1);
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.inserted == RECORDS);
    tear_down(&bench);
}

Test(settle, an_outage_at_any_step_takes_nothing_and_is_over_afterwards)
{
    static const enum fake_call calls[] = {FAKE_ENSURE, FAKE_BEGIN, FAKE_SALE,    FAKE_EXISTING,
                                           FAKE_INSERT, FAKE_TAKE,  FAKE_ADVANCE, FAKE_COMMIT};
    static const enum err errs[] = {ERR_LOST, ERR_UNAVAILABLE, ERR_REFUSED, ERR_NO_MEMORY};

    for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
        for (size_t e = 0; e < sizeof errs / sizeof errs[0]; e++) {
            struct bench bench;
            set_up(&bench, 100);
            fake_ledger_fail(bench.link, calls[i], errs[e], 1);
            cr_assert(run(&bench) == SETTLE_AGAIN, "%zu %zu", i, e);
            cr_assert(bench.stats.taken == 0 && sold(&bench) == 0, "%zu %zu", i, e);
            cr_assert(run(&bench) == SETTLE_DONE && sold(&bench) == RECORDS, "%zu %zu", i, e);
            tear_down(&bench);
        }
    }
}

Test(settle, a_deadlock_is_repeated_here_and_handed_up_when_it_goes_on)
{
    struct bench bench;

    set_up(&bench, 100);
    fake_ledger_fail(bench.link, FAKE_TAKE, ERR_BUSY, 3);
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.retries[LABEL_SQL_DEADLOCK] == 3);
    cr_assert(sold(&bench) == RECORDS && bench.stats.inserted == RECORDS);
    tear_down(&bench);
    set_up(&bench, 100);
    fake_ledger_fail(bench.link, FAKE_TAKE, ERR_BUSY, 4);
    cr_assert(run(&bench) == SETTLE_AGAIN && sold(&bench) == 0);
    tear_down(&bench);
}

Test(settle, a_lock_that_was_waited_for_in_vain_is_handed_up_at_once)
{
    struct bench bench;

    set_up(&bench, 100);
    bench.link->busy_code = 1205;
    fake_ledger_fail(bench.link, FAKE_TAKE, ERR_BUSY, 1);
    cr_assert(run(&bench) == SETTLE_AGAIN && bench.stats.retries[LABEL_SQL_LOCK_WAIT] == 1);
    cr_assert(bench.stats.error_code == 1205 && sold(&bench) == 0);
    cr_assert(run(&bench) == SETTLE_DONE && sold(&bench) == RECORDS);
    tear_down(&bench);
}

Test(settle, another_owner_fences)
{
    struct bench bench;

    set_up(&bench, 100);
    bench.link->data.owner_epoch++;
    cr_assert(run(&bench) == SETTLE_FENCED && sold(&bench) == 0);
    bench.link->up = false;
    cr_assert(run(&bench) == SETTLE_FENCED, "also when it is asked in a new session");
    tear_down(&bench);
}

Test(settle, a_new_epoch_in_between_voids_what_it_cut)
{
    struct bench bench;

    set_up(&bench, 100);
    bench.link->data.sales[0].skus[0].epoch = EPOCH + 1; /* raised after the sale was read */
    cr_assert(run(&bench) == SETTLE_DONE);
    cr_assert(bench.stats.voided_epoch == RECORDS && sold(&bench) == 0);
    cr_assert(bench.link->data.outbox_count == 0, "nobody was told, nobody is told");
    tear_down(&bench);
}

Test(settle, the_last_units_are_sold_and_the_rest_is_voided_one_by_one)
{
    struct bench bench;

    set_up(&bench, 5);
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.taken == RECORDS);
    cr_assert(bench.stats.inserted == 5 && bench.stats.voided_stock == 3 && sold(&bench) == 5);
    cr_assert(bench.stats.retries[LABEL_SQL_STOCK] > 0);
    cr_assert(bench.link->data.outbox_count == 7, "a letter and an event each, and sold out");
    cr_assert(settle_next(bench.settle) == RECORDS);
    tear_down(&bench);
}

static struct order_record *racing;

static void commit_racing(struct mysql_link *link)
{
    link->data.orders[link->data.order_count++] = (struct order_row){
        .record = *racing, .has_slot = true, .state = ORDER_STATE_PENDING, .version = 1};
}

Test(settle, a_copy_that_gets_in_between_is_a_duplicate_and_the_others_stay_together)
{
    struct bench bench;

    set_up(&bench, 100);
    racing = &bench.records[2];
    bench.link->meanwhile = commit_racing;
    cr_assert(run(&bench) == SETTLE_DONE);
    cr_assert(bench.stats.inserted == RECORDS - 1 && bench.stats.duplicates == 1);
    cr_assert(bench.stats.retries[LABEL_SQL_DUPLICATE] == 1 && bench.link->calls[FAKE_COMMIT] == 2);
    cr_assert(sold(&bench) == RECORDS - 1 && !bench.link->data.frozen[0]);
    tear_down(&bench);
}

Test(settle, a_clash_freezes_the_sale_but_an_ended_one_goes_on)
{
    struct bench bench;

    set_up(&bench, 100);
    bench.records[3].order_no = bench.records[1].order_no;
    cr_assert(run(&bench) == SETTLE_DONE);
    cr_assert(bench.stats.dead[DEAD_REASON_CLASH] == 1 && bench.stats.frozen == 1);
    cr_assert(bench.link->data.frozen[0] && bench.link->data.dead[0].offset == 3);
    tear_down(&bench);
    set_up(&bench, 100);
    bench.records[3].order_no = bench.records[1].order_no;
    bench.link->data.ended[0] = true;
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.frozen == 0);
    cr_assert(bench.link->data.dead_count == 1);
    tear_down(&bench);
}

Test(settle, a_clash_of_a_sale_that_nobody_knows_does_not_stop_the_partition)
{
    struct bench bench;

    set_up(&bench, 100);
    for (uint32_t i = 0; i < RECORDS; i++) {
        cr_assert(order_no_make((struct sale_id){100}, 1, 1, &bench.records[i].order_no) == ERR_OK);
        bench.records[i].quantity = i + 1;
    }
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.taken == RECORDS);
    cr_assert(bench.stats.clashes == RECORDS - 1 && bench.stats.frozen == 0);
    cr_assert(bench.stats.dead[DEAD_REASON_UNKNOWN_SALE] == 1);
    tear_down(&bench);
}

Test(settle, a_freeze_tells_its_cause)
{
    struct bench bench;

    set_up(&bench, 100);
    bench.records[3].order_no = bench.records[1].order_no;
    cr_assert(run(&bench) == SETTLE_DONE);
    cr_assert(bench.stats.clashes == 1 && bench.stats.slot_clash == 0);
    cr_assert(strstr(bench.link->data.why[0], "worker I7: order "), "%s", bench.link->data.why[0]);
    cr_assert(strstr(bench.link->data.why[0], " offset 3 "), "%s", bench.link->data.why[0]);
    tear_down(&bench);
}

Test(settle, many_sales_are_several_transactions)
{
    struct bench bench;

    set_up(&bench, 100);
    for (uint32_t i = 0; i < RECORDS; i++) { /* unknown ones: dead letters all the same */
        cr_assert(order_no_make((struct sale_id){100 + i}, 1, 1, &bench.records[i].order_no)
                  == ERR_OK);
    }
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.taken == RECORDS);
    cr_assert(bench.stats.dead[DEAD_REASON_UNKNOWN_SALE] == RECORDS);
    cr_assert(bench.link->data.next == RECORDS);
    tear_down(&bench);
}

Test(settle, nothing_behind_a_hole_in_the_log_is_settled)
{
    struct bench bench;

    set_up(&bench, 100);
    for (uint32_t i = 4; i < RECORDS; i++) {
        bench.items[i].offset = 7 + i; /* 4 to 10 are not there */
    }
    cr_assert_eq(run(&bench), SETTLE_DONE);
    cr_assert(bench.stats.taken == 4 && bench.stats.missing == 0, "what is in front of it is");
    for (int again = 0; again < 2; again++) {
        cr_assert_eq(run(&bench), SETTLE_GAP);
        cr_assert_eq(bench.stats.missing, 7);
    }
    cr_assert(sold(&bench) == 4 && settle_next(bench.settle) == 4);
    tear_down(&bench);
}

Test(settle, a_hole_in_front_of_the_first_record_is_one)
{
    struct bench bench;

    set_up(&bench, 100);
    for (uint32_t i = 0; i < RECORDS; i++) {
        bench.items[i].offset = 2 + i;
    }
    cr_assert_eq(run(&bench), SETTLE_GAP);
    cr_assert(bench.stats.taken == 0 && bench.stats.missing == 2);
    cr_assert_eq(sold(&bench), 0);
    tear_down(&bench);
}

Test(settle, a_batch_without_a_claim_is_a_bug, .signal = SIGABRT)
{
    struct bench bench;
    struct settle_options options = {
        .kind = &settle_orders_kind, .topic = "orders", .part = 1, .owner = "me"};

    set_up(&bench, 100);
    options.link = bench.link;
    bench.settle = settle_create(&options);
    (void)run(&bench);
}

/* --- a kind whose third record has values that MySQL refuses --- */

static uint32_t writes, told;

static void *make_nothing(const struct settle_options *options)
{
    (void)options;
    return &writes;
}

static void forget(void *state)
{
    (void)state;
}

static enum err refuse_third(void *state, const struct offset_claim *claim,
                             const struct settle_item *items, size_t count,
                             struct settle_stats *stats, size_t *ret_taken)
{
    (void)state;
    (void)claim;
    writes++;
    for (size_t i = 0; i < count; i++) {
        if (items[i].offset == 2) {
            return ERR_RANGE;
        }
    }
    stats->inserted += (uint32_t)count;
    *ret_taken = count;
    return ERR_OK;
}

static void tell(void *state, const struct settle_item *items, size_t count)
{
    (void)state;
    (void)items;
    told += (uint32_t)count;
}

static struct order_no order_no_of(const struct settle_item *item)
{
    return item->record->order_no;
}

static const struct settle_kind picky = {
    .create = make_nothing,
    .destroy = forget,
    .order_no = order_no_of,
    .write = refuse_third,
    .committed = tell,
};

static void be_picky(struct bench *bench)
{
    const struct settle_options options = {
        .kind = &picky, .link = bench->link, .topic = "orders", .part = 1, .owner = "me"};
    uint64_t next = 1;

    writes = 0;
    told = 0;
    settle_destroy(bench->settle);
    bench->settle = settle_create(&options);
    cr_assert(settle_claim(bench->settle, &next) == SETTLE_DONE && next == 0);
}

Test(settle, a_record_whose_values_are_refused_is_put_aside_by_itself)
{
    struct bench bench;

    set_up(&bench, 100);
    be_picky(&bench);
    cr_assert(run(&bench) == SETTLE_DONE && bench.stats.taken == RECORDS);
    cr_assert(bench.stats.inserted == RECORDS - 1 && told == RECORDS - 1);
    cr_assert(bench.stats.dead[DEAD_REASON_VALUE] == 1 && bench.link->data.dead_count == 1);
    const struct dead_letter *letter = &bench.link->data.dead[0];
    cr_assert(letter->offset == 2 && letter->reason == DEAD_REASON_VALUE);
    cr_assert(letter->order_no.value == bench.records[2].order_no.value);
    cr_assert(bench.link->data.next == RECORDS);
    tear_down(&bench);
}

Test(settle, a_broken_row_of_the_sale_makes_no_letter_of_its_wins)
{
    struct bench bench;

    set_up(&bench, 10);
    fake_ledger_fail(bench.link, FAKE_SALE, ERR_PARSE, 5);
    for (int i = 0; i < 5; i++) {
        cr_assert(run(&bench) == SETTLE_AGAIN && bench.stats.taken == 0, "%d", i);
    }
    cr_assert(bench.link->data.dead_count == 0 && bench.link->data.order_count == 0);
    cr_assert(run(&bench) == SETTLE_DONE && bench.link->data.order_count == RECORDS);
    cr_assert(bench.link->data.dead_count == 0 && sold(&bench) == RECORDS);
    tear_down(&bench);
}

Test(settle, a_record_that_was_put_aside_in_vain_waits_like_the_others)
{
    struct bench bench;

    set_up(&bench, 100);
    be_picky(&bench);
    fake_ledger_fail(bench.link, FAKE_BURY, ERR_LOST, 1);
    cr_assert(run(&bench) == SETTLE_AGAIN && bench.stats.taken == 2);
    cr_assert(bench.link->data.dead_count == 0 && bench.link->data.next == 2);
    cr_assert(settle_batch(bench.settle, &bench.items[2], RECORDS - 2, &bench.stats)
              == SETTLE_DONE);
    cr_assert(bench.link->data.dead_count == 1 && bench.link->data.next == RECORDS);
    tear_down(&bench);
}

Test(settle, a_letter_that_is_refused_too_is_no_endless_loop)
{
    struct bench bench;

    set_up(&bench, 100);
    be_picky(&bench);
    fake_ledger_fail(bench.link, FAKE_BURY, ERR_RANGE, 1);
    cr_assert(run(&bench) == SETTLE_AGAIN && bench.stats.taken == 2);
    tear_down(&bench);
}
