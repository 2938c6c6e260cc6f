/* plan: who tries when, with which key, for which sku.
 * Why:    a crowd is made once and is the same for the same seed, so that a run can be repeated.
 * Never:  knows tokens or sockets.
 * Thread: any after plan_create(): it never changes.  Owner: the caller of plan_create(). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct plan;

struct plan_options {
    uint32_t buyers;    /* 1 to 2^29 */
    uint32_t sku_count; /* at least 1 */
    uint64_t seed;
    double twice;       /* share of the buyers who try twice, without a key */
    double repeat;      /* share who repeat with the same Idempotency-Key */
    double keyed;       /* share of the others who send a key */
    uint64_t again_gap; /* attempts between the first try and the second */
};
struct attempt {
    uint32_t buyer; /* 0 to buyers-1 */
    uint32_t sku;   /* 0 to sku_count-1 */
    bool keyed;
    bool again;
};

struct plan *plan_create(const struct plan_options *options); /* NULL: no memory */
void plan_destroy(struct plan *plan);                         /* NULL is fine */
uint64_t plan_size(const struct plan *plan);                  /* attempts */
/* The attempt at `number`; numbers past the end begin anew. */
struct attempt plan_attempt(const struct plan *plan, uint64_t number);
