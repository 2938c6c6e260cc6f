/* Step 3 of a load on fakes: what Redis is given, and that a load is always ended. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "inventory/sale_loader.h"
#include "ledger/order_store.h"
#include "settlement/guard_job.h"
#include "unit/settlement/fake_guard_job.h"
#include "unit/settlement/quiet.h"

static struct {
    uint32_t orders; /* rows, of seq 1 to orders */
    uint32_t voided; /* this seq is of a cut history; 0: none */
    uint32_t closed; /* this seq is closed, without a slot */
    const char *listed[3];
    enum err list_err, each_err;
    uint32_t beats; /* of all loads */
    enum err begin_err, stock_err, order_err, listed_err, end_err, send_err;
    uint32_t loaded, listed_count, stock[2], pages;
    bool was_closed, is_begun;
    uint32_t begun, destroyed;
    enum sale_state state;
} world;

enum err order_store_list(struct mysql_link *link, const struct order_filter *filter,
                          order_row_fn *each, void *arg)
{
    (void)link;
    cr_assert(filter->sale.value == 7 && filter->limit <= ORDER_LIST_MAX);
    uint32_t seq = filter->after.value ? order_no_seq(filter->after) : 0;
    world.pages++;
    for (uint32_t i = 0; i < filter->limit && seq < world.orders; i++) {
        struct order_row row = {.record = {.quantity = 1}, .has_slot = true};
        seq++;
        cr_assert_eq(order_no_make((struct sale_id){7}, 3, seq, &row.record.order_no), ERR_OK);
        row.reason = seq == world.voided ? ORDER_REASON_EPOCH : ORDER_REASON_NONE;
        row.state = seq == world.voided ? ORDER_STATE_VOIDED : ORDER_STATE_PENDING;
        if (seq == world.closed) {
            row.state = ORDER_STATE_CLOSED;
            row.has_slot = false;
        }
        const enum err err = each(arg, &row);
        if (err != ERR_OK) {
            return err;
        }
    }
    return world.list_err;
}

enum err sale_store_each_listed(struct mysql_link *link, struct sale_id sale, sale_buyer_fn *each,
                                sale_page_fn *page, void *arg)
{
    (void)link;
    (void)sale;
    for (size_t i = 0; i < 3 && world.listed[i]; i++) {
        enum err err = each(arg, world.listed[i], strlen(world.listed[i]));
        err = err == ERR_OK ? page(arg) : err;
        if (err != ERR_OK) {
            return err;
        }
    }
    return world.each_err;
}

enum err sale_load_begin(struct redis_blocking *redis, struct sale_id sale, uint32_t epoch,
                         struct sale_load **ret_load, struct sale_reply *ret_reply)
{
    (void)redis;
    (void)ret_reply;
    cr_assert(sale.value == 7 && epoch == 4);
    *ret_load = NULL;
    world.begun += world.begin_err == ERR_OK;
    return world.begin_err;
}

void sale_load_destroy(struct sale_load *load)
{
    (void)load;
    world.destroyed++;
}

enum err sale_load_stock(struct sale_load *load, const struct sku *sku, uint32_t left)
{
    (void)load;
    world.stock[strcmp(sku->text, "a") != 0] = left;
    return world.stock_err;
}

enum err sale_load_order(struct sale_load *load, const struct buyer *buyer,
                         const struct order_entry *entry)
{
    (void)load;
    (void)buyer;
    cr_assert_neq(order_no_seq(entry->order_no), world.voided);
    if (order_no_seq(entry->order_no) == world.closed) {
        world.was_closed = entry->state == ORDER_STATE_CLOSED && !entry->has_slot;
    }
    world.loaded++;
    return world.order_err;
}

enum err sale_load_listed(struct sale_load *load, const struct buyer *buyer)
{
    (void)load;
    (void)buyer;
    world.listed_count++;
    return world.listed_err;
}

enum err sale_load_send(struct sale_load *load, sale_load_sent_fn *on_sent, void *arg)
{
    (void)load;
    on_sent(arg);
    return world.send_err;
}

enum err sale_load_end(struct sale_load *load, const struct sale_definition *definition,
                       enum sale_state state, struct sale_reply *ret_reply)
{
    (void)load;
    (void)ret_reply;
    cr_assert_eq(definition->epoch, 4);
    world.state = state;
    return world.end_err;
}

static struct guard_context context;
static struct guard_job job;

static void count_beat(void *arg)
{
    (void)arg;
    world.beats++;
}

static struct guard_shared shared = {.beat = count_beat};

static void begin(void)
{
    job = (struct guard_job){
        .context = &context, .shared = &shared, .claim = {.sale = {7}, .fence = 5}};
    struct sale_definition *definition = &job.row.definition;
    definition->epoch = 4;
    definition->sku_count = 2;
    definition->skus[0].total = 10;
    definition->skus[1].total = 5;
    job.row.sold[0] = 3;
    job.row.sold[1] = 5;
    cr_assert_eq(sku_parse("a", 1, &definition->skus[0].sku), ERR_OK);
    cr_assert_eq(sku_parse("b", 1, &definition->skus[1].sku), ERR_OK);
    world.orders = 3;
    world.state = SALE_STATE_COUNT;
}

static void end(void)
{
    cr_assert_eq(world.destroyed, world.begun, "the load is destroyed on every path");
}

TestSuite(guard_fill, .init = begin, .fini = end);

static void must_fail(enum err err, const char *note)
{
    cr_assert_eq(guard_fill(&job), err);
    cr_assert_not_null(strstr(job.note, note), "%s", job.note);
}

Test(guard_fill, a_lost_claim_writes_nothing)
{
    fake_guard_job.fenced_at = 1;
    must_fail(ERR_FENCED, "MySQL: loading");
    cr_assert_eq(world.begun, 0);
}

Test(guard_fill, a_begin_that_is_refused_gives_nothing)
{
    world.begin_err = ERR_FENCED;
    must_fail(ERR_FENCED, "Redis: load_begin");
    cr_assert_eq(world.loaded, 0);
}

Test(guard_fill, a_failure_of_redis_is_not_blamed_on_mysql)
{
    world.order_err = ERR_LOST;
    must_fail(ERR_LOST, "Redis: loading orders");
    world.order_err = ERR_OK;
    world.stock_err = ERR_LOST;
    must_fail(ERR_LOST, "Redis: loading stock");
    world.stock_err = ERR_OK;
    world.send_err = ERR_LOST;
    must_fail(ERR_LOST, "Redis: load_part");
    world.send_err = ERR_OK;
    world.end_err = ERR_FENCED;
    must_fail(ERR_FENCED, "Redis: load_end");
}

Test(guard_fill, a_failure_of_mysql_is_not_blamed_on_redis)
{
    world.list_err = ERR_UNAVAILABLE;
    must_fail(ERR_UNAVAILABLE, "MySQL: reading orders");
    world.list_err = ERR_OK;
    job.row.definition.listed = true;
    world.listed[0] = "a buyer with blanks";
    must_fail(ERR_PARSE, "MySQL: reading orders");
    cr_assert_eq(world.state, SALE_STATE_COUNT, "load_end was not sent");
}

Test(guard_fill, a_claim_lost_between_two_pages_stops_it)
{
    world.orders = 2 * ORDER_LIST_MAX;
    fake_guard_job.fenced_at = 2;
    must_fail(ERR_FENCED, "MySQL");
    cr_assert_eq(world.loaded, ORDER_LIST_MAX);
    cr_assert_eq(world.state, SALE_STATE_COUNT);
}

Test(guard_fill, a_claim_lost_while_a_small_sale_was_loaded_ends_no_load)
{
    fake_guard_job.fenced_at = 2;
    must_fail(ERR_FENCED, "MySQL: ending the load");
    cr_assert_eq(world.loaded, 3);
    cr_assert_eq(world.state, SALE_STATE_COUNT, "load_end was not sent");
}

Test(guard_fill, a_stopped_worker_ends_no_load)
{
    quiet.is_stopped = true;
    world.orders = 2 * ORDER_LIST_MAX;
    must_fail(ERR_CLOSED, "stopped");
    cr_assert_eq(world.state, SALE_STATE_COUNT);
    cr_assert_eq(world.pages, 1);
}

Test(guard_fill, stock_is_total_without_sold)
{
    cr_assert_eq(guard_fill(&job), ERR_OK);
    cr_assert_eq(world.stock[0], 7);
    cr_assert_eq(world.stock[1], 0);
}

Test(guard_fill, orders_of_a_cut_history_are_left_out)
{
    world.voided = 2;
    world.closed = 3;
    cr_assert_eq(guard_fill(&job), ERR_OK);
    cr_assert_eq(world.loaded, 2);
    cr_assert_eq(job.filled, 2);
    cr_assert(world.was_closed, "a closed order is told, its slot is free");
}

Test(guard_fill, many_orders_come_by_pages_with_a_beat_between)
{
    world.orders = 2 * ORDER_LIST_MAX + 1;
    cr_assert_eq(guard_fill(&job), ERR_OK);
    cr_assert_eq(world.loaded, world.orders);
    cr_assert_eq(world.pages, 3);
    cr_assert_eq(fake_guard_job.beats, 4, "before, after two full pages, before the end");
    cr_assert_eq(fake_guard_job.done, world.orders);
}

Test(guard_fill, the_list_is_loaded_only_where_there_is_one)
{
    world.listed[0] = "ann";
    world.listed[1] = "bob";
    cr_assert_eq(guard_fill(&job), ERR_OK);
    cr_assert_eq(world.listed_count, 0);
    job.row.definition.listed = true;
    cr_assert_eq(guard_fill(&job), ERR_OK);
    cr_assert_eq(world.listed_count, 2);
}

Test(guard_fill, the_claim_is_proven_between_pages_of_the_list_and_all_are_kept_while_it_is_sent)
{
    job.row.definition.listed = true;
    world.listed[0] = "ann";
    world.listed[1] = "bob";
    cr_assert_eq(guard_fill(&job), ERR_OK);
    cr_assert_eq(fake_guard_job.beats, 4, "before, after two pages of the list, before the end");
    cr_assert_eq(world.beats, 1);
    fake_guard_job.beats = 0;
    fake_guard_job.fenced_at = 2;
    must_fail(ERR_FENCED, "MySQL");
}

Test(guard_fill, the_state_follows_what_the_operator_wants)
{
    static const struct {
        enum sale_control control;
        enum sale_state state;
    } table[] = {
        {SALE_CONTROL_OPEN, SALE_STATE_LOADED},
        {SALE_CONTROL_PAUSED, SALE_STATE_PAUSED},
        {SALE_CONTROL_FROZEN, SALE_STATE_FROZEN},
        {SALE_CONTROL_ENDED, SALE_STATE_ENDED},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        job.row.control = table[i].control;
        cr_assert_eq(guard_fill(&job), ERR_OK);
        cr_assert_eq(world.state, table[i].state);
    }
}
