/* The end of a sale on its way from Redis to MySQL, on fakes of both. */
#include "settlement/latch.h"

#include <criterion/criterion.h>

#include "common/metrics.h"
#include "inventory/redis_blocking.h"
#include "inventory/sale_marks.h"
#include "inventory/sale_reader.h"
#include "ledger/sale_change.h"
#include "ledger/sale_sweep.h"

enum { SALES_MAX = 100, CLOSES_MS = 5000 };

static struct {
    uint32_t due; /* sales 1 to due are over by MySQL's clock */
    bool is_ended[SALES_MAX + 1];
    uint32_t looks[SALES_MAX + 1];
    enum err look_err[SALES_MAX + 1];
    enum sale_answer answer;
    enum sale_state state;
    int64_t redis_ms;
    enum err mysql_err;
    const char *actor;
} world;

const char *redis_blocking_trouble(const struct redis_blocking *redis)
{
    (void)redis;
    return "";
}

enum err sale_reader_look(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          struct sale_look *ret_look)
{
    (void)redis;
    cr_assert_eq(epoch, 3);
    world.looks[sale.value]++;
    *ret_look = (struct sale_look){
        .answer = world.answer,
        .head = {.state = world.state, .redis_time_ms = world.redis_ms, .epoch = 3}};
    return world.look_err[sale.value];
}

enum err sale_sweep_due(struct mysql_link *link, struct sale_id after, struct sale_due *ret_due,
                        size_t max, size_t *ret_count)
{
    (void)link;
    *ret_count = 0;
    for (uint32_t sale = after.value + 1; sale <= world.due && *ret_count < max; sale++) {
        if (!world.is_ended[sale]) {
            ret_due[(*ret_count)++] =
                (struct sale_due){.sale = {sale}, .epoch = 3, .closes_ms = CLOSES_MS};
        }
    }
    return world.mysql_err;
}

enum err sale_sweep_totals(struct mysql_link *link, struct sale_totals *ret_totals)
{
    (void)link;
    *ret_totals = (struct sale_totals){.epoch_max = 12, .frozen = 2};
    return world.mysql_err;
}

enum err sale_store_control(struct mysql_link *link, struct sale_id sale, enum sale_verb verb,
                            const struct admin_actor *actor, struct sale_row *ret_row,
                            bool *ret_changed)
{
    (void)link;
    (void)ret_row;
    cr_assert_eq(verb, SALE_VERB_END);
    world.actor = actor->name;
    world.is_ended[sale.value] = true;
    *ret_changed = true;
    return world.mysql_err;
}

static const struct latch_context context;
static struct sale_id after;

static void begin(void)
{
    world.due = 1;
    world.answer = SALE_ANSWER_OK;
    world.state = SALE_STATE_OPEN;
    world.redis_ms = CLOSES_MS;
}

TestSuite(latch, .init = begin);

static void sweep(void)
{
    cr_assert_eq(latch_sweep(&context, &after), ERR_OK);
}

Test(latch, redis_clock_decides_not_mysqls)
{
    world.redis_ms = CLOSES_MS - 1;
    sweep();
    cr_assert_not(world.is_ended[1]);
    world.redis_ms = CLOSES_MS;
    sweep();
    cr_assert(world.is_ended[1]);
    cr_assert_str_eq(world.actor, "worker");
}

Test(latch, a_paused_sale_ends_too)
{
    world.state = SALE_STATE_PAUSED;
    sweep();
    cr_assert(world.is_ended[1]);
}

Test(latch, what_redis_latched_stays_though_its_clock_was_set_back)
{
    world.state = SALE_STATE_ENDED;
    world.redis_ms = CLOSES_MS - 3600000;
    sweep();
    cr_assert(world.is_ended[1]);
}

/* What MySQL has of a sale, and what Redis says, to latch_keep(). */
static enum err keep(enum sale_control control, enum sale_state state)
{
    const struct sale_guarded sale = {.sale = {1}, .epoch = 3, .control = control};
    const struct sale_mark mark = {.kind = SALE_MARK_FITS, .epoch = 3, .state = state};

    world.is_ended[1] = false;
    return latch_keep(NULL, &sale, &mark);
}

Test(latch, what_redis_latched_is_kept_though_mysqls_clock_is_behind)
{
    cr_assert_eq(keep(SALE_CONTROL_OPEN, SALE_STATE_ENDED), ERR_OK);
    cr_assert(world.is_ended[1]);
    cr_assert_eq(keep(SALE_CONTROL_PAUSED, SALE_STATE_ENDED), ERR_OK);
    cr_assert(world.is_ended[1]);
    world.mysql_err = ERR_UNAVAILABLE;
    cr_assert_eq(keep(SALE_CONTROL_OPEN, SALE_STATE_ENDED), ERR_UNAVAILABLE);
}

Test(latch, nothing_else_is_ended_by_what_redis_says)
{
    cr_assert_eq(keep(SALE_CONTROL_OPEN, SALE_STATE_OPEN), ERR_OK);
    cr_assert_not(world.is_ended[1]);
    cr_assert_eq(keep(SALE_CONTROL_OPEN, SALE_STATE_FROZEN), ERR_OK);
    cr_assert_not(world.is_ended[1]);
    cr_assert_eq(keep(SALE_CONTROL_FROZEN, SALE_STATE_ENDED), ERR_OK);
    cr_assert_not(world.is_ended[1], "an operator has to release it first");
    cr_assert_eq(keep(SALE_CONTROL_ENDED, SALE_STATE_ENDED), ERR_OK);
    cr_assert_not(world.is_ended[1]);
}

Test(latch, another_history_ends_nothing)
{
    static const enum sale_answer answers[] = {SALE_ANSWER_GONE, SALE_ANSWER_EPOCH,
                                               SALE_ANSWER_REPLID, SALE_ANSWER_TYPE};

    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        world.answer = answers[i];
        sweep();
    }
    cr_assert_eq(world.looks[1], 4);
    cr_assert_not(world.is_ended[1]);
}

Test(latch, a_sale_that_is_loading_is_left_alone)
{
    world.state = SALE_STATE_LOADING;
    sweep();
    cr_assert_not(world.is_ended[1]);
}

Test(latch, redis_away_costs_one_call_and_loses_no_sale)
{
    world.due = 3;
    world.look_err[1] = ERR_UNAVAILABLE;
    sweep();
    cr_assert_eq(world.looks[2], 0);
    world.look_err[1] = ERR_OK;
    sweep();
    cr_assert(world.is_ended[1] && world.is_ended[2] && world.is_ended[3]);
}

Test(latch, garbage_in_one_sale_does_not_stop_the_others)
{
    world.due = 2;
    world.look_err[1] = ERR_PARSE;
    sweep();
    cr_assert(!world.is_ended[1] && world.is_ended[2]);
}

Test(latch, many_sales_are_reached_in_turn)
{
    world.due = SALES_MAX;
    world.answer = SALE_ANSWER_GONE;
    for (int i = 0; i < 5; i++) {
        sweep();
    }
    for (uint32_t sale = 1; sale <= SALES_MAX; sale++) {
        cr_assert(world.looks[sale] >= 1, "sale %u", sale);
    }
}

Test(latch, a_failure_of_mysql_is_told)
{
    world.mysql_err = ERR_UNAVAILABLE;
    cr_assert_eq(latch_sweep(&context, &after), ERR_UNAVAILABLE);
    cr_assert_eq(latch_show_totals(&context), ERR_UNAVAILABLE);
}

Test(latch, epoch_and_frozen_sales_are_shown)
{
    struct metrics *metrics = metrics_create();
    const struct latch_context shown = {.shard = metrics_shard(metrics)};

    cr_assert_eq(latch_show_totals(&shown), ERR_OK);
    cr_assert_eq(metrics_value(metrics, METRIC_epoch, 0), 12);
    cr_assert_eq(metrics_value(metrics, METRIC_frozen, 0), 2);
    metrics_destroy(metrics);
}
