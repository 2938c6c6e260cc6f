/* settle_count: what became of a batch, in the worker's metrics.
 * Why:    the consumer thread has patience to tell, not numbers.
 * Never:  decides.
 * Thread: that of the shard. */
#pragma once

#include <stdint.h>

struct metrics_shard;
struct settle_stats;

/* `shard`: borrowed or NULL. `took_us`: the length of the transaction. */
void settle_count_orders(struct metrics_shard *shard, const struct settle_stats *stats,
                         int64_t took_us);
/* What each notice became is counted when it is told (notice_applied_tell()). */
void settle_count_notices(struct metrics_shard *shard, const struct settle_stats *stats,
                          int64_t took_us);
