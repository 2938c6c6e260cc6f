/* latch: the end of a sale, as Redis latched it, copied to MySQL.
 * Why:    a sale that is over must be over for whoever asks MySQL too: no unit is added, and a load
 *         leaves it ended (PROTOCOL §3.4 step 5, §3.8).
 * Never:  ends a sale by MySQL's or its own clock: Redis' TIME or Redis' state says so.
 * Thread: one that may block. Only the relay that leads sweeps; the guard, who sees all sales,
 *         keeps a latch that the sweep would not look at yet. */
#pragma once

#include "common/err.h"
#include "domain/ids.h"

struct metrics_shard;
struct mysql_link;
struct redis_blocking;
struct sale_guarded;
struct sale_mark;

struct latch_context {
    struct mysql_link *mysql;     /* borrowed for the call, connected */
    struct redis_blocking *redis; /* borrowed for the call */
    struct metrics_shard *shard;  /* borrowed or NULL */
};
/* Sets METRIC_epoch and METRIC_frozen. Errors as mysql_link.h. */
MUST_CHECK enum err latch_show_totals(const struct latch_context *context);
/* One sweep over a bounded number of sales whose window is over. `*after` is where the next goes
 * on; 0 at first. Errors as mysql_link.h; those of Redis leave the sale for a later sweep. */
MUST_CHECK enum err latch_sweep(const struct latch_context *context, struct sale_id *after);
/* Ends the sale in MySQL, which tells it and notes it; one that has ended, or is gone, is left. The
 * link is connected and in no transaction. Errors as mysql_link.h. */
MUST_CHECK enum err latch_end(struct mysql_link *mysql, struct sale_id sale);
/* The same where the mark of a fence that fits says `ended`, and MySQL would let it be sold: its
 * clock is behind the one that Redis had, and a load or a release by MySQL's word would open it. */
MUST_CHECK enum err latch_keep(struct mysql_link *mysql, const struct sale_guarded *sale,
                               const struct sale_mark *mark);
