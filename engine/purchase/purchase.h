/* purchase: one attempt to buy, from the gate to the answer and on to its end.
 * Why:    a win is told only after it is in the order log, read before D; what cannot be known is
 *         told as unknown, at D; and the purchase goes on without its buyer (PROTOCOL §3.4, §3.5).
 * Never:  reads a lost reply as a refusal, or a failed report as "not written"; tells 201 by a
 *         clock that was read before the report came; forgets a win: it is reported, or left to the
 *         relay.
 * Thread: loop.  Owner: the caller of purchases_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "common/metrics.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/outcome.h"

struct loop;
struct metrics_shard;
struct order_log;
struct outbox;
struct purchases;
struct stock;

#define PURCHASE_STATES(X)                                                                         \
    X(NEW)                                                                                         \
    X(DECIDING)                                                                                    \
    X(REMEMBERING)                                                                                 \
    X(UNKNOWN)                                                                                     \
    X(DONE)

enum purchase_state {
#define X(name) PURCHASE_##name,
    PURCHASE_STATES(X)
#undef X
        PURCHASE_STATE_COUNT
};
/* The move is in the table of purchase.c. */
bool purchase_may_enter(enum purchase_state from, enum purchase_state to);

struct purchases_options {
    struct loop *loop;       /* borrowed, outlives the purchases; so do the next four */
    struct redis_link *link; /* the stock's: asked why it takes nothing */
    struct stock *stock;
    struct outbox *outbox;
    struct order_log *order_log;
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t purchases_max;
};
struct purchases *purchases_create(const struct purchases_options *options); /* NULL: no memory */
/* Stops the timers. Nothing that holds a callback of ours may run after this: stock's and
 * order_log's pending callbacks are over. NULL is fine. */
void purchases_destroy(struct purchases *purchases);

/* All that a purchase needs of its request and of its sale; copied. */
struct purchase_request {
    struct sale_id sale;
    uint32_t epoch;
    struct buyer buyer;
    struct sku sku;
    uint32_t quantity;
    struct key_hash key_hash;
    struct traceparent traceparent;
    int64_t received_us;  /* monotonic: D runs from here */
    uint32_t deadline_ms; /* D */
    uint32_t pay_window_ms;
    uint64_t unit_price; /* of that sku, minor units */
    char currency[CURRENCY_SIZE + 1];
};

struct purchase_answer {
    enum outcome outcome;
    struct sale_id sale;
    const struct order_entry *order; /* ACCEPTED, REPLAYED; else NULL. Borrowed for the call */
    uint64_t unit_price;
    const char *currency;
    int64_t pay_by_ms;
    struct order_no held; /* LIMIT_REACHED: an order that the buyer holds; 0: he holds none */
    enum label_SHED shed; /* OVERLOADED: why */
};
typedef void purchase_answer_fn(void *arg, const struct purchase_answer *answer);

/* On ERR_OK `done` runs exactly once, in a later loop turn, by D and a turn. On ERR_BUSY (all slots
 * are taken) and ERR_UNAVAILABLE (no link) it never runs: nothing was done. */
MUST_CHECK enum err purchase_start(struct purchases *purchases,
                                   const struct purchase_request *request, purchase_answer_fn *done,
                                   void *arg);

/* A call that was sent at `sent_us` has been answered; its decisions follow in this turn. For
 * metrics. */
void purchases_see_call(struct purchases *purchases, int64_t sent_us);
/* Buyers not yet answered; their exchanges may be gone after purchases_mute(). */
uint32_t purchases_unanswered_count(const struct purchases *purchases);
/* Under way, buyers answered or not. */
uint32_t purchases_count(const struct purchases *purchases);
/* From now on nobody is answered: the exchanges die. What is under way goes on. */
void purchases_mute(struct purchases *purchases);
