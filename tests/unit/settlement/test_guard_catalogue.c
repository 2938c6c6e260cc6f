/* The catalogue on fakes: whose times it tells, and that its claim is always ended. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "common/conf.h"
#include "inventory/catalogue_put.h"
#include "inventory/sale_reader.h"
#include "ledger/sale_store.h"
#include "settlement/guard.h"
#include "unit/settlement/quiet.h"

static struct {
    uint32_t sales; /* 1 to sales were loaded */
    enum err claim_err, list_err, add_err, send_err, progress_err;
    uint32_t bad_row, bad_window; /* no definition in MySQL; one that breaks sale_check() */
    uint32_t unreadable[4], unreadable_count;
    uint32_t lost_meta; /* this sale's meta cannot be read: meta_err */
    enum err meta_err;
    uint32_t added, sent, puts;
    uint32_t mysql_epoch;      /* in every row */
    uint32_t redis_epoch;      /* in every meta */
    uint32_t mid_load;         /* this sale's meta has no times yet */
    uint32_t deadline_of[512]; /* D as put */
    uint32_t epoch_of[512];
    int64_t sale_us; /* the reading of one sale takes so long */
    uint32_t beats, own_beats;
    bool fenced; /* the catalogue's claim is lost */
    bool has_ended;
    enum guard_step end;
} world;

enum err guard_store_claim(struct mysql_link *link, struct sale_id sale, const char *owner,
                           uint32_t stale_ms, struct guard_claim *ret_claim)
{
    (void)link;
    (void)owner;
    cr_assert(sale.value == 0 && stale_ms == GUARD_STALE_MS);
    *ret_claim = (struct guard_claim){.fence = 2};
    return world.claim_err;
}

enum err guard_store_progress(struct mysql_link *link, const struct guard_claim *claim,
                              const struct guard_progress *progress)
{
    (void)link;
    cr_assert_eq(claim->fence, 2);
    if (progress->step < GUARD_STEP_DONE) {
        world.own_beats++;
        return world.fenced ? ERR_FENCED : ERR_OK;
    }
    world.has_ended = true;
    world.end = progress->step;
    return world.progress_err;
}

enum err sale_store_list(struct mysql_link *link, const struct sale_filter *filter,
                         sale_row_fn *each, void *arg)
{
    (void)link;
    cr_assert(filter->loaded_only && filter->keep_days == 5);
    for (uint32_t sale = filter->after.value + 1, n = 0; sale <= world.sales && n < filter->limit;
         sale++, n++) {
        struct sale_row row = {.definition = {.sale = {sale},
                                              .epoch = world.mysql_epoch,
                                              .name = "n",
                                              .currency = "CNY",
                                              .closes_ms = sale == world.bad_window ? 0 : 1,
                                              .limit = 1,
                                              .pay_window_ms = 1000,
                                              .sku_count = 1}};
        cr_assert_eq(sku_parse("a", 1, &row.definition.skus[0].sku), ERR_OK);
        const enum err err =
            sale == world.bad_row ? filter->unreadable(arg, row.definition.sale) : each(arg, &row);
        if (err != ERR_OK) {
            return err;
        }
    }
    return world.list_err;
}

enum err sale_reader_meta(struct redis_blocking *redis, struct sale_id sale,
                          struct sale_meta *ret_meta)
{
    (void)redis;
    quiet.now_us += world.sale_us;
    memset(ret_meta, 0, sizeof *ret_meta);
    ret_meta->times = (struct sale_times){2000, 1000, 1500, 4000};
    ret_meta->head.epoch = world.redis_epoch;
    if (sale.value == world.mid_load) {
        ret_meta->times = (struct sale_times){0};
    }
    return sale.value == world.lost_meta ? world.meta_err : ERR_OK;
}

struct catalogue_put *catalogue_put_create(void)
{
    world.puts++;
    return malloc(1);
}

void catalogue_put_destroy(struct catalogue_put *put)
{
    world.puts--;
    free(put);
}

enum err catalogue_put_add(struct catalogue_put *put, const struct sale_definition *definition)
{
    (void)put;
    world.deadline_of[definition->sale.value] = definition->times.deadline_ms;
    world.epoch_of[definition->sale.value] = definition->epoch;
    world.added++;
    return world.add_err;
}

enum err catalogue_put_add_unreadable(struct catalogue_put *put, struct sale_id sale)
{
    (void)put;
    world.unreadable[world.unreadable_count++] = sale.value;
    return world.add_err;
}

enum err catalogue_put_send(struct catalogue_put *put, struct redis_blocking *redis,
                            uint64_t *ret_revision)
{
    (void)put;
    (void)redis;
    world.sent++;
    *ret_revision = 9;
    return world.send_err;
}

static struct conf conf;
static const struct guard_context context = {.conf = &conf, .owner = "me"};

static void begin(void)
{
    conf.sale_deadline_ms = 1000;
    conf.sale_lease_ms = 1000;
    conf.sale_hold_ms = 1500;
    conf.sale_guard_ms = 3000;
    conf.catalogue_keep_days = 5;
    world.sales = 3;
    world.mysql_epoch = 2;
    world.redis_epoch = 2;
}

static void count_beat(void *arg)
{
    (void)arg;
    world.beats++;
}

static void end(void)
{
    cr_assert_eq(world.puts, 0);
}

TestSuite(guard_catalogue, .init = begin, .fini = end);

/* Each sale takes 0.1 s, over a slow line. */
Test(guard_catalogue, claims_are_kept_alive_while_many_sales_are_read)
{
    world.sales = 250;
    world.sale_us = 100000;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_OK);
    cr_assert_eq(world.beats, 24);
    cr_assert_eq(world.own_beats, 24);
    world.fenced = true;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_BUSY);
    cr_assert_eq(world.sent, 1, "another has taken the catalogue over");
}

Test(guard_catalogue, another_writer_is_left_alone)
{
    world.claim_err = ERR_BUSY;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_BUSY);
    cr_assert(world.added == 0 && !world.has_ended);
}

Test(guard_catalogue, mysql_away_sends_nothing)
{
    quiet.ensure_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_UNAVAILABLE);
    quiet.ensure_err = ERR_OK;
    world.list_err = ERR_LOST;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_LOST);
    cr_assert_eq(world.sent, 0);
    cr_assert_eq(world.end, GUARD_STEP_FAILED);
}

Test(guard_catalogue, a_lost_reply_does_not_change_a_sales_times)
{
    world.lost_meta = 2;
    world.meta_err = ERR_LOST;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_LOST);
    cr_assert_eq(world.sent, 0);
    cr_assert_eq(world.end, GUARD_STEP_FAILED);
}

Test(guard_catalogue, too_many_sales_are_told)
{
    world.add_err = ERR_RANGE;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_RANGE);
    cr_assert_eq(world.end, GUARD_STEP_FAILED);
}

Test(guard_catalogue, a_sale_that_is_no_definition_does_not_stop_the_others)
{
    world.sales = 4;
    world.bad_row = 2;
    world.bad_window = 3;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_OK);
    cr_assert_eq(world.added, 2);
    cr_assert(world.unreadable_count == 2 && world.unreadable[0] == 2 && world.unreadable[1] == 3);
    cr_assert_eq(world.end, GUARD_STEP_DONE);
}

Test(guard_catalogue, redis_away_ends_the_claim)
{
    world.send_err = ERR_UNAVAILABLE;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_UNAVAILABLE);
    cr_assert_eq(world.end, GUARD_STEP_FAILED);
}

Test(guard_catalogue, what_a_sleeper_wrote_is_written_again)
{
    world.progress_err = ERR_FENCED;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_BUSY);
    cr_assert_eq(world.sent, 1);
}

Test(guard_catalogue, times_are_those_of_the_load_or_ours_where_redis_has_none)
{
    world.lost_meta = 2;
    world.meta_err = ERR_NOT_FOUND;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_OK);
    cr_assert_eq(world.deadline_of[1], 2000);
    cr_assert_eq(world.deadline_of[2], 1000);
    cr_assert_eq(world.end, GUARD_STEP_DONE);
}

Test(guard_catalogue, times_come_with_the_epoch_that_they_belong_to)
{
    world.redis_epoch = 1; /* MySQL's is raised already: another load is between cut and begin */
    world.mid_load = 2;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_OK);
    cr_assert(world.epoch_of[1] == 1 && world.deadline_of[1] == 2000);
    cr_assert(world.epoch_of[2] == 1 && world.deadline_of[2] == 1000, "never the one in work");
}

/* There is no epoch before the first one: engines hear that it is being rebuilt. */
Test(guard_catalogue, a_first_load_that_redis_lost_has_no_epoch_to_sell)
{
    world.mysql_epoch = 1;
    world.redis_epoch = 1;
    world.lost_meta = 2;
    world.meta_err = ERR_NOT_FOUND;
    world.mid_load = 3;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_OK);
    cr_assert_eq(world.added, 1);
    cr_assert(world.unreadable_count == 2 && world.unreadable[0] == 2 && world.unreadable[1] == 3);
    cr_assert_eq(world.end, GUARD_STEP_DONE);
}

Test(guard_catalogue, all_pages_are_written)
{
    world.sales = 401;
    cr_assert_eq(guard_write_catalogue(&context, count_beat, NULL), ERR_OK);
    cr_assert_eq(world.added, 401);
    cr_assert_eq(world.sent, 1);
}
