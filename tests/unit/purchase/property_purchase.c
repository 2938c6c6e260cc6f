/* Random orders of events against what the state table promises, told a second time and in other
 * words: a purchase is a small history, and its one answer follows from it. The seed is printed;
 * PURCHASE_SEED repeats it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "common/assert.h"
#include "purchase/purchase.h"
#include "support/fakes/fake_loop.h"
#include "support/fakes/fake_order_log.h"
#include "support/fakes/fake_outbox.h"
#include "support/fakes/fake_redis.h"
#include "support/fakes/fake_stock.h"

enum { SEQUENCES = 100000, D_US = 1000000, HANDLE = 5 };

struct history {
    int64_t began_us;
    bool is_decided, is_appended, is_reported;
    enum decision decision;
    bool may_be_unlogged, log_is_closed;
    enum err report;
    int64_t decided_us, reported_us; /* fresh clock at that event */
    uint32_t told_count;
    enum outcome told;
    int64_t told_us;
    struct loop *loop;
};

static uint64_t state;

static uint32_t below(uint32_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)((state >> 11) % n);
}

static void on_answer(void *arg, const struct purchase_answer *answer)
{
    struct history *history = arg;

    history->told_count++;
    history->told = answer->outcome;
    history->told_us = loop_clock_us(history->loop);
}

static struct win make_win(bool may_be_unlogged, uint64_t handle)
{
    struct win win = {.entry = {.quantity = 1,
                                .has_slot = true,
                                .state = ORDER_STATE_PENDING,
                                .won_at_ms = 1700000000000},
                      .may_be_unlogged = may_be_unlogged,
                      .outbox_handle = handle};

    cr_assert_eq(order_no_make((struct sale_id){7}, 1, 1, &win.entry.order_no), ERR_OK);
    cr_assert_eq(sku_parse("a", 1, &win.entry.sku), ERR_OK);
    return win;
}

static void decide(struct stock *stock, struct order_log *log, struct history *history)
{
    history->decision = (enum decision)below(DECISION_LOST_REPLY + 1);
    history->may_be_unlogged = below(2) != 0;
    history->log_is_closed = below(4) == 0;
    log->append_error = history->log_is_closed ? ERR_BUSY : ERR_OK;
    bool is_won = history->decision == DECISION_WON;
    bool has_win = is_won || history->decision == DECISION_REPLAYED;
    struct win win = make_win(history->may_be_unlogged && !is_won, is_won ? HANDLE : 0);

    history->is_decided = true;
    history->decided_us = loop_clock_us(history->loop);
    fake_stock_decide(stock, 0, history->decision, has_win ? &win : NULL);
    history->is_appended = log->append_count > 0;
}

static void report(struct order_log *log, struct history *history)
{
    history->report = below(3) == 0 ? ERR_LOST : ERR_OK;
    history->is_reported = true;
    history->reported_us = loop_clock_us(history->loop);
    fake_order_log_report(log, 0, history->report);
}

static void pass_time(struct loop *loop)
{
    int64_t us = below(3) == 0 ? below(D_US) : below(2000);

    if (below(4) == 0) {
        fake_loop_stall_us(loop, us);
    } else {
        fake_loop_advance_us(loop, us);
    }
}

/* What the buyer must have heard, from the history alone. */
static enum outcome expected(const struct history *history)
{
    int64_t deadline_us = history->began_us + D_US;
    bool needs_log = history->decision == DECISION_WON
                     || (history->decision == DECISION_REPLAYED && history->may_be_unlogged);

    switch (history->decision) {
    case DECISION_WON:
    case DECISION_REPLAYED:
        if (needs_log
            && (!history->is_reported || history->report != ERR_OK
                || history->reported_us >= deadline_us)) {
            return OUTCOME_OUTCOME_UNKNOWN;
        }
        if (history->decided_us >= deadline_us) {
            return OUTCOME_OUTCOME_UNKNOWN;
        }
        return history->decision == DECISION_WON ? OUTCOME_ACCEPTED : OUTCOME_REPLAYED;
    case DECISION_LOST_REPLY: return OUTCOME_OUTCOME_UNKNOWN;
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
    case DECISION_NOT_DONE:
    case DECISION_LINK_FULL: return OUTCOME_OVERLOADED;
    }
    UNREACHABLE();
}

/* By the answer that was given: "unknown" is always right once D is past, and never right before.
 * */
static void check_answer(const struct history *history, uint64_t seed)
{
    cr_assert_eq(history->told_count, 1, "seed %llu: told %u times", (unsigned long long)seed,
                 history->told_count);
    if (history->told == OUTCOME_OUTCOME_UNKNOWN) {
        cr_assert_geq(history->told_us, history->began_us + D_US, "seed %llu: unknown too early",
                      (unsigned long long)seed);
        return;
    }
    cr_assert_eq(history->told, expected(history), "seed %llu: told %s, not %s",
                 (unsigned long long)seed, outcome_code(history->told),
                 outcome_code(expected(history)));
}

static void check_win(const struct history *history, const struct outbox *outbox,
                      const struct order_log *log, uint64_t seed)
{
    bool needs_log = history->decision == DECISION_WON
                     || (history->decision == DECISION_REPLAYED && history->may_be_unlogged);
    bool is_finished = needs_log && history->is_appended && history->report == ERR_OK;

    cr_assert_eq(log->append_count, needs_log && !history->log_is_closed ? 1U : 0U, "seed %llu",
                 (unsigned long long)seed);
    cr_assert_eq(outbox->reported_count, is_finished ? 1U : 0U, "seed %llu",
                 (unsigned long long)seed);
    cr_assert_eq(outbox->abandoned_count, needs_log && !is_finished ? 1U : 0U, "seed %llu",
                 (unsigned long long)seed);
}

struct world {
    struct loop *loop;
    struct redis_link *link;
    struct stock *stock;
    struct outbox *outbox;
    struct order_log *log;
    struct purchases *purchases;
};

static void play(struct world *world, uint64_t seed)
{
    struct history history = {.loop = world->loop, .began_us = loop_clock_us(world->loop)};
    struct purchase_request request = {.sale = {7},
                                       .epoch = 1,
                                       .quantity = 1,
                                       .received_us = history.began_us,
                                       .deadline_ms = D_US / 1000,
                                       .currency = "CNY",
                                       .unit_price = 1,
                                       .pay_window_ms = 60000};

    cr_assert_eq(buyer_parse("b", 1, &request.buyer), ERR_OK);
    cr_assert_eq(sku_parse("a", 1, &request.sku), ERR_OK);
    cr_assert_eq(purchase_start(world->purchases, &request, on_answer, &history), ERR_OK);
    while (purchases_count(world->purchases) > 0 || history.told_count == 0) {
        uint32_t event = below(3);
        if (event == 0 && !history.is_decided) {
            decide(world->stock, world->log, &history);
        } else if (event == 1 && history.is_appended && !history.is_reported) {
            report(world->log, &history);
        } else {
            pass_time(world->loop);
        }
    }
    check_answer(&history, seed);
    check_win(&history, world->outbox, world->log, seed);
    cr_assert_eq(fake_loop_timer_count(world->loop), 0);
}

static void reset(struct world *world)
{
    world->stock->attempt_count = 0;
    world->outbox->reported_count = 0;
    world->outbox->abandoned_count = 0;
    world->log->append_count = 0;
    world->log->room = FAKE_ORDER_LOG_MAX;
    fake_loop_advance_us(world->loop, 1);
}

Test(purchase_property, every_order_of_events_ends_in_the_one_answer_that_its_history_allows,
     .timeout = 120)
{
    const char *given = getenv("PURCHASE_SEED");
    uint64_t first = given != NULL ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) << 20;
    struct world world = {.loop = fake_loop_create(1),
                          .link = fake_redis_create(),
                          .stock = fake_stock_create(),
                          .outbox = fake_outbox_create(),
                          .log = fake_order_log_create()};

    fprintf(stderr, "# PURCHASE_SEED=%llu\n", (unsigned long long)first);
    world.purchases = purchases_create(&(struct purchases_options){.loop = world.loop,
                                                                   .link = world.link,
                                                                   .stock = world.stock,
                                                                   .outbox = world.outbox,
                                                                   .order_log = world.log,
                                                                   .purchases_max = 2});
    cr_assert_not_null(world.purchases);
    for (uint64_t i = 0; i < (given != NULL ? 1 : SEQUENCES); i++) {
        state = (first + i) * UINT64_C(0x9E3779B97F4A7C15) | 1;
        (void)below(2);
        reset(&world);
        play(&world, first + i);
    }
    purchases_destroy(world.purchases);
    fake_loop_destroy(world.loop);
    fake_redis_destroy(world.link);
    fake_stock_destroy(world.stock);
    fake_outbox_destroy(world.outbox);
    fake_order_log_destroy(world.log);
}
