#include "purchase/winner_scan.h"

#include <criterion/criterion.h>

#include "admission/bloom.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_stock.h"

enum { START_US = 1000000 };

struct bench {
    struct loop *loop;
    struct stock *stock;
    struct winner_scan *scan;
    uint32_t offered_count;
    struct winners offered; /* the last; with a share */
};

static void on_winners(void *arg, const struct winners *winners)
{
    struct bench *bench = arg;

    bench->offered_count++;
    bloom_release(bench->offered.buyers);
    bench->offered = *winners;
    bench->offered.buyers = bloom_share(winners->buyers);
}

static void begin(struct bench *bench)
{
    *bench = (struct bench){.loop = fake_loop_create(START_US), .stock = fake_stock_create()};
    bench->scan = winner_scan_create(&(struct winner_scan_options){.loop = bench->loop,
                                                                   .stock = bench->stock,
                                                                   .bloom_error_ppm = 1000,
                                                                   .on_winners = on_winners,
                                                                   .arg = bench});
    cr_assert_not_null(bench->scan);
}

static void end(struct bench *bench)
{
    winner_scan_destroy(bench->scan);
    bloom_release(bench->offered.buyers);
    fake_loop_destroy(bench->loop);
    fake_stock_destroy(bench->stock);
}

static void wish(struct bench *bench, uint32_t epoch, uint64_t version, uint64_t skus)
{
    winner_scan_wish(bench->scan,
                     &(struct scan_wish){
                         .sale = {7}, .epoch = epoch, .version = version, .kinds = {.skus = skus}});
}

static void read_buyers(struct bench *bench)
{
    const struct buyer_scan *reader = &bench->stock->scan;

    reader->on_size(reader->arg, 2);
    reader->on_buyer(reader->arg, "w1", 2);
    reader->on_buyer(reader->arg, "w2", 2);
}

static void finish_scan(struct bench *bench, enum err status)
{
    bench->stock->scan.done(bench->stock->scan.arg, status);
}

static void see(struct bench *bench, int status, uint32_t epoch, uint64_t version, int64_t sent_us)
{
    struct sale_view view = {.sale = {7}, .epoch = epoch, .version = version, .sent_us = sent_us};

    view.status = status;
    winner_scan_see(bench->scan, &view);
}

Test(winner_scan, a_filter_is_offered_after_a_later_call_of_the_same_history)
{
    struct bench bench;

    begin(&bench);
    wish(&bench, 3, 4, 1);
    cr_assert_eq(bench.stock->scan_count, 1);
    cr_assert_eq(bench.stock->scan_sale.value, 7);
    read_buyers(&bench);
    fake_loop_advance_us(bench.loop, 500);
    finish_scan(&bench, ERR_OK);
    cr_assert_eq(bench.stock->poll_count, 1);
    cr_assert_eq(bench.stock->last_poll.epoch, 3);
    see(&bench, SALE_VIEW_OK, 3, 4, START_US + 501);
    cr_assert_eq(bench.offered_count, 1);
    cr_assert_eq(bench.offered.epoch, 3);
    cr_assert_eq(bench.offered.version, 4);
    cr_assert_eq(bench.offered.kinds.skus, 1);
    cr_assert_eq(bench.offered.scan_began_us, START_US);
    cr_assert(bloom_may_contain(bench.offered.buyers, "w2", 2));
    cr_assert_not(bloom_may_contain(bench.offered.buyers, "loser", 5));
    end(&bench);
}

Test(winner_scan, a_call_that_was_sent_before_the_end_proves_nothing)
{
    struct bench bench;

    begin(&bench);
    wish(&bench, 3, 4, 1);
    read_buyers(&bench);
    fake_loop_advance_us(bench.loop, 500);
    see(&bench, SALE_VIEW_OK, 3, 4, START_US + 499); /* while it scans */
    finish_scan(&bench, ERR_OK);
    see(&bench, SALE_VIEW_OK, 3, 4, START_US + 500);
    cr_assert_eq(bench.offered_count, 0);
    fake_loop_advance_us(bench.loop, 20000);
    cr_assert_geq(bench.stock->poll_count, 2);
    end(&bench);
}

Test(winner_scan, another_version_epoch_or_a_closed_fence_throws_the_filter_away)
{
    static const struct {
        int status;
        uint32_t epoch;
        uint64_t version;
    } rows[] = {{SALE_VIEW_OK, 3, 5},
                {SALE_VIEW_OK, 3, 6},
                {SALE_VIEW_OK, 4, 4},
                {SALE_VIEW_EPOCH, 3, 4},
                {SALE_VIEW_REBUILDING, 3, 4}};

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench bench;

        begin(&bench);
        wish(&bench, 3, 4, 1);
        read_buyers(&bench);
        finish_scan(&bench, ERR_OK);
        see(&bench, rows[i].status, rows[i].epoch, rows[i].version, START_US + 1);
        see(&bench, SALE_VIEW_OK, 3, 4, START_US + 2);
        cr_assert_eq(bench.offered_count, 0);
        cr_assert_eq(fake_loop_timer_count(bench.loop), 0);
        end(&bench);
    }
}

Test(winner_scan, a_lost_link_begins_the_scan_again_from_the_start)
{
    struct bench bench;

    begin(&bench);
    wish(&bench, 3, 4, 1);
    read_buyers(&bench);
    finish_scan(&bench, ERR_LOST);
    bench.stock->scan_error = ERR_UNAVAILABLE;
    fake_loop_advance_us(bench.loop, 1000000);
    cr_assert_eq(bench.stock->scan_count, 1);
    bench.stock->scan_error = ERR_OK;
    fake_loop_advance_us(bench.loop, 200000);
    cr_assert_eq(bench.stock->scan_count, 2);
    bench.stock->scan.on_size(bench.stock->scan.arg, 1);
    bench.stock->scan.on_buyer(bench.stock->scan.arg, "w3", 2);
    finish_scan(&bench, ERR_OK);
    see(&bench, SALE_VIEW_OK, 3, 4, loop_clock_us(bench.loop) + 1);
    cr_assert_eq(bench.offered_count, 1);
    cr_assert(bloom_may_contain(bench.offered.buyers, "w3", 2));
    cr_assert_not(bloom_may_contain(bench.offered.buyers, "w1", 2)); /* of the broken scan */
    end(&bench);
}

Test(winner_scan, a_wish_in_mid_scan_is_met_by_another_scan_and_not_by_this_one)
{
    struct bench bench;

    begin(&bench);
    wish(&bench, 3, 4, 1);
    read_buyers(&bench);
    wish(&bench, 3, 4, 2);
    cr_assert_eq(bench.stock->scan_count, 1); /* one at a time */
    finish_scan(&bench, ERR_OK);
    see(&bench, SALE_VIEW_OK, 3, 4, START_US + 1);
    cr_assert_eq(bench.offered_count, 1);
    cr_assert_eq(bench.offered.kinds.skus, 1); /* sku 1 sold out after this scan began */
    cr_assert_eq(bench.stock->scan_count, 2);
    read_buyers(&bench);
    fake_loop_advance_us(bench.loop, 10);
    finish_scan(&bench, ERR_OK);
    see(&bench, SALE_VIEW_OK, 3, 4, START_US + 11);
    cr_assert_eq(bench.offered_count, 2);
    cr_assert_eq(bench.offered.kinds.skus, 3);
    cr_assert_eq(bench.stock->scan_count, 2);
    end(&bench);
}

Test(winner_scan, a_wish_of_a_new_version_takes_the_place_of_the_old_one)
{
    struct bench bench;

    begin(&bench);
    wish(&bench, 3, 4, 1);
    wish(&bench, 3, 6, 2);
    read_buyers(&bench);
    finish_scan(&bench, ERR_OK);
    see(&bench, SALE_VIEW_OK, 3, 6, START_US + 1);
    cr_assert_eq(bench.offered_count, 0);
    cr_assert_eq(bench.stock->scan_count, 2);
    read_buyers(&bench);
    finish_scan(&bench, ERR_OK);
    see(&bench, SALE_VIEW_OK, 3, 6, START_US + 1);
    cr_assert_eq(bench.offered_count, 1);
    cr_assert_eq(bench.offered.version, 6);
    cr_assert_eq(bench.offered.kinds.skus, 2);
    end(&bench);
}

Test(winner_scan, without_a_proof_the_scan_is_made_again)
{
    struct bench bench;

    begin(&bench);
    wish(&bench, 3, 4, 1);
    read_buyers(&bench);
    finish_scan(&bench, ERR_OK);
    fake_loop_advance_us(bench.loop, 3000000);
    cr_assert_eq(bench.stock->scan_count, 2);
    cr_assert_eq(bench.offered_count, 0);
    end(&bench);
}

Test(winner_scan, no_more_than_a_few_scans_run_at_once)
{
    struct bench bench;

    begin(&bench);
    for (uint32_t sale = 1; sale <= 2 * WINNER_SCAN_RUNNING_MAX; sale++) {
        winner_scan_wish(bench.scan,
                         &(struct scan_wish){
                             .sale = {sale}, .epoch = 1, .version = 2, .kinds = {.ended = true}});
    }
    cr_assert_eq(bench.stock->scan_count, WINNER_SCAN_RUNNING_MAX);
    end(&bench);
}
