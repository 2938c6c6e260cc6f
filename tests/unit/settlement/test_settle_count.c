#include "settlement/settle_count.h"

#include <criterion/criterion.h>

#include "common/metrics.h"
#include "settlement/settle.h"

static struct metrics *metrics;

static int64_t counted(enum metric metric, uint32_t label)
{
    return metrics_value(metrics, metric, label);
}

static void begin(void)
{
    metrics = metrics_create();
    cr_assert_not_null(metrics);
}

static void end(void)
{
    metrics_destroy(metrics);
}

TestSuite(settle_count, .init = begin, .fini = end);

Test(settle_count, every_record_is_counted_by_what_became_of_it)
{
    struct settle_stats stats = {.taken = 21,
                                 .inserted = 1,
                                 .duplicates = 2,
                                 .voided_stock = 3,
                                 .voided_epoch = 4,
                                 .quarantined = 5};

    stats.dead[DEAD_REASON_VALUE] = 6;
    stats.slot_clash = 8;
    stats.clashes = 7;
    settle_count_orders(metrics_shard(metrics), &stats, 1000);
    cr_assert_eq(counted(METRIC_settled_records_total, LABEL_SETTLED_NEW), 1);
    cr_assert_eq(counted(METRIC_settled_records_total, LABEL_SETTLED_DUPLICATE), 2);
    cr_assert_eq(counted(METRIC_settled_records_total, LABEL_SETTLED_VOIDED_STOCK), 3);
    cr_assert_eq(counted(METRIC_settled_records_total, LABEL_SETTLED_VOIDED_EPOCH), 4);
    cr_assert_eq(counted(METRIC_settled_records_total, LABEL_SETTLED_QUARANTINED), 5);
    cr_assert_eq(counted(METRIC_settled_records_total, LABEL_SETTLED_DEAD), 6);
    cr_assert_eq(counted(METRIC_dlq_total, LABEL_DEAD_VALUE), 6);
    cr_assert_eq(counted(METRIC_invariant_violations_total, LABEL_INVARIANT_I4), 8);
    cr_assert_eq(counted(METRIC_invariant_violations_total, LABEL_INVARIANT_I7), 7);
}

Test(settle_count, a_repeated_transaction_is_counted_by_its_cause)
{
    struct settle_stats stats = {0};

    stats.retries[LABEL_SQL_DEADLOCK] = 2;
    stats.retries[LABEL_SQL_OTHER] = 3;
    settle_count_orders(metrics_shard(metrics), &stats, 0);
    cr_assert_eq(counted(METRIC_sql_retries_total, LABEL_SQL_DEADLOCK), 2);
    cr_assert_eq(counted(METRIC_sql_retries_total, LABEL_SQL_OTHER), 3);
    cr_assert_eq(counted(METRIC_sql_retries_total, LABEL_SQL_LOST), 0);
}

Test(settle_count, nobody_needs_to_count)
{
    settle_count_orders(NULL, &(struct settle_stats){.taken = 1, .inserted = 1}, 10);
}

Test(settle_count, notices_are_told_apart_from_orders)
{
    struct settle_stats stats = {.taken = 3, .inserted = 0};

    stats.dead[DEAD_REASON_UNREADABLE] = 1;
    stats.retries[LABEL_SQL_DEADLOCK] = 2;
    settle_count_notices(metrics_shard(metrics), &stats, 1000);
    cr_assert(counted(METRIC_dlq_total, LABEL_DEAD_UNREADABLE) == 1);
    cr_assert(counted(METRIC_sql_retries_total, LABEL_SQL_DEADLOCK) == 2);
    cr_assert(counted(METRIC_notice_batch_records, 0) == 1);
    cr_assert(counted(METRIC_notice_duration_seconds, 0) == 1);
    cr_assert(counted(METRIC_settled_records_total, LABEL_SETTLED_DEAD) == 0);
    cr_assert(counted(METRIC_settle_batch_records, 0) == 0);
}
