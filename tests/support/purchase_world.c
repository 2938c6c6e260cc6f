/* purchase_world.c: the buyers, the answers and what they must be; what happens is in
 * purchase_calls.c and purchase_events.c. */
#include "support/purchase_events.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "inventory/outbox.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_redis.h"
#include "support/fakes/fake_stock.h"

void world_expect(struct purchase_world *world, bool holds, const char *promise)
{
    if (!holds && world->broken == NULL) {
        world->broken = promise;
    }
}

uint32_t world_choose(struct purchase_world *world, uint32_t n)
{
    return world->choose(world->choose_arg, n);
}

struct purchase_world *world_create(world_choose_fn *choose, void *choose_arg)
{
    struct purchase_world *world = calloc(1, sizeof *world);

    ASSERT(world != NULL);
    world->choose = choose;
    world->choose_arg = choose_arg;
    world->stock = fake_stock_create();
    world->log = fake_order_log_create();
    return world;
}

static void drop_parts(struct purchase_world *world)
{
    if (world->loop != NULL) {
        purchases_destroy(world->purchases);
        outbox_destroy(world->outbox);
        fake_redis_destroy(world->redis);
        fake_loop_destroy(world->loop);
    }
}

void world_destroy(struct purchase_world *world)
{
    drop_parts(world);
    fake_stock_destroy(world->stock);
    fake_order_log_destroy(world->log);
    free(world);
}

void world_begin(struct purchase_world *world)
{
    uint32_t units = 1 + world_choose(world, 6);

    drop_parts(world);
    world->loop = fake_loop_create(WORLD_START_US);
    world->redis = fake_redis_create();
    world->stock->attempt_count = 0;
    world->stock->decide_error = ERR_OK;
    world->log->append_count = 0;
    world->log->append_error = ERR_OK;
    world->log->is_unready = false;
    world->log->room = FAKE_ORDER_LOG_MAX;
    world->ask_count = world->call_count = world->entry_count = 0;
    world->link = world->believed_epoch = 1;
    world->is_muted = false;
    world->broken = NULL;
    model_init(&world->model, units, 1 + world_choose(world, 3));
    world->outbox = outbox_create(
        &(struct outbox_options){.loop = world->loop, .entries_max = WORLD_ENTRIES_MAX});
    ASSERT(world->outbox != NULL);
    world->purchases =
        purchases_create(&(struct purchases_options){.loop = world->loop,
                                                     .link = world->redis,
                                                     .stock = world->stock,
                                                     .outbox = world->outbox,
                                                     .order_log = world->log,
                                                     .purchases_max = WORLD_PURCHASES_MAX});
    ASSERT(world->purchases != NULL);
}

/* --- what may be told */

static enum outcome outcome_of(enum decision decision)
{
    switch (decision) {
    case DECISION_WON: return OUTCOME_ACCEPTED;
    case DECISION_REPLAYED: return OUTCOME_REPLAYED;
    case DECISION_KEY_REUSED: return OUTCOME_KEY_REUSED;
    case DECISION_NOT_OPEN: return OUTCOME_NOT_OPEN;
    case DECISION_PAUSED: return OUTCOME_PAUSED;
    case DECISION_ENDED: return OUTCOME_ENDED;
    case DECISION_NOT_ELIGIBLE: return OUTCOME_NOT_ELIGIBLE;
    case DECISION_LIMIT: return OUTCOME_LIMIT_REACHED;
    case DECISION_SOLD_OUT: return OUTCOME_SOLD_OUT;
    case DECISION_UNKNOWN_SKU: return OUTCOME_UNKNOWN_SKU;
    case DECISION_REBUILDING:
    case DECISION_BROKEN: return OUTCOME_REBUILDING;
    case DECISION_LATE:
    case DECISION_LINK_FULL:
    case DECISION_NOT_DONE: return OUTCOME_OVERLOADED;
    case DECISION_LOST_REPLY: return OUTCOME_OUTCOME_UNKNOWN;
    }
    UNREACHABLE();
}

static bool is_win(enum decision decision)
{
    return decision == DECISION_WON || decision == DECISION_REPLAYED;
}

/* Only this makes a 201: the record was reported to this purchase, or somebody settled the order,
 * or acknowledged it, before. */
static void check_201(struct world_ask *ask, struct order_no order_no)
{
    struct purchase_world *world = ask->world;
    struct model_order *order = model_find_order(&world->model, order_no);

    world_expect(world, is_win(ask->decision), "201 for what was not won");
    world_expect(world, order != NULL && order == ask->result.order, "201 for another order");
    world_expect(world, loop_clock_us(world->loop) < ask->deadline_us, "201 at D or later");
    if (order == NULL) {
        return;
    }
    bool was_in_log =
        ask->decision == DECISION_REPLAYED
        && (!ask->result.may_be_unlogged || ask->result.entry.state != ORDER_STATE_PENDING);
    world_expect(world, ask->is_reported || was_in_log, "201 without a report");
    world_expect(world, order->in_log, "201 for what is not in the log");
    world_expect(world, order->is_held, "201 for an order of a lost history");
    order->is_told = true;
}

void world_told(struct world_ask *ask, enum outcome outcome, struct order_no order_no)
{
    struct purchase_world *world = ask->world;

    world_expect(world, !ask->is_told, "answered twice");
    world_expect(world, !world->is_muted, "answered after the exchanges died");
    ask->is_told = true;
    ask->told = outcome;
    if (outcome == OUTCOME_OUTCOME_UNKNOWN) {
        world_expect(world, loop_clock_us(world->loop) >= ask->deadline_us, "unknown before D");
        return;
    }
    world_expect(world, ask->is_decided, "an answer that nothing decided");
    world_expect(world, outcome == outcome_of(ask->decision), "another answer than was decided");
    if (outcome == OUTCOME_ACCEPTED || outcome == OUTCOME_REPLAYED) {
        check_201(ask, order_no);
    } else {
        world_expect(world, !ask->is_run || !is_win(ask->result.decision),
                     "a no although something was taken");
    }
}

/* --- buyers */

static void on_answer(void *arg, const struct purchase_answer *answer)
{
    struct world_ask *ask = arg;
    struct purchase_world *world = ask->world;
    struct order_no order_no = {0};

    if (answer->order != NULL) {
        order_no = answer->order->order_no;
        world_expect(world,
                     answer->unit_price == WORLD_PRICE && strcmp(answer->currency, "CNY") == 0
                         && answer->pay_by_ms == answer->order->won_at_ms + WORLD_PAY_MS,
                     "other terms than asked for");
    }
    world_expect(
        world,
        (answer->order != NULL)
            == (answer->outcome == OUTCOME_ACCEPTED || answer->outcome == OUTCOME_REPLAYED),
        "an order is told with 201 alone");
    world_told(ask, answer->outcome, order_no);
}

struct purchase_request world_any_request(struct purchase_world *world)
{
    static const char skus[] = "abz", buyers[] = "uvw";
    uint32_t key = world_choose(world, 4);
    struct purchase_request request = {.sale = {MODEL_SALE},
                                       .epoch = world->believed_epoch,
                                       .quantity = 1 + (world_choose(world, 4) == 0),
                                       .received_us = loop_clock_us(world->loop),
                                       .deadline_ms = WORLD_D_MS,
                                       .pay_window_ms = WORLD_PAY_MS,
                                       .unit_price = WORLD_PRICE,
                                       .currency = "CNY"};
    const char *sku = &skus[world_choose(world, 16) * 2 / 15];
    const char *buyer = &buyers[world_choose(world, 3)];

    ASSERT(sku_parse(sku, 1, &request.sku) == ERR_OK);
    ASSERT(buyer_parse(buyer, 1, &request.buyer) == ERR_OK);
    if (key > 0) {
        memset(request.key_hash.hex, (int)('0' + key), KEY_HASH_SIZE);
    }
    return request;
}

struct world_ask *world_take_in(struct purchase_world *world, int64_t deadline_us)
{
    if (world->stock->attempt_count == world->ask_count) {
        return NULL;
    }
    ASSERT(world->stock->attempt_count == world->ask_count + 1);
    struct world_ask *ask = &world->asks[world->ask_count++];
    *ask = (struct world_ask){.world = world, .deadline_us = deadline_us, .append = -1};
    return ask;
}

/* A turn in which no purchase has ended yet: those of earlier ones give their slots back. */
static void begin_turn(struct purchase_world *world)
{
    uint32_t count;

    do {
        count = purchases_count(world->purchases);
        fake_loop_advance_us(world->loop, 1);
    } while (purchases_count(world->purchases) != count);
}

void world_ask(struct purchase_world *world)
{
    struct purchase_request request = world_any_request(world);
    bool is_new_turn = world_choose(world, 2) == 0;

    if (world->ask_count == WORLD_ASKS_MAX || world->is_muted) {
        return;
    }
    if (is_new_turn) {
        begin_turn(world);
    }
    bool has_room = purchases_count(world->purchases) < WORLD_PURCHASES_MAX;
    request.received_us = loop_clock_us(world->loop);
    enum err err =
        purchase_start(world->purchases, &request, on_answer, &world->asks[world->ask_count]);
    if (world->stock->decide_error != ERR_OK) {
        world_expect(world, err != ERR_OK, "taken in although stock refuses");
        return;
    }
    world_expect(world, err != ERR_OK || has_room, "more purchases than slots");
    world_expect(world, err == ERR_OK || !has_room || !is_new_turn, "a slot is not given back");
    (void)world_take_in(world, request.received_us + WORLD_D_MS * INT64_C(1000));
}

/* --- the end */

static void use_up_slots(struct purchase_world *world)
{
    static uint32_t refused; /* the callbacks of these never run */
    struct purchase_request request = world_any_request(world);
    uint32_t count = 0;

    world->stock->decide_error = ERR_OK;
    world->stock->attempt_count = 0;
    request.received_us = loop_clock_us(world->loop);
    while (count <= WORLD_PURCHASES_MAX
           && purchase_start(world->purchases, &request, on_answer, &refused) == ERR_OK) {
        count++;
    }
    world_expect(world, count == WORLD_PURCHASES_MAX, "slots of purchases leak");
}

static void use_up_entries(struct purchase_world *world)
{
    uint32_t count = 0;

    while (count <= WORLD_ENTRIES_MAX
           && outbox_won(world->outbox, (struct sale_id){1}, 1, 1 + count, 1) != 0) {
        count++;
    }
    world_expect(world, count == WORLD_ENTRIES_MAX, "slots of the outbox leak");
    outbox_forget(world->outbox);
}

/* What was reported as a whole, on a link that lived, is acknowledged and gone. */
static void check_acknowledged(struct purchase_world *world)
{
    for (uint32_t i = 0; i < world->entry_count; i++) {
        const struct world_entry *ours = &world->entries[i];

        if (ours->handle != 0 && ours->link == world->link && ours->unreported == 0
            && !ours->is_abandoned) {
            world_expect(world, !ours->entry->is_here, "reported, and never acknowledged");
        }
    }
}

void world_end(struct purchase_world *world)
{
    const char *fault;

    events_finish(world);
    fake_loop_advance_us(world->loop, 2 * WORLD_D_MS * INT64_C(1000));
    events_acknowledge_all(world);
    for (uint32_t i = 0; i < world->ask_count; i++) {
        world_expect(world, world->asks[i].is_told || world->is_muted, "never answered");
    }
    world_expect(world, purchases_count(world->purchases) == 0, "a purchase does not end");
    world_expect(world, purchases_unanswered_count(world->purchases) == 0, "the count is off");
    world_expect(world, outbox_depth(world->outbox) == 0, "the outbox waits for nothing");
    world_expect(world, world->on_view != NULL || fake_loop_timer_count(world->loop) == 0,
                 "a timer is left");
    check_acknowledged(world);
    fault = model_fault(&world->model);
    world_expect(world, fault == NULL, fault);
    use_up_entries(world);
    use_up_slots(world);
}
