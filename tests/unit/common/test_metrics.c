#include "common/metrics.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct metrics *metrics;
static struct metrics_shard *shard;
static struct buf out;

static void begin(void)
{
    metrics = metrics_create();
    shard = metrics_shard(metrics);
    cr_assert_not_null(shard);
    buf_init(&out, 1 << 20);
}

static void end(void)
{
    buf_finish(&out);
    metrics_destroy(metrics);
}

TestSuite(metrics, .init = begin, .fini = end);

Test(metrics, a_label_out_of_range_aborts, .signal = SIGABRT)
{
    metrics_add(shard, METRIC_purchases_total, LABEL_OUTCOME_COUNT, 1);
}

Test(metrics, adding_to_a_gauge_aborts, .signal = SIGABRT)
{
    metrics_add(shard, METRIC_open_connections, 0, 1);
}

Test(metrics, setting_a_counter_aborts, .signal = SIGABRT)
{
    metrics_set(shard, METRIC_connections_total, 0, 1);
}

Test(metrics, observing_a_time_as_a_number_aborts, .signal = SIGABRT)
{
    metrics_observe_count(shard, METRIC_loop_stall_seconds, 0, 1);
}

Test(metrics, observing_a_number_as_a_time_aborts, .signal = SIGABRT)
{
    metrics_observe_us(shard, METRIC_script_batch_purchases, 0, 1);
}

Test(metrics, there_are_at_most_128_shards)
{
    for (int i = 1; i < 128; i++) {
        cr_assert_not_null(metrics_shard(metrics));
    }
    cr_assert_null(metrics_shard(metrics));
}

Test(metrics, destroying_nothing_is_fine)
{
    metrics_destroy(NULL);
}

Test(metrics, no_shard_is_a_no_op)
{
    metrics_add(NULL, METRIC_connections_total, 0, 1);
    metrics_set(NULL, METRIC_open_connections, 0, 1);
    metrics_observe_us(NULL, METRIC_loop_stall_seconds, 0, 1);
    metrics_observe_count(NULL, METRIC_script_batch_purchases, 0, 1);
    cr_assert_eq(metrics_value(metrics, METRIC_connections_total, 0), 0);
}

Test(metrics, counters_and_gauges_are_summed_over_shards)
{
    struct metrics_shard *other = metrics_shard(metrics);

    metrics_add(shard, METRIC_purchases_total, LABEL_OUTCOME_SOLD_OUT, 2);
    metrics_add(other, METRIC_purchases_total, LABEL_OUTCOME_SOLD_OUT, 3);
    metrics_set(shard, METRIC_open_connections, 0, 10);
    metrics_set(other, METRIC_open_connections, 0, -3);
    cr_assert_eq(metrics_value(metrics, METRIC_purchases_total, LABEL_OUTCOME_SOLD_OUT), 5);
    cr_assert_eq(metrics_value(metrics, METRIC_purchases_total, LABEL_OUTCOME_ACCEPTED), 0);
    cr_assert_eq(metrics_value(metrics, METRIC_open_connections, 0), 7);
}

Test(metrics, the_largest_counts_where_a_sum_has_no_sense)
{
    struct metrics_shard *other = metrics_shard(metrics);

    (void)metrics_shard(metrics);
    cr_assert_eq(metrics_value(metrics, METRIC_catalogue_age_seconds, 0), 0);
    metrics_set(shard, METRIC_catalogue_age_seconds, 0, -5);
    cr_assert_eq(metrics_value(metrics, METRIC_catalogue_age_seconds, 0), -5);
    metrics_set(other, METRIC_catalogue_age_seconds, 0, 300);
    metrics_set(shard, METRIC_catalogue_age_seconds, 0, 200);
    cr_assert_eq(metrics_value(metrics, METRIC_catalogue_age_seconds, 0), 300);
}

Test(metrics, a_histogram_counts_its_observations)
{
    metrics_observe_us(shard, METRIC_loop_stall_seconds, 0, 1);
    metrics_observe_us(shard, METRIC_loop_stall_seconds, 0, UINT32_MAX);
    cr_assert_eq(metrics_value(metrics, METRIC_loop_stall_seconds, 0), 2);
}

static bool has_line(const char *line)
{
    const char *at = strstr(buf_text(&out), line);

    return at && (at == buf_text(&out) || at[-1] == '\n') && at[strlen(line)] == '\n';
}

Test(metrics, a_scalar_is_written_with_help_and_type)
{
    metrics_add(shard, METRIC_connections_total, 0, 3);
    metrics_add(shard, METRIC_purchases_total, LABEL_OUTCOME_SOLD_OUT, 4);
    metrics_set(shard, METRIC_outbox_oldest_age_seconds, 0, 1234);
    metrics_set(shard, METRIC_bloom_fill_ratio, LABEL_BLOOM_WINNERS, 500);
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert_not(out.failed);
    cr_assert(has_line("# TYPE seckill_connections_total counter"));
    cr_assert(has_line("# HELP seckill_connections_total client connections accepted"));
    cr_assert(has_line("seckill_connections_total 3"));
    cr_assert(has_line("seckill_purchases_total{result=\"sold-out\"} 4"));
    cr_assert(has_line("seckill_purchases_total{result=\"accepted\"} 0"));
    cr_assert(has_line("# TYPE seckill_outbox_oldest_age_seconds gauge"));
    cr_assert(has_line("seckill_outbox_oldest_age_seconds 1.234"));
    cr_assert(has_line("seckill_bloom_fill_ratio{filter=\"winners\"} 0.500"));
}

Test(metrics, two_labels_have_values_of_two_parts)
{
    metrics_add(shard, METRIC_payment_notices_total, LABEL_PAYMENT_NOTICE_standard_TOO_OLD, 2);
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert(
        has_line("seckill_payment_notices_total{provider=\"standard\",result=\"too_old\"} 2"));
    cr_assert(has_line("seckill_payment_notices_total{provider=\"standard\",result=\"ok\"} 0"));
}

Test(metrics, a_negative_age_keeps_its_sign)
{
    metrics_set(shard, METRIC_outbox_oldest_age_seconds, 0, -250);
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert(has_line("seckill_outbox_oldest_age_seconds -0.250"));
}

Test(metrics, a_labelled_gauge_is_there_once_it_was_set)
{
    metrics_set(shard, METRIC_consumer_lag_records, LABEL_PARTITION_3, 0);
    metrics_write(metrics, METRICS_WORKER, &out);
    cr_assert(has_line("seckill_consumer_lag_records{partition=\"3\"} 0"));
    cr_assert_null(strstr(buf_text(&out), "partition=\"4\""));
}

Test(metrics, a_process_exports_its_own)
{
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert_not_null(strstr(buf_text(&out), "seckill_purchases_total"));
    cr_assert_null(strstr(buf_text(&out), "seckill_settled_records_total"));
    buf_clear(&out);
    metrics_write(metrics, METRICS_WORKER, &out);
    cr_assert_null(strstr(buf_text(&out), "seckill_purchases_total"));
    cr_assert_not_null(strstr(buf_text(&out), "seckill_settled_records_total"));
    cr_assert_not_null(strstr(buf_text(&out), "seckill_durability_degraded"));
}

Test(metrics, buckets_are_cumulative_and_end_in_count)
{
    static const uint64_t us[] = {0, 500, 501, 1000, 9999999, 10000000, 10000001, 60000000};

    for (size_t i = 0; i < sizeof us / sizeof us[0]; i++) {
        metrics_observe_us(shard, METRIC_script_call_duration_seconds, 0, us[i]);
    }
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert(has_line("# TYPE seckill_script_call_duration_seconds histogram"));
    cr_assert(has_line("seckill_script_call_duration_seconds_bucket{le=\"0.0005\"} 2"));
    cr_assert(has_line("seckill_script_call_duration_seconds_bucket{le=\"0.001\"} 4"));
    cr_assert(has_line("seckill_script_call_duration_seconds_bucket{le=\"5\"} 4"));
    cr_assert(has_line("seckill_script_call_duration_seconds_bucket{le=\"10\"} 6"));
    cr_assert(has_line("seckill_script_call_duration_seconds_bucket{le=\"+Inf\"} 8"));
    cr_assert(has_line("seckill_script_call_duration_seconds_count 8"));
    cr_assert(has_line("seckill_script_call_duration_seconds_sum 90.002001"));
}

Test(metrics, numbers_have_buckets_of_their_own)
{
    metrics_observe_count(shard, METRIC_script_batch_purchases, 0, 1);
    metrics_observe_count(shard, METRIC_script_batch_purchases, 0, 128);
    metrics_observe_count(shard, METRIC_script_batch_purchases, 0, 5000);
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert(has_line("seckill_script_batch_purchases_bucket{le=\"1\"} 1"));
    cr_assert(has_line("seckill_script_batch_purchases_bucket{le=\"64\"} 1"));
    cr_assert(has_line("seckill_script_batch_purchases_bucket{le=\"128\"} 2"));
    cr_assert(has_line("seckill_script_batch_purchases_bucket{le=\"1024\"} 2"));
    cr_assert(has_line("seckill_script_batch_purchases_bucket{le=\"+Inf\"} 3"));
    cr_assert(has_line("seckill_script_batch_purchases_sum 5129"));
    cr_assert(has_line("seckill_script_batch_purchases_count 3"));
}

Test(metrics, a_labelled_histogram_names_label_and_bound)
{
    metrics_observe_us(shard, METRIC_purchase_stage_duration_seconds, LABEL_STAGE_DECIDE, 700);
    metrics_write(metrics, METRICS_ENGINE, &out);
    cr_assert(has_line(
        "seckill_purchase_stage_duration_seconds_bucket{stage=\"decide\",le=\"0.001\"} 1"));
    cr_assert(has_line("seckill_purchase_stage_duration_seconds_count{stage=\"decide\"} 1"));
    cr_assert(has_line("seckill_purchase_stage_duration_seconds_count{stage=\"batch\"} 0"));
}

static atomic_bool stop_reader;

static void *read_all_the_time(void *arg)
{
    long *reads = arg;

    while (!stop_reader) {
        struct buf text;

        buf_init(&text, 1 << 20);
        metrics_write(metrics, METRICS_BOTH, &text);
        buf_finish(&text);
        (*reads)++;
    }
    return NULL;
}

Test(metrics, a_scrape_may_run_beside_the_writer)
{
    pthread_t reader;
    long reads = 0;

    cr_assert_eq(pthread_create(&reader, NULL, read_all_the_time, &reads), 0);
    for (int i = 0; i < 1000000; i++) {
        metrics_add(shard, METRIC_connections_total, 0, 1);
    }
    stop_reader = true;
    pthread_join(reader, NULL);
    cr_assert_eq(metrics_value(metrics, METRIC_connections_total, 0), 1000000);
}

Test(metrics, docs_name_every_metric_and_value)
{
    static const char *const names[] = {
#define METRIC(name, kind, process, label, values, help) #name,
#include "common/metrics.def"
#undef METRIC
    };

    metrics_write_docs(&out);
    cr_assert_not(out.failed);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char cell[128];

        snprintf(cell, sizeof cell, "| `seckill_%s` |", names[i]);
        cr_expect_not_null(strstr(buf_text(&out), cell), "%s", names[i]);
    }
    cr_assert_not_null(strstr(buf_text(&out),
                              "| `seckill_settled_records_total` | counter | worker | `result`: "
                              "new, duplicate, "));
}
