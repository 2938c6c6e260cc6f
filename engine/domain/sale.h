/* sale: what is sold, to whom, when, and in which state it is.
 * Why:    the engine's board, the loader and the admin API speak of one definition.
 * Never:  decides a purchase: the script does (PROTOCOL §3.4).
 * Thread: any. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "domain/ids.h"

#define SALE_STATES(X)                                                                             \
    X(LOADING, "loading")                                                                          \
    X(LOADED, "loaded")                                                                            \
    X(OPEN, "open")                                                                                \
    X(PAUSED, "paused")                                                                            \
    X(RESUMING, "resuming")                                                                        \
    X(FROZEN, "frozen")                                                                            \
    X(ENDED, "ended")

/* The state of a sale in Redis (meta.state). */
enum sale_state {
#define X(name, text) SALE_STATE_##name,
    SALE_STATES(X)
#undef X
        SALE_STATE_COUNT
};

enum { SALE_NAME_SIZE_MAX = 200 };

/* Of a price or a payment, in minor units: JSON readers of the shop keep doubles. */
#define MONEY_MAX (UINT64_C(1) << 53)

struct sale_sku {
    struct sku sku;
    uint64_t price; /* minor units */
    uint32_t total; /* units the shop gave, additions included */
};

struct sale_times {       /* milliseconds, written at load (PROTOCOL §3.9) */
    uint32_t deadline_ms; /* D */
    uint32_t lease_ms;    /* T */
    uint32_t hold_ms;
    uint32_t guard_ms; /* Q */
};

struct sale_definition {
    struct sale_id sale;
    uint32_t epoch;                    /* of the last load; 0: never loaded */
    char name[SALE_NAME_SIZE_MAX + 1]; /* UTF-8 */
    char currency[CURRENCY_SIZE + 1];
    int64_t opens_ms, closes_ms; /* since the Unix epoch */
    uint32_t limit;              /* units one buyer may hold */
    bool listed;                 /* a reservation sale */
    uint32_t pay_window_ms;
    struct sale_times times;
    uint32_t sku_count;
    struct sale_sku skus[SALE_SKUS_MAX];
};

const char *sale_state_name(enum sale_state state); /* "open"; static */
MUST_CHECK enum err sale_state_parse(const char *text, size_t size, enum sale_state *ret_state);
/* -1: no such sku. */
int sale_find_sku(const struct sale_definition *definition, const struct sku *sku);
/* All bounds hold; on ERR_RANGE `*ret_why` is a static sentence for the operator. */
MUST_CHECK enum err sale_check(const struct sale_definition *definition, const char **ret_why);
MUST_CHECK enum err currency_check(const char *text,
                                   size_t size); /* ISO 4217 shape: three capitals. ERR_PARSE */
