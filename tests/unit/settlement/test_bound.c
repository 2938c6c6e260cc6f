/* Units sold and offered within total, on fakes of MySQL and Redis. */
#include "settlement/bound.h"

#include <criterion/criterion.h>
#include <string.h>

#include "inventory/redis_blocking.h"
#include "inventory/sale_reader.h"
#include "ledger/order_audit.h"
#include "ledger/sale_store.h"
#include "ledger/sale_sweep.h"
#include "settlement/freeze.h"
#include "settlement/latch.h"

enum { SALES = 100, TOTAL = 10 };

/* Each sale has the skus a and b; of b all units are left. */
static struct {
    uint32_t live; /* sales 1 to live */
    uint64_t sold[2];
    uint32_t epoch[2];
    uint64_t mark[2];
    uint32_t left, held;
    enum sale_answer answer;
    enum sale_state state;
    enum err mysql_err, redis_err, freeze_err;
    uint32_t redis_fails_at; /* sale; 0: any */
    uint32_t reads, looks[SALES + 1], frozen;
    char found[FREEZE_FOUND_SIZE];
} world;

static struct bound_round round_;
static const struct latch_context context;

const char *redis_blocking_trouble(const struct redis_blocking *redis)
{
    (void)redis;
    return "";
}

enum err sale_store_read(struct mysql_link *link, struct sale_id sale, struct sale_row *ret_row)
{
    const uint32_t n = world.reads++ % 2;

    (void)link;
    memset(ret_row, 0, sizeof *ret_row);
    ret_row->definition.sale = sale;
    ret_row->definition.epoch = world.epoch[n];
    ret_row->definition.sku_count = 2;
    for (uint32_t i = 0; i < 2; i++) {
        ret_row->definition.skus[i].total = TOTAL;
        cr_assert_eq(sku_parse(i ? "b" : "a", 1, &ret_row->definition.skus[i].sku), ERR_OK);
    }
    ret_row->sold[0] = world.sold[n];
    return world.mysql_err;
}

enum err order_audit_ledger_mark(struct mysql_link *link, struct sale_id sale, uint64_t *ret_id)
{
    (void)link;
    (void)sale;
    *ret_id = world.mark[(world.reads - 1) % 2];
    return ERR_OK;
}

enum err sale_reader_look(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                          struct sale_look *ret_look)
{
    (void)redis;
    cr_assert_eq(epoch, world.epoch[0]);
    world.looks[sale.value]++;
    *ret_look =
        (struct sale_look){.answer = world.answer, .head.state = world.state, .sku_count = 2};
    for (uint32_t i = 0; i < 2; i++) { /* in another order than MySQL's */
        cr_assert_eq(sku_parse(i ? "a" : "b", 1, &ret_look->skus[i].sku), ERR_OK);
        ret_look->skus[i].left = i ? world.left : TOTAL;
    }
    return world.redis_fails_at == 0 || world.redis_fails_at == sale.value ? world.redis_err
                                                                           : ERR_OK;
}

enum err sale_reader_units(struct redis_blocking *redis, struct sale_id sale, bool held,
                           struct sale_left ret_left[static SALE_SKUS_MAX], uint32_t *ret_count)
{
    (void)redis;
    (void)sale;
    cr_assert(held);
    cr_assert_eq(sku_parse("a", 1, &ret_left[0].sku), ERR_OK);
    ret_left[0].left = world.held;
    *ret_count = 1;
    return ERR_OK;
}

enum err sale_sweep_live(struct mysql_link *link, struct sale_id after, struct sale_id *ret_sales,
                         size_t max, size_t *ret_count)
{
    (void)link;
    *ret_count = 0;
    for (uint32_t sale = after.value + 1; sale <= world.live && *ret_count < max; sale++) {
        ret_sales[(*ret_count)++].value = sale;
    }
    return ERR_OK;
}

enum err freeze_sale(struct mysql_link *link, struct sale_id sale, const struct freeze_cause *cause,
                     struct metrics_shard *shard, enum freeze_result *ret_result)
{
    (void)link;
    (void)shard;
    (void)ret_result;
    world.frozen = sale.value;
    cr_assert_str_eq(cause->id, "I1");
    cr_assert_str_eq(cause->by, "worker");
    memcpy(world.found, cause->found, sizeof world.found);
    return world.freeze_err;
}

/* Four sold, one of them not yet in MySQL; six left, of which one is held. */
static void begin(void)
{
    world.live = 1;
    world.sold[0] = world.sold[1] = 3;
    world.epoch[0] = world.epoch[1] = 2;
    world.left = 5;
    world.held = 1;
    world.answer = SALE_ANSWER_OK;
    world.state = SALE_STATE_OPEN;
}

TestSuite(bound, .init = begin);

static enum err sweep(int64_t now_ms)
{
    return bound_sweep(&context, now_ms * 1000, &round_);
}

Test(bound, what_is_on_its_way_to_mysql_is_no_unit_too_many)
{
    cr_assert_eq(sweep(1), ERR_OK);
    cr_assert(world.frozen == 0 && world.looks[1] == 1);
}

Test(bound, a_unit_too_many_freezes_the_sale)
{
    world.left = 7;
    cr_assert_eq(sweep(1), ERR_OK);
    cr_assert_eq(world.frozen, 1);
    cr_assert_str_eq(world.found, "sku a: sold 3 and offered 8 of 10");
}

Test(bound, more_sold_than_total_freezes_whatever_redis_is)
{
    world.sold[0] = world.sold[1] = 11;
    world.answer = SALE_ANSWER_EPOCH;
    cr_assert_eq(sweep(1), ERR_OK);
    cr_assert_eq(world.frozen, 1);
}

Test(bound, what_cannot_be_compared_is_not_judged)
{
    world.left = 10;
    for (int i = 0; i < 4; i++) {
        world.answer = i == 0 ? SALE_ANSWER_REPLID : SALE_ANSWER_OK;
        world.state = i == 1 ? SALE_STATE_LOADING : SALE_STATE_OPEN;
        world.epoch[1] = i == 2 ? 3 : 2;
        world.mark[1] = i == 3; /* units came back or were added */
        cr_assert_eq(sweep(1 + i * 10000), ERR_OK);
        cr_assert(world.frozen == 0 && world.looks[1] == (uint32_t)i + 1);
    }
}

Test(bound, the_lower_of_two_readings_counts)
{
    world.left = 6;
    world.sold[1] = 9;
    cr_assert_eq(sweep(1), ERR_OK);
    cr_assert_eq(world.frozen, 0);
}

Test(bound, a_round_begins_after_the_interval)
{
    cr_assert_eq(sweep(1), ERR_OK);
    cr_assert_eq(sweep(10000), ERR_OK);
    cr_assert_eq(world.looks[1], 1);
    cr_assert_eq(sweep(10001), ERR_OK);
    cr_assert_eq(world.looks[1], 2);
}

Test(bound, many_sales_take_several_calls)
{
    world.live = SALES;
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(sweep(1 + i), ERR_OK);
    }
    for (uint32_t sale = 1; sale <= SALES; sale++) {
        cr_assert_eq(world.looks[sale], 1, "sale %u", sale);
    }
    cr_assert_eq(sweep(5), ERR_OK);
    cr_assert_eq(world.looks[1], 1, "the round is over");
}

Test(bound, redis_away_leaves_the_sale_for_the_next_call)
{
    world.live = 3;
    world.redis_fails_at = 2;
    world.redis_err = ERR_TIMEOUT;
    cr_assert_eq(sweep(1), ERR_OK);
    cr_assert(world.looks[1] == 1 && world.looks[2] == 1 && world.looks[3] == 0);
    world.redis_err = ERR_PARSE; /* garbage: the others are looked at all the same */
    cr_assert_eq(sweep(2), ERR_OK);
    cr_assert(world.looks[1] == 1 && world.looks[2] == 2 && world.looks[3] == 1);
}

Test(bound, a_sale_that_redis_cannot_tell_blinds_nobody_behind_it)
{
    const enum err errors[] = {ERR_PARSE, ERR_IO, ERR_CONFLICT, ERR_RANGE};

    world.live = 3;
    world.redis_fails_at = 2;
    for (uint32_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        world.redis_err = errors[i];
        cr_assert_eq(sweep(1 + (int64_t)i * 10000), ERR_OK);
        cr_assert(world.looks[2] == i + 1 && world.looks[3] == i + 1, "%s", err_name(errors[i]));
    }
}

Test(bound, mysql_away_is_told_and_tried_again)
{
    world.left = 8;
    world.freeze_err = ERR_UNAVAILABLE;
    cr_assert_eq(sweep(1), ERR_UNAVAILABLE);
    world.freeze_err = ERR_OK;
    cr_assert_eq(sweep(2), ERR_OK);
    cr_assert_eq(world.looks[1], 2);
    world.mysql_err = ERR_UNAVAILABLE;
    cr_assert_eq(sweep(20000), ERR_UNAVAILABLE);
}
