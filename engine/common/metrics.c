/* A shard is one array of cells. A metric has `stride` cells for each value of its label:
 * COUNTER: value. GAUGE, GAUGE_MAX: value, and 1 once it was set. Histograms: one cell a bucket,
 * the last for what is above all bounds, then the sum. Only the owner writes a cell, so a relaxed
 * load and store is an addition. */
#include "common/metrics.h"

#include "common/assert.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 128, CELL_SET = 1 };

enum kind { KIND_COUNTER, KIND_GAUGE, KIND_GAUGE_MAX, KIND_SECONDS, KIND_COUNTS };

/* Upper bounds: microseconds for SECONDS, numbers for COUNTS. */
static const uint64_t seconds_bounds[] = {500,     1000,    2500,    5000,    10000,
                                          25000,   50000,   100000,  250000,  500000,
                                          1000000, 2500000, 5000000, 10000000};
static const char *const seconds_texts[] = {"0.0005", "0.001", "0.0025", "0.005", "0.01",
                                            "0.025",  "0.05",  "0.1",    "0.25",  "0.5",
                                            "1",      "2.5",   "5",      "10"};
static const uint64_t counts_bounds[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024};
static const char *const counts_texts[] = {"1",  "2",   "4",   "8",   "16",  "32",
                                           "64", "128", "256", "512", "1024"};

#define ITEM_COUNT(array) (sizeof(array) / sizeof((array)[0]))
static_assert(ITEM_COUNT(seconds_bounds) == ITEM_COUNT(seconds_texts), "a text for each bound");
static_assert(ITEM_COUNT(counts_bounds) == ITEM_COUNT(counts_texts), "a text for each bound");

/* clang-format off */
#define LABELS_BEGIN(list) static const char *const values_LABELS_##list[] = {
#define LABEL(list, name, text) text,
#define LABELS_END(list) };
/* clang-format on */
#include "common/metrics_labels.def"
#undef LABELS_BEGIN
#undef LABEL
#undef LABELS_END
static const char *const values_NONE[] = {""};

static const struct metric_row {
    const char *name;
    enum kind kind;
    enum metrics_process process;
    const char *label; /* "": none */
    const char *const *values;
    uint32_t value_count;
    const char *help;
} rows[METRIC_COUNT] = {
#define METRIC(name, kind, process, label, values, help)                                           \
    [METRIC_##name] = {#name, KIND_##kind,     METRICS_##process,                                  \
                       label, values_##values, ITEM_COUNT(values_##values),                        \
                       help},
#include "common/metrics.def"
#undef METRIC
};

struct metrics_shard {
    const struct metrics *metrics; /* borrowed: the registry */
    _Atomic uint64_t cells[];      /* metrics->cell_count */
};

struct metrics {
    pthread_mutex_t lock; /* of making shards */
    _Atomic uint32_t shard_count;
    struct metrics_shard *shards[SHARDS_MAX]; /* owned */
    uint32_t first_cell[METRIC_COUNT];
    uint32_t cell_count;
};

static uint32_t bucket_count(enum kind kind)
{
    return kind == KIND_SECONDS ? ITEM_COUNT(seconds_bounds) : ITEM_COUNT(counts_bounds);
}

static bool is_histogram(enum kind kind)
{
    return kind == KIND_SECONDS || kind == KIND_COUNTS;
}

static bool is_gauge(enum kind kind)
{
    return kind == KIND_GAUGE || kind == KIND_GAUGE_MAX;
}

static uint32_t stride_of(const struct metric_row *row)
{
    if (is_histogram(row->kind)) {
        return bucket_count(row->kind) + 2;
    }
    return is_gauge(row->kind) ? 2 : 1;
}

struct metrics *metrics_create(void)
{
    struct metrics *metrics = calloc(1, sizeof *metrics);

    if (!metrics) {
        return NULL;
    }
    if (pthread_mutex_init(&metrics->lock, NULL) != 0) {
        free(metrics);
        return NULL;
    }
    for (int i = 0; i < METRIC_COUNT; i++) {
        metrics->first_cell[i] = metrics->cell_count;
        metrics->cell_count += stride_of(&rows[i]) * rows[i].value_count;
    }
    return metrics;
}

void metrics_destroy(struct metrics *metrics)
{
    if (!metrics) {
        return;
    }
    for (uint32_t i = 0; i < metrics->shard_count; i++) {
        free(metrics->shards[i]);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct metrics_shard *metrics_shard(struct metrics *metrics)
{
    struct metrics_shard *shard = NULL;

    pthread_mutex_lock(&metrics->lock);
    if (metrics->shard_count < SHARDS_MAX) {
        shard = calloc(1, sizeof *shard + metrics->cell_count * sizeof shard->cells[0]);
    }
    if (shard) {
        shard->metrics = metrics;
        metrics->shards[metrics->shard_count] = shard;
        /* Readers look at the count first. */
        atomic_fetch_add_explicit(&metrics->shard_count, 1, memory_order_release);
    }
    pthread_mutex_unlock(&metrics->lock);
    return shard;
}

static uint32_t cell_of(const struct metrics *metrics, enum metric metric, uint32_t label)
{
    ASSERT((unsigned)metric < METRIC_COUNT && label < rows[metric].value_count);
    return metrics->first_cell[metric] + label * stride_of(&rows[metric]);
}

static void cell_add(_Atomic uint64_t *cell, uint64_t n)
{
    atomic_store_explicit(cell, atomic_load_explicit(cell, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static uint64_t cell_read(const _Atomic uint64_t *cell)
{
    return atomic_load_explicit(cell, memory_order_relaxed);
}

void metrics_add(struct metrics_shard *shard, enum metric metric, uint32_t label, uint64_t n)
{
    if (!shard) {
        return;
    }
    ASSERT(rows[metric].kind == KIND_COUNTER);
    cell_add(&shard->cells[cell_of(shard->metrics, metric, label)], n);
}

void metrics_set(struct metrics_shard *shard, enum metric metric, uint32_t label, int64_t value)
{
    uint32_t cell;

    if (!shard) {
        return;
    }
    ASSERT(is_gauge(rows[metric].kind));
    cell = cell_of(shard->metrics, metric, label);
    atomic_store_explicit(&shard->cells[cell], (uint64_t)value, memory_order_relaxed);
    atomic_store_explicit(&shard->cells[cell + CELL_SET], 1, memory_order_release);
}

static void observe(struct metrics_shard *shard, enum metric metric, uint32_t label,
                    const uint64_t *bounds, uint64_t value)
{
    uint32_t cell = cell_of(shard->metrics, metric, label);
    uint32_t count = bucket_count(rows[metric].kind);
    uint32_t bucket = 0;

    while (bucket < count && value > bounds[bucket]) {
        bucket++;
    }
    cell_add(&shard->cells[cell + bucket], 1);
    cell_add(&shard->cells[cell + count + 1], value);
}

void metrics_observe_us(struct metrics_shard *shard, enum metric metric, uint32_t label,
                        uint64_t us)
{
    if (!shard) {
        return;
    }
    ASSERT(rows[metric].kind == KIND_SECONDS);
    observe(shard, metric, label, seconds_bounds, us);
}

void metrics_observe_count(struct metrics_shard *shard, enum metric metric, uint32_t label,
                           uint64_t n)
{
    if (!shard) {
        return;
    }
    ASSERT(rows[metric].kind == KIND_COUNTS);
    observe(shard, metric, label, counts_bounds, n);
}

static uint64_t sum_cells(const struct metrics *metrics, uint32_t cell)
{
    uint32_t count = atomic_load_explicit(&metrics->shard_count, memory_order_acquire);
    uint64_t sum = 0;

    for (uint32_t i = 0; i < count; i++) {
        sum += cell_read(&metrics->shards[i]->cells[cell]);
    }
    return sum;
}

/* The largest of the shards that set it; 0 when none did. */
static int64_t max_cells(const struct metrics *metrics, uint32_t cell)
{
    uint32_t count = atomic_load_explicit(&metrics->shard_count, memory_order_acquire);
    int64_t max = 0;
    bool found = false;

    for (uint32_t i = 0; i < count; i++) {
        const struct metrics_shard *shard = metrics->shards[i];

        if (atomic_load_explicit(&shard->cells[cell + CELL_SET], memory_order_acquire) != 0) {
            int64_t value = (int64_t)cell_read(&shard->cells[cell]);

            max = !found || value > max ? value : max;
            found = true;
        }
    }
    return max;
}

int64_t metrics_value(const struct metrics *metrics, enum metric metric, uint32_t label)
{
    const struct metric_row *row = &rows[metric];
    uint32_t cell = cell_of(metrics, metric, label);
    uint64_t sum = 0;

    if (row->kind == KIND_GAUGE_MAX) {
        return max_cells(metrics, cell);
    }
    if (!is_histogram(row->kind)) {
        return (int64_t)sum_cells(metrics, cell);
    }
    for (uint32_t i = 0; i <= bucket_count(row->kind); i++) {
        sum += sum_cells(metrics, cell + i);
    }
    return (int64_t)sum;
}

static bool ends_with(const char *text, const char *end)
{
    size_t size = strlen(text), end_size = strlen(end);

    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

/* Two labels, "provider,result", have values of two parts, "stripe,ok". */
static void write_labels(const struct metric_row *row, uint32_t label, struct buf *out)
{
    const char *name = row->label, *value = row->values[label];

    for (;;) {
        size_t name_size = strcspn(name, ",");
        size_t value_size = name[name_size] == ',' ? strcspn(value, ",") : strlen(value);

        buf_append(out, name, name_size);
        buf_append_text(out, "=\"");
        buf_append(out, value, value_size);
        buf_append_char(out, '"');
        if (name[name_size] == '\0') {
            return;
        }
        ASSERT(value[value_size] == ',');
        buf_append_char(out, ',');
        name += name_size + 1;
        value += value_size + 1;
    }
}

static void write_name(const struct metric_row *row, const char *suffix, uint32_t label,
                       const char *bound, struct buf *out)
{
    bool labelled = row->label[0] != '\0';

    buf_printf(out, "seckill_%s%s", row->name, suffix);
    if (labelled || bound) {
        buf_append_char(out, '{');
        if (labelled) {
            write_labels(row, label, out);
        }
        if (bound) {
            buf_printf(out, "%sle=\"%s\"", labelled ? "," : "", bound);
        }
        buf_append_char(out, '}');
    }
    buf_append_char(out, ' ');
}

/* `value` parts of `unit`, as a decimal fraction: 1500 of 1000 is 1.500. */
static void write_fraction(int64_t value, uint64_t unit, int digits, struct buf *out)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;

    buf_printf(out, "%s%" PRIu64 ".%0*" PRIu64 "\n", value < 0 ? "-" : "", size / unit, digits,
               size % unit);
}

static void write_scalar(const struct metrics *metrics, enum metric metric, uint32_t label,
                         struct buf *out)
{
    const struct metric_row *row = &rows[metric];
    uint32_t cell = cell_of(metrics, metric, label);
    bool gauge = is_gauge(row->kind);
    int64_t value = metrics_value(metrics, metric, label);

    if (gauge && row->label[0] != '\0' && sum_cells(metrics, cell + CELL_SET) == 0) {
        return;
    }
    write_name(row, "", label, NULL, out);
    if (gauge && (ends_with(row->name, "_seconds") || ends_with(row->name, "_ratio"))) {
        write_fraction(value, 1000, 3, out);
        return;
    }
    buf_printf(out, "%" PRId64 "\n", value);
}

static void write_histogram(const struct metrics *metrics, enum metric metric, uint32_t label,
                            struct buf *out)
{
    const struct metric_row *row = &rows[metric];
    const char *const *texts = row->kind == KIND_SECONDS ? seconds_texts : counts_texts;
    uint32_t cell = cell_of(metrics, metric, label);
    uint32_t count = bucket_count(row->kind);
    uint64_t total = 0, sum;

    for (uint32_t i = 0; i <= count; i++) {
        total += sum_cells(metrics, cell + i);
        write_name(row, "_bucket", label, i < count ? texts[i] : "+Inf", out);
        buf_printf(out, "%" PRIu64 "\n", total);
    }
    sum = sum_cells(metrics, cell + count + 1);
    write_name(row, "_sum", label, NULL, out);
    if (row->kind == KIND_SECONDS) {
        write_fraction((int64_t)sum, 1000000, 6, out);
    } else {
        buf_printf(out, "%" PRIu64 "\n", sum);
    }
    write_name(row, "_count", label, NULL, out);
    buf_printf(out, "%" PRIu64 "\n", total);
}

static const char *kind_text(enum kind kind)
{
    if (is_histogram(kind)) {
        return "histogram";
    }
    return is_gauge(kind) ? "gauge" : "counter";
}

void metrics_write(const struct metrics *metrics, enum metrics_process process, struct buf *out)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &rows[i];

        if (!(row->process & process)) {
            continue;
        }
        buf_printf(out, "# HELP seckill_%s %s\n# TYPE seckill_%s %s\n", row->name, row->help,
                   row->name, kind_text(row->kind));
        for (uint32_t label = 0; label < row->value_count; label++) {
            if (is_histogram(row->kind)) {
                write_histogram(metrics, (enum metric)i, label, out);
            } else {
                write_scalar(metrics, (enum metric)i, label, out);
            }
        }
    }
}

static void write_docs_values(const struct metric_row *row, struct buf *out)
{
    if (row->label[0] == '\0') {
        buf_append_text(out, "–");
        return;
    }
    if (row->values == values_LABELS_PARTITION) {
        buf_printf(out, "`%s`: its number, from 63 on `63+`", row->label);
        return;
    }
    buf_printf(out, "`%s`: ", row->label);
    for (uint32_t i = 0; i < row->value_count; i++) {
        buf_printf(out, "%s%s", i > 0 ? ", " : "", row->values[i]);
    }
}

void metrics_write_docs(struct buf *out)
{
    static const char *const processes[] = {"", "engine", "worker", "both"};

    buf_append_text(out,
                    "# Metrics\n\n"
                    "Written by `seckilld --print-metrics`; a test fails when this file differs.\n"
                    "`GET /metrics` of each process's operations listener, Prometheus text format "
                    "0.0.4. Histograms of seconds have\nbuckets from 0.5 ms to 10 s, histograms of "
                    "numbers from 1 to 1024.\n\n"
                    "| name | type | process | label | meaning |\n|---|---|---|---|---|\n");
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_row *row = &rows[i];

        buf_printf(out, "| `seckill_%s` | %s | %s | ", row->name, kind_text(row->kind),
                   processes[row->process]);
        write_docs_values(row, out);
        buf_printf(out, " | %s |\n", row->help);
    }
}
