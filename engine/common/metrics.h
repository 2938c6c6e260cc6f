/* metrics: counters, gauges and histograms of metrics.def, one shard a thread.
 * Why:    the hot path adds to its own memory; a scrape sums the shards.
 * Never:  a label from an open set (buyer, order, path).
 * Thread: a shard is written by its own thread only; metrics_write() reads from any. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "common/buf.h"

enum metric {
#define METRIC(name, kind, process, label, values, help) METRIC_##name,
#include "common/metrics.def"
#undef METRIC
    METRIC_COUNT
};

/* The index of a label's value: LABEL_OUTCOME_SOLD_OUT, LABEL_SHED_DRAIN, ... (metrics_labels.def).
 */
/* clang-format off */
#define LABELS_BEGIN(list) enum label_##list {
#define LABEL(list, name, text) LABEL_##list##_##name,
#define LABELS_END(list) LABEL_##list##_COUNT };
/* clang-format on */
#include "common/metrics_labels.def"
#undef LABELS_BEGIN
#undef LABEL
#undef LABELS_END

/* Which metrics a process exports (a mask). */
enum metrics_process { METRICS_ENGINE = 1, METRICS_WORKER = 2, METRICS_BOTH = 3 };

struct metrics;       /* the registry of a process */
struct metrics_shard; /* one thread's part */

struct metrics *metrics_create(void); /* NULL: no memory */
void metrics_destroy(struct metrics *metrics);
/* A new shard, owned by the registry. NULL: no memory, or more than 128 shards: one for each thread
 * of a process, of which 64 may be reactors. Thread: init. */
struct metrics_shard *metrics_shard(struct metrics *metrics);

/* `label` is the index of the label's value (0 when it has none); asserts the range.
 * A NULL shard is allowed everywhere below and does nothing (unit tests). */
void metrics_add(struct metrics_shard *shard, enum metric metric, uint32_t label, uint64_t n);
/* A gauge named _seconds or _ratio takes thousandths. */
void metrics_set(struct metrics_shard *shard, enum metric metric, uint32_t label, int64_t value);
void metrics_observe_us(struct metrics_shard *shard, enum metric metric, uint32_t label,
                        uint64_t us);
/* For batch sizes and the like: a histogram of kind COUNTS. */
void metrics_observe_count(struct metrics_shard *shard, enum metric metric, uint32_t label,
                           uint64_t n);
/* Over the shards: the sum of a counter or gauge, the largest of a GAUGE_MAX; observations of a
 * histogram. */
int64_t metrics_value(const struct metrics *metrics, enum metric metric, uint32_t label);

/* Prometheus text format 0.0.4 of the metrics of `process`. A labelled gauge is there once it was
 * set. */
void metrics_write(const struct metrics *metrics, enum metrics_process process, struct buf *out);
/* docs/METRICS.md */
void metrics_write_docs(struct buf *out);
