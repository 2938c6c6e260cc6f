#include "purchase/outbox_relay.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "common/metrics.h"
#include "purchase/sale_board.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_outbox.h"
#include "support/fakes/fake_redis.h"
#include "support/fakes/fake_stock.h"

enum { START_US = 100000000, SWEEP_MS = 1000, LEASE_MS = 2000, AGE_MS = 2000, MS = 1000 };

static const struct sale_id seven = {7};

struct bench {
    struct loop *loop;
    struct redis_link *link;
    struct stock *stock;
    struct outbox *outbox;
    struct order_log *log;
    struct sale_board *board;
    struct outbox_relay *relay;
    struct metrics *metrics;
    struct outbox_win wins[4];
    struct outbox_listed_entry entries[4];
};

static void on_wish(void *arg, const struct scan_wish *wish)
{
    (void)arg;
    (void)wish;
}

static void fill_catalogue(struct bench *bench)
{
    struct sale_definition definition = {
        .sale = seven, .epoch = 3, .currency = "CNY", .pay_window_ms = 900000, .sku_count = 1};
    struct catalogue_read read = {
        .status = CATALOGUE_OK, .revision = 1, .count = 1, .definitions = &definition};

    cr_assert_eq(sku_parse("black", 5, &definition.skus[0].sku), ERR_OK);
    definition.skus[0].price = 199900;
    fake_loop_advance_us(bench->loop, 1 * MS);
    fake_redis_tell_catalogue(bench->link, ERR_OK, &read);
}

static void begin(struct bench *bench)
{
    *bench = (struct bench){.loop = fake_loop_create(START_US),
                            .link = fake_redis_create(),
                            .stock = fake_stock_create(),
                            .outbox = fake_outbox_create(),
                            .log = fake_order_log_create(),
                            .metrics = metrics_create()};
    bench->board = sale_board_create(&(struct sale_board_options){.loop = bench->loop,
                                                                  .link = bench->link,
                                                                  .stock = bench->stock,
                                                                  .outbox = bench->outbox,
                                                                  .poll_ms = 200,
                                                                  .catalogue_ms = 60000,
                                                                  .ack_ms = 100,
                                                                  .sales_max = 4,
                                                                  .bloom_error_ppm = 1000,
                                                                  .on_scan_wanted = on_wish});
    bench->relay =
        outbox_relay_create(&(struct outbox_relay_options){.loop = bench->loop,
                                                           .link = bench->link,
                                                           .outbox = bench->outbox,
                                                           .order_log = bench->log,
                                                           .board = bench->board,
                                                           .shard = metrics_shard(bench->metrics),
                                                           .sweep_ms = SWEEP_MS,
                                                           .lease_ms = LEASE_MS,
                                                           .age_ms = AGE_MS});
    cr_assert(bench->metrics != NULL && bench->board != NULL && bench->relay != NULL);
    fill_catalogue(bench);
}

static void end(struct bench *bench)
{
    outbox_relay_destroy(bench->relay);
    sale_board_destroy(bench->board);
    fake_loop_destroy(bench->loop);
    fake_redis_destroy(bench->link);
    fake_stock_destroy(bench->stock);
    fake_outbox_destroy(bench->outbox);
    fake_order_log_destroy(bench->log);
    metrics_destroy(bench->metrics);
}

static void make_win(struct outbox_win *win, uint32_t seq, const char *sku)
{
    *win = (struct outbox_win){.epoch = 3, .seq = seq};
    win->entry = (struct order_entry){
        .quantity = 1, .has_slot = true, .state = ORDER_STATE_PENDING, .won_at_ms = 1700000000000};
    cr_assert_eq(order_no_make(seven, 3, seq, &win->entry.order_no), ERR_OK);
    cr_assert_eq(sku_parse(sku, strlen(sku), &win->entry.sku), ERR_OK);
    cr_assert_eq(buyer_parse("b1", 2, &win->buyer), ERR_OK);
}

/* One entry with `count` wins from `first_seq` on. */
static void make_entry(struct bench *bench, uint32_t first_seq, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        make_win(&bench->wins[i], first_seq + i, "black");
    }
    bench->entries[0] = (struct outbox_listed_entry){
        .epoch = 3, .first_seq = first_seq, .win_count = count, .wins = bench->wins};
}

/* Time goes on to the next sweep, which gets the lease and lists `count` entries. */
static void sweep(struct bench *bench, uint32_t count)
{
    fake_loop_advance_us(bench->loop, SWEEP_MS * MS);
    fake_redis_tell_lease(bench->link, ERR_OK, true);
    fake_redis_tell_list(bench->link, ERR_OK, bench->entries, count);
}

Test(outbox_relay, without_the_lease_nothing_is_listed)
{
    struct bench bench;

    begin(&bench);
    for (int i = 0; i < 5; i++) {
        fake_loop_advance_us(bench.loop, SWEEP_MS * MS);
        cr_assert_eq(bench.link->lease_count, 1);
        cr_assert_eq(bench.link->leases[0].lease_ms, LEASE_MS);
        cr_assert_neq(bench.link->leases[0].token, 0);
        fake_redis_tell_lease(bench.link, i == 1 ? ERR_LOST : ERR_OK, false);
        cr_assert_eq(bench.link->list_count, 0);
    }
    end(&bench);
}

Test(outbox_relay, an_entry_is_produced_once_it_was_seen_age_ms_ago)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 2);
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 0);
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 0); /* seen 1 s ago */
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 2);
    const struct order_record *record = &bench.log->appends[0].record;
    cr_assert_eq(record->unit_price, 199900);
    cr_assert_str_eq(record->currency, "CNY");
    cr_assert_eq(record->pay_by_ms, INT64_C(1700000900000));
    cr_assert_str_eq(record->buyer.text, "b1");
    end(&bench);
}

Test(outbox_relay, it_is_acknowledged_when_all_its_wins_are_reported)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 2);
    for (int i = 0; i < 3; i++) {
        sweep(&bench, 1);
    }
    fake_order_log_report(bench.log, 1, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 0);
    sweep(&bench, 1); /* under way: not produced twice */
    cr_assert_eq(bench.log->append_count, 2);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 1);
    cr_assert_eq(bench.outbox->acknowledged[0].first_seq, 5);
    cr_assert_eq(bench.outbox->acknowledged[0].epoch, 3);
    end(&bench);
}

Test(outbox_relay, with_one_failed_report_it_is_not_acknowledged_and_comes_again)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 2);
    for (int i = 0; i < 3; i++) {
        sweep(&bench, 1);
    }
    fake_order_log_report(bench.log, 0, ERR_LOST);
    fake_order_log_report(bench.log, 1, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 0);
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 4);
    end(&bench);
}

Test(outbox_relay, what_this_engine_has_under_way_is_left_alone)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 1);
    bench.outbox->underway = (struct fake_ack){.sale = seven, .epoch = 3, .first_seq = 5};
    for (int i = 0; i < 6; i++) {
        sweep(&bench, 1);
    }
    cr_assert_eq(bench.log->append_count, 0);
    bench.outbox->underway.first_seq = 0;
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 1);
    end(&bench);
}

Test(outbox_relay, an_entry_that_went_and_came_is_a_new_one)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 1);
    sweep(&bench, 1);
    sweep(&bench, 0);
    sweep(&bench, 1);
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 0);
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 1);
    end(&bench);
}

Test(outbox_relay, the_same_seq_of_another_epoch_is_another_entry)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 1);
    sweep(&bench, 1);
    sweep(&bench, 1);
    bench.entries[0].epoch = 4;
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 0);
    end(&bench);
}

Test(outbox_relay, reports_on_a_new_link_acknowledge_nothing)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 1);
    for (int i = 0; i < 3; i++) {
        sweep(&bench, 1);
    }
    bench.link->generation++;
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 0);
    end(&bench);
}

Test(outbox_relay, a_log_that_takes_only_a_part_gets_the_entry_again)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 2);
    bench.log->room = 1;
    for (int i = 0; i < 3; i++) {
        sweep(&bench, 1);
    }
    cr_assert_eq(bench.log->append_count, 1);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 0);
    bench.log->room = 10;
    sweep(&bench, 1);
    cr_assert_eq(bench.log->append_count, 3);
    fake_order_log_report(bench.log, 1, ERR_OK);
    fake_order_log_report(bench.log, 2, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 1);
    end(&bench);
}

Test(outbox_relay, a_win_of_an_unknown_sku_is_never_acknowledged)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 1);
    make_win(&bench.wins[0], 5, "other");
    for (int i = 0; i < 5; i++) {
        sweep(&bench, 1);
    }
    cr_assert_eq(bench.log->append_count, 0);
    cr_assert_eq(bench.outbox->acknowledged_count, 0);
    end(&bench);
}

Test(outbox_relay, an_entry_that_cannot_be_produced_keeps_no_other_one_back)
{
    struct bench bench;

    begin(&bench);
    make_entry(&bench, 5, 2); /* one of its wins is good: it is not produced by halves */
    make_win(&bench.wins[1], 6, "other");
    make_win(&bench.wins[2], 7, "black");
    bench.entries[1] = (struct outbox_listed_entry){
        .epoch = 3, .first_seq = 7, .win_count = 1, .wins = &bench.wins[2]};
    for (int i = 0; i < 3; i++) {
        sweep(&bench, 2);
    }
    cr_assert_eq(bench.log->append_count, 1);
    cr_assert_eq(bench.log->appends[0].record.order_no.value, bench.wins[2].entry.order_no.value);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 1);
    cr_assert_eq(bench.outbox->acknowledged[0].first_seq, 7);
    cr_assert_eq(metrics_value(bench.metrics, METRIC_outbox_unreadable, 0), 0, "told per sweep");
    fake_loop_advance_us(bench.loop, SWEEP_MS * MS);
    cr_assert_eq(metrics_value(bench.metrics, METRIC_outbox_unreadable, 0), 1);
    end(&bench);
}

Test(outbox_relay, an_entry_that_cannot_be_read_keeps_no_other_one_back)
{
    struct bench bench;
    struct outbox_listing listing = {.unreadable_count = 2, .unreadable_id = "3-4"};

    begin(&bench);
    make_entry(&bench, 5, 1);
    for (uint32_t i = 0; i < 5; i++) {
        listing.entries = bench.entries;
        listing.count = i > 0 ? 1 : 0; /* at first there is no other one */
        fake_loop_advance_us(bench.loop, SWEEP_MS * MS);
        fake_redis_tell_lease(bench.link, ERR_OK, true);
        cr_assert_eq(bench.link->lists[0].max, RELAY_ENTRIES_MAX + (i > 0 ? 2 : 0));
        fake_redis_tell_listing(bench.link, ERR_OK, &listing);
    }
    cr_assert_eq(bench.log->append_count, 1);
    cr_assert_eq(metrics_value(bench.metrics, METRIC_outbox_unreadable, 0), 2);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->acknowledged_count, 1);
    end(&bench);
}

Test(outbox_relay, a_look_that_is_not_answered_is_not_doubled)
{
    struct bench bench;

    begin(&bench);
    fake_loop_advance_us(bench.loop, SWEEP_MS * MS);
    cr_assert_eq(bench.link->lease_count, 1);
    fake_loop_advance_us(bench.loop, 3 * SWEEP_MS * MS);
    cr_assert_eq(bench.link->lease_count, 1);
    fake_redis_tell_lease(bench.link, ERR_LOST, false);
    fake_loop_advance_us(bench.loop, SWEEP_MS * MS);
    cr_assert_eq(bench.link->lease_count, 1);
    end(&bench);
}

Test(outbox_relay, without_a_link_nothing_is_looked_at)
{
    struct bench bench;

    begin(&bench);
    bench.link->is_up = false;
    fake_loop_advance_us(bench.loop, 3 * SWEEP_MS * MS);
    cr_assert_eq(bench.link->lease_count, 0);
    end(&bench);
}
