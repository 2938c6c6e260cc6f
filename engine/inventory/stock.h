/* stock: the units left in a sale, as Redis knows them.
 * Why:    one place knows scripts and reply shapes; purchases go in one by one and out in batches
 *         (PROTOCOL §3.3): what arrives in one turn, or while a call is on its way, is one call.
 * Never:  decides who may buy (admission/); retries a purchase whose reply was lost; reads a lost
 *         reply as a refusal.
 * Thread: loop.  Owner: the caller of stock_create(), who destroys it when nothing is in flight. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/order.h"
#include "domain/sale.h"
#include "inventory/buyer_scan.h"
#include "inventory/own_orders.h"
#include "inventory/sale_state.h"

struct loop;
struct metrics_shard;
struct outbox;
struct redis_link;
struct stock;

/* How a purchase was decided (lua/purchase.lua), or why it was not. */
enum decision {
    DECISION_WON,
    DECISION_REPLAYED, /* `win` is the order won before with this key */
    DECISION_KEY_REUSED,
    DECISION_NOT_OPEN,
    DECISION_PAUSED,
    DECISION_ENDED,
    DECISION_NOT_ELIGIBLE,
    DECISION_LIMIT,    /* `win->entry.order_no` is an order held, or 0 */
    DECISION_SOLD_OUT, /* fewer units left than asked */
    DECISION_UNKNOWN_SKU,
    DECISION_REBUILDING, /* loading, frozen, or the fence did not pass: nothing happened */
    DECISION_LATE, /* too late to be put into a call, or refused as late twice: nothing happened */
    DECISION_NOT_DONE,   /* Redis refused before starting (OOM, READONLY, ...) or is away, as
                            redis_link_shed() tells: nothing happened */
    DECISION_LINK_FULL,  /* not sent: nothing happened */
    DECISION_BROKEN,     /* script says type or args, or no seq is left: alarm; nothing happened */
    DECISION_LOST_REPLY, /* the link broke with the call on its way, or its reply cannot be read: it
                            may or may not have happened */
};

struct attempt {
    struct sale_id sale;
    uint32_t epoch; /* that the caller believes in */
    struct buyer buyer;
    struct sku sku;
    uint32_t quantity;
    struct key_hash key_hash;
    struct traceparent traceparent;
    int64_t deadline_us; /* D of this purchase, monotonic */
};

struct win {
    struct order_entry entry;
    bool may_be_unlogged; /* replayed: its seq is not below that of the first outbox entry (PROTOCOL
                             §3.5) */
    uint64_t outbox_handle; /* won: for outbox_reported(); 0 for a replay */
};

/* What a reply tells of its sale besides decisions. */
struct sale_view {
    struct sale_id sale;
    enum {
        SALE_VIEW_OK,
        SALE_VIEW_EPOCH,
        SALE_VIEW_REBUILDING
    } status; /* EPOCH: only `epoch` is set */
    uint32_t epoch;
    uint64_t version;
    enum sale_state state;
    int64_t redis_time_ms;
    int64_t sent_us; /* monotonic, when the call was sent */
    int64_t received_us;
    uint32_t seq;          /* last given */
    uint32_t outbox_first; /* seq not above that of the first outbox entry; 0: empty */
    uint32_t sku_count;
    struct sale_left skus[SALE_SKUS_MAX];
};
/* Runs for every reply that tells of the sale (not for an args bug), before the decisions of that
 * call. `view` dies with the call. */
typedef void stock_view_fn(void *arg, const struct sale_view *view);

struct stock_options {
    struct loop *loop;       /* borrowed, outlives the stock */
    struct redis_link *link; /* borrowed, outlives the stock */
    struct outbox *outbox; /* borrowed, outlives the stock: told of wins, gives acknowledgements */
    struct metrics_shard *shard; /* borrowed or NULL */
    uint32_t batch_max;          /* purchases in one script call */
    uint32_t calls_max;          /* calls of one sale in flight */
    uint32_t attempts_max;       /* purchases held at once, waiting or on their way */
    uint32_t sales_max;
    stock_view_fn *on_view;
    void *view_arg;
};
struct stock *stock_create(const struct stock_options *options); /* NULL: no memory */
/* When its link is gone and no call is on its way. Attempts that still wait hear NOT_DONE, in here;
 * they must not call back in. NULL is fine. */
void stock_destroy(struct stock *stock);

/* `win` is set for WON, REPLAYED and LIMIT, else NULL; it dies when the callback returns. */
typedef void stock_decided_fn(void *arg, enum decision decision, const struct win *win);
/* On ERR_OK `done` runs exactly once, in a later loop turn. On ERR_BUSY (no slot) and
 * ERR_UNAVAILABLE (no link: nothing was sent) it never runs. `attempt` is copied. */
MUST_CHECK enum err stock_decide(struct stock *stock, const struct attempt *attempt,
                                 stock_decided_fn *done, void *arg);

/* A call with no purchases, which carries acknowledgements; the answer comes by on_view. Does
 * nothing when a call of the sale is on its way or waits. ERR_UNAVAILABLE: no link. ERR_BUSY. */
MUST_CHECK enum err stock_poll(struct stock *stock, struct sale_id sale, uint32_t epoch);

/* As own_orders_read() and buyer_scan_start(), on the stock's link. */
typedef own_orders_fn stock_own_orders_fn;
MUST_CHECK enum err stock_own_orders(struct stock *stock, struct sale_id sale, uint32_t epoch,
                                     const struct buyer *buyer, stock_own_orders_fn *done,
                                     void *arg);
MUST_CHECK enum err stock_scan_buyers(struct stock *stock, struct sale_id sale,
                                      const struct buyer_scan *scan);

uint32_t stock_inflight_count(const struct stock *stock); /* attempts waiting or on their way */
