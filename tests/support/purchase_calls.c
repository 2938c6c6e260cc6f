/* purchase_calls.c: calls of the script: send → run → answer, or refused, or lost. */
#include "support/purchase_events.h"

#include <string.h>

#include "common/assert.h"
#include "inventory/outbox.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_stock.h"

enum { CALLS_UNDER_WAY_MAX = 2, TOO_LATE_US = 20000 };

static const struct sale_id the_sale = {MODEL_SALE};

/* --- one purchase is decided */

struct world_entry *calls_entry_of(struct purchase_world *world, const struct model_order *order)
{
    uint32_t epoch = order_no_epoch(order->entry.order_no);
    uint32_t seq = order_no_seq(order->entry.order_no);

    for (uint32_t i = 0; i < world->entry_count; i++) {
        const struct model_entry *entry = world->entries[i].entry;

        if (entry->epoch == epoch && seq >= entry->first && seq < entry->first + entry->count) {
            return &world->entries[i];
        }
    }
    return NULL;
}

/* Whoever builds it, the record of an order is the same. */
static void check_record(struct purchase_world *world, const struct order_record *record,
                         const struct model_order *order)
{
    const struct order_entry *entry = &order->entry;

    world_expect(world,
                 record->order_no.value == entry->order_no.value
                     && buyer_equal(&record->buyer, &order->buyer)
                     && sku_equal(&record->sku, &entry->sku) && record->slot == entry->slot
                     && record->quantity == entry->quantity
                     && strcmp(record->key_hash.hex, entry->key_hash.hex) == 0
                     && record->won_at_ms == entry->won_at_ms
                     && record->pay_by_ms == entry->won_at_ms + WORLD_PAY_MS
                     && record->unit_price == WORLD_PRICE && strcmp(record->currency, "CNY") == 0,
                 "a record says something else than the order");
}

/* A replay that only Redis is known to have; told of before somebody has reported it, it could be
 * lost. */
static bool is_unlogged_replay(const struct world_ask *ask)
{
    return ask->decision == DECISION_REPLAYED && ask->result.may_be_unlogged
           && ask->result.entry.state == ORDER_STATE_PENDING;
}

static void take_append(struct purchase_world *world, struct world_ask *ask, uint32_t before)
{
    bool needs_log =
        ask->decision == DECISION_WON || (is_unlogged_replay(ask) && ask->result.entry.has_slot);

    if (world->log->append_count > before) {
        ask->append = (int)before;
        world_expect(world, needs_log, "a record of nothing new");
        world_expect(world, world->log->append_count == before + 1, "two records of one win");
        if (ask->result.order != NULL) {
            check_record(world, &world->log->appends[before].record, ask->result.order);
        }
        return;
    }
    world_expect(world, !needs_log || world->log->append_error != ERR_OK, "a win without a record");
    if (ask->decision == DECISION_WON) {
        calls_entry_of(world, ask->result.order)->is_abandoned = true;
    }
}

static void deliver(struct purchase_world *world, uint32_t index, enum decision decision,
                    const struct win *win)
{
    struct world_ask *ask = &world->asks[index];
    uint32_t before = world->log->append_count;

    ask->is_decided = true;
    ask->decision = decision;
    fake_stock_decide(world->stock, index, decision, win);
    take_append(world, ask, before);
    world_expect(world,
                 ask->is_told || world->is_muted || ask->append >= 0
                     || decision == DECISION_LOST_REPLY || decision == DECISION_WON
                     || is_unlogged_replay(ask),
                 "what is known is not told at once");
}

static void deliver_all(struct purchase_world *world, const struct world_call *call,
                        enum decision decision)
{
    for (uint32_t i = 0; i < call->count; i++) {
        deliver(world, call->asks[i], decision, NULL);
    }
}

/* --- calls */

bool calls_is_waiting(const struct purchase_world *world, uint32_t index)
{
    return fake_stock_is_pending(world->stock, index) && !world->asks[index].is_sent;
}

uint32_t calls_under_way(const struct purchase_world *world)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < world->call_count; i++) {
        count += world->calls[i].state == CALL_SENT || world->calls[i].state == CALL_RUN;
    }
    return count;
}

static struct world_call *first_call(struct purchase_world *world, int state)
{
    for (uint32_t i = 0; i < world->call_count; i++) {
        if ((int)world->calls[i].state == state) {
            return &world->calls[i];
        }
    }
    return NULL;
}

/* Those that wait, of one epoch, as many as fit; without any it is a poll. */
static void fill(struct purchase_world *world, struct world_call *call, uint32_t max)
{
    for (uint32_t i = 0; i < world->ask_count && call->count < max; i++) {
        const struct attempt *attempt = &world->stock->attempts[i].attempt;

        if (!calls_is_waiting(world, i) || (call->count > 0 && attempt->epoch != call->epoch)) {
            continue;
        }
        world->asks[i].is_sent = true;
        if (attempt->deadline_us - call->sent_us < TOO_LATE_US) {
            deliver(world, i, DECISION_LATE, NULL);
            continue;
        }
        call->epoch = attempt->epoch;
        call->asks[call->count++] = i;
        if (attempt->deadline_us < call->deadline_us) {
            call->deadline_us = attempt->deadline_us;
        }
    }
}

void calls_send(struct purchase_world *world)
{
    struct world_call *call = &world->calls[world->call_count];
    uint32_t max = 1 + world_choose(world, WORLD_CALL_ASKS);

    if (world->call_count == WORLD_CALLS_MAX || calls_under_way(world) == CALLS_UNDER_WAY_MAX) {
        return;
    }
    *call = (struct world_call){.sent_us = loop_clock_us(world->loop), .deadline_us = INT64_MAX};
    fill(world, call, max);
    if (call->epoch == 0) {
        call->epoch = world->believed_epoch;
    }
    call->ack_count =
        outbox_take_acks(world->outbox, the_sale, call->epoch, call->acks, WORLD_ACKS_MAX);
    world->call_count++;
}

void calls_delete_acknowledged(struct purchase_world *world, const struct world_call *call)
{
    for (uint32_t i = 0; i < call->ack_count; i++) {
        struct model_entry *entry = model_find_entry(&world->model, call->epoch, call->acks[i]);

        if (entry == NULL) {
            continue; /* somebody else has relayed it */
        }
        entry->is_here = false;
        world_expect(world, model_is_logged(&world->model, entry),
                     "acknowledged, and not in the log");
        for (uint32_t k = 0; k < world->entry_count && !entry->is_relayed; k++) {
            world_expect(world, world->entries[k].entry != entry || !world->entries[k].unreported,
                         "acknowledged before all of it was reported");
        }
    }
}

static void run_attempts(struct purchase_world *world, struct world_call *call)
{
    const struct attempt *attempts[WORLD_CALL_ASKS];
    struct model_result results[WORLD_CALL_ASKS];

    for (uint32_t i = 0; i < call->count; i++) {
        attempts[i] = &world->stock->attempts[call->asks[i]].attempt;
    }
    call->entry =
        model_run(&world->model, attempts, call->count, loop_clock_us(world->loop) / 1000, results);
    for (uint32_t i = 0; i < call->count; i++) {
        world->asks[call->asks[i]].result = results[i];
        world->asks[call->asks[i]].is_run = true;
    }
}

/* The script. */
static void run(struct purchase_world *world, struct world_call *call)
{
    call->state = call->state == CALL_LOST ? CALL_OVER : CALL_RUN;
    call->meta_epoch = world->model.epoch;
    if (world->model.is_fenced) {
        call->answer = RUN_FENCED;
        return;
    }
    if (call->epoch != world->model.epoch) {
        call->answer = RUN_EPOCH;
        return;
    }
    if (world_choose(world, 50) == 49) {
        call->answer = RUN_BROKEN;
        return;
    }
    calls_delete_acknowledged(world, call);
    call->answer = loop_clock_us(world->loop) > call->deadline_us ? RUN_LATE : RUN_OK;
    if (call->answer == RUN_OK) {
        run_attempts(world, call);
    }
    call->outbox_first = model_outbox_first(&world->model);
    call->seq = world->model.seq;
    call->version = world->model.version;
    call->sale_state = world->model.state;
}

static void see(struct purchase_world *world, const struct world_call *call)
{
    struct sale_view view = {.sale = the_sale,
                             .status = SALE_VIEW_OK,
                             .epoch = call->meta_epoch,
                             .version = call->version,
                             .state = call->sale_state,
                             .redis_time_ms = loop_clock_us(world->loop) / 1000,
                             .sent_us = call->sent_us,
                             .received_us = loop_clock_us(world->loop),
                             .seq = call->seq,
                             .outbox_first = call->outbox_first};

    if (call->answer == RUN_EPOCH) {
        view.status = SALE_VIEW_EPOCH;
        world->believed_epoch = call->meta_epoch;
    } else if (call->answer == RUN_FENCED || call->answer == RUN_BROKEN) {
        view.status = SALE_VIEW_REBUILDING;
    }
    purchases_see_call(world->purchases, call->sent_us);
    if (world->on_view != NULL) {
        world->on_view(world->view_arg, &view);
    }
}

static void deliver_results(struct purchase_world *world, const struct world_call *call)
{
    uint64_t handle = 0;

    if (call->entry != NULL) {
        handle = outbox_won(world->outbox, the_sale, call->epoch, call->entry->first,
                            call->entry->count);
        world->entries[world->entry_count++] =
            (struct world_entry){.entry = call->entry,
                                 .handle = handle,
                                 .link = world->link,
                                 .unreported = call->entry->count};
    }
    for (uint32_t i = 0; i < call->count; i++) {
        struct model_result *result = &world->asks[call->asks[i]].result;

        if (result->decision == DECISION_REPLAYED && world_choose(world, 30) == 29) {
            result->entry.has_slot = false; /* of such an order no record can be built */
        }
        struct win win = {.entry = result->entry, .may_be_unlogged = result->may_be_unlogged};
        win.outbox_handle = result->decision == DECISION_WON ? handle : 0;
        deliver(world, call->asks[i], result->decision,
                result->order != NULL || result->decision == DECISION_LIMIT ? &win : NULL);
    }
}

/* It was of a call that did not pass. Where the outbox is full it is forgotten: the relay finds the
 * entry in Redis. */
static void return_ack(struct purchase_world *world, const struct world_call *call, uint32_t first)
{
    const bool has_room = !outbox_is_full(world->outbox);

    outbox_return_acks(world->outbox, the_sale, call->epoch, &first, 1);
    if (has_room || outbox_is_underway(world->outbox, the_sale, call->epoch, first)) {
        return;
    }
    for (uint32_t i = 0; i < world->entry_count; i++) {
        const struct model_entry *entry = world->entries[i].entry;

        world->entries[i].is_abandoned |= entry->epoch == call->epoch && entry->first == first;
    }
}

static void return_acks(struct purchase_world *world, const struct world_call *call)
{
    for (uint32_t i = 0; i < call->ack_count; i++) {
        return_ack(world, call, call->acks[i]);
    }
}

void calls_answer(struct purchase_world *world)
{
    struct world_call *call = first_call(world, CALL_RUN);

    if (call == NULL) {
        return;
    }
    call->state = CALL_OVER;
    if (call->answer == RUN_FENCED || call->answer == RUN_BROKEN) {
        return_acks(world, call);
    }
    see(world, call);
    switch (call->answer) {
    case RUN_OK: deliver_results(world, call); return;
    case RUN_LATE: deliver_all(world, call, DECISION_LATE); return;
    case RUN_EPOCH:
    case RUN_FENCED: deliver_all(world, call, DECISION_REBUILDING); return;
    case RUN_BROKEN: deliver_all(world, call, DECISION_BROKEN); return;
    }
    UNREACHABLE();
}

/* Redis refused it before it began, or the link had no room. */
void calls_refuse(struct purchase_world *world)
{
    struct world_call *call = first_call(world, CALL_SENT);

    if (call != NULL) {
        call->state = CALL_OVER;
        return_acks(world, call);
        deliver_all(world, call,
                    world_choose(world, 2) == 0 ? DECISION_NOT_DONE : DECISION_LINK_FULL);
    }
}

/* With it go the replies; what waits was not sent. */
void calls_break(struct purchase_world *world)
{
    for (uint32_t i = 0; i < world->call_count; i++) {
        struct world_call *call = &world->calls[i];

        if (call->state == CALL_SENT || call->state == CALL_RUN) {
            call->state = call->state == CALL_SENT ? CALL_LOST : CALL_OVER;
            deliver_all(world, call, DECISION_LOST_REPLY);
        }
    }
    for (uint32_t i = 0; i < world->ask_count; i++) {
        if (calls_is_waiting(world, i)) {
            world->asks[i].is_sent = true;
            deliver(world, i, DECISION_NOT_DONE, NULL);
        }
    }
    world->link++;
    outbox_forget(world->outbox);
}

void calls_run(struct purchase_world *world)
{
    struct world_call *call = first_call(world, CALL_SENT);

    if (call != NULL) {
        run(world, call);
    }
}

void calls_run_lost(struct purchase_world *world)
{
    struct world_call *call = first_call(world, CALL_LOST);

    if (call != NULL) {
        run(world, call);
    }
}
