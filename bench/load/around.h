/* around: what worker and Redis tell before the load and after it.
 * Why:    the difference is what the load's orders cost them: the sizes of a plan.
 * Never:  asks while the load runs.
 * Thread: the first. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "settle.h"

struct around {
    const char *worker, *redis; /* borrowed; NULL: not asked for */
    struct settle settle_before, settle_after;
    uint64_t redis_before, redis_after; /* bytes */
};

/* False: one that is asked for does not answer; told on stderr. */
bool around_begin(const char *worker, const char *redis, struct around *ret_around);
bool around_end(struct around *around); /* the same */

/* Orders that one busy consumer settled in a second; 0: not asked for, or none was settled. */
double around_settle_rate(const struct around *around);
/* Bytes of one of `orders`; 0: not asked for, or too few orders to tell them from the rest. */
double around_bytes_per_order(const struct around *around, uint64_t orders);
