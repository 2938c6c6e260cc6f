/* order: a purchase that won.
 * Why:    the record of the log, the entry in Redis and the row in MySQL are one thing.
 * Never:  I/O; a rule of who may buy.
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/ids.h"

struct sale_definition;

/* States of an order; letter as in Redis, `live` counts for limit and slot (PROTOCOL §6 states). */
#define ORDER_STATES(X)                                                                            \
    X(PENDING, 'N', true)                                                                          \
    X(PAID, 'P', true)                                                                             \
    X(CLOSED, 'C', false)                                                                          \
    X(REFUNDED, 'R', false)                                                                        \
    X(VOIDED, 'V', false)                                                                          \
    X(QUARANTINED, 'Q', true)

enum order_state {
#define X(name, letter, live) ORDER_STATE_##name,
    ORDER_STATES(X)
#undef X
        ORDER_STATE_COUNT
};

/* What the order log holds of a win (schemas/order_event.md). */
struct order_record {
    uint32_t version; /* 1 */
    struct order_no order_no;
    struct buyer buyer;
    struct sku sku;
    uint32_t quantity;
    uint64_t unit_price; /* minor units */
    char currency[CURRENCY_SIZE + 1];
    uint32_t slot;
    struct key_hash key_hash;
    int64_t won_at_ms;
    int64_t pay_by_ms;
    struct traceparent traceparent;
};

/* What a record has of its sale: fixed at load (PROTOCOL §5). */
struct order_terms {
    uint64_t unit_price; /* minor units */
    uint32_t pay_window_ms;
    char currency[CURRENCY_SIZE + 1];
};

/* One of a buyer's orders as Redis tells it. */
struct order_entry {
    struct order_no order_no;
    struct key_hash key_hash;
    struct sku sku;
    uint32_t quantity;
    bool has_slot;
    uint32_t slot;
    enum order_state state;
    int64_t won_at_ms;
};

const char *order_state_name(enum order_state state); /* "PENDING"; static */
char order_state_letter(enum order_state state);
bool order_state_is_live(enum order_state state);
MUST_CHECK enum err order_state_from_letter(char letter, enum order_state *ret_state);
MUST_CHECK enum err order_state_from_name(const char *name, enum order_state *ret_state);
/* A legal move of PROTOCOL §6 (QUARANTINED included). */
bool order_state_may_become(enum order_state from, enum order_state to);
/* ERR_NOT_FOUND: the sale has no such sku. */
MUST_CHECK enum err order_terms_of(const struct sale_definition *definition, const struct sku *sku,
                                   struct order_terms *ret_terms);
/* The record of a win, the same whoever builds it: who won it, a replay, the relay, a load
 * (PROTOCOL §5). Bounds are not checked here. */
void order_record_make(const struct order_entry *entry, const struct buyer *buyer,
                       const struct order_terms *terms, const struct traceparent *traceparent,
                       struct order_record *ret_record);
/* Every bound of the record holds; both sides of the wire check it. ERR_RANGE. */
MUST_CHECK enum err order_record_check(const struct order_record *record);
