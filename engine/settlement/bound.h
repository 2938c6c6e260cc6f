/* bound: for each live sale, units sold and still offered within total (I1), looked at again.
 * Why:    an audit is asked for by somebody; a unit too many must stop its sale unasked,
 *         before a buyer is told of it. Cheap: what settled orders add up to stands in sale_skus,
 *         what is offered from one script call (docs/DECISIONS.md).
 * Never:  judges while units come back or another epoch is cut; sums orders (the audit does).
 * Thread: one that may block: the relay's. Only the relay that leads sweeps. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"
#include "domain/ids.h"

struct latch_context; /* settlement/latch.h: what each sweep of the relay is given */

enum { BOUND_INTERVAL_MS = 10000 }; /* between the beginnings of two rounds over all live sales */

/* Zeroed at first. */
struct bound_round {
    struct sale_id after;
    int64_t begun_us; /* by the caller's monotonic clock; 0: none yet */
    bool is_going;
};
/* A bounded part of a round, if one is due. What breaks the promise is frozen. Errors as
 * mysql_link.h; those of Redis leave the sale for a later call. */
MUST_CHECK enum err bound_sweep(const struct latch_context *context, int64_t now_us,
                                struct bound_round *round);
