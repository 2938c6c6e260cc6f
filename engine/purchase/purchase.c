/* purchase.c
 *
 * state        event                      next         function
 * NEW          let in                     DECIDING     purchase_start
 * DECIDING     won                        REMEMBERING  on_decided
 * DECIDING     replayed, may be unlogged  REMEMBERING  on_replayed    waits like a win
 * DECIDING     replayed, in the log       DONE         on_replayed
 * DECIDING     refused                    DONE         on_decided
 * DECIDING     reply lost                 UNKNOWN      on_decided     it is not a refusal
 * DECIDING     won, the log is closed     UNKNOWN      remember       the relay finishes it
 * REMEMBERING  reported                   DONE         on_remembered
 * REMEMBERING  report failed              UNKNOWN      on_remembered  the relay finishes it
 * UNKNOWN      deadline, or it is past    DONE         on_deadline, await_deadline
 * any          deadline                   same         on_deadline    answers the buyer; goes on
 *
 * The buyer is answered exactly once, in whatever state that is. In DONE nothing is pending:
 * stock's callback came, the log's came or was never due, the timer is stopped. Slots are given
 * back in a later turn, by the next start.
 */
#include "purchase/purchase.h"

#include <stdlib.h>
#include <string.h>

#include "common/assert.h"
#include "common/failpoint.h"
#include "common/log.h"
#include "common/metrics.h"
#include "common/slab.h"
#include "inventory/outbox.h"
#include "inventory/redis_link.h"
#include "inventory/stock.h"
#include "journal/order_log.h"
#include "loop/loop.h"
#include "loop/timer.h"

struct purchases {
    struct loop *loop;           /* borrowed */
    struct redis_link *link;     /* borrowed */
    struct stock *stock;         /* borrowed */
    struct outbox *outbox;       /* borrowed */
    struct order_log *order_log; /* borrowed */
    struct metrics_shard *shard; /* borrowed or NULL */
    struct slab *slab;           /* owned */
    struct purchase *first;      /* all that are under way */
    struct purchase *finished;   /* in DONE, oldest first, their slots not yet given back */
    struct purchase **finished_end;
    uint32_t count; /* under way */
    uint32_t unanswered_count;
    int64_t call_sent_us; /* of the call whose decisions come now */
    bool is_mute;
};

struct purchase {
    enum purchase_state state;
    struct purchases *home; /* borrowed */
    struct purchase *next, **prev;
    struct timer deadline;
    struct purchase_request request;
    struct order_entry order; /* once won or replayed */
    uint64_t outbox_handle;   /* of a win; 0: a replay, or there was no room */
    bool is_replay;
    int64_t remembered_since_us;
    int64_t finished_us;      /* start of the turn in which it was done */
    purchase_answer_fn *done; /* NULL: answered */
    void *arg;
};

bool purchase_may_enter(enum purchase_state from, enum purchase_state to)
{
    switch (from) {
    case PURCHASE_NEW: return to == PURCHASE_DECIDING;
    case PURCHASE_DECIDING:
        return to == PURCHASE_REMEMBERING || to == PURCHASE_DONE || to == PURCHASE_UNKNOWN;
    case PURCHASE_REMEMBERING: return to == PURCHASE_DONE || to == PURCHASE_UNKNOWN;
    case PURCHASE_UNKNOWN: return to == PURCHASE_DONE;
    case PURCHASE_DONE:
    case PURCHASE_STATE_COUNT: return false;
    }
    UNREACHABLE();
}

static void give_back_finished(struct purchases *purchases)
{
    while (purchases->finished != NULL
           && purchases->finished->finished_us != loop_now_us(purchases->loop)) {
        struct purchase *purchase = purchases->finished;

        ASSERT(purchase->state == PURCHASE_DONE && purchase->done == NULL);
        purchases->finished = purchase->next;
        if (purchases->finished == NULL) {
            purchases->finished_end = &purchases->finished;
        }
        slab_give(purchases->slab, purchase);
    }
}

static void put_under_way(struct purchases *purchases, struct purchase *purchase)
{
    purchase->next = purchases->first;
    purchase->prev = &purchases->first;
    if (purchase->next != NULL) {
        purchase->next->prev = &purchase->next;
    }
    purchases->first = purchase;
    purchases->count++;
    metrics_set(purchases->shard, METRIC_purchases_inflight, 0, purchases->count);
}

static void put_finished(struct purchases *purchases, struct purchase *purchase)
{
    ASSERT(purchases->count > 0);
    *purchase->prev = purchase->next;
    if (purchase->next != NULL) {
        purchase->next->prev = purchase->prev;
    }
    purchase->next = NULL;
    purchase->finished_us = loop_now_us(purchases->loop);
    *purchases->finished_end = purchase;
    purchases->finished_end = &purchase->next;
    purchases->count--;
    metrics_set(purchases->shard, METRIC_purchases_inflight, 0, purchases->count);
}

static void purchase_enter(struct purchase *purchase, enum purchase_state state)
{
    ASSERT(purchase_may_enter(purchase->state, state));
    purchase->state = state;
    if (state == PURCHASE_DONE) {
        timer_stop(&purchase->deadline);
        put_finished(purchase->home, purchase);
    }
}

static int64_t deadline_us(const struct purchase *purchase)
{
    return purchase->request.received_us + (int64_t)purchase->request.deadline_ms * 1000;
}

static void give_answer(struct purchase *purchase, const struct purchase_answer *answer,
                        int64_t now_us)
{
    struct purchases *home = purchase->home;
    purchase_answer_fn *done = purchase->done;

    if (done == NULL) {
        return;
    }
    purchase->done = NULL;
    ASSERT(home->unanswered_count > 0);
    home->unanswered_count--;
    metrics_add(home->shard, METRIC_purchases_total, answer->outcome, 1);
    metrics_observe_us(home->shard, METRIC_purchase_duration_seconds, answer->outcome,
                       (uint64_t)(now_us - purchase->request.received_us));
    if (!home->is_mute) {
        done(purchase->arg, answer);
    }
}

static void tell(struct purchase *purchase, enum outcome outcome)
{
    struct purchase_answer answer = {.outcome = outcome, .sale = purchase->request.sale};

    give_answer(purchase, &answer, loop_clock_us(purchase->home->loop));
}

/* 201, if the clock says so now: it is read here, after all that the answer rests on (PROTOCOL
 * §3.5). */
static void tell_order(struct purchase *purchase)
{
    const int64_t now_us = loop_clock_us(purchase->home->loop);

    if (now_us >= deadline_us(purchase)) {
        tell(purchase, OUTCOME_OUTCOME_UNKNOWN);
        return;
    }
    struct purchase_answer answer = {
        .outcome = purchase->is_replay ? OUTCOME_REPLAYED : OUTCOME_ACCEPTED,
        .sale = purchase->request.sale,
        .order = &purchase->order,
        .unit_price = purchase->request.unit_price,
        .currency = purchase->request.currency,
        .pay_by_ms = purchase->order.won_at_ms + purchase->request.pay_window_ms,
    };
    give_answer(purchase, &answer, now_us);
}

static void finish(struct purchase *purchase, enum outcome outcome)
{
    purchase_enter(purchase, PURCHASE_DONE);
    tell(purchase, outcome);
}

/* Nothing more can become known here. The buyer hears so at D, not before: another engine may still
 * answer him. */
static void await_deadline(struct purchase *purchase)
{
    purchase_enter(purchase, PURCHASE_UNKNOWN);
    if (purchase->done == NULL) {
        purchase_enter(purchase, PURCHASE_DONE);
    }
}

static void on_deadline(void *arg)
{
    struct purchase *purchase = arg;

    switch (purchase->state) {
    case PURCHASE_DECIDING:
    case PURCHASE_REMEMBERING: tell(purchase, OUTCOME_OUTCOME_UNKNOWN); return;
    case PURCHASE_UNKNOWN: finish(purchase, OUTCOME_OUTCOME_UNKNOWN); return;
    case PURCHASE_NEW:
    case PURCHASE_DONE:
    case PURCHASE_STATE_COUNT: break;
    }
    UNREACHABLE();
}

static void on_remembered(void *arg, enum err status)
{
    struct purchase *purchase = arg;
    struct purchases *home = purchase->home;

    ASSERT(purchase->state == PURCHASE_REMEMBERING);
    if (status != ERR_OK) { /* it may be in the log all the same */
        outbox_abandoned(home->outbox, purchase->outbox_handle);
        await_deadline(purchase);
        return;
    }
    metrics_observe_us(home->shard, METRIC_purchase_stage_duration_seconds, LABEL_STAGE_REMEMBER,
                       (uint64_t)(loop_clock_us(home->loop) - purchase->remembered_since_us));
    FAILPOINT_PASS(win_reported);
    outbox_reported(home->outbox, purchase->outbox_handle);
    purchase_enter(purchase, PURCHASE_DONE);
    tell_order(purchase);
    FAILPOINT_PASS(buyer_told);
}

static struct order_record make_record(const struct purchase *purchase)
{
    const struct purchase_request *request = &purchase->request;
    struct order_terms terms = {.unit_price = request->unit_price,
                                .pay_window_ms = request->pay_window_ms};
    struct order_record record;

    memcpy(terms.currency, request->currency, sizeof terms.currency);
    order_record_make(&purchase->order, &request->buyer, &terms, &request->traceparent, &record);
    return record;
}

static void remember(struct purchase *purchase)
{
    struct purchases *home = purchase->home;
    struct order_record record = make_record(purchase);

    purchase->remembered_since_us = loop_now_us(home->loop);
    enum err err = order_log_append(home->order_log, &record, on_remembered, purchase);
    if (err == ERR_OK) {
        purchase_enter(purchase, PURCHASE_REMEMBERING);
        FAILPOINT_PASS(win_produced);
        return;
    }
    LOG_WARN("win_not_appended", KV_STR("cause", err_name(err)), KV_STR("next", "relay"));
    outbox_abandoned(home->outbox, purchase->outbox_handle);
    await_deadline(purchase);
}

static void take_win(struct purchase *purchase, const struct win *win)
{
    ASSERT(sku_equal(&win->entry.sku, &purchase->request.sku));
    ASSERT(win->entry.quantity == purchase->request.quantity);
    purchase->order = win->entry;
    purchase->outbox_handle = win->outbox_handle;
}

static void on_replayed(struct purchase *purchase, const struct win *win)
{
    purchase->is_replay = true;
    take_win(purchase, win);
    /* An order that is not PENDING was settled by somebody: it is in the log. */
    if (!win->may_be_unlogged || win->entry.state != ORDER_STATE_PENDING) {
        purchase_enter(purchase, PURCHASE_DONE);
        tell_order(purchase);
    } else if (win->entry.has_slot) {
        remember(purchase);
    } else { /* such a record cannot be built; the relay knows more */
        await_deadline(purchase);
    }
}

static void on_limit(struct purchase *purchase, const struct win *win)
{
    struct purchase_answer answer = {.outcome = OUTCOME_LIMIT_REACHED,
                                     .sale = purchase->request.sale};

    if (win != NULL) {
        answer.held = win->entry.order_no;
    }
    purchase_enter(purchase, PURCHASE_DONE);
    give_answer(purchase, &answer, loop_clock_us(purchase->home->loop));
}

static void shed(struct purchase *purchase, enum label_SHED cause)
{
    struct purchase_answer answer = {
        .outcome = OUTCOME_OVERLOADED, .sale = purchase->request.sale, .shed = cause};

    if (purchase->done != NULL) {
        metrics_add(purchase->home->shard, METRIC_shed_total, cause, 1);
    }
    purchase_enter(purchase, PURCHASE_DONE);
    give_answer(purchase, &answer, loop_clock_us(purchase->home->loop));
}

static void on_broken(struct purchase *purchase)
{
    LOG_ERROR("sale_unreadable", KV_U64("sale", purchase->request.sale.value),
              KV_STR("next", "a key of this sale is damaged: load the sale again"));
    finish(purchase, OUTCOME_REBUILDING);
}

/* For the stages' metrics: the view of a call comes right before its decisions. */
static void observe_call(const struct purchase *purchase)
{
    const struct purchases *home = purchase->home;
    int64_t sent_us = home->call_sent_us;

    if (sent_us >= purchase->request.received_us) {
        metrics_observe_us(home->shard, METRIC_purchase_stage_duration_seconds, LABEL_STAGE_BATCH,
                           (uint64_t)(sent_us - purchase->request.received_us));
        metrics_observe_us(
            home->shard, METRIC_purchase_stage_duration_seconds, LABEL_STAGE_DECIDE,
            (uint64_t)(loop_now_us(home->loop) > sent_us ? loop_now_us(home->loop) - sent_us : 0));
    }
}

static void on_decided(void *arg, enum decision decision, const struct win *win)
{
    struct purchase *purchase = arg;

    ASSERT(purchase->state == PURCHASE_DECIDING);
    observe_call(purchase);
    switch (decision) {
    case DECISION_WON:
        FAILPOINT_PASS(script_replied);
        take_win(purchase, win);
        remember(purchase);
        return;
    case DECISION_REPLAYED: on_replayed(purchase, win); return;
    case DECISION_LIMIT: on_limit(purchase, win); return;
    case DECISION_LOST_REPLY: await_deadline(purchase); return;
    case DECISION_LATE: shed(purchase, LABEL_SHED_LATE); return;
    case DECISION_NOT_DONE: shed(purchase, redis_link_shed(purchase->home->link)); return;
    case DECISION_LINK_FULL: shed(purchase, LABEL_SHED_REDIS_QUEUE); return;
    case DECISION_BROKEN: on_broken(purchase); return;
    case DECISION_REBUILDING: finish(purchase, OUTCOME_REBUILDING); return;
    case DECISION_KEY_REUSED: finish(purchase, OUTCOME_KEY_REUSED); return;
    case DECISION_NOT_OPEN: finish(purchase, OUTCOME_NOT_OPEN); return;
    case DECISION_PAUSED: finish(purchase, OUTCOME_PAUSED); return;
    case DECISION_ENDED: finish(purchase, OUTCOME_ENDED); return;
    case DECISION_NOT_ELIGIBLE: finish(purchase, OUTCOME_NOT_ELIGIBLE); return;
    case DECISION_SOLD_OUT: finish(purchase, OUTCOME_SOLD_OUT); return;
    case DECISION_UNKNOWN_SKU: finish(purchase, OUTCOME_UNKNOWN_SKU); return;
    }
    UNREACHABLE();
}

static struct attempt make_attempt(const struct purchase *purchase)
{
    const struct purchase_request *request = &purchase->request;

    return (struct attempt){.sale = request->sale,
                            .epoch = request->epoch,
                            .buyer = request->buyer,
                            .sku = request->sku,
                            .quantity = request->quantity,
                            .key_hash = request->key_hash,
                            .traceparent = request->traceparent,
                            .deadline_us = deadline_us(purchase)};
}

enum err purchase_start(struct purchases *purchases, const struct purchase_request *request,
                        purchase_answer_fn *done, void *arg)
{
    loop_assert_owner(purchases->loop);
    give_back_finished(purchases);
    struct purchase *purchase = slab_take(purchases->slab);
    if (purchase == NULL) {
        metrics_add(purchases->shard, METRIC_shed_total, LABEL_SHED_PURCHASES, 1);
        return ERR_BUSY;
    }
    purchase->home = purchases;
    purchase->request = *request;
    struct attempt attempt = make_attempt(purchase);
    FAILPOINT_PASS(purchase_received);
    enum err err = stock_decide(purchases->stock, &attempt, on_decided, purchase);
    if (err != ERR_OK) {
        metrics_add(purchases->shard, METRIC_shed_total,
                    err == ERR_BUSY ? LABEL_SHED_REDIS_QUEUE : redis_link_shed(purchases->link), 1);
        slab_give(purchases->slab, purchase);
        return err == ERR_BUSY ? ERR_BUSY : ERR_UNAVAILABLE;
    }
    purchase->done = done;
    purchase->arg = arg;
    put_under_way(purchases, purchase);
    purchases->unanswered_count++;
    timer_init(&purchase->deadline, purchases->loop, on_deadline, purchase);
    timer_start_at(&purchase->deadline, deadline_us(purchase));
    purchase_enter(purchase, PURCHASE_DECIDING);
    return ERR_OK;
}

struct purchases *purchases_create(const struct purchases_options *options)
{
    struct purchases *purchases = calloc(1, sizeof *purchases);
    if (purchases == NULL) {
        return NULL;
    }
    purchases->loop = options->loop;
    purchases->link = options->link;
    purchases->stock = options->stock;
    purchases->outbox = options->outbox;
    purchases->order_log = options->order_log;
    purchases->shard = options->shard;
    purchases->finished_end = &purchases->finished;
    purchases->slab = slab_create(sizeof(struct purchase), options->purchases_max);
    if (purchases->slab == NULL) {
        free(purchases);
        return NULL;
    }
    return purchases;
}

void purchases_destroy(struct purchases *purchases)
{
    if (purchases == NULL) {
        return;
    }
    for (struct purchase *p = purchases->first; p != NULL; p = p->next) {
        timer_stop(&p->deadline);
    }
    slab_destroy(purchases->slab);
    free(purchases);
}

uint32_t purchases_unanswered_count(const struct purchases *purchases)
{
    return purchases->unanswered_count;
}

uint32_t purchases_count(const struct purchases *purchases)
{
    return purchases->count;
}

void purchases_see_call(struct purchases *purchases, int64_t sent_us)
{
    purchases->call_sent_us = sent_us;
}

void purchases_mute(struct purchases *purchases)
{
    purchases->is_mute = true;
}
