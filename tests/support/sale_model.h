/* sale_model: one sale as Redis and the order log have it, as small as the promise allows.
 * Why:    what a buyer may be told follows from what was taken and what is in the log; both are
 *         written down here a second time, without anything of the engine's but its ids.
 * Never:  asks the engine; knows a deadline or an answer.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/order.h"
#include "domain/sale.h"
#include "inventory/stock.h"

enum { MODEL_SKUS = 2, MODEL_ORDERS_MAX = 512, MODEL_ENTRIES_MAX = 512, MODEL_SALE = 7 };

struct model_order {
    struct buyer buyer;
    struct order_entry entry;
    bool is_held; /* Redis has it; false: it was lost with its history */
    bool in_log;  /* a broker has its record */
    bool is_told; /* somebody heard 201 */
};

/* Of the outbox: `count` wins from `first` on. */
struct model_entry {
    uint32_t epoch, first, count;
    bool is_here;
    bool is_relayed; /* by this engine's relay, which then acknowledges it */
};

struct sale_model {
    struct sku skus[MODEL_SKUS]; /* "a", "b" */
    uint32_t total[MODEL_SKUS], left[MODEL_SKUS];
    uint32_t limit, epoch, seq;
    uint64_t version;
    bool is_fenced; /* the fence does not pass */
    bool is_listed; /* and nobody is on the list */
    enum sale_state state;
    struct model_order orders[MODEL_ORDERS_MAX];
    struct model_entry entries[MODEL_ENTRIES_MAX];
    uint32_t order_count, entry_count;
};

struct model_result {
    enum decision decision;
    struct model_order *order; /* WON, REPLAYED; LIMIT: one that is held. NULL: none */
    struct order_entry entry;  /* of `order`, as it stood then */
    bool may_be_unlogged;      /* REPLAYED */
};

void model_init(struct sale_model *model, uint32_t units_of_each, uint32_t limit);
/* The script: all attempts of a call in their order. The entry of its wins, or NULL. */
struct model_entry *model_run(struct sale_model *model, const struct attempt *const *attempts,
                              uint32_t count, int64_t now_ms, struct model_result *results);
/* Seq of the first entry in the outbox; 0: empty. */
uint32_t model_outbox_first(const struct sale_model *model);
/* NULL: it is not in the outbox. */
struct model_entry *model_find_entry(struct sale_model *model, uint32_t epoch, uint32_t first);
/* NULL: there was never such an order. */
struct model_order *model_find_order(struct sale_model *model, struct order_no order_no);
/* A relay, of whatever engine, has produced the entry and has its reports. */
void model_relay(struct sale_model *model, const struct model_entry *entry);
bool model_is_logged(struct sale_model *model, const struct model_entry *entry);
/* A new epoch from what the log has. with_outbox: what Redis held was produced before; else it was
 * lost. Nobody is told of an order any more that is not held. */
void model_rebuild(struct sale_model *model, bool with_outbox);
/* NULL, or what does not hold: units, limits, a told order that is gone, a win that is nowhere. */
const char *model_fault(struct sale_model *model);
