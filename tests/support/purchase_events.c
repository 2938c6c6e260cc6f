/* purchase_events.c: reports of records, everybody else, and in what measure all of it happens. */
#include "support/purchase_events.h"

#include <string.h>

#include "common/assert.h"
#include "inventory/outbox.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_stock.h"

enum { Q_US = 3000000 };

static const struct sale_id the_sale = {MODEL_SALE};

/* --- records */

/* The purchase whose record is under way, one of them; NULL: none is. */
static struct world_ask *any_unreported(struct purchase_world *world)
{
    uint32_t from = world->ask_count > 0 ? world_choose(world, world->ask_count) : 0;

    for (uint32_t i = 0; i < world->ask_count; i++) {
        struct world_ask *ask = &world->asks[(from + i) % world->ask_count];

        if (ask->append >= 0 && world->log->appends[ask->append].done != NULL) {
            return ask;
        }
    }
    return NULL;
}

static void report(struct purchase_world *world, enum err status)
{
    struct world_ask *ask = any_unreported(world);

    if (ask == NULL) {
        return;
    }
    struct model_order *order = ask->result.order;
    struct world_entry *entry = ask->decision == DECISION_WON ? calls_entry_of(world, order) : NULL;

    if (status == ERR_OK || (status == ERR_LOST && world_choose(world, 2) == 0)) {
        order->in_log = true;
    }
    ask->is_reported = status == ERR_OK;
    if (entry != NULL) {
        entry->unreported -= status == ERR_OK;
        entry->is_abandoned |= status != ERR_OK;
    }
    fake_order_log_report(world->log, (uint32_t)ask->append, status);
    world_expect(world, status != ERR_OK || ask->is_told || world->is_muted,
                 "reported, and not told at once");
}

/* A broker has it; whether that will ever be told is another thing. */
static void take_record(struct purchase_world *world)
{
    struct world_ask *ask = any_unreported(world);

    if (ask != NULL) {
        ask->result.order->in_log = true;
    }
}

/* --- everybody else */

static void pass_time(struct purchase_world *world)
{
    static const int64_t steps_us[] = {0, 1, 1, 500, 500, 19999, 20001, 300000, 979999, 1000000};
    int64_t us = steps_us[world_choose(world, sizeof steps_us / sizeof *steps_us)];

    if (world_choose(world, 4) == 0) {
        fake_loop_stall_us(world->loop, us);
    } else {
        fake_loop_advance_us(world->loop, us);
        for (uint32_t i = 0; i < world->ask_count && !world->is_muted; i++) {
            world_expect(world,
                         world->asks[i].is_told
                             || world->asks[i].deadline_us > loop_clock_us(world->loop),
                         "not answered at D");
        }
    }
}

static void other_engine_runs(struct purchase_world *world)
{
    struct purchase_request request = world_any_request(world);
    struct attempt attempt = {.sale = request.sale,
                              .epoch = world->model.epoch,
                              .buyer = request.buyer,
                              .sku = request.sku,
                              .quantity = request.quantity,
                              .key_hash = request.key_hash};
    const struct attempt *attempts = &attempt;
    struct model_result result;

    if (!world->model.is_fenced && world->model.entry_count < WORLD_CALLS_MAX) {
        (void)model_run(&world->model, &attempts, 1, loop_clock_us(world->loop) / 1000, &result);
    }
}

static void relay(struct purchase_world *world, bool by_us)
{
    struct sale_model *model = &world->model;
    struct model_entry *entry =
        model->entry_count > 0 ? &model->entries[world_choose(world, model->entry_count)] : NULL;

    if (entry == NULL || !entry->is_here) {
        return;
    }
    if (!by_us) {
        model_relay(model, entry);
        entry->is_here = false;
    } else if (!outbox_is_underway(world->outbox, the_sale, entry->epoch, entry->first)) {
        model_relay(model, entry);
        entry->is_relayed = true;
        outbox_acknowledge(world->outbox, the_sale, entry->epoch, entry->first);
    }
}

static void change_state(struct purchase_world *world)
{
    static const enum sale_state states[] = {SALE_STATE_LOADED, SALE_STATE_PAUSED,
                                             SALE_STATE_RESUMING, SALE_STATE_ENDED,
                                             SALE_STATE_FROZEN};
    uint32_t which = world_choose(world, 2 * sizeof states / sizeof *states);

    world->model.state = which < sizeof states / sizeof *states ? states[which] : SALE_STATE_OPEN;
    world->model.is_listed = world_choose(world, 8) == 7;
    world->model.version += 2;
}

static void settle(struct purchase_world *world)
{
    struct sale_model *model = &world->model;
    struct model_order *order =
        model->order_count > 0 ? &model->orders[world_choose(world, model->order_count)] : NULL;

    if (order == NULL || !order->is_held || !order->in_log
        || order->entry.state != ORDER_STATE_PENDING) {
        return;
    }
    if (world_choose(world, 2) == 0) {
        order->entry.state = ORDER_STATE_PAID;
        return;
    }
    order->entry.state = ORDER_STATE_CLOSED;
    order->entry.has_slot = false;
    model->left[sku_equal(&order->entry.sku, &model->skus[0]) ? 0 : 1] += order->entry.quantity;
}

/* The fence is closed; after Q, and not before, the sale is cut and sold on. */
static void guard(struct purchase_world *world)
{
    const char *fault;

    if (!world->model.is_fenced) {
        world->model.is_fenced = true;
        world->fenced_us = loop_clock_us(world->loop);
        return;
    }
    if (loop_clock_us(world->loop) - world->fenced_us < Q_US) {
        fake_loop_advance_us(world->loop, Q_US);
    }
    model_rebuild(&world->model, world_choose(world, 2) == 0);
    fault = model_fault(&world->model);
    world_expect(world, fault == NULL, fault);
}

static void break_log(struct purchase_world *world)
{
    static const enum err errors[] = {ERR_BUSY, ERR_UNAVAILABLE};

    world->log->append_error =
        world_choose(world, 4) == 3 ? errors[world_choose(world, 2)] : ERR_OK;
}

static void break_stock(struct purchase_world *world)
{
    static const enum err errors[] = {ERR_BUSY, ERR_UNAVAILABLE};

    world->stock->decide_error =
        world_choose(world, 4) == 3 ? errors[world_choose(world, 2)] : ERR_OK;
}

/* A handle whose entry was forgotten, or acknowledged, does nothing. */
static void use_old_handle(struct purchase_world *world)
{
    for (uint32_t i = 0; i < world->entry_count; i++) {
        const struct world_entry *entry = &world->entries[i];

        if (entry->link != world->link || entry->unreported == 0) {
            outbox_reported(world->outbox, entry->handle);
            outbox_abandoned(world->outbox, entry->handle);
        }
    }
}

static void drain(struct purchase_world *world)
{
    if (world_choose(world, 8) == 7) {
        purchases_mute(world->purchases);
        world->is_muted = true;
    }
}

static void report_good(struct purchase_world *world)
{
    report(world, ERR_OK);
}

static void report_bad(struct purchase_world *world)
{
    report(world, world_choose(world, 2) == 0 ? ERR_LOST : ERR_REFUSED);
}

static void relay_any(struct purchase_world *world)
{
    relay(world, world_choose(world, 2) == 0);
}

void world_event(struct purchase_world *world, uint32_t which)
{
    static const struct {
        uint32_t until; /* of 64 */
        void (*happen)(struct purchase_world *world);
    } events[] = {
        {13, calls_send},     {24, calls_run},   {34, calls_answer},      {42, report_good},
        {44, report_bad},     {45, take_record}, {48, pass_time},         {49, calls_break},
        {51, calls_run_lost}, {53, relay_any},   {54, change_state},      {56, settle},
        {57, calls_refuse},   {58, break_log},   {59, break_stock},       {60, use_old_handle},
        {61, guard},          {62, drain},       {64, other_engine_runs},
    };
    uint32_t i = 0;

    if (world->model.is_fenced && world_choose(world, 4) == 0) {
        guard(world);
    }
    while (events[i].until <= which % 64) {
        i++;
    }
    events[i].happen(world);
}

/* --- the end */

static bool anything_waits(const struct purchase_world *world)
{
    for (uint32_t i = 0; i < world->ask_count; i++) {
        if (fake_stock_is_pending(world->stock, i)) {
            return true;
        }
    }
    return false;
}

void events_finish(struct purchase_world *world)
{
    if (world->model.is_fenced) {
        guard(world);
    }
    while ((anything_waits(world) || calls_under_way(world) > 0)
           && world->call_count < WORLD_CALLS_MAX) {
        calls_send(world);
        calls_run(world);
        calls_answer(world);
    }
    if (world_choose(world, 4) == 3 || anything_waits(world)) {
        calls_break(world);
    }
    while (any_unreported(world) != NULL) {
        report(world, world_choose(world, 4) == 0 ? ERR_LOST : ERR_OK);
    }
}

void events_acknowledge_all(struct purchase_world *world)
{
    uint32_t acks[WORLD_ACKS_MAX];
    struct world_call call = {.acks = {0}};

    do {
        call.epoch = world->model.epoch;
        call.ack_count =
            outbox_take_acks(world->outbox, the_sale, call.epoch, acks, WORLD_ACKS_MAX);
        memcpy(call.acks, acks, sizeof acks);
        calls_delete_acknowledged(world, &call);
    } while (call.ack_count > 0);
}
