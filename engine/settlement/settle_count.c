#include "settlement/settle_count.h"

#include <assert.h>

#include "common/metrics.h"
#include "settlement/settle.h"

static_assert((int)LABEL_DEAD_ROW == (int)DEAD_REASON_ROW, "labels follow DEAD_REASONS");

static void count_trouble(struct metrics_shard *shard, const struct settle_stats *stats)
{
    for (uint32_t reason = 0; reason < DEAD_REASON_COUNT; reason++) {
        metrics_add(shard, METRIC_dlq_total, reason, stats->dead[reason]);
    }
    for (uint32_t label = 0; label < LABEL_SQL_COUNT; label++) {
        metrics_add(shard, METRIC_sql_retries_total, label, stats->retries[label]);
    }
}

void settle_count_orders(struct metrics_shard *shard, const struct settle_stats *stats,
                         int64_t took_us)
{
    count_trouble(shard, stats);
    metrics_add(shard, METRIC_settled_records_total, LABEL_SETTLED_NEW, stats->inserted);
    metrics_add(shard, METRIC_settled_records_total, LABEL_SETTLED_DUPLICATE, stats->duplicates);
    metrics_add(shard, METRIC_settled_records_total, LABEL_SETTLED_VOIDED_STOCK,
                stats->voided_stock);
    metrics_add(shard, METRIC_settled_records_total, LABEL_SETTLED_VOIDED_EPOCH,
                stats->voided_epoch);
    metrics_add(shard, METRIC_settled_records_total, LABEL_SETTLED_QUARANTINED, stats->quarantined);
    for (uint32_t reason = 0; reason < DEAD_REASON_COUNT; reason++) {
        metrics_add(shard, METRIC_settled_records_total, LABEL_SETTLED_DEAD, stats->dead[reason]);
    }
    metrics_add(shard, METRIC_invariant_violations_total, LABEL_INVARIANT_I4, stats->slot_clash);
    metrics_add(shard, METRIC_invariant_violations_total, LABEL_INVARIANT_I7, stats->clashes);
    if (stats->taken > 0) {
        metrics_observe_count(shard, METRIC_settle_batch_records, 0, stats->taken);
        metrics_observe_us(shard, METRIC_settle_duration_seconds, 0, (uint64_t)took_us);
    }
}

void settle_count_notices(struct metrics_shard *shard, const struct settle_stats *stats,
                          int64_t took_us)
{
    count_trouble(shard, stats);
    if (stats->taken > 0) {
        metrics_observe_count(shard, METRIC_notice_batch_records, 0, stats->taken);
        metrics_observe_us(shard, METRIC_notice_duration_seconds, 0, (uint64_t)took_us);
    }
}
