#include "purchase/purchase.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_outbox.h"
#include "support/fakes/fake_redis.h"
#include "support/fakes/fake_stock.h"

enum { START_US = 5000000, D_MS = 1000, D_US = D_MS * 1000 };

struct told {
    uint32_t count;
    enum outcome outcome;
    struct order_entry order;
    bool has_order;
    int64_t pay_by_ms;
    struct order_no held;
    enum label_SHED shed;
    int64_t told_us; /* by the loop's clock */
    struct loop *loop;
};

struct bench {
    struct loop *loop;
    struct redis_link *link;
    struct stock *stock;
    struct outbox *outbox;
    struct order_log *log;
    struct purchases *purchases;
    struct told told;
};

static void on_answer(void *arg, const struct purchase_answer *answer)
{
    struct told *told = arg;

    told->count++;
    told->outcome = answer->outcome;
    told->has_order = answer->order != NULL;
    if (told->has_order) {
        told->order = *answer->order;
    }
    told->pay_by_ms = answer->pay_by_ms;
    told->held = answer->held;
    told->shed = answer->shed;
    told->told_us = loop_clock_us(told->loop);
}

static struct bench begin(uint32_t purchases_max)
{
    struct bench bench = {.loop = fake_loop_create(START_US),
                          .link = fake_redis_create(),
                          .stock = fake_stock_create(),
                          .outbox = fake_outbox_create(),
                          .log = fake_order_log_create()};

    bench.told.loop = bench.loop;
    bench.purchases = purchases_create(&(struct purchases_options){.loop = bench.loop,
                                                                   .link = bench.link,
                                                                   .stock = bench.stock,
                                                                   .outbox = bench.outbox,
                                                                   .order_log = bench.log,
                                                                   .purchases_max = purchases_max});
    cr_assert_not_null(bench.purchases);
    return bench;
}

static void end(struct bench *bench)
{
    purchases_destroy(bench->purchases);
    fake_loop_destroy(bench->loop);
    fake_redis_destroy(bench->link);
    fake_stock_destroy(bench->stock);
    fake_outbox_destroy(bench->outbox);
    fake_order_log_destroy(bench->log);
}

static struct purchase_request make_request(struct bench *bench)
{
    struct purchase_request request = {.sale = {7},
                                       .epoch = 3,
                                       .quantity = 2,
                                       .received_us = loop_clock_us(bench->loop),
                                       .deadline_ms = D_MS,
                                       .pay_window_ms = 900000,
                                       .unit_price = 199900,
                                       .currency = "CNY"};

    cr_assert_eq(buyer_parse("buyer-1", 7, &request.buyer), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &request.sku), ERR_OK);
    memset(request.key_hash.hex, 'a', KEY_HASH_SIZE);
    return request;
}

static enum err start_for(struct bench *bench, struct told *told)
{
    struct purchase_request request = make_request(bench);

    return purchase_start(bench->purchases, &request, on_answer, told);
}

static void start(struct bench *bench)
{
    cr_assert_eq(start_for(bench, &bench->told), ERR_OK);
}

static struct win make_win(uint32_t seq)
{
    struct win win = {.entry = {.quantity = 2,
                                .has_slot = true,
                                .slot = 1,
                                .state = ORDER_STATE_PENDING,
                                .won_at_ms = 1700000000000},
                      .outbox_handle = 77};

    cr_assert_eq(order_no_make((struct sale_id){7}, 3, seq, &win.entry.order_no), ERR_OK);
    cr_assert_eq(sku_parse("black", 5, &win.entry.sku), ERR_OK);
    memset(win.entry.key_hash.hex, 'a', KEY_HASH_SIZE);
    return win;
}

static void decide(struct bench *bench, enum decision decision)
{
    fake_stock_decide(bench->stock, 0, decision, NULL);
}

static void win(struct bench *bench)
{
    struct win won = make_win(9);

    fake_stock_decide(bench->stock, 0, DECISION_WON, &won);
}

static void replay(struct bench *bench, bool may_be_unlogged, enum order_state state, bool has_slot)
{
    struct win won = make_win(9);

    won.may_be_unlogged = may_be_unlogged;
    won.outbox_handle = 0;
    won.entry.state = state;
    won.entry.has_slot = has_slot;
    fake_stock_decide(bench->stock, 0, DECISION_REPLAYED, &won);
}

static void expect(struct bench *bench, enum outcome outcome)
{
    cr_assert_eq(bench->told.count, 1, "told %u times", bench->told.count);
    cr_assert_eq(bench->told.outcome, outcome, "told %s, not %s", outcome_code(bench->told.outcome),
                 outcome_code(outcome));
}

/* --- errors first --- */

Test(purchase, a_lost_reply_is_told_unknown_at_the_deadline_and_not_before)
{
    struct bench bench = begin(4);

    start(&bench);
    decide(&bench, DECISION_LOST_REPLY);
    fake_loop_advance_us(bench.loop, D_US - 1);
    cr_assert_eq(bench.told.count, 0);
    cr_assert_eq(purchases_count(bench.purchases), 1);
    fake_loop_advance_us(bench.loop, 1);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    cr_assert_eq(purchases_count(bench.purchases), 0);
    cr_assert_eq(bench.log->append_count, 0);
    end(&bench);
}

Test(purchase, a_reply_lost_after_the_deadline_is_the_end)
{
    struct bench bench = begin(4);

    start(&bench);
    fake_loop_advance_us(bench.loop, D_US);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    cr_assert_eq(purchases_count(bench.purchases), 1);
    decide(&bench, DECISION_LOST_REPLY);
    cr_assert_eq(purchases_count(bench.purchases), 0);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    end(&bench);
}

Test(purchase, a_win_is_told_only_after_its_report_up_to_the_deadline)
{
    struct bench bench = begin(4);

    start(&bench);
    win(&bench);
    fake_loop_advance_us(bench.loop, D_US - 1);
    cr_assert_eq(bench.told.count, 0);
    fake_order_log_report(bench.log, 0, ERR_OK);
    expect(&bench, OUTCOME_ACCEPTED);
    cr_assert_eq(bench.outbox->reported_count, 1);
    cr_assert_eq(bench.outbox->reported[0], 77);
    cr_assert_eq(bench.outbox->abandoned_count, 0);
    cr_assert_eq(bench.told.order.order_no.value, make_win(9).entry.order_no.value);
    cr_assert_eq(bench.told.pay_by_ms, INT64_C(1700000900000));
    end(&bench);
}

Test(purchase, a_report_that_is_read_at_the_deadline_is_not_told_as_won)
{
    struct bench bench = begin(4);

    start(&bench);
    win(&bench);
    fake_loop_advance_us(bench.loop, D_US - 1000);
    fake_loop_stall_us(bench.loop, 1000); /* the loop's cached time is still before D */
    cr_assert_lt(loop_now_us(bench.loop), START_US + D_US);
    fake_order_log_report(bench.log, 0, ERR_OK);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    cr_assert_eq(bench.outbox->reported_count, 1); /* the log has it all the same */
    end(&bench);
}

Test(purchase, the_deadline_answers_while_the_report_is_awaited_and_the_flow_goes_on)
{
    struct bench bench = begin(4);

    start(&bench);
    win(&bench);
    fake_loop_advance_us(bench.loop, D_US);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    cr_assert_eq(purchases_count(bench.purchases), 1);
    cr_assert_eq(purchases_unanswered_count(bench.purchases), 0);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->reported_count, 1);
    cr_assert_eq(purchases_count(bench.purchases), 0);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    end(&bench);
}

Test(purchase, a_win_that_is_decided_after_the_deadline_is_produced_all_the_same)
{
    struct bench bench = begin(4);

    start(&bench);
    fake_loop_advance_us(bench.loop, D_US);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    win(&bench);
    cr_assert_eq(bench.log->append_count, 1);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.outbox->reported_count, 1);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    end(&bench);
}

Test(purchase, a_failed_report_leaves_the_win_to_the_relay_and_is_told_unknown_at_the_deadline)
{
    static const enum err failures[] = {ERR_LOST, ERR_REFUSED};

    for (size_t i = 0; i < 2; i++) {
        struct bench bench = begin(4);

        start(&bench);
        win(&bench);
        fake_order_log_report(bench.log, 0, failures[i]);
        cr_assert_eq(bench.outbox->abandoned_count, 1);
        cr_assert_eq(bench.outbox->abandoned[0], 77);
        cr_assert_eq(bench.outbox->reported_count, 0);
        cr_assert_eq(bench.told.count, 0);
        fake_loop_advance_us(bench.loop, D_US);
        expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
        cr_assert_eq(bench.told.told_us, START_US + D_US);
        end(&bench);
    }
}

Test(purchase, a_log_that_takes_nothing_leaves_the_win_to_the_relay)
{
    static const enum err refusals[] = {ERR_BUSY, ERR_UNAVAILABLE, ERR_RANGE};

    for (size_t i = 0; i < 3; i++) {
        struct bench bench = begin(4);

        start(&bench);
        bench.log->append_error = refusals[i];
        win(&bench);
        cr_assert_eq(bench.outbox->abandoned_count, 1);
        cr_assert_eq(bench.told.count, 0);
        fake_loop_advance_us(bench.loop, D_US - 1);
        cr_assert_eq(bench.told.count, 0);
        fake_loop_advance_us(bench.loop, 1);
        expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
        cr_assert_eq(purchases_count(bench.purchases), 0);
        end(&bench);
    }
}

Test(purchase, nothing_is_done_without_a_link_or_a_slot_of_stock)
{
    static const struct {
        enum err stock, told;
    } rows[] = {{ERR_BUSY, ERR_BUSY}, {ERR_UNAVAILABLE, ERR_UNAVAILABLE}};

    for (size_t i = 0; i < 2; i++) {
        struct bench bench = begin(1);

        bench.stock->decide_error = rows[i].stock;
        cr_assert_eq(start_for(&bench, &bench.told), rows[i].told);
        cr_assert_eq(purchases_count(bench.purchases), 0);
        cr_assert_eq(fake_loop_timer_count(bench.loop), 0);
        bench.stock->decide_error = ERR_OK;
        cr_assert_eq(start_for(&bench, &bench.told), ERR_OK); /* the only slot is free */
        end(&bench);
    }
}

Test(purchase, more_than_the_slots_is_busy_until_a_later_turn)
{
    struct bench bench = begin(1);

    start(&bench);
    cr_assert_eq(start_for(&bench, &bench.told), ERR_BUSY);
    decide(&bench, DECISION_SOLD_OUT);
    cr_assert_eq(start_for(&bench, &bench.told), ERR_BUSY); /* same turn */
    fake_loop_advance_us(bench.loop, 1);
    cr_assert_eq(start_for(&bench, &bench.told), ERR_OK);
    end(&bench);
}

Test(purchase, a_mute_one_goes_on_without_answering)
{
    struct bench bench = begin(4);

    start(&bench);
    purchases_mute(bench.purchases);
    win(&bench);
    fake_order_log_report(bench.log, 0, ERR_OK);
    cr_assert_eq(bench.told.count, 0);
    cr_assert_eq(bench.outbox->reported_count, 1);
    end(&bench);
}

Test(purchase, every_refusal_is_told_at_once)
{
    static const struct {
        enum decision decision;
        enum outcome outcome;
    } rows[] = {
        {DECISION_KEY_REUSED, OUTCOME_KEY_REUSED},
        {DECISION_NOT_OPEN, OUTCOME_NOT_OPEN},
        {DECISION_PAUSED, OUTCOME_PAUSED},
        {DECISION_ENDED, OUTCOME_ENDED},
        {DECISION_NOT_ELIGIBLE, OUTCOME_NOT_ELIGIBLE},
        {DECISION_LIMIT, OUTCOME_LIMIT_REACHED},
        {DECISION_SOLD_OUT, OUTCOME_SOLD_OUT},
        {DECISION_UNKNOWN_SKU, OUTCOME_UNKNOWN_SKU},
        {DECISION_REBUILDING, OUTCOME_REBUILDING},
        {DECISION_LATE, OUTCOME_OVERLOADED},
        {DECISION_NOT_DONE, OUTCOME_OVERLOADED},
        {DECISION_LINK_FULL, OUTCOME_OVERLOADED},
        {DECISION_BROKEN, OUTCOME_REBUILDING},
    };

    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bench bench = begin(4);

        bench.link->shed = LABEL_SHED_REDIS_OOM;
        start(&bench);
        decide(&bench, rows[i].decision);
        expect(&bench, rows[i].outcome);
        cr_assert_eq(bench.told.shed == LABEL_SHED_REDIS_OOM,
                     rows[i].decision == DECISION_NOT_DONE);
        cr_assert_eq(bench.told.shed == LABEL_SHED_REDIS_QUEUE,
                     rows[i].decision == DECISION_LINK_FULL);
        cr_assert_not(bench.told.has_order);
        cr_assert_eq(purchases_count(bench.purchases), 0);
        cr_assert_eq(bench.log->append_count, 0);
        cr_assert_eq(fake_loop_timer_count(bench.loop), 0);
        end(&bench);
    }
}

Test(purchase, limit_reached_names_the_order_held)
{
    struct bench bench = begin(4);
    struct win held = make_win(4);

    start(&bench);
    fake_stock_decide(bench.stock, 0, DECISION_LIMIT, &held);
    expect(&bench, OUTCOME_LIMIT_REACHED);
    cr_assert_eq(bench.told.held.value, held.entry.order_no.value);
    end(&bench);
}

/* --- replay --- */

Test(purchase, a_replay_that_is_in_the_log_is_told_with_its_state)
{
    struct bench bench = begin(4);

    start(&bench);
    replay(&bench, false, ORDER_STATE_PAID, true);
    expect(&bench, OUTCOME_REPLAYED);
    cr_assert_eq(bench.told.order.state, ORDER_STATE_PAID);
    cr_assert_eq(bench.log->append_count, 0);
    end(&bench);
}

Test(purchase, a_replay_that_may_be_unlogged_is_produced_again_and_waits_like_a_win)
{
    struct bench bench = begin(4);

    start(&bench);
    replay(&bench, true, ORDER_STATE_PENDING, true);
    cr_assert_eq(bench.told.count, 0);
    cr_assert_eq(bench.log->append_count, 1);
    fake_order_log_report(bench.log, 0, ERR_OK);
    expect(&bench, OUTCOME_REPLAYED);
    end(&bench);
}

Test(purchase, an_unlogged_replay_whose_report_is_late_is_unknown)
{
    struct bench bench = begin(4);

    start(&bench);
    replay(&bench, true, ORDER_STATE_PENDING, true);
    fake_loop_advance_us(bench.loop, D_US);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    fake_order_log_report(bench.log, 0, ERR_OK);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    end(&bench);
}

Test(purchase, a_replay_of_a_settled_order_is_in_the_log_whatever_the_outbox_holds)
{
    struct bench bench = begin(4);

    start(&bench);
    replay(&bench, true, ORDER_STATE_CLOSED, false);
    expect(&bench, OUTCOME_REPLAYED);
    cr_assert_eq(bench.told.order.state, ORDER_STATE_CLOSED);
    cr_assert_eq(bench.log->append_count, 0);
    end(&bench);
}

Test(purchase, the_same_key_twice_in_progress_gets_the_one_order)
{
    struct bench bench = begin(4);
    struct told second = {.loop = bench.loop};
    struct win won = make_win(9), again = make_win(9);

    start(&bench);
    cr_assert_eq(start_for(&bench, &second), ERR_OK);
    again.may_be_unlogged = true;
    again.outbox_handle = 0;
    fake_stock_decide(bench.stock, 0, DECISION_WON, &won);
    fake_stock_decide(bench.stock, 1, DECISION_REPLAYED, &again);
    cr_assert_eq(bench.log->append_count, 2);
    fake_order_log_report(bench.log, 1, ERR_OK);
    fake_order_log_report(bench.log, 0, ERR_OK);
    expect(&bench, OUTCOME_ACCEPTED);
    cr_assert_eq(second.count, 1);
    cr_assert_eq(second.outcome, OUTCOME_REPLAYED);
    cr_assert_eq(second.order.order_no.value, bench.told.order.order_no.value);
    end(&bench);
}

Test(purchase, the_record_is_that_of_the_order_and_of_the_sales_terms)
{
    struct bench bench = begin(4);

    start(&bench);
    win(&bench);
    const struct order_record *record = &bench.log->appends[0].record;
    cr_assert_eq(record->version, 1);
    cr_assert_eq(record->order_no.value, make_win(9).entry.order_no.value);
    cr_assert_str_eq(record->buyer.text, "buyer-1");
    cr_assert_str_eq(record->sku.text, "black");
    cr_assert_eq(record->quantity, 2);
    cr_assert_eq(record->unit_price, 199900);
    cr_assert_str_eq(record->currency, "CNY");
    cr_assert_eq(record->slot, 1);
    cr_assert_eq(record->won_at_ms, INT64_C(1700000000000));
    cr_assert_eq(record->pay_by_ms, INT64_C(1700000900000));
    fake_order_log_report(bench.log, 0, ERR_OK);
    end(&bench);
}

Test(purchase, the_attempt_carries_the_deadline_from_arrival)
{
    struct bench bench = begin(4);
    struct purchase_request request = make_request(&bench);

    fake_loop_advance_us(bench.loop, 300000); /* it waited in front of us */
    cr_assert_eq(purchase_start(bench.purchases, &request, on_answer, &bench.told), ERR_OK);
    cr_assert_eq(bench.stock->attempts[0].attempt.deadline_us, START_US + D_US);
    cr_assert_eq(bench.stock->attempts[0].attempt.epoch, 3);
    fake_loop_advance_us(bench.loop, D_US - 300000);
    expect(&bench, OUTCOME_OUTCOME_UNKNOWN);
    end(&bench);
}
