#include "fixture.h"

#include <criterion/criterion.h>
#include <criterion/internal/assert.h>
#include <stdio.h>
#include <string.h>

#include "common/clock.h"
#include "inventory/sale_loader.h"
#include "inventory/sale_reader.h"
#include "loop/timer.h"

static const struct sale_id SALE = {FIXTURE_SALE};

static void never(void *arg, enum decision decision, const struct win *win)
{
    (void)arg;
    (void)decision;
    (void)win;
    cr_assert_fail("it was refused at once");
}

static void start_loaded(struct fixture *fixture, uint32_t stock_a)
{
    fixture_start(fixture);
    fixture_load(fixture, 1, stock_a);
}

Test(stock, lost_reply_is_neither_won_nor_refused)
{
    struct fixture_attempt attempts[3];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    redis_server_stop(&fixture.server);
    for (uint32_t i = 0; i < 2; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        fixture_decide(&fixture, &attempts[i]);
    }
    fixture_turn(&fixture);
    /* Not sent while that call is on its way. */
    fixture_attempt(&fixture, &attempts[2], 2);
    fixture_decide(&fixture, &attempts[2]);
    fixture_turn(&fixture);
    redis_server_kill(&fixture.server);
    fixture_wait_decided(&fixture, attempts, 3);
    cr_assert_eq(attempts[0].decision, DECISION_LOST_REPLY);
    cr_assert_eq(attempts[1].decision, DECISION_LOST_REPLY);
    cr_assert_eq(attempts[2].decision, DECISION_NOT_DONE);
    cr_assert(attempts[0].order < attempts[1].order && attempts[1].order < attempts[2].order);
    cr_assert_eq(stock_decide(fixture.stock, &attempts[0].attempt, never, NULL), ERR_UNAVAILABLE);
    cr_assert_eq(stock_inflight_count(fixture.stock), 0);
    fixture_finish(&fixture);
}

Test(stock, restarted_server_is_rebuilding_until_it_is_loaded_again)
{
    struct fixture_attempt attempts[2];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    redis_server_kill(&fixture.server);
    redis_server_again(&fixture.server);
    fixture_wait_up(&fixture, 2);
    fixture_decide_one(&fixture, &attempts[0], 1, 1);
    cr_assert_eq(attempts[0].decision, DECISION_REBUILDING);
    cr_assert_eq(fixture.view.status, SALE_VIEW_REBUILDING);
    fixture_load(&fixture, 2, 10);
    fixture_decide_one(&fixture, &attempts[0], 1, 1);
    cr_assert_eq(attempts[0].decision, DECISION_REBUILDING);
    cr_assert_eq(fixture.view.status, SALE_VIEW_EPOCH);
    cr_assert_eq(fixture.view.epoch, 2);
    fixture_attempt(&fixture, &attempts[1], 1);
    attempts[1].attempt.epoch = 2;
    fixture_decide(&fixture, &attempts[1]);
    fixture_wait_decided(&fixture, &attempts[1], 1);
    cr_assert_eq(attempts[1].decision, DECISION_WON);
    fixture_finish(&fixture);
}

Test(stock, full_server_did_nothing)
{
    struct fixture_attempt attempt;
    struct fixture fixture;
    char answer[64];

    start_loaded(&fixture, 10);
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 1", answer, sizeof answer);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.decision, DECISION_NOT_DONE);
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 0", answer, sizeof answer);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.decision, DECISION_WON);
    fixture_finish(&fixture);
}

Test(stock, garbage_in_a_key_is_broken)
{
    struct fixture_attempt attempt;
    struct fixture fixture;
    char answer[64];

    start_loaded(&fixture, 10);
    redis_server_ask(&fixture.server, "HSET {s:7}:stock a many", answer, sizeof answer);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.decision, DECISION_BROKEN);
    cr_assert_eq(fixture.view.status, SALE_VIEW_REBUILDING);
    fixture_finish(&fixture);
}

Test(stock, every_outcome)
{
    struct fixture_attempt attempt, again;
    struct fixture fixture;

    start_loaded(&fixture, 3);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.decision, DECISION_WON);
    cr_assert_eq(order_no_seq(attempt.win.entry.order_no), 1);
    cr_assert_eq(order_no_epoch(attempt.win.entry.order_no), 1);
    cr_assert_eq(order_no_sale(attempt.win.entry.order_no).value, FIXTURE_SALE);
    cr_assert(attempt.win.entry.has_slot && attempt.win.entry.slot == 0);
    cr_assert_neq(attempt.win.outbox_handle, 0);
    cr_assert_eq(attempt.win.entry.won_at_ms, fixture.view.redis_time_ms);
    fixture_decide_one(&fixture, &again, 1, 1);
    cr_assert_eq(again.decision, DECISION_REPLAYED);
    cr_assert_eq(again.win.entry.order_no.value, attempt.win.entry.order_no.value);
    cr_assert(again.win.may_be_unlogged, "its entry is in the outbox");
    fixture_attempt(&fixture, &again, 1);
    again.attempt.quantity = 2;
    fixture_decide(&fixture, &again);
    fixture_wait_decided(&fixture, &again, 1);
    cr_assert_eq(again.decision, DECISION_KEY_REUSED);
    fixture_attempt(&fixture, &again, 1);
    again.attempt.key_hash = (struct key_hash){""};
    again.attempt.quantity = 2;
    fixture_decide(&fixture, &again);
    fixture_wait_decided(&fixture, &again, 1);
    cr_assert_eq(again.decision, DECISION_LIMIT);
    cr_assert_eq(again.win.entry.order_no.value, attempt.win.entry.order_no.value);
    fixture_attempt(&fixture, &again, 2);
    again.attempt.quantity = 3;
    fixture_decide(&fixture, &again);
    fixture_wait_decided(&fixture, &again, 1);
    cr_assert_eq(again.decision, DECISION_LIMIT);
    cr_assert(again.has_win && again.win.entry.order_no.value == 0);
    fixture_attempt(&fixture, &again, 2);
    cr_assert_eq(sku_parse("c", 1, &again.attempt.sku), ERR_OK);
    fixture_decide(&fixture, &again);
    fixture_wait_decided(&fixture, &again, 1);
    cr_assert_eq(again.decision, DECISION_UNKNOWN_SKU);
    fixture_decide_one(&fixture, &again, 2, 1);
    fixture_decide_one(&fixture, &again, 3, 1);
    cr_assert_eq(again.decision, DECISION_WON);
    fixture_decide_one(&fixture, &again, 4, 1);
    cr_assert_eq(again.decision, DECISION_SOLD_OUT);
    cr_assert_eq(fixture.view.sku_count, 2);
    cr_assert_eq(fixture.view.outbox_first, 1);
    cr_assert_eq(fixture.view.seq, 3);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "pause", NULL), ERR_OK);
    fixture_decide_one(&fixture, &again, 5, 1);
    cr_assert_eq(again.decision, DECISION_PAUSED);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "freeze", NULL), ERR_OK);
    fixture_decide_one(&fixture, &again, 5, 1);
    cr_assert_eq(again.decision, DECISION_REBUILDING);
    cr_assert_eq(fixture.view.state, SALE_STATE_FROZEN);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "end", NULL), ERR_OK);
    fixture_decide_one(&fixture, &again, 5, 1);
    cr_assert_eq(again.decision, DECISION_ENDED);
    cr_assert_eq(sale_loader_set_state(fixture.blocking, SALE, 1, "freeze", NULL), ERR_OK);
    fixture_decide_one(&fixture, &again, 5, 1);
    cr_assert_eq(again.decision, DECISION_ENDED, "what has ended stays so");
    fixture_finish(&fixture);
}

Test(stock, one_turn_is_one_call)
{
    enum { COUNT = 100 };
    static struct fixture_attempt attempts[COUNT];
    struct fixture fixture;
    int64_t calls;

    start_loaded(&fixture, 60);
    calls = fixture_command_calls(&fixture, "evalsha");
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        fixture_decide(&fixture, &attempts[i]);
    }
    fixture_wait_decided(&fixture, attempts, COUNT);
    cr_assert_eq(fixture_command_calls(&fixture, "evalsha") - calls, 1);
    cr_assert_eq(fixture.views, 1);
    for (uint32_t i = 0; i < COUNT; i++) {
        cr_assert_eq(attempts[i].decision, i < 60 ? DECISION_WON : DECISION_SOLD_OUT);
        cr_assert(i == 0 || attempts[i].order == attempts[i - 1].order + 1);
    }
    cr_assert_eq(fixture_ask(&fixture, "XLEN {s:7}:outbox"), 1);
    fixture_finish(&fixture);
}

Test(stock, small_calls_wait_for_the_reply_and_big_ones_do_not)
{
    enum { COUNT = 70 };
    static struct fixture_attempt attempts[COUNT];
    struct fixture fixture;
    int64_t calls;

    start_loaded(&fixture, 100);
    calls = fixture_command_calls(&fixture, "evalsha");
    redis_server_stop(&fixture.server);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        fixture_decide(&fixture, &attempts[i]);
        /* The first goes alone, the next five wait; 64 more are half a batch and go. */
        if (i == 0 || i == 5) {
            fixture_turn(&fixture);
            cr_assert_eq(metrics_value(fixture.metrics, METRIC_redis_inflight, 0), 1);
        }
    }
    fixture_turn(&fixture);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_redis_inflight, 0), 2);
    redis_server_continue(&fixture.server);
    fixture_wait_decided(&fixture, attempts, COUNT);
    cr_assert_eq(fixture_command_calls(&fixture, "evalsha") - calls, 2);
    fixture_finish(&fixture);
}

Test(stock, flushed_scripts_are_sent_again_once)
{
    struct fixture_attempt attempts[2];
    struct fixture fixture;
    char answer[64];

    start_loaded(&fixture, 10);
    redis_server_ask(&fixture.server, "SCRIPT FLUSH", answer, sizeof answer);
    fixture_decide_one(&fixture, &attempts[0], 1, 1);
    cr_assert_eq(attempts[0].decision, DECISION_WON);
    fixture_decide_one(&fixture, &attempts[1], 2, 1);
    cr_assert_eq(attempts[1].decision, DECISION_WON);
    cr_assert_eq(fixture_command_calls(&fixture, "eval"), 1);
    cr_assert_eq(fixture.downs, 0);
    fixture_finish(&fixture);
}

Test(stock, too_near_to_its_deadline_is_not_sent)
{
    struct fixture_attempt attempts[2];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    fixture_attempt(&fixture, &attempts[0], 1);
    attempts[0].attempt.deadline_us = clock_mono_us() + 15000;
    fixture_attempt(&fixture, &attempts[1], 2);
    fixture_decide(&fixture, &attempts[0]);
    fixture_decide(&fixture, &attempts[1]);
    fixture_wait_decided(&fixture, attempts, 2);
    cr_assert_eq(attempts[0].decision, DECISION_LATE);
    cr_assert_eq(attempts[1].decision, DECISION_WON);
    cr_assert_eq(order_no_seq(attempts[1].win.entry.order_no), 1);
    fixture_finish(&fixture);
}

Test(stock, wrong_clock_is_learnt_anew_and_the_call_repeated)
{
    struct fixture_attempt attempts[2];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    /* We believe that Redis is an hour behind of what it is: our deadlines are long past there. */
    redis_link_learn_time(fixture.link, clock_wall_ms() - 3600 * 1000, clock_mono_us());
    fixture_attempt(&fixture, &attempts[0], 1);
    fixture_attempt(&fixture, &attempts[1], 2);
    fixture_decide(&fixture, &attempts[0]);
    fixture_decide(&fixture, &attempts[1]);
    fixture_wait_decided(&fixture, attempts, 2);
    cr_assert_eq(attempts[0].decision, DECISION_WON);
    cr_assert_eq(order_no_seq(attempts[0].win.entry.order_no), 1, "the order is kept");
    cr_assert_eq(attempts[1].decision, DECISION_WON);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_script_late_total, 0), 1);
    /* And an hour ahead of it: sent more than a second after TIME. */
    redis_link_learn_time(fixture.link, clock_wall_ms() + 3600 * 1000, clock_mono_us());
    fixture_decide_one(&fixture, &attempts[0], 3, 1);
    cr_assert_eq(attempts[0].decision, DECISION_WON);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_script_late_total, 0), 2);
    fixture_finish(&fixture);
}

Test(stock, late_twice_is_late)
{
    struct fixture_attempt attempt;
    struct fixture fixture;

    start_loaded(&fixture, 10);
    redis_link_learn_time(fixture.link, clock_wall_ms() - 3600 * 1000, clock_mono_us());
    fixture.spoils_clock = true;
    fixture_decide_one(&fixture, &attempt, 1, 1);
    cr_assert_eq(attempt.decision, DECISION_LATE);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_script_late_total, 0), 2);
    cr_assert_eq(fixture_ask(&fixture, "HGET {s:7}:stock a"), 10);
    fixture_finish(&fixture);
}

Test(stock, call_is_as_late_as_its_earliest_purchase)
{
    struct fixture_attempt attempts[3];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    for (uint32_t i = 0; i < 3; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        attempts[i].attempt.deadline_us = clock_mono_us() + (i == 1 ? 200000 : 5000000);
        fixture_decide(&fixture, &attempts[i]);
    }
    redis_server_stop(&fixture.server);
    while (clock_mono_us() < attempts[1].attempt.deadline_us) {
        fixture_turn(&fixture);
    }
    redis_server_continue(&fixture.server);
    fixture_wait_decided(&fixture, attempts, 3);
    cr_assert_eq(attempts[1].decision, DECISION_LATE, "its buyer was told already");
    cr_assert(attempts[0].decision == DECISION_WON && attempts[2].decision == DECISION_WON);
    cr_assert(attempts[0].order < attempts[2].order);
    fixture_finish(&fixture);
}

Test(stock, call_that_comes_too_late_does_nothing)
{
    struct fixture_attempt attempt;
    struct fixture fixture;

    start_loaded(&fixture, 10);
    fixture_attempt(&fixture, &attempt, 1);
    attempt.attempt.deadline_us = clock_mono_us() + 200000;
    redis_server_stop(&fixture.server);
    fixture_decide(&fixture, &attempt);
    fixture_turn(&fixture);
    while (clock_mono_us() < attempt.attempt.deadline_us) {
        fixture_turn(&fixture);
    }
    redis_server_continue(&fixture.server);
    fixture_wait_decided(&fixture, &attempt, 1);
    cr_assert_eq(attempt.decision, DECISION_LATE);
    cr_assert_eq(fixture_ask(&fixture, "HGET {s:7}:stock a"), 10);
    fixture_finish(&fixture);
}

/* A buyer who is told nothing until a timer of the same loop says that the deadline is there. */
struct patience {
    struct timer timer;
    const struct fixture_attempt *attempt;
    bool is_over, was_told;
};

static void on_patience_over(void *arg)
{
    struct patience *patience = arg;

    patience->is_over = true;
    patience->was_told = patience->attempt->is_decided;
}

static bool is_patience_over(void *arg)
{
    return ((const struct patience *)arg)->is_over;
}

Test(stock, those_that_wait_behind_a_stalled_call_are_late_before_their_deadline)
{
    struct fixture_attempt attempts[2];
    struct patience patience = {.attempt = &attempts[1]};
    struct fixture fixture;

    start_loaded(&fixture, 10);
    redis_server_stop(&fixture.server);
    fixture_attempt(&fixture, &attempts[0], 1);
    fixture_decide(&fixture, &attempts[0]);
    fixture_turn(&fixture);
    fixture_attempt(&fixture, &attempts[1], 2);
    attempts[1].attempt.deadline_us = clock_mono_us() + 200000;
    timer_init(&patience.timer, fixture.loop, on_patience_over, &patience);
    timer_start_at(&patience.timer, attempts[1].attempt.deadline_us);
    fixture_decide(&fixture, &attempts[1]);
    fixture_wait(&fixture, is_patience_over, &patience);
    cr_assert(patience.was_told, "while the buyer still waits");
    cr_assert_eq(attempts[1].decision, DECISION_LATE);
    cr_assert(!attempts[0].is_decided);
    redis_server_continue(&fixture.server);
    fixture_wait_decided(&fixture, &attempts[0], 1);
    cr_assert_eq(attempts[0].decision, DECISION_WON);
    fixture_finish(&fixture);
}

Test(stock, acknowledgements_ride_on_the_next_call)
{
    struct fixture_attempt attempts[3];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    fixture_decide_one(&fixture, &attempts[0], 1, 1);
    fixture_decide_one(&fixture, &attempts[1], 2, 1);
    cr_assert_eq(fixture_ask(&fixture, "XLEN {s:7}:outbox"), 2);
    cr_assert_eq(outbox_depth(fixture.outbox), 2);
    outbox_reported(fixture.outbox, attempts[0].win.outbox_handle);
    cr_assert_eq(fixture_ask(&fixture, "XLEN {s:7}:outbox"), 2);
    fixture_decide_one(&fixture, &attempts[2], 3, 1);
    cr_assert_eq(fixture_ask(&fixture, "XLEN {s:7}:outbox"), 2);
    cr_assert_eq(fixture.view.outbox_first, 1); /* a call with wins does not look */
    outbox_reported(fixture.outbox, attempts[1].win.outbox_handle);
    outbox_reported(fixture.outbox, attempts[2].win.outbox_handle);
    fixture.views = 0;
    cr_assert_eq(stock_poll(fixture.stock, SALE, 1), ERR_OK);
    fixture_turn(&fixture);
    while (fixture.views == 0) {
        fixture_turn(&fixture);
    }
    cr_assert_eq(fixture_ask(&fixture, "XLEN {s:7}:outbox"), 0);
    cr_assert_eq(fixture.view.outbox_first, 0);
    cr_assert_eq(metrics_value(fixture.metrics, METRIC_acknowledgements_total, 0), 3);
    /* Now its replay is known to be in the log. */
    fixture_decide_one(&fixture, &attempts[0], 1, 1);
    cr_assert_eq(attempts[0].decision, DECISION_REPLAYED);
    cr_assert(!attempts[0].win.may_be_unlogged);
    fixture_finish(&fixture);
}

Test(stock, refused_call_keeps_its_acknowledgements)
{
    struct fixture_attempt attempt;
    struct fixture fixture;
    char answer[64];

    start_loaded(&fixture, 10);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    outbox_reported(fixture.outbox, attempt.win.outbox_handle);
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 1", answer, sizeof answer);
    fixture_decide_one(&fixture, &attempt, 2, 1);
    cr_assert_eq(attempt.decision, DECISION_NOT_DONE);
    cr_assert(outbox_is_underway(fixture.outbox, SALE, 1, 1));
    redis_server_ask(&fixture.server, "CONFIG SET maxmemory 0", answer, sizeof answer);
    fixture_decide_one(&fixture, &attempt, 2, 1);
    cr_assert(!outbox_is_underway(fixture.outbox, SALE, 1, 1));
    cr_assert_eq(fixture_ask(&fixture, "XLEN {s:7}:outbox"), 1);
    fixture_finish(&fixture);
}

Test(stock, call_that_the_fence_refused_keeps_its_acknowledgements_within_the_epoch)
{
    struct fixture_attempt attempt;
    struct fixture fixture;

    start_loaded(&fixture, 10);
    fixture_decide_one(&fixture, &attempt, 1, 1);
    outbox_reported(fixture.outbox, attempt.win.outbox_handle);
    cr_assert_eq(sale_loader_close_fence(fixture.blocking, SALE, 1, NULL), ERR_OK);
    fixture_decide_one(&fixture, &attempt, 2, 1);
    cr_assert_eq(attempt.decision, DECISION_REBUILDING);
    cr_assert(outbox_is_underway(fixture.outbox, SALE, 1, 1), "the guard may not have seen it");
    /* A load unlinks the entry: then there is nothing to acknowledge any more. */
    fixture_load(&fixture, 2, 10);
    fixture_decide_one(&fixture, &attempt, 2, 1);
    cr_assert_eq(fixture.view.status, SALE_VIEW_EPOCH);
    cr_assert(!outbox_is_underway(fixture.outbox, SALE, 1, 1));
    fixture_finish(&fixture);
}

Test(stock, no_slot_is_busy)
{
    enum { COUNT = 4096 };
    static struct fixture_attempt attempts[COUNT + 1];
    struct fixture fixture;

    start_loaded(&fixture, 10);
    for (uint32_t i = 0; i < COUNT; i++) {
        fixture_attempt(&fixture, &attempts[i], i);
        fixture_decide(&fixture, &attempts[i]);
    }
    fixture_attempt(&fixture, &attempts[COUNT], COUNT);
    cr_assert_eq(stock_decide(fixture.stock, &attempts[COUNT].attempt, never, NULL), ERR_BUSY);
    fixture_wait_decided(&fixture, attempts, COUNT);
    cr_assert_eq(attempts[9].decision, DECISION_WON);
    cr_assert_eq(attempts[10].decision, DECISION_SOLD_OUT);
    fixture_finish(&fixture);
}
