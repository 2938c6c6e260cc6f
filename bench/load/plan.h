/* plan: who tries when, in which way, for which sku.
 * Why:    a crowd is made once and is the same for the same seed, so that a run can be repeated.
 * Never:  knows tokens or sockets.
 * Thread: any after plan_create(): it never changes.  Owner: the caller of plan_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct plan;

/* What a buyer does. */
enum kind {
    KIND_ONCE,         /* tries once */
    KIND_TWICE,        /* tries again after a while, without a key */
    KIND_REPEAT,       /* tries again with the same Idempotency-Key */
    KIND_CLICK,        /* sends the same purchase several times at once */
    KIND_DROP,         /* gives up the connection before the answer, asks again with the same key */
    KIND_BAD_TOKEN,    /* has a token with a broken signature */
    KIND_UNKNOWN_SALE, /* wants a sale that is not there */
    KIND_COUNT
};

/* What a request is for: the purchase, or what its winner does next. */
enum step { STEP_PURCHASE, STEP_PAY, STEP_CANCEL };

enum { PLAN_BUYERS_MAX = 99999999, PLAN_CLICKS_MAX = 16 };

struct plan_options {
    uint32_t buyers;    /* 1 to PLAN_BUYERS_MAX */
    uint32_t sku_count; /* at least 1 */
    uint64_t seed;
    double shares[KIND_COUNT]; /* of the buyers, together at most 1; of KIND_ONCE: not read */
    double keyed;              /* share of those once, with clicks, … who send a key */
    double pay, cancel;        /* shares of the winners, together at most 1; the rest do nothing */
    uint32_t clicks;           /* of KIND_CLICK, 1 to PLAN_CLICKS_MAX */
    uint64_t again_gap;        /* attempts between the first try and the second */
};
struct attempt {
    uint32_t buyer; /* 0 to buyers-1 */
    uint32_t sku;   /* 0 to sku_count-1 */
    enum kind kind;
    enum step step;
    bool keyed;
    bool again;    /* the second try */
    uint32_t lead; /* it goes out at the time of the attempt so many places before it */
};

struct plan *plan_create(const struct plan_options *options); /* NULL: no memory */
void plan_destroy(struct plan *plan);                         /* NULL is fine */
uint64_t plan_size(const struct plan *plan);                  /* attempts */
/* The attempt at `number`; numbers past the end begin anew. */
struct attempt plan_attempt(const struct plan *plan, uint64_t number);
/* What the buyer does with an order; STEP_PURCHASE: nothing, it lapses. */
enum step plan_next(const struct plan *plan, uint32_t buyer);
/* Its `lead` alone, which is less work. */
uint32_t plan_lead(const struct plan *plan, uint64_t number);
