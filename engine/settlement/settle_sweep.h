/* settle_sweep: what a kind has to do beside its records, each second, in rounds with an end.
 * Why:    who sweeps a long list does not poll: the group would take its partitions away, and a
 *         worker that is stopped would wait for it.
 * Never:  begins at the front while an earlier round was not done.
 * Thread: that of the link. */
#pragma once

#include "settlement/settle.h"

struct waiter;

enum { SETTLE_SWEEP_MS = 1000, SETTLE_SWEEP_ROUND_MS = 500 };

/* Zeroed at first but for the first four. */
struct settle_sweep {
    const struct settle_kind *kind; /* static, with a sweep */
    struct mysql_link *link;        /* borrowed, as what follows */
    struct waiter *waiter;
    struct metrics_shard *shard; /* or NULL */
    struct order_no swept;       /* how far the rounds have come; 0: they begin anew */
    int64_t due_us, until_us;    /* the next round; the end of the one under way */
};
/* A round, if one is due: a second after the last one, or at once where that one broke off. Errors
 * as mysql_link.h: MySQL is away, tried again after a second. */
MUST_CHECK enum err settle_sweep_round(struct settle_sweep *sweep);
