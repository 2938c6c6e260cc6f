/* parked: notices that came before their order's row are joined with it.
 * Why:    a notice and the row may be committed at the same moment, and neither sees the other.
 *         Both are there afterwards, and a sweep each second finds the pair (PROTOCOL §6 payments).
 * Never:  decides (notice_apply does); guesses that a row will not come: only an older epoch than
 *         its sale's says so.
 * Thread: that of the link; any number of them may sweep at once.  Outside of a transaction. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "common/err.h"

struct metrics_shard;
struct mysql_link;
struct settle_turn;

enum { PARKED_SWEEP_MAX = 256 };

struct parked_stats {
    uint32_t orders; /* looked at */
    uint32_t joined; /* notices decided */
    uint32_t failed; /* orders left for a later round; each is logged */
    bool is_more;    /* it broke off before the last order */
};
/* A round: at most `limit` (1 to PARKED_SWEEP_MAX) orders, and at least one, as long as `turn`
 * (settle.h) lets it; the next one goes on behind it, and begins anew behind the last. Each order
 * is a transaction of its own; what was decided is counted and told. An order that cannot be joined
 * keeps no other one back, not even if it always ends in an error of MySQL. `*ret_stats` is set
 * whatever the result. `shard`: the thread's, or NULL. Errors as mysql_link.h: MySQL is away. */
MUST_CHECK enum err parked_sweep(struct mysql_link *link, uint32_t limit, struct settle_turn *turn,
                                 struct metrics_shard *shard, struct parked_stats *ret_stats);
