/* sale_state: what a script's reply tells of its sale: status, header, units left.
 * Why:    all scripts speak one status word and one header; they are read in one place
 *         (schemas/redis.md, PROTOCOL §4).
 * Never:  I/O; guesses: what is not exactly of the form is ERR_PARSE.
 * Thread: any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"
#include "domain/sale.h"

/* The status words of lua/. All but OK, LATE, UNCHANGED: nothing was touched. */
#define SALE_ANSWERS(X)                                                                            \
    X(OK, "ok", OK)                                                                                \
    X(LATE, "late", REFUSED)                                                                       \
    X(GONE, "gone", NOT_FOUND)  /* no meta */                                                      \
    X(EPOCH, "epoch", FENCED)   /* meta is of another epoch */                                     \
    X(REPLID, "replid", FENCED) /* meta was loaded on another history, or its fence closed */      \
    X(TYPE, "type", PARSE)      /* a key holds garbage: alarm */                                   \
    X(ARGS, "args", RANGE)      /* our call is wrong: alarm */                                     \
    X(STATE, "state", CONFLICT) /* not from this state */                                          \
    X(LOADING, "loading", CONFLICT)                                                                \
    X(FROZEN, "frozen", CONFLICT)                                                                  \
    X(HOLD, "hold", CONFLICT)                /* apply: leases may be out; again a hold later */    \
    X(UNCHANGED, "unchanged", OK)            /* catalogue: the known revision */                   \
    X(REBUILDING, "rebuilding", UNAVAILABLE) /* catalogue: missing or of another history */
enum sale_answer {
#define X(name, word, error) SALE_ANSWER_##name,
    SALE_ANSWERS(X)
#undef X
        SALE_ANSWER_COUNT
};
const char *sale_answer_name(enum sale_answer answer); /* the word; static */
enum err sale_answer_err(enum sale_answer answer);     /* the third column above */
MUST_CHECK enum err sale_answer_parse(const char *text, size_t size, enum sale_answer *ret_answer);

/* The header `TIME_ms epoch version state seq outbox_first` of every fenced script. */
struct sale_head {
    int64_t redis_time_ms;
    uint32_t epoch;
    uint64_t version;
    enum sale_state state;
    uint32_t seq;          /* last given */
    uint32_t outbox_first; /* seq not above that of the first outbox entry; 0: it is empty */
};
MUST_CHECK enum err sale_head_parse(const char *text, size_t size, struct sale_head *ret_head);

struct sale_left {
    struct sku sku;
    uint32_t left;
};
/* `sku=left ...`, at most SALE_SKUS_MAX; "" is 0 of them. */
MUST_CHECK enum err sale_stock_parse(const char *text, size_t size, struct sale_left *ret_left,
                                     uint32_t *ret_count);
