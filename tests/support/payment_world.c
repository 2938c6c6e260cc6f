#include "support/payment_world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/assert.h"
#include "common/log.h"
#include "settlement/parked.h"
#include "settlement/settle.h"
#include "support/notices.h"
#include "support/payment_model.h"

static_assert((int)WORLD_ORDERS == (int)MODEL_ORDERS, "the model is of the same world");
static_assert((int)WORLD_NOTICES_MAX == (int)MODEL_PAYMENTS_MAX, "the model is of the same world");

enum { STEPS_MAX = 36, IDS = 6 };

struct world {
    const struct world_ops *ops;
    struct model model;
    uint64_t seed, state; /* of chance */
    char broken[200];
};

static uint32_t below(struct world *world, uint32_t n)
{
    world->state ^= world->state << 13;
    world->state ^= world->state >> 7;
    world->state ^= world->state << 17;
    return (uint32_t)((world->state >> 11) % n);
}

static bool one_of(struct world *world, uint32_t n)
{
    return below(world, n) == 0;
}

static bool broke(struct world *world, const char *step, const char *what)
{
    if (world->broken[0] == '\0') {
        snprintf(world->broken, sizeof world->broken, "seed %llu, %s: %s",
                 (unsigned long long)world->seed, step, what);
    }
    return false;
}

/* --- what is, and what should be --- */

static bool same_orders(struct world *world, const char *step)
{
    for (uint32_t i = 0; i < WORLD_ORDERS; i++) {
        const struct model_order *order = &world->model.orders[i];
        struct order_row row;
        const bool is_there = world->ops->find(world->ops->arg, i, &row);
        if (is_there != order->is_there) {
            return broke(world, step, "an order's row");
        }
        if (!is_there) {
            continue;
        }
        if (row.state != order->state || row.reason != order->reason) {
            return broke(world, step, "an order's state");
        }
        if (row.version != order->version) {
            return broke(world, step, "an order's version");
        }
        if (row.has_slot != order_state_is_live(order->state)) {
            return broke(world, step, "an order's slot");
        }
    }
    return true;
}

static bool same_payments(struct world *world, const char *step)
{
    for (uint32_t i = 0; i < world->model.count; i++) {
        const struct model_payment *payment = &world->model.payments[i];
        struct payment_row row;
        if (payment_store_by_event(world->ops->link, payment->notice.provider,
                                   payment->notice.event_id, &row)
            != ERR_OK) {
            return broke(world, step, "a notice without row");
        }
        if (row.state != payment->state) {
            char what[100];
            snprintf(what, sizeof what, "%s of order %u is %s and should be %s",
                     notice_kind_name(payment->notice.kind), payment->order,
                     payment_state_name(row.state), payment_state_name(payment->state));
            return broke(world, step, what);
        }
    }
    return true;
}

static bool same_events(struct world *world, const char *step)
{
    struct world_told_list list = {.count = 0};
    uint32_t last[WORLD_ORDERS] = {0};

    world->ops->told(world->ops->arg, &list);
    if (list.count != world->model.told) {
        return broke(world, step, "events to the shop");
    }
    for (uint32_t i = 0; i < list.count; i++) {
        if (list.told[i].version <= last[list.told[i].order]) {
            return broke(world, step, "the shop would drop an event");
        }
        last[list.told[i].order] = list.told[i].version;
    }
    return true;
}

static bool is_as_it_should_be(struct world *world, const char *step)
{
    const struct world_stock stock = world->ops->stock(world->ops->arg);
    const char *balance = model_balance(&world->model);

    if (balance != NULL) {
        return broke(world, step, balance);
    }
    if (stock.sold != model_sold(&world->model) || stock.returned != world->model.returned) {
        return broke(world, step, "units sold or returned");
    }
    return same_orders(world, step) && same_payments(world, step) && same_events(world, step);
}

/* --- steps --- */

/* Ids are few, so that they meet; kinds, amounts, currencies and buyers are sometimes wrong. */
static struct notice random_notice(struct world *world)
{
    static const enum notice_kind kinds[] = {
        NOTICE_KIND_PAID,     NOTICE_KIND_PAID,   NOTICE_KIND_PAID,
        NOTICE_KIND_PAID,     NOTICE_KIND_CANCEL, NOTICE_KIND_REFUNDED,
        NOTICE_KIND_REFUNDED, NOTICE_KIND_FAILED, NOTICE_KIND_OTHER};
    const enum notice_kind kind = kinds[below(world, sizeof kinds / sizeof kinds[0])];
    const struct order_no order_no =
        one_of(world, 40) && kind != NOTICE_KIND_CANCEL
            ? (struct order_no){0}
            : world->ops->order_no(world->ops->arg, below(world, WORLD_ORDERS));
    char event[64], transaction[64] = "";

    if (kind == NOTICE_KIND_CANCEL) {
        return notice_cancel(order_no, one_of(world, 6) ? "bob" : "ann");
    }
    const uint64_t seed = world->seed;
    snprintf(event, sizeof event, "%llx-e%u", (unsigned long long)seed, below(world, 4 * IDS));
    if (!one_of(world, 12)) {
        snprintf(transaction, sizeof transaction, "%llx-t%u", (unsigned long long)seed,
                 below(world, IDS));
    }
    struct notice notice = notice_of(kind, order_no, event, transaction);
    notice.amount = one_of(world, 10) ? 40 : 100;
    notice.currency[0] = one_of(world, 25) ? 'X' : 'C';
    const bool may_be_newer = order_no.value == 0 || kind == NOTICE_KIND_FAILED
                              || kind == NOTICE_KIND_OTHER; /* else it is a dead letter */
    notice.version = one_of(world, 50) && may_be_newer ? 2 : 1;
    if (one_of(world, 30)) {
        notice.has_amount = false;
        notice.amount = 0;
        notice.currency[0] = '\0';
    }
    notice.provider[0] = one_of(world, 8) ? 'x' : 's';
    return notice;
}

static enum notice_outcome outcome_of(enum notice_result result)
{
    switch (result) {
    case NOTICE_APPLIED: return OUTCOME_COUNTED;
    case NOTICE_REPEATED: return OUTCOME_KNOWN;
    case NOTICE_IGNORED: return OUTCOME_NOTHING;
    case NOTICE_PARKED: return OUTCOME_WAITS;
    case NOTICE_REFUND_DUE: return OUTCOME_OWED;
    case NOTICE_QUARANTINED:
    case NOTICE_RESULT_COUNT: break;
    }
    return OUTCOME_ASIDE;
}

struct apply_job {
    const struct notice *notice;
    struct notice_applied applied;
};

static enum err apply_body(struct mysql_link *link, void *arg)
{
    static const struct notice_place place = {.topic = "notices", .part = 1, .offset = 2};
    struct apply_job *job = arg;

    return notice_apply_in(link, job->notice, &place, &job->applied);
}

static bool step_notice(struct world *world)
{
    const struct notice notice = random_notice(world);
    struct apply_job job = {.notice = &notice};

    if (world->model.count == WORLD_NOTICES_MAX) {
        return true;
    }
    cr_assert(notice_check(&notice) == ERR_OK);
    const enum notice_outcome expected = model_notice(&world->model, &notice);
    if (mysql_link_transaction(world->ops->link, apply_body, &job) != ERR_OK) {
        return broke(world, "a notice", mysql_link_error_text(world->ops->link));
    }
    if (outcome_of(job.applied.result) != expected) {
        return broke(world, "a notice", notice_result_name(job.applied.result));
    }
    return is_as_it_should_be(world, "a notice");
}

static bool step_sweep(struct world *world)
{
    struct settle_turn turn = {.goes_on = NULL};
    struct parked_stats stats;

    model_sweep(&world->model);
    if (parked_sweep(world->ops->link, PARKED_SWEEP_MAX, &turn, NULL, &stats) != ERR_OK
        || stats.failed > 0) {
        return broke(world, "a sweep", "failed");
    }
    return is_as_it_should_be(world, "a sweep");
}

static bool step_operator(struct world *world)
{
    const struct world_ops *ops = world->ops;
    const uint32_t order = below(world, WORLD_ORDERS);
    const bool yes = one_of(world, 2);
    bool is_done = false, should_be = false;

    if (one_of(world, 2)) {
        should_be = model_refund(&world->model, order, yes);
        is_done = ops->refund(ops->arg, order, yes) == ERR_OK;
    } else {
        const struct model_order before = world->model.orders[order];
        should_be = model_decide(&world->model, order, yes);
        if (!before.is_there || before.state != ORDER_STATE_QUARANTINED) {
            return true; /* asked again it says what was decided: not this test's subject */
        }
        is_done = ops->decide(ops->arg, order, yes) == ERR_OK;
    }
    return is_done == should_be ? is_as_it_should_be(world, "the operator")
                                : broke(world, "the operator", "another answer");
}

static bool step(struct world *world)
{
    const struct world_ops *ops = world->ops;

    switch (below(world, 16)) {
    case 0:
    case 1:
    case 2: {
        const uint32_t order = below(world, WORLD_ORDERS);
        const bool is_newer = one_of(world, 4);
        model_settle(&world->model, order, is_newer);
        ops->settle(ops->arg, order, is_newer);
        return is_as_it_should_be(world, "a row");
    }
    case 3:
    case 4: return step_sweep(world);
    case 5:
        if (model_close_overdue(&world->model) != ops->close_overdue(ops->arg)) {
            return broke(world, "the reaper", "another number");
        }
        return is_as_it_should_be(world, "the reaper");
    case 6:
    case 7: return step_operator(world);
    case 8:
        if (one_of(world, 4) && !world->model.is_cut) {
            world->model.is_cut = true;
            ops->cut(ops->arg);
        }
        return is_as_it_should_be(world, "a cut");
    default: return step_notice(world);
    }
}

/* In the end every row has come or will not, what was QUARANTINED is decided: nothing waits. */
static bool settle_all(struct world *world)
{
    const struct world_ops *ops = world->ops;

    for (uint32_t i = 0; i < WORLD_ORDERS; i++) {
        model_settle(&world->model, i, false);
        ops->settle(ops->arg, i, false);
        if (world->model.orders[i].state == ORDER_STATE_QUARANTINED) {
            const bool is_void = one_of(world, 2);
            (void)model_decide(&world->model, i, is_void);
            (void)ops->decide(ops->arg, i, is_void);
        }
    }
    if (!step_sweep(world)) {
        return false;
    }
    for (uint32_t i = 0; i < world->model.count; i++) {
        if (world->model.payments[i].state == PAYMENT_PARKED) {
            return broke(world, "the end", "a notice still waits");
        }
    }
    return true;
}

const char *payment_world_play(const struct world_ops *ops, uint64_t seed)
{
    static struct world world;

    world = (struct world){
        .ops = ops, .seed = seed, .state = (seed * UINT64_C(0x9E3779B97F4A7C15)) | 1};
    (void)below(&world, 2);
    for (uint32_t i = 0; i < WORLD_ORDERS; i++) {
        world.model.orders[i] =
            (struct model_order){.order_no = ops->order_no(ops->arg, i), .price = 100, .units = 1};
    }
    bool goes_on = true;
    for (uint32_t left = 1 + below(&world, STEPS_MAX); left > 0 && goes_on; left--) {
        goes_on = step(&world);
    }
    if (goes_on) {
        (void)settle_all(&world);
    }
    return world.broken[0] != '\0' ? world.broken : NULL;
}

static uint64_t number_of(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? strtoull(text, NULL, 10) : otherwise;
}

struct world_seeds payment_world_seeds(uint64_t histories)
{
    const struct world_seeds seeds = {
        .first = number_of("PAYMENT_SEED", (uint64_t)time(NULL) << 20),
        .count = number_of("PAYMENT_HISTORIES", getenv("PAYMENT_SEED") != NULL ? 1 : histories),
    };

    fprintf(stderr, "# PAYMENT_SEED=%llu\n", (unsigned long long)seeds.first);
    log_set_level((enum log_level)(LOG_LEVEL_ERROR + 1));
    return seeds;
}
