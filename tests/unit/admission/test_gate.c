#include "admission/gate.h"

#include <criterion/criterion.h>
#include <string.h>

#include "admission/bloom.h"

enum { T_MS = 1000 };
static const int64_t opens_ms = 1700000010000, redis_ms = 1700000000000, sent_us = 50000000;

struct bench {
    struct sale_definition definition;
    struct gate_view view;
    struct sold_out memory;
    struct buyer buyer;
    struct gate_request request;
};

/* An open sale, first epoch, two skus, nothing remembered. */
static void begin(struct bench *bench)
{
    memset(bench, 0, sizeof *bench);
    bench->definition = (struct sale_definition){
        .sale = {7}, .epoch = 1, .opens_ms = opens_ms - 100000, .times = {.lease_ms = T_MS}};
    bench->view = (struct gate_view){.epoch = 1, .redis_time_ms = redis_ms, .sent_us = sent_us};
    sold_out_init(&bench->memory, T_MS);
    cr_assert_eq(buyer_parse("loser", 5, &bench->buyer), ERR_OK);
    bench->request = (struct gate_request){.sale = GATE_SALE_KNOWN,
                                           .definition = &bench->definition,
                                           .view = &bench->view,
                                           .memory = &bench->memory,
                                           .buyer = &bench->buyer,
                                           .now_us = sent_us + 1000};
}

/* Everybody but "winner" may be told that sku 0 is sold out. */
static void sell_out(struct bench *bench)
{
    struct no_kinds kinds = {.skus = 1};
    struct winners winners = {
        .sale = {7},
        .epoch = 1,
        .version = 2,
        .kinds = kinds,
        .buyers = bloom_create(&(struct bloom_options){.expected_keys = 10, .error_ppm = 1000})};

    bloom_add(winners.buyers, "winner", 6);
    sold_out_see(&bench->memory, 1, 2, &kinds, sent_us);
    cr_assert(sold_out_offer(&bench->memory, &winners));
    bloom_release(winners.buyers);
}

static void expect_no(const struct bench *bench, enum outcome outcome)
{
    struct gate_answer answer = gate_judge(&bench->request);

    cr_assert_not(answer.passes);
    cr_assert_eq(answer.outcome, outcome, "%s", outcome_code(answer.outcome));
}

static void expect_pass(const struct bench *bench)
{
    cr_assert(gate_judge(&bench->request).passes);
}

Test(gate, draining_comes_before_all)
{
    struct bench bench;

    begin(&bench);
    bench.request.is_draining = true;
    bench.request.sale = GATE_SALE_ABSENT;
    expect_no(&bench, OUTCOME_OVERLOADED);
}

Test(gate, an_absent_sale_is_unknown_and_an_unsure_one_is_rebuilding)
{
    struct bench bench;

    begin(&bench);
    bench.request.sale = GATE_SALE_ABSENT;
    expect_no(&bench, OUTCOME_UNKNOWN_SALE);
    bench.request.sale = GATE_SALE_UNSURE;
    expect_no(&bench, OUTCOME_REBUILDING);
}

Test(gate, a_sku_that_the_sale_does_not_have_is_unknown)
{
    struct bench bench;

    begin(&bench);
    bench.request.sku = -1;
    expect_no(&bench, OUTCOME_UNKNOWN_SKU);
}

Test(gate, an_open_sale_passes)
{
    struct bench bench;

    begin(&bench);
    expect_pass(&bench);
}

/* --- not open --- */

static void close_until(struct bench *bench, int64_t opens_in_ms)
{
    bench->definition.opens_ms = redis_ms + opens_in_ms;
}

Test(gate, says_not_open_before_the_opening_with_the_exact_wait)
{
    struct bench bench;

    begin(&bench);
    close_until(&bench, 7500);
    expect_no(&bench, OUTCOME_NOT_OPEN);
    cr_assert_eq(gate_judge(&bench.request).retry_after_s, 8);
}

Test(gate, the_clock_of_redis_runs_on_since_the_sending)
{
    struct bench bench;

    begin(&bench);
    close_until(&bench, 500);
    bench.request.now_us = sent_us + 498000;
    expect_no(&bench, OUTCOME_NOT_OPEN);
    bench.request.now_us = sent_us + 499000; /* the reply's TIME was cut to its millisecond */
    expect_pass(&bench);
}

Test(gate, a_sale_that_ever_had_an_order_is_asked_about)
{
    struct bench bench;

    begin(&bench);
    close_until(&bench, 7500);
    bench.view.seq = 1;
    expect_pass(&bench);
    bench.view.seq = 0;
    bench.view.epoch = 2;
    expect_pass(&bench);
    bench.view.epoch = 1;
    bench.definition.epoch = 2;
    expect_pass(&bench);
}

Test(gate, without_a_reply_within_the_lease_the_opening_is_asked_about)
{
    struct bench bench;

    begin(&bench);
    close_until(&bench, 7500);
    bench.view = (struct gate_view){0};
    expect_pass(&bench);
    bench.view =
        (struct gate_view){.epoch = 1, .redis_time_ms = redis_ms, .sent_us = sent_us - 999000};
    expect_pass(&bench);
}

Test(gate, the_wait_for_the_opening_is_whole_seconds_and_an_hour_at_most)
{
    cr_assert_eq(gate_retry_after_s(0), 0);
    cr_assert_eq(gate_retry_after_s(1), 1);
    cr_assert_eq(gate_retry_after_s(1000), 1);
    cr_assert_eq(gate_retry_after_s(1001), 2);
    cr_assert_eq(gate_retry_after_s(INT64_C(86400000)), 3600);
}

/* --- memory --- */

Test(gate, says_a_no_from_memory_and_lets_a_winner_pass)
{
    struct bench bench;

    begin(&bench);
    sell_out(&bench);
    expect_no(&bench, OUTCOME_SOLD_OUT);
    cr_assert_eq(buyer_parse("winner", 6, &bench.buyer), ERR_OK);
    expect_pass(&bench);
    cr_assert(gate_judge(&bench.request).may_be_winner);
    sold_out_finish(&bench.memory);
}

/* --- room --- */

static struct gate_room good_room(void)
{
    return (struct gate_room){.has_link = true,
                              .log_is_ready = true,
                              .log_oldest_us = 8000001,
                              .now_us = 10000000,
                              .unreported_max_us = 2000000};
}

static void expect_full(struct gate_room room, enum label_SHED cause)
{
    enum label_SHED told = LABEL_SHED_DRAIN;

    cr_assert_not(gate_has_room(&room, &told));
    cr_assert_eq(told, cause);
}

Test(gate, has_no_room_when_a_win_could_not_be_told)
{
    struct gate_room room = good_room();
    enum label_SHED cause = LABEL_SHED_DRAIN;

    cr_assert(gate_has_room(&room, &cause));
    room.has_link = false;
    room.link_shed = LABEL_SHED_REDIS_LOADING;
    expect_full(room, LABEL_SHED_REDIS_LOADING);
    room = good_room();
    room.log_is_ready = false;
    expect_full(room, LABEL_SHED_KAFKA_DOWN);
    room = good_room();
    room.outbox_is_full = true;
    expect_full(room, LABEL_SHED_OUTBOX);
    room = good_room();
    room.log_oldest_us = 7999999;
    expect_full(room, LABEL_SHED_UNREPORTED);
    room.log_oldest_us = 0; /* nothing is under way */
    cr_assert(gate_has_room(&room, &cause));
}

Test(gate, lets_a_few_try_while_the_log_is_doubted_and_holds_nothing)
{
    struct gate_room room = good_room();
    enum label_SHED cause = LABEL_SHED_DRAIN;

    room.log_is_doubted = true;
    expect_full(room, LABEL_SHED_UNREPORTED);
    room.log_oldest_us = 0;
    cr_assert(gate_has_room(&room, &cause));
    room.purchases = GATE_DOUBTED_PURCHASES_MAX - 1; /* replays, losers: none is in the log */
    cr_assert(gate_has_room(&room, &cause));
    room.purchases = GATE_DOUBTED_PURCHASES_MAX;
    expect_full(room, LABEL_SHED_UNREPORTED);
    room.log_is_doubted = false;
    cr_assert(gate_has_room(&room, &cause));
}
